import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { KubernetesObject } from '../api/object.ts';
import { coded } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { type Change, openStore, type Store, type StoreOptions } from './store.ts';
import { openStoreFile } from './store-file.ts';

const object = (name: string, data = ''): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'n' },
  data: { a: data },
});

const open = (path: string, options?: StoreOptions): Store => openStore(openStoreFile(path), options);
const fresh = (t: TestContext, options?: StoreOptions) => {
  const path = join(temporaryDirectory(t), 'store.sqlite');
  const store = open(path, options);
  t.after(() => {
    try {
      store.close();
    } catch {
      // A test may have closed it.
    }
  });
  return { path, store };
};

const put = (store: Store, name: string, data = '') => store.write((transaction) => transaction.put('/c', 'n', name, object(name, data)));
const remove = (store: Store, name: string) =>
  store.write((transaction) => {
    const found = transaction.get('/c', 'n', name);
    return found === undefined ? undefined : transaction.remove(found);
  });
const names = (list: readonly { readonly name: string }[] | undefined) => list?.map(({ name }) => name).join('');
const told = (changes: readonly Change[] | undefined) => changes?.map(({ type, stored }) => `${type} ${stored.name} ${stored.revision}`);

describe('the store', () => {
  test('gives each write a revision of its own, and what it answers is there when it is opened again', async (t) => {
    const { path, store } = fresh(t);
    const [a, b] = await Promise.all([put(store, 'a', '1'), put(store, 'b', '2')]);
    assert.deepEqual([a?.revision, b?.revision, store.revision], [2, 3, 3]);
    await remove(store, 'a');
    store.close();
    const again = open(path);
    t.after(() => again.close());
    assert.equal(again.revision, 4);
    assert.equal(names(again.list('/c')), 'b');
    assert.deepEqual(again.get('/c', 'n', 'b')?.object, {
      ...object('b', '2'),
      metadata: { name: 'b', namespace: 'n', resourceVersion: '3' },
    });
    assert.deepEqual(JSON.parse(String(again.get('/c', 'n', 'b')?.json)), again.get('/c', 'n', 'b')?.object);
  });

  test('drops the whole of a decision that throws, and none of its neighbours', async (t) => {
    const { store } = fresh(t);
    const outcomes = await Promise.allSettled([
      put(store, 'a'),
      store.write((transaction) => {
        transaction.put('/c', 'n', 'half', object('half'));
        throw new Error('refused');
      }),
      put(store, 'b'),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.equal(names(store.list('/c')), 'ab');
    assert.equal(store.revision, 3);
  });

  test('lets later decisions of one commit see the earlier ones', async (t) => {
    const { store } = fresh(t);
    const seen = await Promise.all([
      put(store, 'a'),
      store.write((transaction) => [
        transaction.get('/c', 'n', 'a')?.revision,
        names(transaction.list('/c', 'n')),
        transaction.list('/c', 'other').length,
      ]),
      remove(store, 'a'),
      store.write((transaction) => [transaction.get('/c', 'n', 'a'), names(transaction.list('/c'))]),
    ]);
    assert.deepEqual(
      [seen[1], seen[3]],
      [
        [2, 'a', 0],
        [undefined, ''],
      ],
    );
  });

  test('answers nobody and shows nothing where the disk refuses', async (t) => {
    let refuses = true;
    const path = join(temporaryDirectory(t), 'store.sqlite');
    const file = openStoreFile(path);
    const store = openStore({
      ...file,
      revision: file.revision,
      commit: (changes, revision) => {
        if (refuses) throw new Error('disk full');
        file.commit(changes, revision);
      },
    });
    t.after(() => store.close());
    const watched: string[] = [];
    store.watch('/c', ({ stored }) => watched.push(stored.name));
    await assert.rejects(put(store, 'a'), /disk full/);
    assert.deepEqual([store.revision, store.list('/c').length, watched], [1, 0, []]);
    refuses = false;
    assert.equal((await put(store, 'b')).revision, 2);
    assert.deepEqual(watched, ['b']);
  });

  test('knows what a list was at every revision it remembers', async (t) => {
    const { store } = fresh(t);
    await put(store, 'a', '1');
    await put(store, 'b', '1');
    await put(store, 'a', '2');
    await remove(store, 'b');
    const then = (revision: number) =>
      store
        .listAt('/c', revision)
        ?.map(({ name, object: found }) => `${name}${JSON.stringify(found['data'])}`)
        .join(' ');
    assert.deepEqual([1, 2, 3, 4, 5].map(then), ['', 'a{"a":"1"}', 'a{"a":"1"} b{"a":"1"}', 'a{"a":"2"} b{"a":"1"}', 'a{"a":"2"}']);
    assert.equal(store.listAt('/c', 6), undefined);
    assert.equal(store.listAt('/c', 0), undefined);
  });

  test('tells changes after a revision, and forgets the oldest when they are too many', async (t) => {
    const { store } = fresh(t, { maxHistoryBytes: 12_000 });
    await put(store, 'a');
    await remove(store, 'a');
    assert.deepEqual(told(store.changesSince('/c', 1)), ['ADDED a 2', 'DELETED a 3']);
    assert.deepEqual(told(store.changesSince('/c', 2)), ['DELETED a 3']);
    assert.deepEqual(told(store.changesSince('/other', 1)), []);
    for (let i = 0; i < 50; i++) await put(store, 'a', String(i));
    assert.equal(store.changesSince('/c', 1), undefined);
    assert.ok(store.oldestRevision > 30);
    assert.equal(store.changesSince('/c', store.oldestRevision)?.length, store.revision - store.oldestRevision);
  });

  test('after a restart changes from before it are no longer known', async (t) => {
    const { path, store } = fresh(t);
    await put(store, 'a');
    await put(store, 'b');
    store.close();
    const again = open(path);
    t.after(() => again.close());
    assert.equal(again.changesSince('/c', 2), undefined);
    assert.deepEqual(again.changesSince('/c', 3), []);
  });

  test('sorts by `namespace/name` as etcd does, whatever came first', async (t) => {
    const { store } = fresh(t);
    for (const [namespace, name] of [
      ['b', 'x'],
      ['a', 'z'],
      ['a', 'b'],
      ['a-b', 'c'],
    ] as const)
      await store.write((transaction) => transaction.put('/c', namespace, name, object(name)));
    assert.deepEqual(
      store.list('/c').map(({ namespace, name }) => `${namespace}/${name}`),
      ['a-b/c', 'a/b', 'a/z', 'b/x'],
    );
    assert.equal(names(store.list('/c', 'a')), 'bz');
  });

  test('shows at every revision and in every transaction what a plain list would', async (t) => {
    const letter = fc.constantFrom('a', 'a-', 'b', 'ab');
    const step = fc.record({ namespace: letter, name: letter, isPut: fc.boolean(), joins: fc.boolean() });
    const named = (all: Iterable<{ readonly namespace: string; readonly name: string }>): readonly string[] =>
      [...all].map(({ namespace, name }) => `${namespace}/${name}`);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const path = join(temporaryDirectory(t), 'store.sqlite');
        const store = open(path);
        const plain = new Set<string>();
        const byRevision = new Map([[1, [] as readonly string[]]]);
        let pending: Promise<unknown>[] = [];
        for (const { namespace, name, isPut, joins } of steps) {
          const key = `${namespace}/${name}`;
          const expected = [...(isPut ? plain.union(new Set([key])) : plain.difference(new Set([key])))].sort();
          const write = store.write((transaction) => {
            const found = transaction.get('/c', namespace, name);
            if (isPut) transaction.put('/c', namespace, name, { ...object(name), metadata: { name, namespace } });
            else if (found !== undefined) transaction.remove(found);
            assert.deepEqual(named(transaction.list('/c')).toSorted(), expected);
            const within = expected.filter((other) => other.startsWith(`${namespace}/`));
            assert.deepEqual(named(transaction.list('/c', namespace)).toSorted(), within);
            byRevision.set(transaction.revision, expected);
          });
          if (isPut) plain.add(key);
          else plain.delete(key);
          pending.push(write);
          if (!joins) {
            await Promise.all(pending);
            pending = [];
          }
        }
        await Promise.all(pending);
        const check = (checked: Store): void => {
          const last = byRevision.get(checked.revision) ?? [];
          assert.deepEqual(named(checked.list('/c')), last);
          for (const namespace of ['a', 'a-', 'b', 'ab'])
            assert.deepEqual(
              named(checked.list('/c', namespace)),
              last.filter((key) => key.startsWith(`${namespace}/`)),
            );
        };
        check(store);
        for (const [revision, expected] of byRevision)
          assert.deepEqual(named(store.listAt('/c', revision) ?? []), expected, String(revision));
        store.close();
        const again = open(path);
        check(again);
        again.close();
      }),
      { numRuns: runs(25, 1000) },
    );
  });

  test('gives a large object again after it was collected, with the same values', async (t) => {
    const { path, store } = fresh(t);
    const large = 'x'.repeat(10_000);
    await put(store, 'large', large);
    const first = store.get('/c', 'n', 'large')?.object;
    store.close();
    const again = open(path);
    t.after(() => again.close());
    assert.deepEqual(again.get('/c', 'n', 'large')?.object, first);
    assert.deepEqual(first?.['data'], { a: large });
  });
});

describe('the file of a store', () => {
  test('is for its owner alone, and so is what SQLite keeps beside it', async (t) => {
    const { path, store } = fresh(t);
    await put(store, 'a');
    for (const file of [path, `${path}-wal`]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
  });

  test('of a newer format, or that is none, is refused and left alone', (t) => {
    const path = join(temporaryDirectory(t), 'store.sqlite');
    openStoreFile(path).close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version=99');
    database.close();
    assert.throws(() => openStoreFile(path), coded('DataDirectoryInvalid'));
    assert.throws(() => openStoreFile('/proc/version'), coded('DataDirectoryInvalid', 'FileWriteFailed'));
    assert.throws(() => openStoreFile(join(path, 'below')), coded('FileWriteFailed'));
  });
});
