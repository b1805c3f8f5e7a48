// PEM (RFC 7468): a single forward pass over the text, bounded in bytes and blocks. Text between blocks is passed over, as
// `openssl x509 -text` writes it. Headers (RFC 1421) are kept, for old encrypted keys have them.

import { CodedError, quote } from '../base/coded-error.ts';
import { maxDerBytes, tag } from './der.ts';

/** One block: its label, the headers before its data, and its bytes. */
export type PemBlock = { readonly label: string; readonly headers: ReadonlyMap<string, string>; readonly bytes: Uint8Array };

export type PemLimits = { readonly maxCharacters: number; readonly maxBlocks: number };

/** Enough for the largest trust bundles in use, many times over. */
export const defaultPemLimits: PemLimits = { maxCharacters: 2 * maxDerBytes, maxBlocks: 10_000 };

const begin = '-----BEGIN ';
const base64Text = /^[A-Za-z0-9+/]*={0,2}$/;

const readHeaders = (body: string): { readonly headers: ReadonlyMap<string, string>; readonly data: string } => {
  const headers = new Map<string, string>();
  if (!body.includes(':')) return { headers, data: body };
  const end = /\r?\n[ \t]*\r?\n/.exec(body);
  const head = end === null ? body : body.slice(0, end.index);
  for (const line of head.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return { headers, data: end === null ? '' : body.slice(end.index + end[0].length) };
};

/** Every block of a text in order. Throws PemInvalid for a damaged block and InputTooLarge past the limits; no block is an empty list. */
export const decodePem = (text: string, what = 'PEM', limits: PemLimits = defaultPemLimits): PemBlock[] => {
  if (text.length > limits.maxCharacters)
    throw new CodedError('InputTooLarge', `cannot read ${what}: ${text.length} characters are more than ${limits.maxCharacters}`);
  const blocks: PemBlock[] = [];
  let position = 0;
  for (;;) {
    const start = text.indexOf(begin, position);
    if (start < 0) return blocks;
    const labelEnd = text.indexOf('-----', start + begin.length);
    const label = labelEnd < 0 ? '' : text.slice(start + begin.length, labelEnd);
    if (labelEnd < 0 || label.length > 64 || !/^[\x20-\x2c\x2e-\x7e]+(?:-[\x20-\x2c\x2e-\x7e]+)*$/.test(label))
      throw new CodedError('PemInvalid', `cannot read ${what}: a BEGIN line is malformed`);
    const bodyStart = labelEnd + 5;
    const bodyEnd = text.indexOf('-----', bodyStart);
    const end = `-----END ${label}-----`;
    if (bodyEnd < 0 || !text.startsWith(end, bodyEnd))
      throw new CodedError('PemInvalid', `cannot read ${what}: the block ${quote(label)} has no END line of its own`);
    if (blocks.length >= limits.maxBlocks)
      throw new CodedError('InputTooLarge', `cannot read ${what}: more than ${limits.maxBlocks} PEM blocks`);
    const { headers, data } = readHeaders(text.slice(bodyStart, bodyEnd));
    const base64 = data.replace(/\s+/g, '');
    if (base64.length % 4 !== 0 || !base64Text.test(base64))
      throw new CodedError('PemInvalid', `cannot read ${what}: the block ${quote(label)} is not base64`);
    blocks.push({ label, headers, bytes: new Uint8Array(Buffer.from(base64, 'base64')) });
    position = bodyEnd + end.length;
  }
};

/** The bytes of the first block whose label is one of these; throws PemInvalid where there is none. */
export const pemBlock = (text: string, labels: readonly string[], what: string): PemBlock => {
  const blocks = decodePem(text, what);
  const block = blocks.find(({ label }) => labels.includes(label));
  if (block !== undefined) return block;
  const found = blocks.length === 0 ? 'it holds no PEM block' : `it holds ${quote(blocks[0]?.label ?? '')}`;
  throw new CodedError('PemInvalid', `cannot read ${what}: expected ${quote(labels[0] ?? '')}, but ${found}`);
};

/** A block with 64 characters a line and a newline at the end. */
export const encodePem = (label: string, bytes: Uint8Array): string => {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  let text = `-----BEGIN ${label}-----\n`;
  for (let i = 0; i < base64.length; i += 64) text += `${base64.slice(i, i + 64)}\n`;
  return `${text}-----END ${label}-----\n`;
};

/**
 * Whether bytes look like PEM text rather than DER. DER may hold PEM text in one of its strings, but text never starts as a SEQUENCE with a
 * length of several octets does: in UTF-8 no such octet follows a character of ASCII.
 */
export const looksLikePem = (bytes: Uint8Array): boolean =>
  !(bytes[0] === tag.sequence && (bytes[1] ?? 0) >= 0x80) && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(begin);
