// The process of count-steps.ts: work on standard input, counts on standard output. Counting starts before anything of ours is loaded.

import { Session } from 'node:inspector';
import { text } from 'node:stream/consumers';

type Coverage = {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
};

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

/** Entries into blocks of our source since the last call. */
const takeBlocks = (): number => {
  let blocks = 0;
  session.post('Profiler.takePreciseCoverage', (error, { result }: Coverage) => {
    if (error !== null) throw error;
    for (const { url, functions } of result)
      if (/\/src\/(?:base|pki|api|apiserver)\//.test(url))
        for (const { ranges } of functions) for (const { count } of ranges) blocks += count;
  });
  return blocks;
};

let handled = 0;
let depth = 0;

const lengthOf = (value: unknown): number => {
  const length: unknown =
    typeof value === 'string' || (typeof value === 'object' && value !== null) ? Reflect.get(Object(value), 'length') : 0;
  return typeof length === 'number' ? length : 0;
};

type Cost = (self: unknown, given: readonly unknown[], result: unknown) => number;

const ofSelf: Cost = (self) => lengthOf(self);
const ofArgument: Cost = (_self, [first]) => lengthOf(first);
/** A search goes from where it is told to where it finds, or to the end. */
const ofSearch: Cost = (self, [, from], result) =>
  (typeof result === 'number' && result >= 0 ? result : lengthOf(self)) - (typeof from === 'number' ? from : 0);

/** A sticky expression that matches has looked at what it matched; any other may have looked at everything. */
const ofMatch: Cost = (self, [first], result) =>
  self instanceof RegExp && self.sticky && Array.isArray(result) ? lengthOf(result[0]) : lengthOf(first);

/** Built-in functions that go through what they are given. Those that call back into our source are counted there. */
const builtIns: readonly (readonly [object, readonly string[], Cost])[] = [
  [Array.prototype, ['includes', 'lastIndexOf', 'join', 'slice', 'concat'], ofSelf],
  [Array.prototype, ['indexOf'], ofSearch],
  [String.prototype, ['includes', 'lastIndexOf', 'replace', 'split', 'match', 'trim', 'toLowerCase', 'normalize'], ofSelf],
  [String.prototype, ['indexOf'], ofSearch],
  [Uint8Array.prototype, ['slice', 'includes', 'join'], ofSelf],
  [Buffer.prototype, ['toString', 'swap16', 'includes'], ofSelf],
  [RegExp.prototype, ['test', 'exec'], ofMatch],
  [TextDecoder.prototype, ['decode'], ofArgument],
  [Uint8Array.prototype, ['set'], ofArgument],
];

const counting = (prototype: object, name: string, cost: Cost): void => {
  const builtIn: unknown = Reflect.get(prototype, name);
  if (typeof builtIn !== 'function') throw new Error(`${name} is no function`);
  Object.defineProperty(prototype, name, {
    configurable: true,
    writable: true,
    value(this: unknown, ...given: unknown[]): unknown {
      depth++;
      try {
        const result: unknown = Reflect.apply(builtIn, this, given);
        // What a built-in calls to do its work is part of its work.
        if (depth === 1) handled += cost(this, given, result);
        return result;
      } finally {
        depth--;
      }
    },
  });
};

// The names of either registry come with the work.
const { takes }: { readonly takes: (decoder: never, bytes: Uint8Array) => boolean } =
  process.argv[2] === 'api' ? await import('./api-decoders.ts') : await import('./decoders.ts');
for (const [prototype, names, cost] of builtIns) for (const name of names) counting(prototype, name, cost);

const work: readonly (readonly [string, string])[] = JSON.parse(await text(process.stdin));
const measured: number[] = [];
for (const [decoder, base64] of work) {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'));
  takeBlocks();
  handled = 0;
  takes(decoder as never, bytes);
  const native = handled;
  measured.push(takeBlocks() + native);
}
process.stdout.write(JSON.stringify(measured));
