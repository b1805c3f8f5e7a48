// Name constraints (RFC 5280 section 4.2.1.10): which names a CA may vouch for. Every name of a certificate is judged against every subtree
// of its form; name-subtree.ts says how the two stand to each other. Where that is in doubt, the name is refused.
// Which certificates of a path are judged (not self-issued intermediates) is the business of verify-chain.ts.

import { quote } from '../base/coded-error.ts';
import { formatIpAddress } from '../base/ip-address.ts';
import type { GeneralSubtree, NameConstraints } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { formatGeneralName } from './general-name-text.ts';
import { attributeValues, isEmptyName } from './name.ts';
import { type SubtreeBase, subtreeRelation } from './name-subtree.ts';
import { oid } from './oid.ts';
import type { TbsCertificate } from './x509-certificate.ts';

/** The most comparisons of a name with a subtree for one certificate and one CA; beyond, the certificate is refused unread. */
export const maxNameComparisons = 250_000;

/** What of a certificate constraints look at. */
export type NamedCertificate = Pick<TbsCertificate, 'subject' | 'subjectAltNames'> & Partial<Pick<TbsCertificate, 'basicConstraints'>>;

/** A common name that software of old takes for a host: two labels or more. */
const hostLikeCommonName = /^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)+$/;

/**
 * The names of a certificate that constraints are applied to: subject, SANs, and email addresses in the subject. RFC 5280 asks for the last
 * only where there is no SAN, and never for common names; a leaf without DNS names has those that look like hosts judged too, because
 * OpenSSL takes such a common name for the host.
 */
export const constrainedNames = (tbs: NamedCertificate): readonly GeneralName[] => {
  const names: GeneralName[] = [...(tbs.subjectAltNames ?? [])];
  const isLeaf = tbs.basicConstraints?.isCa !== true;
  const hosts =
    isLeaf && !names.some(({ type }) => type === 'dns')
      ? attributeValues(tbs.subject, oid.commonName).filter((value) => hostLikeCommonName.test(value))
      : [];
  if (!isEmptyName(tbs.subject)) names.push({ type: 'directoryName', name: tbs.subject });
  for (const { type, value } of tbs.subject.rdns.flat()) if (type === oid.emailAddress) names.push({ type: 'email', value: value ?? '' });
  for (const value of hosts) names.push({ type: 'dns', value });
  return names;
};

const prefixLength = (mask: Uint8Array): number => mask.reduce((bits, octet) => bits + (octet.toString(2).match(/1/g)?.length ?? 0), 0);

/** A subtree as text, as formatGeneralName writes names: `DNS:.example.com`, `IP Address:10.0.0.0/8`. */
export const formatSubtreeBase = (base: SubtreeBase): string => {
  if (base.type !== 'ip-range') return formatGeneralName(base);
  const half = base.octets.length / 2;
  return `IP Address:${formatIpAddress(base.octets.subarray(0, half))}/${prefixLength(base.octets.subarray(half))}`;
};

const listed = (subtrees: readonly GeneralSubtree[]): string =>
  `${subtrees
    .slice(0, 5)
    .map(({ base }) => quote(formatSubtreeBase(base)))
    .join(', ')}${subtrees.length > 5 ? ` and ${subtrees.length - 5} more` : ''}`;

const violation = ({ permitted, excluded }: NameConstraints, name: GeneralName): string | undefined => {
  const permittedRelations = permitted.flatMap((subtree) => {
    const relation = subtreeRelation(name, subtree.base);
    return relation === undefined ? [] : [{ subtree, relation }];
  });
  if (permittedRelations.length > 0 && !permittedRelations.some(({ relation }) => relation === 'inside'))
    return `${quote(formatGeneralName(name))} is not within the names its CA is permitted: ${listed(permittedRelations.map(({ subtree }) => subtree))}`;
  const hit = excluded.find(({ base }) => {
    const relation = subtreeRelation(name, base);
    return relation !== undefined && relation !== 'outside';
  });
  return hit === undefined
    ? undefined
    : `${quote(formatGeneralName(name))} is within, or cannot be told apart from, what its CA is excluded from: ${listed([hit])}`;
};

/** How many comparisons nameConstraintViolations makes at most. */
export const nameComparisonCount = (constraints: NameConstraints, names: readonly GeneralName[]): number =>
  names.length * (constraints.permitted.length + constraints.excluded.length);

/** What of some names breaks constraints, each as a message; none where all are allowed. */
export const namesOutsideConstraints = (constraints: NameConstraints, names: readonly GeneralName[]): string[] => {
  const count = nameComparisonCount(constraints, names);
  if (count > maxNameComparisons)
    return [`it has too many names for the constraints of its CA: ${count} comparisons are more than ${maxNameComparisons}`];
  return names.flatMap((name) => violation(constraints, name) ?? []);
};

/** What of a certificate's names breaks the constraints of its CA, each as a message; none where all names are allowed. */
export const nameConstraintViolations = (constraints: NameConstraints, tbs: NamedCertificate): string[] =>
  namesOutsideConstraints(constraints, constrainedNames(tbs));
