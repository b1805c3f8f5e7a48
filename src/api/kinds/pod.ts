// Pod as a stored object: nothing runs here (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, keepStatus, statusSubresource } from '../kind.ts';
import { type Fields, fieldsAt, isFields, isSameJson, type KubernetesObject, listAt, textAt, without } from '../object.ts';
import { type FieldProblem, forbidden, forbiddenField } from '../status.ts';
import { accountOf, withAccount } from './pod-account.ts';
import { podSpecDefaults, podSpecProblems } from './pod-template.ts';

const spec = (object: KubernetesObject): Fields => fieldsAt(object, 'spec');

const readyText = (object: KubernetesObject): string => {
  const statuses = listAt(object['status'], 'containerStatuses').filter(isFields);
  return `${statuses.filter(({ ready }) => ready === true).length}/${listAt(object['spec'], 'containers').length}`;
};

const restarts = (object: KubernetesObject): number =>
  listAt(object['status'], 'containerStatuses')
    .filter(isFields)
    .reduce((sum, { restartCount }) => sum + (typeof restartCount === 'number' ? restartCount : 0), 0);

const tolerations = ['not-ready', 'unreachable'].map((reason) => ({
  key: `node.kubernetes.io/${reason}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}));

const podField = (path: readonly [string, string]) => (object: KubernetesObject) => textAt(object[path[0]], path[1]);

/** A container asks for what it is limited to, unless it says itself what it asks for. */
const withRequests = (container: unknown): unknown => {
  const resources = fieldsAt(container, 'resources');
  const limits = fieldsAt(resources, 'limits');
  return isFields(container) && Object.keys(limits).length > 0
    ? { ...container, resources: { ...resources, requests: { ...limits, ...fieldsAt(resources, 'requests') } } }
    : container;
};

/** How a pod is treated where memory is short (https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/). */
const qosClass = (object: KubernetesObject): string => {
  const containers = [...listAt(spec(object), 'containers'), ...listAt(spec(object), 'initContainers')].map((each) =>
    fieldsAt(each, 'resources'),
  );
  const counted = (resources: Fields, name: 'limits' | 'requests'): Fields => {
    const { cpu, memory } = fieldsAt(resources, name);
    return { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
  };
  const asks = containers.some((each) => Object.keys({ ...counted(each, 'limits'), ...counted(each, 'requests') }).length > 0);
  if (!asks) return 'BestEffort';
  const isGuaranteed = containers.every((each) => {
    const limits = counted(each, 'limits');
    return Object.keys(limits).length === 2 && isSameJson({ ...limits, ...counted(each, 'requests') }, limits);
  });
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
};

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
    text('Restarts', (object) => String(restarts(object))),
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
    const found = transaction.get('/serviceaccounts', namespace, account);
    if (found === undefined)
      throw forbidden(
        { group: '', plural: 'pods' },
        name,
        `error looking up service account ${namespace}/${account}: serviceaccount ${JSON.stringify(account)} not found`,
      );
    return { ...withAccount(object, found.object), status: { phase: 'Pending', qosClass: qosClass(object) } };
  },
  forUpdate: keepStatus,
  withDefaults: (object) => {
    const given = podSpecDefaults(spec(object));
    const account = accountOf(given);
    const asking = Object.fromEntries(
      ['containers', 'initContainers'].flatMap((name) => (name in given ? [[name, listAt(given, name).map(withRequests)]] : [])),
    );
    return {
      ...object,
      spec: {
        enableServiceLinks: true,
        preemptionPolicy: 'PreemptLowerPriority',
        priority: 0,
        tolerations,
        ...given,
        ...asking,
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
