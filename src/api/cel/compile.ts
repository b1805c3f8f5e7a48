// An expression, checked and made into something that runs: names and types are settled here, so that what is unknown is refused by name
// before anything is evaluated. Running is bounded: each step spends from a budget, and what handles much data spends more.

import { authorizerLibrary } from './authorizer-library.ts';
import { kubernetesLibrary } from './kubernetes-library.ts';
import type { Overload } from './overload.ts';
import { CompileError, type Node, parse } from './parse.ts';
import { standardLibrary } from './standard-library.ts';
import { textLibrary } from './text-library.ts';
import {
  type Bindings,
  bool,
  bytes,
  type CelType,
  double,
  dyn,
  hasType,
  int,
  isAssignable,
  isDynamic,
  listOf,
  mapOf,
  nullType,
  optionalOf,
  string,
  substitute,
  typeText,
  typeType,
  uint,
} from './types.ts';
import {
  BudgetExceeded,
  EvaluationError,
  isEqual,
  isList,
  isMap,
  mapGet,
  none,
  Optional,
  sizeOf,
  TypeValue,
  Uint,
  type Value,
} from './values.ts';

/** How many steps are left; shared by all that is evaluated for one request. */
export type Budget = { left: number };

type Frame = { readonly slots: Value[]; readonly spend: (steps: number) => void };
type Run = (frame: Frame) => Value;
type Compiled = { readonly type: CelType; readonly run: Run };

export type Variables = Readonly<Record<string, CelType>>;

export type Program = {
  readonly type: CelType;
  /** The variables that it uses. */
  readonly uses: ReadonlySet<string>;
  /** Throws EvaluationError, and BudgetExceeded. */
  evaluate(variables: Readonly<Record<string, Value>>, budget: Budget): Value;
};

/** What one expression alone may cost. */
const maxSteps = 1_000_000;

const byName = (overloads: readonly Overload[]): ReadonlyMap<string, readonly Overload[]> => {
  const found = new Map<string, Overload[]>();
  for (const overload of overloads) {
    const known = found.get(overload.name);
    if (known === undefined) found.set(overload.name, [overload]);
    else known.push(overload);
  }
  return found;
};
const known = byName([...standardLibrary, ...textLibrary, ...kubernetesLibrary, ...authorizerLibrary]);
const namespaces = new Set([...known.keys()].filter((name) => /^[a-z]+\./i.test(name)).map((name) => name.split('.')[0]));

const typeNames: Readonly<Record<string, string>> = Object.fromEntries(
  ['int', 'uint', 'double', 'bool', 'string', 'bytes', 'list', 'map', 'null_type', 'type'].map((name) => [name, name]),
);

type Scope = ReadonlyMap<string, { readonly type: CelType; readonly slot: number }>;

const literalType = (value: Value): CelType => {
  if (value === null) return nullType;
  if (typeof value === 'bigint') return int;
  if (typeof value === 'number') return double;
  if (typeof value === 'boolean') return bool;
  if (typeof value === 'string') return string;
  return value instanceof Uint ? uint : bytes;
};

const applied = (name: string, isMember: boolean, types: readonly CelType[]): string => {
  const [first, ...rest] = types.map(typeText);
  return `found no matching overload for '${name}' applied to '${isMember ? `${first}.(${rest.join(', ')})` : `(${types.map(typeText).join(', ')})`}'`;
};

const asBool = (value: Value): boolean => {
  if (typeof value !== 'boolean') throw new EvaluationError('no such overload');
  return value;
};

/** What a field of a map or an object is, undefined where it is not there. Throws EvaluationError for anything else. */
const fieldOf = (value: Value, name: string): Value | undefined => {
  if (value === null || !isMap(value)) throw new EvaluationError('no such overload');
  return mapGet(value, name);
};

const unwrapped = (value: Value): Value | undefined => (value instanceof Optional ? value.value : value);

/** Either side may decide alone; only where none does an error counts. */
const logical =
  (left: Run, right: Run, decisive: boolean): Run =>
  (frame) => {
    frame.spend(1);
    let failure: EvaluationError | undefined;
    try {
      if (asBool(left(frame)) === decisive) return decisive;
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      failure = error;
    }
    if (asBool(right(frame)) === decisive) return decisive;
    if (failure !== undefined) throw failure;
    return !decisive;
  };

type Step = readonly [first: Value, second: Value];

/** What a comprehension runs over: positions and values of a list, keys and values of a map. */
const stepsOf = (value: Value, isPair: boolean): readonly Step[] => {
  if (value !== null && isList(value)) return value.map((item, i) => (isPair ? [BigInt(i), item] : [item, null]));
  if (value !== null && isMap(value)) return [...value].map(([key, item]) => [key, isPair ? item : null]);
  throw new EvaluationError('no such overload');
};

class Compiler {
  readonly #variables: Variables;
  readonly uses = new Set<string>();
  #slots: number;
  readonly #ofVariables: Scope;

  constructor(variables: Variables) {
    this.#variables = variables;
    this.#ofVariables = new Map(Object.entries(variables).map(([name, type], slot) => [name, { type, slot }]));
    this.#slots = this.#ofVariables.size;
  }

  get slots(): number {
    return this.#slots;
  }

  compile(node: Node, scope: Scope = this.#ofVariables): Compiled {
    switch (node.kind) {
      case 'literal': {
        const { value } = node;
        return { type: literalType(value), run: () => value };
      }
      case 'ident':
        return this.#ident(node, scope);
      case 'select':
        return this.#select(node, scope);
      case 'list':
        return this.#list(node, scope);
      case 'map':
        return this.#map(node, scope);
      case 'call':
        return this.#call(node, scope);
    }
  }

  #ident({ name, pos }: Node & { readonly kind: 'ident' }, scope: Scope): Compiled {
    const found = scope.get(name);
    if (found !== undefined) {
      if (Object.hasOwn(this.#variables, name)) this.uses.add(name);
      const { slot, type } = found;
      return {
        type,
        run: ({ slots, spend }) => {
          spend(1);
          const value = slots[slot];
          if (value === undefined) throw new EvaluationError(`no such attribute(s): ${name}`);
          return value;
        },
      };
    }
    if (Object.hasOwn(typeNames, name)) {
      const value = new TypeValue(name);
      return { type: typeType, run: () => value };
    }
    throw new CompileError(pos, `undeclared reference to '${name}' (in container '')`);
  }

  #select(node: Node & { readonly kind: 'select' }, scope: Scope): Compiled {
    const named = this.#protoType(node);
    if (named !== undefined) return named;
    // A variable may have a dot in its name.
    const dotted = node.of.kind === 'ident' ? `${node.of.name}.${node.field}` : '';
    if (scope.has(dotted)) return this.#ident({ kind: 'ident', name: dotted, pos: node.pos }, scope);
    const of = this.compile(node.of, scope);
    const { type, name } = this.#fieldType(of.type, node);
    const isOptional = node.isOptional || of.type.kind === 'optional';
    return {
      type: isOptional ? optionalOf(type) : type,
      run: (frame) => {
        frame.spend(1);
        const value = unwrapped(of.run(frame));
        if (isOptional) {
          const found = value === undefined || value === null ? undefined : fieldOf(value, name);
          return found === undefined ? none : new Optional(found);
        }
        const found = fieldOf(value ?? null, name);
        if (found === undefined) throw new EvaluationError(`no such key: ${name}`);
        return found;
      },
    };
  }

  /** `google.protobuf.Timestamp` and its like are types. */
  #protoType(node: Node & { readonly kind: 'select' }): Compiled | undefined {
    const { of, field } = node;
    if (of.kind !== 'select' || of.field !== 'protobuf' || of.of.kind !== 'ident' || of.of.name !== 'google') return undefined;
    if (field !== 'Timestamp' && field !== 'Duration') return undefined;
    const value = new TypeValue(`google.protobuf.${field}`);
    return { type: typeType, run: () => value };
  }

  #fieldType(type: CelType, { field, pos }: Node & { readonly kind: 'select' }): { readonly type: CelType; readonly name: string } {
    switch (type.kind) {
      case 'dyn':
        return { type: dyn, name: field };
      case 'map':
        return { type: type.of, name: field };
      case 'optional':
        return this.#fieldType(type.of, { kind: 'select', field, pos, of: { kind: 'literal', pos, value: null }, isOptional: true });
      case 'object': {
        // A quoted name may be the field's own, which no other name looks like.
        const found =
          type.fields.get(field) ?? (/[^\w]/.test(field) ? [...type.fields.values()].find(({ name }) => name === field) : undefined);
        if (found === undefined) throw new CompileError(pos, `undefined field '${field}'`);
        return found;
      }
      default:
        throw new CompileError(pos, `type '${typeText(type)}' does not support field selection`);
    }
  }

  #joined(joined: CelType | undefined, { type }: Compiled, pos: number): CelType {
    if (joined === undefined || (isDynamic(joined) && !isDynamic(type))) return type;
    if (!isAssignable(joined, type)) throw new CompileError(pos, `expected type '${typeText(joined)}' but found '${typeText(type)}'`);
    return joined;
  }

  #element(node: Node, isOptional: boolean, scope: Scope): Compiled {
    const made = this.compile(node, scope);
    if (!isOptional) return made;
    if (made.type.kind !== 'optional' && made.type.kind !== 'dyn')
      throw new CompileError(node.pos, `expected type 'optional_type(${typeText(made.type)})' but found '${typeText(made.type)}'`);
    return { ...made, type: made.type.kind === 'optional' ? made.type.of : dyn };
  }

  #list({ items }: Node & { readonly kind: 'list' }, scope: Scope): Compiled {
    let of: CelType | undefined;
    const parts = items.map(({ node, isOptional }) => {
      const made = this.#element(node, isOptional, scope);
      of = this.#joined(of, made, node.pos);
      return { run: made.run, isOptional };
    });
    return {
      type: listOf(of ?? dyn),
      run: (frame) => {
        frame.spend(parts.length + 1);
        const values: Value[] = [];
        for (const { run, isOptional } of parts) {
          const value = run(frame);
          if (!isOptional) values.push(value);
          else if (value instanceof Optional && value.value !== undefined) values.push(value.value);
        }
        return values;
      },
    };
  }

  #map({ entries }: Node & { readonly kind: 'map' }, scope: Scope): Compiled {
    let keyType: CelType | undefined;
    let valueType: CelType | undefined;
    const parts = entries.map(({ key, value, isOptional }) => {
      const madeKey = this.compile(key, scope);
      const madeValue = this.#element(value, isOptional, scope);
      keyType = this.#joined(keyType, madeKey, key.pos);
      valueType = this.#joined(valueType, madeValue, value.pos);
      return { key: madeKey.run, value: madeValue.run, isOptional };
    });
    return {
      type: mapOf(keyType ?? dyn, valueType ?? dyn),
      run: (frame) => {
        frame.spend(parts.length + 1);
        const values = new Map<Value, Value>();
        for (const { key, value, isOptional } of parts) {
          const name = key(frame);
          const made = value(frame);
          const found = isOptional ? unwrapped(made) : made;
          if (found === undefined) continue;
          if (values.has(name)) throw new EvaluationError(`Failed with repeated key`);
          values.set(name, found);
        }
        return values;
      },
    };
  }

  #call(node: Node & { readonly kind: 'call' }, scope: Scope): Compiled {
    const { name, target, args } = node;
    if (target === undefined) {
      if (name === 'has') return this.#has(node, scope);
      if (name === '_&&_' || name === '_||_') return this.#logical(node, scope);
      if (name === '_?_:_') return this.#ternary(node, scope);
      if (name === '_==_' || name === '_!=_') return this.#equality(node, scope);
      if (name === '@in') return this.#in(node, scope);
      if (name === '_[_]' || name === '_[?_]') return this.#index(node, scope);
      return this.#function(node, name, args, false, scope);
    }
    if (target.kind === 'ident' && !scope.has(target.name) && namespaces.has(target.name) && known.has(`${target.name}.${name}`))
      return this.#function(node, `${target.name}.${name}`, args, false, scope);
    const macro = this.#macro(node, target, scope);
    return macro ?? this.#function(node, name, [target, ...args], true, scope);
  }

  #function(node: Node, name: string, args: readonly Node[], isMember: boolean, scope: Scope): Compiled {
    const named = known.get(name);
    // What is called is unknown before what it is called with is looked at.
    if (named === undefined) {
      const [receiver] = args;
      if (isMember && receiver !== undefined) this.compile(receiver, scope);
      throw new CompileError(node.pos, `undeclared reference to '${name}' (in container '')`);
    }
    const compiled = args.map((arg) => this.compile(arg, scope));
    return this.#resolved(node, name, compiled, args, isMember);
  }

  #resolved(node: Node, name: string, compiled: readonly Compiled[], args: readonly Node[], isMember: boolean): Compiled {
    const types = compiled.map(({ type }) => type);
    const results: CelType[] = [];
    const fitting = (known.get(name) ?? []).filter((overload) => {
      if (overload.isMember !== isMember || overload.params.length !== types.length) return false;
      const bound: Bindings = new Map();
      if (!overload.params.every((wanted, i) => isAssignable(wanted, types[i] ?? dyn, bound))) return false;
      results.push(substitute(overload.result, bound));
      return true;
    });
    const [only] = fitting;
    if (only === undefined) throw new CompileError(node.pos, applied(name, isMember, types));
    this.#requireLiterals(name, args);
    const [result = dyn] = results;
    const type = results.every((other) => typeText(other) === typeText(result)) ? result : dyn;
    const isSettled = fitting.length === 1 && !types.some(isDynamic);
    const runs = compiled.map(({ run }) => run);
    return {
      type,
      run: (frame) => {
        const values = runs.map((run) => run(frame));
        const chosen = isSettled ? only : fitting.find(({ params }) => params.every((wanted, i) => hasType(values[i] ?? null, wanted)));
        if (chosen === undefined) throw new EvaluationError('no such overload');
        frame.spend(chosen.cost(values));
        const value = chosen.run(values);
        frame.spend(sizeOf(value) / 10);
        return value;
      },
    };
  }

  /** Literal arguments that no evaluation could use are refused at once. */
  #requireLiterals(name: string, args: readonly Node[]): void {
    const at = ['matches', 'find', 'findAll'].includes(name) ? 1 : ['duration', 'timestamp'].includes(name) ? 0 : undefined;
    const literal = at === undefined ? undefined : args[at];
    if (literal?.kind !== 'literal' || typeof literal.value !== 'string') return;
    const overload = known.get(name)?.find(({ params }) => params[at ?? 0]?.kind === 'string');
    try {
      overload?.run(at === 1 ? ['', literal.value] : [literal.value]);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      throw new CompileError(literal.pos, `invalid ${name} argument`);
    }
  }

  #has({ args: [arg], pos, args }: Node & { readonly kind: 'call' }, scope: Scope): Compiled {
    if (arg === undefined || args.length !== 1 || arg.kind !== 'select')
      throw new CompileError(arg?.pos ?? pos, 'invalid argument to has() macro');
    const of = this.compile(arg.of, scope);
    const { name } = this.#fieldType(of.type, arg);
    return {
      type: bool,
      run: (frame) => {
        frame.spend(1);
        const value = unwrapped(of.run(frame));
        return value !== undefined && fieldOf(value, name) !== undefined;
      },
    };
  }

  #boolean(node: Node, scope: Scope): Compiled {
    const made = this.compile(node, scope);
    if (made.type.kind !== 'bool' && made.type.kind !== 'dyn')
      throw new CompileError(node.pos, `expected type 'bool' but found '${typeText(made.type)}'`);
    return made;
  }

  #logical({ name, args: [left, right] }: Node & { readonly kind: 'call' }, scope: Scope): Compiled {
    if (left === undefined || right === undefined) throw new Error('an operator lacks a side');
    return { type: bool, run: logical(this.#boolean(left, scope).run, this.#boolean(right, scope).run, name === '_||_') };
  }

  #ternary({ args: [condition, yes, no], pos }: Node & { readonly kind: 'call' }, scope: Scope): Compiled {
    if (condition === undefined || yes === undefined || no === undefined) throw new Error('an operator lacks a side');
    const test = this.#boolean(condition, scope);
    const [left, right] = [this.compile(yes, scope), this.compile(no, scope)];
    const type = isAssignable(left.type, right.type) ? left.type : isAssignable(right.type, left.type) ? right.type : undefined;
    if (type === undefined) throw new CompileError(pos, applied('_?_:_', false, [test.type, left.type, right.type]));
    return {
      type: left.type.kind === 'dyn' || right.type.kind === 'dyn' ? dyn : type,
      run: (frame) => {
        frame.spend(1);
        return asBool(test.run(frame)) ? left.run(frame) : right.run(frame);
      },
    };
  }

  #equality({ name, args: [a, b], pos }: Node & { readonly kind: 'call' }, scope: Scope): Compiled {
    if (a === undefined || b === undefined) throw new Error('an operator lacks a side');
    const [left, right] = [this.compile(a, scope), this.compile(b, scope)];
    if (!isAssignable(left.type, right.type) && !isAssignable(right.type, left.type))
      throw new CompileError(pos, applied(name, false, [left.type, right.type]));
    const wanted = name === '_==_';
    return {
      type: bool,
      run: (frame) => {
        const [x, y] = [left.run(frame), right.run(frame)];
        frame.spend(1 + Math.min(sizeOf(x), sizeOf(y)) / 10);
        return isEqual(x, y, frame.spend) === wanted;
      },
    };
  }

  #in(node: Node & { readonly kind: 'call' }, scope: Scope): Compiled {
    const [a, b] = node.args;
    if (a === undefined || b === undefined) throw new Error('an operator lacks a side');
    const [item, range] = [this.compile(a, scope), this.compile(b, scope)];
    if (range.type.kind === 'map') return this.#resolved(node, '@in', [item, range], node.args, false);
    if (range.type.kind !== 'dyn' && !(range.type.kind === 'list' && isAssignable(range.type.of, item.type)))
      throw new CompileError(node.pos, applied('@in', false, [item.type, range.type]));
    return {
      type: bool,
      run: (frame) => {
        const [value, all] = [item.run(frame), range.run(frame)];
        if (all !== null && isMap(all)) return mapGet(all, value) !== undefined;
        if (all === null || !isList(all)) throw new EvaluationError('no such overload');
        frame.spend(all.length + 1);
        return all.some((other) => isEqual(other, value, frame.spend));
      },
    };
  }

  #index(node: Node & { readonly kind: 'call' }, scope: Scope): Compiled {
    const [a, b] = node.args;
    if (a === undefined || b === undefined) throw new Error('an index lacks a side');
    const [of, index] = [this.compile(a, scope), this.compile(b, scope)];
    if (of.type.kind !== 'optional') return this.#resolved(node, node.name, [of, index], node.args, false);
    // Through an optional nothing fails: what is not there is none.
    const inner = this.#resolved(
      node,
      '_[?_]',
      [{ ...of, type: of.type.of, run: (frame) => unwrapped(of.run(frame)) ?? new Map() }, index],
      node.args,
      false,
    );
    return inner;
  }

  #fresh(): number {
    return this.#slots++;
  }

  #bind(
    scope: Scope,
    variables: readonly (readonly [node: Node, type: CelType])[],
  ): { readonly scope: Scope; readonly slots: readonly number[] } {
    const inner = new Map(scope);
    const slots = variables.map(([node, type]) => {
      if (node.kind !== 'ident') throw new CompileError(node.pos, 'argument must be a simple name');
      const slot = this.#fresh();
      inner.set(node.name, { type, slot });
      return slot;
    });
    return { scope: inner, slots };
  }

  #macro(node: Node & { readonly kind: 'call' }, target: Node, scope: Scope): Compiled | undefined {
    const { name, args } = node;
    if ((name === 'optMap' || name === 'optFlatMap') && args.length === 2) return this.#optionalMap(node, target, scope);
    if (name === 'orValue' || name === 'or') return this.#orElse(node, target, scope);
    const isOne = args.length === 2 && ['all', 'exists', 'exists_one', 'map', 'filter'].includes(name);
    const isFiltered = args.length === 3 && name === 'map';
    const isPair = args.length === 3 && ['all', 'exists', 'existsOne', 'exists_one', 'transformList', 'transformMap'].includes(name);
    const isPairFiltered = args.length === 4 && ['transformList', 'transformMap'].includes(name);
    if (!isOne && !isFiltered && !isPair && !isPairFiltered) return undefined;
    return this.#comprehension(node, target, isPair || isPairFiltered, scope);
  }

  #comprehension(node: Node & { readonly kind: 'call' }, target: Node, isPair: boolean, scope: Scope): Compiled {
    const { name, args } = node;
    const range = this.compile(target, scope);
    const { type } = range;
    if (type.kind !== 'list' && type.kind !== 'map' && type.kind !== 'dyn')
      throw new CompileError(
        target.pos,
        `expression of type '${typeText(type)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      );
    const item = type.kind === 'list' || type.kind === 'map' ? type.of : dyn;
    const key = type.kind === 'map' ? type.key : type.kind === 'list' ? int : dyn;
    const variables = isPair ? [key, item] : [type.kind === 'map' ? key : item];
    const named = args.slice(0, variables.length).map((arg, i) => [arg, variables[i] ?? dyn] as const);
    const { scope: inner, slots } = this.#bind(scope, named);
    const bodies = args.slice(variables.length);
    const isQuantifier = ['all', 'exists', 'exists_one', 'existsOne', 'filter'].includes(name);
    const bodyNode = bodies.at(-1);
    if (bodyNode === undefined) throw new Error('a comprehension lacks its body');
    const filterNode = bodies.length > 1 ? bodies[0] : undefined;
    const filter = filterNode === undefined ? undefined : this.#boolean(filterNode, inner).run;
    const body = isQuantifier ? this.#boolean(bodyNode, inner) : this.compile(bodyNode, inner);
    const run = loopOf(name, body.run, filter);
    const [first = 0, second] = slots;
    const result: CelType =
      name === 'map' || name === 'transformList'
        ? listOf(body.type)
        : name === 'filter'
          ? listOf(variables[0] ?? dyn)
          : name === 'transformMap'
            ? mapOf(key, body.type)
            : bool;
    return {
      type: result,
      run: (frame) => {
        const steps = stepsOf(range.run(frame), isPair);
        frame.spend(steps.length + 1);
        const enter = ([a, b]: Step): void => {
          frame.spend(1);
          frame.slots[first] = a;
          if (second !== undefined) frame.slots[second] = b;
        };
        return run(steps, frame, enter);
      },
    };
  }

  #optionalMap({ name, args: [variable, body] }: Node & { readonly kind: 'call' }, target: Node, scope: Scope): Compiled {
    if (variable === undefined || body === undefined) throw new Error('a macro lacks its parts');
    const of = this.compile(target, scope);
    if (of.type.kind !== 'optional' && of.type.kind !== 'dyn')
      throw new CompileError(target.pos, `expected type 'optional_type' but found '${typeText(of.type)}'`);
    const { scope: inner, slots } = this.#bind(scope, [[variable, of.type.kind === 'optional' ? of.type.of : dyn]]);
    const made = this.compile(body, inner);
    const isFlat = name === 'optFlatMap';
    const [slot = 0] = slots;
    return {
      type: isFlat ? made.type : optionalOf(made.type),
      run: (frame) => {
        frame.spend(1);
        const value = of.run(frame);
        if (!(value instanceof Optional)) throw new EvaluationError('no such overload');
        if (value.value === undefined) return none;
        frame.slots[slot] = value.value;
        return isFlat ? made.run(frame) : new Optional(made.run(frame));
      },
    };
  }

  #orElse(node: Node & { readonly kind: 'call' }, target: Node, scope: Scope): Compiled {
    const [arg] = node.args;
    const of = this.compile(target, scope);
    const other = arg === undefined ? undefined : this.compile(arg, scope);
    const isValue = node.name === 'orValue';
    const wanted = of.type.kind === 'optional' ? (isValue ? of.type.of : of.type) : dyn;
    const isFitting = (of.type.kind === 'optional' || of.type.kind === 'dyn') && node.args.length === 1 && other !== undefined;
    if (!isFitting || other === undefined || !(isAssignable(wanted, other.type) || isAssignable(other.type, wanted)))
      throw new CompileError(node.pos, applied(node.name, true, [of.type, ...(other === undefined ? [] : [other.type])]));
    return {
      type: wanted.kind === 'dyn' ? other.type : wanted,
      run: (frame) => {
        frame.spend(1);
        const value = of.run(frame);
        if (!(value instanceof Optional)) throw new EvaluationError('no such overload');
        if (value.value === undefined) return other.run(frame);
        return isValue ? value.value : value;
      },
    };
  }
}

type Loop = (steps: readonly Step[], frame: Frame, enter: (step: Step) => void) => Value;

const quantifier =
  (body: Run, decisive: boolean): Loop =>
  (steps, frame, enter) => {
    let failure: EvaluationError | undefined;
    for (const step of steps) {
      enter(step);
      try {
        if (asBool(body(frame)) === decisive) return decisive;
      } catch (error) {
        if (!(error instanceof EvaluationError)) throw error;
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return !decisive;
  };

const loopOf = (name: string, body: Run, filter: Run | undefined): Loop => {
  if (name === 'all') return quantifier(body, false);
  if (name === 'exists') return quantifier(body, true);
  return (steps, frame, enter) => {
    const isKept = (step: Step): boolean => {
      enter(step);
      return filter === undefined || asBool(filter(frame));
    };
    if (name === 'exists_one' || name === 'existsOne') {
      let count = 0;
      for (const step of steps) if (isKept(step) && asBool(body(frame))) count++;
      return count === 1;
    }
    if (name === 'transformMap') {
      const made = new Map<Value, Value>();
      for (const step of steps) if (isKept(step)) made.set(step[0], body(frame));
      return made;
    }
    const made: Value[] = [];
    for (const step of steps) {
      if (!isKept(step)) continue;
      const value = body(frame);
      if (name !== 'filter') made.push(value);
      else if (asBool(value)) made.push(step[0]);
    }
    return made;
  };
};

/** Compiles an expression in which these variables may be used. Throws CompileError. */
export const compile = (source: string, variables: Variables): Program => {
  const compiler = new Compiler(variables);
  const { type, run } = compiler.compile(parse(source));
  const names = Object.keys(variables);
  return {
    type,
    uses: compiler.uses,
    evaluate: (values, budget) => {
      let left = Math.min(maxSteps, budget.left);
      const before = left;
      const slots: Value[] = new Array(compiler.slots);
      for (const [slot, name] of names.entries()) {
        const value = values[name];
        if (value !== undefined) slots[slot] = value;
      }
      const spend = (steps: number): void => {
        left -= steps;
        if (left < 0) throw new BudgetExceeded();
      };
      try {
        return run({ slots, spend });
      } catch (error) {
        // What is nested too deeply for the stack, or text too long for the engine, was not to be evaluated either.
        if (error instanceof RangeError) throw new BudgetExceeded();
        throw error;
      } finally {
        budget.left -= before - Math.max(0, left);
      }
    },
  };
};
