// Files that a command line names to be written, and standard output for `-`. Nothing that exists is replaced unless told; all files of one
// call are looked at before the first is written.

import { lstatSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type FileToWrite, type OnFileStep, removeLeftovers, systemErrorCode, writeFilesAtomic } from '../base/atomic-file.ts';
import { CodedError, isCodedError, quote } from '../base/coded-error.ts';
import { type Io, say } from './io.ts';

/** Something to be written: `path` is `-` for standard output. */
export type Output = {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** What it is, for the notice: `private key`. */
  readonly what: string;
  /** Keys and keystores are for their owner only. */
  readonly secret: boolean;
};

const lookAt = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    // In a place that writing will complain about in its own words.
    return undefined;
  }
};

/** What is there that no file may take the place of, told to overwrite or not; a link is replaced, not what it leads to. */
const obstacle = (found: Stats): string | undefined => {
  if (found.isFile() || found.isSymbolicLink()) return undefined;
  return found.isDirectory() ? 'it is a directory' : 'it is a pipe, a socket or a device';
};

const requirePlace = (io: Pick<Io, 'cwd'>, path: string, overwrite: boolean | undefined): void => {
  if (path === '')
    throw new CodedError('UsageInvalid', 'cannot write "": a file has a name', { hint: 'name a file, or - for standard output' });
  const found = lookAt(resolve(io.cwd, path));
  if (found === undefined) return;
  const problem = obstacle(found);
  if (problem !== undefined)
    throw new CodedError('FileExists', `cannot write ${quote(path)}: ${problem}`, { hint: 'name a file; - is standard output' });
  if (overwrite !== true)
    throw new CodedError('FileExists', `cannot write ${quote(path)}: it exists`, { hint: '--overwrite replaces it; or name another file' });
};

/**
 * Throws FileExists where one of these is a file that exists, unless told to overwrite, or is anything but a file. To be called before work
 * whose result would have no place.
 */
export const requireFree = (io: Pick<Io, 'cwd'>, paths: readonly (string | undefined)[], overwrite: boolean | undefined): void => {
  const wanted = paths.flatMap((path) => (path === undefined || path === '-' ? [] : [path]));
  const files = wanted.map((path) => resolve(io.cwd, path));
  const twice = files.find((path, i) => files.indexOf(path) !== i);
  if (twice !== undefined) throw new CodedError('UsageInvalid', `cannot write ${quote(twice)} twice: two results are given the same file`);
  for (const path of wanted) requirePlace(io, path, overwrite);
};

/** Clears what killed runs left beside files; a directory that cannot be read is none of our business. */
const clearBeside = (files: readonly FileToWrite[], onStep: OnFileStep): void => {
  for (const directory of new Set(files.map(({ path }) => dirname(path))))
    try {
      removeLeftovers(directory, { onStep });
    } catch (error) {
      if (!isCodedError(error) || error.code !== 'FileUnreadable') throw error;
    }
};

/** Writes results and tells of each file. Throws FileExists, FileWriteFailed. */
export const writeOutputs = async (io: Io, outputs: readonly Output[], overwrite: boolean | undefined): Promise<void> => {
  requireFree(
    io,
    outputs.map(({ path }) => path),
    overwrite,
  );
  const files: FileToWrite[] = outputs.flatMap(({ path, content, secret }) =>
    path === '-' ? [] : [{ path: resolve(io.cwd, path), content, mode: secret ? 0o600 : 0o644 }],
  );
  await io.writing(async (onStep) => {
    clearBeside(files, onStep);
    await writeFilesAtomic(files, { onStep });
  });
  for (const { path, content, what } of outputs) {
    if (path === '-') io.out.write(content);
    else say(io, `wrote ${path} (${what})`);
  }
};
