// Eviction (https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/): what is posted to a pod's /eviction. It has no path of its own.

import { defineKind } from '../kind.ts';

export const evictionKind = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  plural: 'evictions',
  model: 'V1Eviction',
  isNamespaced: true,
  verbs: [],
});
