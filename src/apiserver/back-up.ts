// A backup of a data directory, also while its server runs: the store as it is at one revision and the certificates with their keys, in one
// file that only its owner reads. The key of sealed Secrets is not in it.

import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { changing, type OnFileStep, openTemporary, readFileBounded, reading, removeLeftovers, syncDirectory } from '../base/atomic-file.ts';
import { CodedError, isCodedError, quote } from '../base/coded-error.ts';
import { withDirectoryLock } from '../base/directory-lock.ts';
import { backupTables, backupVersion, fileDigest, objectRows, revisionIn, rowDigest, sealingRows } from './backup-format.ts';
import { dataDirectory } from './data-directory.ts';
import { sqliteDamage, sqliteRefusal } from './sqlite-error.ts';
import { applicationIds, requireStore, unusableStore } from './store-format.ts';

export type BackupRequest = {
  /** Absolute. */
  readonly directory: string;
  /** Absolute; what is there is replaced. */
  readonly path: string;
  readonly at: Date;
  readonly onStep?: OnFileStep | undefined;
};

export type Backup = { readonly revision: number; readonly objects: number; readonly isSealed: boolean; readonly bytes: number };

/** More than any ledger of signatures has. */
export const maxBackupFileBytes = 64 * 1024 * 1024;
const lockAttempts = 50;

type PlacedFile = { readonly path: string; readonly content: Uint8Array };

/** Regular files of the certificates' directory; locks and what is still being written start with a dot. */
const clusterFiles = (cluster: string): readonly PlacedFile[] =>
  reading(cluster, () => readdirSync(cluster, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: relative(cluster, path).split(sep).join('/'), content: readFileBounded(path, maxBackupFileBytes) }));

/** Runs work while nobody changes the certificates; a renewal is done in a moment. */
const whileStill = async <T>(cluster: string, work: () => T): Promise<T> => {
  for (let attempt = 1; ; attempt++)
    try {
      return await withDirectoryLock(cluster, async () => work());
    } catch (error) {
      if (!isCodedError(error) || error.code !== 'LockHeld' || attempt === lockAttempts) throw error;
      await delay(100);
    }
};

const copyStore = (store: string, target: string): void => {
  // Readers of a log do not keep its writer waiting, nor it them.
  const database = new DatabaseSync(store, { allowExtension: false, timeout: 5000 });
  try {
    database.exec('PRAGMA trusted_schema=OFF');
    requireStore(database, store);
    database.prepare('VACUUM INTO ?').run(target);
  } finally {
    database.close();
  }
};

/** Adds to the copy of a store what makes it a backup. */
const complete = (path: string, files: readonly PlacedFile[], at: Date): Omit<Backup, 'bytes'> => {
  const database = new DatabaseSync(path, { allowExtension: false });
  try {
    // Nobody sees the file before it is whole.
    database.exec(`PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN; ${backupTables} PRAGMA application_id=${applicationIds.backup}`);
    const addFile = database.prepare('INSERT INTO file VALUES (?, ?, ?)');
    for (const file of files) addFile.run(file.path, fileDigest(file.content), file.content);
    const digest = rowDigest();
    let objects = 0;
    for (const { resource, namespace, name, revision, json } of objectRows(database)) {
      digest.add([resource, namespace, name, revision, json]);
      objects++;
    }
    const sealing = sealingRows(database);
    for (const { name, value } of sealing) digest.add([name, value]);
    const revision = Number(revisionIn(database));
    digest.add([revision]);
    const add = database.prepare('INSERT INTO backup VALUES (?, ?)');
    add.run('version', backupVersion);
    add.run('time', at.toISOString());
    add.run('objects', objects);
    add.run('digest', digest.hex());
    database.exec('COMMIT');
    return { revision, objects, isSealed: sealing.some(({ name }) => name === 'check') };
  } finally {
    database.close();
  }
};

const syncFile = (path: string): void => {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

/** Writes a backup. Throws FileNotFound, DataDirectoryInvalid, LockHeld, FileUnreadable, FileWriteFailed. */
export const backUp = async ({ directory, path, at, onStep }: BackupRequest): Promise<Backup> => {
  const { cluster, store } = dataDirectory(directory);
  if (reading(store, () => statSync(store, { throwIfNoEntry: false })) === undefined)
    throw new CodedError('FileNotFound', `cannot back up ${quote(store)}: there is no store`, {
      hint: 'name its directory with --data-dir',
    });
  const folder = dirname(path);
  removeLeftovers(folder);
  const files = await whileStill(cluster, () => clusterFiles(cluster));
  onStep?.({ kind: 'write', path });
  const temporary = changing(path, () => {
    const { path: made, descriptor } = openTemporary(folder, 0o600);
    closeSync(descriptor);
    return made;
  });
  try {
    copyStore(store, temporary);
    const made = complete(temporary, files, at);
    const bytes = changing(path, () => {
      syncFile(temporary);
      return statSync(temporary).size;
    });
    onStep?.({ kind: 'rename', path });
    changing(path, () => renameSync(temporary, path));
    await syncDirectory(folder);
    return { ...made, bytes };
  } catch (error) {
    rmSync(temporary, { force: true });
    throw sqliteRefusal(error, path) ?? sqliteDamage(error, (problem) => unusableStore(store, problem, error)) ?? error;
  }
};
