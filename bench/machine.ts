// What a run was made on: processor, memory, and the versions of everything that took part.

import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { tool } from '../src/testing/tools.ts';

const firstLine = (command: string | undefined, ...args: readonly string[]): string | undefined => {
  if (command === undefined) return undefined;
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .split('\n')[0]
    ?.trim();
};

/** One line for each fact. */
export const describeMachine = (): readonly string[] => {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const cfssl = firstLine(tool('cfssl'), 'version')?.replace(/^Version:\s*/, '');
  return [
    `${availableParallelism()} cores of ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release()}`,
    `Node ${process.versions.node} with OpenSSL ${process.versions.openssl}`,
    `openssl: ${firstLine(tool('openssl'), 'version') ?? 'none'}`,
    `Go: ${firstLine(tool('go'), 'version') ?? 'none'}`,
    `cfssl: ${cfssl ?? 'none'}`,
  ];
};
