// Time as the client side needs it: what the calendar says, what has elapsed, and being called later. Everything in this folder gets it as an
// argument.

export type Clock = {
  /** The time of day, for what is written down and for dates that come from outside. It can jump. */
  now(): Date;
  /** Milliseconds since some moment. They never go back, and may stand still while the machine sleeps. */
  elapsedMs(): number;
  /** Calls once, after this long or a little later; the answer takes it back. */
  after(ms: number, call: () => void): () => void;
};

/** Longer than this, Node's timers fire at once. */
const maxTimerMs = 2 ** 31 - 1;

/** The clock of this machine. Its timers do not keep a process alive by themselves. */
export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, Math.min(Math.max(ms, 0), maxTimerMs)).unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after this long, or as soon as the signal aborts. */
export const sleep = (clock: Clock, ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', wake);
      resolve();
    });
    const wake = (): void => {
      cancel();
      resolve();
    };
    signal?.addEventListener('abort', wake, { once: true });
  });
