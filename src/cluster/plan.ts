// A cluster as its plan file describes it, checked and with every default filled in; what the manifest is made from.
// Only what bears on certificates is here: the rest of a Kismatic plan (ssh, docker, add-ons) is passed over.
// Not here: reading the file (plan-file.ts).

import type { KeyAlgorithm } from '../pki/key-algorithm.ts';
import { type NodeRole, runsKubelet } from './node-roles.ts';

/** How the files are laid out: Kismatic's one directory of keys, or kubeadm's tree per machine. */
export type Layout = 'kismatic' | 'kubeadm';

/** One fault or doubt, at its place in the plan file; line and column count from 1. */
export type PlanFinding = {
  readonly line: number;
  readonly column: number;
  /** Path of the key, such as `cluster.certificates.expiry` or `master.nodes[0].host`; empty for the file as a whole. */
  readonly field: string;
  /** The value as written; absent where there is none, or it is a map or a list. */
  readonly value?: string;
  /** What is wrong with it, the value quoted in front; without field and place. */
  readonly message: string;
  /** What to write instead. */
  readonly hint: string;
};

/** One machine, whatever the number of groups that list it. */
export type Machine = {
  /** RFC 1123 host name, letter case as written; unique in the plan with case aside, and safe as one part of a path. */
  readonly host: string;
  /** The address the machine is managed by; RFC 5952 text. */
  readonly ip: string;
  /** The address that components use among themselves, where it is another one; RFC 5952 text. */
  readonly internalIp?: string;
  /** The groups that list it, in the order of nodeRoles, each once. */
  readonly roles: readonly NodeRole[];
  /** Further names and addresses of this machine, for its server certificates. */
  readonly extraSans: readonly string[];
};

/** A plan file, read and checked. */
export type Plan = {
  /** The file's name as given, for messages. */
  readonly fileName: string;
  readonly clusterName: string;
  readonly podCidr: string;
  /** The service CIDR, and the second one of the other IP family where there is one. */
  readonly serviceCidrs: readonly string[];
  /** The first address of each service CIDR: what `kubernetes.default` resolves to. */
  readonly serviceIps: readonly string[];
  /** Second address of the first service CIDR in layout kismatic, tenth in layout kubeadm. */
  readonly dnsServiceIp: string;
  /** Lifetime of every leaf, in milliseconds. */
  readonly expiryMs: number;
  /** Lifetime of the CAs we make, in milliseconds. */
  readonly caExpiryMs: number;
  /** Further names and addresses of the API server, as written and trimmed. */
  readonly apiServerExtraSans: readonly string[];
  /** Where clients reach the API servers; the host is a DNS name or an IP address without brackets. */
  readonly loadBalancer: { readonly host: string; readonly port: number };
  readonly clusterDomain: string;
  readonly layout: Layout;
  readonly keyAlgorithm: KeyAlgorithm;
  /** `calico`, `weave`, `contiv` or `custom`. */
  readonly cniProvider: string;
  readonly machines: readonly Machine[];
  /** What is accepted but deserves a word, in the order of the file. */
  readonly warnings: readonly PlanFinding[];
};

/** Whether one of the machine's groups is `role`. */
export const hasRole = (machine: Machine, role: NodeRole): boolean => machine.roles.includes(role);

/** Whether the machine registers as a Kubernetes node. */
export const isKubernetesNode = (machine: Machine): boolean => machine.roles.some(runsKubelet);

/** The name a machine's kubelet registers and logs in under: Kubernetes lower-cases host names. */
export const nodeName = (machine: Machine): string => machine.host.toLowerCase();

/** The address that other components use: the internal one where there is one. */
export const clusterAddress = (machine: Machine): string => machine.internalIp ?? machine.ip;
