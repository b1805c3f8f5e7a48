// The tables of a store by format version, and how a store of an older one becomes one of this. A newer one is refused by name: what it
// holds is not known here.

import type { DatabaseSync } from 'node:sqlite';
import { CodedError, quote } from '../base/coded-error.ts';

/** Each takes a database from the format of its place to the next; 0 is an empty file. */
export const storeMigrations: readonly string[] = [
  `CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE object (
     resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, json TEXT NOT NULL,
     PRIMARY KEY (resource, namespace, name)
   );
   INSERT INTO fact VALUES ('revision', 1);`,
  // Objects may be sealed; then their json is a blob.
  `CREATE TABLE sealing (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
   PRAGMA application_id=${0x43577374};`,
];

export const formatVersion = storeMigrations.length;

/** What SQLite files say they are: stores and backups (https://www.sqlite.org/pragma.html#pragma_application_id). */
export const applicationIds = { store: 0x43577374, backup: 0x43576275 } as const;

export const unusableStore = (path: string, problem: string, cause?: unknown): CodedError =>
  new CodedError('DataDirectoryInvalid', `cannot open store ${quote(path)}: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'name another --data-dir, or restore a backup',
  });

/** A number that SQLite keeps in the head of its file. */
export const headNumber = (database: DatabaseSync, name: 'user_version' | 'application_id'): number =>
  Number(database.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);

/** What keeps a database from being a store that this version reads; undefined where nothing does. */
const formatProblem = (database: DatabaseSync, known: number): string | undefined => {
  const found = headNumber(database, 'user_version');
  const kind = headNumber(database, 'application_id');
  if (kind === applicationIds.backup) return 'it is a backup; certwright up restore makes a store of it';
  if (kind !== 0 && kind !== applicationIds.store) return 'it is the database of another program';
  if (found > known) return `it is of format ${found}, and this version of Certwright knows formats up to ${known}`;
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  return found === 0 && !isEmpty ? 'it is the database of another program' : undefined;
};

/** Throws DataDirectoryInvalid for what is no store, or one of a newer format. */
export const requireStore = (database: DatabaseSync, path: string, known: number = formatVersion): void => {
  const problem = formatProblem(database, known);
  if (problem !== undefined) throw unusableStore(path, problem);
};

/** Brings a database to this format, one step a transaction, so that one cut short goes on from where it was. Throws DataDirectoryInvalid. */
export const migrateStore = (database: DatabaseSync, path: string, steps: readonly string[] = storeMigrations): void => {
  requireStore(database, path, steps.length);
  for (const [from, step] of steps.entries()) {
    if (from < headNumber(database, 'user_version')) continue;
    database.exec('BEGIN IMMEDIATE');
    try {
      database.exec(`${step} PRAGMA user_version=${from + 1}; COMMIT`);
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
};
