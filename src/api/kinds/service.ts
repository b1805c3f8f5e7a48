// Service (https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/). Stored, with the addresses that a cluster would
// have given (service-addresses.ts); nothing routes to it here.

import { isIP } from 'node:net';
import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, keepStatus, statusSubresource } from '../kind.ts';
import { serviceName } from '../metadata.ts';
import { type Fields, fieldsAt, isFields, type KubernetesObject, listAt, textAt } from '../object.ts';
import { duplicateValue, type FieldProblem, forbiddenField, invalidValue, notSupported, required } from '../status.ts';
import { addressProblems, hasNodePorts, keepAddresses, withAddresses } from './service-addresses.ts';

const spec = (object: KubernetesObject): Fields => fieldsAt(object, 'spec');
const type = (object: KubernetesObject): string => textAt(object['spec'], 'type') || 'ClusterIP';
const ports = (object: KubernetesObject): readonly Fields[] => listAt(object['spec'], 'ports').filter(isFields);

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

const externalIp = (object: KubernetesObject): string => {
  const ingress = listAt(fieldsAt(fieldsAt(object, 'status'), 'loadBalancer'), 'ingress').map(
    (each) => textAt(each, 'ip') || textAt(each, 'hostname'),
  );
  const given = [...ingress, ...listAt(object['spec'], 'externalIPs').map(String)];
  if (type(object) === 'ExternalName') return textAt(object['spec'], 'externalName');
  if (given.length > 0) return given.join(',');
  return type(object) === 'LoadBalancer' ? '<pending>' : '<none>';
};

const portText = (port: Fields): string =>
  `${port['port']}${typeof port['nodePort'] === 'number' ? `:${port['nodePort']}` : ''}/${textAt(port, 'protocol') || 'TCP'}`;

const selectorText = (object: KubernetesObject): string =>
  Object.entries(fieldsAt(spec(object), 'selector'))
    .map(([key, value]) => `${key}=${value}`)
    .join(',') || '<none>';

const problems = (object: KubernetesObject): readonly FieldProblem[] => {
  const found: FieldProblem[] = [];
  if (!types.includes(type(object))) found.push(notSupported('spec.type', type(object), types));
  const address = textAt(object['spec'], 'clusterIP');
  const isHeadless = address === 'None';
  if (address !== '' && !isHeadless && isIP(address) === 0)
    found.push(invalidValue('spec.clusterIPs[0]', address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  if (isHeadless && hasNodePorts(object))
    found.push(invalidValue('spec.clusterIPs[0]', address, `may not be set to 'None' for ${type(object)} services`));
  if (address !== '' && type(object) === 'ExternalName')
    found.push(forbiddenField('spec.clusterIPs', 'may not be set for ExternalName services'));
  const affinity = textAt(object['spec'], 'sessionAffinity');
  if (!['ClientIP', 'None'].includes(affinity)) found.push(notSupported('spec.sessionAffinity', affinity, ['ClientIP', 'None']));
  if (ports(object).length === 0 && type(object) !== 'ExternalName' && !isHeadless) found.push(required('spec.ports'));
  if (type(object) === 'ExternalName' && textAt(object['spec'], 'externalName') === '') found.push(required('spec.externalName'));
  for (const [i, port] of ports(object).entries()) {
    const number = port['port'];
    if (typeof number !== 'number' || number < 1 || number > 65_535)
      found.push(invalidValue(`spec.ports[${i}].port`, number ?? 0, 'must be between 1 and 65535, inclusive'));
    const name = textAt(port, 'name');
    if (name === '' && ports(object).length > 1) found.push(required(`spec.ports[${i}].name`));
    if (name !== '' && ports(object).findIndex((other) => textAt(other, 'name') === name) < i)
      found.push(duplicateValue(`spec.ports[${i}].name`, name));
    if (ports(object).findIndex((other) => other['port'] === number && other['protocol'] === port['protocol']) < i)
      found.push(duplicateValue(`spec.ports[${i}]`, { port: number, protocol: port['protocol'] }));
    if (typeof port['nodePort'] === 'number' && port['nodePort'] !== 0 && !hasNodePorts(object))
      found.push(forbiddenField(`spec.ports[${i}].nodePort`, `may not be used when \`type\` is '${type(object)}'`));
    if (!['TCP', 'UDP', 'SCTP'].includes(textAt(port, 'protocol')))
      found.push(notSupported(`spec.ports[${i}].protocol`, port['protocol'], ['SCTP', 'TCP', 'UDP']));
  }
  return found;
};

const withDefaults = (object: KubernetesObject): KubernetesObject => {
  const given = spec(object);
  const hasAddress = type(object) !== 'ExternalName';
  const clusterIP = textAt(given, 'clusterIP');
  return {
    ...object,
    spec: {
      sessionAffinity: 'None',
      ...(hasAddress ? { internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' } : {}),
      ...(hasNodePorts(object) ? { externalTrafficPolicy: 'Cluster' } : {}),
      ...(type(object) === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: true } : {}),
      ...given,
      type: type(object),
      ...(given['sessionAffinity'] === 'ClientIP'
        ? {
            sessionAffinityConfig: {
              clientIP: { timeoutSeconds: 10_800, ...fieldsAt(fieldsAt(given, 'sessionAffinityConfig'), 'clientIP') },
            },
          }
        : {}),
      ...(clusterIP === '' ? {} : { clusterIP, clusterIPs: [clusterIP] }),
      ...(ports(object).length === 0
        ? {}
        : {
            ports: ports(object).map((port) => ({
              ...port,
              protocol: port['protocol'] ?? 'TCP',
              // Protobuf writes the number of a port that was left out.
              targetPort:
                port['targetPort'] === undefined || port['targetPort'] === 0 || port['targetPort'] === ''
                  ? port['port']
                  : port['targetPort'],
            })),
          }),
    },
  };
};

export const serviceKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  model: 'V1Service',
  isNamespaced: true,
  shortNames: ['svc'],
  categories: ['all'],
  nameRule: serviceName,
  allowsUnconditionalUpdate: false,
  createsOnUpdate: true,
  columns: [
    nameColumn,
    text('Type', type),
    text('Cluster-IP', (object) => textAt(object['spec'], 'clusterIP') || '<none>'),
    text('External-IP', externalIp),
    text('Port(s)', (object) => ports(object).map(portText).join(',') || '<none>'),
    ageColumn,
    text('Selector', selectorText, 1),
  ],
  subresources: [statusSubresource('status and metadata')],
  forCreate: (object, { transaction }) => withAddresses({ ...object, status: { loadBalancer: {} } }, transaction),
  forUpdate: (object, old, { transaction }) => withAddresses(keepAddresses(keepStatus(object, old), old), transaction),
  withDefaults,
  problems,
  createProblems: (object, { transaction }) => addressProblems(object, undefined, transaction),
  changeProblems: (object, old, { transaction }) => {
    const [before, after] = [textAt(old['spec'], 'clusterIP'), textAt(object['spec'], 'clusterIP')];
    return before !== '' && after !== before && type(object) !== 'ExternalName' && type(old) !== 'ExternalName'
      ? [invalidValue('spec.clusterIPs[0]', [after], 'may not change once set')]
      : addressProblems(object, old, transaction);
  },
});
