// ServiceAccount (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/service-account-v1/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind } from '../kind.ts';
import { listAt } from '../object.ts';

export const serviceAccountKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  model: 'V1ServiceAccount',
  isNamespaced: true,
  shortNames: ['sa'],
  columns: [nameColumn, text('Secrets', (object) => String(listAt(object, 'secrets').length)), ageColumn],
  deleteReturnsObject: true,
  subresources: [{ name: 'token', verbs: ['create'], serves: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } }],
});
