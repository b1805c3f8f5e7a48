// Bundles: what is read of them and in which order, and how certificates in any order become one chain.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../base/coded-error.ts';
import { type ChainMember, chainCa, chainLeaf } from '../testing/chains.ts';
import { runs } from '../testing/runs.ts';
import { encodePem } from './pem.ts';
import { deduplicateCertificates, maxChainCertificates, orderChain, parseTrustBundle, trustBundlePem } from './trust-bundle.ts';
import { certificatePem, parseCertificate, type X509Certificate } from './x509-certificate.ts';

const root = chainCa({ subject: 'CN=Root' });
const upper = chainCa({ subject: 'CN=Upper', issuer: root });
const lower = chainCa({ subject: 'CN=Lower', issuer: upper });
const leaf = chainLeaf(lower);
const [r, u, l] = [root.certificate, upper.certificate, lower.certificate];
const raws = (certificates: readonly X509Certificate[]): string[] => certificates.map(({ raw }) => Buffer.from(raw).toString('base64'));

const coded = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CodedError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

describe('reading a bundle', () => {
  test('certificates keep the order of their first appearance, each once', () => {
    const { certificates, duplicateCount } = parseTrustBundle([u, r, u, l, r].map(certificatePem).join(''));
    assert.deepEqual(raws(certificates), raws([u, r, l]));
    assert.equal(duplicateCount, 2);
    const copy = parseCertificate(Uint8Array.from(u.raw));
    assert.ok(deduplicateCertificates([u, copy, r])[0] === u);
  });

  test('text around and other blocks are passed over, whatever their encoding', () => {
    const text = `# Größe\n${certificatePem(r)}subject=x\n${encodePem('X509 CRL', Uint8Array.of(1))}${certificatePem(u).replaceAll('CERTIFICATE', 'X509 CERTIFICATE')}`;
    for (const input of [text, Buffer.from(text, 'latin1'), Buffer.from(text, 'utf8'), Buffer.from(text.replaceAll('\n', '\r\n'))])
      assert.deepEqual(raws(parseTrustBundle(input).certificates), raws([r, u]));
    assert.deepEqual(raws(parseTrustBundle(r.raw).certificates), raws([r]));
  });

  test('what is written is read', () => assert.deepEqual(raws(parseTrustBundle(trustBundlePem([l, r, u])).certificates), raws([l, r, u])));

  test('a bundle without a certificate, or with a damaged one, is refused and says where', () => {
    for (const empty of ['', 'nothing', encodePem('PUBLIC KEY', Uint8Array.of(1))])
      assert.throws(() => parseTrustBundle(empty), coded('PemInvalid', /no certificate/));
    const damaged = certificatePem(r) + encodePem('CERTIFICATE', u.raw.subarray(0, 50)) + certificatePem(l);
    assert.throws(() => parseTrustBundle(damaged, { what: 'ca.crt' }), coded('DerInvalid', /^cannot read ca\.crt, certificate 2 of 3: /));
  });

  test('an OpenSSL trusted certificate is refused, because its limits would be lost', () =>
    assert.throws(() => parseTrustBundle(encodePem('TRUSTED CERTIFICATE', r.raw)), coded('PemInvalid', /TRUSTED CERTIFICATE/)));

  test('where CAs alone are wanted, others are refused by place and name', () => {
    const bundle = trustBundlePem([r, r, leaf]);
    assert.equal(parseTrustBundle(bundle).certificates.length, 2);
    assert.throws(
      () => parseTrustBundle(bundle, { onlyCas: true }),
      coded('CertificateInvalid', /certificate 3 of 3, "CN=leaf", is not a CA/),
    );
    const ancient = chainCa({ subject: 'CN=Ancient', version: 1 }).certificate;
    assert.equal(parseTrustBundle(trustBundlePem([r, ancient]), { onlyCas: true }).certificates.length, 2);
  });

  test('more certificates than the bound are refused', () => {
    const bundle = trustBundlePem([r, u, r]);
    assert.throws(() => parseTrustBundle(bundle, { maxCertificates: 2 }), coded('InputTooLarge', /3 certificates are more than 2/));
    assert.equal(parseTrustBundle(bundle, { maxCertificates: 3 }).certificates.length, 2);
  });

  test('arbitrary bytes and blocks give certificates or a coded error', () => {
    const block = fc.uint8Array({ maxLength: 60 }).map((bytes) => encodePem('CERTIFICATE', bytes));
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.oneof(block, fc.string(), fc.constant(certificatePem(r)))).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(input, (bytes) => {
        try {
          assert.ok(parseTrustBundle(bytes).certificates.length > 0);
        } catch (error) {
          assert.ok(error instanceof CodedError, String(error));
        }
      }),
      { numRuns: runs(2000, 200_000) },
    );
  });
});

describe('ordering a chain', () => {
  test('any order, with duplicates, gives leaf first and the root last', () => {
    const parts = [leaf, l, u, r, u];
    fc.assert(
      fc.property(fc.shuffledSubarray(parts, { minLength: parts.length }), (shuffled) => {
        assert.deepEqual(raws(orderChain(shuffled)), raws([leaf, l, u, r]));
      }),
      { numRuns: 20 },
    );
    assert.deepEqual(orderChain([u, leaf, l]), [leaf, l, u]);
    assert.deepEqual(orderChain([r]), [r]);
  });

  test('the signature decides where a name means two CAs', () => {
    const namesake = chainCa({ subject: 'CN=Lower', issuer: upper }).certificate;
    assert.throws(
      () => orderChain([leaf, l, namesake, u]),
      coded('ChainInvalid', /2 certificates sign no other one: "CN=leaf", "CN=Lower"/),
    );
  });

  test('what is not one chain is refused: several leaves, a gap, a fork, a circle, nothing', () => {
    assert.throws(() => orderChain([leaf, chainLeaf(lower), l]), coded('ChainInvalid', /2 certificates sign no other one/));
    assert.throws(() => orderChain([leaf, u, r]), coded('ChainInvalid', /2 certificates sign no other one/));
    const crossed = chainCa({ subject: 'CN=Lower', issuer: root, key: lower.key }).certificate;
    assert.throws(() => orderChain([leaf, l, crossed, u, r]), coded('ChainInvalid', /several certificates sign "CN=leaf"/));
    const first: ChainMember = chainCa({ subject: 'CN=A', key: 901, issuer: chainCa({ subject: 'CN=B', key: 902 }) });
    const second = chainCa({ subject: 'CN=B', key: 902, issuer: first });
    assert.throws(() => orderChain([first.certificate, second.certificate]), coded('ChainInvalid', /in a circle/));
    assert.throws(
      () => orderChain([chainLeaf(first), first.certificate, second.certificate, r]),
      coded('ChainInvalid', /sign no other one/),
    );
    assert.throws(
      () => orderChain([leaf, first.certificate, second.certificate]),
      coded('ChainInvalid', /some certificates do not belong/),
    );
    assert.throws(() => orderChain([]), coded('ChainInvalid', /there is no certificate/));
  });

  test('more certificates than the bound are refused before a signature is checked', () =>
    assert.throws(
      () => orderChain(new Array(maxChainCertificates + 1).fill(leaf)),
      coded('InputTooLarge', /51 certificates are more than 50/),
    ));
});
