// How a directory stands against its plan and the calendar: one row for every certificate, CA and file that the plan asks for. Nothing is
// changed and nothing is thrown for what a file holds: a missing or damaged file is a row.
// The columns are those of `kubeadm certs check-expiration`; printing them is the command's business.

import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readFileIfPresent } from '../base/atomic-file.ts';
import { equalBytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { openTree, type Tree } from '../base/safe-path.ts';
import { keyBelongsTo } from '../pki/private-key.ts';
import { acceptPublicKey } from '../pki/public-key.ts';
import { formatSerialNumber, isCa, type X509Certificate } from '../pki/x509-certificate.ts';
import { authorityFileProblem, isIntermediateCa, maxCertificateFileBytes } from './authority.ts';
import type { AuthorityState } from './authority-state.ts';
import { type Difference, pairDifferences, pairNotes } from './certificate-differences.ts';
import { type ClusterState, type PlacedLeaf, readRest } from './cluster-state.ts';
import { keyPairAction, keyPairFilesOf, repeatingDifferences, trustFilesOf } from './generation-plan.ts';
import { kubeconfigDifferences } from './leaf-decision.ts';
import { ledgerFileOf, readLedger } from './ledger.ts';
import type { AuthorityId, ClusterManifest, PlannedAuthority } from './manifest.ts';
import { type Observed, type ObservedPair, observePair } from './observed-pair.ts';
import { hasPending } from './replacement.ts';
import { rememberedTrustRoot, serverTrust, serverTrustFileOf, verifiesServers } from './trust-root.ts';

export type CheckStatus = 'ok' | 'expiring' | 'differs' | 'broken' | 'expired' | 'missing';

/** One certificate, CA or other file. */
export type CheckRow = {
  readonly id: string;
  readonly description: string;
  /** Relative to the output directory. */
  readonly files: readonly string[];
  /** Whose CA it is signed by; absent for CAs and for files that hold no certificate of their own. */
  readonly authority?: AuthorityId;
  readonly expires?: Date;
  /** Negative once it is expired. */
  readonly residualMs?: number;
  /** Whether others hold the CA's key. */
  readonly isExternallyManaged: boolean;
  readonly status: CheckStatus;
  readonly differences: readonly Difference[];
  readonly notes: readonly string[];
};

export type ClusterCheck = {
  /** Leaves, in the order of the manifest. */
  readonly certificates: readonly CheckRow[];
  readonly authorities: readonly CheckRow[];
  /** Copies, key pairs without certificate, kubeconfigs that repeat a pair: those that are not right. */
  readonly files: readonly CheckRow[];
  /** All right; something expires soon or differs; something is expired, missing or broken. */
  readonly verdict: 'ok' | 'attention' | 'broken';
  readonly notes: readonly string[];
};

export type CheckRequest = {
  readonly manifest: ClusterManifest;
  readonly directory: string;
  readonly at: Date;
  /** How long before its end a certificate deserves attention. */
  readonly warningWindowMs: number;
};

const statusOf = (
  chain: Observed<readonly [X509Certificate, ...X509Certificate[]]>,
  differences: readonly Difference[],
  { at, warningWindowMs }: CheckRequest,
): CheckStatus => {
  if (chain.state === 'absent') return 'missing';
  if (chain.state === 'unreadable') return 'broken';
  const [{ notAfter }] = chain.value;
  if (notAfter < at) return 'expired';
  if (differences.some(({ severity }) => severity === 'broken')) return 'broken';
  if (differences.length > 0) return 'differs';
  return notAfter.getTime() - at.getTime() <= warningWindowMs ? 'expiring' : 'ok';
};

const endOf = (chain: ObservedPair['chain'], at: Date): Pick<CheckRow, 'expires' | 'residualMs'> => {
  if (chain.state !== 'present') return {};
  const [{ notAfter }] = chain.value;
  return { expires: notAfter, residualMs: notAfter.getTime() - at.getTime() };
};

const broken = (field: Difference['field'], message: string): Difference => ({ field, severity: 'broken', message });

const modeDifference = (mode: number | undefined): readonly Difference[] =>
  mode === undefined || (mode & 0o077) === 0
    ? []
    : [
        {
          field: 'key mode',
          severity: 'differs',
          message: `the file of its key has mode ${(mode & 0o777).toString(8).padStart(4, '0')}, expected 0600`,
        },
      ];

type LedgerView = { readonly revoked: ReadonlySet<string>; readonly problem: string | undefined };
type Ledgers = ReadonlyMap<AuthorityId, LedgerView>;

const viewLedger = (path: string): LedgerView => {
  try {
    return { revoked: new Set(readLedger(path).flatMap((event) => (event.event === 'revoked' ? [event.serial] : []))), problem: undefined };
  } catch (error) {
    if (error instanceof CodedError) return { revoked: new Set(), problem: error.message };
    throw error;
  }
};

const readLedgers = (manifest: ClusterManifest, tree: Tree): Ledgers =>
  new Map(manifest.authorities.map(({ id, certificateFile }) => [id, viewLedger(ledgerFileOf(tree.path(certificateFile)))]));

/** A CA as it lies there, however it may be; `isExternal` where its key is not. */
type ObservedAuthority = {
  readonly planned: PlannedAuthority;
  readonly pair: ObservedPair;
  readonly isExternal: boolean;
  readonly form: string | undefined;
};

const isEncrypted = ({ key }: ObservedPair): boolean => key.state === 'unreadable' && key.isEncrypted;

const authorityDifferences = ({ pair, isExternal, form }: ObservedAuthority, at: Date): readonly Difference[] => {
  const { chain, key, keyMode } = pair;
  if (chain.state === 'absent') return [broken('certificate', 'it is missing')];
  if (chain.state === 'unreadable') return [broken('certificate', chain.problem)];
  const [certificate, ...others] = chain.value;
  const differences: Difference[] = [];
  if (!isCa(certificate)) differences.push(broken('usages', 'it is not a CA certificate'));
  if (others.length > 0)
    differences.push(broken('content', `it holds ${others.length + 1} certificates, expected one: clients are let in by each`));
  if (form !== undefined) differences.push(broken('content', form));
  if (certificate.notAfter < at) differences.push(broken('validity', `it is expired since ${certificate.notAfter.toISOString()}`));
  if (certificate.notBefore > at) differences.push(broken('validity', `it is not valid before ${certificate.notBefore.toISOString()}`));
  if (isExternal) return differences;
  if (key.state === 'unreadable' && !isEncrypted(pair)) differences.push(broken('key', key.problem));
  if (
    key.state === 'present' &&
    !(
      equalBytes(key.value.publicKey.spki, certificate.publicKey.spki) &&
      keyBelongsTo(key.value.key, acceptPublicKey(certificate.publicKey))
    )
  )
    differences.push(broken('key', 'the key beside it is not its own'));
  return [...differences, ...modeDifference(keyMode)];
};

const authorityRow = (observed: ObservedAuthority, ledgers: Ledgers, request: CheckRequest): CheckRow => {
  const { planned, pair, isExternal } = observed;
  const problem = ledgers.get(planned.id)?.problem;
  const differences = [...authorityDifferences(observed, request.at), ...(problem === undefined ? [] : [broken('ledger', problem)])];
  return {
    id: `${planned.id} CA`,
    description: planned.description,
    files: isExternal ? [planned.certificateFile] : [planned.certificateFile, planned.keyFile],
    ...endOf(pair.chain, request.at),
    isExternallyManaged: isExternal,
    status: statusOf(pair.chain, differences, request),
    differences,
    notes: isEncrypted(pair) ? ['its key is encrypted and was not compared with it'] : [],
  };
};

/** The state of a CA for comparing leaves with it: whatever certificate is there counts, expired or not. */
const authorityState = ({ planned, pair }: ObservedAuthority, tree: Tree): AuthorityState => {
  if (pair.chain.state !== 'present') return { state: 'missing', planned, key: undefined };
  const [certificate] = pair.chain.value;
  const certificateFile = tree.path(planned.certificateFile);
  const above = verifiesServers(planned.id) ? rememberedTrustRoot(tree.path(serverTrustFileOf(planned.certificateFile)), certificate) : [];
  return {
    state: 'ready',
    planned,
    authority: {
      certificate,
      signer: undefined,
      isIntermediate: isIntermediateCa(certificate),
      certificateFile,
      ledgerFile: ledgerFileOf(certificateFile),
    },
    trust: serverTrust(certificate, above),
    hasTrustRoot: above.length > 0,
    misplaced: undefined,
  };
};

const leafRow = (
  { state, files }: PlacedLeaf,
  authority: AuthorityState | undefined,
  isExternal: boolean,
  ledgers: Ledgers,
  request: CheckRequest,
): CheckRow => {
  const { planned, pair, kubeconfig } = state;
  const ready = authority?.state === 'ready' ? authority : undefined;
  const compared = ready?.authority;
  const serial = pair.chain.state === 'present' ? formatSerialNumber(pair.chain.value[0].serialNumber) : '';
  const isRevoked = ledgers.get(planned.authority)?.revoked.has(serial) === true;
  const differences = [
    ...pairDifferences(pair, planned, compared, request.at),
    ...(kubeconfig === undefined || ready === undefined ? [] : kubeconfigDifferences(kubeconfig.found, kubeconfig.planned, ready.trust)),
    ...(isRevoked ? [broken('ledger', 'it was revoked')] : []),
  ];
  return {
    id: planned.id,
    description: planned.description,
    files,
    authority: planned.authority,
    ...endOf(pair.chain, request.at),
    isExternallyManaged: isExternal,
    status: statusOf(pair.chain, differences, request),
    differences,
    notes: pairNotes(pair, planned),
  };
};

/** Files that hold no certificate of their own and are not right. */
const fileRows = (cluster: ClusterState, { manifest, directory }: CheckRequest): readonly CheckRow[] => {
  const row = (
    id: string,
    description: string,
    files: readonly string[],
    differences: readonly Difference[],
    isMissing: boolean,
  ): CheckRow[] =>
    differences.length === 0 && !isMissing
      ? []
      : [
          {
            id,
            description,
            files,
            isExternallyManaged: false,
            status: isMissing ? 'missing' : differences.some(({ severity }) => severity === 'broken') ? 'broken' : 'differs',
            differences: isMissing ? [broken('content', 'it is missing')] : differences,
            notes: [],
          },
        ];
  const actions = [
    ...cluster.authorities
      .flatMap((state) => (state.state === 'ready' ? trustFilesOf(cluster, state, false) : []))
      .map(({ action }) => action),
    ...cluster.keyPairs.map(keyPairAction),
    ...cluster.keyPairs.flatMap((state) => keyPairFilesOf(cluster, state, false)).map(({ action }) => action),
  ];
  const repeated = actions.flatMap(({ id, description, files, differences, kind }) =>
    row(id, description, files, differences, kind === 'create'),
  );
  const open = manifest.keyPairs
    .flatMap(({ description, keyFile, copies }) => [keyFile, ...copies.map((copy) => copy.keyFile)].map((file) => ({ description, file })))
    .flatMap(({ description, file }) =>
      row(`${file} mode`, description, [file], modeDifference(statSync(join(directory, file), { throwIfNoEntry: false })?.mode), false),
    );
  const leafById = new Map(cluster.leaves.map((leaf) => [leaf.state.planned.id, leaf]));
  const authorityById = new Map(cluster.authorities.map((state) => [state.planned.id, state]));
  const repeating = cluster.repeating.flatMap((kubeconfig) => {
    const { planned, found } = kubeconfig;
    const leaf = leafById.get(planned.certificateId);
    const authority = authorityById.get(planned.authority);
    const isMissing = found.content.state === 'absent';
    const differences =
      isMissing || leaf === undefined || authority?.state !== 'ready'
        ? []
        : [...repeatingDifferences(kubeconfig, leaf, authority.trust), ...modeDifference(found.pair.keyMode)];
    return row(planned.file, `kubeconfig of ${planned.userName}`, [planned.file], differences, isMissing);
  });
  return [...repeated, ...open, ...repeating];
};

const verdictOf = (rows: readonly CheckRow[], isUnfinished: boolean): ClusterCheck['verdict'] => {
  if (rows.some(({ status }) => status === 'broken' || status === 'expired' || status === 'missing')) return 'broken';
  return isUnfinished || rows.some(({ status }) => status !== 'ok') ? 'attention' : 'ok';
};

/** Checks everything of a manifest. Throws only PathRefused, for a manifest or link that leads out of the directory. */
export const checkCluster = (request: CheckRequest): ClusterCheck => {
  const { manifest, directory } = request;
  const tree = openTree(directory);
  const observed = manifest.authorities.map((planned): ObservedAuthority => {
    const certificateFile = tree.path(planned.certificateFile);
    const pair = observePair({ certificateFile, keyFile: tree.path(planned.keyFile) });
    // What cannot be read at all is told by the pair.
    const bytes = pair.chain.state === 'present' ? readFileIfPresent(certificateFile, maxCertificateFileBytes) : undefined;
    const form = bytes && authorityFileProblem(bytes);
    return { planned, pair, isExternal: pair.key.state === 'absent' && pair.chain.state !== 'absent', form };
  });
  const externalIds = new Set(observed.flatMap(({ planned, isExternal }) => (isExternal ? [planned.id] : [])));
  const cluster = readRest(
    manifest,
    tree,
    observed.map((authority) => authorityState(authority, tree)),
  );
  const ledgers = readLedgers(manifest, tree);
  const stateById = new Map(cluster.authorities.map((state) => [state.planned.id, state]));
  const certificates = cluster.leaves.map((leaf) => {
    const { authority } = leaf.state.planned;
    return leafRow(leaf, stateById.get(authority), externalIds.has(authority), ledgers, request);
  });
  const authorities = observed.map((authority) => authorityRow(authority, ledgers, request));
  const files = fileRows(cluster, request);
  const directories = new Set(certificates.flatMap((row) => row.files.map((file) => dirname(join(directory, file)))));
  const isUnfinished = [...directories].some(hasPending);
  return {
    certificates,
    authorities,
    files,
    verdict: verdictOf([...certificates, ...authorities, ...files], isUnfinished),
    notes: isUnfinished ? ['a run was killed while it replaced files; generating or renewing finishes that first'] : [],
  };
};
