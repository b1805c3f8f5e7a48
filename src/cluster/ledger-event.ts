// One line of a ledger of signatures: what it says, and how it is read strictly. Times are RFC 3339 in UTC, serial numbers upper-case hex
// as OpenSSL prints them. Keys that a later version may add are passed over; an event that is not known is damage.

import { formatGeneralName } from '../pki/general-name-text.ts';
import { formatName } from '../pki/name-text.ts';
import { certificateFingerprint, formatSerialNumber, type X509Certificate } from '../pki/x509-certificate.ts';

/** Why a certificate was withdrawn (RFC 5280 section 5.3.1), by the words OpenSSL and CFSSL use too. */
export const revocationReasons = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const;

export type RevocationReason = (typeof revocationReasons)[number];

/** A signature was made. */
export type IssuedEvent = {
  readonly event: 'issued';
  readonly serial: string;
  /** RFC 4514. */
  readonly subject: string;
  /** Subject alternative names with their types, `DNS:a.example`. */
  readonly names: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  /** Who asked: `user@host`. */
  readonly requestedBy: string;
  readonly at: string;
  /** SHA-256 over the certificate, lower-case hex. */
  readonly fingerprint: string;
};

export type RevokedEvent = {
  readonly event: 'revoked';
  readonly serial: string;
  readonly reason: RevocationReason;
  readonly at: string;
  readonly by: string;
};

/** A revocation list was made. */
export type CrlEvent = { readonly event: 'crl'; readonly number: number; readonly at: string };

export type LedgerEvent = IssuedEvent | RevokedEvent | CrlEvent;

/** The line for a certificate just signed. */
export const issuedEvent = (certificate: X509Certificate, requestedBy: string, at: Date): IssuedEvent => ({
  event: 'issued',
  serial: formatSerialNumber(certificate.serialNumber),
  subject: formatName(certificate.subject),
  names: (certificate.subjectAltNames ?? []).map(formatGeneralName),
  notBefore: certificate.notBefore.toISOString(),
  notAfter: certificate.notAfter.toISOString(),
  requestedBy,
  at: at.toISOString(),
  fingerprint: certificateFingerprint(certificate),
});

const isTime = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) && !Number.isNaN(Date.parse(value));
const isText = (value: unknown): value is string => typeof value === 'string';
const isSerial = (value: unknown): value is string => typeof value === 'string' && /^-?(?:[0-9A-F]{2}){1,64}$/.test(value);
const isReason = (value: unknown): value is RevocationReason => (revocationReasons as readonly unknown[]).includes(value);

/** The event of one line without its line break; undefined where it is none. */
export const parseLedgerLine = (line: string): LedgerEvent | undefined => {
  let value: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    value = { ...parsed };
  } catch {
    return undefined;
  }
  const { event, serial, subject, names, notBefore, notAfter, requestedBy, at, fingerprint, reason, by, number } = value;
  if (!isTime(at)) return undefined;
  switch (event) {
    case 'issued':
      return isSerial(serial) &&
        isText(subject) &&
        Array.isArray(names) &&
        names.every(isText) &&
        isTime(notBefore) &&
        isTime(notAfter) &&
        isText(requestedBy) &&
        isText(fingerprint) &&
        /^[0-9a-f]{64}$/.test(fingerprint)
        ? { event, serial, subject, names, notBefore, notAfter, requestedBy, at, fingerprint }
        : undefined;
    case 'revoked':
      return isSerial(serial) && isReason(reason) && isText(by) ? { event, serial, reason, at, by } : undefined;
    case 'crl':
      return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? { event, number, at } : undefined;
    default:
      return undefined;
  }
};
