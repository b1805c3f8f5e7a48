// The one error class. Anything thrown that is not a CodedError is a bug by definition.
// Messages never hold a key, a token or a whole CSR.

import { type ErrorClass, type ErrorCode, errorClass } from './error-codes.ts';
import { visibleText } from './visible-text.ts';

const marker = Symbol.for('certwright.CodedError');

export type CodedErrorOptions = {
  /** The next thing to type or to look at. */
  readonly hint?: string;
  /** Plain JSON for machines. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
};

/** An error with a code of the table, a message for people and, where there is one, a hint. */
export class CodedError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: CodedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CodedError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
    Object.defineProperty(this, marker, { value: true });
  }

  get class(): ErrorClass {
    return errorClass(this.code);
  }
}

/** Whether a thrown value is a CodedError, also one of another copy of this module. */
export const isCodedError = (value: unknown): value is CodedError =>
  typeof value === 'object' && value !== null && (value as { [marker]?: unknown })[marker] === true;

/** Quotes a value from outside for a message: what is not visible escaped, cut at 200 characters. */
export const quote = (value: string): string => visibleText(JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}…` : value));
