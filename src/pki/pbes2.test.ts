import assert from 'node:assert/strict';
import { createCipheriv, createPrivateKey, pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isCodedError } from '../base/coded-error.ts';
import { testKey } from '../testing/keystore-entries.ts';
import { runs, seed } from '../testing/runs.ts';
import { nullElement, octetString, sequence, smallInteger } from './der.ts';
import { encodeOid } from './oid.ts';
import { decryptPkcs8, defaultPkcs8Iterations, encryptPkcs8 } from './pbes2.ts';

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const key = testKey();
const privateKeyInfo = new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }));
const algorithm = (oid: string, ...parameters: Uint8Array[]): Uint8Array => sequence(encodeOid(oid), ...parameters);

const prfs = [
  ['sha1', '1.2.840.113549.2.7'],
  ['sha224', '1.2.840.113549.2.8'],
  ['sha256', '1.2.840.113549.2.9'],
  ['sha384', '1.2.840.113549.2.10'],
  ['sha512', '1.2.840.113549.2.11'],
] as const;
const ciphers = [
  ['aes-128-cbc', '2.16.840.1.101.3.4.1.2', 16, 16],
  ['aes-192-cbc', '2.16.840.1.101.3.4.1.22', 24, 16],
  ['aes-256-cbc', '2.16.840.1.101.3.4.1.42', 32, 16],
  ['des-ede3-cbc', '1.2.840.113549.3.7', 24, 8],
] as const;

/** EncryptedPrivateKeyInfo put together by hand, so that what is read is not what our own writer made. */
const seal = (
  kdf: Uint8Array,
  [name, oid, , ivBytes]: (typeof ciphers)[number],
  derived: Uint8Array,
  plaintext = privateKeyInfo,
): Uint8Array => {
  const iv = random(ivBytes);
  const cipher = createCipheriv(name, derived, iv);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const parameters = sequence(kdf, algorithm(oid, octetString(iv)));
  return sequence(algorithm('1.2.840.113549.1.5.13', parameters), octetString(ciphertext));
};

const salt = random(8);
const aes256 = ciphers[2];
const pbkdf2 = (...parameters: Uint8Array[]): Uint8Array => algorithm('1.2.840.113549.1.5.12', sequence(...parameters));
const scrypt = (cost: number, blockSize: number, parallel: number, ...more: Uint8Array[]): Uint8Array =>
  algorithm('1.3.6.1.4.1.11591.4.11', sequence(octetString(salt), ...[cost, blockSize, parallel].map(smallInteger), ...more));

describe('encrypted PKCS#8', () => {
  test('what is encrypted opens with its passphrase, here and in the runtime, and with no other', () => {
    const encrypted = encryptPkcs8(privateKeyInfo, 'pässwörd', { random });
    assert.deepEqual(decryptPkcs8(encrypted, 'pässwörd'), privateKeyInfo);
    const read = createPrivateKey({ key: Buffer.from(encrypted), format: 'der', type: 'pkcs8', passphrase: 'pässwörd' });
    assert.deepEqual(read.export({ format: 'jwk' }), key.export({ format: 'jwk' }));
    assert.throws(() => decryptPkcs8(encrypted, 'passwörd'), { code: 'PassphraseWrong' });
    assert.throws(() => decryptPkcs8(encrypted, ''), { code: 'PassphraseWrong' });
  });

  test('no wrong passphrase of hundreds is taken for right, though padding alone passes for one in 256', () => {
    const encrypted = encryptPkcs8(privateKeyInfo, 'right', { random, iterations: 1 });
    for (let i = 0; i < 2000; i++) assert.throws(() => decryptPkcs8(encrypted, `wrong ${i}`), { code: 'PassphraseWrong' });
  });

  test('salt and vector come from the random source, and the iteration count is written', () => {
    const asked: number[] = [];
    const counting = (length: number): Uint8Array => {
      asked.push(length);
      return new Uint8Array(length).fill(asked.length);
    };
    const encrypted = Buffer.from(encryptPkcs8(privateKeyInfo, 'x', { random: counting }));
    assert.deepEqual(asked, [16, 16]);
    assert.ok(encrypted.includes(Buffer.from(octetString(new Uint8Array(16).fill(1)))));
    assert.ok(encrypted.includes(Buffer.from(octetString(new Uint8Array(16).fill(2)))));
    assert.ok(encrypted.includes(Buffer.from(smallInteger(defaultPkcs8Iterations))));
  });

  test('an empty passphrase is refused for writing', () => {
    assert.throws(() => encryptPkcs8(privateKeyInfo, '', { random }), { code: 'PassphraseRequired' });
  });

  test('iteration counts that are none or too high are refused for writing', () => {
    for (const iterations of [0, -1, 1.5, Number.NaN, 1_000_001])
      assert.throws(() => encryptPkcs8(privateKeyInfo, 'x', { random, iterations }), { code: 'UsageInvalid' });
  });

  for (const [digest, prf] of prfs)
    for (const cipher of ciphers)
      test(`reads PBKDF2 with HMAC of ${digest} and ${cipher[0]}`, () => {
        const derived = pbkdf2Sync('x', salt, 7, cipher[2], digest);
        const sealed = seal(pbkdf2(octetString(salt), smallInteger(7), algorithm(prf, nullElement)), cipher, derived);
        assert.deepEqual(decryptPkcs8(sealed, 'x'), privateKeyInfo);
      });

  test('HMAC-SHA-1 is meant where the parameters name none, and a key length that fits is accepted', () => {
    const derived = pbkdf2Sync('x', salt, 7, 32, 'sha1');
    assert.deepEqual(decryptPkcs8(seal(pbkdf2(octetString(salt), smallInteger(7)), aes256, derived), 'x'), privateKeyInfo);
    const withLength = pbkdf2(octetString(salt), smallInteger(7), smallInteger(32));
    assert.deepEqual(decryptPkcs8(seal(withLength, aes256, derived), 'x'), privateKeyInfo);
  });

  test('reads scrypt', () => {
    const derived = scryptSync('x', salt, 32, { N: 16, r: 8, p: 2 });
    assert.deepEqual(decryptPkcs8(seal(scrypt(16, 8, 2), aes256, derived), 'x'), privateKeyInfo);
    assert.deepEqual(decryptPkcs8(seal(scrypt(16, 8, 2, smallInteger(32)), aes256, derived), 'x'), privateKeyInfo);
  });

  test('ten million rounds are the most that is done: more of PBKDF2 or scrypt, or more memory, is refused at once', () => {
    const derived = new Uint8Array(32);
    const refused = (kdf: Uint8Array): void => {
      const start = performance.now();
      assert.throws(() => decryptPkcs8(seal(kdf, aes256, derived), 'x'), { code: 'InputTooLarge' });
      assert.ok(performance.now() - start < 500);
    };
    const sha256 = algorithm('1.2.840.113549.2.9', nullElement);
    refused(pbkdf2(octetString(salt), smallInteger(10_000_001), sha256));
    refused(pbkdf2(octetString(salt), smallInteger(0x7fffffff), sha256));
    // A round for each block: 32 octets are two blocks of SHA-1.
    refused(pbkdf2(octetString(salt), smallInteger(5_000_001)));
    refused(pbkdf2(octetString(new Uint8Array(1025)), smallInteger(1), sha256));
    refused(scrypt(1 << 20, 8, 1));
    refused(scrypt(2, 1, 0x7fffffff));
    refused(scrypt(1 << 14, 8, 100));
  });

  const refusals: readonly (readonly [string, string, () => Uint8Array])[] = [
    ['an iteration count of 0', 'DerInvalid', () => seal(pbkdf2(octetString(salt), smallInteger(0)), aes256, new Uint8Array(32))],
    [
      'a key length that is not the cipher’s',
      'KeyUnsupported',
      () => seal(pbkdf2(octetString(salt), smallInteger(1), smallInteger(16)), aes256, new Uint8Array(32)),
    ],
    ['a salt given elsewhere', 'KeyUnsupported', () => seal(pbkdf2(algorithm('1.2.3'), smallInteger(1)), aes256, new Uint8Array(32))],
    [
      'an unknown HMAC',
      'KeyUnsupported',
      () => seal(pbkdf2(octetString(salt), smallInteger(1), algorithm('1.2.840.113549.2.12')), aes256, new Uint8Array(32)),
    ],
    ['an unknown key derivation', 'KeyUnsupported', () => seal(algorithm('1.2.3', nullElement), aes256, new Uint8Array(32))],
    ['a scrypt cost that is no power of two', 'DerInvalid', () => seal(scrypt(15, 8, 1), aes256, new Uint8Array(32))],
    ['a scheme that is not PBES2', 'KeyUnsupported', () => sequence(algorithm('1.2.840.113549.1.12.1.3', nullElement), octetString(salt))],
    [
      'an unknown cipher',
      'KeyUnsupported',
      () =>
        sequence(
          algorithm(
            '1.2.840.113549.1.5.13',
            sequence(pbkdf2(octetString(salt), smallInteger(1)), algorithm('1.2.840.113549.3.2', octetString(salt))),
          ),
          octetString(salt),
        ),
    ],
    [
      'a vector of the wrong length',
      'DerInvalid',
      () =>
        sequence(
          algorithm('1.2.840.113549.1.5.13', sequence(pbkdf2(octetString(salt), smallInteger(1)), algorithm(aes256[1], octetString(salt)))),
          octetString(salt),
        ),
    ],
    ['a plain PKCS#8 key', 'DerInvalid', () => privateKeyInfo],
    [
      'a byte after the end',
      'DerInvalid',
      () => Buffer.concat([encryptPkcs8(privateKeyInfo, 'x', { random, iterations: 1 }), Uint8Array.of(0)]),
    ],
  ];
  for (const [what, code, make] of refusals)
    test(`${what} is refused`, () => {
      assert.throws(() => decryptPkcs8(make(), 'x'), { code });
    });

  test('arbitrary bytes and damaged keys give coded errors or the key, nothing else', () => {
    const sealed = encryptPkcs8(privateKeyInfo, 'x', { random, iterations: 1 });
    const damaged = fc
      .tuple(fc.array(fc.tuple(fc.nat(sealed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }), fc.nat(sealed.length))
      .map(([changes, length]) => {
        const copy = new Uint8Array(sealed);
        for (const [at, octet] of changes) copy[at] = octet;
        // Half of them are cut short.
        return length % 2 === 0 ? copy : copy.subarray(0, length);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), (input) => {
        try {
          assert.ok(decryptPkcs8(input, 'x').length > 0);
        } catch (error) {
          assert.ok(isCodedError(error), String(error));
          assert.notEqual(error.code, 'Bug');
        }
      }),
      { seed, numRuns: runs(3_000, 200_000) },
    );
  });
});
