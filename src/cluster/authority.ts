// A certificate authority as it lies on disk: read, judged, made, and signing with one ledger line for each signature. Its key may be
// encrypted, or absent: then others sign (an external CA) and only the certificate is here.
// The certificate's file holds exactly that one certificate, because whatever stands in it is what clients are let in by: were a root
// above an intermediate in it, every other CA under that root could hand out logins.

import type { KeyObject } from 'node:crypto';
import { type OnFileStep, readFileBounded, readFileIfPresent } from '../base/atomic-file.ts';
import { equalBytes, fromUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { criticalProblem } from '../pki/certificate-rules.ts';
import type { CertificateTemplate } from '../pki/certificate-template.ts';
import type { GeneralName } from '../pki/general-name.ts';
import type { FindingName } from '../pki/lint-certificate.ts';
import type { Name } from '../pki/name.ts';
import { formatName } from '../pki/name-text.ts';
import { decodePem, looksLikePem } from '../pki/pem.ts';
import { importPrivateKey, isPrivateKeyLabel, requireKeyBelongsTo } from '../pki/private-key.ts';
import { type PublicKey, publicKeyOf } from '../pki/public-key.ts';
import { selfSignCertificate, signCertificates } from '../pki/sign-certificate.ts';
import { isSignatureValid, keySigner, type Signer } from '../pki/signature-algorithm.ts';
import { certificateKey, isCa, isSelfIssued, isSignedBy, parseCertificates, type X509Certificate } from '../pki/x509-certificate.ts';
import { appendLedger, ledgerFileOf } from './ledger.ts';
import { issuedEvent } from './ledger-event.ts';

/** Where a CA lies; absolute paths. */
export type AuthorityFiles = { readonly certificateFile: string; readonly keyFile: string };

/** A CA that was read and judged. */
export type Authority = {
  readonly certificate: X509Certificate;
  /** Absent where the key is not here: an external CA. */
  readonly signer: Signer | undefined;
  /** Whether another CA stands above it; then servers send its certificate after their own. */
  readonly isIntermediate: boolean;
  readonly certificateFile: string;
  readonly ledgerFile: string;
};

/** Larger ones are not what they are said to be. */
export const maxCertificateFileBytes = 1024 * 1024;
export const maxKeyFileBytes = 128 * 1024;

const caInvalid = (file: string, problem: string, hint: string): CodedError =>
  new CodedError('CaInvalid', `cannot use CA ${quote(file)}: ${problem}`, { hint });

/**
 * Why a certificate cannot be a CA at a time, undefined where it can. What verifiers would refuse of everything below it is refused here,
 * before anything is signed: an extension that is critical and that none processes, and a self-signed one whose signature is wrong.
 */
export const authorityProblem = (certificate: X509Certificate, at: Date): string | undefined => {
  if (!isCa(certificate)) return 'it is not a CA certificate (basic constraints)';
  const unknown = certificate.extensions.map(({ oid, critical }) => (critical ? criticalProblem(certificate, oid) : undefined));
  const [critical] = unknown.filter((problem) => problem !== undefined);
  if (critical !== undefined) return critical;
  if (isSelfIssued(certificate) && hasOwnKeyIdentifier(certificate) && ownSignature(certificate) === 'wrong')
    return 'it is self-signed, and its signature is wrong';
  if (certificate.keyUsage !== undefined && !certificate.keyUsage.includes('cert sign')) return 'it does not have the usage "cert sign"';
  if (certificate.notAfter < at) return `it is expired since ${certificate.notAfter.toISOString()}`;
  if (certificate.notBefore > at) return `it is not valid before ${certificate.notBefore.toISOString()}`;
  return undefined;
};

/** Whether it says that its own key signed it; one renewed with a new key names the old one's. */
const hasOwnKeyIdentifier = ({ authorityKeyIdentifier, subjectKeyIdentifier }: X509Certificate): boolean =>
  authorityKeyIdentifier?.keyIdentifier === undefined ||
  subjectKeyIdentifier === undefined ||
  equalBytes(authorityKeyIdentifier.keyIdentifier, subjectKeyIdentifier);

/** What a signature by its own key says: nothing where the algorithm is too weak to be checked, and a root is not believed for it. */
const ownSignature = (certificate: X509Certificate): 'right' | 'wrong' | 'too weak' => {
  const { signatureAlgorithm, tbs, signature } = certificate;
  try {
    return isSignatureValid(signatureAlgorithm, tbs, certificateKey(certificate), signature) ? 'right' : 'wrong';
  } catch (error) {
    if (error instanceof CodedError) return 'too weak';
    throw error;
  }
};

/** What deserves a word of a CA that is given, though it can be used. */
export const authorityDoubts = (certificate: X509Certificate): readonly string[] => [
  ...(certificate.keyUsage === undefined
    ? ['it has no key usage, so that strict verifiers (openssl verify -x509_strict) refuse what it signs']
    : []),
  ...(certificate.subjectKeyIdentifier === undefined
    ? ['it has no subject key identifier, so that strict verifiers (openssl verify -x509_strict) refuse what it signs']
    : []),
  ...(isSelfIssued(certificate) && ownSignature(certificate) === 'too weak'
    ? [`it is signed with ${certificate.signatureAlgorithm.name}, which verifiers refuse wherever they check it`]
    : []),
];

/** Whether another CA signed this one. */
export const isIntermediateCa = (certificate: X509Certificate): boolean =>
  !(isSelfIssued(certificate) && isSignedBy(certificate, certificate));

const onlyCertificate = (file: string, bytes: Uint8Array): X509Certificate => {
  requireCertificatesAlone(file, bytes);
  const certificates = parseCertificates(bytes, `CA certificate ${quote(file)}`);
  const [certificate] = certificates;
  if (certificate === undefined) throw caInvalid(file, 'it holds no certificate', 'put the PEM certificate of the CA there');
  if (certificates.length > 1)
    throw caInvalid(
      file,
      `it holds ${certificates.length} certificates, expected the one that signs and no other`,
      'clients are let in by whatever stands there; give the root above an intermediate with --trust-root',
    );
  return certificate;
};

/**
 * The file goes to every machine and into every client as it is, so it may hold nothing but PEM that all of them read: a key in it would be
 * handed out, and of DER, a byte order mark, indented lines or OpenSSL's own form of a trusted certificate, Go or OpenSSL sees nothing.
 */
const requireCertificatesAlone = (file: string, bytes: Uint8Array): void => {
  const problem = authorityFileProblem(bytes);
  if (problem !== undefined)
    throw caInvalid(file, problem, 'put the certificate of the CA there alone, as `openssl x509 -in FILE` prints it');
};

/** What is wrong with the form of a CA certificate's file, undefined where nothing is. Throws PemInvalid. */
export const authorityFileProblem = (bytes: Uint8Array): string | undefined => {
  if (!looksLikePem(bytes))
    return bytes.length === 0 || bytes[0] !== 0x30 ? undefined : 'it is DER, and the components of a cluster read PEM';
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'it starts with a byte order mark';
  const text = fromUtf8(bytes) ?? '';
  if (/^[ \t]+-----(?:BEGIN|END) /m.test(text)) return 'its BEGIN and END lines are indented';
  const other = decodePem(text).find(({ label }) => label !== 'CERTIFICATE');
  return other && `it holds ${isPrivateKeyLabel(other.label) ? 'a private key' : quote(other.label)} besides the certificate`;
};

/** The one CA certificate of a file, judged at a time. Throws FileNotFound, CaInvalid and what parsing throws. */
export const readAuthorityCertificate = (file: string, at: Date): X509Certificate => {
  const certificate = onlyCertificate(file, readFileBounded(file, maxCertificateFileBytes));
  const problem = authorityProblem(certificate, at);
  if (problem !== undefined)
    throw caInvalid(
      file,
      `"${formatName(certificate.subject)}": ${problem}`,
      'give the certificate of a CA that can sign and is valid now',
    );
  return certificate;
};

/** Whether bytes hold a private key as PEM. */
export const holdsPrivateKey = (bytes: Uint8Array): boolean =>
  looksLikePem(bytes) && decodePem(fromUtf8(bytes) ?? '').some(({ label }) => isPrivateKeyLabel(label));

/**
 * Reads a CA pair and judges it at a time; without the key's file it is an external CA. Throws FileNotFound where the certificate is
 * missing, CaInvalid, KeyMismatch, PassphraseRequired, PassphraseWrong, FileUnreadable and what parsing throws.
 */
export const readAuthority = (
  { certificateFile, keyFile }: AuthorityFiles,
  { at, passphrase }: { readonly at: Date; readonly passphrase?: string | undefined },
): Authority => {
  const certificate = readAuthorityCertificate(certificateFile, at);
  const keyBytes = readFileIfPresent(keyFile, maxKeyFileBytes);
  const common = { certificate, isIntermediate: isIntermediateCa(certificate), certificateFile, ledgerFile: ledgerFileOf(certificateFile) };
  if (keyBytes === undefined) return { ...common, signer: undefined };
  const key = importPrivateKey(keyBytes, { passphrase, what: `CA key ${quote(keyFile)}` });
  return { ...common, signer: signerFor(key, certificateKey(certificate), certificateFile, keyFile) };
};

const signerFor = (key: KeyObject, publicKey: PublicKey, certificateFile: string, keyFile: string): Signer => {
  requireKeyBelongsTo(key, publicKey, { key: `CA key ${quote(keyFile)}`, certificate: quote(certificateFile) });
  return keySigner(key, publicKey);
};

/** What every signature needs besides what is signed. */
export type SigningContext = {
  readonly at: Date;
  /** Cryptographically random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** For the ledger: `user@host`. */
  readonly requestedBy: string;
  /** Lint findings that the caller accepts, by name. */
  readonly accept?: readonly FindingName[] | undefined;
  readonly onStep?: OnFileStep | undefined;
};

/** Five minutes before a time, to the whole minute: clocks that are a little behind accept what was just signed. */
export const backdated = (at: Date): Date => new Date(Math.floor((at.getTime() - 5 * 60_000) / 60_000) * 60_000);

/**
 * When something signed now ends. A lifetime counts from its backdated begin, so that a whole year is a year; one so short that most of it
 * would be in the past counts from now.
 */
export const endOfLifetime = (at: Date, lifetimeMs: number): Date =>
  new Date((lifetimeMs > shortLifetimeMs ? backdated(at) : at).getTime() + lifetimeMs);

const shortLifetimeMs = 60 * 60_000;

export type NewAuthority = {
  readonly subject: Name;
  readonly subjectAltNames: readonly GeneralName[];
  readonly lifetimeMs: number;
};

/** The self-signed certificate of a new CA for a key that exists; its ledger line is written first. */
export const createAuthority = async (
  { subject, subjectAltNames, lifetimeMs }: NewAuthority,
  key: KeyObject,
  certificateFile: string,
  context: SigningContext,
): Promise<Authority> => {
  const publicKey = publicKeyOf(key);
  const signer = keySigner(key, publicKey);
  const notBefore = backdated(context.at);
  const template: CertificateTemplate = {
    subject,
    publicKey,
    notBefore,
    notAfter: endOfLifetime(context.at, lifetimeMs),
    usages: ['digital signature', 'cert sign', 'crl sign'],
    subjectAltNames,
    basicConstraints: { isCa: true, pathLength: undefined },
  };
  const certificate = await selfSignCertificate(template, signer, { random: context.random });
  const ledgerFile = ledgerFileOf(certificateFile);
  await appendLedger(ledgerFile, [issuedEvent(certificate, context.requestedBy, context.at)], { onStep: context.onStep });
  return { certificate, signer, isIntermediate: false, certificateFile, ledgerFile };
};

/** Throws CaMissing where the CA's key is not here. */
export const requireSigner = ({ signer, certificate, certificateFile }: Authority): Signer => {
  if (signer !== undefined) return signer;
  throw new CodedError(
    'CaMissing',
    `cannot sign with "${formatName(certificate.subject)}": its key is not beside ${quote(certificateFile)}`,
    {
      hint: 'put the key of the CA there, or have the request signed where the key is',
    },
  );
};

/**
 * Signs templates and returns the certificates in their order, once the ledger holds a line for each. Either all are signed or none is
 * recorded. Throws CaMissing for an external CA, what signCertificates throws (CertificateRefused, IssuerExpired), LedgerInvalid, LockHeld.
 */
export const issueCertificates = async (
  authority: Authority,
  templates: readonly CertificateTemplate[],
  { at, random, requestedBy, accept = [], onStep }: SigningContext,
): Promise<readonly X509Certificate[]> => {
  const issuer = { certificate: authority.certificate, signer: requireSigner(authority) };
  const certificates = await signCertificates(templates, issuer, { random, accept });
  await appendLedger(
    authority.ledgerFile,
    certificates.map((certificate) => issuedEvent(certificate, requestedBy, at)),
    { onStep },
  );
  return certificates;
};

/** What a server or client sends: its certificate, and the CA's where another CA stands above that. */
export const servedChain = (
  leaf: X509Certificate,
  authority: Pick<Authority, 'certificate' | 'isIntermediate'>,
): readonly X509Certificate[] => (authority.isIntermediate ? [leaf, authority.certificate] : [leaf]);
