// The loop of a controller: keys in, one at a time to `reconcile`, and by its answer or its failure the time of the next look. It knows neither
// objects nor watches: whoever watches adds keys, also those of other objects that one depends on.

import { CodedError } from '../base/coded-error.ts';
import type { ErrorClass } from '../base/error-codes.ts';
import { afterFailure } from './after-failure.ts';
import type { BackOff } from './back-off.ts';
import type { Clock } from './clock.ts';
import { type ObjectName, workKey } from './work-key.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

/** Nothing to do until something changes, or until a date. */
export type Outcome = 'done' | { readonly until: Date };

export type ReconcileFailure = {
  readonly controller: string;
  readonly key: string;
  readonly error: unknown;
  readonly class: ErrorClass;
  /** In a row, this one included. */
  readonly failures: number;
  /** Undefined where only a change brings the key back. */
  readonly nextInMs: number | undefined;
  /** Of bugs alone. */
  readonly stack?: string;
};

export type ControllerOptions = {
  readonly name: string;
  /** Brings one object nearer to what is wanted. The signal aborts when the controller stops or this takes too long. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly onFailure: (failure: ReconcileFailure) => void;
  /** Of keys worked on at once; 8 where left out. */
  readonly concurrency?: number;
  /** From 200 ms to 5 minutes where left out. */
  readonly backOff?: BackOff;
  /** How long a key that waits for something is left alone at most; 10 minutes where left out. */
  readonly recheckMs?: number;
  /** After how long the signal of one reconcile aborts; 2 minutes where left out. */
  readonly deadlineMs?: number;
  /** Every key is looked at once in each period, each at a moment of its own. */
  readonly resync?: { readonly everyMs: number; readonly keys: () => Iterable<string> };
};

export type Controller = {
  /** Something about the object changed. */
  wake(object: ObjectName): void;
  counts: WorkQueue['counts'];
  start(): void;
  /** Resolves when nothing is in work any more. Signals abort after the time given, at once where it is left out. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
};

export const createController = ({
  name,
  reconcile,
  clock,
  random,
  onFailure,
  concurrency = 8,
  backOff = { firstMs: 200, maxMs: 300_000 },
  recheckMs = 600_000,
  deadlineMs = 120_000,
  resync,
}: ControllerOptions): Controller => {
  const stopping = new AbortController();
  let cancelResync: () => void = () => undefined;

  const fail = (key: string, error: unknown): void => {
    const decided = afterFailure(error);
    const failures = queue.failures(key) + 1;
    let nextInMs: number | undefined;
    if (decided.next === 'stop') queue.forget(key);
    else nextInMs = queue.retry(key, { leastMs: decided.leastMs, ...(decided.next === 'recheck' && { maxMs: recheckMs }) });
    report({ key, error, class: decided.class, failures, nextInMs });
  };

  const report = (failure: Omit<ReconcileFailure, 'controller' | 'stack'>): void => {
    const stack = failure.class === 'bug' && failure.error instanceof Error ? failure.error.stack : undefined;
    try {
      onFailure({ controller: name, ...failure, ...(stack !== undefined && { stack }) });
    } catch {
      // Whoever is told of failures must not be the cause of more.
    }
  };

  const settle = (key: string, outcome: Outcome): void => {
    const untilMs = outcome === 'done' ? Number.POSITIVE_INFINITY : outcome.until.getTime();
    if (Number.isNaN(untilMs)) {
      fail(key, new CodedError('Bug', `cannot wait for ${key}: the date is none`));
      return;
    }
    // A date that has come already is answered again and again by a plan that does not get on; so it waits longer each time.
    if (untilMs <= clock.now().getTime()) {
      queue.retry(key);
      return;
    }
    queue.forget(key);
    if (outcome !== 'done') queue.addAt(key, outcome.until);
  };

  const work = async (key: string): Promise<void> => {
    const deadline = new AbortController();
    const cancel = clock.after(deadlineMs, () =>
      deadline.abort(new CodedError('Timeout', `cannot finish ${key} in controller ${name}: it took longer than ${deadlineMs} ms`)),
    );
    try {
      settle(key, await reconcile(key, AbortSignal.any([stopping.signal, deadline.signal])));
    } catch (error) {
      // What a stop broke off is no failure: the next start looks at every key.
      if (stopping.signal.aborted) return;
      fail(key, deadline.signal.aborted ? deadline.signal.reason : error);
    } finally {
      cancel();
    }
  };

  const queue = createWorkQueue({
    work,
    concurrency,
    backOff,
    clock,
    random,
    onBug: (error) => report({ key: '', error, class: 'bug', failures: 1, nextInMs: undefined }),
  });

  const resyncLater = ({ everyMs, keys }: NonNullable<ControllerOptions['resync']>): void => {
    cancelResync = clock.after(everyMs, () => {
      try {
        for (const key of keys()) queue.addAfter(key, random() * everyMs);
      } catch (error) {
        report({ key: '', error, class: 'bug', failures: 1, nextInMs: everyMs });
      }
      resyncLater({ everyMs, keys });
    });
  };

  return {
    wake: (object) => queue.add(workKey(object)),
    counts: queue.counts,
    start: () => {
      queue.start();
      if (resync !== undefined) resyncLater(resync);
    },
    stop: async ({ graceMs = 0 } = {}) => {
      cancelResync();
      const abort = (): void => stopping.abort(new CodedError('ServiceUnavailable', `controller ${name} is stopping`));
      const ended = queue.stop();
      const cancel = graceMs > 0 ? clock.after(graceMs, abort) : undefined;
      if (cancel === undefined) abort();
      await ended;
      cancel?.();
    },
  };
};
