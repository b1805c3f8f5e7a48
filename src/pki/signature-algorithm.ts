// AlgorithmIdentifiers of signatures: which they are, how each is verified and made. SHA-1 and MD5 are not here: what they sign is refused.
// RFC 4055 and 8017 (RSA), 5758 (ECDSA), 8410 (Ed25519), 9881 (ML-DSA).

import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { equalBytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import {
  atEnd,
  contextConstructedTag,
  type DerElement,
  type DerReader,
  derReader,
  enter,
  enterWhole,
  expectEnd,
  nullElement,
  readAny,
  readOptional,
  readSmallInteger,
  sequence,
  tag,
} from './der.ts';
import { isRsa, type KeyAlgorithm } from './key-algorithm.ts';
import { encodeOid, oid, oidName, readOid } from './oid.ts';
import { defaultDigest } from './private-key.ts';
import { type PublicKey, publicKeyObject } from './public-key.ts';

type Digest = 'sha256' | 'sha384' | 'sha512';

/** A signature algorithm as it stands in a certificate, request or revocation list. */
export type SignatureAlgorithm = {
  /** The AlgorithmIdentifier as received. */
  readonly raw: Uint8Array;
  readonly oid: string;
  /** OpenSSL's name where it is known, else the dotted identifier. */
  readonly name: string;
};

type Family = 'rsa' | 'rsa-pss' | 'ecdsa' | KeyAlgorithm;
type Method = { readonly family: Family; readonly digest: Digest | undefined; readonly name: string; readonly saltLength?: number };

const methods: Readonly<Record<string, Method>> = {
  [oid.sha256WithRsa]: { family: 'rsa', digest: 'sha256', name: 'sha256WithRSAEncryption' },
  [oid.sha384WithRsa]: { family: 'rsa', digest: 'sha384', name: 'sha384WithRSAEncryption' },
  [oid.sha512WithRsa]: { family: 'rsa', digest: 'sha512', name: 'sha512WithRSAEncryption' },
  [oid.ecdsaWithSha256]: { family: 'ecdsa', digest: 'sha256', name: 'ecdsa-with-SHA256' },
  [oid.ecdsaWithSha384]: { family: 'ecdsa', digest: 'sha384', name: 'ecdsa-with-SHA384' },
  [oid.ecdsaWithSha512]: { family: 'ecdsa', digest: 'sha512', name: 'ecdsa-with-SHA512' },
  [oid.ed25519]: { family: 'ed25519', digest: undefined, name: 'ED25519' },
  [oid.mlDsa44]: { family: 'ml-dsa-44', digest: undefined, name: 'ML-DSA-44' },
  [oid.mlDsa65]: { family: 'ml-dsa-65', digest: undefined, name: 'ML-DSA-65' },
  [oid.mlDsa87]: { family: 'ml-dsa-87', digest: undefined, name: 'ML-DSA-87' },
};

const digestByOid: Readonly<Record<string, Digest>> = { [oid.sha256]: 'sha256', [oid.sha384]: 'sha384', [oid.sha512]: 'sha512' };

/** An AlgorithmIdentifier read; its parameters are checked on use. */
export const readSignatureAlgorithm = (element: DerElement): SignatureAlgorithm => {
  const inner = derReader(element.content, 'signature algorithm');
  const algorithmOid = readOid(inner);
  if (!atEnd(inner)) readAny(inner);
  expectEnd(inner);
  const name = methods[algorithmOid]?.name ?? (algorithmOid === oid.rsaPss ? 'rsassaPss' : (oidName(algorithmOid) ?? algorithmOid));
  return { raw: element.raw, oid: algorithmOid, name };
};

/** The AlgorithmIdentifier of a hash, nothing after it. */
const readHash = (reader: DerReader): Digest | undefined => {
  const inner = enter(reader, tag.sequence, 'PSS hash');
  const digest = digestByOid[readOid(inner)];
  readOptional(inner, tag.null);
  expectEnd(inner);
  expectEnd(reader);
  return digest;
};

/** The INTEGER that an explicit tag wraps. */
const wrappedInteger = ({ content }: DerElement, max: number, part: string): number => {
  const reader = derReader(content, part);
  const value = readSmallInteger(reader, max);
  expectEnd(reader);
  return value;
};

/** RSASSA-PSS parameters (RFC 4055 section 3.1): one strong hash for message and mask, and a salt as long as the hash at least. */
const pssMethod = (algorithm: SignatureAlgorithm): Method | undefined => {
  const outer = enterWhole(algorithm.raw, tag.sequence, 'PSS algorithm');
  readOid(outer);
  if (atEnd(outer)) return undefined;
  const parameters = enter(outer, tag.sequence, 'PSS parameters');
  const [hash, mask, salt] = [0, 1, 2].map((number) => readOptional(parameters, contextConstructedTag(number)));
  if (hash === undefined || mask === undefined || salt === undefined) return undefined;
  const trailer = readOptional(parameters, contextConstructedTag(3));
  expectEnd(parameters);
  if (trailer !== undefined && wrappedInteger(trailer, 255, 'PSS trailer') !== 1) return undefined;
  const digest = readHash(derReader(hash.content, 'PSS hash'));
  const maskReader = enterWhole(mask.content, tag.sequence, 'PSS mask');
  if (readOid(maskReader) !== oid.mgf1) return undefined;
  const maskDigest = readHash(maskReader);
  const saltLength = wrappedInteger(salt, 512, 'PSS salt length');
  if (digest === undefined || maskDigest !== digest || saltLength < Number(digest.slice(3)) / 8) return undefined;
  return { family: 'rsa-pss', digest, name: 'rsassaPss', saltLength };
};

/** Parameters are absent, but for PKCS#1 v1.5, where they are NULL (RFC 4055 section 5) and some leave them out. Those of PSS are read. */
const hasRightParameters = ({ oid: algorithmOid, raw }: SignatureAlgorithm, { family }: Method): boolean =>
  family === 'rsa-pss' ||
  equalBytes(raw, sequence(encodeOid(algorithmOid))) ||
  (family === 'rsa' && equalBytes(raw, sequence(encodeOid(algorithmOid), nullElement)));

const methodOf = (algorithm: SignatureAlgorithm): Method => {
  const method = algorithm.oid === oid.rsaPss ? pssMethod(algorithm) : methods[algorithm.oid];
  if (method !== undefined && hasRightParameters(algorithm, method)) return method;
  throw new CodedError(
    'SignatureAlgorithmUnsupported',
    `cannot use signature algorithm ${algorithm.name}: it is weak, unknown or has unexpected parameters`,
    {
      hint: 'sign with SHA-256 or stronger',
    },
  );
};

const isOfFamily = (algorithm: KeyAlgorithm, family: Family): boolean =>
  family === 'rsa' || family === 'rsa-pss' ? isRsa(algorithm) : family === 'ecdsa' ? algorithm.startsWith('ecdsa-') : algorithm === family;

/**
 * Whether a signature over data is right under a key. A key of another kind than the algorithm's gives false.
 * Throws SignatureAlgorithmUnsupported for weak and unknown algorithms, KeyInvalid for a key that is none.
 */
export const isSignatureValid = (
  algorithm: SignatureAlgorithm,
  data: Uint8Array,
  key: PublicKey,
  signature: Uint8Array,
  keyHandle?: KeyObject,
): boolean => {
  const method = methodOf(algorithm);
  if (!isOfFamily(key.algorithm, method.family)) return false;
  const handle = keyHandle ?? publicKeyObject(key);
  if (method.family === 'rsa-pss')
    return verify(
      method.digest,
      data,
      { key: handle, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: method.saltLength ?? 0 },
      signature,
    );
  return verify(method.digest ?? null, data, handle, signature);
};

const oidByFamily: Readonly<Record<string, string>> = {
  'rsa sha256': oid.sha256WithRsa,
  'rsa sha384': oid.sha384WithRsa,
  'rsa sha512': oid.sha512WithRsa,
  'ecdsa sha256': oid.ecdsaWithSha256,
  'ecdsa sha384': oid.ecdsaWithSha384,
  'ecdsa sha512': oid.ecdsaWithSha512,
  ed25519: oid.ed25519,
  'ml-dsa-44': oid.mlDsa44,
  'ml-dsa-65': oid.mlDsa65,
  'ml-dsa-87': oid.mlDsa87,
};

/** The algorithm a key signs with, by its kind and, for RSA and ECDSA, the hash asked for (default: by key size). */
export const signatureAlgorithmFor = (key: KeyAlgorithm, digest: Digest | undefined = defaultDigest(key)): SignatureAlgorithm => {
  const family = isRsa(key) ? `rsa ${digest}` : key.startsWith('ecdsa-') ? `ecdsa ${digest}` : key;
  const algorithmOid = oidByFamily[family];
  if (algorithmOid === undefined) throw new CodedError('SignatureAlgorithmUnsupported', `cannot sign with ${key} and ${digest}`);
  const raw = isRsa(key) ? sequence(encodeOid(algorithmOid), nullElement) : sequence(encodeOid(algorithmOid));
  return { raw, oid: algorithmOid, name: methods[algorithmOid]?.name ?? algorithmOid };
};

/** What signs: a key that may live in this process, in a KMS or an HSM. */
export type Signer = {
  readonly publicKey: PublicKey;
  readonly algorithm: SignatureAlgorithm;
  sign(data: Uint8Array): Uint8Array | Promise<Uint8Array>;
};

/** A signer around a private key of this process. */
export const keySigner = (key: KeyObject, publicKey: PublicKey, digest?: Digest): Signer => {
  const algorithm = signatureAlgorithmFor(publicKey.algorithm, digest);
  const method = methodOf(algorithm);
  return {
    publicKey,
    algorithm,
    sign: (data) => {
      try {
        return sign(method.digest ?? null, data, key);
      } catch (cause) {
        // Its numbers do not fit each other, which reading it does not find out.
        throw new CodedError('KeyInvalid', `cannot sign: the private key (${publicKey.algorithm}) is damaged`, { cause });
      }
    },
  };
};
