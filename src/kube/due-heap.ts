// Keys ordered by when they are due, each at most once: a binary heap that knows where each key is. Every operation is O(log n).

type Entry = { dueMs: number; readonly key: string };

export type DueHeap = {
  /** Where the key is there already, the earlier time stands. */
  add(key: string, dueMs: number): void;
  /** When the next key is due. */
  nextMs(): number | undefined;
  /** Takes the next key out if it is due by then. */
  take(byMs: number): string | undefined;
  readonly size: number;
};

export const createDueHeap = (): DueHeap => {
  const entries: Entry[] = [];
  const places = new Map<string, number>();

  const put = (entry: Entry, place: number): void => {
    entries[place] = entry;
    places.set(entry.key, place);
  };
  const rise = (entry: Entry, from: number): void => {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = entries[above];
      if (parent === undefined || parent.dueMs <= entry.dueMs) break;
      put(parent, place);
      place = above;
    }
    put(entry, place);
  };
  const sink = (entry: Entry, from: number): void => {
    let place = from;
    for (;;) {
      const [left, right] = [entries[2 * place + 1], entries[2 * place + 2]];
      if (left === undefined) break;
      const isRight = right !== undefined && right.dueMs < left.dueMs;
      const child = isRight ? right : left;
      if (entry.dueMs <= child.dueMs) break;
      put(child, place);
      place = 2 * place + (isRight ? 2 : 1);
    }
    put(entry, place);
  };

  return {
    add: (key, dueMs) => {
      const place = places.get(key);
      const entry = place === undefined ? undefined : entries[place];
      if (place === undefined || entry === undefined) return rise({ key, dueMs }, entries.length);
      if (dueMs >= entry.dueMs) return;
      entry.dueMs = dueMs;
      rise(entry, place);
    },
    nextMs: () => entries[0]?.dueMs,
    take: (byMs) => {
      const first = entries[0];
      if (first === undefined || first.dueMs > byMs) return undefined;
      places.delete(first.key);
      const last = entries.pop();
      if (last !== undefined && last !== first) sink(last, 0);
      return first.key;
    },
    get size() {
      return entries.length;
    },
  };
};
