// The certificates of the embedded control plane: a cluster of one master in kubeadm's layout, made by src/cluster in the data directory.

import type { KeyObject } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readFileBounded } from '../base/atomic-file.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import { generateCluster } from '../cluster/generate.ts';
import { parseKubeconfig } from '../cluster/kubeconfig.ts';
import type { AuthorityId, ClusterManifest } from '../cluster/manifest.ts';
import type { Plan } from '../cluster/plan.ts';
import { planManifest } from '../cluster/plan-manifest.ts';
import { renewCluster } from '../cluster/renew.ts';
import { importPrivateKey } from '../pki/private-key.ts';
import { parseCertificates, parseFirstCertificate, type X509Certificate } from '../pki/x509-certificate.ts';
import { isRenewalDue } from './renewal-time.ts';

const machine = 'localhost';
const day = 86_400_000;
/** How long leaves live. */
export const leafLifetimeMs = 365 * day;

/** Leaves that the embedded server uses; the other components of a cluster are not here. */
const wantedLeaves: ReadonlySet<string> = new Set(['apiserver', 'front-proxy-client', 'admin.conf', 'super-admin.conf']);

/** Whether a host stands for every address of the machine. */
export const isEveryAddress = (host: string): boolean => parseIpAddress(host)?.every((octet) => octet === 0) === true;

/** What clients on this machine connect to. */
export const localHost = (host: string): string => (isEveryAddress(host) ? (host.includes(':') ? '::1' : '127.0.0.1') : host);

/** The plan of a cluster that is one process listening on this address. */
const serverPlan = ({ host, port, names = [] }: PkiOptions): Plan => ({
  fileName: 'certwright up',
  clusterName: 'certwright',
  podCidr: '10.244.0.0/16',
  serviceCidrs: ['10.96.0.0/16'],
  serviceIps: ['10.96.0.1'],
  dnsServiceIp: '10.96.0.10',
  expiryMs: leafLifetimeMs,
  caExpiryMs: 3650 * day,
  apiServerExtraSans: ['localhost', '127.0.0.1', '::1', ...names],
  loadBalancer: { host: localHost(host), port },
  clusterDomain: 'cluster.local',
  layout: 'kubeadm',
  keyAlgorithm: 'ecdsa-p256',
  cniProvider: 'custom',
  machines: [{ host: machine, ip: '127.0.0.1', roles: ['master'], extraSans: [] }],
  warnings: [],
});

const serverManifest = (options: PkiOptions): ClusterManifest => {
  const manifest = planManifest(serverPlan(options));
  const certificates = manifest.certificates.filter(({ groups }) => groups.some((group) => wantedLeaves.has(group)));
  const kubeconfigs = manifest.kubeconfigs.filter(({ file }) => wantedLeaves.has(basename(file)));
  return { ...manifest, certificates, kubeconfigs };
};

/** A leaf of the server's, and the CA that it is of. */
type OwnLeaf = { readonly id: string; readonly certificate: X509Certificate; readonly authority: X509Certificate };

export type ServerPki = {
  /** PEM. */
  readonly servingChain: string;
  readonly servingKey: string;
  readonly clientCa: string;
  /** What proxies that vouch for their users are known by, PEM. */
  readonly proxyClientCa: string;
  readonly clientAnchors: readonly X509Certificate[];
  /** What signs service accounts' tokens. */
  readonly tokenKey: KeyObject;
  /** A kubeconfig of the cluster's administrators, whom RBAC lets do everything. */
  readonly adminKubeconfig: Uint8Array;
  readonly leaves: readonly OwnLeaf[];
};

export type PkiOptions = {
  readonly directory: string;
  /** What the server listens on. */
  readonly host: string;
  readonly port: number;
  /** Further names and addresses by which clients know it. */
  readonly names?: readonly string[];
  readonly at: Date;
  readonly random: (length: number) => Uint8Array;
  readonly requestedBy: string;
};

const maxFileBytes = 1024 * 1024;

const readLeaves = (options: PkiOptions, authorityFiles: ReadonlyMap<AuthorityId, string>): readonly OwnLeaf[] => {
  const read = (file: string): Uint8Array => readFileBounded(join(options.directory, file), maxFileBytes);
  return serverManifest(options).certificates.flatMap(({ id, authority, delivery }) => {
    const certificate =
      delivery.kind === 'pair'
        ? parseFirstCertificate(read(delivery.certificateFile))
        : parseKubeconfig(read(delivery.file), delivery.file).chain[0];
    const authorityFile = authorityFiles.get(authority);
    if (certificate === undefined || authorityFile === undefined) return [];
    return [{ id, certificate, authority: parseFirstCertificate(read(authorityFile)) }];
  });
};

const readServerPki = (options: PkiOptions): ServerPki => {
  const { directory } = options;
  const text = (path: string): string => readFileSync(join(directory, path), 'utf8');
  const clientCa = text('pki/ca.crt');
  const authorityFiles = new Map(serverManifest(options).authorities.map(({ id, certificateFile }) => [id, certificateFile]));
  return {
    servingChain: text(`${machine}/pki/apiserver.crt`),
    servingKey: text(`${machine}/pki/apiserver.key`),
    clientCa,
    proxyClientCa: text('pki/front-proxy-ca.crt'),
    clientAnchors: parseCertificates(clientCa),
    tokenKey: importPrivateKey(text('pki/sa.key'), { what: 'service account key' }),
    adminKubeconfig: readFileBounded(join(directory, `${machine}/admin.conf`), maxFileBytes),
    leaves: readLeaves(options, authorityFiles),
  };
};

/** Ids of the leaves that are due at a time. */
export const leavesDue = (leaves: readonly OwnLeaf[], at: Date): readonly string[] =>
  leaves.filter(({ certificate, authority }) => isRenewalDue(certificate, authority, leafLifetimeMs, at)).map(({ id }) => id);

/** Renews leaves and reads everything again. Throws what renewCluster throws. */
export const renewServerPki = async (options: PkiOptions, names: readonly string[]): Promise<ServerPki> => {
  const { backups } = await renewCluster({ ...options, manifest: serverManifest(options), names });
  // What was valid until now has no use any more, and its keys had better be gone.
  for (const path of backups) rmSync(path, { force: true });
  return readServerPki(options);
};

/** Makes what is missing of the certificates, renews what is due and what no longer fits the address. Throws what generateCluster throws. */
export const provideServerPki = async (options: PkiOptions): Promise<ServerPki> => {
  await generateCluster({ ...options, manifest: serverManifest(options), overwrite: true });
  const pki = readServerPki(options);
  const due = leavesDue(pki.leaves, options.at);
  return due.length === 0 ? pki : renewServerPki(options, due);
};
