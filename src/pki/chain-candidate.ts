// A certificate as the path search sees it: in one role, with what is worked out once however many paths it stands in.

import type { KeyObject } from 'node:crypto';
import { equalBytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { type CertificateRequest, certificateFaults } from './certificate-rules.ts';
import type { ChainFault, ChainRole, ChainRuleName } from './chain-rule.ts';
import type { GeneralName } from './general-name.ts';
import { nameKey } from './name.ts';
import { constrainedNames } from './name-constraints.ts';
import { type PolicyStatements, policyStatements } from './policy-extensions.ts';
import { acceptPublicKey, type PublicKey, publicKeyFingerprint, publicKeyObject } from './public-key.ts';
import { isSignatureValid } from './signature-algorithm.ts';
import { isSelfIssued, type X509Certificate } from './x509-certificate.ts';

export type ChainCandidate = {
  readonly certificate: X509Certificate;
  readonly role: ChainRole;
  readonly isSelfIssued: boolean;
  readonly subjectKey: string;
  readonly issuerKey: string;
  /** Certificates of one entity, by name and key, are interchangeable in a path: no path needs two of them. */
  readonly entity: string;
  /** The first rule that it breaks by itself and that is not relaxed. */
  readonly ownFault: () => ChainFault | undefined;
  readonly names: () => readonly GeneralName[];
  readonly policies: () => PolicyStatements;
  readonly key: () => { readonly key: PublicKey; readonly handle: KeyObject };
};

const once = <Value>(make: () => Value): (() => Value) => {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

/** A certificate in a role. Nothing is checked yet. */
export const chainCandidate = (
  certificate: X509Certificate,
  role: ChainRole,
  request: CertificateRequest,
  relaxed: ReadonlySet<ChainRuleName>,
): ChainCandidate => {
  const subjectKey = nameKey(certificate.subject);
  return {
    certificate,
    role,
    isSelfIssued: isSelfIssued(certificate),
    subjectKey,
    issuerKey: nameKey(certificate.issuer),
    entity: `${publicKeyFingerprint(certificate.publicKey)} ${subjectKey}`,
    ownFault: once(() => certificateFaults(certificate, role, request).find(({ rule }) => !relaxed.has(rule))),
    names: once(() => constrainedNames(certificate)),
    policies: once(() => policyStatements(certificate.extensions)),
    key: once(() => {
      const key = acceptPublicKey(certificate.publicKey);
      return { key, handle: publicKeyObject(key) };
    }),
  };
};

/** What is wrong with the signature of one certificate under the key of another; undefined where it is right. */
export const signatureFault = (certificate: X509Certificate, issuer: ChainCandidate): ChainFault | undefined => {
  try {
    const { key, handle } = issuer.key();
    const { signatureAlgorithm, tbs, signature } = certificate;
    return isSignatureValid(signatureAlgorithm, tbs, key, signature, handle)
      ? undefined
      : { rule: 'signature', message: 'its signature is not by the key of the CA of that name' };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const isWeak = error.code === 'SignatureAlgorithmUnsupported';
    return { rule: isWeak ? 'signature-algorithm' : 'signature', message: error.message };
  }
};

/** Whether the key identifiers of a certificate and an issuer speak for, against, or neither way: 1, -1, 0. A hint, never a rule. */
export const keyIdentifierHint = (certificate: X509Certificate, issuer: X509Certificate): number => {
  const wanted = certificate.authorityKeyIdentifier?.keyIdentifier;
  const found = issuer.subjectKeyIdentifier;
  if (wanted === undefined || found === undefined) return 0;
  return equalBytes(wanted, found) ? 1 : -1;
};
