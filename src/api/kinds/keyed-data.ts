// What ConfigMap and Secret have in common: data by keys, bounded, and frozen where `immutable` says so.

import { type Fields, fieldsAt, isSameJson, type KubernetesObject } from '../object.ts';
import { type FieldProblem, forbiddenField, invalidValue, tooLong } from '../status.ts';

/** All values of one object hold at most this many bytes. */
const maxDataBytes = 1024 * 1024;

export type DataFields = { readonly text: readonly string[]; readonly base64: readonly string[] };

const keyRule = /^[-._a-zA-Z0-9]+$/;

const keyProblem = (key: string): string | undefined => {
  if (key.length > 253) return 'must be no more than 253 characters';
  if (!keyRule.test(key))
    return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  if (key === '.' || key === '..') return `must not be '${key}'`;
  return key.startsWith('..') ? "must not start with '..'" : undefined;
};

const all = ({ text, base64 }: DataFields): readonly string[] => [...text, ...base64];
const entries = (object: Fields, field: string): readonly (readonly [string, unknown])[] => Object.entries(fieldsAt(object, field));

export const dataCount = (object: KubernetesObject, fields: DataFields): number =>
  all(fields).reduce((sum, field) => sum + entries(object, field).length, 0);

export const dataProblems = (object: KubernetesObject, fields: DataFields): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  let bytes = 0;
  const seen = new Set<string>();
  for (const field of all(fields))
    for (const [key, value] of entries(object, field)) {
      const problem = keyProblem(key);
      if (problem !== undefined) problems.push(invalidValue(`${field}[${key}]`, key, problem));
      if (seen.has(key)) problems.push(invalidValue(`${field}[${key}]`, key, 'duplicate of key present in data'));
      seen.add(key);
      const length = typeof value === 'string' ? value.length : 0;
      bytes += fields.base64.includes(field)
        ? Math.floor((length * 3) / 4) - (String(value).endsWith('==') ? 2 : String(value).endsWith('=') ? 1 : 0)
        : Buffer.byteLength(String(value));
    }
  return bytes > maxDataBytes ? [...problems, tooLong('', maxDataBytes)] : problems;
};

export const dataChangeProblems = (object: KubernetesObject, old: KubernetesObject, fields: DataFields): readonly FieldProblem[] => {
  if (old['immutable'] !== true) return [];
  const problems = object['immutable'] === true ? [] : [forbiddenField('immutable', 'field is immutable when `immutable` is set')];
  for (const field of all(fields))
    if (!isSameJson(fieldsAt(object, field), fieldsAt(old, field)))
      problems.push(forbiddenField(field, 'field is immutable when `immutable` is set'));
  return problems;
};
