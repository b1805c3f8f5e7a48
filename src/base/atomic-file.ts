// Files that are either the old or the new one, whatever kills the process or the machine: written beside their place, synced, renamed,
// and the directory synced. Reading is bounded and says what is wrong by code.
// Not here: which names may be used at all (safe-path.ts), and one process at a time (directory-lock.ts).
// Opening, writing and renaming are synchronous, for that is several times faster than a turn through the thread pool each; only what
// waits for the disk is not.

import {
  close,
  closeSync,
  fstatSync,
  fsync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CodedError, quote } from './coded-error.ts';

/** One file that shall hold exactly this. */
export type FileToWrite = {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Mode of the new file, the umask applied; 0600 unless given. */
  readonly mode?: number;
};

/** One change about to be made to the disk. */
export type FileStep = { readonly kind: 'directory' | 'write' | 'rename' | 'link' | 'remove' | 'append'; readonly path: string };

/** Called before each change; what it throws prevents that change, as a full disk would. */
export type OnFileStep = (step: FileStep) => void;

export type WriteOptions = { readonly onStep?: OnFileStep | undefined };

/** Bounds the descriptors in use, and how long synchronous work goes on between two turns of the event loop. */
const maxOpen = 256;

const errorCodeOf = (error: unknown): string | undefined => {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
};

/** The system's word for a failed call (`ENOENT`), undefined for errors of another kind. */
export const systemErrorCode = (error: unknown): string | undefined => {
  const code = errorCodeOf(error);
  return code !== undefined && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
};

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  EISDIR: 'a directory is in its place',
  ENOTDIR: 'a file is in the place of one of its directories',
  ENOENT: 'its directory does not exist',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many symbolic links',
};

const reasonOf = (error: unknown): string => {
  const code = systemErrorCode(error);
  return code === undefined ? 'the system refused it' : (reasons[code] ?? code);
};

/** Runs one change to the disk; what the system refuses becomes FileWriteFailed naming the path. */
export const changing = <T>(path: string, change: () => T): T => {
  try {
    return change();
  } catch (cause) {
    if (systemErrorCode(cause) === undefined) throw cause;
    throw new CodedError('FileWriteFailed', `cannot write ${quote(path)}: ${reasonOf(cause)}`, { cause });
  }
};

const syncDescriptor = (descriptor: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fsync(descriptor, (error) => (error === null || error === undefined ? resolve() : reject(error)));
  });

const closeDescriptor = (descriptor: number): Promise<void> =>
  new Promise((resolve) => {
    // Everything was synced before: closing cannot lose data any more.
    close(descriptor, () => resolve());
  });

/** Makes creations, renames and removals in a directory last. */
export const syncDirectory = async (path: string): Promise<void> => {
  const descriptor = changing(path, () => openSync(path, 'r'));
  try {
    await syncDescriptor(descriptor);
  } catch (cause) {
    // Some file systems have no such thing as syncing a directory and say EINVAL.
    if (systemErrorCode(cause) !== 'EINVAL')
      throw new CodedError('FileWriteFailed', `cannot write ${quote(path)}: ${reasonOf(cause)}`, { cause });
  } finally {
    await closeDescriptor(descriptor);
  }
};

const temporaryName = /^\.certwright-(\d+)-\d+\.tmp$/;
let temporaries = 0;

/** Opens a new file beside its place. Names are counted, not random: O_EXCL finds the free one, so a name used before does no harm. */
export const openTemporary = (directory: string, mode: number): { readonly path: string; readonly descriptor: number } => {
  for (;;) {
    const path = join(directory, `.certwright-${process.pid}-${temporaries++}.tmp`);
    try {
      return { path, descriptor: openSync(path, 'wx', mode) };
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
  }
};

const writeWhole = (descriptor: number, content: string | Uint8Array): void => {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset);
};

type Temporary = { readonly file: FileToWrite; readonly path: string };

const writeTemporaries = async (files: readonly FileToWrite[], written: Temporary[], onStep: OnFileStep | undefined): Promise<void> => {
  const open: { readonly file: FileToWrite; readonly descriptor: number }[] = [];
  try {
    for (const file of files) {
      onStep?.({ kind: 'write', path: file.path });
      changing(file.path, () => {
        const temporary = openTemporary(dirname(file.path), file.mode ?? 0o600);
        open.push({ file, descriptor: temporary.descriptor });
        written.push({ file, path: temporary.path });
        writeWhole(temporary.descriptor, file.content);
      });
    }
    await Promise.all(
      open.map(async ({ file, descriptor }) => {
        try {
          await syncDescriptor(descriptor);
        } catch (cause) {
          throw new CodedError('FileWriteFailed', `cannot write ${quote(file.path)}: ${reasonOf(cause)}`, { cause });
        }
      }),
    );
  } finally {
    for (const { descriptor } of open) closeSync(descriptor);
  }
};

/**
 * Writes many files. All are on disk under temporary names before the first takes its place; then they take their places in the order
 * given, and each directory is synced once. A process killed in between leaves the first few new and the others as they were.
 * Throws FileWriteFailed.
 */
export const writeFilesAtomic = async (files: readonly FileToWrite[], { onStep }: WriteOptions = {}): Promise<void> => {
  const written: Temporary[] = [];
  let renamed = 0;
  try {
    for (let start = 0; start < files.length; start += maxOpen)
      await writeTemporaries(files.slice(start, start + maxOpen), written, onStep);
    for (const { file, path } of written) {
      onStep?.({ kind: 'rename', path: file.path });
      changing(file.path, () => renameSync(path, file.path));
      renamed++;
    }
  } catch (error) {
    for (const { path } of written.slice(renamed)) rmSync(path, { force: true });
    throw error;
  }
  await Promise.all([...new Set(files.map(({ path }) => dirname(path)))].map(syncDirectory));
};

/** Writes one file, mode 0600 unless told. A killed process leaves the old or the new file. Throws FileWriteFailed. */
export const writeFileAtomic = (
  path: string,
  content: string | Uint8Array,
  options: WriteOptions & { readonly mode?: number } = {},
): Promise<void> => writeFilesAtomic([{ path, content, ...(options.mode === undefined ? {} : { mode: options.mode }) }], options);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) !== 'ESRCH';
  }
};

/** Removes temporary files of processes that are gone, and returns how many; a directory that does not exist has none. They may hold keys. */
export const removeLeftovers = (directory: string, { onStep }: WriteOptions = {}): number => {
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 0;
    throw new CodedError('FileUnreadable', `cannot read ${quote(directory)}: ${reasonOf(error)}`, { cause: error });
  }
  const leftovers = names.filter((name) => {
    const pid = temporaryName.exec(name)?.[1];
    return pid !== undefined && Number(pid) !== process.pid && !isAlive(Number(pid));
  });
  for (const name of leftovers) {
    const path = join(directory, name);
    onStep?.({ kind: 'remove', path });
    changing(path, () => rmSync(path, { force: true }));
  }
  return leftovers.length;
};

/** Makes a directory, mode 0700, with those above it that are missing; one that exists stays as it is. Throws FileWriteFailed. */
export const createDirectory = async (path: string, { onStep }: WriteOptions = {}): Promise<void> => {
  try {
    onStep?.({ kind: 'directory', path });
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') return requireDirectory(path);
    if (code === 'ENOENT' && dirname(path) !== path) {
      await createDirectory(dirname(path), { onStep });
      return createDirectory(path, { onStep });
    }
    if (code === undefined) throw error;
    throw new CodedError('FileWriteFailed', `cannot make directory ${quote(path)}: ${reasonOf(error)}`, { cause: error });
  }
  await syncDirectory(dirname(path));
};

const requireDirectory = (path: string): void => {
  const descriptor = changing(path, () => openSync(path, 'r'));
  try {
    if (fstatSync(descriptor).isDirectory()) return;
  } finally {
    closeSync(descriptor);
  }
  throw new CodedError('FileWriteFailed', `cannot make directory ${quote(path)}: a file is in its place`);
};

const readDescriptor = (descriptor: number, path: string, maxBytes: number): Uint8Array => {
  const info = fstatSync(descriptor);
  if (info.isDirectory()) throw new CodedError('FileUnreadable', `cannot read ${quote(path)}: it is a directory`);
  const tooLarge = (size: string): never => {
    throw new CodedError('FileUnreadable', `cannot read ${quote(path)}: ${size} bytes are more than the ${maxBytes} accepted`);
  };
  if (info.isFile() && info.size > maxBytes) tooLarge(String(info.size));
  // One byte more than known or allowed shows the end, and a file that has grown meanwhile; a pipe has no size.
  let buffer = Buffer.alloc(Math.min(info.isFile() ? info.size : 64 * 1024, maxBytes) + 1);
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > maxBytes) tooLarge(`at least ${length}`);
    if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(2 * length, maxBytes) + 1);
  }
};

/** The bytes of a file or pipe, at most `maxBytes`. Throws FileNotFound and FileUnreadable, which includes too large. */
export const readFileBounded = (path: string, maxBytes: number): Uint8Array => {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT')
      throw new CodedError('FileNotFound', `cannot read ${quote(path)}: it does not exist`, { cause });
    throw new CodedError('FileUnreadable', `cannot read ${quote(path)}: ${reasonOf(cause)}`, { cause });
  }
  try {
    return readDescriptor(descriptor, path, maxBytes);
  } catch (cause) {
    if (systemErrorCode(cause) === undefined) throw cause;
    throw new CodedError('FileUnreadable', `cannot read ${quote(path)}: ${reasonOf(cause)}`, { cause });
  } finally {
    closeSync(descriptor);
  }
};

const lookAt = (path: string): Stats | undefined | 'unknown' => {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // Why it cannot be looked at is told by who opens it.
    return 'unknown';
  }
};

/**
 * As readFileBounded for a file of a directory that is ours; undefined where it does not exist. What is neither file nor directory is
 * refused unopened, because a pipe that nobody writes to would be waited for without end.
 */
export const readFileIfPresent = (path: string, maxBytes: number): Uint8Array | undefined => {
  // Asked first, because in a new directory nearly every file is absent, and an error each is slow.
  const found = lookAt(path);
  if (found === undefined) return undefined;
  if (found !== 'unknown' && !found.isFile() && !found.isDirectory())
    throw new CodedError('FileUnreadable', `cannot read ${quote(path)}: it is a pipe, a socket or a device, not a file`);
  try {
    return readFileBounded(path, maxBytes);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'FileNotFound') return undefined;
    throw error;
  }
};
