// The manifests a path names: a file, or every YAML and JSON file of a folder in the order of their names.

import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ManifestFile } from '../apiserver/apply-manifests.ts';
import { systemErrorCode } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import type { Io } from './io.ts';
import { readTextInput } from './read-input.ts';

const filesOf = (io: Pick<Io, 'cwd'>, path: string): readonly string[] => {
  try {
    const absolute = resolve(io.cwd, path);
    if (!statSync(absolute).isDirectory()) return [path];
    return readdirSync(absolute)
      .filter((name) => /\.(?:ya?ml|json)$/.test(name))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    const isAbsent = systemErrorCode(error) === 'ENOENT';
    throw new CodedError(
      isAbsent ? 'FileNotFound' : 'FileUnreadable',
      `cannot read ${quote(path)}: ${isAbsent ? 'it does not exist' : 'no access'}`,
      {
        cause: error,
      },
    );
  }
};

/** Throws FileNotFound, FileUnreadable, InputTooLarge. */
export const readManifestFiles = async (io: Io, path: string): Promise<readonly ManifestFile[]> => {
  const files: ManifestFile[] = [];
  for (const name of filesOf(io, path)) files.push({ name, text: await readTextInput(io, name) });
  if (files.length === 0)
    throw new CodedError('FileNotFound', `cannot apply ${quote(path)}: there is no manifest in it`, {
      hint: 'manifests end in .yaml, .yml or .json',
    });
  return files;
};
