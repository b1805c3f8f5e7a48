// Reads fields of a plan's document: finds them by key, insists on their form, and collects every complaint with its place.
// What a field's text must say is not judged here.

import { quote } from '../base/coded-error.ts';
import type { PlanFinding } from './plan.ts';
import type { Place, PlanValue } from './plan-document.ts';

/** A field that may be there or not. `broken` means that it, or a map around it, was complained of already. */
export type PlanField = {
  readonly field: string;
  readonly place: Place;
  readonly value: PlanValue | 'missing' | 'broken';
};

/** A text and the field it came from. */
export type PlanText = { readonly text: string; readonly field: PlanField };

export type PlanReader = { readonly problems: PlanFinding[]; readonly warnings: PlanFinding[] };

export const planReader = (): PlanReader => ({ problems: [], warnings: [] });

const findingAt = (field: PlanField, message: string, hint: string, value?: string): PlanFinding => ({
  line: field.place.line,
  column: field.place.column,
  field: field.field,
  ...(value === undefined ? {} : { value }),
  message: value === undefined ? message : `${quote(value)} ${message}`,
  hint,
});

/** Records what is wrong with a field; a value is quoted in front of the message. */
export const addProblem = (reader: PlanReader, field: PlanField, message: string, hint: string, value?: string): void => {
  reader.problems.push(findingAt(field, message, hint, value));
};

/** Records what is accepted but doubtful. */
export const addWarning = (reader: PlanReader, field: PlanField, message: string, hint: string, value?: string): void => {
  reader.warnings.push(findingAt(field, message, hint, value));
};

const givenValue = (field: PlanField): PlanValue | undefined =>
  field.value === 'missing' || field.value === 'broken' ? undefined : field.value;

/** Whether nothing is given: no such key, or a key without a value. */
export const isAbsent = (field: PlanField): boolean => {
  const value = givenValue(field);
  return field.value === 'missing' || (value?.kind === 'scalar' && (value.value === null || value.value === ''));
};

const formOf = (value: PlanValue): string => {
  if (value.kind !== 'scalar') return `a ${value.kind}`;
  return value.value === null ? 'empty' : typeof value.value === 'string' ? 'text' : `a ${typeof value.value}`;
};

const complainOfForm = (reader: PlanReader, field: PlanField, value: PlanValue, wanted: string, hint: string): void => {
  addProblem(reader, field, `is ${formOf(value)}, and should be ${wanted}`, hint, value.kind === 'scalar' ? value.source : undefined);
};

const childPath = (parent: string, key: string): string => (parent === '' ? key : `${parent}.${key}`);

/** The field under a key of a map; missing where the map is. Its place, where it is missing, is the map's key. */
export const fieldUnder = (parent: PlanField, key: string): PlanField => {
  const field = childPath(parent.field, key);
  const value = givenValue(parent);
  if (value?.kind !== 'map') return { field, place: parent.place, value: parent.value === 'broken' ? 'broken' : 'missing' };
  const entry = value.entries.get(key);
  return entry === undefined
    ? { field, place: parent.place, value: 'missing' }
    : { field, place: placeOf(entry.value, entry.place), value: entry.value };
};

// A map or list is best named by its key's line; a scalar by its own.
const placeOf = (value: PlanValue, keyPlace: Place): Place => (value.kind === 'scalar' ? value.place : keyPlace);

/** As fieldUnder, and insists that what stands there, if anything, is a map. */
export const mapUnder = (reader: PlanReader, parent: PlanField, key: string): PlanField => {
  const field = fieldUnder(parent, key);
  const value = givenValue(field);
  if (value === undefined || value.kind === 'map') return field;
  if (isAbsent(field)) return { ...field, value: 'missing' };
  complainOfForm(reader, field, value, 'a map', `write its keys below it, indented`);
  return { ...field, value: 'broken' };
};

/** The items of a list; none where nothing is given, undefined where it is no list (a problem is recorded). */
export const itemsOf = (reader: PlanReader, field: PlanField, hint: string): readonly PlanField[] | undefined => {
  const value = givenValue(field);
  if (field.value === 'broken') return undefined;
  if (value === undefined || isAbsent(field)) return [];
  if (value.kind !== 'list') {
    complainOfForm(reader, field, value, 'a list', hint);
    return undefined;
  }
  return value.items.map((item, index) => ({ field: `${field.field}[${index}]`, place: item.place, value: item }));
};

/** The text of a field; undefined where nothing is given, or where it is no text (a problem is recorded). */
export const optionalText = (reader: PlanReader, field: PlanField, hint = 'put it in quotes'): PlanText | undefined => {
  const value = givenValue(field);
  if (value === undefined || isAbsent(field)) return undefined;
  if (value.kind === 'scalar' && typeof value.value === 'string') return { text: value.value, field };
  complainOfForm(reader, field, value, 'text', hint);
  return undefined;
};

/** As optionalText; a problem is recorded where nothing is given. */
export const requiredText = (reader: PlanReader, field: PlanField, hint: string, formHint?: string): PlanText | undefined => {
  if (isAbsent(field)) addProblem(reader, field, field.value === 'missing' ? 'is missing' : 'is empty', hint);
  return optionalText(reader, field, formHint);
};

/** The count of a field; undefined where nothing is given or it is no whole number from 0 (a problem is recorded). */
export const optionalCount = (reader: PlanReader, field: PlanField): number | undefined => {
  const value = givenValue(field);
  if (value === undefined || isAbsent(field)) return undefined;
  if (value.kind === 'scalar' && typeof value.value === 'number' && Number.isSafeInteger(value.value) && value.value >= 0)
    return value.value;
  complainOfForm(reader, field, value, 'a whole number from 0', 'write it without quotes, such as 3');
  return undefined;
};

/** The keys of a map with their fields, in the order of the file. */
export const fieldsOf = (parent: PlanField): readonly (readonly [key: string, field: PlanField])[] => {
  const value = givenValue(parent);
  if (value?.kind !== 'map') return [];
  return [...value.entries].map(([key, entry]) => [key, { field: childPath(parent.field, key), place: entry.place, value: entry.value }]);
};
