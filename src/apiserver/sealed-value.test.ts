import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { sealingKey } from './sealed-value.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

describe('sealed values', () => {
  test('are those of the vectors of XAES-256-GCM', () => {
    const nonce = bytes('ABCDEFGHIJKLMNOPQRSTUVWX');
    const sealed = (key: number, associated: string): string =>
      sealingKey(Buffer.alloc(32, key), () => nonce)
        .seal(bytes('XAES-256-GCM'), bytes(associated))
        .subarray(24)
        .toString('hex');
    assert.equal(sealed(1, ''), 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271');
    assert.equal(sealed(3, 'c2sp.org/XAES-256-GCM'), '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d');
  });

  test('open under the same key and associated data, and with any byte changed under none', () => {
    const key = sealingKey(randomBytes(32), randomBytes);
    const sealed = key.seal(bytes('secret'), bytes('a'));
    assert.equal(key.open(sealed, bytes('a'))?.toString(), 'secret');
    assert.equal(key.open(sealed, bytes('b')), undefined);
    assert.equal(sealingKey(randomBytes(32), randomBytes).open(sealed, bytes('a')), undefined);
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i] = (changed[i] ?? 0) ^ 1;
      assert.equal(key.open(changed, bytes('a')), undefined, String(i));
      assert.equal(key.open(sealed.subarray(0, i), bytes('a')), undefined, String(i));
    }
  });

  test('differ each time', () => {
    const key = sealingKey(randomBytes(32), randomBytes);
    assert.notDeepEqual(key.seal(bytes('a'), bytes('')), key.seal(bytes('a'), bytes('')));
  });
});
