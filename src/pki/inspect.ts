// What some bytes are and say: PEM with any number of blocks, DER, keystores, or base64 of one of these, as plain data. Private parts of keys
// are never in it. The form for people is inspect-text.ts; kubeconfigs are YAML and therefore the command's business, not this folder's.

import { CodedError, quote } from '../base/coded-error.ts';
import { parseCrl } from './crl.ts';
import { parseCsr } from './csr.ts';
import { derReader, enterWhole, nullElement, octetBitString, readAny, sequence, tag } from './der.ts';
import { type InspectedCertificate, type InspectedRequest, inspectCertificate, inspectRequest } from './inspect-certificate.ts';
import { type InspectedCrl, inspectCrl } from './inspect-crl.ts';
import { type InspectedPublicKey, inspectKeyObject, inspectPublicKey } from './inspect-key.ts';
import type { InspectedKeystore } from './inspect-keystore.ts';
import { type DerKind, derKind, looksLikeJks } from './inspect-kind.ts';
import { encodeOid, oid } from './oid.ts';
import { decodePem, looksLikePem, type PemBlock } from './pem.ts';
import { importPrivateKeyBlock, isPrivateKeyLabel } from './private-key.ts';
import { parseCertificate } from './x509-certificate.ts';

export type InspectedPrivateKey = {
  readonly kind: 'private key';
  readonly encrypted: boolean;
  /** Absent where it is encrypted and no passphrase was given. */
  readonly publicKey?: InspectedPublicKey;
};

/** A PEM block that is named and passed over. */
export type InspectedOther = { readonly kind: 'other'; readonly label: string; readonly bytes: number };

export type InspectedItem = (
  | InspectedCertificate
  | InspectedRequest
  | InspectedPrivateKey
  | { readonly kind: 'public key'; readonly publicKey: InspectedPublicKey }
  | InspectedCrl
  | InspectedKeystore
  | InspectedOther
) & {
  /** Which block of how many, counted from 1, where PEM holds several. */
  readonly block?: string;
};

export type InspectOptions = {
  /** Validity is told for this time. */
  readonly at: Date;
  /** Opens encrypted keys and keystores. */
  readonly passphrase?: string | undefined;
  /** Names the input in errors. */
  readonly what?: string;
};

const unrecognised = (what: string, problem: string, hint = 'give PEM, DER, a PKCS#12 or JKS keystore, or a kubeconfig'): never => {
  throw new CodedError('InspectUnrecognised', `cannot inspect ${what}: ${problem}`, { hint });
};

const privateKey = (block: PemBlock, encrypted: boolean, { passphrase, what }: InspectOptions): InspectedPrivateKey => {
  if (encrypted && passphrase === undefined) return { kind: 'private key', encrypted };
  const key = importPrivateKeyBlock(block, { passphrase, ...(what === undefined ? {} : { what }) });
  return { kind: 'private key', encrypted, publicKey: inspectKeyObject(key) };
};

/** PKCS#1 holds the bare RSA key; everything else speaks of it inside a SubjectPublicKeyInfo. */
const wrapRsaKey = (pkcs1: Uint8Array): Uint8Array => sequence(sequence(encodeOid(oid.rsaEncryption), nullElement), octetBitString(pkcs1));

const privateKeyLabel = (der: Uint8Array): string => {
  const reader = enterWhole(der, tag.sequence, 'private key');
  readAny(reader);
  const second = readAny(reader).tag;
  return second === tag.integer ? 'RSA PRIVATE KEY' : second === tag.octetString ? 'EC PRIVATE KEY' : 'PRIVATE KEY';
};

/** Keystores bring all of PKCS#12 and JKS with them, which is not loaded for showing a certificate. */
const keystore = async (
  bytes: Uint8Array,
  format: InspectedKeystore['format'],
  { passphrase, at }: InspectOptions,
): Promise<InspectedKeystore> => {
  const { inspectKeystore } = await import('./inspect-keystore.ts');
  return inspectKeystore(bytes, format, passphrase, at);
};

const inspectDerKind = async (der: Uint8Array, kind: DerKind, options: InspectOptions): Promise<InspectedItem> => {
  const what = options.what ?? 'input';
  const block = (label: string): PemBlock => ({ label, headers: new Map(), bytes: der });
  switch (kind) {
    case 'certificate':
      return inspectCertificate(parseCertificate(der), options.at);
    case 'certificate request':
      return inspectRequest(parseCsr(der));
    case 'public key':
      return { kind: 'public key', publicKey: inspectPublicKey(der) };
    case 'rsa public key':
      return { kind: 'public key', publicKey: inspectPublicKey(wrapRsaKey(der)) };
    case 'private key':
      return privateKey(block(privateKeyLabel(der)), false, options);
    case 'encrypted private key':
      return privateKey(block('ENCRYPTED PRIVATE KEY'), true, options);
    case 'pkcs12':
      return keystore(der, 'PKCS#12', options);
    case 'revocation list':
      return inspectCrl(parseCrl(der), options.at);
    case 'pkcs7':
      return unrecognised(what, 'it is PKCS#7', 'take its certificates out with `openssl pkcs7 -print_certs`');
    case 'ocsp response':
      return unrecognised(what, 'it is an OCSP response', 'read it with `openssl ocsp -respin FILE -text`');
  }
};

const kindByLabel: Readonly<Record<string, DerKind>> = {
  CERTIFICATE: 'certificate',
  'X509 CERTIFICATE': 'certificate',
  'TRUSTED CERTIFICATE': 'certificate',
  'CERTIFICATE REQUEST': 'certificate request',
  'NEW CERTIFICATE REQUEST': 'certificate request',
  'X509 CRL': 'revocation list',
  'PUBLIC KEY': 'public key',
  'RSA PUBLIC KEY': 'rsa public key',
  PKCS12: 'pkcs12',
  PKCS7: 'pkcs7',
};

const inspectBlock = async (block: PemBlock, options: InspectOptions): Promise<InspectedItem> => {
  const { label, bytes, headers } = block;
  if (isPrivateKeyLabel(label)) {
    const oldEncrypted = headers.get('Proc-Type')?.includes('ENCRYPTED') === true;
    return privateKey(block, oldEncrypted || label === 'ENCRYPTED PRIVATE KEY', options);
  }
  const kind = kindByLabel[label];
  if (kind === undefined) return { kind: 'other', label, bytes: bytes.length };
  // OpenSSL writes its opinion of a certificate behind it in TRUSTED CERTIFICATE.
  const der = label === 'TRUSTED CERTIFICATE' ? readAny(derReader(bytes, 'certificate')).raw : bytes;
  return inspectDerKind(der, kind, options);
};

const inPlace = (error: unknown, place: string): unknown =>
  error instanceof CodedError
    ? new CodedError(error.code, `${error.message} (${place})`, {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        ...(error.details === undefined ? {} : { details: error.details }),
        cause: error,
      })
    : error;

const inspectPem = async (bytes: Uint8Array, options: InspectOptions): Promise<readonly InspectedItem[]> => {
  const what = options.what ?? 'input';
  // Text around the blocks may be in any encoding; the blocks are ASCII.
  const blocks = decodePem(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'), what);
  const [only] = blocks;
  const items: InspectedItem[] = [];
  if (blocks.length === 1 && only !== undefined) items.push(await inspectBlock(only, options));
  else
    for (const [i, block] of blocks.entries())
      try {
        items.push({ ...(await inspectBlock(block, options)), block: `${i + 1} of ${blocks.length}` });
      } catch (error) {
        throw inPlace(error, `block ${i + 1} of ${blocks.length}`);
      }
  if (items.every(({ kind }) => kind === 'other'))
    unrecognised(what, `it holds only ${[...new Set(blocks.map(({ label }) => quote(label)))].slice(0, 5).join(', ')}`);
  return items;
};

const base64Text = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

const decodeBase64 = (bytes: Uint8Array): Uint8Array | undefined => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (!base64Text.test(text)) return undefined;
  const digits = text.replace(/\s+/g, '');
  return digits.length < 16 || digits.length % 4 !== 0 ? undefined : Buffer.from(digits, 'base64');
};

/** What bytes are, once base64 around them has been taken off; undefined where they are none of what this file knows. */
const inspectPlain = async (bytes: Uint8Array, options: InspectOptions): Promise<readonly InspectedItem[] | undefined> => {
  if (looksLikePem(bytes)) return inspectPem(bytes, options);
  if (looksLikeJks(bytes)) return [await keystore(bytes, 'JKS', options)];
  const kind = derKind(bytes);
  return kind === undefined ? undefined : [await inspectDerKind(bytes, kind, options)];
};

/**
 * Everything in some bytes, in order. Throws InspectUnrecognised for what is none of it, PassphraseRequired for a keystore without one, and
 * what the decoder of a kind throws for a damaged one.
 */
export const inspect = async (bytes: Uint8Array, options: InspectOptions): Promise<readonly InspectedItem[]> => {
  const what = options.what ?? 'input';
  if (bytes.length === 0) return unrecognised(what, 'it is empty');
  const found = await inspectPlain(bytes, options);
  if (found !== undefined) return found;
  // `kubectl get csr -o jsonpath={.status.certificate}` and Secrets give base64 of PEM.
  const inner = decodeBase64(bytes);
  const items = inner === undefined ? undefined : await inspectPlain(inner, options);
  return items ?? unrecognised(what, 'it is nothing that is known here');
};
