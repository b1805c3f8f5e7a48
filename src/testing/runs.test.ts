import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const module = pathToFileURL(join(import.meta.dirname, 'runs.ts')).href;

/** Runs `body`, with runs.ts imported as `r`, in a process with this environment. */
const evaluate = (body: string, env: Readonly<Record<string, string>>): { readonly out: string; readonly err: string } => {
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', `import * as r from ${JSON.stringify(module)};\n${body}`], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  return { out: done.stdout.trim(), err: done.stderr };
};

describe('the counts of property tests', () => {
  test('are the short ones, unless the full ones are asked for', () => {
    assert.equal(evaluate('console.log(r.runs(100, 200000))', {}).out, '100');
    assert.equal(evaluate('console.log(r.runs(100, 200000))', { CERTWRIGHT_TEST_FULL: '1' }).out, '200000');
  });

  test('are noted with file and line where the runner asks for it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'certwright-runs-'));
    try {
      const counts = join(folder, 'counts');
      const caller = join(folder, 'caller.ts');
      writeFileSync(caller, `import { runs } from ${JSON.stringify(module)};\n\nruns(3, 5);\n`);
      evaluate(`await import(${JSON.stringify(pathToFileURL(caller).href)})`, {
        CERTWRIGHT_TEST_COUNTS: counts,
        CERTWRIGHT_TEST_FULL: '1',
      });
      assert.equal(readFileSync(counts, 'utf8'), 'caller.ts:3 5\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('come with a seed that repeats the cases, and that fast-check uses by itself', () => {
    const body = "import fc from 'fast-check'; fc.assert(fc.property(fc.nat(), (n) => { console.log(n); }), { numRuns: 5 });";
    const first = evaluate(body, { CERTWRIGHT_TEST_SEED: '7' });
    assert.equal(first.out.split('\n').length, 5, first.err);
    assert.equal(evaluate(body, { CERTWRIGHT_TEST_SEED: '7' }).out, first.out);
    assert.notEqual(evaluate(body, { CERTWRIGHT_TEST_SEED: '8' }).out, first.out);
  });

  test('refuse a seed that is not a number', () => {
    assert.match(evaluate('', { CERTWRIGHT_TEST_SEED: 'x' }).err, /CERTWRIGHT_TEST_SEED is "x", and should be an integer/);
  });
});
