// Tells people what a controller does, as Events beside the objects they are about. Whoever records one never waits and never fails: what cannot
// be written is counted and forgotten. An event that comes again raises a count, many similar ones become one, and one object has a bounded
// number of writes, whatever happens to it. The count of an event that was held back is right with its next write.

import { qualifiedNameProblem } from '../api/metadata.ts';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import { afterFailure } from './after-failure.ts';
import { type BackOff, backOffMs } from './back-off.ts';
import { createBoundedMap } from './bounded-map.ts';
import { type Clock, sleep } from './clock.ts';
import {
  boundedMessage,
  type EventInput,
  eventName,
  eventObject,
  eventProblem,
  eventType,
  namespaceOfEvent,
  repetition,
} from './event-object.ts';
import { createFifo } from './fifo.ts';
import type { KubeClient } from './kube-client.ts';

export type EventCounts = {
  /** Writes that the server took. */
  readonly written: number;
  /** Events that never will be written: invalid, recorded after the stop, or more than can be held. */
  readonly dropped: number;
  /** Events that only their count will tell of, with a later write: their object had too many. */
  readonly heldBack: number;
  /** Writes that were given up. */
  readonly failed: number;
  readonly queued: number;
};

export type EventRecorderOptions = {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  /** Who records, as a qualified name: `certwright.dev/issuing`. */
  readonly component: string;
  /** Which of its processes, such as the name of the Pod. */
  readonly instance: string;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  /** Told why something was not written; it gives no answer. */
  readonly onTrouble: (error: unknown) => void;
  /** How many events, objects and groups of similar events are remembered; 4096 of each where left out. */
  readonly maxRemembered?: number;
  /** How many writes may wait; 1000 where left out. */
  readonly maxQueued?: number;
  readonly backOff?: BackOff;
};

export type EventRecorder = {
  record(event: EventInput): void;
  readonly counts: () => EventCounts;
  /** Writes what waits, for so long at most; what is left then is dropped. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
};

/** So many different messages of one reason about one object are written apart; with the next they become one event, until they stop coming. */
const maxApart = 10;
const similarForMs = 600_000;
const combined = '(combined from similar events): ';

/** An object may have so many writes at once, and one more after each such time. */
const maxBurst = 25;
const tokenMs = 300_000;

const maxTries = 6;
const requestMs = 10_000;

type Entry = {
  readonly input: EventInput;
  readonly first: Date;
  name: string;
  message: string;
  count: number;
  last: Date;
  /** Whether it waits for its turn, which will tell all that it has counted by then. */
  isQueued: boolean;
  isWritten: boolean;
};

type Similar = { readonly messages: Set<string>; lastMs: number };
type Tokens = { left: number; filledMs: number };

export const createEventRecorder = ({
  client,
  component,
  instance,
  clock,
  random,
  onTrouble,
  maxRemembered = 4096,
  maxQueued = 1000,
  backOff = { firstMs: 1000, maxMs: 30_000 },
}: EventRecorderOptions): EventRecorder => {
  const problem = qualifiedNameProblem(component);
  if (problem !== undefined) throw new CodedError('Bug', `cannot record events as ${component}: ${problem}`);
  const entries = createBoundedMap<string, Entry>(maxRemembered);
  const similar = createBoundedMap<string, Similar>(maxRemembered);
  const tokens = createBoundedMap<string, Tokens>(maxRemembered);
  const queue = createFifo<Entry>();
  const counts = { written: 0, dropped: 0, heldBack: 0, failed: 0 };
  const aborting = new AbortController();
  let isStopping = false;
  let writing: Promise<void> | undefined;

  const tell = (error: unknown): void => {
    try {
      onTrouble(error);
    } catch {
      // Whoever is told must not be the cause of more trouble.
    }
  };

  const freshName = ({ about }: EventInput): string =>
    eventName(
      about,
      `${clock.now().getTime().toString(16)}${Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0')}`,
    );

  /** Whether so many similar events came lately that this one is to be told with them. */
  const isOneOfMany = (group: string, message: string): boolean => {
    const nowMs = clock.elapsedMs();
    const found = similar.provide(group, () => ({ messages: new Set(), lastMs: nowMs }));
    if (nowMs - found.lastMs > similarForMs) found.messages.clear();
    found.lastMs = nowMs;
    if (found.messages.has(message)) return false;
    if (found.messages.size >= maxApart) return true;
    found.messages.add(message);
    return false;
  };

  const takeToken = (subject: string): boolean => {
    const nowMs = clock.elapsedMs();
    const bucket = tokens.provide(subject, () => ({ left: maxBurst, filledMs: nowMs }));
    const filled = Math.floor((nowMs - bucket.filledMs) / tokenMs);
    bucket.left = Math.min(bucket.left + filled, maxBurst);
    bucket.filledMs += filled * tokenMs;
    if (bucket.left === 0) return false;
    bucket.left -= 1;
    return true;
  };

  const record = (input: EventInput): void => {
    const wrong = eventProblem(input);
    if (wrong !== undefined) throw new CodedError('Bug', `cannot record an event: ${wrong}`);
    if (isStopping) {
      counts.dropped += 1;
      return;
    }
    const { about, type, reason, action } = input;
    const text = boundedMessage(input.message);
    const subject = JSON.stringify([about.apiVersion, about.kind, about.namespace, about.name, about.uid]);
    const group = JSON.stringify([subject, type, reason, action]);
    const isCombined = isOneOfMany(group, text);
    const message = isCombined ? boundedMessage(combined + text) : text;
    const key = JSON.stringify([group, isCombined ? undefined : text]);
    // One that would not be written at all is not remembered either: that would push out others.
    if (!entries.has(key) && (queue.size >= maxQueued || !takeToken(subject))) {
      counts.dropped += 1;
      return;
    }
    const isNew = !entries.has(key);
    const now = clock.now();
    const entry = entries.provide(key, () => ({
      input: { ...input, message: '' },
      first: now,
      name: freshName(input),
      message,
      count: 0,
      last: now,
      isQueued: false,
      isWritten: false,
    }));
    entry.count += 1;
    entry.last = now;
    entry.message = message;
    if (entry.isQueued) return;
    if (!isNew && (queue.size >= maxQueued || !takeToken(subject))) {
      counts.heldBack += 1;
      return;
    }
    entry.isQueued = true;
    queue.push(entry);
    writing ??= writeAll();
  };

  const send = async (entry: Entry, signal: AbortSignal): Promise<void> => {
    const { input, name, first } = entry;
    const again = repetition(entry.count, entry.last, entry.message);
    const create = async (): Promise<void> => {
      await client.create(eventType, eventObject(input, { name: entry.name, first, again, component, instance }), { signal });
    };
    if (!entry.isWritten)
      try {
        await create();
        entry.isWritten = true;
        return;
      } catch (error) {
        // An earlier try arrived after all.
        if (!isCodedError(error) || error.code !== 'AlreadyExists') throw error;
        entry.isWritten = true;
      }
    try {
      await client.patch(eventType, namespaceOfEvent(input.about), name, { type: 'merge', value: again }, { signal });
    } catch (error) {
      if (!isCodedError(error) || error.code !== 'NotFound') throw error;
      // Servers forget events after an hour or so.
      entry.isWritten = false;
      entry.name = freshName(input);
      await create();
      entry.isWritten = true;
    }
  };

  /** One try. Whether the client heeds the signal or not, it ends. */
  const attempt = (entry: Entry): Promise<void> =>
    new Promise((resolve, reject) => {
      const giveUp = new AbortController();
      const cancel = clock.after(requestMs, () =>
        giveUp.abort(new CodedError('Timeout', `cannot write an event: no answer in ${requestMs} ms`)),
      );
      const signal = AbortSignal.any([aborting.signal, giveUp.signal]);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
      send(entry, signal).then(resolve, reject).finally(cancel);
    });

  const write = async (entry: Entry): Promise<void> => {
    for (let tries = 1; !aborting.signal.aborted; tries++) {
      try {
        entry.isQueued = false;
        await attempt(entry);
        counts.written += 1;
        return;
      } catch (error) {
        const { next, leastMs } = afterFailure(error);
        if (aborting.signal.aborted) break;
        tell(error);
        if (next === 'stop' || tries === maxTries) {
          counts.failed += 1;
          return;
        }
        entry.isQueued = true;
        await sleep(clock, Math.max(leastMs, backOffMs(tries, backOff, random)), aborting.signal);
      }
    }
    counts.dropped += 1;
  };

  const writeAll = async (): Promise<void> => {
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) await write(entry);
    writing = undefined;
  };

  return {
    record: (event) => {
      try {
        record(event);
      } catch (error) {
        counts.dropped += 1;
        tell(error);
      }
    },
    counts: () => ({ ...counts, queued: queue.size }),
    stop: async ({ graceMs = 0 } = {}) => {
      isStopping = true;
      const abort = (): void => aborting.abort(new CodedError('ServiceUnavailable', 'cannot write an event: the recorder has stopped'));
      const cancel = graceMs > 0 ? clock.after(graceMs, abort) : undefined;
      if (cancel === undefined) abort();
      await writing;
      cancel?.();
    },
  };
};
