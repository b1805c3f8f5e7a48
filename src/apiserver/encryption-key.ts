// The file that holds the key under which Secrets lie on disk: 32 random bytes, as they are or in base64. It is nobody's but its owner's.

import { statSync } from 'node:fs';
import { readFileBounded, reading } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { sealingKeyBytes } from './sealed-value.ts';

const maxFileBytes = 1024;

const invalid = (path: string, problem: string, hint: string): CodedError =>
  new CodedError('EncryptionKeyInvalid', `cannot use ${quote(path)} as encryption key: ${problem}`, { hint });

const isText = (bytes: Uint8Array): boolean => bytes.every((octet) => (octet >= 0x20 && octet < 0x7f) || octet === 0x0a || octet === 0x0d);

/** The key in bytes of a file; undefined where they hold none. */
export const parseEncryptionKey = (bytes: Uint8Array): Uint8Array | undefined => {
  // 32 characters of text are a password, and not what 32 random bytes look like.
  if (!isText(bytes)) return bytes.length === sealingKeyBytes ? bytes : undefined;
  const text = Buffer.from(bytes).toString('latin1').trim();
  return /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.from(text, 'base64') : undefined;
};

/** Throws EncryptionKeyInvalid, FileNotFound, FileUnreadable. */
export const readEncryptionKey = (path: string): Uint8Array => {
  const make = `umask 077; head -c 32 /dev/urandom | base64 > ${path}`;
  const bytes = readFileBounded(path, maxFileBytes);
  const mode = reading(path, () => statSync(path).mode) & 0o777;
  if ((mode & 0o077) !== 0)
    throw invalid(path, `its mode is ${mode.toString(8).padStart(4, '0')}, expected 0600`, `close it: chmod 600 ${path}`);
  const key = parseEncryptionKey(bytes);
  if (key === undefined) throw invalid(path, 'it does not hold 32 random bytes, plain or in base64', `make one: ${make}`);
  if (new Set(key).size < 8) throw invalid(path, 'its bytes are not random', `make one: ${make}`);
  return key;
};
