// What differs between a certificate that exists and what the plan asks for, each difference named. Pure.
// Names beyond those planned are let pass, as Kismatic lets them; groups and usages beyond them are not, for each is a power. A key of
// another algorithm than planned is no difference but a note, so that a cluster's old keys go on until they are renewed.

import { equalBytes } from '../base/bytes.ts';
import { quote } from '../base/coded-error.ts';
import type { GeneralName } from '../pki/general-name.ts';
import { isSameGeneralName } from '../pki/general-name.ts';
import { formatGeneralName } from '../pki/general-name-text.ts';
import { attributeValues, commonNameOf, isSameName } from '../pki/name.ts';
import { formatName } from '../pki/name-text.ts';
import { oid } from '../pki/oid.ts';
import { keyBelongsTo } from '../pki/private-key.ts';
import { acceptPublicKey } from '../pki/public-key.ts';
import { extendedUsageName, splitUsages } from '../pki/usage.ts';
import { isCa, isSignedBy, type X509Certificate } from '../pki/x509-certificate.ts';
import type { PlannedCertificate } from './manifest.ts';
import type { ObservedPair } from './observed-pair.ts';

/** One difference. What is broken does not work; what differs works, but not as planned. */
export type Difference = {
  readonly field:
    | 'certificate'
    | 'key'
    | 'key mode'
    | 'common name'
    | 'organizations'
    | 'names'
    | 'usages'
    | 'issuer'
    | 'validity'
    | 'chain'
    | 'kubeconfig'
    | 'content'
    | 'ledger';
  readonly severity: 'broken' | 'differs';
  /** What is, and what should be. */
  readonly message: string;
};

const broken = (field: Difference['field'], message: string): Difference => ({ field, severity: 'broken', message });
const differs = (field: Difference['field'], message: string): Difference => ({ field, severity: 'differs', message });

const list = (values: readonly string[]): string => (values.length === 0 ? 'none' : values.map(quote).join(', '));

const missingFrom = (wanted: readonly string[], found: readonly string[]): readonly string[] =>
  wanted.filter((value) => !found.includes(value));

const subjectDifferences = ({ subject }: X509Certificate, planned: PlannedCertificate): readonly Difference[] => {
  const commonName = commonNameOf(subject);
  const organizations = attributeValues(subject, oid.organization);
  const wanted = planned.subject.organizations;
  return [
    ...(commonName === planned.subject.commonName
      ? []
      : [
          differs(
            'common name',
            `common name is ${list(commonName === undefined ? [] : [commonName])}, expected ${quote(planned.subject.commonName)}`,
          ),
        ]),
    ...(missingFrom(wanted, organizations).length + missingFrom(organizations, wanted).length === 0
      ? []
      : [differs('organizations', `organizations are ${list(organizations)}, expected ${list(wanted)}`)]),
  ];
};

const nameDifferences = ({ subjectAltNames = [] }: X509Certificate, planned: PlannedCertificate): readonly Difference[] => {
  const missing = planned.sans.filter((wanted: GeneralName) => !subjectAltNames.some((found) => isSameGeneralName(found, wanted)));
  return missing.length === 0 ? [] : [differs('names', `names lack ${missing.map(formatGeneralName).join(', ')}`)];
};

const usageDifferences = (certificate: X509Certificate, planned: PlannedCertificate): readonly Difference[] => {
  const wanted = splitUsages(planned.usages);
  const purposes = certificate.extendedKeyUsage;
  const differences: Difference[] = [];
  if (isCa(certificate)) differences.push(broken('usages', 'it is a CA certificate, expected a leaf'));
  if (purposes === undefined) differences.push(differs('usages', 'it has no extended key usage and so passes as everything'));
  else if (missingFrom(wanted.extendedKeyUsage, purposes).length + missingFrom(purposes, wanted.extendedKeyUsage).length > 0)
    differences.push(
      differs(
        'usages',
        `extended key usages are ${list(purposes.map(extendedUsageName))}, expected ${list(wanted.extendedKeyUsage.map(extendedUsageName))}`,
      ),
    );
  // Only RSA keys encipher: what was planned for one is not asked of another.
  const bits = wanted.keyUsage.filter((bit) => bit !== 'key encipherment' || certificate.publicKey.algorithmOid === oid.rsaEncryption);
  const missing = missingFrom(bits, certificate.keyUsage ?? bits);
  if (missing.length > 0) differences.push(differs('usages', `key usages lack ${list(missing)}`));
  return differences;
};

const issuerDifferences = (certificate: X509Certificate, authority: X509Certificate): readonly Difference[] => {
  if (!isSameName(certificate.issuer, authority.subject))
    return [broken('issuer', `it is issued by "${formatName(certificate.issuer)}", expected "${formatName(authority.subject)}"`)];
  return isSignedBy(certificate, authority)
    ? []
    : [broken('issuer', `it is not signed by the key of "${formatName(authority.subject)}" that is here`)];
};

const validityDifferences = ({ notBefore, notAfter }: X509Certificate, at: Date): readonly Difference[] => {
  if (notAfter < at) return [broken('validity', `it is expired since ${notAfter.toISOString()}`)];
  return notBefore > at ? [broken('validity', `it is not valid before ${notBefore.toISOString()}`)] : [];
};

/** Everything that differs in one certificate, its key and chain aside; its issuer too where the CA is not known. */
export const certificateDifferences = (
  certificate: X509Certificate,
  planned: PlannedCertificate,
  authority: X509Certificate | undefined,
  at: Date,
): readonly Difference[] => [
  ...subjectDifferences(certificate, planned),
  ...nameDifferences(certificate, planned),
  ...usageDifferences(certificate, planned),
  ...(authority === undefined ? [] : issuerDifferences(certificate, authority)),
  ...validityDifferences(certificate, at),
];

const keyDifferences = ({ key, keyMode }: ObservedPair, certificate: X509Certificate): readonly Difference[] => {
  if (key.state === 'absent') return [broken('key', 'its key is missing')];
  if (key.state === 'unreadable') return [broken('key', key.problem)];
  const differences: Difference[] = [];
  const isOurs =
    equalBytes(key.value.publicKey.spki, certificate.publicKey.spki) && keyBelongsTo(key.value.key, acceptPublicKey(certificate.publicKey));
  if (!isOurs) differences.push(broken('key', 'the key beside it is not its own'));
  if (keyMode !== undefined && (keyMode & 0o077) !== 0)
    differences.push(differs('key mode', `the file of its key has mode ${keyMode.toString(8).padStart(4, '0')}, expected 0600`));
  return differences;
};

const chainDifferences = (
  chain: readonly X509Certificate[],
  { certificate, isIntermediate }: { readonly certificate: X509Certificate; readonly isIntermediate: boolean },
): readonly Difference[] => {
  const hasAuthority = chain.slice(1).some(({ raw }) => equalBytes(raw, certificate.raw));
  return isIntermediate && !hasAuthority
    ? [
        differs(
          'chain',
          `the intermediate "${formatName(certificate.subject)}" does not follow it, and who trusts only the root refuses it`,
        ),
      ]
    : [];
};

/** The CA a pair is compared with. */
export type ComparedAuthority = { readonly certificate: X509Certificate; readonly isIntermediate: boolean };

/** What keeps the halves of a pair from being looked at any further; none where the certificate is there. */
export const brokenHalves = ({ chain, key }: ObservedPair): readonly Difference[] => {
  if (chain.state === 'present') return [];
  const keyProblem = key.state === 'unreadable' && chain.state === 'absent' ? [broken('key', key.problem)] : [];
  return [broken('certificate', chain.state === 'absent' ? 'it is missing' : chain.problem), ...keyProblem];
};

/** Everything that differs in a pair; what only its CA can tell is left out where that is not known. */
export const pairDifferences = (
  pair: ObservedPair,
  planned: PlannedCertificate,
  authority: ComparedAuthority | undefined,
  at: Date,
): readonly Difference[] => {
  if (pair.chain.state !== 'present') return brokenHalves(pair);
  const [certificate] = pair.chain.value;
  return [
    ...certificateDifferences(certificate, planned, authority?.certificate, at),
    ...keyDifferences(pair, certificate),
    ...(authority === undefined ? [] : chainDifferences(pair.chain.value, authority)),
  ];
};

/** What deserves a word about a certificate that is as planned otherwise. */
export const pairNotes = (pair: ObservedPair, planned: PlannedCertificate): readonly string[] => {
  const notes: string[] = [];
  if (pair.key.state === 'present' && pair.key.value.publicKey.algorithm !== planned.keyAlgorithm)
    notes.push(`its key is ${pair.key.value.publicKey.algorithm}, the plan asks for ${planned.keyAlgorithm}; renewal makes the new one`);
  if (pair.chain.state === 'present') {
    const extra = (pair.chain.value[0].subjectAltNames ?? []).filter(
      (found) => !planned.sans.some((wanted) => isSameGeneralName(found, wanted)),
    );
    if (extra.length > 0) notes.push(`it carries names beyond the plan: ${extra.map(formatGeneralName).join(', ')}`);
  }
  return notes;
};
