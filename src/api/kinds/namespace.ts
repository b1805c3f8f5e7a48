// Namespace (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/namespace-v1/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, keepStatus, statusSubresource } from '../kind.ts';
import { labelName } from '../metadata.ts';
import { fieldsAt, type KubernetesObject, textAt } from '../object.ts';

const phase = (object: KubernetesObject): string => textAt(object['status'], 'phase');

export const namespaceKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  model: 'V1Namespace',
  isNamespaced: false,
  shortNames: ['ns'],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  nameRule: labelName,
  columns: [nameColumn, text('Status', phase), ageColumn],
  selectable: { 'status.phase': phase, name: (object) => object.metadata.name ?? '' },
  deleteReturnsObject: true,
  subresources: [
    statusSubresource('status and metadata'),
    {
      name: 'finalize',
      verbs: ['update'],
      apply: (sent, old) => ({
        ...old,
        metadata: sent.metadata,
        spec: { ...fieldsAt(old, 'spec'), finalizers: fieldsAt(sent, 'spec')['finalizers'] ?? [] },
      }),
    },
  ],
  withDefaults: (object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      ...(object.metadata.name === undefined
        ? {}
        : { labels: { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name } }),
    },
  }),
  forCreate: (object) => ({ ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }),
  forUpdate: (object, old) => ({ ...keepStatus(object, old), spec: old['spec'] }),
});
