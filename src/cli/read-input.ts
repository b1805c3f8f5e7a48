// Files and standard input that a command line names, read whole and bounded. `-` is standard input.

import { resolve } from 'node:path';
import { readFileBounded } from '../base/atomic-file.ts';
import { fromUtf8 } from '../base/bytes.ts';
import { CodedError, isCodedError, quote } from '../base/coded-error.ts';
import type { Io } from './io.ts';

/** More than any decoder takes, so that they say what is too large in their own words. */
const maxInputBytes = 48 * 1024 * 1024;

type Reading = Pick<Io, 'cwd' | 'readStdin'>;

/** How a path is named in messages. */
export const inputName = (path: string): string => (path === '-' ? 'standard input' : quote(path));

/** The bytes of a file, or of standard input where the path is `-`. Throws FileNotFound, FileUnreadable, InputTooLarge. */
export const readInput = async (io: Reading, path: string): Promise<Uint8Array> => {
  if (path === '-') return io.readStdin(maxInputBytes);
  const absolute = resolve(io.cwd, path);
  try {
    return readFileBounded(absolute, maxInputBytes);
  } catch (error) {
    // People look for the words they typed.
    throw isCodedError(error) ? new CodedError(error.code, error.message.replace(quote(absolute), quote(path)), { cause: error }) : error;
  }
};

/** As readInput, as text. Throws FileUnreadable where it is not UTF-8. */
export const readTextInput = async (io: Reading, path: string): Promise<string> => {
  const text = fromUtf8(await readInput(io, path));
  if (text === undefined) throw new CodedError('FileUnreadable', `cannot read ${inputName(path)}: it is not UTF-8 text`);
  return text;
};

/** Refuses `-` named twice: standard input can be read once. */
export const onlyOneStdin = (paths: readonly (string | undefined)[]): void => {
  if (paths.filter((path) => path === '-').length > 1)
    throw new CodedError('UsageInvalid', 'cannot read standard input twice: "-" is given for more than one file');
};
