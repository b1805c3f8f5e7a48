// PKCS#12 and JKS keystores as data: their entries, of keys the public half only.

import { CodedError } from '../base/coded-error.ts';
import { type InspectedCertificate, inspectCertificate } from './inspect-certificate.ts';
import { type InspectedPublicKey, inspectKeyObject } from './inspect-key.ts';
import { decodeJks } from './jks.ts';
import type { StoredEntry } from './keystore-entry.ts';
import { decodePkcs12 } from './pkcs12.ts';
import { parseCertificate } from './x509-certificate.ts';

export type InspectedEntry = {
  readonly alias: string;
  /** A key with its chain, leaf first, or one certificate that is believed in. */
  readonly entry: 'key' | 'trusted';
  readonly publicKey?: InspectedPublicKey;
  readonly certificates: readonly InspectedCertificate[];
};

export type InspectedKeystore = {
  readonly kind: 'keystore';
  readonly format: 'PKCS#12' | 'JKS';
  readonly entries: readonly InspectedEntry[];
};

const inspectEntry = (entry: StoredEntry, at: Date): InspectedEntry => {
  const chain = entry.kind === 'key' ? entry.chain : [entry.certificate];
  const certificates = chain.map((der) => inspectCertificate(parseCertificate(der), at));
  return entry.kind === 'key'
    ? { alias: entry.alias, entry: 'key', publicKey: inspectKeyObject(entry.privateKey), certificates }
    : { alias: entry.alias, entry: 'trusted', certificates };
};

/** A keystore as data. Throws PassphraseRequired without a passphrase, and what decodePkcs12 and decodeJks throw. */
export const inspectKeystore = (
  bytes: Uint8Array,
  format: InspectedKeystore['format'],
  passphrase: string | undefined,
  at: Date,
): InspectedKeystore => {
  if (passphrase === undefined)
    throw new CodedError('PassphraseRequired', `cannot open ${format} keystore: it needs its password`, {
      hint: 'give --passphrase-file FILE; an empty file is the empty password',
    });
  const entries = format === 'JKS' ? decodeJks(bytes, passphrase) : decodePkcs12(bytes, passphrase);
  return { kind: 'keystore', format, entries: entries.map((entry) => inspectEntry(entry, at)) };
};
