// Objects are stored in one version of their kind and served in each: nothing but apiVersion changes (conversion strategy None), and what
// the version asked for defaults is filled in. What is a view of another kind's objects is converted by its own rules.

import { isStoredForm, type Kind } from '../api/kind.ts';
import { groupVersion, type KubernetesObject } from '../api/object.ts';
import type { Stored } from './store.ts';

const shown = new WeakMap<Stored, Map<string, Stored>>();

/** A stored object as this version of its kind shows it. */
export const asServed = (kind: Kind, stored: Stored): Stored => {
  if (isStoredForm(kind)) return stored;
  const known = shown.get(stored) ?? new Map<string, Stored>();
  shown.set(stored, known);
  const key = groupVersion(kind.group, kind.version);
  let made = known.get(key);
  if (made === undefined) {
    const object = kind.view?.show(stored.object) ?? kind.withDefaults({ ...stored.object, apiVersion: key });
    made = { ...stored, object, json: Buffer.from(JSON.stringify(object)) };
    known.set(key, made);
  }
  return made;
};

/** An object of this version as it is stored. */
export const asStored = (kind: Kind, object: KubernetesObject): KubernetesObject =>
  isStoredForm(kind) ? object : (kind.view?.store(object) ?? { ...object, apiVersion: groupVersion(kind.group, kind.storageVersion) });
