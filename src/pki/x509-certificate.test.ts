import assert from 'node:assert/strict';
import { X509Certificate as RuntimeCertificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { toHex, toUtf8 } from '../base/bytes.ts';
import { certificateDer, extensionsField, tbsDer } from '../testing/certificate-der.ts';
import { testCa, testDay, testKey, testLeaf } from '../testing/certificates.ts';
import { assertCoded } from '../testing/coded-errors.ts';
import {
  booleanTrue,
  contextConstructedTag,
  contextTag,
  element,
  nullElement,
  octetBitString,
  octetString,
  sequence,
  smallInteger,
  tag,
  unsignedInteger,
} from './der.ts';
import { encodeExtension } from './extension.ts';
import { subjectName } from './name.ts';
import { formatName, parseNameText } from './name-text.ts';
import { encodeOid, oid } from './oid.ts';
import { encodePem } from './pem.ts';
import { publicKeyOf } from './public-key.ts';
import {
  certificateFingerprint,
  certificateKey,
  certificatePem,
  formatSerialNumber,
  isCa,
  isSelfIssued,
  isSignedBy,
  parseCertificate,
  parseCertificates,
  parseFirstCertificate,
  parseTbsCertificate,
} from './x509-certificate.ts';

const version = (value: number): Uint8Array => element(contextConstructedTag(0), smallInteger(value));
const none = new Uint8Array();
const unknown = encodeExtension({ oid: '1.2.3.4', critical: true, value: Uint8Array.of(0xff, 0, 1) });
const time = (timeTag: number, text: string): Uint8Array => element(timeTag, toUtf8(text));

describe('certificates as they are read', () => {
  test('every field is taken as it stands', () => {
    const der = certificateDer({
      serialNumber: unsignedInteger(Uint8Array.of(0xab, 1)),
      subject: parseNameText('CN=a+OU=b,O=c').raw,
      extensions: extensionsField(unknown),
      signature: octetBitString(Uint8Array.of(1, 2, 3)),
    });
    const certificate = parseCertificate(der);
    assert.equal(certificate.version, 3);
    assert.deepEqual([...certificate.serialNumber], [0, 0xab, 1]);
    assert.equal(certificate.signatureAlgorithm.name, 'ecdsa-with-SHA256');
    assert.equal(formatName(certificate.issuer), 'CN=Test CA');
    assert.equal(formatName(certificate.subject), 'CN=a+OU=b,O=c');
    assert.deepEqual([certificate.notBefore, certificate.notAfter], [testDay(-1), testDay(90)]);
    assert.equal(certificate.hasRightTimeEncoding, true);
    assert.equal(certificate.hasUniqueIds, false);
    assert.equal(certificateKey(certificate).algorithm, 'ecdsa-p256');
    assert.deepEqual(certificate.extensions, [{ oid: '1.2.3.4', critical: true, value: Uint8Array.of(0xff, 0, 1) }]);
    assert.deepEqual([...certificate.signature], [1, 2, 3]);
    assert.equal(certificate.raw, der);
    assert.deepEqual(certificate.tbs, der.subarray(3, 3 + certificate.tbs.length));
    assert.equal(certificate.tbs.buffer, der.buffer);
    for (const known of [certificate.keyUsage, certificate.extendedKeyUsage, certificate.subjectAltNames, certificate.basicConstraints])
      assert.equal(known, undefined);
  });

  test('versions 1 and 2 are read, with the fields they may have', () => {
    const first = parseCertificate(certificateDer({ version: none }));
    assert.equal(first.version, 1);
    assert.deepEqual(first.extensions, []);
    const second = parseCertificate(certificateDer({ version: version(1), uniqueIds: element(contextTag(2), Uint8Array.of(0)) }));
    assert.equal(second.version, 2);
    assert.equal(second.hasUniqueIds, true);
  });

  test('fields that a version may not have, and versions that are none, are refused', () => {
    assertCoded(
      'CertificateInvalid',
      () => parseCertificate(certificateDer({ version: version(0) })),
      /DER leaves out version where it is 1/,
    );
    assertCoded(
      'CertificateInvalid',
      () => parseCertificate(certificateDer({ version: none, extensions: extensionsField(unknown) })),
      /only version 3 has extensions/,
    );
    assertCoded('CertificateInvalid', () =>
      parseCertificate(certificateDer({ version: version(1), extensions: extensionsField(unknown) })),
    );
    for (const number of [1, 2])
      assertCoded('CertificateInvalid', () =>
        parseCertificate(certificateDer({ version: none, uniqueIds: element(contextTag(number), Uint8Array.of(0)) })),
      );
    assertCoded('DerInvalid', () => parseCertificate(certificateDer({ version: version(3) })));
    assertCoded('DerInvalid', () =>
      parseCertificate(certificateDer({ version: element(contextConstructedTag(0), smallInteger(2), nullElement) })),
    );
  });

  test('the two algorithm fields must be the same bytes', () => {
    const rsa = sequence(encodeOid(oid.sha256WithRsa), nullElement);
    assertCoded('CertificateInvalid', () => parseCertificate(certificateDer({ outerAlgorithm: rsa })), /signature algorithm differ/);
    assertCoded('CertificateInvalid', () =>
      parseCertificate(certificateDer({ algorithm: rsa, outerAlgorithm: sequence(encodeOid(oid.sha256WithRsa)) })),
    );
  });

  test('bytes left over are refused at every level', () => {
    assertCoded('CertificateInvalid', () => parseCertificate(certificateDer({ afterSignature: nullElement })));
    assertCoded('DerInvalid', () => parseCertificate(Buffer.concat([certificateDer(), nullElement])));
    assertCoded('DerInvalid', () => parseCertificate(certificateDer({ rest: nullElement })));
    assertCoded('DerInvalid', () =>
      parseCertificate(certificateDer({ extensions: element(contextConstructedTag(3), sequence(unknown), nullElement) })),
    );
    assertCoded('DerInvalid', () =>
      parseCertificate(
        certificateDer({ validity: sequence(time(tag.utcTime, '260101000000Z'), time(tag.utcTime, '270101000000Z'), nullElement) }),
      ),
    );
  });

  test('malformed fields are refused with the code of what they are', () => {
    assertCoded(
      'TimeInvalid',
      () => parseCertificate(certificateDer({ validity: sequence(time(tag.utcTime, '2601010000Z'), time(tag.utcTime, '270101000000Z')) })),
      /notBefore/,
    );
    assertCoded('DerInvalid', () => parseCertificate(certificateDer({ validity: sequence(time(tag.utcTime, '260101000000Z')) })));
    assertCoded('DerInvalid', () => parseCertificate(certificateDer({ serialNumber: Uint8Array.of(2, 0) })), /serial number/);
    assertCoded('DerInvalid', () => parseCertificate(certificateDer({ serialNumber: Uint8Array.of(2, 2, 0, 1) })));
    assertCoded(
      'ExtensionInvalid',
      () => parseCertificate(certificateDer({ extensions: extensionsField(unknown, unknown) })),
      /stands twice/,
    );
    assertCoded('ExtensionInvalid', () => parseCertificate(certificateDer({ extensions: extensionsField() })), /the list is empty/);
    const malformed = (type: string): Uint8Array => extensionsField(encodeExtension({ oid: type, critical: false, value: nullElement }));
    for (const type of [
      oid.basicConstraints,
      oid.keyUsage,
      oid.extendedKeyUsage,
      oid.subjectAltName,
      oid.nameConstraints,
      oid.subjectKeyIdentifier,
      oid.authorityKeyIdentifier,
    ])
      assertCoded('DerInvalid', () => parseCertificate(certificateDer({ extensions: malformed(type) })));
    assertCoded('DerInvalid', () => parseCertificate(certificateDer({ signature: octetString(none) })));
    assertCoded('DerInvalid', () => parseCertificate(certificateDer({ signature: Uint8Array.of(3, 2, 1, 0) })), /not of whole octets/);
    assertCoded('DerInvalid', () => parseCertificate(certificateDer({ publicKey: sequence() })));
    for (const der of [none, nullElement, sequence(), sequence(tbsDer())]) assertCoded('DerInvalid', () => parseCertificate(der));
  });

  test('keys and algorithms that are not accepted can be read and looked at', () => {
    const key = sequence(sequence(encodeOid('1.2.3.4'), nullElement), octetBitString(Uint8Array.of(1)));
    const md5 = sequence(encodeOid('1.2.840.113549.1.1.4'), nullElement);
    const certificate = parseCertificate(certificateDer({ publicKey: key, algorithm: md5 }));
    assert.equal(certificate.publicKey.algorithmOid, '1.2.3.4');
    assert.equal(certificate.signatureAlgorithm.oid, '1.2.840.113549.1.1.4');
    assertCoded('KeyUnsupported', () => certificateKey(certificate));
  });

  test('times of both encodings are read, and the wrong one for its year is told', () => {
    const wrong = sequence(time(tag.generalizedTime, '20260101000000Z'), time(tag.generalizedTime, '20500101000000Z'));
    const right = sequence(time(tag.utcTime, '491231235959Z'), time(tag.generalizedTime, '99991231235959Z'));
    assert.equal(parseTbsCertificate(tbsDer({ validity: wrong })).hasRightTimeEncoding, false);
    const read = parseTbsCertificate(tbsDer({ validity: right }));
    assert.equal(read.hasRightTimeEncoding, true);
    assert.equal(read.notBefore.toISOString(), '2049-12-31T23:59:59.000Z');
    assert.equal(read.notAfter.toISOString(), '9999-12-31T23:59:59.000Z');
  });
});

describe('certificates in files', () => {
  test('every certificate of PEM text or one of DER is read in order, other blocks passed over', async () => {
    const ca = await testCa();
    const leaf = await testLeaf(ca);
    const text = `${encodePem('PRIVATE KEY', nullElement)}subject=a\n${certificatePem(leaf)}${encodePem('X509 CERTIFICATE', ca.certificate.raw)}${encodePem('TRUSTED CERTIFICATE', ca.certificate.raw)}`;
    for (const input of [text, toUtf8(text)])
      assert.deepEqual(
        parseCertificates(input).map(certificateFingerprint),
        [leaf, ca.certificate, ca.certificate].map(certificateFingerprint),
      );
    assert.deepEqual(parseCertificates(leaf.raw).map(certificateFingerprint), [certificateFingerprint(leaf)]);
    assert.equal(certificateFingerprint(parseFirstCertificate(text)), certificateFingerprint(leaf));
    assert.deepEqual(parseCertificates(''), []);
    assertCoded('PemInvalid', () => parseFirstCertificate('', 'ca.pem'), /^cannot read ca\.pem: it holds no certificate/);
    assertCoded('PemInvalid', () => parseFirstCertificate(encodePem('PRIVATE KEY', nullElement)));
  });

  test('DER that carries PEM text in a field is read as what it is', () => {
    const inner = encodePem('CERTIFICATE', certificateDer({ subject: subjectName('inner').raw }));
    const comment = encodeExtension({ oid: '2.16.840.1.113730.1.13', critical: false, value: element(tag.ia5String, toUtf8(inner)) });
    const outer = certificateDer({ subject: subjectName('outer').raw, extensions: extensionsField(comment) });
    assert.deepEqual(
      parseCertificates(outer).map(({ subject }) => formatName(subject)),
      ['CN=outer'],
    );
  });

  test('the fingerprint is SHA-256 over the DER, as the runtime has it', async () => {
    const { certificate } = await testCa();
    const runtime = new RuntimeCertificate(certificate.raw);
    assert.equal(certificateFingerprint(certificate).toUpperCase(), runtime.fingerprint256.replaceAll(':', ''));
    assert.equal(certificatePem(certificate), runtime.toString());
  });
});

describe('what certificates are to each other', () => {
  test('a certificate is signed by the key of its issuer alone', async () => {
    const ca = await testCa();
    const other = await testCa({ keyNumber: 5 });
    const leaf = await testLeaf(ca);
    assert.equal(isSignedBy(leaf, ca.certificate), true);
    assert.equal(isSignedBy(ca.certificate, ca.certificate), true);
    assert.equal(isSignedBy(leaf, other.certificate), false);
    assert.equal(isSignedBy(leaf, leaf), false);
    const damaged = Uint8Array.from(leaf.raw);
    damaged[30] = (damaged[30] ?? 0) ^ 1;
    assert.equal(isSignedBy({ ...leaf, tbs: damaged.subarray(4, 4 + leaf.tbs.length) }, ca.certificate), false);
  });

  test('a weak algorithm, or a key that is not accepted, proves nothing', async () => {
    const ca = await testCa();
    const leaf = await testLeaf(ca);
    const weak = parseCertificate(certificateDer({ algorithm: sequence(encodeOid(oid.sha1WithRsa), nullElement) }));
    assert.equal(isSignedBy(weak, (await testCa({ algorithm: 'rsa-2048' })).certificate), false);
    assert.equal(isSignedBy(leaf, { ...ca.certificate, publicKey: { ...ca.certificate.publicKey, algorithmOid: oid.ed448 } }), false);
  });

  test('self-issued is by name, and a CA is by basic constraints alone', async () => {
    const ca = await testCa();
    assert.equal(isSelfIssued(ca.certificate), true);
    assert.equal(isSelfIssued(await testLeaf(ca)), false);
    assert.equal(isSelfIssued(parseTbsCertificate(tbsDer({ subject: subjectName('TEST ca').raw }))), true);
    assert.equal(isCa(ca.certificate), true);
    assert.equal(isCa(await testLeaf(ca)), false);
    const certSign = encodeExtension({ oid: oid.keyUsage, critical: true, value: Uint8Array.of(3, 2, 2, 4) });
    assert.equal(isCa(parseTbsCertificate(tbsDer({ extensions: extensionsField(certSign) }))), false);
    assert.equal(isCa(parseTbsCertificate(tbsDer({ version: none }))), false);
    const basic = encodeExtension({ oid: oid.basicConstraints, critical: false, value: sequence(booleanTrue) });
    assert.equal(isCa(parseTbsCertificate(tbsDer({ extensions: extensionsField(basic) }))), true);
  });

  test('the key of a certificate is the one it was made for', async () => {
    const leaf = await testLeaf(await testCa(), { algorithm: 'ed25519' });
    assert.equal(toHex(certificateKey(leaf).spki), toHex(publicKeyOf(await testKey('ed25519', 1)).spki));
  });
});

describe('serial numbers as text', () => {
  test('they are upper-case hex as OpenSSL prints them, negative ones with a minus', () => {
    const table: readonly (readonly [readonly number[], string])[] = [
      [[0], '00'],
      [[1], '01'],
      [[0x7f, 0xff], '7FFF'],
      [[0, 0x80], '80'],
      [[0, 0xab, 0xcd], 'ABCD'],
      [[0xff], '-01'],
      [[0x80], '-80'],
      [[0x80, 0], '-8000'],
      [[0xff, 0x7f], '-81'],
    ];
    for (const [octets, text] of table) assert.equal(formatSerialNumber(Uint8Array.from(octets)), text);
  });

  test('the runtime prints positive ones the same', async () => {
    const { certificate } = await testCa();
    assert.equal(formatSerialNumber(certificate.serialNumber), new RuntimeCertificate(certificate.raw).serialNumber);
  });
});
