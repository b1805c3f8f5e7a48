// The world as this process has it: its streams, clock, random numbers, user. The only file of the program that speaks to `process`,
// main.ts aside.

import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { isatty } from 'node:tty';
import { CodedError } from '../base/coded-error.ts';
import { exitCodes } from '../base/error-codes.ts';
import type { Settings } from '../config/environment.ts';
import { type Interruption, interruption } from './interruption.ts';
import type { Sink } from './io.ts';
import type { ProcessIo } from './run.ts';

/** The stream is opened with the first write: most runs write to one of the two, and opening takes its time. */
const sinkOf = (open: () => NodeJS.WriteStream, descriptor: number, onRefused: (error: NodeJS.ErrnoException) => void): Sink => {
  let stream: NodeJS.WriteStream | undefined;
  let gone = false;
  const opened = (): NodeJS.WriteStream => {
    const found = open();
    found.on('error', (error: NodeJS.ErrnoException) => {
      // The reader went away (`| head`), which is its right. The work is finished all the same, so that nothing is left half done.
      gone = true;
      if (error.code !== 'EPIPE') onRefused(error);
    });
    return found;
  };
  return {
    write: (data) => {
      stream ??= opened();
      if (!gone) stream.write(data);
    },
    get isTerminal() {
      return isatty(descriptor);
    },
  };
};

/** Results that could not be written are no success, whatever else was done. */
const failOutput = ({ code }: NodeJS.ErrnoException): void => {
  const reason = code === 'ENOSPC' ? 'no space is left on the device' : (code ?? 'the system refused it');
  process.stderr.write(`error: cannot write standard output: ${reason}\n`);
  process.exitCode = exitCodes.transient;
  // Whoever sets the exit code of the run comes later than the stream, or earlier: this one counts.
  process.once('exit', () => {
    process.exitCode = exitCodes.transient;
  });
};

/** The directory that relative paths count from. One that was removed has no path, and what is named in it will not be found. */
const workingDirectory = (): string => {
  try {
    return process.cwd();
  } catch {
    return '/proc/self/cwd';
  }
};

/** Standard input gives what it has once. */
const stdinReader = (): ((maxBytes: number) => Promise<Uint8Array>) => {
  let isTaken = false;
  return async (maxBytes) => {
    if (isTaken) throw new CodedError('UsageInvalid', 'cannot read standard input twice: "-" is given for more than one file');
    isTaken = true;
    return readStdin(maxBytes);
  };
};

const readStdin = async (maxBytes: number): Promise<Uint8Array> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new CodedError('InputTooLarge', `cannot read standard input: it has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
};

/** Reads a line in raw mode, so that the terminal does not show it. Ctrl-C interrupts as ever, Ctrl-U starts again. */
const askSecret = async (question: string): Promise<string | undefined> => {
  const { stdin, stderr } = process;
  if (stdin.isTTY !== true || stderr.isTTY !== true) return undefined;
  const end = (exitCode: number): void => {
    stdin.setRawMode(false);
    process.exit(exitCode);
  };
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    return await listening(end, () => readSecretLine(stdin, end));
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
};

/** What was typed ahead of the next question. */
let typedAhead = '';

/** Reads up to the end of a line; what comes after it in one piece belongs to the next question. */
const readSecretLine = (stdin: NodeJS.ReadStream, end: (exitCode: number) => void): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const onData = (text: string): void => {
      const characters = [...text];
      for (const [i, character] of characters.entries()) {
        if (character === '\u0003') end(130);
        else if (character === '\r' || character === '\n' || character === '\u0004') {
          stdin.off('data', onData);
          typedAhead = characters.slice(i + 1).join('');
          resolve(answer);
          return;
        } else if (character === '\u007f' || character === '\b') answer = [...answer].slice(0, -1).join('');
        else if (character === '\u0015') answer = '';
        else if (character >= ' ') answer += character;
      }
    };
    const ahead = typedAhead;
    typedAhead = '';
    stdin.on('data', onData);
    // A stream that was paused after an earlier question does not start by itself, and a process that waits for nothing ends.
    stdin.resume();
    if (ahead !== '') onData(ahead);
  });

const loginName = ({ sudoUser }: Settings): string => {
  try {
    const { username, uid } = userInfo();
    return uid === 0 && sudoUser !== undefined ? sudoUser : username;
  } catch {
    // A user id without an account, as containers have it, is no reason to refuse work.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
};

/**
 * Runs work while signals that ask for an end are told to `end`, with the exit code that shells expect of each. At any other time they end
 * the process as the system does by itself, also one that waits for a pipe that nobody writes to.
 */
const listening = async <T>(end: (exitCode: number) => void, work: () => Promise<T>): Promise<T> => {
  const signals = { SIGINT: () => end(130), SIGTERM: () => end(143) } as const;
  process.on('SIGINT', signals.SIGINT).on('SIGTERM', signals.SIGTERM);
  try {
    return await work();
  } finally {
    process.off('SIGINT', signals.SIGINT).off('SIGTERM', signals.SIGTERM);
  }
};

const writingOfThisProcess = (): Interruption['writing'] => {
  const { writing, signal } = interruption((exitCode) => process.exit(exitCode));
  return (work) => listening(signal, () => writing(work));
};

/** The world of this process. */
export const processIo = (settings: Settings): ProcessIo => ({
  out: sinkOf(() => process.stdout, 1, failOutput),
  // Nowhere is left to say it.
  err: sinkOf(
    () => process.stderr,
    2,
    () => undefined,
  ),
  readStdin: stdinReader(),
  askSecret,
  cwd: workingDirectory(),
  now: () => new Date(),
  random: (length) => randomBytes(length),
  settings,
  userName: () => `${loginName(settings)}@${hostname()}`,
  untilStopped: () =>
    new Promise((resolve) => {
      const stop = (): void => {
        process.off('SIGINT', stop).off('SIGTERM', stop);
        resolve();
      };
      process.on('SIGINT', stop).on('SIGTERM', stop);
    }),
  writing: writingOfThisProcess(),
});
