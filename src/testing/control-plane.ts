// A real control plane on files of a generated PKI: etcd members with peer and client mTLS, kube-apiserver, kube-controller-manager, on
// loopback addresses of the plan. It only joins files to flags; which file is whose is the layout's, told by the caller.

import { mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Daemon, startDaemon, waitFor } from './daemon.ts';
import { requireTool } from './tools.ts';

/** A certificate and its key, as paths. */
export type PairFiles = { readonly certificate: string; readonly key: string };

/** One etcd member. */
export type EtcdFiles = {
  readonly host: string;
  readonly ip: string;
  readonly server: PairFiles;
  readonly peer: PairFiles;
  readonly ca: string;
};

/** Everything the components are given. */
export type ControlPlaneFiles = {
  readonly etcd: readonly EtcdFiles[];
  readonly apiServer: {
    readonly ip: string;
    readonly serving: PairFiles;
    readonly clientCa: string;
    readonly etcdCa: string;
    readonly etcdClient: PairFiles;
    readonly kubeletCa: string;
    readonly kubeletClient: PairFiles;
    readonly requestHeaderCa: string;
    readonly proxyClient: PairFiles;
    readonly serviceAccountVerifier: string;
    readonly serviceAccountKey: string;
  };
  readonly controllerManager: { readonly kubeconfig: string; readonly rootCa: string; readonly signer?: PairFiles };
  readonly serviceCidr: string;
};

export const apiServerPort = 6443;
export const etcdClientPort = 12379;
export const etcdPeerPort = 12380;
const lockPort = 12381;

const startEtcd = (members: readonly EtcdFiles[], directory: string): Daemon[] =>
  members.map(({ host, ip, server, peer, ca }) =>
    startDaemon(
      `etcd ${host}`,
      requireTool('etcd'),
      [
        `--name=${host}`,
        `--data-dir=${join(directory, `etcd-${host}`)}`,
        `--listen-client-urls=https://${ip}:${etcdClientPort}`,
        `--advertise-client-urls=https://${ip}:${etcdClientPort}`,
        `--listen-peer-urls=https://${ip}:${etcdPeerPort}`,
        `--initial-advertise-peer-urls=https://${ip}:${etcdPeerPort}`,
        `--initial-cluster=${members.map((member) => `${member.host}=https://${member.ip}:${etcdPeerPort}`).join(',')}`,
        `--cert-file=${server.certificate}`,
        `--key-file=${server.key}`,
        `--trusted-ca-file=${ca}`,
        '--client-cert-auth',
        `--peer-cert-file=${peer.certificate}`,
        `--peer-key-file=${peer.key}`,
        `--peer-trusted-ca-file=${ca}`,
        '--peer-client-cert-auth',
        '--unsafe-no-fsync',
      ],
      { logFile: join(directory, `etcd-${host}.log`) },
    ),
  );

/** Starts an API server alone, on the first etcd addresses given. */
export const startApiServer = ({ etcd, apiServer: files, serviceCidr }: ControlPlaneFiles, directory: string): Daemon =>
  startDaemon(
    'kube-apiserver',
    requireTool('kube-apiserver'),
    [
      `--advertise-address=${files.ip}`,
      `--bind-address=${files.ip}`,
      `--secure-port=${apiServerPort}`,
      `--cert-dir=${directory}`,
      `--tls-cert-file=${files.serving.certificate}`,
      `--tls-private-key-file=${files.serving.key}`,
      `--client-ca-file=${files.clientCa}`,
      `--etcd-servers=${etcd.map(({ ip }) => `https://${ip}:${etcdClientPort}`).join(',')}`,
      `--etcd-cafile=${files.etcdCa}`,
      `--etcd-certfile=${files.etcdClient.certificate}`,
      `--etcd-keyfile=${files.etcdClient.key}`,
      `--kubelet-certificate-authority=${files.kubeletCa}`,
      `--kubelet-client-certificate=${files.kubeletClient.certificate}`,
      `--kubelet-client-key=${files.kubeletClient.key}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--requestheader-client-ca-file=${files.requestHeaderCa}`,
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-username-headers=X-Remote-User',
      `--proxy-client-cert-file=${files.proxyClient.certificate}`,
      `--proxy-client-key-file=${files.proxyClient.key}`,
      `--service-account-key-file=${files.serviceAccountVerifier}`,
      `--service-account-signing-key-file=${files.serviceAccountKey}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      `--service-cluster-ip-range=${serviceCidr}`,
    ],
    { logFile: join(directory, 'kube-apiserver.log') },
  );

const startControllerManager = ({ apiServer, controllerManager: files }: ControlPlaneFiles, directory: string): Daemon =>
  startDaemon(
    'kube-controller-manager',
    requireTool('kube-controller-manager'),
    [
      `--kubeconfig=${files.kubeconfig}`,
      `--authentication-kubeconfig=${files.kubeconfig}`,
      `--authorization-kubeconfig=${files.kubeconfig}`,
      '--use-service-account-credentials=true',
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      '--secure-port=0',
      '--port=0',
      `--cert-dir=${directory}`,
      `--root-ca-file=${files.rootCa}`,
      `--service-account-private-key-file=${apiServer.serviceAccountKey}`,
      ...(files.signer === undefined
        ? []
        : [`--cluster-signing-cert-file=${files.signer.certificate}`, `--cluster-signing-key-file=${files.signer.key}`]),
      '--controllers=*,-nodelifecycle',
    ],
    { logFile: join(directory, 'kube-controller-manager.log') },
  );

const isHealthy = (ip: string, ca: string): Promise<true | undefined> =>
  new Promise((resolve, reject) => {
    const request = get(
      { host: ip, port: apiServerPort, path: '/readyz', ca, timeout: 2000, allowPartialTrustChain: true, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200 ? true : undefined);
      },
    );
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('no answer')));
  });

/**
 * Waits until no other process of this machine runs a control plane here, and keeps others out until it is released: suites run side by side,
 * and the addresses of the plan exist once. The port is the lock, so a killed process leaves none behind.
 */
const claimAddresses = async (): Promise<() => void> => {
  for (;;) {
    const lock = createServer();
    const isOurs = await new Promise<boolean>((resolve) => {
      lock.once('error', () => resolve(false));
      lock.listen(lockPort, '127.0.2.1', () => resolve(true));
    });
    if (isOurs) return () => lock.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

export type ControlPlane = { readonly daemons: readonly Daemon[]; stop(): Promise<void> };

/** Starts everything and waits until /readyz of the API server says ok to a client that trusts `serverCa` (PEM). */
export const startControlPlane = async (files: ControlPlaneFiles, directory: string, serverCa: string): Promise<ControlPlane> => {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const release = await claimAddresses();
  const daemons: Daemon[] = [];
  const stop = async () => {
    for (const daemon of daemons.toReversed()) await daemon.stop();
    release();
  };
  try {
    daemons.push(...startEtcd(files.etcd, directory), startApiServer(files, directory));
    await waitFor('kube-apiserver is ready', () => isHealthy(files.apiServer.ip, serverCa), { daemons });
    daemons.push(startControllerManager(files, directory));
    return { daemons, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** A kubeconfig around files, for components whose layout has none of their own. */
export const writeKubeconfig = (path: string, server: string, caFile: string, user: PairFiles | { readonly token: string }): string => {
  const credentials = 'token' in user ? { token: user.token } : { 'client-certificate': user.certificate, 'client-key': user.key };
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server, 'certificate-authority': caFile } }],
      users: [{ name: 'test', user: credentials }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    }),
    { mode: 0o600 },
  );
  return path;
};
