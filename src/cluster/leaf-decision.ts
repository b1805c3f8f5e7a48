// What is to be done about one planned certificate, decided from what lies on disk. Pure; doing it is deliver-leaves.ts.

import { equalBytes } from '../base/bytes.ts';
import type { X509Certificate } from '../pki/x509-certificate.ts';
import { brokenHalves, type ComparedAuthority, type Difference, pairDifferences, pairNotes } from './certificate-differences.ts';
import type { RequestState } from './certificate-request.ts';
import type { PlannedCertificate, PlannedKubeconfig } from './manifest.ts';
import type { ObservedKubeconfig, ObservedPair } from './observed-pair.ts';

/** What is done about a thing that the plan asks for. */
export type ActionKind =
  /** It is there and right. */
  | 'keep'
  | 'create'
  /** It is there and differs; nothing is done. */
  | 'differs'
  /** It is there and differs; it is replaced, the old files kept aside. */
  | 'overwrite'
  /** A request is written for an external CA to sign. */
  | 'request'
  /** The request is there, and the external CA has not answered. */
  | 'wait'
  /** What the external CA handed back is right and is put to use. */
  | 'pick-up';

/** How a certificate comes about. */
export type LeafWork =
  /** A new key and a certificate, where neither is. */
  | 'new pair'
  /** A certificate for the key that is there. */
  | 'for its key'
  /** A new pair in the place of another. */
  | 'replace pair'
  /** A certificate in the place of another, for the same key. */
  | 'replace certificate'
  /** The mode of its key's file is put right. */
  | 'close key'
  /** A request for the key that is there. */
  | 'request'
  /** A new key and a request for it. */
  | 'request with new key'
  | 'pick up';

/** One certificate as it lies on disk. */
export type LeafState = {
  readonly planned: PlannedCertificate;
  readonly pair: ObservedPair;
  /** Where it is delivered in a kubeconfig: that, as planned and as found. */
  readonly kubeconfig: { readonly planned: PlannedKubeconfig; readonly found: ObservedKubeconfig } | undefined;
  readonly request: RequestState;
  /** What an external CA handed back for a kubeconfig, beside it. */
  readonly handedBack: ObservedPair['chain'];
};

export type LeafDecision = {
  readonly kind: ActionKind;
  readonly work: LeafWork | undefined;
  readonly differences: readonly Difference[];
  readonly notes: readonly string[];
};

/** A CA that leaves are compared with and signed by. */
export type DecidedAuthority = ComparedAuthority & { readonly isExternal: boolean; readonly trust: readonly X509Certificate[] };

const sameCertificates = (a: readonly X509Certificate[], b: readonly X509Certificate[]): boolean =>
  a.length === b.length && a.every(({ raw }) => b.some((other) => equalBytes(raw, other.raw)));

/** What differs in a kubeconfig besides the pair inside it. */
export const kubeconfigDifferences = (
  found: ObservedKubeconfig,
  planned: PlannedKubeconfig,
  trust: readonly X509Certificate[],
): readonly Difference[] => {
  if (found.content.state !== 'present') return [];
  const { server, trust: foundTrust } = found.content.value;
  return [
    ...(server === planned.server
      ? []
      : [{ field: 'kubeconfig', severity: 'differs', message: `its server is "${server}", expected "${planned.server}"` } as const]),
    ...(sameCertificates(foundTrust, trust)
      ? []
      : [{ field: 'kubeconfig', severity: 'broken', message: 'it trusts another CA than the one that is here' } as const]),
  ];
};

const decision = (
  kind: ActionKind,
  work: LeafWork | undefined,
  differences: readonly Difference[] = [],
  notes: readonly string[] = [],
): LeafDecision => ({ kind, work, differences, notes });

/** Certificate missing; the key may be there. */
const decideMissing = (state: LeafState, authority: DecidedAuthority | undefined, at: Date): LeafDecision => {
  const { pair, planned, handedBack, request } = state;
  const hasKey = pair.key.state === 'present';
  if (authority?.isExternal !== true) return decision('create', hasKey ? 'for its key' : 'new pair');
  if (!hasKey) return decision('request', 'request with new key');
  if (handedBack.state !== 'absent') {
    const differences = pairDifferences({ ...pair, chain: handedBack }, planned, authority, at).filter(({ field }) => field !== 'chain');
    return differences.length === 0 ? decision('pick-up', 'pick up') : decision('differs', undefined, differences);
  }
  return request === 'as planned' ? decision('wait', undefined) : decision('request', 'request');
};

const isMode = ({ field }: Difference): boolean => field === 'key mode';

const decideOverwrite = (state: LeafState, isExternal: boolean, differences: readonly Difference[]): LeafDecision => {
  const { pair, planned } = state;
  if (differences.every(isMode)) return decision('overwrite', 'close key', differences);
  if (planned.keyIsPermanent) {
    // A lost or damaged key of this kind is never made anew: every token in the cluster hangs on it.
    if (pair.key.state !== 'present') return decision('differs', undefined, differences);
    return isExternal ? decision('request', 'request', differences) : decision('overwrite', 'replace certificate', differences);
  }
  return isExternal ? decision('request', 'request with new key', differences) : decision('overwrite', 'replace pair', differences);
};

/**
 * Decides for one certificate. `authority` is undefined where its CA is still to be made, when nothing signed by it can be there.
 * What differs is replaced only with `overwrite`.
 */
export const decideLeaf = (state: LeafState, authority: DecidedAuthority | undefined, overwrite: boolean, at: Date): LeafDecision => {
  const { pair, planned, kubeconfig } = state;
  const holdsNone = kubeconfig?.found.content.state === 'present' && pair.key.state === 'absent' && pair.chain.state === 'absent';
  if (pair.chain.state === 'absent' && pair.key.state !== 'unreadable' && !holdsNone) return decideMissing(state, authority, at);
  const found = authority === undefined ? brokenHalves(pair) : pairDifferences(pair, planned, authority, at);
  const differences = [
    ...found,
    ...(kubeconfig === undefined ? [] : kubeconfigDifferences(kubeconfig.found, kubeconfig.planned, authority?.trust ?? [])),
  ];
  const notes = pairNotes(pair, planned);
  const isHandedBack = authority?.isExternal === true && state.request !== 'absent';
  // What an external CA hands back comes without the chain, which is ours to add.
  if (isHandedBack && differences.every(({ field }) => field === 'chain')) return decision('pick-up', 'pick up', [], notes);
  // A key that others may read is told, and does not stand in the way of anything else.
  if (!overwrite && differences.every(isMode))
    return decision('keep', undefined, [], [...notes, ...differences.map(({ message }) => message)]);
  if (differences.length === 0) return decision('keep', undefined, [], notes);
  return overwrite
    ? decideOverwrite(state, authority?.isExternal === true, differences)
    : decision('differs', undefined, differences, notes);
};
