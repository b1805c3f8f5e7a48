// Functions on text, lists and sets beyond CEL's own, as Kubernetes offers them (https://kubernetes.io/docs/reference/using-api/cel/).
// Positions in text count characters, not UTF-16 units.

import { compilePattern } from '../structural-schema.ts';
import { fn, method, type Overload } from './overload.ts';
import { doubleText, patternCost } from './standard-library.ts';
import { durationText, timestampText } from './time.ts';
import { bool, bytes, type CelType, double, duration, dyn, int, listOf, optionalOf, param, string, timestamp, uint } from './types.ts';
import {
  checkedInt,
  compare,
  Duration,
  EvaluationError,
  isEqual,
  isList,
  isMap,
  none,
  Opaque,
  Optional,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from './values.ts';

const T = param('T');
type List = readonly Value[];

const outOfRange = (index: bigint): never => {
  throw new EvaluationError(`index out of range: ${index}`);
};
const within = (index: bigint, length: number): number => (index < 0n || index > BigInt(length) ? outOfRange(index) : Number(index));
const charAt = (text: string, index: bigint): string => {
  const all = [...text];
  return all[within(index, all.length)] ?? '';
};
/** Where a position in UTF-16 units is in characters. */
const position = (text: string, at: number): bigint => BigInt(at < 0 ? -1 : [...text.slice(0, at)].length);
const unitsOf = (text: string, index: bigint): number => {
  const all = [...text];
  return all.slice(0, within(index, all.length)).join('').length;
};
const substring = (text: string, start: bigint, end?: bigint): string => {
  const all = [...text];
  const until = end === undefined ? all.length : within(end, all.length);
  const from = within(start, all.length);
  if (from > until) throw new EvaluationError(`invalid substring range. start: ${start}, end: ${end}`);
  return all.slice(from, until).join('');
};
const replace = (text: string, from: string, to: string, most = -1n): string => {
  if (most === 0n) return text;
  const parts = from === '' ? ['', ...text, ''] : text.split(from);
  if (most < 0n || BigInt(parts.length) <= most + 1n) return parts.join(to);
  const count = Number(most);
  return [...parts.slice(0, count), parts.slice(count).join(from)].join(to);
};
const replaceCost = (text: string, from: string, to: string): number =>
  1 + text.length / 5 + ((from === '' ? text.length + 1 : text.split(from).length) * to.length) / 10;
const split = (text: string, separator: string, most = -1n): List => {
  if (most === 0n) return [];
  const parts = separator === '' ? [...text] : text.split(separator);
  if (most < 0n || BigInt(parts.length) <= most) return parts;
  const count = Number(most) - 1;
  return [...parts.slice(0, count), parts.slice(count).join(separator)];
};
const asciiCase = (text: string, pattern: RegExp, change: (text: string) => string): string => text.replace(pattern, change);
/** What Unicode counts as white space, without the byte order mark that JavaScript adds. */
const trim = (text: string): string => text.replace(/^[\s\u0085]+|[\s\u0085]+$/gu, '');
const quote = (text: string): string => JSON.stringify(text).replace(/\\u0007|\\u000b/g, (found) => (found === '\\u0007' ? '\\a' : '\\v'));
const join = (list: List, separator = ''): string =>
  list
    .map((text) => {
      if (typeof text !== 'string') throw new EvaluationError(`no such overload`);
      return text;
    })
    .join(separator);
const joinCost = (list: List, separator = ''): number =>
  1 + list.reduce<number>((sum, text) => sum + (typeof text === 'string' ? text.length : 1) + separator.length, 0) / 10;

const regexOf = (pattern: string) => {
  try {
    return compilePattern(pattern);
  } catch {
    throw new EvaluationError(`illegal regex: ${JSON.stringify(pattern)}`);
  }
};
const find = (text: string, pattern: string): string => {
  const matcher = regexOf(pattern).matcher(text);
  return matcher.find() ? (matcher.group() ?? '') : '';
};
const findAll = (text: string, pattern: string, most = -1n): List => {
  const matcher = regexOf(pattern).matcher(text);
  const found: string[] = [];
  while ((most < 0n || BigInt(found.length) < most) && matcher.find()) found.push(matcher.group() ?? '');
  return found;
};

const shownIn = (value: Value): string => {
  if (typeof value === 'string') return value;
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return doubleText(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof Duration) return durationText(value);
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof TypeValue) return value.typeName;
  if (value instanceof Opaque || value instanceof Optional) throw new EvaluationError(`string clause can not format ${typeNameOf(value)}`);
  if (isList(value)) return `[${value.map(shownIn).join(', ')}]`;
  return `{${[...(isMap(value) ? value : new Map())].map(([key, field]) => `${shownIn(key)}: ${shownIn(field)}`).join(', ')}}`;
};
const numeric = (value: Value, verb: string): bigint => {
  if (typeof value === 'bigint') return value;
  if (value instanceof Uint) return value.value;
  if (typeof value === 'boolean' && verb === 'b') return value ? 1n : 0n;
  throw new EvaluationError(`error during formatting: ${verb} clause can not be used on ${typeNameOf(value)}`);
};
const digits = (value: bigint, base: number): string => (value < 0n ? `-${(-value).toString(base)}` : value.toString(base));
const hex = (value: Value): string =>
  typeof value === 'string' || value instanceof Uint8Array ? Buffer.from(value as string).toString('hex') : digits(numeric(value, 'x'), 16);
const format = (text: string, args: List): string => {
  let next = 0;
  return text.replace(/%(?:%|(?:\.(\d{1,3}))?([a-zA-Z])|)/g, (whole, precision: string | undefined, verb: string | undefined) => {
    if (whole === '%%') return '%';
    const value = args[next++];
    if (value === undefined) throw new EvaluationError(`index ${next - 1} out of range`);
    const places = Math.min(precision === undefined ? 6 : Number(precision), 100);
    switch (verb) {
      case 's':
        return shownIn(value);
      case 'd':
        return typeof value === 'number' ? doubleText(value) : digits(numeric(value, 'd'), 10);
      case 'f':
        return typeof value === 'number' ? value.toFixed(places) : `${numeric(value, 'f')}.${'0'.repeat(places)}`;
      case 'e':
        return (typeof value === 'number' ? value : Number(numeric(value, 'e'))).toExponential(places).replace(/e([+-])(\d)$/, 'e$10$2');
      case 'b':
        return digits(numeric(value, 'b'), 2);
      case 'o':
        return digits(numeric(value, 'o'), 8);
      case 'x':
        return hex(value);
      case 'X':
        return hex(value).toUpperCase();
      default:
        throw new EvaluationError(`could not parse formatting clause: unrecognized formatting clause ${JSON.stringify(verb ?? '')}`);
    }
  });
};
const weight = (value: Value): number =>
  isList(value)
    ? value.reduce<number>((sum, part) => sum + weight(part), 1)
    : typeof value === 'string'
      ? value.length
      : isMap(value)
        ? value.size * 10
        : 1;

const textFunctions: readonly Overload[] = [
  method('charAt', [string, int], string, charAt),
  method('indexOf', [string, string], int, (text: string, part: string) => position(text, text.indexOf(part))),
  method('indexOf', [string, string, int], int, (text: string, part: string, from: bigint) =>
    position(text, text.indexOf(part, unitsOf(text, from))),
  ),
  method('lastIndexOf', [string, string], int, (text: string, part: string) => position(text, text.lastIndexOf(part))),
  method('lastIndexOf', [string, string, int], int, (text: string, part: string, from: bigint) =>
    position(text, text.lastIndexOf(part, unitsOf(text, from))),
  ),
  method('lowerAscii', [string], string, (text: string) => asciiCase(text, /[A-Z]+/g, (part) => part.toLowerCase())),
  method('upperAscii', [string], string, (text: string) => asciiCase(text, /[a-z]+/g, (part) => part.toUpperCase())),
  method('replace', [string, string, string], string, replace, replaceCost),
  method('replace', [string, string, string, int], string, replace, replaceCost),
  method('split', [string, string], listOf(string), split),
  method('split', [string, string, int], listOf(string), split),
  method('substring', [string, int], string, substring),
  method('substring', [string, int, int], string, substring),
  method('trim', [string], string, trim),
  method('join', [listOf(string)], string, join, joinCost),
  method('join', [listOf(string), string], string, join, joinCost),
  method('format', [string, listOf(dyn)], string, format, (text: string, args: List) => (text.length + weight(args)) / 10),
  fn('strings.quote', [string], string, quote),
  method('find', [string, string], string, find, patternCost),
  method('findAll', [string, string], listOf(string), findAll, patternCost),
  method('findAll', [string, string, int], listOf(string), findAll, patternCost),
];

const first = (list: List, wanted: (order: number) => boolean): Value => {
  const [head, ...rest] = list;
  if (head === undefined) throw new EvaluationError('min or max called on empty list');
  return rest.reduce<Value>((best, value) => (wanted(compare(value, best) ?? 0) ? value : best), head);
};
const isSorted = (list: List): boolean => list.every((value, i) => i === 0 || (compare(list[i - 1] ?? null, value) ?? 0) <= 0);
const each = (list: List): number => list.length + 1;
const comparable: readonly CelType[] = [int, uint, double, bool, duration, timestamp, string, bytes];
const sums: readonly (readonly [CelType, (list: never) => Value])[] = [
  [int, (list: readonly bigint[]) => list.reduce((sum, value) => checkedInt(sum + value), 0n)],
  [uint, (list: readonly Uint[]) => list.reduce((sum, { value }) => new Uint(sum.value + value), new Uint(0n))],
  [double, (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0)],
  [duration, (list: readonly Duration[]) => list.reduce((sum, { ns }) => new Duration(sum.ns + ns), new Duration(0n))],
];
const flatten = (list: List, depth = 1n): List =>
  list.flatMap((value) => (isList(value) ? (depth > 1n ? flatten(value, depth - 1n) : value) : [value]));
const distinct = (list: List): List => list.filter((value, i) => list.findIndex((other) => isEqual(other, value)) === i);
const squared = (list: List): number => list.length ** 2 / 10 + 1;
const crossed = (a: List, b: List): number => (a.length * b.length) / 10 + 1;
const has = (list: List, value: Value): boolean => list.some((other) => isEqual(other, value));
const maxRange = 100_000n;
const range = (count: bigint): List => {
  if (count > maxRange) throw new EvaluationError(`lists.range is limited to ${maxRange}`);
  return Array.from({ length: Math.max(0, Number(count)) }, (_, i) => BigInt(i));
};
const slice = (list: List, start: bigint, end: bigint): List => {
  const [from, until] = [within(start, list.length), within(end, list.length)];
  if (from > until) throw new EvaluationError(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  return list.slice(from, until);
};

const listFunctions: readonly Overload[] = [
  ...comparable.flatMap((type) => [
    method('isSorted', [listOf(type)], bool, isSorted, each),
    method('min', [listOf(type)], type, (list: List) => first(list, (order) => order < 0), each),
    method('max', [listOf(type)], type, (list: List) => first(list, (order) => order > 0), each),
    method('sort', [listOf(type)], listOf(type), (list: List) => list.toSorted((a, b) => compare(a, b) ?? 0), squared),
  ]),
  ...sums.map(([type, sum]) => method('sum', [listOf(type)], type, sum, each)),
  method('indexOf', [listOf(T), T], int, (list: List, value: Value) => BigInt(list.findIndex((other) => isEqual(other, value))), each),
  method(
    'lastIndexOf',
    [listOf(T), T],
    int,
    (list: List, value: Value) => BigInt(list.findLastIndex((other) => isEqual(other, value))),
    each,
  ),
  method('slice', [listOf(T), int, int], listOf(T), slice),
  method('flatten', [listOf(listOf(T))], listOf(T), flatten, weight),
  method('flatten', [listOf(dyn), int], listOf(dyn), flatten, weight),
  method('distinct', [listOf(T)], listOf(T), distinct, squared),
  method('reverse', [listOf(T)], listOf(T), (list: List) => list.toReversed()),
  method('first', [listOf(T)], optionalOf(T), (list: List) => (list[0] === undefined ? none : new Optional(list[0]))),
  method('last', [listOf(T)], optionalOf(T), (list: List) => (list.length === 0 ? none : new Optional(list.at(-1)))),
  fn('lists.range', [int], listOf(int), range, (count: bigint) => Math.max(1, Number(count))),
  fn('sets.contains', [listOf(T), listOf(T)], bool, (a: List, b: List) => b.every((value) => has(a, value)), crossed),
  fn('sets.intersects', [listOf(T), listOf(T)], bool, (a: List, b: List) => b.some((value) => has(a, value)), crossed),
  fn(
    'sets.equivalent',
    [listOf(T), listOf(T)],
    bool,
    (a: List, b: List) => a.every((value) => has(b, value)) && b.every((value) => has(a, value)),
    crossed,
  ),
];

export const textLibrary: readonly Overload[] = [...textFunctions, ...listFunctions];
