import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toHex, toUtf8 } from '../base/bytes.ts';
import { csrDer } from '../testing/certificate-der.ts';
import { testCsr, testKey, testPublicKey, testSigner } from '../testing/certificates.ts';
import { assertCoded, assertCodedRejection } from '../testing/coded-errors.ts';
import { csrPem, makeCsr, parseCsr, readCsr, verifyCsr } from './csr.ts';
import {
  contextConstructedTag,
  contextTag,
  element,
  nullElement,
  octetBitString,
  octetString,
  sequence,
  setOf,
  smallInteger,
  tag,
} from './der.ts';
import {
  type Extension,
  encodeBasicConstraints,
  encodeExtendedKeyUsage,
  encodeExtensions,
  encodeGeneralNames,
  encodeKeyUsage,
} from './extension.ts';
import type { GeneralName } from './general-name.ts';
import type { KeyAlgorithm } from './key-algorithm.ts';
import { emptyName, subjectName } from './name.ts';
import { formatName, parseNameText } from './name-text.ts';
import { encodeOid, oid } from './oid.ts';
import { encodePem } from './pem.ts';
import { signatureAlgorithmFor } from './signature-algorithm.ts';

const algorithms: readonly KeyAlgorithm[] = [
  'rsa-2048',
  'rsa-4096',
  'ecdsa-p256',
  'ecdsa-p384',
  'ecdsa-p521',
  'ed25519',
  'ml-dsa-44',
  'ml-dsa-65',
  'ml-dsa-87',
];
const attributes = (...members: Uint8Array[]): Uint8Array => element(contextConstructedTag(0), ...members);
const attribute = (type: string, ...values: Uint8Array[]): Uint8Array => sequence(encodeOid(type), setOf(values));

describe('requests', () => {
  for (const algorithm of algorithms)
    test(`a request of ${algorithm} is made, read back whole, and proves possession of its key`, async () => {
      const csr = await testCsr({ algorithm });
      const read = readCsr(csrPem(csr));
      assert.deepEqual(read, csr);
      assert.equal(read.publicKey.algorithm, algorithm);
      assert.equal(toHex(verifyCsr(read).spki), toHex((await testPublicKey(algorithm)).spki));
      assert.equal(read.signatureAlgorithm.name, signatureAlgorithmFor(algorithm).name);
    });

  test('what is asked for is written and read: names of every type and further extensions, in order', async () => {
    const names: readonly GeneralName[] = [
      { type: 'dns', value: '*.a.example' },
      { type: 'ip', value: 'fd00::1' },
      { type: 'email', value: 'a@b.example' },
      { type: 'uri', value: 'spiffe://a/b' },
    ];
    const extensions: readonly Extension[] = [
      { oid: oid.extendedKeyUsage, critical: false, value: encodeExtendedKeyUsage([oid.serverAuth]) },
      { oid: oid.keyUsage, critical: true, value: encodeKeyUsage(['digital signature']) },
      { oid: '1.2.3.4', critical: true, value: Uint8Array.of(0xff) },
      { oid: oid.basicConstraints, critical: true, value: encodeBasicConstraints({ isCa: true, pathLength: 0 }) },
    ];
    const csr = await testCsr({ subject: parseNameText('CN=alice+UID=1,O=dev'), subjectAltNames: names, extensions });
    assert.equal(formatName(csr.subject), 'CN=alice+UID=1,O=dev');
    assert.deepEqual(csr.subjectAltNames, names);
    assert.deepEqual(csr.extendedKeyUsage, [oid.serverAuth]);
    assert.deepEqual(csr.keyUsage, ['digital signature']);
    assert.deepEqual(csr.basicConstraints, { isCa: true, pathLength: 0 });
    assert.deepEqual(csr.extensions, [{ oid: oid.subjectAltName, critical: false, value: encodeGeneralNames(names) }, ...extensions]);
    assert.deepEqual(csr.attributes, [oid.extensionRequest]);
  });

  test('alternative names are critical beside an empty subject', async () => {
    const csr = await testCsr({ subject: emptyName });
    assert.equal(csr.extensions[0]?.critical, true);
  });

  test('a request that asks for no extension has an empty list of attributes', async () => {
    const csr = await testCsr({ subjectAltNames: [] });
    assert.deepEqual(csr.attributes, []);
    assert.deepEqual(csr.extensions, []);
    assert.equal(toHex(csr.info).endsWith('a000'), true);
  });

  test('asking for one extension twice is refused', async () => {
    const san = { oid: oid.subjectAltName, critical: false, value: encodeGeneralNames([{ type: 'dns', value: 'b' }]) };
    await assertCodedRejection('ExtensionInvalid', () => testCsr({ extensions: [san] }), /stands twice/);
  });

  test('a tampered request is refused: every part of what is signed, and the signature', async () => {
    for (const algorithm of ['ecdsa-p256', 'rsa-2048', 'ed25519', 'ml-dsa-44'] as const) {
      const csr = await testCsr({ algorithm });
      const other = await testCsr({ algorithm, keyNumber: 4 });
      const subject = await testCsr({ algorithm, subject: subjectName('mallory') });
      for (const tampered of [
        { ...csr, info: subject.info },
        { ...csr, signature: subject.signature },
        { ...csr, signature: other.signature },
        { ...csr, publicKey: other.publicKey },
        { ...csr, signature: new Uint8Array() },
      ])
        assertCoded('CsrSignatureInvalid', () => verifyCsr(tampered), /it is not signed by the key inside it/);
      // One bit of the request as it travels.
      const der = Uint8Array.from(csr.raw);
      const at = der.length - csr.signature.length - 40;
      der[at] = (der[at] ?? 0) ^ 1;
      let code: unknown;
      try {
        verifyCsr(parseCsr(der));
      } catch (error) {
        code = (error as { code?: unknown }).code;
      }
      assert.ok(
        ['CsrSignatureInvalid', 'DerInvalid', 'OidInvalid', 'SignatureAlgorithmUnsupported', 'SanInvalid', 'ExtensionInvalid'].includes(
          String(code),
        ),
        String(code),
      );
    }
  });

  test('a request that carries the key of another is refused', async () => {
    const stolen = await testPublicKey('ecdsa-p256', 6);
    const signer = await testSigner('ecdsa-p256');
    const csr = await makeCsr({ subject: subjectName('a') }, { ...signer, publicKey: stolen });
    assertCoded('CsrSignatureInvalid', () => verifyCsr(csr));
  });

  test('a weak signature is refused', async () => {
    const csr = parseCsr(
      csrDer({ publicKey: (await testPublicKey('rsa-2048')).spki, algorithm: sequence(encodeOid(oid.sha1WithRsa), nullElement) }),
    );
    assertCoded('SignatureAlgorithmUnsupported', () => verifyCsr(csr));
  });

  test('a signer elsewhere may take its time', async () => {
    const local = await testSigner('ecdsa-p256');
    const csr = await makeCsr({ subject: subjectName('a') }, { ...local, sign: async (data) => local.sign(data) });
    verifyCsr(csr);
  });
});

describe('requests of others', () => {
  test('other attributes are told by type, and a missing list counts as empty', async () => {
    const password = attribute(oid.challengePassword, element(tag.utf8String, toUtf8('x')));
    const csr = parseCsr(csrDer({ attributes: attributes(password) }));
    assert.deepEqual(csr.attributes, [oid.challengePassword]);
    assert.deepEqual(csr.extensions, []);
    assert.deepEqual(parseCsr(csrDer({ attributes: new Uint8Array() })).attributes, []);
  });

  test('malformed requests are refused', async () => {
    const extensions = encodeExtensions([{ oid: '1.2.3.4', critical: false, value: new Uint8Array() }]);
    const requested = attribute(oid.extensionRequest, extensions);
    assertCoded('CsrInvalid', () => parseCsr(csrDer({ version: smallInteger(1) })), /its version is not 1/);
    assertCoded('CsrInvalid', () => parseCsr(csrDer({ attributes: attributes(requested, requested) })), /stands twice/);
    for (const members of [
      [attribute(oid.extensionRequest)],
      [attribute(oid.extensionRequest, extensions, extensions)],
      [sequence(encodeOid(oid.extensionRequest))],
      [sequence(encodeOid(oid.extensionRequest), setOf([extensions]), nullElement)],
      [nullElement],
    ])
      assertCoded('DerInvalid', () => parseCsr(csrDer({ attributes: attributes(...members) })));
    assertCoded('ExtensionInvalid', () => parseCsr(csrDer({ attributes: attributes(attribute(oid.extensionRequest, sequence())) })));
    const many = Array.from({ length: 101 }, (_, i) => attribute(`1.2.3.${i}`));
    assertCoded('InputTooLarge', () => parseCsr(csrDer({ attributes: attributes(...many) })));
    assert.equal(parseCsr(csrDer({ attributes: attributes(...many.slice(1)) })).attributes.length, 100);
    assertCoded('DerInvalid', () => parseCsr(csrDer({ rest: nullElement })));
    assertCoded('DerInvalid', () => parseCsr(csrDer({ afterSignature: nullElement })));
    assertCoded('DerInvalid', () => parseCsr(Buffer.concat([csrDer(), nullElement])));
    assertCoded('DerInvalid', () => parseCsr(csrDer({ attributes: element(contextTag(0)) })));
    assertCoded('DerInvalid', () => parseCsr(csrDer({ signature: octetString() })));
    assertCoded('KeyUnsupported', () =>
      parseCsr(csrDer({ publicKey: sequence(sequence(encodeOid(oid.ed448)), octetBitString(new Uint8Array(57))) })),
    );
  });

  test('both PEM labels are read, with text around them, and others are refused', async () => {
    const csr = await testCsr();
    for (const label of ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST']) {
      const text = `Certificate Request:\n${encodePem(label, csr.raw)}`;
      assert.deepEqual(readCsr(text), csr);
      assert.deepEqual(readCsr(toUtf8(text)), csr);
    }
    assert.deepEqual(readCsr(csr.raw), csr);
    assertCoded(
      'PemInvalid',
      () => readCsr(encodePem('CERTIFICATE', csr.raw), 'a.csr'),
      /^cannot read a\.csr: expected "CERTIFICATE REQUEST", but it holds "CERTIFICATE"/,
    );
    assertCoded('PemInvalid', () => readCsr(''));
    assertCoded('PemInvalid', () => readCsr(Buffer.concat([Uint8Array.of(0xff), Buffer.from(csrPem(csr))])));
  });

  test('a handle made beforehand gives the same answer', async () => {
    const csr = await testCsr({ algorithm: 'ecdsa-p256' });
    verifyCsr(csr, await testKey('ecdsa-p256'));
    assertCoded('CsrSignatureInvalid', () => verifyCsr({ ...csr, signature: new Uint8Array() }));
  });
});
