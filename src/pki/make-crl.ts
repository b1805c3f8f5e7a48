// Making certificate revocation lists: version 2, complete, of one CA about its own certificates (RFC 5280 section 5).
// Reading them is crl.ts, which also reads back what is made here before it is handed out.

import { equalBytes, toHex } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { type Crl, type CrlReason, crlReasons, parseCrl } from './crl.ts';
import { contextConstructedTag, element, octetBitString, sequence, sequenceOf, smallInteger, tag, unsignedInteger } from './der.ts';
import { type Extension, encodeAuthorityKeyIdentifier, encodeExtensions } from './extension.ts';
import { formatName } from './name-text.ts';
import { oid } from './oid.ts';
import { keyIdentifier } from './public-key.ts';
import type { CertificateIssuer } from './sign-certificate.ts';
import { encodeGeneralizedTime, encodeTime } from './time.ts';
import { isCa } from './x509-certificate.ts';

/** One certificate to withdraw. `serialNumber` is its octets, unsigned or as they stand in the certificate. */
export type CrlTemplateEntry = {
  readonly serialNumber: Uint8Array;
  readonly revokedAt: Date;
  /** `removeFromCRL` belongs in delta lists alone, which are not made here. */
  readonly reason?: Exclude<CrlReason, 'removeFromCRL'>;
  readonly invalidityDate?: Date;
};

export type CrlTemplate = {
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Higher than that of every list before; at most 20 octets. */
  readonly number: number | bigint;
  /** In the order they are written. */
  readonly entries: readonly CrlTemplateEntry[];
};

const invalid = (problem: string): never => {
  throw new CodedError('CrlInvalid', `cannot make revocation list: ${problem}`);
};

const encodeNumber = (number: number | bigint): Uint8Array => {
  if (typeof number === 'number' && !Number.isSafeInteger(number)) return invalid(`its number ${number} is not a whole number`);
  const value = BigInt(number);
  if (value < 0n || value >= 1n << 159n) return invalid('its number is negative or longer than 20 octets');
  const digits = value.toString(16);
  return unsignedInteger(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'));
};

const plain = (type: string, value: Uint8Array): Extension => ({ oid: type, critical: false, value });

const encodeEntry = ({ serialNumber, revokedAt, reason = 'unspecified', invalidityDate }: CrlTemplateEntry): Uint8Array => {
  const extensions: Extension[] = [];
  // Section 5.3.1: no reason rather than "unspecified".
  if (reason !== 'unspecified') extensions.push(plain(oid.crlReason, element(tag.enumerated, Uint8Array.of(crlReasons[reason]))));
  if (invalidityDate !== undefined) extensions.push(plain(oid.invalidityDate, encodeGeneralizedTime(invalidityDate)));
  return sequence(unsignedInteger(serialNumber), encodeTime(revokedAt), ...(extensions.length === 0 ? [] : [encodeExtensions(extensions)]));
};

const checkEntries = (entries: readonly CrlTemplateEntry[]): void => {
  const seen = new Set<string>();
  for (const { serialNumber } of entries) {
    if (serialNumber.length === 0) invalid('a serial number is empty');
    const key = toHex(unsignedInteger(serialNumber));
    if (seen.has(key)) invalid(`serial number ${toHex(serialNumber).toUpperCase()} stands twice`);
    seen.add(key);
  }
};

const checkIssuer = ({ certificate, signer }: CertificateIssuer): void => {
  const subject = formatName(certificate.subject);
  if (!isCa(certificate))
    throw new CodedError('IssuerNotCa', `cannot sign a revocation list with "${subject}": it is not a CA certificate`);
  if (certificate.keyUsage !== undefined && !certificate.keyUsage.includes('crl sign'))
    throw new CodedError('IssuerNotCa', `cannot sign a revocation list with "${subject}": its key usage does not have "crl sign"`, {
      hint: 'issue the CA certificate again with the usages "cert sign" and "crl sign"',
    });
  if (!equalBytes(certificate.publicKey.spki, signer.publicKey.spki))
    throw new CodedError('SignerMismatch', `cannot sign a revocation list with "${subject}": the key is not the one of this certificate`);
};

/**
 * Makes and signs a list. Throws IssuerNotCa for a certificate that may not sign lists, SignerMismatch, TimeInvalid, and CrlInvalid for
 * a number, times or serial numbers that cannot stand.
 */
export const makeCrl = async (template: CrlTemplate, issuer: CertificateIssuer): Promise<Crl> => {
  const { certificate, signer } = issuer;
  const { thisUpdate, nextUpdate, number, entries } = template;
  checkIssuer(issuer);
  checkEntries(entries);
  if (!(nextUpdate > thisUpdate)) invalid('the next update is not after this one');
  const extensions = encodeExtensions([
    plain(
      oid.authorityKeyIdentifier,
      encodeAuthorityKeyIdentifier(certificate.subjectKeyIdentifier ?? keyIdentifier(certificate.publicKey)),
    ),
    plain(oid.crlNumber, encodeNumber(number)),
  ]);
  const tbs = sequence(
    smallInteger(1),
    signer.algorithm.raw,
    certificate.subject.raw,
    encodeTime(thisUpdate),
    encodeTime(nextUpdate),
    // Section 5.1.2.6: an empty list is left out.
    ...(entries.length === 0 ? [] : [sequenceOf(entries.map(encodeEntry))]),
    element(contextConstructedTag(0), extensions),
  );
  return parseCrl(sequence(tbs, signer.algorithm.raw, octetBitString(await signer.sign(tbs))));
};
