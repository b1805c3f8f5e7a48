// Sets of fields of an object, as managedFields write them: a tree whose steps are `f:name` of a map, `k:{"key":"value"}` of a list whose
// entries are told apart by keys, and `v:"value"` of a list that is a set. `.` says that a field with others below it is itself in the set
// (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/, fieldsV1). Values; nothing given is changed.

import { type Fields, isFields } from '../api/object.ts';

/** A step of a path, as fieldsV1 writes it. */
export type Step = string;
export type Path = readonly Step[];

export type FieldSet = { readonly isMember: boolean; readonly below: ReadonlyMap<Step, FieldSet> };

type Growing = { isMember: boolean; below: Map<Step, Growing> };

export const emptySet: FieldSet = { isMember: false, below: new Map() };

export const isEmptySet = ({ isMember, below }: FieldSet): boolean => !isMember && below.size === 0;

/** Gathers paths. */
export const growingSet = (): { readonly set: FieldSet; insert(path: Path): void } => {
  const root: Growing = { isMember: false, below: new Map() };
  return {
    set: root,
    insert: (path) => {
      let at = root;
      for (const step of path) {
        let next = at.below.get(step);
        if (next === undefined) {
          next = { isMember: false, below: new Map() };
          at.below.set(step, next);
        }
        at = next;
      }
      at.isMember = true;
    },
  };
};

export const setOf = (...paths: readonly Path[]): FieldSet => {
  const { set, insert } = growingSet();
  for (const path of paths) insert(path);
  return set;
};

const combined = (
  a: FieldSet,
  b: FieldSet,
  keeps: (inA: boolean, inB: boolean) => boolean,
  stepsOf: (a: FieldSet, b: FieldSet) => Iterable<Step>,
): FieldSet => {
  const below = new Map<Step, FieldSet>();
  for (const step of stepsOf(a, b)) {
    const made = combined(a.below.get(step) ?? emptySet, b.below.get(step) ?? emptySet, keeps, stepsOf);
    if (!isEmptySet(made)) below.set(step, made);
  }
  return { isMember: keeps(a.isMember, b.isMember), below };
};

const ofBoth = (a: FieldSet, b: FieldSet): Iterable<Step> => new Set([...a.below.keys(), ...b.below.keys()]);
const ofFirst = (a: FieldSet): Iterable<Step> => a.below.keys();

export const unionOf = (a: FieldSet, b: FieldSet): FieldSet => {
  if (isEmptySet(a)) return b;
  return isEmptySet(b) ? a : combined(a, b, (inA, inB) => inA || inB, ofBoth);
};
/** What is in `a` and not in `b`, path by path: what lies below a path of `b` stays. */
export const differenceOf = (a: FieldSet, b: FieldSet): FieldSet =>
  isEmptySet(b) ? a : combined(a, b, (inA, inB) => inA && !inB, ofFirst);
export const intersectionOf = (a: FieldSet, b: FieldSet): FieldSet => combined(a, b, (inA, inB) => inA && inB, ofFirst);

/** `a` without the paths of `b` and all that lies below them. */
export const withoutBranches = (a: FieldSet, b: FieldSet): FieldSet => {
  if (b.isMember) return emptySet;
  if (isEmptySet(b)) return a;
  const below = new Map<Step, FieldSet>();
  for (const [step, set] of a.below) {
    const kept = withoutBranches(set, b.below.get(step) ?? emptySet);
    if (!isEmptySet(kept)) below.set(step, kept);
  }
  return { isMember: a.isMember, below };
};

const pathsBelow = ({ below }: FieldSet, path: Path): readonly Path[] => {
  const steps = [...below].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    ...steps.filter(([, { isMember }]) => isMember).map(([step]) => [...path, step]),
    ...steps.flatMap(([step, set]) => pathsBelow(set, [...path, step])),
  ];
};

/** Every path of a set, in the order in which Kubernetes names them: those that end at a step before those that lead on from it. */
export const pathsOf = (set: FieldSet, path: Path = []): readonly Path[] => [...(set.isMember ? [path] : []), ...pathsBelow(set, path)];

/** As fieldsV1. */
export const toFieldsV1 = ({ isMember, below }: FieldSet, isRoot = true): Fields => {
  const steps = [...below.keys()].sort();
  const fields = steps.map((step): readonly [Step, Fields] => [step, toFieldsV1(below.get(step) ?? emptySet, false)]);
  return Object.fromEntries(isMember && !isRoot && fields.length > 0 ? [['.', {}], ...fields] : fields);
};

const isStep = (text: string): boolean => {
  if (text.startsWith('f:')) return true;
  if (/^i:\d+$/.test(text)) return true;
  if (!text.startsWith('k:') && !text.startsWith('v:')) return false;
  try {
    const value: unknown = JSON.parse(text.slice(2));
    return text.startsWith('v:') || isFields(value);
  } catch {
    return false;
  }
};

const maxDepth = 100;

const readSet = (value: unknown, depth: number): FieldSet | undefined => {
  if (!isFields(value) || depth > maxDepth) return undefined;
  const below = new Map<Step, FieldSet>();
  const entries = Object.entries(value);
  let isMember = depth > 0 && entries.length === 0;
  for (const [step, field] of entries) {
    if (step === '.') {
      isMember = depth > 0;
      continue;
    }
    const set = isStep(step) ? readSet(field, depth + 1) : undefined;
    if (set === undefined) return undefined;
    below.set(step, set);
  }
  return { isMember, below };
};

/** A set out of fieldsV1; undefined where it is none. */
export const fromFieldsV1 = (value: unknown): FieldSet | undefined => readSet(value, 0);

const stepText = (step: Step): string => {
  const value = step.slice(2);
  if (step.startsWith('f:')) return `.${value}`;
  if (step.startsWith('v:')) return `[=${value}]`;
  if (step.startsWith('i:')) return `[${value}]`;
  const keys = Object.entries(JSON.parse(value) as Fields).map(([key, found]) => `${key}=${JSON.stringify(found)}`);
  return `[${keys.join(',')}]`;
};

/** A path as people read it: `.spec.containers[name="web"].image`. */
export const pathText = (path: Path): string => path.map(stepText).join('');
