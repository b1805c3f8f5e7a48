// What every encoder needs of bytes, and JavaScript lacks. Nothing here knows what the bytes mean.

/** Joins byte strings into a new one. */
export const concatBytes = (parts: readonly Uint8Array[]): Uint8Array => {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
};

/** Whether two byte strings are the same. Not constant in time: never for secrets. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** Lower-case hex, with `separator` between bytes. */
export const toHex = (bytes: Uint8Array, separator = ''): string => {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return separator === '' ? hex : (hex.match(/../g) ?? []).join(separator);
};

/** Bytes of hex digits; separators `:` and blanks are passed over. Undefined where the text is anything else. */
export const fromHex = (text: string): Uint8Array | undefined => {
  const digits = text.replace(/[:\s]/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return undefined;
  return new Uint8Array(Buffer.from(digits, 'hex'));
};

/** Standard base64 with padding, on one line. */
export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/**
 * Text of UTF-8 bytes; undefined where they are not UTF-8. A byte order mark stays in the text.
 * Not TextDecoder: loading it takes Node longer than reading a certificate.
 */
export const fromUtf8 = (bytes: Uint8Array): string | undefined => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  // What is malformed decodes to U+FFFD, which well-formed bytes may say too.
  return text.includes('\ufffd') && !Buffer.from(text, 'utf8').equals(buffer) ? undefined : text;
};

/** UTF-8 bytes of text. */
export const toUtf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));
