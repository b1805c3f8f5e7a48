// Certificate revocation lists (RFC 5280 section 5) as values: read strictly, versions 1 and 2, the bytes as received kept.
// Lists that do not say all about their issuer's certificates (delta, indirect, partial) are read and named as unusable, never half used.
// Making lists is make-crl.ts.

import { equalBytes, fromUtf8, toHex } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import {
  atEnd,
  contextConstructedTag,
  type DerReader,
  derReader,
  enter,
  enterWhole,
  expectEnd,
  integerContent,
  peekTag,
  readAny,
  readElement,
  readInteger,
  readOctetBitString,
  readSmallInteger,
  readWhole,
  tag,
} from './der.ts';
import { type AuthorityKeyIdentifier, decodeAuthorityKeyIdentifier, type Extension, findExtension, readExtensions } from './extension.ts';
import { isSameName, type Name, readName } from './name.ts';
import { formatName } from './name-text.ts';
import { oid, oidName } from './oid.ts';
import { encodePem, looksLikePem, pemBlock } from './pem.ts';
import { acceptPublicKey } from './public-key.ts';
import { isSignatureValid, readSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';
import { decodeTime, readTime } from './time.ts';
import type { X509Certificate } from './x509-certificate.ts';

/** Reasons by their numbers (section 5.3.1), in the words OpenSSL uses too; 7 is not used. */
export const crlReasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type CrlReason = keyof typeof crlReasons;

/** One withdrawn certificate. `serialNumber` is the content octets of the INTEGER; an absent reason means none was given. */
export type CrlEntry = {
  readonly serialNumber: Uint8Array;
  readonly revokedAt: Date;
  readonly reason: CrlReason | undefined;
  readonly invalidityDate: Date | undefined;
};

/** A revocation list. */
export type Crl = {
  readonly raw: Uint8Array;
  /** The signed bytes as received. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** By the serial number's content octets in lower-case hex; of several entries for one number the first. */
  readonly entries: ReadonlyMap<string, CrlEntry>;
  readonly extensions: readonly Extension[];
  readonly number: bigint | undefined;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  /** Why the list must not be used to tell whether a certificate is revoked (section 5.2); undefined where it may be. */
  readonly unusable: string | undefined;
  readonly signature: Uint8Array;
};

/** The most entries of one list that are read; maxDerBytes holds some 700,000. */
export const maxCrlEntries = 500_000;

const invalid = (problem: string): never => {
  throw new CodedError('CrlInvalid', `cannot read revocation list: ${problem}`);
};

const reasonByNumber: ReadonlyMap<number, CrlReason> = new Map(
  (Object.keys(crlReasons) as CrlReason[]).map((word) => [crlReasons[word], word]),
);

const decodeReason = (value: Uint8Array): CrlReason => {
  const content = integerContent(readWhole(value, tag.enumerated, 'CRL reason'), 'CRL reason');
  return (content.length === 1 ? reasonByNumber.get(content[0] ?? -1) : undefined) ?? invalid('a reason is none of RFC 5280 section 5.3.1');
};

const decodeInvalidityDate = (value: Uint8Array): Date =>
  decodeTime(readWhole(value, tag.generalizedTime, 'invalidity date'), 'invalidity date');

type EntryExtensions = Pick<CrlEntry, 'reason' | 'invalidityDate'> & { readonly unusable: string | undefined };
const noExtensions: EntryExtensions = { reason: undefined, invalidityDate: undefined, unusable: undefined };

const readEntryExtensions = (inner: DerReader): EntryExtensions => {
  const extensions = readExtensions(inner, 'CRL entry extensions');
  const reason = findExtension(extensions, oid.crlReason);
  const date = findExtension(extensions, oid.invalidityDate);
  const isIndirect = extensions.some(({ oid: type }) => type === oid.certificateIssuer);
  const unknown = extensions.find(({ oid: type, critical }) => critical && type !== oid.crlReason && type !== oid.invalidityDate);
  return {
    reason: reason && decodeReason(reason.value),
    invalidityDate: date && decodeInvalidityDate(date.value),
    unusable: isIndirect
      ? 'it is an indirect list: an entry names a certificate of another issuer'
      : unknown && `an entry has a critical extension ${oidName(unknown.oid) ?? unknown.oid} that is not processed`,
  };
};

type Entries = { readonly entries: ReadonlyMap<string, CrlEntry>; readonly unusable: string | undefined };

const readEntries = (reader: DerReader, version: 1 | 2): Entries => {
  const entries = new Map<string, CrlEntry>();
  let unusable: string | undefined;
  let count = 0;
  // No element, rather than an empty one, says that nothing is revoked (section 5.1.2.6); OpenSSL and others write and take the empty one too.
  const list = peekTag(reader) === tag.sequence ? enter(reader, tag.sequence, 'revoked certificates') : undefined;
  while (list !== undefined && !atEnd(list)) {
    if (++count > maxCrlEntries) throw new CodedError('InputTooLarge', `cannot read revocation list: more than ${maxCrlEntries} entries`);
    const inner = enter(list, tag.sequence, 'revoked certificate');
    const serialNumber = readInteger(inner, 'serial number');
    const revokedAt = readTime(inner, 'revocation date');
    if (!atEnd(inner) && version === 1) return invalid('only version 2 has extensions');
    const { reason, invalidityDate, unusable: problem } = atEnd(inner) ? noExtensions : readEntryExtensions(inner);
    expectEnd(inner);
    unusable ??= problem;
    const key = toHex(serialNumber);
    if (!entries.has(key)) entries.set(key, { serialNumber, revokedAt, reason, invalidityDate });
  }
  return { entries, unusable };
};

const processedExtensions: ReadonlySet<string> = new Set([oid.authorityKeyIdentifier, oid.issuerAltName, oid.crlNumber]);

/** indirectCRL [4] BOOLEAN of IssuingDistributionPoint (section 5.2.5). */
const indirectTag = 0x84;

/** The tags of the members of a sequence. */
const memberTags = (value: Uint8Array): readonly number[] => {
  const reader = enterWhole(value, tag.sequence, 'issuing distribution point');
  const tags: number[] = [];
  while (!atEnd(reader)) tags.push(readAny(reader).tag);
  return tags;
};

/** Why a list's own extensions make it unusable. */
const scopeProblem = (extensions: readonly Extension[]): string | undefined => {
  if (findExtension(extensions, oid.deltaCrlIndicator) !== undefined)
    return 'it is a delta list, which says only what changed since another one';
  const point = findExtension(extensions, oid.issuingDistributionPoint);
  if (point !== undefined) {
    const isIndirect = memberTags(point.value).includes(indirectTag);
    return isIndirect
      ? 'it is an indirect list, which speaks of certificates of other issuers'
      : 'it is a partial list: its issuing distribution point limits what it speaks of';
  }
  const unknown = extensions.find(({ oid: type, critical }) => critical && !processedExtensions.has(type));
  return unknown && `it has a critical extension ${oidName(unknown.oid) ?? unknown.oid} that is not processed`;
};

const decodeNumber = (value: Uint8Array): bigint => {
  const content = integerContent(readWhole(value, tag.integer, 'CRL number'), 'CRL number');
  if ((content[0] ?? 0) >= 0x80 || content.length > 20) return invalid('its number is negative or longer than 20 octets');
  return BigInt(`0x${toHex(content)}`);
};

const readCrlExtensions = (reader: DerReader, version: 1 | 2): readonly Extension[] => {
  if (atEnd(reader)) return [];
  if (version === 1) return invalid('only version 2 has extensions');
  const wrapped = derReader(readElement(reader, contextConstructedTag(0), 'CRL extensions').content, 'CRL extensions');
  const extensions = readExtensions(wrapped, 'CRL extensions');
  expectEnd(wrapped);
  return extensions;
};

/**
 * A revocation list of DER bytes, nothing after it. Its signature is not checked: crlProblem does. Throws CrlInvalid, InputTooLarge past
 * maxCrlEntries, DerInvalid, ExtensionInvalid, NameInvalid, TimeInvalid.
 */
export const parseCrl = (der: Uint8Array): Crl => {
  const outer = enterWhole(der, tag.sequence, 'revocation list');
  const tbs = readElement(outer, tag.sequence);
  const outerAlgorithm = readElement(outer, tag.sequence, 'signature algorithm');
  const signature = readOctetBitString(outer, 'signature');
  expectEnd(outer);
  const reader = derReader(tbs.content, 'revocation list');
  const isVersioned = peekTag(reader) === tag.integer;
  if (isVersioned && readSmallInteger(reader, 0x7fffffff, 'version') !== 1)
    return invalid('its version is neither 1, which is left out, nor 2');
  const version = isVersioned ? 2 : 1;
  const inner = readElement(reader, tag.sequence, 'signature algorithm');
  const signatureAlgorithm = readSignatureAlgorithm(inner);
  if (!equalBytes(inner.raw, outerAlgorithm.raw)) return invalid('the signed and the outer signature algorithm differ');
  const issuer = readName(reader, 'issuer');
  const thisUpdate = readTime(reader, 'thisUpdate');
  const next = peekTag(reader);
  const nextUpdate = next === tag.utcTime || next === tag.generalizedTime ? readTime(reader, 'nextUpdate') : undefined;
  const { entries, unusable } = readEntries(reader, version);
  const extensions = readCrlExtensions(reader, version);
  expectEnd(reader);
  const number = findExtension(extensions, oid.crlNumber);
  const authority = findExtension(extensions, oid.authorityKeyIdentifier);
  return {
    raw: der,
    tbs: tbs.raw,
    version,
    signatureAlgorithm,
    issuer,
    thisUpdate,
    nextUpdate,
    entries,
    extensions,
    number: number && decodeNumber(number.value),
    authorityKeyIdentifier: authority && decodeAuthorityKeyIdentifier(authority.value),
    unusable: scopeProblem(extensions) ?? unusable,
    signature,
  };
};

/** A revocation list of PEM text or DER bytes. */
export const readCrl = (input: string | Uint8Array, what = 'revocation list'): Crl => {
  if (typeof input !== 'string' && !looksLikePem(input)) return parseCrl(input);
  return parseCrl(pemBlock(typeof input === 'string' ? input : (fromUtf8(input) ?? ''), ['X509 CRL'], what).bytes);
};

/** A revocation list as PEM. */
export const crlPem = (crl: Pick<Crl, 'raw'>): string => encodePem('X509 CRL', crl.raw);

/** The entry of a certificate that this list withdraws; undefined where it does not, or where the certificate is of another issuer. */
export const revocationEntry = (crl: Crl, certificate: Pick<X509Certificate, 'issuer' | 'serialNumber'>): CrlEntry | undefined =>
  isSameName(crl.issuer, certificate.issuer) ? crl.entries.get(toHex(certificate.serialNumber)) : undefined;

/** Whether this list withdraws a certificate. Whether the list may be believed is what crlProblem says. */
export const isRevoked = (crl: Crl, certificate: Pick<X509Certificate, 'issuer' | 'serialNumber'>): boolean =>
  revocationEntry(crl, certificate) !== undefined;

const isSignedByIssuer = (crl: Crl, issuer: X509Certificate): boolean => {
  try {
    return isSignatureValid(crl.signatureAlgorithm, crl.tbs, acceptPublicKey(issuer.publicKey), crl.signature);
  } catch (error) {
    // A weak algorithm or a key that is not accepted proves nothing.
    if (error instanceof CodedError) return false;
    throw error;
  }
};

/**
 * Why a list says nothing about the certificates of a CA at a time (section 6.3.3): of another issuer, unusable, not signed by the CA, or not
 * current; undefined where it does. A list without nextUpdate, which section 5.1.2.5 requires, is never current.
 */
export const crlProblem = (crl: Crl, issuer: X509Certificate, at: Date): string | undefined => {
  if (!isSameName(crl.issuer, issuer.subject)) return `it is a list of "${formatName(crl.issuer)}"`;
  if (crl.unusable !== undefined) return crl.unusable;
  if (issuer.keyUsage !== undefined && !issuer.keyUsage.includes('crl sign')) return 'the key usage of its CA does not have "crl sign"';
  if (!(at >= crl.thisUpdate)) return `it is valid from ${crl.thisUpdate.toISOString()} on`;
  if (crl.nextUpdate === undefined) return 'it does not say when the next one comes';
  if (!(at <= crl.nextUpdate)) return `the next one was due ${crl.nextUpdate.toISOString()}`;
  return isSignedByIssuer(crl, issuer) ? undefined : 'it is not signed by its CA';
};
