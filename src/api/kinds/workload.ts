// Pod, Deployment, StatefulSet and Node as stored objects: nothing runs here
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, keepStatus, statusSubresource } from '../kind.ts';
import { type Fields, fieldsAt, isSameJson, type KubernetesObject, listAt, textAt, without } from '../object.ts';
import { type FieldProblem, forbidden, forbiddenField, invalidValue } from '../status.ts';
import { containerImages, containerNames, podSpecDefaults, podSpecProblems, templateDefaults, workloadProblems } from './pod-template.ts';
import { workloadScale } from './scale.ts';

const spec = (object: KubernetesObject): Fields => fieldsAt(object, 'spec');
const status = (object: KubernetesObject): Fields => fieldsAt(object, 'status');
const count = (fields: Fields, name: string): number => (typeof fields[name] === 'number' ? fields[name] : 0);

const readyText = (object: KubernetesObject): string => {
  const statuses = listAt(object['status'], 'containerStatuses');
  return `${statuses.filter((each) => fieldsAt({ each }, 'each')['ready'] === true).length}/${listAt(object['spec'], 'containers').length}`;
};

const tolerations = ['not-ready', 'unreachable'].map((reason) => ({
  key: `node.kubernetes.io/${reason}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}));

const accountOf = (given: Fields): string => textAt(given, 'serviceAccountName') || textAt(given, 'serviceAccount') || 'default';

const podField = (path: readonly [string, string]) => (object: KubernetesObject) => textAt(object[path[0]], path[1]);

export const podKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  model: 'V1Pod',
  isNamespaced: true,
  shortNames: ['po'],
  categories: ['all'],
  deleteReturnsObject: true,
  columns: [
    nameColumn,
    text('Ready', readyText),
    text('Status', (object) => textAt(object['status'], 'reason') || textAt(object['status'], 'phase')),
    text('Restarts', (object) =>
      String(
        listAt(object['status'], 'containerStatuses').reduce<number>(
          (sum, each) => sum + count(fieldsAt({ each }, 'each'), 'restartCount'),
          0,
        ),
      ),
    ),
    ageColumn,
    text('IP', (object) => textAt(object['status'], 'podIP') || '<none>', 1),
    text('Node', (object) => textAt(object['spec'], 'nodeName') || '<none>', 1),
    text('Nominated Node', (object) => textAt(object['status'], 'nominatedNodeName') || '<none>', 1),
    text('Readiness Gates', () => '<none>', 1),
  ],
  selectable: {
    'spec.nodeName': podField(['spec', 'nodeName']),
    'spec.restartPolicy': podField(['spec', 'restartPolicy']),
    'spec.schedulerName': podField(['spec', 'schedulerName']),
    'spec.serviceAccountName': podField(['spec', 'serviceAccountName']),
    'status.phase': podField(['status', 'phase']),
    'status.podIP': podField(['status', 'podIP']),
    'status.nominatedNodeName': podField(['status', 'nominatedNodeName']),
  },
  subresources: [
    { name: 'eviction', verbs: ['create'], serves: { group: 'policy', version: 'v1', kind: 'Eviction' } },
    statusSubresource('status and metadata'),
  ],
  forCreate: (object, { transaction }) => {
    const { namespace = '', name = '' } = object.metadata;
    const account = accountOf(spec(object));
    if (transaction.get('/serviceaccounts', namespace, account) === undefined)
      throw forbidden(
        { group: '', plural: 'pods' },
        name,
        `error looking up service account ${namespace}/${account}: serviceaccount ${JSON.stringify(account)} not found`,
      );
    return { ...object, status: { phase: 'Pending', qosClass: 'BestEffort' } };
  },
  forUpdate: keepStatus,
  withDefaults: (object) => {
    const given = podSpecDefaults(spec(object));
    const account = accountOf(given);
    return {
      ...object,
      spec: {
        enableServiceLinks: true,
        preemptionPolicy: 'PreemptLowerPriority',
        priority: 0,
        tolerations,
        ...given,
        serviceAccountName: account,
        serviceAccount: account,
      },
    };
  },
  problems: (object) => podSpecProblems(spec(object), 'spec'),
  changeProblems: (object, old): readonly FieldProblem[] => {
    const fixed = (each: KubernetesObject): Fields => {
      const images = (name: string): readonly unknown[] =>
        listAt(each['spec'], name).map((one) => without(fieldsAt({ one }, 'one'), 'image'));
      return {
        ...without(spec(each), 'activeDeadlineSeconds', 'tolerations', 'nodeName'),
        containers: images('containers'),
        initContainers: images('initContainers'),
      };
    };
    return isSameJson(fixed(object), fixed(old))
      ? []
      : [
          forbiddenField(
            'spec',
            'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)',
          ),
        ];
  },
});

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
  withDefaults: (object) => {
    const given = templateDefaults(spec(object));
    const strategy = fieldsAt(given, 'updateStrategy');
    const type = textAt(strategy, 'type') || 'RollingUpdate';
    const rolling = type === 'RollingUpdate' ? { rollingUpdate: { partition: 0, ...fieldsAt(strategy, 'rollingUpdate') } } : {};
    return {
      ...object,
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        podManagementPolicy: 'OrderedReady',
        ...given,
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
