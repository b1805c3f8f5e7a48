// PBKDF2 (RFC 8018 section 5.2): its parameters in and out, and the derivation itself, by the runtime.
// Used by PBES2 for keys and by PBMAC1 for keystores. Salts by reference (the `otherSource` choice) are used by nobody and refused.

import { pbkdf2Sync } from 'node:crypto';
import { CodedError } from '../base/coded-error.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import { type AlgorithmIdentifier, encodeAlgorithmIdentifier, readAlgorithmIdentifier } from './algorithm-identifier.ts';
import {
  atEnd,
  derReader,
  expectEnd,
  octetString,
  peekTag,
  readOctetString,
  readSmallInteger,
  sequence,
  smallInteger,
  tag,
} from './der.ts';
import { checkSalt, type KdfBudget, maxKdfRounds, spendRounds } from './kdf-budget.ts';

export const pbkdf2Oid = '1.2.840.113549.1.5.12';

/** A hash under HMAC, as the runtime names it. */
export type HmacDigest = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

const hmacDigests: Readonly<Record<string, HmacDigest>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

export const hmacSha256Oid = '1.2.840.113549.2.9';

/** Octets that each hash gives. */
export const digestBytes: Readonly<Record<HmacDigest, number>> = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 };

export type Pbkdf2 = {
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** Undefined where the parameters leave it to the cipher. */
  readonly keyBytes: number | undefined;
  readonly digest: HmacDigest;
};

/** What is being opened, in the words of errors; the code for schemes that are not supported; and what may still be spent. */
export type OpeningContext = { readonly what: string; readonly unsupported: ErrorCode; readonly budget: KdfBudget };

/** The hash of an HMAC identifier; throws the context's code for others. */
export const hmacDigest = ({ oid }: AlgorithmIdentifier, { what, unsupported }: OpeningContext): HmacDigest => {
  const digest = Object.hasOwn(hmacDigests, oid) ? hmacDigests[oid] : undefined;
  if (digest === undefined)
    throw new CodedError(unsupported, `cannot open ${what}: ${oid} is not HMAC with SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512`);
  return digest;
};

/** Reads PBKDF2-params; throws DerInvalid, InputTooLarge or the context's code. */
export const readPbkdf2 = ({ parameters }: AlgorithmIdentifier, context: OpeningContext): Pbkdf2 => {
  const part = `PBKDF2 parameters of ${context.what}`;
  if (parameters?.tag !== tag.sequence) throw new CodedError('DerInvalid', `cannot read ${part}: they are missing`);
  const reader = derReader(parameters.content, part);
  if (peekTag(reader) === tag.sequence)
    throw new CodedError(context.unsupported, `cannot open ${context.what}: its PBKDF2 salt is not given in the file`);
  const salt = readOctetString(reader);
  checkSalt(salt, context.what);
  const iterations = readSmallInteger(reader, 0x7fffffff, `iteration count of ${context.what}`);
  if (iterations < 1) throw new CodedError('DerInvalid', `cannot read ${part}: the iteration count is 0`);
  const keyBytes = peekTag(reader) === tag.integer ? readSmallInteger(reader, 1024, `key length of ${context.what}`) : undefined;
  const digest = atEnd(reader) ? 'sha1' : hmacDigest(readAlgorithmIdentifier(reader, part), context);
  expectEnd(reader);
  return { salt, iterations, keyBytes, digest };
};

/** Derives `length` octets; throws InputTooLarge past the context's budget. */
export const derivePbkdf2 = (kdf: Pbkdf2, passphrase: Uint8Array, length: number, { what, budget }: OpeningContext): Uint8Array => {
  spendRounds(budget, kdf.iterations * Math.ceil(length / digestBytes[kdf.digest]), what);
  return pbkdf2Sync(passphrase, kdf.salt, kdf.iterations, length, kdf.digest);
};

/** AlgorithmIdentifier of PBKDF2 with HMAC-SHA-256. `keyBytes` is written where it is given. */
export const encodePbkdf2 = (salt: Uint8Array, iterations: number, keyBytes?: number): Uint8Array =>
  encodeAlgorithmIdentifier(
    pbkdf2Oid,
    sequence(
      octetString(salt),
      smallInteger(iterations),
      ...(keyBytes === undefined ? [] : [smallInteger(keyBytes)]),
      encodeAlgorithmIdentifier(hmacSha256Oid),
    ),
  );

/** Refuses an iteration count that no reader of ours would accept: not a whole number from 1 to maxKdfRounds / 10. Throws UsageInvalid. */
export const checkIterations = (iterations: number): void => {
  // A tenth, because a store derives several keys and all of them are read on one budget.
  const most = maxKdfRounds / 10;
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > most)
    throw new CodedError(
      'UsageInvalid',
      `cannot encrypt with ${iterations} iterations: the count must be a whole number from 1 to ${most}`,
    );
};
