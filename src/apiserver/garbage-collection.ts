// Objects go with their owners (https://kubernetes.io/docs/concepts/architecture/garbage-collection/): in the background, before the owner
// (foregroundDeletion), or not at all (orphan).

import { isStoredForm, type Kind, resourceKey } from '../api/kind.ts';
import { type KubernetesObject, type ObjectMeta, type OwnerReference, without } from '../api/object.ts';
import type { Server } from './api-request.ts';
import { type ControllerWrite, controllerUser, startController } from './controller.ts';
import type { Change, Stored } from './store.ts';

type Key = { readonly kind: Kind; readonly namespace: string; readonly name: string };

const owners = ({ metadata }: KubernetesObject): readonly OwnerReference[] => metadata.ownerReferences ?? [];

/** Metadata with a list, which is left out where it is empty. */
const withList = <Name extends 'finalizers' | 'ownerReferences'>(
  metadata: ObjectMeta,
  name: Name,
  list: NonNullable<ObjectMeta[Name]>,
): ObjectMeta => ({
  ...without(metadata, name),
  ...(list.length === 0 ? {} : { [name]: list }),
});
const keyText = ({ kind, namespace, name }: Key): string => `${resourceKey(kind)}\0${namespace}\0${name}`;
const foreground = { propagationPolicy: 'Foreground', uid: undefined, resourceVersion: undefined } as const;

const change = (write: ControllerWrite, { kind, namespace, name }: Key, edit: (old: KubernetesObject) => KubernetesObject): void => {
  write.replace({ kind, namespace, name, isPatch: true, change: edit });
};

const blocks = ({ blockOwnerDeletion }: OwnerReference): boolean => blockOwnerDeletion === true;

const withoutFinalizer =
  (finalizer: string) =>
  (old: KubernetesObject): KubernetesObject => ({
    ...old,
    metadata: withList(
      old.metadata,
      'finalizers',
      (old.metadata.finalizers ?? []).filter((name) => name !== finalizer),
    ),
  });

const withoutOwner =
  (uid: string) =>
  (old: KubernetesObject): KubernetesObject => ({
    ...old,
    metadata: withList(
      old.metadata,
      'ownerReferences',
      owners(old).filter((owner) => owner.uid !== uid),
    ),
  });

export type GarbageCollection = { stop(): void };

/** Starts collecting. */
export const startGarbageCollection = (server: Server, onTrouble: (error: unknown) => void): GarbageCollection => {
  const { store, kinds } = server;
  const controller = startController(server, controllerUser('generic-garbage-collector'), onTrouble);
  const dependentsByOwner = new Map<string, Map<string, Key>>();

  const note = (kind: Kind, { namespace, name, object }: Stored, isThere: boolean): void => {
    const key: Key = { kind, namespace, name };
    for (const { uid } of owners(object)) {
      const known = dependentsByOwner.get(uid) ?? new Map<string, Key>();
      if (isThere) known.set(keyText(key), key);
      else known.delete(keyText(key));
      if (known.size === 0) dependentsByOwner.delete(uid);
      else dependentsByOwner.set(uid, known);
    }
  };

  const ownerExists = (write: ControllerWrite, owner: OwnerReference, namespace: string): boolean => {
    const kind = kinds.kinds.find(
      (found) => found.kind === owner.kind && owner.apiVersion === (found.group === '' ? found.version : `${found.group}/${found.version}`),
    );
    // An owner of a kind that is not served cannot be looked up, and what cannot be told is left alone.
    // Nor is an owner in a namespace looked for by what belongs to none.
    if (kind === undefined || (kind.isNamespaced && namespace === '')) return true;
    const found = write.transaction.get(resourceKey(kind), kind.isNamespaced ? namespace : '', owner.name);
    return found?.object.metadata.uid === owner.uid;
  };

  const collect = (write: ControllerWrite, key: Key): void => {
    const found = write.transaction.get(resourceKey(key.kind), key.namespace, key.name);
    if (found === undefined || owners(found.object).length === 0) return;
    const gone = owners(found.object).filter((owner) => !ownerExists(write, owner, key.namespace));
    if (gone.length === 0) return;
    if (gone.length === owners(found.object).length) write.remove(key.kind, key.namespace, key.name);
    else for (const { uid } of gone) change(write, key, withoutOwner(uid));
  };

  const dependentsOf = (write: ControllerWrite, uid: string, selects: (owner: OwnerReference) => boolean = () => true): readonly Key[] =>
    [...(dependentsByOwner.get(uid)?.values() ?? [])].filter((key) => {
      const found = write.transaction.get(resourceKey(key.kind), key.namespace, key.name);
      return found !== undefined && owners(found.object).some((owner) => owner.uid === uid && selects(owner));
    });

  /** Whether something that stays owns a dependent too. */
  const hasOtherOwner = (write: ControllerWrite, { kind, namespace, name }: Key, uid: string): boolean => {
    const found = write.transaction.get(resourceKey(kind), namespace, name);
    return found !== undefined && owners(found.object).some((owner) => owner.uid !== uid && ownerExists(write, owner, namespace));
  };

  /** What an owner's finalizers ask for, done as far as it can be. */
  const settle = (write: ControllerWrite, key: Key): void => {
    const found = write.transaction.get(resourceKey(key.kind), key.namespace, key.name);
    const { uid = '', deletionTimestamp, finalizers = [] } = found?.object.metadata ?? {};
    if (found === undefined || deletionTimestamp === undefined) return;
    if (finalizers.includes('orphan')) {
      for (const dependent of dependentsOf(write, uid)) change(write, dependent, withoutOwner(uid));
      change(write, key, withoutFinalizer('orphan'));
    } else if (finalizers.includes('foregroundDeletion')) {
      for (const dependent of dependentsOf(write, uid, blocks)) {
        if (hasOtherOwner(write, dependent, uid)) change(write, dependent, withoutOwner(uid));
        else write.remove(dependent.kind, dependent.namespace, dependent.name, foreground);
      }
      // Those that do not block follow in the background, once it is gone.
      if (dependentsOf(write, uid, blocks).length === 0) change(write, key, withoutFinalizer('foregroundDeletion'));
    }
  };

  const collectSoon = (key: Key): void => void controller.act(`collect ${keyText(key)}`, (write) => collect(write, key));
  const settleSoon = (key: Key): void => void controller.act(`settle ${keyText(key)}`, (write) => settle(write, key));

  const onChange = (kind: Kind, { type, stored: current, previous }: Change): void => {
    if (previous !== undefined) note(kind, previous, false);
    if (type !== 'DELETED') note(kind, current, true);
    const { uid = '', deletionTimestamp, ownerReferences } = current.object.metadata;
    if (type === 'DELETED') {
      for (const dependent of dependentsByOwner.get(uid)?.values() ?? []) collectSoon(dependent);
      // An owner may be waiting for this one to go.
      for (const owner of ownerReferences ?? []) {
        const of = kinds.kinds.find((found) => found.kind === owner.kind);
        if (of !== undefined) settleSoon({ kind: of, namespace: of.isNamespaced ? current.namespace : '', name: owner.name });
      }
    } else if (deletionTimestamp !== undefined) settleSoon({ kind, namespace: current.namespace, name: current.name });
    // It may name an owner that was gone before it came.
    else if (type === 'ADDED' && (ownerReferences ?? []).length > 0)
      collectSoon({ kind, namespace: current.namespace, name: current.name });
  };

  const each = (work: (kind: Kind, stored: Stored) => void): void => {
    for (const kind of kinds.kinds)
      if (isStoredForm(kind) && kind.verbs.includes('delete')) for (const found of store.list(resourceKey(kind))) work(kind, found);
  };
  each((kind, found) => note(kind, found, true));
  const unwatch = store.watch(undefined, (found) => {
    const kind = kinds.ofResource(found.stored.resource);
    if (kind !== undefined) onChange(kind, found);
  });
  // What a stop interrupted is taken up again.
  each((kind, found) => {
    const key: Key = { kind, namespace: found.namespace, name: found.name };
    if (found.object.metadata.deletionTimestamp !== undefined) settleSoon(key);
    if (owners(found.object).length > 0) collectSoon(key);
  });
  return {
    stop: () => {
      unwatch();
      controller.stop();
    },
  };
};
