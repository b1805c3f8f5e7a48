// The part of JSONPath that printer columns use (https://kubernetes.io/docs/reference/kubectl/jsonpath/): members, indices, wildcards, and filters
// that compare a member with a text.

import { isFields } from './object.ts';

type Step =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly string[]; readonly operator: '==' | '!='; readonly value: string };

/** Every value that a path leads to. */
export type JsonPath = (value: unknown) => readonly unknown[];

const unescaped = (name: string): string => name.replace(/\\(.)/g, '$1');

const token =
  /\.((?:\\.|[^.[\]\\])+)|\[\s*(-?\d+)\s*\]|\[\s*\*\s*\]|\[\s*(?:'([^']*)'|"([^"]*)")\s*\]|\[\s*\?\(\s*@((?:\.[\w-]+)+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|(\w+))\s*\)\s*\]/y;

const parse = (text: string): readonly Step[] | undefined => {
  const steps: Step[] = [];
  let offset = 0;
  while (offset < text.length) {
    token.lastIndex = offset;
    const match = token.exec(text);
    if (match === null) return undefined;
    const [, member, index, single, double, path, operator, ...values] = match;
    if (member !== undefined) steps.push(member === '*' ? { kind: 'all' } : { kind: 'member', name: unescaped(member) });
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else if (path !== undefined)
      steps.push({
        kind: 'filter',
        path: path.slice(1).split('.'),
        operator: operator === '!=' ? '!=' : '==',
        value: values.find((value) => value !== undefined) ?? '',
      });
    else if (single !== undefined || double !== undefined) steps.push({ kind: 'member', name: single ?? double ?? '' });
    else steps.push({ kind: 'all' });
    offset = token.lastIndex;
  }
  return steps;
};

const member = (value: unknown, name: string): readonly unknown[] =>
  isFields(value) && Object.hasOwn(value, name) && value[name] !== null ? [value[name]] : [];

const take = (value: unknown, step: Step): readonly unknown[] => {
  switch (step.kind) {
    case 'member':
      return member(value, step.name);
    case 'index': {
      const found: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return found === undefined ? [] : [found];
    }
    case 'all':
      return Array.isArray(value) ? value : isFields(value) ? Object.values(value) : [];
    case 'filter': {
      const items: readonly unknown[] = Array.isArray(value) ? value : [];
      return items.filter((item) => {
        const [found] = step.path.reduce<readonly unknown[]>((values, name) => values.flatMap((each) => member(each, name)), [item]);
        return found === undefined ? false : (String(found) === step.value) === (step.operator === '==');
      });
    }
  }
};

/** A path such as `.status.conditions[?(@.type=="Ready")].status`; undefined where it is none. */
export const parseJsonPath = (text: string): JsonPath | undefined => {
  const steps = text === '' || text === '.' ? [] : parse(text);
  if (steps === undefined) return undefined;
  return (value) => steps.reduce<readonly unknown[]>((values, step) => values.flatMap((each) => take(each, step)), [value]);
};
