// Secret (https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind } from '../kind.ts';
import { fieldsAt, type KubernetesObject, textAt, without } from '../object.ts';
import { type FieldProblem, invalidValue, required } from '../status.ts';
import { type DataFields, dataChangeProblems, dataCount, dataProblems } from './keyed-data.ts';

const fields: DataFields = { text: [], base64: ['data'] };
const secretType = (object: KubernetesObject): string => textAt(object, 'type');

/** Keys that a type needs, each entry one choice. */
const neededKeys: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'kubernetes.io/tls': [['tls.crt'], ['tls.key']],
  'kubernetes.io/dockerconfigjson': [['.dockerconfigjson']],
  'kubernetes.io/dockercfg': [['.dockercfg']],
  'kubernetes.io/ssh-auth': [['ssh-privatekey']],
  'kubernetes.io/basic-auth': [['username', 'password']],
};

const typeProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const data = fieldsAt(object, 'data');
  const type = secretType(object);
  const problems = (neededKeys[type] ?? [])
    .filter((choices) => !choices.some((key) => Object.hasOwn(data, key)))
    .flatMap((choices) => choices.map((key) => required(`data[${key}]`)));
  for (const key of type === 'kubernetes.io/dockerconfigjson'
    ? ['.dockerconfigjson']
    : type === 'kubernetes.io/dockercfg'
      ? ['.dockercfg']
      : [])
    if (Object.hasOwn(data, key) && !isJson(textAt(data, key)))
      problems.push(invalidValue(`data[${key}]`, '<secret contents redacted>', 'invalid character'));
  if (type === 'kubernetes.io/service-account-token' && (object.metadata.annotations?.['kubernetes.io/service-account.name'] ?? '') === '')
    problems.push(required('metadata.annotations[kubernetes.io/service-account.name]'));
  return problems;
};

const isJson = (base64: string): boolean => {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString());
    return true;
  } catch {
    return false;
  }
};

/** stringData goes into data, where it wins, and is never given back. */
const mergeStringData = (object: KubernetesObject): KubernetesObject => {
  const plain = Object.entries(fieldsAt(object, 'stringData')).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]);
  const rest = without(object, 'stringData');
  return plain.length === 0 ? rest : { ...rest, data: { ...fieldsAt(object, 'data'), ...Object.fromEntries(plain) } };
};

export const secretKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  model: 'V1Secret',
  isNamespaced: true,
  columns: [nameColumn, text('Type', secretType), text('Data', (object) => String(dataCount(object, fields))), ageColumn],
  selectable: { type: secretType },
  withDefaults: (object) => {
    const merged = mergeStringData(object);
    return secretType(merged) === '' ? { ...merged, type: 'Opaque' } : merged;
  },
  problems: (object) => [...dataProblems(object, fields), ...typeProblems(object)],
  changeProblems: (object, old) => [
    ...(secretType(object) === secretType(old) ? [] : [invalidValue('type', secretType(object), 'field is immutable')]),
    ...dataChangeProblems(object, old, fields),
  ],
});
