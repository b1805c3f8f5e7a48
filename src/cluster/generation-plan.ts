// What generating comes to, decided from the state of the output directory: one action for everything that a manifest asks for. Pure,
// and the same for a dry run. Carrying the actions out is generate.ts.

import { equalBytes } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { formatName } from '../pki/name-text.ts';
import { certificatePem, parseCertificates, type X509Certificate } from '../pki/x509-certificate.ts';
import { authorityDoubts } from './authority.ts';
import type { AuthorityState } from './authority-state.ts';
import type { Difference } from './certificate-differences.ts';
import { type ClusterState, type KeyPairState, type PlacedLeaf, publicKeyPem, type RepeatingKubeconfig } from './cluster-state.ts';
import { type ActionKind, type DecidedAuthority, decideLeaf, kubeconfigDifferences, type LeafDecision } from './leaf-decision.ts';
import type { AuthorityId } from './manifest.ts';
import { serverTrustFiles, verifiesServers } from './trust-root.ts';

/** One thing that the plan asks for, and what is done about it. */
export type Action = {
  readonly kind: ActionKind;
  readonly id: string;
  readonly description: string;
  /** Relative to the output directory. */
  readonly files: readonly string[];
  /** Why it differs. */
  readonly differences: readonly Difference[];
  /** What deserves a word besides. */
  readonly notes: readonly string[];
};

/** A file that repeats what another holds, or follows from it. */
export type TextFile = {
  readonly action: Action;
  readonly path: string;
  readonly mode: number;
  /** Undefined while what it repeats is still to be made. */
  readonly content: string | undefined;
};

export type PlannedLeafStep = { readonly leaf: PlacedLeaf; readonly decision: LeafDecision; readonly action: Action };
export type RepeatingStep = { readonly repeating: RepeatingKubeconfig; readonly action: Action; readonly leaf: PlannedLeafStep };

export type GenerationPlan = {
  readonly authorities: readonly { readonly state: AuthorityState; readonly action: Action }[];
  /** Copies of CA certificates, and files of what verifies servers. */
  readonly trustFiles: readonly TextFile[];
  readonly keyPairs: readonly { readonly state: KeyPairState; readonly action: Action }[];
  readonly keyPairFiles: readonly TextFile[];
  readonly leaves: readonly PlannedLeafStep[];
  readonly repeating: readonly RepeatingStep[];
};

const broken = (field: Difference['field'], message: string): Difference => ({ field, severity: 'broken', message });

const authorityAction = (state: AuthorityState): Action => {
  const { planned } = state;
  const base = {
    id: `${planned.id} CA`,
    description: planned.description,
    files: [planned.certificateFile, planned.keyFile],
    differences: [],
  };
  if (state.state === 'missing')
    return { ...base, kind: 'create', notes: state.key === undefined ? [] : ['its key is there already and is used'] };
  const { authority, misplaced } = state;
  const notes = [
    ...(authority.signer === undefined ? ['its key is not here: others sign, from the requests that are written'] : []),
    ...(misplaced?.keyFile === undefined
      ? []
      : [`its key lay in the place of its certificate, and its certificate in ${quote(misplaced.certificateFile)}; they are put right`]),
    ...authorityDoubts(authority.certificate),
    ...(authority.isIntermediate ? [`it is an intermediate below "${formatName(authority.certificate.issuer)}"`] : []),
  ];
  return { ...base, kind: misplaced === undefined ? 'keep' : 'overwrite', notes };
};

const isSameTrust = (text: string, wanted: readonly X509Certificate[]): boolean => {
  try {
    const found = parseCertificates(text);
    return found.length === wanted.length && found.every(({ raw }, i) => equalBytes(raw, wanted[i]?.raw ?? new Uint8Array()));
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
};

type TextDecision = { readonly kind: ActionKind; readonly differences: readonly Difference[] };

const decideText = (found: string | undefined, isRight: (text: string) => boolean, problem: string, overwrite: boolean): TextDecision => {
  if (found === undefined) return { kind: 'create', differences: [] };
  if (isRight(found)) return { kind: 'keep', differences: [] };
  return { kind: overwrite ? 'overwrite' : 'differs', differences: [broken('content', problem)] };
};

/** Copies of a CA's certificate, and the file of what verifies servers where there is a root above it. */
export const trustFilesOf = (cluster: ClusterState, state: AuthorityState, overwrite: boolean): readonly TextFile[] => {
  const { planned } = state;
  const file = (path: string, description: string, wanted: readonly X509Certificate[] | undefined, problem: string): TextFile => {
    const decided = decideText(
      cluster.trustTexts.get(path),
      (text) => wanted !== undefined && isSameTrust(text, wanted),
      problem,
      overwrite,
    );
    return {
      action: { ...decided, id: path, description, files: [path], notes: [] },
      path: cluster.tree.path(path),
      mode: 0o644,
      content: wanted?.map(certificatePem).join(''),
    };
  };
  const certificate = state.state === 'ready' ? [state.authority.certificate] : undefined;
  const copies = planned.copies.map(({ host, certificateFile }) =>
    file(certificateFile, `${planned.description} for ${host}`, certificate, `it is not the ${planned.description} that is here`),
  );
  if (state.state !== 'ready' || !state.hasTrustRoot || !verifiesServers(planned.id)) return copies;
  const trust = serverTrustFiles(planned).map((place) =>
    file(
      place.file,
      `what verifies servers of the ${planned.description}`,
      state.trust,
      'it holds other certificates than the CA and the root above it',
    ),
  );
  return [...copies, ...trust];
};

/** Throws CaMissing where a CA is not there, though something that hangs on it is: a new one would make all of that worthless. */
const requireNothingSigned = (cluster: ClusterState, trustFiles: readonly TextFile[]): void => {
  for (const state of cluster.authorities) {
    if (state.state !== 'missing') continue;
    const { planned } = state;
    const signed = cluster.leaves.filter(({ state: leaf }) => leaf.planned.authority === planned.id && leaf.pair.chain.state !== 'absent');
    const copies = trustFiles.filter(
      ({ action }) => action.kind !== 'create' && planned.copies.some(({ certificateFile }) => action.id === certificateFile),
    );
    const [first] = [...signed.flatMap(({ files }) => files), ...copies.map(({ action }) => action.id)];
    if (first === undefined) continue;
    throw new CodedError(
      'CaMissing',
      `cannot generate: ${quote(planned.certificateFile)} is missing, and ${signed.length + copies.length} files that hang on it are there, ${quote(first)} among them`,
      { hint: 'put the CA back; or, to start anew with another CA, move the output directory away' },
    );
  }
};

/** The private half is never made anew where anything of the pair is there: every token in the cluster hangs on it. */
export const keyPairAction = ({ planned, key, publicKeyText, copies }: KeyPairState): Action => {
  const base = { id: planned.id, description: planned.description, files: [planned.keyFile], notes: [] };
  if (key.state === 'present') return { ...base, kind: 'keep', differences: [] };
  if (key.state === 'unreadable') return { ...base, kind: 'differs', differences: [broken('key', key.problem)] };
  const rest = [
    ...(publicKeyText === undefined ? [] : [planned.publicKeyFile]),
    ...copies.flatMap(({ file, text }) => (text === undefined ? [] : [file])),
  ];
  const [first] = rest;
  if (first === undefined) return { ...base, kind: 'create', differences: [] };
  return {
    ...base,
    kind: 'differs',
    differences: [broken('key', `it is missing while ${quote(first)} is there; copy it back from a master`)],
  };
};

/** Everything that repeats a key pair, its own public half first. */
export const keyPairFilesOf = (cluster: ClusterState, state: KeyPairState, overwrite: boolean): readonly TextFile[] => {
  const { planned, key, keyText, publicKeyText, copies } = state;
  const pem = key.state === 'present' ? publicKeyPem(key.value) : undefined;
  const places = [
    { file: planned.publicKeyFile, isPrivate: false, text: publicKeyText, description: planned.description },
    ...copies.map((copy) => ({ ...copy, description: `${planned.description} for ${copy.host}` })),
  ];
  return places.map(({ file, isPrivate, text, description }) => {
    const wanted = isPrivate ? keyText : pem;
    // Where the key itself is missing, nothing can be said of what repeats it.
    const decided: TextDecision =
      key.state === 'present' || text === undefined
        ? decideText(text, (found) => found.trim() === wanted?.trim(), `it does not repeat ${quote(planned.keyFile)}`, overwrite)
        : { kind: 'keep', differences: [] };
    return {
      action: { ...decided, id: file, description, files: [file], notes: [] },
      path: cluster.tree.path(file),
      mode: isPrivate ? 0o600 : 0o644,
      content: wanted,
    };
  });
};

/** A CA as leaves are compared with it; undefined where it is still to be made. */
export const decidedAuthority = (state: AuthorityState | undefined): DecidedAuthority | undefined =>
  state?.state !== 'ready'
    ? undefined
    : {
        certificate: state.authority.certificate,
        isIntermediate: state.authority.isIntermediate,
        isExternal: state.authority.signer === undefined,
        trust: state.trust,
      };

/** What differs in a kubeconfig that repeats a pair with files of its own. */
export const repeatingDifferences = (
  { planned, found }: RepeatingKubeconfig,
  leaf: PlacedLeaf,
  trust: readonly X509Certificate[],
): readonly Difference[] => {
  if (found.content.state === 'unreadable') return [broken('kubeconfig', found.content.problem)];
  const { chain, key } = leaf.state.pair;
  const holdsPair =
    chain.state === 'present' &&
    key.state === 'present' &&
    found.pair.chain.state === 'present' &&
    found.pair.key.state === 'present' &&
    equalBytes(chain.value[0].raw, found.pair.chain.value[0].raw) &&
    equalBytes(key.value.publicKey.spki, found.pair.key.value.publicKey.spki);
  return [
    ...kubeconfigDifferences(found, planned, trust),
    ...(holdsPair ? [] : [broken('kubeconfig', `it holds another certificate or key than ${leaf.files.map(quote).join(' and ')}`)]),
  ];
};

const repeatingKind = (
  { found }: RepeatingKubeconfig,
  leaf: PlannedLeafStep,
  differences: readonly Difference[],
  overwrite: boolean,
): ActionKind => {
  const isThere = found.content.state !== 'absent';
  const { kind, work } = leaf.decision;
  if (kind === 'wait' || kind === 'request') return 'wait';
  if (work === 'replace pair') return isThere ? 'overwrite' : 'create';
  if (!isThere) return 'create';
  if (differences.length === 0) return 'keep';
  return overwrite ? 'overwrite' : 'differs';
};

/** Decides everything. Throws CaMissing where a CA is gone that others hang on. */
export const planGeneration = (
  cluster: ClusterState,
  { overwrite, at }: { readonly overwrite: boolean; readonly at: Date },
): GenerationPlan => {
  const authorityById = new Map<AuthorityId, AuthorityState>(cluster.authorities.map((state) => [state.planned.id, state]));
  const trustFiles = cluster.authorities.flatMap((state) => trustFilesOf(cluster, state, overwrite));
  requireNothingSigned(cluster, trustFiles);
  const leaves = cluster.leaves.map((leaf): PlannedLeafStep => {
    const { planned } = leaf.state;
    const decision = decideLeaf(leaf.state, decidedAuthority(authorityById.get(planned.authority)), overwrite, at);
    const { kind, differences, notes } = decision;
    return { leaf, decision, action: { kind, id: planned.id, description: planned.description, files: leaf.files, differences, notes } };
  });
  const leafById = new Map(leaves.map((step) => [step.leaf.state.planned.id, step]));
  const repeating = cluster.repeating.map((kubeconfig): RepeatingStep => {
    const { planned, found } = kubeconfig;
    const leaf = leafById.get(planned.certificateId);
    if (leaf === undefined) throw new CodedError('Bug', `kubeconfig ${quote(planned.file)} holds no certificate of the manifest`);
    const trust = decidedAuthority(authorityById.get(planned.authority))?.trust ?? [];
    const isOpen = ['wait', 'request'].includes(leaf.decision.kind) || leaf.decision.work === 'replace pair';
    const differences = found.content.state === 'absent' || isOpen ? [] : repeatingDifferences(kubeconfig, leaf.leaf, trust);
    const kind = repeatingKind(kubeconfig, leaf, differences, overwrite);
    return {
      repeating: kubeconfig,
      leaf,
      action: { kind, id: planned.file, description: `kubeconfig of ${planned.userName}`, files: [planned.file], differences, notes: [] },
    };
  });
  return {
    authorities: cluster.authorities.map((state) => ({ state, action: authorityAction(state) })),
    trustFiles,
    keyPairs: cluster.keyPairs.map((state) => ({ state, action: keyPairAction(state) })),
    keyPairFiles: cluster.keyPairs.flatMap((state) => keyPairFilesOf(cluster, state, overwrite)),
    leaves,
    repeating,
  };
};

/** Every action, in the order in which they are carried out. */
export const actionsOf = (plan: GenerationPlan): readonly Action[] => [
  ...plan.authorities.map(({ action }) => action),
  ...plan.trustFiles.map(({ action }) => action),
  ...plan.keyPairs.map(({ action }) => action),
  ...plan.keyPairFiles.map(({ action }) => action),
  ...plan.leaves.map(({ action }) => action),
  ...plan.repeating.map(({ action }) => action),
];
