import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { coded } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { formatAge } from './column.ts';
import { parseFieldSelector } from './field-selector.ts';
import { parseLabelSelector } from './label-selector.ts';
import type { KubernetesObject } from './object.ts';

describe('a label selector', () => {
  test('that is empty selects everything', () => {
    assert.equal(parseLabelSelector(' '), undefined);
  });

  test('selects by every operator', () => {
    const selects = (selector: string, labels: Record<string, string>) => parseLabelSelector(selector)?.(labels);
    assert.equal(selects('a = b', { a: 'b' }), true);
    assert.equal(selects('a!=b', {}), true);
    assert.equal(selects('a in (b, c)', { a: 'c' }), true);
    assert.equal(selects('a notin (b)', {}), true);
    assert.equal(selects('a in ()', { a: '' }), true);
    assert.equal(selects('a', {}), false);
    assert.equal(selects('! a', {}), true);
    assert.equal(selects('a>5', { a: '6' }), true);
    assert.equal(selects('a>5', { a: 'x' }), false);
    assert.equal(selects('a=b,c notin (d,e)', { a: 'b', c: 'f' }), true);
    assert.equal(selects('toString', {}), false, 'what every object has is no label');
  });

  test('of arbitrary text is a selector or BadRequest', () => {
    const piece = fc.constantFrom('a', 'in', 'notin', '(', ')', ',', '=', '!=', '!', '<', '>', ' ', 'b.c/d', '5');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 30 }),
          fc.array(piece, { maxLength: 10 }).map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            parseLabelSelector(text)?.({ a: 'b' });
          } catch (error) {
            assert.ok(coded('BadRequest')(error), String(error));
          }
        },
      ),
      { numRuns: runs(1000, 50_000) },
    );
  });
});

describe('a field selector', () => {
  const fields = { 'metadata.name': ({ metadata }: KubernetesObject) => metadata.name ?? '' };
  const object = (name: string): KubernetesObject => ({ apiVersion: 'v1', kind: 'X', metadata: { name } });

  test('selects by the fields of its kind, and tells the one name it asks for', () => {
    const selector = parseFieldSelector('metadata.name==x', fields);
    assert.deepEqual([selector?.selects(object('x')), selector?.selects(object('y')), selector?.name], [true, false, 'x']);
    assert.deepEqual(
      [parseFieldSelector('metadata.name!=x', fields)?.selects(object('x')), parseFieldSelector('metadata.name!=x', fields)?.name],
      [false, undefined],
    );
    assert.equal(parseFieldSelector('metadata.name=a\\,b', fields)?.selects(object('a,b')), true);
    assert.equal(parseFieldSelector('', fields), undefined);
  });

  test('of another field, or that is none, is refused', () => {
    for (const wrong of ['spec.x=1', 'metadata.name', 'toString=x', '=x'])
      assert.throws(() => parseFieldSelector(wrong, fields), coded('BadRequest'), wrong);
  });
});

describe('ages', () => {
  test('are printed as kubectl prints them', () => {
    const [s, m, h, d] = [1000, 60_000, 3_600_000, 86_400_000];
    const cases: readonly (readonly [number, string])[] = [
      [-5 * s, '<invalid>'],
      [-500, '0s'],
      [0, '0s'],
      [119 * s, '119s'],
      [120 * s, '2m'],
      [9 * m + 59 * s, '9m59s'],
      [10 * m, '10m'],
      [179 * m, '179m'],
      [3 * h, '3h'],
      [7 * h + 5 * m, '7h5m'],
      [8 * h + 30 * m, '8h'],
      [47 * h, '47h'],
      [2 * d + 3 * h, '2d3h'],
      [8 * d + 3 * h, '8d'],
      [729 * d, '729d'],
      [730 * d, '2y'],
      [800 * d, '2y70d'],
      [3000 * d, '8y'],
    ];
    for (const [ms, wanted] of cases) assert.equal(formatAge(ms), wanted);
  });
});
