// Files and standard input that a command line names: read whole, bounded, with errors that name them. `-` is standard input.

import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fromUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import type { Io } from './io.ts';

/** More than any decoder takes, so that they say what is too large in their own words. */
const maxInputBytes = 48 * 1024 * 1024;

type Reading = Pick<Io, 'cwd' | 'readStdin'>;

const fileError = (error: unknown, path: string, what: string): unknown => {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new CodedError('FileNotFound', `cannot read ${what}: ${quote(path)} does not exist`, { cause: error });
  if (code === 'EISDIR') return new CodedError('FileUnreadable', `cannot read ${what}: ${quote(path)} is a directory`, { cause: error });
  if (code === 'EACCES' || code === 'EPERM')
    return new CodedError('FileUnreadable', `cannot read ${what}: you may not read ${quote(path)}`, { cause: error });
  return code === undefined
    ? error
    : new CodedError('FileUnreadable', `cannot read ${what}: reading ${quote(path)} failed (${code})`, { cause: error });
};

const readBounded = async (file: FileHandle, path: string, what: string): Promise<Uint8Array> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for (;;) {
    // Pipes and /dev/fd have no size to ask for, so everything is read piece by piece.
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(64 * 1024));
    if (bytesRead === 0) return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length);
    length += bytesRead;
    if (length > maxInputBytes)
      throw new CodedError('InputTooLarge', `cannot read ${what}: ${quote(path)} has more than ${maxInputBytes} bytes`);
    chunks.push(buffer.subarray(0, bytesRead));
  }
};

/** The bytes of a file, or of standard input where the path is `-`. Throws FileNotFound, FileUnreadable, InputTooLarge. */
export const readInput = async (io: Reading, path: string, what: string): Promise<Uint8Array> => {
  if (path === '-') return io.readStdin(maxInputBytes);
  try {
    await using file = await open(resolve(io.cwd, path), 'r');
    return await readBounded(file, path, what);
  } catch (error) {
    throw fileError(error, path, what);
  }
};

/** As readInput, as text. Throws FileUnreadable where it is not UTF-8. */
export const readTextInput = async (io: Reading, path: string, what: string): Promise<string> => {
  const text = fromUtf8(await readInput(io, path, what));
  if (text === undefined) throw new CodedError('FileUnreadable', `cannot read ${what}: ${quote(path)} is not UTF-8 text`);
  return text;
};

/** Refuses `-` named twice: standard input can be read once. */
export const onlyOneStdin = (paths: readonly (string | undefined)[]): void => {
  if (paths.filter((path) => path === '-').length > 1)
    throw new CodedError('UsageInvalid', 'cannot read standard input twice: "-" is given for more than one file');
};
