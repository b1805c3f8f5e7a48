// All objects, in memory and on disk, under one revision that only grows. Reads and watches are served from memory, which never holds what is
// not on disk: writes that queue up are decided one after the other and committed together, and only then seen and answered.

import type { KubernetesObject } from '../api/object.ts';
import { inOrder, keyOf, newShelf, type Shelf } from './shelf.ts';
import type { RowChange, StoreFile } from './store-file.ts';
import { type Stored, storedJson, storedObject } from './stored-object.ts';

export type { Stored } from './stored-object.ts';

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
  /** In the order of `namespace/name`. */
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

type Pending = { readonly decide: (transaction: Transaction) => unknown; readonly settle: (outcome: Outcome) => void };
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** What a change costs beside its JSON: the objects around it. */
const changeOverhead = 1024;

/** How much a change keeps in memory, what it replaced included: nobody else may hold that any more. */
const sizeOf = ({ stored, previous }: Change): number => stored.json.length + (previous?.json.length ?? 0) + changeOverhead;

type Overlay = Map<string, Map<string, Stored | undefined>>;

const overlaid = (overlay: Overlay, resource: string): Map<string, Stored | undefined> => {
  const found = overlay.get(resource) ?? new Map<string, Stored | undefined>();
  overlay.set(resource, found);
  return found;
};

/** A store over its file. */
export const openStore = (file: StoreFile, { maxHistoryBytes = 64 * 1024 * 1024 }: StoreOptions = {}): Store => {
  const shelves = new Map<string, Shelf>();
  const watchers = new Map<string | undefined, Set<(change: Change) => void>>();
  const shelfOf = (resource: string): Shelf => {
    let shelf = shelves.get(resource);
    if (shelf === undefined) {
      shelf = newShelf();
      shelves.set(resource, shelf);
    }
    return shelf;
  };
  let revision = file.revision;
  const rows = Map.groupBy(
    (function* () {
      for (const row of file.rows()) yield storedJson(row);
    })(),
    ({ resource }) => resource,
  );
  for (const [resource, all] of rows) shelfOf(resource).fill(all);

  let history: Change[] = [];
  let historyStart = 0;
  let historyBytes = 0;
  let oldestRevision = revision;
  let pending: Pending[] = [];

  const remember = (change: Change): void => {
    history.push(change);
    historyBytes += sizeOf(change);
    while (historyBytes > maxHistoryBytes && historyStart < history.length) {
      const dropped = history[historyStart];
      if (dropped === undefined) break;
      historyBytes -= sizeOf(dropped);
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
    if (type === 'DELETED') shelf.delete(keyOf(stored.namespace, stored.name));
    else shelf.set(stored);
    remember(change);
  };

  const flush = (): void => {
    const batch = pending;
    pending = [];
    const overlay: Overlay = new Map();
    const changes: Change[] = [];
    let next = revision;
    const settled: (readonly [Pending, Outcome])[] = [];
    for (const write of batch) {
      // What one decision does is dropped whole where it throws.
      const own: Overlay = new Map();
      const ownChanges: Change[] = [];
      let ownNext = next;
      const get = (resource: string, namespace: string, name: string): Stored | undefined => {
        const key = keyOf(namespace, name);
        for (const changed of [own.get(resource), overlay.get(resource)]) if (changed?.has(key) === true) return changed.get(key);
        return shelves.get(resource)?.get(key);
      };
      const transaction: Transaction = {
        get revision() {
          return ownNext;
        },
        get,
        list: (resource, namespace) => {
          const before = shelves.get(resource)?.list(namespace) ?? [];
          const changed = new Map([...(overlay.get(resource) ?? []), ...(own.get(resource) ?? [])]);
          if (changed.size === 0) return before;
          const added = [...changed.values()].filter(
            (stored) => stored !== undefined && (namespace === undefined || stored.namespace === namespace),
          ) as Stored[];
          return [...before.filter((stored) => !changed.has(keyOf(stored.namespace, stored.name))), ...added];
        },
        put: (resource, namespace, name, object) => {
          const previous = get(resource, namespace, name);
          const stored = storedObject({ resource, namespace, name, revision: ++ownNext }, object);
          overlaid(own, resource).set(keyOf(namespace, name), stored);
          ownChanges.push({ type: previous === undefined ? 'ADDED' : 'MODIFIED', stored, previous });
          return stored;
        },
        remove: (previous) => {
          const { resource, namespace, name, object } = previous;
          const stored = storedObject({ resource, namespace, name, revision: ++ownNext }, object);
          overlaid(own, resource).set(keyOf(namespace, name), undefined);
          ownChanges.push({ type: 'DELETED', stored, previous });
          return stored;
        },
      };
      try {
        const value = write.decide(transaction);
        for (const [resource, changed] of own) for (const [key, stored] of changed) overlaid(overlay, resource).set(key, stored);
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

  const list = (resource: string, namespace?: string): Stored[] => shelves.get(resource)?.list(namespace) ?? [];
  const isKnown = (since: number): boolean => since >= oldestRevision;
  /** Found by halving: revisions ascend. */
  const changesAfter = (since: number): readonly Change[] => {
    let [low, high] = [historyStart, history.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((history[middle]?.stored.revision ?? 0) <= since) low = middle + 1;
      else high = middle;
    }
    return history.slice(low);
  };

  return {
    get revision() {
      return revision;
    },
    get oldestRevision() {
      return oldestRevision;
    },
    get: (resource, namespace, name) => shelves.get(resource)?.get(keyOf(namespace, name)),
    list,
    listAt: (resource, at, namespace) => {
      if (at === revision) return list(resource, namespace);
      if (!isKnown(at) || at > revision) return undefined;
      const since = changesAfter(at);
      // What the first change of each object since then replaced is what was there.
      const then = new Map<string, Stored | undefined>();
      for (const { stored, previous } of since) {
        if (stored.resource !== resource || (namespace !== undefined && stored.namespace !== namespace)) continue;
        const key = keyOf(stored.namespace, stored.name);
        if (!then.has(key)) then.set(key, previous);
      }
      const now = list(resource, namespace);
      if (then.size === 0) return now;
      const same = now.filter((stored) => !then.has(keyOf(stored.namespace, stored.name)));
      return inOrder([...same, ...[...then.values()].filter((stored) => stored !== undefined)]);
    },
    changesSince: (resource, since) =>
      isKnown(since) ? changesAfter(since).filter(({ stored }) => stored.resource === resource) : undefined,
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
