// What a controller does about a failure, decided by its class alone (docs/architecture.md, errors). It looks at no message.

import { isCodedError } from '../base/coded-error.ts';
import type { ErrorClass } from '../base/error-codes.ts';

export type AfterFailure = {
  readonly class: ErrorClass;
  /** `stop`: nothing until the object changes. `recheck`: a change will wake it; looked at now and then all the same. */
  readonly next: 'stop' | 'recheck' | 'retry';
  /** Not before this long, as the other side asked. */
  readonly leastMs: number;
};

/** What others may make us wait at most: a server's word is no reason to stand still for a year. */
const maxAskedMs = 3_600_000;

const numberAt = (value: unknown, name: string): number | undefined => {
  const found = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
};

/** `retryAfterSeconds` stands in an error's details, or where it is an answer of an API server, in the details of that. */
const askedMs = (details: Readonly<Record<string, unknown>> | undefined): number => {
  const seconds = numberAt(details, 'retryAfterSeconds') ?? numberAt(details?.['status'], 'retryAfterSeconds') ?? 0;
  return Math.min(Math.max(seconds, 0) * 1000, maxAskedMs);
};

const nextByClass: Readonly<Record<ErrorClass, AfterFailure['next']>> = {
  input: 'stop',
  permanent: 'stop',
  waiting: 'recheck',
  transient: 'retry',
  bug: 'retry',
};

export const afterFailure = (error: unknown): AfterFailure => {
  if (!isCodedError(error)) return { class: 'bug', next: 'retry', leastMs: 0 };
  return { class: error.class, next: nextByClass[error.class], leastMs: askedMs(error.details) };
};
