// A program of others run as a child process for a test: started, watched until it is ready, stopped. Its output is kept, and shown
// only where something fails.

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';

export type Daemon = {
  readonly name: string;
  readonly pid: number;
  /** Undefined while it runs. */
  exitCode(): number | undefined;
  /** The last lines it printed. */
  log(lines?: number): string;
  stop(): Promise<void>;
  /** Ends it at once and without its knowledge. */
  kill(): Promise<void>;
};

export type DaemonOptions = { readonly logFile: string; readonly environment?: Readonly<Record<string, string>>; readonly cwd?: string };

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program. It is killed at the latest when the test process ends. */
export const startDaemon = (name: string, command: string, args: readonly string[], options: DaemonOptions): Daemon => {
  const output = createWriteStream(options.logFile, { flags: 'a' });
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  const ended = new Promise<void>((resolve) => {
    const done = () => {
      running.delete(child);
      resolve();
    };
    child.once('exit', done).once('error', (error) => {
      output.write(`${error.message}\n`);
      done();
    });
  });
  return {
    name,
    pid: child.pid ?? 0,
    exitCode: () => child.exitCode ?? (child.signalCode === null ? undefined : 128),
    log: (lines = 12) => readFileSync(options.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n'),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
        await ended;
        clearTimeout(timer);
      }
      output.end();
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
      output.end();
    },
  };
};

/** Waits until a check gives a value, asking every 100 ms; throws with the logs of the daemons when time is over or one of them has ended. */
export const waitFor = async <T>(
  what: string,
  check: () => Promise<T | undefined>,
  options: { readonly daemons?: readonly Daemon[]; readonly timeoutMs?: number } = {},
): Promise<T> => {
  const { daemons = [], timeoutMs = 60_000 } = options;
  const end = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    const dead = daemons.find((daemon) => daemon.exitCode() !== undefined);
    if (dead !== undefined || Date.now() > end) {
      const logs = daemons.map((daemon) => `--- ${daemon.name} (exit code ${daemon.exitCode() ?? 'none'})\n${daemon.log()}`).join('\n');
      throw new Error(`${what}: ${dead === undefined ? 'not within time' : `${dead.name} has ended`}\n${logs}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
