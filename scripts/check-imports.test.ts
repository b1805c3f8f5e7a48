// Each rule of scripts/check-imports.ts, broken once and kept once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkImports } from './check-imports.ts';

const shipped = new Set(['yaml', '@commander-js/extra-typings']);

/** Problems of a few files given as path → import lines; targets that the case does not spell out are added empty. */
const problemsOf = (files: Readonly<Record<string, string>>, existing: readonly string[] = []): readonly string[] =>
  checkImports(new Map([...existing.map((path) => [path, ''] as const), ...Object.entries(files)]), shipped).map(
    ({ file, text }) => `${file}: ${text}`,
  );

const expectOne = (problems: readonly string[], pattern: RegExp): void => {
  assert.equal(problems.length, 1, problems.join('\n'));
  assert.match(problems[0] ?? '', pattern);
};

describe('the import check', () => {
  test('lets a file import its own folder and every lower layer', () => {
    const problems = problemsOf(
      {
        'src/pki/a.ts': "import { x } from '../base/b.ts';\nimport { y } from './c.ts';\nimport { hash } from 'node:crypto';\n",
        'src/cli/main.ts': "import { x } from '../pki/a.ts';\nimport { parse } from 'yaml';\nprocess.env['HOME'];\n",
        'src/issuers/acme.ts': "import { order } from '../acme/order.ts';\n",
        'src/testing/clock.ts': "import { m } from '../cli/main.ts';\n",
        'src/pki/a.test.ts':
          "import fc from 'fast-check';\nimport { c } from '../testing/clock.ts';\nimport { readFileSync } from 'node:fs';\n",
        'bench/run.ts': "import { c } from '../src/testing/clock.ts';\n",
      },
      ['src/base/b.ts', 'src/pki/c.ts', 'src/acme/order.ts'],
    );
    assert.deepEqual(problems, []);
  });

  for (const [from, to] of [
    ['base', 'pki'],
    ['pki', 'api'],
    ['policy', 'lifecycle'],
    ['cluster', 'config'],
    ['config', 'cli'],
  ]) {
    test(`refuses ${from} importing the higher ${to}`, () => {
      expectOne(problemsOf({ [`src/${from}/a.ts`]: `import { x } from '../${to}/b.ts';\n` }, [`src/${to}/b.ts`]), /is below/);
    });
  }

  test('refuses folders of one layer importing each other', () => {
    expectOne(problemsOf({ 'src/kube/a.ts': "import { x } from '../acme/b.ts';\n" }, ['src/acme/b.ts']), /of one layer/);
  });

  test('counts an import of a type', () => {
    expectOne(problemsOf({ 'src/base/a.ts': "import type { X } from '../pki/b.ts';\n" }, ['src/pki/b.ts']), /is below/);
  });

  test('counts an import spread over several lines, a bare import, a re-export and import()', () => {
    for (const line of [
      "import {\n  x,\n  type Y,\n} from '../pki/b.ts';\n",
      "import '../pki/b.ts';\n",
      "export { x } from '../pki/b.ts';\n",
      "const load = async () => (await import('../pki/b.ts')).x;\n",
      "type X = import('../pki/b.ts').X;\n",
    ])
      expectOne(problemsOf({ 'src/base/a.ts': line }, ['src/pki/b.ts']), /is below/);
  });

  test('passes over imports in comments', () => {
    assert.deepEqual(problemsOf({ 'src/base/a.ts': "// import('../pki/b.ts')\n/**\n * import { x } from '../pki/b.ts'\n */\n" }), []);
  });

  test('keeps kube and acme out of lifecycle and issuers, issuers/acme.ts excepted', () => {
    expectOne(problemsOf({ 'src/lifecycle/a.ts': "import { x } from '../kube/b.ts';\n" }, ['src/kube/b.ts']), /may not import src\/kube/);
    expectOne(problemsOf({ 'src/issuers/vault.ts': "import { x } from '../acme/b.ts';\n" }, ['src/acme/b.ts']), /only issuers\/acme\.ts/);
    expectOne(problemsOf({ 'src/issuers/acme.ts': "import { x } from '../kube/b.ts';\n" }, ['src/kube/b.ts']), /may not import src\/kube/);
  });

  test('keeps Node apart from node:crypto out of the PKI core, and packages out of it and of base', () => {
    expectOne(problemsOf({ 'src/pki/a.ts': "import { readFileSync } from 'node:fs';\n" }), /node:crypto and nothing else/);
    expectOne(problemsOf({ 'src/pki/a.ts': "import { parse } from 'yaml';\n" }), /no package/);
    expectOne(problemsOf({ 'src/base/a.ts': "import { parse } from 'yaml';\n" }), /no package/);
  });

  test('keeps packages that do not ship out of what ships', () => {
    expectOne(problemsOf({ 'src/cli/a.ts': "import * as pkijs from 'pkijs';\n" }), /not among the dependencies/);
    expectOne(problemsOf({ 'src/cli/a.ts': "import { X } from '@peculiar/asn1-x509/build';\n" }), /@peculiar\/asn1-x509 is not among/);
    expectOne(problemsOf({ 'src/cli/a.ts': "import { join } from 'path';\n" }), /write node:path/);
  });

  test('keeps src/testing out of everything but tests and bench', () => {
    const existing = ['src/testing/runs.ts'];
    const line = "import { runs } from '../testing/runs.ts';\n";
    expectOne(problemsOf({ 'src/pki/a.ts': line }, existing), /only tests and bench/);
    expectOne(problemsOf({ 'scripts/build.ts': "import { runs } from '../src/testing/runs.ts';\n" }, existing), /only tests and bench/);
    assert.deepEqual(problemsOf({ 'src/pki/a.test.ts': line, 'src/kube/b.contract.ts': line }, existing), []);
  });

  test('refuses index files and export *', () => {
    expectOne(problemsOf({ 'src/pki/index.ts': '' }), /an index hides/);
    expectOne(problemsOf({ 'src/pki/all.ts': "export * from './der.ts';\n" }, ['src/pki/der.ts']), /export \* hides/);
  });

  test('refuses a folder that is in no layer, from outside and from inside', () => {
    assert.equal(problemsOf({ 'src/utils/a.ts': '' }).length, 1);
    assert.equal(problemsOf({ 'src/cli/a.ts': "import { x } from '../utils/a.ts';\n", 'src/utils/a.ts': '' }).length, 2);
  });

  test('refuses circles, however long, and names every file of them', () => {
    expectOne(
      problemsOf({
        'src/pki/a.ts': "import { b } from './b.ts';\n",
        'src/pki/b.ts': "import { c } from './c.ts';\n",
        'src/pki/c.ts': "import type { A } from './a.ts';\n",
      }),
      /a\.ts → src\/pki\/b\.ts → src\/pki\/c\.ts → src\/pki\/a\.ts/,
    );
  });

  test('lets only the command line read the manifest', () => {
    const line = "import manifest from '../../package.json' with { type: 'json' };\n";
    assert.deepEqual(problemsOf({ 'src/cli/version.ts': line }), []);
    expectOne(problemsOf({ 'src/pki/version.ts': line }), /src may import only src/);
  });

  test('refuses a file that does not exist and an import() of a computed name', () => {
    expectOne(problemsOf({ 'src/pki/a.ts': "import { b } from './gone.ts';\n" }), /gone\.ts does not exist/);
    expectOne(problemsOf({ 'src/cli/a.ts': 'const load = (name: string) => import(name);\n' }), /computed name/);
  });

  test('lets only src/config, and main.ts, read the environment', () => {
    expectOne(problemsOf({ 'src/cluster/a.ts': "const home = process.env['HOME'];\n" }), /only src\/config reads/);
    assert.deepEqual(problemsOf({ 'src/config/a.ts': "const home = process.env['HOME'];\n" }), []);
  });
});
