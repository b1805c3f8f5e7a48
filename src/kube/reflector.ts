// Follows a collection for ever: a list, then every change of it, and a list again where changes were missed. What breaks is tried again, later
// each time and never all at once. Whoever follows sees each change once, in order
// (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).

import type { KubernetesObject } from '../api/object.ts';
import { isCodedError } from '../base/coded-error.ts';
import { type BackOff, backOffMs } from './back-off.ts';
import { type Clock, sleep } from './clock.ts';
import type { KubeClient, ObjectList, ResourceType, Selection } from './kube-client.ts';

/** Who follows. What it throws is told to `onTrouble` and changes nothing. */
export type Follower = {
  /** Everything there is; what is not in it is gone. */
  replace(list: ObjectList): void;
  change(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubernetesObject): void;
};

export type ReflectorOptions = {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly type: ResourceType;
  readonly selection?: Selection;
  readonly metadataOnly?: boolean;
  readonly follower: Follower;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  /** Told of each failure; the reflector goes on. */
  readonly onTrouble: (error: unknown) => void;
  readonly backOff?: BackOff;
};

export type Reflector = {
  /** Up to which revision the follower has seen everything; empty before the first list. */
  readonly resourceVersion: string;
  /** Ends it; nothing is told to the follower after it resolves. */
  stop(): Promise<void>;
};

/** Watches end by themselves after a random time between these, so that they do not all come back at once. */
const [leastWatchSeconds, mostWatchSeconds] = [300, 600];
/** A watch that lives shorter than this is no watch. */
const shortWatchMs = 1000;

export const startReflector = (options: ReflectorOptions): Reflector => {
  const { client, type, selection = {}, metadataOnly = false, follower, clock, random, onTrouble } = options;
  const backOff = options.backOff ?? { firstMs: 800, maxMs: 30_000 };
  const stopping = new AbortController();
  const { signal } = stopping;
  let resourceVersion = '';
  let failures = 0;

  const tell = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      onTrouble(error);
    }
  };

  const list = async (): Promise<void> => {
    const found = await client.list(type, { ...selection, metadataOnly, signal });
    if (signal.aborted) return;
    tell(() => follower.replace(found));
    resourceVersion = found.resourceVersion;
  };

  const watch = async (): Promise<void> => {
    const timeoutSeconds = Math.floor(leastWatchSeconds + random() * (mostWatchSeconds - leastWatchSeconds));
    for await (const event of client.watch(type, { ...selection, metadataOnly, resourceVersion, timeoutSeconds, signal })) {
      if (signal.aborted) return;
      failures = 0;
      if (event.type === 'BOOKMARK') resourceVersion = event.resourceVersion;
      else {
        const { object } = event;
        tell(() => follower.change(event.type, object));
        resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
      }
    }
  };

  const round = async (): Promise<void> => {
    if (resourceVersion === '') await list();
    const startedMs = clock.elapsedMs();
    await watch();
    // A server that ends each watch at once would be asked without a pause.
    if (!signal.aborted && clock.elapsedMs() - startedMs < shortWatchMs) await sleep(clock, backOffMs(++failures, backOff, random), signal);
  };

  const follow = async (): Promise<void> => {
    while (!signal.aborted)
      try {
        await round();
      } catch (error) {
        if (signal.aborted) return;
        const isExpired = isCodedError(error) && error.code === 'Expired';
        // What was missed can only be listed. That it was is the way of things, not a failure, unless it comes again at once.
        if (isExpired) resourceVersion = '';
        else onTrouble(error);
        failures++;
        if (!isExpired || failures > 1) await sleep(clock, Math.max(backOffMs(failures, backOff, random), askedMs(error)), signal);
      }
  };

  const ended = follow();
  return {
    get resourceVersion() {
      return resourceVersion;
    },
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
};

const maxAskedMs = 600_000;

const askedMs = (error: unknown): number => {
  const seconds = isCodedError(error) ? error.details?.['retryAfterSeconds'] : undefined;
  return typeof seconds === 'number' ? Math.min(seconds * 1000, maxAskedMs) : 0;
};
