import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toHex, toUtf8 } from '../base/bytes.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { element, nullElement, octetString, smallInteger, tag } from './der.ts';
import { makeName, type NameAttribute, nameAttribute, parseName } from './name.ts';
import { attributeTypeName, formatName, parseAttributeType, parseNameText } from './name-text.ts';
import { oid } from './oid.ts';

const partsOf = (text: string): (readonly (string | undefined)[])[][] =>
  parseNameText(text).rdns.map((rdn) => rdn.map(({ type, value }) => [attributeTypeName(type), value]));

describe('distinguished names as text', () => {
  test('the examples of RFC 4514 are read, most general part first in the name, and written', () => {
    const table: readonly (readonly [string, (readonly (string | undefined)[])[][], string?])[] = [
      ['UID=jsmith,DC=example,DC=net', [[['DC', 'net']], [['DC', 'example']], [['UID', 'jsmith']]]],
      [
        'OU=Sales+CN=J.  Smith,DC=example,DC=net',
        [
          [['DC', 'net']],
          [['DC', 'example']],
          [
            ['OU', 'Sales'],
            ['CN', 'J.  Smith'],
          ],
        ],
      ],
      // One RDN is a set: its attributes stand in the order of their DER.
      [
        'OU=b+CN=a',
        [
          [
            ['CN', 'a'],
            ['OU', 'b'],
          ],
        ],
        'CN=a+OU=b',
      ],
      ['CN=James \\"Jim\\" Smith\\, III,DC=example,DC=net', [[['DC', 'net']], [['DC', 'example']], [['CN', 'James "Jim" Smith, III']]]],
      ['CN=Before\\0dAfter,DC=example,DC=net', [[['DC', 'net']], [['DC', 'example']], [['CN', 'Before\rAfter']]]],
      ['1.3.6.1.4.1.1466.0=#04024869', [[['1.3.6.1.4.1.1466.0', undefined]]]],
      ['CN=Lu\\C4\\8Di\\C4\\87', [[['CN', 'Lučić']]], 'CN=Lučić'],
    ];
    for (const [text, parts, canonical = text] of table) {
      assert.deepEqual(partsOf(text), parts, text);
      assert.equal(formatName(parseNameText(text)), canonical);
    }
  });

  test('what must be escaped is escaped, and nothing else', () => {
    const table: readonly (readonly [string, string])[] = [
      ['', 'CN='],
      [' ', 'CN=\\ '],
      ['  ', 'CN=\\ \\ '],
      [' a b ', 'CN=\\ a b\\ '],
      ['#a#', 'CN=\\#a#'],
      ['a=b', 'CN=a=b'],
      [',+"\\<>;', 'CN=\\,\\+\\"\\\\\\<\\>\\;'],
      ['a\u0000b\n\u007f\u0085', 'CN=a\\00b\\0a\\7f\\c2\\85'],
      ['é😀', 'CN=é😀'],
      ['\\ ', 'CN=\\\\\\ '],
    ];
    for (const [value, text] of table) {
      assert.equal(formatName(makeName([[nameAttribute(oid.commonName, value)]])), text);
      assert.deepEqual(partsOf(text), [[['CN', value]]], text);
    }
  });

  test('escapes, blanks and quotation marks of others are read', () => {
    const table: readonly (readonly [string, string])[] = [
      ['CN=a\\2Cb', 'a,b'],
      ['CN=a\\,b', 'a,b'],
      ['CN=\\20a\\20', ' a '],
      ['CN=  a  ', 'a'],
      ['CN=a\\ ', 'a '],
      ['CN=a\\  ', 'a '],
      ['CN=a\\\\ ', 'a\\'],
      ['CN=\\e2\\82\\ac', '€'],
      ['CN="a,b;c+d<e>=#"', 'a,b;c+d<e>=#'],
      ['CN=" a "', ' a '],
      ['CN="a\\"b"', 'a"b'],
      ['CN=""', ''],
      ['cn = a', 'a'],
      ['Oid.2.5.4.3=a', 'a'],
      ['2.5.4.3=a', 'a'],
      ['CN=\u00a0a\u00a0', '\u00a0a\u00a0'],
    ];
    for (const [text, value] of table) assert.deepEqual(partsOf(text), [[['CN', value]]], text);
    assert.deepEqual(partsOf('CN=a ; O=b , C=DE'), [[['C', 'DE']], [['O', 'b']], [['CN', 'a']]]);
    assert.deepEqual(partsOf(''), []);
    assert.deepEqual(partsOf('  '), []);
  });

  test('text that RFC 4514 does not allow is refused', () => {
    const wrong = [
      ...['a', 'CN', '=a', 'CN=a,', ',CN=a', 'CN=a,,O=b', 'CN=a+', 'CN=a+,O=b', 'XX=a', '1=a', '3.1=a', '1.2.=a', 'oid.CN=a', 'C N=a'],
      ...[
        'CN=a\\',
        'CN=a\\x',
        'CN=a\\0',
        'CN=\\ff',
        'CN=\\c3',
        'CN="a',
        'CN=a"',
        'CN=a"b',
        'CN="a"b"',
        'CN="a\\"',
        'CN="a"b',
        'CN=a<b',
        'CN=a>b',
      ],
      ...['CN=#', 'CN=#0', 'CN=#xyz', 'CN=#04 01', 'CN=#0401', 'CN=#0500ff', 'CN=#0c01ff', 'CN=#1e0100', 'CN=\ud800', 'C=Ö', 'DC=é'],
    ];
    for (const text of wrong) {
      const result = resultOrCodedError(() => parseNameText(text));
      assert.ok(result instanceof Error, text);
      assert.ok(['NameInvalid', 'DerInvalid', 'OidInvalid'].includes(result.code), `${text}: ${result.code}`);
    }
    assertCoded('NameInvalid', () => parseNameText('CN=a"b,O=c'), /cannot read name "CN=a\\"b,O=c": "\\"" stands without a backslash/);
    assertCoded('NameInvalid', () => parseNameText('CN=#xyz'), /after # is hex/);
    assertCoded('InputTooLarge', () => parseNameText(`CN=${'a'.repeat(64 * 1024)}`));
  });

  test('a quotation mark cannot swallow the parts after it', () => {
    assertCoded('NameInvalid', () => parseNameText('CN=a",O=system:masters'));
    assertCoded('NameInvalid', () => parseNameText('CN="a,O=system:masters'));
  });

  test('every attribute type with a short name is known by it in any case, and others by identifier', () => {
    const table: Readonly<Record<string, string>> = {
      CN: '2.5.4.3',
      SN: '2.5.4.4',
      SERIALNUMBER: '2.5.4.5',
      C: '2.5.4.6',
      L: '2.5.4.7',
      ST: '2.5.4.8',
      STREET: '2.5.4.9',
      O: '2.5.4.10',
      OU: '2.5.4.11',
      TITLE: '2.5.4.12',
      POSTALCODE: '2.5.4.17',
      GN: '2.5.4.42',
      INITIALS: '2.5.4.43',
      GENERATIONQUALIFIER: '2.5.4.44',
      X500UNIQUEIDENTIFIER: '2.5.4.45',
      DNQUALIFIER: '2.5.4.46',
      PSEUDONYM: '2.5.4.65',
      UID: '0.9.2342.19200300.100.1.1',
      DC: '0.9.2342.19200300.100.1.25',
      EMAILADDRESS: '1.2.840.113549.1.9.1',
    };
    for (const [short, type] of Object.entries(table)) {
      assert.equal(parseAttributeType(short), type);
      assert.equal(parseAttributeType(short.toLowerCase()), type);
      assert.equal(attributeTypeName(type), short);
      assert.deepEqual(partsOf(`${type}=a`), partsOf(`${short}=a`));
    }
    for (const [word, type] of [
      ['S', table['ST']],
      ['surname', table['SN']],
      ['givenName', table['GN']],
      ['E', table['EMAILADDRESS']],
      ['email', table['EMAILADDRESS']],
    ] as const)
      assert.equal(parseAttributeType(word), type);
    assert.equal(attributeTypeName('2.5.4.99'), '2.5.4.99');
    assert.equal(formatName(parseNameText('2.5.4.99=a')), '2.5.4.99=a');
    for (const word of ['', 'XX', 'toString', '1', '2.5.', '.2.5']) assert.equal(parseAttributeType(word), undefined, word);
  });

  test('values that are no text are written as hex of their DER', () => {
    const name = makeName([[{ type: '1.2.3.4', value: undefined, encoded: octetString(smallInteger(5)) }]]);
    assert.equal(formatName(name), '1.2.3.4=#0403020105');
    assert.equal(toHex(parseNameText('1.2.3.4=#0403020105').raw), toHex(name.raw));
  });

  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({
      unit: fc.constantFrom(' ', '#', '\\', '"', ',', '+', ';', '<', '>', '=', 'a', 'é', '\n', '\u00a0', '\ufeff', '\u0085', '0', 'f'),
      maxLength: 8,
    }),
  );
  const attribute: fc.Arbitrary<NameAttribute> = fc.oneof(
    {
      arbitrary: fc
        .tuple(fc.constantFrom(oid.commonName, oid.organization, oid.street, '2.5.4.99', '1.2.3.4'), value)
        .map(([type, text]) => nameAttribute(type, text)),
      weight: 5,
    },
    {
      arbitrary: fc
        .constantFrom(nullElement, octetString(), element(tag.bitString, toUtf8('\u0000a')))
        .map((encoded) => ({ type: '1.2.3.4', value: undefined, encoded })),
      weight: 1,
    },
  );

  test('every name of text comes back from its text as the same bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.array(attribute, { minLength: 1, maxLength: 3 }), { maxLength: 4 }), (rdns) => {
        const name = makeName(rdns);
        const text = formatName(name);
        assert.equal(toHex(parseNameText(text).raw), toHex(name.raw), text);
        assert.equal(/\p{Cc}/u.test(text), false);
      }),
      { numRuns: runs(500, 100_000) },
    );
  });

  test('any text is refused with a code, or is a name whose text means the same again', () => {
    const piece = fc.constantFrom('CN', 'O', '=', ',', '+', ';', '"', '\\', '#', '0500', 'a', ' ', '\\2C', '<', 'é', '1.2.3.4');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          const name = resultOrCodedError(() => parseNameText(text));
          if (name instanceof Error) return;
          assert.deepEqual(parseName(name.raw), name);
          assert.equal(toHex(parseNameText(formatName(name)).raw), toHex(name.raw));
        },
      ),
      { numRuns: runs(1_000, 200_000) },
    );
  });
});
