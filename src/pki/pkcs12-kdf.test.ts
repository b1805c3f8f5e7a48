import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromHex, toHex } from '../base/bytes.ts';
import { kdfBudget, maxKdfRounds } from './kdf-budget.ts';
import type { HmacDigest } from './pbkdf2.ts';
import { derivePkcs12, type KdfPurpose, pkcs12Password } from './pkcs12-kdf.ts';

const bytes = (hex: string): Uint8Array => {
  const octets = fromHex(hex);
  assert.ok(octets !== undefined);
  return octets;
};

// What `openssl kdf … PKCS12KDF` of OpenSSL 3.0 derives. The rows take in: more output than one hash gives, salt and password longer
// than a block, the 128-octet blocks of SHA-384 and SHA-512, and the empty password.
const longPassword = `${'0'.repeat(159)}7`;
const vectors: readonly (readonly [HmacDigest, string, string, number, KdfPurpose, string])[] = [
  ['sha1', '0073006d006500670000', '0a58cf64530d823f', 1, 1, '8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3'],
  ['sha1', '0073006d006500670000', '0a58cf64530d823f', 1, 2, '79993dfe048d3b76'],
  ['sha1', '007100750065006500670000', '05dec959acff72f7', 1000, 1, 'ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4'],
  ['sha224', '0073006d006500670000', '0a58cf64530d823f', 3, 3, 'c80e2d439846a65a4068ff3e357fc47414fd30469c848096a81f353e'],
  ['sha256', '0073006d006500670000', '0a58cf64530d823f', 100, 3, '73ffe1911516cb28a96a52692adc39671966a08de2467fd835ebc0554b30fd17'],
  [
    'sha256',
    `${longPassword}0000`,
    `${'0'.repeat(139)}3`,
    2,
    1,
    '7e34e28f02163dda4bf1b920ca8f31ec3503b6e0072420733bf20df3de0b51fa8ce67102b184f86a335c80b9fcf9b147e5a93a9d66e9eac1938008c1ecffa459c14014c3309a1f2e9343f4229a7fc43ddf0a7273c838509b0a70b744a8f247e23f80958d',
  ],
  [
    'sha384',
    '0073006d006500670000',
    '0a58cf64530d823f0102030405060708',
    3,
    1,
    '3c72a0c5f59febb805cbdb1e019fb513f7ab25ce134e7d364cf5699bbf3265233e7181a0fc6679841633eb412414e5eafa7f39a7c20268c961452e81a407c877e1b172e6a6622a587ad13e3d49f6b26091af2529910c8a956cc42fefe0aee6cce44190ea2151c222cc2a5113a490ef1527234f9d13c515f3',
  ],
  [
    'sha512',
    '0000',
    '0a58cf64530d823f',
    3,
    1,
    '256d66f79e0b088e4623495f2c48e6385b3019a9d58f077209ff378e156a793a54da3f029c323faaac952f33ffb477ce319fd98c75c6d0aa389e1b4ab32214ba576be671ca21',
  ],
];

describe('key derivation of PKCS#12', () => {
  for (const [digest, password, salt, iterations, purpose, expected] of vectors)
    test(`derives what OpenSSL does: ${digest}, ${iterations} rounds, purpose ${purpose}, ${expected.length / 2} octets`, () => {
      const kdf = { digest, salt: bytes(salt), iterations };
      const derived = derivePkcs12(kdf, purpose, bytes(password), expected.length / 2, { budget: kdfBudget(), what: 'test' });
      assert.equal(toHex(derived), expected);
    });

  test('a password is UTF-16 with two zero octets after it, the empty one these alone', () => {
    assert.equal(toHex(pkcs12Password('smé')), '0073006d00e90000');
    assert.equal(toHex(pkcs12Password('😀')), 'd83dde000000');
    assert.equal(toHex(pkcs12Password('')), '0000');
  });

  test('more rounds than the budget holds are refused before any is done', () => {
    const budget = kdfBudget();
    const kdf = { digest: 'sha1', salt: new Uint8Array(8), iterations: 0x7fffffff } as const;
    assert.throws(() => derivePkcs12(kdf, 1, new Uint8Array(2), 24, { budget, what: 'keystore' }), {
      code: 'InputTooLarge',
      message: 'cannot open keystore: it asks for more than 10000000 rounds of key derivation',
    });
    assert.equal(budget.remaining, maxKdfRounds);
  });

  test('one budget is spent by every derivation, also by the blocks of a long one', () => {
    const budget = kdfBudget();
    const kdf = { digest: 'sha1', salt: new Uint8Array(8), iterations: 10 } as const;
    derivePkcs12(kdf, 1, new Uint8Array(2), 8, { budget, what: 'test' });
    const one = maxKdfRounds - budget.remaining;
    derivePkcs12(kdf, 1, new Uint8Array(2), 24, { budget, what: 'test' });
    const two = maxKdfRounds - budget.remaining - one;
    assert.ok(one >= 20);
    assert.equal(two - one, 20);
  });

  test('a salt of a kilobyte is taken, a longer one refused', () => {
    const derive = (length: number): Uint8Array =>
      derivePkcs12({ digest: 'sha1', salt: new Uint8Array(length), iterations: 1 }, 1, new Uint8Array(2), 8, {
        budget: kdfBudget(),
        what: 'keystore',
      });
    assert.equal(derive(1024).length, 8);
    assert.throws(() => derive(1025), { code: 'InputTooLarge' });
  });
});
