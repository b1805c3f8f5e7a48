// Text forms of GeneralNames and the rules their syntax must keep: how a user's string becomes a typed name, and what is wrong with one.

import { fromHex, toHex, toUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { formatIpAddress, parseIpAddress } from '../base/ip-address.ts';
import { derReader, element, expectEnd, readAny, tag } from './der.ts';
import type { GeneralName } from './general-name.ts';
import { decodeString } from './name.ts';
import { formatName, parseNameText } from './name-text.ts';
import { encodeOid } from './oid.ts';

/** What is wrong with one label, undefined where nothing is. */
const labelProblem = (label: string): string | undefined => {
  if (label === '') return 'it has an empty label';
  if (label.length > 63) return 'a label is longer than 63 characters';
  if (!/^[A-Za-z0-9-]+$/.test(label)) return `label ${quote(label)} has characters other than letters, digits and hyphens`;
  if (label.startsWith('-') || label.endsWith('-')) return `label ${quote(label)} starts or ends with a hyphen`;
  // RFC 5890 section 2.3.1: hyphens in third and fourth place are reserved, and xn-- marks an A-label.
  if (label.slice(2, 4) === '--' && (!/^xn--/i.test(label) || label.length < 5)) return `label ${quote(label)} is reserved and no A-label`;
  return undefined;
};

/**
 * What is wrong with a DNS name as a SAN, undefined where nothing is: RFC 1123 labels, at most 253 characters, internationalised names as
 * A-labels only, `*` only as the whole first label.
 */
export const dnsNameProblem = (name: string): string | undefined => {
  if (/\P{ASCII}/u.test(name)) return 'it is not ASCII; internationalised names are written as A-labels (xn--…)';
  if (name.length > 253) return 'it is longer than 253 characters';
  const labels = name.split('.');
  const rest = labels[0] === '*' ? labels.slice(1) : labels;
  if (rest.length === 0) return 'a wildcard needs a name after it';
  if (rest.some((label) => label.includes('*'))) return 'a wildcard may only be the whole first label';
  const problem = rest.map(labelProblem).find((found) => found !== undefined);
  if (problem !== undefined) return problem;
  return /^\d+$/.test(rest.at(-1) ?? '') && labels[0] !== '*' && rest.length === 4 ? 'it looks like an IP address' : undefined;
};

/** What is wrong with an email address as a SAN (RFC 5280 section 4.2.1.6: a Mailbox, ASCII; no quoted local part, no address literal). */
export const emailProblem = (address: string): string | undefined => {
  if (address.length > 254) return 'it is longer than 254 characters';
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  if (local.length > 64 || !/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(local))
    return 'its part before the @ is not a plain local part';
  const domain = address.slice(at + 1);
  return domain.startsWith('*') ? 'its domain is a wildcard' : dnsNameProblem(domain);
};

/** The characters of RFC 3986, each percent sign before two hex digits. */
const uriText = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;

const authorityProblem = (authority: string): string | undefined => {
  const at = authority.indexOf('@');
  // Which of two is the last of the user's part is read differently by different programs.
  if (at !== authority.lastIndexOf('@')) return 'it has two @ before its host';
  const parts = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(authority.slice(at + 1));
  if (parts === null) return 'its host and port are malformed';
  const host = parts[1] ?? '';
  if (host.startsWith('['))
    return host.includes(':') && parseIpAddress(host.slice(1, -1)) !== undefined ? undefined : 'its host is not an IP address';
  // SPIFFE trust domains and the like: a host name of DNS syntax, wildcards aside.
  if (host.includes('*')) return 'its host is a wildcard';
  return parseIpAddress(host) === undefined ? dnsNameProblem(host) : undefined;
};

/** What is wrong with a URI as a SAN (RFC 5280 section 4.2.1.6: absolute, with a host name or address where it has an authority). */
export const uriProblem = (uri: string): string | undefined => {
  if (!uriText.test(uri)) return 'it has characters that no URI has';
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/.exec(uri)?.[0];
  if (scheme === undefined) return 'it has no scheme';
  const rest = uri.slice(scheme.length);
  if (rest === '') return 'it has nothing behind its scheme';
  return rest.startsWith('//') ? authorityProblem(/^[^/?#]*/.exec(rest.slice(2))?.[0] ?? '') : undefined;
};

/** Strings, structures and octets are carried as they are; values of other types are read differently, or not at all. */
const otherNameProblem = (value: Uint8Array): string | undefined => {
  const found = readAny(derReader(value, 'otherName value'));
  const isKnown = found.tag === tag.sequence || found.tag === tag.octetString || decodeString(found) !== undefined;
  return isKnown ? undefined : 'its value is no string, SEQUENCE or OCTET STRING';
};

/** What is wrong with the syntax of a name, undefined where nothing is. */
export const generalNameProblem = (name: GeneralName): string | undefined => {
  switch (name.type) {
    case 'dns':
      return dnsNameProblem(name.value);
    case 'email':
      return emailProblem(name.value);
    case 'uri':
      return uriProblem(name.value);
    case 'ip':
      return parseIpAddress(name.value) === undefined ? 'it is not an IP address' : undefined;
    case 'directoryName':
      return name.name.rdns.length === 0 ? 'it is the empty directory name' : undefined;
    case 'otherName':
      return otherNameProblem(name.value);
    case 'registeredId':
      return undefined;
    case 'unsupported':
      return 'x400Address and ediPartyName are not supported';
  }
};

const invalid = (text: string, problem: string): never => {
  throw new CodedError('SanInvalid', `cannot use ${quote(text)} as a subject alternative name: ${problem}`);
};

const parseOtherName = (source: string, text: string): GeneralName => {
  const parts = /^([0-9.]+);(UTF8|UTF8String|IA5|IA5STRING|DER):(.*)$/is.exec(source);
  if (parts === null) return invalid(text, 'write it as otherName:1.2.3.4;UTF8:value');
  const [, type = '', kind = '', value = ''] = parts;
  encodeOid(type);
  if (kind.toUpperCase() === 'DER') {
    const der = fromHex(value) ?? invalid(text, 'its value is not hex of whole bytes');
    const reader = derReader(der, 'otherName value');
    readAny(reader);
    expectEnd(reader);
    return { type: 'otherName', oid: type, value: der };
  }
  const stringTag = kind.toUpperCase().startsWith('UTF8') ? tag.utf8String : tag.ia5String;
  if (stringTag === tag.ia5String && /\P{ASCII}/u.test(value)) return invalid(text, 'its value is not ASCII');
  return { type: 'otherName', oid: type, value: element(stringTag, toUtf8(value)) };
};

const unchecked = (text: string): GeneralName => {
  const prefixed = /^(dns|ip|ip address|email|uri|dirname|rid|registered id|othername):(.*)$/is.exec(text);
  const value = (prefixed?.[2] ?? text).trim();
  switch (prefixed?.[1]?.toLowerCase()) {
    case 'dns':
      return { type: 'dns', value };
    case 'email':
      return { type: 'email', value };
    case 'uri':
      return { type: 'uri', value };
    case 'dirname':
      return { type: 'directoryName', name: parseNameText(value) };
    case 'rid':
    case 'registered id':
      encodeOid(value);
      return { type: 'registeredId', oid: value };
    case 'othername':
      return parseOtherName(value, text);
    case 'ip':
    case 'ip address': {
      const octets = parseIpAddress(value);
      return octets === undefined ? invalid(text, 'it is not an IP address') : { type: 'ip', value: formatIpAddress(octets) };
    }
    default: {
      const octets = parseIpAddress(value);
      if (octets !== undefined) return { type: 'ip', value: formatIpAddress(octets) };
      if (/^[^:]+:\d{1,5}$/.test(value)) return invalid(text, 'it looks like a host with a port, and a certificate names no ports');
      if (value.includes('://')) return { type: 'uri', value };
      if (value.includes('@')) return { type: 'email', value };
      return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(value) ? { type: 'uri', value } : { type: 'dns', value };
    }
  }
};

/**
 * The typed name a user's string means: an address, a URI, an email address, else a DNS name; or as its prefix says (`DNS:`, `IP:`, `URI:`,
 * `email:`, `dirName:`, `RID:`, `otherName:OID;UTF8:text`, the same with `IA5STRING:text` or `DER:hex`). Throws SanInvalid naming what is wrong.
 */
export const parseGeneralName = (text: string): GeneralName => {
  const name = unchecked(text.trim());
  const problem = generalNameProblem(name);
  return problem === undefined ? name : invalid(text, problem);
};

/** A name as text with its type before it, in the words of OpenSSL: `DNS:a.example`, `IP Address:10.0.0.1`. */
export const formatGeneralName = (name: GeneralName): string => {
  switch (name.type) {
    case 'dns':
      return `DNS:${name.value}`;
    case 'ip':
      return `IP Address:${name.value}`;
    case 'email':
      return `email:${name.value}`;
    case 'uri':
      return `URI:${name.value}`;
    case 'directoryName':
      return `dirName:${formatName(name.name)}`;
    case 'registeredId':
      return `Registered ID:${name.oid}`;
    case 'otherName': {
      const found = readAny(derReader(name.value, 'otherName value'));
      const kind = found.tag === tag.utf8String ? 'UTF8' : found.tag === tag.ia5String ? 'IA5STRING' : undefined;
      const text = decodeString(found);
      return `otherName:${name.oid};${kind === undefined || text === undefined ? `DER:${toHex(name.value)}` : `${kind}:${text}`}`;
    }
    case 'unsupported':
      return `unsupported:${toHex(name.raw)}`;
  }
};
