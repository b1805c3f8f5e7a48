// A plan file to a Plan: Kismatic's keys as users have them, and ours under `cluster.certwright`. Every fault is found in one go.
// Keys that do not bear on certificates are passed over unread; under our own section an unknown key is a fault, most likely a
// misspelt one. Nothing here opens files.

import { CodedError } from '../base/coded-error.ts';
import { parseDurationMs } from '../base/duration.ts';
import { addressInCidr, type Cidr, cidrContains, formatCidr, formatIpAddress, parseCidr } from '../base/ip-address.ts';
import { type KeyAlgorithm, parseKeyAlgorithm } from '../pki/key-algorithm.ts';
import { proxyClientCaName } from './kismatic-layout.ts';
import { nodeRoles } from './node-roles.ts';
import type { Layout, Plan, PlanFinding } from './plan.ts';
import { readPlanDocument } from './plan-document.ts';
import {
  commonNameLengthProblem,
  domainProblem,
  type Endpoint,
  endpointOf,
  parseEndpoint,
  plainNameProblem,
  sanProblem,
} from './plan-names.ts';
import { ownSection, readMachines } from './plan-nodes.ts';
import {
  addProblem,
  addWarning,
  fieldsOf,
  fieldUnder,
  isAbsent,
  mapUnder,
  optionalText,
  type PlanField,
  type PlanReader,
  planReader,
  requiredText,
} from './plan-reader.ts';

const hourMs = 3_600_000;
/** Lifetime of a CA where the plan gives none, as cfssl has it. */
const defaultCaExpiryMs = 43_800 * hourMs;
/** A thousand years: dates beyond the year 9999 cannot be written in a certificate. */
const maxExpiryMs = 8_766_000 * hourMs;
const cniProviders: readonly string[] = ['calico', 'weave', 'contiv', 'custom'];
const ownKeys: readonly string[] = ['key_algorithm', 'layout', 'cluster_domain', 'second_service_cidr_block'];
/** The port of API servers in plans that name a load balancer without one. */
const olderApiPort = 6443;

const readClusterName = (reader: PlanReader, cluster: PlanField, layout: Layout): string | undefined => {
  const given = requiredText(reader, fieldUnder(cluster, 'name'), 'write a name, such as kubernetes');
  if (given === undefined) return undefined;
  const { text, field } = given;
  // Only Kismatic's CA is named after its cluster.
  const problem = plainNameProblem(text) ?? (layout === 'kismatic' ? commonNameLengthProblem(text) : undefined);
  if (problem !== undefined) addProblem(reader, field, problem, 'use a short plain name, such as kubernetes', text);
  if (layout === 'kismatic' && text.toLowerCase() === proxyClientCaName.toLowerCase())
    addProblem(reader, field, 'is the name of the proxy-client CA, and two CAs may not share one', 'choose another name', text);
  return text;
};

const readDuration = (reader: PlanReader, field: PlanField, isRequired: boolean): number | undefined => {
  const hint = 'write it as 17520h or 730d';
  const given = isRequired ? requiredText(reader, field, hint, hint) : optionalText(reader, field, hint);
  if (given === undefined) return undefined;
  const ms = parseDurationMs(given.text);
  if (ms === undefined) addProblem(reader, field, 'is not a duration', hint, given.text);
  else if (ms <= 0) addProblem(reader, field, 'is no time at all', hint, given.text);
  else if (ms > maxExpiryMs) addProblem(reader, field, 'is longer than 1000 years', hint, given.text);
  return ms;
};

const readExpiries = (reader: PlanReader, cluster: PlanField): { readonly expiryMs: number; readonly caExpiryMs: number } => {
  const certificates = mapUnder(reader, cluster, 'certificates');
  const expiry = fieldUnder(certificates, 'expiry');
  const expiryMs = readDuration(reader, expiry, true) ?? 0;
  const caExpiry = fieldUnder(certificates, 'ca_expiry');
  const caExpiryMs = readDuration(reader, caExpiry, false) ?? defaultCaExpiryMs;
  if (expiryMs > caExpiryMs && isAbsent(caExpiry))
    addWarning(
      reader,
      expiry,
      'is longer than the 43800h of a CA without ca_expiry; certificates will end when their CA does',
      'set ca_expiry',
    );
  else if (expiryMs > caExpiryMs)
    addWarning(reader, expiry, 'is longer than ca_expiry; certificates will end when their CA does', 'make ca_expiry the longer one');
  return { expiryMs, caExpiryMs };
};

const blockProblem = ({ network, prefixLength }: Cidr): string | undefined => {
  if (prefixLength === 0) return 'is every address there is';
  return formatIpAddress(network).startsWith('::ffff:') ? 'is an IPv4 block written as IPv6' : undefined;
};

const readCidr = (reader: PlanReader, field: PlanField, hint: string, isRequired: boolean): Cidr | undefined => {
  const given = isRequired ? requiredText(reader, field, hint) : optionalText(reader, field, hint);
  if (given === undefined) return undefined;
  const cidr = parseCidr(given.text);
  const problem = cidr === undefined ? 'is not a CIDR block' : blockProblem(cidr);
  if (problem === undefined) return cidr;
  addProblem(reader, field, problem, hint, given.text);
  return undefined;
};

const overlap = (a: Cidr, b: Cidr): boolean => cidrContains(a, b.network) || cidrContains(b, a.network);

type Networks = Pick<Plan, 'podCidr' | 'serviceCidrs' | 'serviceIps' | 'dnsServiceIp'>;

const readNetworks = (reader: PlanReader, cluster: PlanField, own: PlanField, layout: Layout): Networks | undefined => {
  const networking = mapUnder(reader, cluster, 'networking');
  const pod = readCidr(reader, fieldUnder(networking, 'pod_cidr_block'), 'write it as 172.16.0.0/16', true);
  const serviceField = fieldUnder(networking, 'service_cidr_block');
  const service = readCidr(reader, serviceField, 'write it as 172.20.0.0/16', true);
  const secondField = fieldUnder(own, 'second_service_cidr_block');
  const second = readCidr(reader, secondField, 'write it as fd00:10:96::/112', false);
  if (service === undefined) return undefined;
  const serviceIps: string[] = [];
  for (const [field, cidr] of [[serviceField, service] as const, ...(second === undefined ? [] : [[secondField, second] as const])]) {
    const address = addressInCidr(cidr, 1);
    if (address !== undefined) serviceIps.push(formatIpAddress(address));
    else
      addProblem(reader, field, 'has no second address for the Kubernetes service', 'use a larger block, such as a /16', formatCidr(cidr));
    if (pod !== undefined && overlap(pod, cidr))
      addWarning(reader, field, `overlaps the pod block ${formatCidr(pod)}`, 'use blocks apart from each other', formatCidr(cidr));
  }
  // kubeadm gives cluster DNS the tenth address, Kismatic the one after the Kubernetes service's.
  const dnsIndex = layout === 'kubeadm' ? 10 : 2;
  const dns = addressInCidr(service, dnsIndex);
  if (dns === undefined && serviceIps.length > 0)
    addProblem(
      reader,
      serviceField,
      `has no address ${dnsIndex} for cluster DNS`,
      'use a larger block, such as a /16',
      formatCidr(service),
    );
  if (second !== undefined && second.network.length === service.network.length)
    addProblem(
      reader,
      secondField,
      'is of the same IP family as service_cidr_block',
      'use a block of the other family',
      formatCidr(second),
    );
  if (pod === undefined || dns === undefined) return undefined;
  return {
    podCidr: formatCidr(pod),
    serviceCidrs: [service, ...(second === undefined ? [] : [second])].map(formatCidr),
    serviceIps,
    dnsServiceIp: formatIpAddress(dns),
  };
};

const readApiServerSans = (reader: PlanReader, cluster: PlanField): readonly string[] => {
  const field = fieldUnder(fieldUnder(cluster, 'certificates'), 'apiserver_cert_extra_sans');
  const hint = 'write names and addresses on one line, with commas between: api.example.com,192.0.2.7';
  const names = (optionalText(reader, field, hint)?.text ?? '').split(',').map((name) => name.trim());
  return names.filter((name) => {
    const problem = name === '' ? undefined : sanProblem(name);
    if (problem !== undefined) addProblem(reader, field, problem, hint, name);
    return name !== '' && problem === undefined;
  });
};

const readLoadBalancer = (reader: PlanReader, master: PlanField): Endpoint | undefined => {
  const field = fieldUnder(master, 'load_balancer');
  const older = fieldUnder(master, 'load_balanced_fqdn');
  const hint = 'write it as api.example.com:6443, or the address of the one master with :6443';
  const isOlder = isAbsent(field) && !isAbsent(older);
  const given = isOlder ? optionalText(reader, older, hint) : requiredText(reader, field, hint, hint);
  if (isOlder && !isAbsent(fieldUnder(master, 'load_balanced_short_name')))
    addWarning(
      reader,
      fieldUnder(master, 'load_balanced_short_name'),
      'is not made a name of the API servers',
      'where clients use it, add it to apiserver_cert_extra_sans',
    );
  if (given === undefined) return undefined;
  const endpoint = isOlder ? endpointOf(given.text, olderApiPort) : parseEndpoint(given.text);
  if (!('problem' in endpoint)) return endpoint;
  addProblem(reader, given.field, endpoint.problem, isOlder ? 'write a host name or an address' : hint, given.text);
  return undefined;
};

const readLayout = (reader: PlanReader, own: PlanField): Layout => {
  const given = optionalText(reader, fieldUnder(own, 'layout'));
  if (given === undefined || given.text === 'kismatic') return 'kismatic';
  if (given.text !== 'kubeadm') addProblem(reader, given.field, 'is not a layout', 'use kismatic or kubeadm', given.text);
  return 'kubeadm';
};

const readKeyAlgorithm = (reader: PlanReader, own: PlanField): KeyAlgorithm => {
  const hint = 'use ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072 or rsa-4096';
  const given = optionalText(reader, fieldUnder(own, 'key_algorithm'), hint);
  if (given === undefined) return 'ecdsa-p256';
  const algorithm = parseKeyAlgorithm(given.text);
  if (algorithm === undefined) addProblem(reader, given.field, 'is not a key algorithm', hint, given.text);
  else if (algorithm.startsWith('ml-dsa-'))
    addWarning(reader, given.field, "is not understood by Kubernetes' components", 'use ecdsa-p256 unless all of yours can', given.text);
  else if (algorithm === 'ed25519')
    addWarning(reader, given.field, 'is not accepted by every client of a cluster, browsers among them', 'use ecdsa-p256', given.text);
  return algorithm ?? 'ecdsa-p256';
};

const readClusterDomain = (reader: PlanReader, own: PlanField): string => {
  const given = optionalText(reader, fieldUnder(own, 'cluster_domain'));
  const domain = given?.text ?? 'cluster.local';
  const problem = domainProblem(domain);
  if (problem !== undefined) addProblem(reader, fieldUnder(own, 'cluster_domain'), problem, 'write it as cluster.local', domain);
  return domain;
};

const readCniProvider = (reader: PlanReader, root: PlanField): string => {
  const field = fieldUnder(mapUnder(reader, mapUnder(reader, root, 'add_ons'), 'cni'), 'provider');
  const given = optionalText(reader, field);
  if (given === undefined) return 'calico';
  if (!cniProviders.includes(given.text))
    addProblem(
      reader,
      field,
      'is not a provider that Kismatic knows',
      `use ${cniProviders.join(', ')}; custom stands for any other`,
      given.text,
    );
  return given.text;
};

const byPlace = (a: PlanFinding, b: PlanFinding): number => a.line - b.line || a.column - b.column;

const maxListed = 100;

/** One line for one finding: `plan.yaml:12: cluster.certificates.expiry: "17 months" is not a duration (write it as 17520h or 730d)`. */
export const findingLine = (fileName: string, finding: PlanFinding): string =>
  `${fileName}:${finding.line}: ${finding.field === '' ? '' : `${finding.field}: `}${finding.message} (${finding.hint})`;

const planInvalid = (fileName: string, problems: readonly PlanFinding[]): CodedError => {
  const sorted = [...problems].sort(byPlace);
  const listed = sorted.slice(0, maxListed).map((problem) => findingLine(fileName, problem));
  const more = sorted.length > maxListed ? [`and ${sorted.length - maxListed} more`] : [];
  const count = sorted.length === 1 ? 'a fault' : `${sorted.length} faults`;
  return new CodedError('PlanInvalid', [`cannot use plan ${fileName}: it has ${count}`, ...listed, ...more].join('\n'), {
    hint: 'correct these lines; `certwright cluster init` writes a plan to compare with',
    details: { fileName, problems: sorted },
  });
};

/** Reads a plan; `fileName` is for messages. Throws PlanInvalid with every fault in `details.problems`, each a PlanFinding. */
export const parsePlan = (text: string, fileName: string): Plan => {
  const document = readPlanDocument(text);
  if (document.root === undefined) throw planInvalid(fileName, document.problems);
  const root: PlanField = { field: '', place: { line: 1, column: 1 }, value: document.root };
  const reader = planReader();
  reader.problems.push(...document.problems);
  if (document.root.kind !== 'map') {
    addProblem(reader, root, isAbsent(root) ? 'the plan is empty' : 'the plan is no map', 'start with cluster:');
    throw planInvalid(fileName, reader.problems);
  }
  const cluster = mapUnder(reader, root, 'cluster');
  const own = mapUnder(reader, cluster, ownSection);
  for (const [key, field] of fieldsOf(own))
    if (!ownKeys.includes(key)) addProblem(reader, field, 'is not a key that Certwright knows', `it knows ${ownKeys.join(', ')}`);
  const layout = readLayout(reader, own);
  const clusterName = readClusterName(reader, cluster, layout);
  const networks = readNetworks(reader, cluster, own, layout);
  const expiries = readExpiries(reader, cluster);
  const apiServerExtraSans = readApiServerSans(reader, cluster);
  const keyAlgorithm = readKeyAlgorithm(reader, own);
  const clusterDomain = readClusterDomain(reader, own);
  const cniProvider = readCniProvider(reader, root);
  const groups = new Map(nodeRoles.map((role) => [role, mapUnder(reader, root, role)]));
  const machines = readMachines(reader, groups, {
    layout,
    serviceCidrs: (networks?.serviceCidrs ?? []).map(parseCidr).filter((cidr) => cidr !== undefined),
  });
  const loadBalancer = readLoadBalancer(reader, groups.get('master') ?? root);
  if (reader.problems.length > 0 || clusterName === undefined || networks === undefined || loadBalancer === undefined)
    throw planInvalid(fileName, reader.problems);
  return {
    fileName,
    clusterName,
    ...networks,
    ...expiries,
    apiServerExtraSans,
    loadBalancer,
    clusterDomain,
    layout,
    keyAlgorithm,
    cniProvider,
    machines,
    warnings: [...reader.warnings].sort(byPlace),
  };
};
