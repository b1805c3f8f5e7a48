// Names that are data (a node of a plan, a person) turned into paths below one directory: none leads out of it, neither by its letters
// nor through a symbolic link. Who may write below the directory may still swap a link in while we work; it is mode 0700.

import { lstatSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { reading, systemErrorCode } from './atomic-file.ts';
import { CodedError, quote } from './coded-error.ts';

/** What is wrong with a name as that of one file, undefined where nothing is. */
export const fileNameProblem = (name: string): string | undefined => {
  if (name === '') return 'it is empty';
  if (/[/\\]/.test(name)) return 'it has a path separator';
  if (/\p{Cc}/u.test(name)) return 'it has control characters';
  if (name.startsWith('.')) return 'it starts with a dot';
  return Buffer.byteLength(name) > 200 ? 'it is longer than 200 bytes' : undefined;
};

/** The name, where it is that of one plain file. Throws PathRefused. */
export const plainFileName = (name: string): string => {
  const problem = fileNameProblem(name);
  if (problem !== undefined) throw new CodedError('PathRefused', `cannot use ${quote(name)} as a file name: ${problem}`);
  return name;
};

/** A directory that paths are resolved below. */
export type Tree = {
  readonly root: string;
  /** The absolute path of a relative one with forward slashes. Throws PathRefused where it would lead out of the directory. */
  path(relativePath: string): string;
};

const leadsOut = (root: string, path: string): boolean => {
  const way = relative(root, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
};

const refuseLink = (path: string, target: string): never => {
  throw new CodedError(
    'PathRefused',
    `cannot use ${quote(path)}: it is a symbolic link that leads out of the directory, to ${quote(target)}`,
    {
      hint: 'put the file itself there',
    },
  );
};

/** Where a symbolic link leads; undefined where to nothing, which could be filled in later. */
const targetOf = (link: string): string | undefined => {
  try {
    return realpathSync(link);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
};

/** What stands at a path. Throws PathRefused for a symbolic link to somewhere outside, FileUnreadable where looking is not allowed. */
const lookAt = (root: string, path: string): 'nothing' | 'directory' | 'other' => {
  const info = reading(path, () => lstatSync(path, { throwIfNoEntry: false }));
  if (info === undefined) return 'nothing';
  if (!info.isSymbolicLink()) return info.isDirectory() ? 'directory' : 'other';
  const target = targetOf(path);
  if (target === undefined || leadsOut(realpathSync(root), target)) refuseLink(path, target ?? 'nothing');
  return 'other';
};

/** A directory below the root, and whether it was there when it was first looked at: below what is not there, nothing is, no link either. */
type Place = { readonly path: string; readonly isThere: boolean };

/** Resolves paths below `root`, for one run: a directory is looked at once. */
export const openTree = (root: string): Tree => {
  const directories = new Map<string, Place>([['', { path: root, isThere: true }]]);
  const below = (parent: Place, name: string, relativePath: string): Place => {
    const problem = fileNameProblem(name);
    if (problem !== undefined)
      throw new CodedError('PathRefused', `cannot use path ${quote(relativePath)}: of its part ${quote(name)}, ${problem}`);
    const path = join(parent.path, name);
    return { path, isThere: parent.isThere && lookAt(root, path) !== 'nothing' };
  };
  const directory = (parts: string, relativePath: string): Place => {
    const known = directories.get(parts);
    if (known !== undefined) return known;
    const end = parts.lastIndexOf('/');
    const found = below(directory(parts.slice(0, Math.max(0, end)), relativePath), parts.slice(end + 1), relativePath);
    directories.set(parts, found);
    return found;
  };
  return {
    root,
    path: (relativePath) => {
      const end = relativePath.lastIndexOf('/');
      if (relativePath.startsWith('/')) throw new CodedError('PathRefused', `cannot use path ${quote(relativePath)}: it is absolute`);
      return below(directory(relativePath.slice(0, Math.max(0, end)), relativePath), relativePath.slice(end + 1), relativePath).path;
    },
  };
};
