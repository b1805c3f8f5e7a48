// The embedded control plane, put together: data directory, certificates, store, housekeeping, HTTPS.

import type { Server as HttpsServer } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { builtInKinds } from '../api/kinds/all.ts';
import { createDirectory, systemErrorCode, writeFileAtomic } from '../base/atomic-file.ts';
import { CodedError } from '../base/coded-error.ts';
import { lockDirectory } from '../base/directory-lock.ts';
import { certificateAuthenticator } from './authenticate.ts';
import { imitatedVersion, type Surface } from './handle-request.ts';
import { startHousekeeping } from './housekeeping.ts';
import { httpsTransport, type TransportLimits } from './https-transport.ts';
import { kindTable } from './kind-table.ts';
import { openApi } from './openapi.ts';
import { provideServerPki } from './server-pki.ts';
import { tokenKey } from './service-account-token.ts';
import { openStore } from './store.ts';
import { openStoreFile } from './store-file.ts';

export type ServerOptions = {
  /** Absolute. Everything that lasts is in it. */
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  readonly now: () => Date;
  readonly random: (length: number) => Uint8Array;
  readonly requestedBy: string;
  readonly onBug: (error: unknown) => void;
  readonly limits?: TransportLimits;
  /** How much is kept of what changed, for watches that come back. */
  readonly maxHistoryBytes?: number;
};

export type RunningServer = {
  readonly url: string;
  /** A kubeconfig of the administrator. */
  readonly kubeconfigFile: string;
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

/** Starts the server. Throws LockHeld, AddressUnavailable, DataDirectoryInvalid, FileWriteFailed, DriftFound. */
export const startServer = async (options: ServerOptions): Promise<RunningServer> => {
  const { dataDirectory, host, port, now, random } = options;
  await createDirectory(dataDirectory);
  const lock = lockDirectory(dataDirectory);
  try {
    await requireAddress(host, port);
    const pki = await provideServerPki({
      directory: join(dataDirectory, 'cluster'),
      host,
      port,
      at: now(),
      random,
      requestedBy: options.requestedBy,
    });
    const kubeconfigFile = join(dataDirectory, 'admin.kubeconfig');
    await writeFileAtomic(kubeconfigFile, pki.adminKubeconfig, { mode: 0o600 });
    const store = openStore(openStoreFile(join(dataDirectory, 'store.sqlite')), options);
    const kinds = kindTable(builtInKinds);
    const version = imitatedVersion(process.versions.node, `${process.platform}/${process.arch}`);
    let isReady = true;
    const surface: Surface = {
      store,
      kinds,
      now,
      random,
      tokenKey: tokenKey(pki.tokenKey, issuer),
      audiences: [issuer],
      openApi: openApi(kinds, version['gitVersion'] ?? ''),
      version,
      address: `${host}:${port}`,
      isReady: () => isReady,
      onBug: options.onBug,
    };
    const housekeeping = await startHousekeeping(surface, pki.clientCa, options.onBug);
    const transport = httpsTransport({
      surface,
      certificate: pki.servingChain,
      key: pki.servingKey,
      clientCa: pki.clientCa,
      authenticate: certificateAuthenticator(pki.clientAnchors),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
    await listen(transport, host, port);
    return {
      url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      kubeconfigFile,
      stop: async () => {
        isReady = false;
        housekeeping.stop();
        const closed = new Promise((resolve) => transport.close(resolve));
        transport.closeIdleConnections();
        const cut = setTimeout(() => transport.closeAllConnections(), drainMs);
        await closed;
        clearTimeout(cut);
        store.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
};
