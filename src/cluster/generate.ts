// A plan's whole PKI into a directory. What is there and right stays untouched, down to its time of change; what is missing is made; what
// differs is named and stops everything, unless told to overwrite, and then the old files are kept aside.
// Killed at any moment, the next run goes on from what it finds: leftovers are cleared, half-done replacements finished or undone, keys
// without certificates taken up.
// Where a CA's key is elsewhere (external CA), keys and requests are written. Signed certificates are picked up by a later run: for a pair
// they are put in the certificate's own place, for a kubeconfig beside it as `FILE.crt` (its request is `FILE.csr`, as kubeadm has it).

import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  changing,
  createDirectory,
  type FileToWrite,
  readFileBounded,
  removeLeftovers,
  syncDirectory,
  writeFileAtomic,
  writeFilesAtomic,
} from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { clearStaleLock, withDirectoryLock } from '../base/directory-lock.ts';
import { openTree } from '../base/safe-path.ts';
import { nameConstraintViolations } from '../pki/name-constraints.ts';
import { generatePrivateKey } from '../pki/private-key.ts';
import { extendedUsageName, splitUsages } from '../pki/usage.ts';
import { certificatePem } from '../pki/x509-certificate.ts';
import { createAuthority, maxKeyFileBytes, type SigningContext } from './authority.ts';
import type { AuthorityOptions, AuthorityState } from './authority-state.ts';
import { type ClusterState, readClusterState, readKeyPair } from './cluster-state.ts';
import { componentKeyPem } from './component-key.ts';
import { changesKey, deliverLeaves, type LeafTask, type OnProgress } from './deliver-leaves.ts';
import { type Action, actionsOf, type GenerationPlan, planGeneration, type RepeatingStep, type TextFile } from './generation-plan.ts';
import { kubeconfigText } from './kubeconfig.ts';
import type { AuthorityId, ClusterManifest } from './manifest.ts';
import { observePair } from './observed-pair.ts';
import { authorityNames, authoritySubject, plannedSubject } from './planned-template.ts';
import { backUp, hasPending, type PairReplacement, recoverReplacement, replaceFiles } from './replacement.ts';

/** A manifest, and everything of the world that generating it takes. */
export type GenerateRequest = AuthorityOptions &
  SigningContext & {
    readonly manifest: ClusterManifest;
    /** The output directory. */
    readonly directory: string;
    /** Replace what differs. */
    readonly overwrite?: boolean | undefined;
    readonly onProgress?: OnProgress | undefined;
  };

/** What was done, or would be. */
export type Generation = {
  readonly actions: readonly Action[];
  /** Those that an external CA has still to sign, or that wait for one that it has. */
  readonly waiting: readonly Action[];
  /** Names under which old files were kept aside. */
  readonly backups: readonly string[];
  /** What deserves a word, of the directory as a whole. */
  readonly notes: readonly string[];
};

const isWaiting = ({ kind }: Action): boolean => kind === 'wait' || kind === 'request';

const generationOf = (plan: GenerationPlan, backups: readonly string[], notes: readonly string[]): Generation => {
  const actions = actionsOf(plan);
  return { actions, waiting: actions.filter(isWaiting), backups, notes };
};

/** What generating would do; nothing is changed. Differences are among the actions. Throws what reading a CA throws, and CaMissing. */
export const planCluster = (request: GenerateRequest): Generation => {
  const { manifest, directory, overwrite = false, at } = request;
  const cluster = readClusterState(manifest, directory, request);
  const notes = filePairs(cluster).some(({ keyFile }) => hasPending(dirname(keyFile)))
    ? ['a run was killed while it replaced files; generating or renewing finishes that first']
    : [];
  return generationOf(planGeneration(cluster, { overwrite, at }), [], notes);
};

const filePairs = ({ leaves }: Pick<ClusterState, 'leaves'>) => leaves.flatMap(({ places }) => (places.kind === 'pair' ? [places] : []));

/** Pairs that may have been under replacement, with the kubeconfigs that follow them. */
const replacementsOf = (manifest: ClusterManifest, directory: string): readonly PairReplacement[] => {
  const tree = openTree(directory);
  return manifest.certificates.flatMap(({ id, delivery }) =>
    delivery.kind === 'kubeconfig'
      ? []
      : [
          {
            certificateFile: tree.path(delivery.certificateFile),
            keyFile: tree.path(delivery.keyFile),
            kubeconfigFiles: manifest.kubeconfigs.filter(({ certificateId }) => certificateId === id).map(({ file }) => tree.path(file)),
          },
        ],
  );
};

/** Clears what killed runs left behind, and says so. The directory is locked by the caller. */
export const recoverDirectory = async ({ manifest, directory, at, onStep }: GenerateRequest): Promise<readonly string[]> => {
  const notes: string[] = [];
  const directories = new Set([directory, ...everyFile(manifest).map((file) => dirname(join(directory, file)))]);
  let leftovers = 0;
  for (const path of directories) leftovers += removeLeftovers(path, { onStep });
  for (const path of new Set(manifest.authorities.map(({ certificateFile }) => dirname(join(directory, certificateFile)))))
    if (path !== directory && existsSync(path)) clearStaleLock(path);
  if (leftovers > 0) notes.push(`${leftovers} temporary files of a killed run were removed`);
  if (![...directories].some(hasPending)) return notes;
  for (const replacement of replacementsOf(manifest, directory)) {
    const recovery = await recoverReplacement(replacement, at, { onStep });
    if (recovery !== 'nothing') notes.push(`the replacement of ${quote(replacement.certificateFile)} by a killed run was ${recovery}`);
  }
  return notes;
};

const everyFile = (manifest: ClusterManifest): readonly string[] => [
  ...manifest.authorities.flatMap(({ certificateFile, keyFile, copies }) => [
    certificateFile,
    keyFile,
    ...copies.map((copy) => copy.certificateFile),
  ]),
  ...manifest.keyPairs.flatMap(({ keyFile, copies }) => [keyFile, ...copies.map((copy) => copy.keyFile)]),
  ...manifest.certificates.flatMap(({ delivery }) =>
    delivery.kind === 'pair' ? [delivery.certificateFile, delivery.keyFile] : [delivery.file],
  ),
  ...manifest.kubeconfigs.map(({ file }) => file),
];

const refuseDrift = (actions: readonly Action[], overwrite: boolean): void => {
  const differing = actions.filter(({ kind }) => kind === 'differs');
  if (differing.length === 0) return;
  const told = differing.map(({ files, differences }) => `${files.join(', ')}: ${differences.map(({ message }) => message).join('; ')}`);
  throw new CodedError(
    'DriftFound',
    `cannot generate: ${differing.length} of the plan's files differ, and nothing was changed\n  ${told.join('\n  ')}`,
    {
      // What still differs with --overwrite is a key that is never made anew.
      hint: overwrite
        ? 'nothing replaces these: every token hangs on that key, so copy it back from a master, or from a backup'
        : 'change the plan, put the files right, or replace them with --overwrite (the old ones are kept aside)',
      details: { differing: differing.map(({ id, files, differences }) => ({ id, files, differences })) },
    },
  );
};

/** A CA that may not give a usage the plan needs is told before anything is made. */
const requireUsagesGivable = (plan: GenerationPlan): void => {
  for (const { state } of plan.authorities) {
    if (state.state !== 'ready' || state.authority.signer === undefined) continue;
    const allowed = state.authority.certificate.extendedKeyUsage;
    if (allowed === undefined) continue;
    const wanted = plan.leaves
      .filter(({ leaf, decision }) => leaf.state.planned.authority === state.planned.id && decision.work !== undefined)
      .flatMap(({ leaf }) => splitUsages(leaf.state.planned.usages).extendedKeyUsage);
    const refused = [...new Set(wanted)].filter((purpose) => !allowed.includes(purpose) && !allowed.includes('2.5.29.37.0'));
    if (refused.length > 0)
      throw new CodedError(
        'CaInvalid',
        `cannot use the ${state.planned.description}: its own extended key usage does not let it give ${refused.map(extendedUsageName).map(quote).join(', ')}`,
        {
          hint: 'give a CA without extended key usage, or one that has these',
        },
      );
  }
};

/** A CA that may not give a name the plan needs is told before anything is made, with every such name. */
const requireNamesGivable = (plan: GenerationPlan): void => {
  for (const { state } of plan.authorities) {
    if (state.state !== 'ready' || state.authority.signer === undefined) continue;
    const { nameConstraints } = state.authority.certificate;
    if (nameConstraints === undefined) continue;
    const refused = plan.leaves
      .filter(({ leaf, decision }) => leaf.state.planned.authority === state.planned.id && decision.work !== undefined)
      .flatMap(({ leaf: { state: leaf }, action }) =>
        nameConstraintViolations(nameConstraints, { subject: plannedSubject(leaf.planned), subjectAltNames: leaf.planned.sans }).map(
          (message) => `${action.files[0] ?? action.id}: ${message}`,
        ),
      );
    if (refused.length > 0)
      throw new CodedError(
        'CaInvalid',
        `cannot use the ${state.planned.description}: its name constraints refuse names of the plan, and nothing was changed\n  ${refused.slice(0, maxNamesSaid).join('\n  ')}${refused.length > maxNamesSaid ? `\n  and ${refused.length - maxNamesSaid} more` : ''}`,
        { hint: 'give a CA whose name constraints permit these names, or change them in the plan', details: { refused } },
      );
  }
};

const maxNamesSaid = 20;

/** Puts the files of a CA that lay as Kismatic's guide has them into their right places; the old ones are kept aside. */
const putRight = async (state: AuthorityState, plannedKey: string, { at, onStep }: GenerateRequest): Promise<readonly string[]> => {
  if (state.state !== 'ready' || state.misplaced === undefined) return [];
  const { keyFile, certificateFile } = state.misplaced;
  const backups: string[] = [];
  const keep = (path: string): void => {
    const backup = backUp(path, at, { onStep });
    if (backup !== undefined) backups.push(backup);
  };
  // In this order the CA can be told by what the files hold at every moment.
  if (keyFile !== undefined) {
    if (!existsSync(plannedKey)) await writeFileAtomic(plannedKey, readFileBounded(keyFile, maxKeyFileBytes), { onStep });
    keep(certificateFile);
    keep(keyFile);
    await writeFileAtomic(state.authority.certificateFile, certificatePem(state.authority.certificate), { mode: 0o644, onStep });
  } else keep(certificateFile);
  onStep?.({ kind: 'remove', path: certificateFile });
  changing(certificateFile, () => rmSync(certificateFile));
  await syncDirectory(dirname(certificateFile));
  return backups;
};

const makeAuthority = async (state: AuthorityState, cluster: ClusterState, request: GenerateRequest): Promise<AuthorityState> => {
  if (state.state === 'ready') return state;
  const { planned } = state;
  const [certificateFile, keyFile] = [cluster.tree.path(planned.certificateFile), cluster.tree.path(planned.keyFile)];
  let key = state.key?.key;
  if (key === undefined) {
    key = await generatePrivateKey(planned.keyAlgorithm);
    await writeFileAtomic(keyFile, componentKeyPem(key), request);
  }
  const template = {
    subject: authoritySubject(planned),
    subjectAltNames: authorityNames(planned),
    lifetimeMs: request.manifest.caLifetimeMs,
  };
  const authority = await createAuthority(template, key, certificateFile, request);
  await writeFileAtomic(certificateFile, certificatePem(authority.certificate), { mode: 0o644, onStep: request.onStep });
  return { state: 'ready', planned, authority, trust: [authority.certificate], hasTrustRoot: false, misplaced: undefined };
};

const writeTexts = async (files: readonly TextFile[], request: GenerateRequest): Promise<readonly string[]> => {
  const writes = (kind: Action['kind']): readonly FileToWrite[] =>
    files.flatMap(({ action, path, mode, content }) => (action.kind === kind && content !== undefined ? [{ path, mode, content }] : []));
  await writeFilesAtomic(writes('create'), request);
  return replaceFiles(writes('overwrite'), request.at, request);
};

const leafTasks = (plan: GenerationPlan, authorities: ReadonlyMap<AuthorityId, AuthorityState>): readonly LeafTask[] =>
  plan.leaves.flatMap((step): readonly LeafTask[] => {
    const { leaf, decision } = step;
    const state = authorities.get(leaf.state.planned.authority);
    if (decision.work === undefined || state?.state !== 'ready') return [];
    const followers = plan.repeating
      .filter((repeating) => repeating.leaf === step && changesKey(decision.work))
      .map(({ repeating }) => ({ file: repeating.path, planned: repeating.planned }));
    return [{ state: leaf.state, work: decision.work, authority: state.authority, trust: state.trust, places: leaf.places, followers }];
  });

const writeRepeating = async (
  steps: readonly RepeatingStep[],
  authorities: ReadonlyMap<AuthorityId, AuthorityState>,
  request: GenerateRequest,
) => {
  const backups: string[] = [];
  for (const { repeating, leaf, action } of steps) {
    // One that follows the replacement of its pair was written with it.
    if ((action.kind !== 'create' && action.kind !== 'overwrite') || leaf.decision.work === 'replace pair') continue;
    const { places } = leaf.leaf;
    const state = authorities.get(repeating.planned.authority);
    if (places.kind !== 'pair' || state?.state !== 'ready') continue;
    const pair = observePair(places);
    if (pair.chain.state !== 'present' || pair.key.state !== 'present') continue;
    const { clusterName, server, userName, contextName } = repeating.planned;
    const content = kubeconfigText({
      clusterName,
      server,
      userName,
      contextName,
      trust: state.trust,
      chain: pair.chain.value,
      keyPem: componentKeyPem(pair.key.value.key),
    });
    backups.push(...(await replaceFiles([{ path: repeating.path, content }], request.at, request)));
  }
  return backups;
};

const execute = async (
  cluster: ClusterState,
  request: GenerateRequest,
): Promise<{ readonly plan: GenerationPlan; readonly backups: readonly string[] }> => {
  const decide = (state: ClusterState): GenerationPlan => planGeneration(state, { overwrite: request.overwrite ?? false, at: request.at });
  const first = decide(cluster);
  refuseDrift(actionsOf(first), request.overwrite ?? false);
  requireUsagesGivable(first);
  requireNamesGivable(first);
  const changed = actionsOf(first).filter(({ kind }) => kind !== 'keep' && kind !== 'wait');
  for (const directory of new Set(changed.flatMap(({ files }) => files.map(dirname))))
    await createDirectory(directory === '.' ? cluster.tree.root : cluster.tree.path(directory), request);
  const backups: string[] = [];
  const made: AuthorityState[] = [];
  for (const state of cluster.authorities) {
    backups.push(...(await putRight(state, cluster.tree.path(state.planned.keyFile), request)));
    made.push(await makeAuthority(state, cluster, request));
  }
  const keyPairs = [];
  for (const state of cluster.keyPairs) {
    if (state.key.state !== 'absent') keyPairs.push(state);
    else {
      const key = await generatePrivateKey(state.planned.keyAlgorithm);
      await writeFileAtomic(cluster.tree.path(state.planned.keyFile), componentKeyPem(key), request);
      keyPairs.push(readKeyPair(state.planned, cluster.tree));
    }
  }
  // Decided again with the CAs and key pairs that are there now, so that what repeats them knows what to say.
  const authorities = new Map<AuthorityId, AuthorityState>(made.map((state) => [state.planned.id, state]));
  const second = decide({ ...cluster, authorities: made, keyPairs });
  backups.push(...(await writeTexts([...second.trustFiles, ...second.keyPairFiles], request)));
  backups.push(...(await deliverLeaves(leafTasks(second, authorities), { ...request, lifetimeMs: request.manifest.leafLifetimeMs })));
  backups.push(...(await writeRepeating(second.repeating, authorities, request)));
  // What is told is what was found, CAs just made among it.
  return { plan: { ...second, authorities: first.authorities, keyPairs: first.keyPairs }, backups };
};

/**
 * Makes everything of a manifest that is not there yet. Throws DriftFound, listing every difference, before anything is changed, unless
 * `overwrite`; CaMissing, CaInvalid, KeyMismatch, PassphraseRequired for a CA that cannot be used; LockHeld, FileWriteFailed, PathRefused.
 * With an external CA it returns while certificates are missing: requireSigned tells.
 */
export const generateCluster = async (request: GenerateRequest): Promise<Generation> => {
  await createDirectory(request.directory, request);
  return withDirectoryLock(request.directory, async () => {
    const notes = await recoverDirectory(request);
    const { plan, backups } = await execute(readClusterState(request.manifest, request.directory, request), request);
    return generationOf(plan, backups, notes);
  });
};

/** Throws SignedCertificateMissing while an external CA has certificates still to sign. */
export const requireSigned = ({ waiting }: Generation): void => {
  if (waiting.length === 0) return;
  throw new CodedError('SignedCertificateMissing', `cannot finish: ${waiting.length} certificates are not signed yet`, {
    hint: 'have the .csr files signed, put each certificate where its pair says (FILE.crt beside a kubeconfig), and run this again',
    details: { waiting: waiting.map(({ id, files }) => ({ id, files })) },
  });
};
