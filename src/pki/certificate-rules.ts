// The rules of path validation that look at one certificate alone (RFC 5280 sections 4.2, 6.1.3, 6.1.4), in each of the three roles.
// Key identifiers are hints for the search and judged nowhere, as section 6 has it.

import { CodedError } from '../base/coded-error.ts';
import { type ChainFault, type ChainRole, type ChainRuleName, fault } from './chain-rule.ts';
import { isEmptyName } from './name.ts';
import { oid, oidName } from './oid.ts';
import { type PolicyStatements, policyStatements } from './policy-extensions.ts';
import { acceptPublicKey, publicKeyObject } from './public-key.ts';
import { extendedUsageName, type KeyUsageBit } from './usage.ts';
import type { X509Certificate } from './x509-certificate.ts';

/** What one certificate is judged by. */
export type CertificateRequest = {
  readonly at: Date;
  /** Dotted identifiers. */
  readonly purposes: readonly string[];
};

type Rule = (certificate: X509Certificate, role: ChainRole, request: CertificateRequest) => ChainFault | undefined;

/** Critical extensions that a path validator processes. Any other that is critical, known by name or not, makes the path invalid. */
const processedExtensions: ReadonlySet<string> = new Set([
  oid.keyUsage,
  oid.extendedKeyUsage,
  oid.basicConstraints,
  oid.subjectAltName,
  oid.nameConstraints,
  oid.certificatePolicies,
  oid.policyConstraints,
  oid.policyMappings,
  oid.inhibitAnyPolicy,
]);

/** Policy qualifiers of RFC 5280 section 4.2.1.4: they inform people and decide nothing. */
const knownQualifiers: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.2.1', '1.3.6.1.5.5.7.2.2']);

/** Key usages of which a leaf needs one for a purpose, where it has a key usage at all (section 4.2.1.12). */
const consistentUsages: Readonly<Record<string, readonly KeyUsageBit[]>> = {
  [oid.serverAuth]: ['digital signature', 'key encipherment', 'key agreement'],
  [oid.clientAuth]: ['digital signature', 'key agreement'],
  [oid.codeSigning]: ['digital signature'],
  [oid.emailProtection]: ['digital signature', 'content commitment', 'key encipherment', 'key agreement'],
  [oid.timestamping]: ['digital signature', 'content commitment'],
  [oid.ocspSigning]: ['digital signature', 'content commitment'],
};

const validity: Rule = ({ notBefore, notAfter }, role, { at }) => {
  // Both ends are inside (section 4.1.2.5). A time that is none is outside of everything.
  if (!(at >= notBefore))
    return fault(role === 'anchor' ? 'anchor-not-yet-valid' : 'not-yet-valid', `it is valid from ${notBefore.toISOString()} on`);
  if (!(at <= notAfter)) return fault(role === 'anchor' ? 'anchor-expired' : 'expired', `it ended ${notAfter.toISOString()}`);
  return undefined;
};

const issuerName: Rule = ({ issuer }, role) =>
  role !== 'anchor' && isEmptyName(issuer) ? fault('issuer-name-empty', 'its issuer has no name') : undefined;

const publicKey: Rule = (certificate) => {
  try {
    publicKeyObject(acceptPublicKey(certificate.publicKey));
    return undefined;
  } catch (error) {
    if (error instanceof CodedError) return fault('public-key', error.message);
    throw error;
  }
};

/** What a certificate says about policies, or why that cannot be read. */
const readPolicies = ({ extensions }: X509Certificate): PolicyStatements | string => {
  try {
    return policyStatements(extensions);
  } catch (error) {
    if (error instanceof CodedError) return error.message;
    throw error;
  }
};

/** Why a certificate's critical extension of a type cannot be processed; undefined where it can. */
export const criticalProblem = (certificate: X509Certificate, type: string): string | undefined => {
  const name = oidName(type) ?? type;
  if (!processedExtensions.has(type)) return `extension ${name} is critical and is not processed`;
  if (type === oid.subjectAltName) {
    const names = certificate.subjectAltNames ?? [];
    const isUsable = names.some(({ type: form }) => form !== 'unsupported' && form !== 'otherName' && form !== 'registeredId');
    return isUsable ? undefined : `extension ${name} is critical and has no name of a form that is processed`;
  }
  if (type !== oid.certificatePolicies) return undefined;
  const statements = readPolicies(certificate);
  if (typeof statements === 'string') return statements;
  const qualifiers = statements.policies?.flatMap((policy) => policy.qualifiers) ?? [];
  const unknown = qualifiers.find((qualifier) => !knownQualifiers.has(qualifier));
  return unknown === undefined ? undefined : `extension ${name} is critical and has a policy qualifier ${unknown} that is not known`;
};

const criticalExtensions: Rule = (certificate, role) => {
  const rule: ChainRuleName = role === 'anchor' ? 'anchor-critical-extension' : 'critical-extension';
  for (const { oid: type, critical } of certificate.extensions) {
    const problem = critical ? criticalProblem(certificate, type) : undefined;
    if (problem !== undefined) return fault(rule, problem);
  }
  return undefined;
};

/** Policies are not taken from an anchor (section 6.1.1 (d)), so there they need not be readable. */
const readablePolicies: Rule = (certificate, role) => {
  const statements = role === 'anchor' ? undefined : readPolicies(certificate);
  return typeof statements === 'string' ? fault('policy', statements) : undefined;
};

const caVersion: Rule = ({ version }, role) =>
  // An anchor of version 1 is known to be a CA out of band: that is what makes it an anchor.
  role === 'intermediate' && version !== 3
    ? fault('ca-version', `it is of version ${version}, which cannot say that it is a CA`)
    : undefined;

const basicConstraints: Rule = ({ version, basicConstraints: constraints }, role) => {
  if (role === 'leaf' || version !== 3 || constraints?.isCa === true) return undefined;
  return fault(
    role === 'anchor' ? 'anchor-basic-constraints' : 'basic-constraints',
    constraints === undefined ? 'it has no basic constraints, so it is no CA' : 'its basic constraints say that it is no CA',
  );
};

const keyCertSign: Rule = ({ keyUsage }, role) => {
  if (role === 'leaf' || keyUsage === undefined || keyUsage.includes('cert sign')) return undefined;
  return fault(role === 'anchor' ? 'anchor-key-cert-sign' : 'key-cert-sign', 'its key usage does not have "cert sign"');
};

const keyUsage: Rule = (certificate, role, { purposes }) => {
  const { keyUsage: bits } = certificate;
  if (role !== 'leaf' || bits === undefined) return undefined;
  const unfit = purposes.find((purpose) => consistentUsages[purpose]?.some((bit) => bits.includes(bit)) === false);
  if (unfit === undefined) return undefined;
  const wanted = (consistentUsages[unfit] ?? []).map((bit) => `"${bit}"`).join(', ');
  return fault('key-usage', `its key usage has none of ${wanted}, one of which "${extendedUsageName(unfit)}" needs`);
};

const extendedKeyUsage: Rule = ({ extendedKeyUsage: allowed }, role, { purposes }) => {
  if (allowed === undefined) return undefined;
  const rule: ChainRuleName = role === 'anchor' ? 'anchor-extended-key-usage' : 'extended-key-usage';
  if (allowed.length === 0) return fault(rule, 'its extended key usage is empty, so it serves no purpose');
  const missing = purposes.find((purpose) => !allowed.includes(purpose));
  if (missing === undefined) return undefined;
  const wanted = `"${extendedUsageName(missing)}"`;
  if (!allowed.includes(oid.anyExtendedKeyUsage)) {
    const found = allowed.map((purpose) => `"${extendedUsageName(purpose)}"`).join(', ');
    return fault(rule, `its extended key usage has ${found}, not ${wanted}`);
  }
  // The RFC leaves it to the application; OpenSSL refuses too.
  return role === 'anchor'
    ? fault(rule, `its extended key usage has "any", not ${wanted}`)
    : fault('any-extended-key-usage', `its extended key usage has "any", not ${wanted} by name`);
};

const certificateRules: readonly Rule[] = [
  issuerName,
  validity,
  caVersion,
  basicConstraints,
  keyCertSign,
  readablePolicies,
  criticalExtensions,
  extendedKeyUsage,
  keyUsage,
  publicKey,
];

/** Every rule that a certificate breaks by itself in a role, the weightiest first. */
export const certificateFaults = (certificate: X509Certificate, role: ChainRole, request: CertificateRequest): readonly ChainFault[] =>
  certificateRules.flatMap((rule) => rule(certificate, role, request) ?? []);
