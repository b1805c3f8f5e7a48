import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { maxPlanLength, type PlanValue, readPlanDocument } from './plan-document.ts';

const rootOf = (text: string): PlanValue => {
  const { root, problems } = readPlanDocument(text);
  assert.deepEqual(problems, []);
  return root ?? assert.fail('there is no root');
};

const plain = (value: PlanValue): unknown => {
  if (value.kind === 'scalar') return value.value;
  if (value.kind === 'list') return value.items.map(plain);
  return Object.fromEntries([...value.entries].map(([key, entry]) => [key, plain(entry.value)]));
};

const problemsOf = (text: string): readonly string[] =>
  readPlanDocument(text).problems.map(({ line, column, field, message }) => `${line}:${column} ${field}: ${message}`);

describe('a plan document', () => {
  test('has its values with the places where they are written', () => {
    const root = rootOf('a: 1\nb:\n  - x\n  - "y"\nc:\n');
    assert.ok(root.kind === 'map');
    const [a, b, c] = [...root.entries.values()];
    assert.deepEqual(a, { place: { line: 1, column: 1 }, value: { kind: 'scalar', place: { line: 1, column: 4 }, value: 1, source: '1' } });
    assert.ok(b?.value.kind === 'list');
    assert.deepEqual(
      b.value.items.map((item) => item.place),
      [
        { line: 3, column: 5 },
        { line: 4, column: 5 },
      ],
    );
    assert.deepEqual(c?.value, { kind: 'scalar', place: { line: 5, column: 1 }, value: null, source: '' });
  });

  test('has no booleans but true and false, as in YAML 1.2', () => {
    assert.deepEqual(plain(rootOf('{a: yes, b: on, c: true, d: 0o7, e: 1:30, f: 2018-01-01}')), {
      a: 'yes',
      b: 'on',
      c: true,
      d: 7,
      e: '1:30',
      f: '2018-01-01',
    });
  });

  test('has the values that aliases mean, shared and not copied', () => {
    const root = rootOf('a: &a [1]\nb: *a\nc: *a\n');
    assert.deepEqual(plain(root), { a: [1], b: [1], c: [1] });
    assert.ok(root.kind === 'map');
    assert.equal(root.entries.get('b')?.value, root.entries.get('c')?.value);
  });

  test('takes the latest of two anchors of one name', () => {
    assert.deepEqual(plain(rootOf('[&a 1, *a, &a 2, *a]')), [1, 1, 2, 2]);
  });

  test('merges maps; its own keys win, and of several sources the first', () => {
    assert.deepEqual(plain(rootOf('x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {c: 3, <<: [*x, *y]}')), {
      x: { a: 1, b: 1 },
      y: { b: 2, c: 2 },
      z: { c: 3, a: 1, b: 1 },
    });
  });

  test('is refused where a key is given twice, at any depth, both places named', () => {
    assert.deepEqual(problemsOf('a:\n  - b: 1\n    "b": 2\na: 3\n'), [
      '3:5 a[0].b: the key is given twice, first on line 2',
      '4:1 a: the key is given twice, first on line 1',
    ]);
  });

  test('is refused where a key is not text', () => {
    assert.deepEqual(problemsOf('? [a]\n: 1\n'), ['1:3 : a key is a map, a list or nothing']);
  });

  test('is refused where an alias means nothing, or what it stands in', () => {
    assert.deepEqual(problemsOf('a: *b'), ['1:4 a: an alias has no anchor above it']);
    assert.deepEqual(problemsOf('a: &b {c: *b}'), ['1:11 a.c: an alias stands inside what it means']);
    assert.deepEqual(problemsOf('a: 1\nb: {<<: 2}'), ['2:5 b: "<<" merges something that is no map']);
  });

  test('is refused where it is not YAML, in words that repeat nothing of it', () => {
    assert.deepEqual(problemsOf('a: 1\n\tb: 2\n'), ['2:1 : a tab indents this line']);
    assert.deepEqual(problemsOf('a: "x'), ['1:6 : a quote, bracket, comma or colon is missing']);
    assert.deepEqual(problemsOf('a: b: c'), ['1:4 : a second ": " follows on one line']);
    assert.deepEqual(problemsOf('a: "\\q"'), ['1:5 : a text in double quotes has an escape that YAML does not know']);
    assert.deepEqual(problemsOf(']]]'), ['1:1 : this is not YAML']);
  });

  test('is refused where there are two', () => {
    assert.deepEqual(problemsOf('a: 1\n---\nb: 1\n'), ['2:1 : a second YAML document starts here']);
  });
});

describe('a document made to exhaust its reader', () => {
  const rows = (count: number, row: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => row(index)).join('\n');
  const refused: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    ['is too long', `a: ${'x'.repeat(maxPlanLength)}`, /longer than/],
    ['nests aliases', `a0: &a0 x\n${rows(40, (index) => `a${index + 1}: &a${index + 1} [*a${index}, *a${index}]`)}`, /stand for more than/],
    [
      'merges a large map over and over',
      `m: &m {${rows(2000, (index) => ` k${index}: 1,`)}}\nl:\n${rows(2000, () => '- <<: *m')}`,
      /stand for more than/,
    ],
    ['nests lists on one line', '['.repeat(100_000), /nested deeper/],
    ['nests maps on one line', '{a: '.repeat(50_000), /nested deeper/],
    ['nests lists in blocks', '- '.repeat(50_000), /nested deeper/],
    ['nests lists just beyond what is needed', `${'['.repeat(66)}${']'.repeat(66)}`, /nested deeper/],
    ['is nothing but faults', ']'.repeat(1_000_000), /not YAML/],
  ];
  for (const [name, text, message] of refused)
    test(`by how it ${name} is refused within seconds`, () => {
      const started = performance.now();
      const { problems } = readPlanDocument(text);
      assert.match(problems[0]?.message ?? '', message);
      assert.ok(problems.length <= 20);
      assert.ok(performance.now() - started < 5000);
    });

  test('by many keys is read in time that grows with its length', () => {
    const root = rootOf(rows(50_000, (index) => `k${index}: 1`));
    assert.ok(root.kind === 'map');
    assert.equal(root.entries.size, 50_000);
  });
});
