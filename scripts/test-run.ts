// Runs test files over both cores and prints one line a file, then failures and skips.
// Unit tests share a process per core; whole-process suites, and everything with full counts, get a process per file.

import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { root } from './repository.ts';
import { addOutcome, gather, noOutcome, type Outcome } from './test-outcome.ts';

const workers = Math.max(1, Math.min(4, availableParallelism()));
const shardLimitMs = 10 * 60_000;

const runShard = (files: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const child = fork(
      join(root, 'scripts/test-shard.ts'),
      files.map((file) => join(root, file)),
      { cwd: root, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    const limit = setTimeout(() => child.kill('SIGKILL'), shardLimitMs);
    let outcome: Outcome | undefined;
    child.on('message', (message) => {
      outcome = message as Outcome;
    });
    child.on('exit', (code, signal) => {
      clearTimeout(limit);
      const ended = noOutcome();
      ended.files['(process)'] = { file: '(process)', passed: 0, failed: 1, skipped: 0, ms: 0 };
      ended.failures.push(`a test process ended early (${signal ?? `exit ${code}`}) while running ${files.join(' ')}`);
      resolve(outcome ?? ended);
    });
  });

/** Runs files that may share a process. */
export const runShared = async (files: readonly string[]): Promise<Outcome> => {
  const shards = Array.from({ length: workers }, (_, worker) => files.filter((_, index) => index % workers === worker)).filter(
    (shard) => shard.length > 0,
  );
  const outcome = noOutcome();
  for (const shard of await Promise.all(shards.map(runShard))) addOutcome(outcome, shard);
  return outcome;
};

/** Runs each file in a process of its own. */
export const runApart = (files: readonly string[]): Promise<Outcome> =>
  files.length === 0
    ? Promise.resolve(noOutcome())
    : gather(run({ files: files.map((file) => join(root, file)), isolation: 'process', concurrency: workers, cwd: root }), (path) =>
        relative(root, path),
      );

/** Prints the outcome: a line a file, the skips with their reasons, the failures in full. */
export const printOutcome = (outcome: Outcome): void => {
  for (const { file, passed, failed, skipped, ms } of Object.values(outcome.files).sort((a, b) => (a.file < b.file ? -1 : 1)))
    console.log(
      `${failed > 0 ? 'FAIL' : 'ok  '} ${file}  ${passed} passed${failed > 0 ? `, ${failed} failed` : ''}${skipped > 0 ? `, ${skipped} skipped` : ''}  ${(ms / 1000).toFixed(2)} s`,
    );
  if (outcome.skips.length > 0) console.log(`\nskipped:\n${outcome.skips.map((skip) => `  ${skip}`).join('\n')}`);
  if (outcome.failures.length > 0) console.log(`\nfailed:\n${outcome.failures.join('\n\n')}`);
};

/** The last line of a run. */
export const summaryLine = (counts: { readonly passed: number; readonly failed: number; readonly skipped: number }): string =>
  `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`;
