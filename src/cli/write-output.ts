// Files that a command line names to be written, and standard output for `-`. Nothing that exists is replaced unless told; all files of one
// call are looked at before the first is written.

import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { type FileToWrite, systemErrorCode, writeFilesAtomic } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
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

const exists = (path: string): boolean => {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    // Not there, or in a place that writing will complain about in its own words.
    return false;
  }
};

/** Throws FileExists where one of these is a file that exists. To be called before work whose result would have no place. */
export const requireFree = (io: Pick<Io, 'cwd'>, paths: readonly (string | undefined)[], overwrite: boolean | undefined): void => {
  const files = paths.filter((path) => path !== undefined && path !== '-').map((path) => resolve(io.cwd, path ?? ''));
  const twice = files.find((path, i) => files.indexOf(path) !== i);
  if (twice !== undefined) throw new CodedError('UsageInvalid', `cannot write ${quote(twice)} twice: two results are given the same file`);
  if (overwrite === true) return;
  for (const path of paths)
    if (path !== undefined && path !== '-' && exists(resolve(io.cwd, path)))
      throw new CodedError('FileExists', `cannot write ${quote(path)}: it exists`, {
        hint: '--overwrite replaces it; or name another file',
      });
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
  await io.writing((onStep) => writeFilesAtomic(files, { onStep }));
  for (const { path, content, what } of outputs) {
    if (path === '-') io.out.write(content);
    else say(io, `wrote ${path} (${what})`);
  }
};
