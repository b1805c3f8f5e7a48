import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromUtf8, toUtf8 } from '../base/bytes.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { derReader, element, readAny, tag } from './der.ts';
import { decodeTime, encodeGeneralizedTime, encodeTime, isTimeEncodingRight, noExpiry, readTime } from './time.ts';

const elementOf = (timeTag: number, text: string) => readAny(derReader(element(timeTag, toUtf8(text)), 'test'));
const utc = (text: string): Date => decodeTime(elementOf(tag.utcTime, text), 'time');
const generalized = (text: string): Date => decodeTime(elementOf(tag.generalizedTime, text), 'time');
const written = (bytes: Uint8Array): string => `${bytes[0] === tag.utcTime ? 'utc' : 'generalized'} ${fromUtf8(bytes.subarray(2))}`;

describe('times', () => {
  test('times are UTCTime through 2049 and GeneralizedTime from 2050 on', () => {
    const table: readonly (readonly [string, string])[] = [
      ['1950-01-01T00:00:00Z', 'utc 500101000000Z'],
      ['1999-12-31T23:59:59Z', 'utc 991231235959Z'],
      ['2000-01-01T00:00:00Z', 'utc 000101000000Z'],
      ['2049-12-31T23:59:59Z', 'utc 491231235959Z'],
      ['2050-01-01T00:00:00Z', 'generalized 20500101000000Z'],
      ['9999-12-31T23:59:59Z', 'generalized 99991231235959Z'],
    ];
    for (const [text, expected] of table) {
      const at = new Date(text);
      assert.equal(written(encodeTime(at)), expected);
      assert.deepEqual(readTime(derReader(encodeTime(at), 'test'), 'time'), at);
      assert.equal(isTimeEncodingRight(readAny(derReader(encodeTime(at), 'test')), at), true);
    }
    assert.equal(written(encodeTime(noExpiry)), 'generalized 99991231235959Z');
  });

  test('fractions of a second are dropped', () => {
    assert.equal(written(encodeTime(new Date('2026-01-01T00:00:00.999Z'))), 'utc 260101000000Z');
    assert.equal(written(encodeGeneralizedTime(new Date('2026-01-01T00:00:00.999Z'))), 'generalized 20260101000000Z');
  });

  test('years that cannot be said are refused', () => {
    for (const at of [new Date('1949-12-31T23:59:59Z'), new Date('+010000-01-01T00:00:00Z'), new Date(Number.NaN)])
      assertCoded('TimeInvalid', () => encodeTime(at));
    for (const at of [new Date('-000001-12-31T23:59:59Z'), new Date('+010000-01-01T00:00:00Z'), new Date(Number.NaN)])
      assertCoded('TimeInvalid', () => encodeGeneralizedTime(at));
    assert.equal(written(encodeGeneralizedTime(new Date('0001-02-03T04:05:06Z'))), 'generalized 00010203040506Z');
  });

  test('a two-digit year is 1950 to 2049', () => {
    assert.equal(utc('491231235959Z').toISOString(), '2049-12-31T23:59:59.000Z');
    assert.equal(utc('500101000000Z').toISOString(), '1950-01-01T00:00:00.000Z');
  });

  test('a four-digit year is what it says, also below 100', () => {
    assert.equal(generalized('00500101000000Z').getUTCFullYear(), 50);
    assert.equal(generalized('19500101000000Z').getUTCFullYear(), 1950);
  });

  test('the encoding of the wrong kind for its year is told', () => {
    const early = elementOf(tag.generalizedTime, '20490101000000Z');
    assert.equal(isTimeEncodingRight(early, decodeTime(early, 'time')), false);
  });

  test('local times, fractions, missing seconds and days that do not exist are refused', () => {
    const wrongUtc = [
      ...['2601010000Z', '260101000000', '260101000000+0000', '260101000000-0100', '260101000000.5Z', '20260101000000Z', '260101000000z'],
      ...['260001000000Z', '261301000000Z', '260100000000Z', '260132000000Z', '260229000000Z', '260431000000Z', '260101240000Z'],
      ...['260101006000Z', '260101000060Z', '2601010000 0Z', '-60101000000Z', '2601010000١Z', '', 'Z', '26010100000/Z', '26010100000:Z'],
    ];
    for (const text of wrongUtc) assertCoded('TimeInvalid', () => utc(text));
    const wrongGeneralized = [
      '260101000000Z',
      '20260101000000',
      '20260101000000.0Z',
      '20260101000000+0000',
      '20260229000000Z',
      '2026010100Z',
      '19000229000000Z',
    ];
    for (const text of wrongGeneralized) assertCoded('TimeInvalid', () => generalized(text));
    assert.equal(generalized('20000229000000Z').toISOString(), '2000-02-29T00:00:00.000Z');
    assertCoded('TimeInvalid', () => decodeTime(elementOf(tag.utf8String, '260101000000Z'), 'notBefore'), /^cannot read notBefore/);
  });

  test('every second that can be said comes back', () => {
    const seconds = fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: noExpiry.getTime() / 1000 });
    fc.assert(
      fc.property(seconds, (second) => {
        const at = new Date(second * 1000);
        assert.deepEqual(readTime(derReader(encodeTime(at), 'test'), 'time'), at);
        assert.deepEqual(readTime(derReader(encodeGeneralizedTime(at), 'test'), 'time'), at);
      }),
      { numRuns: runs(500, 100_000) },
    );
  });

  test('any digits are refused or are a time that is written the same way again', () => {
    const near = fc.tuple(fc.constantFrom(12, 14), fc.array(fc.constantFrom(...'0123456789'), { minLength: 14, maxLength: 14 }));
    fc.assert(
      fc.property(near, ([digits, all]) => {
        const text = `${all.slice(0, digits).join('')}Z`;
        const at = resultOrCodedError(() => (digits === 12 ? utc(text) : generalized(text)));
        if (!(at instanceof Date)) return;
        assert.equal(written(digits === 12 ? encodeTime(at) : encodeGeneralizedTime(at)).split(' ')[1], text);
      }),
      { numRuns: runs(2_000, 200_000) },
    );
  });
});
