// What the process that loads an API server is told, and what it answers.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Task =
  | { readonly do: 'namespace'; readonly namespace: string }
  /** Creates Secrets of 3 KB. */
  | { readonly do: 'create'; readonly namespace: string; readonly prefix: string; readonly count: number; readonly inFlight: number }
  /** Reads all Secrets of a namespace. */
  | { readonly do: 'list'; readonly namespace: string; readonly accept: string }
  /** Has so many watchers be told of so many new ConfigMaps. */
  | { readonly do: 'fan-out'; readonly namespace: string; readonly prefix: string; readonly watchers: number; readonly events: number };

/** Latencies in milliseconds. */
export type TaskResult = {
  readonly count: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly bytes: number;
};

export type ApiLoad = AsyncDisposable & { run(task: Task): Promise<TaskResult> };

/** Starts the process for the server of a kubeconfig. */
export const startApiLoad = (kubeconfigFile: string): ApiLoad => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'api-load.ts'), kubeconfigFile], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  return {
    run: async (task) => {
      child.stdin.write(`${JSON.stringify(task)}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error(`the load ended during ${JSON.stringify(task)}`);
      return JSON.parse(value) as TaskResult;
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
};
