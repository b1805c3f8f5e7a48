// API servers for the parity suite: the embedded one, and a real kube-apiserver with etcd and the controllers that clean up.

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TransportLimits, transportLimits } from '../apiserver/https-transport.ts';
import { provideServerPki } from '../apiserver/server-pki.ts';
import { startServer } from '../apiserver/start-server.ts';
import { type ApiPeer, apiPeer, kubeconfigPeer } from './api-peer.ts';
import { randomOctets } from './authority-files.ts';
import { type Daemon, startDaemon, waitFor } from './daemon.ts';
import { requireTool } from './tools.ts';

const host = '127.0.0.1';
const tester = { name: 'tester', groups: ['system:masters'] };

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, host, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });

export type TestServer = { readonly peer: ApiPeer; readonly kubeconfigFile: string; stop(): Promise<void> };
export type EmbeddedTestServer = TestServer & { readonly port: number /** Where the PKI lies. */; readonly cluster: string };

/** How much the embedded server remembers for watches here, so that it can be made to forget. */
const maxHistoryBytes = 8 * 1024 * 1024;

/** Writes more than the history holds. */
const overflowHistory = async (peer: ApiPeer): Promise<void> => {
  const path = '/api/v1/namespaces/default/configmaps';
  const data = { large: 'x'.repeat(1000 * 1000) };
  for (let written = 0; written <= maxHistoryBytes; written += 2 * 1000 * 1000) {
    const made = await peer.send('POST', path, {
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'forget-' }, data },
    });
    await peer.send('DELETE', `${path}/${made.json.metadata.name}`);
  }
};

/** The embedded server in this process, in a directory of its own; its stop throws what should not have happened. */
export const startEmbedded = async (limits: Partial<TransportLimits> = {}): Promise<EmbeddedTestServer> => {
  const directory = mkdtempSync(join(tmpdir(), 'certwright-embedded-'));
  const port = await freePort();
  const bugs: unknown[] = [];
  const server = await startServer({
    dataDirectory: directory,
    host,
    port,
    now: () => new Date(),
    random: randomOctets,
    requestedBy: 'test',
    maxHistoryBytes,
    onBug: (error) => bugs.push(error),
    limits: { ...transportLimits, ...limits },
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
    if (bugs.length > 0) throw bugs[0];
  };
  try {
    const cluster = join(directory, 'cluster');
    const peer = await apiPeer('embedded', { host, port, directory: cluster, forget: overflowHistory }, tester);
    return { peer, kubeconfigFile: server.kubeconfigFile, stop, port, cluster };
  } catch (error) {
    await stop();
    throw error;
  }
};

const isReady = (port: number, ca: string): Promise<true | undefined> =>
  new Promise((resolve, reject) => {
    const request = get({ host, port, path: '/readyz', ca, timeout: 2000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? true : undefined);
    });
    request.on('error', reject).on('timeout', () => request.destroy(new Error('no answer')));
  });

export type RealProcesses = {
  readonly directory: string;
  /** Where the PKI lies. */
  readonly cluster: string;
  readonly ports: { readonly api: number; readonly etcd: number; readonly peer: number };
  /** Whether etcd waits for the disk. */
  readonly isDurable: boolean;
};

/** etcd and kube-apiserver, not yet ready. */
export const startRealProcesses = ({ directory, cluster, ports, isDurable }: RealProcesses): readonly Daemon[] => {
  const etcdUrl = `http://${host}:${ports.etcd}`;
  const file = (path: string): string => join(cluster, path);
  const logs = join(directory, 'logs');
  mkdirSync(logs, { recursive: true });
  return [
    startDaemon(
      'etcd',
      requireTool('etcd'),
      [
        `--data-dir=${join(directory, 'etcd')}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=http://${host}:${ports.peer}`,
        `--initial-advertise-peer-urls=http://${host}:${ports.peer}`,
        `--initial-cluster=default=http://${host}:${ports.peer}`,
        ...(isDurable ? [] : ['--unsafe-no-fsync']),
      ],
      { logFile: join(logs, 'etcd.log') },
    ),
    startDaemon(
      'kube-apiserver',
      requireTool('kube-apiserver'),
      [
        `--bind-address=${host}`,
        `--advertise-address=${host}`,
        `--secure-port=${ports.api}`,
        `--cert-dir=${directory}`,
        `--tls-cert-file=${file('localhost/pki/apiserver.crt')}`,
        `--tls-private-key-file=${file('localhost/pki/apiserver.key')}`,
        `--client-ca-file=${file('pki/ca.crt')}`,
        `--etcd-servers=${etcdUrl}`,
        `--service-account-key-file=${file('pki/sa.pub')}`,
        `--service-account-signing-key-file=${file('pki/sa.key')}`,
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
        '--authorization-mode=RBAC',
        '--service-cluster-ip-range=10.96.0.0/16',
      ],
      { logFile: join(logs, 'kube-apiserver.log') },
    ),
  ];
};

/** A real kube-apiserver, on a PKI of the same making, over an etcd of its own. Needs etcd, kube-apiserver, kube-controller-manager. */
export const startReal = async (): Promise<TestServer> => {
  const directory = mkdtempSync(join(tmpdir(), 'certwright-real-'));
  const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()];
  const cluster = join(directory, 'cluster');
  const logs = join(directory, 'logs');
  mkdirSync(logs, { recursive: true });
  const pki = await provideServerPki({ directory: cluster, host, port, at: new Date(), random: randomOctets, requestedBy: 'test' });
  const controllersKubeconfig = join(cluster, 'localhost/super-admin.conf');
  const file = (path: string): string => join(cluster, path);
  const daemons: Daemon[] = [];
  const stop = async (): Promise<void> => {
    for (const daemon of daemons.toReversed()) await daemon.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    daemons.push(...startRealProcesses({ directory, cluster, ports: { api: port, etcd: etcdPort, peer: peerPort }, isDurable: false }));
    await waitFor('kube-apiserver is ready', () => isReady(port, pki.clientCa), { daemons });
    daemons.push(
      startDaemon(
        'kube-controller-manager',
        requireTool('kube-controller-manager'),
        [
          `--kubeconfig=${controllersKubeconfig}`,
          '--use-service-account-credentials=false',
          '--leader-elect=false',
          '--bind-address=127.0.0.1',
          '--secure-port=0',
          '--port=0',
          `--cert-dir=${directory}`,
          `--root-ca-file=${file('pki/ca.crt')}`,
          `--service-account-private-key-file=${file('pki/sa.key')}`,
          '--controllers=namespace,garbagecollector,serviceaccount,root-ca-cert-publisher',
          '--namespace-sync-period=1s',
        ],
        { logFile: join(logs, 'kube-controller-manager.log') },
      ),
    );
    // Compacts etcd up to now.
    const forget = async (asked: ApiPeer): Promise<void> => {
      const { resourceVersion } = (await asked.send('GET', '/api/v1/namespaces')).json.metadata;
      const env = { ...process.env, ETCDCTL_API: '3' };
      execFileSync(requireTool('etcdctl'), [`--endpoints=http://${host}:${etcdPort}`, 'compact', resourceVersion], { env, stdio: 'pipe' });
    };
    const peer = await apiPeer('kube-apiserver', { host, port, directory: cluster, forget }, tester);
    // As kubeadm does, for the administrator whose certificate makes him no master.
    await peer.send('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      body: {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'kubeadm:cluster-admins' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'kubeadm:cluster-admins' }],
      },
    });
    return { peer, kubeconfigFile: join(cluster, 'localhost/admin.conf'), stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** The command that starts a current server for custom resources alone: it takes a folder and prints a kubeconfig's path. */
export const currentServerCommand: string | undefined = process.env['CERTWRIGHT_CRD_SERVER'] || undefined;

/** The server that CERTWRIGHT_CRD_SERVER starts; it ends on SIGTERM. */
export const startCurrent = async (): Promise<TestServer> => {
  const directory = mkdtempSync(join(tmpdir(), 'certwright-current-'));
  const child = spawn(currentServerCommand ?? '', [join(directory, 'server')], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  process.once('exit', () => child.kill('SIGTERM'));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  const kubeconfigFile = await new Promise<string>((resolve, reject) => {
    let line = '';
    child.stdout.on('data', (chunk: Buffer) => {
      line += chunk.toString();
      if (line.includes('\n')) resolve(line.split('\n')[0] ?? '');
    });
    void ended.then(() => reject(new Error(`${currentServerCommand} ended: ${said}`)));
  });
  return { peer: kubeconfigPeer('apiextensions-apiserver', kubeconfigFile), kubeconfigFile, stop };
};
