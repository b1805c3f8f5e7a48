// A clock that stands still until a test moves it, and calls whoever waits on the way, in order.

import type { Clock } from '../kube/clock.ts';

type Timer = { readonly atMs: number; readonly order: number; readonly call: () => void };

export type FakeClock = Clock & {
  /** Moves on by this long. Whatever can happen without time passing happens before and after each timer. */
  advance(ms: number): Promise<void>;
  /** Sets the calendar without any time passing. */
  setDate(date: Date): void;
};

/** Lets everything happen that waits for nothing but its turn. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const fakeClock = (start: Date = new Date('2026-01-01T00:00:00Z')): FakeClock => {
  let elapsedMs = 0;
  let offsetMs = start.getTime();
  let order = 0;
  const timers = new Set<Timer>();
  const nextBy = (ms: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.atMs > ms) continue;
      if (next === undefined || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order)) next = timer;
    }
    return next;
  };
  return {
    now: () => new Date(offsetMs + elapsedMs),
    elapsedMs: () => elapsedMs,
    after: (ms, call) => {
      order += 1;
      const timer = { atMs: elapsedMs + Math.max(ms, 0), order, call };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    advance: async (ms) => {
      const untilMs = elapsedMs + ms;
      await settle();
      for (let timer = nextBy(untilMs); timer !== undefined; timer = nextBy(untilMs)) {
        timers.delete(timer);
        elapsedMs = Math.max(elapsedMs, timer.atMs);
        timer.call();
        await settle();
      }
      elapsedMs = untilMs;
    },
    setDate: (date) => {
      offsetMs = date.getTime() - elapsedMs;
    },
  };
};
