// cfssl's request files (`cfssl genkey request.json`), read as people have them: what they ask for in our terms. Field names match as Go
// matches them, letter case aside; fields that mean nothing here are named, not refused. Unlike cfssl it refuses host names that no client
// would accept, and a host's prefix (`DNS:`) has no meaning.

import { CodedError, quote } from '../base/coded-error.ts';
import { parseDurationMs } from '../base/duration.ts';
import { formatIpAddress, parseIpAddress } from '../base/ip-address.ts';
import type { GeneralName } from './general-name.ts';
import { generalNameProblem } from './general-name-text.ts';
import { type KeyAlgorithm, parseKeyAlgorithm } from './key-algorithm.ts';
import { makeName, type Name, type NameAttribute, nameAttribute } from './name.ts';
import { encodeOid, oid } from './oid.ts';

/** What a request file asks for. */
export type CfsslRequest = {
  /** C, ST, L, O, OU, CN, serial number, email and others in this order, as cfssl encodes them; one value to an RDN. */
  readonly subject: Name;
  readonly subjectAltNames: readonly GeneralName[];
  readonly keyAlgorithm: KeyAlgorithm;
  /** Present where the file describes a CA. Lifetimes in milliseconds. */
  readonly ca?: { readonly expiryMs?: number; readonly backdateMs?: number; readonly pathLength?: number };
  readonly crlUrl?: string;
  /** Fields that were passed over. */
  readonly ignored: readonly string[];
};

type Fields = Readonly<Record<string, unknown>>;

const maxCharacters = 1024 * 1024;
const maxNames = 10_000;

const refuse = (field: string, value: unknown, problem: string): never => {
  const shown = value === undefined ? '' : ` ${quote(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))}`;
  throw new CodedError('CfsslRequestInvalid', `cannot read cfssl request: ${field}${shown} ${problem}`);
};

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value of a field; null counts as absent, as it does in Go. */
const fieldOf = (fields: Fields, name: string): unknown => {
  const key = Object.hasOwn(fields, name) ? name : Object.keys(fields).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : (fields[key] ?? undefined);
};

const textOf = (fields: Fields, name: string, field: string): string => {
  const value = fieldOf(fields, name) ?? '';
  return typeof value === 'string' ? value : refuse(field, value, 'is not text');
};

const numberOf = (fields: Fields, name: string, field: string): number => {
  const value = fieldOf(fields, name) ?? 0;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : refuse(field, value, 'is not a whole number');
};

const listOf = (fields: Fields, name: string): readonly unknown[] => {
  const value = fieldOf(fields, name) ?? [];
  if (!Array.isArray(value)) return refuse(name, value, 'is not a list');
  return value.length > maxNames ? refuse(name, undefined, `has ${value.length} entries, at most ${maxNames} are taken`) : value;
};

const attribute = (type: string, value: string, field: string): NameAttribute => {
  try {
    encodeOid(type);
    return nameAttribute(type, value);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return refuse(field, value, `cannot stand in a subject: ${error.message}`);
  }
};

/** Fields of an entry of `names` and the attribute each is, in the order of the subject. */
const nameFields = [
  ['C', oid.country],
  ['ST', oid.stateOrProvince],
  ['L', oid.locality],
  ['O', oid.organization],
  ['OU', oid.organizationalUnit],
] as const;

const readSubject = (request: Fields): Name => {
  const names = listOf(request, 'names').map((entry, i) => (isFields(entry) ? entry : refuse(`names[${i}]`, entry, 'is not a map')));
  const collect = (field: string, type: string): readonly NameAttribute[] =>
    names.flatMap((entry, i) => {
      const value = textOf(entry, field, `names[${i}].${field}`);
      return value === '' ? [] : [attribute(type, value, `names[${i}].${field}`)];
    });
  const own = (field: string, type: string): readonly NameAttribute[] => {
    const value = textOf(request, field, field);
    return value === '' ? [] : [attribute(type, value, field)];
  };
  const others = names.flatMap((entry, i) => {
    const map = fieldOf(entry, 'OID') ?? {};
    if (!isFields(map)) return refuse(`names[${i}].OID`, map, 'is not a map');
    return Object.keys(map).map((type) =>
      /^[0-2](?:\.\d+)+$/.test(type)
        ? attribute(type, textOf(map, type, `names[${i}].OID[${quote(type)}]`), `names[${i}].OID[${quote(type)}]`)
        : refuse(`names[${i}].OID`, type, 'is not an object identifier'),
    );
  });
  const attributes = [
    ...nameFields.flatMap(([field, type]) => collect(field, type)),
    ...own('CN', oid.commonName),
    ...own('serialnumber', oid.serialNumber),
    ...collect('SerialNumber', oid.serialNumber),
    ...collect('E', oid.emailAddress),
    ...others,
  ];
  return makeName(attributes.map((part) => [part]));
};

/** Address, URI, email address or DNS name, told as cfssl tells them. */
const readHost = (text: string, field: string): GeneralName => {
  const octets = parseIpAddress(text);
  const name: GeneralName =
    octets !== undefined
      ? { type: 'ip', value: formatIpAddress(octets) }
      : text.includes('://')
        ? { type: 'uri', value: text }
        : text.includes('@')
          ? { type: 'email', value: text }
          : { type: 'dns', value: text };
  const problem = generalNameProblem(name);
  return problem === undefined ? name : refuse(field, text, `cannot be used: ${problem}`);
};

const readKey = (request: Fields): KeyAlgorithm => {
  const key = fieldOf(request, 'key') ?? {};
  if (!isFields(key)) return refuse('key', key, 'is not a map');
  const algo = textOf(key, 'algo', 'key.algo').toLowerCase();
  const size = numberOf(key, 'size', 'key.size');
  if (algo === 'ed25519') return 'ed25519';
  if (algo !== '' && algo !== 'ecdsa' && algo !== 'rsa') return refuse('key.algo', algo, 'is none of rsa, ecdsa and ed25519');
  if (algo === '' && size !== 0) return refuse('key.algo', undefined, 'is missing beside key.size');
  const bits = size !== 0 ? size : algo === 'rsa' ? 2048 : 256;
  const found = parseKeyAlgorithm(`${algo === 'rsa' ? 'rsa' : 'ecdsa'}-${bits}`);
  return found ?? refuse('key.size', size, algo === 'rsa' ? 'is not from 2048 to 8192' : 'is none of 256, 384 and 521');
};

const readLifetime = (ca: Fields, name: string): number | undefined => {
  const text = textOf(ca, name, `ca.${name}`);
  return text === '' ? undefined : (parseDurationMs(text) ?? refuse(`ca.${name}`, text, 'is not a duration such as 87600h'));
};

const readCa = (request: Fields): CfsslRequest['ca'] => {
  const ca = fieldOf(request, 'ca');
  if (ca === undefined) return undefined;
  if (!isFields(ca)) return refuse('ca', ca, 'is not a map');
  const expiryMs = readLifetime(ca, 'expiry');
  const backdateMs = readLifetime(ca, 'backdate');
  const pathLength = numberOf(ca, 'pathlen', 'ca.pathlen');
  const zero = fieldOf(ca, 'pathlenzero') ?? false;
  if (typeof zero !== 'boolean') return refuse('ca.pathlenzero', zero, 'is neither true nor false');
  if (pathLength < -1 || pathLength > 100) return refuse('ca.pathlen', pathLength, 'is not from 0 to 100');
  if (zero && pathLength > 0) return refuse('ca.pathlenzero', undefined, `is true although ca.pathlen is ${pathLength}`);
  // In Go an absent number is 0, so that only pathlenzero means it.
  const limited = zero || pathLength > 0;
  return {
    ...(expiryMs === undefined ? {} : { expiryMs }),
    ...(backdateMs === undefined ? {} : { backdateMs }),
    ...(limited ? { pathLength } : {}),
  };
};

const known = new Set(['cn', 'names', 'hosts', 'key', 'ca', 'serialnumber', 'crl_url']);

/** Reads a request file. Throws CfsslRequestInvalid naming the field and its value. */
export const parseCfsslRequest = (text: string): CfsslRequest => {
  if (text.length > maxCharacters)
    throw new CodedError('InputTooLarge', `cannot read cfssl request: ${text.length} characters are more than ${maxCharacters}`);
  let request: unknown;
  try {
    request = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw new CodedError('CfsslRequestInvalid', 'cannot read cfssl request: it is not JSON', { cause });
  }
  if (!isFields(request)) return refuse('the file', undefined, 'is not a JSON object');
  const hosts = listOf(request, 'hosts').map((host, i) =>
    typeof host === 'string' ? host.trim() : refuse(`hosts[${i}]`, host, 'is not text'),
  );
  const ca = readCa(request);
  const crlUrl = textOf(request, 'crl_url', 'crl_url');
  return {
    subject: readSubject(request),
    // `"hosts": [""]` stands in many files for no hosts at all.
    subjectAltNames: hosts.flatMap((host, i) => (host === '' ? [] : [readHost(host, `hosts[${i}]`)])),
    keyAlgorithm: readKey(request),
    ...(ca === undefined ? {} : { ca }),
    ...(crlUrl === '' ? {} : { crlUrl }),
    ignored: Object.keys(request).filter((key) => !known.has(key.toLowerCase())),
  };
};
