import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorCode, errorClass, errorCodes, exitCodes } from './error-codes.ts';

const codes = Object.keys(errorCodes) as ErrorCode[];

describe('error codes', () => {
  test('codes are PascalCase words and say in one plain sentence what they mean', () => {
    for (const code of codes) {
      assert.match(code, /^[A-Z][a-z]+(?:[A-Z][a-z]*)*$/);
      assert.match(errorCodes[code].about, /^[a-z0-9].{20,}[^.]$/i, code);
    }
  });

  test('classes decide the exit code as the design has it', () => {
    assert.deepEqual(exitCodes, { input: 2, waiting: 3, transient: 4, permanent: 5, bug: 70 });
    assert.equal(errorClass('PemInvalid'), 'input');
    assert.equal(errorClass('CaMissing'), 'waiting');
    assert.equal(errorClass('LockHeld'), 'transient');
    assert.equal(errorClass('CertificateRefused'), 'permanent');
    assert.equal(errorClass('Bug'), 'bug');
  });
});
