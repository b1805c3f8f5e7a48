// Which rows of a store are sealed, and under which key. A sealed row says in clear which object it is; the seal holds only for that place,
// uid and revision, so that rows cannot change places. Turning sealing on, changing its key and turning it off each rewrite every such row
// in one transaction, and then the file, so that nothing of the old rows stays in free pages or the log.

import type { DatabaseSync } from 'node:sqlite';
import { CodedError, quote } from '../base/coded-error.ts';
import type { SealingKey } from './sealed-value.ts';
import { unusableStore } from './store-format.ts';

/** Resources whose objects are sealed. */
const sealedResources: ReadonlySet<string> = new Set(['/secrets']);

export type SealingKeys = {
  /** What rows are sealed with from now on; undefined leaves them in clear. */
  readonly key: SealingKey | undefined;
  /** What they were sealed with until now, where that is another. */
  readonly previousKey: SealingKey | undefined;
};

type Place = { readonly resource: string; readonly namespace: string; readonly name: string; readonly revision: number };

export type RowSealer = {
  /** The column of a row to be written. */
  seal(place: Place, uid: string, json: string): string | Uint8Array;
  /** The JSON of a row as it was found. Throws DataDirectoryInvalid. */
  open(place: Place, column: unknown): string;
};

const rowVersion = 1;
const keyCheck = Buffer.from('certwright store');

const associated = ({ resource, namespace, name, revision }: Place, uid: string): Buffer =>
  Buffer.from(JSON.stringify(['certwright row', resource, namespace, name, uid, revision]));

const sealRow = (key: SealingKey, place: Place, uid: string, json: string): Buffer => {
  const named = Buffer.from(uid).subarray(0, 255);
  return Buffer.concat([Buffer.from([rowVersion, named.length]), named, key.seal(Buffer.from(json), associated(place, named.toString()))]);
};

const openRow = (key: SealingKey, place: Place, sealed: Uint8Array): string | undefined => {
  const [version, length = 0] = sealed;
  if (version !== rowVersion) return undefined;
  const uid = Buffer.from(sealed.subarray(2, 2 + length)).toString();
  return key.open(sealed.subarray(2 + length), associated(place, uid))?.toString();
};

const rowSealer = (path: string, key: SealingKey | undefined): RowSealer => ({
  seal: (place, uid, json) => (key !== undefined && sealedResources.has(place.resource) ? sealRow(key, place, uid, json) : json),
  open: (place, column) => {
    const isSealed = key !== undefined && sealedResources.has(place.resource);
    // One in clear among the sealed was not written by us.
    if (!isSealed && typeof column === 'string') return column;
    const json = isSealed && column instanceof Uint8Array ? openRow(key, place, column) : undefined;
    if (json === undefined)
      throw unusableStore(path, `its row of ${quote(`${place.resource}/${place.namespace}/${place.name}`)} is damaged or from elsewhere`);
    return json;
  },
});

const mismatch = (path: string, problem: string, hint: string): CodedError =>
  new CodedError('EncryptionKeyMismatch', `cannot open store ${quote(path)}: ${problem}`, { hint });

/** The key the rows are sealed with at the moment; undefined where they are in clear. Throws EncryptionKeyMismatch. */
const currentKey = (path: string, check: unknown, { key, previousKey }: SealingKeys): SealingKey | undefined => {
  if (!(check instanceof Uint8Array)) return undefined;
  if (key === undefined && previousKey === undefined)
    throw mismatch(path, 'its Secrets are sealed, and no key was given', 'give the key with --encryption-key-file');
  const found = [key, previousKey].find((candidate) => candidate?.open(check, keyCheck) !== undefined);
  if (found === undefined)
    throw mismatch(
      path,
      `its Secrets are sealed with another key than ${key !== undefined && previousKey !== undefined ? 'the two' : 'the one'} given`,
      'give the key they were sealed with: with --encryption-key-file, or with --previous-encryption-key-file to change it',
    );
  return found;
};

/** Makes the file anew, so that no byte of what was deleted is left in it. Throws LockHeld while another program reads it. */
const scrub = (database: DatabaseSync, path: string): void => {
  database.exec('PRAGMA secure_delete=ON; VACUUM');
  const emptied = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
  if (Number(emptied?.['busy'] ?? 1) !== 0)
    throw new CodedError('LockHeld', `cannot seal store ${quote(path)}: another program is reading it`, {
      hint: 'try again once it is done',
    });
  database.exec("DELETE FROM sealing WHERE name = 'scrub'; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA secure_delete=OFF");
};

/** Brings the rows of a store under the key that is wanted. Throws EncryptionKeyMismatch, DataDirectoryInvalid, LockHeld. */
export const sealRows = (database: DatabaseSync, path: string, keys: SealingKeys): RowSealer => {
  const value = (name: string): unknown => database.prepare('SELECT value FROM sealing WHERE name = ?').get(name)?.['value'];
  const current = currentKey(path, value('check'), keys);
  const [before, after] = [rowSealer(path, current), rowSealer(path, keys.key)];
  if (current !== keys.key) {
    const change = database.prepare('UPDATE object SET json = ? WHERE rowid = ?');
    const set = database.prepare('INSERT INTO sealing VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value');
    const select = database.prepare('SELECT rowid, resource, namespace, name, revision, json FROM object WHERE resource = ?');
    database.exec('BEGIN IMMEDIATE');
    try {
      for (const resource of sealedResources)
        for (const { rowid, json, ...row } of select.all(resource)) {
          const place = row as unknown as Place;
          const text = before.open(place, json);
          change.run(after.seal(place, uidOf(text), text), Number(rowid));
        }
      if (keys.key === undefined) database.exec("DELETE FROM sealing WHERE name = 'check'");
      else set.run('check', keys.key.seal(new Uint8Array(), keyCheck));
      set.run('scrub', new Uint8Array());
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
  // Also where a run was killed between the two.
  if (value('scrub') !== undefined) scrub(database, path);
  return after;
};

const uidOf = (json: string): string => {
  const { metadata } = JSON.parse(json) as { readonly metadata?: { readonly uid?: unknown } };
  return typeof metadata?.uid === 'string' ? metadata.uid : '';
};
