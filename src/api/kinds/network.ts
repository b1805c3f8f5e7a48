// Ingress and IngressClass (https://kubernetes.io/docs/reference/kubernetes-api/service-resources/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, statusSubresource } from '../kind.ts';
import { fieldsAt, isFields, type KubernetesObject, listAt, textAt } from '../object.ts';
import { type FieldProblem, invalidValue, notSupported, required } from '../status.ts';

const rules = (object: KubernetesObject): readonly unknown[] => listAt(object['spec'], 'rules');

const hostsText = (object: KubernetesObject): string => {
  const hosts = rules(object)
    .map((rule) => textAt(rule, 'host'))
    .filter((host) => host !== '');
  if (hosts.length === 0) return '*';
  return hosts.length > 3 ? `${hosts.slice(0, 3).join(',')} + ${hosts.length - 3} more...` : hosts.join(',');
};

const addresses = (object: KubernetesObject): string =>
  listAt(fieldsAt(fieldsAt(object, 'status'), 'loadBalancer'), 'ingress')
    .map((each) => textAt(each, 'ip') || textAt(each, 'hostname'))
    .join(',');

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];

const ingressProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const spec = fieldsAt(object, 'spec');
  if (rules(object).length === 0 && spec['defaultBackend'] === undefined)
    return [invalidValue('spec', spec, 'either `defaultBackend` or `rules` must be specified')];
  return rules(object).flatMap((rule, i) =>
    listAt(fieldsAt(rule, 'http'), 'paths').flatMap((path, j) => {
      const at = `spec.rules[${i}].http.paths[${j}]`;
      const pathType = textAt(path, 'pathType');
      const problems: FieldProblem[] = [];
      if (pathType === '') problems.push(required(`${at}.pathType`, 'pathType must be specified'));
      else if (!pathTypes.includes(pathType)) problems.push(notSupported(`${at}.pathType`, pathType, pathTypes));
      if (pathType !== 'ImplementationSpecific' && !textAt(path, 'path').startsWith('/'))
        problems.push(invalidValue(`${at}.path`, textAt(path, 'path'), 'must be an absolute path'));
      return problems;
    }),
  );
};

export const ingressKind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  model: 'V1Ingress',
  isNamespaced: true,
  shortNames: ['ing'],
  hasGeneration: true,
  columns: [
    nameColumn,
    text(
      'Class',
      (object) => textAt(object['spec'], 'ingressClassName') || object.metadata.annotations?.['kubernetes.io/ingress.class'] || '<none>',
    ),
    text('Hosts', hostsText),
    text('Address', addresses),
    text('Ports', (object) => (listAt(object['spec'], 'tls').length > 0 ? '80, 443' : '80')),
    ageColumn,
  ],
  subresources: [statusSubresource('status and metadata')],
  forCreate: (object) => ({ ...object, status: { loadBalancer: {} } }),
  problems: ingressProblems,
});

export const ingressClassKind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  singular: 'ingressclass',
  model: 'V1IngressClass',
  isNamespaced: false,
  hasGeneration: true,
  columns: [
    nameColumn,
    text('Controller', (object) => textAt(object['spec'], 'controller')),
    text('Parameters', (object) => {
      const parameters = fieldsAt(fieldsAt(object, 'spec'), 'parameters');
      return textAt(parameters, 'kind') === ''
        ? '<none>'
        : `${textAt(parameters, 'kind')}.${textAt(parameters, 'apiGroup')}/${textAt(parameters, 'name')}`;
    }),
    ageColumn,
  ],
  withDefaults: (object) => {
    const spec = fieldsAt(object, 'spec');
    const { parameters } = spec;
    return isFields(parameters) ? { ...object, spec: { ...spec, parameters: { scope: 'Cluster', ...parameters } } } : object;
  },
});
