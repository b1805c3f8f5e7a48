// Revocation lists as data: what they withdraw, since when and why, and whether they are current.

import { hash } from 'node:crypto';
import type { Crl } from './crl.ts';
import { formatTime, type InspectedFingerprints } from './inspect-certificate.ts';
import { type InspectedExtension, inspectExtension } from './inspect-extension.ts';
import { formatName } from './name-text.ts';
import { formatSerialNumber } from './x509-certificate.ts';

export type InspectedCrlEntry = {
  /** Upper-case hex, as OpenSSL prints it. */
  readonly serialNumber: string;
  readonly revokedAt: string;
  readonly reason?: string;
  readonly invalidityDate?: string;
};

export type InspectedCrl = {
  readonly kind: 'revocation list';
  readonly version: number;
  readonly issuer: string;
  /** Decimal. */
  readonly number?: string;
  readonly thisUpdate: string;
  readonly nextUpdate?: string;
  readonly currency: 'current' | 'outdated' | 'not yet valid' | 'without end';
  /** Why it must not be used to tell whether a certificate is revoked. */
  readonly unusable?: string;
  readonly signatureAlgorithm: { readonly name: string; readonly oid: string };
  readonly entries: readonly InspectedCrlEntry[];
  readonly extensions: readonly InspectedExtension[];
  readonly fingerprints: InspectedFingerprints;
};

const currencyOf = ({ thisUpdate, nextUpdate }: Crl, at: Date): InspectedCrl['currency'] => {
  if (at < thisUpdate) return 'not yet valid';
  if (nextUpdate === undefined) return 'without end';
  return at > nextUpdate ? 'outdated' : 'current';
};

/** A revocation list as data, with its state at a time. Its signature is not checked: that takes its CA. */
export const inspectCrl = (crl: Crl, at: Date): InspectedCrl => ({
  kind: 'revocation list',
  version: crl.version,
  issuer: formatName(crl.issuer),
  ...(crl.number === undefined ? {} : { number: crl.number.toString() }),
  thisUpdate: formatTime(crl.thisUpdate),
  ...(crl.nextUpdate === undefined ? {} : { nextUpdate: formatTime(crl.nextUpdate) }),
  currency: currencyOf(crl, at),
  ...(crl.unusable === undefined ? {} : { unusable: crl.unusable }),
  signatureAlgorithm: { name: crl.signatureAlgorithm.name, oid: crl.signatureAlgorithm.oid },
  entries: [...crl.entries.values()].map(({ serialNumber, revokedAt, reason, invalidityDate }) => ({
    serialNumber: formatSerialNumber(serialNumber),
    revokedAt: formatTime(revokedAt),
    ...(reason === undefined ? {} : { reason }),
    ...(invalidityDate === undefined ? {} : { invalidityDate: formatTime(invalidityDate) }),
  })),
  extensions: crl.extensions.map(inspectExtension),
  fingerprints: { sha256: hash('sha256', crl.raw, 'hex'), sha1: hash('sha1', crl.raw, 'hex') },
});
