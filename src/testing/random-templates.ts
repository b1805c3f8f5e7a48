// Arbitrary certificate templates for comparisons with other implementations: mostly right, with the corners where implementations differ,
// and now and then something that lint must find. What is wrong on purpose in every case is tested elsewhere.

import fc from 'fast-check';
import { toUtf8 } from '../base/bytes.ts';
import { element, octetString, sequence, smallInteger, tag } from '../pki/der.ts';
import type { Extension } from '../pki/extension.ts';
import type { GeneralName } from '../pki/general-name.ts';
import type { KeyAlgorithm } from '../pki/key-algorithm.ts';
import { makeName, type Name, type NameAttribute, nameAttribute } from '../pki/name.ts';
import { encodeOid, oid } from '../pki/oid.ts';
import { noExpiry } from '../pki/time.ts';
import { type ExtendedUsage, extendedUsageOids, type KeyUsageBit, keyUsageBits } from '../pki/usage.ts';
import { type TestCertificate, testDay } from './certificates.ts';

/** A value most of the time, another now and then. */
const rarely = <T>(common: fc.Arbitrary<T>, rare: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: common, weight: 30 }, { arbitrary: rare, weight: 1 });

const character = fc.constantFrom(...'abcXYZ019 ,+"\\<>;=#/\'.-_*@&%', 'é', 'ß', 'İ', '日', '\u0301', '😀', '\u00a0', '\ufeff');
const text = fc
  .string({ unit: character, minLength: 1, maxLength: 16 })
  .map((value) => value.normalize('NFC'))
  .filter((value) => value !== '');
const asciiText = fc.string({ unit: fc.constantFrom(...'abcXYZ019 ()+,-./:=?'), minLength: 1, maxLength: 16 });
const word = fc.string({ unit: fc.constantFrom(...'abcxyz019'), minLength: 1, maxLength: 8 });

const textTypes = [
  ...[oid.commonName, oid.organization, oid.organizationalUnit, oid.locality, oid.stateOrProvince, oid.street, oid.title, oid.postalCode],
  ...[oid.givenName, oid.surname, oid.initials, oid.pseudonym, oid.generationQualifier, oid.userId, '2.5.4.120', '1.3.6.1.4.1.99999.7'],
];

const attribute: fc.Arbitrary<NameAttribute> = rarely(
  fc
    .oneof(
      { arbitrary: fc.tuple(fc.constantFrom(...textTypes), text), weight: 8 },
      { arbitrary: fc.tuple(fc.constantFrom(oid.serialNumber, oid.dnQualifier), asciiText), weight: 1 },
      { arbitrary: fc.tuple(fc.constantFrom(oid.domainComponent, oid.emailAddress), word), weight: 1 },
      { arbitrary: fc.tuple(fc.constant(oid.country), fc.constantFrom('DE', 'US')), weight: 1 },
    )
    .map(([type, value]) => nameAttribute(type, value)),
  fc.oneof(
    fc.constantFrom('', 'a\nb', '\u0000', 'x'.repeat(65), 'e\u0301').map((value) => nameAttribute(oid.commonName, value)),
    fc
      .constantFrom(
        element(tag.teletexString, toUtf8('a')),
        element(tag.bmpString, Uint8Array.of(0, 0x61)),
        element(tag.universalString, Uint8Array.of(0, 0, 0, 0x61)),
        element(tag.visibleString, toUtf8('a')),
        element(tag.numericString, toUtf8('1')),
        element(tag.bitString, Uint8Array.of(0)),
        octetString(),
        sequence(),
      )
      .map((encoded): NameAttribute => ({ type: oid.organization, value: undefined, encoded })),
  ),
);

const relativeName = fc.array(attribute, { minLength: 1, maxLength: 2 });
/** A name of up to four parts, some of them with two attributes. */
export const randomName: fc.Arbitrary<Name> = fc.array(relativeName, { minLength: 1, maxLength: 4 }).map(makeName);

const host = fc.array(word, { minLength: 1, maxLength: 3 }).map((labels) => [...labels, 'example'].join('.'));
const address = fc.oneof(
  fc.ipV4(),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((octets) => `10.${octets.subarray(1).join('.')}`),
  fc.constantFrom('fd00::1', '::1', '2001:db8::', '::ffff:10.0.0.1'),
);
const plainName = fc
  .array(word, { minLength: 1, maxLength: 2 })
  .map((words) => makeName(words.map((value) => [nameAttribute(oid.commonName, value)])));

const generalName: fc.Arbitrary<GeneralName> = rarely(
  fc.oneof(
    fc
      .oneof(
        host,
        host.map((name) => `*.${name}`),
        fc.constantFrom('localhost', 'xn--bcher-kva.example', 'kubernetes.default.svc'),
      )
      .map((value): GeneralName => ({ type: 'dns', value })),
    address.map((value): GeneralName => ({ type: 'ip', value })),
    fc.tuple(word, host).map(([local, domain]): GeneralName => ({ type: 'email', value: `${local}+x@${domain}` })),
    fc
      .oneof(
        host.map((domain) => `https://${domain}:8443/a?b=c,DNS:x#d`),
        fc.tuple(word, word).map(([one, two]) => `spiffe://cluster.local/ns/${one}/sa/${two}`),
        fc.constantFrom('urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'https://[fd00::1]/'),
      )
      .map((value): GeneralName => ({ type: 'uri', value })),
    fc.constant<GeneralName>({ type: 'registeredId', oid: '1.2.3.4' }),
    text.map((value): GeneralName => ({ type: 'otherName', oid: '1.2.3.4', value: element(tag.utf8String, toUtf8(value)) })),
    fc.constant<GeneralName>({ type: 'otherName', oid: '1.2.3.5', value: sequence(octetString()) }),
    plainName.map((name): GeneralName => ({ type: 'directoryName', name })),
  ),
  fc.constantFrom<GeneralName>(
    { type: 'dns', value: 'a b' },
    { type: 'dns', value: 'a.example, DNS:b.example' },
    { type: 'dns', value: '' },
    { type: 'uri', value: 'https://a b/' },
    { type: 'email', value: 'a' },
    { type: 'unsupported', raw: element(0xa3, sequence()) },
    { type: 'unsupported', raw: element(0xa5) },
    { type: 'otherName', oid: '1.2.3.6', value: element(tag.boolean, Uint8Array.of(1)) },
    { type: 'otherName', oid: '1.2.3.6', value: element(tag.integer) },
    { type: 'otherName', oid: '1.2.3.6', value: element(tag.bmpString, Uint8Array.of(1)) },
  ),
);

/** Types that other implementations may know and interpret. */
const knownTypes = [
  ...Array.from({ length: 60 }, (_, i) => `2.5.29.${i + 1}`),
  ...Array.from({ length: 32 }, (_, i) => `1.3.6.1.5.5.7.1.${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `2.16.840.1.113730.1.${i + 1}`),
  ...['1.3.6.1.4.1.11129.2.4.2', '1.3.6.1.4.1.11129.2.4.3', '1.3.6.1.5.5.7.48.1.5', '1.2.840.113533.7.65.0', '1.3.6.1.4.1.311.20.2'],
];
const extensionValue = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.constantFrom(
    sequence(),
    sequence(sequence()),
    octetString(),
    smallInteger(1),
    sequence(sequence(encodeOid('1.2.3.4'))),
    Uint8Array.of(3, 2, 0, 1),
    Uint8Array.of(5, 0),
  ),
);
const extension: fc.Arbitrary<Extension> = fc.oneof(
  {
    arbitrary: fc.record({
      oid: fc.nat(50).map((number) => `1.3.6.1.4.1.99999.${number}`),
      critical: fc.constant(false),
      value: extensionValue,
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ oid: fc.constantFrom(...knownTypes), critical: fc.boolean(), value: extensionValue }), weight: 1 },
);

const url = rarely(
  host.map((domain) => `http://${domain}/a.crl`),
  fc.constantFrom('ldap://a.example/cn=b', 'http://', 'ftp://a.example', 'http://a b'),
);
const purpose = fc.constantFrom(...(Object.keys(extendedUsageOids) as ExtendedUsage[]).filter((name) => name !== 'any'));
const bit: fc.Arbitrary<KeyUsageBit> = rarely(
  fc.constantFrom<KeyUsageBit>('digital signature', 'content commitment'),
  fc.constantFrom(...keyUsageBits),
);
const algorithm: fc.Arbitrary<KeyAlgorithm> = fc.constantFrom('ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa-2048', 'ed25519');
const start = fc.oneof(
  fc.integer({ min: -1000, max: 0 }).map(testDay),
  fc.constantFrom(new Date('1999-12-31T23:59:59Z'), new Date('2000-01-01T00:00:00Z')),
);
const end = fc.oneof(
  fc.integer({ min: 1, max: 4000 }).map(testDay),
  fc.constantFrom(new Date('2049-12-31T23:59:59Z'), new Date('2050-01-01T00:00:00Z'), noExpiry),
);
const up = (max: number) => ({ maxLength: max });

/** What a leaf is asked to say; key number 0. All are valid at testTime. */
export const randomLeaf: fc.Arbitrary<TestCertificate> = fc
  .record(
    {
      subject: rarely(randomName, fc.constant(makeName([]))),
      algorithm,
      notBefore: start,
      notAfter: end,
      bits: fc.array(bit, up(3)),
      purposes: rarely(fc.array(purpose, { minLength: 1, maxLength: 3 }), fc.array(purpose, up(0))),
      extendedKeyUsageOids: fc.array(fc.constantFrom('1.2.3.4', '1.3.6.1.5.5.7.3.17'), up(1)),
      subjectAltNames: fc.uniqueArray(generalName, { ...up(6), selector: (name) => JSON.stringify(name) }),
      crlDistributionPoints: fc.array(url, up(2)),
      ocspServers: fc.array(url, up(1)),
      issuingCertificateUrls: fc.array(url, up(1)),
      extraExtensions: fc.uniqueArray(extension, { ...up(2), selector: ({ oid: type }) => type }),
    },
    { noNullPrototype: true },
  )
  .map(({ bits, purposes, ...rest }) => ({ ...rest, usages: [...bits, ...purposes], keyNumber: 0 }));

/** What a CA below another is asked to say. */
export const randomCa: fc.Arbitrary<TestCertificate> = fc
  .record(
    {
      subject: randomName,
      algorithm,
      notBefore: start,
      notAfter: end,
      bits: fc.array(bit, up(2)),
      purposes: fc.array(purpose, up(2)),
      pathLength: fc.option(fc.nat(5), { nil: undefined }),
      bases: fc.array(
        fc.oneof(
          host.map((value): GeneralName => ({ type: 'dns', value })),
          host.map((value): GeneralName => ({ type: 'email', value })),
          host.map((value): GeneralName => ({ type: 'uri', value: `.${value}` })),
          plainName.map((name): GeneralName => ({ type: 'directoryName', name })),
        ),
        up(3),
      ),
      crlDistributionPoints: fc.array(url, up(1)),
      extraExtensions: fc.uniqueArray(extension, { ...up(1), selector: ({ oid: type }) => type }),
    },
    { noNullPrototype: true },
  )
  .map(({ bits, purposes, pathLength, bases, ...rest }) => ({
    ...rest,
    usages: ['cert sign', ...bits, ...purposes],
    basicConstraints: { isCa: true, pathLength },
    ...(bases.length === 0 ? {} : { nameConstraints: { permitted: [], excluded: bases.map((base) => ({ base })) } }),
    keyNumber: 0,
  }));
