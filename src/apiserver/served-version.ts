// Objects are stored in one version of their kind and served in each: nothing but apiVersion changes (conversion strategy None), and what
// the version asked for defaults is filled in.

import type { Kind } from '../api/kind.ts';
import { groupVersion, type KubernetesObject } from '../api/object.ts';
import type { Stored } from './store.ts';

const shown = new WeakMap<Stored, Map<string, Stored>>();

/** A stored object as this version of its kind shows it. */
export const asServed = (kind: Kind, stored: Stored): Stored => {
  if (kind.version === kind.storageVersion) return stored;
  const known = shown.get(stored) ?? new Map<string, Stored>();
  shown.set(stored, known);
  let made = known.get(kind.version);
  if (made === undefined) {
    const object = kind.withDefaults({ ...stored.object, apiVersion: groupVersion(kind.group, kind.version) });
    made = { ...stored, object, json: Buffer.from(JSON.stringify(object)) };
    known.set(kind.version, made);
  }
  return made;
};

/** An object of this version as it is stored. */
export const asStored = (kind: Kind, object: KubernetesObject): KubernetesObject =>
  kind.version === kind.storageVersion ? object : { ...object, apiVersion: groupVersion(kind.group, kind.storageVersion) };
