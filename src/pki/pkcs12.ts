// PKCS#12 keystores (RFC 7292): made in the four profiles that cert-manager names, and read as those, OpenSSL and keytool write them.
// DER only: a store in BER (indefinite lengths, strings in pieces) is refused. Integrity and privacy are by password; by public key
// nobody makes them.

import { hash, type KeyObject, X509Certificate } from 'node:crypto';
import { CodedError, isCodedError, quote } from '../base/coded-error.ts';
import { readAlgorithmIdentifier } from './algorithm-identifier.ts';
import {
  contextConstructedTag,
  contextTag,
  type DerElement,
  type DerReader,
  derReader,
  enter,
  enterWhole,
  expectEnd,
  octetString,
  readAll,
  readElement,
  readOctetString,
  readOptional,
  readSmallInteger,
  sequence,
  smallInteger,
  tag,
} from './der.ts';
import { kdfBudget } from './kdf-budget.ts';
import { readOid } from './oid.ts';
import { looksLikePrivateKeyInfo } from './pbes2.ts';
import type { OpeningContext } from './pbkdf2.ts';
import { type Bag, encodeCertificateBag, encodeData, encodeEncryptedData, encodeShroudedKeyBag, readSafeContents } from './pkcs12-bags.ts';
import { assembleEntries, type OpenedBag } from './pkcs12-entries.ts';
import type { StoredEntry } from './pkcs12-entry.ts';
import { pkcs12Password } from './pkcs12-kdf.ts';
import { makeMac, verifyMac, type WrittenMac } from './pkcs12-mac.ts';
import { pkcs12Oid } from './pkcs12-oids.ts';
import { decryptByPassword, encryptByPassword, type KeystorePassword, type WrittenScheme } from './pkcs12-pbe.ts';
import { exportPkcs8, importPrivateKeyBlock } from './private-key.ts';

/** An entry of a PKCS#12 or JKS keystore; see pkcs12-entry.ts. */
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
  /** May be empty, as OpenSSL allows; keytool asks for six characters when it makes one, not when it reads. */
  readonly password: string;
  readonly profile: Pkcs12Profile;
  /** `length` unpredictable octets. */
  readonly random: (length: number) => Uint8Array;
  /** Rounds of key derivation for each key, the certificates and the MAC; at most a million. */
  readonly iterations?: number;
};

const noAttributes = { friendlyName: undefined, localKeyId: undefined, trusted: false } as const;

const refuseEntry = (alias: string, problem: string): never => {
  throw new CodedError('KeystoreInvalid', `cannot write keystore entry ${quote(alias)}: ${problem}`);
};

/** What every format asks of entries: names that tell them apart, and keys that belong to their certificates. Throws KeystoreInvalid, KeyMismatch. */
export const checkEntries = (entries: readonly KeystoreEntry[]): void => {
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

/** The octets of a ContentInfo of type data; throws KeystoreUnsupported for signed and enveloped ones. */
const readData = (type: string, content: DerReader, what: string): Uint8Array => {
  if (type !== pkcs12Oid.data)
    throw new CodedError(
      'KeystoreUnsupported',
      `cannot open keystore: its ${what} has type ${type}, and only protection by password is supported`,
    );
  const octets = readOctetString(content, what);
  expectEnd(content);
  return octets;
};

const readContentInfo = (reader: DerReader, what: string): { readonly type: string; readonly content: DerReader } => {
  const info = enter(reader, tag.sequence, what);
  const type = readOid(info);
  const content = enter(info, contextConstructedTag(0), what);
  expectEnd(info);
  return { type, content };
};

const wrongPassword = (what: string): never => {
  throw new CodedError('PassphraseWrong', `cannot open ${what} in keystore: it has another password than the keystore`, {
    hint: 'give both the same password with the tool that made the keystore',
  });
};

const readEncryptedData = (content: DerReader, password: KeystorePassword, context: OpeningContext): Uint8Array => {
  const what = 'encrypted contents of keystore';
  const data = enter(content, tag.sequence, what);
  expectEnd(content);
  if (readSmallInteger(data, 2, `version of ${what}`) !== 0)
    throw new CodedError('KeystoreUnsupported', `cannot open ${what}: its version is not 0`);
  const info = enter(data, tag.sequence, what);
  expectEnd(data);
  const type = readOid(info);
  if (type !== pkcs12Oid.data) throw new CodedError('KeystoreUnsupported', `cannot open ${what}: ${type} is inside`);
  const algorithm = readAlgorithmIdentifier(info, what);
  const ciphertext = readElement(info, contextTag(0), what).content;
  expectEnd(info);
  return decryptByPassword(algorithm, ciphertext, password, context) ?? wrongPassword('certificates');
};

const openBag = (bag: Bag, password: KeystorePassword, context: OpeningContext): OpenedBag => {
  if (bag.kind === 'certificate') return bag;
  const what = `private key ${quote(bag.friendlyName ?? '')}`;
  const der = bag.kind === 'key' ? bag.der : decryptByPassword(bag.algorithm, bag.ciphertext, password, context);
  if (der === undefined || (bag.kind === 'shrouded' && !looksLikePrivateKeyInfo(der))) return wrongPassword(what);
  const privateKey = importPrivateKeyBlock({ label: 'PRIVATE KEY', headers: new Map(), bytes: der }, { what: `${what} in keystore` });
  const { friendlyName, localKeyId, trusted } = bag;
  return { kind: 'key', privateKey, friendlyName, localKeyId, trusted };
};

/** What a fresh opening may spend, and how it speaks. */
export const openingContext = (): OpeningContext => ({ what: 'keystore', unsupported: 'KeystoreUnsupported', budget: kdfBudget() });

/**
 * Entries of an AuthenticatedSafe whose integrity was checked. Not for callers but the tests, which use it to get past the MAC:
 * call decodePkcs12.
 */
export const readAuthenticatedSafe = (
  authenticatedSafe: Uint8Array,
  password: KeystorePassword,
  context: OpeningContext,
): KeystoreEntry[] => {
  const bags: OpenedBag[] = [];
  for (const { raw } of readAll(enterWhole(authenticatedSafe, tag.sequence, 'keystore'), 10_000)) {
    const { type, content } = readContentInfo(derReader(raw, 'contents of keystore'), 'contents of keystore');
    const safe = type === pkcs12Oid.encryptedData ? readEncryptedData(content, password, context) : readData(type, content, 'contents');
    for (const bag of readSafeContents(safe)) bags.push(openBag(bag, password, context));
  }
  return assembleEntries(bags);
};

/** Gives faults of encoding the keystore's own code, the words kept. */
export const asKeystoreError = (error: unknown): unknown =>
  isCodedError(error) && (error.code === 'DerInvalid' || error.code === 'OidInvalid')
    ? new CodedError('KeystoreInvalid', error.message, { cause: error })
    : error;

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
