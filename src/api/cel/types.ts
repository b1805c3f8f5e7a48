// The types that expressions are checked by before anything is evaluated.

import { Duration, isList, isMap, Opaque, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

type Simple = 'dyn' | 'int' | 'uint' | 'double' | 'bool' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration' | 'type';

export type CelType =
  | { readonly kind: Simple }
  | { readonly kind: 'list' | 'optional'; readonly of: CelType }
  | { readonly kind: 'map'; readonly key: CelType; readonly of: CelType }
  /** Fields by the name they have in expressions, each with the name it has in the object. */
  | { readonly kind: 'object'; readonly name: string; readonly fields: ReadonlyMap<string, Field> }
  | { readonly kind: 'opaque'; readonly name: string }
  /** Stands for any type, the same wherever it stands. */
  | { readonly kind: 'param'; readonly name: string };

export type Field = { readonly name: string; readonly type: CelType };

export const dyn: CelType = { kind: 'dyn' };
export const int: CelType = { kind: 'int' };
export const uint: CelType = { kind: 'uint' };
export const double: CelType = { kind: 'double' };
export const bool: CelType = { kind: 'bool' };
export const string: CelType = { kind: 'string' };
export const bytes: CelType = { kind: 'bytes' };
export const nullType: CelType = { kind: 'null' };
export const timestamp: CelType = { kind: 'timestamp' };
export const duration: CelType = { kind: 'duration' };
export const typeType: CelType = { kind: 'type' };
export const listOf = (of: CelType): CelType => ({ kind: 'list', of });
export const optionalOf = (of: CelType): CelType => ({ kind: 'optional', of });
export const mapOf = (key: CelType, of: CelType): CelType => ({ kind: 'map', key, of });
export const opaque = (name: string): CelType => ({ kind: 'opaque', name });
export const param = (name: string): CelType => ({ kind: 'param', name });

/** As compile errors name it. */
export const typeText = (type: CelType): string => {
  switch (type.kind) {
    case 'list':
      return `list(${typeText(type.of)})`;
    case 'optional':
      return `optional_type(${typeText(type.of)})`;
    case 'map':
      return `map(${typeText(type.key)}, ${typeText(type.of)})`;
    case 'object':
    case 'opaque':
    case 'param':
      return type.name;
    default:
      return type.kind;
  }
};

export type Bindings = Map<string, CelType>;

const nullable: ReadonlySet<string> = new Set(['null', 'object', 'opaque', 'timestamp', 'duration', 'optional']);

/** Whether a value of type `from` may stand where `to` is wanted; what parameters stand for is written to `bound`. */
export const isAssignable = (to: CelType, from: CelType, bound: Bindings = new Map()): boolean => {
  if (to.kind === 'param') {
    const known = bound.get(to.name);
    if (known === undefined || (known.kind === 'dyn' && from.kind !== 'dyn')) {
      bound.set(to.name, from);
      return true;
    }
    if (isAssignable(known, from)) return true;
    if (!isAssignable(from, known)) return false;
    bound.set(to.name, from);
    return true;
  }
  if (to.kind === 'dyn' || from.kind === 'dyn') return true;
  if (from.kind === 'null') return nullable.has(to.kind);
  if (to.kind === 'map') return from.kind === 'map' && isAssignable(to.key, from.key, bound) && isAssignable(to.of, from.of, bound);
  if (to.kind === 'list' || to.kind === 'optional') return from.kind === to.kind && isAssignable(to.of, from.of, bound);
  if (to.kind === 'object') return to === from || (from.kind === 'object' && from.name === to.name);
  if (to.kind === 'opaque') return from.kind === 'opaque' && from.name === to.name;
  return to.kind === from.kind;
};

/** A type with its parameters replaced by what they stand for. */
export const substitute = (type: CelType, bound: Bindings): CelType => {
  switch (type.kind) {
    case 'param':
      return bound.get(type.name) ?? dyn;
    case 'list':
    case 'optional':
      return { kind: type.kind, of: substitute(type.of, bound) };
    case 'map':
      return { kind: 'map', key: substitute(type.key, bound), of: substitute(type.of, bound) };
    default:
      return type;
  }
};

export const isDynamic = (type: CelType): boolean =>
  type.kind === 'dyn' ||
  (type.kind === 'list' || type.kind === 'optional'
    ? isDynamic(type.of)
    : type.kind === 'map' && (isDynamic(type.key) || isDynamic(type.of)));

/** Whether a value is of a type, for expressions whose types are known only when they run. */
export const hasType = (value: Value, type: CelType): boolean => {
  switch (type.kind) {
    case 'dyn':
    case 'param':
      return true;
    case 'int':
      return typeof value === 'bigint';
    case 'uint':
      return value instanceof Uint;
    case 'double':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'null':
      return value === null;
    case 'timestamp':
      return value instanceof Timestamp;
    case 'duration':
      return value instanceof Duration;
    case 'type':
      return value instanceof TypeValue;
    case 'optional':
      return value instanceof Optional;
    case 'list':
      return isList(value) && (type.of.kind === 'param' || value.every((item) => hasType(item, type.of)));
    case 'map':
      return isMap(value);
    case 'object':
      return isMap(value);
    case 'opaque':
      return value instanceof Opaque && value.typeName === type.name;
  }
};
