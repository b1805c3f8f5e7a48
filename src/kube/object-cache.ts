// What a collection holds, kept by a reflector, in memory: read by name and by index, with a word on each change. Objects are shared and never
// changed. Where metadata is all that is wanted, nothing else is asked for, nor kept.

import type { KubernetesObject } from '../api/object.ts';
import type { ObjectList } from './kube-client.ts';
import { type Reflector, type ReflectorOptions, startReflector } from './reflector.ts';
import { type ObjectName, workKey } from './work-key.ts';

/** The values under which an object is found. */
export type Index = (object: KubernetesObject) => readonly string[];

export type CacheChange = {
  /** Undefined where it is new. */
  readonly old: KubernetesObject | undefined;
  /** Undefined where it is gone. */
  readonly now: KubernetesObject | undefined;
};

export type ObjectCache = {
  /** Resolves when everything that was there at the start is here. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  get(name: ObjectName): KubernetesObject | undefined;
  /** In no order. */
  list(): readonly KubernetesObject[];
  /** Throws where there is no such index. */
  byIndex(index: string, value: string): readonly KubernetesObject[];
  /** Calls back with each change, beginning with what is there already; the answer ends it. */
  onChange(listener: (change: CacheChange) => void): () => void;
  stop(): Promise<void>;
};

export type CacheOptions = Omit<ReflectorOptions, 'follower'> & { readonly indexes?: Readonly<Record<string, Index>> };

export const byNamespace: Index = ({ metadata }) => [metadata.namespace ?? ''];

/** By `key=value` of each label. */
export const byLabel: Index = ({ metadata }) => Object.entries(metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);

const nameOf = ({ metadata }: KubernetesObject): ObjectName => ({ namespace: metadata.namespace ?? '', name: metadata.name ?? '' });

const isSameState = (a: KubernetesObject, b: KubernetesObject): boolean =>
  a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;

export const startCache = ({ indexes = {}, ...options }: CacheOptions): ObjectCache => {
  const objects = new Map<string, KubernetesObject>();
  const found = new Map(Object.keys(indexes).map((name) => [name, new Map<string, Map<string, KubernetesObject>>()]));
  const listeners = new Set<(change: CacheChange) => void>();
  let isSynced = false;
  let sayIsSynced: () => void = () => undefined;
  const synced = new Promise<void>((resolve) => {
    sayIsSynced = resolve;
  });

  const index = (key: string, object: KubernetesObject, isThere: boolean): void => {
    for (const [name, valuesOf] of Object.entries(indexes)) {
      const values = found.get(name);
      for (const value of valuesOf(object)) {
        const under = values?.get(value) ?? new Map<string, KubernetesObject>();
        if (isThere) under.set(key, object);
        else under.delete(key);
        if (under.size === 0) values?.delete(value);
        else values?.set(value, under);
      }
    }
  };

  const put = (key: string, now: KubernetesObject | undefined): void => {
    const old = objects.get(key);
    if (old === undefined ? now === undefined : now !== undefined && isSameState(old, now)) return;
    if (old !== undefined) index(key, old, false);
    if (now === undefined) objects.delete(key);
    else {
      objects.set(key, now);
      index(key, now, true);
    }
    for (const listener of listeners) call(listener, { old, now });
  };

  const call = (listener: (change: CacheChange) => void, change: CacheChange): void => {
    try {
      listener(change);
    } catch (error) {
      options.onTrouble(error);
    }
  };

  const replace = ({ items }: ObjectList): void => {
    const keys = new Set(items.map((object) => workKey(nameOf(object))));
    for (const key of [...objects.keys()]) if (!keys.has(key)) put(key, undefined);
    for (const object of items) {
      const key = workKey(nameOf(object));
      const old = objects.get(key);
      // Gone and made anew while nobody looked: both are told.
      if (old !== undefined && old.metadata.uid !== object.metadata.uid) put(key, undefined);
      put(key, object);
    }
    isSynced = true;
    sayIsSynced();
  };

  const reflector: Reflector = startReflector({
    ...options,
    follower: {
      replace,
      change: (type, object) => put(workKey(nameOf(object)), type === 'DELETED' ? undefined : object),
    },
  });

  return {
    synced,
    get isSynced() {
      return isSynced;
    },
    get: (name) => objects.get(workKey(name)),
    list: () => [...objects.values()],
    byIndex: (name, value) => {
      const values = found.get(name);
      if (values === undefined) throw new Error(`there is no index ${name}`);
      return [...(values.get(value)?.values() ?? [])];
    },
    onChange: (listener) => {
      listeners.add(listener);
      for (const now of objects.values()) call(listener, { old: undefined, now });
      return () => listeners.delete(listener);
    },
    stop: () => reflector.stop(),
  };
};
