import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import {
  differenceOf,
  emptySet,
  type FieldSet,
  fromFieldsV1,
  intersectionOf,
  isEmptySet,
  type Path,
  pathsOf,
  pathText,
  setOf,
  toFieldsV1,
  unionOf,
  withoutBranches,
} from './field-set.ts';

const step = fc.oneof(
  fc.constantFrom('f:a', 'f:b', 'f:.', 'f:', 'i:0'),
  fc.constantFrom('k:{"name":"x"}', 'k:{"containerPort":80,"protocol":"TCP"}', 'v:"x"', 'v:1'),
);
const path = fc.array(step, { minLength: 1, maxLength: 4 });
const set = fc.array(path, { maxLength: 8 }).map((paths) => setOf(...paths));
const texts = (of: FieldSet): readonly string[] => pathsOf(of).map((each) => JSON.stringify(each));

describe('sets of fields', () => {
  test('name what ends at a step before what leads on from one', () => {
    const of = setOf(['f:a', 'f:z'], ['f:a', 'f:b', 'f:c'], ['f:d'], ['f:a']);
    assert.deepEqual(pathsOf(of).map(pathText), ['.a', '.d', '.a.z', '.a.b.c']);
  });

  test('are written as fieldsV1 has them, and read back', () => {
    const paths: readonly Path[] = [['f:data'], ['f:data', 'f:a'], ['f:metadata', 'f:labels', 'f:x']];
    const fields = { 'f:data': { '.': {}, 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:x': {} } } };
    assert.deepEqual(toFieldsV1(setOf(...paths)), fields);
    assert.deepEqual(pathsOf(fromFieldsV1(fields) ?? emptySet), paths);
  });
  test('of any paths come back as they were written', () => {
    fc.assert(
      fc.property(set, (given) => {
        assert.deepEqual(texts(fromFieldsV1(JSON.parse(JSON.stringify(toFieldsV1(given)))) ?? emptySet), texts(given));
      }),
      { numRuns: runs(1000, 50000) },
    );
  });
  test('are joined, cut and taken from each other path by path', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const [inA, inB] = [new Set(texts(a)), new Set(texts(b))];
        const sorted = (of: Iterable<string>): readonly string[] => [...of].sort();
        assert.deepEqual(sorted(texts(unionOf(a, b))), sorted(new Set([...inA, ...inB])));
        assert.deepEqual(sorted(texts(intersectionOf(a, b))), sorted([...inA].filter((each) => inB.has(each))));
        const left = differenceOf(a, b);
        assert.deepEqual(sorted(texts(left)), sorted([...inA].filter((each) => !inB.has(each))));
        assert.equal(isEmptySet(left), texts(left).length === 0);
      }),
      { numRuns: runs(1000, 50000) },
    );
  });
  test('lose a branch with all that lies below it', () => {
    const given = setOf(['f:status'], ['f:status', 'f:a'], ['f:spec', 'f:a']);
    assert.deepEqual(pathsOf(withoutBranches(given, setOf(['f:status']))), [['f:spec', 'f:a']]);
  });
  test('are shown as people read paths', () => {
    assert.equal(pathText(['f:spec', 'f:ports', 'k:{"port":80,"protocol":"TCP"}', 'f:name']), '.spec.ports[port=80,protocol="TCP"].name');
    assert.equal(pathText(['f:metadata', 'f:finalizers', 'v:"a/b"']), '.metadata.finalizers[="a/b"]');
  });
  test('are not made of what is none', () => {
    for (const wrong of [null, [], 'x', { a: {} }, { 'f:a': 1 }, { 'k:no': {} }, { 'k:1': {} }, { 'i:x': {} }])
      assert.equal(fromFieldsV1(wrong), undefined, JSON.stringify(wrong));
    let deep: object = {};
    for (let i = 0; i < 200; i++) deep = { 'f:a': deep };
    assert.equal(fromFieldsV1(deep), undefined);
  });
  test('of any JSON are read or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = fromFieldsV1(value);
        if (read !== undefined) for (const each of pathsOf(read)) assert.equal(typeof pathText(each), 'string');
      }),
      { numRuns: runs(2000, 100000) },
    );
  });
});
