// Extensions of certificates, requests and revocation lists (RFC 5280 section 4.2): the list itself, and the codec of each extension this
// program reads or writes. What it does not know is carried through untouched.

import { CodedError } from '../base/coded-error.ts';
import {
  atEnd,
  bitStringContent,
  booleanTrue,
  contentOfWhole,
  contextConstructedTag,
  contextTag,
  type DerReader,
  derReader,
  element,
  elementOf,
  enter,
  enterWhole,
  expectEnd,
  namedBitString,
  octetString,
  peekTag,
  readAll,
  readBoolean,
  readElement,
  readOctetString,
  readOptional,
  readSmallInteger,
  readWhole,
  sequence,
  sequenceOf,
  smallInteger,
  tag,
} from './der.ts';
import { decodeGeneralName, encodeGeneralName, type GeneralName, readGeneralName } from './general-name.ts';
import { encodeOid, oid, oidName, readOid } from './oid.ts';
import { type KeyUsageBit, keyUsageBits } from './usage.ts';

/** One extension; `value` is what stands inside its OCTET STRING. */
export type Extension = { readonly oid: string; readonly critical: boolean; readonly value: Uint8Array };

const maxExtensions = 1000;

/** Reads an Extensions sequence. Throws ExtensionInvalid for an empty list and for one that names an extension twice. */
export const readExtensions = (reader: DerReader, part = 'extensions'): readonly Extension[] => {
  const list = enter(reader, tag.sequence, part);
  const extensions: Extension[] = [];
  const seen = new Set<string>();
  while (!atEnd(list)) {
    if (extensions.length >= maxExtensions)
      throw new CodedError('InputTooLarge', `cannot read ${part}: more than ${maxExtensions} extensions`);
    const inner = enter(list, tag.sequence, 'extension');
    const type = readOid(inner);
    let critical = false;
    if (peekTag(inner) === tag.boolean) {
      critical = readBoolean(inner, 'critical');
      if (!critical) throw new CodedError('ExtensionInvalid', `cannot read extension ${type}: DER leaves out critical where it is false`);
    }
    const value = readOctetString(inner, 'extension value');
    expectEnd(inner);
    if (seen.has(type)) throw new CodedError('ExtensionInvalid', `cannot read ${part}: extension ${oidName(type) ?? type} stands twice`);
    seen.add(type);
    extensions.push({ oid: type, critical, value });
  }
  if (extensions.length === 0) throw new CodedError('ExtensionInvalid', `cannot read ${part}: the list is empty`);
  return extensions;
};

export const encodeExtension = ({ oid: type, critical, value }: Extension): Uint8Array =>
  critical ? sequence(encodeOid(type), booleanTrue, octetString(value)) : sequence(encodeOid(type), octetString(value));

export const encodeExtensions = (extensions: readonly Extension[]): Uint8Array => sequenceOf(extensions.map(encodeExtension));

export const findExtension = (extensions: readonly Extension[], type: string): Extension | undefined =>
  extensions.find((extension) => extension.oid === type);

// Basic constraints (section 4.2.1.9)

export type BasicConstraints = { readonly isCa: boolean; readonly pathLength: number | undefined };

export const decodeBasicConstraints = (value: Uint8Array): BasicConstraints => {
  const reader = enterWhole(value, tag.sequence, 'basic constraints');
  let isCa = false;
  if (peekTag(reader) === tag.boolean) {
    isCa = readBoolean(reader);
    if (!isCa) throw new CodedError('ExtensionInvalid', 'cannot read basic constraints: DER leaves out cA where it is false');
  }
  const pathLength = atEnd(reader) ? undefined : readSmallInteger(reader, 0x7fffffff, 'path length');
  expectEnd(reader);
  return { isCa, pathLength };
};

export const encodeBasicConstraints = ({ isCa, pathLength }: BasicConstraints): Uint8Array =>
  sequence(...(isCa ? [booleanTrue] : []), ...(pathLength === undefined ? [] : [smallInteger(pathLength)]));

// Key usage (section 4.2.1.3)

export const decodeKeyUsage = (value: Uint8Array): readonly KeyUsageBit[] => {
  const { octets } = bitStringContent(readWhole(value, tag.bitString, 'key usage'), 'key usage');
  return keyUsageBits.filter((_, i) => ((octets[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0);
};

export const encodeKeyUsage = (usage: readonly KeyUsageBit[]): Uint8Array => namedBitString(keyUsageBits.map((bit) => usage.includes(bit)));

// Extended key usage (section 4.2.1.12)

export const decodeExtendedKeyUsage = (value: Uint8Array): readonly string[] => {
  const reader = enterWhole(value, tag.sequence, 'extended key usage');
  const purposes: string[] = [];
  while (!atEnd(reader)) purposes.push(readOid(reader));
  return purposes;
};

export const encodeExtendedKeyUsage = (purposes: readonly string[]): Uint8Array => sequenceOf(purposes.map(encodeOid));

// Subject and issuer alternative names (sections 4.2.1.6 and 4.2.1.7)

const readGeneralNames = (reader: DerReader): readonly GeneralName[] => readAll(reader).map(decodeGeneralName);

export const decodeGeneralNames = (value: Uint8Array): readonly GeneralName[] =>
  readGeneralNames(enterWhole(value, tag.sequence, 'alternative names'));

export const encodeGeneralNames = (names: readonly GeneralName[]): Uint8Array => sequenceOf(names.map(encodeGeneralName));

// Key identifiers (sections 4.2.1.1 and 4.2.1.2)

export const decodeSubjectKeyIdentifier = (value: Uint8Array): Uint8Array =>
  contentOfWhole(value, tag.octetString, 'subject key identifier');

export const encodeSubjectKeyIdentifier = (identifier: Uint8Array): Uint8Array => octetString(identifier);

export type AuthorityKeyIdentifier = {
  readonly keyIdentifier: Uint8Array | undefined;
  readonly issuer: readonly GeneralName[] | undefined;
  readonly serialNumber: Uint8Array | undefined;
};

export const decodeAuthorityKeyIdentifier = (value: Uint8Array): AuthorityKeyIdentifier => {
  const reader = enterWhole(value, tag.sequence, 'authority key identifier');
  const keyIdentifier = readOptional(reader, contextTag(0))?.content;
  const issuer = readOptional(reader, contextConstructedTag(1));
  const serialNumber = readOptional(reader, contextTag(2))?.content;
  expectEnd(reader);
  return {
    keyIdentifier,
    issuer: issuer === undefined ? undefined : readGeneralNames(derReader(issuer.content, 'issuer names')),
    serialNumber,
  };
};

export const encodeAuthorityKeyIdentifier = (keyIdentifier: Uint8Array): Uint8Array => sequence(element(contextTag(0), keyIdentifier));

// Name constraints (section 4.2.1.10)

/** One subtree: a typed base. An `ip` base is octets of address and mask, eight or 32. */
export type GeneralSubtree = { readonly base: GeneralName | { readonly type: 'ip-range'; readonly octets: Uint8Array } };

export type NameConstraints = { readonly permitted: readonly GeneralSubtree[]; readonly excluded: readonly GeneralSubtree[] };

const decodeSubtrees = (content: Uint8Array | undefined): readonly GeneralSubtree[] => {
  if (content === undefined) return [];
  const reader = derReader(content, 'name constraints');
  const subtrees: GeneralSubtree[] = [];
  while (!atEnd(reader)) {
    const inner = enter(reader, tag.sequence, 'subtree');
    if (peekTag(inner) === contextTag(7)) {
      const octets = readElement(inner, contextTag(7)).content;
      if (octets.length !== 8 && octets.length !== 32)
        throw new CodedError('ExtensionInvalid', `cannot read name constraints: an IP range has ${octets.length} octets, expected 8 or 32`);
      subtrees.push({ base: { type: 'ip-range', octets } });
    } else subtrees.push({ base: readGeneralName(inner) });
    // RFC 5280: minimum is 0, which DER leaves out, and maximum is absent.
    if (!atEnd(inner)) throw new CodedError('ExtensionInvalid', 'cannot read name constraints: minimum and maximum are not allowed');
  }
  if (subtrees.length === 0) throw new CodedError('ExtensionInvalid', 'cannot read name constraints: a list of subtrees is empty');
  return subtrees;
};

export const decodeNameConstraints = (value: Uint8Array): NameConstraints => {
  const reader = enterWhole(value, tag.sequence, 'name constraints');
  const permitted = readOptional(reader, contextConstructedTag(0));
  const excluded = readOptional(reader, contextConstructedTag(1));
  expectEnd(reader);
  if (permitted === undefined && excluded === undefined)
    throw new CodedError('ExtensionInvalid', 'cannot read name constraints: they are empty');
  return { permitted: decodeSubtrees(permitted?.content), excluded: decodeSubtrees(excluded?.content) };
};

const encodeSubtrees = (number: number, subtrees: readonly GeneralSubtree[]): Uint8Array[] =>
  subtrees.length === 0
    ? []
    : [
        elementOf(
          contextConstructedTag(number),
          subtrees.map(({ base }) => sequence(base.type === 'ip-range' ? element(contextTag(7), base.octets) : encodeGeneralName(base))),
        ),
      ];

export const encodeNameConstraints = ({ permitted, excluded }: NameConstraints): Uint8Array =>
  sequence(...encodeSubtrees(0, permitted), ...encodeSubtrees(1, excluded));

// CRL distribution points (section 4.2.1.13): full names that are URIs

export type DistributionPoint = {
  readonly fullName: readonly GeneralName[];
  /** Bits of `reasons`, where given; and whether another authority issues the list. */
  readonly hasReasons: boolean;
  readonly crlIssuer: readonly GeneralName[];
};

/** The names of a DistributionPointName: full ones, or none where it is relative to the issuer's. */
const readPointName = (content: Uint8Array): readonly GeneralName[] => {
  const reader = derReader(content, 'distribution point name');
  const full = readOptional(reader, contextConstructedTag(0));
  if (full === undefined) readElement(reader, contextConstructedTag(1));
  expectEnd(reader);
  return full === undefined ? [] : readGeneralNames(derReader(full.content, 'distribution point name'));
};

export const decodeDistributionPoints = (value: Uint8Array): readonly DistributionPoint[] => {
  const reader = enterWhole(value, tag.sequence, 'CRL distribution points');
  const points: DistributionPoint[] = [];
  while (!atEnd(reader)) {
    const inner = enter(reader, tag.sequence, 'distribution point');
    const name = readOptional(inner, contextConstructedTag(0));
    const reasons = readOptional(inner, contextTag(1));
    const issuer = readOptional(inner, contextConstructedTag(2));
    expectEnd(inner);
    if (name === undefined && issuer === undefined)
      throw new CodedError('ExtensionInvalid', 'cannot read CRL distribution points: one has neither a name nor an issuer');
    points.push({
      fullName: name === undefined ? [] : readPointName(name.content),
      hasReasons: reasons !== undefined,
      crlIssuer: issuer === undefined ? [] : readGeneralNames(derReader(issuer.content, 'CRL issuer')),
    });
  }
  return points;
};

/** One distribution point for each URI. */
export const encodeDistributionPoints = (uris: readonly string[]): Uint8Array =>
  sequence(
    ...uris.map((value) =>
      sequence(element(contextConstructedTag(0), element(contextConstructedTag(0), encodeGeneralName({ type: 'uri', value })))),
    ),
  );

// Authority information access (section 4.2.2.1)

export type AccessDescription = { readonly method: string; readonly location: GeneralName };

export const decodeInfoAccess = (value: Uint8Array): readonly AccessDescription[] => {
  const reader = enterWhole(value, tag.sequence, 'information access');
  const descriptions: AccessDescription[] = [];
  while (!atEnd(reader)) {
    const inner = enter(reader, tag.sequence, 'access description');
    descriptions.push({ method: readOid(inner), location: readGeneralName(inner) });
    expectEnd(inner);
  }
  return descriptions;
};

export const encodeInfoAccess = (ocspServers: readonly string[], issuerUrls: readonly string[]): Uint8Array =>
  sequence(
    ...[...ocspServers.map((value) => [oid.ocsp, value] as const), ...issuerUrls.map((value) => [oid.caIssuers, value] as const)].map(
      ([method, value]) => sequence(encodeOid(method), encodeGeneralName({ type: 'uri', value })),
    ),
  );
