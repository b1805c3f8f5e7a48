// Runs a command line in this process against a world of memory: streams are strings, the clock stands still, answers to prompts are given
// beforehand. Only files are real, below a scratch directory.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CodedError } from '../base/coded-error.ts';
import { interruption } from '../cli/interruption.ts';
import { type ProcessIo, run } from '../cli/run.ts';
import { readSettings } from '../config/environment.ts';

/** The time of every run that names no other. */
export const runTime = new Date('2026-06-01T12:00:00Z');

export type CliWorld = {
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly at?: Date;
  readonly random?: (length: number) => Uint8Array;
  /** What a person types at each prompt in turn; without it no one is there. */
  readonly answers?: readonly string[];
};

export type CliOutcome = {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  /** Standard output as bytes. */
  readonly outBytes: Uint8Array;
};

/** Runs one command line. */
export const runCli = async (argv: readonly string[], world: CliWorld = {}): Promise<CliOutcome> => {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const answers = [...(world.answers ?? [])];
  let stdinRead = false;
  const io: ProcessIo = {
    out: { write: (data) => out.push(Buffer.from(data)), isTerminal: false },
    err: { write: (data) => err.push(Buffer.from(data)), isTerminal: world.answers !== undefined },
    readStdin: async (maxBytes) => {
      if (stdinRead) throw new CodedError('UsageInvalid', 'cannot read standard input twice: "-" is given for more than one file');
      stdinRead = true;
      const bytes = Buffer.from(world.stdin ?? '');
      if (bytes.length > maxBytes) throw new CodedError('InputTooLarge', 'cannot read standard input: it is too large');
      return bytes;
    },
    askSecret: async (question) => {
      if (world.answers === undefined) return undefined;
      err.push(Buffer.from(`${question}\n`));
      return answers.shift() ?? '';
    },
    cwd: world.cwd ?? tmpdir(),
    now: () => world.at ?? runTime,
    random: world.random ?? ((length) => randomBytes(length)),
    settings: readSettings(world.environment ?? {}),
    userName: () => 'tester@test',
    untilStopped: () => Promise.resolve(),
    writing: interruption(() => undefined).writing,
  };
  const exitCode = await run(argv, io);
  const outBytes = Buffer.concat(out);
  return { exitCode, out: outBytes.toString('utf8'), err: Buffer.concat(err).toString('utf8'), outBytes };
};

/** Runs `work` in a fresh directory that is removed afterwards. */
export const inScratch = async <T>(work: (directory: string) => Promise<T>): Promise<T> => {
  const directory = mkdtempSync(join(tmpdir(), 'certwright-cli-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};
