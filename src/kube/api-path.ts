// Paths of the Kubernetes API. Names come from outside: what would be another path is refused.

import { CodedError, quote } from '../base/coded-error.ts';
import type { ResourceType, Selection } from './kube-client.ts';

/** Throws BadRequest. */
const segment = (what: string, text: string): string => {
  if (text === '' || text === '.' || text === '..' || /[/\\\0]/.test(text))
    throw new CodedError('BadRequest', `cannot ask for ${what} ${quote(text)}: it is not one part of a path`);
  return encodeURIComponent(text);
};

/** The path of a collection; of every namespace where none is named. */
export const collectionPath = ({ group, version, plural, isNamespaced }: ResourceType, namespace = ''): string => {
  const root = group === '' ? `/api/${segment('version', version)}` : `/apis/${segment('group', group)}/${segment('version', version)}`;
  const within = isNamespaced && namespace !== '' ? `/namespaces/${segment('namespace', namespace)}` : '';
  return `${root}${within}/${segment('resource', plural)}`;
};

/** The path of an object, or of a part of it. Throws BadRequest also where a namespace is missing. */
export const objectPath = (type: ResourceType, namespace: string, name: string, subresource?: string): string => {
  if (type.isNamespaced && namespace === '')
    throw new CodedError('BadRequest', `cannot ask for ${type.kind} ${quote(name)}: it has no namespace`);
  const path = `${collectionPath(type, namespace)}/${segment('name', name)}`;
  return subresource === undefined ? path : `${path}/${segment('subresource', subresource)}`;
};

/** A query string with its question mark; what is undefined is left out. */
export const queryText = (parameters: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
};

export const selectionParameters = ({ labelSelector, fieldSelector }: Selection): Readonly<Record<string, string | undefined>> => ({
  labelSelector,
  fieldSelector,
});
