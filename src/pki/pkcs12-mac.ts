// Integrity of a PKCS#12 keystore: the classic MAC (RFC 7292 section 5.1) and PBMAC1 (RFC 9579). It is checked before anything is
// decrypted, and compared in constant time. Integrity by a signature (public-key mode) is used by nobody and refused elsewhere.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { concatBytes, toUtf8 } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { type AlgorithmIdentifier, encodeAlgorithmIdentifier, readAlgorithmIdentifier } from './algorithm-identifier.ts';
import {
  atEnd,
  type DerElement,
  derReader,
  enter,
  expectEnd,
  octetString,
  readOctetString,
  readSmallInteger,
  sequence,
  smallInteger,
  tag,
} from './der.ts';
import { kdfBudget } from './kdf-budget.ts';
import { oid } from './oid.ts';
import {
  checkIterations,
  derivePbkdf2,
  digestBytes,
  encodePbkdf2,
  type HmacDigest,
  hmacDigest,
  hmacSha256Oid,
  type OpeningContext,
  pbkdf2Oid,
  readPbkdf2,
} from './pbkdf2.ts';
import { derivePkcs12, kdfPurpose, pkcs12Password } from './pkcs12-kdf.ts';
import { pkcs12Oid } from './pkcs12-oids.ts';
import type { EncryptionOptions, KeystorePassword } from './pkcs12-pbe.ts';

const digestByOid: Readonly<Record<string, HmacDigest>> = {
  [oid.sha1]: 'sha1',
  [oid.sha224]: 'sha224',
  [oid.sha256]: 'sha256',
  [oid.sha384]: 'sha384',
  [oid.sha512]: 'sha512',
};

/** RFC 9579 section 9: a MAC key of a few octets can be guessed, and then any file passes under any password. */
const minMacKeyBytes = 20;

type MacData = {
  readonly algorithm: AlgorithmIdentifier;
  readonly expected: Uint8Array;
  readonly salt: Uint8Array;
  readonly iterations: number;
};

const readMacData = (element: DerElement): MacData => {
  const reader = derReader(element.content, 'MAC of keystore');
  const digestInfo = enter(reader, tag.sequence, 'MAC of keystore');
  const algorithm = readAlgorithmIdentifier(digestInfo, 'MAC algorithm of keystore');
  const expected = readOctetString(digestInfo);
  expectEnd(digestInfo);
  const salt = readOctetString(reader);
  const iterations = atEnd(reader) ? 1 : readSmallInteger(reader, 0x7fffffff, 'iteration count of MAC');
  expectEnd(reader);
  // PBMAC1 has its count elsewhere, and cert-manager writes 0 here then.
  if (iterations < 1 && algorithm.oid !== pkcs12Oid.pbmac1)
    throw new CodedError('DerInvalid', 'cannot read MAC of keystore: the iteration count is 0');
  return { algorithm, expected, salt, iterations };
};

const sameMac = (digest: HmacDigest, key: Uint8Array, content: Uint8Array, expected: Uint8Array): boolean => {
  const actual = createHmac(digest, key).update(content).digest();
  // The length is no secret: it stands in the file.
  return actual.length === expected.length && timingSafeEqual(actual, expected);
};

const verifyPbmac1 = (mac: MacData, content: Uint8Array, password: string, context: OpeningContext): boolean => {
  const part = 'PBMAC1 parameters of keystore';
  const { parameters } = mac.algorithm;
  if (parameters?.tag !== tag.sequence) throw new CodedError('DerInvalid', `cannot read ${part}: they are missing`);
  const reader = derReader(parameters.content, part);
  const kdf = readAlgorithmIdentifier(reader, part);
  const digest = hmacDigest(readAlgorithmIdentifier(reader, part), context);
  expectEnd(reader);
  if (kdf.oid !== pbkdf2Oid) throw new CodedError('KeystoreUnsupported', `cannot open keystore: ${kdf.oid} of its PBMAC1 is not PBKDF2`);
  const pbkdf2 = readPbkdf2(kdf, context);
  if (pbkdf2.keyBytes === undefined || pbkdf2.keyBytes < minMacKeyBytes)
    throw new CodedError(
      'KeystoreInvalid',
      `cannot open keystore: the MAC key of its PBMAC1 is not said to have ${minMacKeyBytes} bytes or more`,
    );
  return sameMac(digest, derivePbkdf2(pbkdf2, toUtf8(password), pbkdf2.keyBytes, context), content, mac.expected);
};

/**
 * The password forms of an empty password: two zero octets, as Java and OpenSSL write, and nothing at all, as Windows and NSS do.
 * Another password has one form.
 */
const passwordForms = (text: string): KeystorePassword[] => {
  const usual = { text, octets: pkcs12Password(text) };
  return text === '' ? [usual, { text, octets: new Uint8Array() }] : [usual];
};

/**
 * Checks the MAC over the content of the keystore and answers with the form of the password under which it holds.
 * Throws PassphraseWrong where it holds under none, KeystoreUnsupported, KeystoreInvalid, DerInvalid, InputTooLarge.
 */
export const verifyMac = (macData: DerElement, content: Uint8Array, password: string, context: OpeningContext): KeystorePassword => {
  const mac = readMacData(macData);
  const forms = passwordForms(password);
  const [usual] = forms;
  const wrong = (): never => {
    throw new CodedError('PassphraseWrong', 'cannot open keystore: the password is not its password, or the file was changed');
  };
  if (mac.algorithm.oid === pkcs12Oid.pbmac1) return usual !== undefined && verifyPbmac1(mac, content, password, context) ? usual : wrong();
  const digest = Object.hasOwn(digestByOid, mac.algorithm.oid) ? digestByOid[mac.algorithm.oid] : undefined;
  if (digest === undefined)
    throw new CodedError(
      'KeystoreUnsupported',
      `cannot open keystore: MAC algorithm ${mac.algorithm.oid} is neither HMAC with SHA-1 or SHA-2, nor PBMAC1`,
    );
  const kdf = { digest, salt: mac.salt, iterations: mac.iterations };
  const fits = (form: KeystorePassword): boolean =>
    sameMac(digest, derivePkcs12(kdf, kdfPurpose.mac, form.octets, digestBytes[digest], context), content, mac.expected);
  return forms.find(fits) ?? wrong();
};

/** The MACs that are written. */
export type WrittenMac = 'sha1' | 'sha256' | 'pbmac1';

// RFC 9579 section 4: PBMAC1 has salt and count in its own parameters; what stands in the old places means nothing.
const unusedSalt = toUtf8('NOT USED');

/** MacData over the content of a keystore. */
export const makeMac = (
  kind: WrittenMac,
  content: Uint8Array,
  password: KeystorePassword,
  { random, iterations }: EncryptionOptions,
): Uint8Array => {
  checkIterations(iterations);
  const context = { what: 'keystore', unsupported: 'Bug', budget: kdfBudget() } as const;
  if (kind === 'pbmac1') {
    const salt = random(16);
    const key = derivePbkdf2({ salt, iterations, keyBytes: 32, digest: 'sha256' }, toUtf8(password.text), 32, context);
    const parameters = sequence(encodePbkdf2(salt, iterations, 32), encodeAlgorithmIdentifier(hmacSha256Oid));
    const mac = createHmac('sha256', key).update(content).digest();
    return sequence(sequence(encodeAlgorithmIdentifier(pkcs12Oid.pbmac1, parameters), octetString(mac)), octetString(unusedSalt));
  }
  const salt = random(kind === 'sha1' ? 8 : 16);
  const key = derivePkcs12({ digest: kind, salt, iterations }, kdfPurpose.mac, password.octets, digestBytes[kind], context);
  const mac = createHmac(kind, key).update(content).digest();
  // DER leaves a value out where it is the default, and one round is the default here.
  const count = iterations === 1 ? new Uint8Array() : smallInteger(iterations);
  return sequence(concatBytes([sequence(encodeAlgorithmIdentifier(oid[kind]), octetString(mac)), octetString(salt), count]));
};
