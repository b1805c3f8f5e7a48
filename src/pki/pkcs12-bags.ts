// SafeContents of a PKCS#12 keystore (RFC 7292 section 4.2): bags with their attributes, in and out. Keys stay DER here.
// CRLs and secrets are passed over: a keystore for TLS has neither, and Java's hold secrets beside keys.

import { CodedError } from '../base/coded-error.ts';
import type { AlgorithmIdentifier } from './algorithm-identifier.ts';
import {
  contextConstructedTag,
  contextTag,
  type DerElement,
  derReader,
  element,
  enter,
  enterWhole,
  expectEnd,
  octetString,
  readAll,
  readElement,
  readOctetString,
  readOptional,
  readWhole,
  sequence,
  setOf,
  tag,
} from './der.ts';
import { encodeOid, oid, readOid } from './oid.ts';
import { readEncryptedPrivateKey } from './pbes2.ts';
import { pkcs12Oid } from './pkcs12-oids.ts';

/** Attributes that mean something here; all others are passed over. */
export type BagAttributes = {
  readonly friendlyName: string | undefined;
  readonly localKeyId: Uint8Array | undefined;
  /** Whether the certificate carries Oracle's mark of a trusted one. */
  readonly trusted: boolean;
};

/** A bag as it stands in the file. */
export type Bag = BagAttributes &
  (
    | { readonly kind: 'key'; readonly der: Uint8Array }
    | { readonly kind: 'shrouded'; readonly algorithm: AlgorithmIdentifier; readonly ciphertext: Uint8Array }
    | { readonly kind: 'certificate'; readonly der: Uint8Array }
  );

const maxDepth = 8;
const maxBags = 100_000;

const readBmpString = (value: DerElement): string => {
  const { content } = value;
  if (value.tag !== tag.bmpString || content.length % 2 !== 0)
    throw new CodedError('DerInvalid', 'cannot read friendly name in keystore: it is not a BMPString');
  const swapped = Buffer.from(content).swap16();
  return swapped.toString('utf16le');
};

const readAttributes = (element: DerElement | undefined): BagAttributes => {
  let friendlyName: string | undefined;
  let localKeyId: Uint8Array | undefined;
  let trusted = false;
  for (const attribute of element === undefined ? [] : readAll(derReader(element.content, 'attributes in keystore'))) {
    const reader = enterWhole(attribute.raw, tag.sequence, 'attribute in keystore');
    const type = readOid(reader);
    const values = readAll(enter(reader, tag.set, 'values of attribute in keystore'));
    expectEnd(reader);
    const [value] = values;
    if (type === pkcs12Oid.trustedKeyUsage) trusted = true;
    else if (type === pkcs12Oid.friendlyName && value !== undefined) friendlyName ??= readBmpString(value);
    else if (type === pkcs12Oid.localKeyId && value?.tag === tag.octetString) localKeyId ??= value.content;
  }
  return { friendlyName, localKeyId, trusted };
};

const readCertificateBag = (value: Uint8Array): Uint8Array => {
  const reader = enterWhole(value, tag.sequence, 'certificate bag');
  const type = readOid(reader);
  if (type !== pkcs12Oid.x509Certificate)
    throw new CodedError('KeystoreUnsupported', `cannot read certificate in keystore: its type ${type} is not X.509`);
  const explicit = enter(reader, contextConstructedTag(0), 'certificate in keystore');
  const der = readOctetString(explicit);
  expectEnd(explicit);
  expectEnd(reader);
  return der;
};

type Contents = { readonly der: Uint8Array; readonly depth: number };

/**
 * The bags of a SafeContents in the order of the file, nested SafeContents opened in place. Throws DerInvalid, OidInvalid,
 * KeystoreUnsupported, and InputTooLarge for more than 100,000 bags or eight levels.
 */
export const readSafeContents = (safeContents: Uint8Array): Bag[] => {
  const bags: Bag[] = [];
  // Last in, first out; what stands in a nested list is put on top, so order is kept. Each octet is walked over once for each level.
  const pending: { readonly bag: DerElement; readonly depth: number }[] = [];
  const push = ({ der, depth }: Contents): void => {
    if (depth > maxDepth) throw new CodedError('InputTooLarge', `cannot read keystore: its contents are nested deeper than ${maxDepth}`);
    const elements = readAll(enterWhole(der, tag.sequence, 'contents of keystore'), maxBags);
    for (const bag of elements.reverse()) pending.push({ bag, depth });
  };
  push({ der: safeContents, depth: 1 });
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const reader = enterWhole(next.bag.raw, tag.sequence, 'bag in keystore');
    const type = readOid(reader);
    const value = readElement(reader, contextConstructedTag(0), 'value of bag in keystore').content;
    const attributes = readAttributes(readOptional(reader, tag.set));
    expectEnd(reader);
    if (type === pkcs12Oid.keyBag)
      bags.push({ kind: 'key', der: readWhole(value, tag.sequence, 'private key in keystore').raw, ...attributes });
    else if (type === pkcs12Oid.shroudedKeyBag)
      bags.push({ kind: 'shrouded', ...readEncryptedPrivateKey(value, 'private key in keystore'), ...attributes });
    else if (type === pkcs12Oid.certificateBag) bags.push({ kind: 'certificate', der: readCertificateBag(value), ...attributes });
    else if (type === pkcs12Oid.safeContentsBag) push({ der: value, depth: next.depth + 1 });
    else if (type !== pkcs12Oid.crlBag && type !== pkcs12Oid.secretBag)
      throw new CodedError('KeystoreUnsupported', `cannot read keystore: ${type} is not a kind of bag`);
    if (bags.length > maxBags) throw new CodedError('InputTooLarge', `cannot read keystore: it has more than ${maxBags} bags`);
  }
  return bags;
};

const encodeAttribute = (type: string, value: Uint8Array): Uint8Array => sequence(encodeOid(type), setOf([value]));

const bmpString = (text: string): Uint8Array => element(tag.bmpString, Buffer.from(text, 'utf16le').swap16());

const encodeAttributes = ({ friendlyName, localKeyId, trusted }: BagAttributes): Uint8Array[] => {
  const attributes: Uint8Array[] = [];
  if (friendlyName !== undefined) attributes.push(encodeAttribute(pkcs12Oid.friendlyName, bmpString(friendlyName)));
  if (localKeyId !== undefined) attributes.push(encodeAttribute(pkcs12Oid.localKeyId, octetString(localKeyId)));
  if (trusted) attributes.push(encodeAttribute(pkcs12Oid.trustedKeyUsage, encodeOid(oid.anyExtendedKeyUsage)));
  return attributes.length === 0 ? [] : [setOf(attributes)];
};

const encodeBag = (type: string, value: Uint8Array, attributes: BagAttributes): Uint8Array =>
  sequence(encodeOid(type), element(contextConstructedTag(0), value), ...encodeAttributes(attributes));

/** A bag around an EncryptedPrivateKeyInfo. */
export const encodeShroudedKeyBag = (encryptedPrivateKeyInfo: Uint8Array, attributes: BagAttributes): Uint8Array =>
  encodeBag(pkcs12Oid.shroudedKeyBag, encryptedPrivateKeyInfo, attributes);

/** A bag around a certificate's DER. */
export const encodeCertificateBag = (certificate: Uint8Array, attributes: BagAttributes): Uint8Array =>
  encodeBag(
    pkcs12Oid.certificateBag,
    sequence(encodeOid(pkcs12Oid.x509Certificate), element(contextConstructedTag(0), octetString(certificate))),
    attributes,
  );

/** ContentInfo of type data around octets. */
export const encodeData = (octets: Uint8Array): Uint8Array =>
  sequence(encodeOid(pkcs12Oid.data), element(contextConstructedTag(0), octetString(octets)));

/** ContentInfo of type encryptedData around a ciphertext. */
export const encodeEncryptedData = (algorithm: Uint8Array, ciphertext: Uint8Array): Uint8Array =>
  sequence(
    encodeOid(pkcs12Oid.encryptedData),
    element(
      contextConstructedTag(0),
      sequence(Uint8Array.of(tag.integer, 1, 0), sequence(encodeOid(pkcs12Oid.data), algorithm, element(contextTag(0), ciphertext))),
    ),
  );
