// What becomes of an event before it is written, so that no object floods the API with them: the same event again counts up what is there, many
// that differ in their words alone become one, and beyond that an object has so many and no more. Pure but for what it remembers, which is bounded.

export type EventType = 'Normal' | 'Warning';

export type CorrelatedEvent = {
  /** Which object it is about. */
  readonly object: string;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
};

export type Correlation =
  | { readonly kind: 'drop' }
  /** To be written; under this key it is remembered once it is. */
  | { readonly kind: 'new'; readonly key: string; readonly message: string }
  /** Written before under this name, so often by now. */
  | { readonly kind: 'again'; readonly key: string; readonly message: string; readonly name: string; readonly count: number };

export type EventCorrelation = {
  /** Decides about an event at this moment, in milliseconds that do not go back. */
  decide(event: CorrelatedEvent, nowMs: number): Correlation;
  /** Remembers what was written. */
  written(key: string, name: string, count: number): void;
  forget(key: string): void;
};

/** Of events that differ in their message alone, so many stand by themselves in each window. */
const maxMessages = 10;
const windowMs = 600_000;
/** An object has so many at once, and one more each five minutes. */
const burst = 25;
const refillMs = 300_000;
/** What each memory holds at most; the one unused longest is forgotten first. */
const maxRemembered = 4096;

/** The value of a key, which thereby counts as used. */
const touched = <Value>(memory: Map<string, Value>, key: string, fresh: () => Value): Value => {
  const value = memory.get(key) ?? fresh();
  memory.delete(key);
  memory.set(key, value);
  for (const [oldest] of memory) {
    if (memory.size <= maxRemembered) break;
    memory.delete(oldest);
  }
  return value;
};

export const createEventCorrelation = (): EventCorrelation => {
  const similar = new Map<string, { messages: Set<string>; lastMs: number }>();
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  const known = new Map<string, { readonly name: string; readonly count: number }>();

  const hasRoom = (object: string, nowMs: number): boolean => {
    const bucket = touched(buckets, object, () => ({ tokens: burst, atMs: nowMs }));
    bucket.tokens = Math.min(burst, bucket.tokens + (nowMs - bucket.atMs) / refillMs);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  };

  return {
    decide: ({ object, type, reason, message }, nowMs) => {
      const group = JSON.stringify([object, type, reason]);
      const others = touched(similar, group, () => ({ messages: new Set<string>(), lastMs: nowMs }));
      if (nowMs - others.lastMs > windowMs) others.messages.clear();
      others.lastMs = nowMs;
      const isOneOfMany = !others.messages.has(message) && others.messages.size >= maxMessages;
      if (!isOneOfMany) others.messages.add(message);
      const key = isOneOfMany ? group : `${group}${message}`;
      const shown = isOneOfMany ? `(combined from similar events): ${message}` : message;
      if (!hasRoom(object, nowMs)) return { kind: 'drop' };
      const before = known.get(key);
      return before === undefined
        ? { kind: 'new', key, message: shown }
        : { kind: 'again', key, message: shown, name: before.name, count: before.count + 1 };
    },
    written: (key, name, count) => {
      known.delete(key);
      touched(known, key, () => ({ name, count }));
    },
    forget: (key) => {
      known.delete(key);
    },
  };
};
