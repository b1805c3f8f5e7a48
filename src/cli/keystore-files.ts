// Keystores between files and entries: formats by name, entries from PEM, and PEM from entries.

import type { KeyObject } from 'node:crypto';
import { CodedError, quote } from '../base/coded-error.ts';
import { decodeJks, encodeJks, looksLikeJks } from '../pki/jks.ts';
import { decodePkcs12, encodePkcs12, type KeystoreEntry, type Pkcs12Profile } from '../pki/pkcs12.ts';
import { exportPrivateKey, keyBelongsTo } from '../pki/private-key.ts';
import { acceptPublicKey } from '../pki/public-key.ts';
import { certificatePem, type X509Certificate } from '../pki/x509-certificate.ts';
import type { Io } from './io.ts';

/** Formats that are written. */
export const keystoreFormats = ['pkcs12', 'jks', 'pem'] as const;

export type KeystoreFormat = (typeof keystoreFormats)[number];

/** PKCS#12 profiles by cert-manager's names, the usual one first. */
export const profileWords = ['Modern2023', 'Modern2026', 'LegacyDES', 'LegacyRC2'] as const satisfies readonly Pkcs12Profile[];

/** The entries of a keystore of either format. */
export const openKeystore = (bytes: Uint8Array, password: string): readonly KeystoreEntry[] =>
  looksLikeJks(bytes) ? decodeJks(bytes, password) : decodePkcs12(bytes, password);

/** Entries as they stand in a keystore of a format. PEM has neither names nor a password. */
export const encodeKeystore = (
  entries: readonly KeystoreEntry[],
  format: KeystoreFormat,
  { io, password, profile }: { readonly io: Pick<Io, 'random' | 'now'>; readonly password: string; readonly profile: Pkcs12Profile },
): Uint8Array | string => {
  if (format === 'jks') return encodeJks(entries, { password, random: io.random, at: io.now() });
  if (format === 'pkcs12') return encodePkcs12(entries, { password, profile, random: io.random });
  return entries
    .flatMap((entry) =>
      entry.kind === 'trusted'
        ? [certificatePem({ raw: entry.certificate })]
        : [exportPrivateKey(entry.privateKey), ...entry.chain.map((raw) => certificatePem({ raw }))],
    )
    .join('');
};

/** A key with its chain: the certificate of that key first, the others in the order given. Throws KeyMismatch where none is its own. */
export const keyEntry = (alias: string, privateKey: KeyObject, certificates: readonly X509Certificate[], where: string): KeystoreEntry => {
  const leaf = certificates.find((certificate) => isOfKey(certificate, privateKey));
  if (leaf === undefined)
    throw new CodedError(
      'KeyMismatch',
      `cannot make keystore entry ${quote(alias)}: no certificate in ${where} is the one of the private key`,
    );
  return {
    kind: 'key',
    alias,
    privateKey,
    chain: [leaf, ...certificates.filter((certificate) => certificate !== leaf)].map(({ raw }) => raw),
  };
};

const isOfKey = (certificate: X509Certificate, privateKey: KeyObject): boolean => {
  try {
    return keyBelongsTo(privateKey, acceptPublicKey(certificate.publicKey));
  } catch (error) {
    // A chain may hold CAs whose keys are not accepted here; they are not the key's own certificate.
    if (error instanceof CodedError) return false;
    throw error;
  }
};

/** Certificates that are believed in: `ca` where there is one, else `ca-1`, `ca-2` … */
export const trustedEntries = (certificates: readonly X509Certificate[]): readonly KeystoreEntry[] =>
  certificates.map(({ raw }, i) => ({ kind: 'trusted', alias: certificates.length === 1 ? 'ca' : `ca-${i + 1}`, certificate: raw }));
