// The YAML of a plan file as a tree with places, so that every later complaint can name a line.
// Aliases share what they mean and are never expanded; a document that would be too large when expanded is refused.
// Nothing is said of what the keys mean. Messages never repeat text of the file but keys: a plan also holds passwords.

import { type Alias, Composer, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, Parser, type YAMLError } from 'yaml';
import type { PlanFinding } from './plan.ts';

/** A place in a text; both count from 1. */
export type Place = { readonly line: number; readonly column: number };

/** A value of the document. Lists and maps that an alias means are the same object as their anchor's. */
export type PlanValue =
  | { readonly kind: 'scalar'; readonly place: Place; readonly value: string | number | boolean | null; readonly source: string }
  | { readonly kind: 'list'; readonly place: Place; readonly items: readonly PlanValue[] }
  | { readonly kind: 'map'; readonly place: Place; readonly entries: ReadonlyMap<string, PlanEntry> };

/** What stands under a key; `place` is the key's. */
export type PlanEntry = { readonly place: Place; readonly value: PlanValue };

/** A document, or why there is none; with problems the root is not to be trusted. */
export type PlanDocument = { readonly root: PlanValue | undefined; readonly problems: readonly PlanFinding[] };

/** The longest plan that is read, in UTF-16 units: some 20,000 machines. */
export const maxPlanLength = 4 * 1024 * 1024;
const maxDepth = 64;
const maxExpandedValues = 2_000_000;
const maxSyntaxProblems = 20;

const syntaxWords: Readonly<Partial<Record<YAMLError['code'], readonly [message: string, hint: string]>>> = {
  BAD_DQ_ESCAPE: ['a text in double quotes has an escape that YAML does not know', 'double the backslash, or use single quotes'],
  BAD_INDENT: [
    'this line is indented in a way that does not fit the lines above',
    'indent the keys of one map by the same number of blanks',
  ],
  BAD_SCALAR_START: ['a value starts with a character that YAML keeps for itself', 'put the value in quotes'],
  BLOCK_AS_IMPLICIT_KEY: ['a second ": " follows on one line', 'put a value that has ": " in it in quotes'],
  MISSING_CHAR: ['a quote, bracket, comma or colon is missing', 'look for what was opened here and not closed'],
  MULTILINE_IMPLICIT_KEY: ['a line has no ": " after its key', 'write it as key: value'],
  RESOURCE_EXHAUSTION: [`maps and lists are nested deeper than ${maxDepth}`, 'a plan needs six levels'],
  TAB_AS_INDENT: ['a tab indents this line', 'indent with blanks'],
};
const otherSyntax = ['this is not YAML', 'compare with a plan written by `certwright cluster init`'] as const;

type Parsed = {
  readonly document: Document.Parsed | undefined;
  readonly errors: readonly YAMLError[];
  readonly second: number | undefined;
};

const parseYaml = (text: string, lines: LineCounter): Parsed => {
  const parser = new Parser(lines.addNewLine);
  // Whether keys are unique is asked below: the composer compares each with all others.
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false, logLevel: 'silent' });
  const documents: Document.Parsed[] = [];
  let faults = 0;
  for (const token of parser.parse(text)) {
    if (token.type === 'error' && ++faults > maxSyntaxProblems) break;
    for (const document of composer.next(token)) documents.push(document);
    if (documents.length > 1) break;
  }
  for (const document of composer.end(true, text.length)) documents.push(document);
  const [document, second] = documents;
  const errors = document?.errors ?? [];
  return { document, errors, second: second?.range[0] };
};

type Walk = {
  readonly lines: LineCounter;
  readonly problems: PlanFinding[];
  /** By anchor, what it means and how many values that is when expanded; none while it is being read. */
  readonly anchors: Map<string, Sized | undefined>;
};

type Sized = { readonly value: PlanValue; readonly size: number };

const placeAt = (walk: Walk, offset: number | undefined): Place => {
  const { line, col } = walk.lines.linePos(offset ?? 0);
  return { line: Math.max(1, line), column: Math.max(1, col) };
};

const report = (walk: Walk, place: Place, field: string, message: string, hint: string): void => {
  walk.problems.push({ ...place, field, message, hint });
};

const emptyAt = (place: Place): Sized => ({ value: { kind: 'scalar', place, value: null, source: '' }, size: 1 });

const readAlias = (walk: Walk, alias: Alias.Parsed, field: string): Sized => {
  const place = placeAt(walk, alias.range[0]);
  const target = walk.anchors.get(alias.source);
  if (target !== undefined) return target;
  if (walk.anchors.has(alias.source)) report(walk, place, field, 'an alias stands inside what it means', 'write the value out');
  else report(walk, place, field, 'an alias has no anchor above it', 'write the value out, or put the anchor first');
  return emptyAt(place);
};

const readScalar = (place: Place, value: unknown, source: string | undefined): Sized => {
  const isPlain = value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return { value: { kind: 'scalar', place, value: isPlain ? value : (source ?? ''), source: source ?? '' }, size: 1 };
};

const keyOf = (walk: Walk, pair: Pair, field: string): { readonly key: string; readonly place: Place } | undefined => {
  const { key } = pair;
  if (isScalar(key)) {
    const place = placeAt(walk, key.range?.[0]);
    if (key.anchor !== undefined) walk.anchors.set(key.anchor, readScalar(place, key.value, key.source));
    return { key: key.source ?? '', place };
  }
  const place = placeAt(walk, (key as { range?: readonly number[] } | null)?.range?.[0]);
  if (isAlias(key)) {
    const { value } = readAlias(walk, key as Alias.Parsed, field);
    if (value.kind === 'scalar') return { key: value.source, place };
  }
  report(walk, place, field, 'a key is a map, a list or nothing', 'write each key as plain text');
  return undefined;
};

const mergedEntries = (walk: Walk, entry: PlanEntry, field: string): ReadonlyMap<string, PlanEntry> => {
  const sources = entry.value.kind === 'list' ? entry.value.items : [entry.value];
  const merged = new Map<string, PlanEntry>();
  for (const source of sources) {
    if (source.kind === 'map') for (const [key, value] of source.entries) if (!merged.has(key)) merged.set(key, value);
    if (source.kind !== 'map') report(walk, entry.place, field, '"<<" merges something that is no map', 'give it an alias of a map');
  }
  return merged;
};

const readMap = (walk: Walk, place: Place, pairs: readonly Pair[], field: string, depth: number): Sized => {
  const entries = new Map<string, PlanEntry>();
  const merges: PlanEntry[] = [];
  let size = 1;
  for (const pair of pairs) {
    const named = keyOf(walk, pair, field);
    if (named === undefined) continue;
    const path = field === '' ? named.key : `${field}.${named.key}`;
    const { value, size: added } = readValue(walk, pair.value, named.place, path, depth + 1);
    size += added;
    const first = entries.get(named.key);
    if (first !== undefined)
      report(walk, named.place, path, `the key is given twice, first on line ${first.place.line}`, 'keep the one that is meant');
    else if (named.key === '<<') merges.push({ place: named.place, value });
    else entries.set(named.key, { place: named.place, value });
    if (size > maxExpandedValues) break;
  }
  // What merging copies is already counted: an alias weighs as much as what it means.
  if (size <= maxExpandedValues) {
    for (const merge of merges)
      for (const [key, entry] of mergedEntries(walk, merge, field)) if (!entries.has(key)) entries.set(key, entry);
  }
  return { value: { kind: 'map', place, entries }, size };
};

const readValue = (walk: Walk, node: unknown, at: Place, field: string, depth: number): Sized => {
  if (isAlias(node)) return readAlias(walk, node as Alias.Parsed, field);
  const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
  if (anchor !== undefined) walk.anchors.set(anchor, undefined);
  const sized = readNode(walk, node, at, field, depth);
  if (anchor !== undefined) walk.anchors.set(anchor, sized);
  return sized;
};

const readNode = (walk: Walk, node: unknown, at: Place, field: string, depth: number): Sized => {
  if (depth > maxDepth) {
    report(walk, at, field, `maps and lists are nested deeper than ${maxDepth}`, 'a plan needs six levels');
    return emptyAt(at);
  }
  if (isScalar(node)) {
    // An empty value has no place of its own; its key's is where one would write it.
    const place = node.value === null && (node.source ?? '') === '' ? at : placeAt(walk, node.range?.[0]);
    return readScalar(place, node.value, node.source);
  }
  if (isMap(node)) return readMap(walk, placeAt(walk, node.range?.[0]), node.items, field, depth);
  if (isSeq(node)) {
    const place = placeAt(walk, node.range?.[0]);
    const items: PlanValue[] = [];
    let size = 1;
    for (const [index, item] of node.items.entries()) {
      const read = readValue(walk, item, place, `${field}[${index}]`, depth + 1);
      items.push(read.value);
      size += read.size;
      if (size > maxExpandedValues) break;
    }
    return { value: { kind: 'list', place, items }, size };
  }
  return emptyAt(at);
};

const fileProblem = (message: string, hint: string): PlanDocument => ({
  root: undefined,
  problems: [{ line: 1, column: 1, field: '', message, hint }],
});

/** Reads the one YAML document of a text; never throws. Work and memory are linear in the text's length. */
export const readPlanDocument = (text: string): PlanDocument => {
  if (text.length > maxPlanLength)
    return fileProblem(
      `the file is longer than ${maxPlanLength} characters`,
      'check that it is a plan; a machine takes some 100 characters',
    );
  const lines = new LineCounter();
  const { document, errors, second } = parseYaml(text, lines);
  const walk: Walk = { lines, problems: [], anchors: new Map() };
  for (const error of errors.slice(0, maxSyntaxProblems)) {
    const [message, hint] = syntaxWords[error.code] ?? otherSyntax;
    const place = placeAt(walk, error.pos[0]);
    const isSaid = walk.problems.some((problem) => problem.line === place.line && problem.message === message);
    if (!isSaid) report(walk, place, '', message, hint);
    // What follows a fault of this kind is made of its own consequences.
    if (error.code === 'RESOURCE_EXHAUSTION') return fileProblem(message, hint);
  }
  if (second !== undefined)
    report(walk, placeAt(walk, second), '', 'a second YAML document starts here', 'keep one plan in a file, without a second "---"');
  if (walk.problems.length > 0) return { root: undefined, problems: walk.problems };
  const root = readValue(walk, document?.contents, { line: 1, column: 1 }, '', 0);
  if (root.size > maxExpandedValues)
    return fileProblem(`its aliases stand for more than ${maxExpandedValues} values`, 'write values out instead of nesting aliases');
  return { root: root.value, problems: walk.problems };
};
