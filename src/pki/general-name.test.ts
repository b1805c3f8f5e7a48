import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, fromHex, toHex, toUtf8 } from '../base/bytes.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import {
  contextConstructedTag,
  contextTag,
  derReader,
  element,
  nullElement,
  octetString,
  readAny,
  sequence,
  smallInteger,
  tag,
} from './der.ts';
import { decodeGeneralName, encodeGeneralName, type GeneralName, isSameGeneralName, readGeneralName } from './general-name.ts';
import { subjectName } from './name.ts';
import { encodeOid } from './oid.ts';

const bytes = (hex: string): Uint8Array => {
  const found = fromHex(hex);
  assert.ok(found !== undefined, hex);
  return found;
};
const decode = (der: Uint8Array): GeneralName => decodeGeneralName(readAny(derReader(der, 'test')));
const ascii = (number: number, text: string): Uint8Array => element(contextTag(number), Buffer.from(text, 'latin1'));

const samples: readonly (readonly [GeneralName, string])[] = [
  [{ type: 'dns', value: 'a.example' }, '8209612e6578616d706c65'],
  [{ type: 'dns', value: '*.a.example' }, '820b2a2e612e6578616d706c65'],
  [{ type: 'email', value: 'a@b.example' }, '810b6140622e6578616d706c65'],
  [{ type: 'uri', value: 'spiffe://a/b' }, '860c7370696666653a2f2f612f62'],
  [{ type: 'ip', value: '10.0.0.1' }, '87040a000001'],
  [{ type: 'ip', value: 'fd00::1' }, '8710fd000000000000000000000000000001'],
  [{ type: 'registeredId', oid: '1.2.3.4' }, '88032a0304'],
  [
    { type: 'otherName', oid: '1.3.6.1.4.1.311.20.2.3', value: element(tag.utf8String, toUtf8('u')) },
    'a011060a2b060104018237140203a0030c0175',
  ],
];

describe('general names', () => {
  test('every type is written and read as others write it', () => {
    for (const [name, hex] of samples) {
      assert.equal(toHex(encodeGeneralName(name)), hex);
      assert.equal(toHex(encodeGeneralName(decode(bytes(hex)))), hex);
      assert.equal(decode(bytes(hex)).type, name.type);
    }
    assert.deepEqual(decode(bytes('8209612e6578616d706c65')), { type: 'dns', value: 'a.example' });
  });

  test('a directory name is a whole name inside its tag', () => {
    const name: GeneralName = { type: 'directoryName', name: subjectName('a') };
    const der = encodeGeneralName(name);
    assert.equal(der[0], contextConstructedTag(4));
    assert.deepEqual(decode(der), name);
    assertCoded('DerInvalid', () => decode(element(contextConstructedTag(4), subjectName('a').raw, nullElement)));
  });

  test('x400Address and ediPartyName are kept as received', () => {
    for (const number of [3, 5]) {
      const der = element(contextConstructedTag(number), nullElement);
      const name = decode(der);
      assert.equal(name.type, 'unsupported');
      assert.equal(toHex(encodeGeneralName(name)), toHex(der));
    }
  });

  test('text stays what it was, whatever it looks like in another place', () => {
    for (const text of ['a.example, DNS:evil.example', 'a.example\u0000.evil.example', 'a"b\\', '', '\n', 'IP Address:10.0.0.1']) {
      assert.deepEqual(decode(ascii(2, text)), { type: 'dns', value: text });
      assert.deepEqual(decode(ascii(6, text)), { type: 'uri', value: text });
      assert.deepEqual(decode(ascii(1, text)), { type: 'email', value: text });
    }
  });

  test('malformed names are refused', () => {
    for (const number of [1, 2, 6]) assertCoded('SanInvalid', () => decode(ascii(number, 'é')), /not IA5String/);
    for (const length of [0, 3, 5, 8, 15, 17, 32])
      assertCoded('SanInvalid', () => decode(element(contextTag(7), new Uint8Array(length))), /expected 4 or 16/);
    // Constructed where it should be primitive, the other way round, and tags that are no GeneralName.
    for (const tagNumber of [0xa2, 0xa1, 0xa6, 0xa7, 0xa8, 0x80, 0x83, 0x84, 0x85, 0x89, 0xa9, 0x0c, 0x30])
      assertCoded('SanInvalid', () => decode(element(tagNumber)), /is no GeneralName/);
    assertCoded('OidInvalid', () => decode(element(contextTag(8))));
    const type = encodeOid('1.2.3.4');
    for (const parts of [
      [],
      [type],
      [type, octetString()],
      [type, element(contextConstructedTag(0))],
      [type, element(contextConstructedTag(0), nullElement, nullElement)],
      [type, element(contextConstructedTag(0), nullElement), nullElement],
    ])
      assertCoded('DerInvalid', () => decode(element(contextConstructedTag(0), ...parts)));
  });

  test('what a type cannot hold is not written', () => {
    for (const type of ['dns', 'email', 'uri'] as const)
      assertCoded('SanInvalid', () => encodeGeneralName({ type, value: 'é' }), /not ASCII/);
    assertCoded('SanInvalid', () => encodeGeneralName({ type: 'ip', value: '10.0.0' }), /"10\.0\.0" is not an IP address/);
    assertCoded('OidInvalid', () => encodeGeneralName({ type: 'registeredId', oid: '9.9' }));
  });

  test('names are the same by type and bytes, DNS names with letter case aside', () => {
    const dns = (value: string): GeneralName => ({ type: 'dns', value });
    assert.equal(isSameGeneralName(dns('A.Example'), dns('a.example')), true);
    assert.equal(isSameGeneralName(dns('a.example'), dns('b.example')), false);
    assert.equal(isSameGeneralName({ type: 'email', value: 'A@b' }, { type: 'email', value: 'a@b' }), false);
    assert.equal(isSameGeneralName({ type: 'ip', value: '::A' }, { type: 'ip', value: '0:0::a' }), true);
    // The same text in another type (CVE-2022-21656).
    for (const type of ['email', 'uri'] as const) assert.equal(isSameGeneralName(dns('a.example'), { type, value: 'a.example' }), false);
    assert.equal(isSameGeneralName(dns('10.0.0.1'), { type: 'ip', value: '10.0.0.1' }), false);
    const other = (value: Uint8Array): GeneralName => ({ type: 'otherName', oid: '1.2.3.4', value });
    assert.equal(isSameGeneralName(other(smallInteger(1)), other(smallInteger(1))), true);
    assert.equal(isSameGeneralName(other(smallInteger(1)), other(smallInteger(2))), false);
  });

  test('every name comes back from its DER', () => {
    const text = fc.string({ unit: 'binary-ascii', maxLength: 20 });
    const name: fc.Arbitrary<GeneralName> = fc.oneof(
      fc.record({ type: fc.constantFrom('dns', 'email', 'uri'), value: text }, { noNullPrototype: true }),
      fc.constantFrom<GeneralName>(
        { type: 'ip', value: '10.0.0.1' },
        { type: 'ip', value: 'fd00::1' },
        { type: 'registeredId', oid: '2.5.4.3' },
      ),
      text.map((value): GeneralName => ({ type: 'directoryName', name: subjectName(value) })),
      text.map((value): GeneralName => ({ type: 'otherName', oid: '1.2.3', value: sequence(octetString(toUtf8(value))) })),
    );
    fc.assert(
      fc.property(name, (given) => {
        const der = encodeGeneralName(given);
        const reader = derReader(concatBytes([der, nullElement]), 'test');
        const read = readGeneralName(reader);
        assert.equal(reader.offset, der.length);
        assert.equal(toHex(encodeGeneralName(read)), toHex(der));
        assert.equal(isSameGeneralName(read, given), true);
        if (given.type !== 'otherName') assert.deepEqual(read, given);
      }),
      { numRuns: runs(300, 50_000) },
    );
  });

  test('arbitrary elements are refused with a code or written again as they were', () => {
    const anyTag = fc.oneof(fc.integer({ min: 0x80, max: 0x88 }), fc.integer({ min: 0xa0, max: 0xa8 }), fc.nat(255));
    fc.assert(
      fc.property(anyTag, fc.uint8Array({ maxLength: 20 }), (elementTag, content) => {
        const der = element(elementTag, content);
        const name = resultOrCodedError(() => decode(der));
        if (!(name instanceof Error)) assert.equal(toHex(encodeGeneralName(name)), toHex(der));
      }),
      { numRuns: runs(1_000, 200_000) },
    );
  });
});
