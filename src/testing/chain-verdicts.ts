// A small PKI and what verifyChain says of paths in it: shared by the suites of path validation.

import assert from 'node:assert/strict';
import { CodedError } from '../base/coded-error.ts';
import { isRelaxableRule } from '../pki/chain-rule.ts';
import { oid } from '../pki/oid.ts';
import { type VerifiedChain, type VerifyRequest, verifyChain } from '../pki/verify-chain.ts';
import type { X509Certificate } from '../pki/x509-certificate.ts';
import { testTime } from './certificates.ts';
import { chainCa, chainLeaf } from './chains.ts';

export const root = chainCa({ subject: 'CN=Root' });
export const intermediate = chainCa({ subject: 'CN=Intermediate', issuer: root });

/** Verifies a leaf at testTime for serverAuth, under the root and over the intermediate. */
export const verify = (leaf: X509Certificate, changes: Partial<VerifyRequest> = {}): VerifiedChain =>
  verifyChain({
    leaf,
    intermediates: [intermediate.certificate],
    anchors: [root.certificate],
    at: testTime,
    purposes: [oid.serverAuth],
    ...changes,
  });

/** The details of a refusal. */
export type Reason = { readonly rule: string; readonly subject: string; readonly message: string; readonly path: readonly string[] };

/** The error with which a leaf is refused; fails where it is accepted. */
export const refusal = (leaf: X509Certificate, changes: Partial<VerifyRequest> = {}): CodedError => {
  try {
    verify(leaf, changes);
  } catch (error) {
    assert.ok(error instanceof CodedError, String(error));
    assert.equal(error.code, 'ChainInvalid');
    return error;
  }
  return assert.fail('the chain was accepted');
};

export const reason = (leaf: X509Certificate, changes: Partial<VerifyRequest> = {}): Reason => refusal(leaf, changes).details as Reason;

/** Refused by this rule, at this certificate; and accepted once the rule is relaxed, where it may be. */
export const refusedBy = (rule: string, subject: string, leaf: X509Certificate, changes: Partial<VerifyRequest> = {}): void => {
  const found = reason(leaf, changes);
  assert.deepEqual([found.rule, found.subject], [rule, subject], found.message);
  if (isRelaxableRule(rule)) assert.ok(verify(leaf, { ...changes, relax: [rule] }).chain.includes(leaf));
};

/** A path over one CA that differs from a sound one. */
export const over = (part: Partial<Parameters<typeof chainCa>[0]>, leafPart: Parameters<typeof chainLeaf>[1] = {}) => {
  const ca = chainCa({ subject: 'CN=CA', issuer: root, ...part });
  return { leaf: chainLeaf(ca, leafPart), changes: { intermediates: [ca.certificate] } };
};
