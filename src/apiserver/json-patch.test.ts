import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { applyJsonPatch, PatchFailure } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';

const apply = (document: unknown, ...patch: readonly unknown[]): unknown => applyJsonPatch(document, patch);
const add = (path: string, value: unknown) => ({ op: 'add', path, value });

describe('JSON Patch', () => {
  // Cases after RFC 6902 appendix A.
  const cases: readonly (readonly [string, unknown, readonly unknown[], unknown])[] = [
    ['adds a member', { a: 1 }, [add('/b', 2)], { a: 1, b: 2 }],
    ['adds into a list', { a: [1, 3] }, [add('/a/1', 2)], { a: [1, 2, 3] }],
    ['appends to a list', { a: [1] }, [add('/a/-', 2)], { a: [1, 2] }],
    ['removes a member', { a: 1, b: 2 }, [{ op: 'remove', path: '/a' }], { b: 2 }],
    ['removes from a list', { a: [1, 2, 3] }, [{ op: 'remove', path: '/a/1' }], { a: [1, 3] }],
    ['replaces', { a: { b: 1 } }, [{ op: 'replace', path: '/a/b', value: [2] }], { a: { b: [2] } }],
    ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }], { b: 2 }],
    ['moves', { a: { x: 1 }, b: {} }, [{ op: 'move', from: '/a/x', path: '/b/y' }], { a: {}, b: { y: 1 } }],
    ['copies', { a: [1] }, [{ op: 'copy', from: '/a/0', path: '/b' }], { a: [1], b: 1 }],
    [
      'tests whatever the order of members',
      { a: { x: 1, y: [null] } },
      [{ op: 'test', path: '/a', value: { y: [null], x: 1 } }],
      { a: { x: 1, y: [null] } },
    ],
    [
      'reads ~0 and ~1',
      { 'a/b': 1, 'c~d': 2 },
      [
        { op: 'remove', path: '/a~1b' },
        { op: 'replace', path: '/c~0d', value: 3 },
      ],
      { 'c~d': 3 },
    ],
  ];
  for (const [name, document, patch, wanted] of cases)
    test(name, () => {
      const before = structuredClone(document);
      assert.deepEqual(apply(document, ...patch), wanted);
      assert.deepEqual(document, before, 'what was given is as it was');
    });

  test('refuses what does not apply', () => {
    for (const wrong of [
      add('a', 1),
      add('/a/b/c', 1),
      add('/list/5', 1),
      add('/list/01', 1),
      { op: 'remove', path: '/none' },
      { op: 'remove', path: '/list/-' },
      { op: 'test', path: '/a', value: 2 },
      { op: 'move', path: '/b' },
      { op: 'fly', path: '/a' },
      { path: '/a' },
      'nothing',
      add('/__proto__/polluted', true),
      add('/constructor/prototype/polluted', true),
    ])
      assert.throws(() => apply({ a: 1, list: [1] }, wrong), PatchFailure, JSON.stringify(wrong));
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    assert.throws(() => applyJsonPatch({}, {}), PatchFailure);
  });

  test('refuses to double a document again and again, and to copy a large one for each of many operations', () => {
    const doubling = Array.from({ length: 60 }, (_, i) => ({ op: 'copy', from: '', path: `/x${i}` }));
    assert.throws(() => apply({ a: 'b' }, ...doubling), /copies too much/);
    const long = Array.from({ length: 100 }, (_, i) => ({ op: 'copy', from: '/a', path: `/x${i}` }));
    assert.throws(() => apply({ a: 'x'.repeat(100_000) }, ...long), /copies too much/);
    const many = Array.from({ length: 10_000 }, () => add('/0', 1));
    assert.throws(
      () =>
        apply(
          Array.from({ length: 100_000 }, () => 0),
          ...many,
        ),
      /copies too much/,
    );
    assert.equal((apply([], ...many.slice(0, 1000)) as readonly number[]).length, 1000);
  });

  test('arbitrary patches give a value or PatchFailure', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', '0', '1', '-', '__proto__', 'length', '~0'), { maxLength: 3 })
      .map((parts) => parts.map((part) => `/${part}`).join(''));
    const operation = fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
      path,
      from: path,
      value: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(operation, { maxLength: 4 }), (document, patch) => {
        try {
          applyJsonPatch(document, patch);
        } catch (error) {
          assert.ok(error instanceof PatchFailure, String(error));
        }
      }),
      { numRuns: runs(500, 20_000) },
    );
  });
});

describe('JSON merge patch', () => {
  // RFC 7386 appendix A.
  const cases: readonly (readonly [unknown, unknown, unknown])[] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  test('does what RFC 7386 shows', () => {
    for (const [document, patch, wanted] of cases) assert.deepEqual(applyMergePatch(document, patch), wanted);
  });

  test('a field called __proto__ reaches no prototype', () => {
    const merged = applyMergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'));
    assert.equal((merged as Record<string, unknown>)['polluted'], undefined);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });
});
