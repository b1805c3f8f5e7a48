// The manifest of a cluster's PKI: every authority, key pair, certificate and kubeconfig that a plan asks for, as plain data.
// Paths are relative to the output directory, with forward slashes, and never leave it.
// Not here: making it from a plan (plan-manifest.ts), and touching files.

import { CodedError, quote } from '../base/coded-error.ts';
import type { KeyAlgorithm } from '../pki/key-algorithm.ts';
import type { oid } from '../pki/oid.ts';
import type { Component, NodeRole } from './node-roles.ts';
import type { Layout } from './plan.ts';

export type AuthorityId = 'cluster' | 'proxy-client' | 'etcd';

/** One attribute of a subject, its type by the name it has in src/pki/oid.ts. */
export type SubjectAttribute = {
  readonly type: Extract<
    keyof typeof oid,
    'country' | 'stateOrProvince' | 'locality' | 'organization' | 'organizationalUnit' | 'commonName'
  >;
  readonly value: string;
};

/** One subject alternative name. IP addresses are RFC 5952 text and never of type dns. */
export type PlannedSan = { readonly type: 'dns' | 'ip'; readonly value: string };

/** Usages by the names Kubernetes gives them. */
export type PlannedUsage = 'digital signature' | 'key encipherment' | 'server auth' | 'client auth' | 'code signing';

/** A CA: a self-signed one is made from this where none is given. */
export type PlannedAuthority = {
  readonly id: AuthorityId;
  /** For people: `cluster CA`. */
  readonly description: string;
  /** Attributes in the order in which they are encoded, one to an RDN. */
  readonly subject: readonly SubjectAttribute[];
  readonly dnsNames: readonly string[];
  readonly keyAlgorithm: KeyAlgorithm;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Where its certificate is written besides; its key never is. */
  readonly copies: readonly { readonly host: string; readonly certificateFile: string }[];
  /** The machines that need its certificate. */
  readonly hosts: readonly string[];
};

/** A key pair without a certificate. It is made once and never renewed: every token in the cluster hangs on it. */
export type PlannedKeyPair = {
  readonly id: 'service-account';
  readonly description: string;
  /** Not always the plan's: tokens are signed with RSA or ECDSA only. */
  readonly keyAlgorithm: KeyAlgorithm;
  readonly keyFile: string;
  readonly publicKeyFile: string;
  readonly copies: readonly { readonly host: string; readonly keyFile: string; readonly publicKeyFile: string }[];
};

/** Where a certificate and its key go: two PEM files, or inside the kubeconfig of that file name. */
export type Delivery =
  | { readonly kind: 'pair'; readonly certificateFile: string; readonly keyFile: string }
  | { readonly kind: 'kubeconfig'; readonly file: string };

/** A leaf. */
export type PlannedCertificate = {
  /** Unique and stable, and what `cluster renew` takes: `kube-scheduler`, `node1-etcd`, `node1/apiserver`. */
  readonly id: string;
  /** Names that mean this certificate and others of its kind: `etcd-server` for every machine's. */
  readonly groups: readonly string[];
  /** For people: `node1 etcd server`. */
  readonly description: string;
  readonly authority: AuthorityId;
  readonly subject: { readonly commonName: string; readonly organizations: readonly string[] };
  /** In the order they are documented, each once. */
  readonly sans: readonly PlannedSan[];
  readonly usages: readonly PlannedUsage[];
  readonly keyAlgorithm: KeyAlgorithm;
  /** The key outlives its certificate: renewal signs the key that is there, overwriting or not. */
  readonly keyIsPermanent: boolean;
  readonly delivery: Delivery;
  /** The machines that need it. */
  readonly hosts: readonly string[];
  /** What must be restarted there once it is renewed. */
  readonly restarts: readonly Component[];
};

/** A kubeconfig with one cluster, one user and one context, all embedded. */
export type PlannedKubeconfig = {
  readonly file: string;
  readonly clusterName: string;
  /** URL of the API server. */
  readonly server: string;
  readonly userName: string;
  readonly contextName: string;
  /** Whose certificate and key it holds: an id of `certificates`. */
  readonly certificateId: string;
  /** Which CA it trusts the API server by. */
  readonly authority: AuthorityId;
  /** The machines that need it; none for the operator's own. */
  readonly hosts: readonly string[];
};

/** One machine and the files it needs; a CA's key is never among them. */
export type PlannedMachine = { readonly host: string; readonly roles: readonly NodeRole[]; readonly files: readonly string[] };

/** Everything that a plan asks for. */
export type ClusterManifest = {
  readonly layout: Layout;
  readonly clusterName: string;
  readonly leafLifetimeMs: number;
  readonly caLifetimeMs: number;
  readonly authorities: readonly PlannedAuthority[];
  readonly keyPairs: readonly PlannedKeyPair[];
  readonly certificates: readonly PlannedCertificate[];
  readonly kubeconfigs: readonly PlannedKubeconfig[];
  readonly machines: readonly PlannedMachine[];
};

/** The certificates that a name means: an id, a group, or `all`. Throws CertificateUnknown, listing what there is. */
export const certificatesNamed = (manifest: ClusterManifest, name: string): readonly PlannedCertificate[] => {
  if (name === 'all') return manifest.certificates;
  const named = manifest.certificates.filter((certificate) => certificate.id === name || certificate.groups.includes(name));
  if (named.length > 0) return named;
  const groups = [...new Set(manifest.certificates.flatMap((certificate) => certificate.groups))];
  throw new CodedError('CertificateUnknown', `cannot find certificate ${quote(name)}: the plan asks for none of that name`, {
    hint: `name one of ${groups.join(', ')}, all, or a single one such as ${manifest.certificates[0]?.id ?? 'admin'}`,
    details: { certificates: manifest.certificates.map((certificate) => certificate.id) },
  });
};

/** The machine of a host name, letter case aside. Throws NodeUnknown. */
export const machineNamed = (manifest: ClusterManifest, host: string): PlannedMachine => {
  const machine = manifest.machines.find((candidate) => candidate.host.toLowerCase() === host.toLowerCase());
  if (machine !== undefined) return machine;
  const hosts = manifest.machines.map((candidate) => candidate.host);
  throw new CodedError('NodeUnknown', `cannot find node ${quote(host)}: the plan has no machine of that name`, {
    hint: `name one of ${hosts.slice(0, 20).join(', ')}${hosts.length > 20 ? ' …' : ''}`,
    details: { hosts },
  });
};
