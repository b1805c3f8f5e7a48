// All objects, in memory and on disk, under one revision that only grows. Reads and watches are served from memory, which never holds what is
// not on disk: writes that queue up are decided one after the other and committed together, and only then seen and answered.

import type { KubernetesObject } from '../api/object.ts';
import type { RowChange, StoreFile } from './store-file.ts';

/** An object as it is stored, with its JSON made once. */
export type Stored = {
  readonly resource: string;
  /** Empty for what belongs to no namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly object: KubernetesObject;
  readonly json: Buffer;
};

/** One change of one object. `stored` is the object after it; what was deleted has the revision of its deletion. */
export type Change = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly stored: Stored;
  /** What was there before. */
  readonly previous: Stored | undefined;
};

/** What a decision sees and does. Nothing of it is real before the commit. */
export type Transaction = {
  readonly revision: number;
  get(resource: string, namespace: string, name: string): Stored | undefined;
  /** All of a resource, in no order. */
  list(resource: string, namespace?: string): readonly Stored[];
  put(resource: string, namespace: string, name: string, object: KubernetesObject): Stored;
  /** The object as it was, under the revision of its deletion. */
  remove(stored: Stored): Stored;
};

export type Store = {
  readonly revision: number;
  /** The oldest revision from which changes are still known. */
  readonly oldestRevision: number;
  get(resource: string, namespace: string, name: string): Stored | undefined;
  /** In the order of namespace and name. */
  list(resource: string, namespace?: string): readonly Stored[];
  /** The list as it was at a revision; undefined where that is no longer known. */
  listAt(resource: string, revision: number, namespace?: string): readonly Stored[] | undefined;
  /** Changes after a revision; undefined where they are no longer known. */
  changesSince(resource: string, revision: number): readonly Change[] | undefined;
  /** Decides and commits; what it answers is on disk. Throws what `decide` throws, and FileWriteFailed. */
  write<Result>(decide: (transaction: Transaction) => Result): Promise<Result>;
  /** Calls back with each change of a resource, or of all, after it is on disk. */
  watch(resource: string | undefined, onChange: (change: Change) => void): () => void;
  close(): void;
};

export type StoreOptions = {
  /** Changes are kept for watches until they and what they replaced hold more than this. */
  readonly maxHistoryBytes?: number;
};

type Shelf = { readonly byKey: Map<string, Stored>; sorted: Stored[]; isSorted: boolean };
type Pending = { readonly decide: (transaction: Transaction) => unknown; readonly settle: (outcome: Outcome) => void };
type Outcome = { readonly value: unknown } | { readonly error: unknown };

// No name holds a zero byte, and none sorts before it.
const keyOf = (namespace: string, name: string): string => `${namespace}\0${name}`;
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byKey = (a: Stored, b: Stored): number => order(a.namespace, b.namespace) || order(a.name, b.name);

const store = (resource: string, namespace: string, name: string, revision: number, object: KubernetesObject): Stored => {
  const { apiVersion, kind, metadata, ...rest } = object;
  // In this order, so that a list can leave the first two out of the JSON without making it anew.
  const current: KubernetesObject = { apiVersion, kind, metadata: { ...metadata, resourceVersion: String(revision) }, ...rest };
  // Allocated apart from Node's pool, in which a small object would keep its whole neighbourhood alive.
  const text = JSON.stringify(current);
  const json = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  json.write(text);
  return { resource, namespace, name, revision, object: current, json };
};

/** A store over its file. */
export const openStore = (file: StoreFile, { maxHistoryBytes = 64 * 1024 * 1024 }: StoreOptions = {}): Store => {
  const shelves = new Map<string, Shelf>();
  const watchers = new Map<string | undefined, Set<(change: Change) => void>>();
  const shelfOf = (resource: string): Shelf => {
    let shelf = shelves.get(resource);
    if (shelf === undefined) {
      shelf = { byKey: new Map(), sorted: [], isSorted: true };
      shelves.set(resource, shelf);
    }
    return shelf;
  };
  let revision = file.revision;
  for (const { resource, namespace, name, revision: at, json } of file.rows()) {
    const shelf = shelfOf(resource);
    shelf.byKey.set(keyOf(namespace, name), { resource, namespace, name, revision: at, object: JSON.parse(json), json: Buffer.from(json) });
    shelf.isSorted = false;
  }

  let history: Change[] = [];
  let historyStart = 0;
  let historyBytes = 0;
  let oldestRevision = revision;
  let pending: Pending[] = [];

  const remember = (change: Change): void => {
    history.push(change);
    historyBytes += change.stored.json.length;
    while (historyBytes > maxHistoryBytes && historyStart < history.length) {
      const dropped = history[historyStart];
      if (dropped === undefined) break;
      historyBytes -= dropped.stored.json.length;
      oldestRevision = dropped.stored.revision;
      historyStart++;
    }
    // Cut in one go now and then, for cutting one by one would copy the rest each time.
    if (historyStart > 1000 && historyStart * 2 > history.length) {
      history = history.slice(historyStart);
      historyStart = 0;
    }
  };

  const apply = (change: Change): void => {
    const { stored, type } = change;
    const shelf = shelfOf(stored.resource);
    const key = keyOf(stored.namespace, stored.name);
    if (type === 'DELETED') shelf.byKey.delete(key);
    else shelf.byKey.set(key, stored);
    shelf.isSorted = false;
    remember(change);
  };

  const flush = (): void => {
    const batch = pending;
    pending = [];
    const overlay = new Map<string, Stored | undefined>();
    const changes: Change[] = [];
    let next = revision;
    const settled: (readonly [Pending, Outcome])[] = [];
    for (const write of batch) {
      // What one decision does is dropped whole where it throws.
      const own = new Map<string, Stored | undefined>();
      const ownChanges: Change[] = [];
      let ownNext = next;
      const get = (resource: string, namespace: string, name: string): Stored | undefined => {
        const key = `${resource}\0${keyOf(namespace, name)}`;
        if (own.has(key)) return own.get(key);
        return overlay.has(key) ? overlay.get(key) : shelves.get(resource)?.byKey.get(keyOf(namespace, name));
      };
      const transaction: Transaction = {
        get revision() {
          return ownNext;
        },
        get,
        list: (resource, namespace) => {
          const found = new Map(shelves.get(resource)?.byKey);
          for (const changed of [overlay, own])
            for (const [key, stored] of changed)
              if (key.startsWith(`${resource}\0`)) {
                if (stored === undefined) found.delete(key.slice(resource.length + 1));
                else found.set(key.slice(resource.length + 1), stored);
              }
          const all = [...found.values()];
          return namespace === undefined ? all : all.filter((stored) => stored.namespace === namespace);
        },
        put: (resource, namespace, name, object) => {
          const previous = get(resource, namespace, name);
          const stored = store(resource, namespace, name, ++ownNext, object);
          own.set(`${resource}\0${keyOf(namespace, name)}`, stored);
          ownChanges.push({ type: previous === undefined ? 'ADDED' : 'MODIFIED', stored, previous });
          return stored;
        },
        remove: (previous) => {
          const { resource, namespace, name, object } = previous;
          const stored = store(resource, namespace, name, ++ownNext, object);
          own.set(`${resource}\0${keyOf(namespace, name)}`, undefined);
          ownChanges.push({ type: 'DELETED', stored, previous });
          return stored;
        },
      };
      try {
        const value = write.decide(transaction);
        for (const [key, stored] of own) overlay.set(key, stored);
        changes.push(...ownChanges);
        next = ownNext;
        settled.push([write, { value }]);
      } catch (error) {
        settled.push([write, { error }]);
      }
    }
    if (changes.length > 0) {
      try {
        file.commit(changes.map(rowChange), next);
      } catch (error) {
        // Even a decision that changed nothing may have seen what is not written now.
        for (const { settle } of batch) settle({ error });
        return;
      }
      revision = next;
      for (const change of changes) apply(change);
    }
    for (const [{ settle }, outcome] of settled) settle(outcome);
    for (const change of changes) {
      for (const onChange of watchers.get(change.stored.resource) ?? []) onChange(change);
      for (const onChange of watchers.get(undefined) ?? []) onChange(change);
    }
  };

  const sortedShelf = (resource: string): readonly Stored[] => {
    const shelf = shelfOf(resource);
    if (!shelf.isSorted) {
      shelf.sorted = [...shelf.byKey.values()].sort(byKey);
      shelf.isSorted = true;
    }
    return shelf.sorted;
  };
  const within = (all: readonly Stored[], namespace: string | undefined): readonly Stored[] =>
    namespace === undefined ? all : all.filter((stored) => stored.namespace === namespace);
  const isKnown = (since: number): boolean => since >= oldestRevision;
  const known = (): readonly Change[] => (historyStart === 0 ? history : history.slice(historyStart));

  return {
    get revision() {
      return revision;
    },
    get oldestRevision() {
      return oldestRevision;
    },
    get: (resource, namespace, name) => shelves.get(resource)?.byKey.get(keyOf(namespace, name)),
    list: (resource, namespace) => within(sortedShelf(resource), namespace),
    listAt: (resource, at, namespace) => {
      if (at === revision) return within(sortedShelf(resource), namespace);
      if (!isKnown(at) || at > revision) return undefined;
      const then = new Map(shelfOf(resource).byKey);
      for (const { stored, previous } of known().toReversed()) {
        if (stored.revision <= at) break;
        if (stored.resource !== resource) continue;
        const key = keyOf(stored.namespace, stored.name);
        if (previous === undefined) then.delete(key);
        else then.set(key, previous);
      }
      return within([...then.values()].sort(byKey), namespace);
    },
    changesSince: (resource, since) => {
      if (!isKnown(since)) return undefined;
      const all = known();
      // The first change after `since`, found by halving: revisions ascend.
      let [low, high] = [0, all.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((all[middle]?.stored.revision ?? 0) <= since) low = middle + 1;
        else high = middle;
      }
      return all.slice(low).filter(({ stored }) => stored.resource === resource);
    },
    write: <Result>(decide: (transaction: Transaction) => Result) =>
      new Promise<Result>((resolve, reject) => {
        // Everything that arrives in this turn of the event loop is committed with one flush of the disk.
        if (pending.length === 0) setImmediate(flush);
        pending.push({ decide, settle: (outcome) => ('error' in outcome ? reject(outcome.error) : resolve(outcome.value as Result)) });
      }),
    watch: (resource, onChange) => {
      const set = watchers.get(resource) ?? new Set();
      watchers.set(resource, set);
      set.add(onChange);
      return () => set.delete(onChange);
    },
    close: () => file.close(),
  };
};

const rowChange = ({ type, stored }: Change): RowChange =>
  type === 'DELETED'
    ? { kind: 'remove', row: stored }
    : { kind: 'put', row: { ...stored, uid: stored.object.metadata.uid ?? '', json: stored.json.toString() } };
