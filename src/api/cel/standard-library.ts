// The functions and operators of CEL itself (https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions).
// Regular expressions are RE2's, so that no pattern and no text can hold the server up.

import { compilePattern } from '../structural-schema.ts';
import { fn, method, type Overload } from './overload.ts';
import { durationText, parseDuration, parseTimestamp, timestampText, zoned } from './time.ts';
import {
  bool,
  bytes,
  type CelType,
  double,
  duration,
  dyn,
  int,
  listOf,
  mapOf,
  optionalOf,
  param,
  string,
  timestamp,
  typeType,
  uint,
} from './types.ts';
import {
  checkedInt,
  compare,
  Duration,
  EvaluationError,
  mapGet,
  none,
  Opaque,
  Optional,
  sizeOf,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from './values.ts';

const T = param('T');
const K = param('K');

const noZero = (divisor: bigint, what: string): bigint => {
  if (divisor === 0n) throw new EvaluationError(`${what} by zero`);
  return divisor;
};

const arithmetic: readonly Overload[] = [
  fn('_+_', [int, int], int, (a: bigint, b: bigint) => checkedInt(a + b)),
  fn('_-_', [int, int], int, (a: bigint, b: bigint) => checkedInt(a - b)),
  fn('_*_', [int, int], int, (a: bigint, b: bigint) => checkedInt(a * b)),
  fn('_/_', [int, int], int, (a: bigint, b: bigint) => checkedInt(a / noZero(b, 'division'))),
  fn('_%_', [int, int], int, (a: bigint, b: bigint) => a % noZero(b, 'modulus')),
  fn('-_', [int], int, (a: bigint) => checkedInt(-a)),
  fn('_+_', [uint, uint], uint, (a: Uint, b: Uint) => new Uint(a.value + b.value)),
  fn('_-_', [uint, uint], uint, (a: Uint, b: Uint) => new Uint(a.value - b.value)),
  fn('_*_', [uint, uint], uint, (a: Uint, b: Uint) => new Uint(a.value * b.value)),
  fn('_/_', [uint, uint], uint, (a: Uint, b: Uint) => new Uint(a.value / noZero(b.value, 'division'))),
  fn('_%_', [uint, uint], uint, (a: Uint, b: Uint) => new Uint(a.value % noZero(b.value, 'modulus'))),
  fn('_+_', [double, double], double, (a: number, b: number) => a + b),
  fn('_-_', [double, double], double, (a: number, b: number) => a - b),
  fn('_*_', [double, double], double, (a: number, b: number) => a * b),
  fn('_/_', [double, double], double, (a: number, b: number) => a / b),
  fn('-_', [double], double, (a: number) => -a),
  fn('_+_', [string, string], string, (a: string, b: string) => a + b),
  fn('_+_', [bytes, bytes], bytes, (a: Uint8Array, b: Uint8Array) => new Uint8Array(Buffer.concat([a, b]))),
  fn(
    '_+_',
    [listOf(T), listOf(T)],
    listOf(T),
    (a: readonly Value[], b: readonly Value[]) => [...a, ...b],
    (a: readonly Value[], b: readonly Value[]) => a.length + b.length,
  ),
  fn('_+_', [duration, duration], duration, (a: Duration, b: Duration) => new Duration(a.ns + b.ns)),
  fn('_-_', [duration, duration], duration, (a: Duration, b: Duration) => new Duration(a.ns - b.ns)),
  fn('_+_', [timestamp, duration], timestamp, (a: Timestamp, b: Duration) => new Timestamp(a.ns + b.ns)),
  fn('_+_', [duration, timestamp], timestamp, (a: Duration, b: Timestamp) => new Timestamp(a.ns + b.ns)),
  fn('_-_', [timestamp, duration], timestamp, (a: Timestamp, b: Duration) => new Timestamp(a.ns - b.ns)),
  fn('_-_', [timestamp, timestamp], duration, (a: Timestamp, b: Timestamp) => new Duration(a.ns - b.ns)),
  fn('!_', [bool], bool, (a: boolean) => !a),
];

const numbers = [int, uint, double];
const ordered: readonly (readonly [CelType, CelType])[] = [
  ...numbers.flatMap((left) => numbers.map((right) => [left, right] as const)),
  ...[bool, string, bytes, timestamp, duration].map((type) => [type, type] as const),
];
const comparison = (name: string, holds: (order: number) => boolean): readonly Overload[] =>
  ordered.map((types) =>
    fn(name, types, bool, (a: Value, b: Value) => {
      const order = compare(a, b);
      return order !== undefined && holds(order);
    }),
  );

const sizes = (type: CelType, count: (value: never) => number): readonly Overload[] => {
  const run = (value: never): Value => BigInt(count(value));
  return [fn('size', [type], int, run), method('size', [type], int, run)];
};

const noConversion = (from: string, to: string): never => {
  throw new EvaluationError(`type conversion error from '${from}' to '${to}'`);
};

const wholeNumber = (value: number): bigint => {
  if (!Number.isFinite(value)) throw new EvaluationError('integer overflow');
  return checkedInt(BigInt(Math.trunc(value)));
};

/** As Go prints it. */
export const doubleText = (value: number): string => {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
};

const doubleOf = (text: string): number => {
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : noConversion('string', 'double');
};

const boolOf = (text: string): boolean => {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : noConversion('string', 'bool');
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const textOf = (octets: Uint8Array): string => {
  try {
    return utf8.decode(octets);
  } catch {
    throw new EvaluationError('invalid UTF-8 in bytes, cannot convert to string');
  }
};

const same = (value: Value): Value => value;
const conversions: readonly Overload[] = [
  fn('int', [int], int, same),
  fn('int', [uint], int, ({ value }: Uint) => checkedInt(value)),
  fn('int', [double], int, wholeNumber),
  fn('int', [string], int, (text: string) => (/^[+-]?\d{1,20}$/.test(text) ? checkedInt(BigInt(text)) : noConversion('string', 'int'))),
  fn('int', [timestamp], int, ({ ns }: Timestamp) => (ns - (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n),
  fn('int', [duration], int, ({ ns }: Duration) => ns),
  fn('uint', [uint], uint, same),
  fn('uint', [int], uint, (value: bigint) => new Uint(value)),
  fn('uint', [double], uint, (value: number) => new Uint(Number.isFinite(value) ? BigInt(Math.trunc(value)) : -1n)),
  fn('uint', [string], uint, (text: string) => (/^\d{1,20}$/.test(text) ? new Uint(BigInt(text)) : noConversion('string', 'uint'))),
  fn('double', [double], double, same),
  fn('double', [int], double, (value: bigint) => Number(value)),
  fn('double', [uint], double, ({ value }: Uint) => Number(value)),
  fn('double', [string], double, doubleOf),
  fn('bool', [bool], bool, same),
  fn('bool', [string], bool, boolOf),
  fn('bytes', [bytes], bytes, same),
  fn('bytes', [string], bytes, (text: string) => new Uint8Array(Buffer.from(text))),
  fn('string', [string], string, same),
  fn('string', [bool], string, String),
  fn('string', [int], string, String),
  fn('string', [uint], string, ({ value }: Uint) => String(value)),
  fn('string', [double], string, doubleText),
  fn('string', [bytes], string, textOf),
  fn('string', [timestamp], string, timestampText),
  fn('string', [duration], string, durationText),
  fn('timestamp', [timestamp], timestamp, same),
  fn('timestamp', [string], timestamp, parseTimestamp),
  fn('timestamp', [int], timestamp, (seconds: bigint) => new Timestamp(seconds * 1_000_000_000n)),
  fn('duration', [duration], duration, same),
  fn('duration', [string], duration, parseDuration),
  fn('duration', [int], duration, (ns: bigint) => new Duration(ns)),
  fn('dyn', [T], dyn, same),
  fn('type', [dyn], typeType, (value: Value) => new TypeValue(typeNameOf(value))),
];

const matches = (text: string, pattern: string): boolean => {
  try {
    return compilePattern(pattern).matcher(text).find();
  } catch {
    throw new EvaluationError(`error parsing regexp: ${JSON.stringify(pattern)}`);
  }
};
export const patternCost = (text: string, pattern: string): number => 1 + (text.length / 10) * Math.max(1, pattern.length / 4);

const texts: readonly Overload[] = [
  method('contains', [string, string], bool, (a: string, b: string) => a.includes(b)),
  method('startsWith', [string, string], bool, (a: string, b: string) => a.startsWith(b)),
  method('endsWith', [string, string], bool, (a: string, b: string) => a.endsWith(b)),
  method('matches', [string, string], bool, matches, patternCost),
  fn('matches', [string, string], bool, matches, patternCost),
];

const dayMs = 86_400_000;
const dateParts: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: (date) =>
    (Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) / dayMs,
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
};
const durationParts: Readonly<Record<string, bigint>> = {
  getHours: 3_600_000_000_000n,
  getMinutes: 60_000_000_000n,
  getSeconds: 1_000_000_000n,
};
const times: readonly Overload[] = [
  ...Object.entries(dateParts).flatMap(([name, part]) => [
    method(name, [timestamp], int, (time: Timestamp) => BigInt(part(zoned(time, '00:00')))),
    method(name, [timestamp, string], int, (time: Timestamp, zone: string) => BigInt(part(zoned(time, zone)))),
  ]),
  ...Object.entries(durationParts).map(([name, unit]) => method(name, [duration], int, ({ ns }: Duration) => ns / unit)),
  method('getMilliseconds', [duration], int, ({ ns }: Duration) => (ns / 1_000_000n) % 1000n),
];

const indexed = (list: readonly Value[], index: Value): Value | undefined => {
  const at = index instanceof Uint ? Number(index.value) : Number(index);
  return Number.isInteger(at) && at >= 0 ? list[at] : undefined;
};
const keyText = (key: Value): string => (typeof key === 'object' ? typeNameOf(key) : String(key));
export const item = (list: readonly Value[], index: Value): Value => {
  const found = indexed(list, index);
  if (found === undefined) throw new EvaluationError(`index out of bounds: ${keyText(index)}`);
  return found;
};
export const entry = (map: ReadonlyMap<Value, Value>, key: Value): Value => {
  const found = mapGet(map, key);
  if (found === undefined) throw new EvaluationError(`no such key: ${keyText(key)}`);
  return found;
};
const constant = (): number => 1;

const collections: readonly Overload[] = [
  fn('_[_]', [listOf(T), int], T, item, constant),
  fn('_[_]', [mapOf(K, T), K], T, entry, constant),
  fn('_[?_]', [listOf(T), int], optionalOf(T), (list: readonly Value[], at: bigint) => new Optional(indexed(list, at)), constant),
  fn('_[?_]', [mapOf(K, T), K], optionalOf(T), (map: ReadonlyMap<Value, Value>, key: Value) => new Optional(mapGet(map, key)), constant),
  fn('@in', [K, mapOf(K, T)], bool, (key: Value, map: ReadonlyMap<Value, Value>) => mapGet(map, key) !== undefined, constant),
];

const isZero = (value: Value): boolean =>
  value === null ||
  value === false ||
  value === 0 ||
  value === 0n ||
  value === '' ||
  (value instanceof Uint && value.value === 0n) ||
  sizeOf(value) === 0;
const requiredValue = ({ value }: Optional): Value => {
  if (value === undefined) throw new EvaluationError('optional.none() dereference');
  return value;
};
const optionals: readonly Overload[] = [
  fn('optional.of', [T], optionalOf(T), (value: Value) => new Optional(value)),
  fn('optional.ofNonZeroValue', [T], optionalOf(T), (value: Value) => (isZero(value) ? none : new Optional(value))),
  fn('optional.none', [], optionalOf(T), () => none),
  method('hasValue', [optionalOf(T)], bool, ({ value }: Optional) => value !== undefined),
  method('value', [optionalOf(T)], T, requiredValue),
];

const opaqueText = (value: Value): string =>
  (value instanceof Opaque ? value.text() : undefined) ?? noConversion(typeNameOf(value), 'string');

/** string() of a type that prints itself. */
export const stringOf = (type: CelType): Overload => fn('string', [type], string, opaqueText);

export const standardLibrary: readonly Overload[] = [
  ...arithmetic,
  ...comparison('_<_', (order) => order < 0),
  ...comparison('_<=_', (order) => order <= 0),
  ...comparison('_>_', (order) => order > 0),
  ...comparison('_>=_', (order) => order >= 0),
  ...sizes(string, (text: string) => [...text].length),
  ...sizes(bytes, ({ length }: Uint8Array) => length),
  ...sizes(listOf(T), ({ length }: readonly Value[]) => length),
  ...sizes(mapOf(K, T), ({ size }: ReadonlyMap<Value, Value>) => size),
  ...conversions,
  ...texts,
  ...times,
  ...collections,
  ...optionals,
];
