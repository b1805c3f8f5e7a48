// Which cluster addresses and node ports services have, and which are free. Nothing routes to them here; they are given as a cluster gives them,
// each to one service.

import { isIP } from 'node:net';
import type { StoredObjects } from '../kind.ts';
import { type Fields, fieldsAt, isFields, type KubernetesObject, listAt, textAt } from '../object.ts';
import { type FieldProblem, invalidValue } from '../status.ts';

const range = { prefix: '10.96.', text: '10.96.0.0/16', size: 65_536 } as const;
const nodePorts = { first: 30_000, last: 32_767 } as const;

const typeOf = (object: KubernetesObject): string => textAt(object['spec'], 'type') || 'ClusterIP';
const portsOf = (object: KubernetesObject): readonly Fields[] => listAt(object['spec'], 'ports').filter(isFields);

export const hasClusterAddress = (object: KubernetesObject): boolean =>
  typeOf(object) !== 'ExternalName' && textAt(object['spec'], 'clusterIP') !== 'None';
export const hasNodePorts = (object: KubernetesObject): boolean => ['LoadBalancer', 'NodePort'].includes(typeOf(object));
const getsNodePorts = (object: KubernetesObject): boolean =>
  hasNodePorts(object) && !(typeOf(object) === 'LoadBalancer' && fieldsAt(object, 'spec')['allocateLoadBalancerNodePorts'] === false);

const nodePortOf = (port: Fields): number => (typeof port['nodePort'] === 'number' ? port['nodePort'] : 0);
const protocolOf = (port: Fields): string => textAt(port, 'protocol') || 'TCP';

const others = (stored: StoredObjects, { metadata: { uid } }: KubernetesObject): readonly KubernetesObject[] =>
  stored
    .list('/services')
    .map(({ object }) => object)
    .filter((object) => object.metadata.uid !== uid);

/** A number that follows from the object's uid, so that the same object gets the same again in a dry run's repetition. */
const start = ({ metadata: { uid = '' } }: KubernetesObject, size: number): number =>
  Number.parseInt(uid.replaceAll('-', '').slice(0, 8) || '0', 16) % size;

/** The first that is free from a place on, all the way round. */
const firstFree = (size: number, from: number, isFree: (number: number) => boolean): number | undefined => {
  for (let step = 0; step < size; step++) if (isFree((from + step) % size)) return (from + step) % size;
  return undefined;
};

const freeAddress = (object: KubernetesObject, all: readonly KubernetesObject[]): string | undefined => {
  const taken = new Set(all.map((other) => textAt(other['spec'], 'clusterIP')));
  const text = (number: number): string => `${range.prefix}${number >> 8}.${number & 0xff}`;
  // The first addresses are left to those that ask for one by name; the last is the broadcast's.
  const found = firstFree(range.size - 1, start(object, range.size - 1), (number) => number >= 16 && !taken.has(text(number)));
  return found === undefined ? undefined : text(found);
};

const withNodePorts = (object: KubernetesObject, all: readonly KubernetesObject[]): readonly Fields[] => {
  const taken = new Set([...all, object].flatMap((other) => portsOf(other).map(nodePortOf)));
  const size = nodePorts.last - nodePorts.first + 1;
  const given = new Map<string, number>();
  return portsOf(object).map((port) => {
    if (nodePortOf(port) !== 0) return port;
    // One number serves one port of each protocol.
    const key = String(port['port']);
    const shared = given.get(`${key}/${protocolOf(port)}`) === undefined ? given.get(key) : undefined;
    const found = shared ?? firstFree(size, start(object, size), (number) => !taken.has(nodePorts.first + number));
    if (found === undefined) return port;
    const nodePort = shared ?? nodePorts.first + found;
    taken.add(nodePort);
    given.set(key, nodePort);
    given.set(`${key}/${protocolOf(port)}`, nodePort);
    return { ...port, nodePort };
  });
};

/** A service with what it asks for and has not got yet. */
export const withAddresses = (object: KubernetesObject, stored: StoredObjects): KubernetesObject => {
  const wantsAddress = hasClusterAddress(object) && textAt(object['spec'], 'clusterIP') === '';
  const wantsPorts = getsNodePorts(object) && portsOf(object).some((port) => nodePortOf(port) === 0);
  if (!wantsAddress && !wantsPorts) return object;
  const all = others(stored, object);
  const address = wantsAddress ? freeAddress(object, all) : undefined;
  return {
    ...object,
    spec: {
      ...fieldsAt(object, 'spec'),
      ...(address === undefined ? {} : { clusterIP: address, clusterIPs: [address] }),
      ...(wantsPorts ? { ports: withNodePorts(object, all) } : {}),
    },
  };
};

/** What an update leaves out and keeps all the same, and what its type has no use for any more. */
export const keepAddresses = (object: KubernetesObject, old: KubernetesObject): KubernetesObject => {
  const spec = { ...fieldsAt(object, 'spec') };
  const [before, after] = [textAt(old['spec'], 'clusterIP'), textAt(spec, 'clusterIP')];
  if (typeOf(object) === 'ExternalName') {
    if (after === before)
      for (const field of ['clusterIP', 'clusterIPs', 'internalTrafficPolicy', 'ipFamilies', 'ipFamilyPolicy']) delete spec[field];
  } else if (after === '' && before !== '') Object.assign(spec, { clusterIP: before, clusterIPs: [before] });
  const known = new Map(portsOf(old).map((port) => [textAt(port, 'name'), nodePortOf(port)]));
  const had = new Set(portsOf(old).map(nodePortOf));
  const used = new Set(portsOf(object).map(nodePortOf));
  if (portsOf(object).length > 0)
    spec['ports'] = portsOf(object).map((port) => {
      const kept = known.get(textAt(port, 'name')) ?? 0;
      if (hasNodePorts(object)) return nodePortOf(port) === 0 && kept !== 0 && !used.has(kept) ? { ...port, nodePort: kept } : port;
      const { nodePort, ...rest } = port;
      return nodePort === undefined || nodePort === 0 || had.has(nodePortOf(port)) ? rest : port;
    });
  if (!hasNodePorts(object) && spec['externalTrafficPolicy'] === fieldsAt(old, 'spec')['externalTrafficPolicy'])
    delete spec['externalTrafficPolicy'];
  return { ...object, spec };
};

/** Addresses and ports that another service has, or that no service can have. */
export const addressProblems = (
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  stored: StoredObjects,
): readonly FieldProblem[] => {
  const found: FieldProblem[] = [];
  const address = textAt(object['spec'], 'clusterIP');
  const isNew = address !== textAt(old?.['spec'], 'clusterIP');
  const had = new Set(old === undefined ? [] : portsOf(old).map(nodePortOf));
  const ports = portsOf(object).map((port, i) => [i, nodePortOf(port)] as const);
  const asked = hasNodePorts(object) ? ports.filter(([, port]) => port !== 0 && !had.has(port)) : [];
  const checksAddress = isNew && isIP(address) !== 0 && hasClusterAddress(object);
  if (!checksAddress && asked.length === 0) return found;
  const all = others(stored, object);
  const refuse = (problem: string): void => {
    found.push({
      field: 'spec.clusterIPs',
      reason: 'FieldValueInvalid',
      message: `Invalid value: []string{${JSON.stringify(address)}}: failed to allocate IP ${address}: ${problem}`,
    });
  };
  if (checksAddress && !address.startsWith(range.prefix))
    refuse(`the provided IP (${address}) is not in the valid range. The range of valid IPs is ${range.text}`);
  else if (checksAddress && all.some((other) => textAt(other['spec'], 'clusterIP') === address)) refuse('provided IP is already allocated');
  const taken = new Set(all.flatMap((other) => portsOf(other).map(nodePortOf)));
  for (const [i, port] of asked)
    if (port < nodePorts.first || port > nodePorts.last)
      found.push(
        invalidValue(
          `spec.ports[${i}].nodePort`,
          port,
          `provided port is not in the valid range. The range of valid ports is ${nodePorts.first}-${nodePorts.last}`,
        ),
      );
    else if (taken.has(port)) found.push(invalidValue(`spec.ports[${i}].nodePort`, port, 'provided port is already allocated'));
  return found;
};
