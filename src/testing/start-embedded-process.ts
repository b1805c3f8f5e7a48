// Starts the embedded server as a process of its own and asks it for its memory.

import { fork } from 'node:child_process';
import { join } from 'node:path';

export type EmbeddedProcessOptions = { readonly dataDirectory: string; readonly port: number; readonly maxHistoryBytes?: number };

export type EmbeddedProcess = {
  /** Bytes it holds after a forced collection. */
  memory(): Promise<number>;
  stop(): Promise<void>;
};

export const startEmbeddedProcess = async (options: EmbeddedProcessOptions): Promise<EmbeddedProcess> => {
  const child = fork(join(import.meta.dirname, 'embedded-process.ts'), [JSON.stringify(options)], { execArgv: ['--expose-gc'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const answer = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`the embedded server ended with ${code}`)));
    });
  await answer();
  return {
    memory: async () => {
      const answered = answer();
      child.send('memory');
      return Number(await answered);
    },
    stop: async () => {
      if (child.connected) child.send('stop');
      await ended;
      process.off('exit', kill);
    },
  };
};
