import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../base/bytes.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { derReader } from './der.ts';
import { decodeOid, encodeOid, oid, oidName, readOid } from './oid.ts';

const bytes = (hex: string): Uint8Array => {
  const found = fromHex(hex);
  assert.ok(found !== undefined, hex);
  return found;
};

describe('object identifiers', () => {
  test('identifiers are written and read as others write them', () => {
    // Content octets from X.690 section 8.19.5, RFC 5280 and RFC 9881; the last is a UUID below 2.25 (X.667).
    const table: readonly (readonly [string, string])[] = [
      ['2.999.3', '883703'],
      ['1.2.840.113549.1.1.11', '2a864886f70d01010b'],
      ['2.5.4.3', '550403'],
      ['1.3.101.112', '2b6570'],
      ['2.16.840.1.101.3.4.3.17', '608648016503040311'],
      ['0.9.2342.19200300.100.1.1', '0992268993f22c640101'],
      ['0.0', '00'],
      ['0.39', '27'],
      ['1.0', '28'],
      ['1.39', '4f'],
      ['2.0', '50'],
      ['2.47', '7f'],
      ['2.48', '8100'],
      ['1.3.6.1.4.1.4294967295', '2b060104018fffffff7f'],
      ['2.25.340282366920938463463374607431768211455', '6983ffffffffffffffffffffffffffffffffff7f'],
    ];
    for (const [text, content] of table) {
      assert.equal(toHex(encodeOid(text).subarray(2)), content, text);
      assert.equal(decodeOid(bytes(content)), text, content);
    }
  });

  test('text that is no identifier is refused', () => {
    const wrong = [
      '',
      '1',
      '1.',
      '.1',
      '1..2',
      '3.1',
      '0.40',
      '1.40',
      '01.2',
      '1.02',
      '1.2.-3',
      '1.2.a',
      ' 1.2',
      '1.2 ',
      '1.2\n',
      '１.2',
      `1.2.${'9'.repeat(253)}`,
    ];
    for (const text of wrong) assertCoded('OidInvalid', () => encodeOid(text));
  });

  test('octets that are no identifier are refused', () => {
    for (const hex of ['', '80', '8001', '2a80', '2a8001', '2a86', 'ff']) assertCoded('OidInvalid', () => decodeOid(bytes(hex)));
  });

  test('an identifier has at most 64 octets, read or written', () => {
    const longest = `1.2${'.1'.repeat(63)}`;
    assert.equal(decodeOid(encodeOid(longest).subarray(2)), longest);
    assertCoded('OidInvalid', () => encodeOid(`${longest}.1`));
    assert.match(decodeOid(new Uint8Array(64).fill(1)), /^0\.1\.1/);
    assertCoded('OidInvalid', () => decodeOid(new Uint8Array(65).fill(1)));
    assert.equal(decodeOid(bytes(`${'ff'.repeat(63)}7f`)), `2.${(1n << 448n) - 81n}`);
  });

  test('an identifier is read only from its tag', () => {
    assert.equal(readOid(derReader(bytes('0603550403'), 'test')), oid.commonName);
    assertCoded('DerInvalid', () => readOid(derReader(bytes('0d03550403'), 'test')));
  });

  test('every identifier of the table is well formed, stands once and is found by name', () => {
    const texts = Object.values(oid);
    assert.equal(new Set(texts).size, texts.length);
    for (const [name, text] of Object.entries(oid)) {
      assert.equal(decodeOid(encodeOid(text).subarray(2)), text);
      assert.equal(oidName(text), name);
    }
    assert.equal(oidName('1.2.3.4'), undefined);
  });

  test('what is kept of an identifier does not change what is read later', () => {
    const first = encodeOid(oid.commonName);
    assert.equal(encodeOid(oid.commonName), first);
    assert.equal(decodeOid(bytes('550403')), '2.5.4.3');
    assert.equal(decodeOid(bytes('550404')), '2.5.4.4');
  });

  test('every identifier comes back from its encoding', () => {
    const arc = fc.oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 }),
        fc.bigInt({ min: 0n, max: 39n }),
        fc.array(arc, { maxLength: 3 }),
        (root, second, rest) => {
          const text = [root, second, ...rest].join('.');
          assert.equal(decodeOid(encodeOid(text).subarray(2)), text);
        },
      ),
      { numRuns: runs(500, 50_000) },
    );
  });

  test('every octet string is refused or written again as it was read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70, size: 'max' }), (content) => {
        const text = resultOrCodedError(() => decodeOid(content));
        if (typeof text === 'string') assert.equal(toHex(encodeOid(text).subarray(2)), toHex(content));
      }),
      { numRuns: runs(1_000, 200_000) },
    );
  });
});
