// Trust bundles and chains as lists of certificates: read from PEM or DER, each certificate once, in a stable order.
// Whether a chain is valid is not asked here: verify-chain.ts does.

import { CodedError, quote } from '../base/coded-error.ts';
import { nameKey } from './name.ts';
import { formatName } from './name-text.ts';
import { decodePem, looksLikePem } from './pem.ts';
import { certificateFingerprint, certificatePem, isCa, isSignedBy, parseCertificate, type X509Certificate } from './x509-certificate.ts';

export type TrustBundleOptions = {
  /** What the input is called in errors. */
  readonly what?: string;
  /** Refuse certificates that are no CA. Version 1 cannot say it is one and passes. */
  readonly onlyCas?: boolean;
  /** At most so many certificates; default 10,000. */
  readonly maxCertificates?: number;
};

/** The certificates of a bundle in the order of their first appearance, and how many more appeared again. */
export type TrustBundle = { readonly certificates: readonly X509Certificate[]; readonly duplicateCount: number };

const certificateLabels: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE']);

/** Each certificate once, by its bytes, in the order of first appearance. */
export const deduplicateCertificates = (certificates: Iterable<X509Certificate>): X509Certificate[] => {
  const byFingerprint = new Map<string, X509Certificate>();
  for (const certificate of certificates) {
    const fingerprint = certificateFingerprint(certificate);
    if (!byFingerprint.has(fingerprint)) byFingerprint.set(fingerprint, certificate);
  }
  return [...byFingerprint.values()];
};

const inPlace = (der: Uint8Array, what: string, place: string): X509Certificate => {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw new CodedError(error.code, `cannot read ${what}, ${place}: ${error.message}`, { cause: error });
  }
};

const encodedCertificates = (input: string | Uint8Array, what: string): readonly Uint8Array[] => {
  if (typeof input !== 'string' && !looksLikePem(input)) return [input];
  // Text between the blocks may be in any encoding; the blocks are ASCII.
  const text = typeof input === 'string' ? input : Buffer.from(input.buffer, input.byteOffset, input.length).toString('latin1');
  const blocks = decodePem(text, what);
  // What OpenSSL writes as TRUSTED CERTIFICATE carries limits on the trust, which would be lost.
  if (blocks.some(({ label }) => label === 'TRUSTED CERTIFICATE'))
    throw new CodedError('PemInvalid', `cannot read ${what}: it holds a "TRUSTED CERTIFICATE"`, {
      hint: 'write it as a plain certificate: openssl x509 -in FILE -out FILE',
    });
  return blocks.flatMap(({ label, bytes }) => (certificateLabels.has(label) ? [bytes] : []));
};

/**
 * Every certificate of PEM text, or the one of a DER string; other blocks are passed over. Throws PemInvalid where there is none,
 * InputTooLarge past the bounds, CertificateInvalid for one that is no CA where only those are wanted, and what the parser throws.
 */
export const parseTrustBundle = (input: string | Uint8Array, options: TrustBundleOptions = {}): TrustBundle => {
  const { what = 'trust bundle', onlyCas = false, maxCertificates = 10_000 } = options;
  const encoded = encodedCertificates(input, what);
  if (encoded.length === 0) throw new CodedError('PemInvalid', `cannot read ${what}: it holds no certificate`);
  if (encoded.length > maxCertificates)
    throw new CodedError('InputTooLarge', `cannot read ${what}: ${encoded.length} certificates are more than ${maxCertificates}`);
  const all = encoded.map((der, i) => inPlace(der, what, `certificate ${i + 1} of ${encoded.length}`));
  const certificates = deduplicateCertificates(all);
  const stranger = onlyCas ? certificates.find((certificate) => !(certificate.version === 1 || isCa(certificate))) : undefined;
  if (stranger !== undefined)
    throw new CodedError(
      'CertificateInvalid',
      `cannot use ${what}: certificate ${all.indexOf(stranger) + 1} of ${all.length}, ${quote(formatName(stranger.subject))}, is not a CA`,
      { hint: 'take it out: only CA certificates are trust anchors' },
    );
  return { certificates, duplicateCount: all.length - certificates.length };
};

/** Certificates as PEM, one after another. */
export const trustBundlePem = (certificates: readonly X509Certificate[]): string => certificates.map(certificatePem).join('');

/** The most certificates orderChain takes: each is tried as the issuer of others by its signature. */
export const maxChainCertificates = 50;

const brokenChain = (problem: string, hint: string): never => {
  throw new CodedError('ChainInvalid', `cannot order chain: ${problem}`, { hint });
};

/**
 * Certificates in any order as one chain: leaf first, each signed by the next, a root last where there is one. Duplicates are dropped.
 * Throws ChainInvalid where they do not form exactly one chain, InputTooLarge past maxChainCertificates.
 */
export const orderChain = (unordered: readonly X509Certificate[]): X509Certificate[] => {
  if (unordered.length > maxChainCertificates)
    throw new CodedError('InputTooLarge', `cannot order chain: ${unordered.length} certificates are more than ${maxChainCertificates}`);
  const certificates = deduplicateCertificates(unordered);
  const bySubject = Map.groupBy(certificates, ({ subject }) => nameKey(subject));
  const issuers = new Map(
    certificates.map((certificate) => [
      certificate,
      (bySubject.get(nameKey(certificate.issuer)) ?? []).filter((issuer) => issuer !== certificate && isSignedBy(certificate, issuer)),
    ]),
  );
  const signing = new Set([...issuers.values()].flat());
  const leaves = certificates.filter((certificate) => !signing.has(certificate));
  const [leaf, ...others] = leaves;
  if (leaf === undefined)
    return brokenChain(
      certificates.length === 0 ? 'there is no certificate' : 'its certificates sign one another in a circle',
      'hand over one leaf and the CA certificates above it',
    );
  if (others.length > 0)
    return brokenChain(
      `${leaves.length} certificates sign no other one: ${leaves
        .slice(0, 5)
        .map(({ subject }) => quote(formatName(subject)))
        .join(', ')}`,
      'hand over one leaf and the CA certificates above it, each signed by the next',
    );
  const chain: X509Certificate[] = [];
  for (let next: X509Certificate | undefined = leaf; next !== undefined; ) {
    chain.push(next);
    const above: readonly X509Certificate[] = issuers.get(next) ?? [];
    if (above.length > 1)
      return brokenChain(`several certificates sign ${quote(formatName(next.subject))}`, 'hand over the CA certificates of one path');
    next = above.find((issuer) => !chain.includes(issuer));
  }
  if (chain.length < certificates.length)
    return brokenChain('some certificates do not belong to it', 'hand over the CA certificates of one path');
  return chain;
};
