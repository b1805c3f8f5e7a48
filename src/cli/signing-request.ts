// From a request and flags to the template that is signed. Subject and alternative names are the request's (names may be given instead);
// of what else it asks for only what is named is taken.

import { CodedError, quote } from '../base/coded-error.ts';
import type { CertificateTemplate } from '../pki/certificate-template.ts';
import type { Csr } from '../pki/csr.ts';
import type { Extension, NameConstraints } from '../pki/extension.ts';
import type { GeneralName } from '../pki/general-name.ts';
import { isRsa } from '../pki/key-algorithm.ts';
import { oid, oidName } from '../pki/oid.ts';
import { extendedUsageName, splitUsages, type Usage, usages } from '../pki/usage.ts';

/** What flags say about a certificate. */
export type SigningOrder = {
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** In place of what would be decided for the request. */
  readonly usages?: readonly Usage[] | undefined;
  /** In place of the request's alternative names. */
  readonly subjectAltNames?: readonly GeneralName[] | undefined;
  /** Requested extensions to take over, by name or dotted identifier. */
  readonly copy: readonly string[];
  readonly isCa: boolean;
  readonly pathLength?: number | undefined;
  readonly nameConstraints?: NameConstraints | undefined;
  readonly crlUrls: readonly string[];
  readonly ocspUrls: readonly string[];
  readonly issuerUrls: readonly string[];
};

/** Extensions that flags decide and a request never: taking them over would let the asker decide what it may do. */
const decidedByFlags: Readonly<Record<string, string>> = {
  [oid.basicConstraints]: '--is-ca',
  [oid.nameConstraints]: '--permit and --exclude',
  [oid.subjectKeyIdentifier]: 'the key',
  [oid.authorityKeyIdentifier]: 'the CA',
  [oid.subjectAltName]: '--san, or the request without it',
  [oid.crlDistributionPoints]: '--crl-url',
  [oid.authorityInfoAccess]: '--ocsp-url and --issuer-url',
};

const requested = (csr: Csr, word: string): Extension => {
  const wanted = word.replace(/[\s_-]/g, '').toLowerCase();
  const extension = csr.extensions.find(({ oid: type }) => type === word || oidName(type)?.toLowerCase() === wanted);
  if (extension === undefined) {
    const there = csr.extensions.map(({ oid: type }) => oidName(type) ?? type).join(', ');
    throw new CodedError('UsageInvalid', `cannot take over extension ${quote(word)}: the request does not ask for it`, {
      hint: there === '' ? 'it asks for none' : `it asks for ${there}`,
    });
  }
  const decided = decidedByFlags[extension.oid];
  if (decided === undefined) return extension;
  throw new CodedError('UsageInvalid', `cannot take over extension ${quote(word)}: it is decided by ${decided}`);
};

/** Usages of a leaf for which none were named: a server's where it has names of hosts, else a client's. */
const usualUsages = (names: readonly GeneralName[]): readonly Usage[] => [
  names.some(({ type }) => type === 'dns' || type === 'ip') ? 'server auth' : 'client auth',
];

/** Where only purposes are named: a certificate without key usage could serve every use of its key. */
const withKeyUsage = (wanted: readonly Usage[], csr: Csr): readonly Usage[] =>
  splitUsages(wanted).keyUsage.length > 0
    ? wanted
    : ['digital signature', ...(isRsa(csr.publicKey.algorithm) ? (['key encipherment'] as const) : []), ...wanted];

const isUsage = (word: string): word is Usage => (usages as readonly string[]).includes(word);

/** The template. Throws UsageInvalid for what does not fit together. */
export const signingTemplate = (csr: Csr, order: SigningOrder): CertificateTemplate => {
  const { isCa, pathLength, nameConstraints } = order;
  if (!isCa && (pathLength !== undefined || nameConstraints !== undefined))
    throw new CodedError('UsageInvalid', 'cannot limit a certificate that is no CA: --path-length, --permit and --exclude go with --is-ca');
  const copied = order.copy.map((word) => requested(csr, word));
  const copiedUsages = [
    ...(copied.some(({ oid: type }) => type === oid.keyUsage) ? (csr.keyUsage ?? []) : []),
    ...(copied.some(({ oid: type }) => type === oid.extendedKeyUsage) ? (csr.extendedKeyUsage ?? []).map(extendedUsageName) : []),
  ];
  if (copiedUsages.length > 0 && order.usages !== undefined)
    throw new CodedError('UsageInvalid', 'cannot take usages from the request and from --usage: give one of the two');
  const subjectAltNames = order.subjectAltNames ?? csr.subjectAltNames ?? [];
  const usual: readonly Usage[] = isCa ? ['digital signature', 'cert sign', 'crl sign'] : usualUsages(subjectAltNames);
  return {
    subject: csr.subject,
    publicKey: csr.publicKey,
    notBefore: order.notBefore,
    notAfter: order.notAfter,
    usages: withKeyUsage(order.usages ?? (copiedUsages.length > 0 ? copiedUsages.filter(isUsage) : usual), csr),
    extendedKeyUsageOids: copiedUsages.filter((word) => !isUsage(word)),
    subjectAltNames,
    basicConstraints: { isCa, pathLength },
    ...(nameConstraints === undefined ? {} : { nameConstraints }),
    crlDistributionPoints: order.crlUrls,
    ocspServers: order.ocspUrls,
    issuingCertificateUrls: order.issuerUrls,
    extraExtensions: copied.filter(({ oid: type }) => type !== oid.keyUsage && type !== oid.extendedKeyUsage),
  };
};
