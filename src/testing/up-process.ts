// `certwright up` as a process of its own, as a person starts it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ApiPeer, apiPeer } from './api-peer.ts';

const launcher = join(import.meta.dirname, '../../certwright');
/** Far more than a start takes. */
const startMs = 20_000;
const tester = { name: 'tester', groups: ['system:masters'] };

export type UpProcess = {
  readonly child: ChildProcess;
  /** Everything on both streams so far. */
  readonly printed: () => string;
  readonly port: number;
  /** Its exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
};

/** Starts it and waits until it says what to type next. */
export const startUp = async (
  t: Pick<TestContext, 'after'>,
  directory: string,
  port: number,
  ...more: readonly string[]
): Promise<UpProcess> => {
  const child = spawn(launcher, ['up', '--data-dir', directory, '--listen', `127.0.0.1:${port}`, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await new Promise<void>((resolve, reject) => {
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
      if (/\n {2}kubectl --.*\n/.test(output)) resolve();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const late = setTimeout(() => reject(new Error(`it does not say what to type: ${output}`)), startMs);
    void ended.then((code) => reject(new Error(`it ended with ${code}: ${output}`)));
    late.unref();
  });
  return { child, printed: () => output, port, ended };
};

/** Runs a command line that begins with `up` to its end. */
export const runUp = (...args: readonly string[]) => spawnSync(launcher, ['up', ...args], { encoding: 'utf8', timeout: 30_000 });

/** A cluster administrator at the server of a data directory. */
export const upPeer = (directory: string, port: number): Promise<ApiPeer> =>
  apiPeer('embedded', { host: '127.0.0.1', port, directory: join(directory, 'cluster') }, tester);
