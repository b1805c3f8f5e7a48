// The certificates of the embedded control plane: a cluster of one master in kubeadm's layout, made by src/cluster in the data directory.

import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readFileBounded } from '../base/atomic-file.ts';
import { generateCluster } from '../cluster/generate.ts';
import type { ClusterManifest } from '../cluster/manifest.ts';
import type { Plan } from '../cluster/plan.ts';
import { planManifest } from '../cluster/plan-manifest.ts';
import { importPrivateKey } from '../pki/private-key.ts';
import { parseCertificates, type X509Certificate } from '../pki/x509-certificate.ts';

const machine = 'localhost';
const day = 86_400_000;

/** Leaves that the embedded server uses; the other components of a cluster are not here. */
const wantedLeaves: ReadonlySet<string> = new Set(['apiserver', 'front-proxy-client', 'admin.conf', 'super-admin.conf']);

/** The plan of a cluster that is one process listening on this address. */
const serverPlan = (host: string, port: number): Plan => ({
  fileName: 'certwright up',
  clusterName: 'certwright',
  podCidr: '10.244.0.0/16',
  serviceCidrs: ['10.96.0.0/16'],
  serviceIps: ['10.96.0.1'],
  dnsServiceIp: '10.96.0.10',
  expiryMs: 365 * day,
  caExpiryMs: 3650 * day,
  apiServerExtraSans: ['localhost', '127.0.0.1', '::1'],
  loadBalancer: { host, port },
  clusterDomain: 'cluster.local',
  layout: 'kubeadm',
  keyAlgorithm: 'ecdsa-p256',
  cniProvider: 'custom',
  machines: [{ host: machine, ip: '127.0.0.1', roles: ['master'], extraSans: [] }],
  warnings: [],
});

const serverManifest = (host: string, port: number): ClusterManifest => {
  const manifest = planManifest(serverPlan(host, port));
  const certificates = manifest.certificates.filter(({ groups }) => groups.some((group) => wantedLeaves.has(group)));
  const kubeconfigs = manifest.kubeconfigs.filter(({ file }) => wantedLeaves.has(basename(file)));
  return { ...manifest, certificates, kubeconfigs };
};

export type ServerPki = {
  /** PEM. */
  readonly servingChain: string;
  readonly servingKey: string;
  readonly clientCa: string;
  readonly clientAnchors: readonly X509Certificate[];
  /** What signs service accounts' tokens. */
  readonly tokenKey: KeyObject;
  /** A kubeconfig of the cluster's administrators, whom RBAC lets do everything. */
  readonly adminKubeconfig: Uint8Array;
};

export type PkiOptions = {
  readonly directory: string;
  /** What clients connect to. */
  readonly host: string;
  readonly port: number;
  readonly at: Date;
  readonly random: (length: number) => Uint8Array;
  readonly requestedBy: string;
};

/** Makes what is missing of the certificates, and renews what no longer fits the address. Throws what generateCluster throws. */
export const provideServerPki = async ({ directory, host, port, at, random, requestedBy }: PkiOptions): Promise<ServerPki> => {
  await generateCluster({ manifest: serverManifest(host, port), directory, at, random, requestedBy, overwrite: true });
  const text = (path: string): string => readFileSync(join(directory, path), 'utf8');
  const clientCa = text('pki/ca.crt');
  return {
    servingChain: text(`${machine}/pki/apiserver.crt`),
    servingKey: text(`${machine}/pki/apiserver.key`),
    clientCa,
    clientAnchors: parseCertificates(clientCa),
    tokenKey: importPrivateKey(text('pki/sa.key'), { what: 'service account key' }),
    adminKubeconfig: readFileBounded(join(directory, `${machine}/admin.conf`), 1024 * 1024),
  };
};
