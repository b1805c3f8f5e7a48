// Starts a process that stands for election (leader-process.ts), and does to it what happens to processes.

import { fork } from 'node:child_process';
import { join } from 'node:path';

export type LeaderProcess = {
  readonly kubeconfigFile: string;
  /** With a ConfigMap `signatures` in it. */
  readonly namespace: string;
  /** One letter: the signature. */
  readonly identity: string;
  readonly times: { readonly leaseDurationMs: number; readonly renewDeadlineMs: number; readonly retryMs: number };
};

export type RunningLeader = {
  /** What it said of the election. */
  readonly said: readonly string[];
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  /** Asks it to end as a controller does, and waits. */
  stop(): Promise<void>;
};

export const startLeaderProcess = (options: LeaderProcess): RunningLeader => {
  const child = fork(join(import.meta.dirname, 'leader-process.ts'), [JSON.stringify(options)]);
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void ended.then(() => process.off('exit', kill));
  const said: string[] = [];
  child.on('message', (word) => said.push(String(word)));
  return {
    said,
    signal: (signal) => {
      child.kill(signal);
    },
    stop: async () => {
      if (child.connected) child.send('stop');
      await ended;
    },
  };
};
