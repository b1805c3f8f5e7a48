// Deployment, StatefulSet, what they were before, and Node as stored objects: nothing runs here
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, statusSubresource } from '../kind.ts';
import { type Fields, fieldsAt, isSameJson, type KubernetesObject, listAt, textAt, without } from '../object.ts';
import { type FieldProblem, forbiddenField, invalidValue } from '../status.ts';
import { containerImages, containerNames, templateDefaults, workloadProblems } from './pod-template.ts';
import { workloadScale } from './scale.ts';

const spec = (object: KubernetesObject): Fields => fieldsAt(object, 'spec');
const status = (object: KubernetesObject): Fields => fieldsAt(object, 'status');
const count = (fields: Fields, name: string): number => (typeof fields[name] === 'number' ? fields[name] : 0);

const selectorImmutable = (object: KubernetesObject, old: KubernetesObject): readonly FieldProblem[] =>
  isSameJson(spec(object)['selector'], spec(old)['selector'])
    ? []
    : [invalidValue('spec.selector', spec(object)['selector'], 'field is immutable')];

const selectorText = (object: KubernetesObject): string =>
  Object.entries(fieldsAt(fieldsAt(spec(object), 'selector'), 'matchLabels'))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

const workload = {
  group: 'apps',
  version: 'v1',
  isNamespaced: true,
  categories: ['all'],
  hasGeneration: true,
  subresources: [workloadScale, statusSubresource()],
  forCreate: (object: KubernetesObject) => ({ ...object, status: {} }),
  problems: (object: KubernetesObject) => workloadProblems(spec(object)),
} as const;

const readyOfWanted = (object: KubernetesObject): string => `${count(status(object), 'readyReplicas')}/${count(spec(object), 'replicas')}`;
const wide = [
  text('Containers', (object) => containerNames(spec(object)), 1),
  text('Images', (object) => containerImages(spec(object)), 1),
];

export const deploymentKind = defineKind({
  ...workload,
  kind: 'Deployment',
  plural: 'deployments',
  model: 'V1Deployment',
  shortNames: ['deploy'],
  columns: [
    nameColumn,
    text('Ready', readyOfWanted),
    text('Up-to-date', (object) => String(count(status(object), 'updatedReplicas'))),
    text('Available', (object) => String(count(status(object), 'availableReplicas'))),
    ageColumn,
    ...wide,
    text('Selector', selectorText, 1),
  ],
  withDefaults: (object) => {
    const given = templateDefaults(spec(object));
    const strategy = fieldsAt(given, 'strategy');
    const type = textAt(strategy, 'type') || 'RollingUpdate';
    const rolling =
      type === 'RollingUpdate' ? { rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%', ...fieldsAt(strategy, 'rollingUpdate') } } : {};
    return {
      ...object,
      spec: { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, ...given, strategy: { ...strategy, type, ...rolling } },
    };
  },
  changeProblems: selectorImmutable,
});

const mutableOfStatefulSet = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
  'revisionHistoryLimit',
];

export const statefulSetKind = defineKind({
  ...workload,
  kind: 'StatefulSet',
  plural: 'statefulsets',
  model: 'V1StatefulSet',
  shortNames: ['sts'],
  columns: [nameColumn, text('Ready', readyOfWanted), ageColumn, ...wide],
  forCreate: (object) => ({ ...object, status: { replicas: 0, availableReplicas: 0 } }),
  withDefaults: (object) => {
    const given = templateDefaults(spec(object));
    const strategy = fieldsAt(given, 'updateStrategy');
    const type = textAt(strategy, 'type') || 'RollingUpdate';
    const rolling = type === 'RollingUpdate' ? { rollingUpdate: { partition: 0, ...fieldsAt(strategy, 'rollingUpdate') } } : {};
    const claims = listAt(given, 'volumeClaimTemplates').map((claim) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      ...fieldsAt({ claim }, 'claim'),
      spec: { volumeMode: 'Filesystem', ...fieldsAt(claim, 'spec') },
      status: { phase: 'Pending' },
    }));
    return {
      ...object,
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        podManagementPolicy: 'OrderedReady',
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        ...given,
        ...(claims.length === 0 ? {} : { volumeClaimTemplates: claims }),
        updateStrategy: { ...strategy, type, ...rolling },
      },
    };
  },
  changeProblems: (object, old) =>
    isSameJson(without(spec(object), ...mutableOfStatefulSet), without(spec(old), ...mutableOfStatefulSet))
      ? []
      : [
          forbiddenField(
            'spec',
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
          ),
        ],
});

/** What a deployment was at one of its revisions; nobody makes them here, and `kubectl rollout history` looks for them. */
export const replicaSetKind = defineKind({
  ...workload,
  kind: 'ReplicaSet',
  plural: 'replicasets',
  model: 'V1ReplicaSet',
  shortNames: ['rs'],
  columns: [
    nameColumn,
    text('Desired', (object) => count(spec(object), 'replicas')),
    text('Current', (object) => count(status(object), 'replicas')),
    text('Ready', (object) => count(status(object), 'readyReplicas')),
    ageColumn,
    ...wide,
    text('Selector', selectorText, 1),
  ],
  forCreate: (object) => ({ ...object, status: { replicas: 0 } }),
  withDefaults: (object) => ({ ...object, spec: { replicas: 1, ...templateDefaults(spec(object)) } }),
  changeProblems: selectorImmutable,
});

/** What a stateful set was at one of its revisions. */
export const controllerRevisionKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  model: 'V1ControllerRevision',
  isNamespaced: true,
  columns: [
    nameColumn,
    text('Controller', (object) => {
      const owner = object.metadata.ownerReferences?.find(({ controller }) => controller === true);
      return owner === undefined ? '<none>' : `${owner.kind.toLowerCase()}.apps/${owner.name}`;
    }),
    text('Revision', (object) => count(object, 'revision')),
    ageColumn,
  ],
  changeProblems: (object, old) => (isSameJson(object['data'], old['data']) ? [] : [invalidValue('data', '', 'field is immutable')]),
});

const nodeStatus = (object: KubernetesObject): string => {
  const ready = listAt(object['status'], 'conditions').find((each) => textAt(each, 'type') === 'Ready');
  const word = ready === undefined ? 'Unknown' : textAt(ready, 'status') === 'True' ? 'Ready' : 'NotReady';
  return spec(object)['unschedulable'] === true ? `${word},SchedulingDisabled` : word;
};

const rolePrefix = 'node-role.kubernetes.io/';

export const nodeKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  model: 'V1Node',
  isNamespaced: false,
  shortNames: ['no'],
  columns: [
    nameColumn,
    text('Status', nodeStatus),
    text(
      'Roles',
      (object) =>
        Object.keys(object.metadata.labels ?? {})
          .filter((key) => key.startsWith(rolePrefix))
          .map((key) => key.slice(rolePrefix.length))
          .join(',') || '<none>',
    ),
    ageColumn,
    text('Version', (object) => textAt(fieldsAt(status(object), 'nodeInfo'), 'kubeletVersion')),
  ],
  selectable: { 'spec.unschedulable': (object) => String(spec(object)['unschedulable'] ?? false) },
  subresources: [statusSubresource('status and metadata')],
  forCreate: (object) => ({ ...object, status: object['status'] ?? {} }),
});
