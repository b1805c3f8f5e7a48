import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { duplicateFields } from './duplicate-fields.ts';

/** Any JSON value, as text with white space here and there, and the paths of what stands twice in it. */
type Written = { readonly text: string; readonly twice: readonly string[] };

const name = fc.oneof(fc.constantFrom('a', 'b', '"', '\\', 'x\\"y', 'ä{', '}'), fc.string({ maxLength: 4 }));
const joined = (path: string, field: string): string => (path === '' ? field : `${path}.${field}`);

/** Values as functions of the path they are put at. */
const { value } = fc.letrec<{ value: (path: string) => Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc
      .constantFrom('null', 'true', '-1.5e+3', '""', '"\\\\"', '"{\\"a\\":1,\\"a\\":2}"', '[]', '{}')
      .map((text) => () => ({ text, twice: [] })),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => (path: string) => {
      const all = items.map((item, i) => item(`${path}[${i}]`));
      return { text: `[ ${all.map(({ text }) => text).join(' ,\n')} ]`, twice: all.flatMap(({ twice }) => twice) };
    }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((fields) => (path: string) => {
      const seen = new Set<string>();
      const twice: string[] = [];
      const texts = fields.map(([field, make]) => {
        if (seen.has(field)) twice.push(joined(path, field));
        seen.add(field);
        const made = make(joined(path, field));
        twice.push(...made.twice);
        return `${JSON.stringify(field)} : ${made.text}`;
      });
      return { text: `{${texts.join(',')}}`, twice };
    }),
  ),
}));

describe('fields that stand twice', () => {
  test('are found by their paths, wherever they are', () => {
    assert.deepEqual(duplicateFields('{"kind":"A","spec":{"a":[{"b":1},{"b":1,"c":2,"b":3}],"kind":"x"},"kind":"B"}'), [
      'spec.a[1].b',
      'kind',
    ]);
    assert.deepEqual(duplicateFields('{"a":1,"\\u0061":2}'), ['a']);
    assert.deepEqual(duplicateFields('[{"op":"add"},{"op":"a","op":"b"}]'), ['[1].op']);
  });

  test('are all found, and nothing else, in any JSON', () => {
    fc.assert(
      fc.property(value, (make) => {
        const { text, twice } = make('');
        JSON.parse(text);
        assert.deepEqual(duplicateFields(text), twice);
      }),
      { numRuns: runs(1000, 100_000) },
    );
  });

  test('are told a hundred at most', () => {
    const text = `{${Array.from({ length: 300 }, () => '"a":1').join(',')}}`;
    assert.equal(duplicateFields(text).length, 100);
  });
});
