import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CodedError, isCodedError, quote } from './coded-error.ts';

describe('coded errors', () => {
  test('an error carries its code, message, hint, details and cause, and the class of its code', () => {
    const cause = new Error('inner');
    const error = new CodedError('CsrSignatureInvalid', 'cannot accept it', { hint: 'make it again', details: { at: 1 }, cause });
    assert.equal(error.code, 'CsrSignatureInvalid');
    assert.equal(error.class, 'permanent');
    assert.equal(error.message, 'cannot accept it');
    assert.equal(error.hint, 'make it again');
    assert.deepEqual(error.details, { at: 1 });
    assert.equal(error.cause, cause);
    assert.equal(error.name, 'CodedError');
  });

  test('an error without a cause has no cause at all', () => {
    assert.equal('cause' in new CodedError('Bug', 'x'), false);
  });

  test('an error of another copy of the module is recognised by its mark, look-alikes are not', () => {
    const foreign = Object.assign(new Error('x'), { code: 'Bug', [Symbol.for('certwright.CodedError')]: true });
    assert.equal(foreign instanceof CodedError, false);
    assert.equal(isCodedError(foreign), true);
    assert.equal(isCodedError(new CodedError('Bug', 'x')), true);
    for (const value of [new Error('x'), { code: 'Bug', message: 'x' }, null, undefined, 'Bug']) assert.equal(isCodedError(value), false);
  });

  test('the mark of a coded error does not show when it is printed as JSON', () => {
    assert.deepEqual(Object.getOwnPropertySymbols({ ...new CodedError('Bug', 'x') }), []);
  });

  test('quoted values cannot break out of a line and are cut', () => {
    assert.equal(quote('a"b\n\u0000\u001b[2J'), '"a\\"b\\n\\u0000\\u001b[2J"');
    assert.equal(quote('x'.repeat(201)), `"${'x'.repeat(200)}…"`);
    assert.equal(quote('x'.repeat(200)), `"${'x'.repeat(200)}"`);
  });
});
