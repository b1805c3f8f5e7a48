// GeneralNames (RFC 5280 section 4.2.1.6): typed entries of subject alternative names and of name constraints, DER in and out.
// The type stays with the value in every comparison. Text forms and the rules of syntax are general-name-text.ts.

import { toHex } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { formatIpAddress, parseIpAddress } from '../base/ip-address.ts';
import {
  contextConstructedTag,
  contextTag,
  type DerElement,
  type DerReader,
  derReader,
  element,
  enter,
  expectEnd,
  readAny,
} from './der.ts';
import { type Name, parseName } from './name.ts';
import { decodeOid, encodeOid, readOid } from './oid.ts';

/** One typed name. `ip` is text by RFC 5952; `value` of otherName is the DER of the value inside its [0]. */
export type GeneralName =
  | { readonly type: 'dns'; readonly value: string }
  | { readonly type: 'ip'; readonly value: string }
  | { readonly type: 'email'; readonly value: string }
  | { readonly type: 'uri'; readonly value: string }
  | { readonly type: 'directoryName'; readonly name: Name }
  | { readonly type: 'otherName'; readonly oid: string; readonly value: Uint8Array }
  | { readonly type: 'registeredId'; readonly oid: string }
  /** x400Address and ediPartyName: kept as received. */
  | { readonly type: 'unsupported'; readonly raw: Uint8Array };

const ia5 = (content: Uint8Array, what: string): string => {
  for (const octet of content) if (octet > 0x7f) throw new CodedError('SanInvalid', `cannot read ${what}: it is not IA5String (ASCII)`);
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
};

/** A GeneralName of its element. Throws SanInvalid or DerInvalid. */
export const decodeGeneralName = (found: DerElement): GeneralName => {
  const { content } = found;
  switch (found.tag) {
    case contextTag(2):
      return { type: 'dns', value: ia5(content, 'DNS name') };
    case contextTag(1):
      return { type: 'email', value: ia5(content, 'email address') };
    case contextTag(6):
      return { type: 'uri', value: ia5(content, 'URI') };
    case contextTag(7):
      if (content.length !== 4 && content.length !== 16)
        throw new CodedError('SanInvalid', `cannot read IP address: it has ${content.length} octets, expected 4 or 16`);
      return { type: 'ip', value: formatIpAddress(content) };
    case contextTag(8):
      return { type: 'registeredId', oid: decodeOid(content) };
    case contextConstructedTag(4):
      return { type: 'directoryName', name: parseName(content) };
    case contextConstructedTag(0): {
      const reader = derReader(content, 'otherName');
      const type = readOid(reader);
      const wrapped = enter(reader, contextConstructedTag(0), 'otherName value');
      expectEnd(reader);
      const value = readAny(wrapped);
      expectEnd(wrapped);
      return { type: 'otherName', oid: type, value: value.raw };
    }
    case contextConstructedTag(3):
    case contextConstructedTag(5):
      return { type: 'unsupported', raw: found.raw };
    default:
      throw new CodedError('SanInvalid', `cannot read name: tag 0x${found.tag.toString(16)} is no GeneralName`);
  }
};

/** Reads one GeneralName. */
export const readGeneralName = (reader: DerReader): GeneralName => decodeGeneralName(readAny(reader));

const latin1 = (text: string): Uint8Array => {
  if (/\P{ASCII}/u.test(text)) throw new CodedError('SanInvalid', 'cannot encode name: it is not ASCII');
  return Buffer.from(text, 'latin1');
};

/** A GeneralName as its element. Throws SanInvalid for text that is not ASCII and addresses that are none. */
export const encodeGeneralName = (name: GeneralName): Uint8Array => {
  switch (name.type) {
    case 'dns':
      return element(contextTag(2), latin1(name.value));
    case 'email':
      return element(contextTag(1), latin1(name.value));
    case 'uri':
      return element(contextTag(6), latin1(name.value));
    case 'ip': {
      const octets = parseIpAddress(name.value);
      if (octets === undefined)
        throw new CodedError('SanInvalid', `cannot encode name: ${JSON.stringify(name.value)} is not an IP address`);
      return element(contextTag(7), octets);
    }
    case 'registeredId':
      return element(contextTag(8), encodeOid(name.oid).subarray(2));
    case 'directoryName':
      return element(contextConstructedTag(4), name.name.raw);
    case 'otherName':
      return element(contextConstructedTag(0), encodeOid(name.oid), element(contextConstructedTag(0), name.value));
    case 'unsupported':
      return name.raw;
  }
};

/** What two names are the same by: type and bytes, and for DNS names the text with letter case aside. */
export const generalNameKey = (name: GeneralName): string =>
  name.type === 'dns' ? `dns:${name.value.toLowerCase()}` : toHex(encodeGeneralName(name));

/** Whether two names are the same by generalNameKey. */
export const isSameGeneralName = (a: GeneralName, b: GeneralName): boolean => generalNameKey(a) === generalNameKey(b);
