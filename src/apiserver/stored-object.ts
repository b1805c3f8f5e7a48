// An object as it is stored: its JSON, made once, and the object itself. Of large ones only the JSON is kept for good, and the object is
// read from it again where it is asked for after the collector took it: most are written, listed and watched as JSON, and never looked into.

import type { KubernetesObject } from '../api/object.ts';

export type Stored = {
  readonly resource: string;
  /** Empty for what belongs to no namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** The same values each time, but not always the same reference. */
  readonly object: KubernetesObject;
  readonly json: Buffer;
};

/** Up to this many bytes of JSON the object is kept: what is judged by with each request, such as roles, is mostly smaller. */
const keptBytes = 2048;

/** A stored object without the object: that is read from `json`. */
export type StoredJson = Omit<Stored, 'object'>;

class StoredObject implements Stored {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly json: Buffer;
  #known: KubernetesObject | WeakRef<KubernetesObject> | undefined;

  constructor({ resource, namespace, name, revision, json }: StoredJson, object: KubernetesObject | undefined) {
    this.resource = resource;
    this.namespace = namespace;
    this.name = name;
    this.revision = revision;
    this.json = json;
    if (object !== undefined) this.#keep(object);
  }

  #keep(object: KubernetesObject): void {
    this.#known = this.json.length <= keptBytes ? object : new WeakRef(object);
  }

  get object(): KubernetesObject {
    const known = this.#known instanceof WeakRef ? this.#known.deref() : this.#known;
    if (known !== undefined) return known;
    const object = JSON.parse(this.json.toString()) as KubernetesObject;
    this.#keep(object);
    return object;
  }
}

/** Text as bytes of its own: out of Node's pool, a small object would keep its whole neighbourhood alive. */
const ownBytes = (text: string): Buffer => {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
};

/** What was read from disk. */
export const storedJson = (row: Omit<StoredJson, 'json'> & { readonly json: string }): Stored =>
  new StoredObject({ ...row, json: ownBytes(row.json) }, undefined);

/** An object under the revision it is written with. */
export const storedObject = (place: Omit<StoredJson, 'json'>, object: KubernetesObject): Stored => {
  const { apiVersion, kind, metadata, ...rest } = object;
  // In this order, so that a list can leave the first two out of the JSON without making it anew.
  const current: KubernetesObject = { apiVersion, kind, metadata: { ...metadata, resourceVersion: String(place.revision) }, ...rest };
  return new StoredObject({ ...place, json: ownBytes(JSON.stringify(current)) }, current);
};
