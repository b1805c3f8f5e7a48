// Reads a JSON value as an object of a kind of Kubernetes' own: types must fit, null counts as absent, what the kind does not have is left
// out and named. Times are normalised as Go prints them. What the fields may hold is the kind's own matter.

import { type Fields, isFields } from './object.ts';
import type { Schema } from './schema.ts';
import { badRequest } from './status.ts';

/** Objects nest at most this deep; deeper bodies are refused before they are walked. */
export const maxDepth = 100;

export type Conformed = { readonly value: Fields; readonly unknownFields: readonly string[] };

type Walk = { readonly kind: string; readonly version: string; readonly unknown: string[] };

const joined = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

const typeOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

const refuse = ({ kind, version }: Walk, path: string, problem: string): never => {
  throw badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${path}: ${problem}`);
};

const wanted = (walk: Walk, path: string, value: unknown, type: string): never =>
  refuse(walk, path, `cannot unmarshal ${typeOf(value)} into a field of type ${type}`);

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

const conformText = (walk: Walk, path: string, value: string, format: string | undefined): string => {
  switch (format) {
    case 'byte': {
      const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, '') : value;
      return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? text : refuse(walk, path, 'illegal base64 data');
    }
    case 'date-time': {
      const time = new Date(value);
      if (!timePattern.test(value) || Number.isNaN(time.getTime()))
        return refuse(walk, path, `parsing time ${JSON.stringify(value)}: it is not RFC 3339`);
      return `${time.toISOString().slice(0, 19)}Z`;
    }
    case 'micro-time':
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:Z|[+-]\d\d:\d\d)$/.test(value) || Number.isNaN(new Date(value).getTime()))
        return refuse(walk, path, `parsing time ${JSON.stringify(value)}: it is not RFC 3339 with six digits of a second`);
      return value;
    default:
      return value;
  }
};

const conformNumber = (walk: Walk, path: string, value: number, schema: Schema): number => {
  const bound = schema.format === 'int32' ? 0x7fffffff : Number.MAX_SAFE_INTEGER;
  if (schema.type === 'integer' && (!Number.isInteger(value) || Math.abs(value) > bound))
    return refuse(walk, path, `cannot unmarshal number ${value} into a field of type ${schema.format ?? 'integer'}`);
  return value;
};

const conformField = (walk: Walk, path: string, value: unknown, schema: Schema, depth: number): unknown => {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return value;
  if (schema['x-kubernetes-int-or-string'] === true)
    return typeof value === 'string' || Number.isInteger(value) ? value : wanted(walk, path, value, 'int or string');
  switch (schema.type) {
    case 'array':
      if (!Array.isArray(value)) return wanted(walk, path, value, 'list');
      return value.map((item, i) => conformField(walk, `${path}[${i}]`, item, schema.items ?? {}, depth + 1));
    case 'object':
      return isFields(value) ? conformFields(walk, path, value, schema, depth) : wanted(walk, path, value, 'map');
    case 'string':
      if (schema.format === 'quantity' && typeof value === 'number') return String(value);
      return typeof value === 'string' ? conformText(walk, path, value, schema.format) : wanted(walk, path, value, 'string');
    case 'boolean':
      return typeof value === 'boolean' ? value : wanted(walk, path, value, 'bool');
    default:
      return typeof value === 'number' ? conformNumber(walk, path, value, schema) : wanted(walk, path, value, schema.format ?? 'number');
  }
};

const conformFields = (walk: Walk, path: string, value: Fields, schema: Schema, depth: number): Fields => {
  if (depth > maxDepth) return refuse(walk, path, 'it is nested too deeply');
  const kept: Record<string, unknown> = {};
  const { properties, additionalProperties } = schema;
  for (const [name, field] of Object.entries(value)) {
    const of =
      properties === undefined
        ? typeof additionalProperties === 'object'
          ? additionalProperties
          : undefined
        : Object.hasOwn(properties, name)
          ? properties[name]
          : undefined;
    // A field of this name would become the prototype of what it is written to.
    if (name === '__proto__') return refuse(walk, path, 'a field may not be called __proto__');
    if (of === undefined) walk.unknown.push(joined(path, name));
    else if (field !== null) kept[name] = conformField(walk, joined(path, name), field, of, depth + 1);
  }
  return kept;
};

/** Throws BadRequest where a type does not fit. */
export const conform = (value: Fields, schema: Schema, kind: string, version: string): Conformed => {
  const walk: Walk = { kind, version, unknown: [] };
  return { value: conformFields(walk, '', value, schema, 0), unknownFields: walk.unknown };
};

/** Throws BadRequest where a value nests deeper than is accepted, without recursion of its own beyond that. */
export const requireDepth = (value: unknown, depth = 0): void => {
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxDepth) throw badRequest('the object provided is nested too deeply');
  for (const field of Object.values(value)) requireDepth(field, depth + 1);
};
