// Everything a command may touch of the world, as one value: streams, the working directory, clock, randomness, settings. main.ts makes
// it of the process, tests make it of memory. A command that takes nothing but this can be run in any order, at any time.

import type { OnFileStep } from '../base/atomic-file.ts';
import { visibleText } from '../base/visible-text.ts';
import type { Settings } from '../config/environment.ts';

/** Where text and bytes go. Writing to a reader that went away does nothing. */
export type Sink = {
  write(data: string | Uint8Array): void;
  /** Whether a person looks at it. */
  readonly isTerminal: boolean;
};

export type Io = {
  /** Results. */
  readonly out: Sink;
  /** All else: notices, progress, prompts, errors. */
  readonly err: Sink;
  /** All of standard input; throws InputTooLarge past `maxBytes`. */
  readStdin(maxBytes: number): Promise<Uint8Array>;
  /** Asks on the terminal and reads a line that does not appear on it; undefined where no one is there to answer. */
  askSecret(question: string): Promise<string | undefined>;
  /** Absolute; relative paths count from it. */
  readonly cwd: string;
  now(): Date;
  /** Cryptographically random bytes. */
  random(length: number): Uint8Array;
  readonly settings: Settings;
  /** Who asked, for ledgers: `user@host`. */
  userName(): string;
  /** `--verbose`: more on standard error, stacks of faults included. */
  readonly verbose: boolean;
  /** `--progress`: progress also where standard error is no terminal. */
  readonly progress: boolean;
  /** The exit code of this run where nothing is thrown; 0 unless set. */
  setExitCode(code: number): void;
  /** Settles once someone asks this process to end (Ctrl-C, SIGTERM). A second time it ends at once. */
  untilStopped(): Promise<void>;
  /** Runs work that changes files, which an interruption ends only between two changes (interruption.ts). */
  writing<T>(work: (onStep: OnFileStep) => Promise<T>): Promise<T>;
};

/** A line for people, on standard error. */
export const say = (io: Pick<Io, 'err'>, line: string): void => io.err.write(`${visibleText(line)}\n`);
