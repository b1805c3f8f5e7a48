// Private keys: made, read from what people have, written as PEM or DER. They are held as the runtime's KeyObject, which prints
// nothing of itself, and become text only in exportPrivateKey. Formats: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017), SEC1 (RFC 5915),
// encrypted PKCS#8 (pbes2.ts), and OpenSSL's old encrypted PEM for reading only.

import { createPrivateKey, generateKeyPair, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { equalBytes, fromUtf8 } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { enterWhole, peekTag, readInteger, readWhole, tag } from './der.ts';
import { isRsa, type KeyAlgorithm, requireOffered, rsaBits } from './key-algorithm.ts';
import { decryptPkcs8, encryptPkcs8 } from './pbes2.ts';
import { decodePem, encodePem, looksLikePem, type PemBlock } from './pem.ts';
import { type PublicKey, publicKeyObject, publicKeyOf } from './public-key.ts';

/** A private key is never longer; what is, was made to keep a decoder busy. */
const maxKeyBytes = 64 * 1024;

const curveNames = { 'ecdsa-p256': 'P-256', 'ecdsa-p384': 'P-384', 'ecdsa-p521': 'P-521' } as const;

/** Makes a key. RSA is searched for in the thread pool; the others are made at once. Throws KeyAlgorithmUnavailable. */
export const generatePrivateKey = async (algorithm: KeyAlgorithm): Promise<KeyObject> => {
  requireOffered(algorithm);
  if (!isRsa(algorithm)) {
    if (algorithm === 'ed25519') return generateKeyPairSync('ed25519').privateKey;
    if (algorithm === 'ecdsa-p256' || algorithm === 'ecdsa-p384' || algorithm === 'ecdsa-p521')
      return generateKeyPairSync('ec', { namedCurve: curveNames[algorithm] }).privateKey;
    return generateKeyPairSync(algorithm).privateKey;
  }
  return new Promise((resolve, reject) => {
    generateKeyPair('rsa', { modulusLength: rsaBits(algorithm) }, (error, _publicKey, privateKey) =>
      error === null ? resolve(privateKey) : reject(error),
    );
  });
};

type Encoding = 'pkcs8' | 'pkcs1' | 'sec1' | 'encrypted';

const encodingByLabel: Readonly<Record<string, Encoding>> = {
  'PRIVATE KEY': 'pkcs8',
  'RSA PRIVATE KEY': 'pkcs1',
  'EC PRIVATE KEY': 'sec1',
  'Ed25519 PRIVATE KEY': 'pkcs8',
  'ENCRYPTED PRIVATE KEY': 'encrypted',
};

/** Whether a PEM label is that of a private key. */
export const isPrivateKeyLabel = (label: string): boolean => Object.hasOwn(encodingByLabel, label);

const refuse = (what: string, cause?: unknown): never => {
  throw new CodedError('KeyInvalid', `cannot read ${what}: it is not a private key in PKCS#8, PKCS#1 or SEC1`, { cause });
};

const requireKeySize = (der: Uint8Array, what: string): void => {
  if (der.length > maxKeyBytes)
    throw new CodedError('InputTooLarge', `cannot read ${what}: ${der.length} bytes are more than ${maxKeyBytes}`);
};

/** Tells the four DER encodings apart by their first two elements. */
const derEncoding = (der: Uint8Array, what: string): Encoding => {
  requireKeySize(der, what);
  if (der[0] !== tag.sequence) return refuse(what);
  const outer = enterWhole(der, tag.sequence, what);
  if (peekTag(outer) === tag.sequence) return 'encrypted';
  readInteger(outer, `version of ${what}`);
  const second = peekTag(outer);
  return second === tag.octetString ? 'sec1' : second === tag.integer ? 'pkcs1' : 'pkcs8';
};

const importDer = (der: Uint8Array, encoding: Exclude<Encoding, 'encrypted'>, what: string): KeyObject => {
  requireKeySize(der, what);
  readWhole(der, tag.sequence, what);
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: der as Buffer, format: 'der', type: encoding });
  } catch {
    // The cause is left out: OpenSSL's words add nothing, and no detail of a key may travel.
    return refuse(what);
  }
  // Refuses the algorithms, curves and sizes that publicKeyOf refuses.
  publicKeyOf(key);
  return key;
};

const needPassphrase = (what: string): never => {
  throw new CodedError('PassphraseRequired', `cannot read ${what}: it is encrypted and no passphrase was given`, {
    hint: 'give --passphrase-file FILE',
  });
};

const decrypt = (der: Uint8Array, passphrase: string | undefined, what: string): Uint8Array => {
  if (passphrase === undefined) return needPassphrase(what);
  requireKeySize(der, what);
  return decryptPkcs8(der, passphrase);
};

/** OpenSSL's old encrypted PEM (RFC 1421 headers): one round of MD5 makes its key, so it is read and never written. */
const importOldEncrypted = (block: PemBlock, passphrase: string | undefined, what: string): KeyObject => {
  if (passphrase === undefined) return needPassphrase(what);
  requireKeySize(block.bytes, what);
  const headers = [...block.headers].map(([name, value]) => `${name}: ${value}\n`).join('');
  const body = encodePem(block.label, block.bytes).replace('-----\n', () => `-----\n${headers}\n`);
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: body, format: 'pem', passphrase });
  } catch {
    // As above: nothing of the key or the passphrase may travel in a cause.
    throw new CodedError('PassphraseWrong', `cannot read ${what}: the passphrase does not open it`);
  }
  publicKeyOf(key);
  return key;
};

export type KeySource = { readonly passphrase?: string | undefined /** Names the source in errors. */; readonly what?: string };

/** The private key in one PEM block or DER string of known or recognisable encoding. */
export const importPrivateKeyBlock = (block: PemBlock, source: KeySource = {}): KeyObject => {
  const what = source.what ?? 'private key';
  const encoding = encodingByLabel[block.label];
  if (encoding === undefined) return refuse(what);
  if (block.headers.get('Proc-Type')?.includes('ENCRYPTED') === true) return importOldEncrypted(block, source.passphrase, what);
  if (encoding !== 'encrypted') return importDer(block.bytes, encoding, what);
  return importDer(decrypt(block.bytes, source.passphrase, what), 'pkcs8', what);
};

/**
 * The first private key in PEM text or the one in DER bytes, whatever its encoding.
 * Throws KeyInvalid, KeyUnsupported, PassphraseRequired, PassphraseWrong, PemInvalid, DerInvalid, InputTooLarge.
 */
export const importPrivateKey = (input: string | Uint8Array, source: KeySource = {}): KeyObject => {
  const what = source.what ?? 'private key';
  if (typeof input !== 'string' && !looksLikePem(input)) {
    const encoding = derEncoding(input, what);
    return encoding === 'encrypted' ? importDer(decrypt(input, source.passphrase, what), 'pkcs8', what) : importDer(input, encoding, what);
  }
  const text = typeof input === 'string' ? input : fromUtf8(input);
  const block = decodePem(text ?? '', what).find(({ label }) => isPrivateKeyLabel(label));
  return block === undefined ? refuse(what) : importPrivateKeyBlock(block, source);
};

export type PrivateKeyEncoding = {
  /** `traditional` is PKCS#1 for RSA and SEC1 for ECDSA, as cfssl and OpenSSL's old commands write; other keys have PKCS#8 alone. */
  readonly encoding?: 'pkcs8' | 'traditional';
  readonly passphrase?: { readonly text: string; readonly random: (length: number) => Uint8Array };
};

/** A private key as PEM. This is the one place where a key becomes text. */
export const exportPrivateKey = (key: KeyObject, { encoding = 'pkcs8', passphrase }: PrivateKeyEncoding = {}): string => {
  if (passphrase !== undefined)
    return encodePem('ENCRYPTED PRIVATE KEY', encryptPkcs8(exportPkcs8(key), passphrase.text, { random: passphrase.random }));
  const type =
    encoding === 'pkcs8' ? 'pkcs8' : key.asymmetricKeyType === 'rsa' ? 'pkcs1' : key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs8';
  return key.export({ format: 'pem', type }).toString();
};

/** A private key as PKCS#8 DER. */
export const exportPkcs8 = (key: KeyObject): Uint8Array => key.export({ format: 'der', type: 'pkcs8' });

/** The hash an algorithm signs with by default, undefined for the ones that bring their own. Sizes as cfssl chooses them. */
export const defaultDigest = (algorithm: KeyAlgorithm): 'sha256' | 'sha384' | 'sha512' | undefined => {
  if (isRsa(algorithm)) return rsaBits(algorithm) >= 4096 ? 'sha512' : rsaBits(algorithm) >= 3072 ? 'sha384' : 'sha256';
  return ({ 'ecdsa-p256': 'sha256', 'ecdsa-p384': 'sha384', 'ecdsa-p521': 'sha512' } as const)[algorithm as 'ecdsa-p256'];
};

const possessionProbe = Buffer.from('certwright: does this private key belong to this public key?');

/**
 * Whether a private key belongs to a public key. The stored public half is compared, and a signature is made and checked, because a key file
 * may carry a public half that is not its own.
 */
export const keyBelongsTo = (key: KeyObject, publicKey: PublicKey): boolean => {
  if (!equalBytes(publicKeyOf(key).spki, publicKey.spki)) return false;
  const digest = defaultDigest(publicKey.algorithm) ?? null;
  let signature: Uint8Array;
  try {
    signature = sign(digest, possessionProbe, key);
  } catch {
    // Numbers that do not belong together may keep a key from signing at all. It is then the key of nothing.
    return false;
  }
  return verify(digest, possessionProbe, publicKeyObject(publicKey), signature);
};

/** Throws KeyMismatch where a private key does not belong to a public key; both are named in the words given. */
export const requireKeyBelongsTo = (
  key: KeyObject,
  publicKey: PublicKey,
  names: { readonly key: string; readonly certificate: string },
): void => {
  if (!keyBelongsTo(key, publicKey))
    throw new CodedError('KeyMismatch', `cannot use ${names.key}: it is not the key of ${names.certificate}`, {
      hint: 'put the key and the certificate of one pair beside each other',
    });
};
