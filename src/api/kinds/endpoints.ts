// Endpoints and EndpointSlice: where the pods behind a service are (https://kubernetes.io/docs/reference/kubernetes-api/service-resources/).
// Nobody keeps them up to date here; clients write them as they need them.

import { isIP } from 'node:net';
import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind } from '../kind.ts';
import { subdomainName } from '../metadata.ts';
import { type Fields, isFields, type KubernetesObject, listAt, textAt } from '../object.ts';
import { type FieldProblem, invalidValue, notSupported, required } from '../status.ts';

const fieldsIn = (value: unknown, name: string): readonly Fields[] => listAt(value, name).filter(isFields);

/** The list under a name with each entry changed, where there is such a list. */
const withEach = (object: Fields, name: string, change: (entry: Fields) => Fields): Fields =>
  name in object ? { ...object, [name]: fieldsIn(object, name).map(change) } : object;

const protocols = ['SCTP', 'TCP', 'UDP'];

const portProblems = (port: Fields, path: string, isRequired: boolean): readonly FieldProblem[] => {
  const { port: number, protocol } = port;
  const isNumber = typeof number === 'number' && number >= 1 && number <= 65_535;
  return [
    ...(isNumber || (number === undefined && !isRequired)
      ? []
      : [invalidValue(`${path}.port`, number ?? 0, 'must be between 1 and 65535, inclusive')]),
    ...(protocols.includes(String(protocol)) ? [] : [notSupported(`${path}.protocol`, protocol, protocols)]),
  ];
};

const endpointText = (object: KubernetesObject): string => {
  const all = fieldsIn(object, 'subsets').flatMap((subset) => {
    const ports = fieldsIn(subset, 'ports').map(({ port }) => `:${port}`);
    return fieldsIn(subset, 'addresses').flatMap((address) =>
      (ports.length === 0 ? [''] : ports).map((port) => `${textAt(address, 'ip')}${port}`),
    );
  });
  return all.length === 0 ? '<none>' : `${all.slice(0, 3).join(',')}${all.length > 3 ? ` + ${all.length - 3} more...` : ''}`;
};

const subsetProblems = (subset: Fields, path: string): readonly FieldProblem[] => {
  const found: FieldProblem[] = [];
  const lists = ['addresses', 'notReadyAddresses'] as const;
  if (lists.every((name) => fieldsIn(subset, name).length === 0))
    found.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
  for (const name of lists)
    for (const [i, address] of fieldsIn(subset, name).entries())
      if (isIP(textAt(address, 'ip')) === 0)
        found.push(
          invalidValue(`${path}.${name}[${i}].ip`, textAt(address, 'ip'), 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
        );
  const ports = fieldsIn(subset, 'ports');
  for (const [i, port] of ports.entries()) {
    if (ports.length > 1 && textAt(port, 'name') === '') found.push(required(`${path}.ports[${i}].name`));
    found.push(...portProblems(port, `${path}.ports[${i}]`, true));
  }
  return found;
};

export const endpointsKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  model: 'V1Endpoints',
  listKind: 'EndpointsList',
  isNamespaced: true,
  shortNames: ['ep'],
  createsOnUpdate: true,
  columns: [nameColumn, text('Endpoints', endpointText), ageColumn],
  withDefaults: (object) => ({
    ...object,
    ...withEach(object, 'subsets', (subset) => withEach(subset, 'ports', (port) => ({ protocol: 'TCP', ...port }))),
  }),
  problems: (object) => fieldsIn(object, 'subsets').flatMap((subset, i) => subsetProblems(subset, `subsets[${i}]`)),
});

const listed = (values: readonly string[]): string => (values.length === 0 ? '<unset>' : values.join(','));

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const maxEndpoints = 1000;
const maxAddresses = 100;

const addressProblem = (address: string, type: string): string | undefined => {
  if (type === 'FQDN') return subdomainName(address);
  return isIP(address) === (type === 'IPv6' ? 6 : 4) ? undefined : `must be a valid ${type} address`;
};

const endpointProblems = (endpoint: Fields, path: string, type: string): readonly FieldProblem[] => {
  const addresses = listAt(endpoint, 'addresses').map(String);
  if (addresses.length === 0) return [required(`${path}.addresses`, 'must contain at least 1 address')];
  if (addresses.length > maxAddresses)
    return [invalidValue(`${path}.addresses`, addresses.length, `must have at most ${maxAddresses} items`)];
  return addresses.flatMap((address, i) => {
    const problem = addressProblem(address, type);
    return problem === undefined ? [] : [invalidValue(`${path}.addresses[${i}]`, address, problem)];
  });
};

export const endpointSliceKind = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  model: 'V1EndpointSlice',
  isNamespaced: true,
  hasGeneration: true,
  columns: [
    nameColumn,
    text('AddressType', (object) => textAt(object, 'addressType')),
    text('Ports', (object) => listed(fieldsIn(object, 'ports').map(({ port }) => String(port ?? '*')))),
    text('Endpoints', (object) => listed(fieldsIn(object, 'endpoints').flatMap((endpoint) => listAt(endpoint, 'addresses').map(String)))),
    ageColumn,
  ],
  withDefaults: (object) => ({ ...object, ...withEach(object, 'ports', (port) => ({ name: '', protocol: 'TCP', ...port })) }),
  problems: (object) => {
    const type = textAt(object, 'addressType');
    if (type === '') return [required('addressType')];
    if (!addressTypes.includes(type)) return [notSupported('addressType', type, addressTypes)];
    const endpoints = fieldsIn(object, 'endpoints');
    if (endpoints.length > maxEndpoints) return [invalidValue('endpoints', endpoints.length, `must have at most ${maxEndpoints} items`)];
    return [
      ...fieldsIn(object, 'ports').flatMap((port, i) => portProblems(port, `ports[${i}]`, false)),
      ...endpoints.flatMap((endpoint, i) => endpointProblems(endpoint, `endpoints[${i}]`, type)),
    ];
  },
  changeProblems: (object, old) =>
    textAt(object, 'addressType') === textAt(old, 'addressType')
      ? []
      : [invalidValue('addressType', object['addressType'], 'field is immutable')],
});
