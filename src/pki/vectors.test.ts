import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../base/error-codes.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { repositoryRoot } from '../testing/golden.ts';
import { readCsr, verifyCsr } from './csr.ts';
import { formatGeneralName } from './general-name-text.ts';
import { lintCertificate } from './lint-certificate.ts';
import { formatName } from './name-text.ts';
import { isSignatureValid } from './signature-algorithm.ts';
import { certificateKey, formatSerialNumber, isSignedBy, parseFirstCertificate } from './x509-certificate.ts';

const folder = join(repositoryRoot, 'test/vectors/pki');
const read = (path: string): string => readFileSync(join(folder, path), 'utf8');

describe('requests of others', () => {
  for (const key of ['rsa-2048', 'ecdsa-p256', 'ecdsa-p384', 'ed25519'])
    test(`a request of Go for ${key} is read whole and proves its key`, () => {
      const csr = readCsr(read(`requests/go-${key}.csr`));
      assert.equal(verifyCsr(csr).algorithm, key);
      assert.equal(formatName(csr.subject), '2.5.4.99=é,SERIALNUMBER=7,CN=leaf.example,O=dev+O=ops,C=DE');
      assert.deepEqual(csr.subjectAltNames?.map(formatGeneralName), [
        ...['DNS:leaf.example', 'DNS:*.leaf.example', 'email:a@b.example', 'IP Address:10.0.0.1', 'IP Address:fd00::1'],
        'URI:spiffe://cluster.local/ns/a/sa/b',
      ]);
      assert.deepEqual(csr.extensions.at(-1), { oid: '1.2.3.4', critical: false, value: Uint8Array.of(5, 0) });
    });

  test('a request of cfssl is read whole and proves its key', () => {
    const csr = readCsr(read('requests/cfssl-ecdsa-p256.csr'));
    assert.equal(verifyCsr(csr).algorithm, 'ecdsa-p256');
    assert.equal(formatName(csr.subject), 'CN=leaf.example,OU=x,O=dev,L=Ulm,ST=BW,C=DE');
    assert.deepEqual(csr.subjectAltNames?.map(formatGeneralName), ['DNS:leaf.example', 'email:a@b.example', 'IP Address:10.0.0.1']);
  });
});

describe('certificates of others', () => {
  type Expected = { readonly refused: ErrorCode } | { readonly key: string; readonly signed: boolean | ErrorCode };
  const table: Readonly<Record<string, Expected>> = {
    'ber-indefinite-length.pem': { refused: 'DerInvalid' },
    'trailing-byte.pem': { refused: 'DerInvalid' },
    'explicit-curve.pem': { key: 'KeyUnsupported', signed: 'KeyUnsupported' },
    'rsa-1024.pem': { key: 'KeyUnsupported', signed: 'KeyUnsupported' },
    'sha1.pem': { key: 'rsa-2048', signed: 'SignatureAlgorithmUnsupported' },
    'rsa-pss-sha1.pem': { key: 'rsa-2048', signed: 'SignatureAlgorithmUnsupported' },
    'rsa-pss.pem': { key: 'rsa-2048', signed: true },
    'version-1.pem': { key: 'rsa-2048', signed: true },
    'negative-serial.pem': { key: 'ecdsa-p256', signed: true },
  };

  test('every vector is expected here', () => {
    assert.deepEqual(readdirSync(join(folder, 'outside')).sort(), Object.keys(table).sort());
  });

  for (const [name, expected] of Object.entries(table))
    test(`${name} is ${'refused' in expected ? `refused with ${expected.refused}` : `read; key: ${expected.key}, signature: ${expected.signed}`}`, () => {
      const pem = read(`outside/${name}`);
      if ('refused' in expected) return assertCoded(expected.refused, () => parseFirstCertificate(pem));
      const certificate = parseFirstCertificate(pem);
      const key = resultOrCodedError(() => certificateKey(certificate));
      assert.equal(key instanceof Error ? key.code : key.algorithm, expected.key);
      const signed = resultOrCodedError(() =>
        isSignatureValid(certificate.signatureAlgorithm, certificate.tbs, certificateKey(certificate), certificate.signature),
      );
      assert.equal(signed instanceof Error ? signed.code : signed, expected.signed);
      assert.equal(isSignedBy(certificate, certificate), expected.signed === true);
    });

  test('a serial number of minus five is printed so, and found by lint', () => {
    const certificate = parseFirstCertificate(read('outside/negative-serial.pem'));
    assert.equal(formatSerialNumber(certificate.serialNumber), '-05');
    assert.ok(lintCertificate(certificate, undefined).some(({ name }) => name === 'serial-not-positive'));
  });

  test('a version 1 certificate has no extensions, is no CA, and lint says so', () => {
    const certificate = parseFirstCertificate(read('outside/version-1.pem'));
    assert.equal(certificate.version, 1);
    assert.deepEqual(certificate.extensions, []);
    assert.ok(lintCertificate(certificate, undefined).some(({ name }) => name === 'version-not-3'));
  });
});
