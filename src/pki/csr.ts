// PKCS#10 requests (RFC 2986): made, read, and checked for proof of possession. What a request asks for is only asked for; what gets
// signed is decided by the template.

import type { KeyObject } from 'node:crypto';
import { fromUtf8 } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import {
  atEnd,
  contextConstructedTag,
  type DerReader,
  derReader,
  element,
  enter,
  enterWhole,
  expectEnd,
  octetBitString,
  readElement,
  readOctetBitString,
  readOptional,
  readSmallInteger,
  sequence,
  setOf,
  smallInteger,
  tag,
} from './der.ts';
import { type Extension, encodeExtensions, encodeGeneralNames, readExtensions } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { decodeKnownExtensions, type KnownExtensions } from './known-extensions.ts';
import { isEmptyName, type Name, readName } from './name.ts';
import { encodeOid, oid, readOid } from './oid.ts';
import { encodePem, looksLikePem, pemBlock } from './pem.ts';
import { acceptPublicKey, type PublicKey, readSubjectPublicKeyInfo } from './public-key.ts';
import { isSignatureValid, readSignatureAlgorithm, type SignatureAlgorithm, type Signer } from './signature-algorithm.ts';

/** A request: what it asks for, and the bytes as received. */
export type Csr = KnownExtensions & {
  readonly raw: Uint8Array;
  /** The signed bytes: CertificationRequestInfo. */
  readonly info: Uint8Array;
  readonly subject: Name;
  readonly publicKey: PublicKey;
  /** Types of all attributes, in order. */
  readonly attributes: readonly string[];
  readonly extensions: readonly Extension[];
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
};

const invalid = (problem: string): never => {
  throw new CodedError('CsrInvalid', `cannot read certificate request: ${problem}`);
};

const maxAttributes = 100;

const readAttributes = (content: Uint8Array): { readonly types: readonly string[]; readonly extensions: readonly Extension[] } => {
  const reader = derReader(content, 'request attributes');
  const types = new Set<string>();
  let extensions: readonly Extension[] = [];
  while (!atEnd(reader)) {
    if (types.size >= maxAttributes)
      throw new CodedError('InputTooLarge', `cannot read certificate request: more than ${maxAttributes} attributes`);
    const inner = enter(reader, tag.sequence, 'request attribute');
    const type = readOid(inner);
    const values = readElement(inner, tag.set, 'request attribute values');
    expectEnd(inner);
    if (types.has(type)) return invalid(`attribute ${type} stands twice`);
    types.add(type);
    if (type !== oid.extensionRequest) continue;
    const value: DerReader = derReader(values.content, 'requested extensions');
    extensions = readExtensions(value, 'requested extensions');
    expectEnd(value);
  }
  return { types: [...types], extensions };
};

/** A request of DER bytes, nothing after it. Its signature is not checked: verifyCsr does. Throws CsrInvalid, KeyUnsupported and the like. */
export const parseCsr = (der: Uint8Array): Csr => {
  const outer = enterWhole(der, tag.sequence, 'certificate request');
  const info = readElement(outer, tag.sequence);
  const signatureAlgorithm = readSignatureAlgorithm(readElement(outer, tag.sequence, 'signature algorithm'));
  const signature = readOctetBitString(outer, 'signature');
  expectEnd(outer);
  const reader = derReader(info.content, 'certificate request');
  if (readSmallInteger(reader, 0x7fffffff, 'version') !== 0) return invalid('its version is not 1');
  const subject = readName(reader, 'subject');
  const publicKey = acceptPublicKey(readSubjectPublicKeyInfo(reader));
  // RFC 2986 wants the attributes present, if empty; some tools leave an empty set out, and OpenSSL takes that too.
  const { types, extensions } = readAttributes(readOptional(reader, contextConstructedTag(0))?.content ?? new Uint8Array());
  expectEnd(reader);
  return {
    raw: der,
    info: info.raw,
    subject,
    publicKey,
    attributes: types,
    extensions,
    signatureAlgorithm,
    signature,
    ...decodeKnownExtensions(extensions),
  };
};

/** A request of PEM text or DER bytes. */
export const readCsr = (input: string | Uint8Array, what = 'certificate request'): Csr => {
  if (typeof input !== 'string' && !looksLikePem(input)) return parseCsr(input);
  const text = typeof input === 'string' ? input : (fromUtf8(input) ?? '');
  return parseCsr(pemBlock(text, ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'], what).bytes);
};

/** Throws CsrSignatureInvalid unless the request is signed by the key inside it; returns that key. */
export const verifyCsr = (csr: Csr, keyHandle?: KeyObject): PublicKey => {
  if (!isSignatureValid(csr.signatureAlgorithm, csr.info, csr.publicKey, csr.signature, keyHandle))
    throw new CodedError('CsrSignatureInvalid', 'cannot accept certificate request: it is not signed by the key inside it', {
      hint: 'make the request again with the private key of the public key it carries',
    });
  return csr.publicKey;
};

export type CsrTemplate = {
  readonly subject: Name;
  readonly subjectAltNames?: readonly GeneralName[];
  /** Further requested extensions, in order. */
  readonly extensions?: readonly Extension[];
};

/** The extensions a request asks for: alternative names first, critical where the subject is empty. */
const requestedExtensions = ({ subject, subjectAltNames = [], extensions = [] }: CsrTemplate): readonly Extension[] =>
  subjectAltNames.length === 0
    ? extensions
    : [{ oid: oid.subjectAltName, critical: isEmptyName(subject), value: encodeGeneralNames(subjectAltNames) }, ...extensions];

/** Makes a request signed by the key it is for. */
export const makeCsr = async (template: CsrTemplate, signer: Signer): Promise<Csr> => {
  const extensions = requestedExtensions(template);
  const attributes = extensions.length === 0 ? [] : [sequence(encodeOid(oid.extensionRequest), setOf([encodeExtensions(extensions)]))];
  const info = sequence(smallInteger(0), template.subject.raw, signer.publicKey.spki, element(contextConstructedTag(0), ...attributes));
  const signature = await signer.sign(info);
  return parseCsr(sequence(info, signer.algorithm.raw, octetBitString(signature)));
};

/** A request as PEM. */
export const csrPem = (csr: Pick<Csr, 'raw'>): string => encodePem('CERTIFICATE REQUEST', csr.raw);
