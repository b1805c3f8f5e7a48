// Strategic merge patch: a merge patch that knows which lists are merged entry by entry, with directives for what that cannot say
// (https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/). Nothing of what is given is changed.

import { type Fields, isFields, isSameJson } from '../api/object.ts';
import type { Schema } from '../api/schema.ts';
import { badRequest } from '../api/status.ts';
import { mergeKey } from './merge-keys.ts';

const orderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';

const refuse = (problem: string): never => {
  throw badRequest(`the patch cannot be applied: ${problem}`);
};

const listOf = (value: unknown, what: string): readonly unknown[] => (Array.isArray(value) ? value : refuse(`${what} is not a list`));

/** Entries in the order that is asked for; those it does not name keep their places relative to each other, after what stood before them. */
const inOrder = (
  entries: readonly unknown[],
  order: readonly unknown[] | undefined,
  keyOf: (entry: unknown) => unknown,
): readonly unknown[] => {
  if (order === undefined) return entries;
  const place = (entry: unknown): number => order.findIndex((wanted) => isSameJson(keyOf(wanted), keyOf(entry)));
  const named = entries.filter((entry) => place(entry) >= 0).sort((a, b) => place(a) - place(b));
  let next = 0;
  return entries.map((entry) => (place(entry) >= 0 ? named[next++] : entry));
};

const mergeEntries = (old: readonly unknown[], patch: readonly unknown[], key: string, schema: Schema | undefined): readonly unknown[] => {
  const keyOf = (entry: unknown): unknown => (isFields(entry) ? entry[key] : undefined);
  if (patch.some((entry) => isFields(entry) && entry['$patch'] === 'replace'))
    return patch.filter((entry) => !(isFields(entry) && '$patch' in entry));
  let entries = [...old];
  for (const change of patch) {
    if (!isFields(change)) return refuse('an entry of a list with merge key is not a map');
    const id = change[key];
    if (id === undefined) return refuse(`an entry has no ${key}, by which this list is merged`);
    const at = entries.findIndex((entry) => isSameJson(keyOf(entry), id));
    if (change['$patch'] === 'delete') entries = entries.filter((entry) => !isSameJson(keyOf(entry), id));
    else if (at < 0) entries.push(mergeMap({}, change, schema));
    else entries[at] = mergeMap(entries[at], change, schema);
  }
  return entries;
};

const mergeList = (old: unknown, patch: Fields, field: string, schema: Schema | undefined): readonly unknown[] | null | undefined => {
  const key = mergeKey(schema?.model, field);
  const current = Array.isArray(old) ? old : [];
  const change = patch[field];
  if (change === null) return null;
  const order = patch[orderPrefix + field];
  const wanted = order === undefined ? undefined : listOf(order, orderPrefix + field);
  if (key === 'set' || (key === undefined && deletePrefix + field in patch)) {
    const gone = listOf(patch[deletePrefix + field] ?? [], deletePrefix + field);
    const kept = current.filter((value) => !gone.some((taken) => isSameJson(taken, value)));
    const added = change === undefined ? [] : listOf(change, field);
    const all = [...kept, ...added.filter((value) => !kept.some((known) => isSameJson(known, value)))];
    return inOrder(all, wanted, (value) => value);
  }
  if (key === undefined) return change === undefined ? undefined : listOf(change, field);
  const merged = mergeEntries(current, change === undefined ? [] : listOf(change, field), key, schema?.properties?.[field]?.items);
  return inOrder(merged, wanted, (entry) => (isFields(entry) ? entry[key] : entry));
};

/** `$patch` says what becomes of a whole map; `$retainKeys` which of its fields stay. */
const startingPoint = (old: unknown, patch: Fields): Record<string, unknown> | undefined => {
  const directive = patch['$patch'];
  if (directive === 'delete') return undefined;
  if (directive !== undefined && directive !== 'replace' && directive !== 'merge')
    return refuse(`unknown $patch ${JSON.stringify(directive)}`);
  const from: Fields = directive === 'replace' || !isFields(old) ? {} : old;
  const retained = patch['$retainKeys'];
  if (retained === undefined) return { ...from };
  const names = listOf(retained, '$retainKeys');
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
};

const mergeMap = (old: unknown, patch: Fields, schema: Schema | undefined): Fields => {
  const merged = startingPoint(old, patch);
  if (merged === undefined) return {};
  const directed = Object.keys(patch).flatMap((name) =>
    name.startsWith(orderPrefix)
      ? [name.slice(orderPrefix.length)]
      : name.startsWith(deletePrefix)
        ? [name.slice(deletePrefix.length)]
        : [],
  );
  const names = new Set([...Object.keys(patch).filter((name) => !name.startsWith('$')), ...directed]);
  for (const name of names) {
    if (name === '__proto__') continue;
    const field =
      schema?.properties?.[name] ?? (typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined);
    const value = patch[name];
    if (value === null) delete merged[name];
    else if (Array.isArray(value) || (value === undefined && directed.includes(name))) {
      const list = mergeList(merged[name], patch, name, schema);
      if (list === null) delete merged[name];
      else if (list !== undefined) merged[name] = list;
    } else if (isFields(value)) {
      if (value['$patch'] === 'delete') delete merged[name];
      else merged[name] = mergeMap(merged[name], value, field);
    } else merged[name] = value;
  }
  return merged;
};

/** Applies a patch to an object of a kind with this schema. Throws BadRequest. */
export const applyStrategicMergePatch = (object: Fields, patch: Fields, schema: Schema): Fields => mergeMap(object, patch, schema);
