// One process at a time in a directory: a lock file that names its holder. A holder that is gone, however it ended, does not keep others
// out: on Linux it is known by process id and start time, so that a number used again is not taken for it.
// Not here: waiting. Who comes second is told who holds the lock. Locks of other machines (a shared file system) and of containers, whose
// process ids count for themselves, are never broken.

import { closeSync, fsyncSync, linkSync, lstatSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { changing, openTemporary, processNamespace, readFileIfPresent, systemErrorCode, temporaryPath } from './atomic-file.ts';
import { fromUtf8 } from './bytes.ts';
import { CodedError, quote } from './coded-error.ts';

/** Held until released, or until the process ends. Releasing twice does nothing. */
export type DirectoryLock = { release(): void };

type Holder = { readonly pid: number; readonly host: string; readonly namespace: string; readonly started: string; readonly token: number };

const lockName = '.certwright.lock';
const maxLockBytes = 4096;
let locks = 0;

/** Start of a process in ticks since boot (proc(5), field 22); empty where the system does not tell. */
const startOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    // No such process, or no /proc: the process id alone decides.
    return '';
  }
};

let ownStart: string | undefined;
const startOfThis = (): string => {
  ownStart ??= startOf(process.pid);
  return ownStart;
};

const isPlainHolder = (value: unknown): value is Holder =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  Number.isSafeInteger(value.pid) &&
  'host' in value &&
  typeof value.host === 'string' &&
  'namespace' in value &&
  typeof value.namespace === 'string' &&
  'started' in value &&
  typeof value.started === 'string';

/** Who a lock file names; undefined where it is damaged, which no process leaves behind. */
const parseHolder = (bytes: Uint8Array): Holder | undefined => {
  try {
    const value: unknown = JSON.parse(fromUtf8(bytes) ?? '');
    return isPlainHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const isGone = ({ pid, host, namespace, started }: Holder): boolean => {
  if (host !== hostname() || namespace !== processNamespace()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) === 'ESRCH';
  }
  const now = startOf(pid);
  return started !== '' && now !== '' && now !== started;
};

const heldBy = (directory: string, path: string, holder: Holder | undefined): CodedError => {
  const who = holder === undefined ? 'a process that cannot be told' : `process ${holder.pid} on ${quote(holder.host)}`;
  return new CodedError('LockHeld', `cannot work in ${quote(directory)}: ${who} is working there`, {
    hint: `wait for it to end; where it is certainly gone, remove ${path}`,
    ...(holder === undefined ? {} : { details: { pid: holder.pid, host: holder.host } }),
  });
};

/** Moves a stale lock away. Where another process was quicker and the lock is now its own, it is put back. */
const breakLock = (path: string, stale: Uint8Array): void => {
  const aside = temporaryPath(dirname(path));
  try {
    renameSync(path, aside);
    const moved = readFileSync(aside);
    if (!moved.equals(stale)) linkSync(aside, path);
  } catch (error) {
    // Gone already, or taken again meanwhile: the next look decides.
    const code = systemErrorCode(error);
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
};

/** What a lock file holds, undefined where there is none. A link or a pipe is no lock file: reading it may find nothing, or never end. */
const readLock = (path: string, directory: string): Uint8Array | undefined => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile())
    throw new CodedError('LockHeld', `cannot work in ${quote(directory)}: its lock ${quote(path)} is not a file`, {
      hint: `nothing of Certwright leaves that there; remove ${path}`,
    });
  return readFileIfPresent(path, maxLockBytes);
};

/** More often than that, whoever holds the lock gave it back between two looks at it. */
const maxAttempts = 1000;

/** Takes a lock file of any path; throws LockHeld naming the process that has it, and FileWriteFailed. */
const lockFile = (path: string, directory: string): DirectoryLock => {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    namespace: processNamespace(),
    started: startOfThis(),
    token: locks++,
  };
  const content = Buffer.from(`${JSON.stringify(holder)}\n`);
  const own = changing(path, () => {
    const { path: temporary, descriptor } = openTemporary(dirname(path), 0o600);
    try {
      writeSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return temporary;
  });
  const isOurs = (): boolean => readFileIfPresent(path, maxLockBytes)?.every((octet, i) => octet === content[i]) === true;
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        // A link appears whole or not at all, so a lock file always names its holder.
        changing(path, () => linkSync(own, path));
        if (isOurs()) break;
      } catch (error) {
        if (!(error instanceof CodedError) || systemErrorCode(error.cause) !== 'EEXIST') throw error;
      }
      const found = readLock(path, directory);
      if (found === undefined && attempt < maxAttempts) continue;
      if (found === undefined) throw heldBy(directory, path, undefined);
      const other = parseHolder(found);
      if (other === undefined || !isGone(other) || attempt > 20) throw heldBy(directory, path, other);
      changing(path, () => breakLock(path, found));
    }
  } finally {
    rmSync(own, { force: true });
  }
  let released = false;
  return {
    release: () => {
      if (released) return;
      released = true;
      if (isOurs()) rmSync(path, { force: true });
    },
  };
};

/** Takes the lock of a directory that exists. Throws LockHeld naming the process that has it, and FileWriteFailed. */
export const lockDirectory = (directory: string): DirectoryLock => lockFile(join(directory, lockName), directory);

/** Removes the lock that a killed process left in a directory; one that is held, or cannot be told, stays. */
export const clearStaleLock = (directory: string): void => {
  if (lstatSync(join(directory, lockName), { throwIfNoEntry: false }) === undefined) return;
  try {
    lockDirectory(directory).release();
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'LockHeld') throw error;
  }
};

/** Runs `work` while holding the lock of a directory that exists. Throws LockHeld, FileWriteFailed and what `work` throws. */
export const withDirectoryLock = async <T>(directory: string, work: () => Promise<T>): Promise<T> => {
  const lock = lockDirectory(directory);
  try {
    return await work();
  } finally {
    lock.release();
  }
};
