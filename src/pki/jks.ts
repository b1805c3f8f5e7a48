// JKS, Java's own keystore of old: big-endian records under a SHA-1 digest, private keys under Sun's key protector
// (1.3.6.1.4.1.42.2.17.1.1). There is no specification; the format is what sun.security.provider.JavaKeyStore and KeyProtector
// read and write. One password opens store and keys. It protects a key no better than one round of SHA-1 does. JCEKS is not read.

import { createHash, hash, timingSafeEqual } from 'node:crypto';
import { concatBytes, toUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { encodeAlgorithmIdentifier } from './algorithm-identifier.ts';
import { maxDerBytes, octetString, sequence } from './der.ts';
import { readCertificateOutline } from './keystore-certificate.ts';
import { asKeystoreError, checkEntries, importStoredKey, type StoredEntry } from './keystore-entry.ts';
import { looksLikePrivateKeyInfo, readEncryptedPrivateKey } from './pbes2.ts';
import { exportPkcs8 } from './private-key.ts';

const magic = 0xfeedfeed;
const jceksMagic = 0xcececece;
const keyTag = 1;
const trustedTag = 2;
const digestBytes = 20;
const keyProtectorOid = '1.3.6.1.4.1.42.2.17.1.1';
/** What Sun mixes into the digest of a store, so that it is not that of the bytes alone. */
const whitener = toUtf8('Mighty Aphrodite');

/** A password as Java hashes it: two octets a character, high one first. */
const passwordOctets = (password: string): Uint8Array => new Uint8Array(Buffer.from(password, 'utf16le').swap16());

const storeDigest = (password: Uint8Array, body: Uint8Array): Uint8Array =>
  createHash('sha1').update(password).update(whitener).update(body).digest();

/** Octets combined with a key stream: each block is the hash of the password and the block before, the first block's that of the salt. */
const applyKeyStream = (octets: Uint8Array, password: Uint8Array, salt: Uint8Array): Uint8Array => {
  const result = new Uint8Array(octets.length);
  let block = salt;
  for (let offset = 0; offset < octets.length; offset += digestBytes) {
    block = hash('sha1', concatBytes([password, block]), 'buffer');
    for (let i = 0; i < digestBytes && offset + i < octets.length; i++) result[offset + i] = (octets[offset + i] ?? 0) ^ (block[i] ?? 0);
  }
  return result;
};

const protectKey = (privateKeyInfo: Uint8Array, password: Uint8Array, salt: Uint8Array): Uint8Array =>
  sequence(
    encodeAlgorithmIdentifier(keyProtectorOid),
    octetString(salt, applyKeyStream(privateKeyInfo, password, salt), hash('sha1', concatBytes([password, privateKeyInfo]), 'buffer')),
  );

const recoverKey = (encrypted: Uint8Array, password: Uint8Array, alias: string): Uint8Array => {
  const what = `private key ${quote(alias)} in keystore`;
  const { algorithm, ciphertext } = readEncryptedPrivateKey(encrypted, what);
  if (algorithm.oid !== keyProtectorOid)
    throw new CodedError('KeystoreUnsupported', `cannot open ${what}: its protection ${algorithm.oid} is not the one of JKS`);
  if (ciphertext.length < 2 * digestBytes)
    throw new CodedError('KeystoreInvalid', `cannot open ${what}: it is shorter than its salt and digest`);
  const end = ciphertext.length - digestBytes;
  const plain = applyKeyStream(ciphertext.subarray(digestBytes, end), password, ciphertext.subarray(0, digestBytes));
  const check = hash('sha1', concatBytes([password, plain]), 'buffer');
  if (!timingSafeEqual(check, ciphertext.subarray(end)) || !looksLikePrivateKeyInfo(plain))
    throw new CodedError('PassphraseWrong', `cannot open ${what}: it has another password than the keystore`, {
      hint: 'give both the same password with `keytool -keypasswd`',
    });
  return plain;
};

const unsigned32 = (value: number): Uint8Array => {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, value);
  return octets;
};

const counted = (octets: Uint8Array): Uint8Array => concatBytes([unsigned32(octets.length), octets]);

/** Java's writeUTF: UTF-8 of each UTF-16 unit by itself, zero as two octets, after its length in two octets. */
const writeUtf = (text: string): Uint8Array => {
  const octets: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0 && unit < 0x80) octets.push(unit);
    else if (unit < 0x800) octets.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else octets.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return Uint8Array.of(octets.length >> 8, octets.length & 0xff, ...octets);
};

const certificateType = writeUtf('X.509');
const writeCertificate = (der: Uint8Array): Uint8Array => concatBytes([certificateType, counted(der)]);

export type JksOptions = {
  readonly password: string;
  /** The date that each entry is said to have been made at. */
  readonly at: Date;
  /** `length` unpredictable octets. */
  readonly random: (length: number) => Uint8Array;
};

/**
 * A JKS keystore; names are written in lower case, as keytool does. Throws KeystoreInvalid for entries without name or certificate or
 * with the same name, KeyMismatch, CertificateInvalid.
 */
export const encodeJks = (entries: readonly StoredEntry[], { password, at, random }: JksOptions): Uint8Array => {
  checkEntries(entries);
  const secret = passwordOctets(password);
  const date = new Uint8Array(8);
  new DataView(date.buffer).setBigInt64(0, BigInt(at.getTime()));
  const records = entries.map((entry) => {
    const alias = writeUtf(entry.alias.toLowerCase());
    if (entry.kind === 'trusted') return concatBytes([unsigned32(trustedTag), alias, date, writeCertificate(entry.certificate)]);
    const key = protectKey(exportPkcs8(entry.privateKey), secret, random(digestBytes));
    return concatBytes([
      unsigned32(keyTag),
      alias,
      date,
      counted(key),
      unsigned32(entry.chain.length),
      ...entry.chain.map(writeCertificate),
    ]);
  });
  const body = concatBytes([unsigned32(magic), unsigned32(2), unsigned32(entries.length), ...records]);
  return concatBytes([body, storeDigest(secret, body)]);
};

const invalid = (problem: string): never => {
  throw new CodedError('KeystoreInvalid', `cannot read JKS keystore: ${problem}`);
};

type Cursor = { readonly bytes: Uint8Array; readonly view: DataView; offset: number };

const take = (cursor: Cursor, length: number): number => {
  const { offset } = cursor;
  if (length > cursor.bytes.length - offset) return invalid('it ends inside a record');
  cursor.offset += length;
  return offset;
};

const readUnsigned32 = (cursor: Cursor): number => cursor.view.getUint32(take(cursor, 4));

const readOctets = (cursor: Cursor, length: number): Uint8Array => {
  const start = take(cursor, length);
  return cursor.bytes.subarray(start, start + length);
};

const readUtf = (cursor: Cursor): string => {
  const octets = readOctets(cursor, cursor.view.getUint16(take(cursor, 2)));
  const units: string[] = [];
  for (let i = 0; i < octets.length; ) {
    const first = octets[i] ?? 0;
    const length = first < 0x80 ? 1 : first >> 5 === 6 ? 2 : first >> 4 === 14 ? 3 : 0;
    if (length === 0 || i + length > octets.length) return invalid('a name in it is not in the UTF-8 of Java');
    let unit = length === 1 ? first : first & (length === 2 ? 0x1f : 0x0f);
    for (const octet of octets.subarray(i + 1, i + length)) {
      if (octet >> 6 !== 2) return invalid('a name in it is not in the UTF-8 of Java');
      unit = (unit << 6) | (octet & 0x3f);
    }
    units.push(String.fromCharCode(unit));
    i += length;
  }
  return units.join('');
};

const readCertificate = (cursor: Cursor, version: number): Uint8Array => {
  const type = version === 1 ? 'X.509' : readUtf(cursor);
  // Java takes both names; cert-manager writes the second.
  if (type !== 'X.509' && type !== 'X509')
    throw new CodedError('KeystoreUnsupported', `cannot read JKS keystore: a certificate of type ${quote(type)} is not X.509`);
  const der = readOctets(cursor, readUnsigned32(cursor));
  readCertificateOutline(der);
  // A copy: what the caller keeps does not hold the whole file, nor change with it.
  return new Uint8Array(der);
};

const readEntry = (cursor: Cursor, version: number, password: Uint8Array): StoredEntry => {
  const entryTag = readUnsigned32(cursor);
  if (entryTag !== keyTag && entryTag !== trustedTag)
    throw new CodedError(
      'KeystoreUnsupported',
      `cannot read JKS keystore: an entry of kind ${entryTag} is neither a key nor a certificate`,
    );
  const alias = readUtf(cursor);
  take(cursor, 8);
  if (entryTag === trustedTag) return { kind: 'trusted', alias, certificate: readCertificate(cursor, version) };
  const key = recoverKey(readOctets(cursor, readUnsigned32(cursor)), password, alias);
  const privateKey = importStoredKey(key, alias);
  const chain: Uint8Array[] = [];
  for (let left = readUnsigned32(cursor); left > 0; left--) chain.push(readCertificate(cursor, version));
  return { kind: 'key', alias, privateKey, chain };
};

/** Whether bytes begin as a JKS keystore does. */
export const looksLikeJks = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === magic;

/**
 * Entries of a JKS keystore in the order of the file. Its digest is checked before anything is read. Throws PassphraseWrong,
 * KeystoreInvalid, KeystoreUnsupported (JCEKS), KeyInvalid, KeyUnsupported, InputTooLarge past 16 MiB.
 */
export const decodeJks = (bytes: Uint8Array, password: string): readonly StoredEntry[] => {
  if (bytes.length > maxDerBytes)
    throw new CodedError('InputTooLarge', `cannot read JKS keystore: ${bytes.length} bytes are more than ${maxDerBytes}`);
  const end = bytes.length - digestBytes;
  if (end < 12) return invalid('it is too short');
  const body = bytes.subarray(0, end);
  const cursor: Cursor = { bytes: body, view: new DataView(body.buffer, body.byteOffset, body.length), offset: 0 };
  const found = readUnsigned32(cursor);
  if (found === jceksMagic)
    throw new CodedError('KeystoreUnsupported', 'cannot read keystore: it is JCEKS, not JKS', {
      hint: 'convert it with `keytool -importkeystore -deststoretype pkcs12`',
    });
  if (found !== magic) return invalid('it does not begin with FEEDFEED');
  const version = readUnsigned32(cursor);
  if (version !== 1 && version !== 2)
    throw new CodedError('KeystoreUnsupported', `cannot read JKS keystore: its version ${version} is neither 1 nor 2`);
  const secret = passwordOctets(password);
  if (!timingSafeEqual(storeDigest(secret, body), bytes.subarray(end)))
    throw new CodedError('PassphraseWrong', 'cannot open JKS keystore: the password is not its password, or the file was changed');
  try {
    const entries: StoredEntry[] = [];
    for (let left = readUnsigned32(cursor); left > 0; left--) entries.push(readEntry(cursor, version, secret));
    if (cursor.offset !== body.length) return invalid(`${body.length - cursor.offset} unexpected bytes stand before its digest`);
    return entries;
  } catch (error) {
    throw asKeystoreError(error);
  }
};
