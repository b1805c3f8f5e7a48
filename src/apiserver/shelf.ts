// The objects of one resource, by key and in order. The order is that of `namespace/name` as bytes, as etcd has it, in which continue tokens
// name places; an array holds it, because putting one into ten thousand moves less memory than the object itself takes.

import type { Stored } from './stored-object.ts';

/** Where an object stands among those of its resource. */
export const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

export type Shelf = {
  readonly size: number;
  get(key: string): Stored | undefined;
  /** Puts many at once, none of which is there. */
  fill(all: readonly Stored[]): void;
  set(stored: Stored): void;
  delete(key: string): void;
  /** In order; the caller's own. */
  list(namespace?: string): Stored[];
};

/** Where in an ordered list the first key stands that is not below this one. */
export const lowerBound = (length: number, keyAt: (index: number) => string, key: string): number => {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyAt(middle) < key) low = middle + 1;
    else high = middle;
  }
  return low;
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const keyOfStored = ({ namespace, name }: Stored): string => keyOf(namespace, name);

/** In the order of their keys. */
export const inOrder = (all: readonly Stored[]): Stored[] =>
  all
    .map((stored) => [keyOfStored(stored), stored] as const)
    .sort(([a], [b]) => compare(a, b))
    .map(([, stored]) => stored);

export const newShelf = (): Shelf => {
  const byKey = new Map<string, Stored>();
  let keys: string[] = [];
  let ordered: Stored[] = [];
  const place = (key: string): number => lowerBound(keys.length, (i) => keys[i] ?? '', key);
  return {
    get size() {
      return ordered.length;
    },
    get: (key) => byKey.get(key),
    fill: (all) => {
      for (const stored of all) byKey.set(keyOfStored(stored), stored);
      ordered = inOrder([...byKey.values()]);
      keys = ordered.map(keyOfStored);
    },
    set: (stored) => {
      const key = keyOfStored(stored);
      const isNew = !byKey.has(key);
      byKey.set(key, stored);
      const at = place(key);
      if (isNew) keys.splice(at, 0, key);
      ordered.splice(at, isNew ? 0 : 1, stored);
    },
    delete: (key) => {
      if (!byKey.delete(key)) return;
      const at = place(key);
      keys.splice(at, 1);
      ordered.splice(at, 1);
    },
    // A namespace is what stands between `namespace/` and the next character after the slash.
    list: (namespace) => (namespace === undefined ? ordered.slice() : ordered.slice(place(`${namespace}/`), place(`${namespace}0`))),
  };
};
