// The key algorithms that are made and accepted, by the names users write.

import { generateKeyPairSync } from 'node:crypto';
import { CodedError, quote } from '../base/coded-error.ts';

/** `rsa-` with a size in bits from 2048 to 8192, or a curve, or a lattice. */
export type KeyAlgorithm =
  | `rsa-${number}`
  | 'ecdsa-p256'
  | 'ecdsa-p384'
  | 'ecdsa-p521'
  | 'ed25519'
  | 'ml-dsa-44'
  | 'ml-dsa-65'
  | 'ml-dsa-87';

export const minRsaBits = 2048;
export const maxRsaBits = 8192;

const aliases: Readonly<Record<string, KeyAlgorithm>> = {
  rsa: 'rsa-2048',
  ecdsa: 'ecdsa-p256',
  'ecdsa-p256': 'ecdsa-p256',
  'ecdsa-256': 'ecdsa-p256',
  'p-256': 'ecdsa-p256',
  p256: 'ecdsa-p256',
  'ecdsa-p384': 'ecdsa-p384',
  'ecdsa-384': 'ecdsa-p384',
  'p-384': 'ecdsa-p384',
  p384: 'ecdsa-p384',
  'ecdsa-p521': 'ecdsa-p521',
  'ecdsa-521': 'ecdsa-p521',
  'p-521': 'ecdsa-p521',
  p521: 'ecdsa-p521',
  ed25519: 'ed25519',
  'ml-dsa-44': 'ml-dsa-44',
  'ml-dsa-65': 'ml-dsa-65',
  'ml-dsa-87': 'ml-dsa-87',
};

/** The algorithm a user's word means, letter case aside (`rsa-2048`, `ECDSA-P256`, `p384`, `ed25519`); undefined where it means none. */
export const parseKeyAlgorithm = (text: string): KeyAlgorithm | undefined => {
  const word = text.toLowerCase();
  const bits = /^rsa-?(\d{4})$/.exec(word)?.[1];
  if (bits !== undefined) {
    const size = Number(bits);
    return size >= minRsaBits && size <= maxRsaBits && size % 8 === 0 ? `rsa-${size}` : undefined;
  }
  return Object.hasOwn(aliases, word) ? aliases[word] : undefined;
};

/** As parseKeyAlgorithm; throws KeyUnsupported naming the field. */
export const keyAlgorithm = (text: string, field: string): KeyAlgorithm => {
  const algorithm = parseKeyAlgorithm(text);
  if (algorithm !== undefined) return algorithm;
  throw new CodedError('KeyUnsupported', `cannot use ${field} ${quote(text)}: it is not a key algorithm that is accepted`, {
    hint: 'use ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048 to rsa-8192, ed25519, ml-dsa-44, ml-dsa-65 or ml-dsa-87',
  });
};

export const isRsa = (algorithm: KeyAlgorithm): algorithm is `rsa-${number}` => algorithm.startsWith('rsa-');

/** Size in bits of an RSA algorithm's modulus. */
export const rsaBits = (algorithm: `rsa-${number}`): number => Number(algorithm.slice(4));

const isOffered = (algorithm: KeyAlgorithm): boolean => {
  if (algorithm !== 'ml-dsa-44' && algorithm !== 'ml-dsa-65' && algorithm !== 'ml-dsa-87') return true;
  try {
    generateKeyPairSync(algorithm);
    return true;
  } catch {
    // Making such a key has no other way to fail than that OpenSSL or Node is too old to know it.
    return false;
  }
};

/** Throws KeyAlgorithmUnavailable where the runtime does not know an algorithm (ML-DSA needs Node 24 with OpenSSL 3.5). */
export const requireOffered = (algorithm: KeyAlgorithm): void => {
  if (!isOffered(algorithm))
    throw new CodedError('KeyAlgorithmUnavailable', `cannot use ${algorithm}: this runtime does not offer it`, {
      hint: 'run with Node 24.15 or newer, built with OpenSSL 3.5',
    });
};
