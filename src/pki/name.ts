// Distinguished names (X.501): DER in and out with order and multi-valued RDNs kept, the bytes as received kept, and comparison by
// RFC 5280 section 7.1. Text form is name-text.ts.

import { equalBytes, fromUtf8, toHex, toUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import {
  atEnd,
  type DerElement,
  type DerReader,
  derReader,
  element,
  enter,
  isSetOrder,
  readAny,
  sequence,
  sequenceOf,
  setOf,
  tag,
} from './der.ts';
import { encodeOid, oid, readOid } from './oid.ts';

/** One attribute: its type as a dotted identifier, its text where it has one, and its value's DER. */
export type NameAttribute = { readonly type: string; readonly value: string | undefined; readonly encoded: Uint8Array };

/** A distinguished name: its relative names in order, and its DER. */
export type Name = { readonly rdns: readonly (readonly NameAttribute[])[]; readonly raw: Uint8Array };

const maxRdns = 1000;

/** Characters of PrintableString (X.680). */
const printable = /^[A-Za-z0-9 '()+,\-./:=?]*$/;
const ascii = /^\p{ASCII}*$/u;

const latin1 = (content: Uint8Array): string => Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');

const decodeBmp = (content: Uint8Array): string | undefined => {
  if (content.length % 2 !== 0) return undefined;
  const text = Buffer.from(content).swap16().toString('utf16le');
  return /[\ud800-\udfff]/.test(text) ? undefined : text;
};

const decodeUniversal = (content: Uint8Array): string | undefined => {
  if (content.length % 4 !== 0) return undefined;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const characters: string[] = [];
  for (let i = 0; i < content.length; i += 4) {
    const point = view.getUint32(i);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    characters.push(String.fromCodePoint(point));
  }
  return characters.join('');
};

/** The text of a string element of any X.509 string type; undefined where it is not one of them or breaks its rules. */
export const decodeString = ({ tag: stringTag, content }: DerElement): string | undefined => {
  const narrow = (allowed: RegExp): string | undefined => {
    const text = latin1(content);
    return allowed.test(text) ? text : undefined;
  };
  switch (stringTag) {
    case tag.utf8String:
      return fromUtf8(content);
    case tag.printableString:
      // Real certificates hold * @ _ and & in PrintableStrings; they are read as what they plainly say.
      return narrow(/^[\x20-\x7e]*$/);
    case tag.ia5String:
    case tag.visibleString:
      return narrow(ascii);
    case tag.numericString:
      return narrow(/^[0-9 ]*$/);
    case tag.teletexString:
      return latin1(content);
    case tag.bmpString:
      return decodeBmp(content);
    case tag.universalString:
      return decodeUniversal(content);
    default:
      return undefined;
  }
};

const stringTags: ReadonlySet<number> = new Set([
  tag.utf8String,
  tag.printableString,
  tag.ia5String,
  tag.visibleString,
  tag.numericString,
  tag.teletexString,
  tag.bmpString,
  tag.universalString,
]);

const readAttribute = (reader: DerReader): NameAttribute => {
  const inner = enter(reader, tag.sequence, 'name attribute');
  const type = readOid(inner, 'attribute type');
  const found = readAny(inner);
  if (!atEnd(inner)) throw new CodedError('NameInvalid', 'cannot read name: an attribute has more than type and value');
  const value = decodeString(found);
  if (value === undefined && stringTags.has(found.tag))
    throw new CodedError('NameInvalid', `cannot read name: the value of attribute ${type} breaks the rules of its string type`);
  return { type, value, encoded: found.raw };
};

/** Reads a Name. Throws NameInvalid or DerInvalid. */
export const readName = (reader: DerReader, part = 'name'): Name => {
  const from = reader.offset;
  const outer = enter(reader, tag.sequence, part);
  const rdns: NameAttribute[][] = [];
  while (!atEnd(outer)) {
    if (rdns.length >= maxRdns) throw new CodedError('InputTooLarge', `cannot read ${part}: more than ${maxRdns} parts`);
    const inner = enter(outer, tag.set, part);
    const members: Uint8Array[] = [];
    const attributes: NameAttribute[] = [];
    do {
      const start = inner.offset;
      attributes.push(readAttribute(inner));
      // A set of one is in order, and nearly every one is.
      if (members.length > 0 || !atEnd(inner)) members.push(inner.bytes.subarray(start, inner.offset));
    } while (!atEnd(inner));
    if (!isSetOrder(members)) throw new CodedError('NameInvalid', `cannot read ${part}: a multi-valued part is not in DER order`);
    rdns.push(attributes);
  }
  return { rdns, raw: reader.bytes.subarray(from, reader.offset) };
};

/** A Name of DER bytes, nothing after it. */
export const parseName = (der: Uint8Array): Name => {
  const reader = derReader(der, 'name');
  const name = readName(reader);
  if (!atEnd(reader)) throw new CodedError('DerInvalid', 'cannot read name: unexpected bytes at the end');
  return name;
};

/** Types that RFC 5280 appendix A wants as PrintableString, and as IA5String; all others become UTF8String. */
const printableTypes: ReadonlySet<string> = new Set([oid.country, oid.serialNumber, oid.dnQualifier]);
const ia5Types: ReadonlySet<string> = new Set([oid.emailAddress, oid.domainComponent]);

/** An attribute of text, in the string type its definition wants. Throws NameInvalid where the text does not fit that type. */
export const nameAttribute = (type: string, value: string): NameAttribute => {
  const misfit = (wanted: string): never => {
    throw new CodedError('NameInvalid', `cannot encode name: ${quote(value)} does not fit ${wanted}, which attribute ${type} must be`);
  };
  if (/[\ud800-\udfff]/.test(value.replace(/[\ud800-\udbff][\udc00-\udfff]/g, ''))) misfit('UTF-8');
  if (printableTypes.has(type) && !printable.test(value)) misfit('PrintableString');
  if (ia5Types.has(type) && !ascii.test(value)) misfit('IA5String');
  const stringTag = printableTypes.has(type) ? tag.printableString : ia5Types.has(type) ? tag.ia5String : tag.utf8String;
  return { type, value, encoded: element(stringTag, toUtf8(value)) };
};

/**
 * A Name of relative names in order; the attributes of one stand in the order DER wants. Read back from its DER, so that no name is made that
 * could not be read. Throws NameInvalid, OidInvalid, DerInvalid.
 */
export const makeName = (rdns: readonly (readonly NameAttribute[])[]): Name =>
  parseName(sequenceOf(rdns.map((rdn) => setOf(rdn.map(({ type, encoded }) => sequence(encodeOid(type), encoded))))));

/** The name without parts. */
export const emptyName: Name = makeName([]);

export const isEmptyName = (name: Name): boolean => name.rdns.length === 0;

/** The usual subject: organizations first, one RDN each, then the common name. Kubernetes takes every organization as a group. */
export const subjectName = (commonName: string, organizations: readonly string[] = []): Name =>
  makeName([...organizations.map((value) => [nameAttribute(oid.organization, value)]), [nameAttribute(oid.commonName, commonName)]]);

/** The texts of every attribute of a type, in order, whatever RDN they stand in. */
export const attributeValues = (name: Name, type: string): string[] =>
  name.rdns.flat().flatMap((attribute) => (attribute.type === type && attribute.value !== undefined ? [attribute.value] : []));

/** The last common name, the most specific one; undefined where there is none. */
export const commonNameOf = (name: Name): string | undefined => attributeValues(name, oid.commonName).at(-1);

/** What two attributes are compared by: letters folded and blanks squeezed (RFC 5280 section 7.1, RFC 4518), or their bytes. */
const comparable = ({ type, value, encoded }: NameAttribute): string =>
  value === undefined
    ? `${type}:${toHex(encoded)}`
    : // Upper case in between, for lower case alone keeps apart what case folding joins: Σ at the end of a word, ß and ss.
      `${type}=${value.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC').replace(/\s+/g, ' ').trim()}`;

const comparableRdn = (rdn: readonly NameAttribute[]): string => JSON.stringify(rdn.map(comparable).sort());

/** Names that isSameName calls the same have the same key, all others another one. */
export const nameKey = (name: Name): string => JSON.stringify(name.rdns.map(comparableRdn));

/** Whether two names are the same by RFC 5280 section 7.1. */
export const isSameName = (a: Name, b: Name): boolean =>
  equalBytes(a.raw, b.raw) || (a.rdns.length === b.rdns.length && isNameWithin(a, b));

/** Whether a name starts with every part of a base, as a directory subtree holds it (RFC 5280 section 4.2.1.10). */
export const isNameWithin = (name: Name, base: Name): boolean =>
  base.rdns.length <= name.rdns.length && base.rdns.every((rdn, i) => comparableRdn(rdn) === comparableRdn(name.rdns[i] ?? []));
