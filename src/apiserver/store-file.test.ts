import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import { assertCoded, coded } from '../testing/coded-errors.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { readEncryptionKey } from './encryption-key.ts';
import { sealingKey } from './sealed-value.ts';
import { openStoreFile, type RowChange } from './store-file.ts';
import { formatVersion, migrateStore } from './store-format.ts';

const newKey = () => sealingKey(randomBytes(32), randomBytes);
const pathOf = (t: TestContext): string => join(temporaryDirectory(t), 'store.sqlite');

const put = (resource: string, name: string, revision: number, value: string): RowChange => {
  const json = JSON.stringify({ metadata: { name, namespace: 'n', uid: `uid-${name}` }, data: { value } });
  return { kind: 'put', row: { resource, namespace: 'n', name, revision, uid: `uid-${name}`, json } };
};
const remove = (resource: string, name: string, revision: number): RowChange => ({
  kind: 'remove',
  row: { resource, namespace: 'n', name, revision },
});

/** What the file and the log beside it hold of a text. */
const holds = (path: string, text: string): boolean =>
  [path, `${path}-wal`, `${path}-journal`].some((file) => existsSync(file) && readFileSync(file).includes(text));

const values = (path: string, key?: ReturnType<typeof newKey>, previousKey?: ReturnType<typeof newKey>): readonly string[] => {
  const file = openStoreFile(path, { key, previousKey });
  try {
    return [...file.rows()].map(({ name, json }) => `${name}=${JSON.parse(json).data.value}`).sort();
  } finally {
    file.close();
  }
};

/** A store that has written, changed and deleted Secrets in clear, long ones among them. */
const clearStore = (path: string): void => {
  const file = openStoreFile(path);
  file.commit([put('/secrets', 'a', 2, 'first-clear-a'), put('/secrets', 'b', 3, `clear-b${'.'.repeat(20_000)}tail-of-b`)], 3);
  for (let i = 0; i < 50; i++) file.commit([put('/secrets', `gone${i}`, 4 + i, `clear-gone-${i}${'-'.repeat(500)}`)], 4 + i);
  for (let i = 0; i < 50; i++) file.commit([remove('/secrets', `gone${i}`, 60 + i)], 60 + i);
  file.commit([put('/secrets', 'a', 200, 'clear-a'), put('/configmaps', 'c', 201, 'config')], 201);
  file.close();
};
const expected = ['a=clear-a', `b=clear-b${'.'.repeat(20_000)}tail-of-b`, 'c=config'];
const clearTexts = ['clear-a', 'clear-b', 'tail-of-b', 'clear-gone'];

describe('a sealed store', () => {
  test('holds no value of a Secret in clear, in no file, and everything else as it was', (t) => {
    const path = pathOf(t);
    const key = newKey();
    const file = openStoreFile(path, { key, previousKey: undefined });
    file.commit([put('/secrets', 'a', 2, 'clear-a'), put('/configmaps', 'c', 3, 'config')], 3);
    assert.deepEqual([holds(path, 'clear-a'), holds(path, 'config')], [false, true]);
    file.close();
    assert.deepEqual([holds(path, 'clear-a'), holds(path, 'config')], [false, true]);
    assert.deepEqual(values(path, key), ['a=clear-a', 'c=config']);
  });

  test('made of one in clear keeps no value of what is, was or was deleted in clear', (t) => {
    const path = pathOf(t);
    clearStore(path);
    assert.deepEqual(
      clearTexts.map((text) => holds(path, text)),
      clearTexts.map(() => true),
    );
    const key = newKey();
    const file = openStoreFile(path, { key, previousKey: undefined });
    assert.deepEqual(
      clearTexts.map((text) => holds(path, text)),
      clearTexts.map(() => false),
    );
    assert.equal(file.revision, 201);
    file.close();
    assert.deepEqual(values(path, key), expected);
  });

  test('killed between sealing and cleaning is cleaned by the next start', (t) => {
    const path = pathOf(t);
    clearStore(path);
    const key = newKey();
    openStoreFile(path, { key, previousKey: undefined }).close();
    const database = new DatabaseSync(path);
    database.exec("INSERT INTO fact VALUES ('left-in-clear', 1); DELETE FROM fact WHERE name = 'left-in-clear'");
    database.exec("INSERT INTO sealing VALUES ('scrub', x'')");
    database.close();
    assert.ok(holds(path, 'left-in-clear'));
    assert.deepEqual(values(path, key), expected);
    assert.ok(!holds(path, 'left-in-clear'));
  });

  test('changes its key, and goes back to none, with the previous key at hand', (t) => {
    const path = pathOf(t);
    clearStore(path);
    const [first, second] = [newKey(), newKey()];
    assert.deepEqual(values(path, first), expected);
    assert.deepEqual(values(path, second, first), expected);
    assert.deepEqual(values(path, second), expected);
    assert.deepEqual(values(path, second, first), expected);
    assert.throws(() => values(path, first), coded('EncryptionKeyMismatch'));
    assert.ok(!holds(path, 'clear-a'));
    assert.deepEqual(values(path, undefined, second), expected);
    assert.deepEqual(values(path), expected);
  });

  test('is refused without its key, and with another, by name', (t) => {
    const path = pathOf(t);
    values(path, newKey());
    assertCoded('EncryptionKeyMismatch', () => values(path), /no key was given/);
    assertCoded('EncryptionKeyMismatch', () => values(path, newKey()), /another key than the one given/);
    assertCoded('EncryptionKeyMismatch', () => values(path, newKey(), newKey()), /another key than the two given/);
  });

  test('refuses rows that changed places, went back in time, are damaged or in clear, by name', (t) => {
    for (const tampering of [
      "UPDATE object SET json = (SELECT json FROM object WHERE name = 'b') WHERE name = 'a'",
      "UPDATE object SET revision = 7 WHERE name = 'a'",
      "UPDATE object SET namespace = 'other' WHERE name = 'a'",
      "UPDATE object SET json = substr(json, 1, length(json) - 1) WHERE name = 'a'",
      "UPDATE object SET json = x'00' WHERE name = 'a'",
      'UPDATE object SET json = \'{"metadata":{"name":"a"},"data":{"value":"forged"}}\' WHERE name = \'a\'',
      "DELETE FROM sealing WHERE name = 'check'",
    ]) {
      const path = pathOf(t);
      const key = newKey();
      const file = openStoreFile(path, { key, previousKey: undefined });
      file.commit([put('/secrets', 'a', 2, 'one'), put('/secrets', 'b', 2, 'two')], 2);
      file.close();
      const database = new DatabaseSync(path);
      database.exec(tampering);
      database.close();
      assertCoded('DataDirectoryInvalid', () => values(path, key), /"\/secrets\/(?:n|other)\/[ab]" is damaged or from elsewhere/);
    }
  });
});

describe('a commit', () => {
  test('that is refused is undone whole, and the next is none the worse', (t) => {
    const path = pathOf(t);
    const file = openStoreFile(path);
    const bad = { kind: 'put', row: { ...put('/c', 'b', 2, 'x').row, name: null, json: '' } } as unknown as RowChange;
    assertCoded('FileWriteFailed', () => file.commit([put('/c', 'a', 2, 'lost'), bad], 3), /cannot write store/);
    file.commit([put('/c', 'c', 2, 'kept')], 2);
    file.close();
    assert.deepEqual(values(path), ['c=kept']);
  });
});

describe('the file of an encryption key', () => {
  test('holds 32 random bytes, plain or in base64, for its owner alone', (t) => {
    const path = join(temporaryDirectory(t), 'key');
    const key = randomBytes(32);
    const write = (content: string | Uint8Array, mode = 0o600): void => {
      writeFileSync(path, content);
      chmodSync(path, mode);
    };
    for (const content of [key, key.toString('base64'), `${key.toString('base64')}\n`]) {
      write(content);
      assert.deepEqual(Buffer.from(readEncryptionKey(path)), key);
    }
    write(key, 0o640);
    assertCoded('EncryptionKeyInvalid', () => readEncryptionKey(path), /its mode is 0640, expected 0600/);
    for (const content of [
      '',
      'p'.repeat(32),
      key.subarray(1),
      Buffer.alloc(32),
      randomBytes(33),
      key.toString('hex'),
      `${key.toString('base64')}=`,
    ]) {
      write(content);
      assertCoded('EncryptionKeyInvalid', () => readEncryptionKey(path));
    }
    write(randomBytes(2000));
    assertCoded('FileUnreadable', () => readEncryptionKey(path));
    assertCoded('FileNotFound', () => readEncryptionKey(`${path}.none`));
  });
});

describe('the format of a store', () => {
  const first = `
    CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE object (
      resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, json TEXT NOT NULL,
      PRIMARY KEY (resource, namespace, name)
    );
    INSERT INTO fact VALUES ('revision', 41);
    INSERT INTO object VALUES ('/secrets', 'n', 'a', 41, '{"metadata":{"name":"a","uid":"u"},"data":{"value":"kept"}}');
    PRAGMA user_version=1`;
  const make = (path: string, sql: string): void => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  };

  test('of the first version is brought forward, with all it holds', (t) => {
    const path = pathOf(t);
    make(path, first);
    const file = openStoreFile(path);
    assert.equal(file.revision, 41);
    file.close();
    assert.deepEqual(values(path), ['a=kept']);
    const database = new DatabaseSync(path);
    t.after(() => database.close());
    assert.equal(database.prepare('PRAGMA user_version').get()?.['user_version'], formatVersion);
  });

  test('of a newer version, of a backup and of another program is refused by name and left alone', (t) => {
    for (const [sql, problem] of [
      [`${first}; PRAGMA user_version=99`, /it is of format 99, and this version of Certwright knows formats up to 2/],
      [`${first}; PRAGMA application_id=${0x43576275}`, /it is a backup/],
      ['CREATE TABLE theirs (a)', /the database of another program/],
      ['PRAGMA application_id=7', /the database of another program/],
    ] as const) {
      const path = pathOf(t);
      make(path, sql);
      assertCoded('DataDirectoryInvalid', () => openStoreFile(path), problem);
      const database = new DatabaseSync(path);
      assert.equal(database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'sealing'").get()?.['n'], 0);
      database.close();
    }
  });

  test('changes step by step, and a step that fails leaves the store as the one before it made it', (t) => {
    const database = new DatabaseSync(pathOf(t));
    t.after(() => database.close());
    const steps = ['CREATE TABLE one (a);', 'CREATE TABLE two (a); INSERT INTO nowhere VALUES (1);'];
    assert.throws(() => migrateStore(database, 'store', steps), /nowhere/);
    const state = () => [
      database.prepare('PRAGMA user_version').get()?.['user_version'],
      database.prepare('SELECT group_concat(name) AS names FROM sqlite_schema').get()?.['names'],
    ];
    assert.deepEqual(state(), [1, 'one']);
    migrateStore(database, 'store', [steps[0] ?? '', 'CREATE TABLE three (a);']);
    assert.deepEqual(state(), [2, 'one,three']);
  });
});
