// What a path of the Kubernetes API asks for (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris).

import { badRequest } from '../api/status.ts';

export type ResourcePath = {
  readonly group: string;
  readonly version: string;
  /** Undefined for the list of what the group offers. */
  readonly plural: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
};

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(`the path segment ${JSON.stringify(segment)} is not percent-encoded UTF-8`);
  }
};

/** A path below /api or /apis; undefined for every other path, and for one with an empty segment inside. */
export const parseResourcePath = (path: string): ResourcePath | undefined => {
  const [root, ...segments] = path.replace(/\/$/, '').slice(1).split('/');
  if (segments.includes('')) return undefined;
  const parts = segments.map(decoded);
  const group = root === 'api' ? '' : root === 'apis' ? parts.shift() : undefined;
  const version = parts.shift();
  if (group === undefined || version === undefined) return undefined;
  const base = { group, version };
  // /namespaces/NS/R is what is in a namespace; /namespaces/NS, /finalize and /status the namespace itself.
  const isInside = parts[0] === 'namespaces' && parts.length > 2 && !(group === '' && ['finalize', 'status'].includes(parts[2] ?? ''));
  const namespace = isInside ? parts[1] : undefined;
  const [plural, name, subresource, ...more] = isInside ? parts.slice(2) : parts;
  return more.length > 0 ? undefined : { ...base, plural, namespace, name, subresource };
};
