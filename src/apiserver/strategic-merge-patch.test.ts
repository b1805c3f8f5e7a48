import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Fields, isFields } from '../api/object.ts';
import { modelSchema } from '../api/schema.ts';
import { coded } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const pod = modelSchema('V1Pod');
const containers = (...list: readonly Fields[]): Fields => ({ spec: { containers: list } });
const apply = (object: Fields, patch: Fields): Fields => applyStrategicMergePatch(object, patch, pod);

describe('a strategic merge patch', () => {
  const old = containers({ name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }] }, { name: 'b', image: 'b:1' });

  const cases: readonly (readonly [string, Fields, Fields, Fields])[] = [
    [
      'merges entries by their key',
      old,
      containers({ name: 'b', image: 'b:2' }),
      containers({ name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }] }, { name: 'b', image: 'b:2' }),
    ],
    [
      'merges lists inside entries',
      old,
      containers({ name: 'a', env: [{ name: 'Y', value: '2' }] }),
      containers(
        {
          name: 'a',
          image: 'a:1',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
        },
        { name: 'b', image: 'b:1' },
      ),
    ],
    [
      'adds an entry that is new',
      containers({ name: 'a' }),
      containers({ name: 'c', image: 'c' }),
      containers({ name: 'a' }, { name: 'c', image: 'c' }),
    ],
    ['takes an entry away with $patch: delete', old, containers({ name: 'a', $patch: 'delete' }), containers({ name: 'b', image: 'b:1' })],
    [
      'replaces a list with $patch: replace',
      old,
      containers({ $patch: 'replace' }, { name: 'z', image: 'z' }),
      containers({ name: 'z', image: 'z' }),
    ],
    [
      'replaces a map with $patch: replace',
      { spec: { nodeName: 'n', hostname: 'h' } },
      { spec: { $patch: 'replace', hostname: 'x' } },
      { spec: { hostname: 'x' } },
    ],
    [
      'keeps the fields of $retainKeys alone',
      { spec: { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] } },
      { spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'emptyDir'], emptyDir: { medium: 'm' } }] } },
      { spec: { volumes: [{ name: 'v', emptyDir: { medium: 'm' } }] } },
    ],
    [
      'orders entries as $setElementOrder says',
      old,
      { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } },
      containers({ name: 'b', image: 'b:1' }, { name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }] }),
    ],
    [
      'merges finalizers as a set',
      { metadata: { finalizers: ['a/a', 'b/b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a/a'], finalizers: ['c/c', 'b/b'] } },
      { metadata: { finalizers: ['b/b', 'c/c'] } },
    ],
    [
      'replaces lists without a key',
      { spec: { containers: [{ name: 'a', command: ['x', 'y'] }] } },
      containers({ name: 'a', command: ['z'] }),
      containers({ name: 'a', command: ['z'] }),
    ],
    [
      'takes away what is null',
      { metadata: { labels: { a: '1', b: '2' } } },
      { metadata: { labels: { a: null } } },
      { metadata: { labels: { b: '2' } } },
    ],
  ];
  for (const [name, object, patch, wanted] of cases)
    test(name, () => {
      const before = structuredClone(object);
      assert.deepEqual(apply(object, patch), wanted);
      assert.deepEqual(object, before, 'what was given is as it was');
    });

  test('that makes no sense is refused', () => {
    for (const patch of [
      containers({ image: 'x' }),
      { spec: { containers: ['a'] } },
      { spec: { $patch: 'fly' } },
      { spec: { $retainKeys: 'a' } },
    ])
      assert.throws(() => apply(old, patch), coded('BadRequest'), JSON.stringify(patch));
  });

  test('leaves no directive behind, whatever it is', () => {
    const field = fc.oneof(
      fc.constantFrom('name', 'image', 'env', '$patch', '$retainKeys', '$setElementOrder/env', '$deleteFromPrimitiveList/env'),
    );
    const patch = fc.dictionary(field, fc.jsonValue(), { maxKeys: 4 }).map((entry) => containers({ name: 'a', ...entry }));
    const directives = (value: unknown): boolean =>
      Array.isArray(value)
        ? value.some(directives)
        : isFields(value) &&
          Object.entries(value).some(([name, inner]) => /^\$(?:patch|retain|set|delete)/.test(name) || directives(inner));
    fc.assert(
      fc.property(patch, (given) => {
        try {
          const { spec } = apply(old, given) as { readonly spec: Fields };
          const [first] = (spec['containers'] ?? []) as readonly Fields[];
          assert.ok(first === undefined || Object.keys(first).every((name) => !name.startsWith('$')), JSON.stringify(first));
        } catch (error) {
          assert.ok(coded('BadRequest')(error), String(error));
        }
      }),
      { numRuns: runs(300, 10_000) },
    );
    assert.equal(directives(apply(old, containers({ name: 'a', $patch: 'merge' }))), false);
  });
});
