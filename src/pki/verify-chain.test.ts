// Path validation rule by rule (RFC 5280 section 6.1), after the sections of NIST's PKITS where it has one. Every refusal names the rule and
// the certificate; every rule that may be relaxed lets the same path pass once it is.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { testDay, testTime } from '../testing/certificates.ts';
import { intermediate, over, type Reason, reason, refusal, refusedBy, root, verify } from '../testing/chain-verdicts.ts';
import { chainCa, chainLeaf } from '../testing/chains.ts';
import { isRelaxableRule, type RelaxableRule, relaxableRules, ruleSource } from './chain-rule.ts';
import { oid } from './oid.ts';

describe('a verified chain', () => {
  test('is leaf first, the anchor beside it', () => {
    const leaf = chainLeaf(intermediate);
    const verified = verify(leaf);
    assert.deepEqual(verified.chain, [leaf, intermediate.certificate]);
    assert.equal(verified.anchor, root.certificate);
    assert.equal(verified.work.signatureChecks, 2);
  });

  test('is found whatever the order, and with strangers and duplicates among the certificates', () => {
    const lower = chainCa({ subject: 'CN=Lower', issuer: intermediate });
    const stranger = chainCa({ subject: 'CN=Stranger' });
    const leaf = chainLeaf(lower);
    const intermediates = [stranger, intermediate, lower, intermediate, root].map(({ certificate }) => certificate);
    const verified = verify(leaf, { intermediates, anchors: [stranger.certificate, root.certificate, root.certificate] });
    assert.deepEqual(
      verified.chain.map((certificate) => certificate.raw),
      [leaf, lower.certificate, intermediate.certificate].map((certificate) => certificate.raw),
    );
  });

  test('may end at an intermediate that is an anchor, with no root in sight', () => {
    const leaf = chainLeaf(intermediate);
    const verified = verify(leaf, { intermediates: [], anchors: [intermediate.certificate] });
    assert.deepEqual([verified.chain, verified.anchor], [[leaf], intermediate.certificate]);
    const sibling = chainCa({ subject: 'CN=Sibling', issuer: root });
    const other = chainLeaf(sibling);
    refusedBy('issuer-unknown', 'CN=Root', other, {
      intermediates: [sibling.certificate, root.certificate],
      anchors: [intermediate.certificate],
    });
  });

  test('may be the leaf alone where it is itself an anchor, and its own rules are kept', () => {
    const self = chainCa({ subject: 'CN=self', ca: false, purposes: [oid.serverAuth], notAfter: testDay(5) }).certificate;
    const verified = verify(self, { anchors: [self] });
    assert.deepEqual([verified.chain, verified.anchor], [[self], self]);
    refusedBy('expired', 'CN=self', self, { anchors: [self], at: testDay(6) });
    refusedBy('issuer-unknown', 'CN=self', self);
  });

  test('needs no key identifiers, and does not mind wrong ones', () => {
    const ca = chainCa({ subject: 'CN=CA', issuer: root, withoutKeyIdentifiers: true });
    const misled = chainLeaf({ certificate: ca.certificate, key: 4711 }, { signedWith: ca.key });
    assert.equal(verify(misled, { intermediates: [ca.certificate] }).chain.length, 2);
  });

  test('compares names by section 7.1, so that letter case and blanks do not break it', () => {
    const ca = chainCa({ subject: 'CN=The  CA,O=Example', issuer: root });
    assert.equal(verify(chainLeaf(ca, { issuerName: 'CN=the ca ,O=EXAMPLE' }), { intermediates: [ca.certificate] }).chain.length, 2);
  });

  test('is found around a CA of the same name with another key, and over the newer of two certificates of one CA', () => {
    const old = chainCa({ subject: 'CN=Intermediate', issuer: root });
    const expired = chainCa({
      subject: 'CN=Intermediate',
      issuer: root,
      key: intermediate.key,
      notAfter: testDay(-1),
      notBefore: testDay(-9),
    });
    const leaf = chainLeaf(intermediate);
    const verified = verify(leaf, { intermediates: [old.certificate, expired.certificate, intermediate.certificate] });
    assert.equal(verified.chain[1]?.raw, intermediate.certificate.raw);
  });

  test('passes from a new key of a CA to its old one by a self-issued certificate (PKITS 4.5)', () => {
    const renewed = chainCa({ subject: 'CN=Intermediate', issuer: intermediate });
    const limited = chainCa({ subject: 'CN=Root2', pathLength: 1 });
    const old = chainCa({ subject: 'CN=Old', issuer: limited, pathLength: 0 });
    const rolled = chainCa({ subject: 'CN=Old', issuer: old });
    assert.equal(verify(chainLeaf(renewed), { intermediates: [renewed.certificate, intermediate.certificate] }).chain.length, 3);
    // Self-issued certificates do not count against path lengths.
    const verified = verify(chainLeaf(rolled), { intermediates: [rolled.certificate, old.certificate], anchors: [limited.certificate] });
    assert.equal(verified.chain.length, 3);
  });
});

describe('signatures and names (PKITS 4.1, 4.3)', () => {
  test('a damaged signature is refused, on the leaf and on a CA', () => {
    refusedBy('signature', 'CN=leaf', chainLeaf(intermediate, { forged: true }));
    const { leaf, changes } = over({ forged: true });
    refusedBy('signature', 'CN=CA', leaf, changes);
  });

  test('a signature by another key of the same name is refused', () =>
    refusedBy('signature', 'CN=leaf', chainLeaf(intermediate, { signedWith: 77 })));

  test('a signature that fits under a CA of another name is refused', () =>
    refusedBy('issuer-unknown', 'CN=leaf', chainLeaf(intermediate, { issuerName: 'CN=Other' })));

  test('parts of a name in another order make another name', () => {
    const ca = chainCa({ subject: 'CN=CA,O=a', issuer: root });
    refusedBy('issuer-unknown', 'CN=leaf', chainLeaf(ca, { issuerName: 'O=a,CN=CA' }), { intermediates: [ca.certificate] });
  });

  test('an empty issuer is refused even where a CA without a name stands ready', () => {
    const nameless = chainCa({ subject: '', key: 5 });
    refusedBy('issuer-name-empty', 'CN=leaf', chainLeaf(nameless), { anchors: [nameless.certificate] });
  });

  test('nothing leads to an anchor that is not there', () => {
    const { rule, subject, path } = reason(chainLeaf(intermediate), { anchors: [] });
    assert.deepEqual([rule, subject, path], ['issuer-unknown', 'CN=Intermediate', ['CN=leaf', 'CN=Intermediate']]);
    assert.equal(reason(chainLeaf(intermediate), { anchors: [], intermediates: [] }).rule, 'issuer-unknown');
    const alone = reason(chainLeaf(intermediate), { anchors: [], intermediates: [root.certificate, intermediate.certificate] });
    assert.equal(alone.message, 'it is self-issued and no trust anchor');
  });
});

describe('validity (PKITS 4.2)', () => {
  const from = testDay(-10);
  const until = testDay(10);
  const soon = (at: Date, byMs: number): Date => new Date(at.getTime() + byMs);

  test('both ends are inside, for the leaf (where OpenSSL ends a second early), a CA and the anchor', () => {
    const short = { notBefore: from, notAfter: until };
    const anchor = chainCa({ subject: 'CN=Short Root', ...short });
    const ca = chainCa({ subject: 'CN=CA', issuer: anchor, ...short });
    const leaf = chainLeaf(ca, short);
    for (const at of [from, until]) assert.ok(verify(leaf, { at, intermediates: [ca.certificate], anchors: [anchor.certificate] }));
  });

  test('a moment before and after is outside', () => {
    const leaf = chainLeaf(intermediate, { notBefore: testTime, notAfter: until });
    refusedBy('not-yet-valid', 'CN=leaf', leaf, { at: soon(testTime, -1) });
    refusedBy('expired', 'CN=leaf', leaf, { at: soon(until, 1) });
    assert.equal(reason(leaf, { at: new Date(Number.NaN) }).rule, 'not-yet-valid');
  });

  test('an expired or future CA is refused', () => {
    const expired = over({ notBefore: testDay(-9), notAfter: testDay(-8) });
    refusedBy('expired', 'CN=CA', expired.leaf, expired.changes);
    const future = over({ notBefore: testDay(8) });
    refusedBy('not-yet-valid', 'CN=CA', future.leaf, future.changes);
  });

  test('times of 2050 and after, and without end, are read', () =>
    assert.ok(verify(chainLeaf(intermediate, { notAfter: new Date('9999-12-31T23:59:59Z') }))));
});

describe('the trust anchor', () => {
  const under = (part: Partial<Parameters<typeof chainCa>[0]>) => {
    const anchor = chainCa({ subject: 'CN=Anchor', ...part });
    const ca = chainCa({ subject: 'CN=CA', issuer: anchor });
    return { leaf: chainLeaf(ca), changes: { intermediates: [ca.certificate], anchors: [anchor.certificate] } };
  };

  test('is kept to what it says of itself, each rule by a name of its own', () => {
    for (const [rule, part] of [
      ['anchor-expired', { notBefore: testDay(-9), notAfter: testDay(-8) }],
      ['anchor-not-yet-valid', { notBefore: testDay(8) }],
      ['anchor-basic-constraints', { ca: null }],
      ['anchor-basic-constraints', { ca: false, usages: ['cert sign'] }],
      ['anchor-key-cert-sign', { usages: ['crl sign'] }],
      ['anchor-path-length', { pathLength: 0 }],
      ['anchor-name-constraints', { excluded: [{ type: 'dns', value: 'example' }] }],
      ['anchor-extended-key-usage', { purposes: [oid.clientAuth] }],
      ['anchor-critical-extension', { extensions: [{ oid: '1.2.3', critical: true, value: Uint8Array.of(5, 0) }] }],
    ] as const) {
      const { leaf, changes } = under(part);
      refusedBy(rule, rule === 'anchor-name-constraints' ? 'CN=leaf' : 'CN=Anchor', leaf, changes);
    }
  });

  test('may be of version 1, for that it is a CA is known without it saying so', () => {
    const { leaf, changes } = under({ version: 1 });
    assert.equal(verify(leaf, changes).chain.length, 2);
  });

  test('need not have signed itself, nor be signed rightly', () => {
    const { leaf, changes } = under({ forged: true });
    assert.equal(verify(leaf, changes).chain.length, 2);
  });
});

describe('hosts', () => {
  test('the host or address that is asked for must be among the names', () => {
    const leaf = chainLeaf(intermediate, {
      subject: 'CN=cn.example',
      names: [
        { type: 'dns', value: '*.leaf.example' },
        { type: 'ip', value: '10.0.0.1' },
      ],
    });
    assert.ok(verify(leaf, { dnsName: 'a.leaf.example', ipAddress: '10.0.0.1' }));
    refusedBy('host-name', 'CN=cn.example', leaf, { dnsName: 'cn.example' });
    refusedBy('ip-address', 'CN=cn.example', leaf, { ipAddress: '10.0.0.2' });
    assert.equal(reason(leaf, { dnsName: 'x.example', ipAddress: '10.0.0.2', relax: ['host-name'] }).rule, 'ip-address');
  });
});

describe('a refusal', () => {
  test('says what is wrong with which certificate, by which rule, and what to do', () => {
    const { leaf, changes } = over({ ca: false });
    const error = refusal(leaf, changes);
    assert.equal(
      error.message,
      'cannot verify certificate "CN=leaf": CA "CN=CA": its basic constraints say that it is no CA (basic-constraints, RFC 5280 section 6.1.4 (k))',
    );
    assert.equal(error.hint, 'a CA certificate needs basic constraints that say so');
  });

  test('tells of the path that came nearest to an anchor, and what else was tried', () => {
    const dead = chainCa({ subject: 'CN=Dead End', issuer: chainCa({ subject: 'CN=Nowhere' }), key: intermediate.key });
    const cross = chainCa({ subject: 'CN=Intermediate', issuer: dead, key: intermediate.key });
    const short = chainCa({ subject: 'CN=Root', key: root.key, notBefore: testDay(-9), notAfter: testDay(-8) });
    const intermediates = [cross.certificate, dead.certificate, intermediate.certificate];
    const { rule, others } = refusal(chainLeaf(intermediate), { intermediates, anchors: [short.certificate] }).details as Reason & {
      others: Reason[];
    };
    assert.equal(rule, 'anchor-expired');
    assert.ok(others.some((other) => other.rule === 'issuer-unknown' && other.subject === 'CN=Dead End'));
  });

  test('names rules that can be relaxed, each with its source', () => {
    assert.ok(!isRelaxableRule('signature') && !isRelaxableRule('toString'));
    for (const rule of relaxableRules satisfies readonly RelaxableRule[]) assert.match(ruleSource(rule), /^RFC \d+ section \d/);
  });
});
