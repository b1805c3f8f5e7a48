// What DER bytes are, told by their structure alone: the tags of the outermost elements and, where those are shared, of the first one inside.
// Nothing is tried and caught; a kind that is named here still has to be read by its own decoder.

import { atEnd, type DerElement, derReader, integerContent, readAny, tag } from './der.ts';

/** Kinds of DER that have a structure of their own. */
export type DerKind =
  | 'certificate'
  | 'certificate request'
  | 'revocation list'
  | 'public key'
  | 'rsa public key'
  | 'private key'
  | 'encrypted private key'
  | 'pkcs12'
  | 'pkcs7'
  | 'ocsp response';

/** The first elements of some content, at most `max`; undefined where they are no DER. */
const firstElements = (content: Uint8Array, max: number): readonly DerElement[] | undefined => {
  const reader = derReader(content, 'DER');
  const elements: DerElement[] = [];
  try {
    while (!atEnd(reader) && elements.length < max) elements.push(readAny(reader));
    return elements;
  } catch {
    // Malformed inside: no kind is told, and the caller says so.
    return undefined;
  }
};

const isTime = (found: number | undefined): boolean => found === tag.utcTime || found === tag.generalizedTime;

/** What a signed structure signs: certificate, request and revocation list are all {content, algorithm, signature}. */
const signedKind = (content: Uint8Array): DerKind | undefined => {
  const tags = firstElements(content, 7)?.map((element) => element.tag);
  if (tags === undefined) return undefined;
  const at = tags[0] === tag.integer ? 1 : 0;
  const isSequence = (place: number): boolean => tags[place] === tag.sequence;
  if (tags[0] === 0xa0) return tags[1] === tag.integer ? 'certificate' : undefined;
  if (isSequence(at) && isSequence(at + 1) && isTime(tags[at + 2])) return 'revocation list';
  if (at === 1 && isSequence(1) && isSequence(2) && isSequence(3) && isSequence(4)) return 'certificate';
  if (at === 1 && isSequence(1) && isSequence(2) && (tags[3] === 0xa0 || tags.length === 3)) return 'certificate request';
  return undefined;
};

const numberedKind = (parts: readonly DerElement[]): DerKind | undefined => {
  const [first, second, third] = parts;
  if (first === undefined || second === undefined) return undefined;
  if (second.tag === tag.integer) return parts.length === 2 ? 'rsa public key' : 'private key';
  if (second.tag === tag.octetString) return 'private key';
  if (second.tag !== tag.sequence) return undefined;
  // PKCS#8 has version 0 or 1 and then the key in an OCTET STRING; PKCS#12 has version 3 and then perhaps a MAC.
  if (third?.tag === tag.octetString) return 'private key';
  return integerContent(first, 'version')[0] === 3 ? 'pkcs12' : undefined;
};

/** The kind of one DER string; undefined where it has the structure of none. */
export const derKind = (der: Uint8Array): DerKind | undefined => {
  const outer = firstElements(der, 2);
  if (outer?.length !== 1 || outer[0]?.tag !== tag.sequence) return undefined;
  const parts = firstElements(outer[0].content, 16);
  const [first, second, third] = parts ?? [];
  if (parts === undefined || first === undefined) return undefined;
  switch (first.tag) {
    case tag.integer:
      return first.content.length === 0 ? undefined : numberedKind(parts);
    case tag.oid:
      return second?.tag === 0xa0 ? 'pkcs7' : undefined;
    case tag.enumerated:
      return 'ocsp response';
    case tag.sequence:
      if (second?.tag === tag.bitString) return 'public key';
      if (second?.tag === tag.octetString) return 'encrypted private key';
      return second?.tag === tag.sequence && third?.tag === tag.bitString && parts.length === 3 ? signedKind(first.content) : undefined;
    default:
      return undefined;
  }
};

/** Whether bytes begin as a JKS keystore does, told without loading what reads one. */
export const looksLikeJks = (bytes: Uint8Array): boolean =>
  bytes[0] === 0xfe && bytes[1] === 0xed && bytes[2] === 0xfe && bytes[3] === 0xed;
