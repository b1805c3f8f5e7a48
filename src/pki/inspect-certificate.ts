// Certificates and certificate requests as data: every field, names in RFC 4514, times in RFC 3339 with what is left of them.

import { hash } from 'node:crypto';
import { CodedError } from '../base/coded-error.ts';
import type { Csr } from './csr.ts';
import { verifyCsr } from './csr.ts';
import { derReader } from './der.ts';
import {
  type InspectedExtension,
  type InspectedName,
  type InspectedUsage,
  inspectExtension,
  inspectGeneralName,
  inspectUsage,
} from './inspect-extension.ts';
import { type InspectedPublicKey, inspectSubjectPublicKey } from './inspect-key.ts';
import type { KnownExtensions } from './known-extensions.ts';
import { formatName } from './name-text.ts';
import { oidName } from './oid.ts';
import { readSubjectPublicKeyInfo } from './public-key.ts';
import { certificateFingerprint, formatSerialNumber, isCa, isSelfIssued, type X509Certificate } from './x509-certificate.ts';

export type InspectedFingerprints = {
  /** Lower-case hex. */
  readonly sha256: string;
  /** For comparison with what older tools print; it proves nothing. */
  readonly sha1: string;
};

/** What certificates and requests say alike. Lists are absent where the extension is. */
type InspectedContent = {
  readonly subject: string;
  readonly publicKey: InspectedPublicKey;
  readonly signatureAlgorithm: { readonly name: string; readonly oid: string };
  readonly subjectAltNames?: readonly InspectedName[];
  readonly keyUsage?: readonly string[];
  readonly extendedKeyUsage?: readonly InspectedUsage[];
  readonly extensions: readonly InspectedExtension[];
  readonly fingerprints: InspectedFingerprints;
};

export type InspectedCertificate = { readonly kind: 'certificate' } & InspectedContent & {
    readonly version: number;
    /** Upper-case hex, as OpenSSL prints it. */
    readonly serialNumber: string;
    readonly issuer: string;
    readonly notBefore: string;
    readonly notAfter: string;
    readonly validity: 'valid' | 'expired' | 'not yet valid';
    /** Until notAfter, negative once it is past. */
    readonly remainingSeconds: number;
    readonly isCa: boolean;
    /** Whether issuer and subject are one name. Whether its own key signed it is for `pki verify` to say: inspecting checks no signature of a CA. */
    readonly selfIssued: boolean;
  };

export type InspectedRequest = { readonly kind: 'certificate request' } & InspectedContent & {
    /** Whether the key inside it signed it. */
    readonly signatureValid: boolean;
    /** Types of its attributes, by name where they have one. */
    readonly attributes: readonly string[];
  };

/** RFC 3339 in UTC, to the second. */
export const formatTime = (at: Date): string => at.toISOString().replace(/\.\d{3}Z$/, 'Z');

const fingerprints = (raw: Uint8Array): InspectedFingerprints => ({
  sha256: certificateFingerprint({ raw }),
  sha1: hash('sha1', raw, 'hex'),
});

const knownLists = (known: KnownExtensions): Pick<InspectedContent, 'subjectAltNames' | 'keyUsage' | 'extendedKeyUsage'> => ({
  ...(known.subjectAltNames === undefined ? {} : { subjectAltNames: known.subjectAltNames.map(inspectGeneralName) }),
  ...(known.keyUsage === undefined ? {} : { keyUsage: known.keyUsage }),
  ...(known.extendedKeyUsage === undefined ? {} : { extendedKeyUsage: known.extendedKeyUsage.map(inspectUsage) }),
});

/** A certificate as data, with its state at a time. Both ends of its validity belong to it (RFC 5280 section 4.1.2.5). */
export const inspectCertificate = (certificate: X509Certificate, at: Date): InspectedCertificate => ({
  kind: 'certificate',
  version: certificate.version,
  serialNumber: formatSerialNumber(certificate.serialNumber),
  subject: formatName(certificate.subject),
  issuer: formatName(certificate.issuer),
  notBefore: formatTime(certificate.notBefore),
  notAfter: formatTime(certificate.notAfter),
  validity: at < certificate.notBefore ? 'not yet valid' : at > certificate.notAfter ? 'expired' : 'valid',
  remainingSeconds: Math.floor((certificate.notAfter.getTime() - at.getTime()) / 1000),
  isCa: isCa(certificate),
  selfIssued: isSelfIssued(certificate),
  publicKey: inspectSubjectPublicKey(certificate.publicKey),
  signatureAlgorithm: { name: certificate.signatureAlgorithm.name, oid: certificate.signatureAlgorithm.oid },
  ...knownLists(certificate),
  extensions: certificate.extensions.map(inspectExtension),
  fingerprints: fingerprints(certificate.raw),
});

const possessionProven = (csr: Csr): boolean => {
  try {
    verifyCsr(csr);
    return true;
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
};

/** A certificate request as data. */
export const inspectRequest = (csr: Csr): InspectedRequest => ({
  kind: 'certificate request',
  subject: formatName(csr.subject),
  signatureValid: possessionProven(csr),
  publicKey: inspectSubjectPublicKey(readSubjectPublicKeyInfo(derReader(csr.publicKey.spki, 'public key'))),
  signatureAlgorithm: { name: csr.signatureAlgorithm.name, oid: csr.signatureAlgorithm.oid },
  attributes: csr.attributes.map((type) => oidName(type) ?? type),
  ...knownLists(csr),
  extensions: csr.extensions.map(inspectExtension),
  fingerprints: fingerprints(csr.raw),
});
