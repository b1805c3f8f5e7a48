// Scale: how many replicas of something there shall be and are, whatever it is
// (https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/). Never stored; a subresource of what is.

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, type Subresource } from '../kind.ts';
import { type Fields, fieldsAt, isFields, type KubernetesObject, listAt, textAt } from '../object.ts';
import { invalidValue } from '../status.ts';

const replicasOf = (value: unknown): number => {
  const { replicas } = isFields(value) ? value : {};
  return typeof replicas === 'number' ? replicas : 0;
};

export const scaleKind = defineKind({
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  model: 'V1Scale',
  isNamespaced: true,
  verbs: [],
  columns: [
    nameColumn,
    text('Desired', (object) => replicasOf(object['spec'])),
    text('Available', (object) => replicasOf(object['status'])),
    ageColumn,
  ],
  problems: (object) => {
    const replicas = replicasOf(object['spec']);
    return replicas < 0 ? [invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0')] : [];
  },
});

/** Where the numbers are in an object. */
type ScalePaths = {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  /** The selector of what is counted, as text. */
  readonly selector: (object: KubernetesObject) => string;
};

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((found, name) => (isFields(found) && Object.hasOwn(found, name) ? found[name] : undefined), value);

const withValue = (object: Fields, [name = '', ...rest]: readonly string[], value: unknown): Fields => ({
  ...object,
  [name]: rest.length === 0 ? value : withValue(fieldsAt(object, name), rest, value),
});

const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

/** The subresource of a kind whose numbers are at these paths. */
export const scaleSubresource = ({ specReplicas, statusReplicas, selector }: ScalePaths): Subresource => ({
  name: 'scale',
  verbs: ['get', 'patch', 'update'],
  serves: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
  view: {
    kind: scaleKind,
    problem: (object) =>
      number(at(object, specReplicas)) === undefined ? `the spec replicas field ".${specReplicas.join('.')}" does not exist` : undefined,
    show: (object) => {
      const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
      const replicas = number(at(object, specReplicas)) ?? 0;
      const selected = selector(object);
      return {
        kind: 'Scale',
        apiVersion: 'autoscaling/v1',
        metadata: {
          ...(name === undefined ? {} : { name }),
          ...(namespace === undefined ? {} : { namespace }),
          ...(uid === undefined ? {} : { uid }),
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
          ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
        },
        spec: replicas === 0 ? {} : { replicas },
        status: { replicas: number(at(object, statusReplicas)) ?? 0, ...(selected === '' ? {} : { selector: selected }) },
      };
    },
    apply: (sent, old) => withValue(old, specReplicas, replicasOf(sent['spec'])) as KubernetesObject,
  },
});

const operators: Readonly<Record<string, (key: string, values: string) => string>> = {
  In: (key, values) => `${key} in (${values})`,
  NotIn: (key, values) => `${key} notin (${values})`,
  Exists: (key) => key,
  DoesNotExist: (key) => `!${key}`,
};

/** A LabelSelector as the text of a query. */
const selectorQuery = (selector: unknown): string =>
  [
    ...Object.entries(fieldsAt(selector, 'matchLabels')).map(([key, value]) => [key, `${key}=${value}`] as const),
    ...listAt(selector, 'matchExpressions').map((each) => {
      const key = textAt(each, 'key');
      return [key, operators[textAt(each, 'operator')]?.(key, listAt(each, 'values').map(String).sort().join(',')) ?? ''] as const;
    }),
  ]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, term]) => term)
    .join(',');

/** For workloads of the apps group. */
export const workloadScale = scaleSubresource({
  specReplicas: ['spec', 'replicas'],
  statusReplicas: ['status', 'replicas'],
  selector: (object) => selectorQuery(fieldsAt(object, 'spec')['selector']),
});
