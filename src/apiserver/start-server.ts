// The embedded control plane, put together: data directory, certificates, store, housekeeping, HTTPS.

import type { Server as HttpsServer } from 'node:https';
import { createServer } from 'node:net';
import { builtInKinds } from '../api/kinds/all.ts';
import { createDirectory, systemErrorCode, writeFileAtomic } from '../base/atomic-file.ts';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import { type DirectoryLock, lockDirectory } from '../base/directory-lock.ts';
import { errorClass } from '../base/error-codes.ts';
import { applyOnce, type ManifestFile } from './apply-manifests.ts';
import { certificateAuthenticator } from './authenticate.ts';
import { webhookCaller } from './call-webhook.ts';
import { dataDirectory as dataDirectoryPlaces } from './data-directory.ts';
import { startExtensionAuthentication } from './extension-authentication.ts';
import { imitatedVersion, type Surface } from './handle-request.ts';
import { startHousekeeping } from './housekeeping.ts';
import { httpsTransport, secureContext, type TransportLimits } from './https-transport.ts';
import { keepCertificates, newAuthoritiesAdvice } from './keep-certificates.ts';
import { kindTable } from './kind-table.ts';
import { openApi } from './openapi.ts';
import { requireNoRestore } from './restore.ts';
import { sealingKey } from './sealed-value.ts';
import { localHost, type PkiOptions, provideServerPki, type ServerPki } from './server-pki.ts';
import { tokenKey } from './service-account-token.ts';
import { openStore, type Store } from './store.ts';
import { openStoreFile } from './store-file.ts';
import { tellRefusals } from './tell-refusals.ts';

export type ServerOptions = {
  /** Absolute. Everything that lasts is in it. */
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  /** Names and addresses besides `host` by which clients know the server. */
  readonly names?: readonly string[] | undefined;
  /** What Secrets are sealed with on disk, 32 bytes; and what with until now, where that is another. */
  readonly encryptionKey?: Uint8Array | undefined;
  readonly previousEncryptionKey?: Uint8Array | undefined;
  readonly now: () => Date;
  readonly random: (length: number) => Uint8Array;
  readonly requestedBy: string;
  /** How many bytes of past changes are kept for watches; what the store holds to be right where absent. */
  readonly maxHistoryBytes?: number;
  readonly onBug: (error: unknown) => void;
  /** Told in a line what whoever looks after the machine should know. */
  readonly onNotice?: (line: string) => void;
  /** Called once the administrator's kubeconfig holds a new certificate. */
  readonly onKubeconfig?: (kubeconfigFile: string) => Promise<void>;
  /** How often the server looks whether its own certificates are due. */
  readonly renewalCheckMs?: number;
  readonly limits?: TransportLimits;
};

export type RunningServer = {
  readonly url: string;
  /** A kubeconfig of the administrator. */
  readonly kubeconfigFile: string;
  /** Applies manifests unless that was done on an earlier start; answers how many objects, undefined where it was. Throws ManifestRefused. */
  applyOnce(files: readonly ManifestFile[]): Promise<number | undefined>;
  /** Finishes what is under way and closes everything. */
  stop(): Promise<void>;
};

/** Whose tokens these are; also what they are for unless they say otherwise. */
const issuer = 'https://kubernetes.default.svc.cluster.local';
/** How long requests under way may take to end once the server stops. */
const drainMs = 5000;

const addressProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'it is not an address of this machine',
  EACCES: 'this user may not listen there',
  ENOTFOUND: 'there is no such host',
};

const addressUnavailable = (host: string, port: number, cause: unknown): CodedError =>
  new CodedError(
    'AddressUnavailable',
    `cannot listen on ${host}:${port}: ${addressProblems[systemErrorCode(cause) ?? ''] ?? systemErrorCode(cause) ?? 'unknown'}`,
    { hint: 'name another one with --listen HOST:PORT', cause },
  );

const listen = (
  server: { listen: HttpsServer['listen']; once: HttpsServer['once']; off: HttpsServer['off'] },
  host: string,
  port: number,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const refused = (error: unknown): void => reject(addressUnavailable(host, port, error));
    server.once('error', refused);
    server.listen(port, host, () => {
      server.off('error', refused);
      resolve();
    });
  });

/** Asks before anything is written whether the address is to be had. */
const requireAddress = async (host: string, port: number): Promise<void> => {
  const probe = createServer();
  await listen(probe as unknown as HttpsServer, host, port);
  await new Promise((resolve) => probe.close(resolve));
};

/** Takes the lock of a data directory. Throws LockHeld. */
const lockData = (directory: string): DirectoryLock => {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (!isCodedError(error) || error.code !== 'LockHeld') throw error;
    const hint = `stop that one, or name another directory with --data-dir${error.hint === undefined ? '' : `; ${error.hint}`}`;
    throw new CodedError('LockHeld', error.message, { cause: error, hint, ...(error.details && { details: error.details }) });
  }
};

const openSealedStore = (
  { encryptionKey, previousEncryptionKey, random, maxHistoryBytes }: ServerOptions,
  path: string,
  onNotice: (line: string) => void,
) => {
  const key = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : sealingKey(bytes, random));
  const file = openStoreFile(path, { key: key(encryptionKey), previousKey: key(previousEncryptionKey) });
  return openStore(tellRefusals(file, onNotice), maxHistoryBytes === undefined ? {} : { maxHistoryBytes });
};

type Drained = Pick<HttpsServer, 'close' | 'closeIdleConnections' | 'closeAllConnections'>;

/** Takes no more connections, ends watches, lets requests under way finish, and closes what does not end by itself. */
const drain = async (transport: Drained, streams: ReadonlySet<() => void>): Promise<void> => {
  const closed = new Promise((resolve) => transport.close(resolve));
  for (const end of streams) end();
  transport.closeIdleConnections();
  // Connections become idle one by one.
  const idle = setInterval(() => transport.closeIdleConnections(), 50);
  const cut = setTimeout(() => transport.closeAllConnections(), drainMs);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
};

/** How often the server looks whether its certificates are due: a look costs nothing, and clocks jump. */
const defaultRenewalCheckMs = 60_000;

/** Throws what provideServerPki throws, CaInvalid with what to do about it. */
const providePki = async (options: PkiOptions): Promise<ServerPki> => {
  try {
    return await provideServerPki(options);
  } catch (error) {
    if (!isCodedError(error) || error.code !== 'CaInvalid') throw error;
    const hint = `where the clock of this machine is right: ${newAuthoritiesAdvice(options.directory)}`;
    throw new CodedError('CaInvalid', error.message, { cause: error, hint });
  }
};

const serve = async (options: ServerOptions, store: Store, pki: ServerPki, renewal: Parameters<typeof keepCertificates>[0]['renewal']) => {
  const { host, port, now, random, onNotice = () => undefined } = options;
  // What the world refuses is no fault of ours.
  const onBug = (error: unknown): void => {
    if (!isCodedError(error) || errorClass(error.code) === 'bug') {
      options.onBug(error);
      return;
    }
    onNotice(`warning: ${error.message}`);
    if (error.hint !== undefined) onNotice(`hint: ${error.hint}`);
  };
  const { kubeconfig } = dataDirectoryPlaces(options.dataDirectory);
  await writeFileAtomic(kubeconfig, pki.adminKubeconfig, { mode: 0o600 });
  const kinds = kindTable(builtInKinds);
  const version = imitatedVersion(process.versions.node, `${process.platform}/${process.arch}`);
  const reached = localHost(host);
  let isReady = true;
  const webhooks = webhookCaller();
  const surface: Surface = {
    store,
    kinds,
    now,
    random,
    webhooks,
    tokenKey: tokenKey(pki.tokenKey, issuer),
    audiences: [issuer],
    openApi: openApi(kinds, version['gitVersion'] ?? ''),
    version,
    address: `${reached}:${port}`,
    isReady: () => isReady,
    onBug,
  };
  const housekeeping = await startHousekeeping(surface, pki.clientCa, onBug);
  const stopExtensions = await startExtensionAuthentication(surface, pki, onBug);
  const streams = new Set<() => void>();
  const transport = httpsTransport({
    surface,
    certificate: pki.servingChain,
    key: pki.servingKey,
    clientCa: pki.clientCa,
    authenticate: certificateAuthenticator(pki.clientAnchors),
    streams,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  try {
    await listen(transport, host, port);
  } catch (error) {
    stopExtensions();
    housekeeping.stop();
    throw error;
  }
  const stopKeeping = keepCertificates({
    pki,
    renewal,
    now,
    everyMs: options.renewalCheckMs ?? defaultRenewalCheckMs,
    onRenewed: async ({ servingChain, servingKey, clientCa, adminKubeconfig }) => {
      // For connections to come; those that are open go on.
      transport.setSecureContext(secureContext({ certificate: servingChain, key: servingKey, clientCa }));
      await writeFileAtomic(kubeconfig, adminKubeconfig, { mode: 0o600 });
      await options.onKubeconfig?.(kubeconfig);
    },
    onNotice,
  });
  return {
    url: `https://${reached.includes(':') ? `[${reached}]` : reached}:${port}`,
    kubeconfigFile: kubeconfig,
    applyOnce: (files: readonly ManifestFile[]) => applyOnce(surface, files),
    stop: async () => {
      isReady = false;
      await stopKeeping();
      stopExtensions();
      housekeeping.stop();
      await drain(transport, streams);
      await webhooks.close();
      // What was decided in this turn is written.
      await store.write(() => undefined);
    },
  };
};

/**
 * Starts the server. Throws LockHeld, AddressUnavailable, DataDirectoryInvalid, EncryptionKeyMismatch, FileWriteFailed, DriftFound, and what
 * making certificates throws.
 */
export const startServer = async (options: ServerOptions): Promise<RunningServer> => {
  const { dataDirectory, host, port, names = [], random, requestedBy, onNotice = () => undefined } = options;
  const places = dataDirectoryPlaces(dataDirectory);
  await createDirectory(dataDirectory);
  const lock = lockData(dataDirectory);
  let store: Store | undefined;
  try {
    await requireAddress(host, port);
    requireNoRestore(places);
    store = openSealedStore(options, places.store, onNotice);
    const renewal = { directory: places.cluster, host, port, names, random, requestedBy };
    const pki = await providePki({ ...renewal, at: options.now() });
    const running = await serve(options, store, pki, renewal);
    const opened = store;
    return {
      ...running,
      stop: async () => {
        await running.stop();
        opened.close();
        lock.release();
      },
    };
  } catch (error) {
    store?.close();
    lock.release();
    throw error;
  }
};
