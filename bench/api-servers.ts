// The two API servers that are compared, each as processes of its own, on disk and with every write synced: the installed package's
// `certwright up`, and etcd with kube-apiserver on certificates of the same making.

import { mkdirSync, readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { provideServerPki } from '../src/apiserver/server-pki.ts';
import { freePort, startRealProcesses } from '../src/testing/api-servers.ts';
import { randomOctets } from '../src/testing/authority-files.ts';
import { type Daemon, startDaemon, waitFor } from '../src/testing/daemon.ts';
import { userEnvironment } from './installed-package.ts';

export type BenchedServer = {
  readonly name: string;
  readonly kubeconfigFile: string;
  readonly daemons: readonly Daemon[];
  /** From the start of the process to the first 200 of /readyz. */
  readonly readyMs: number;
};

const host = '127.0.0.1';

const isReady = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    // Nothing is sent that needs to be kept, and the certificates may not even be made yet.
    const request = get({ host, port, path: '/readyz', rejectUnauthorized: false, agent: false, timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false)).on('timeout', () => request.destroy());
  });

const untilReady = async (port: number, daemons: readonly Daemon[]): Promise<void> => {
  const giveUp = performance.now() + 60_000;
  while (!(await isReady(port))) {
    const ended = daemons.find((daemon) => daemon.exitCode() !== undefined);
    if (ended !== undefined || performance.now() > giveUp) throw new Error(`a server does not get ready:\n${(ended ?? daemons[0])?.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** Starts the installed command on a data directory, which may be there already. `cache` names the user's cache. */
export const startCertwright = async (command: string, folder: string, cache: string, port: number): Promise<BenchedServer> => {
  const directory = join(folder, 'data');
  mkdirSync(folder, { recursive: true });
  const environment = Object.fromEntries(
    Object.entries(userEnvironment(cache)).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const started = performance.now();
  const daemon = startDaemon('certwright', command, ['up', '--data-dir', directory, '--listen', `${host}:${port}`], {
    logFile: join(folder, 'certwright.log'),
    environment,
  });
  await untilReady(port, [daemon]);
  const readyMs = performance.now() - started;
  return { name: 'certwright', kubeconfigFile: join(directory, 'cluster/localhost/super-admin.conf'), daemons: [daemon], readyMs };
};

/** Starts etcd and kube-apiserver. */
export const startKubernetes = async (folder: string): Promise<BenchedServer> => {
  const cluster = join(folder, 'cluster');
  const ports = { api: await freePort(), etcd: await freePort(), peer: await freePort() };
  mkdirSync(folder, { recursive: true });
  await provideServerPki({ directory: cluster, host, port: ports.api, at: new Date(), random: randomOctets, requestedBy: 'bench' });
  const started = performance.now();
  const daemons = startRealProcesses({ directory: folder, cluster, ports, isDurable: true });
  await waitFor('kube-apiserver is ready', async () => ((await isReady(ports.api)) ? true : undefined), { daemons });
  return {
    name: 'etcd and kube-apiserver',
    kubeconfigFile: join(cluster, 'localhost/super-admin.conf'),
    daemons,
    readyMs: performance.now() - started,
  };
};

/** Resident memory of all processes of a server, in bytes. */
export const residentBytes = ({ daemons }: BenchedServer): number =>
  daemons
    .map(({ pid }) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) * 1024)
    .reduce((sum, bytes) => sum + bytes, 0);
