// The plan that `cluster init` writes: commented, and valid as it stands, so that one edits hosts and addresses and is done.
// Addresses are those set aside for documentation, which no cluster has by chance.

import { CodedError, quote } from '../base/coded-error.ts';
import { commonNameLengthProblem, plainNameProblem } from './plan-names.ts';

/** What a new plan starts from; counts are from 1 to 10,000. */
export type PlanTemplate = { readonly name: string; readonly etcd: number; readonly masters: number; readonly workers: number };

const maxMachines = 10_000;

const requireCount = (what: string, count: number): void => {
  if (Number.isInteger(count) && count >= 1 && count <= maxMachines) return;
  throw new CodedError('UsageInvalid', `cannot write a plan with ${count} ${what}: it takes a whole number from 1 to ${maxMachines}`, {
    hint: 'three etcd members, three masters and three workers are a good start',
  });
};

const requireName = (name: string): void => {
  const problem = name === '' ? 'is empty' : (plainNameProblem(name) ?? commonNameLengthProblem(name));
  if (problem === undefined) return;
  throw new CodedError('UsageInvalid', `cannot write a plan for cluster ${quote(name)}: its name ${problem}`, {
    hint: 'use a short plain name, such as kubernetes',
  });
};

// TEST-NET-1 to -3 (RFC 5737) first, the benchmarking block (RFC 2544) for clusters beyond them.
const exampleAddress = (index: number): string => {
  const [block, place] = [Math.floor(index / 254), (index % 254) + 1];
  const network = ['192.0.2', '198.51.100', '203.0.113'][block];
  return network !== undefined ? `${network}.${place}` : `198.${18 + Math.floor((block - 3) / 256)}.${(block - 3) % 256}.${place}`;
};

const nodes = (prefix: string, count: number, before: number): string =>
  Array.from(
    { length: count },
    (_, index) => `    - host: ${prefix}${index + 1}\n      ip: ${exampleAddress(before + index)}\n      internalip: ""\n`,
  ).join('');

// A text that YAML reads as itself stays without quotes.
const yamlText = (text: string): string =>
  /^[A-Za-z][A-Za-z0-9-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text);

/** YAML of a new plan. Throws UsageInvalid for a name or count that no plan can have. */
export const planTemplate = ({ name, etcd, masters, workers }: PlanTemplate): string => {
  requireName(name);
  requireCount('etcd members', etcd);
  requireCount('masters', masters);
  requireCount('workers', workers);
  return `# The plan of a cluster's PKI. Edit hosts and addresses, then run: certwright cluster generate
# Keys are those of a Kismatic plan; a Kismatic plan you have works as it is.
cluster:
  # Name of the cluster in kubeconfig files, and of its CA.
  name: ${yamlText(name)}
  networking:
    # Addresses of pods and of services; they overlap neither each other nor your network.
    pod_cidr_block: 172.16.0.0/16
    service_cidr_block: 172.20.0.0/16
  certificates:
    # Lifetime of every certificate but the CAs', in hours (h) or days (d).
    expiry: 8760h
    # Lifetime of the CAs.
    ca_expiry: 87600h
    # Further names and addresses of the API servers, with commas between.
    apiserver_cert_extra_sans: ""
  certwright:
    # ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072 or rsa-4096.
    key_algorithm: ecdsa-p256
    # kismatic: all keys in one directory. kubeadm: one tree per machine, for /etc/kubernetes.
    layout: kismatic
    # Domain that services are named under.
    cluster_domain: cluster.local
    # A second block of service addresses, of the other IP family, for dual-stack clusters.
    # second_service_cidr_block: fd00:10:96::/112
add_ons:
  cni:
    # calico, weave, contiv or custom.
    provider: calico

# Machines. One machine may be in several groups, with the same host, ip and internalip in each.
#   host        its host name, as \`hostname\` prints it there
#   ip          the address it is managed by
#   internalip  the address components use among themselves, where it is another one
#   certwright: { extra_sans: [name, address] }  further names for its server certificates
etcd:
  expected_count: ${etcd}
  nodes:
${nodes('etcd', etcd, 0)}master:
  expected_count: ${masters}
  # Where clients reach the API servers: the load balancer, or a single master, with the port.
  load_balancer: api.example.com:6443
  nodes:
${nodes('master', masters, etcd)}worker:
  expected_count: ${workers}
  nodes:
${nodes('worker', workers, etcd + masters)}# Workers that take in traffic from outside.
ingress:
  expected_count: 0
  nodes: []
# Workers that hold storage.
storage:
  expected_count: 0
  nodes: []
`;
};
