import assert from 'node:assert/strict';
import { constants, createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toUtf8 } from '../base/bytes.ts';
import { brokenDer } from '../testing/broken-der.ts';
import { testKey, testPublicKey } from '../testing/certificates.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { contextConstructedTag, derReader, element, nullElement, octetString, readAny, sequence, smallInteger } from './der.ts';
import type { KeyAlgorithm } from './key-algorithm.ts';
import { encodeOid, oid } from './oid.ts';
import {
  isSignatureValid,
  keySigner,
  readSignatureAlgorithm,
  type SignatureAlgorithm,
  signatureAlgorithmFor,
} from './signature-algorithm.ts';

const data = toUtf8('what is signed');
const algorithmOf = (raw: Uint8Array): SignatureAlgorithm => readSignatureAlgorithm(readAny(derReader(raw, 'test')));
const identifier = (type: string, ...parameters: Uint8Array[]): Uint8Array => sequence(encodeOid(type), ...parameters);

const signed: readonly (readonly [KeyAlgorithm, string])[] = [
  ['rsa-2048', 'sha256WithRSAEncryption'],
  ['rsa-3072', 'sha384WithRSAEncryption'],
  ['rsa-4096', 'sha512WithRSAEncryption'],
  ['ecdsa-p256', 'ecdsa-with-SHA256'],
  ['ecdsa-p384', 'ecdsa-with-SHA384'],
  ['ecdsa-p521', 'ecdsa-with-SHA512'],
  ['ed25519', 'ED25519'],
  ['ml-dsa-44', 'ML-DSA-44'],
  ['ml-dsa-65', 'ML-DSA-65'],
  ['ml-dsa-87', 'ML-DSA-87'],
];

describe('signatures', () => {
  for (const [algorithm, name] of signed)
    test(`a signature of ${algorithm} is made as ${name}, and is right for its data and key alone`, async () => {
      const [publicKey, other] = await Promise.all([
        testPublicKey(algorithm),
        testPublicKey(algorithm === 'rsa-4096' ? 'rsa-2048' : algorithm, 1),
      ]);
      const signer = keySigner(await testKey(algorithm), publicKey);
      assert.equal(signer.algorithm.name, name);
      const signature = await signer.sign(data);
      const read = algorithmOf(signer.algorithm.raw);
      assert.deepEqual(read, signer.algorithm);
      assert.equal(isSignatureValid(read, data, publicKey, signature), true);
      assert.equal(isSignatureValid(read, toUtf8('what is not'), publicKey, signature), false);
      assert.equal(isSignatureValid(read, data, other, signature), false);
      const damaged = Uint8Array.from(signature);
      damaged[damaged.length - 1] = (damaged[damaged.length - 1] ?? 0) ^ 1;
      assert.equal(isSignatureValid(read, data, publicKey, damaged), false);
      assert.equal(isSignatureValid(read, data, publicKey, new Uint8Array()), false);
    });

  test('another hash is taken where it is asked for, and none where the algorithm brings its own', async () => {
    assert.equal(signatureAlgorithmFor('ecdsa-p256', 'sha512').name, 'ecdsa-with-SHA512');
    assert.equal(signatureAlgorithmFor('rsa-2048', 'sha384').name, 'sha384WithRSAEncryption');
    assert.equal(signatureAlgorithmFor('ed25519', 'sha512').name, 'ED25519');
    const [key, publicKey] = await Promise.all([testKey('ecdsa-p256'), testPublicKey('ecdsa-p256')]);
    const signer = keySigner(key, publicKey, 'sha512');
    assert.equal(isSignatureValid(signer.algorithm, data, publicKey, await signer.sign(data)), true);
  });

  test('a key of another kind than the algorithm verifies nothing', async () => {
    for (const [one] of signed)
      for (const [two] of signed) {
        if (one === two || (one.startsWith('rsa-') && two.startsWith('rsa-')) || (one.startsWith('ecdsa-') && two.startsWith('ecdsa-')))
          continue;
        assert.equal(isSignatureValid(signatureAlgorithmFor(one), data, await testPublicKey(two), new Uint8Array(64)), false);
      }
  });

  test('weak and unknown algorithms are refused, whatever the signature', async () => {
    const rsa = await testPublicKey('rsa-2048');
    const key = await testKey('rsa-2048');
    const weak: readonly (readonly [string, string])[] = [
      [oid.sha1WithRsa, 'sha1'],
      ['1.2.840.113549.1.1.4', 'md5'],
      ['1.2.840.113549.1.1.14', 'sha224'],
    ];
    for (const [type, digest] of weak)
      assertCoded('SignatureAlgorithmUnsupported', () =>
        isSignatureValid(algorithmOf(identifier(type, nullElement)), data, rsa, sign(digest, data, key)),
      );
    const ec = await testPublicKey('ecdsa-p256');
    for (const type of ['1.2.840.10045.4.1', '1.2.840.10045.4.3.1', '1.2.3.4', oid.rsaEncryption, oid.ed448])
      assertCoded(
        'SignatureAlgorithmUnsupported',
        () => isSignatureValid(algorithmOf(identifier(type)), data, ec, new Uint8Array()),
        /cannot use signature algorithm /,
      );
  });

  test('parameters are absent, or NULL for PKCS#1 v1.5 alone', async () => {
    const rsa = await testPublicKey('rsa-2048');
    const signature = sign('sha256', data, await testKey('rsa-2048'));
    for (const raw of [identifier(oid.sha256WithRsa), identifier(oid.sha256WithRsa, nullElement)])
      assert.equal(isSignatureValid(algorithmOf(raw), data, rsa, signature), true);
    assertCoded('SignatureAlgorithmUnsupported', () =>
      isSignatureValid(algorithmOf(identifier(oid.sha256WithRsa, sequence())), data, rsa, signature),
    );
    for (const type of [oid.ecdsaWithSha256, oid.ed25519, oid.mlDsa44])
      assertCoded('SignatureAlgorithmUnsupported', () =>
        isSignatureValid(algorithmOf(identifier(type, nullElement)), data, rsa, signature),
      );
  });

  test('an identifier is a type and at most one value', () => {
    assertCoded('DerInvalid', () => algorithmOf(identifier(oid.sha256WithRsa, nullElement, nullElement)));
    assertCoded('DerInvalid', () => algorithmOf(sequence()));
  });

  test('an unknown algorithm is named by its identifier', () => {
    assert.equal(algorithmOf(identifier('1.2.3.4')).name, '1.2.3.4');
    assert.equal(algorithmOf(identifier(oid.rsaPss)).name, 'rsassaPss');
  });
});

describe('RSASSA-PSS', () => {
  const wrapped = (number: number, ...parts: Uint8Array[]): Uint8Array => element(contextConstructedTag(number), ...parts);
  const pss = (hash: string, mask: string, salt: number, ...rest: Uint8Array[]): Uint8Array =>
    identifier(
      oid.rsaPss,
      sequence(
        wrapped(0, identifier(hash, nullElement)),
        wrapped(1, identifier(oid.mgf1, identifier(mask, nullElement))),
        wrapped(2, smallInteger(salt)),
        ...rest,
      ),
    );
  const signPss = async (digest: string, saltLength: number): Promise<Uint8Array> =>
    sign(digest, data, { key: await testKey('rsa-2048'), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

  test('signatures with one strong hash and a salt as long as it are verified', async () => {
    const key = await testPublicKey('rsa-2048');
    for (const [digest, type, salt] of [
      ['sha256', oid.sha256, 32],
      ['sha384', oid.sha384, 48],
      ['sha512', oid.sha512, 64],
      ['sha256', oid.sha256, 64],
    ] as const) {
      const signature = await signPss(digest, salt);
      assert.equal(isSignatureValid(algorithmOf(pss(type, type, salt)), data, key, signature), true);
      assert.equal(isSignatureValid(algorithmOf(pss(type, type, salt, wrapped(3, smallInteger(1)))), data, key, signature), true);
      assert.equal(isSignatureValid(algorithmOf(pss(type, type, salt + 1)), data, key, signature), false);
      assert.equal(isSignatureValid(algorithmOf(pss(type, type, salt)), toUtf8('other'), key, signature), false);
    }
  });

  test('a salt that no key has room for verifies nothing', async () => {
    assert.equal(
      isSignatureValid(algorithmOf(pss(oid.sha256, oid.sha256, 512)), data, await testPublicKey('rsa-2048'), new Uint8Array(256)),
      false,
    );
  });

  test('weak hashes, short salts, other masks and what is left to defaults are refused', async () => {
    const key = await testPublicKey('rsa-2048');
    const signature = await signPss('sha256', 32);
    for (const raw of [
      pss(oid.sha1, oid.sha1, 32),
      pss(oid.sha256, oid.sha1, 32),
      pss(oid.sha256, oid.sha512, 32),
      pss(oid.sha256, oid.sha256, 31),
      pss(oid.sha512, oid.sha512, 32),
      pss(oid.sha256, oid.sha256, 32, wrapped(3, smallInteger(2))),
      identifier(oid.rsaPss),
      identifier(oid.rsaPss, sequence()),
      identifier(oid.rsaPss, sequence(wrapped(0, identifier(oid.sha256)), wrapped(2, smallInteger(32)))),
      identifier(
        oid.rsaPss,
        sequence(
          wrapped(0, identifier(oid.sha256)),
          wrapped(1, identifier(oid.sha1, identifier(oid.sha256))),
          wrapped(2, smallInteger(32)),
        ),
      ),
    ])
      assertCoded('SignatureAlgorithmUnsupported', () => isSignatureValid(algorithmOf(raw), data, key, signature));
  });

  test('parameters with anything left over are refused', async () => {
    const key = await testPublicKey('rsa-2048');
    const hash = identifier(oid.sha256);
    const mask = identifier(oid.mgf1, hash);
    const salt = smallInteger(32);
    for (const parameters of [
      sequence(wrapped(0, hash, nullElement), wrapped(1, mask), wrapped(2, salt)),
      sequence(wrapped(0, hash), wrapped(1, mask, nullElement), wrapped(2, salt)),
      sequence(wrapped(0, hash), wrapped(1, identifier(oid.mgf1, hash, hash)), wrapped(2, salt)),
      sequence(wrapped(0, hash), wrapped(1, mask), wrapped(2, salt, nullElement)),
      sequence(wrapped(0, hash), wrapped(1, mask), wrapped(2, salt), wrapped(3, smallInteger(1), nullElement)),
      sequence(wrapped(0, hash), wrapped(1, mask), wrapped(2, salt), nullElement),
      sequence(wrapped(0, identifier(oid.sha256, octetString())), wrapped(1, mask), wrapped(2, salt)),
    ])
      assertCoded('DerInvalid', () => isSignatureValid(algorithmOf(identifier(oid.rsaPss, parameters)), data, key, new Uint8Array(256)));
  });

  test('damaged identifiers give an answer or a coded error', async () => {
    const samples = [pss(oid.sha256, oid.sha256, 32), signatureAlgorithmFor('rsa-2048').raw, signatureAlgorithmFor('ed25519').raw];
    const key = await testPublicKey('rsa-2048');
    const signature = await signPss('sha256', 32);
    fc.assert(
      fc.property(brokenDer(samples), (bytes) => {
        resultOrCodedError(() => isSignatureValid(algorithmOf(bytes), data, key, signature));
      }),
      { numRuns: runs(300, 50_000) },
    );
  });
});

describe('signatures of arbitrary bytes', () => {
  test('whatever stands in place of a signature, the answer is no', async () => {
    const keys = await Promise.all(signed.map(([algorithm]) => testPublicKey(algorithm)));
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.uint8Array({ maxLength: 300 }), (key, signature) => {
        assert.equal(isSignatureValid(signatureAlgorithmFor(key.algorithm), data, key, signature), false);
      }),
      { numRuns: runs(100, 20_000) },
    );
  });

  test('an ECDSA signature that is not strict DER is refused by the runtime too', async () => {
    const key = await testKey('ecdsa-p256');
    const publicKey = await testPublicKey('ecdsa-p256');
    const signature = sign('sha256', data, key);
    const length = signature[1] ?? 0;
    const longForm = Buffer.concat([Uint8Array.of(0x30, 0x81, length), signature.subarray(2)]);
    const trailing = Buffer.concat([signature, Uint8Array.of(0)]);
    for (const form of [longForm, trailing])
      assert.equal(isSignatureValid(signatureAlgorithmFor('ecdsa-p256'), data, publicKey, form), false);
  });

  test('a PKCS#1 v1.5 signature is right only with the whole DigestInfo and nothing after it', () => {
    // Made with a key of exponent 3, where forgeries with bytes behind the hash are made (CVE-2006-4339).
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
    const right = sign('sha256', data, privateKey);
    const digestInfo = Buffer.concat([
      Buffer.from('3031300d060960864801650304020105000420', 'hex'),
      createHash('sha256').update(data).digest(),
    ]);
    const start = Buffer.concat([Uint8Array.of(0, 1), Buffer.alloc(8, 0xff), Uint8Array.of(0), digestInfo]);
    // The cube root of the block whose rest is ff, rounded down: its cube starts as a right block does, and is no longer than the modulus.
    const wanted = BigInt(`0x${Buffer.concat([start, Buffer.alloc(256 - start.length, 0xff)]).toString('hex')}`);
    let root = 0n;
    for (let step = 1n << 684n; step > 0n; step >>= 1n) if ((root + step) ** 3n <= wanted) root += step;
    const octetsOf = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(512, '0'), 'hex');
    assert.deepEqual(octetsOf(root ** 3n).subarray(0, start.length), start);
    const signature = octetsOf(root);
    const key = { algorithm: 'rsa-2048' as const, bits: new Uint8Array(), spki: publicKey.export({ format: 'der', type: 'spki' }) };
    assert.equal(isSignatureValid(signatureAlgorithmFor('rsa-2048'), data, key, right), true);
    assert.equal(isSignatureValid(signatureAlgorithmFor('rsa-2048'), data, key, signature), false);
  });
});
