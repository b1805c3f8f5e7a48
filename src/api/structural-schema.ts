// Structural schemas at work (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema):
// prune what is not specified, fill in defaults, and name every fault by its field. Values come in as JSON and are not changed.

import { RE2JS } from 're2js';
import { type Fields, isFields, isSameJson } from './object.ts';
import { duplicateValue, type FieldProblem, invalidValue, notSupported, required } from './status.ts';

/** A JSONSchemaProps of a CustomResourceDefinition, as it was checked when the definition was written. */
export type Structural = {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Structural>>;
  readonly additionalProperties?: Structural | boolean;
  readonly items?: Structural;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly allOf?: readonly Structural[];
  readonly anyOf?: readonly Structural[];
  readonly oneOf?: readonly Structural[];
  readonly not?: Structural;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly unknown[];
};

const joined = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
const objectFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** The schema of a field of an object; undefined where the schema does not say, true where anything may stand. */
const fieldSchema = ({ properties, additionalProperties }: Structural, name: string): Structural | true | undefined => {
  if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name];
  if (additionalProperties === true) return true;
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
};

/** Without the fields that the schema does not specify; their paths go to `onUnknown`. */
export const prune = (value: unknown, schema: Structural, onUnknown: (path: string) => void, path = '', isRoot = true): unknown => {
  if (Array.isArray(value))
    return schema.items === undefined ? value : value.map((item, i) => prune(item, schema.items ?? {}, onUnknown, `${path}[${i}]`, false));
  if (!isFields(value)) return value;
  const isResource = isRoot || schema['x-kubernetes-embedded-resource'] === true;
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const kept: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    if (name === '__proto__') continue;
    const of = fieldSchema(schema, name);
    if (isResource && objectFields.has(name)) kept[name] = field;
    else if (of === true) kept[name] = field;
    else if (of !== undefined) kept[name] = prune(field, of, onUnknown, joined(path, name), false);
    else if (preserves) kept[name] = field;
    else onUnknown(joined(path, name));
  }
  return kept;
};

/** With defaults where nothing stands, and where null stands although it may not. */
export const withDefaults = (value: unknown, schema: Structural): unknown => {
  if (Array.isArray(value)) return schema.items === undefined ? value : value.map((item) => withDefaults(item, schema.items ?? {}));
  if (!isFields(value)) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, of] of Object.entries(schema.properties ?? {})) {
    if (filled[name] === null && of.nullable !== true) delete filled[name];
    if (filled[name] === undefined && of.default !== undefined) filled[name] = structuredClone(of.default);
  }
  for (const [name, field] of Object.entries(filled)) {
    const of = fieldSchema(schema, name);
    if (typeof of === 'object') filled[name] = withDefaults(field, of);
  }
  return filled;
};

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};

const hasType = (value: unknown, type: string): boolean => {
  const found = typeOf(value);
  return found === type || (type === 'number' && found === 'integer');
};

const formats: Readonly<Record<string, RegExp>> = {
  'date-time': /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)$/,
  date: /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/,
  email: /^[^@\s]+@[^@\s]+$/,
  ipv4: /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/,
  ipv6: /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/,
  uuid: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  uri: /^[A-Za-z][A-Za-z0-9+.-]*:\S*$/,
  duration: /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d|w))+$|^0$/,
};

const compiled = new Map<string, RE2JS>();
const maxCompiled = 1000;

/** A pattern as RE2 reads it, whose matching takes time in proportion to the text. Throws where it is none. */
export const compilePattern = (pattern: string): RE2JS => {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const made = RE2JS.compile(pattern);
  if (compiled.size >= maxCompiled) compiled.clear();
  compiled.set(pattern, made);
  return made;
};

const said = (path: string): string => `${path} in body`;

const numberProblems = (value: number, schema: Structural, path: string): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, format } = schema;
  if (minimum !== undefined && (value < minimum || (exclusiveMinimum === true && value === minimum)))
    problems.push(
      invalidValue(path, value, `${said(path)} should be greater than ${exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`),
    );
  if (maximum !== undefined && (value > maximum || (exclusiveMaximum === true && value === maximum)))
    problems.push(
      invalidValue(path, value, `${said(path)} should be less than ${exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`),
    );
  if (multipleOf !== undefined && value % multipleOf !== 0)
    problems.push(invalidValue(path, value, `${said(path)} should be a multiple of ${multipleOf}`));
  if (format === 'int32' && Math.abs(value) > 0x7fffffff) problems.push(invalidValue(path, value, `${said(path)} must be of type int32`));
  return problems;
};

const textProblems = (value: string, { minLength, maxLength, pattern, format }: Structural, path: string): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length;
  if (maxLength !== undefined && length > maxLength)
    problems.push(invalidValue(path, value, `${said(path)} should be at most ${maxLength} chars long`));
  if (minLength !== undefined && length < minLength)
    problems.push(invalidValue(path, value, `${said(path)} should be at least ${minLength} chars long`));
  if (pattern !== undefined && !compilePattern(pattern).matcher(value).find())
    problems.push(invalidValue(path, value, `${said(path)} should match '${pattern}'`));
  const rule = format === undefined ? undefined : formats[format];
  if (rule !== undefined && !rule.test(value))
    problems.push(invalidValue(path, value, `${said(path)} must be of type ${format}: ${JSON.stringify(value)}`));
  return problems;
};

const keyText = (item: unknown, keys: readonly string[]): string =>
  JSON.stringify(keys.map((key) => (isFields(item) ? (item[key] ?? null) : null)));

const listProblems = (value: readonly unknown[], schema: Structural, path: string): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const { minItems, maxItems, items } = schema;
  if (maxItems !== undefined && value.length > maxItems)
    problems.push(invalidValue(path, value.length, `${said(path)} should have at most ${maxItems} items`));
  if (minItems !== undefined && value.length < minItems)
    problems.push(invalidValue(path, value.length, `${said(path)} should have at least ${minItems} items`));
  const type = schema['x-kubernetes-list-type'];
  if (type === 'map' || type === 'set' || schema.uniqueItems === true) {
    const keys = schema['x-kubernetes-list-map-keys'] ?? [];
    const seen = new Set<string>();
    for (const [i, item] of value.entries()) {
      const key = type === 'map' ? keyText(item, keys) : JSON.stringify(item);
      const shown = type === 'map' && isFields(item) ? Object.fromEntries(keys.map((name) => [name, item[name]])) : item;
      if (seen.has(key)) problems.push(duplicateValue(`${path}[${i}]`, shown));
      seen.add(key);
    }
  }
  if (items !== undefined) for (const [i, item] of value.entries()) problems.push(...schemaProblems(item, items, `${path}[${i}]`));
  return problems;
};

const objectProblems = (value: Fields, schema: Structural, path: string): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const names = Object.keys(value);
  const { minProperties, maxProperties } = schema;
  if (maxProperties !== undefined && names.length > maxProperties)
    problems.push(invalidValue(path, names.length, `${said(path)} should have at most ${maxProperties} properties`));
  if (minProperties !== undefined && names.length < minProperties)
    problems.push(invalidValue(path, names.length, `${said(path)} should have at least ${minProperties} properties`));
  for (const name of schema.required ?? []) if (value[name] === undefined) problems.push(required(joined(path, name)));
  for (const [name, field] of Object.entries(value)) {
    const of = fieldSchema(schema, name);
    if (typeof of === 'object') problems.push(...schemaProblems(field, of, joined(path, name)));
  }
  return problems;
};

const holds = (value: unknown, schema: Structural, path: string): boolean => schemaProblems(value, schema, path).length === 0;

const junctorProblems = (value: unknown, { allOf, anyOf, oneOf, not }: Structural, path: string): readonly FieldProblem[] => {
  const problems: FieldProblem[] = (allOf ?? []).flatMap((each) => schemaProblems(value, each, path));
  if (anyOf !== undefined && !anyOf.some((each) => holds(value, each, path)))
    problems.push(invalidValue(path, '', `${JSON.stringify(path)} must validate at least one schema (anyOf)`));
  if (oneOf !== undefined) {
    const count = oneOf.filter((each) => holds(value, each, path)).length;
    if (count !== 1)
      problems.push(
        invalidValue(
          path,
          '',
          `${JSON.stringify(path)} must validate one and only one schema (oneOf). Found ${count === 0 ? 'none valid' : `${count} valid alternatives`}`,
        ),
      );
  }
  if (not !== undefined && holds(value, not, path))
    problems.push(invalidValue(path, '', `${JSON.stringify(path)} must not validate the schema (not)`));
  return problems;
};

/** Every fault of a value by a schema. */
export const schemaProblems = (value: unknown, schema: Structural, path = ''): readonly FieldProblem[] => {
  if (value === null && schema.nullable === true) return [];
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true;
  const type = isIntOrString ? undefined : schema.type;
  if (isIntOrString && !hasType(value, 'integer') && typeof value !== 'string')
    return [invalidValue(path, typeOf(value), `${said(path)} must be of type integer,string: ${JSON.stringify(typeOf(value))}`)];
  if (type !== undefined && !hasType(value, type))
    return [
      {
        field: path,
        reason: 'FieldValueTypeInvalid',
        message: `Invalid value: ${JSON.stringify(typeOf(value))}: ${said(path)} must be of type ${type}: ${JSON.stringify(typeOf(value))}`,
      },
    ];
  const problems: FieldProblem[] = [];
  if (schema.enum !== undefined && !schema.enum.some((allowed) => isSameJson(allowed, value)))
    problems.push(
      notSupported(
        path,
        value,
        schema.enum.map((allowed) => (typeof allowed === 'string' ? allowed : JSON.stringify(allowed))),
      ),
    );
  if (typeof value === 'number') problems.push(...numberProblems(value, schema, path));
  else if (typeof value === 'string') problems.push(...textProblems(value, schema, path));
  else if (Array.isArray(value)) problems.push(...listProblems(value, schema, path));
  else if (isFields(value)) problems.push(...objectProblems(value, schema, path));
  return [...problems, ...junctorProblems(value, schema, path)];
};
