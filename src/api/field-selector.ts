// Field selectors as text (https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/).

import type { KubernetesObject } from './object.ts';
import { badRequest } from './status.ts';

/** A field that can be selected, by its name in selectors. */
export type SelectableFields = Readonly<Record<string, (object: KubernetesObject) => string>>;

export type FieldSelector = {
  readonly selects: (object: KubernetesObject) => boolean;
  /** The one name that is asked for, where it is. */
  readonly name: string | undefined;
};

type Term = { readonly field: string; readonly equal: boolean; readonly value: string };

const parseTerm = (text: string): Term => {
  const parts = /^([^=!]+)(==|=|!=)(.*)$/s.exec(text);
  if (parts === null) throw badRequest(`invalid selector: '${text}'; can't understand '${text}'`);
  return { field: parts[1] ?? '', equal: parts[2] !== '!=', value: (parts[3] ?? '').replace(/\\([\\,=])/g, '$1') };
};

/** Parses a selector over these fields; undefined for an empty one. Throws BadRequest where it names another. */
export const parseFieldSelector = (text: string, fields: SelectableFields): FieldSelector | undefined => {
  if (text === '') return undefined;
  const terms = text
    .split(/(?<!\\),/)
    .filter((part) => part !== '')
    .map(parseTerm);
  for (const { field } of terms) if (!Object.hasOwn(fields, field)) throw badRequest(`field label not supported: ${field}`);
  return {
    selects: (object) => terms.every(({ field, equal, value }) => (fields[field]?.(object) === value) === equal),
    name: terms.find(({ field, equal }) => field === 'metadata.name' && equal)?.value,
  };
};
