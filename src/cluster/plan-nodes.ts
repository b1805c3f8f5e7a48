// The node groups of a plan: their counts, their machines, and which entries of several groups are one machine.
// One machine is one triple of host, ip and internalip; two machines share none of the three, and hosts differ by more than
// letter case, for Kubernetes lower-cases them and some file systems do too.

import { type Cidr, cidrContains, formatCidr, parseIpAddress } from '../base/ip-address.ts';
import { authoritiesDirectory } from './kubeadm-layout.ts';
import { type NodeRole, runsKubelet } from './node-roles.ts';
import type { Layout, Machine } from './plan.ts';
import {
  canonicalAddress,
  commonNameLengthProblem,
  hostProblem,
  machineAddressProblem,
  maxCommonNameLength,
  sanProblem,
} from './plan-names.ts';
import {
  addProblem,
  fieldsOf,
  fieldUnder,
  itemsOf,
  mapUnder,
  optionalCount,
  optionalText,
  type PlanField,
  type PlanReader,
  requiredText,
} from './plan-reader.ts';

/** The section that holds keys of ours, under `cluster` and under a node. */
export const ownSection = 'certwright';

const requiredRoles: ReadonlySet<NodeRole> = new Set(['etcd', 'master', 'worker']);

type Entry = {
  readonly role: NodeRole;
  readonly node: PlanField;
  readonly host: PlanField;
  readonly ip: PlanField;
  readonly internalIp: PlanField;
  readonly machine: Omit<Machine, 'roles'>;
};

/** What the groups are read with: the layout, and the blocks whose addresses are virtual, so that no machine has one. */
type Surroundings = { readonly layout: Layout; readonly serviceCidrs: readonly Cidr[] };

const readAddress = (reader: PlanReader, field: PlanField, text: string, { serviceCidrs }: Surroundings): string | undefined => {
  const problem = machineAddressProblem(text);
  if (problem !== undefined) {
    addProblem(reader, field, problem, 'write it as 10.0.0.5 or 2001:db8::5', text);
    return undefined;
  }
  const address = parseIpAddress(text);
  const block = serviceCidrs.find((cidr) => address !== undefined && cidrContains(cidr, address));
  if (block === undefined) return canonicalAddress(text);
  addProblem(
    reader,
    field,
    `lies in the service block ${formatCidr(block)}, whose addresses belong to services`,
    'use blocks apart from each other',
    text,
  );
  return undefined;
};

const readHost = (reader: PlanReader, node: PlanField, role: NodeRole, layout: Layout): string | undefined => {
  const hint = 'write the name that `hostname` prints there, such as node1';
  const given = requiredText(reader, fieldUnder(node, 'host'), hint);
  if (given === undefined) return undefined;
  const { text: host, field } = given;
  const refuse = (message: string, instead: string): undefined => {
    addProblem(reader, field, message, instead, host);
    return undefined;
  };
  const problem = hostProblem(host);
  if (problem !== undefined) return refuse(problem, hint);
  const commonName = runsKubelet(role) ? `system:node:${host}` : host;
  if (commonNameLengthProblem(commonName) !== undefined)
    return refuse(
      `makes a common name of ${commonName.length} characters (${runsKubelet(role) ? 'system:node:<host>' : '<host>'}), and one has at most ${maxCommonNameLength}`,
      'use a shorter host name; the fully qualified one can go into extra_sans',
    );
  // The layout keeps the CAs in the directory of that name.
  if (layout === 'kubeadm' && host.toLowerCase() === authoritiesDirectory)
    return refuse('cannot be a host in layout kubeadm', 'rename the machine');
  return host;
};

const readExtraSans = (reader: PlanReader, node: PlanField): readonly string[] => {
  const own = mapUnder(reader, node, ownSection);
  for (const [key, field] of fieldsOf(own))
    if (key !== 'extra_sans') addProblem(reader, field, 'is not a key that Certwright knows', 'the only one here is extra_sans');
  const hint = 'write a list: extra_sans: [node1.example.com, 192.0.2.7]';
  const names: string[] = [];
  for (const item of itemsOf(reader, fieldUnder(own, 'extra_sans'), hint) ?? []) {
    const given = requiredText(reader, item, hint);
    if (given === undefined) continue;
    const problem = sanProblem(given.text);
    if (problem === undefined) names.push(given.text);
    else addProblem(reader, given.field, problem, 'write a name such as node1.example.com, or an address', given.text);
  }
  return names;
};

const readEntry = (reader: PlanReader, node: PlanField, role: NodeRole, around: Surroundings): Entry | undefined => {
  if (node.value !== 'missing' && node.value !== 'broken' && node.value.kind !== 'map') {
    addProblem(
      reader,
      node,
      `is ${node.value.kind === 'list' ? 'a list' : 'no map'}, and should be a map`,
      'write host: and ip: of one machine',
    );
    return undefined;
  }
  const host = readHost(reader, node, role, around.layout);
  const ip = requiredText(reader, fieldUnder(node, 'ip'), 'write the address the machine is managed by, such as 10.0.0.5');
  const address = ip === undefined ? undefined : readAddress(reader, ip.field, ip.text, around);
  const internal = optionalText(reader, fieldUnder(node, 'internalip'));
  const internalAddress = internal === undefined ? undefined : readAddress(reader, internal.field, internal.text, around);
  const extraSans = readExtraSans(reader, node);
  if (host === undefined || address === undefined) return undefined;
  return {
    role,
    node,
    host: fieldUnder(node, 'host'),
    ip: fieldUnder(node, 'ip'),
    internalIp: fieldUnder(node, 'internalip'),
    machine: { host, ip: address, ...(internalAddress === undefined ? {} : { internalIp: internalAddress }), extraSans },
  };
};

const readGroup = (reader: PlanReader, group: PlanField, role: NodeRole, around: Surroundings): readonly Entry[] => {
  const isRequired = requiredRoles.has(role);
  if (group.value === 'missing') {
    if (isRequired) addProblem(reader, group, 'is missing', `write ${role}: with expected_count: and nodes:`);
    return [];
  }
  const listField = fieldUnder(group, 'nodes');
  const nodes = itemsOf(reader, listField, 'write each machine as "- host: node1" with its ip: below');
  const countField = fieldUnder(group, 'expected_count');
  const count = optionalCount(reader, countField);
  if (nodes === undefined) return [];
  const isCounted = countField.value !== 'missing' && countField.value !== 'broken';
  if (isRequired && nodes.length === 0) addProblem(reader, listField, 'lists no machine, and needs at least one', 'add a machine');
  if (!isCounted && (isRequired || nodes.length > 0)) addProblem(reader, countField, 'is missing', `write expected_count: ${nodes.length}`);
  if (count !== undefined && count !== nodes.length)
    addProblem(
      reader,
      countField,
      `is not the number of machines listed, which is ${nodes.length}`,
      'correct the count or the list',
      `${count}`,
    );
  return nodes.map((node) => readEntry(reader, node, role, around)).filter((entry) => entry !== undefined);
};

const identityOf = ({ machine }: Entry): string => `${machine.host} ${machine.ip} ${machine.internalIp ?? ''}`;

/** What of a machine nobody else may have: a key to compare by, the field to name, and the word for it. */
const claimsOf = (entry: Entry): readonly { readonly key: string; readonly field: PlanField; readonly value: string }[] => [
  { key: `host ${entry.machine.host.toLowerCase()}`, field: entry.host, value: entry.machine.host },
  { key: `ip ${entry.machine.ip}`, field: entry.ip, value: entry.machine.ip },
  ...(entry.machine.internalIp === undefined
    ? []
    : [{ key: `internalip ${entry.machine.internalIp}`, field: entry.internalIp, value: entry.machine.internalIp }]),
];

/** Complains where an entry takes what another machine has; else remembers what it takes. */
const claim = (reader: PlanReader, ownerByClaim: Map<string, Entry>, entry: Entry): void => {
  for (const { key, field, value } of claimsOf(entry)) {
    const owner = ownerByClaim.get(key);
    if (owner === undefined) {
      ownerByClaim.set(key, entry);
      continue;
    }
    const differsInCase = field === entry.host && owner.machine.host !== value;
    addProblem(
      reader,
      field,
      differsInCase
        ? `differs only in letter case from the host on line ${owner.host.place.line}`
        : `belongs to another machine already, the one on line ${owner.node.place.line}`,
      'one machine has the same host, ip and internalip in every group; two machines share none of them',
      value,
    );
  }
};

/** Reads the node groups; machines come in the order in which they are first listed. */
export const readMachines = (reader: PlanReader, groups: ReadonlyMap<NodeRole, PlanField>, around: Surroundings): readonly Machine[] => {
  const entriesByIdentity = new Map<string, Entry[]>();
  const ownerByClaim = new Map<string, Entry>();
  for (const [role, group] of groups) {
    for (const entry of readGroup(reader, group, role, around)) {
      const known = entriesByIdentity.get(identityOf(entry));
      if (known === undefined) {
        claim(reader, ownerByClaim, entry);
        entriesByIdentity.set(identityOf(entry), [entry]);
      } else if (known.at(-1)?.role === role) {
        const message = `is listed twice in this group, first on line ${known.at(-1)?.host.place.line}`;
        addProblem(reader, entry.host, message, 'list each machine once', entry.machine.host);
      } else known.push(entry);
    }
  }
  return [...entriesByIdentity.values()].map((entries) => {
    const [first] = entries.map((entry) => entry.machine);
    return {
      host: first?.host ?? '',
      ip: first?.ip ?? '',
      ...(first?.internalIp === undefined ? {} : { internalIp: first.internalIp }),
      roles: entries.map((entry) => entry.role),
      extraSans: [...new Set(entries.flatMap((entry) => entry.machine.extraSans))],
    };
  });
};
