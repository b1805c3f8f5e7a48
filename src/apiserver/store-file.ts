// The database file: every object as JSON, and the revision. What `commit` returned from is on disk (SQLite, WAL, synchronous=FULL).
// SQLite is used as measured and no more. The file is not locked for other programs, for a backup reads it while the server runs; one
// server at a time is what the lock of the data directory is for.

import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { systemErrorCode } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { type SealingKeys, sealRows } from './sealed-rows.ts';
import { migrateStore, unusableStore } from './store-format.ts';

export type StoredRow = {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly json: string;
};

/** One change of a commit: a row to put, or the key of one to take away. */
export type RowChange =
  | { readonly kind: 'put'; readonly row: StoredRow & { readonly uid: string } }
  | { readonly kind: 'remove'; readonly row: Omit<StoredRow, 'json'> };

export type StoreFile = {
  /** The revision of the last commit. */
  readonly revision: number;
  rows(): Iterable<StoredRow>;
  /** Writes all changes or none. Throws FileWriteFailed, and then nothing was written. */
  commit(changes: readonly RowChange[], revision: number): void;
  close(): void;
};

const noKeys: SealingKeys = { key: undefined, previousKey: undefined };

const open = (path: string): DatabaseSync => {
  // Made here so that it is nobody else's from the first moment; SQLite gives the files beside it the same mode.
  if (!existsSync(path)) closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600));
  // Nothing but a backup that begins or ends can be in the way, and that for a moment.
  const database = new DatabaseSync(path, { allowExtension: false, timeout: 5000 });
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF');
  return database;
};

/** Runs what opens a database; what SQLite and the system refuse becomes a CodedError. */
const opening = <T>(path: string, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const system = systemErrorCode(error);
    if (system?.startsWith('E') === true && !system.startsWith('ERR_'))
      throw new CodedError('FileWriteFailed', `cannot open store ${quote(path)}: ${system}`, { cause: error });
    throw unusableStore(path, error instanceof Error ? error.message : 'it is no database', error);
  }
};

/** Opens the store, and makes it where there is none. Throws DataDirectoryInvalid, EncryptionKeyMismatch, LockHeld and FileWriteFailed. */
export const openStoreFile = (path: string, keys: SealingKeys = noKeys): StoreFile => {
  const database = opening(path, () => open(path));
  try {
    return opening(path, () => {
      migrateStore(database, path);
      return storeFile(database, path, keys);
    });
  } catch (error) {
    database.close();
    throw error;
  }
};

const storeFile = (database: DatabaseSync, path: string, keys: SealingKeys): StoreFile => {
  const sealer = sealRows(database, path, keys);
  const put = database.prepare(
    'INSERT INTO object VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision, json = excluded.json',
  );
  const remove = database.prepare('DELETE FROM object WHERE resource = ? AND namespace = ? AND name = ?');
  const setRevision = database.prepare("UPDATE fact SET value = ? WHERE name = 'revision'");
  const revision = Number(database.prepare("SELECT value FROM fact WHERE name = 'revision'").get()?.['value'] ?? 1);
  const rows = database.prepare('SELECT resource, namespace, name, revision, json FROM object');
  return {
    revision,
    *rows() {
      try {
        for (const found of rows.iterate() as Iterable<Omit<StoredRow, 'json'> & { readonly json: unknown }>)
          yield { ...found, json: sealer.open(found, found.json) };
      } catch (error) {
        if (error instanceof CodedError) throw error;
        throw unusableStore(path, error instanceof Error ? error.message : 'it is damaged', error);
      }
    },
    commit: (changes, next) => {
      try {
        database.exec('BEGIN IMMEDIATE');
        for (const { kind, row } of changes)
          if (kind === 'put') put.run(row.resource, row.namespace, row.name, row.revision, sealer.seal(row, row.uid, row.json));
          else remove.run(row.resource, row.namespace, row.name);
        setRevision.run(next);
        database.exec('COMMIT');
      } catch (cause) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw new CodedError(
          'FileWriteFailed',
          `cannot write store ${quote(path)}: ${cause instanceof Error ? cause.message : 'unknown'}`,
          { cause },
        );
      }
    },
    close: () => database.close(),
  };
};
