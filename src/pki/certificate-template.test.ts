import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toHex } from '../base/bytes.ts';
import { caTemplate, leafTemplate, type TestCertificate, testPublicKey } from '../testing/certificates.ts';
import { assertCoded } from '../testing/coded-errors.ts';
import { type CertificateTemplate, encodeTbsCertificate } from './certificate-template.ts';
import { nullElement } from './der.ts';
import { decodeDistributionPoints, decodeInfoAccess, type Extension, encodeGeneralNames } from './extension.ts';
import { emptyName, subjectName } from './name.ts';
import { parseNameText } from './name-text.ts';
import { oid, oidName } from './oid.ts';
import { keyIdentifier } from './public-key.ts';
import { signatureAlgorithmFor } from './signature-algorithm.ts';
import { extendedUsageOids, keyUsageBits, usages } from './usage.ts';
import { parseTbsCertificate, type TbsCertificate } from './x509-certificate.ts';

const issuer = { name: subjectName('Test CA'), algorithm: signatureAlgorithmFor('ecdsa-p384'), keyIdentifier: Uint8Array.of(1, 2, 3) };
const tbsOf = (template: CertificateTemplate, part = issuer): TbsCertificate =>
  parseTbsCertificate(encodeTbsCertificate(template, part, Uint8Array.of(5)));
const leaf = async (changes: TestCertificate = {}): Promise<TbsCertificate> => tbsOf(await leafTemplate(changes));
const listed = ({ extensions }: TbsCertificate): readonly string[] =>
  extensions.map(({ oid: type, critical }) => `${oidName(type) ?? type}${critical ? '!' : ''}`);
const found = ({ extensions }: TbsCertificate, type: string): Extension | undefined =>
  extensions.find((extension) => extension.oid === type);

const plain = await leafTemplate();

describe('templates', () => {
  test('what a template and its issuer say is what the certificate says', async () => {
    const template = await leafTemplate({ subject: parseNameText('CN=a,O=b') });
    const tbs = tbsOf(template);
    assert.equal(tbs.version, 3);
    assert.deepEqual([...tbs.serialNumber], [5]);
    assert.equal(toHex(tbs.signatureAlgorithm.raw), toHex(issuer.algorithm.raw));
    assert.equal(toHex(tbs.issuer.raw), toHex(issuer.name.raw));
    assert.equal(toHex(tbs.subject.raw), toHex(template.subject.raw));
    assert.equal(toHex(tbs.publicKey.spki), toHex(template.publicKey.spki));
    assert.deepEqual([tbs.notBefore, tbs.notAfter], [template.notBefore, template.notAfter]);
    assert.equal(tbs.hasRightTimeEncoding, true);
  });

  test('extensions stand in one order, critical where RFC 5280 wants it', async () => {
    assert.deepEqual(listed(await leaf()), [
      'keyUsage!',
      'extendedKeyUsage',
      'basicConstraints!',
      'subjectKeyIdentifier',
      'authorityKeyIdentifier',
      'subjectAltName',
    ]);
    const everything = await caTemplate({
      usages: ['cert sign', 'server auth'],
      subjectAltNames: [{ type: 'dns', value: 'a.example' }],
      nameConstraints: { permitted: [{ base: { type: 'dns', value: 'example' } }], excluded: [] },
      crlDistributionPoints: ['http://a.example/crl'],
      ocspServers: ['http://o.example'],
      issuingCertificateUrls: ['http://i.example'],
      extraExtensions: [{ oid: '1.2.3.4', critical: true, value: nullElement }],
    });
    assert.deepEqual(listed(tbsOf(everything)), [
      ...['keyUsage!', 'extendedKeyUsage', 'basicConstraints!', 'subjectKeyIdentifier', 'authorityKeyIdentifier', 'subjectAltName'],
      ...['nameConstraints!', 'crlDistributionPoints', 'authorityInfoAccess', '1.2.3.4!'],
    ]);
    assert.deepEqual(listed(await leaf({ usages: [], subjectAltNames: [] })), [
      'basicConstraints!',
      'subjectKeyIdentifier',
      'authorityKeyIdentifier',
    ]);
  });

  test('each of the 23 usages is the bit or the purpose it should be', async () => {
    for (const usage of usages) {
      const tbs = await leaf({ usages: [usage] });
      if (usage === 'signing' || keyUsageBits.some((bit) => bit === usage)) {
        assert.deepEqual(tbs.keyUsage, [usage === 'signing' ? 'digital signature' : usage]);
        assert.equal(tbs.extendedKeyUsage, undefined);
      } else {
        assert.deepEqual(tbs.extendedKeyUsage, [extendedUsageOids[usage as 'any']]);
        assert.equal(tbs.keyUsage, undefined);
      }
    }
    const all = await leaf({ usages });
    assert.deepEqual(all.keyUsage, keyUsageBits);
    assert.deepEqual(all.extendedKeyUsage, [...new Set(Object.values(extendedUsageOids))]);
  });

  test('purposes by identifier come after the named ones, each once', async () => {
    const tbs = await leaf({ usages: ['server auth'], extendedKeyUsageOids: ['1.2.3.4', oid.serverAuth, '1.2.3.4'] });
    assert.deepEqual(tbs.extendedKeyUsage, [oid.serverAuth, '1.2.3.4']);
  });

  test('basic constraints always stand, with path length where there is one', async () => {
    assert.deepEqual((await leaf()).basicConstraints, { isCa: false, pathLength: undefined });
    assert.equal(toHex(found(await leaf(), oid.basicConstraints)?.value ?? new Uint8Array()), '3000');
    for (const pathLength of [undefined, 0, 1, 128])
      assert.deepEqual(tbsOf(await caTemplate({ basicConstraints: { isCa: true, pathLength } })).basicConstraints, {
        isCa: true,
        pathLength,
      });
  });

  test('key identifiers are that of the key and that of the issuer, and a root has the first alone', async () => {
    const tbs = await leaf();
    assert.equal(toHex(tbs.subjectKeyIdentifier ?? new Uint8Array()), toHex(keyIdentifier(await testPublicKey())));
    assert.deepEqual([...(tbs.authorityKeyIdentifier?.keyIdentifier ?? [])], [1, 2, 3]);
    const root = parseTbsCertificate(encodeTbsCertificate(await caTemplate(), { ...issuer, keyIdentifier: undefined }, Uint8Array.of(5)));
    assert.equal(root.authorityKeyIdentifier, undefined);
    assert.notEqual(root.subjectKeyIdentifier, undefined);
  });

  test('alternative names are critical beside an empty subject alone', async () => {
    assert.equal(found(await leaf({ subject: emptyName }), oid.subjectAltName)?.critical, true);
    assert.equal(found(await leaf(), oid.subjectAltName)?.critical, false);
  });

  test('name constraints are critical and come back whole', async () => {
    const nameConstraints = {
      permitted: [
        { base: { type: 'dns', value: 'example' } as const },
        { base: { type: 'ip-range', octets: Uint8Array.of(10, 0, 0, 0, 255, 0, 0, 0) } as const },
      ],
      excluded: [{ base: { type: 'email', value: 'not.example' } as const }],
    };
    const tbs = tbsOf(await caTemplate({ nameConstraints }));
    assert.deepEqual(tbs.nameConstraints, nameConstraints);
    assert.equal(found(tbs, oid.nameConstraints)?.critical, true);
  });

  test('URLs of revocation lists, OCSP servers and the issuer are written each in its place', async () => {
    const tbs = await leaf({
      crlDistributionPoints: ['http://a/1', 'http://a/2'],
      ocspServers: ['http://o/1', 'http://o/2'],
      issuingCertificateUrls: ['http://i'],
    });
    const points = decodeDistributionPoints(found(tbs, oid.crlDistributionPoints)?.value ?? new Uint8Array());
    assert.deepEqual(
      points.map(({ fullName }) => fullName),
      ['http://a/1', 'http://a/2'].map((value) => [{ type: 'uri', value }]),
    );
    const access = decodeInfoAccess(found(tbs, oid.authorityInfoAccess)?.value ?? new Uint8Array());
    assert.deepEqual(
      access.map(({ method, location }) => [method, location.type === 'uri' ? location.value : '']),
      [
        [oid.ocsp, 'http://o/1'],
        [oid.ocsp, 'http://o/2'],
        [oid.caIssuers, 'http://i'],
      ],
    );
  });

  test('extensions that nobody knows are carried through byte by byte, last and in order', async () => {
    const extraExtensions: readonly Extension[] = [
      { oid: '1.3.6.1.4.1.99999.1', critical: false, value: Uint8Array.from({ length: 300 }, (_, i) => i & 0xff) },
      { oid: '2.25.340282366920938463463374607431768211455', critical: true, value: new Uint8Array() },
    ];
    assert.deepEqual((await leaf({ extraExtensions })).extensions.slice(-2), extraExtensions);
  });

  test('an extension that the template writes itself cannot be put beside it', async () => {
    const san = { oid: oid.subjectAltName, critical: false, value: encodeGeneralNames([{ type: 'dns', value: 'evil.example' }]) };
    const twice = await leafTemplate({ extraExtensions: [san] });
    assertCoded('ExtensionInvalid', () => tbsOf(twice), /subjectAltName stands twice/);
  });

  test('times around 2049 and to the end of time are in the encoding of their year', async () => {
    for (const [notBefore, notAfter] of [
      ['1950-01-01T00:00:00Z', '2049-12-31T23:59:59Z'],
      ['2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z'],
      ['2050-01-01T00:00:00Z', '9999-12-31T23:59:59Z'],
    ] as const) {
      const tbs = await leaf({ notBefore: new Date(notBefore), notAfter: new Date(notAfter) });
      assert.deepEqual([tbs.notBefore, tbs.notAfter], [new Date(notBefore), new Date(notAfter)]);
      assert.equal(tbs.hasRightTimeEncoding, true);
    }
    assertCoded('TimeInvalid', () => tbsOf({ ...plain, notBefore: new Date('1949-12-31T23:59:59Z') }));
    assertCoded('TimeInvalid', () => tbsOf({ ...plain, notAfter: new Date(Number.NaN) }));
  });

  test('text that its field cannot hold is refused', () => {
    assertCoded('SanInvalid', () => tbsOf({ ...plain, subjectAltNames: [{ type: 'dns', value: 'bücher.example' }] }));
    assertCoded('SanInvalid', () => tbsOf({ ...plain, crlDistributionPoints: ['http://bücher.example/'] }));
    assertCoded('OidInvalid', () => tbsOf({ ...plain, extendedKeyUsageOids: ['1'] }));
  });

  test('a serial number is written as an unsigned number', async () => {
    const template = await leafTemplate();
    const serialOf = (octets: readonly number[]): readonly number[] => [
      ...parseTbsCertificate(encodeTbsCertificate(template, issuer, Uint8Array.from(octets))).serialNumber,
    ];
    assert.deepEqual(serialOf([0, 0, 1]), [1]);
    assert.deepEqual(serialOf([0xff]), [0, 0xff]);
  });
});
