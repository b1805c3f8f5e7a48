import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toUtf8 } from '../base/bytes.ts';
import { tbsDer } from '../testing/certificate-der.ts';
import { caTemplate, leafTemplate, type TestCertificate, testCa, testDay, testSigner } from '../testing/certificates.ts';
import { type CertificateTemplate, encodeTbsCertificate, type IssuerPart } from './certificate-template.ts';
import { contextConstructedTag, contextTag, element, nullElement, sequence, smallInteger, tag } from './der.ts';
import {
  type Extension,
  encodeAuthorityKeyIdentifier,
  encodeDistributionPoints,
  encodeGeneralNames,
  encodeInfoAccess,
} from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { type FindingName, findingNames, isFindingName, lintCertificate } from './lint-certificate.ts';
import { emptyName, makeName, type NameAttribute, nameAttribute, subjectName } from './name.ts';
import { parseNameText } from './name-text.ts';
import { oid } from './oid.ts';
import { parseTbsCertificate, type TbsCertificate, type X509Certificate } from './x509-certificate.ts';

const ca = await testCa();
const signer = await testSigner('ecdsa-p256');

/** What a CA would be asked to sign; nothing of it is judged yet. */
const tbsOf = (
  template: CertificateTemplate,
  issuer: X509Certificate | undefined,
  part: Partial<IssuerPart> = {},
  serial: Uint8Array = Uint8Array.of(1),
): TbsCertificate =>
  parseTbsCertificate(
    encodeTbsCertificate(
      template,
      { name: issuer?.subject ?? template.subject, algorithm: signer.algorithm, keyIdentifier: issuer?.subjectKeyIdentifier, ...part },
      serial,
    ),
  );

type Case = { readonly tbs: TbsCertificate; readonly issuer: X509Certificate | undefined };
type Making = {
  readonly issuer?: X509Certificate;
  readonly part?: Partial<IssuerPart>;
  readonly serial?: Uint8Array;
  readonly edit?: Partial<TbsCertificate>;
};

const leaf = async (changes: TestCertificate, { issuer = ca.certificate, part, serial, edit }: Making = {}): Promise<Case> => ({
  tbs: { ...tbsOf(await leafTemplate({ keyNumber: 1, ...changes }), issuer, part, serial), ...edit },
  issuer,
});
const subCa = async (changes: TestCertificate, { issuer = ca.certificate, part, edit }: Making = {}): Promise<Case> => ({
  tbs: { ...tbsOf(await caTemplate({ subject: 'Intermediate', keyNumber: 1, ...changes }), issuer, part), ...edit },
  issuer,
});
const root = async (changes: TestCertificate, edit: Partial<TbsCertificate> = {}): Promise<Case> => ({
  tbs: { ...tbsOf(await caTemplate(changes), undefined), ...edit },
  issuer: undefined,
});

const extra = (type: string, value: Uint8Array, critical = false): TestCertificate => ({
  extraExtensions: [{ oid: type, critical, value }],
});
const sans = (...names: GeneralName[]): TestCertificate => ({ subjectAltNames: names });
const dns = (value: string): GeneralName => ({ type: 'dns', value });
const subjectOf = (...attributes: NameAttribute[]): TestCertificate => ({ subject: makeName(attributes.map((attribute) => [attribute])) });
const attributeIn = (stringTag: number, value: Uint8Array): NameAttribute => ({
  type: oid.commonName,
  value: undefined,
  encoded: element(stringTag, value),
});
const cn = (value: string): NameAttribute => nameAttribute(oid.commonName, value);
const withoutExtension = (tbs: TbsCertificate, type: string, change: Partial<Extension>): readonly Extension[] =>
  tbs.extensions.map((extension) => (extension.oid === type ? { ...extension, ...change } : extension));
const limited = async (changes: TestCertificate): Promise<X509Certificate> =>
  (await testCa({ subject: 'Limited CA', keyNumber: 2, ...changes }, ca)).certificate;

/** For each rule certificates in which it alone finds something, and what it says of the first. */
const cases: Readonly<Record<FindingName, readonly [RegExp, ...(() => Promise<Case>)[]]>> = {
  'version-not-3': [/version is 1, expected 3/, () => leaf({}, { edit: { version: 1 } }), () => leaf({}, { edit: { version: 2 } })],
  'serial-not-positive': [
    /serial number is not positive/,
    () => leaf({}, { serial: Uint8Array.of(0) }),
    () => leaf({}, { edit: { serialNumber: Uint8Array.of(0x80) } }),
  ],
  'serial-too-long': [
    /serial number has 21 octets, at most 20/,
    () => leaf({}, { serial: new Uint8Array(21).fill(1) }),
    // 20 octets whose top bit is set take a twenty-first.
    () => leaf({}, { serial: new Uint8Array(20).fill(0xff) }),
  ],
  'unique-identifier': [/unique identifiers/, () => leaf({}, { edit: { hasUniqueIds: true } })],
  'time-encoding': [/UTCTime/, () => leaf({}, { edit: { hasRightTimeEncoding: false } })],
  'validity-inverted': [
    /it ends 2026-02-28T12:00:00\.000Z, before it starts 2026-03-01T12:00:00\.000Z/,
    () => leaf({ notBefore: testDay(0), notAfter: testDay(-1) }),
  ],
  'attribute-empty': [
    /subject O "" is empty/,
    () => leaf(subjectOf(nameAttribute(oid.organization, ''), cn('a'))),
    () => leaf(sans(dns('a.example'), { type: 'directoryName', name: parseNameText('CN=') })),
  ],
  'attribute-too-long': [
    /has 65 characters, at most 64/,
    () => leaf({ subject: 'a'.repeat(65) }),
    () => leaf(subjectOf(nameAttribute(oid.organizationalUnit, 'é'.repeat(65)), cn('a'))),
    () => leaf(subjectOf(nameAttribute(oid.locality, 'a'.repeat(129)))),
    () => leaf(subjectOf(nameAttribute(oid.emailAddress, 'a'.repeat(256)))),
  ],
  'attribute-control-character': [
    /subject CN "a\\nb" has control characters/,
    () => leaf({ subject: 'a\nb' }),
    () => leaf({ subject: 'a\u0000' }),
    () => leaf({ subject: '\u007f' }),
    () => leaf({ subject: '\u0085' }),
    () => leaf(sans(dns('a.example'), { type: 'directoryName', name: subjectName('a\tb') })),
  ],
  'attribute-string-type': [
    /subject CN "a" is in a type that is not to be used/,
    () => leaf(subjectOf(attributeIn(tag.teletexString, toUtf8('a')))),
    () => leaf(subjectOf(attributeIn(tag.bmpString, Uint8Array.of(0, 0x61)))),
    () => leaf(subjectOf(attributeIn(tag.universalString, Uint8Array.of(0, 0, 0, 0x61)))),
    () => leaf(subjectOf(attributeIn(tag.visibleString, toUtf8('a')))),
    () => leaf(subjectOf(attributeIn(tag.numericString, toUtf8('1')))),
    () => leaf(subjectOf(attributeIn(tag.octetString, toUtf8('a')))),
    () => leaf(subjectOf(attributeIn(tag.sequence, nullElement))),
    () => leaf(sans(dns('a.example'), { type: 'directoryName', name: makeName([[attributeIn(tag.bitString, Uint8Array.of(0))]]) })),
  ],
  'country-not-two-letters': [
    /subject C "Germany" is not a country code/,
    () => leaf(subjectOf(nameAttribute(oid.country, 'Germany'), cn('a'))),
    () => leaf(subjectOf(nameAttribute(oid.country, 'de'), cn('a'))),
    () => leaf(subjectOf(nameAttribute(oid.country, 'D1'), cn('a'))),
  ],
  'san-empty': [/list of subject alternative names is empty/, () => leaf({ ...extra(oid.subjectAltName, sequence()), ...sans() })],
  'san-invalid': [
    /subject alternative name "DNS:a b" is not valid: label "a b" has characters/,
    () => leaf(sans(dns('a b'))),
    () => leaf(sans(dns('a.example\u0000.evil.example'))),
    () => leaf(sans(dns('a.example, DNS:evil.example'))),
    () => leaf(sans(dns('10.0.0.1'))),
    () => leaf(sans({ type: 'email', value: 'a' })),
    () => leaf(sans({ type: 'uri', value: 'https://a.example\\@b/' })),
    () => leaf(sans({ type: 'unsupported', raw: element(contextConstructedTag(3), nullElement) })),
    () => leaf(sans({ type: 'otherName', oid: '1.2.3', value: element(tag.boolean) })),
    () => leaf(sans(dns('a.example'), { type: 'directoryName', name: emptyName })),
  ],
  'san-duplicate': [
    /subject alternative name "DNS:A\.example" stands twice/,
    () => leaf(sans(dns('a.example'), dns('A.example'), dns('a.EXAMPLE'))),
    () => leaf(sans({ type: 'ip', value: '::1' }, { type: 'ip', value: '0::1' })),
  ],
  'subject-empty': [
    /a CA needs a subject|critical|neither/,
    () => leaf({ subject: emptyName, ...sans() }),
    async () => {
      const made = await leaf({ subject: emptyName });
      return { ...made, tbs: { ...made.tbs, extensions: withoutExtension(made.tbs, oid.subjectAltName, { critical: false }) } };
    },
    () => subCa({ subject: emptyName, ...sans(dns('a.example')) }),
  ],
  'issuer-empty': [
    /the issuer has no name/,
    async () => ({ tbs: tbsOf(await leafTemplate({ subject: emptyName }), undefined), issuer: undefined }),
  ],
  'extension-criticality': [
    /extension policyConstraints must be critical/,
    () => leaf(extra(oid.policyConstraints, sequence(element(contextTag(0), Uint8Array.of(0))))),
    () => leaf({ ...extra(oid.keyUsage, Uint8Array.of(3, 2, 7, 0x80)), usages: ['server auth'] }),
    async () => {
      const made = await leaf({ crlDistributionPoints: ['http://a.example/crl'] });
      return { ...made, tbs: { ...made.tbs, extensions: withoutExtension(made.tbs, oid.keyUsage, { critical: false }) } };
    },
  ],
  'extension-unknown-critical': [
    /extension 1\.2\.3\.4 is critical, and verifiers/,
    () => leaf(extra('1.2.3.4', nullElement, true)),
    () => leaf(extra(oid.tlsFeature, sequence(smallInteger(5)), true)),
    () => leaf(extra(oid.crlDistributionPoints, encodeDistributionPoints(['http://a.example/']), true)),
  ],
  'extension-malformed': [
    /extension crlDistributionPoints is malformed: cannot read CRL distribution points/,
    () => leaf(extra(oid.crlDistributionPoints, nullElement)),
    () => leaf(extra(oid.crlDistributionPoints, sequence())),
    () => leaf(extra(oid.crlDistributionPoints, sequence(sequence()))),
    () => leaf(extra(oid.freshestCrl, sequence(sequence(nullElement)))),
    () => leaf(extra(oid.authorityInfoAccess, sequence())),
    () => leaf(extra(oid.authorityInfoAccess, Uint8Array.of(0x30))),
    () => leaf(extra(oid.subjectInfoAccess, sequence(sequence()))),
    () => leaf(extra(oid.issuerAltName, sequence(nullElement))),
    () => leaf(extra(oid.certificatePolicies, sequence())),
    () => subCa(extra(oid.policyMappings, sequence(sequence()))),
    () => subCa(extra(oid.policyConstraints, sequence(), true)),
    () => subCa(extra(oid.inhibitAnyPolicy, nullElement, true)),
  ],
  'extension-not-checked': [
    /extension 1\.3\.6\.1\.5\.5\.7\.1\.14 changes what the certificate is/,
    () => leaf(extra('1.3.6.1.5.5.7.1.14', sequence(sequence()))),
    () => leaf(extra('1.3.6.1.5.5.7.1.7', sequence())),
    () => leaf(extra('1.3.6.1.5.5.7.1.8', sequence())),
    () => leaf(extra('2.16.840.1.113730.1.1', Uint8Array.of(3, 2, 0, 1))),
  ],
  'url-invalid': [
    /"ftp:\/\/a\.example" cannot be fetched: it is not an http or ldap URL/,
    () => leaf({ crlDistributionPoints: ['ftp://a.example'] }),
    () => leaf({ crlDistributionPoints: ['http://'] }),
    () => leaf({ ocspServers: ['http://a b'] }),
    () => leaf({ issuingCertificateUrls: ['a.example/ca.crt'] }),
    () => leaf(extra(oid.authorityInfoAccess, encodeInfoAccess([], ['file:///ca.crt']))),
  ],
  'utf8-not-normalised': [/subject CN "e\u0301" is not in Unicode normal form C/, () => leaf({ subject: 'e\u0301' })],
  'key-usage-unfit-for-key': [
    /an rsa-2048 key cannot serve "key agreement"/,
    () => leaf({ algorithm: 'rsa-2048', keyNumber: 0, usages: ['key agreement', 'server auth'] }),
    () => leaf({ usages: ['key encipherment', 'server auth'] }),
    () => leaf({ usages: ['data encipherment', 'server auth'] }),
    () => leaf({ algorithm: 'ed25519', usages: ['key agreement', 'server auth'] }),
    () => leaf({ algorithm: 'ml-dsa-44', usages: ['key encipherment', 'server auth'] }),
    async () => {
      const made = await leaf({});
      return { ...made, tbs: { ...made.tbs, publicKey: { ...made.tbs.publicKey, algorithmOid: oid.ed448, parameters: undefined } } };
    },
  ],
  'ca-basic-constraints-not-critical': [
    /basic constraints of a CA must be critical/,
    async () => {
      const made = await root({});
      return { ...made, tbs: { ...made.tbs, extensions: withoutExtension(made.tbs, oid.basicConstraints, { critical: false }) } };
    },
  ],
  'ca-without-cert-sign': [
    /a CA needs the usage "cert sign"/,
    () => root({ usages: ['crl sign'] }),
    () => root({ usages: [] }),
    () => subCa({ usages: ['digital signature'] }),
  ],
  'ca-without-key-identifier': [/a CA needs a subject key identifier/, () => root({}, { subjectKeyIdentifier: undefined })],
  'cert-sign-without-ca': [/only a CA may have the usage "cert sign"/, () => leaf({ usages: ['cert sign', 'server auth'] })],
  'path-length-without-ca': [
    /only a CA that signs certificates has a path length/,
    () => leaf({ basicConstraints: { isCa: false, pathLength: 0 } }),
  ],
  'name-constraints-without-ca': [
    /only a CA has name constraints/,
    () => leaf({ nameConstraints: { permitted: [{ base: dns('example') }], excluded: [] } }),
  ],
  'crl-sign-without-ca': [/only a CA is given the usage "crl sign"/, () => leaf({ usages: ['crl sign', 'server auth'] })],
  'key-usage-empty': [
    /key usage names no usage/,
    () => leaf({ ...extra(oid.keyUsage, Uint8Array.of(3, 1, 0), true), usages: ['server auth'] }),
  ],
  'agreement-only-without-agreement': [
    /mean nothing without "key agreement"/,
    () => leaf({ usages: ['encipher only', 'server auth'] }),
    () => leaf({ usages: ['decipher only', 'server auth'] }),
  ],
  'extended-key-usage-missing': [/without extended key usage it passes as everything/, () => leaf({ usages: ['digital signature'] })],
  'extended-key-usage-empty': [
    /extended key usage names no purpose/,
    () => leaf({ ...extra(oid.extendedKeyUsage, sequence()), usages: ['digital signature'] }),
  ],
  'extended-key-usage-any': [
    /the purpose "any"/,
    () => leaf({ usages: ['digital signature', 'any'] }),
    () => root({ usages: ['cert sign', 'any'] }),
  ],
  'authority-key-identifier': [
    /the authority key identifier is missing/,
    () => leaf({}, { part: { keyIdentifier: undefined } }),
    () => leaf({}, { part: { keyIdentifier: Uint8Array.of(1) } }),
    () => subCa({}, { part: { keyIdentifier: Uint8Array.of(1) } }),
    () => root(extra(oid.authorityKeyIdentifier, encodeAuthorityKeyIdentifier(Uint8Array.of(1)))),
    () => root(extra(oid.authorityKeyIdentifier, sequence())),
    () => {
      const own = ca.certificate.subjectKeyIdentifier ?? new Uint8Array();
      const issuer = element(
        contextConstructedTag(1),
        encodeGeneralNames([{ type: 'directoryName', name: ca.certificate.subject }]).subarray(2),
      );
      const value = sequence(element(contextTag(0), own), issuer, element(contextTag(2), Uint8Array.of(1)));
      return root(extra(oid.authorityKeyIdentifier, value));
    },
  ],
  'issuer-name': [
    /the issuer is not the subject of the CA/,
    () => leaf({}, { part: { name: subjectName('Other CA') } }),
    // The same by RFC 5280 section 7.1, but not the same bytes, which some verifiers compare.
    () => leaf({}, { part: { name: subjectName('TEST CA') } }),
  ],
  'issuer-may-not-sign': [
    /its CA does not have the usage "cert sign"/,
    () => leaf({}, { issuer: { ...ca.certificate, keyUsage: ['crl sign'] } }),
  ],
  'outlives-issuer': [/it ends after its CA, which ends/, () => leaf({ notAfter: testDay(3651) })],
  'path-length-exceeded': [
    /its CA has path length 0 and may sign no further CA/,
    async () => subCa({ keyNumber: 3 }, { issuer: await limited({ basicConstraints: { isCa: true, pathLength: 0 } }) }),
    async () =>
      subCa(
        { keyNumber: 3, basicConstraints: { isCa: true, pathLength: 1 } },
        { issuer: await limited({ basicConstraints: { isCa: true, pathLength: 1 } }) },
      ),
  ],
  'usage-outside-issuer': [
    /its CA may not give "server auth"/,
    async () => leaf({}, { issuer: await limited({ usages: ['cert sign', 'client auth'] }) }),
    async () =>
      subCa({ keyNumber: 3, usages: ['cert sign', 'code signing'] }, { issuer: await limited({ usages: ['cert sign', 'client auth'] }) }),
    async () => leaf({ extendedKeyUsageOids: ['1.2.3.4'] }, { issuer: await limited({ usages: ['cert sign', 'server auth'] }) }),
  ],
  'name-outside-issuer': [
    /./,
    async () => leaf({}, { issuer: await limited({ nameConstraints: { permitted: [{ base: dns('other.example') }], excluded: [] } }) }),
    async () => leaf({}, { issuer: await limited({ nameConstraints: { permitted: [], excluded: [{ base: dns('example') }] } }) }),
  ],
};

const findingsOf = ({ tbs, issuer }: Case) => lintCertificate(tbs, issuer);

describe('lint', () => {
  test('every rule has its cases here', () => {
    assert.deepEqual(Object.keys(cases).sort(), [...findingNames].sort());
  });

  for (const name of findingNames)
    test(`${name} is found where it should be, and nothing else with it`, async () => {
      const [message, first, ...others] = cases[name];
      assert.ok(first !== undefined);
      for (const [i, make] of [first, ...others].entries()) {
        const findings = findingsOf(await make());
        assert.deepEqual([...new Set(findings.map((finding) => finding.name))], [name], `case ${i}`);
        assert.ok(i > 0 || message.test(findings[0]?.message ?? ''), findings[0]?.message);
      }
    });

  test('nothing is found in what is right', async () => {
    const allowed = await limited({
      usages: ['cert sign', 'server auth', 'client auth'],
      basicConstraints: { isCa: true, pathLength: 1 },
      nameConstraints: { permitted: [{ base: dns('example') }], excluded: [{ base: dns('not.example') }] },
    });
    const right: readonly (() => Promise<Case>)[] = [
      () => leaf({}),
      () => root({}),
      () => subCa({}),
      () => subCa({ keyNumber: 3, usages: ['cert sign'] }, { issuer: allowed }),
      () =>
        subCa({ keyNumber: 3, usages: ['cert sign', 'server auth'], basicConstraints: { isCa: true, pathLength: 0 } }, { issuer: allowed }),
      () => leaf({ keyNumber: 3 }, { issuer: allowed }),
      () => leaf({ algorithm: 'rsa-2048', usages: ['digital signature', 'key encipherment', 'data encipherment', 'server auth'] }),
      () => leaf({ usages: ['key agreement', 'encipher only', 'server auth'] }),
      () => leaf({ algorithm: 'ed25519' }),
      () => leaf({ algorithm: 'ml-dsa-65' }),
      () => leaf({ subject: emptyName }),
      () => leaf(sans()),
      () =>
        leaf(
          subjectOf(
            nameAttribute(oid.country, 'DE'),
            nameAttribute(oid.organization, 'é'.repeat(64)),
            nameAttribute(oid.domainComponent, 'a'),
          ),
        ),
      () =>
        leaf(
          sans(
            dns('a.example'),
            { type: 'email', value: 'a.example@b.example' },
            { type: 'uri', value: 'https://a.example/' },
            { type: 'ip', value: '10.0.0.1' },
          ),
        ),
      () =>
        leaf({
          crlDistributionPoints: ['http://a.example/crl', 'ldap://a.example/cn=a'],
          ocspServers: ['https://a.example'],
          issuingCertificateUrls: ['http://[fd00::1]/ca.der'],
        }),
      () => leaf(extra('1.2.3.4', new Uint8Array())),
      () => leaf(extra(oid.tlsFeature, sequence(smallInteger(5)))),
      () => leaf({ notBefore: testDay(0), notAfter: testDay(0) }),
      () => leaf({}, { serial: new Uint8Array(20).fill(0x7f) }),
      () => leaf({ notAfter: ca.certificate.notAfter }),
      () => root(extra(oid.authorityKeyIdentifier, encodeAuthorityKeyIdentifier(ca.certificate.subjectKeyIdentifier ?? new Uint8Array()))),
      // Absent key usage of a CA counts as every bit, absent extended key usage as every purpose.
      () => leaf({}, { issuer: { ...ca.certificate, keyUsage: undefined } }),
      () => leaf({}, { issuer: { ...ca.certificate, extendedKeyUsage: [oid.anyExtendedKeyUsage] } }),
      // A CA without a key identifier: there is nothing to compare.
      () => leaf({}, { issuer: { ...ca.certificate, subjectKeyIdentifier: undefined }, part: { keyIdentifier: Uint8Array.of(1) } }),
    ];
    for (const [i, make] of right.entries()) assert.deepEqual(findingsOf(await make()), [], `case ${i}`);
  });

  test('every fault is told, each with its rule', async () => {
    const findings = findingsOf(await leaf({ subject: 'a\n', ...sans(dns('a b'), dns('*')), usages: ['cert sign'] }));
    assert.deepEqual(
      findings.map(({ name }) => name),
      ['attribute-control-character', 'san-invalid', 'san-invalid', 'cert-sign-without-ca', 'extended-key-usage-missing'],
    );
  });

  test('faults of the encoding are read from the bytes', () => {
    const early = (timeTag: number, text: string): Uint8Array => element(timeTag, toUtf8(text));
    const wrongTimes = sequence(early(tag.generalizedTime, '20260101000000Z'), early(tag.utcTime, '270101000000Z'));
    const names = (der: Uint8Array): readonly FindingName[] => lintCertificate(parseTbsCertificate(der), undefined).map(({ name }) => name);
    assert.ok(names(tbsDer({ validity: wrongTimes })).includes('time-encoding'));
    assert.ok(!names(tbsDer()).includes('time-encoding'));
    assert.ok(names(tbsDer({ uniqueIds: element(contextTag(1), Uint8Array.of(0, 1)) })).includes('unique-identifier'));
    assert.ok(names(tbsDer({ version: new Uint8Array() })).includes('version-not-3'));
    assert.ok(names(tbsDer({ serialNumber: Uint8Array.of(2, 1, 0xff) })).includes('serial-not-positive'));
  });

  test('a word is the name of a rule or not', () => {
    assert.equal(isFindingName('san-invalid'), true);
    assert.equal(isFindingName('toString'), false);
    assert.equal(isFindingName(''), false);
  });

  test('many names cost time in proportion', async () => {
    const names = Array.from({ length: 50_000 }, (_, i): GeneralName => dns(`n${i}.example`));
    const made = await leaf(sans(...names));
    const started = performance.now();
    assert.deepEqual(findingsOf(made), []);
    assert.ok(performance.now() - started < 5_000);
  });
});
