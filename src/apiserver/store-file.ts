// The database file: every object as JSON, and the revision. What `commit` returned from is on disk (SQLite, WAL, synchronous=FULL).
// SQLite is used as measured and no more: one table of objects, one of facts about the store.

import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { systemErrorCode } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';

/** Version of the tables; a store of a newer one is refused. */
const formatVersion = 1;

export type StoredRow = {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly json: string;
};

/** One change of a commit: a row to put, or the key of one to take away. */
export type RowChange =
  | { readonly kind: 'put'; readonly row: StoredRow }
  | { readonly kind: 'remove'; readonly row: Omit<StoredRow, 'json'> };

export type StoreFile = {
  /** The revision of the last commit. */
  readonly revision: number;
  rows(): Iterable<StoredRow>;
  /** Writes all changes or none. Throws FileWriteFailed, and then nothing was written. */
  commit(changes: readonly RowChange[], revision: number): void;
  close(): void;
};

const schema = `
  CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE object (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (resource, namespace, name)
  );
  INSERT INTO fact VALUES ('revision', 1);
`;

const unusable = (path: string, problem: string, cause?: unknown): CodedError =>
  new CodedError('DataDirectoryInvalid', `cannot open store ${quote(path)}: ${problem}`, {
    cause,
    hint: 'name another --data-dir, or restore a backup',
  });

const open = (path: string): DatabaseSync => {
  // Made here so that it is nobody else's from the first moment; SQLite gives the files beside it the same mode.
  if (!existsSync(path)) closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600));
  const database = new DatabaseSync(path, { allowExtension: false });
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF');
  return database;
};

const migrate = (database: DatabaseSync, path: string): void => {
  const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
  if (found > formatVersion)
    throw unusable(path, `it is of format ${found}, and this version of Certwright knows formats up to ${formatVersion}`);
  if (found === 0) database.exec(`BEGIN; ${schema} PRAGMA user_version=${formatVersion}; COMMIT`);
};

/** Opens the store, and makes it where there is none. Throws DataDirectoryInvalid and FileWriteFailed. */
export const openStoreFile = (path: string): StoreFile => {
  let database: DatabaseSync;
  try {
    database = open(path);
    migrate(database, path);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const system = systemErrorCode(error);
    if (system?.startsWith('E') === true && !system.startsWith('ERR_'))
      throw new CodedError('FileWriteFailed', `cannot open store ${quote(path)}: ${system}`, { cause: error });
    throw unusable(path, error instanceof Error ? error.message : 'it is no database', error);
  }
  const put = database.prepare(
    'INSERT INTO object VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision, json = excluded.json',
  );
  const remove = database.prepare('DELETE FROM object WHERE resource = ? AND namespace = ? AND name = ?');
  const setRevision = database.prepare("UPDATE fact SET value = ? WHERE name = 'revision'");
  const revision = Number(database.prepare("SELECT value FROM fact WHERE name = 'revision'").get()?.['value'] ?? 1);
  const rows = database.prepare('SELECT resource, namespace, name, revision, json FROM object');
  return {
    revision,
    rows: () => rows.iterate() as Iterable<StoredRow>,
    commit: (changes, next) => {
      try {
        database.exec('BEGIN IMMEDIATE');
        for (const { kind, row } of changes)
          if (kind === 'put') put.run(row.resource, row.namespace, row.name, row.revision, row.json);
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
