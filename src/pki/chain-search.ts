// The search for a certification path: depth first from the leaf upwards, every rule of RFC 5280 section 6.1 applied as soon as the part of
// the path it speaks of is there, the signature after all that is cheaper. Policies alone are judged on whole paths.
// Work is bounded: signatures, steps and comparisons of names are counted, and a certificate above which nothing leads anywhere, whatever
// stands below it, is entered once.

import { quote } from '../base/coded-error.ts';
import { type ChainCandidate, keyIdentifierHint, signatureFault } from './chain-candidate.ts';
import { revocationCheck } from './chain-revocation.ts';
import { type ChainFault, type ChainRuleName, fault } from './chain-rule.ts';
import type { Crl } from './crl.ts';
import { nameComparisonCount, namesOutsideConstraints } from './name-constraints.ts';
import { formatName } from './name-text.ts';
import { oid } from './oid.ts';
import { policyEntryCount } from './policy-extensions.ts';
import { type PolicyOutcome, type PolicyRequest, processPolicies } from './policy-graph.ts';
import type { X509Certificate } from './x509-certificate.ts';

/** What a search may cost. */
export type SearchLimits = {
  /** Signatures checked, of certificates and of revocation lists. */
  readonly signatureChecks: number;
  /** Certificates looked at as the next one of some path. */
  readonly steps: number;
  /** Comparisons of a name with a subtree, and policy entries worked through. */
  readonly comparisons: number;
  /** Certificates of a path, its anchor left out. */
  readonly pathCertificates: number;
};

export type SearchRequest = {
  readonly leaf: ChainCandidate;
  /** Intermediates and anchors, each at most once in each role. */
  readonly candidates: readonly ChainCandidate[];
  readonly at: Date;
  readonly relaxed: ReadonlySet<ChainRuleName>;
  readonly limits: SearchLimits;
  readonly policies: PolicyRequest;
  /** Undefined where revocation is not asked about. */
  readonly crls: readonly Crl[] | undefined;
};

/** A path from the leaf to an anchor that keeps every rule. */
export type FoundPath = {
  /** Leaf first, the anchor left out. */
  readonly chain: readonly X509Certificate[];
  readonly anchor: X509Certificate;
  /** Policies that hold along the path; `anyPolicy` among them stands for all. */
  readonly policies: readonly string[];
  readonly work: SearchWork;
};

/** What a search has cost, in the units of its limits. */
export type SearchWork = { readonly signatureChecks: number; readonly steps: number; readonly comparisons: number };

/** Why a path ended: the rule, the certificate that breaks it, and the path up to there, leaf first. */
export type PathFailure = ChainFault & {
  readonly certificate: X509Certificate;
  readonly path: readonly X509Certificate[];
  /** How telling it is: the higher, the nearer the path was to its end. */
  readonly weight: number;
};

/** A search without a path: why each path that was tried ended, at most 20 of them, the most telling first. */
export type SearchFailure = { readonly failures: readonly PathFailure[]; readonly work: SearchWork };

/** A path up to a certificate; `below` leads back to the leaf. */
type Path = {
  readonly top: ChainCandidate;
  readonly below: Path | undefined;
  readonly length: number;
  /** Intermediates that are not self-issued, the top among them. */
  readonly counted: number;
  /** Purposes that every certificate so far allows; undefined means all. */
  readonly purposes: ReadonlySet<string> | undefined;
};

/** A broken rule on the way from a path to a candidate. Bound ones may not be broken by another path to the same certificate. */
type StepFault = ChainFault & { readonly certificate: X509Certificate; readonly isBound: boolean };

const maxFailures = 20;

const subjectOf = ({ certificate }: ChainCandidate): string => quote(formatName(certificate.subject));

function* downwards(path: Path | undefined): Generator<Path> {
  for (let step = path; step !== undefined; step = step.below) yield step;
}

const certificatesOf = (path: Path): readonly X509Certificate[] => [...downwards(path)].map(({ top }) => top.certificate).reverse();

/** The purposes of a path that a certificate on top of it allows too; undefined means all. */
const sharedPurposes = (purposes: ReadonlySet<string> | undefined, { certificate }: ChainCandidate): ReadonlySet<string> | undefined => {
  const allowed = certificate.extendedKeyUsage;
  if (allowed === undefined || allowed.includes(oid.anyExtendedKeyUsage)) return purposes;
  return new Set(purposes === undefined ? allowed : allowed.filter((purpose) => purposes.has(purpose)));
};

/** The same, with a certificate that leaves none passed over: it is here only where that rule is relaxed. */
const narrowed = (purposes: ReadonlySet<string> | undefined, candidate: ChainCandidate): ReadonlySet<string> | undefined => {
  const shared = sharedPurposes(purposes, candidate);
  return shared?.size === 0 ? purposes : shared;
};

/** Searches for a valid path. */
export const searchPath = (request: SearchRequest): FoundPath | SearchFailure => {
  const { leaf, at, relaxed, limits, crls } = request;
  const bySubject = Map.groupBy(request.candidates, ({ subjectKey }) => subjectKey);
  const issuersByCertificate = new Map<ChainCandidate, readonly ChainCandidate[]>();
  const signatures = new Map<ChainCandidate, Map<string, ChainFault | undefined>>();
  const deadEnds = new Set<ChainCandidate>();
  const failures: PathFailure[] = [];
  const spent = { signatureChecks: 0, steps: 0, comparisons: 0 };

  let isStopped = false;
  const revocationFault = crls && revocationCheck(crls, at, relaxed, () => spent.signatureChecks++);

  const limitReached = (): string | undefined => {
    if (spent.signatureChecks >= limits.signatureChecks) return `${limits.signatureChecks} signature checks`;
    if (spent.steps >= limits.steps) return `${limits.steps} steps`;
    return spent.comparisons >= limits.comparisons ? `${limits.comparisons} comparisons of names` : undefined;
  };

  const fail = (path: Path, certificate: X509Certificate, { rule, message }: ChainFault, weight: number): void => {
    const failure = { rule, message, certificate, weight, path: certificatesOf(path) };
    failures.push(failure);
    failures.sort((a, b) => b.weight - a.weight || b.path.length - a.path.length);
    if (failures.length > maxFailures) failures.pop();
  };

  /** Candidates of the issuer's name: anchors first, then those the key identifiers and the time speak for. */
  const issuersOf = (candidate: ChainCandidate): readonly ChainCandidate[] => {
    const known = issuersByCertificate.get(candidate);
    if (known !== undefined) return known;
    const rank = (issuer: ChainCandidate): number =>
      (issuer.role === 'anchor' ? 8 : 0) +
      keyIdentifierHint(candidate.certificate, issuer.certificate) * 2 +
      (issuer.certificate.notBefore <= at && at <= issuer.certificate.notAfter ? 1 : 0);
    const issuers = (bySubject.get(candidate.issuerKey) ?? [])
      .filter(({ certificate }) => certificate !== candidate.certificate)
      .map((issuer) => ({ issuer, rank: rank(issuer) }))
      .sort((a, b) => b.rank - a.rank)
      .map(({ issuer }) => issuer);
    // Putting many in order is work too, if they are never tried.
    spent.steps += Math.floor(issuers.length / 50);
    issuersByCertificate.set(candidate, issuers);
    return issuers;
  };

  const pathLengthFault = (path: Path, candidate: ChainCandidate): ChainFault | undefined => {
    const rule = candidate.role === 'anchor' ? 'anchor-path-length' : 'path-length';
    const limit = candidate.certificate.basicConstraints?.pathLength;
    if (limit === undefined || path.counted <= limit || relaxed.has(rule)) return undefined;
    return fault(rule, `its path length is ${limit}, and ${path.counted} CAs stand below it`);
  };

  const purposeFault = (path: Path, candidate: ChainCandidate): ChainFault | undefined => {
    const rule = candidate.role === 'anchor' ? 'anchor-extended-key-usage' : 'extended-key-usage';
    const isEmpty = sharedPurposes(path.purposes, candidate)?.size === 0;
    return isEmpty && !relaxed.has(rule)
      ? fault(rule, 'its extended key usage leaves no purpose that every certificate of the path allows')
      : undefined;
  };

  /** The names of all certificates below a CA against its constraints; self-issued ones are passed over, but for the leaf. */
  const namesFault = (path: Path, candidate: ChainCandidate): Omit<StepFault, 'isBound'> | undefined => {
    const rule = candidate.role === 'anchor' ? 'anchor-name-constraints' : 'name-constraints';
    const { nameConstraints } = candidate.certificate;
    if (nameConstraints === undefined || relaxed.has(rule)) return undefined;
    for (const { top, below } of downwards(path)) {
      if (top.isSelfIssued && below !== undefined) continue;
      spent.comparisons += nameComparisonCount(nameConstraints, top.names());
      const [message] = namesOutsideConstraints(nameConstraints, top.names());
      if (message !== undefined)
        return { rule, message: `${message} (constraints of ${subjectOf(candidate)})`, certificate: top.certificate };
    }
    return undefined;
  };

  /** What is wrong with a signature: the same under every certificate of one name and key. */
  const signatureFaultOf = (signed: ChainCandidate, issuer: ChainCandidate): ChainFault | undefined => {
    const known = signatures.get(signed) ?? new Map<string, ChainFault | undefined>();
    signatures.set(signed, known);
    if (!known.has(issuer.entity)) {
      spent.signatureChecks++;
      known.set(issuer.entity, signatureFault(signed.certificate, issuer));
    }
    return known.get(issuer.entity);
  };

  const stepFault = (path: Path, candidate: ChainCandidate): StepFault | undefined => {
    const { certificate, role, entity } = candidate;
    const own = candidate.ownFault();
    if (own !== undefined) return { ...own, certificate, isBound: false };
    if (role === 'intermediate' && [...downwards(path)].some(({ top }) => top.entity === entity))
      return { ...fault('issuer-unknown', 'the path would come back to a CA it has passed'), certificate, isBound: true };
    if (role === 'intermediate' && path.length >= limits.pathCertificates)
      return { ...fault('search-limit', `the path has more than ${limits.pathCertificates} certificates`), certificate, isBound: true };
    const onPath = pathLengthFault(path, candidate) ?? purposeFault(path, candidate);
    if (onPath !== undefined) return { ...onPath, certificate, isBound: true };
    const names = namesFault(path, candidate);
    if (names !== undefined) return { ...names, isBound: true };
    const onSignature = signatureFaultOf(path.top, candidate) ?? revocationFault?.(path.top, candidate);
    return onSignature && { ...onSignature, certificate: path.top.certificate, isBound: false };
  };

  const judgePolicies = (candidates: readonly ChainCandidate[]): PolicyOutcome => {
    const steps = candidates.map((candidate) => ({ statements: candidate.policies(), isSelfIssued: candidate.isSelfIssued }));
    for (const { statements } of steps) spent.comparisons += policyEntryCount(statements);
    return processPolicies(steps, request.policies);
  };

  const complete = (path: Path, anchor: ChainCandidate): FoundPath | undefined => {
    const candidates = [...downwards(path)].map(({ top }) => top);
    const outcome = relaxed.has('policy') ? ({ isValid: true, policies: [] } as const) : judgePolicies(candidates);
    if (outcome.isValid)
      return {
        chain: certificatesOf(path),
        anchor: anchor.certificate,
        policies: outcome.policies,
        work: { ...spent },
      };
    fail(path, candidates[outcome.at]?.certificate ?? leaf.certificate, fault('policy', outcome.problem), 5);
    return undefined;
  };

  const weigh = (path: Path, candidate: ChainCandidate, { rule }: ChainFault): number => {
    const hint = keyIdentifierHint(path.top.certificate, candidate.certificate);
    if (rule === 'issuer-unknown' || hint < 0) return 0;
    return rule === 'signature' ? 2 : candidate.role === 'anchor' ? 4 : 3;
  };

  /** Looks for a way up. `dead` says that there is none, whatever stands below. */
  const explore = (path: Path): FoundPath | 'dead' | 'bound' => {
    const issuers = issuersOf(path.top);
    let isBound = false;
    for (const candidate of issuers) {
      const limit = limitReached();
      if (limit !== undefined) {
        isStopped = true;
        fail(path, path.top.certificate, fault('search-limit', `the search stopped after ${limit}`), 9);
        return 'bound';
      }
      spent.steps++;
      if (deadEnds.has(candidate)) continue;
      const found = stepFault(path, candidate);
      if (found !== undefined) {
        isBound ||= found.isBound;
        fail(path, found.certificate, found, weigh(path, candidate, found));
        continue;
      }
      const outcome =
        candidate.role === 'anchor'
          ? (complete(path, candidate) ?? 'bound')
          : explore({
              top: candidate,
              below: path,
              length: path.length + 1,
              counted: path.counted + (candidate.isSelfIssued ? 0 : 1),
              purposes: narrowed(path.purposes, candidate),
            });
      if (typeof outcome !== 'string') return outcome;
      isBound ||= outcome === 'bound';
      if (isStopped) return 'bound';
    }
    if (issuers.length === 0) {
      const { certificate, isSelfIssued } = path.top;
      const problem = isSelfIssued
        ? 'it is self-issued and no trust anchor'
        : `neither the intermediates nor the trust anchors have its CA ${quote(formatName(certificate.issuer))}`;
      fail(path, certificate, fault('issuer-unknown', problem), 1);
    }
    if (isBound) return 'bound';
    deadEnds.add(path.top);
    return 'dead';
  };

  const start: Path = { top: leaf, below: undefined, length: 1, counted: 0, purposes: narrowed(undefined, leaf) };
  const isAnchor = request.candidates.find(({ role, certificate }) => role === 'anchor' && certificate === leaf.certificate);
  const outcome = isAnchor === undefined ? explore(start) : (complete(start, isAnchor) ?? 'dead');
  return typeof outcome === 'string' ? { failures, work: { ...spent } } : outcome;
};
