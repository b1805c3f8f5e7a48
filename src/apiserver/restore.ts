// A data directory from a backup. Everything is prepared beside the old and checked to the last digest; then the old is moved aside and the
// new takes its place. Killed before that, nothing has happened; killed in between, the server says so and does not start.
//
// Clients remember revisions, and a restored store must never use one of them again for something else: a watch from it would go on and
// miss what it should have seen. How far the server went after the backup cannot be known where its store is lost, so the revision jumps
// by more than any server writes in that time. Every watch and every page of before then gets 410 and lists anew.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import {
  changing,
  createDirectory,
  type OnFileStep,
  reading,
  syncDirectory,
  writeFileAtomic,
  writeFilesAtomic,
} from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { lockDirectory } from '../base/directory-lock.ts';
import { openTree } from '../base/safe-path.ts';
import { maxBackupFileBytes } from './back-up.ts';
import { backupVersion, fileDigest, objectRows, revisionIn, rowDigest, sealingRows } from './backup-format.ts';
import { type DataDirectory, dataDirectory, storeFiles } from './data-directory.ts';
import { sqliteDamage, sqliteRefusal } from './sqlite-error.ts';
import { applicationIds, formatVersion, headNumber, migrateStore, storeMigrations } from './store-format.ts';

export type RestoreRequest = {
  /** The backup; absolute. */
  readonly path: string;
  /** Absolute. */
  readonly directory: string;
  /** Keep what is there aside and put the backup in its place. */
  readonly overwrite: boolean;
  readonly at: Date;
  readonly onStep?: OnFileStep | undefined;
};

export type Restoration = {
  readonly objects: number;
  readonly isSealed: boolean;
  /** When the backup was made. */
  readonly time: string;
  /** The revision the server goes on from. */
  readonly revision: number;
  /** Where the old was put. */
  readonly aside: string | undefined;
};

/** More than a server writes between a backup and its loss: two days at 5,000 writes a second, 30 years at one. */
export const revisionJump = 1_000_000_000;
const maxFiles = 10_000;
/** Beyond it, what clients send as a revision is not read any more. */
const maxRevision = 9e14;

const invalid = (path: string, problem: string, cause?: unknown): CodedError =>
  new CodedError('BackupInvalid', `cannot restore ${quote(path)}: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'certwright up backup FILE makes backups; take another one',
  });

const damaged = (path: string, what: string): CodedError => invalid(path, `it is damaged: ${what}`);

/** Opens a file as it is: without its log, which a backup has none of, and without locks. */
const openBackup = (path: string): DatabaseSync => {
  const found = reading(path, () => statSync(path, { throwIfNoEntry: false }));
  if (found === undefined) throw new CodedError('FileNotFound', `cannot read ${quote(path)}: it does not exist`);
  if (!found.isFile()) throw new CodedError('FileUnreadable', `cannot read ${quote(path)}: it is no file`);
  const url = pathToFileURL(path);
  url.search = '?immutable=1';
  const database = new DatabaseSync(url, { readOnly: true, allowExtension: false });
  try {
    database.exec('PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
};

const fact = (database: DatabaseSync, name: string): unknown =>
  database.prepare('SELECT value FROM backup WHERE name = ?').get(name)?.['value'];

const requireBackup = (database: DatabaseSync, path: string): void => {
  const kind = headNumber(database, 'application_id');
  if (kind === applicationIds.store) throw invalid(path, 'it is a store and no backup');
  if (kind !== applicationIds.backup) throw invalid(path, 'it is no backup of certwright up');
  const other = database
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type NOT IN ('table', 'index') OR name NOT IN (?, ?, ?, ?, ?) AND type = 'table' LIMIT 1",
    )
    .get('backup', 'file', 'fact', 'object', 'sealing');
  if (other !== undefined) throw invalid(path, `it holds ${quote(String(other['name']))}, which no backup does`);
  const version = fact(database, 'version');
  if (!Number.isSafeInteger(version) || Number(version) < 1) throw damaged(path, 'its version is missing');
  if (Number(version) > backupVersion)
    throw invalid(path, `it is of version ${version}, and this version of Certwright knows backups up to ${backupVersion}`);
  const format = headNumber(database, 'user_version');
  if (format > formatVersion)
    throw invalid(path, `its store is of format ${format}, and this version of Certwright knows formats up to ${formatVersion}`);
  const check = database.prepare('PRAGMA integrity_check(1)').get();
  if (check?.['integrity_check'] !== 'ok') throw damaged(path, String(check?.['integrity_check']));
};

/** Copies rows into a new store of the backup's own format, which its server brings forward. */
const restoreStore = (
  backup: DatabaseSync,
  path: string,
  target: string,
  least: number,
): Pick<Restoration, 'objects' | 'isSealed' | 'revision'> => {
  const store = new DatabaseSync(target, { allowExtension: false });
  try {
    store.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
    migrateStore(store, target, storeMigrations.slice(0, headNumber(backup, 'user_version')));
    store.exec('BEGIN');
    const digest = rowDigest();
    const add = store.prepare('INSERT INTO object VALUES (?, ?, ?, ?, ?)');
    let objects = 0;
    for (const { resource, namespace, name, revision, json } of objectRows(backup)) {
      digest.add([resource, namespace, name, revision, json]);
      add.run(resource, namespace, name, revision, json);
      objects++;
    }
    const sealing = sealingRows(backup);
    for (const { name, value } of sealing) {
      digest.add([name, value]);
      store.prepare('INSERT INTO sealing VALUES (?, ?)').run(name, value);
    }
    const found = revisionIn(backup);
    if (!Number.isSafeInteger(found) || Number(found) < 1 || Number(found) > maxRevision) throw damaged(path, 'its revision is none');
    digest.add([Number(found)]);
    if (digest.hex() !== fact(backup, 'digest')) throw damaged(path, 'its objects are not those that were backed up');
    const revision = Math.max(Number(found), least) + revisionJump;
    store.prepare("UPDATE fact SET value = ? WHERE name = 'revision'").run(revision);
    store.exec('COMMIT');
    return { objects, isSealed: sealing.some(({ name }) => name === 'check'), revision };
  } finally {
    store.close();
  }
};

const isPublic = (name: string): boolean => /\.(?:crt|pub)$/.test(name);

/** Writes the files of the certificates; each path stays below the directory, or is refused. */
const restoreFiles = async (backup: DatabaseSync, path: string, cluster: string): Promise<void> => {
  const rows = backup.prepare('SELECT path, digest, length(content) AS bytes FROM file ORDER BY path LIMIT ?').all(maxFiles + 1);
  if (rows.length > maxFiles) throw invalid(path, `it has more than ${maxFiles} files`);
  const content = backup.prepare('SELECT content FROM file WHERE path = ?');
  const tree = openTree(cluster);
  await createDirectory(cluster);
  for (const { path: name, digest, bytes } of rows) {
    if (typeof name !== 'string' || typeof digest !== 'string') throw damaged(path, 'a file has no name');
    if (Number(bytes) > maxBackupFileBytes) throw invalid(path, `its file ${quote(name)} has ${String(bytes)} bytes`);
    const found = content.get(name)?.['content'];
    if (!(found instanceof Uint8Array) || fileDigest(found) !== digest) throw damaged(path, `its file ${quote(name)}`);
    const target = tree.path(name);
    await createDirectory(dirname(target));
    await writeFilesAtomic([{ path: target, content: found, mode: isPublic(name) ? 0o644 : 0o600 }]);
  }
};

/** What a restore takes the place of, where it is there. */
const occupied = (places: DataDirectory): readonly string[] =>
  [...storeFiles(places), places.cluster, places.kubeconfig, places.restored].filter((path) => existsSync(path));

/** The revision of a store that is about to go; 0 where it cannot be told. */
const revisionOf = (store: string): number => {
  if (!existsSync(store)) return 0;
  try {
    const database = new DatabaseSync(store, { allowExtension: false });
    try {
      const revision = Number(revisionIn(database));
      return Number.isSafeInteger(revision) && revision < maxRevision ? revision : 0;
    } finally {
      database.close();
    }
  } catch {
    // What is damaged is why one restores.
    return 0;
  }
};

const stamp = (at: Date): string => at.toISOString().slice(0, 19).replace(/[-:]/g, '');

/** Moves what is there into a directory of its own. */
const moveAside = async (old: readonly string[], { directory, at, onStep }: RestoreRequest): Promise<string | undefined> => {
  // The log of a store is gone once its revision was read.
  const found = old.filter((path) => existsSync(path));
  if (found.length === 0) return undefined;
  let aside = join(directory, `replaced-${stamp(at)}Z`);
  for (let count = 1; existsSync(aside); count++) aside = join(directory, `replaced-${stamp(at)}Z-${count}`);
  onStep?.({ kind: 'directory', path: aside });
  changing(aside, () => mkdirSync(aside, { mode: 0o700 }));
  for (const path of found) {
    onStep?.({ kind: 'rename', path });
    changing(path, () => renameSync(path, join(aside, basename(path))));
  }
  await syncDirectory(aside);
  return aside;
};

/** Prepares everything in a directory that is not in use. */
const prepare = async (backup: DatabaseSync, places: DataDirectory, { path, onStep }: RestoreRequest) => {
  requireBackup(backup, path);
  onStep?.({ kind: 'remove', path: places.restoring });
  changing(places.restoring, () => rmSync(places.restoring, { recursive: true, force: true }));
  await createDirectory(places.restoring, { onStep });
  const store = join(places.restoring, basename(places.store));
  await writeFileAtomic(store, '', { onStep });
  const restored = restoreStore(backup, path, store, revisionOf(places.store));
  await restoreFiles(backup, path, join(places.restoring, basename(places.cluster)));
  return { ...restored, time: String(fact(backup, 'time')) };
};

/** Puts what is prepared in the place of what is there. From the first step on the restore is decided, and only finishing it helps. */
const takePlace = async (places: DataDirectory, old: readonly string[], request: RestoreRequest): Promise<string | undefined> => {
  const { onStep } = request;
  // What an earlier restore left when it was cut short.
  await moveAside(
    old.filter((path) => path === places.restored),
    request,
  );
  onStep?.({ kind: 'rename', path: places.restored });
  changing(places.restored, () => renameSync(places.restoring, places.restored));
  await syncDirectory(places.root);
  const aside = await moveAside(
    old.filter((path) => path !== places.restored),
    request,
  );
  for (const name of readdirSync(places.restored)) {
    const path = join(places.root, name);
    onStep?.({ kind: 'rename', path });
    changing(path, () => renameSync(join(places.restored, name), path));
  }
  await syncDirectory(places.root);
  onStep?.({ kind: 'remove', path: places.restored });
  changing(places.restored, () => rmSync(places.restored, { recursive: true }));
  await syncDirectory(places.root);
  return aside;
};

/**
 * Restores a backup. Throws BackupInvalid, FileNotFound, FileUnreadable, PathRefused; FileExists where something is there and nobody asked
 * to replace it; LockHeld while a server runs there; FileWriteFailed.
 */
export const restore = async (request: RestoreRequest): Promise<Restoration> => {
  const { path, directory, overwrite, onStep } = request;
  const places = dataDirectory(directory);
  let backup: DatabaseSync | undefined;
  await createDirectory(directory, { onStep });
  const lock = lockDirectory(directory);
  try {
    backup = openBackup(path);
    const old = occupied(places);
    if (old.length > 0 && !overwrite)
      throw new CodedError('FileExists', `cannot restore into ${quote(directory)}: ${quote(basename(old[0] ?? ''))} is there`, {
        hint: 'name an empty directory with --data-dir; or --overwrite, which keeps what is there aside',
      });
    const prepared = await prepare(backup, places, request);
    return { ...prepared, aside: await takePlace(places, old, request) };
  } catch (error) {
    rmSync(places.restoring, { recursive: true, force: true });
    throw (
      sqliteRefusal(error, directory) ?? sqliteDamage(error, (problem) => invalid(path, `it cannot be read: ${problem}`, error)) ?? error
    );
  } finally {
    backup?.close();
    lock.release();
  }
};

/** Throws DataDirectoryInvalid where a restore was killed halfway. What another had only prepared is removed. */
export const requireNoRestore = (places: DataDirectory): void => {
  if (existsSync(places.restored))
    throw new CodedError('DataDirectoryInvalid', `cannot start in ${quote(places.root)}: a restore was cut short there`, {
      hint: 'run certwright up restore FILE --overwrite again',
    });
  changing(places.restoring, () => rmSync(places.restoring, { recursive: true, force: true }));
};
