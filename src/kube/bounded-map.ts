// A map that forgets what was longest not asked for, once it is full.

export type BoundedMap<Key, Value> = {
  /** The value there, or the one that is made now. Either way it is the youngest then. */
  provide(key: Key, make: () => Value): Value;
  has(key: Key): boolean;
  readonly size: number;
};

export const createBoundedMap = <Key, Value>(maxSize: number): BoundedMap<Key, Value> => {
  // A Map keeps the order in which keys were put into it.
  const values = new Map<Key, Value>();
  return {
    provide: (key, make) => {
      const old = values.get(key);
      const value = old !== undefined || values.has(key) ? (old as Value) : make();
      values.delete(key);
      values.set(key, value);
      if (values.size > maxSize)
        for (const oldest of values.keys()) {
          values.delete(oldest);
          break;
        }
      return value;
    },
    has: (key) => values.has(key),
    get size() {
      return values.size;
    },
  };
};
