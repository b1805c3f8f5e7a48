// Distinguished names as text: RFC 4514 in and out. Most specific part first, as that RFC has it; types without a short name by OID;
// values that are not strings as #hex of their DER.

import { fromHex, fromUtf8, toHex } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { derReader, expectEnd, readAny } from './der.ts';
import { decodeString, emptyName, makeName, type Name, type NameAttribute, nameAttribute } from './name.ts';
import { encodeOid, oid } from './oid.ts';

/** Short names: those of RFC 4514 first, then the ones OpenSSL and people use for the rest. */
const shortNames: Readonly<Record<string, string>> = {
  CN: oid.commonName,
  L: oid.locality,
  ST: oid.stateOrProvince,
  O: oid.organization,
  OU: oid.organizationalUnit,
  C: oid.country,
  STREET: oid.street,
  DC: oid.domainComponent,
  UID: oid.userId,
  SN: oid.surname,
  GN: oid.givenName,
  SERIALNUMBER: oid.serialNumber,
  POSTALCODE: oid.postalCode,
  TITLE: oid.title,
  INITIALS: oid.initials,
  PSEUDONYM: oid.pseudonym,
  DNQUALIFIER: oid.dnQualifier,
  GENERATIONQUALIFIER: oid.generationQualifier,
  X500UNIQUEIDENTIFIER: oid.uniqueIdentifier,
  EMAILADDRESS: oid.emailAddress,
};

const oidByShortName: ReadonlyMap<string, string> = new Map([
  ...Object.entries(shortNames),
  ['S', oid.stateOrProvince],
  ['SURNAME', oid.surname],
  ['GIVENNAME', oid.givenName],
  ['E', oid.emailAddress],
  ['EMAIL', oid.emailAddress],
]);
const shortNameByOid: ReadonlyMap<string, string> = new Map(Object.entries(shortNames).map(([short, type]) => [type, short]));

/** The short name of an attribute type (`CN`), or its dotted identifier. */
export const attributeTypeName = (type: string): string => shortNameByOid.get(type) ?? type;

/** The attribute type a word means, letter case aside, `OID.` before a dotted identifier allowed; undefined where it means none. */
export const parseAttributeType = (word: string): string | undefined => {
  const dotted = /^(?:OID\.)?([0-2](?:\.\d+)+)$/i.exec(word)?.[1];
  return dotted ?? oidByShortName.get(word.toUpperCase());
};

const escapeValue = (value: string): string =>
  value
    .replace(/["+,;<>\\]/g, '\\$&')
    .replace(/\p{Cc}/gu, (control) => Buffer.from(control, 'utf8').toString('hex').replace(/../g, '\\$&'))
    .replace(/^[ #]| $/g, '\\$&');

const formatAttribute = ({ type, value, encoded }: NameAttribute): string =>
  `${attributeTypeName(type)}=${value === undefined ? `#${toHex(encoded)}` : escapeValue(value)}`;

/** RFC 4514 text, most specific part first; parts of one RDN joined by `+`. */
export const formatName = (name: Name): string =>
  name.rdns
    .map((rdn) => rdn.map(formatAttribute).join('+'))
    .reverse()
    .join(',');

const maxText = 64 * 1024;

/** Takes an RFC 4514 text apart at unescaped separators, in one pass. */
type Token = { readonly text: string; readonly separator: string };

const split = (text: string): Token[] => {
  const tokens: Token[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? '';
    if (character === '\\') i++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === ',' || character === ';' || character === '+')) {
      tokens.push({ text: text.slice(start, i), separator: character });
      start = i + 1;
    }
  }
  tokens.push({ text: text.slice(start), separator: '' });
  return tokens;
};

const unescapeValue = (source: string, whole: string): string => {
  const invalid = (problem: string): never => {
    throw new CodedError('NameInvalid', `cannot read name ${quote(whole)}: ${problem}`);
  };
  // Blanks around a value do not count, but an escaped one at the end does.
  let end = source.length;
  while (end > 0 && source[end - 1] === ' ') end--;
  let backslashes = 0;
  while (source[end - 1 - backslashes] === '\\') backslashes++;
  if (backslashes % 2 === 1 && end < source.length) end++;
  let text = source.slice(0, end).replace(/^ +/, '');
  // Quotation marks around a value are of RFC 2253, and still written.
  const quoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
  if (quoted) text = text.slice(1, -1);
  else if (text.startsWith('#')) return invalid('a value after # is hex of its DER; the character itself is written \\#');
  const octets: Buffer[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? '';
    if (character !== '\\') {
      const point = text.codePointAt(i) ?? 0;
      if (character === '"' || (!quoted && (character === '<' || character === '>')))
        return invalid(`${quote(character)} stands without a backslash before it`);
      if (point >= 0xd800 && point <= 0xdfff) return invalid('it holds half a character');
      octets.push(Buffer.from(String.fromCodePoint(point), 'utf8'));
      if (point > 0xffff) i++;
      continue;
    }
    const pair = text.slice(i + 1, i + 3);
    if (/^[0-9a-fA-F]{2}$/.test(pair)) {
      octets.push(Buffer.from(pair, 'hex'));
      i += 2;
    } else if (/^[ "#+,;<=>\\]/.test(pair)) {
      octets.push(Buffer.from(pair.slice(0, 1), 'utf8'));
      i += 1;
    } else return invalid('a backslash must stand before a special character or two hex digits');
  }
  return fromUtf8(Buffer.concat(octets)) ?? invalid('its bytes are not UTF-8');
};

const parseAttribute = (token: string, whole: string): NameAttribute => {
  const equals = token.indexOf('=');
  const word = token.slice(0, Math.max(equals, 0)).trim();
  const type = parseAttributeType(word);
  if (equals < 0 || type === undefined)
    throw new CodedError('NameInvalid', `cannot read name ${quote(whole)}: ${quote(word === '' ? token : word)} is not an attribute type`, {
      hint: 'write it as RFC 4514 does: CN=alice,O=dev',
    });
  encodeOid(type);
  const source = token.slice(equals + 1);
  const hex = /^ *#([0-9a-fA-F]+) *$/.exec(source)?.[1];
  if (hex === undefined) return nameAttribute(type, unescapeValue(source, whole));
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new CodedError('NameInvalid', `cannot read name ${quote(whole)}: ${quote(hex)} is not hex of whole bytes`);
  const reader = derReader(bytes, 'name value');
  const found = readAny(reader);
  expectEnd(reader);
  return { type, value: decodeString(found), encoded: bytes };
};

/** A Name of RFC 4514 text. Throws NameInvalid naming what is wrong. The empty text is the empty name. */
export const parseNameText = (text: string): Name => {
  if (text.length > maxText) throw new CodedError('InputTooLarge', `cannot read name: ${text.length} characters are more than ${maxText}`);
  if (/^ *$/.test(text)) return emptyName;
  const rdns: NameAttribute[][] = [];
  let joins = false;
  for (const token of split(text)) {
    const attribute = parseAttribute(token.text, text);
    if (joins) rdns.at(-1)?.push(attribute);
    else rdns.push([attribute]);
    joins = token.separator === '+';
  }
  return makeName(rdns.reverse());
};
