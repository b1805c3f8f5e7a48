// Key derivation of PKCS#12 (RFC 7292 appendix B), for the legacy encryption schemes and the classic MAC. New schemes use PBKDF2.
// The runtime does not offer it, so each round is one call of its hash.

import { hash } from 'node:crypto';
import { checkSalt, type KdfBudget, spendRounds } from './kdf-budget.ts';
import { digestBytes, type HmacDigest } from './pbkdf2.ts';

/** What the octets are for (appendix B.3): the diversifier that keeps key, vector and MAC key apart. */
export const kdfPurpose = { key: 1, iv: 2, mac: 3 } as const;
export type KdfPurpose = (typeof kdfPurpose)[keyof typeof kdfPurpose];

/** Octets that the compression function of each hash takes (v in appendix B.2). */
const blockBytes: Readonly<Record<HmacDigest, number>> = { sha1: 64, sha224: 64, sha256: 64, sha384: 128, sha512: 128 };

export type Pkcs12Kdf = { readonly digest: HmacDigest; readonly salt: Uint8Array; readonly iterations: number };

/**
 * A password as PKCS#12 wants it (appendix B.1): UTF-16, high octet first, then two zero octets. Characters beyond the basic plane are
 * two units, as Java and OpenSSL write them. The empty password is the two zero octets alone, which both write too.
 */
export const pkcs12Password = (password: string): Uint8Array => {
  const octets = new Uint8Array(2 * password.length + 2);
  for (let i = 0; i < password.length; i++) {
    const unit = password.charCodeAt(i);
    octets[2 * i] = unit >> 8;
    octets[2 * i + 1] = unit & 0xff;
  }
  return octets;
};

const repeatInto = (target: Uint8Array, source: Uint8Array): void => {
  for (let i = 0; i < target.length; i++) target[i] = source[i % source.length] ?? 0;
};

/** target + addend + 1 modulo 2^(8·length), both high octet first. */
const addAndIncrement = (target: Uint8Array, addend: Uint8Array): void => {
  let carry = 1;
  for (let i = target.length - 1; i >= 0; i--) {
    carry += (target[i] ?? 0) + (addend[i] ?? 0);
    target[i] = carry & 0xff;
    carry >>= 8;
  }
};

/** Derives `length` octets from a password in the form of pkcs12Password. Throws InputTooLarge past the budget. */
export const derivePkcs12 = (
  { digest, salt, iterations }: Pkcs12Kdf,
  purpose: KdfPurpose,
  password: Uint8Array,
  length: number,
  { budget, what }: { readonly budget: KdfBudget; readonly what: string },
): Uint8Array => {
  checkSalt(salt, what);
  // Twice, because a round here costs about two of PBKDF2's: it is a call into the runtime.
  spendRounds(budget, 2 * iterations * Math.ceil(length / digestBytes[digest]), what);
  const v = blockBytes[digest];
  const saltEnd = v + v * Math.ceil(salt.length / v);
  const input = new Uint8Array(saltEnd + v * Math.ceil(password.length / v));
  input.fill(purpose, 0, v);
  repeatInto(input.subarray(v, saltEnd), salt);
  repeatInto(input.subarray(saltEnd), password);
  const derived = new Uint8Array(length);
  const addend = new Uint8Array(v);
  for (let offset = 0; offset < length; ) {
    let block: Uint8Array = hash(digest, input, 'buffer');
    for (let round = 1; round < iterations; round++) block = hash(digest, block, 'buffer');
    derived.set(block.subarray(0, length - offset), offset);
    offset += block.length;
    if (offset >= length) break;
    repeatInto(addend, block);
    for (let start = v; start < input.length; start += v) addAndIncrement(input.subarray(start, start + v), addend);
  }
  return derived;
};
