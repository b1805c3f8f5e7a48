// What a Kubernetes API answers when it refuses, as our error: the reason it gives is the code, its message stays its own.

import { type Fields, fieldsAt, isFields, textAt } from '../api/object.ts';
import { CodedError } from '../base/coded-error.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import { visibleText } from '../base/visible-text.ts';

const reasons: ReadonlySet<string> = new Set<ErrorCode>([
  'BadRequest',
  'Invalid',
  'Unauthorized',
  'Forbidden',
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Expired',
  'MethodNotAllowed',
  'NotAcceptable',
  'UnsupportedMediaType',
  'RequestEntityTooLarge',
  'Timeout',
  'TooManyRequests',
  'ServiceUnavailable',
]);

const codes: Readonly<Record<number, ErrorCode>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

const codeOf = (httpCode: number, reason: string): ErrorCode => {
  // Gone is what 410 was called before.
  if (reason === 'Gone') return 'Expired';
  if (reasons.has(reason)) return reason as ErrorCode;
  return codes[httpCode] ?? (httpCode >= 500 ? 'ServerFailed' : httpCode >= 400 ? 'BadRequest' : 'ServerAnswerInvalid');
};

const maxMessage = 4000;

/** An error of a Status object. `asked` says what was asked, `retryAfter` is the header of that name. */
export const statusError = (asked: string, httpCode: number, status: Fields, retryAfter?: number): CodedError => {
  const details = fieldsAt(status, 'details');
  const seconds = retryAfter ?? (typeof details['retryAfterSeconds'] === 'number' ? details['retryAfterSeconds'] : undefined);
  const message = visibleText(textAt(status, 'message') || `the server answered ${httpCode}`).slice(0, maxMessage);
  return new CodedError(codeOf(httpCode, textAt(status, 'reason')), `cannot ${asked}: ${message}`, {
    details: {
      httpCode,
      ...(Object.keys(details).length === 0 ? {} : { status: details }),
      ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
    },
  });
};

/** An error of an answer that is no success, whatever it is. */
export const answerError = (asked: string, httpCode: number, body: string, retryAfter?: number): CodedError => {
  let status: unknown;
  try {
    status = JSON.parse(body);
  } catch {
    status = undefined;
  }
  const isStatus = isFields(status) && status['kind'] === 'Status';
  // What is no Status comes from something in between, and may be a page of anything.
  return statusError(asked, httpCode, isStatus ? (status as Fields) : {}, retryAfter);
};
