// Encryption by password inside a PKCS#12 keystore: PBES2, and the schemes of RFC 7292 appendix C, which derive key and vector with
// appendix B. RC4 is refused: no profile used it.

import { createCipheriv } from 'node:crypto';
import { concatBytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { type AlgorithmIdentifier, encodeAlgorithmIdentifier } from './algorithm-identifier.ts';
import { derReader, expectEnd, octetString, readOctetString, readSmallInteger, sequence, smallInteger, tag } from './der.ts';
import { kdfBudget } from './kdf-budget.ts';
import { decryptCbc, decryptPbes2, encryptPbes2, pbes2Oid } from './pbes2.ts';
import { checkIterations, type OpeningContext } from './pbkdf2.ts';
import { derivePkcs12, kdfPurpose, type Pkcs12Kdf } from './pkcs12-kdf.ts';
import { pkcs12Oid } from './pkcs12-oids.ts';
import { decryptRc2Cbc, encryptRc2Cbc } from './rc2.ts';

/** A password in the two forms that a keystore uses: text for PBES2 and PBMAC1, octets for the derivation of appendix B. */
export type KeystorePassword = { readonly text: string; readonly octets: Uint8Array };

type LegacyScheme = { readonly keyBytes: number; readonly effectiveBits: number | undefined };

/** `effectiveBits` of RC2; undefined for 3DES. */
const legacySchemes: Readonly<Record<string, LegacyScheme>> = {
  [pkcs12Oid.sha1With3Des]: { keyBytes: 24, effectiveBits: undefined },
  [pkcs12Oid.sha1With2Key3Des]: { keyBytes: 16, effectiveBits: undefined },
  [pkcs12Oid.sha1With128BitRc2]: { keyBytes: 16, effectiveBits: 128 },
  [pkcs12Oid.sha1With40BitRc2]: { keyBytes: 5, effectiveBits: 40 },
};

/** Both ciphers have blocks of eight octets. */
const ivBytes = 8;

/** Three keys of 3DES out of the two that the two-key scheme derives. */
const tripleKey = (key: Uint8Array): Uint8Array => {
  const triple = new Uint8Array(24);
  triple.set(key);
  if (key.length === 16) triple.set(key.subarray(0, 8), 16);
  return triple;
};

const readLegacyParameters = ({ parameters }: AlgorithmIdentifier, what: string): Pkcs12Kdf => {
  if (parameters?.tag !== tag.sequence)
    throw new CodedError('DerInvalid', `cannot read encryption parameters of ${what}: they are missing`);
  const reader = derReader(parameters.content, `encryption parameters of ${what}`);
  const salt = readOctetString(reader);
  const iterations = readSmallInteger(reader, 0x7fffffff, `iteration count of ${what}`);
  expectEnd(reader);
  if (iterations < 1) throw new CodedError('DerInvalid', `cannot read encryption parameters of ${what}: the iteration count is 0`);
  return { digest: 'sha1', salt, iterations };
};

/** Decrypts; undefined where the padding shows another password. Throws DerInvalid, InputTooLarge, or the context's code. */
export const decryptByPassword = (
  algorithm: AlgorithmIdentifier,
  ciphertext: Uint8Array,
  password: KeystorePassword,
  context: OpeningContext,
): Uint8Array | undefined => {
  if (algorithm.oid === pbes2Oid) return decryptPbes2(algorithm.parameters, ciphertext, password.text, context);
  const scheme = Object.hasOwn(legacySchemes, algorithm.oid) ? legacySchemes[algorithm.oid] : undefined;
  if (scheme === undefined)
    throw new CodedError(
      context.unsupported,
      `cannot open ${context.what}: encryption ${algorithm.oid} is neither PBES2, nor 3DES, nor RC2`,
    );
  const kdf = readLegacyParameters(algorithm, context.what);
  const key = derivePkcs12(kdf, kdfPurpose.key, password.octets, scheme.keyBytes, context);
  const iv = derivePkcs12(kdf, kdfPurpose.iv, password.octets, ivBytes, context);
  return scheme.effectiveBits === undefined
    ? decryptCbc('des-ede3-cbc', tripleKey(key), iv, ciphertext)
    : decryptRc2Cbc(ciphertext, { key, effectiveBits: scheme.effectiveBits, iv });
};

/** The schemes that are written. */
export type WrittenScheme = 'pbes2' | '3des' | 'rc2-40';

export type EncryptionOptions = { readonly random: (length: number) => Uint8Array; readonly iterations: number };

/** Encrypts: the AlgorithmIdentifier and the ciphertext. Throws UsageInvalid for an iteration count out of bounds. */
export const encryptByPassword = (
  scheme: WrittenScheme,
  plaintext: Uint8Array,
  password: KeystorePassword,
  options: EncryptionOptions,
): { readonly algorithm: Uint8Array; readonly ciphertext: Uint8Array } => {
  if (scheme === 'pbes2') return encryptPbes2(plaintext, password.text, options);
  const { random, iterations } = options;
  checkIterations(iterations);
  const salt = random(8);
  const kdf = { digest: 'sha1', salt, iterations } as const;
  const context = { budget: kdfBudget(), what: 'what is encrypted' };
  const key = derivePkcs12(kdf, kdfPurpose.key, password.octets, scheme === '3des' ? 24 : 5, context);
  const iv = derivePkcs12(kdf, kdfPurpose.iv, password.octets, ivBytes, context);
  const parameters = sequence(octetString(salt), smallInteger(iterations));
  if (scheme === 'rc2-40')
    return {
      algorithm: encodeAlgorithmIdentifier(pkcs12Oid.sha1With40BitRc2, parameters),
      ciphertext: encryptRc2Cbc(plaintext, { key, effectiveBits: 40, iv }),
    };
  const cipher = createCipheriv('des-ede3-cbc', key, iv);
  return {
    algorithm: encodeAlgorithmIdentifier(pkcs12Oid.sha1With3Des, parameters),
    ciphertext: concatBytes([cipher.update(plaintext), cipher.final()]),
  };
};
