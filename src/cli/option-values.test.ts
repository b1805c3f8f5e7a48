import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyDuration, commaList, oneOf, positiveDuration, repeated, rfc3339Time, wholeNumber } from './option-values.ts';

test('comma lists grow with each use of their option, blanks and empty parts left out', () => {
  assert.deepEqual(commaList('dev, ops,,', undefined), ['dev', 'ops']);
  assert.deepEqual(commaList('c', commaList('a,b', undefined)), ['a', 'b', 'c']);
  assert.deepEqual(repeated('x,y', repeated('a', undefined)), ['a', 'x,y']);
});

test('times are those of RFC 3339, or a day', () => {
  const parse = rfc3339Time('--at');
  assert.equal(parse('2026-02-03T04:05:06Z').toISOString(), '2026-02-03T04:05:06.000Z');
  assert.equal(parse('2026-02-03t04:05:06.789+02:00').toISOString(), '2026-02-03T02:05:06.789Z');
  assert.equal(parse('2026-02-03').toISOString(), '2026-02-03T00:00:00.000Z');
  assert.equal(parse('2024-02-29').toISOString(), '2024-02-29T00:00:00.000Z');
  for (const text of [
    'tomorrow',
    '2026-02-30',
    '2026-02-29T00:00:00Z',
    '2026-13-01',
    '2026-02-03 04:05:06Z',
    '2026-02-03T04:05:06',
    '',
    '2026-02-03T25:00:00Z',
  ])
    assert.throws(() => parse(text), {
      code: 'UsageInvalid',
      message: `cannot use --at ${JSON.stringify(text)}: it is not a time of RFC 3339`,
    });
});

test('durations are read as Go writes them, with days', () => {
  assert.equal(positiveDuration('--duration')('90d'), 90 * 86_400_000);
  assert.equal(anyDuration('--backdate')('0'), 0);
  assert.throws(() => positiveDuration('--duration')('0s'), { code: 'DurationInvalid' });
  assert.throws(() => positiveDuration('--duration')('-1h'), { code: 'DurationInvalid', message: /cannot read --duration: "-1h"/ });
});

test('whole numbers keep their bounds', () => {
  const parse = wholeNumber('--path-length', 0, 10);
  assert.equal(parse('0'), 0);
  assert.equal(parse('10'), 10);
  for (const text of ['11', '-1', '1.5', 'two', '', '0x1', '1e1']) assert.throws(() => parse(text), { code: 'UsageInvalid' });
});

test('a word outside its set is refused with the set', () => {
  assert.equal(oneOf('--to', 'jks', ['jks', 'pem']), 'jks');
  assert.throws(() => oneOf('--to', 'JKS', ['jks', 'pem']), { code: 'UsageInvalid', hint: 'use one of jks, pem' });
});
