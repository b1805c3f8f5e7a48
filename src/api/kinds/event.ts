// Event, in the core group and in events.k8s.io: the same objects under two sets of field names
// (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/). They are stored as the core group has them.

import { age, nameColumn, text } from '../column.ts';
import type { SelectableFields } from '../field-selector.ts';
import { defineKind } from '../kind.ts';
import { qualifiedNameProblem } from '../metadata.ts';
import { type Fields, fieldsAt, isSameJson, type KubernetesObject, textAt, without } from '../object.ts';
import { type FieldProblem, invalidValue, required } from '../status.ts';

const involved = (object: KubernetesObject, field: string): string => textAt(object['involvedObject'], field);
const source = (object: KubernetesObject): string => textAt(object['source'], 'component') || textAt(object, 'reportingComponent');

const lastSeen = (object: KubernetesObject): string | undefined =>
  [textAt(fieldsAt(object, 'series'), 'lastObservedTime'), textAt(object, 'lastTimestamp'), textAt(object, 'eventTime')].find(
    (time) => time !== '',
  );
const firstSeen = (object: KubernetesObject): string | undefined =>
  [textAt(object, 'firstTimestamp'), textAt(object, 'eventTime')].find((time) => time !== '');

const involvedFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;

/** Selectors by the object that an event is about, which the two groups call by two names. */
const selectableReference = (name: 'involvedObject' | 'regarding'): SelectableFields =>
  Object.fromEntries(involvedFields.map((field) => [`${name}.${field}`, (object: KubernetesObject) => textAt(object[name], field)]));

const common: SelectableFields = {
  reason: (object) => textAt(object, 'reason'),
  type: (object) => textAt(object, 'type'),
};

const maxWord = 128;
const maxNote = 1024;

/** What every event must be, in both groups. Fields are called as the core group calls them, but for the one that is named. */
const problems = (object: KubernetesObject, controllerField: string): readonly FieldProblem[] => {
  const found: FieldProblem[] = [];
  const isTimed = textAt(object, 'eventTime') !== '';
  const [of, at] = [involved(object, 'namespace'), object.metadata.namespace ?? ''];
  const isAt = of === '' ? at === 'default' || (isTimed && at === 'kube-system') : isTimed || of === at;
  if (!isAt) found.push(invalidValue('involvedObject.namespace', of, 'does not match event.namespace'));
  if (!isTimed) return found;
  const controller = textAt(object, 'reportingComponent');
  const problem = qualifiedNameProblem(controller);
  if (controller === '') found.push(required(controllerField));
  if (problem !== undefined) found.push(invalidValue(controllerField, controller, problem));
  for (const field of ['reportingInstance', 'action', 'reason']) {
    const value = textAt(object, field);
    if (value === '') found.push(required(field));
    if (Buffer.byteLength(value) > maxWord) found.push(invalidValue(field, '', `can have at most ${maxWord} characters`));
  }
  if (Buffer.byteLength(textAt(object, 'message')) > maxNote)
    found.push(invalidValue('message', '', `can have at most ${maxNote} characters`));
  return found;
};

/** What an event that is written as one of events.k8s.io must be besides. */
const newProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const found: FieldProblem[] = [];
  if (textAt(object, 'eventTime') === '') found.push(required('eventTime'));
  const type = textAt(object, 'type');
  if (type !== 'Normal' && type !== 'Warning') found.push(invalidValue('type', '', `has invalid value: ${type}`));
  const isSet: Readonly<Record<string, boolean>> = {
    firstTimestamp: textAt(object, 'firstTimestamp') !== '',
    lastTimestamp: textAt(object, 'lastTimestamp') !== '',
    count: (object['count'] ?? 0) !== 0,
    source: Object.keys(fieldsAt(object, 'source')).length > 0,
  };
  for (const [field, is] of Object.entries(isSet)) if (is) found.push(invalidValue(field, '', 'needs to be unset'));
  return [...found, ...seriesProblems(object)];
};

const seriesProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  if (object['series'] === undefined) return [];
  const { count, lastObservedTime = '' } = fieldsAt(object, 'series');
  return [
    ...(typeof count !== 'number' || count < 2 ? [invalidValue('series.count', '', 'should be at least 2')] : []),
    ...(lastObservedTime === '' ? [required('series.lastObservedTime')] : []),
  ];
};

const withDefaults = (object: KubernetesObject): KubernetesObject => ({
  ...object,
  eventTime: object['eventTime'] ?? null,
  firstTimestamp: object['firstTimestamp'] ?? null,
  lastTimestamp: object['lastTimestamp'] ?? null,
  source: object['source'] ?? {},
  reportingComponent: object['reportingComponent'] ?? '',
  reportingInstance: object['reportingInstance'] ?? '',
});

export const eventKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  model: 'CoreV1Event',
  isNamespaced: true,
  shortNames: ['ev'],
  createsOnUpdate: true,
  selectable: {
    ...selectableReference('involvedObject'),
    ...common,
    reportingComponent: (object) => textAt(object, 'reportingComponent'),
    source,
  },
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
  withDefaults,
  problems: (object) => problems(object, 'reportingComponent'),
});

/** Fields that the two groups call by different names: core, events.k8s.io. */
const renamed: readonly (readonly [core: string, events: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
];

const rename = (object: KubernetesObject, names: ReadonlyMap<string, string>, apiVersion: string): KubernetesObject => {
  const { metadata, kind, apiVersion: _, ...rest } = object;
  const fields: Fields = Object.fromEntries(Object.entries(rest).map(([name, value]) => [names.get(name) ?? name, value]));
  return { apiVersion, kind, metadata, ...fields };
};

const toEvents = new Map(renamed);
const toCore = new Map(renamed.map(([core, events]) => [events, core]));
const inCore = (object: KubernetesObject): KubernetesObject => rename(object, toCore, 'v1');
const shown = (object: KubernetesObject): KubernetesObject => {
  const all = rename(object, toEvents, 'events.k8s.io/v1');
  return without(all, ...['note', 'reportingController', 'reportingInstance'].filter((name) => all[name] === ''));
};

/** What stays as it is in an event that is written as one of events.k8s.io. */
const immutable: Readonly<Record<string, string>> = {
  involvedObject: 'involvedObject',
  reason: 'reason',
  message: 'message',
  source: 'source',
  firstTimestamp: 'firstTimestamp',
  lastTimestamp: 'lastTimestamp',
  count: 'count',
  type: 'type',
  eventTime: 'eventTime',
  action: 'action',
  related: 'related',
  reportingComponent: 'reportingController',
  reportingInstance: 'reportingInstance',
};

export const newEventKind = defineKind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  model: 'EventsV1Event',
  view: { of: eventKind, show: shown, store: inCore },
  isNamespaced: true,
  shortNames: ['ev'],
  createsOnUpdate: true,
  selectable: {
    ...selectableReference('regarding'),
    ...common,
    reportingController: (object) => textAt(object, 'reportingController'),
  },
  columns: eventKind.columns.map((column) => ({ ...column, cell: (object, now) => column.cell(inCore(object), now) })),
  withDefaults: (object) => shown(withDefaults(inCore(object))),
  forCreate: (object) => object,
  problems: (object) => problems(inCore(object), 'reportingController'),
  createProblems: (object) => newProblems(inCore(object)),
  changeProblems: (object, old) => {
    const [after, before] = [inCore(object), inCore(old)];
    return [
      ...(isSameJson(after['series'], before['series']) ? [] : seriesProblems(after)),
      ...Object.entries(immutable)
        .filter(([field]) => !isSameJson(after[field], before[field]))
        .map(([field, name]) => invalidValue(name, after[field] ?? '', 'field is immutable')),
    ];
  },
});
