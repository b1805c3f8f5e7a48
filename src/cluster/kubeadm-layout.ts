// Layout kubeadm: one tree per machine, `<host>/pki/…` and `<host>/*.conf`, to be copied to /etc/kubernetes there; the CAs
// with their keys and the key that signs tokens stand once, in `pki/`, on the operator's machine.
// Follows kubeadm 1.29 and newer: administrators are in kubeadm:cluster-admins, which can be unbound; only super-admin.conf
// is in system:masters. The kubelet's serving certificate is not made here: the kubelet asks the cluster for it.

import { apiServerUrl } from './api-server-url.ts';
import type { AuthorityId, PlannedAuthority, PlannedCertificate, PlannedKeyPair, PlannedKubeconfig } from './manifest.ts';
import type { Component } from './node-roles.ts';
import { clusterAddress, hasRole, isKubernetesNode, type Machine, nodeName, type Plan } from './plan.ts';
import { kubernetesServiceNames, plannedSans } from './planned-sans.ts';
import { leafUsages, tokenKeyAlgorithm } from './planned-usages.ts';

/** Where kube-apiserver listens on each master; kubeadm's bindPort. */
const localApiPort = 6443;

/** The directory of the CAs, which no machine may therefore be called. */
export const authoritiesDirectory = 'pki';

const isMaster = (machine: Machine): boolean => hasRole(machine, 'master');
const isEtcd = (machine: Machine): boolean => hasRole(machine, 'etcd');

const authority = (
  plan: Plan,
  id: AuthorityId,
  base: string,
  commonName: string,
  description: string,
  needs: (machine: Machine) => boolean,
): PlannedAuthority => {
  const hosts = plan.machines.filter(needs).map((machine) => machine.host);
  return {
    id,
    description,
    subject: [{ type: 'commonName', value: commonName }],
    // As kubeadm writes it.
    dnsNames: [commonName],
    keyAlgorithm: plan.keyAlgorithm,
    certificateFile: `${authoritiesDirectory}/${base}.crt`,
    keyFile: `${authoritiesDirectory}/${base}.key`,
    copies: hosts.map((host) => ({ host, certificateFile: `${host}/pki/${base}.crt` })),
    hosts,
  };
};

/** The three CAs; each machine holds copies of the certificates it verifies by. */
export const kubeadmAuthorities = (plan: Plan): readonly PlannedAuthority[] => [
  authority(plan, 'cluster', 'ca', 'kubernetes', 'cluster CA', isKubernetesNode),
  authority(plan, 'proxy-client', 'front-proxy-ca', 'front-proxy-ca', 'front-proxy CA', isMaster),
  authority(plan, 'etcd', 'etcd/ca', 'etcd-ca', 'etcd CA', (machine) => isMaster(machine) || isEtcd(machine)),
];

/** The pair that signs and verifies ServiceAccount tokens, the same on every master. */
export const kubeadmKeyPairs = (plan: Plan): readonly PlannedKeyPair[] => [
  {
    id: 'service-account',
    description: 'service account signing',
    keyAlgorithm: tokenKeyAlgorithm(plan.keyAlgorithm),
    keyFile: `${authoritiesDirectory}/sa.key`,
    publicKeyFile: `${authoritiesDirectory}/sa.pub`,
    copies: plan.machines
      .filter(isMaster)
      .map(({ host }) => ({ host, keyFile: `${host}/pki/sa.key`, publicKeyFile: `${host}/pki/sa.pub` })),
  },
];

type Leaf = {
  /** kubeadm's name for renewal. */
  readonly name: string;
  /** Below the machine's directory, without `.crt`; a kubeconfig's name where it is one. */
  readonly base: string;
  readonly description: string;
  readonly authority: AuthorityId;
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly sans?: readonly string[];
  readonly extended: readonly ('server auth' | 'client auth')[];
  readonly restarts: readonly Component[];
};

const certificate = (plan: Plan, { host }: Machine, leaf: Leaf): PlannedCertificate => ({
  id: `${host}/${leaf.name}`,
  groups: [leaf.name],
  description: `${host} ${leaf.description}`,
  authority: leaf.authority,
  subject: { commonName: leaf.commonName, organizations: leaf.organizations ?? [] },
  sans: plannedSans(leaf.sans ?? []),
  usages: leafUsages(plan.keyAlgorithm, ...leaf.extended),
  keyAlgorithm: plan.keyAlgorithm,
  keyIsPermanent: false,
  delivery: leaf.name.endsWith('.conf')
    ? { kind: 'kubeconfig', file: `${host}/${leaf.base}` }
    : { kind: 'pair', certificateFile: `${host}/pki/${leaf.base}.crt`, keyFile: `${host}/pki/${leaf.base}.key` },
  hosts: [host],
  restarts: leaf.restarts,
});

// kubeadm knows one address of a machine; a plan may have two, and clients come over both.
const addressesOf = (machine: Machine): readonly string[] => [clusterAddress(machine), machine.ip];

const masterLeaves = (plan: Plan, machine: Machine): readonly Leaf[] => [
  {
    name: 'apiserver',
    base: 'apiserver',
    description: 'API server',
    authority: 'cluster',
    commonName: 'kube-apiserver',
    sans: [
      nodeName(machine),
      ...kubernetesServiceNames(plan),
      ...plan.serviceIps,
      ...addressesOf(machine),
      plan.loadBalancer.host,
      ...plan.apiServerExtraSans,
      ...machine.extraSans,
    ],
    extended: ['server auth'],
    restarts: ['kube-apiserver'],
  },
  {
    name: 'apiserver-kubelet-client',
    base: 'apiserver-kubelet-client',
    description: 'API server as client of kubelets',
    authority: 'cluster',
    commonName: 'kube-apiserver-kubelet-client',
    organizations: ['kubeadm:cluster-admins'],
    extended: ['client auth'],
    restarts: ['kube-apiserver'],
  },
  {
    name: 'front-proxy-client',
    base: 'front-proxy-client',
    description: 'front proxy client',
    authority: 'proxy-client',
    commonName: 'front-proxy-client',
    extended: ['client auth'],
    restarts: ['kube-apiserver'],
  },
  {
    name: 'apiserver-etcd-client',
    base: 'apiserver-etcd-client',
    description: 'API server as client of etcd',
    authority: 'etcd',
    commonName: 'kube-apiserver-etcd-client',
    extended: ['client auth'],
    restarts: ['kube-apiserver'],
  },
];

const etcdLeaves = (machine: Machine): readonly Leaf[] => {
  const member = {
    authority: 'etcd',
    commonName: nodeName(machine),
    sans: [nodeName(machine), 'localhost', ...addressesOf(machine), '127.0.0.1', '::1', ...machine.extraSans],
    // Members call each other, and etcd calls itself through its own gateway, with these.
    extended: ['server auth', 'client auth'],
    restarts: ['etcd'],
  } as const;
  return [
    { name: 'etcd-server', base: 'etcd/server', description: 'etcd server', ...member },
    { name: 'etcd-peer', base: 'etcd/peer', description: 'etcd peer', ...member },
    {
      name: 'etcd-healthcheck-client',
      base: 'etcd/healthcheck-client',
      description: 'etcd health check client',
      authority: 'etcd',
      commonName: 'kube-etcd-healthcheck-client',
      extended: ['client auth'],
      restarts: [],
    },
  ];
};

const kubeconfigLeaf = (
  name: string,
  commonName: string,
  organizations: readonly string[],
  description: string,
  restarts: readonly Component[],
): Leaf => ({ name, base: name, description, authority: 'cluster', commonName, organizations, extended: ['client auth'], restarts });

const masterKubeconfigLeaves: readonly Leaf[] = [
  kubeconfigLeaf('admin.conf', 'kubernetes-admin', ['kubeadm:cluster-admins'], 'administrator', []),
  kubeconfigLeaf('super-admin.conf', 'kubernetes-super-admin', ['system:masters'], 'administrator beyond RBAC', []),
  kubeconfigLeaf('controller-manager.conf', 'system:kube-controller-manager', [], 'controller manager', ['kube-controller-manager']),
  kubeconfigLeaf('scheduler.conf', 'system:kube-scheduler', [], 'scheduler', ['kube-scheduler']),
];

const kubeletLeaf = (machine: Machine): Leaf =>
  kubeconfigLeaf('kubelet.conf', `system:node:${nodeName(machine)}`, ['system:nodes'], 'kubelet', ['kubelet']);

/** The leaves, machine by machine. */
export const kubeadmCertificates = (plan: Plan): readonly PlannedCertificate[] =>
  plan.machines.flatMap((machine) =>
    [
      ...(isMaster(machine) ? masterLeaves(plan, machine) : []),
      ...(isEtcd(machine) ? etcdLeaves(machine) : []),
      ...(isMaster(machine) ? masterKubeconfigLeaves : []),
      ...(isKubernetesNode(machine) ? [kubeletLeaf(machine)] : []),
    ].map((leaf) => certificate(plan, machine, leaf)),
  );

// These two serve the API server beside them, and must work while the load balancer does not.
const usesLocalEndpoint: ReadonlySet<string> = new Set(['controller-manager.conf', 'scheduler.conf']);

/** One kubeconfig for each certificate that is delivered in one. */
export const kubeadmKubeconfigs = (plan: Plan): readonly PlannedKubeconfig[] =>
  plan.machines.flatMap((machine) =>
    [...(isMaster(machine) ? masterKubeconfigLeaves : []), ...(isKubernetesNode(machine) ? [kubeletLeaf(machine)] : [])].map((leaf) => ({
      file: `${machine.host}/${leaf.base}`,
      clusterName: plan.clusterName,
      server: usesLocalEndpoint.has(leaf.name)
        ? apiServerUrl(clusterAddress(machine), localApiPort)
        : apiServerUrl(plan.loadBalancer.host, plan.loadBalancer.port),
      userName: leaf.commonName,
      contextName: `${leaf.commonName}@${plan.clusterName}`,
      certificateId: `${machine.host}/${leaf.name}`,
      authority: 'cluster' as const,
      hosts: [machine.host],
    })),
  );
