// The runner judged from outside: what it says and exits with for test files that pass, fail, hang, hold nothing or end the process.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from './repository.ts';
import type { Outcome } from './test-outcome.ts';
import { totals } from './test-outcome.ts';
import { runApart, runShared, summaryLine } from './test-run.ts';

const header = "import { describe, test } from 'node:test';\n";
const cases = {
  passing: `${header}describe('d', () => { test('a', () => {}); test('b', () => {}); });`,
  failing: `${header}describe('d', () => { test('a', () => {}); test('b', () => { throw new Error('boo'); }); });`,
  skipping: `${header}describe('d', { skip: 'no etcd' }, () => { test('a', () => {}); test('b', () => {}); }); test('c', () => {});`,
  throwing: "throw new Error('cannot load');",
  empty: 'export const nothing = 1;',
  ending: 'process.exit(0);',
} as const;

let folder = '';
const path = (name: keyof typeof cases): string => relative(root, join(folder, `${name}.test.ts`));
before(() => {
  // In a process per file, as the full run has it, Node would take the runner under test for a recursive call and run nothing.
  delete process.env['NODE_TEST_CONTEXT'];
  folder = mkdtempSync(join(tmpdir(), 'certwright-outcome-'));
  for (const [name, text] of Object.entries(cases)) writeFileSync(join(folder, `${name}.test.ts`), text);
});
after(() => rmSync(folder, { recursive: true }));

const expected = [
  ['passing', { passed: 2, failed: 0, skipped: 0 }],
  ['failing', { passed: 1, failed: 1, skipped: 0 }],
  ['skipping', { passed: 1, failed: 0, skipped: 1 }],
  ['throwing', { passed: 0, failed: 1, skipped: 0 }],
  ['empty', { passed: 0, failed: 1, skipped: 0 }],
  ['ending', { passed: 0, failed: 1, skipped: 0 }],
] as const;

for (const [how, runFiles] of [
  ['sharing a process', runShared],
  ['each in its own process', runApart],
] as const satisfies readonly (readonly [string, (files: readonly string[]) => Promise<Outcome>])[])
  describe(`test files ${how}`, () => {
    for (const [name, counts] of expected)
      test(`count as they should: ${name}`, async () => {
        const outcome = await runFiles([path(name)]);
        assert.deepEqual(totals(outcome), counts, outcome.failures.join('\n'));
        assert.equal(outcome.failures.length, counts.failed);
        assert.equal(outcome.skips.length, counts.skipped);
      });
  });

test('the last line names skips only where there are some', () => {
  assert.equal(summaryLine({ passed: 3, failed: 0, skipped: 0 }), '3 passed, 0 failed');
  assert.equal(summaryLine({ passed: 3, failed: 1, skipped: 2 }), '3 passed, 1 failed, 2 skipped');
});
