// ConfigMap (https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/config-map-v1/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind } from '../kind.ts';
import { type DataFields, dataChangeProblems, dataCount, dataProblems } from './keyed-data.ts';

const fields: DataFields = { text: ['data'], base64: ['binaryData'] };

export const configMapKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  model: 'V1ConfigMap',
  isNamespaced: true,
  shortNames: ['cm'],
  columns: [nameColumn, text('Data', (object) => String(dataCount(object, fields))), ageColumn],
  problems: (object) => dataProblems(object, fields),
  changeProblems: (object, old) => dataChangeProblems(object, old, fields),
});
