// Event, in the core group and in events.k8s.io: the same objects under two sets of field names
// (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).

import { age, nameColumn, text } from '../column.ts';
import type { SelectableFields } from '../field-selector.ts';
import { defineKind } from '../kind.ts';
import { fieldsAt, type KubernetesObject, textAt } from '../object.ts';
import { type FieldProblem, invalidValue } from '../status.ts';

const involved = (object: KubernetesObject, field: string): string => textAt(object['involvedObject'], field);
const source = (object: KubernetesObject): string => textAt(object['source'], 'component') || textAt(object, 'reportingComponent');

const lastSeen = (object: KubernetesObject): string | undefined =>
  [textAt(fieldsAt(object, 'series'), 'lastObservedTime'), textAt(object, 'lastTimestamp'), textAt(object, 'eventTime')].find(
    (time) => time !== '',
  );
const firstSeen = (object: KubernetesObject): string | undefined =>
  [textAt(object, 'firstTimestamp'), textAt(object, 'eventTime')].find((time) => time !== '');

const involvedFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;
const selectable: SelectableFields = {
  ...Object.fromEntries(involvedFields.map((field) => [`involvedObject.${field}`, (object: KubernetesObject) => involved(object, field)])),
  reason: (object) => textAt(object, 'reason'),
  reportingComponent: (object) => textAt(object, 'reportingComponent'),
  source,
  type: (object) => textAt(object, 'type'),
};

export const eventKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  model: 'CoreV1Event',
  isNamespaced: true,
  shortNames: ['ev'],
  createsOnUpdate: true,
  selectable,
  columns: [
    text('Last Seen', (object, now) => age(lastSeen(object), now)),
    text('Type', (object) => textAt(object, 'type')),
    text('Reason', (object) => textAt(object, 'reason')),
    text('Object', (object) => `${involved(object, 'kind').toLowerCase()}/${involved(object, 'name')}`),
    text('Subobject', (object) => involved(object, 'fieldPath'), 1),
    text('Source', (object) => [source(object), textAt(object['source'], 'host')].filter((part) => part !== '').join(', '), 1),
    text('Message', (object) => textAt(object, 'message').trim()),
    text('First Seen', (object, now) => age(firstSeen(object), now), 1),
    text('Count', (object) => String(fieldsAt(object, 'series')['count'] ?? object['count'] ?? 1), 1),
    { ...nameColumn, priority: 1 },
  ],
  withDefaults: (object) => ({
    ...object,
    eventTime: object['eventTime'] ?? null,
    firstTimestamp: object['firstTimestamp'] ?? null,
    lastTimestamp: object['lastTimestamp'] ?? null,
    source: object['source'] ?? {},
    reportingComponent: object['reportingComponent'] ?? '',
    reportingInstance: object['reportingInstance'] ?? '',
  }),
  problems: (object): readonly FieldProblem[] => {
    const wanted = involved(object, 'namespace');
    const isAt = (wanted === '' ? 'default' : wanted) === object.metadata.namespace;
    return isAt ? [] : [invalidValue('involvedObject.namespace', wanted, 'does not match event.namespace')];
  },
});
