// AuthenticatedSafe of a PKCS#12 keystore (RFC 7292 section 4.1): its parts decrypted, their bags opened, the entries put together.
// It trusts that the MAC over it was checked (pkcs12.ts does): nothing here may be called on a file straight from outside.

import { CodedError, quote } from '../base/coded-error.ts';
import { readAlgorithmIdentifier } from './algorithm-identifier.ts';
import {
  contextConstructedTag,
  contextTag,
  type DerReader,
  derReader,
  enter,
  enterWhole,
  expectEnd,
  readAll,
  readElement,
  readOctetString,
  readSmallInteger,
  tag,
} from './der.ts';
import { importStoredKey, type StoredEntry } from './keystore-entry.ts';
import { readOid } from './oid.ts';
import { looksLikePrivateKeyInfo } from './pbes2.ts';
import type { OpeningContext } from './pbkdf2.ts';
import { type Bag, readSafeContents } from './pkcs12-bags.ts';
import { assembleEntries, type OpenedBag } from './pkcs12-entries.ts';
import { pkcs12Oid } from './pkcs12-oids.ts';
import { decryptByPassword, type KeystorePassword } from './pkcs12-pbe.ts';

/** The octets of a ContentInfo of type data; throws KeystoreUnsupported for signed and enveloped ones. */
export const readData = (type: string, content: DerReader, what: string): Uint8Array => {
  if (type !== pkcs12Oid.data)
    throw new CodedError(
      'KeystoreUnsupported',
      `cannot open keystore: its ${what} has type ${type}, and only protection by password is supported`,
    );
  const octets = readOctetString(content, what);
  expectEnd(content);
  return octets;
};

/** The type of a ContentInfo, and a reader over its content. */
export const readContentInfo = (reader: DerReader, what: string): { readonly type: string; readonly content: DerReader } => {
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
  const privateKey = importStoredKey(der, bag.friendlyName ?? '');
  const { friendlyName, localKeyId, trusted } = bag;
  return { kind: 'key', privateKey, friendlyName, localKeyId, trusted };
};

/**
 * Entries of an AuthenticatedSafe whose integrity was checked, keys first. Throws PassphraseWrong, KeystoreUnsupported, DerInvalid,
 * OidInvalid, KeyMismatch, KeyInvalid, KeyUnsupported, InputTooLarge.
 */
export const readAuthenticatedSafe = (
  authenticatedSafe: Uint8Array,
  password: KeystorePassword,
  context: OpeningContext,
): StoredEntry[] => {
  const bags: OpenedBag[] = [];
  for (const { raw } of readAll(enterWhole(authenticatedSafe, tag.sequence, 'keystore'), 10_000)) {
    const { type, content } = readContentInfo(derReader(raw, 'contents of keystore'), 'contents of keystore');
    const safe = type === pkcs12Oid.encryptedData ? readEncryptedData(content, password, context) : readData(type, content, 'contents');
    for (const bag of readSafeContents(safe)) bags.push(openBag(bag, password, context));
  }
  return assembleEntries(bags);
};
