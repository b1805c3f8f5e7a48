// What a test run came to: counts, failures and skips, gathered from the events of node:test.
// A file without a test fails, and a suite that is skipped as a whole counts as one skip, since node:test would hide both.

import type { run } from 'node:test';
import { inspect } from 'node:util';

/** One file's share of a run. */
export type FileOutcome = { readonly file: string; passed: number; failed: number; skipped: number; ms: number };

/** The outcome of some files; plain data, so that it can pass between processes. */
export type Outcome = {
  readonly files: Record<string, FileOutcome>;
  readonly failures: string[];
  readonly skips: string[];
};

/** No file run yet. */
export const noOutcome = (): Outcome => ({ files: {}, failures: [], skips: [] });

/** Adds what another process ran. */
export const addOutcome = (to: Outcome, more: Outcome): void => {
  Object.assign(to.files, more.files);
  to.failures.push(...more.failures);
  to.skips.push(...more.skips);
};

/** Counts over all files. */
export const totals = (outcome: Outcome): { readonly passed: number; readonly failed: number; readonly skipped: number } => {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const file of Object.values(outcome.files)) {
    sum.passed += file.passed;
    sum.failed += file.failed;
    sum.skipped += file.skipped;
  }
  return sum;
};

/** Gathers the events of one `run` until it ends; `shorten` makes paths short. */
export const gather = async (stream: ReturnType<typeof run>, shorten: (path: string) => string): Promise<Outcome> => {
  const outcome = noOutcome();
  const printed = new Map<string, string>();
  const share = (path: string | undefined): FileOutcome => {
    const file = shorten(path ?? 'unknown');
    outcome.files[file] ??= { file, passed: 0, failed: 0, skipped: 0, ms: 0 };
    return outcome.files[file];
  };
  const keep = ({ file, message }: { readonly file?: string; readonly message: string }): void => {
    printed.set(file ?? '', ((printed.get(file ?? '') ?? '') + message).slice(-8000));
  };
  stream.on('test:stdout', keep);
  stream.on('test:stderr', keep);
  stream.on('test:pass', (data) => {
    const into = share(data.file);
    if (data.nesting === 0) into.ms += data.details.duration_ms;
    const suite = data.details.type === 'suite';
    if (data.name === data.file) {
      into.failed++;
      outcome.failures.push(`${into.file}: holds no test`);
    } else if (data.skip !== undefined && data.skip !== false) {
      into.skipped++;
      outcome.skips.push(`${into.file}: ${data.name}: ${data.skip === true || data.skip === '' ? 'no reason given' : data.skip}`);
    } else if (data.todo !== undefined && data.todo !== false) {
      into.skipped++;
      outcome.skips.push(`${into.file}: ${data.name}: to do`);
    } else if (!suite) into.passed++;
  });
  stream.on('test:fail', (data) => {
    const into = share(data.file);
    if (data.nesting === 0) into.ms += data.details.duration_ms;
    const error: Error & { failureType?: unknown } = data.details.error;
    // A suite or a test with subtests fails because something inside it did, which has been told already.
    if (error.failureType === 'subtestsFailed') return;
    into.failed++;
    const cause = inspect(error.cause ?? error, { depth: 4 });
    const output = data.name === data.file ? (printed.get(data.file ?? '') ?? '') : '';
    outcome.failures.push(
      `${into.file}:${data.line ?? 0}: ${data.name === data.file ? 'the file' : data.name} failed\n${cause}\n${output}`.trimEnd(),
    );
  });
  for await (const _ of stream);
  return outcome;
};
