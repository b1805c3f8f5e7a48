// JSON Patch (RFC 6902) over JSON values; nothing of what is given is changed.

import { type Fields, isFields, isSameJson } from '../api/object.ts';

type Operation = { readonly op: string; readonly path: string; readonly from?: unknown; readonly value?: unknown };

/** Why a patch does not apply. */
export class PatchFailure extends Error {}

const maxOperations = 10_000;
/** What all operations of a patch may copy: members, list items and characters. A short patch could otherwise double a document again and again. */
const maxCopied = 5_000_000;

type Budget = { copied: number };

const spend = (budget: Budget, amount: number): void => {
  budget.copied += amount;
  if (budget.copied > maxCopied) fail('it copies too much');
};

/** Counts a value against the budget, and no further than that goes. */
const spendValue = (budget: Budget, value: unknown): void => {
  spend(budget, typeof value === 'string' ? value.length : 1);
  if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) spendValue(budget, each);
};

const fail = (problem: string): never => {
  throw new PatchFailure(problem);
};

/** The steps of a JSON Pointer (RFC 6901). */
const steps = (pointer: string): readonly string[] => {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) return fail(`path ${JSON.stringify(pointer)} does not start with /`);
  const parts = pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (parts.includes('__proto__')) fail('a field may not be called __proto__');
  return parts;
};

const index = (step: string, length: number): number => {
  if (!/^(?:0|[1-9]\d{0,8})$/.test(step) || Number(step) > length) return fail(`${JSON.stringify(step)} is no index of this list`);
  return Number(step);
};

const valueAt = (document: unknown, path: readonly string[]): unknown => {
  let found = document;
  for (const step of path) {
    if (Array.isArray(found)) found = found[index(step, found.length - 1)];
    else if (isFields(found) && Object.hasOwn(found, step)) found = found[step];
    else return fail(`there is nothing at ${JSON.stringify(`/${path.join('/')}`)}`);
  }
  return found;
};

type Edit = (container: readonly unknown[] | Fields, step: string) => unknown;

/** The document with the container of the last step put through `edit`. */
const edited = (budget: Budget, document: unknown, path: readonly string[], edit: Edit): unknown => {
  const [step, ...rest] = path;
  if (step === undefined || !(Array.isArray(document) || isFields(document))) return fail('there is no map or list to change');
  spend(budget, Array.isArray(document) ? document.length : Object.keys(document).length);
  if (rest.length === 0) return edit(document, step);
  const inner = edited(budget, valueAt(document, [step]), rest, edit);
  return Array.isArray(document) ? document.with(Number(step), inner) : { ...document, [step]: inner };
};

const add = (budget: Budget, document: unknown, path: readonly string[], value: unknown): unknown =>
  path.length === 0
    ? value
    : edited(budget, document, path, (container, step) =>
        Array.isArray(container)
          ? container.toSpliced(step === '-' ? container.length : index(step, container.length), 0, value)
          : { ...container, [step]: value },
      );

const remove = (budget: Budget, document: unknown, path: readonly string[]): unknown =>
  edited(budget, document, path, (container, step) => {
    valueAt(container, [step]);
    return Array.isArray(container)
      ? container.toSpliced(Number(step), 1)
      : Object.fromEntries(Object.entries(container).filter(([name]) => name !== step));
  });

const replace = (budget: Budget, document: unknown, path: readonly string[], value: unknown): unknown =>
  path.length === 0
    ? value
    : edited(budget, document, path, (container, step) => {
        // Kubernetes takes a replacement of a member that is not there for an addition.
        if (!Array.isArray(container)) return { ...container, [step]: value };
        valueAt(container, [step]);
        return container.with(Number(step), value);
      });

const apply = (budget: Budget, document: unknown, { op, path, from, value }: Operation): unknown => {
  const to = steps(path);
  const source = (): readonly string[] => (typeof from === 'string' ? steps(from) : fail(`${op} has no from`));
  switch (op) {
    case 'add':
      return add(budget, document, to, value);
    case 'remove':
      return remove(budget, document, to);
    case 'replace':
      return replace(budget, document, to, value);
    case 'test':
      return isSameJson(valueAt(document, to), value) ? document : fail(`test of ${JSON.stringify(path)} failed`);
    case 'copy': {
      const copied = valueAt(document, source());
      spendValue(budget, copied);
      return add(budget, document, to, copied);
    }
    case 'move':
      return add(budget, remove(budget, document, source()), to, valueAt(document, source()));
    default:
      return fail(`${JSON.stringify(op)} is no operation`);
  }
};

/** Applies a patch. Throws PatchFailure. */
export const applyJsonPatch = (document: unknown, patch: unknown): unknown => {
  if (!Array.isArray(patch) || patch.length > maxOperations) return fail(`a patch is a list of at most ${maxOperations} operations`);
  const budget: Budget = { copied: 0 };
  return patch.reduce((current: unknown, operation: unknown) => {
    if (!isFields(operation) || typeof operation['op'] !== 'string' || typeof operation['path'] !== 'string')
      return fail('an operation has op and path');
    return apply(budget, current, operation as Operation);
  }, document);
};
