// A backup is one SQLite file: the tables of a store as they were at one revision, the files of the certificates, and digests of both, for
// SQLite itself notices no changed byte. Restoring takes rows out of it one by one; nothing of its schema is ever used.

import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

/** Version of what is added to the tables of a store; a newer one is refused. */
export const backupVersion = 1;

export const backupTables = `
  CREATE TABLE backup (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE file (path TEXT PRIMARY KEY, digest TEXT NOT NULL, content BLOB NOT NULL);
`;

/** A row of the table of objects, its JSON in clear or sealed. */
export type ObjectRow = {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly json: string | Uint8Array;
};

/** A digest over rows in the order in which they come. */
export type RowDigest = { add(columns: readonly (string | number | Uint8Array)[]): void; hex(): string };

export const rowDigest = (): RowDigest => {
  const hash = createHash('sha256');
  return {
    add: (columns) => {
      for (const column of columns) {
        const bytes = typeof column === 'object' ? column : Buffer.from(String(column));
        hash.update(`${typeof column} ${bytes.length}\n`).update(bytes);
      }
    },
    hex: () => hash.digest('hex'),
  };
};

export const fileDigest = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** All objects, in the order in which they are digested. */
export const objectRows = (database: DatabaseSync): Iterable<ObjectRow> =>
  database
    .prepare('SELECT resource, namespace, name, revision, json FROM object ORDER BY resource, namespace, name')
    .iterate() as Iterable<ObjectRow>;

export type SealingRow = { readonly name: string; readonly value: Uint8Array };

/** How the objects are sealed; nothing in formats that know no sealing. */
export const sealingRows = (database: DatabaseSync): readonly SealingRow[] =>
  database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'sealing'").get() === undefined
    ? []
    : (database.prepare('SELECT name, value FROM sealing ORDER BY name').all() as unknown as readonly SealingRow[]);

export const revisionIn = (database: DatabaseSync): unknown =>
  database.prepare("SELECT value FROM fact WHERE name = 'revision'").get()?.['value'];
