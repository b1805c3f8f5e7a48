// Template → TBSCertificate → lint → signature → certificate. The bytes that lint has read are the bytes that get signed.

import { equalBytes } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { type CertificateTemplate, encodeTbsCertificate, type IssuerPart } from './certificate-template.ts';
import { octetBitString, sequence } from './der.ts';
import { type Finding, type FindingName, lintCertificate } from './lint-certificate.ts';
import { formatName } from './name-text.ts';
import { keyIdentifier } from './public-key.ts';
import type { Signer } from './signature-algorithm.ts';
import { isCa, parseTbsCertificate, type TbsCertificate, type X509Certificate } from './x509-certificate.ts';

/** Who signs: a CA certificate and what holds its key. */
export type CertificateIssuer = { readonly certificate: X509Certificate; readonly signer: Signer };

export type SignOptions = {
  /** Cryptographically random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Lint findings that the caller accepts, by name. */
  readonly accept?: readonly FindingName[];
};

/** The most that RFC 5280 section 4.1.2.2 allows. */
const serialOctets = 20;

/**
 * Serial numbers of 159 random bits each, the sign bit clear, out of one draw, because asking the system costs nearly the same for one as
 * for many.
 */
export const randomSerialNumbers = (random: (length: number) => Uint8Array, count: number): readonly Uint8Array[] => {
  const octets = random(serialOctets * count);
  return Array.from({ length: count }, (_, i) => {
    const serial = octets.subarray(serialOctets * i, serialOctets * (i + 1));
    serial[0] = (serial[0] ?? 0) & 0x7f;
    return serial;
  });
};

/** Findings that a message holds; what was asked for may have one for each of a hundred thousand names. */
const maxFindingsSaid = 10;

const refuse = (findings: readonly Finding[], template: CertificateTemplate): never => {
  const said = findings.slice(0, maxFindingsSaid).map(({ message, name }) => `${message} (${name})`);
  const more = findings.length > maxFindingsSaid ? [`and ${findings.length - maxFindingsSaid} more`] : [];
  throw new CodedError(
    'CertificateRefused',
    `cannot sign certificate for ${quote(formatName(template.subject))}: ${[...said, ...more].join('; ')}`,
    {
      hint: 'change the request, or accept a finding by its name',
      details: { findings: findings.map(({ name, message }) => ({ name, message })) },
    },
  );
};

/** The TBSCertificate of a template, linted. */
const prepare = (
  template: CertificateTemplate,
  part: IssuerPart,
  issuer: X509Certificate | undefined,
  serial: Uint8Array | undefined,
  accept: readonly FindingName[] = [],
): TbsCertificate => {
  if (serial === undefined) throw new CodedError('Bug', 'a template has no serial number');
  const tbs = parseTbsCertificate(encodeTbsCertificate(template, part, serial));
  const findings = lintCertificate(tbs, issuer).filter(({ name }) => !accept.includes(name));
  if (findings.length > 0) refuse(findings, template);
  return tbs;
};

const sign = async (prepared: TbsCertificate, signer: Signer): Promise<X509Certificate> => {
  const signature = await signer.sign(prepared.tbs);
  return { ...prepared, raw: sequence(prepared.tbs, signer.algorithm.raw, octetBitString(signature)), signature };
};

/** A template with its lifetime cut to the CA's at both ends. */
const cutToIssuer = (template: CertificateTemplate, ca: X509Certificate): CertificateTemplate => {
  const notBefore = template.notBefore < ca.notBefore ? ca.notBefore : template.notBefore;
  const notAfter = template.notAfter > ca.notAfter ? ca.notAfter : template.notAfter;
  const isCut = notBefore !== template.notBefore || notAfter !== template.notAfter;
  if (isCut && notAfter <= notBefore && template.notBefore <= template.notAfter)
    throw new CodedError(
      'IssuerExpired',
      `cannot sign with ${quote(formatName(ca.subject))}: it is valid from ${ca.notBefore.toISOString()} to ${ca.notAfter.toISOString()}, and the certificate would not be within`,
      {
        hint: 'renew the CA first',
      },
    );
  return { ...template, notBefore, notAfter };
};

/**
 * Signs templates with a CA, in their order. Lifetimes are cut to the CA's at both ends. All are linted before the key is used for the first,
 * so that a batch with a fault in it is refused whole; and one stage after the other keeps a processor's cache warm, which makes a batch
 * of sixteen a fifth faster than sixteen calls. Throws IssuerNotCa, SignerMismatch, IssuerExpired where nothing of a lifetime is left, and
 * CertificateRefused for lint findings that were not accepted.
 */
export const signCertificates = async (
  templates: readonly CertificateTemplate[],
  { certificate: ca, signer }: CertificateIssuer,
  options: SignOptions,
): Promise<readonly X509Certificate[]> => {
  if (!isCa(ca)) throw new CodedError('IssuerNotCa', `cannot sign with ${quote(formatName(ca.subject))}: it is not a CA certificate`);
  if (!equalBytes(ca.publicKey.spki, signer.publicKey.spki))
    throw new CodedError('SignerMismatch', `cannot sign with ${quote(formatName(ca.subject))}: the key is not the one of this certificate`);
  const part: IssuerPart = {
    name: ca.subject,
    algorithm: signer.algorithm,
    keyIdentifier: ca.subjectKeyIdentifier ?? keyIdentifier(ca.publicKey),
  };
  const serials = randomSerialNumbers(options.random, templates.length);
  const prepared = templates.map((template, i) => prepare(cutToIssuer(template, ca), part, ca, serials[i], options.accept));
  const certificates: X509Certificate[] = [];
  for (const tbs of prepared) certificates.push(await sign(tbs, signer));
  return certificates;
};

/** Signs one template with a CA, as signCertificates does. */
export const signCertificate = async (
  template: CertificateTemplate,
  issuer: CertificateIssuer,
  options: SignOptions,
): Promise<X509Certificate> => {
  const [certificate] = await signCertificates([template], issuer, options);
  if (certificate === undefined) throw new CodedError('Bug', 'one template gave no certificate');
  return certificate;
};

/** Signs a template with the key it is for: a root CA, or a self-signed leaf. Throws SignerMismatch and CertificateRefused. */
export const selfSignCertificate = async (
  template: CertificateTemplate,
  signer: Signer,
  options: SignOptions,
): Promise<X509Certificate> => {
  if (!equalBytes(template.publicKey.spki, signer.publicKey.spki))
    throw new CodedError(
      'SignerMismatch',
      `cannot self-sign ${quote(formatName(template.subject))}: the signing key is not the one of the certificate`,
    );
  const part: IssuerPart = { name: template.subject, algorithm: signer.algorithm, keyIdentifier: undefined };
  const [serial] = randomSerialNumbers(options.random, 1);
  return sign(prepare(template, part, undefined, serial, options.accept), signer);
};
