// Where a value stands in an object, and so how it may be owned: as a whole, field by field, or entry by entry.

import type { Kind } from '../api/kind.ts';
import { type Fields, isFields } from '../api/object.ts';
import { modelSchema, type Schema } from '../api/schema.ts';
import type { Step } from './field-set.ts';
import { isAtomicMap, keyDefault, type ListType, listTypeOf } from './list-types.ts';

/** `any` is where the schema says nothing: maps are owned field by field there, lists as a whole. */
export type Place = { readonly schema: Schema | 'any'; readonly list: ListType; readonly isAtomic: boolean };

const anyPlace: Place = { schema: 'any', list: 'atomic', isAtomic: false };

const placeOf = (model: string | undefined, field: string, schema: Schema): Place => ({
  schema,
  list: listTypeOf(model, field, schema),
  isAtomic: isAtomicMap(model, field, schema),
});

const roots = new WeakMap<Schema, Place>();
const objectFields: Readonly<Record<string, Schema>> = { apiVersion: { type: 'string' }, kind: { type: 'string' } };

/** Where objects of a kind stand. What a custom resource's schema says of metadata is not all there is. */
export const rootPlace = ({ schema }: Pick<Kind, 'schema'>): Place => {
  let place = roots.get(schema);
  if (place === undefined) {
    const properties = { ...schema.properties, ...objectFields, metadata: modelSchema('V1ObjectMeta') };
    place = { schema: { ...schema, properties }, list: 'atomic', isAtomic: false };
    roots.set(schema, place);
  }
  return place;
};

const isEmbedded = (schema: Schema, name: string): boolean =>
  schema['x-kubernetes-embedded-resource'] === true && (name === 'metadata' || Object.hasOwn(objectFields, name));

/** Where a field of a map stands; undefined where the schema has no such field. */
export const fieldPlace = ({ schema }: Place, name: string): Place | undefined => {
  if (schema === 'any') return anyPlace;
  const { properties, additionalProperties } = schema;
  const declared = properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (declared !== undefined) return placeOf(schema.model, name, declared);
  if (typeof additionalProperties === 'object') return placeOf(undefined, '', additionalProperties);
  if (additionalProperties === true || schema['x-kubernetes-preserve-unknown-fields'] === true || isEmbedded(schema, name)) return anyPlace;
  return undefined;
};

/** Whether a field is one of a struct, not one of a map of any names. */
export const isDeclared = ({ schema }: Place, name: string): boolean =>
  schema !== 'any' && schema.properties !== undefined && Object.hasOwn(schema.properties, name);

/** Where the entries of a list stand. */
export const entryPlace = ({ schema }: Place): Place =>
  schema === 'any' || schema.items === undefined ? anyPlace : placeOf(undefined, '', schema.items);

const sortedJson = (fields: Fields): string =>
  JSON.stringify(Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))));

const isScalar = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** The step to an entry of a list; undefined where the entry has none of its own. */
const stepTo = (place: Place, entry: unknown): Step | undefined => {
  const { list, schema } = place;
  if (list === 'set') return isScalar(entry) ? `v:${JSON.stringify(entry)}` : undefined;
  if (list === 'atomic' || !isFields(entry)) return undefined;
  const items = schema === 'any' ? undefined : schema.items;
  const keys = list.map((key) => [key, entry[key] ?? keyDefault(items, key)] as const);
  return keys.every(([, value]) => isScalar(value)) ? `k:${sortedJson(Object.fromEntries(keys))}` : undefined;
};

export type Entries = ReadonlyMap<Step, unknown>;

/** The entries of a list by their steps; undefined where two have the same or one has none, so that they cannot be told apart. */
export const entriesOf = (place: Place, list: readonly unknown[]): Entries | undefined => {
  if (place.list === 'atomic') return undefined;
  const entries = new Map<Step, unknown>();
  for (const entry of list) {
    const step = stepTo(place, entry);
    if (step === undefined || entries.has(step)) return undefined;
    entries.set(step, entry);
  }
  return entries;
};

/** How a value is owned: whole, or by these parts, each with its step and place. */
export type Parts = {
  readonly form: 'map' | 'list';
  readonly parts: ReadonlyMap<Step, { readonly value: unknown; readonly place: Place; readonly isNamed: boolean }>;
};

export const fieldStep = (name: string): Step => `f:${name}`;

/** A value taken apart; undefined where it is owned as a whole. */
export const partsOf = (place: Place, value: unknown): Parts | undefined => {
  if (isFields(value)) {
    if (place.isAtomic) return undefined;
    const parts = new Map(
      Object.entries(value).map(([name, field]) => [
        fieldStep(name),
        { value: field, place: fieldPlace(place, name) ?? anyPlace, isNamed: isDeclared(place, name) },
      ]),
    );
    return { form: 'map', parts };
  }
  if (!Array.isArray(value)) return undefined;
  const entries = entriesOf(place, value);
  if (entries === undefined) return undefined;
  const at = entryPlace(place);
  return { form: 'list', parts: new Map([...entries].map(([step, entry]) => [step, { value: entry, place: at, isNamed: false }])) };
};
