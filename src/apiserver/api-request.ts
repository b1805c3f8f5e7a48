// A request and its answer, free of sockets: what the transport hands in and gets back.

import type { Kind, UserInfo } from '../api/kind.ts';
import { badRequest, invalidValue } from '../api/status.ts';
import { CodedError } from '../base/coded-error.ts';
import type { WebhookCaller } from './call-webhook.ts';
import type { KindTable } from './kind-table.ts';
import type { Store } from './store.ts';

export type ApiRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  header(name: string): string | undefined;
  /** The whole body. Throws RequestEntityTooLarge. */
  body(): Promise<Uint8Array>;
  readonly user: UserInfo;
};

/** Where the lines of a watch go. */
export type Sink = {
  write(chunk: Uint8Array): void;
  /** What was written and the other side has not taken. */
  waitingBytes(): number;
  /** Called back each time everything that waited was taken. */
  onDrain(listener: () => void): void;
  end(): void;
  /** Ends it at once, in the middle. */
  destroy(): void;
  onClose(listener: () => void): void;
};

export type ApiResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
} & ({ readonly body: Uint8Array | string | readonly Uint8Array[] } | { readonly stream: (sink: Sink) => void });

/** What handlers work with. */
export type Server = {
  readonly store: Store;
  readonly kinds: KindTable;
  readonly now: () => Date;
  readonly random: (length: number) => Uint8Array;
  readonly webhooks: WebhookCaller;
};

/** What a request asks of one kind. */
export type KindRequest = {
  readonly kind: Kind;
  /** Empty where the kind or the path has none. */
  readonly namespace: string;
  readonly name: string;
  readonly request: ApiRequest;
};

/** Whether a flag of the query is set, as Go reads booleans. */
export const flag = (query: URLSearchParams, name: string): boolean => {
  const value = query.get(name);
  if (value === null || ['0', 'f', 'F', 'false', 'False', 'FALSE', ''].includes(value)) return false;
  if (['1', 't', 'T', 'true', 'True', 'TRUE'].includes(value)) return true;
  throw badRequest(`parameter ${name}: ${JSON.stringify(value)} is not a boolean`);
};

/** A number of the query that is not negative, undefined where there is none. */
export const count = (query: URLSearchParams, name: string): number | undefined => {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?\d{1,15}$/.test(value)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Math.max(0, Number(value));
};

/** Whether nothing shall be stored. Throws Invalid for any word but All. */
export const isDryRun = (query: URLSearchParams, given: readonly unknown[] = query.getAll('dryRun')): boolean => {
  const wrong = given.find((value) => value !== 'All');
  if (wrong !== undefined) {
    const problem = {
      ...invalidValue('dryRun', wrong, ''),
      message: `Unsupported value: ${JSON.stringify([wrong])}: supported values: "All"`,
    };
    throw new CodedError('Invalid', `CreateOptions.meta.k8s.io "" is invalid: dryRun: ${problem.message}`, {
      details: { status: { group: 'meta.k8s.io', kind: 'CreateOptions', causes: [{ ...problem, reason: 'FieldValueNotSupported' }] } },
    });
  }
  return given.length > 0;
};
