// X.509 certificates (RFC 5280 section 4.1) as values. The bytes as received are kept: signatures are checked over them, names and
// extensions are copied from them, and nothing is ever encoded again.

import { hash } from 'node:crypto';
import { equalBytes, fromUtf8, toHex } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import {
  atEnd,
  contextConstructedTag,
  contextTag,
  type DerReader,
  enter,
  enterOptional,
  enterWhole,
  expectEnd,
  readAny,
  readElement,
  readInteger,
  readOctetBitString,
  readOptional,
  readSmallInteger,
  tag,
} from './der.ts';
import { type Extension, readExtensions } from './extension.ts';
import { decodeKnownExtensions, type KnownExtensions } from './known-extensions.ts';
import { isSameName, type Name, readName } from './name.ts';
import { decodePem, encodePem, looksLikePem } from './pem.ts';
import { acceptPublicKey, type PublicKey, readSubjectPublicKeyInfo, type SubjectPublicKeyInfo } from './public-key.ts';
import { isSignatureValid, readSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';
import { decodeTime, isTimeEncodingRight } from './time.ts';

/** What gets signed: a TBSCertificate taken apart. */
export type TbsCertificate = KnownExtensions & {
  /** The signed bytes as received. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2 | 3;
  /** Content octets of the INTEGER. */
  readonly serialNumber: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly issuer: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whether both times are encoded as RFC 5280 section 4.1.2.5 wants for their years. */
  readonly hasRightTimeEncoding: boolean;
  readonly subject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly hasUniqueIds: boolean;
  readonly extensions: readonly Extension[];
};

/** A certificate. */
export type X509Certificate = TbsCertificate & { readonly raw: Uint8Array; readonly signature: Uint8Array };

const invalid = (problem: string): never => {
  throw new CodedError('CertificateInvalid', `cannot read certificate: ${problem}`);
};

const readVersion = (reader: DerReader): 1 | 2 | 3 => {
  const inner = enterOptional(reader, contextConstructedTag(0), 'version');
  if (inner === undefined) return 1;
  const version = readSmallInteger(inner, 2);
  expectEnd(inner);
  return version === 2 ? 3 : version === 1 ? 2 : invalid('DER leaves out version where it is 1');
};

/** A TBSCertificate of its DER. Throws CertificateInvalid, ExtensionInvalid, NameInvalid, DerInvalid and the like. */
export const parseTbsCertificate = (tbs: Uint8Array): TbsCertificate => {
  const reader = enterWhole(tbs, tag.sequence, 'certificate');
  const version = readVersion(reader);
  const serialNumber = readInteger(reader, 'serial number');
  const signatureAlgorithm = readSignatureAlgorithm(readElement(reader, tag.sequence, 'signature algorithm'));
  const issuer = readName(reader, 'issuer');
  const validity = enter(reader, tag.sequence, 'validity');
  const [start, end] = [readAny(validity), readAny(validity)];
  expectEnd(validity);
  const notBefore = decodeTime(start, 'notBefore');
  const notAfter = decodeTime(end, 'notAfter');
  const subject = readName(reader, 'subject');
  const publicKey = readSubjectPublicKeyInfo(reader);
  const hasIssuerId = readOptional(reader, contextTag(1)) !== undefined;
  const hasSubjectId = readOptional(reader, contextTag(2)) !== undefined;
  if ((hasIssuerId || hasSubjectId) && version === 1) return invalid('version 1 has no unique identifiers');
  const wrapped = enterOptional(reader, contextConstructedTag(3), 'extensions');
  expectEnd(reader);
  if (wrapped !== undefined && version !== 3) return invalid('only version 3 has extensions');
  const extensions = wrapped === undefined ? [] : readExtensions(wrapped);
  if (wrapped !== undefined) expectEnd(wrapped);
  return {
    tbs,
    version,
    serialNumber,
    signatureAlgorithm,
    issuer,
    notBefore,
    notAfter,
    hasRightTimeEncoding: isTimeEncodingRight(start, notBefore) && isTimeEncodingRight(end, notAfter),
    subject,
    publicKey,
    hasUniqueIds: hasIssuerId || hasSubjectId,
    extensions,
    ...decodeKnownExtensions(extensions),
  };
};

/** A certificate of DER bytes, nothing after it. Throws what parseTbsCertificate throws. */
export const parseCertificate = (der: Uint8Array): X509Certificate => {
  const reader = enterWhole(der, tag.sequence, 'certificate');
  const tbs = parseTbsCertificate(readElement(reader, tag.sequence).raw);
  const outer = readElement(reader, tag.sequence, 'signature algorithm');
  const signature = readOctetBitString(reader, 'signature');
  if (!atEnd(reader)) return invalid('unexpected bytes at the end');
  // RFC 5280 section 4.1.1.2: the two algorithm fields are the same.
  if (!equalBytes(outer.raw, tbs.signatureAlgorithm.raw)) return invalid('the signed and the outer signature algorithm differ');
  return { ...tbs, raw: der, signature };
};

const certificateLabels: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);

/** Every certificate of PEM text or of one DER string, in order; other blocks are passed over. An empty list where there is none. */
export const parseCertificates = (input: string | Uint8Array, what = 'certificate'): X509Certificate[] => {
  if (typeof input !== 'string' && !looksLikePem(input)) return [parseCertificate(input)];
  const text = typeof input === 'string' ? input : (fromUtf8(input) ?? '');
  return decodePem(text, what).flatMap(({ label, bytes }) => (certificateLabels.has(label) ? [parseCertificate(bytes)] : []));
};

/** The first certificate of PEM text or DER bytes; throws PemInvalid where there is none. */
export const parseFirstCertificate = (input: string | Uint8Array, what = 'certificate'): X509Certificate => {
  const [first] = parseCertificates(input, what);
  if (first === undefined) throw new CodedError('PemInvalid', `cannot read ${what}: it holds no certificate`);
  return first;
};

/** A certificate as PEM. */
export const certificatePem = (certificate: Pick<X509Certificate, 'raw'>): string => encodePem('CERTIFICATE', certificate.raw);

/** The subject's key, where it is accepted; throws as acceptPublicKey. */
export const certificateKey = (certificate: TbsCertificate): PublicKey => acceptPublicKey(certificate.publicKey);

/** Whether issuer and subject are the same name. */
export const isSelfIssued = (certificate: TbsCertificate): boolean => isSameName(certificate.issuer, certificate.subject);

/** Whether basic constraints say that this is a CA. Absent means no (RFC 5280 section 4.2.1.9). */
export const isCa = (certificate: TbsCertificate): boolean => certificate.basicConstraints?.isCa === true;

/** Whether the key of one certificate signed another. A key or algorithm that is not accepted gives false. */
export const isSignedBy = (certificate: X509Certificate, issuer: TbsCertificate): boolean => {
  try {
    return isSignatureValid(certificate.signatureAlgorithm, certificate.tbs, certificateKey(issuer), certificate.signature);
  } catch (error) {
    // Weak algorithms and keys outside the accepted ones prove nothing, which is what this function is asked.
    if (error instanceof CodedError) return false;
    throw error;
  }
};

/** The serial number as people compare it: upper-case hex as OpenSSL prints it, a minus before a negative one. */
export const formatSerialNumber = (serialNumber: Uint8Array): string => {
  if ((serialNumber[0] ?? 0) < 0x80)
    return toHex(serialNumber[0] === 0 && serialNumber.length > 1 ? serialNumber.subarray(1) : serialNumber).toUpperCase();
  const magnitude = (1n << BigInt(serialNumber.length * 8)) - BigInt(`0x${toHex(serialNumber)}`);
  const digits = magnitude.toString(16).toUpperCase();
  return `-${digits.length % 2 === 0 ? digits : `0${digits}`}`;
};

/** SHA-256 over the DER, lower-case hex. */
export const certificateFingerprint = (certificate: Pick<X509Certificate, 'raw'>): string => hash('sha256', certificate.raw, 'hex');
