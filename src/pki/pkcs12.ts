// PKCS#12 keystores (RFC 7292): made in the four profiles that cert-manager names, and read as those, OpenSSL and keytool write them.
// DER only: a store in BER (indefinite lengths, strings in pieces) is refused. Integrity and privacy are by password; by public key
// nobody makes them.

import { hash } from 'node:crypto';
import { CodedError } from '../base/coded-error.ts';
import { type DerElement, enterWhole, expectEnd, octetString, readOptional, readSmallInteger, sequence, smallInteger, tag } from './der.ts';
import { kdfBudget } from './kdf-budget.ts';
import { asKeystoreError, checkEntries, type StoredEntry } from './keystore-entry.ts';
import type { OpeningContext } from './pbkdf2.ts';
import { encodeCertificateBag, encodeData, encodeEncryptedData, encodeShroudedKeyBag } from './pkcs12-bags.ts';
import { pkcs12Password } from './pkcs12-kdf.ts';
import { makeMac, verifyMac, type WrittenMac } from './pkcs12-mac.ts';
import { encryptByPassword, type KeystorePassword, type WrittenScheme } from './pkcs12-pbe.ts';
import { readAuthenticatedSafe, readContentInfo, readData } from './pkcs12-safe.ts';
import { exportPkcs8 } from './private-key.ts';

/** An entry of a PKCS#12 or JKS keystore; see keystore-entry.ts. */
export type KeystoreEntry = StoredEntry;

/** The profiles, by cert-manager's names. */
export type Pkcs12Profile = 'Modern2023' | 'Modern2026' | 'LegacyDES' | 'LegacyRC2';

type ProfileSchemes = { readonly certificates: WrittenScheme; readonly keys: WrittenScheme; readonly mac: WrittenMac };

/**
 * Modern2023: PBES2 with AES-256-CBC, MAC by SHA-256; read by OpenSSL 1.1.1, Java 12 and later. Modern2026: the same with PBMAC1, which
 * FIPS 140-3 allows; read by OpenSSL 3.4, Java 26 and later. LegacyDES: 3DES and SHA-1. LegacyRC2: certificates under RC2-40.
 */
export const pkcs12Profiles: Readonly<Record<Pkcs12Profile, ProfileSchemes>> = {
  Modern2023: { certificates: 'pbes2', keys: 'pbes2', mac: 'sha256' },
  Modern2026: { certificates: 'pbes2', keys: 'pbes2', mac: 'pbmac1' },
  LegacyDES: { certificates: '3des', keys: '3des', mac: 'sha1' },
  LegacyRC2: { certificates: 'rc2-40', keys: '3des', mac: 'sha1' },
};

/**
 * As OpenSSL and cert-manager write. A keystore's password mostly lies beside it, in the same Secret or the same configuration, so more
 * rounds would cost each server at each start and protect nothing; where a person remembers the password, ask for more.
 */
export const defaultPkcs12Iterations = 2048;

export type Pkcs12Options = {
  /**
   * May be empty, as OpenSSL allows; keytool asks for six characters when it makes a store, not when it reads one. Beyond ASCII, OpenSSL
   * opens what is written here and Java 17 does not: it refuses such a password for any PKCS#12 store.
   */
  readonly password: string;
  readonly profile: Pkcs12Profile;
  /** `length` unpredictable octets. */
  readonly random: (length: number) => Uint8Array;
  /** Rounds of key derivation for each key, the certificates and the MAC; at most a million. */
  readonly iterations?: number;
};

const noAttributes = { friendlyName: undefined, localKeyId: undefined, trusted: false } as const;

/**
 * A PKCS#12 keystore. Trusted entries carry the mark without which Java does not see them. Throws KeystoreInvalid for entries without
 * name or certificate or with the same name, KeyMismatch, CertificateInvalid, UsageInvalid.
 */
export const encodePkcs12 = (
  entries: readonly KeystoreEntry[],
  { password: text, profile, random, iterations = defaultPkcs12Iterations }: Pkcs12Options,
): Uint8Array => {
  checkEntries(entries);
  const schemes = pkcs12Profiles[profile];
  const password: KeystorePassword = { text, octets: pkcs12Password(text) };
  const options = { random, iterations };
  const certificateBags: Uint8Array[] = [];
  const keyBags: Uint8Array[] = [];
  for (const entry of entries) {
    const friendlyName = entry.alias;
    if (entry.kind === 'trusted') {
      certificateBags.push(encodeCertificateBag(entry.certificate, { friendlyName, localKeyId: undefined, trusted: true }));
      continue;
    }
    const [leaf = new Uint8Array(), ...others] = entry.chain;
    const attributes = { friendlyName, localKeyId: hash('sha1', leaf, 'buffer'), trusted: false };
    certificateBags.push(encodeCertificateBag(leaf, attributes), ...others.map((der) => encodeCertificateBag(der, noAttributes)));
    const { algorithm, ciphertext } = encryptByPassword(schemes.keys, exportPkcs8(entry.privateKey), password, options);
    keyBags.push(encodeShroudedKeyBag(sequence(algorithm, octetString(ciphertext)), attributes));
  }
  const parts: Uint8Array[] = [];
  if (certificateBags.length > 0) {
    const { algorithm, ciphertext } = encryptByPassword(schemes.certificates, sequence(...certificateBags), password, options);
    parts.push(encodeEncryptedData(algorithm, ciphertext));
  }
  if (keyBags.length > 0) parts.push(encodeData(sequence(...keyBags)));
  const content = sequence(...parts);
  return sequence(smallInteger(3), encodeData(content), makeMac(schemes.mac, content, password, options));
};

const openWithoutMac = (password: string): KeystorePassword => {
  if (password !== '')
    throw new CodedError('KeystoreInvalid', 'cannot open keystore: it has no integrity check, so a password vouches for nothing in it', {
      hint: 'open it with the empty password if you trust where it comes from',
    });
  return { text: '', octets: pkcs12Password('') };
};

const readPfx = (bytes: Uint8Array): { readonly content: Uint8Array; readonly macData: DerElement | undefined } => {
  const pfx = enterWhole(bytes, tag.sequence, 'PKCS#12 keystore');
  const version = readSmallInteger(pfx, 255, 'version of PKCS#12 keystore');
  if (version !== 3) throw new CodedError('KeystoreUnsupported', `cannot open keystore: version ${version} of PKCS#12 is not 3`);
  const { type, content } = readContentInfo(pfx, 'contents of PKCS#12 keystore');
  const macData = readOptional(pfx, tag.sequence);
  expectEnd(pfx);
  return { content: readData(type, content, 'contents'), macData };
};

/** What a fresh opening may spend, and how it speaks. */
export const openingContext = (): OpeningContext => ({ what: 'keystore', unsupported: 'KeystoreUnsupported', budget: kdfBudget() });

/**
 * Entries of a PKCS#12 keystore, keys first; what belongs to which is told at assembleEntries. Its MAC is checked before anything is
 * decrypted; a store without one opens with the empty password alone. Throws PassphraseWrong, KeystoreInvalid, KeystoreUnsupported,
 * KeyMismatch, KeyInvalid, KeyUnsupported, and InputTooLarge past 16 MiB or ten million rounds of key derivation.
 */
export const decodePkcs12 = (bytes: Uint8Array, password: string): readonly KeystoreEntry[] => {
  try {
    const { content, macData } = readPfx(bytes);
    const context = openingContext();
    const proven = macData === undefined ? openWithoutMac(password) : verifyMac(macData, content, password, context);
    return readAuthenticatedSafe(content, proven, context);
  } catch (error) {
    throw asKeystoreError(error);
  }
};
