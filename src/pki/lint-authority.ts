// Lint rules about what a certificate may do: its CA bit, usages and key, and the limits of the CA that signs it.

import { equalBytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { findExtension } from './extension.ts';
import { isRsa, type KeyAlgorithm } from './key-algorithm.ts';
import { type LintInput, type LintRule, when } from './lint-rule.ts';
import { nameConstraintViolations } from './name-constraints.ts';
import { oid } from './oid.ts';
import { acceptPublicKey } from './public-key.ts';
import { extendedUsageName, type KeyUsageBit } from './usage.ts';
import type { TbsCertificate } from './x509-certificate.ts';

const isCa = (tbs: TbsCertificate): boolean => tbs.basicConstraints?.isCa === true;
const has = (tbs: TbsCertificate, bit: KeyUsageBit): boolean => tbs.keyUsage?.includes(bit) === true;

/** Key usage bits that a key of a kind cannot serve: RFC 3279 (RSA), RFC 8813 (ECDSA), RFC 9295 (Ed25519), RFC 9881 (ML-DSA). */
const unfitBits = (algorithm: KeyAlgorithm): readonly KeyUsageBit[] => {
  if (isRsa(algorithm)) return ['key agreement', 'encipher only', 'decipher only'];
  if (algorithm.startsWith('ecdsa-')) return ['key encipherment', 'data encipherment'];
  return ['key encipherment', 'data encipherment', 'key agreement', 'encipher only', 'decipher only'];
};

const keyRule = ({ tbs }: LintInput): readonly string[] => {
  try {
    const { algorithm } = acceptPublicKey(tbs.publicKey);
    const unfit = unfitBits(algorithm).filter((bit) => has(tbs, bit));
    return unfit.map((bit) => `an ${algorithm} key cannot serve "${bit}"`);
  } catch (error) {
    if (error instanceof CodedError) return [error.message];
    throw error;
  }
};

const outsideIssuerUsage = ({ tbs, issuer }: LintInput): readonly string[] => {
  const allowed = issuer?.extendedKeyUsage;
  if (allowed === undefined || allowed.includes(oid.anyExtendedKeyUsage)) return [];
  if (tbs.extendedKeyUsage === undefined) return isCa(tbs) ? [] : ['it has no extended key usage, and its CA is limited to some'];
  return tbs.extendedKeyUsage
    .filter((purpose) => !allowed.includes(purpose))
    .map((purpose) => `its CA may not give "${extendedUsageName(purpose)}"`);
};

export const authorityRules = {
  'key-usage-unfit-for-key': keyRule,
  'ca-basic-constraints-not-critical': ({ tbs }) =>
    when(
      isCa(tbs) && findExtension(tbs.extensions, oid.basicConstraints)?.critical !== true,
      () => 'basic constraints of a CA must be critical',
    ),
  'ca-without-cert-sign': ({ tbs }) => when(isCa(tbs) && !has(tbs, 'cert sign'), () => 'a CA needs the usage "cert sign"'),
  'ca-without-key-identifier': ({ tbs }) =>
    when(isCa(tbs) && tbs.subjectKeyIdentifier === undefined, () => 'a CA needs a subject key identifier'),
  'cert-sign-without-ca': ({ tbs }) => when(!isCa(tbs) && has(tbs, 'cert sign'), () => 'only a CA may have the usage "cert sign"'),
  'path-length-without-ca': ({ tbs }) =>
    when(
      tbs.basicConstraints?.pathLength !== undefined && !(isCa(tbs) && has(tbs, 'cert sign')),
      () => 'only a CA that signs certificates has a path length',
    ),
  'name-constraints-without-ca': ({ tbs }) => when(!isCa(tbs) && tbs.nameConstraints !== undefined, () => 'only a CA has name constraints'),
  'crl-sign-without-ca': ({ tbs }) => when(!isCa(tbs) && has(tbs, 'crl sign'), () => 'only a CA is given the usage "crl sign"'),
  'key-usage-empty': ({ tbs }) => when(tbs.keyUsage?.length === 0, () => 'key usage names no usage'),
  'agreement-only-without-agreement': ({ tbs }) =>
    when(
      (has(tbs, 'encipher only') || has(tbs, 'decipher only')) && !has(tbs, 'key agreement'),
      () => '"encipher only" and "decipher only" mean nothing without "key agreement"',
    ),
  'extended-key-usage-missing': ({ tbs }) =>
    when(!isCa(tbs) && tbs.extendedKeyUsage === undefined, () => 'without extended key usage it passes as everything'),
  'extended-key-usage-empty': ({ tbs }) => when(tbs.extendedKeyUsage?.length === 0, () => 'extended key usage names no purpose'),
  'extended-key-usage-any': ({ tbs }) =>
    when(tbs.extendedKeyUsage?.includes(oid.anyExtendedKeyUsage) === true, () => 'the purpose "any" makes it pass as everything'),
  'authority-key-identifier': ({ tbs, issuer }) => {
    const found = tbs.authorityKeyIdentifier;
    // A self-signed certificate may leave it out (RFC 5280 section 4.2.1.1); where it stands it must be its own.
    if (found === undefined && issuer === undefined) return [];
    if (found?.keyIdentifier === undefined) return ['the authority key identifier is missing'];
    const expected = (issuer ?? tbs).subjectKeyIdentifier;
    if (expected !== undefined && !equalBytes(found.keyIdentifier, expected))
      return ['the authority key identifier is not the one of the CA'];
    return when(
      found.issuer !== undefined || found.serialNumber !== undefined,
      () => 'the authority key identifier names the CA by serial number too, which a renewed CA does not have',
    );
  },
  'issuer-name': ({ tbs, issuer }) =>
    when(issuer !== undefined && !equalBytes(tbs.issuer.raw, issuer.subject.raw), () => 'the issuer is not the subject of the CA'),
  'issuer-may-not-sign': ({ issuer }) =>
    when(issuer?.keyUsage !== undefined && !issuer.keyUsage.includes('cert sign'), () => 'its CA does not have the usage "cert sign"'),
  'outlives-issuer': ({ tbs, issuer }) =>
    when(
      issuer !== undefined && tbs.notAfter > issuer.notAfter,
      () => `it ends after its CA, which ends ${issuer?.notAfter.toISOString()}`,
    ),
  'path-length-exceeded': ({ tbs, issuer }) => {
    const limit = issuer?.basicConstraints?.pathLength;
    if (limit === undefined || !isCa(tbs)) return [];
    if (limit === 0) return ['its CA has path length 0 and may sign no further CA'];
    const own = tbs.basicConstraints?.pathLength;
    return when(own !== undefined && own >= limit, () => `its path length ${own} is not below the ${limit} of its CA`);
  },
  'usage-outside-issuer': outsideIssuerUsage,
  'name-outside-issuer': ({ tbs, issuer }) =>
    issuer?.nameConstraints === undefined ? [] : nameConstraintViolations(issuer.nameConstraints, tbs),
} as const satisfies Record<string, LintRule>;
