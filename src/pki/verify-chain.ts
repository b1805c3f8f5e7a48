// Path validation by RFC 5280 section 6, to the letter: what it says must be refused is refused, also where OpenSSL and Go let it pass; a
// caller may relax a rule by its name. Pure: the time is an argument, nothing is fetched, the system's roots are not looked at.
// chain-rule.ts lists the rules, chain-search.ts finds the path, this file says why there is none.
//
// Of a trust anchor, section 6.1.1 (d) takes name and key alone, and leaves the rest to whoever configures it. Here what a certificate given
// as anchor says of itself is kept: its validity, basic constraints, key usage, path length, name constraints, extended key usage and unknown
// critical extensions, each relaxed by an `anchor-…` name. Its policies are not taken over. An intermediate may be an anchor, and so may the
// leaf itself, which is then believed in without a signature. Version 1 passes as anchor, never as intermediate.

import { CodedError, quote } from '../base/coded-error.ts';
import { chainCandidate } from './chain-candidate.ts';
import { type ChainFault, type ChainRuleName, fault, type RelaxableRule, ruleHint, ruleSource } from './chain-rule.ts';
import { type FoundPath, type PathFailure, type SearchFailure, type SearchLimits, searchPath } from './chain-search.ts';
import type { Crl } from './crl.ts';
import { formatGeneralName } from './general-name-text.ts';
import { matchesDnsName, matchesIp } from './host-match.ts';
import { formatName } from './name-text.ts';
import type { PolicyRequest } from './policy-graph.ts';
import { deduplicateCertificates } from './trust-bundle.ts';
import { certificateFingerprint, type X509Certificate } from './x509-certificate.ts';

/** What a certificate is to be verified against. */
export type VerifyRequest = {
  readonly leaf: X509Certificate;
  /** Certificates that may stand between leaf and anchor, in any order. They are not believed. */
  readonly intermediates: readonly X509Certificate[];
  readonly anchors: readonly X509Certificate[];
  readonly at: Date;
  /** Purposes as dotted identifiers, all of which every certificate of the path must allow; none asks for any one they share. */
  readonly purposes?: readonly string[];
  /** A host that must be among the SANs. */
  readonly dnsName?: string;
  /** An address that must be among the SANs. */
  readonly ipAddress?: string;
  readonly relax?: readonly RelaxableRule[];
  /** Revocation lists. Absent, revocation is not asked about; present, every certificate of the path must be told about by one. */
  readonly crls?: readonly Crl[];
  readonly policies?: PolicyRequest;
  /** Default 100. */
  readonly maxSignatureChecks?: number;
};

/** A verified path: the chain leaf first, its anchor left out, the anchor, and the policies under which it is valid. */
export type VerifiedChain = FoundPath;

/** What a search may cost where the caller says nothing: far beyond honest meshes, a fraction of a second of work. */
export const defaultSearchLimits: SearchLimits = { signatureChecks: 100, steps: 20_000, comparisons: 2_000_000, pathCertificates: 32 };

const hostFaults = ({ leaf, dnsName, ipAddress }: VerifyRequest): readonly ChainFault[] => {
  const names = (leaf.subjectAltNames ?? []).slice(0, 10).map((name) => quote(formatGeneralName(name)));
  const found = names.length === 0 ? 'it has no subject alternative names' : `its names are ${names.join(', ')}`;
  const faults: ChainFault[] = [];
  if (dnsName !== undefined && !matchesDnsName(leaf, dnsName))
    faults.push(fault('host-name', `it is not for host ${quote(dnsName)}: ${found}`));
  if (ipAddress !== undefined && !matchesIp(leaf, ipAddress))
    faults.push(fault('ip-address', `it is not for address ${quote(ipAddress)}: ${found}`));
  return faults;
};

const subjectOf = ({ subject }: X509Certificate): string => formatName(subject);

const refuse = (leaf: X509Certificate, best: PathFailure, { failures, work }: SearchFailure): never => {
  const { rule, message, certificate, path } = best;
  const about = certificate === leaf ? '' : `CA ${quote(subjectOf(certificate))}: `;
  const describe = (failure: PathFailure) => ({ rule: failure.rule, subject: subjectOf(failure.certificate), message: failure.message });
  throw new CodedError(
    'ChainInvalid',
    `cannot verify certificate ${quote(subjectOf(leaf))}: ${about}${message} (${rule}, ${ruleSource(rule)})`,
    {
      hint: ruleHint(rule),
      details: {
        ...describe(best),
        source: ruleSource(rule),
        path: path.map(subjectOf),
        others: failures
          .filter((failure) => failure !== best)
          .slice(0, 10)
          .map(describe),
        work,
      },
    },
  );
};

/**
 * Verifies a certificate: finds a path from it to a trust anchor that keeps every rule. Throws ChainInvalid with the most telling reason in
 * its details: rule, subject of the certificate that breaks it, source, the path up to there, and what else was tried.
 */
export const verifyChain = (request: VerifyRequest): VerifiedChain => {
  const { at, purposes = [], relax = [], policies = {}, crls } = request;
  const relaxed: ReadonlySet<ChainRuleName> = new Set(relax);
  const judged = { at, purposes };
  const fingerprint = certificateFingerprint(request.leaf);
  const anchors = deduplicateCertificates(request.anchors);
  // The same certificate in both roles is one object, by which the search knows it.
  const leaf = anchors.find((anchor) => certificateFingerprint(anchor) === fingerprint) ?? request.leaf;
  const intermediates = deduplicateCertificates([...anchors, leaf, ...request.intermediates]).filter((found) => found !== leaf);
  const target = chainCandidate(leaf, 'leaf', judged, relaxed);
  const atLeaf = (found: ChainFault): PathFailure => ({ ...found, certificate: leaf, path: [leaf], weight: 0 });
  const own = target.ownFault() ?? hostFaults(request).find(({ rule }) => !relaxed.has(rule));
  if (own !== undefined) return refuse(leaf, atLeaf(own), { failures: [], work: { signatureChecks: 0, steps: 0, comparisons: 0 } });
  const found = searchPath({
    leaf: target,
    candidates: [
      ...anchors.map((certificate) => chainCandidate(certificate, 'anchor', judged, relaxed)),
      ...intermediates.map((certificate) => chainCandidate(certificate, 'intermediate', judged, relaxed)),
    ],
    at,
    relaxed,
    limits: { ...defaultSearchLimits, signatureChecks: request.maxSignatureChecks ?? defaultSearchLimits.signatureChecks },
    policies,
    crls,
  });
  if ('chain' in found) return found;
  return refuse(leaf, found.failures[0] ?? atLeaf(fault('issuer-unknown', 'there is no trust anchor')), found);
};
