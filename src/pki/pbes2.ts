// PBES2 (RFC 8018 section 6.2) and the EncryptedPrivateKeyInfo that it encrypts (RFC 5958 section 3).
// Reads PBKDF2 and scrypt (RFC 7914) with AES-CBC and three-key 3DES-CBC; writes PBKDF2 with HMAC-SHA-256 and AES-256-CBC.
// Not here: PBES1 and the schemes of PKCS#12, which keystores alone still need (pkcs12-pbe.ts).

import { createCipheriv, createDecipheriv, scryptSync } from 'node:crypto';
import { concatBytes, toUtf8 } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { type AlgorithmIdentifier, encodeAlgorithmIdentifier, readAlgorithmIdentifier } from './algorithm-identifier.ts';
import {
  atEnd,
  type DerElement,
  derReader,
  enterWhole,
  expectEnd,
  octetString,
  readAny,
  readInteger,
  readOctetString,
  readSmallInteger,
  sequence,
  tag,
} from './der.ts';
import { checkSalt, kdfBudget, spendRounds } from './kdf-budget.ts';
import { checkIterations, derivePbkdf2, encodePbkdf2, type OpeningContext, pbkdf2Oid, readPbkdf2 } from './pbkdf2.ts';

export const pbes2Oid = '1.2.840.113549.1.5.13';
const scryptOid = '1.3.6.1.4.1.11591.4.11';
const aes256CbcOid = '2.16.840.1.101.3.4.1.42';

type Cipher = { readonly name: string; readonly keyBytes: number; readonly ivBytes: number };

const ciphers: Readonly<Record<string, Cipher>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16, ivBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24, ivBytes: 16 },
  [aes256CbcOid]: { name: 'aes-256-cbc', keyBytes: 32, ivBytes: 16 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyBytes: 24, ivBytes: 8 },
};

/** Memory that scrypt may take, in bytes: OpenSSL writes keys that need 16 MiB. */
const maxScryptBytes = 256 * 1024 * 1024;

type DeriveKey = (passphrase: Uint8Array, length: number) => Uint8Array;

const unsupported = ({ what, unsupported: code }: OpeningContext, problem: string): never => {
  throw new CodedError(code, `cannot open ${what}: ${problem}`, {
    hint: 'convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`',
  });
};

/** scrypt-params (RFC 7914 section 7). One unit of N·r·p takes about as long as a round of PBKDF2, and is charged as one. */
const readScrypt = ({ parameters }: AlgorithmIdentifier, context: OpeningContext): DeriveKey => {
  const part = `scrypt parameters of ${context.what}`;
  if (parameters?.tag !== tag.sequence) throw new CodedError('DerInvalid', `cannot read ${part}: they are missing`);
  const reader = derReader(parameters.content, part);
  const salt = readOctetString(reader);
  checkSalt(salt, context.what);
  const [cost, blockSize, parallel] = ['cost', 'block size', 'parallelization'].map((name) => readSmallInteger(reader, 0x7fffffff, name));
  if (cost === undefined || blockSize === undefined || parallel === undefined) throw new CodedError('DerInvalid', `cannot read ${part}`);
  const keyBytes = atEnd(reader) ? undefined : readSmallInteger(reader, 1024, `key length of ${context.what}`);
  expectEnd(reader);
  if (cost < 2 || (cost & (cost - 1)) !== 0 || blockSize < 1 || parallel < 1)
    throw new CodedError('DerInvalid', `cannot read ${part}: N is not a power of two above 1, or r or p is 0`);
  const memory = 128 * blockSize * (cost + parallel + 2);
  return (passphrase, length) => {
    if (keyBytes !== undefined && keyBytes !== length) unsupported(context, 'the key length of scrypt is not that of the cipher');
    if (memory > maxScryptBytes)
      throw new CodedError('InputTooLarge', `cannot open ${context.what}: scrypt would take more than ${maxScryptBytes} bytes of memory`);
    spendRounds(context.budget, cost * blockSize * parallel, context.what);
    return scryptSync(passphrase, salt, length, { N: cost, r: blockSize, p: parallel, maxmem: 2 * maxScryptBytes });
  };
};

const readKdf = (kdf: AlgorithmIdentifier, context: OpeningContext): DeriveKey => {
  if (kdf.oid === scryptOid) return readScrypt(kdf, context);
  if (kdf.oid !== pbkdf2Oid) return unsupported(context, `key derivation ${kdf.oid} is neither PBKDF2 nor scrypt`);
  const parameters = readPbkdf2(kdf, context);
  return (passphrase, length) => {
    if (parameters.keyBytes !== undefined && parameters.keyBytes !== length)
      unsupported(context, 'the key length of PBKDF2 is not that of the cipher');
    return derivePbkdf2(parameters, passphrase, length, context);
  };
};

/**
 * Decrypts what PBES2 encrypted; undefined where the padding shows that the passphrase is not the right one.
 * Throws DerInvalid, InputTooLarge, and the context's code for schemes that are not supported.
 */
export const decryptPbes2 = (
  parameters: DerElement | undefined,
  ciphertext: Uint8Array,
  passphrase: string,
  context: OpeningContext,
): Uint8Array | undefined => {
  const part = `PBES2 parameters of ${context.what}`;
  if (parameters?.tag !== tag.sequence) throw new CodedError('DerInvalid', `cannot read ${part}: they are missing`);
  const reader = derReader(parameters.content, part);
  const deriveKey = readKdf(readAlgorithmIdentifier(reader, part), context);
  const scheme = readAlgorithmIdentifier(reader, part);
  expectEnd(reader);
  const cipher = Object.hasOwn(ciphers, scheme.oid) ? ciphers[scheme.oid] : undefined;
  if (cipher === undefined) return unsupported(context, `cipher ${scheme.oid} is neither AES-CBC nor 3DES-CBC`);
  const iv = scheme.parameters;
  if (iv?.tag !== tag.octetString || iv.content.length !== cipher.ivBytes)
    throw new CodedError('DerInvalid', `cannot read ${part}: the initialization vector is not ${cipher.ivBytes} bytes`);
  const key = deriveKey(toUtf8(passphrase), cipher.keyBytes);
  return decryptCbc(cipher.name, key, iv.content, ciphertext);
};

/** Decrypts in CBC mode with PKCS#7 padding; undefined where length or padding is wrong. The key and vector must fit the cipher. */
export const decryptCbc = (cipher: string, key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined => {
  const decipher = createDecipheriv(cipher, key, iv);
  const start = decipher.update(ciphertext);
  try {
    return concatBytes([start, decipher.final()]);
  } catch {
    // With key and vector accepted above, wrong padding or length is all that is left to fail.
    return undefined;
  }
};

/** Encrypts with PBKDF2, HMAC-SHA-256 and AES-256-CBC: the AlgorithmIdentifier and the ciphertext. */
export const encryptPbes2 = (
  plaintext: Uint8Array,
  passphrase: string,
  { random, iterations }: { readonly random: (length: number) => Uint8Array; readonly iterations: number },
): { readonly algorithm: Uint8Array; readonly ciphertext: Uint8Array } => {
  checkIterations(iterations);
  const salt = random(16);
  const iv = random(16);
  const kdf = { salt, iterations, keyBytes: undefined, digest: 'sha256' } as const;
  const context = { what: 'what is encrypted', unsupported: 'Bug', budget: kdfBudget() } as const;
  const cipher = createCipheriv('aes-256-cbc', derivePbkdf2(kdf, toUtf8(passphrase), 32, context), iv);
  const parameters = sequence(encodePbkdf2(salt, iterations), encodeAlgorithmIdentifier(aes256CbcOid, octetString(iv)));
  return {
    algorithm: encodeAlgorithmIdentifier(pbes2Oid, parameters),
    ciphertext: concatBytes([cipher.update(plaintext), cipher.final()]),
  };
};

/** EncryptedPrivateKeyInfo apart; throws DerInvalid. */
export const readEncryptedPrivateKey = (
  der: Uint8Array,
  what: string,
): { readonly algorithm: AlgorithmIdentifier; readonly ciphertext: Uint8Array } => {
  const reader = enterWhole(der, tag.sequence, what);
  const algorithm = readAlgorithmIdentifier(reader, `encryption algorithm of ${what}`);
  const ciphertext = readOctetString(reader, `encrypted data of ${what}`);
  expectEnd(reader);
  return { algorithm, ciphertext };
};

/**
 * Whether bytes have the outline of a PrivateKeyInfo. Padding alone passes for one wrong passphrase in 256; with this, what a wrong
 * passphrase gives is taken for a key about once in 2^60.
 */
export const looksLikePrivateKeyInfo = (der: Uint8Array): boolean => {
  try {
    const reader = enterWhole(der, tag.sequence, 'private key');
    readInteger(reader);
    readAlgorithmIdentifier(reader, 'private key algorithm');
    readOctetString(reader);
    while (!atEnd(reader)) readAny(reader);
    return true;
  } catch {
    // Whatever is wrong with it, the caller's answer is the same: this is not what was encrypted.
    return false;
  }
};

/**
 * PrivateKeyInfo DER out of EncryptedPrivateKeyInfo DER. Throws PassphraseWrong, KeyUnsupported, DerInvalid, and InputTooLarge where
 * the derivation would cost more than ten million rounds or 256 MiB. RFC 5958 section 3, RFC 8018.
 */
export const decryptPkcs8 = (encryptedPrivateKeyInfoDer: Uint8Array, passphrase: string): Uint8Array => {
  const context = { what: 'encrypted private key', unsupported: 'KeyUnsupported', budget: kdfBudget() } as const;
  const { algorithm, ciphertext } = readEncryptedPrivateKey(encryptedPrivateKeyInfoDer, context.what);
  if (algorithm.oid !== pbes2Oid) return unsupported(context, `encryption scheme ${algorithm.oid} is not PBES2`);
  const plaintext = decryptPbes2(algorithm.parameters, ciphertext, passphrase, context);
  if (plaintext === undefined || !looksLikePrivateKeyInfo(plaintext))
    throw new CodedError('PassphraseWrong', 'cannot open encrypted private key: the passphrase does not open it');
  return plaintext;
};

/**
 * Rounds of PBKDF2 that a key file gets: about 25 ms of one core, so that a plan with a thousand encrypted keys costs half a minute.
 * OpenSSL writes 2,048; 600,000, the count for log-in passwords people choose, is the caller's to ask for.
 */
export const defaultPkcs8Iterations = 100_000;

export type EncryptPkcs8Options = {
  /** `length` unpredictable octets. */
  readonly random: (length: number) => Uint8Array;
  /** Rounds of PBKDF2, at most a million. */
  readonly iterations?: number;
};

/** EncryptedPrivateKeyInfo DER of PrivateKeyInfo DER, by PBKDF2 with HMAC-SHA-256 and AES-256-CBC. Throws PassphraseRequired for an empty one. */
export const encryptPkcs8 = (
  privateKeyInfoDer: Uint8Array,
  passphrase: string,
  { random, iterations = defaultPkcs8Iterations }: EncryptPkcs8Options,
): Uint8Array => {
  if (passphrase === '')
    throw new CodedError('PassphraseRequired', 'cannot encrypt private key: the passphrase is empty', {
      hint: 'give a passphrase, or write it unencrypted',
    });
  const { algorithm, ciphertext } = encryptPbes2(privateKeyInfoDer, passphrase, { random, iterations });
  return sequence(algorithm, octetString(ciphertext));
};
