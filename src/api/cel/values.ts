// The values of CEL (https://github.com/google/cel-spec/blob/master/doc/langdef.md#values) and what they have in common: which are the same,
// which comes first, what type each has. Integers are BigInt, doubles are numbers, lists are arrays, maps and objects are Maps.

/** What a rule is told when its evaluation fails; `&&` and `||` may make up for it. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
}

/** An evaluation took more steps than it may; nothing makes up for that. */
export class BudgetExceeded extends Error {
  override readonly name = 'BudgetExceeded';
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    if (value < 0n || value > maxUint) throw new EvaluationError('unsigned integer overflow');
    this.value = value;
  }
}

/** Nanoseconds. */
export class Duration {
  readonly ns: bigint;
  constructor(ns: bigint) {
    this.ns = checkedInt(ns);
  }
}

/** Nanoseconds since 1970, in UTC. */
export class Timestamp {
  readonly ns: bigint;
  constructor(ns: bigint) {
    if (ns < minTime || ns > maxTime) throw new EvaluationError('timestamp overflow');
    this.ns = ns;
  }
}

export class Optional {
  /** Undefined where there is none. */
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

export class TypeValue {
  readonly typeName: string;
  constructor(typeName: string) {
    this.typeName = typeName;
  }
}

/** A value of a type that a library brings along. */
export abstract class Opaque {
  abstract readonly typeName: string;
  abstract equals(other: Opaque): boolean;
  /** As string() prints it; undefined where it does not. */
  text(): string | undefined {
    return undefined;
  }
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Duration
  | Timestamp
  | Optional
  | TypeValue
  | Opaque
  | readonly Value[]
  | ReadonlyMap<Value, Value>;

export const none = new Optional(undefined);

const maxInt = 0x7fff_ffff_ffff_ffffn;
const minInt = -0x8000_0000_0000_0000n;
const maxUint = 0xffff_ffff_ffff_ffffn;
const minTime = -62_135_596_800n * 1_000_000_000n;
const maxTime = 253_402_300_800n * 1_000_000_000n - 1n;

/** An integer of 64 bits. Throws EvaluationError. */
export const checkedInt = (value: bigint): bigint => {
  if (value > maxInt || value < minInt) throw new EvaluationError('integer overflow');
  return value;
};

export const isMap = (value: Value): value is ReadonlyMap<Value, Value> => value instanceof Map;
export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

const numberOf = (value: Value): number | bigint | undefined =>
  typeof value === 'bigint' || typeof value === 'number' ? value : value instanceof Uint ? value.value : undefined;

const isSameNumber = (a: number | bigint, b: number | bigint): boolean => {
  if (typeof a === typeof b) return a === b;
  const [whole, other] = typeof a === 'bigint' ? [a, Number(b)] : [BigInt(b), a];
  return Number.isInteger(other) && BigInt(other) === whole;
};

const free = (): void => undefined;

/** Whether two values are the same; numbers are by their value, whatever their type. */
export const isEqual = (a: Value, b: Value, spend: (steps: number) => void = free): boolean => {
  if (a === b) return true;
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined) return right !== undefined && isSameNumber(left, right);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Duration) return b instanceof Duration && a.ns === b.ns;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.ns === b.ns;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.typeName === b.typeName;
  if (a instanceof Opaque) return b instanceof Opaque && a.typeName === b.typeName && a.equals(b);
  if (a instanceof Optional)
    return (
      b instanceof Optional && (a.value === undefined || b.value === undefined ? a.value === b.value : isEqual(a.value, b.value, spend))
    );
  spend(1);
  if (isSet(a) && isSet(b)) {
    spend(a.length * b.length);
    return a.length === b.length && a.every((item) => b.some((other) => isEqual(item, other, spend)));
  }
  if (isList(a)) return isList(b) && a.length === b.length && a.every((item, i) => isEqual(item, b[i] ?? null, spend));
  if (a === null || !isMap(a) || b === null || !isMap(b) || a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = mapGet(b, key);
    if (other === undefined || !isEqual(value, other, spend)) return false;
  }
  return true;
};

/** Lists whose order does not count. */
class SetList extends Array<Value> {}
const isSet = (value: Value): value is SetList => value instanceof SetList;
export const setList = (items: readonly Value[]): readonly Value[] => SetList.from(items);

/** The value under a key, undefined where there is none. */
export const mapGet = (map: ReadonlyMap<Value, Value>, key: Value): Value | undefined => {
  const found = map.get(key);
  if (found !== undefined) return found;
  const number = numberOf(key);
  if (number === undefined) return undefined;
  // Keys of other number types mean the same.
  for (const [other, value] of map) if (isEqual(other, key)) return value;
  return undefined;
};

/** Less than 0 where `a` comes first; undefined where the two have no order. */
export const compare = (a: Value, b: Value): number | undefined => {
  const order = <T>(x: T, y: T): number => (x < y ? -1 : x > y ? 1 : 0);
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined && right !== undefined)
    return Number.isNaN(Number(left)) || Number.isNaN(Number(right)) ? undefined : order<number | bigint>(left, right);
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (typeof a === 'boolean' && typeof b === 'boolean') return order(a, b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if ((a instanceof Duration && b instanceof Duration) || (a instanceof Timestamp && b instanceof Timestamp)) return order(a.ns, b.ns);
  return undefined;
};

/** The name of a value's type. */
export const typeNameOf = (value: Value): string => {
  if (value === null) return 'null_type';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'double';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Optional) return 'optional_type';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof Opaque) return value.typeName;
  return isList(value) ? 'list' : 'map';
};

/** How large a value is, for what it costs to copy or compare. */
export const sizeOf = (value: Value): number => {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (value === null || typeof value !== 'object') return 1;
  if (isList(value)) return value.length;
  return isMap(value) ? value.size : 1;
};
