import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import { toHex } from '../base/bytes.ts';
import { testKey, testPublicKey } from '../testing/certificates.ts';
import { assertCoded } from '../testing/coded-errors.ts';
import { nullElement, octetBitString, sequence, smallInteger, unsignedInteger } from './der.ts';
import type { KeyAlgorithm } from './key-algorithm.ts';
import { encodeOid, oid } from './oid.ts';
import { keyIdentifier, parsePublicKey, publicKeyFingerprint, publicKeyObject, publicKeyOf } from './public-key.ts';

const spkiOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });

const rsaSpki = (
  modulus: Uint8Array,
  exponent: Uint8Array = unsignedInteger(Uint8Array.of(1, 0, 1)),
  parameters = nullElement,
): Uint8Array => sequence(sequence(encodeOid(oid.rsaEncryption), parameters), octetBitString(sequence(modulus, exponent)));

/** An odd number of exactly so many bits. */
const modulusOf = (bits: number): Uint8Array => {
  const octets = new Uint8Array(Math.ceil(bits / 8));
  octets[0] = 1 << ((bits - 1) % 8);
  octets[octets.length - 1] = (octets[octets.length - 1] ?? 0) | 1;
  return unsignedInteger(octets);
};

const ecSpki = (curve: string, point: Uint8Array): Uint8Array =>
  sequence(sequence(encodeOid(oid.ecPublicKey), encodeOid(curve)), octetBitString(point));

describe('public keys', () => {
  const algorithms: readonly KeyAlgorithm[] = [
    ...(['rsa-2048', 'rsa-3072', 'rsa-4096', 'rsa-8192', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521'] as const),
    ...(['ed25519', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const),
  ];
  for (const algorithm of algorithms)
    test(`a key of ${algorithm} is read, recognised and handed back to the runtime`, async () => {
      const key = createPublicKey(await testKey(algorithm));
      const parsed = parsePublicKey(spkiOf(key));
      assert.equal(parsed.algorithm, algorithm);
      assert.deepEqual(Buffer.from(parsed.spki), spkiOf(key));
      assert.deepEqual(publicKeyOf(key), publicKeyOf(await testKey(algorithm)));
      assert.equal(publicKeyObject(parsed).equals(key), true);
    });

  test('RSA keys are told by the exact number of bits', () => {
    for (const bits of [2048, 2049, 2055, 2056, 4096, 8192])
      assert.equal(parsePublicKey(rsaSpki(modulusOf(bits))).algorithm, `rsa-${bits}`);
    for (const bits of [512, 1024, 2047, 8193, 16_384])
      assertCoded(
        'KeyUnsupported',
        () => parsePublicKey(rsaSpki(modulusOf(bits))),
        new RegExp(`RSA of ${bits} bits is outside 2048\\.\\.8192`),
      );
  });

  test('RSA keys that cannot be keys are refused', () => {
    const good = modulusOf(2048);
    const even = Uint8Array.from(good);
    even[even.length - 1] = 2;
    const negative = Uint8Array.from(good);
    // The zero octet before the set top bit, turned into a value of its own.
    negative[4] = 0x80;
    for (const spki of [
      rsaSpki(even),
      rsaSpki(negative),
      rsaSpki(good, smallInteger(1)),
      rsaSpki(good, smallInteger(65_536)),
      rsaSpki(good, smallInteger(0)),
      rsaSpki(good, unsignedInteger(new Uint8Array(9).fill(0xff))),
      rsaSpki(good, Uint8Array.of(2, 1, 0xff)),
      rsaSpki(good, smallInteger(3), new Uint8Array()),
      rsaSpki(good, smallInteger(3), sequence()),
    ])
      assertCoded('KeyInvalid', () => parsePublicKey(spki));
    assert.equal(parsePublicKey(rsaSpki(good, smallInteger(3))).algorithm, 'rsa-2048');
    assertCoded('DerInvalid', () => parsePublicKey(rsaSpki(good, Buffer.concat([smallInteger(3), nullElement]))));
  });

  test('other curves, curves by parameters and other algorithms are refused', () => {
    const pairs = [
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('ec', { namedCurve: 'P-224' }),
      generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }),
      generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }),
      generateKeyPairSync('ed448'),
      generateKeyPairSync('x25519'),
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
      generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }),
    ];
    for (const { publicKey } of pairs) assertCoded('KeyUnsupported', () => publicKeyOf(publicKey));
    assertCoded('KeyUnsupported', () => parsePublicKey(sequence(sequence(encodeOid(oid.ecPublicKey)), octetBitString(new Uint8Array(65)))));
  });

  test('points at infinity or of another length are refused', () => {
    for (const point of [
      [4, ...new Array<number>(63).fill(1)],
      [2, ...new Array<number>(31).fill(1)],
      [0],
      [],
      [6, ...new Array<number>(64).fill(1)],
    ])
      assertCoded('KeyInvalid', () => parsePublicKey(ecSpki(oid.p256, Uint8Array.from(point))));
  });

  test('points that are compressed are refused as not accepted, not as damaged', () => {
    for (const form of [2, 3])
      assertCoded(
        'KeyUnsupported',
        () => parsePublicKey(ecSpki(oid.p256, Uint8Array.from([form, ...new Array<number>(32).fill(1)]))),
        /its point is compressed/,
      );
  });

  test('a point off its curve is refused on first use', () => {
    const key = parsePublicKey(ecSpki(oid.p256, Uint8Array.from([4, ...new Array<number>(64).fill(1)])));
    assertCoded('KeyInvalid', () => publicKeyObject(key), /its ecdsa-p256 value is not valid/);
  });

  test('keys of fixed length have that length and no parameters', () => {
    for (const [type, octets] of [
      [oid.ed25519, 32],
      [oid.mlDsa44, 1312],
      [oid.mlDsa65, 1952],
      [oid.mlDsa87, 2592],
    ] as const) {
      const spki = (length: number, ...parameters: Uint8Array[]) =>
        sequence(sequence(encodeOid(type), ...parameters), octetBitString(new Uint8Array(length)));
      parsePublicKey(spki(octets));
      assertCoded('KeyInvalid', () => parsePublicKey(spki(octets - 1)));
      assertCoded('KeyInvalid', () => parsePublicKey(spki(octets + 1)));
      assertCoded('KeyInvalid', () => parsePublicKey(spki(octets, nullElement)));
    }
  });

  test('bytes after a key are refused', async () => {
    const { spki } = await testPublicKey();
    assertCoded('DerInvalid', () => parsePublicKey(Buffer.concat([spki, nullElement])));
  });

  test('the key identifier is SHA-1 over the key bits, the fingerprint SHA-256 over the whole', async () => {
    const key = await testPublicKey('ecdsa-p256');
    // The last 65 octets of a P-256 SubjectPublicKeyInfo are its point.
    assert.equal(toHex(keyIdentifier(key)), createHash('sha1').update(key.spki.subarray(-65)).digest('hex'));
    assert.equal(publicKeyFingerprint(key), createHash('sha256').update(key.spki).digest('hex'));
  });
});
