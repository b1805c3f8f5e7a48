// Strict DER (X.690): one forward reader over a byte string, and builders for writing.
// Reading is single-pass and copies nothing; indefinite and non-minimal lengths, high tag numbers, and bytes left over are refused.
// Depth is bounded by the callers' structure, never by the data: no decoder recurses on what it reads.

import { CodedError } from '../base/coded-error.ts';

/** Tags used in X.509 and its neighbours (identifier octet, constructed bit included). */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  numericString: 0x12,
  visibleString: 0x1a,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Identifier octet of a primitive context-specific tag. */
export const contextTag = (number: number): number => 0x80 | number;
/** Identifier octet of a constructed context-specific tag. */
export const contextConstructedTag = (number: number): number => 0xa0 | number;

/** One element: its tag, its content, and its whole encoding as received. */
export type DerElement = { readonly tag: number; readonly content: Uint8Array; readonly raw: Uint8Array };

/** The longest input any decoder takes, in bytes. Certificates with thousands of names fit; a gigabyte of nothing does not. */
export const maxDerBytes = 16 * 1024 * 1024;

const fail = (what: string, problem: string): never => {
  throw new CodedError('DerInvalid', `cannot read ${what}: ${problem}`);
};

/** A place in a byte string from which elements are read one after another, up to `end`. `what` names the structure in errors. */
export type DerReader = { readonly bytes: Uint8Array; offset: number; readonly end: number; readonly what: string };

/** A reader over content; throws InputTooLarge past maxDerBytes. */
export const derReader = (bytes: Uint8Array, what: string): DerReader => {
  if (bytes.length > maxDerBytes)
    throw new CodedError('InputTooLarge', `cannot read ${what}: ${bytes.length} bytes are more than ${maxDerBytes}`);
  return { bytes, offset: 0, end: bytes.length, what };
};

export const atEnd = (reader: DerReader): boolean => reader.offset >= reader.end;

/** The tag of the next element; undefined at the end. */
export const peekTag = (reader: DerReader): number | undefined => (atEnd(reader) ? undefined : reader.bytes[reader.offset]);

/** Moves past the next element and returns where its content starts; the content ends where the reader then stands. */
const passElement = (reader: DerReader): number => {
  const { bytes, offset, end: limit, what } = reader;
  const elementTag = bytes[offset];
  const first = bytes[offset + 1];
  if (elementTag === undefined || first === undefined || offset + 2 > limit) return fail(what, 'data ends inside an element');
  if ((elementTag & 0x1f) === 0x1f) return fail(what, 'tag numbers above 30 are not used here');
  let start = offset + 2;
  let length = first;
  if (first === 0x80) return fail(what, 'indefinite length is BER, not DER');
  if (first > 0x80) {
    const count = first - 0x80;
    if (count > 4) return fail(what, 'length is too large');
    if (start + count > limit) return fail(what, 'data ends inside a length');
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] ?? 0);
    start += count;
    if (length < 0x80 || (count > 1 && length < 256 ** (count - 1))) return fail(what, 'length is not encoded in its shortest form');
  }
  if (start + length > limit) return fail(what, 'length runs past the end of the data');
  reader.offset = start + length;
  return start;
};

/** Reads the next element whatever its tag. */
export const readAny = (reader: DerReader): DerElement => {
  const { bytes, offset } = reader;
  const start = passElement(reader);
  return { tag: bytes[offset] ?? 0, content: bytes.subarray(start, reader.offset), raw: bytes.subarray(offset, reader.offset) };
};

const expectTag = (reader: DerReader, expectedTag: number, part: string): void => {
  const found = peekTag(reader);
  if (found !== expectedTag)
    fail(
      reader.what,
      found === undefined ? `${part} is missing` : `${part} has tag 0x${found.toString(16)}, expected 0x${expectedTag.toString(16)}`,
    );
};

/** Reads the next element, which must have this tag; `part` names it in the error. */
export const readElement = (reader: DerReader, expectedTag: number, part = reader.what): DerElement => {
  expectTag(reader, expectedTag, part);
  return readAny(reader);
};

/** Reads the content of the next element, which must have this tag. */
export const readContent = (reader: DerReader, expectedTag: number, part = reader.what): Uint8Array => {
  expectTag(reader, expectedTag, part);
  const start = passElement(reader);
  return reader.bytes.subarray(start, reader.offset);
};

/** Reads the next element if it has this tag. */
export const readOptional = (reader: DerReader, expectedTag: number): DerElement | undefined =>
  peekTag(reader) === expectedTag ? readAny(reader) : undefined;

/** A reader over the content of the next element, which must have this tag. */
export const enter = (reader: DerReader, expectedTag: number, part = reader.what): DerReader => {
  expectTag(reader, expectedTag, part);
  const start = passElement(reader);
  return { bytes: reader.bytes, offset: start, end: reader.offset, what: part };
};

/** A reader over the content of the next element if it has this tag. */
export const enterOptional = (reader: DerReader, expectedTag: number, part: string): DerReader | undefined =>
  peekTag(reader) === expectedTag ? enter(reader, expectedTag, part) : undefined;

/** Refuses bytes left over. */
export const expectEnd = (reader: DerReader): void => {
  if (!atEnd(reader)) fail(reader.what, `${reader.end - reader.offset} unexpected bytes at the end`);
};

/** The single element that a byte string must hold, nothing after it. */
export const readWhole = (bytes: Uint8Array, expectedTag: number, what: string): DerElement => {
  const reader = derReader(bytes, what);
  const element = readElement(reader, expectedTag);
  expectEnd(reader);
  return element;
};

/** The content of the single element that a byte string must hold. */
export const contentOfWhole = (bytes: Uint8Array, expectedTag: number, what: string): Uint8Array => {
  const reader = derReader(bytes, what);
  const content = readContent(reader, expectedTag);
  expectEnd(reader);
  return content;
};

/** A reader over the content of the single element that a byte string must hold. */
export const enterWhole = (bytes: Uint8Array, expectedTag: number, what: string): DerReader => {
  const reader = derReader(bytes, what);
  const inner = enter(reader, expectedTag);
  expectEnd(reader);
  return inner;
};

/** All elements of a SEQUENCE OF or SET OF, at most `max`; throws InputTooLarge past it. */
export const readAll = (reader: DerReader, max = 100_000): DerElement[] => {
  const elements: DerElement[] = [];
  while (!atEnd(reader)) {
    if (elements.length >= max) throw new CodedError('InputTooLarge', `cannot read ${reader.what}: more than ${max} elements`);
    elements.push(readAny(reader));
  }
  return elements;
};

/** BOOLEAN: DER knows 0x00 and 0xff only. */
export const readBoolean = (reader: DerReader, part = reader.what): boolean => {
  const content = readContent(reader, tag.boolean, part);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) return fail(part, 'BOOLEAN is neither 00 nor ff');
  return content[0] === 0xff;
};

/** The content octets of an INTEGER, checked to be minimal (two's complement, big-endian). */
export const integerContent = (element: DerElement, what: string): Uint8Array => minimalInteger(element.content, what);

const minimalInteger = (content: Uint8Array, what: string): Uint8Array => {
  const first = content[0];
  const second = content[1];
  if (first === undefined) return fail(what, 'INTEGER is empty');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    return fail(what, 'INTEGER is not encoded in its shortest form');
  return content;
};

/** INTEGER as its content octets. */
export const readInteger = (reader: DerReader, part = reader.what): Uint8Array =>
  minimalInteger(readContent(reader, tag.integer, part), part);

/** INTEGER that must lie in 0..max (max at most 2^31-1). */
export const readSmallInteger = (reader: DerReader, max: number, part = reader.what): number => {
  const content = readInteger(reader, part);
  let value = 0;
  for (const octet of content) value = value * 256 + octet;
  if ((content[0] ?? 0) >= 0x80 || content.length > 5 || value > max) return fail(part, `INTEGER is not within 0..${max}`);
  return value;
};

/** How many bits of the last octet of a BIT STRING are unused, which DER wants zero. */
const unusedBitsOf = (content: Uint8Array, what: string): number => {
  const unusedBits = content[0];
  if (unusedBits === undefined || unusedBits > 7 || (unusedBits > 0 && content.length < 2)) return fail(what, 'BIT STRING is malformed');
  const last = content[content.length - 1] ?? 0;
  if (unusedBits > 0 && (last & ((1 << unusedBits) - 1)) !== 0) return fail(what, 'BIT STRING has unused bits that are not zero');
  return unusedBits;
};

/** BIT STRING: its octets and how many bits of the last are unused. */
export const bitStringContent = (element: DerElement, what: string): { readonly octets: Uint8Array; readonly unusedBits: number } => {
  const unusedBits = unusedBitsOf(element.content, what);
  return { octets: element.content.subarray(1), unusedBits };
};

/** BIT STRING of whole octets. */
export const readOctetBitString = (reader: DerReader, part = reader.what): Uint8Array => {
  const content = readContent(reader, tag.bitString, part);
  if (unusedBitsOf(content, part) !== 0) return fail(part, 'BIT STRING is not of whole octets');
  return content.subarray(1);
};

/** OCTET STRING. */
export const readOctetString = (reader: DerReader, part = reader.what): Uint8Array => readContent(reader, tag.octetString, part);

// Writing. Every builder returns a whole element.

const lengthOctets = (length: number): number =>
  length < 0x80 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : length < 0x1000000 ? 4 : 5;

const writeHeader = (into: Uint8Array, elementTag: number, length: number): number => {
  into[0] = elementTag;
  const count = lengthOctets(length) - 1;
  if (count === 0) {
    into[1] = length;
    return 2;
  }
  into[1] = 0x80 | count;
  for (let i = 0; i < count; i++) into[2 + i] = Math.floor(length / 256 ** (count - 1 - i)) & 0xff;
  return 2 + count;
};

/** An element of this tag around a list of content parts, which may be longer than a list of arguments can be. */
export const elementOf = (elementTag: number, parts: readonly Uint8Array[]): Uint8Array => {
  let length = 0;
  for (const part of parts) length += part.length;
  const encoded = new Uint8Array(1 + lengthOctets(length) + length);
  let offset = writeHeader(encoded, elementTag, length);
  for (const part of parts) {
    // Most parts are a few octets, which a loop copies sooner than a call.
    if (part.length < 48) for (let i = 0; i < part.length; i++) encoded[offset + i] = part[i] ?? 0;
    else encoded.set(part, offset);
    offset += part.length;
  }
  return encoded;
};

/** An element of this tag around content parts. */
export const element = (elementTag: number, ...parts: readonly Uint8Array[]): Uint8Array => elementOf(elementTag, parts);

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => elementOf(tag.sequence, parts);

/** SEQUENCE OF: a list of any length. */
export const sequenceOf = (members: readonly Uint8Array[]): Uint8Array => elementOf(tag.sequence, members);

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
};

/** SET OF: members sorted by their encodings (X.690 section 11.6). */
export const setOf = (members: readonly Uint8Array[]): Uint8Array =>
  elementOf(tag.set, members.length < 2 ? members : [...members].sort(compareBytes));

/** Whether members stand in the order DER wants of a SET OF. */
export const isSetOrder = (members: readonly Uint8Array[]): boolean =>
  members.every((member, i) => i === 0 || compareBytes(members[i - 1] ?? member, member) <= 0);

export const octetString = (...parts: readonly Uint8Array[]): Uint8Array => elementOf(tag.octetString, parts);
export const nullElement: Uint8Array = Uint8Array.of(tag.null, 0);
export const booleanTrue: Uint8Array = Uint8Array.of(tag.boolean, 1, 0xff);

const noUnusedBits = Uint8Array.of(0);
/** BIT STRING of whole octets. */
export const octetBitString = (octets: Uint8Array): Uint8Array => element(tag.bitString, noUnusedBits, octets);

/** BIT STRING of named bits: trailing zero bits left out (X.690 section 11.2.2). `bits[n]` is bit n. */
export const namedBitString = (bits: readonly boolean[]): Uint8Array => {
  const last = bits.lastIndexOf(true);
  if (last < 0) return Uint8Array.of(tag.bitString, 1, 0);
  const octets = new Uint8Array(Math.floor(last / 8) + 1);
  for (let i = 0; i <= last; i++) if (bits[i]) octets[i >> 3] = (octets[i >> 3] ?? 0) | (0x80 >> (i & 7));
  return element(tag.bitString, Uint8Array.of(7 - (last & 7)), octets);
};

/** INTEGER of an unsigned big-endian number: leading zeros dropped, a zero octet put before a set top bit. */
export const unsignedInteger = (octets: Uint8Array): Uint8Array => {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const significant = octets.subarray(start);
  if (significant.length === 0) return Uint8Array.of(tag.integer, 1, 0);
  return (significant[0] ?? 0) >= 0x80 ? element(tag.integer, Uint8Array.of(0), significant) : element(tag.integer, significant);
};

/** INTEGER of a small non-negative number. */
export const smallInteger = (value: number): Uint8Array => {
  const octets: number[] = [];
  let rest = value;
  do {
    octets.unshift(rest & 0xff);
    rest = Math.floor(rest / 256);
  } while (rest > 0);
  return unsignedInteger(Uint8Array.from(octets));
};
