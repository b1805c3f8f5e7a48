// Reads Kubernetes' protobuf bodies into JSON, by tables of field numbers (protobuf-messages.ts). Written in the manner of proto2: empty text
// and zeros stand there too, and count as absent but where the table says otherwise (https://protobuf.dev/programming-guides/encoding/).

import { badRequest } from '../api/status.ts';

/** How one field is read: a scalar, another message, a list or a map of either. */
export type FieldType =
  | 'string'
  | 'bytes'
  | 'int'
  | 'bool'
  | 'json'
  | { readonly message: () => MessageType }
  | { readonly list: FieldType }
  | { readonly map: FieldType }
  /** A message that stands for the list in its first field. */
  | { readonly items: FieldType }
  /** A message whose fields are those of the one around it. */
  | { readonly inline: MessageType }
  | 'time'
  | 'microtime'
  | 'quantity'
  | 'intstr';

/** Fields by number. */
export type MessageType = Readonly<Record<number, readonly [name: string, type: FieldType, isToldWhereZero?: boolean]>>;

type Reader = { readonly bytes: Uint8Array; offset: number };
type WireValue = { readonly wire: number; readonly number: number; readonly bytes: Uint8Array };

const maxNesting = 100;
const none = new Uint8Array();

const malformed = (): never => {
  throw badRequest('the body is not a valid protobuf message');
};

/** So many octets of seven bits each fit a number exactly. */
const exactOctets = 7;

const readVarint = (reader: Reader): number => {
  let value = 0;
  for (let read = 0; read < exactOctets; read++) {
    const octet = reader.bytes[reader.offset++];
    if (octet === undefined) return malformed();
    value += (octet & 0x7f) * 2 ** (7 * read);
    if (octet < 0x80) return value;
  }
  let large = BigInt(value);
  // Negative numbers take ten octets.
  for (let read = exactOctets; read < 10; read++) {
    const octet = reader.bytes[reader.offset++];
    if (octet === undefined) return malformed();
    large += BigInt(octet & 0x7f) << BigInt(7 * read);
    if (octet < 0x80) return Number(BigInt.asIntN(64, large));
  }
  return malformed();
};

const take = (reader: Reader, length: number): Uint8Array => {
  if (length < 0 || reader.offset + length > reader.bytes.length) return malformed();
  reader.offset += length;
  return reader.bytes.subarray(reader.offset - length, reader.offset);
};

const readValue = (reader: Reader, wire: number): WireValue => {
  switch (wire) {
    case 0:
      return { wire, number: readVarint(reader), bytes: none };
    case 1:
      return { wire, number: 0, bytes: take(reader, 8) };
    case 2:
      return { wire, number: 0, bytes: take(reader, readVarint(reader)) };
    case 5:
      return { wire, number: 0, bytes: take(reader, 4) };
    default:
      return malformed();
  }
};

/** Every field of a message, in order. */
const fieldsOf = (bytes: Uint8Array): readonly (readonly [field: number, value: WireValue])[] => {
  const reader: Reader = { bytes, offset: 0 };
  const found: (readonly [number, WireValue])[] = [];
  while (reader.offset < bytes.length) {
    const key = readVarint(reader);
    found.push([Math.floor(key / 8), readValue(reader, key % 8)]);
  }
  return found;
};

const utf8 = new TextDecoder('utf-8', { fatal: true });
const text = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes);
  } catch {
    return malformed();
  }
};

const varints = (bytes: Uint8Array): ReadonlyMap<number, number> => new Map(fieldsOf(bytes).map(([field, { number }]) => [field, number]));

const time = (bytes: Uint8Array, digits: 0 | 6): string | undefined => {
  const parts = varints(bytes);
  const [seconds, nanos] = [parts.get(1) ?? 0, parts.get(2) ?? 0];
  if (seconds === 0 && nanos === 0) return undefined;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return malformed();
  const whole = date.toISOString().slice(0, 19);
  return digits === 0 ? `${whole}Z` : `${whole}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`;
};

const intOrString = (bytes: Uint8Array): unknown => {
  const fields = new Map(fieldsOf(bytes));
  return fields.get(1)?.number === 1 ? text(fields.get(3)?.bytes ?? none) : (fields.get(2)?.number ?? 0);
};

const json = (bytes: Uint8Array): unknown => {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(text(bytes));
  } catch {
    return malformed();
  }
};

/** A value as JSON; undefined where it is the zero of its type. */
const readField = (type: FieldType, { number, bytes, wire }: WireValue, depth: number): unknown => {
  if (typeof type === 'object') {
    if ('message' in type) return readMessage(bytes, type.message(), depth + 1);
    if ('items' in type) return readMessage(bytes, { 1: ['items', { list: type.items }] }, depth + 1)['items'] ?? [];
    return malformed();
  }
  if ((type === 'int' || type === 'bool') !== (wire === 0)) return malformed();
  switch (type) {
    case 'string':
      return bytes.length === 0 ? undefined : text(bytes);
    case 'bytes':
      return bytes.length === 0 ? undefined : Buffer.from(bytes).toString('base64');
    case 'int':
      return number;
    case 'bool':
      return number !== 0;
    case 'time':
      return time(bytes, 0);
    case 'microtime':
      return time(bytes, 6);
    case 'quantity':
      return new Map(fieldsOf(bytes)).get(1) === undefined ? undefined : text(new Map(fieldsOf(bytes)).get(1)?.bytes ?? none);
    case 'intstr':
      return intOrString(bytes);
    case 'json':
      return json(new Map(fieldsOf(bytes)).get(1)?.bytes ?? none);
  }
};

const isZero = (value: unknown): boolean =>
  value === 0 ||
  value === false ||
  (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0);

const readMessage = (
  bytes: Uint8Array,
  type: MessageType,
  depth: number,
  object: Record<string, unknown> = {},
): Record<string, unknown> => {
  if (depth > maxNesting) return malformed();
  for (const [number, value] of fieldsOf(bytes)) {
    const field = type[number];
    if (field === undefined) continue;
    const [name, of, isToldWhereZero = false] = field;
    // A list of numbers has one field for each.
    if (typeof of === 'object' && value.wire !== 2 && !('list' in of && typeof of.list === 'string')) return malformed();
    if (typeof of === 'object' && 'inline' in of) readMessage(value.bytes, of.inline, depth + 1, object);
    else if (typeof of === 'object' && 'list' in of) {
      object[name] ??= [];
      (object[name] as unknown[]).push(readField(of.list, value, depth) ?? '');
    } else if (typeof of === 'object' && 'map' in of) {
      const entry = new Map(fieldsOf(value.bytes));
      const key = text(entry.get(1)?.bytes ?? none);
      if (key === '__proto__') return malformed();
      const found = entry.get(2);
      object[name] ??= {};
      (object[name] as Record<string, unknown>)[key] = (found === undefined ? undefined : readField(of.map, found, depth)) ?? '';
    } else {
      const read = readField(of, value, depth);
      if (read !== undefined && (isToldWhereZero || of === 'intstr' || !isZero(read))) object[name] = read;
    }
  }
  return object;
};

const envelope: MessageType = {
  1: ['typeMeta', { message: () => ({ 1: ['apiVersion', 'string'], 2: ['kind', 'string'] }) }],
  2: ['raw', 'bytes'],
};

/**
 * The object in a protobuf body: four octets `k8s\0`, then an envelope that names its type. Throws BadRequest where it is malformed, or of a
 * kind that `messageOf` does not know.
 */
export const decodeProtobuf = (
  body: Uint8Array,
  messageOf: (apiVersion: string, kind: string) => MessageType | undefined,
): Readonly<Record<string, unknown>> => {
  if (Buffer.from(body.subarray(0, 4)).toString('latin1') !== 'k8s\0') return malformed();
  const outer = readMessage(body.subarray(4), envelope, 0);
  const { apiVersion = '', kind = '' } = (outer['typeMeta'] ?? {}) as { apiVersion?: string; kind?: string };
  const type = messageOf(apiVersion, kind);
  if (type === undefined)
    throw badRequest(`no kind ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)} is read from protobuf; send JSON`);
  const raw = typeof outer['raw'] === 'string' ? Buffer.from(outer['raw'], 'base64') : none;
  return { apiVersion, kind, ...readMessage(raw, type, 1) };
};
