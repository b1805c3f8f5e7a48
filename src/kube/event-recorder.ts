// Tells what happened to an object as Events beside it, of the core group, which every tool reads
// (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/). Whoever tells never waits and never fails: what cannot be
// written in time is counted and dropped.

import { groupVersion, type KubernetesObject } from '../api/object.ts';
import { isCodedError } from '../base/coded-error.ts';
import { errorClass } from '../base/error-codes.ts';
import { type Clock, sleep } from './clock.ts';
import { createEventCorrelation, type EventType } from './event-correlation.ts';
import type { KubeClient, ResourceType } from './kube-client.ts';

export type EventRecorderOptions = {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  /** Who tells, such as `certwright-certificates`. */
  readonly component: string;
  /** Which of its processes, such as the name of the Pod. */
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told of what is lost: the API refused it, or too much waited. */
  readonly onLost: (problem: { readonly reason: string; readonly error?: unknown }) => void;
};

export type EventRecorder = {
  /** `reason` is one word for programs, `message` a sentence for people, cut at 1,024 characters. Neither may hold a secret. */
  record(object: KubernetesObject, event: { readonly type: EventType; readonly reason: string; readonly message: string }): void;
  /** Writes what waits, for so long at most. */
  stop(graceMs: number): Promise<void>;
};

type Waiting = {
  readonly object: KubernetesObject;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  readonly at: Date;
};

export const eventType: ResourceType = { group: '', version: 'v1', kind: 'Event', plural: 'events', isNamespaced: true };

const maxWaiting = 1000;
const maxMessage = 1024;
const maxTries = 4;
const retryMs = 500;
const maxNameLength = 253;

const timeText = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/** Where events about an object stand; those of the cluster's objects are in `default`. */
const namespaceFor = ({ metadata }: KubernetesObject): string => metadata.namespace ?? 'default';

const referenceTo = ({ apiVersion, kind, metadata }: KubernetesObject): Readonly<Record<string, string>> => {
  const { namespace, name, uid, resourceVersion } = metadata;
  const fields = { apiVersion, kind, namespace, name, uid, resourceVersion };
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
};

export const createEventRecorder = ({ client, component, instance, clock, random, onLost }: EventRecorderOptions): EventRecorder => {
  const correlation = createEventCorrelation();
  const stopping = new AbortController();
  const waiting: Waiting[] = [];
  let working: Promise<void> | undefined;

  const lose = (reason: string, error?: unknown): void => {
    try {
      onLost({ reason, ...(error === undefined ? {} : { error }) });
    } catch {
      // Whoever is told of losses must not be the cause of more.
    }
  };

  const create = async ({ object, type, reason, at }: Waiting, message: string, count: number): Promise<string> => {
    const suffix = Math.floor(random() * 2 ** 48)
      .toString(16)
      .padStart(12, '0');
    const name = `${(object.metadata.name ?? '').slice(0, maxNameLength - suffix.length - 1)}.${suffix}`;
    const event = {
      apiVersion: groupVersion('', 'v1'),
      kind: 'Event',
      metadata: { name, namespace: namespaceFor(object) },
      involvedObject: referenceTo(object),
      type,
      reason,
      message,
      source: { component },
      firstTimestamp: timeText(at),
      lastTimestamp: timeText(at),
      count,
      reportingComponent: component,
      reportingInstance: instance,
    };
    await client.create(eventType, event, { signal: stopping.signal });
    return name;
  };

  const write = async (event: Waiting): Promise<void> => {
    const { object, type, reason, at } = event;
    const { apiVersion, kind, metadata } = object;
    const about = JSON.stringify([apiVersion, kind, metadata.namespace, metadata.name, metadata.uid]);
    const decided = correlation.decide({ object: about, type, reason, message: event.message }, clock.elapsedMs());
    if (decided.kind === 'drop') return lose('TooMany');
    const { key, message } = decided;
    for (let tries = 1; ; tries++) {
      try {
        if (decided.kind === 'again') {
          const value = { count: decided.count, lastTimestamp: timeText(at), message };
          const found = await patched(object, decided.name, value);
          if (found) return correlation.written(key, decided.name, decided.count);
        }
        const count = decided.kind === 'again' ? decided.count : 1;
        return correlation.written(key, await create(event, message, count), count);
      } catch (error) {
        const mayComeGood = isCodedError(error) && errorClass(error.code) === 'transient';
        if (!mayComeGood || tries === maxTries || stopping.signal.aborted) {
          correlation.forget(key);
          return lose('Refused', error);
        }
        await sleep(clock, retryMs * 2 ** tries * (0.5 + random()), stopping.signal);
      }
    }
  };

  /** Counts an event up; false where it is gone by now, for events do not last. */
  const patched = async (object: KubernetesObject, name: string, value: object): Promise<boolean> => {
    try {
      await client.patch(eventType, namespaceFor(object), name, { type: 'merge', value }, { signal: stopping.signal });
      return true;
    } catch (error) {
      if (isCodedError(error) && error.code === 'NotFound') return false;
      throw error;
    }
  };

  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (stopping.signal.aborted) lose('Stopped');
      else await write(next);
    }
    working = undefined;
  };

  return {
    record: (object, { type, reason, message }) => {
      if (waiting.length >= maxWaiting) return lose('TooMany');
      const cut = message.length > maxMessage ? `${message.slice(0, maxMessage - 3)}...` : message;
      waiting.push({ object, type, reason, message: cut, at: clock.now() });
      working ??= work();
    },
    stop: async (graceMs) => {
      const cancel = clock.after(graceMs, () => stopping.abort());
      await working;
      cancel();
      stopping.abort();
    },
  };
};
