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
