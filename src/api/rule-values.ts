// What a structural schema makes of JSON for rules: the type that an expression sees, and the value
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules).

import { parseDuration, parseTimestamp } from './cel/time.ts';
import { bool, bytes, type CelType, double, duration, dyn, type Field, int, listOf, mapOf, string, timestamp } from './cel/types.ts';
import { EvaluationError, setList, type Value } from './cel/values.ts';
import { isFields } from './object.ts';
import type { Structural } from './structural-schema.ts';

const keywords: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
const symbols: Readonly<Record<string, string>> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };

/** The name of a field in expressions; undefined where it has none. */
export const escapedName = (name: string): string | undefined => {
  if (!/^[A-Za-z_./-][\w./-]*$/.test(name)) return undefined;
  return keywords.has(name) ? `__${name}__` : name.replace(/__|[./-]/g, (found) => symbols[found] ?? found);
};

const metadataSchema: Structural = { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } };
const ofResources: Readonly<Record<string, Structural>> = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: metadataSchema,
};

const propertiesOf = (schema: Structural, isRoot: boolean): Readonly<Record<string, Structural>> =>
  isRoot || schema['x-kubernetes-embedded-resource'] === true ? { ...schema.properties, ...ofResources } : (schema.properties ?? {});

const formats: Readonly<Record<string, CelType>> = { byte: bytes, date: timestamp, 'date-time': timestamp, duration };

const made = new WeakMap<Structural, CelType>();

/** The type of what a schema describes; undefined where it says nothing that expressions could use. */
export const ruleType = (schema: Structural, isRoot = false): CelType | undefined => {
  if (schema['x-kubernetes-int-or-string'] === true) return dyn;
  switch (schema.type) {
    case 'boolean':
      return bool;
    case 'integer':
      return int;
    case 'number':
      return double;
    case 'string':
      return formats[schema.format ?? ''] ?? string;
    case 'array': {
      const of = schema.items === undefined ? undefined : ruleType(schema.items);
      return of === undefined ? undefined : listOf(of);
    }
    case 'object': {
      if (typeof schema.additionalProperties === 'object') {
        const of = ruleType(schema.additionalProperties);
        return of === undefined ? undefined : mapOf(string, of);
      }
      const known = made.get(schema);
      if (known !== undefined) return known;
      const fields = new Map<string, Field>();
      for (const [name, property] of Object.entries(propertiesOf(schema, isRoot))) {
        const escaped = escapedName(name);
        const type = ruleType(property);
        if (escaped !== undefined && type !== undefined) fields.set(escaped, { name, type });
      }
      const type: CelType = { kind: 'object', name: 'object', fields };
      made.set(schema, type);
      return type;
    }
    default:
      return undefined;
  }
};

/** JSON of which nothing is known. */
export const jsonValue = (value: unknown): Value => {
  if (Array.isArray(value)) return value.map(jsonValue);
  if (isFields(value)) return new Map(Object.entries(value).map(([name, field]) => [name, jsonValue(field)]));
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  return typeof value === 'string' || typeof value === 'boolean' ? value : null;
};

const textValue = (text: string, format: string | undefined): Value => {
  try {
    switch (format) {
      case 'byte':
        return new Uint8Array(Buffer.from(text, 'base64'));
      case 'date':
        return parseTimestamp(`${text}T00:00:00Z`);
      case 'date-time':
        return parseTimestamp(text);
      case 'duration':
        return parseDuration(text);
      default:
        return text;
    }
  } catch (error) {
    if (error instanceof EvaluationError) return text;
    throw error;
  }
};

/** Values made once for each part of an object, however many rules look at it. */
export type ValueCache = WeakMap<object, Value>;

/** A JSON value as expressions see it. */
export const ruleValue = (value: unknown, schema: Structural, cache: ValueCache, isRoot = false): Value => {
  if (typeof value === 'string') return textValue(value, schema.format);
  if (typeof value === 'number') return schema.type === 'number' ? value : jsonValue(value);
  if (typeof value !== 'object' || value === null) return jsonValue(value);
  const known = cache.get(value);
  if (known !== undefined) return known;
  const converted = compound(value, schema, cache, isRoot);
  cache.set(value, converted);
  return converted;
};

const compound = (value: object, schema: Structural, cache: ValueCache, isRoot: boolean): Value => {
  if (Array.isArray(value)) {
    const items = value.map((item) => (schema.items === undefined ? jsonValue(item) : ruleValue(item, schema.items, cache)));
    // In these the order of entries means nothing.
    return schema['x-kubernetes-list-type'] === 'set' || schema['x-kubernetes-list-type'] === 'map' ? setList(items) : items;
  }
  const properties = propertiesOf(schema, isRoot);
  const rest = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return new Map(
    Object.entries(value).map(([name, field]) => {
      const of = Object.hasOwn(properties, name) ? properties[name] : rest;
      return [name, of === undefined ? jsonValue(field) : ruleValue(field, of, cache)] as const;
    }),
  );
};
