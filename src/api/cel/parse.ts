// CEL's grammar (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax): text to a tree. What names mean is not known here.
// Macros are calls like any other, operators are calls under the names that errors use. Messages (`Name{field: value}`) are refused.

import { Uint, type Value } from './values.ts';

export type Node = { readonly pos: number } & (
  | { readonly kind: 'literal'; readonly value: Value }
  | { readonly kind: 'ident'; readonly name: string }
  | { readonly kind: 'select'; readonly of: Node; readonly field: string; readonly isOptional: boolean }
  | { readonly kind: 'call'; readonly name: string; readonly target?: Node; readonly args: readonly Node[] }
  | { readonly kind: 'list'; readonly items: readonly { readonly node: Node; readonly isOptional: boolean }[] }
  | { readonly kind: 'map'; readonly entries: readonly { readonly key: Node; readonly value: Node; readonly isOptional: boolean }[] }
);

/** What is wrong with an expression, and at which character. */
export class CompileError extends Error {
  override readonly name = 'CompileError';
  readonly pos: number;
  constructor(pos: number, message: string) {
    super(message);
    this.pos = pos;
  }
}

/** The error as cel-go prints it, with the line it is in. */
export const errorText = (source: string, { pos, message }: CompileError): string => {
  const before = source.slice(0, pos).split('\n');
  const column = before.at(-1)?.length ?? 0;
  const line = source.split('\n')[before.length - 1] ?? '';
  return `ERROR: <input>:${before.length}:${column + 1}: ${message}\n | ${line}\n | ${'.'.repeat(column)}^`;
};

type Token = {
  readonly kind: 'name' | 'quoted' | 'literal' | 'symbol' | 'end';
  readonly text: string;
  readonly pos: number;
  readonly value?: Value;
};

const maxLength = 100_000;
const maxDepth = 100;
const maxNodes = 10_000;

const numberPattern = /0[xX][0-9a-fA-F]+[uU]?|\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?|\d+[uU]?/y;
const namePattern = /[A-Za-z_]\w*/y;
const symbols = [
  '&&',
  '||',
  '==',
  '!=',
  '<=',
  '>=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '!',
  '?',
  ':',
  '.',
  ',',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
];
const reserved: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
};

const unescaped = (text: string, pos: number, isBytes: boolean): Uint8Array => {
  const parts: Uint8Array[] = [];
  const add = (piece: string): number => parts.push(Buffer.from(piece));
  const code = (number: number): void => {
    if (isBytes) parts.push(Uint8Array.of(number));
    else if (number > 0x10ffff || (number >= 0xd800 && number < 0xe000)) throw new CompileError(pos, 'invalid unicode code point');
    else add(String.fromCodePoint(number));
  };
  const pattern = /\\(?:([abfnrtv\\?"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))|([^\\]+)|\\/y;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) break;
    const [, simple, hex, short, long, octal, plain] = match;
    if (plain !== undefined) add(plain);
    else if (simple !== undefined) add(escapes[simple] ?? '');
    else if (hex !== undefined) code(Number.parseInt(hex, 16));
    else if (octal !== undefined) code(Number.parseInt(octal, 8));
    else if (short === undefined && long === undefined) throw new CompileError(pos, 'Syntax error: unable to unescape string');
    else if (isBytes) throw new CompileError(pos, 'Syntax error: unicode escapes are not allowed in bytes');
    else code(Number.parseInt(short ?? long ?? '', 16));
  }
  return Buffer.concat(parts);
};

const stringPattern =
  /([bBrR]{0,2})(?:"""((?:[^\\]|\\[\s\S])*?)"""|'''((?:[^\\]|\\[\s\S])*?)'''|"((?:[^"\\\n\r]|\\.)*)"|'((?:[^'\\\n\r]|\\.)*)')/y;
const rawPattern = /([bBrR]{1,2})(?:"""([\s\S]*?)"""|'''([\s\S]*?)'''|"([^"\n\r]*)"|'([^'\n\r]*)')/y;

const readString = (source: string, pos: number): Token | undefined => {
  const isRaw = /^[bB]?[rR][bB]?["']/.test(source.slice(pos, pos + 3));
  const pattern = isRaw ? rawPattern : stringPattern;
  pattern.lastIndex = pos;
  const match = pattern.exec(source);
  if (match === null) return undefined;
  const [text, prefix = '', ...bodies] = match;
  const body = bodies.find((found) => found !== undefined) ?? '';
  const isBytes = /[bB]/.test(prefix);
  const octets = isRaw ? Buffer.from(body) : unescaped(body, pos, isBytes);
  return { kind: 'literal', text, pos, value: isBytes ? new Uint8Array(octets) : Buffer.from(octets).toString() };
};

const readNumber = (text: string, pos: number): Token => {
  const isUnsigned = /[uU]$/.test(text);
  const digits = isUnsigned ? text.slice(0, -1) : text;
  if (!/^0[xX]/.test(text) && /[.eE]/.test(text)) {
    const value = Number(text);
    if (!Number.isFinite(value)) throw new CompileError(pos, 'invalid double literal');
    return { kind: 'literal', text, pos, value };
  }
  const value = BigInt(digits);
  // The one that is too large here is the smallest integer once it is negated.
  if (value > (isUnsigned ? 0xffff_ffff_ffff_ffffn : 0x8000_0000_0000_0000n))
    throw new CompileError(pos, `invalid ${isUnsigned ? 'uint' : 'int'} literal`);
  return { kind: 'literal', text, pos, value: isUnsigned ? new Uint(value) : value };
};

const tokensOf = (source: string): readonly Token[] => {
  const tokens: Token[] = [];
  let pos = 0;
  while (pos < source.length) {
    const rest = source[pos] ?? '';
    if (/\s/.test(rest)) pos++;
    else if (source.startsWith('//', pos)) pos = source.indexOf('\n', pos) < 0 ? source.length : source.indexOf('\n', pos);
    else {
      const found = tokenAt(source, pos);
      if (found === undefined) throw new CompileError(pos, `Syntax error: token recognition error at: '${rest}'`);
      tokens.push(found);
      pos += found.text.length;
    }
  }
  return [...tokens, { kind: 'end', text: '<EOF>', pos: source.length }];
};

const tokenAt = (source: string, pos: number): Token | undefined => {
  if (/^[bBrR]{0,2}["']/.test(source.slice(pos, pos + 3))) return readString(source, pos);
  numberPattern.lastIndex = pos;
  const number = numberPattern.exec(source);
  if (number !== null) return readNumber(number[0], pos);
  namePattern.lastIndex = pos;
  const name = namePattern.exec(source);
  if (name !== null) return { kind: 'name', text: name[0], pos };
  const quoted = /^`[A-Za-z0-9_./ -]+`/.exec(source.slice(pos, pos + 300));
  if (quoted !== null) return { kind: 'quoted', text: quoted[0], pos };
  const symbol = symbols.find((each) => source.startsWith(each, pos));
  return symbol === undefined ? undefined : { kind: 'symbol', text: symbol, pos };
};

/** From the loosest to the tightest; each level groups to the left. */
const levels: readonly Readonly<Record<string, string>>[] = [
  { '||': '_||_' },
  { '&&': '_&&_' },
  { '==': '_==_', '!=': '_!=_', '<': '_<_', '<=': '_<=_', '>': '_>_', '>=': '_>=_', in: '@in' },
  { '+': '_+_', '-': '_-_' },
  { '*': '_*_', '/': '_/_', '%': '_%_' },
];

/** Parses an expression. Throws CompileError. */
export const parse = (source: string): Node => {
  if (source.length > maxLength)
    throw new CompileError(0, `expression code point size exceeds limit: size: ${source.length}, limit ${maxLength}`);
  const tokens = tokensOf(source);
  let at = 0;
  let depth = 0;
  let count = 0;
  const peek = (): Token => tokens[at] ?? { kind: 'end', text: '<EOF>', pos: source.length };
  const is = (text: string): boolean => peek().text === text && (peek().kind === 'symbol' || peek().kind === 'name');
  const unexpected = (): never => {
    throw new CompileError(peek().pos, `Syntax error: mismatched input '${peek().text}'`);
  };
  const take = (text: string): Token => {
    const token = peek();
    if (!is(text)) return unexpected();
    at++;
    return token;
  };
  const accept = (text: string): Token | undefined => (is(text) ? take(text) : undefined);
  const made = <T extends Node>(node: T): T => {
    if (++count > maxNodes) throw new CompileError(node.pos, `expression has more than ${maxNodes} parts`);
    return node;
  };
  const nested = <T>(read: () => T): T => {
    if (++depth > maxDepth) throw new CompileError(peek().pos, `expression recursion limit exceeded: ${maxDepth}`);
    const node = read();
    depth--;
    return node;
  };
  const expression = (): Node =>
    nested(() => {
      const condition = binary(0);
      const question = accept('?');
      if (question === undefined) return condition;
      const yes = binary(0);
      take(':');
      return made({ kind: 'call', pos: question.pos, name: '_?_:_', args: [condition, yes, expression()] });
    });
  const binary = (level: number): Node => {
    const operators = levels[level];
    if (operators === undefined) return unary();
    let left = binary(level + 1);
    let chain = 0;
    for (;;) {
      const token = peek();
      const name = token.kind === 'symbol' || token.text === 'in' ? operators[token.text] : undefined;
      if (name === undefined) return left;
      // A chain grows a tree as deep as it is long.
      if (++chain > 1000) throw new CompileError(token.pos, 'expression recursion limit exceeded: 1000');
      at++;
      left = made({ kind: 'call', pos: token.pos, name, args: [left, binary(level + 1)] });
    }
  };
  const unary = (): Node => {
    const token = peek();
    if (token.kind !== 'symbol' || (token.text !== '!' && token.text !== '-')) return member();
    at++;
    const of = nested(unary);
    if (token.text === '-' && of.kind === 'literal' && (typeof of.value === 'bigint' || typeof of.value === 'number'))
      return made({ kind: 'literal', pos: token.pos, value: -of.value });
    return made({ kind: 'call', pos: token.pos, name: token.text === '!' ? '!_' : '-_', args: [of] });
  };
  const list = <T>(close: string, read: () => T): readonly T[] => {
    const items: T[] = [];
    while (!is(close)) {
      items.push(read());
      if (accept(',') === undefined) break;
    }
    take(close);
    return items;
  };
  const member = (): Node => {
    let of = primary();
    let chain = 0;
    for (;;) {
      if (++chain > 100) throw new CompileError(peek().pos, 'expression recursion limit exceeded: 100');
      const dot = accept('.');
      if (dot !== undefined) {
        const isOptional = accept('?') !== undefined;
        const name = peek();
        if (name.kind !== 'name' && name.kind !== 'quoted') unexpected();
        if (['in', 'true', 'false', 'null'].includes(name.text)) unexpected();
        at++;
        const open = name.kind === 'name' && !isOptional ? accept('(') : undefined;
        if (open !== undefined) {
          of = made({ kind: 'call', pos: open.pos, name: name.text, target: of, args: list(')', expression) });
        } else {
          const field = name.kind === 'quoted' ? name.text.slice(1, -1) : name.text;
          of = made({ kind: 'select', pos: dot.pos, of, field, isOptional });
        }
        continue;
      }
      const open = accept('[');
      if (open === undefined) return of;
      const name = accept('?') === undefined ? '_[_]' : '_[?_]';
      const index = expression();
      take(']');
      of = made({ kind: 'call', pos: open.pos, name, args: [of, index] });
    }
  };
  const primary = (): Node => {
    const token = peek();
    if (token.kind === 'literal') {
      at++;
      return made({ kind: 'literal', pos: token.pos, value: token.value ?? null });
    }
    if (accept('(') !== undefined) {
      const inner = expression();
      take(')');
      return inner;
    }
    if (accept('[') !== undefined)
      return made({
        kind: 'list',
        pos: token.pos,
        items: list(']', () => ({ isOptional: accept('?') !== undefined, node: expression() })),
      });
    if (accept('{') !== undefined) {
      const entries = list('}', () => {
        const isOptional = accept('?') !== undefined;
        const key = expression();
        take(':');
        return { isOptional, key, value: expression() };
      });
      return made({ kind: 'map', pos: token.pos, entries });
    }
    const isRooted = accept('.') !== undefined;
    const name = peek();
    if (name.kind !== 'name' || name.text === 'in') return unexpected();
    at++;
    if (!isRooted && name.text === 'null') return made({ kind: 'literal', pos: name.pos, value: null });
    if (!isRooted && (name.text === 'true' || name.text === 'false'))
      return made({ kind: 'literal', pos: name.pos, value: name.text === 'true' });
    if (reserved.has(name.text)) throw new CompileError(name.pos, `reserved identifier: ${name.text}`);
    const open = accept('(');
    if (open !== undefined) return made({ kind: 'call', pos: open.pos, name: name.text, args: list(')', expression) });
    if (is('{')) throw new CompileError(peek().pos, `undeclared reference to '${name.text}' (in container '')`);
    return made({ kind: 'ident', pos: name.pos, name: name.text });
  };
  const node = expression();
  if (peek().kind !== 'end') unexpected();
  const tooLarge = (n: Node): boolean => n.kind === 'literal' && n.value === 0x8000_0000_0000_0000n;
  if (tooLarge(node)) throw new CompileError(node.pos, 'invalid int literal');
  return node;
};
