// As much of a certificate as a keystore needs to put certificates in order: who issued it, whom it is for, and whose key it holds.
// It checks no signature and no date: what a chain is worth is for chain validation to say.

import { hash } from 'node:crypto';
import { toHex } from '../base/bytes.ts';
import {
  atEnd,
  contextConstructedTag,
  contextTag,
  type DerElement,
  derReader,
  enter,
  enterWhole,
  expectEnd,
  readAll,
  readAny,
  readElement,
  readInteger,
  readOctetString,
  readOptional,
  tag,
} from './der.ts';
import { oid, readOid } from './oid.ts';

/** Names and keys are kept as hex, so that they compare and index by value. */
export type CertificateOutline = {
  readonly der: Uint8Array;
  /** SHA-256 of the encoding. */
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: string;
  /** The identifier of its own key, and the one of its issuer's, where it says so (RFC 5280 sections 4.2.1.2 and 4.2.1.1). */
  readonly subjectKeyId: string | undefined;
  readonly authorityKeyId: string | undefined;
};

const hex = (bytes: Uint8Array): string => toHex(bytes);

const readKeyIds = (extensions: DerElement | undefined): Pick<CertificateOutline, 'subjectKeyId' | 'authorityKeyId'> => {
  let subjectKeyId: string | undefined;
  let authorityKeyId: string | undefined;
  for (const extension of extensions === undefined ? [] : readAll(enterWhole(extensions.content, tag.sequence, 'extensions'))) {
    const reader = enterWhole(extension.raw, tag.sequence, 'extension');
    const type = readOid(reader);
    readOptional(reader, tag.boolean);
    const value = readOctetString(reader, 'extension value');
    if (type === oid.subjectKeyIdentifier) subjectKeyId = hex(readOctetString(derReader(value, 'subject key identifier')));
    if (type !== oid.authorityKeyIdentifier) continue;
    const keyId = readOptional(enterWhole(value, tag.sequence, 'authority key identifier'), contextTag(0));
    authorityKeyId = keyId === undefined ? undefined : hex(keyId.content);
  }
  return { subjectKeyId, authorityKeyId };
};

/** Reads the outline of a certificate; throws DerInvalid, OidInvalid where it has none. */
export const readCertificateOutline = (der: Uint8Array): CertificateOutline => {
  const certificate = enterWhole(der, tag.sequence, 'certificate in keystore');
  const tbs = enter(certificate, tag.sequence, 'certificate in keystore');
  readElement(certificate, tag.sequence, 'signature algorithm');
  readElement(certificate, tag.bitString, 'signature');
  expectEnd(certificate);
  readOptional(tbs, contextConstructedTag(0));
  readInteger(tbs, 'serial number');
  readElement(tbs, tag.sequence, 'signature algorithm');
  const issuer = readElement(tbs, tag.sequence, 'issuer').raw;
  readElement(tbs, tag.sequence, 'validity');
  const subject = readElement(tbs, tag.sequence, 'subject').raw;
  const publicKey = readElement(tbs, tag.sequence, 'public key').raw;
  let extensions: DerElement | undefined;
  while (!atEnd(tbs)) {
    const part = readAny(tbs);
    if (part.tag === contextConstructedTag(3)) extensions = part;
  }
  return {
    der,
    id: hash('sha256', der, 'hex'),
    issuer: hex(issuer),
    subject: hex(subject),
    publicKey: hex(publicKey),
    ...readKeyIds(extensions),
  };
};
