// What path validation asks of one certificate: who may be a CA, critical extensions, purposes, keys (RFC 5280 sections 4.2 and 6.1.4).

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { intermediate, over, reason, refusedBy, root, verify } from '../testing/chain-verdicts.ts';
import { chainCa, chainLeaf } from '../testing/chains.ts';
import type { Extension } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { oid } from './oid.ts';

describe('who may be a CA (PKITS 4.6, 4.7)', () => {
  test('without basic constraints, or with those that say no, nobody is a CA, whatever the key usage', () => {
    for (const ca of [null, false] as const) {
      const { leaf, changes } = over({ ca, usages: ['cert sign'] });
      refusedBy('basic-constraints', 'CN=CA', leaf, changes);
    }
  });

  test('a key usage without cert sign does not sign certificates; no key usage does', () => {
    const { leaf, changes } = over({ usages: ['crl sign'] });
    refusedBy('key-cert-sign', 'CN=CA', leaf, changes);
    const open = over({ usages: null });
    assert.ok(verify(open.leaf, open.changes));
  });

  test('versions 1 and 2 are no intermediates', () => {
    for (const version of [1, 2] as const) {
      const { leaf, changes } = over({ version });
      refusedBy('ca-version', 'CN=CA', leaf, changes);
    }
  });

  test('a leaf that has signed another leaf is no CA', () => {
    const leaf = chainLeaf(intermediate, { key: 31, subject: 'CN=greedy', usages: ['digital signature', 'cert sign'] });
    const below = chainLeaf({ certificate: leaf, key: 31 });
    refusedBy('basic-constraints', 'CN=greedy', below, { intermediates: [leaf, intermediate.certificate] });
  });
});

describe('critical extensions (PKITS 4.16)', () => {
  const extra = (type: string, critical: boolean, value = Uint8Array.of(5, 0)): { extensions: Extension[] } => ({
    extensions: [{ oid: type, critical, value }],
  });

  test('an unknown one is refused in the leaf and in a CA where it is critical, and passed over where not', () => {
    refusedBy('critical-extension', 'CN=leaf', chainLeaf(intermediate, extra('1.2.3.4', true)));
    const { leaf, changes } = over(extra('1.2.3.4', true));
    refusedBy('critical-extension', 'CN=CA', leaf, changes);
    assert.ok(verify(chainLeaf(intermediate, extra('1.2.3.4', false))));
  });

  test('one that is known by name but not processed is refused too, where OpenSSL lets it pass: CRL distribution points', () =>
    refusedBy('critical-extension', 'CN=leaf', chainLeaf(intermediate, extra(oid.crlDistributionPoints, true, Uint8Array.of(0x30, 0)))));

  test('critical names of forms that are not processed alone are refused', () => {
    const other: GeneralName = { type: 'otherName', oid: '1.2.3', value: Uint8Array.of(5, 0) };
    refusedBy('critical-extension', '', chainLeaf(intermediate, { subject: '', names: [other] }));
    assert.ok(verify(chainLeaf(intermediate, { subject: '', names: [other, { type: 'dns', value: 'a.example' }] })));
  });
});

describe('purposes', () => {
  const { serverAuth, clientAuth, codeSigning, anyExtendedKeyUsage } = oid;

  test('the leaf and every CA must allow what is asked; absent allows all', () => {
    refusedBy('extended-key-usage', 'CN=leaf', chainLeaf(intermediate, { purposes: [clientAuth] }));
    const { leaf, changes } = over({ purposes: [clientAuth] }, { purposes: [clientAuth, serverAuth] });
    refusedBy('extended-key-usage', 'CN=CA', leaf, changes);
    assert.ok(verify(leaf, { ...changes, purposes: [clientAuth] }));
    assert.ok(verify(chainLeaf(intermediate, { purposes: [serverAuth, clientAuth] }), { purposes: [clientAuth, serverAuth] }));
  });

  test('an empty list allows nothing, even where nothing is asked', () => {
    refusedBy('extended-key-usage', 'CN=leaf', chainLeaf(intermediate, { purposes: [] }), { purposes: [] });
    const { leaf, changes } = over({ purposes: [] });
    refusedBy('extended-key-usage', 'CN=CA', leaf, { ...changes, purposes: [] });
  });

  test('where nothing is asked, some purpose must be left that the whole path allows', () => {
    const { leaf, changes } = over({ purposes: [clientAuth] });
    refusedBy('extended-key-usage', 'CN=CA', leaf, { ...changes, purposes: [] });
    const shared = over({ purposes: [clientAuth, codeSigning] }, { purposes: [serverAuth, codeSigning] });
    assert.ok(verify(shared.leaf, { ...shared.changes, purposes: [] }));
  });

  test('any does not stand for a purpose by name (where Go lets it pass), unless that is relaxed', () => {
    refusedBy('any-extended-key-usage', 'CN=leaf', chainLeaf(intermediate, { purposes: [anyExtendedKeyUsage] }));
    assert.ok(verify(chainLeaf(intermediate, { purposes: [anyExtendedKeyUsage] }), { purposes: [] }));
  });

  test('key usage and purpose must fit one another (section 4.2.1.12)', () => {
    refusedBy('key-usage', 'CN=leaf', chainLeaf(intermediate, { usages: ['content commitment'] }));
    assert.ok(verify(chainLeaf(intermediate, { usages: ['key encipherment'] })));
    const client = chainLeaf(intermediate, { usages: ['key encipherment'], purposes: [clientAuth] });
    refusedBy('key-usage', 'CN=leaf', client, { purposes: [clientAuth] });
    assert.ok(verify(chainLeaf(intermediate, { usages: null })));
  });
});

describe('keys and algorithms', () => {
  test('a signature with SHA-1 is refused, and cannot be relaxed', () =>
    refusedBy('signature-algorithm', 'CN=leaf', chainLeaf(intermediate, { weak: true })));

  test('a leaf with a key that is too short is refused', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    refusedBy('public-key', 'CN=leaf', chainLeaf(intermediate, { publicKey }));
  });

  test('a CA with a key that is not accepted proves nothing, even where that is relaxed', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const ca = chainCa({ subject: 'CN=CA', issuer: root, publicKey });
    const changes = { intermediates: [ca.certificate] };
    assert.deepEqual(Object.values(reason(chainLeaf(ca), changes)).slice(0, 2), ['public-key', 'CN=CA']);
    assert.equal(reason(chainLeaf(ca), { ...changes, relax: ['public-key'] }).rule, 'signature');
  });
});
