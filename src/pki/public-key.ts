// SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) as received, and the algorithm it names. Certificates with other keys can be read and
// looked at; acceptPublicKey is the border behind which only the algorithms and sizes of key-algorithm.ts exist.

import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { equalBytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import {
  atEnd,
  contentOfWhole,
  type DerReader,
  derReader,
  enter,
  enterWhole,
  expectEnd,
  nullElement,
  readAny,
  readInteger,
  readOctetBitString,
  tag,
} from './der.ts';
import { type KeyAlgorithm, maxRsaBits, minRsaBits, requireOffered } from './key-algorithm.ts';
import { decodeOid, oid, oidName, readOid } from './oid.ts';
import { encodePem } from './pem.ts';

/** A public key as received: its DER, the identifier and parameters of its algorithm, and the bits within. */
export type SubjectPublicKeyInfo = {
  readonly spki: Uint8Array;
  readonly algorithmOid: string;
  readonly parameters: Uint8Array | undefined;
  readonly bits: Uint8Array;
};

/** A public key of an algorithm that is accepted. */
export type PublicKey = { readonly spki: Uint8Array; readonly bits: Uint8Array; readonly algorithm: KeyAlgorithm };

const curves: Readonly<Record<string, { readonly algorithm: KeyAlgorithm; readonly octets: number }>> = {
  [oid.p256]: { algorithm: 'ecdsa-p256', octets: 32 },
  [oid.p384]: { algorithm: 'ecdsa-p384', octets: 48 },
  [oid.p521]: { algorithm: 'ecdsa-p521', octets: 66 },
};

/** Algorithms whose key is a fixed number of octets and that have no parameters. */
const plain: Readonly<Record<string, { readonly algorithm: KeyAlgorithm; readonly octets: number }>> = {
  [oid.ed25519]: { algorithm: 'ed25519', octets: 32 },
  [oid.mlDsa44]: { algorithm: 'ml-dsa-44', octets: 1312 },
  [oid.mlDsa65]: { algorithm: 'ml-dsa-65', octets: 1952 },
  [oid.mlDsa87]: { algorithm: 'ml-dsa-87', octets: 2592 },
};

const unsupported = (problem: string): never => {
  throw new CodedError('KeyUnsupported', `cannot use public key: ${problem}`, {
    hint: 'use RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, Ed25519 or ML-DSA',
  });
};

const invalid = (problem: string): never => {
  throw new CodedError('KeyInvalid', `cannot read public key: ${problem}`);
};

const rsaAlgorithm = ({ parameters, bits }: SubjectPublicKeyInfo): KeyAlgorithm => {
  if (parameters === undefined || !equalBytes(parameters, nullElement)) invalid('RSA parameters are not NULL');
  const key = enterWhole(bits, tag.sequence, 'RSA public key');
  const modulus = readInteger(key, 'RSA modulus');
  const exponent = readInteger(key, 'RSA exponent');
  expectEnd(key);
  if ((modulus[0] ?? 0x80) >= 0x80 || ((modulus[modulus.length - 1] ?? 0) & 1) === 0) return invalid('RSA modulus is negative or even');
  const magnitude = modulus[0] === 0 ? modulus.subarray(1) : modulus;
  const size = magnitude.length * 8 - (Math.clz32(magnitude[0] ?? 0) - 24);
  if (size < minRsaBits || size > maxRsaBits) return unsupported(`RSA of ${size} bits is outside ${minRsaBits}..${maxRsaBits}`);
  // An exponent of many bits makes each verification cost as much as a signature (a known way to slow a server down).
  const odd = ((exponent[exponent.length - 1] ?? 0) & 1) === 1;
  if ((exponent[0] ?? 0x80) >= 0x80 || !odd || exponent.length > 8 || (exponent.length === 1 && (exponent[0] ?? 0) < 3))
    return invalid('RSA exponent is not an odd number from 3 to 2^63');
  return `rsa-${size}`;
};

const ellipticAlgorithm = ({ parameters, bits }: SubjectPublicKeyInfo): KeyAlgorithm => {
  if (parameters === undefined || parameters[0] !== tag.oid) return unsupported('its curve is not a named one');
  const curve = curves[decodeOid(contentOfWhole(parameters, tag.oid, 'curve'))];
  if (curve === undefined) return unsupported('its curve is none of P-256, P-384 and P-521');
  if ((bits[0] === 2 || bits[0] === 3) && bits.length === 1 + curve.octets) return unsupported('its point is compressed');
  if (bits[0] !== 4 || bits.length !== 1 + 2 * curve.octets) return invalid('its point is not uncompressed and of the length of its curve');
  return curve.algorithm;
};

/** Reads a SubjectPublicKeyInfo of any algorithm. */
export const readSubjectPublicKeyInfo = (reader: DerReader): SubjectPublicKeyInfo => {
  const from = reader.offset;
  const inner = enter(reader, tag.sequence, 'public key');
  const identifier = enter(inner, tag.sequence, 'public key algorithm');
  const algorithmOid = readOid(identifier);
  const parameters = atEnd(identifier) ? undefined : readAny(identifier).raw;
  expectEnd(identifier);
  const bits = readOctetBitString(inner, 'public key bits');
  expectEnd(inner);
  return { spki: reader.bytes.subarray(from, reader.offset), algorithmOid, parameters, bits };
};

/**
 * The key, where its algorithm and size are accepted. Throws KeyUnsupported, KeyInvalid, DerInvalid.
 * Whether an EC point lies on its curve shows on first use.
 */
export const acceptPublicKey = (key: SubjectPublicKeyInfo): PublicKey => {
  const { spki, bits, algorithmOid, parameters } = key;
  if (algorithmOid === oid.rsaEncryption) return { spki, bits, algorithm: rsaAlgorithm(key) };
  if (algorithmOid === oid.ecPublicKey) return { spki, bits, algorithm: ellipticAlgorithm(key) };
  const fixed = plain[algorithmOid];
  if (fixed === undefined) return unsupported(`its algorithm ${oidName(algorithmOid) ?? algorithmOid} is not one that is accepted`);
  if (parameters !== undefined) return invalid(`${fixed.algorithm} has no parameters`);
  if (bits.length !== fixed.octets) return invalid(`it has ${bits.length} octets, ${fixed.algorithm} has ${fixed.octets}`);
  return { spki, bits, algorithm: fixed.algorithm };
};

/** A public key of SubjectPublicKeyInfo DER, nothing after it. */
export const parsePublicKey = (spki: Uint8Array): PublicKey => {
  const reader = derReader(spki, 'public key');
  const key = readSubjectPublicKeyInfo(reader);
  expectEnd(reader);
  return acceptPublicKey(key);
};

/** The public half of a private key, or a public KeyObject, as a PublicKey. */
export const publicKeyOf = (key: KeyObject): PublicKey => {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return parsePublicKey(half.export({ format: 'der', type: 'spki' }));
};

/** The runtime's handle of a public key; throws KeyInvalid (a point off its curve, say) or KeyAlgorithmUnavailable. */
export const publicKeyObject = (key: PublicKey): KeyObject => {
  try {
    // PEM text imports in half the time of DER: Node 24 asks of every object it is handed whether it is a key, and each no is an exception
    // inside. A string is not asked.
    return createPublicKey(encodePem('PUBLIC KEY', key.spki));
  } catch (cause) {
    requireOffered(key.algorithm);
    throw new CodedError('KeyInvalid', `cannot use public key: its ${key.algorithm} value is not valid`, { cause });
  }
};

/** Key identifier by RFC 5280 section 4.2.1.2 method 1: SHA-1 over the key bits. */
export const keyIdentifier = (key: Pick<PublicKey, 'bits'>): Uint8Array => hash('sha1', key.bits, 'buffer');

/** SHA-256 over the SubjectPublicKeyInfo, lower-case hex: what pins and compares keys. */
export const publicKeyFingerprint = (key: Pick<PublicKey, 'spki'>): string => hash('sha256', key.spki, 'hex');
