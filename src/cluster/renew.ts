// Renewal of leaves from the plan: a new key and certificate each, whatever the old one still has to live, the old pair kept aside. What
// the plan says counts, not what the old certificate said. CAs, `sa.key` and the key of `service-account.pem` are never renewed: every
// token and every certificate in the cluster hangs on them; `service-account.pem` itself is renewed over its key.
// A renewal that is killed is finished or undone by the next run of any command that writes here (replacement.ts).

import { dirname } from 'node:path';
import { createDirectory } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { withDirectoryLock } from '../base/directory-lock.ts';
import type { AuthorityState } from './authority-state.ts';
import { type ClusterState, type PlacedLeaf, readClusterState } from './cluster-state.ts';
import { changesKey, deliverLeaves, type LeafTask } from './deliver-leaves.ts';
import { type GenerateRequest, recoverDirectory } from './generate.ts';
import type { LeafWork } from './leaf-decision.ts';
import { type ClusterManifest, certificatesNamed, type PlannedCertificate } from './manifest.ts';
import type { Component } from './node-roles.ts';

/** What to renew, and everything of the world that it takes. */
export type RenewRequest = Omit<GenerateRequest, 'overwrite'> & {
  /** Ids and groups of the manifest, or `all`. */
  readonly names: readonly string[];
};

/** One certificate that was renewed, or would be. */
export type RenewedCertificate = {
  readonly id: string;
  readonly description: string;
  readonly files: readonly string[];
  /** `requested`: its CA's key is elsewhere, and a request for a new key was written. */
  readonly result: 'renewed' | 'created' | 'requested';
  /** Whether its key is the old one. */
  readonly keepsKey: boolean;
  readonly previousEnd: Date | undefined;
  /** Where it was requested: the request to have signed, and the place for what comes back. */
  readonly request?: { readonly file: string; readonly answer: string };
};

export type Renewal = {
  readonly certificates: readonly RenewedCertificate[];
  /** What reads the new files only when it is started again, machine by machine. */
  readonly restarts: readonly { readonly host: string; readonly components: readonly Component[] }[];
  /** Names under which old files were kept aside. */
  readonly backups: readonly string[];
  readonly notes: readonly string[];
};

const never: ReadonlySet<string> = new Set([
  'ca',
  'ca-key',
  'proxy-client-ca',
  'front-proxy-ca',
  'etcd-ca',
  'etcd/ca',
  'sa',
  'sa.key',
  'sa.pub',
  'service-account-key',
]);

const plainName = (name: string): string => name.toLowerCase().replace(/\.(?:pem|crt)$/, '');

/** The certificates meant, each once, in the order of the manifest. Throws CertificateUnknown, also for CAs and for the key of tokens. */
const meant = (manifest: ClusterManifest, names: readonly string[]): readonly PlannedCertificate[] => {
  const chosen = new Set<PlannedCertificate>();
  for (const name of names) {
    if (never.has(plainName(name)))
      throw new CodedError('CertificateUnknown', `cannot renew ${quote(name)}: CAs and the key that signs tokens are never renewed`, {
        hint: 'everything signed so far hangs on them; renew leaves, or start a new CA in a new directory',
      });
    for (const certificate of certificatesNamed(manifest, name)) chosen.add(certificate);
  }
  return manifest.certificates.filter((certificate) => chosen.has(certificate));
};

const workFor = ({ state }: PlacedLeaf, isExternal: boolean): LeafWork => {
  const { planned, pair } = state;
  const isThere = pair.key.state !== 'absent' || pair.chain.state !== 'absent';
  if (!planned.keyIsPermanent || !isThere) return isExternal ? 'request with new key' : 'replace pair';
  if (pair.key.state !== 'present')
    throw new CodedError(
      'KeyInvalid',
      `cannot renew ${quote(planned.id)}: ${pair.key.state === 'absent' ? 'its key is missing' : pair.key.problem}`,
      {
        hint: 'every token hangs on that key: copy it back from a master, or from a backup',
      },
    );
  return isExternal ? 'request' : 'replace certificate';
};

type Planned = {
  readonly leaf: PlacedLeaf;
  readonly work: LeafWork;
  readonly authority: Extract<AuthorityState, { readonly state: 'ready' }>;
};

const planTasks = (cluster: ClusterState, { manifest, names }: RenewRequest): readonly Planned[] => {
  const wanted = new Set(meant(manifest, names).map(({ id }) => id));
  const authorityById = new Map(cluster.authorities.map((state) => [state.planned.id, state]));
  return cluster.leaves
    .filter(({ state }) => wanted.has(state.planned.id))
    .map((leaf) => {
      const { planned } = leaf.state;
      const authority = authorityById.get(planned.authority);
      if (authority?.state !== 'ready')
        throw new CodedError(
          'CaMissing',
          `cannot renew ${quote(planned.id)}: its CA ${quote(authority?.planned.certificateFile ?? planned.authority)} is missing`,
          {
            hint: 'put the CA back, or make everything anew with certwright cluster generate',
          },
        );
      return { leaf, work: workFor(leaf, authority.authority.signer === undefined), authority };
    });
};

const requestOf = ({ places }: PlacedLeaf): { readonly file: string; readonly answer: string } => ({
  file: places.requestFile,
  answer: places.kind === 'pair' ? places.certificateFile : places.handedBackFile,
});

const renewedCertificate = ({ leaf, work }: Planned): RenewedCertificate => {
  const { planned, pair } = leaf.state;
  const isNew = pair.chain.state === 'absent' && pair.key.state === 'absent';
  return {
    id: planned.id,
    description: planned.description,
    files: leaf.files,
    result: work === 'request' || work === 'request with new key' ? 'requested' : isNew ? 'created' : 'renewed',
    keepsKey: work === 'request' || work === 'replace certificate',
    previousEnd: pair.chain.state === 'present' ? pair.chain.value[0].notAfter : undefined,
    ...(work === 'request' || work === 'request with new key' ? { request: requestOf(leaf) } : {}),
  };
};

/** What must be started again once certificates have changed, in the order of the plan's machines. */
export const restartsFor = (manifest: ClusterManifest, certificates: readonly PlannedCertificate[]): Renewal['restarts'] =>
  manifest.machines.flatMap(({ host }) => {
    const components = [...new Set(certificates.filter(({ hosts }) => hosts.includes(host)).flatMap(({ restarts }) => restarts))];
    return components.length === 0 ? [] : [{ host, components }];
  });

const notesOn = (tasks: readonly Planned[], { at, manifest }: RenewRequest): readonly string[] => {
  const ends = new Map(tasks.map(({ authority }) => [authority.planned.description, authority.authority.certificate.notAfter]));
  return [...ends].flatMap(([description, notAfter]) =>
    notAfter.getTime() < at.getTime() + manifest.leafLifetimeMs
      ? [`the ${description} ends ${notAfter.toISOString()}, and what it signs with it`]
      : [],
  );
};

const renewalOf = (tasks: readonly Planned[], request: RenewRequest, backups: readonly string[], notes: readonly string[]): Renewal => ({
  certificates: tasks.map(renewedCertificate),
  restarts: restartsFor(
    request.manifest,
    // What is only requested has nothing new to read yet.
    tasks.filter(({ work }) => work !== 'request' && work !== 'request with new key').map(({ leaf }) => leaf.state.planned),
  ),
  backups,
  notes: [...notes, ...notesOn(tasks, request)],
});

/** What renewing would do; nothing is changed. Throws CertificateUnknown, CaMissing, KeyInvalid and what reading a CA throws. */
export const planRenewal = (request: RenewRequest): Renewal =>
  renewalOf(planTasks(readClusterState(request.manifest, request.directory, request), request), request, [], []);

const taskFor = (cluster: ClusterState, { leaf, work, authority }: Planned): LeafTask => ({
  state: leaf.state,
  work,
  authority: authority.authority,
  trust: authority.trust,
  places: leaf.places,
  followers: cluster.repeating
    .filter(({ planned }) => planned.certificateId === leaf.state.planned.id && changesKey(work))
    .map(({ path, planned }) => ({ file: path, planned })),
});

/**
 * Renews leaves. Throws CertificateUnknown for a name the plan does not have, CaMissing, KeyInvalid for a token key that is lost, what
 * reading a CA and signing throw, LockHeld, FileWriteFailed, PathRefused.
 */
export const renewCluster = async (request: RenewRequest): Promise<Renewal> => {
  const { manifest, directory } = request;
  meant(manifest, request.names);
  await createDirectory(directory, request);
  return withDirectoryLock(directory, async () => {
    const notes = await recoverDirectory(request);
    const cluster = readClusterState(manifest, directory, request);
    const tasks = planTasks(cluster, request);
    for (const path of new Set(tasks.map(({ leaf: { places } }) => dirname(places.kind === 'pair' ? places.certificateFile : places.file))))
      await createDirectory(path, request);
    const backups = await deliverLeaves(
      tasks.map((task) => taskFor(cluster, task)),
      { ...request, lifetimeMs: manifest.leafLifetimeMs },
    );
    return renewalOf(tasks, request, backups, notes);
  });
};
