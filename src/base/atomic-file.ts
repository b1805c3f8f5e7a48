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
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
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
  // Node refuses by itself, and in its own words, to remove a directory as if it were a file.
  if (code === 'ERR_FS_EISDIR') return 'EISDIR';
  return code !== undefined && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
};

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
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

/** Runs one look at the disk; what the system refuses becomes FileUnreadable naming the path. */
export const reading = <T>(path: string, look: () => T): T => {
  try {
    return look();
  } catch (cause) {
    if (systemErrorCode(cause) === undefined) throw cause;
    throw new CodedError('FileUnreadable', `cannot read ${quote(path)}: ${reasonOf(cause)}`, { cause });
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

const temporaryName = /^\.certwright-(\d+)-(\d+)-\d+\.tmp$/;
let temporaries = 0;

let ownNamespace: string | undefined;

/** The namespace in which process ids of this process count (pid_namespaces(7)), as a number; 0 where the system does not tell. */
export const processNamespace = (): string => {
  try {
    ownNamespace ??= /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    // No /proc: then there is one namespace only.
    ownNamespace = '0';
  }
  return ownNamespace;
};

/** A name in a directory that no other process uses, and this one for nothing else. */
export const temporaryPath = (directory: string): string =>
  `${directory}/.certwright-${process.pid}-${processNamespace()}-${temporaries++}.tmp`;

/** Opens a new file beside its place. Names are counted, not random: O_EXCL finds the free one, so a name used before does no harm. */
export const openTemporary = (directory: string, mode: number): { readonly path: string; readonly descriptor: number } => {
  for (;;) {
    const path = temporaryPath(directory);
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
type OpenFile = { readonly file: FileToWrite; readonly descriptor: number };

/** What other calls have open and are syncing: descriptors that come back soon. */
const syncing = new Set<Promise<unknown>>();

const isOutOfDescriptors = (error: unknown): boolean => ['EMFILE', 'ENFILE'].includes(systemErrorCode(error) ?? '');

const syncAndClose = async (open: readonly OpenFile[]): Promise<void> => {
  const all = Promise.all(
    open.map(async ({ file, descriptor }) => {
      try {
        await syncDescriptor(descriptor);
      } catch (cause) {
        throw new CodedError('FileWriteFailed', `cannot write ${quote(file.path)}: ${reasonOf(cause)}`, { cause });
      }
    }),
  ).finally(() => {
    syncing.delete(all);
    for (const { descriptor } of open) closeSync(descriptor);
  });
  syncing.add(all);
  await all;
};

const writeTemporaries = async (files: readonly FileToWrite[], written: Temporary[], onStep: OnFileStep | undefined): Promise<void> => {
  let open: OpenFile[] = [];
  const flush = async (): Promise<void> => {
    const full = open;
    open = [];
    await syncAndClose(full);
  };
  const openFor = async (file: FileToWrite): Promise<number> => {
    for (;;) {
      try {
        const temporary = openTemporary(dirname(file.path), file.mode ?? 0o600);
        open.push({ file, descriptor: temporary.descriptor });
        written.push({ file, path: temporary.path });
        return temporary.descriptor;
      } catch (error) {
        if (!isOutOfDescriptors(error) || (open.length === 0 && syncing.size === 0))
          return changing(file.path, () => {
            throw error;
          });
        // With few descriptors there are more rounds instead.
        if (open.length > 0) await flush();
        else await Promise.allSettled([Promise.race(syncing)]);
      }
    }
  };
  try {
    for (const file of files) {
      onStep?.({ kind: 'write', path: file.path });
      const descriptor = await openFor(file);
      changing(file.path, () => writeWhole(descriptor, file.content));
    }
  } catch (error) {
    for (const { descriptor } of open) closeSync(descriptor);
    throw error;
  }
  await flush();
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

/** A file that is being written is no older than that, milliseconds. */
const longestWriteMs = 60 * 60_000;

/** Whether a name is that of a temporary file whose process is gone; of a process that cannot be asked for, whether it is old. */
const isLeftover = (directory: string, name: string): boolean => {
  const [, pid, namespace] = temporaryName.exec(name) ?? [];
  if (pid === undefined) return false;
  if (namespace === processNamespace()) return Number(pid) !== process.pid && !isAlive(Number(pid));
  const info = lstatSync(join(directory, name), { throwIfNoEntry: false });
  return info !== undefined && Date.now() - info.mtimeMs > longestWriteMs;
};

/** Removes temporary files of processes that are gone, and returns how many; a directory that does not exist has none. They may hold keys. */
export const removeLeftovers = (directory: string, { onStep }: WriteOptions = {}): number => {
  const entries = reading(directory, () => {
    try {
      return readdirSync(directory, { withFileTypes: true });
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw error;
    }
  });
  const leftovers = entries.filter((entry) => entry.isFile() && isLeftover(directory, entry.name));
  for (const { name } of leftovers) {
    const path = join(directory, name);
    onStep?.({ kind: 'remove', path });
    changing(path, () => rmSync(path, { force: true }));
  }
  return leftovers.length;
};

/** Makes a directory, mode 0700, with those above it that are missing; one that exists stays as it is. Throws FileWriteFailed. */
export const createDirectory = async (path: string, { onStep }: WriteOptions = {}): Promise<void> => {
  const make = (): 'made' | 'there' | 'no parent' => {
    onStep?.({ kind: 'directory', path });
    try {
      mkdirSync(path, { mode: 0o700 });
      return 'made';
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'EEXIST') return 'there';
      if (code === 'ENOENT' && dirname(path) !== path) return 'no parent';
      throw directoryRefused(path, error);
    }
  };
  let made = make();
  if (made === 'no parent') {
    await createDirectory(dirname(path), { onStep });
    made = make();
  }
  // Some file systems, /proc among them, know a parent and no such directory in it.
  if (made === 'no parent') throw directoryRefused(path, { code: 'ENOENT' });
  if (made === 'there') return requireDirectory(path);
  await syncDirectory(dirname(path));
};

const directoryRefused = (path: string, cause: unknown): unknown =>
  systemErrorCode(cause) === undefined
    ? cause
    : new CodedError('FileWriteFailed', `cannot make directory ${quote(path)}: ${reasonOf(cause)}`, { cause });

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
  const descriptor = reading(path, () => {
    try {
      return openSync(path, 'r');
    } catch (cause) {
      if (systemErrorCode(cause) !== 'ENOENT') throw cause;
      throw new CodedError('FileNotFound', `cannot read ${quote(path)}: it does not exist`, { cause });
    }
  });
  try {
    return reading(path, () => readDescriptor(descriptor, path, maxBytes));
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
