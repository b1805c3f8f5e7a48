// Template → TBSCertificate → lint → signature → certificate. The bytes that lint has read are the bytes that get signed.

import { equalBytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { type CertificateTemplate, encodeTbsCertificate, type IssuerPart } from './certificate-template.ts';
import { octetBitString, sequence } from './der.ts';
import { type Finding, type FindingName, lintCertificate } from './lint-certificate.ts';
import { formatName } from './name-text.ts';
import { keyIdentifier } from './public-key.ts';
import type { Signer } from './signature-algorithm.ts';
import { isCa, parseTbsCertificate, type X509Certificate } from './x509-certificate.ts';

/** Who signs: a CA certificate and what holds its key. */
export type CertificateIssuer = { readonly certificate: X509Certificate; readonly signer: Signer };

export type SignOptions = {
  /** Cryptographically random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Lint findings that the caller accepts, by name. */
  readonly accept?: readonly FindingName[];
};

/** 159 random bits: 20 octets, the most RFC 5280 section 4.1.2.2 allows, with the sign bit clear. */
export const randomSerialNumber = (random: (length: number) => Uint8Array): Uint8Array => {
  const octets = random(20);
  octets[0] = (octets[0] ?? 0) & 0x7f;
  return octets;
};

const refuse = (findings: readonly Finding[], template: CertificateTemplate): never => {
  throw new CodedError(
    'CertificateRefused',
    `cannot sign certificate for "${formatName(template.subject)}": ${findings.map(({ message, name }) => `${message} (${name})`).join('; ')}`,
    {
      hint: 'change the request, or accept a finding by its name',
      details: { findings: findings.map(({ name, message }) => ({ name, message })) },
    },
  );
};

const sign = async (
  template: CertificateTemplate,
  part: IssuerPart,
  signer: Signer,
  issuer: X509Certificate | undefined,
  options: SignOptions,
) => {
  const encoded = encodeTbsCertificate(template, part, randomSerialNumber(options.random));
  const tbs = parseTbsCertificate(encoded);
  const accepted = options.accept ?? [];
  const findings = lintCertificate(tbs, issuer).filter(({ name }) => !accepted.includes(name));
  if (findings.length > 0) refuse(findings, template);
  const signature = await signer.sign(encoded);
  return { ...tbs, raw: sequence(encoded, signer.algorithm.raw, octetBitString(signature)), signature };
};

/**
 * Signs a template with a CA. The lifetime is cut to the CA's at both ends. Throws IssuerNotCa, SignerMismatch, IssuerExpired where nothing of
 * the lifetime is left, and CertificateRefused for lint findings that were not accepted.
 */
export const signCertificate = async (
  template: CertificateTemplate,
  issuer: CertificateIssuer,
  options: SignOptions,
): Promise<X509Certificate> => {
  const { certificate: ca, signer } = issuer;
  if (!isCa(ca)) throw new CodedError('IssuerNotCa', `cannot sign with "${formatName(ca.subject)}": it is not a CA certificate`);
  if (!equalBytes(ca.publicKey.spki, signer.publicKey.spki))
    throw new CodedError('SignerMismatch', `cannot sign with "${formatName(ca.subject)}": the key is not the one of this certificate`);
  const cut: CertificateTemplate = {
    ...template,
    notBefore: template.notBefore < ca.notBefore ? ca.notBefore : template.notBefore,
    notAfter: template.notAfter > ca.notAfter ? ca.notAfter : template.notAfter,
  };
  if (cut.notAfter <= cut.notBefore && template.notAfter > template.notBefore)
    throw new CodedError(
      'IssuerExpired',
      `cannot sign with "${formatName(ca.subject)}": it is valid from ${ca.notBefore.toISOString()} to ${ca.notAfter.toISOString()}, and the certificate would not be within`,
      {
        hint: 'renew the CA first',
      },
    );
  const part: IssuerPart = {
    name: ca.subject,
    algorithm: signer.algorithm,
    keyIdentifier: ca.subjectKeyIdentifier ?? keyIdentifier(ca.publicKey),
  };
  return sign(cut, part, signer, ca, options);
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
      `cannot self-sign "${formatName(template.subject)}": the signing key is not the one of the certificate`,
    );
  return sign(template, { name: template.subject, algorithm: signer.algorithm, keyIdentifier: undefined }, signer, undefined, options);
};
