import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { CodedError } from '../base/coded-error.ts';
import { coded } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { backUp } from './back-up.ts';
import { dataDirectory } from './data-directory.ts';
import { requireNoRestore, restore } from './restore.ts';
import { sealingKey } from './sealed-value.ts';
import { openStoreFile, type StoreFile } from './store-file.ts';

const at = new Date('2030-01-01T00:00:00Z');

const rowsOf = (file: StoreFile): string => {
  try {
    return JSON.stringify([...file.rows()].sort((a, b) => (a.name < b.name ? -1 : 1)));
  } finally {
    file.close();
  }
};

/** A data directory with a small store and two files of certificates, and its backup. */
const backedUp = async (t: TestContext, key = sealingKey(randomBytes(32), randomBytes)) => {
  const folder = temporaryDirectory(t);
  const directory = join(folder, 'data');
  mkdirSync(join(directory, 'cluster/pki'), { recursive: true });
  writeFileSync(join(directory, 'cluster/pki/ca.crt'), 'certificate');
  writeFileSync(join(directory, 'cluster/pki/ca.key'), 'key');
  writeFileSync(join(directory, 'cluster/.certwright-1-2-3.tmp'), 'half');
  const file = openStoreFile(join(directory, 'store.sqlite'), { key, previousKey: undefined });
  const row = (resource: string, name: string, revision: number) =>
    ({ kind: 'put', row: { resource, namespace: 'n', name, revision, uid: name, json: JSON.stringify({ metadata: { name } }) } }) as const;
  file.commit([row('/secrets', 's', 2), row('/configmaps', 'c', 3), row('/configmaps', 'd', 4)], 7);
  file.close();
  const path = join(folder, 'backup');
  const made = await backUp({ directory, path, at });
  return { folder, directory, path, made, key };
};

describe('a backup', () => {
  test('restores objects, seals and files as they were, at a revision far ahead', async (t) => {
    const { folder, directory, path, made, key } = await backedUp(t);
    assert.deepEqual([made.objects, made.revision, made.isSealed], [3, 7, true]);
    assert.ok(!readFileSync(path).includes('half'));
    const target = join(folder, 'new');
    const done = await restore({ path, directory: target, overwrite: false, at });
    assert.deepEqual(
      [done.objects, done.revision, done.isSealed, done.time, done.aside],
      [3, 1_000_000_007, true, at.toISOString(), undefined],
    );
    assert.deepEqual(readdirSync(target).sort(), ['cluster', 'store.sqlite']);
    assert.deepEqual(readdirSync(join(target, 'cluster'), { recursive: true }).sort(), ['pki', 'pki/ca.crt', 'pki/ca.key']);
    const open = (where: string) => openStoreFile(join(where, 'store.sqlite'), { key, previousKey: undefined });
    const restored = open(target);
    assert.equal(restored.revision, 1_000_000_007);
    assert.equal(rowsOf(restored), rowsOf(open(directory)));
    assert.throws(() => openStoreFile(join(target, 'store.sqlite')), /no key was given/);
  });

  test('restored over a store that went on goes on from beyond that one', async (t) => {
    const { directory, path, key } = await backedUp(t);
    const file = openStoreFile(join(directory, 'store.sqlite'), { key, previousKey: undefined });
    file.commit([], 5_000_000_000);
    file.close();
    const done = await restore({ path, directory, overwrite: true, at });
    assert.equal(done.revision, 6_000_000_000);
    assert.match(done.aside ?? '', /\/replaced-20300101T000000Z$/);
    const again = await restore({ path, directory, overwrite: true, at });
    assert.equal(again.revision, 7_000_000_000);
    assert.match(again.aside ?? '', /\/replaced-20300101T000000Z-1$/);
  });

  test('with any byte changed, or cut anywhere, is refused by code or restores the very same', async (t) => {
    const { folder, directory, path, key } = await backedUp(t);
    const whole = readFileSync(path);
    const expected = rowsOf(openStoreFile(join(directory, 'store.sqlite'), { key, previousKey: undefined }));
    const target = join(folder, 'new');
    let refused = 0;
    const count = runs(120, 3000);
    for (let i = 0; i < count; i++) {
      const changed = Buffer.from(whole);
      const place = Math.floor(Math.random() * whole.length);
      changed[place] = (changed[place] ?? 0) ^ (1 << Math.floor(Math.random() * 8));
      const bad = join(folder, 'bad');
      writeFileSync(bad, i % 10 === 0 ? changed.subarray(0, place) : changed);
      try {
        await restore({ path: bad, directory: target, overwrite: false, at });
        assert.equal(rowsOf(openStoreFile(join(target, 'store.sqlite'), { key, previousKey: undefined })), expected, `byte ${place}`);
        assert.deepEqual(
          ['ca.crt', 'ca.key'].map((name) => readFileSync(join(target, 'cluster/pki', name), 'utf8')),
          ['certificate', 'key'],
        );
      } catch (error) {
        assert.ok(error instanceof CodedError && ['BackupInvalid', 'PathRefused'].includes(error.code), `byte ${place}: ${String(error)}`);
        refused++;
      }
      rmSync(target, { recursive: true, force: true });
    }
    assert.ok(refused > count / 20, `${refused} of ${count}`);
  });

  test('cut short at any step leaves the old in place, or a server that does not start until it is done again', async (t) => {
    const { directory, path, key } = await backedUp(t);
    const store = join(directory, 'store.sqlite');
    const open = () => openStoreFile(store, { key, previousKey: undefined });
    const expected = rowsOf(open());
    let [undone, halfDone] = [0, 0];
    for (let cut = 1; ; cut++) {
      let steps = 0;
      const stopped = await restore({
        path,
        directory,
        overwrite: true,
        at,
        onStep: () => {
          if (++steps === cut) throw new Error('killed');
        },
      }).then(
        () => false,
        (error: unknown) => error instanceof Error && error.message === 'killed',
      );
      if (!stopped) {
        assert.ok(steps < cut);
        break;
      }
      let isHalfDone = false;
      try {
        requireNoRestore(dataDirectory(directory));
      } catch (error) {
        assert.ok(coded('DataDirectoryInvalid')(error));
        isHalfDone = true;
      }
      if (isHalfDone) {
        halfDone++;
        await restore({ path, directory, overwrite: true, at });
      } else undone++;
      requireNoRestore(dataDirectory(directory));
      assert.equal(rowsOf(open()), expected, `step ${cut}`);
      assert.equal(readFileSync(join(directory, 'cluster/pki/ca.key'), 'utf8'), 'key');
    }
    assert.ok(undone > 2 && halfDone > 3, `${undone} and ${halfDone}`);
  });
});
