import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate as RuntimeCertificate } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../base/bytes.ts';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import {
  caTemplate,
  leafTemplate,
  seededRandom,
  type TestCertificate,
  testCa,
  testCsr,
  testDay,
  testKey,
  testLeaf,
  testSigner,
} from '../testing/certificates.ts';
import { assertCodedRejection } from '../testing/coded-errors.ts';
import { assertGolden } from '../testing/golden.ts';
import { runs } from '../testing/runs.ts';
import { parseCsr, verifyCsr } from './csr.ts';
import { nullElement } from './der.ts';
import type { KeyAlgorithm } from './key-algorithm.ts';
import { lintCertificate } from './lint-certificate.ts';
import { emptyName } from './name.ts';
import { parseNameText } from './name-text.ts';
import { publicKeyOf } from './public-key.ts';
import { randomSerialNumbers, selfSignCertificate, signCertificate, signCertificates } from './sign-certificate.ts';
import { keySigner } from './signature-algorithm.ts';
import { noExpiry } from './time.ts';
import { certificatePem, isSignedBy, parseCertificate, parseFirstCertificate } from './x509-certificate.ts';

const random = seededRandom('sign-certificate.test');
const algorithms: readonly KeyAlgorithm[] = [
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'ecdsa-p256',
  'ecdsa-p384',
  'ecdsa-p521',
  'ed25519',
  'ml-dsa-44',
  'ml-dsa-65',
  'ml-dsa-87',
];

describe('signing', () => {
  for (const algorithm of algorithms)
    test(`a CA of ${algorithm} signs leaves that its key verifies`, async () => {
      const ca = await testCa({ algorithm });
      const leaf = await testLeaf(ca, { algorithm: 'ecdsa-p256' });
      assert.deepEqual(parseCertificate(leaf.raw), { ...leaf, signature: Uint8Array.from(leaf.signature) });
      assert.equal(isSignedBy(leaf, ca.certificate), true);
      assert.equal(isSignedBy(ca.certificate, ca.certificate), true);
      assert.equal(toHex(leaf.issuer.raw), toHex(ca.certificate.subject.raw));
      assert.equal(
        toHex(leaf.authorityKeyIdentifier?.keyIdentifier ?? new Uint8Array()),
        toHex(ca.certificate.subjectKeyIdentifier ?? new Uint8Array()),
      );
      if (algorithm.startsWith('ml-dsa')) return;
      assert.equal(new RuntimeCertificate(leaf.raw).verify(new RuntimeCertificate(ca.certificate.raw).publicKey), true);
    });

  test('many are signed in their order, and one with a fault has all of them refused before the key is used', async () => {
    const ca = await testCa();
    let signatures = 0;
    const sign = (data: Uint8Array): Uint8Array | Promise<Uint8Array> => {
      signatures++;
      return ca.signer.sign(data);
    };
    const issuer = { certificate: ca.certificate, signer: { ...ca.signer, sign } };
    const templates = await Promise.all(['a', 'b', 'c'].map((name) => leafTemplate({ subject: parseNameText(`CN=${name}`) })));
    const made = await signCertificates(templates, issuer, { random });
    assert.deepEqual(
      made.map(({ subject }) => toHex(subject.raw)),
      templates.map(({ subject }) => toHex(subject.raw)),
    );
    assert.equal(signatures, 3);
    assert.ok(made.every((certificate) => isSignedBy(certificate, ca.certificate)));
    const faulty = [...templates, await leafTemplate({ usages: ['cert sign', 'server auth'] })];
    await assertCodedRejection('CertificateRefused', () => signCertificates(faulty, issuer, { random }));
    assert.equal(signatures, 3);
    assert.deepEqual(await signCertificates([], issuer, { random }), []);
  });

  test('the bytes that lint read are the bytes that get signed', async () => {
    const ca = await testCa();
    let signed: Uint8Array | undefined;
    const sign = (data: Uint8Array): Uint8Array | Promise<Uint8Array> => {
      signed = data;
      return ca.signer.sign(data);
    };
    const watching = { ...ca.signer, sign };
    const leaf = await testLeaf({ certificate: ca.certificate, signer: watching });
    assert.equal(toHex(signed ?? new Uint8Array()), toHex(leaf.tbs));
    assert.deepEqual(lintCertificate(leaf, ca.certificate), []);
  });

  test('a certificate is the same to the byte for the same key, time and random octets', async () => {
    const ca = await testCa({ algorithm: 'ed25519', random: seededRandom('golden') });
    const leaf = await testLeaf(ca, {
      algorithm: 'rsa-2048',
      keyNumber: 0,
      random: seededRandom('golden leaf'),
      subject: parseNameText('CN=alice+UID=1,O=dev,O=ops,C=DE'),
      usages: ['digital signature', 'key encipherment', 'server auth', 'client auth'],
      subjectAltNames: [
        { type: 'dns', value: '*.leaf.example' },
        { type: 'ip', value: 'fd00::1' },
        { type: 'email', value: 'a@b.example' },
        { type: 'uri', value: 'spiffe://cluster.local/ns/a/sa/b' },
      ],
      crlDistributionPoints: ['http://a.example/crl'],
      ocspServers: ['http://o.example'],
      issuingCertificateUrls: ['http://i.example/ca.der'],
      extraExtensions: [{ oid: '1.3.6.1.4.1.99999.1', critical: false, value: Uint8Array.of(0xde, 0xad) }],
    });
    assertGolden('test/vectors/pki/certificates/ca.pem', certificatePem(ca.certificate));
    assertGolden('test/vectors/pki/certificates/leaf.pem', certificatePem(leaf));
  });

  test('a request becomes a certificate with the key it proves and the names that were decided', async () => {
    const ca = await testCa();
    const csr = parseCsr((await testCsr({ keyNumber: 7 })).raw);
    const publicKey = verifyCsr(csr);
    const leaf = await signCertificate(
      { ...(await leafTemplate()), publicKey, subject: csr.subject, subjectAltNames: csr.subjectAltNames ?? [] },
      ca,
      { random },
    );
    assert.equal(toHex(leaf.publicKey.spki), toHex(csr.publicKey.spki));
    assert.equal(isSignedBy(leaf, ca.certificate), true);
  });
});

describe('serial numbers', () => {
  test('they are 159 random bits and positive', () => {
    const asked: number[] = [];
    const all = (octet: number) => (length: number) => {
      asked.push(length);
      return new Uint8Array(length).fill(octet);
    };
    const hex = (octet: number): readonly string[] => randomSerialNumbers(all(octet), 3).map((serial) => toHex(serial));
    assert.deepEqual(hex(0xff), new Array(3).fill(`7f${'ff'.repeat(19)}`));
    assert.deepEqual(hex(0x80), new Array(3).fill(`00${'80'.repeat(19)}`));
    assert.deepEqual(hex(0x41), new Array(3).fill('41'.repeat(20)));
    assert.deepEqual(asked, [60, 60, 60]);
  });

  test('every bit but the first is taken from the random source', () => {
    const seen = new Uint8Array(20);
    const missing = new Uint8Array(20);
    for (const serial of randomSerialNumbers(random, 200)) {
      serial.forEach((octet, at) => {
        seen[at] = (seen[at] ?? 0) | octet;
        missing[at] = (missing[at] ?? 0) | (octet ^ 0xff);
      });
    }
    assert.equal(toHex(seen), `7f${'ff'.repeat(19)}`);
    assert.equal(toHex(missing), 'ff'.repeat(20));
  });

  test('a random source of zeros makes no certificate', async () => {
    const ca = await testCa();
    await assertCodedRejection(
      'CertificateRefused',
      () => testLeaf(ca, { random: (length) => new Uint8Array(length) }),
      /serial number is not positive/,
    );
  });

  test('two certificates of one template have two serial numbers', async () => {
    const ca = await testCa();
    assert.notEqual(toHex((await testLeaf(ca)).serialNumber), toHex((await testLeaf(ca)).serialNumber));
  });
});

describe('lifetimes', () => {
  test('a lifetime is cut to that of the CA at both ends', async () => {
    const ca = await testCa({ notBefore: testDay(0), notAfter: testDay(10) });
    const lifetime = async (notBefore: Date, notAfter: Date): Promise<readonly Date[]> => {
      const leaf = await testLeaf(ca, { notBefore, notAfter });
      return [leaf.notBefore, leaf.notAfter];
    };
    assert.deepEqual(await lifetime(testDay(1), testDay(9)), [testDay(1), testDay(9)]);
    assert.deepEqual(await lifetime(testDay(1), testDay(20)), [testDay(1), testDay(10)]);
    assert.deepEqual(await lifetime(testDay(-5), testDay(5)), [testDay(0), testDay(5)]);
    assert.deepEqual(await lifetime(testDay(-5), noExpiry), [testDay(0), testDay(10)]);
  });

  test('backdating is what the template says', async () => {
    const ca = await testCa({ notBefore: testDay(-100) });
    assert.deepEqual((await testLeaf(ca, { notBefore: testDay(-50) })).notBefore, testDay(-50));
  });

  test('nothing is signed where nothing of the lifetime is left', async () => {
    const ca = await testCa({ notBefore: testDay(-10), notAfter: testDay(-1) });
    await assertCodedRejection(
      'IssuerExpired',
      () => testLeaf(ca, { notBefore: testDay(0), notAfter: testDay(1) }),
      /valid from 2026-02-19T12:00:00\.000Z to 2026-02-28T12:00:00\.000Z/,
    );
    await assertCodedRejection('IssuerExpired', () => testLeaf(ca, { notBefore: testDay(-1), notAfter: testDay(1) }));
    const later = await testCa({ notBefore: testDay(5), notAfter: testDay(10) });
    await assertCodedRejection(
      'IssuerExpired',
      () => testLeaf(later, { notBefore: testDay(0), notAfter: testDay(4) }),
      /valid from 2026-03-06T12:00:00\.000Z/,
    );
  });

  test('a lifetime the wrong way round is refused for what it is', async () => {
    const ca = await testCa();
    await assertCodedRejection(
      'CertificateRefused',
      () => testLeaf(ca, { notBefore: testDay(2), notAfter: testDay(1) }),
      /validity-inverted/,
    );
  });

  test('whatever is asked for, the certificate lies within its CA', async () => {
    const ca = await testCa({ notBefore: testDay(-30), notAfter: testDay(30) });
    const day = fc.integer({ min: -100, max: 100 });
    await fc.assert(
      fc.asyncProperty(day, day, async (start, end) => {
        const made = await testLeaf(ca, { notBefore: testDay(start), notAfter: testDay(end) }).catch((error: unknown) => error);
        if (made instanceof CodedError) {
          assert.equal(made.code, end < start ? 'CertificateRefused' : 'IssuerExpired');
          return;
        }
        const { notBefore, notAfter } = made as Awaited<ReturnType<typeof testLeaf>>;
        assert.ok(notBefore >= ca.certificate.notBefore && notAfter <= ca.certificate.notAfter && notBefore <= notAfter);
        assert.deepEqual([notBefore, notAfter], [testDay(Math.max(start, -30)), testDay(Math.min(end, 30))]);
      }),
      { numRuns: runs(100, 5_000) },
    );
  });

  test('roots live to the end of time where they are asked to', async () => {
    const { certificate } = await testCa({ notBefore: new Date('2049-12-31T23:59:59Z'), notAfter: noExpiry });
    assert.deepEqual(certificate.notAfter, noExpiry);
    assert.equal(certificate.hasRightTimeEncoding, true);
  });
});

describe('refusals', () => {
  const refused =
    (changes: TestCertificate): (() => Promise<unknown>) =>
    async () =>
      testLeaf(await testCa(), changes);

  test('what lint finds is refused with every finding by name, before the key is touched', async () => {
    const ca = await testCa();
    let touched = false;
    const signer = {
      ...ca.signer,
      sign: (data: Uint8Array) => {
        touched = true;
        return ca.signer.sign(data);
      },
    };
    const subjectAltNames = [{ type: 'dns', value: 'a b' } as const];
    await assert.rejects(testLeaf({ certificate: ca.certificate, signer }, { subject: 'a"\n', subjectAltNames }), (error: unknown) => {
      assert.ok(error instanceof CodedError);
      assert.equal(error.code, 'CertificateRefused');
      assert.match(
        error.message,
        /^cannot sign certificate for "CN=a\\\\\\"\\\\0a": .*\(attribute-control-character\); .*\(san-invalid\)$/,
      );
      const findings = error.details?.['findings'];
      assert.ok(Array.isArray(findings));
      assert.deepEqual(
        findings.map(({ name }) => name),
        ['attribute-control-character', 'san-invalid'],
      );
      return true;
    });
    assert.equal(touched, false);
  });

  test('a refusal stays short, however much is wrong', async () => {
    const subjectAltNames = Array.from({ length: 20_000 }, (_, i) => ({ type: 'dns', value: `a b${i}` }) as const);
    await assert.rejects(testLeaf(await testCa(), { subject: 'a'.repeat(10_000), subjectAltNames }), (error: unknown) => {
      assert.ok(error instanceof CodedError);
      assert.match(error.message, /; and 19991 more$/);
      assert.ok(error.message.length < 4_000, `${error.message.length} characters`);
      return true;
    });
  });

  test('a finding that is accepted by name is signed, and only that', async () => {
    const ca = await testCa();
    const leaf = await testLeaf(ca, { subject: 'a'.repeat(65), accept: ['attribute-too-long'] });
    assert.deepEqual(
      lintCertificate(leaf, ca.certificate).map(({ name }) => name),
      ['attribute-too-long'],
    );
    await assertCodedRejection(
      'CertificateRefused',
      refused({ subject: 'a'.repeat(65), usages: ['digital signature'], accept: ['attribute-too-long'] }),
      /extended-key-usage-missing/,
    );
    await assertCodedRejection('CertificateRefused', refused({ subject: 'a'.repeat(65) }));
  });

  test('a certificate that is no CA signs nothing', async () => {
    const ca = await testCa();
    const leaf = await testLeaf(ca, { keyNumber: 8 });
    const signer = await testSigner('ecdsa-p256', 8);
    await assertCodedRejection(
      'IssuerNotCa',
      () => testLeaf({ certificate: leaf, signer }),
      /"CN=leaf\.example": it is not a CA certificate/,
    );
    // Without basic constraints at all, as a version 1 certificate has none.
    await assertCodedRejection('IssuerNotCa', () => testLeaf({ ...ca, certificate: { ...ca.certificate, basicConstraints: undefined } }));
  });

  test('a key that is not that of the CA signs nothing', async () => {
    const ca = await testCa();
    const signer = await testSigner('ecdsa-p256', 9);
    await assertCodedRejection('SignerMismatch', () => testLeaf({ certificate: ca.certificate, signer }));
    const template = await caTemplate();
    await assertCodedRejection('SignerMismatch', () => selfSignCertificate(template, signer, { random }), /cannot self-sign "CN=Test CA"/);
  });

  test('a self-signed leaf is a leaf that its own key signed', async () => {
    const signer = await testSigner();
    const leaf = await selfSignCertificate(await leafTemplate(), signer, { random });
    assert.equal(isSignedBy(leaf, leaf), true);
    assert.equal(leaf.authorityKeyIdentifier, undefined);
  });

  test('names of another meaning in the template cannot leave their field', async () => {
    for (const value of ['a.example, DNS:evil.example', 'a.example\u0000.evil.example', 'a.example\nDNS:evil.example', 'bücher.example']) {
      const made = await testLeaf(await testCa(), { subjectAltNames: [{ type: 'dns', value }] }).catch((error: unknown) => error);
      assert.ok(made instanceof CodedError && ['CertificateRefused', 'SanInvalid'].includes(made.code), value);
    }
  });

  test('an extension nobody knows is signed where it is not critical', async () => {
    const extraExtensions = [{ oid: '1.2.3.4', critical: false, value: nullElement }];
    const leaf = await testLeaf(await testCa(), { extraExtensions });
    assert.deepEqual(leaf.extensions.at(-1), extraExtensions[0]);
    await assertCodedRejection(
      'CertificateRefused',
      refused({ extraExtensions: [{ oid: '1.2.3.4', critical: true, value: nullElement }] }),
      /extension-unknown-critical/,
    );
  });

  test('a certificate read from PEM signs as the one that was made', async () => {
    const ca = await testCa();
    const read = parseFirstCertificate(certificatePem(ca.certificate));
    const leaf = await testLeaf({ certificate: read, signer: ca.signer }, { subject: emptyName });
    assert.equal(isSignedBy(leaf, ca.certificate), true);
    assert.equal((await testKey()).equals(ca.key), true);
  });
});

describe('a damaged key', () => {
  test('is told by code when it comes to signing', async () => {
    const jwk = (await testKey('rsa-2048')).export({ format: 'jwk' });
    const prime = Buffer.from(jwk.p ?? '', 'base64url');
    prime[prime.length - 1] = 0;
    const damaged = createPrivateKey({ key: { ...jwk, p: prime.toString('base64url') }, format: 'jwk' });
    const signer = keySigner(damaged, publicKeyOf(damaged));
    assert.throws(
      () => signer.sign(new Uint8Array(10)),
      (error) => isCodedError(error) && error.code === 'KeyInvalid',
    );
  });
});
