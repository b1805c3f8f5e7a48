// An Event as it is written, and what may be in one. Events of the core group, not of events.k8s.io: it is their `count` and `lastTimestamp` that
// `kubectl get events --sort-by`, dashboards and exporters read, every server has them, and the message of several similar ones may change
// (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).

import type { KubernetesObject } from '../api/object.ts';
import { visibleText } from '../base/visible-text.ts';
import type { ResourceType } from './kube-client.ts';

/** What an event is about. Names and nothing else, so that no content of an object can get into an event. */
export type EventSubject = {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty for what belongs to no namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
};

export type EventInput = {
  readonly about: EventSubject;
  readonly type: 'Normal' | 'Warning';
  /** Why, in one word like `IssuerNotReady`: programs read it. */
  readonly reason: string;
  /** What was done or tried, in one word like `Issue`. */
  readonly action: string;
  /** For people; without secrets. */
  readonly message: string;
};

export const eventType: ResourceType = { group: '', version: 'v1', kind: 'Event', plural: 'events', isNamespaced: true };

const maxMessageBytes = 1024;
const maxCount = 2 ** 31 - 1;
const word = /^[A-Z][A-Za-z0-9]{0,127}$/;

export const subjectOf = ({ apiVersion, kind, metadata }: KubernetesObject): EventSubject => ({
  apiVersion,
  kind,
  namespace: metadata.namespace ?? '',
  name: metadata.name ?? '',
  ...(metadata.uid !== undefined && { uid: metadata.uid }),
});

/** What is wrong with it; undefined where nothing is. */
export const eventProblem = ({ about, type, reason, action, message }: EventInput): string | undefined => {
  if (about.apiVersion === '' || about.kind === '' || about.name === '') return 'it is about nothing that has a kind and a name';
  if (type !== 'Normal' && type !== 'Warning') return `its type is ${visibleText(String(type))}, and should be Normal or Warning`;
  for (const [field, value] of Object.entries({ reason, action }))
    if (typeof value !== 'string' || !word.test(value))
      return `its ${field} is ${visibleText(String(value)).slice(0, 200)}, and should be one word in CamelCase of at most 128 letters`;
  return typeof message === 'string' && message !== '' ? undefined : 'it has no message';
};

/** The message as it is written: on one line, and cut where it is too long, though never within a letter. */
export const boundedMessage = (message: string): string => {
  // What is far too long is not looked at whole.
  const text = visibleText(message.slice(0, maxMessageBytes * 2));
  if (text.length === Buffer.byteLength(text) ? text.length <= maxMessageBytes : Buffer.byteLength(text) <= maxMessageBytes) return text;
  const mark = '…';
  let kept = '';
  let bytes = Buffer.byteLength(mark);
  for (const letter of text) {
    bytes += Buffer.byteLength(letter);
    if (bytes > maxMessageBytes) break;
    kept += letter;
  }
  return `${kept}${mark}`;
};

/** Time as the core group writes it: to the second. */
export const eventTime = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, 'Z');

/** Begins with the name of what it is about, for people; the suffix makes it unique. */
export const eventName = ({ name }: EventSubject, suffix: string): string => {
  const stem = name
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .slice(0, 200)
    .replace(/[.-]+$/, '')
    .replace(/^[.-]+/, '')
    // Between two points no label of a name may end or begin with a dash, nor be empty.
    .replace(/[.-]*\.[.-]*/g, '.');
  return `${stem === '' ? 'event' : stem}.${suffix}`;
};

/** Where events about it are kept: those of what has no namespace are in `default`. */
export const namespaceOfEvent = ({ namespace }: EventSubject): string => namespace || 'default';

/** The part of an event that changes when it comes again. */
export const repetition = (count: number, last: Date, message: string): { readonly [field: string]: unknown } => ({
  count: Math.min(count, maxCount),
  lastTimestamp: eventTime(last),
  message,
});

export const eventObject = (
  { about, type, reason, action }: EventInput,
  {
    name,
    first,
    again,
    component,
    instance,
  }: {
    readonly name: string;
    readonly first: Date;
    readonly again: ReturnType<typeof repetition>;
    readonly component: string;
    readonly instance: string;
  },
): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { namespace: namespaceOfEvent(about), name },
  involvedObject: {
    apiVersion: about.apiVersion,
    kind: about.kind,
    ...(about.namespace !== '' && { namespace: about.namespace }),
    name: about.name,
    ...(about.uid !== undefined && { uid: about.uid }),
  },
  type,
  reason,
  action,
  firstTimestamp: eventTime(first),
  ...again,
  source: { component },
  reportingComponent: component,
  reportingInstance: instance,
});
