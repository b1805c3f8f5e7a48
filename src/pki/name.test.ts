import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex, toUtf8 } from '../base/bytes.ts';
import { assertCoded } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { derReader, element, nullElement, octetString, readAny, sequence, setOf, tag } from './der.ts';
import {
  attributeValues,
  commonNameOf,
  decodeString,
  emptyName,
  isEmptyName,
  isNameWithin,
  isSameName,
  makeName,
  type Name,
  type NameAttribute,
  nameAttribute,
  nameKey,
  parseName,
  readName,
  subjectName,
} from './name.ts';
import { parseNameText } from './name-text.ts';
import { encodeOid, oid } from './oid.ts';

const bytes = (hex: string): Uint8Array => {
  const found = fromHex(hex);
  assert.ok(found !== undefined, hex);
  return found;
};
const decoded = (stringTag: number, hex: string): string | undefined =>
  decodeString(readAny(derReader(element(stringTag, bytes(hex)), 'test')));
const attributeDer = (type: string, value: Uint8Array): Uint8Array => sequence(encodeOid(type), value);
/** A name of one attribute in the string type given. */
const nameIn = (stringTag: number, value: string, type: string = oid.commonName): Name =>
  parseName(sequence(setOf([attributeDer(type, element(stringTag, Buffer.from(value, 'latin1')))])));

describe('strings of names', () => {
  test('every string type is read as the text it holds', () => {
    const table: readonly (readonly [number, string, string])[] = [
      [tag.utf8String, 'c3a9f09f9880', 'é😀'],
      [tag.utf8String, '', ''],
      [tag.printableString, '41622c', 'Ab,'],
      [tag.ia5String, '61407f00', 'a@\u007f\u0000'],
      [tag.visibleString, '7e', '~'],
      [tag.numericString, '3120', '1 '],
      [tag.teletexString, 'e9', 'é'],
      [tag.bmpString, '004100e93042', 'Aéあ'],
      [tag.universalString, '000000410001f600', 'A😀'],
    ];
    for (const [stringTag, hex, text] of table) assert.equal(decoded(stringTag, hex), text);
  });

  test('characters that real certificates hold in PrintableStrings against its rules are read', () => {
    assert.equal(decoded(tag.printableString, '2a40265f'), '*@&_');
  });

  test('strings that break the rules of their type are no text', () => {
    const table: readonly (readonly [number, string])[] = [
      [tag.utf8String, 'ff'],
      [tag.utf8String, 'c080'],
      [tag.utf8String, 'eda080'],
      [tag.printableString, '0a'],
      [tag.printableString, '00'],
      [tag.printableString, 'e9'],
      [tag.ia5String, '80'],
      [tag.visibleString, 'e9'],
      [tag.numericString, '61'],
      [tag.bmpString, '00'],
      [tag.bmpString, 'd83dde00'],
      [tag.universalString, '000041'],
      [tag.universalString, '00110000'],
      [tag.universalString, '0000d800'],
    ];
    for (const [stringTag, hex] of table) {
      assert.equal(decoded(stringTag, hex), undefined, hex);
      const name = sequence(setOf([attributeDer(oid.commonName, element(stringTag, bytes(hex)))]));
      assertCoded('NameInvalid', () => parseName(name), /value of attribute 2\.5\.4\.3 breaks the rules of its string type/);
    }
    assert.equal(decoded(tag.octetString, '41'), undefined);
  });
});

describe('names', () => {
  test('order, multi-valued parts and bytes are kept as received', () => {
    const first = attributeDer(oid.country, element(tag.printableString, toUtf8('DE')));
    const second = [
      attributeDer(oid.organization, element(tag.utf8String, toUtf8('b'))),
      attributeDer(oid.organizationalUnit, element(tag.bmpString, bytes('0061'))),
    ];
    const der = sequence(setOf([first]), setOf(second), setOf([attributeDer('1.2.3.4', nullElement)]));
    const name = parseName(der);
    assert.deepEqual(
      name.rdns.map((rdn) => rdn.map(({ type, value }) => [type, value])),
      [
        [[oid.country, 'DE']],
        [
          [oid.organization, 'b'],
          [oid.organizationalUnit, 'a'],
        ],
        [['1.2.3.4', undefined]],
      ],
    );
    assert.equal(toHex(name.raw), toHex(der));
    assert.equal(toHex(makeName(name.rdns).raw), toHex(der));
  });

  test('malformed names are refused', () => {
    const cn = attributeDer(oid.commonName, element(tag.utf8String, toUtf8('a')));
    const bigger = attributeDer(oid.surname, element(tag.utf8String, toUtf8('a')));
    assertCoded('NameInvalid', () => parseName(sequence(element(tag.set, bigger, cn))), /not in DER order/);
    assertCoded(
      'NameInvalid',
      () => parseName(sequence(setOf([sequence(encodeOid(oid.commonName), nullElement, nullElement)]))),
      /more than type and value/,
    );
    assertCoded('DerInvalid', () => parseName(sequence(setOf([]))));
    assertCoded('DerInvalid', () => parseName(sequence(cn)));
    assertCoded('DerInvalid', () => parseName(sequence(setOf([sequence(encodeOid(oid.commonName))]))));
    assertCoded('DerInvalid', () => parseName(sequence(setOf([sequence()]))));
    assertCoded('DerInvalid', () => parseName(Buffer.concat([sequence(setOf([cn])), nullElement])));
    assertCoded('InputTooLarge', () => parseName(sequence(...new Array<Uint8Array>(1001).fill(setOf([cn])))), /more than 1000 parts/);
    assert.equal(parseName(sequence(...new Array<Uint8Array>(1000).fill(setOf([cn])))).rdns.length, 1000);
    assertCoded('DerInvalid', () => readName(derReader(octetString(), 'certificate'), 'issuer'), /issuer has tag/);
  });

  test('text is written in the string type its attribute wants', () => {
    const tagOf = (type: string, value: string): number | undefined => nameAttribute(type, value).encoded[0];
    assert.equal(tagOf(oid.commonName, 'a'), tag.utf8String);
    assert.equal(tagOf(oid.organization, 'é'), tag.utf8String);
    assert.equal(tagOf('1.2.3.4', 'a'), tag.utf8String);
    for (const type of [oid.country, oid.serialNumber, oid.dnQualifier]) assert.equal(tagOf(type, 'DE'), tag.printableString);
    for (const type of [oid.emailAddress, oid.domainComponent]) assert.equal(tagOf(type, 'a@b'), tag.ia5String);
  });

  test('text that does not fit its string type is refused', () => {
    assertCoded('NameInvalid', () => nameAttribute(oid.country, 'Ö'), /does not fit PrintableString/);
    assertCoded('NameInvalid', () => nameAttribute(oid.serialNumber, 'a_b'));
    assertCoded('NameInvalid', () => nameAttribute(oid.emailAddress, 'é@b'), /does not fit IA5String/);
    assertCoded('NameInvalid', () => nameAttribute(oid.commonName, '\ud83d'), /does not fit UTF-8/);
    assertCoded('NameInvalid', () => nameAttribute(oid.commonName, '\ude00\ud83d'));
    assert.equal(nameAttribute(oid.commonName, '😀').value, '😀');
  });

  test('a made name is the name its bytes say: parts of one RDN in DER order', () => {
    const name = makeName([[nameAttribute(oid.organizationalUnit, 'u'), nameAttribute(oid.commonName, 'c')]]);
    assert.deepEqual(
      name.rdns[0]?.map(({ type }) => type),
      [oid.commonName, oid.organizationalUnit],
    );
    assert.deepEqual(parseName(name.raw), name);
    const wide = new Array<NameAttribute>(200_000).fill(nameAttribute(oid.commonName, 'a'));
    assert.equal(makeName([wide]).rdns[0]?.length, 200_000);
    assertCoded('DerInvalid', () => makeName([[]]));
    assertCoded('NameInvalid', () =>
      makeName([[{ type: oid.commonName, value: undefined, encoded: element(tag.utf8String, bytes('ff')) }]]),
    );
  });

  test('a subject has every organization in a part of its own, then the common name', () => {
    const name = subjectName('alice', ['dev', 'ops']);
    assert.deepEqual(
      name.rdns.map((rdn) => rdn.map(({ type, value }) => [type, value])),
      [[[oid.organization, 'dev']], [[oid.organization, 'ops']], [[oid.commonName, 'alice']]],
    );
    assert.deepEqual(attributeValues(name, oid.organization), ['dev', 'ops']);
    assert.equal(commonNameOf(name), 'alice');
    assert.equal(commonNameOf(emptyName), undefined);
    assert.equal(isEmptyName(emptyName), true);
    assert.equal(isEmptyName(name), false);
    assert.equal(toHex(emptyName.raw), '3000');
  });

  test('the last common name counts, and values that are no text do not', () => {
    assert.equal(commonNameOf(parseNameText('CN=specific,CN=general')), 'specific');
    assert.deepEqual(attributeValues(parseNameText('O=a+CN=b,O=#0500,O=c'), oid.organization), ['c', 'a']);
  });
});

describe('comparing names', () => {
  const same = (a: string, b: string): boolean => isSameName(parseNameText(a), parseNameText(b));

  test('letter case, blanks and string types make no difference', () => {
    assert.equal(same('CN=Alice  Smith ,O=Dev', 'CN=alice smith,O=dev'), true);
    assert.equal(same('CN=\\  a \\ ', 'CN=a'), true);
    assert.equal(same('CN=STRASSE', 'CN=strasse'), true);
    assert.equal(same('CN=ﬁle', 'CN=file'), true);
    assert.equal(same('CN=É', 'CN=e\u0301'), true);
    assert.equal(same('CN=ΌΔΟΣ', 'CN=όδος'), true);
    assert.equal(same('CN=Straße', 'CN=STRASSE'), true);
    assert.equal(isSameName(nameIn(tag.printableString, 'Alice'), nameIn(tag.utf8String, 'alice')), true);
    assert.equal(isSameName(nameIn(tag.teletexString, '\u00e9'), parseNameText('CN=é')), true);
  });

  test('types, values, order and number of parts do', () => {
    assert.equal(same('CN=a', 'CN=b'), false);
    assert.equal(same('CN=a', 'OU=a'), false);
    assert.equal(same('CN=a,O=b', 'O=b,CN=a'), false);
    assert.equal(same('CN=a,O=b', 'O=b'), false);
    assert.equal(same('O=b', 'CN=a,O=b'), false);
    assert.equal(same('CN=a b', 'CN=ab'), false);
    assert.equal(same('CN=a+O=b', 'CN=a,O=b'), false);
    assert.equal(same('CN=a', 'CN=a+O=b'), false);
    assert.equal(same('CN=a+CN=a', 'CN=a'), false);
    assert.equal(same('', 'CN=a'), false);
    assert.equal(same('', ''), true);
  });

  test('values that are no text are compared by their bytes, and never equal a text', () => {
    assert.equal(same('CN=#0500', 'CN=#0500'), true);
    assert.equal(same('CN=#0401aa', 'CN=#0401ab'), false);
    assert.equal(same('CN=#0401aa', 'CN=\\#0401aa'), false);
    // One attribute whose value looks like the end of it and another.
    assert.equal(same('CN=a\\"\\,\\"2.5.4.10=b', 'CN=a+O=b'), false);
    assert.equal(same('CN=a\\,2.5.4.10=b', 'CN=a+O=b'), false);
  });

  test('a subtree holds the names that start with its parts, in order', () => {
    const within = (name: string, base: string): boolean => isNameWithin(parseNameText(name), parseNameText(base));
    assert.equal(within('CN=a,OU=dev,O=example', 'O=Example'), true);
    assert.equal(within('CN=a,OU=dev,O=example', 'OU=DEV,O=example'), true);
    assert.equal(within('O=example', 'O=example'), true);
    assert.equal(within('CN=a', ''), true);
    assert.equal(within('O=example', 'OU=dev,O=example'), false);
    assert.equal(within('O=example,OU=dev', 'O=example'), false);
    assert.equal(within('CN=a,O=example2', 'O=example'), false);
    assert.equal(within('CN=a+O=example', 'O=example'), false);
  });

  test('comparison is the same both ways, and every name equals itself', () => {
    const value = fc.string({ unit: fc.constantFrom('a', 'A', ' ', 'é', 'ß', 'ﬁ', 'İ', '"', ',', '#', '\\'), maxLength: 6 });
    const attribute: fc.Arbitrary<NameAttribute> = fc
      .tuple(fc.constantFrom(oid.commonName, oid.organization), value)
      .map(([type, text]) => nameAttribute(type, text));
    const name = fc.array(fc.array(attribute, { minLength: 1, maxLength: 2 }), { maxLength: 3 }).map(makeName);
    fc.assert(
      fc.property(name, name, (a, b) => {
        assert.equal(isSameName(a, b), isSameName(b, a));
        assert.equal(isSameName(a, parseName(a.raw)), true);
        assert.equal(isNameWithin(a, emptyName), true);
        assert.equal(isSameName(a, b), isNameWithin(a, b) && isNameWithin(b, a));
        assert.equal(isSameName(a, b), nameKey(a) === nameKey(b));
        assert.deepEqual(parseName(a.raw), a);
      }),
      { numRuns: runs(300, 50_000) },
    );
  });
});
