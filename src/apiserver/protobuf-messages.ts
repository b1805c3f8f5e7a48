// Field numbers of the messages that clients send as protobuf, as Kubernetes' generated.proto files number them.

import type { FieldType, MessageType } from './protobuf.ts';

const list = (type: FieldType): FieldType => ({ list: type });
const map = (type: FieldType): FieldType => ({ map: type });
const message = (type: () => MessageType): FieldType => ({ message: type });

const ownerReference: MessageType = {
  1: ['kind', 'string'],
  3: ['name', 'string'],
  4: ['uid', 'string'],
  5: ['apiVersion', 'string'],
  6: ['controller', 'bool'],
  7: ['blockOwnerDeletion', 'bool'],
};
const managedFieldsEntry: MessageType = {
  1: ['manager', 'string'],
  2: ['operation', 'string'],
  3: ['apiVersion', 'string'],
  4: ['time', 'time'],
  6: ['fieldsType', 'string'],
  7: ['fieldsV1', 'json'],
  8: ['subresource', 'string'],
};
const objectMeta: MessageType = {
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  5: ['uid', 'string'],
  6: ['resourceVersion', 'string'],
  8: ['creationTimestamp', 'time'],
  9: ['deletionTimestamp', 'time'],
  10: ['deletionGracePeriodSeconds', 'int'],
  11: ['labels', map('string')],
  12: ['annotations', map('string')],
  13: ['ownerReferences', list(message(() => ownerReference))],
  14: ['finalizers', list('string')],
  17: ['managedFields', list(message(() => managedFieldsEntry))],
};

/** A message whose first field is metadata. */
const kind = (fields: MessageType): MessageType => ({ 1: ['metadata', message(() => objectMeta)], ...fields });
const spec = (fields: MessageType): readonly [string, FieldType] => ['spec', message(() => fields)];

const csrCondition: MessageType = {
  1: ['type', 'string'],
  2: ['reason', 'string'],
  3: ['message', 'string'],
  4: ['lastUpdateTime', 'time'],
  5: ['lastTransitionTime', 'time'],
  6: ['status', 'string'],
};
const extraValue: FieldType = { items: 'string' };

const policyRule: MessageType = {
  1: ['verbs', list('string')],
  2: ['apiGroups', list('string')],
  3: ['resources', list('string')],
  4: ['resourceNames', list('string')],
  5: ['nonResourceURLs', list('string')],
};
const labelSelector: MessageType = {
  1: ['matchLabels', map('string')],
  2: ['matchExpressions', list(message(() => ({ 1: ['key', 'string'], 2: ['operator', 'string'], 3: ['values', list('string')] })))],
};
const rules: readonly [string, FieldType] = ['rules', list(message(() => policyRule))];
const binding: MessageType = kind({
  2: [
    'subjects',
    list(message(() => ({ 1: ['kind', 'string'], 2: ['apiGroup', 'string'], 3: ['name', 'string'], 4: ['namespace', 'string'] }))),
  ],
  3: ['roleRef', message(() => ({ 1: ['apiGroup', 'string'], 2: ['kind', 'string'], 3: ['name', 'string'] }))],
});

const resourceAttributes: MessageType = {
  1: ['namespace', 'string'],
  2: ['verb', 'string'],
  3: ['group', 'string'],
  4: ['version', 'string'],
  5: ['resource', 'string'],
  6: ['subresource', 'string'],
  7: ['name', 'string'],
};
const access: MessageType = {
  1: ['resourceAttributes', message(() => resourceAttributes)],
  2: ['nonResourceAttributes', message(() => ({ 1: ['path', 'string'], 2: ['verb', 'string'] }))],
};
const subjectAccess: MessageType = {
  ...access,
  3: ['user', 'string'],
  4: ['groups', list('string')],
  5: ['extra', map(extraValue)],
  6: ['uid', 'string'],
};
const boundObject: MessageType = { 1: ['kind', 'string'], 2: ['apiVersion', 'string'], 3: ['name', 'string'], 4: ['uid', 'string'] };

const messages: Readonly<Record<string, MessageType>> = {
  'v1 Namespace': kind({ 2: spec({ 1: ['finalizers', list('string')] }) }),
  'v1 Secret': kind({ 2: ['data', map('bytes')], 3: ['type', 'string'], 4: ['stringData', map('string')], 5: ['immutable', 'bool'] }),
  'v1 ConfigMap': kind({ 2: ['data', map('string')], 3: ['binaryData', map('bytes')], 4: ['immutable', 'bool'] }),
  'v1 ServiceAccount': kind({
    2: ['secrets', list(message(() => ({ 1: ['kind', 'string'], 2: ['namespace', 'string'], 3: ['name', 'string'] })))],
    3: ['imagePullSecrets', list(message(() => ({ 1: ['name', 'string'] })))],
    4: ['automountServiceAccountToken', 'bool'],
  }),
  'certificates.k8s.io/v1 CertificateSigningRequest': kind({
    2: spec({
      1: ['request', 'bytes'],
      2: ['username', 'string'],
      3: ['uid', 'string'],
      4: ['groups', list('string')],
      5: ['usages', list('string')],
      6: ['extra', map(extraValue)],
      7: ['signerName', 'string'],
      8: ['expirationSeconds', 'int'],
    }),
    3: ['status', message(() => ({ 1: ['conditions', list(message(() => csrCondition))], 2: ['certificate', 'bytes'] }))],
  }),
  'coordination.k8s.io/v1 Lease': kind({
    2: spec({
      1: ['holderIdentity', 'string'],
      2: ['leaseDurationSeconds', 'int'],
      3: ['acquireTime', 'microtime'],
      4: ['renewTime', 'microtime'],
      5: ['leaseTransitions', 'int'],
    }),
  }),
  'rbac.authorization.k8s.io/v1 Role': kind({ 2: rules }),
  'rbac.authorization.k8s.io/v1 ClusterRole': kind({
    2: rules,
    3: ['aggregationRule', message(() => ({ 1: ['clusterRoleSelectors', list(message(() => labelSelector))] }))],
  }),
  'rbac.authorization.k8s.io/v1 RoleBinding': binding,
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': binding,
  'authorization.k8s.io/v1 SelfSubjectAccessReview': kind({ 2: spec(access) }),
  'authorization.k8s.io/v1 SubjectAccessReview': kind({ 2: spec(subjectAccess) }),
  'authorization.k8s.io/v1 LocalSubjectAccessReview': kind({ 2: spec(subjectAccess) }),
  'authorization.k8s.io/v1 SelfSubjectRulesReview': kind({ 2: spec({ 1: ['namespace', 'string'] }) }),
  'authentication.k8s.io/v1 SelfSubjectReview': kind({}),
  'authentication.k8s.io/v1 TokenReview': kind({ 2: spec({ 1: ['token', 'string'], 2: ['audiences', list('string')] }) }),
  'authentication.k8s.io/v1 TokenRequest': kind({
    2: spec({ 1: ['audiences', list('string')], 3: ['boundObjectRef', message(() => boundObject)], 4: ['expirationSeconds', 'int'] }),
  }),
  'v1 DeleteOptions': {
    1: ['gracePeriodSeconds', 'int'],
    2: ['preconditions', message(() => ({ 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] }))],
    3: ['orphanDependents', 'bool'],
    4: ['propagationPolicy', 'string'],
    5: ['dryRun', list('string')],
  },
};

/** The message of a kind, undefined where none is known. */
export const messageOf = (apiVersion: string, kindName: string): MessageType | undefined => {
  // DeleteOptions come under every group.
  const key = kindName === 'DeleteOptions' ? 'v1 DeleteOptions' : `${apiVersion} ${kindName}`;
  return Object.hasOwn(messages, key) ? messages[key] : undefined;
};
