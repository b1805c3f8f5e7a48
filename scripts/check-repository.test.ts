import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenLinks, lockfileProblems, numberingProblems, unexplainedDependencies, unknownTests } from './check-repository.ts';

test('decision records are numbered from 0001 without gaps', () => {
  assert.deepEqual(numberingProblems(['docs/adr/0002-b.md', 'docs/adr/0001-a.md']), []);
  assert.equal(numberingProblems(['docs/adr/0001-a.md', 'docs/adr/0003-c.md']).length, 1);
  assert.equal(numberingProblems(['docs/adr/0001-a.md', 'docs/adr/0001-b.md']).length, 1);
  assert.equal(numberingProblems(['docs/adr/0001-a.txt']).length, 1);
});

test('a lockfile names no private registry, carries every hash and runs no install script', () => {
  assert.deepEqual(lockfileProblems({ '': {}, 'node_modules/a': { integrity: 'sha512-x' } }), []);
  const private_ = { integrity: 'sha512-x', resolved: 'http://10.0.0.1:4873/a.tgz' };
  assert.match(lockfileProblems({ 'node_modules/a': private_ })[0] ?? '', /registry of one machine/);
  assert.match(lockfileProblems({ 'node_modules/a': {} })[0] ?? '', /no hash/);
  assert.match(lockfileProblems({ 'node_modules/a': { integrity: 'x', hasInstallScript: true } })[0] ?? '', /runs a script/);
});

test('a package that ships is explained in the record on dependencies', () => {
  assert.deepEqual(unexplainedDependencies(['yaml'], '| `yaml` | …'), []);
  assert.equal(unexplainedDependencies(['yaml', 'pino'], '| `yaml` | …').length, 1);
});

test('a page names only tests that exist', () => {
  const read = (path: string): string | undefined => (path === 'src/a.test.ts' ? "test('holds', () => {}); test(`is $x`, f);" : undefined);
  const page = 'a "word" | `src/a.test.ts`: "holds"; "is $x" | `src/a.test.ts`: "gone"; `src/b.test.ts`: "holds"';
  assert.deepEqual(unknownTests('page.md', page, read), [
    'page.md: names test "gone", which src/a.test.ts does not have',
    'page.md: names src/b.test.ts, which does not exist',
  ]);
});

test('links between pages lead somewhere; links to the web and into a page are not followed', () => {
  const exists = (path: string): boolean => path === 'docs/guide/a.md';
  const text = '[a](guide/a.md#part) [b](https://example.com/x) [c](#here) [d](gone.md)\n```\n[e](code.md)\n```\n';
  assert.deepEqual(brokenLinks('docs/page.md', text, exists), ['docs/page.md: links to gone.md, which does not exist']);
});
