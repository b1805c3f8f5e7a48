// Keys to be worked on: each at most once at a time, and once more where it was added meanwhile; now, after a while, at a date, or again after
// a failure. How many are worked on at once is bounded, and namespaces take turns. It runs the work itself, so that nobody has to wait for a
// key and no wake-up can be missed. It does not know what the work is.

import { type BackOff, backOffMs } from './back-off.ts';
import type { Clock } from './clock.ts';
import { createDueHeap } from './due-heap.ts';
import { createFairTurns } from './fair-turns.ts';

export type WorkQueueOptions = {
  /** Should not throw: it says itself what happens to its key next. */
  readonly work: (key: string) => Promise<void>;
  /** How many keys are worked on at once. One namespace alone leaves one of these places to others. */
  readonly concurrency: number;
  readonly backOff: BackOff;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  /** Told what `work` throws nevertheless. */
  readonly onBug: (error: unknown) => void;
};

export type RetryOptions = {
  /** Not before this long, whatever the back-off says. */
  readonly leastMs?: number;
  /** In place of the back-off's own maximum. */
  readonly maxMs?: number;
};

export type WorkQueue = {
  /** As soon as it is its turn. */
  add(key: string): void;
  /** After this long; of several times the earliest stands. */
  addAfter(key: string, ms: number): void;
  /** Once the calendar says so, also where the machine slept or its clock was set meanwhile; of several dates the earliest stands. */
  addAt(key: string, date: Date): void;
  /** Counts a failure and adds the key after its back-off, which is answered in milliseconds. */
  retry(key: string, options?: RetryOptions): number;
  /** The key did not fail: its next back-off begins at the start. */
  forget(key: string): void;
  failures(key: string): number;
  counts(): { readonly ready: number; readonly delayed: number; readonly inWork: number };
  /** Nothing is begun before. */
  start(): void;
  /**
   * Resolves once nothing is in work any more. What is added from now on is ignored, delayed keys are left, and so are those that wait for
   * their turn unless it is asked to finish them.
   */
  stop(options?: { readonly finishReady?: boolean }): Promise<void>;
};

/** How often dates are compared with the calendar, which can jump. */
const lookAtCalendarMs = 60_000;

export const createWorkQueue = ({ work, concurrency, backOff, clock, random, onBug }: WorkQueueOptions): WorkQueue => {
  const turns = createFairTurns(Math.max(1, concurrency - 1));
  const ready = new Set<string>();
  const inWork = new Set<string>();
  const again = new Set<string>();
  const failed = new Map<string, number>();
  const delays = createDueHeap();
  const dates = createDueHeap();
  let state: 'new' | 'running' | 'finishing' | 'leaving' = 'new';
  let timer: { readonly atMs: number; readonly cancel: () => void } | undefined;
  let ended: (() => void)[] = [];

  const isStopping = (): boolean => state === 'finishing' || state === 'leaving';

  const makeReady = (key: string): void => {
    if (inWork.has(key)) again.add(key);
    else if (!ready.has(key)) {
      ready.add(key);
      turns.add(key);
    }
  };

  const setTimer = (): void => {
    const elapsedMs = clock.elapsedMs();
    const dateMs = dates.nextMs();
    const delayMs = (delays.nextMs() ?? Number.POSITIVE_INFINITY) - elapsedMs;
    const untilDateMs = dateMs === undefined ? Number.POSITIVE_INFINITY : Math.min(dateMs - clock.now().getTime(), lookAtCalendarMs);
    const waitMs = Math.max(0, Math.min(delayMs, untilDateMs));
    const atMs = elapsedMs + waitMs;
    if (isStopping() || waitMs === Number.POSITIVE_INFINITY) {
      timer?.cancel();
      timer = undefined;
    } else if (timer === undefined || atMs < timer.atMs) {
      timer?.cancel();
      timer = { atMs, cancel: clock.after(waitMs, wake) };
    }
  };

  const wake = (): void => {
    timer = undefined;
    if (isStopping()) return;
    const [elapsedMs, nowMs] = [clock.elapsedMs(), clock.now().getTime()];
    for (let key = delays.take(elapsedMs); key !== undefined; key = delays.take(elapsedMs)) makeReady(key);
    for (let key = dates.take(nowMs); key !== undefined; key = dates.take(nowMs)) makeReady(key);
    setTimer();
    begin();
  };

  const begin = (): void => {
    if (state !== 'running' && state !== 'finishing') return;
    while (inWork.size < concurrency) {
      const key = turns.take();
      if (key === undefined) return;
      ready.delete(key);
      inWork.add(key);
      void run(key);
    }
  };

  const run = async (key: string): Promise<void> => {
    try {
      await work(key);
    } catch (error) {
      onBug(error);
    }
    inWork.delete(key);
    turns.end(key);
    if (again.delete(key)) makeReady(key);
    begin();
    endIfIdle();
  };

  const endIfIdle = (): void => {
    if (!isStopping() || inWork.size > 0 || (state === 'finishing' && ready.size > 0)) return;
    for (const end of ended) end();
    ended = [];
  };

  return {
    add: (key) => {
      if (isStopping()) return;
      makeReady(key);
      begin();
    },
    addAfter: (key, ms) => {
      if (isStopping()) return;
      delays.add(key, clock.elapsedMs() + Math.max(ms, 0));
      setTimer();
    },
    addAt: (key, date) => {
      if (isStopping()) return;
      dates.add(key, date.getTime());
      setTimer();
    },
    retry: (key, { leastMs = 0, maxMs = backOff.maxMs } = {}) => {
      const failures = (failed.get(key) ?? 0) + 1;
      if (isStopping()) return leastMs;
      failed.set(key, failures);
      const waitMs = Math.max(backOffMs(failures, { ...backOff, maxMs }, random), leastMs);
      delays.add(key, clock.elapsedMs() + waitMs);
      setTimer();
      return waitMs;
    },
    forget: (key) => {
      failed.delete(key);
    },
    failures: (key) => failed.get(key) ?? 0,
    counts: () => ({ ready: ready.size, delayed: delays.size + dates.size, inWork: inWork.size }),
    start: () => {
      if (state !== 'new') return;
      state = 'running';
      wake();
    },
    stop: ({ finishReady = false } = {}) =>
      new Promise((resolve) => {
        state = finishReady && state === 'running' ? 'finishing' : 'leaving';
        ended.push(resolve);
        setTimer();
        begin();
        endIfIdle();
      }),
  };
};
