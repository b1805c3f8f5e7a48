// Assertions on errors: which code is thrown, and that nothing but coded errors is.

import assert from 'node:assert/strict';
import { CodedError } from '../base/coded-error.ts';
import type { ErrorCode } from '../base/error-codes.ts';

const isCoded =
  (code: ErrorCode, message: RegExp = /^cannot /) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof CodedError, `expected a coded error, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };

/** Asserts that `work` throws a CodedError with this code; its message starts with what failed, or matches the pattern given. */
export const assertCoded = (code: ErrorCode, work: () => unknown, message?: RegExp): void => assert.throws(work, isCoded(code, message));

/** As assertCoded, of what rejects. */
export const assertCodedRejection = (code: ErrorCode, work: () => Promise<unknown>, message?: RegExp): Promise<void> =>
  assert.rejects(work, isCoded(code, message));

/** The result of `work`, or the CodedError it threw; anything else that is thrown is a fault and goes on. */
export const resultOrCodedError = <T>(work: () => T): T | CodedError => {
  try {
    return work();
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
};

/** Whether an error is a CodedError with one of these codes, for assert.throws and assert.rejects. */
export const coded =
  (...codes: readonly ErrorCode[]) =>
  (error: unknown): boolean =>
    error instanceof CodedError && codes.includes(error.code);
