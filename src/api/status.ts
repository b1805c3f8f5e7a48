// Errors as the Kubernetes API states them (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/): each reason is a
// code of ours. Clients parse these messages, so they are Kubernetes' own words.

import { CodedError } from '../base/coded-error.ts';
import type { ErrorCode } from '../base/error-codes.ts';

export type StatusCause = { readonly reason?: string; readonly message: string; readonly field?: string };

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  /** Plural resource, or the kind where the reason is Invalid. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
};

/** What a resource is called in messages: `secrets`, `deployments.apps`. */
export type ResourceName = { readonly group: string; readonly plural: string };

export const qualifiedResource = ({ group, plural }: ResourceName): string => (group === '' ? plural : `${plural}.${group}`);

/** HTTP status codes by code; whatever is not here is 500. */
const httpCodes: Readonly<Partial<Record<ErrorCode, number>>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  ServiceUnavailable: 503,
  Timeout: 504,
};

export const httpCode = (code: ErrorCode): number => httpCodes[code] ?? 500;

const statusError = (code: ErrorCode, message: string, details?: StatusDetails, metadata?: { readonly continue: string }): CodedError =>
  new CodedError(code, message, { details: { ...(details === undefined ? {} : { status: details }), ...(metadata && { metadata }) } });

const named = ({ group, plural }: ResourceName, name: string): StatusDetails => ({
  ...(name === '' ? {} : { name }),
  ...(group === '' ? {} : { group }),
  kind: plural,
});

export const badRequest = (message: string): CodedError => statusError('BadRequest', message);
export const unauthorized = (): CodedError => statusError('Unauthorized', 'Unauthorized');
export const notFound = (resource: ResourceName, name: string): CodedError =>
  statusError('NotFound', `${qualifiedResource(resource)} "${name}" not found`, named(resource, name));
export const resourceUnknown = (): CodedError => statusError('NotFound', 'the server could not find the requested resource', {});
export const alreadyExists = (resource: ResourceName, name: string): CodedError =>
  statusError('AlreadyExists', `${qualifiedResource(resource)} "${name}" already exists`, named(resource, name));
export const conflict = (resource: ResourceName, name: string, problem: string): CodedError =>
  statusError('Conflict', `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${problem}`, named(resource, name));
/** What was sent was made from an older state than the one stored. */
export const staleObject = (resource: ResourceName, name: string): CodedError =>
  conflict(resource, name, 'the object has been modified; please apply your changes to the latest version and try again');
/** Others manage what a configuration would change; each cause names one field and who manages it. */
export const applyConflict = (message: string, causes: readonly StatusCause[]): CodedError => statusError('Conflict', message, { causes });
export const forbidden = (resource: ResourceName, name: string, problem: string, causes?: readonly StatusCause[]): CodedError =>
  statusError('Forbidden', `${qualifiedResource(resource)}${name === '' ? '' : ` "${name}"`} is forbidden: ${problem}`, {
    ...named(resource, name),
    ...(causes && { causes }),
  });
export const pathForbidden = (problem: string): CodedError => statusError('Forbidden', `forbidden: ${problem}`, {});
export const methodNotAllowed = (): CodedError =>
  statusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
export const notAcceptable = (accepted: readonly string[]): CodedError =>
  statusError('NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`);
export const unsupportedMediaType = (accepted: readonly string[]): CodedError =>
  statusError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
export const tooManyRequests = (): CodedError =>
  statusError('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });
export const tooLarge = (limit: number): CodedError => statusError('RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);

/** The HTTP code and reason that an error is answered with where those are not its code's. */
export type GivenAnswer = { readonly code: number; readonly reason: string };

/** What webhooks and policies refuse, with the code, reason and details that they give. */
export const admissionDenied = (message: string, answer: GivenAnswer, details?: StatusDetails): CodedError =>
  new CodedError('AdmissionDenied', message, { details: { answer, ...(details === undefined ? {} : { status: details }) } });
export const expired = (message: string, next?: string): CodedError =>
  statusError('Expired', message, undefined, next === undefined ? undefined : { continue: next });
export const futureRevision = (asked: number, current: number): CodedError =>
  statusError('Timeout', `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

/** One fault of an object: where, and what; reasons are those of Kubernetes' field errors. */
export type FieldProblem = {
  readonly field: string;
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'FieldValueNotFound';
  /** Begins with the words of its reason, such as `Invalid value: "x": must be …`. */
  readonly message: string;
};

const shown = (value: unknown): string => (value === undefined ? 'null' : JSON.stringify(value));

export const required = (field: string, detail = ''): FieldProblem => ({
  field,
  reason: 'FieldValueRequired',
  message: detail === '' ? 'Required value' : `Required value: ${detail}`,
});
export const invalidValue = (field: string, value: unknown, detail: string): FieldProblem => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${shown(value)}: ${detail}`,
});
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldProblem => ({
  field,
  reason: 'FieldValueNotSupported',
  message: `Unsupported value: ${shown(value)}: supported values: ${supported.map(shown).join(', ')}`,
});
export const duplicateValue = (field: string, value: unknown): FieldProblem => ({
  field,
  reason: 'FieldValueDuplicate',
  message: `Duplicate value: ${shown(value)}`,
});
export const forbiddenField = (field: string, detail: string): FieldProblem => ({
  field,
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${detail}`,
});
export const tooLong = (field: string, maxBytes: number): FieldProblem => ({
  field,
  reason: 'FieldValueTooLong',
  message: `Too long: must have at most ${maxBytes} bytes`,
});

export const tooMany = (field: string, count: number, most: number): FieldProblem => ({
  field,
  reason: 'FieldValueTooMany',
  message: `Too many: ${count}: must have at most ${most} items`,
});

/** Faults of an object, all at once. `name` is the object's, or what stands for it while it has none. */
export const invalid = (
  { group, kind }: { readonly group: string; readonly kind: string },
  name: string,
  problems: readonly FieldProblem[],
): CodedError => {
  const lines = problems.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  const said = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return statusError('Invalid', `${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${said}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind,
    causes: problems,
  });
};
