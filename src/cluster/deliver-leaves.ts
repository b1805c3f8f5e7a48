// Carries out what was decided for planned certificates: keys made, requests written, certificates signed and put into their files.
// Batch by batch: the keys of a batch are on disk before its certificates are signed, its ledger lines before its certificates. A run
// killed in between leaves keys without certificates, which the next run signs for, and ledger lines whose certificates nobody holds.
// While some batches wait for the disk, others are computed; RSA keys are made in the runtime's thread pool, on all cores. Threads of our own
// were measured and bring nothing: what takes the time is the disk.

import { chmodSync, existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { changing, type FileToWrite, syncDirectory, writeFilesAtomic } from '../base/atomic-file.ts';
import type { CertificateTemplate } from '../pki/certificate-template.ts';
import { isRsa } from '../pki/key-algorithm.ts';
import { generatePrivateKey } from '../pki/private-key.ts';
import { certificatePem, type X509Certificate } from '../pki/x509-certificate.ts';
import { type Authority, issueCertificates, type SigningContext, servedChain } from './authority.ts';
import { plannedRequestPem } from './certificate-request.ts';
import { type ComponentKey, componentKey } from './component-key.ts';
import { kubeconfigText } from './kubeconfig.ts';
import type { LeafState, LeafWork } from './leaf-decision.ts';
import type { PlannedKubeconfig } from './manifest.ts';
import { leafTemplate } from './planned-template.ts';
import { backUp, commitReplacements, pendingFileOf, replaceFiles, writePending } from './replacement.ts';

/** Where a certificate goes; absolute paths. */
export type LeafPlaces =
  | { readonly kind: 'pair'; readonly certificateFile: string; readonly keyFile: string; readonly requestFile: string }
  | { readonly kind: 'kubeconfig'; readonly file: string; readonly requestFile: string; readonly handedBackFile: string };

/** One certificate and what is to be done about it. */
export type LeafTask = {
  readonly state: LeafState;
  readonly work: LeafWork;
  readonly authority: Authority;
  /** What kubeconfigs trust the API server by. */
  readonly trust: readonly X509Certificate[];
  readonly places: LeafPlaces;
  /** Kubeconfigs that hold the pair too and follow it when another key takes its place. */
  readonly followers: readonly { readonly file: string; readonly planned: PlannedKubeconfig }[];
};

/** Whether other files that hold the pair's key must follow. */
export const changesKey = (work: LeafWork | undefined): boolean => work === 'replace pair' || work === 'request with new key';

/** Told after each batch. */
export type OnProgress = (progress: { readonly done: number; readonly total: number; readonly latest: string }) => void;

export type DeliveryContext = SigningContext & { readonly lifetimeMs: number; readonly onProgress?: OnProgress | undefined };

const certificateMode = 0o644;

const needsKey: ReadonlySet<LeafWork> = new Set<LeafWork>(['new pair', 'replace pair', 'request with new key']);
const needsSignature: ReadonlySet<LeafWork> = new Set<LeafWork>(['new pair', 'for its key', 'replace pair', 'replace certificate']);

/** A task with its key and, once signed, its certificate. */
type Prepared = { readonly task: LeafTask; readonly key: ComponentKey | undefined };
type Signed = Prepared & { readonly chain: readonly X509Certificate[] | undefined };

const prepare = async (task: LeafTask): Promise<Prepared> => {
  if (needsKey.has(task.work)) return { task, key: componentKey(await generatePrivateKey(task.state.planned.keyAlgorithm)) };
  const { key } = task.state.pair;
  return { task, key: key.state === 'present' ? componentKey(key.value.key) : undefined };
};

const keyFileOf = (path: string, { pem }: ComponentKey): FileToWrite => ({ path, content: pem });
const chainFileOf = (path: string, chain: readonly X509Certificate[]): FileToWrite => ({
  path,
  content: chain.map(certificatePem).join(''),
  mode: certificateMode,
});

const kubeconfigFileOf = (
  file: string,
  planned: PlannedKubeconfig,
  { trust }: LeafTask,
  { pem }: ComponentKey,
  chain: readonly X509Certificate[] | undefined,
): FileToWrite => ({
  path: file,
  content: kubeconfigText({
    clusterName: planned.clusterName,
    server: planned.server,
    userName: planned.userName,
    contextName: planned.contextName,
    trust,
    chain,
    keyPem: pem,
  }),
});

const remove = (path: string, { onStep }: DeliveryContext): void => {
  if (!existsSync(path)) return;
  onStep?.({ kind: 'remove', path });
  changing(path, () => rmSync(path, { force: true }));
};

/**
 * A pair that gives way to a request is kept aside, and its certificate taken away first, so that no key ever stands beside another's;
 * kubeconfigs that hold the pair go with it, and come back once it is signed.
 */
const makeWayForRequest = async ({ task }: Prepared, context: DeliveryContext): Promise<readonly string[]> => {
  const { places } = task;
  if (places.kind !== 'pair' || !existsSync(places.certificateFile)) return [];
  const gone = [...task.followers.map(({ file }) => file), places.certificateFile];
  const aside = task.work === 'request with new key' ? [...gone, places.keyFile] : gone;
  const backups = aside.map((path) => backUp(path, context.at, context)).filter((path) => path !== undefined);
  const directories = [...new Set(gone.map(dirname))];
  await Promise.all(directories.map(syncDirectory));
  for (const path of gone) remove(path, context);
  await Promise.all(directories.map(syncDirectory));
  return backups;
};

/** Writes the new keys, and says under which names old files were kept aside for them. */
const writeKeys = async (batch: readonly Prepared[], context: DeliveryContext): Promise<readonly string[]> => {
  const backups: string[] = [];
  const fresh: FileToWrite[] = [];
  const pending: FileToWrite[] = [];
  for (const prepared of batch) {
    const { task, key } = prepared;
    if (task.work === 'request' || task.work === 'request with new key') backups.push(...(await makeWayForRequest(prepared, context)));
    if (key === undefined || task.places.kind !== 'pair') continue;
    if (task.work === 'replace pair') pending.push(keyFileOf(task.places.keyFile, key));
    else if (needsKey.has(task.work)) fresh.push(keyFileOf(task.places.keyFile, key));
  }
  await writeFilesAtomic(fresh, context);
  await writePending(pending, context);
  return backups;
};

const sign = async (batch: readonly Prepared[], context: DeliveryContext): Promise<readonly Signed[]> => {
  const templates = new Map<Authority, { readonly prepared: Prepared; readonly template: CertificateTemplate }[]>();
  for (const prepared of batch) {
    const { task, key } = prepared;
    if (key === undefined || !needsSignature.has(task.work)) continue;
    const template = leafTemplate(task.state.planned, key.publicKey, context.at, context.lifetimeMs);
    const list = templates.get(task.authority) ?? [];
    list.push({ prepared, template });
    templates.set(task.authority, list);
  }
  const chains = new Map<Prepared, readonly X509Certificate[]>();
  for (const [authority, list] of templates) {
    const certificates = await issueCertificates(
      authority,
      list.map(({ template }) => template),
      context,
    );
    for (const [i, { prepared }] of list.entries()) {
      const certificate = certificates[i];
      if (certificate !== undefined) chains.set(prepared, servedChain(certificate, authority));
    }
  }
  return batch.map((prepared) => ({ ...prepared, chain: chains.get(prepared) }));
};

/** Files of one batch, by how they take their places. */
type Writes = {
  readonly fresh: FileToWrite[];
  readonly replaced: FileToWrite[];
  /** Kubeconfigs before certificates: a certificate that stands is the sign that all of its replacement does. */
  readonly pendingFollowers: FileToWrite[];
  readonly pendingCertificates: FileToWrite[];
  readonly removed: string[];
};

const planSigned = ({ task, key, chain }: Signed, writes: Writes): void => {
  if (key === undefined || chain === undefined) return;
  const { places, work, state } = task;
  if (places.kind === 'kubeconfig') {
    if (state.kubeconfig === undefined) return;
    const file = kubeconfigFileOf(places.file, state.kubeconfig.planned, task, key, chain);
    (work === 'replace pair' || work === 'replace certificate' ? writes.replaced : writes.fresh).push(file);
    return;
  }
  const file = chainFileOf(places.certificateFile, chain);
  if (work === 'replace pair') {
    for (const follower of task.followers)
      writes.pendingFollowers.push(kubeconfigFileOf(follower.file, follower.planned, task, key, chain));
    writes.pendingCertificates.push(file);
  } else (work === 'replace certificate' ? writes.replaced : writes.fresh).push(file);
};

const planRequest = async ({ task, key }: Signed, writes: Writes): Promise<void> => {
  if (key === undefined || (task.work !== 'request' && task.work !== 'request with new key')) return;
  const { places, state } = task;
  if (places.kind === 'kubeconfig' && state.kubeconfig !== undefined) {
    const partial = kubeconfigFileOf(places.file, state.kubeconfig.planned, task, key, undefined);
    (state.pair.chain.state === 'absent' ? writes.fresh : writes.replaced).push(partial);
    writes.removed.push(places.handedBackFile);
  }
  writes.fresh.push({ path: places.requestFile, content: await plannedRequestPem(state.planned, key.key) });
};

const planPickUp = ({ task, key }: Signed, writes: Writes): void => {
  const { places, state, authority } = task;
  if (task.work !== 'pick up' || key === undefined) return;
  if (places.kind === 'kubeconfig') {
    if (state.handedBack.state !== 'present' || state.kubeconfig === undefined) return;
    const chain = servedChain(state.handedBack.value[0], authority);
    writes.fresh.push(kubeconfigFileOf(places.file, state.kubeconfig.planned, task, key, chain));
    writes.removed.push(places.requestFile, places.handedBackFile);
    return;
  }
  if (state.pair.chain.state !== 'present') return;
  const chain = servedChain(state.pair.chain.value[0], authority);
  if (chain.length > state.pair.chain.value.length) writes.fresh.push(chainFileOf(places.certificateFile, chain));
  writes.removed.push(places.requestFile);
};

const closeKey = ({ task }: Prepared, { onStep }: DeliveryContext): void => {
  if (task.work !== 'close key') return;
  const path = task.places.kind === 'pair' ? task.places.keyFile : task.places.file;
  onStep?.({ kind: 'write', path });
  changing(path, () => chmodSync(path, 0o600));
};

/** Lets one signing at a time go on: a ledger takes one append after another. */
type Turns = { next: Promise<unknown> };

const inTurn = <T>(turns: Turns, work: () => Promise<T>): Promise<T> => {
  const turn = turns.next.then(work);
  // Who waits next does not care how this one ended.
  turns.next = turn.catch(() => undefined);
  return turn;
};

const deliverBatch = async (batch: readonly Prepared[], turns: Turns, context: DeliveryContext): Promise<readonly string[]> => {
  const keptForKeys = await writeKeys(batch, context);
  const signed = await inTurn(turns, () => sign(batch, context));
  const writes: Writes = { fresh: [], replaced: [], pendingFollowers: [], pendingCertificates: [], removed: [] };
  for (const one of signed) {
    planSigned(one, writes);
    planPickUp(one, writes);
    await planRequest(one, writes);
    closeKey(one, context);
  }
  await writeFilesAtomic(writes.fresh, context);
  const backups = [...keptForKeys, ...(await replaceFiles(writes.replaced, context.at, context))];
  await writePending([...writes.pendingFollowers, ...writes.pendingCertificates], context);
  const replacements = signed.flatMap(({ task: { work, places, followers } }) =>
    work === 'replace pair' && places.kind === 'pair'
      ? [{ ...places, kubeconfigFiles: followers.map(({ file }) => file).filter((file) => existsSync(pendingFileOf(file))) }]
      : [],
  );
  backups.push(...(await commitReplacements(replacements, context.at, context)));
  for (const path of writes.removed) remove(path, context);
  return backups;
};

/** Small enough that a killed run loses little work, large enough that syncing does not cost more than signing. */
const batchSize = (task: LeafTask | undefined): number => (task !== undefined && isRsa(task.state.planned.keyAlgorithm) ? 16 : 128);

/** Batches being written at once: enough that something can be computed while the disk is waited for. */
const maxRunning = 3;

/** Carries out every task, and returns the names that old files were kept aside under. Throws what signing and writing throw. */
export const deliverLeaves = async (tasks: readonly LeafTask[], context: DeliveryContext): Promise<readonly string[]> => {
  const backups: string[] = [];
  const size = batchSize(tasks[0]);
  const turns: Turns = { next: Promise.resolve() };
  const running = new Set<Promise<void>>();
  let done = 0;
  try {
    // Keys are searched for a batch ahead, so that no core waits for the last key of a batch.
    const prepareFrom = (start: number): Promise<readonly Prepared[]> => {
      const ahead = Promise.all(tasks.slice(start, start + size).map(prepare));
      ahead.catch(() => undefined);
      return ahead;
    };
    let ahead = prepareFrom(0);
    for (let start = 0; start < tasks.length; start += size) {
      const slice = tasks.slice(start, start + size);
      const prepared = ahead;
      ahead = prepareFrom(start + size);
      const batch = await prepared;
      const one = deliverBatch(batch, turns, context).then((kept) => {
        running.delete(one);
        backups.push(...kept);
        done += slice.length;
        context.onProgress?.({ done, total: tasks.length, latest: slice.at(-1)?.state.planned.description ?? '' });
      });
      // A failure is met below; until then it must not count as unhandled.
      one.catch(() => undefined);
      running.add(one);
      if (running.size >= maxRunning) await Promise.race(running);
    }
    await Promise.all(running);
  } finally {
    // Nothing goes on writing behind the back of who was told of a failure.
    await Promise.allSettled(running);
  }
  return backups;
};
