// Layout kismatic: one directory `keys` for the whole cluster and one kubeconfig, with the names, subjects and SANs that
// Kismatic 1.9 gave them. Extended usages are narrower than its own, which were server and client on every leaf.
// An etcd-only machine is given its own pair and nothing else: that pair is a client's too.

import { apiServerUrl } from './api-server-url.ts';
import type { AuthorityId, PlannedAuthority, PlannedCertificate, PlannedKubeconfig, SubjectAttribute } from './manifest.ts';
import { hasRole, isKubernetesNode, type Machine, nodeName, type Plan } from './plan.ts';
import { kubernetesServiceNames, plannedSans } from './planned-sans.ts';
import { leafUsages, tokenKeyAlgorithm } from './planned-usages.ts';

/** Common name of Kismatic's second CA; a cluster of that name would have two CAs of one name. */
export const proxyClientCaName = 'proxyClientCA';

const keyFiles = (base: string) => ({ certificateFile: `keys/${base}.pem`, keyFile: `keys/${base}-key.pem` });

// The order in which Kismatic's CAs encode them.
const caSubject = (commonName: string): readonly SubjectAttribute[] => [
  { type: 'country', value: 'US' },
  { type: 'organization', value: 'Kubernetes' },
  { type: 'organizationalUnit', value: 'CA' },
  { type: 'locality', value: 'Troy' },
  { type: 'stateOrProvince', value: 'New York' },
  { type: 'commonName', value: commonName },
];

const authority = (
  plan: Plan,
  id: AuthorityId,
  base: string,
  commonName: string,
  description: string,
  machines: readonly Machine[],
): PlannedAuthority => ({
  id,
  description,
  subject: caSubject(commonName),
  dnsNames: [],
  keyAlgorithm: plan.keyAlgorithm,
  ...keyFiles(base),
  copies: [],
  hosts: machines.map((machine) => machine.host),
});

/** The two CAs: the cluster's, and the one whose certificates speak for other users. */
export const kismaticAuthorities = (plan: Plan): readonly PlannedAuthority[] => [
  authority(plan, 'cluster', 'ca', plan.clusterName, 'cluster CA', plan.machines),
  authority(plan, 'proxy-client', 'proxy-client-ca', proxyClientCaName, 'proxy-client CA', mastersOf(plan)),
];

const mastersOf = (plan: Plan): readonly Machine[] => plan.machines.filter((machine) => hasRole(machine, 'master'));

type Leaf = Pick<PlannedCertificate, 'description' | 'usages' | 'restarts'> & {
  readonly base: string;
  readonly group?: string;
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly sans?: readonly string[];
  readonly authority?: AuthorityId;
  readonly isTokenKey?: boolean;
  readonly machines: readonly Machine[];
};

const certificate = (plan: Plan, leaf: Leaf): PlannedCertificate => ({
  id: leaf.base,
  groups: leaf.group === undefined ? [] : [leaf.group],
  description: leaf.description,
  authority: leaf.authority ?? 'cluster',
  subject: { commonName: leaf.commonName, organizations: leaf.organizations ?? [] },
  sans: plannedSans(leaf.sans ?? []),
  usages: leaf.usages,
  keyAlgorithm: leaf.isTokenKey === true ? tokenKeyAlgorithm(plan.keyAlgorithm) : plan.keyAlgorithm,
  keyIsPermanent: leaf.isTokenKey === true,
  delivery: { kind: 'pair', ...keyFiles(leaf.base) },
  hosts: leaf.machines.map((machine) => machine.host),
  restarts: leaf.restarts,
});

const internalOf = (machine: Machine): readonly string[] => (machine.internalIp === undefined ? [] : [machine.internalIp]);

const etcdLeaf = (plan: Plan, machine: Machine): Leaf => ({
  base: `${machine.host}-etcd`,
  group: 'etcd',
  description: `${machine.host} etcd server`,
  commonName: machine.host,
  sans: [machine.host, machine.ip, '127.0.0.1', ...internalOf(machine), ...machine.extraSans],
  // One pair for serving, for peers, and for calling peers.
  usages: leafUsages(plan.keyAlgorithm, 'server auth', 'client auth'),
  machines: [machine],
  restarts: ['etcd'],
});

const apiServerLeaf = (plan: Plan, machine: Machine): Leaf => ({
  base: `${machine.host}-apiserver`,
  group: 'apiserver',
  description: `${machine.host} API server`,
  commonName: machine.host,
  sans: [
    ...kubernetesServiceNames(plan),
    '127.0.0.1',
    ...plan.serviceIps,
    machine.host,
    machine.ip,
    ...internalOf(machine),
    ...machine.extraSans,
    ...plan.apiServerExtraSans,
    plan.loadBalancer.host,
  ],
  usages: leafUsages(plan.keyAlgorithm, 'server auth'),
  machines: [machine],
  restarts: ['kube-apiserver'],
});

const kubeletLeaf = (plan: Plan, machine: Machine): Leaf => ({
  base: `${machine.host}-kubelet`,
  group: 'kubelet',
  description: `${machine.host} kubelet`,
  commonName: `system:node:${nodeName(machine)}`,
  organizations: ['system:nodes'],
  sans: [machine.host, machine.internalIp ?? machine.ip, ...machine.extraSans],
  // The kubelet logs in to the API server with the pair that it also serves with.
  usages: leafUsages(plan.keyAlgorithm, 'server auth', 'client auth'),
  machines: [machine],
  restarts: ['kubelet'],
});

/** The leaves, etcd first and the administrator last. */
export const kismaticCertificates = (plan: Plan): readonly PlannedCertificate[] => {
  const masters = mastersOf(plan);
  const nodes = plan.machines.filter(isKubernetesNode);
  const client = leafUsages(plan.keyAlgorithm, 'client auth');
  const leaves: readonly Leaf[] = [
    ...plan.machines.filter((machine) => hasRole(machine, 'etcd')).map((machine) => etcdLeaf(plan, machine)),
    ...masters.map((machine) => apiServerLeaf(plan, machine)),
    {
      base: 'kube-controller-manager',
      description: 'kubernetes controller manager',
      commonName: 'system:kube-controller-manager',
      usages: client,
      machines: masters,
      restarts: ['kube-controller-manager'],
    },
    {
      base: 'kube-scheduler',
      description: 'kubernetes scheduler',
      commonName: 'system:kube-scheduler',
      usages: client,
      machines: masters,
      restarts: ['kube-scheduler'],
    },
    {
      base: 'service-account',
      description: 'service account signing',
      commonName: 'kube-service-account',
      // Its key signs tokens; the certificate is for nothing, and without an extended usage it would pass for everything.
      usages: ['digital signature', 'code signing'],
      isTokenKey: true,
      machines: masters,
      restarts: [],
    },
    ...nodes.map((machine) => kubeletLeaf(plan, machine)),
    {
      base: 'etcd-client',
      description: 'etcd client',
      commonName: 'etcd-client',
      usages: client,
      machines: nodes,
      restarts: ['kube-apiserver', 'calico'],
    },
    {
      base: 'apiserver-kubelet-client',
      description: 'kube-apiserver kubelet client',
      commonName: 'kube-apiserver-kubelet-client',
      organizations: ['system:masters'],
      usages: client,
      machines: masters,
      restarts: ['kube-apiserver'],
    },
    {
      base: 'proxy-client',
      description: 'proxy client',
      commonName: 'aggregator',
      organizations: ['system:masters'],
      authority: 'proxy-client',
      usages: client,
      machines: masters,
      restarts: ['kube-apiserver'],
    },
    ...(plan.cniProvider === 'contiv'
      ? [
          {
            base: 'contiv-proxy-server',
            description: 'contiv proxy server',
            commonName: 'auth-local.cisco.com',
            usages: leafUsages(plan.keyAlgorithm, 'server auth'),
            machines: masters,
            restarts: ['contiv-proxy'],
          } as const,
        ]
      : []),
    {
      base: 'admin',
      description: 'admin client',
      commonName: 'admin',
      organizations: ['system:masters'],
      usages: client,
      machines: masters,
      restarts: [],
    },
  ];
  return leaves.map((leaf) => certificate(plan, leaf));
};

/** The administrator's kubeconfig, through the load balancer. */
export const kismaticKubeconfigs = (plan: Plan): readonly PlannedKubeconfig[] => [
  {
    file: 'kubeconfig',
    clusterName: plan.clusterName,
    server: apiServerUrl(plan.loadBalancer.host, plan.loadBalancer.port),
    userName: 'admin',
    contextName: `${plan.clusterName}-admin`,
    certificateId: 'admin',
    authority: 'cluster',
    hosts: [],
  },
];
