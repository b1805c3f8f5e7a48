// Keys as data: algorithm, size and pin. Of a private key nothing is shown but its public half.

import { hash, type KeyObject } from 'node:crypto';
import { toBase64 } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { derReader, enterWhole, readInteger, tag } from './der.ts';
import { decodeOid, oid, oidName } from './oid.ts';
import { acceptPublicKey, publicKeyFingerprint, publicKeyOf, readSubjectPublicKeyInfo, type SubjectPublicKeyInfo } from './public-key.ts';

/** A public key. */
export type InspectedPublicKey = {
  /** The word our own flags take (`ecdsa-p256`, `rsa-2048`), or the nearest name there is. */
  readonly algorithm: string;
  readonly oid: string;
  readonly bits?: number;
  /** Why a certificate with this key could not be signed here; absent where it could. */
  readonly notAccepted?: string;
  /** SHA-256 over the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string;
  /** The same in base64, as pins are written (RFC 7469). */
  readonly pinSha256: string;
};

const ellipticBits: Readonly<Record<string, number>> = { 'ecdsa-p256': 256, 'ecdsa-p384': 384, 'ecdsa-p521': 521 };

const curveName = (parameters: Uint8Array | undefined): string =>
  parameters?.[0] === tag.oid ? decodeOid(derContent(parameters)) : 'unnamed curve';

const derContent = (encoded: Uint8Array): Uint8Array => encoded.subarray(2);

const rsaSize = (bits: Uint8Array): number => {
  const modulus = readInteger(enterWhole(bits, tag.sequence, 'RSA public key'), 'RSA modulus');
  const magnitude = modulus[0] === 0 ? modulus.subarray(1) : modulus;
  return magnitude.length === 0 ? 0 : magnitude.length * 8 - (Math.clz32(magnitude[0] ?? 0) - 24);
};

const describeRefused = (key: SubjectPublicKeyInfo): { readonly algorithm: string; readonly bits?: number } => {
  if (key.algorithmOid === oid.rsaEncryption || key.algorithmOid === oid.rsaPss) {
    const bits = rsaSize(key.bits);
    return { algorithm: `${key.algorithmOid === oid.rsaPss ? 'rsa-pss' : 'rsa'}-${bits}`, bits };
  }
  if (key.algorithmOid === oid.ecPublicKey) return { algorithm: `ec ${curveName(key.parameters)}` };
  return { algorithm: oidName(key.algorithmOid) ?? key.algorithmOid };
};

const describe = (key: SubjectPublicKeyInfo): Pick<InspectedPublicKey, 'algorithm' | 'bits' | 'notAccepted'> => {
  try {
    const { algorithm } = acceptPublicKey(key);
    const bits = ellipticBits[algorithm] ?? (algorithm.startsWith('rsa-') ? Number(algorithm.slice(4)) : undefined);
    return { algorithm, ...(bits === undefined ? {} : { bits }) };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { ...describeRefused(key), notAccepted: error.message };
  }
};

/** A public key as it stands in a certificate or request. Throws DerInvalid for an RSA key that is no pair of numbers. */
export const inspectSubjectPublicKey = (key: SubjectPublicKeyInfo): InspectedPublicKey => ({
  ...describe(key),
  oid: key.algorithmOid,
  spkiSha256: publicKeyFingerprint(key),
  pinSha256: toBase64(hash('sha256', key.spki, 'buffer')),
});

/** A public key of SubjectPublicKeyInfo DER. */
export const inspectPublicKey = (spki: Uint8Array): InspectedPublicKey => {
  enterWhole(spki, tag.sequence, 'public key');
  return inspectSubjectPublicKey(readSubjectPublicKeyInfo(derReader(spki, 'public key')));
};

/** The public half of a private key. */
export const inspectKeyObject = (key: KeyObject): InspectedPublicKey => inspectPublicKey(publicKeyOf(key).spki);
