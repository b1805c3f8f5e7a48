import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../base/bytes.ts';
import { runs, seed } from '../testing/runs.ts';
import { decryptRc2Cbc, encryptRc2Cbc } from './rc2.ts';

const bytes = (hex: string): Uint8Array => {
  const octets = fromHex(hex);
  assert.ok(octets !== undefined);
  return octets;
};

// RFC 2268 section 5: key, effective bits, plaintext, ciphertext.
const vectors = [
  ['0000000000000000', 63, '0000000000000000', 'ebb773f993278eff'],
  ['ffffffffffffffff', 64, 'ffffffffffffffff', '278b27e42e2f0d49'],
  ['3000000000000000', 64, '1000000000000001', '30649edf9be7d2c2'],
  ['88', 64, '0000000000000000', '61a8a244adacccf0'],
  ['88bca90e90875a', 64, '0000000000000000', '6ccf4308974c267f'],
  ['88bca90e90875a7f0f79c384627bafb2', 64, '0000000000000000', '1a807d272bbe5db1'],
  ['88bca90e90875a7f0f79c384627bafb2', 128, '0000000000000000', '2269552ab0f85ca6'],
  ['88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e', 129, '0000000000000000', '5b78d3a43dfff1f1'],
] as const;

const zeroIv = new Uint8Array(8);

describe('RC2 in CBC mode', () => {
  for (const [key, effectiveBits, plaintext, ciphertext] of vectors)
    test(`encrypts the vector of RFC 2268 with key ${key} of ${effectiveBits} effective bits`, () => {
      const encrypted = encryptRc2Cbc(bytes(plaintext), { key: bytes(key), effectiveBits, iv: zeroIv });
      assert.equal(toHex(encrypted.subarray(0, 8)), ciphertext);
    });

  test('gives back what was encrypted, under any key and of any length', () => {
    const key = fc.record({
      key: fc.uint8Array({ minLength: 1, maxLength: 16 }),
      effectiveBits: fc.constantFrom(40, 64, 128),
      iv: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), key, (plaintext, rc2) => {
        const encrypted = encryptRc2Cbc(plaintext, rc2);
        assert.equal(encrypted.length, plaintext.length + 8 - (plaintext.length % 8));
        assert.deepEqual(decryptRc2Cbc(encrypted, rc2), plaintext);
      }),
      { seed, numRuns: runs(200, 20_000) },
    );
  });

  test('chains blocks: equal blocks of plaintext give different blocks of ciphertext', () => {
    const encrypted = encryptRc2Cbc(new Uint8Array(16), { key: bytes('88bca90e90'), effectiveBits: 40, iv: zeroIv });
    assert.notEqual(toHex(encrypted.subarray(0, 8)), toHex(encrypted.subarray(8, 16)));
  });

  test('answers undefined for a length that is not of whole blocks, for nothing, and for wrong padding', () => {
    const rc2 = { key: bytes('88bca90e90'), effectiveBits: 40, iv: zeroIv };
    assert.equal(decryptRc2Cbc(new Uint8Array(0), rc2), undefined);
    assert.equal(decryptRc2Cbc(new Uint8Array(7), rc2), undefined);
    // The last block of 16 zeros encrypted is padding; without it, zeros end the plaintext, which no padding does.
    assert.equal(decryptRc2Cbc(encryptRc2Cbc(new Uint8Array(16), rc2).subarray(0, 16), rc2), undefined);
    // Two different padding octets: 01 02.
    const odd = encryptRc2Cbc(bytes('0000000000000102'), rc2).subarray(0, 8);
    assert.equal(decryptRc2Cbc(odd, rc2), undefined);
  });
});
