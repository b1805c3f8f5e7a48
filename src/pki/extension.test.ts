import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../base/bytes.ts';
import { assertCoded } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import {
  booleanTrue,
  contextConstructedTag,
  contextTag,
  derReader,
  element,
  nullElement,
  octetString,
  sequence,
  smallInteger,
  tag,
} from './der.ts';
import {
  decodeAuthorityKeyIdentifier,
  decodeBasicConstraints,
  decodeDistributionPoints,
  decodeExtendedKeyUsage,
  decodeGeneralNames,
  decodeInfoAccess,
  decodeKeyUsage,
  decodeNameConstraints,
  decodeSubjectKeyIdentifier,
  type Extension,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeDistributionPoints,
  encodeExtendedKeyUsage,
  encodeExtension,
  encodeExtensions,
  encodeGeneralNames,
  encodeInfoAccess,
  encodeKeyUsage,
  encodeNameConstraints,
  encodeSubjectKeyIdentifier,
  findExtension,
  type GeneralSubtree,
  readExtensions,
} from './extension.ts';
import { encodeGeneralName, type GeneralName } from './general-name.ts';
import { subjectName } from './name.ts';
import { encodeOid, oid } from './oid.ts';
import { type KeyUsageBit, keyUsageBits } from './usage.ts';

const bytes = (hex: string): Uint8Array => {
  const found = fromHex(hex);
  assert.ok(found !== undefined, hex);
  return found;
};
const read = (der: Uint8Array): readonly Extension[] => readExtensions(derReader(der, 'test'));

describe('lists of extensions', () => {
  const one: Extension = { oid: '1.2.3.4', critical: true, value: Uint8Array.of(1, 2) };
  const two: Extension = { oid: '1.2.3.5', critical: false, value: new Uint8Array() };

  test('order, criticality and values are kept, values byte by byte', () => {
    assert.deepEqual(read(encodeExtensions([one, two])), [one, two]);
    assert.deepEqual(read(encodeExtensions([two, one])), [two, one]);
    assert.equal(toHex(encodeExtension(one)), '300c06032a03040101ff04020102');
    assert.equal(toHex(encodeExtension(two)), '300706032a03050400');
    assert.equal(findExtension([one, two], '1.2.3.5'), two);
    assert.equal(findExtension([one, two], '1.2.3.6'), undefined);
  });

  test('an empty list, an extension twice, and false written out are refused', () => {
    assertCoded('ExtensionInvalid', () => read(sequence()), /the list is empty/);
    assertCoded('ExtensionInvalid', () => read(encodeExtensions([one, two, one])), /extension 1\.2\.3\.4 stands twice/);
    const falseCritical = sequence(sequence(encodeOid('1.2.3.4'), Uint8Array.of(1, 1, 0), octetString()));
    assertCoded('ExtensionInvalid', () => read(falseCritical), /DER leaves out critical where it is false/);
  });

  test('anything else in an extension is refused', () => {
    const type = encodeOid('1.2.3.4');
    for (const parts of [
      [],
      [type],
      [octetString()],
      [type, nullElement],
      [type, booleanTrue],
      [type, booleanTrue, booleanTrue, octetString()],
      [type, octetString(), nullElement],
      [type, octetString(), booleanTrue],
    ])
      assertCoded('DerInvalid', () => read(sequence(sequence(...parts))));
    assertCoded('DerInvalid', () => read(sequence(nullElement)));
  });

  test('a list has at most a thousand extensions', () => {
    const many = Array.from({ length: 1001 }, (_, i): Extension => ({ ...two, oid: `1.2.3.${i}` }));
    assert.equal(read(encodeExtensions(many.slice(1))).length, 1000);
    assertCoded('InputTooLarge', () => read(encodeExtensions(many)), /more than 1000 extensions/);
  });
});

describe('basic constraints', () => {
  test('the CA bit and the path length are written and read', () => {
    const table: readonly (readonly [boolean, number | undefined, string])[] = [
      [false, undefined, '3000'],
      [true, undefined, '30030101ff'],
      [true, 0, '30060101ff020100'],
      [true, 300, '30070101ff0202012c'],
      [false, 1, '3003020101'],
    ];
    for (const [isCa, pathLength, hex] of table) {
      assert.equal(toHex(encodeBasicConstraints({ isCa, pathLength })), hex);
      assert.deepEqual(decodeBasicConstraints(bytes(hex)), { isCa, pathLength });
    }
  });

  test('what is malformed is refused', () => {
    assertCoded('ExtensionInvalid', () => decodeBasicConstraints(bytes('3003010100')), /DER leaves out cA where it is false/);
    for (const hex of [
      '',
      '0500',
      '30030101fe',
      '30030201ff',
      '30060101ff0201ff',
      '30080101ff0201000500',
      '30060201000101ff',
      '30000500',
      '30070101ff02020001',
    ])
      assertCoded('DerInvalid', () => decodeBasicConstraints(bytes(hex)));
  });
});

describe('key usage', () => {
  test('every set of bits comes back, written with trailing zeros left out', () => {
    for (let set = 0; set < 512; set++) {
      const bits = keyUsageBits.filter((_, i) => (set & (1 << i)) !== 0);
      const encoded = encodeKeyUsage(bits);
      assert.deepEqual(decodeKeyUsage(encoded), bits);
      assert.equal(encoded.length, set === 0 ? 3 : set >= 256 ? 5 : 4);
    }
    assert.equal(toHex(encodeKeyUsage(['digital signature', 'key encipherment'])), '030205a0');
    assert.equal(toHex(encodeKeyUsage(['decipher only'])), '0303070080');
    assert.equal(toHex(encodeKeyUsage(['crl sign', 'cert sign'])), '03020106');
  });

  test('bits beyond the nine are passed over', () => {
    assert.deepEqual(decodeKeyUsage(bytes('0303000040')), []);
    assert.deepEqual(decodeKeyUsage(bytes('030400800080')), ['digital signature']);
  });

  test('what is malformed is refused', () => {
    for (const hex of ['', '0300', '0301', '03020880', '030207ff', '04020780', '0302078000', '2304030207'])
      assertCoded('DerInvalid', () => decodeKeyUsage(bytes(hex)));
  });
});

describe('extended key usage', () => {
  test('purposes are kept in order, known or not; an empty list is a list', () => {
    const purposes = [oid.clientAuth, '1.2.3.4', oid.serverAuth];
    assert.deepEqual(decodeExtendedKeyUsage(encodeExtendedKeyUsage(purposes)), purposes);
    assert.deepEqual(decodeExtendedKeyUsage(sequence()), []);
    assert.equal(toHex(encodeExtendedKeyUsage([oid.serverAuth])), '300a06082b06010505070301');
  });

  test('what is malformed is refused', () => {
    for (const hex of ['', '0500', '30020500', '300306', '30030603']) assertCoded('DerInvalid', () => decodeExtendedKeyUsage(bytes(hex)));
    assertCoded('OidInvalid', () => decodeExtendedKeyUsage(bytes('30020600')));
  });
});

describe('alternative names and key identifiers', () => {
  test('names are kept in order; an empty list is a list', () => {
    const names: readonly GeneralName[] = [
      { type: 'dns', value: 'b.example' },
      { type: 'ip', value: '10.0.0.1' },
      { type: 'dns', value: 'a.example' },
    ];
    assert.deepEqual(decodeGeneralNames(encodeGeneralNames(names)), names);
    assert.deepEqual(decodeGeneralNames(sequence()), []);
    assertCoded('DerInvalid', () => decodeGeneralNames(octetString()));
    assertCoded('SanInvalid', () => decodeGeneralNames(sequence(nullElement)));
  });

  test('a hundred thousand names are written and read, and one more is not read', () => {
    const names = new Array<GeneralName>(100_000).fill({ type: 'dns', value: 'a' });
    assert.equal(decodeGeneralNames(encodeGeneralNames(names)).length, 100_000);
    assertCoded('InputTooLarge', () => decodeGeneralNames(encodeGeneralNames([...names, { type: 'dns', value: 'b' }])));
  });

  test('as many purposes and subtrees are written as are read', () => {
    const purposes = new Array<string>(200_000).fill(oid.serverAuth);
    assert.equal(decodeExtendedKeyUsage(encodeExtendedKeyUsage(purposes)).length, 200_000);
    const permitted = new Array<GeneralSubtree>(200_000).fill({ base: { type: 'dns', value: 'a' } });
    assert.equal(decodeNameConstraints(encodeNameConstraints({ permitted, excluded: [] })).permitted.length, 200_000);
  });

  test('key identifiers are octets inside their structure', () => {
    const identifier = Uint8Array.of(1, 2, 3);
    assert.deepEqual(decodeSubjectKeyIdentifier(encodeSubjectKeyIdentifier(identifier)), identifier);
    assert.equal(toHex(encodeSubjectKeyIdentifier(identifier)), '0403010203');
    assert.deepEqual(decodeAuthorityKeyIdentifier(encodeAuthorityKeyIdentifier(identifier)), {
      keyIdentifier: identifier,
      issuer: undefined,
      serialNumber: undefined,
    });
    assert.equal(toHex(encodeAuthorityKeyIdentifier(identifier)), '30058003010203');
    assertCoded('DerInvalid', () => decodeSubjectKeyIdentifier(identifier));
    assertCoded('DerInvalid', () => decodeSubjectKeyIdentifier(bytes('04010500')));
  });

  test('an authority key identifier with issuer and serial number is read whole', () => {
    const issuer = encodeGeneralName({ type: 'directoryName', name: subjectName('Root') });
    const value = sequence(element(contextConstructedTag(1), issuer), element(contextTag(2), Uint8Array.of(7)));
    const { keyIdentifier, issuer: names, serialNumber } = decodeAuthorityKeyIdentifier(value);
    assert.equal(keyIdentifier, undefined);
    assert.deepEqual(names, [{ type: 'directoryName', name: subjectName('Root') }]);
    assert.deepEqual(serialNumber, Uint8Array.of(7));
    assert.deepEqual(decodeAuthorityKeyIdentifier(sequence()), { keyIdentifier: undefined, issuer: undefined, serialNumber: undefined });
    assertCoded('DerInvalid', () => decodeAuthorityKeyIdentifier(sequence(element(contextTag(2)), element(contextTag(0)))));
    assertCoded('DerInvalid', () => decodeAuthorityKeyIdentifier(sequence(nullElement)));
  });
});

describe('name constraints', () => {
  const dns = (value: string): GeneralSubtree => ({ base: { type: 'dns', value } });
  const range = (hex: string): GeneralSubtree => ({ base: { type: 'ip-range', octets: bytes(hex) } });

  test('permitted and excluded subtrees of every type come back', () => {
    const constraints = {
      permitted: [dns('example'), dns(''), range('0a000000ff000000'), range(`${'fd'.padEnd(32, '0')}${'ff'.padEnd(32, '0')}`)],
      excluded: [
        { base: { type: 'email', value: '.example' } },
        { base: { type: 'uri', value: '.example' } },
        { base: { type: 'directoryName', name: subjectName('a') } },
      ] satisfies GeneralSubtree[],
    };
    assert.deepEqual(decodeNameConstraints(encodeNameConstraints(constraints)), constraints);
    const onlyExcluded = { permitted: [], excluded: [dns('a')] };
    assert.deepEqual(decodeNameConstraints(encodeNameConstraints(onlyExcluded)), onlyExcluded);
    assert.equal(
      toHex(encodeNameConstraints({ permitted: [dns('a')], excluded: [range('0a000000ff000000')] })),
      '3015a0053003820161a10c300a87080a000000ff000000',
    );
  });

  test('what RFC 5280 leaves no room for is refused', () => {
    const base = encodeGeneralName({ type: 'dns', value: 'a' });
    const tree = (...parts: Uint8Array[]): Uint8Array => sequence(element(contextConstructedTag(0), sequence(...parts)));
    assertCoded('ExtensionInvalid', () => decodeNameConstraints(sequence()), /they are empty/);
    assertCoded(
      'ExtensionInvalid',
      () => decodeNameConstraints(sequence(element(contextConstructedTag(0)))),
      /a list of subtrees is empty/,
    );
    assertCoded(
      'ExtensionInvalid',
      () => decodeNameConstraints(tree(base, element(contextTag(0), Uint8Array.of(1)))),
      /minimum and maximum/,
    );
    assertCoded(
      'ExtensionInvalid',
      () => decodeNameConstraints(tree(base, element(contextTag(1), Uint8Array.of(1)))),
      /minimum and maximum/,
    );
    for (const length of [0, 4, 7, 9, 16, 31, 33])
      assertCoded(
        'ExtensionInvalid',
        () => decodeNameConstraints(tree(element(contextTag(7), new Uint8Array(length)))),
        /expected 8 or 32/,
      );
    assertCoded('DerInvalid', () => decodeNameConstraints(tree()));
    assertCoded('DerInvalid', () =>
      decodeNameConstraints(sequence(element(contextConstructedTag(1), sequence(base)), element(contextConstructedTag(0), sequence(base)))),
    );
    assertCoded('DerInvalid', () => decodeNameConstraints(sequence(element(contextConstructedTag(2)))));
  });
});

describe('distribution points and information access', () => {
  const uri = (value: string): GeneralName => ({ type: 'uri', value });

  test('a point is written for each URL, and read', () => {
    const urls = ['http://a.example/1.crl', 'http://b.example/2.crl'];
    assert.deepEqual(
      decodeDistributionPoints(encodeDistributionPoints(urls)),
      urls.map((url) => ({ fullName: [uri(url)], hasReasons: false, crlIssuer: [] })),
    );
    assert.equal(toHex(encodeDistributionPoints(['a:b'])), '300b3009a007a0058603613a62');
  });

  test('reasons, other issuers and relative names are told', () => {
    const issuer = encodeGeneralName({ type: 'directoryName', name: subjectName('a') });
    const full = element(
      contextConstructedTag(0),
      element(contextConstructedTag(0), encodeGeneralName(uri('a:b')), encodeGeneralName(uri('c:d'))),
    );
    const reasons = element(contextTag(1), Uint8Array.of(6, 0x40));
    const relative = element(contextConstructedTag(0), element(contextConstructedTag(1), nullElement));
    assert.deepEqual(
      decodeDistributionPoints(
        sequence(
          sequence(full, reasons, element(contextConstructedTag(2), issuer)),
          sequence(relative),
          sequence(element(contextConstructedTag(2), issuer)),
        ),
      ),
      [
        { fullName: [uri('a:b'), uri('c:d')], hasReasons: true, crlIssuer: [{ type: 'directoryName', name: subjectName('a') }] },
        { fullName: [], hasReasons: false, crlIssuer: [] },
        { fullName: [], hasReasons: false, crlIssuer: [{ type: 'directoryName', name: subjectName('a') }] },
      ],
    );
  });

  test('a point without a name or another issuer says nothing, and is refused', () => {
    const reasons = element(contextTag(1), Uint8Array.of(6, 0x40));
    for (const point of [sequence(), sequence(reasons)])
      assertCoded('ExtensionInvalid', () => decodeDistributionPoints(sequence(point)), /neither a name nor an issuer/);
  });

  test('malformed points are refused', () => {
    const names = element(contextConstructedTag(0), encodeGeneralName(uri('a:b')));
    for (const point of [
      sequence(nullElement),
      sequence(element(contextConstructedTag(0))),
      sequence(element(contextConstructedTag(0), nullElement)),
      sequence(element(contextConstructedTag(0), names, nullElement)),
      nullElement,
    ])
      assertCoded('DerInvalid', () => decodeDistributionPoints(sequence(point)));
  });

  test('OCSP servers stand before issuer URLs, and both are read', () => {
    assert.deepEqual(decodeInfoAccess(encodeInfoAccess(['http://o.example'], ['http://i.example/ca.der'])), [
      { method: oid.ocsp, location: uri('http://o.example') },
      { method: oid.caIssuers, location: uri('http://i.example/ca.der') },
    ]);
    const method = encodeOid(oid.ocsp);
    const location = encodeGeneralName(uri('a:b'));
    for (const parts of [[], [method], [location, method], [method, location, nullElement]])
      assertCoded('DerInvalid', () => decodeInfoAccess(sequence(sequence(...parts))));
  });
});

describe('extensions of any content', () => {
  test('whatever is made comes back', () => {
    const bit: fc.Arbitrary<KeyUsageBit> = fc.constantFrom(...keyUsageBits);
    fc.assert(
      fc.property(
        fc.array(bit),
        fc.boolean(),
        fc.option(fc.nat(), { nil: undefined }),
        fc.array(fc.constantFrom('1.2.3', '2.5.29.37.0', '1.3.6.1')),
        (bits, isCa, pathLength, purposes) => {
          assert.deepEqual(new Set(decodeKeyUsage(encodeKeyUsage(bits))), new Set(bits));
          assert.deepEqual(decodeBasicConstraints(encodeBasicConstraints({ isCa, pathLength })), { isCa, pathLength });
          assert.deepEqual(decodeExtendedKeyUsage(encodeExtendedKeyUsage(purposes)), purposes);
        },
      ),
      { numRuns: runs(200, 20_000) },
    );
  });

  test('an integer that should be a path length is within 0 to 2147483647', () => {
    assert.equal(decodeBasicConstraints(sequence(booleanTrue, smallInteger(0x7fffffff))).pathLength, 0x7fffffff);
    assertCoded('DerInvalid', () => decodeBasicConstraints(sequence(booleanTrue, smallInteger(0x80000000))), /not within/);
    assertCoded('DerInvalid', () => decodeBasicConstraints(sequence(booleanTrue, element(tag.integer, Uint8Array.of(0x80)))), /not within/);
  });
});
