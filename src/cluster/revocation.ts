// Withdrawing certificates by the ledger of their CA, and what the next revocation list says. Only what the ledger has a line for can be
// withdrawn, by its serial number, a name, or the certificate itself.
// kube-apiserver reads no revocation list: withdrawing keeps a certificate out of servers that do, and on record. Whoever prints the
// result says so.

import type { OnFileStep } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { commonNameOf } from '../pki/name.ts';
import { parseNameText } from '../pki/name-text.ts';
import { certificateFingerprint, formatSerialNumber, type X509Certificate } from '../pki/x509-certificate.ts';
import { extendLedger } from './ledger.ts';
import type { IssuedEvent, LedgerEvent, RevocationReason, RevokedEvent } from './ledger-event.ts';

/** Which certificates are meant: one by serial number or by itself, or those valid now that carry a name. */
export type RevocationTarget =
  | { readonly serial: string }
  | { readonly certificate: X509Certificate }
  /** A common name or a subject alternative name, with or without its type. */
  | { readonly name: string };

export type RevokeRequest = {
  readonly target: RevocationTarget;
  readonly reason: RevocationReason;
  readonly at: Date;
  /** Who asked: `user@host`. */
  readonly by: string;
  /** Several certificates of one name are all meant. */
  readonly all?: boolean;
  readonly onStep?: OnFileStep | undefined;
};

/** What revoking came to. */
export type Revocation = {
  readonly revoked: readonly IssuedEvent[];
  /** Those meant that were withdrawn before; nothing was added for them. */
  readonly alreadyRevoked: readonly IssuedEvent[];
};

const normalSerial = (text: string): string => {
  const digits = text.replace(/[:\s]/g, '').replace(/^0x/i, '').toUpperCase();
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  // Written with a leading zero octet or without, it is one number.
  return even.replace(/^(?:00)+(?=..)/, '');
};

const carriesName = ({ subject, names }: IssuedEvent, name: string): boolean => {
  const wanted = name.toLowerCase();
  const matches = (text: string): boolean => text.toLowerCase() === wanted;
  if (matches(commonNameOf(parseNameText(subject)) ?? '') || matches(subject)) return true;
  return names.some((typed) => matches(typed) || matches(typed.slice(typed.indexOf(':') + 1)));
};

const describeTarget = (target: RevocationTarget): string => {
  if ('serial' in target) return `serial number ${quote(target.serial)}`;
  if ('name' in target) return `name ${quote(target.name)}`;
  return `serial number "${formatSerialNumber(target.certificate.serialNumber)}"`;
};

const meant = (issued: readonly IssuedEvent[], target: RevocationTarget, at: Date): readonly IssuedEvent[] => {
  if ('serial' in target) return issued.filter(({ serial }) => serial === normalSerial(target.serial));
  if ('name' in target) return issued.filter((event) => Date.parse(event.notAfter) >= at.getTime() && carriesName(event, target.name));
  // The serial number alone could be that of a certificate of another CA.
  const fingerprint = certificateFingerprint(target.certificate);
  return issued.filter((event) => event.fingerprint === fingerprint);
};

const issuedIn = (events: readonly LedgerEvent[]): readonly IssuedEvent[] => events.filter((event) => event.event === 'issued');
const revokedIn = (events: readonly LedgerEvent[]): ReadonlyMap<string, RevokedEvent> =>
  new Map(events.filter((event) => event.event === 'revoked').map((event) => [event.serial, event]));

/** Chooses the certificates meant. Throws CertificateUnknown and CertificateAmbiguous. */
const choose = (events: readonly LedgerEvent[], { target, at, all = false }: RevokeRequest): Revocation => {
  const found = meant(issuedIn(events), target, at);
  if (found.length === 0)
    throw new CodedError(
      'CertificateUnknown',
      `cannot revoke ${describeTarget(target)}: the ledger has no such certificate that is still valid`,
      {
        hint: 'name it by the serial number that pki inspect prints, and give the CA that signed it',
      },
    );
  const revoked = revokedIn(events);
  const open = found.filter(({ serial }) => !revoked.has(serial));
  if (open.length > 1 && !all)
    throw new CodedError('CertificateAmbiguous', `cannot revoke ${describeTarget(target)}: ${open.length} certificates carry it`, {
      hint: `revoke one by its serial number, or all of them: ${open
        .slice(0, 5)
        .map(({ serial }) => serial)
        .join(', ')}`,
      details: { serials: open.map(({ serial }) => serial) },
    });
  return { revoked: open, alreadyRevoked: found.filter(({ serial }) => revoked.has(serial)) };
};

/**
 * Withdraws certificates: one ledger line each. Withdrawing again adds nothing. Throws CertificateUnknown, CertificateAmbiguous where a
 * name means several and `all` was not asked, LedgerInvalid, LockHeld, FileWriteFailed.
 */
export const revoke = async (ledgerFile: string, request: RevokeRequest): Promise<Revocation> => {
  let result: Revocation = { revoked: [], alreadyRevoked: [] };
  await extendLedger(
    ledgerFile,
    (events) => {
      result = choose(events, request);
      return result.revoked.map(({ serial }) => ({
        event: 'revoked' as const,
        serial,
        reason: request.reason,
        at: request.at.toISOString(),
        by: request.by,
      }));
    },
    { onStep: request.onStep },
  );
  return result;
};

/** One line of a revocation list. */
export type RevokedCertificate = { readonly serial: string; readonly revokedAt: Date; readonly reason: RevocationReason };

/**
 * What the next revocation list of a ledger says: its number, and what is withdrawn. A certificate leaves the lists only after one that was
 * made once it had expired (RFC 5280 section 3.3).
 */
export const nextCrlContent = (
  events: readonly LedgerEvent[],
): { readonly number: number; readonly revoked: readonly RevokedCertificate[] } => {
  const notAfterBySerial = new Map(issuedIn(events).map(({ serial, notAfter }) => [serial, Date.parse(notAfter)]));
  const lists = events.flatMap((event) => (event.event === 'crl' ? [event] : []));
  const lastListMs = lists.reduce((latest, { at }) => Math.max(latest, Date.parse(at)), Number.NEGATIVE_INFINITY);
  return {
    number: lists.reduce((highest, { number }) => Math.max(highest, number), 0) + 1,
    revoked: [...revokedIn(events).values()]
      .filter(({ serial }) => (notAfterBySerial.get(serial) ?? Number.POSITIVE_INFINITY) >= lastListMs)
      .map(({ serial, at: revokedAt, reason }) => ({ serial, revokedAt: new Date(revokedAt), reason })),
  };
};
