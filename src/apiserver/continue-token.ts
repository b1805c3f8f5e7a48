// Continue tokens of paged lists: from which state, and after which place. Opaque to clients, and in Kubernetes' own form.

import { badRequest } from '../api/status.ts';

/** The revision -1 stands for whatever is there now. */
export type Continuation = { readonly revision: number; readonly start: string };

export const encodeContinue = ({ revision, start }: Continuation): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start })).toString('base64url');

/** Throws BadRequest. */
export const decodeContinue = (text: string): Continuation => {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw badRequest('invalid continue token: it cannot be read');
  }
  const { v, rv, start } = (value ?? {}) as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== 'meta.k8s.io/v1' || !Number.isSafeInteger(rv) || typeof start !== 'string')
    throw badRequest('invalid continue token: it is of another form');
  return { revision: Number(rv), start };
};
