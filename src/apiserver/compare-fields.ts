// Which fields an object has, and which of them differ between two states of it: what managedFields are reckoned from.

import { isFields, isSameJson } from '../api/object.ts';
import { entryPlace, fieldPlace, isDeclared, type Place, partsOf } from './field-place.ts';
import { emptySet, type FieldSet, growingSet, isEmptySet, type Path, type Step } from './field-set.ts';

const isEmptyMap = (value: unknown): boolean => isFields(value) && Object.keys(value).length === 0;

/** The fields that a configuration speaks of: every leaf, every entry of a list, and maps that are empty. */
export const fieldsOf = (place: Place, value: unknown): FieldSet => {
  const { set, insert } = growingSet();
  const walk = (at: Place, found: unknown, path: Path): void => {
    const parts = partsOf(at, found);
    if (parts === undefined) {
      insert(path);
      return;
    }
    for (const [step, part] of parts.parts) {
      const below = [...path, step];
      walk(part.place, part.value, below);
      if (parts.form === 'list' || !part.isNamed || part.value === null || isEmptyMap(part.value)) insert(below);
    }
  };
  walk(place, value, []);
  return set;
};

export type Comparison = { readonly added: FieldSet; readonly modified: FieldSet; readonly removed: FieldSet };

const isHollow = (value: unknown): boolean => value === undefined || (Array.isArray(value) ? value.length === 0 : isEmptyMap(value));

/** What was added, changed and taken away between two states. */
export const compareFields = (place: Place, before: unknown, after: unknown): Comparison => {
  const [added, modified, removed] = [growingSet(), growingSet(), growingSet()];
  const walk = (at: Place, old: unknown, now: unknown, path: Path): void => {
    if (old === now) return;
    const oldParts = partsOf(at, old);
    const nowParts = partsOf(at, now);
    const isWhole =
      (oldParts === undefined && old !== undefined) ||
      (nowParts === undefined && now !== undefined) ||
      (oldParts !== undefined && nowParts !== undefined && oldParts.form !== nowParts.form) ||
      (isHollow(old) && isHollow(now));
    if (old === undefined) added.insert(path);
    else if (now === undefined) removed.insert(path);
    else if (isWhole && !isSameJson(old, now)) modified.insert(path);
    if (isWhole) return;
    const parts = new Map([...(oldParts?.parts ?? []), ...(nowParts?.parts ?? [])]);
    for (const [step, { place: below }] of parts)
      walk(below, oldParts?.parts.get(step)?.value, nowParts?.parts.get(step)?.value, [...path, step]);
  };
  walk(place, before, after, []);
  return { added: added.set, modified: modified.set, removed: removed.set };
};

/** The set with every declared field above a path of it, so that what holds nothing else any more can go as a whole. */
export const withNamedParents = (place: Place | undefined, { isMember, below }: FieldSet): FieldSet => {
  const placeBelow = (step: Step): Place | undefined => {
    if (place === undefined) return undefined;
    return step.startsWith('f:') ? fieldPlace(place, step.slice(2)) : entryPlace(place);
  };
  const made = new Map<Step, FieldSet>();
  for (const [step, set] of below) {
    const inner = withNamedParents(placeBelow(step), set);
    const isNamed = step.startsWith('f:') && place !== undefined && isDeclared(place, step.slice(2));
    made.set(step, isNamed && !isEmptySet(inner) ? { ...inner, isMember: true } : inner);
  }
  return { isMember, below: made };
};

/** The value without the parts in a set; a map or list that this empties goes too, unless it is itself held. */
export const withoutFields = (place: Place, value: unknown, gone: FieldSet, held: FieldSet = emptySet): unknown => {
  if (isEmptySet(gone)) return value;
  const parts = partsOf(place, value);
  if (parts === undefined) return value;
  const kept = [...parts.parts].flatMap(([step, part]): (readonly [Step, unknown])[] => {
    const set = gone.below.get(step) ?? emptySet;
    if (set.isMember) return [];
    const left = withoutFields(part.place, part.value, set, held.below.get(step));
    return left === undefined ? [] : [[step, left]];
  });
  if (kept.length === 0 && parts.parts.size > 0 && !held.isMember) return undefined;
  return parts.form === 'list' ? kept.map(([, entry]) => entry) : Object.fromEntries(kept.map(([step, field]) => [step.slice(2), field]));
};

/**
 * Two lists as one. The new list's order counts; entries that only the old one has stay where they stand between those that both have, which
 * is told by walking both at once, as servers since 1.26 do.
 */
const mergedList = (place: Place, old: readonly unknown[], now: readonly unknown[]): readonly unknown[] => {
  const oldEntries = entriesOrNone(place, old);
  const nowEntries = entriesOrNone(place, now);
  if (oldEntries === undefined || nowEntries === undefined) return now;
  const merged: unknown[] = [];
  const taken = new Set<Step>();
  const waiting = [...oldEntries.keys()];
  const shared = [...nowEntries.keys()].filter((step) => oldEntries.has(step));
  /** Passes what stands before an entry in the old list. */
  const walkTo = (step: Step): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (!nowEntries.has(next)) merged.push(oldEntries.get(next));
      else if (next === step || shared[0] === undefined || next === shared[0]) {
        if (next === step || taken.has(next)) waiting.shift();
        return;
      }
      waiting.shift();
    }
  };
  for (const [step, entry] of nowEntries) {
    walkTo(step);
    merged.push(oldEntries.has(step) ? mergeFields(entryPlace(place), oldEntries.get(step), entry) : entry);
    taken.add(step);
    if (shared[0] === step) shared.shift();
  }
  for (const step of waiting) if (!nowEntries.has(step)) merged.push(oldEntries.get(step));
  return merged;
};

const entriesOrNone = (place: Place, list: readonly unknown[]): ReadonlyMap<Step, unknown> | undefined => {
  const parts = partsOf(place, list);
  return parts === undefined ? undefined : new Map([...parts.parts].map(([step, { value }]) => [step, value]));
};

/** A value with what a configuration says laid over it. */
export const mergeFields = (place: Place, old: unknown, now: unknown): unknown => {
  if (Array.isArray(old) && Array.isArray(now)) return mergedList(place, old, now);
  if (!isFields(old) || !isFields(now) || place.isAtomic) return now;
  const merged: Record<string, unknown> = { ...old };
  for (const [name, field] of Object.entries(now)) {
    if (name === '__proto__') continue;
    const below = fieldPlace(place, name);
    merged[name] = below === undefined ? field : mergeFields(below, old[name], field);
  }
  return merged;
};
