// What a keystore holds, whatever its format, and what every format asks of it.

import { type KeyObject, X509Certificate } from 'node:crypto';
import { CodedError, isCodedError, quote } from '../base/coded-error.ts';
import { readCertificateOutline } from './keystore-certificate.ts';
import { importPrivateKeyBlock } from './private-key.ts';

/**
 * One entry of a PKCS#12 or JKS keystore: a private key with its certificates, leaf first, or a certificate that is believed in.
 * Certificates are DER. `alias` is the name people see; PKCS#12 calls it friendlyName.
 */
export type StoredEntry =
  | { readonly kind: 'key'; readonly alias: string; readonly privateKey: KeyObject; readonly chain: readonly Uint8Array[] }
  | { readonly kind: 'trusted'; readonly alias: string; readonly certificate: Uint8Array };

const refuseEntry = (alias: string, problem: string): never => {
  throw new CodedError('KeystoreInvalid', `cannot write keystore entry ${quote(alias)}: ${problem}`);
};

/** What every format asks of entries: names that tell them apart, and keys that belong to their certificates. Throws KeystoreInvalid, KeyMismatch. */
export const checkEntries = (entries: readonly StoredEntry[]): void => {
  const aliases = new Set<string>();
  for (const entry of entries) {
    const { alias } = entry;
    // keytool folds letter case on reading, and of two entries that become one it keeps the last.
    const folded = alias.toLowerCase();
    if (alias === '' || alias.length > 1000 || !alias.isWellFormed())
      refuseEntry(alias, 'its name must have 1 to 1000 characters of Unicode');
    if (aliases.has(folded)) refuseEntry(alias, 'another entry has that name, letter case aside');
    aliases.add(folded);
    if (entry.kind === 'trusted') readCertificate(entry.certificate, alias);
    else checkKeyEntry(entry.privateKey, entry.chain, alias);
  }
};

const readCertificate = (der: Uint8Array, alias: string): X509Certificate => {
  try {
    // The runtime reads PEM too, and what follows a certificate it leaves unread; neither may stand in a keystore.
    readCertificateOutline(der);
    return new X509Certificate(der);
  } catch (cause) {
    throw new CodedError('CertificateInvalid', `cannot write keystore entry ${quote(alias)}: a certificate of it cannot be read`, {
      cause,
    });
  }
};

const checkKeyEntry = (privateKey: KeyObject, chain: readonly Uint8Array[], alias: string): void => {
  const [leaf] = chain.map((der) => readCertificate(der, alias));
  if (leaf === undefined) refuseEntry(alias, 'a private key needs its certificate');
  else if (!leaf.checkPrivateKey(privateKey))
    throw new CodedError(
      'KeyMismatch',
      `cannot write keystore entry ${quote(alias)}: the private key is not the key of its first certificate`,
    );
};

/** The private key in a PrivateKeyInfo that stood in a keystore under this name. Throws KeyInvalid, KeyUnsupported, DerInvalid, InputTooLarge. */
export const importStoredKey = (privateKeyInfo: Uint8Array, alias: string): KeyObject =>
  importPrivateKeyBlock(
    { label: 'PRIVATE KEY', headers: new Map(), bytes: privateKeyInfo },
    { what: `private key ${quote(alias)} in keystore` },
  );

/** Gives faults of encoding the keystore's own code, the words kept. */
export const asKeystoreError = (error: unknown): unknown =>
  isCodedError(error) && (error.code === 'DerInvalid' || error.code === 'OidInvalid')
    ? new CodedError('KeystoreInvalid', error.message, { cause: error })
    : error;
