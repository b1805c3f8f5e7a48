import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configMapKind } from '../api/kinds/config-map.ts';
import type { KubernetesObject } from '../api/object.ts';
import { CodedError } from '../base/coded-error.ts';
import { fakeClock, settle } from '../testing/fake-clock.ts';
import type { KubeClient, WatchEvent } from './kube-client.ts';
import { startCache } from './object-cache.ts';
import { startReflector } from './reflector.ts';

const object = (name: string, resourceVersion: string, uid = name): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'n', name, resourceVersion, uid },
});

type Script = {
  readonly lists: (() => readonly KubernetesObject[])[];
  /** Each ends as its function does; the last is repeated. */
  readonly watches: ((from: string) => AsyncGenerator<WatchEvent>)[];
};

const scripted = ({ lists, watches }: Script) => {
  const asked: string[] = [];
  let [listed, watched] = [0, 0];
  const client: Pick<KubeClient, 'list' | 'watch'> = {
    list: async () => {
      asked.push('list');
      const items = (lists[Math.min(listed++, lists.length - 1)] ?? (() => []))();
      return { resourceVersion: String(100 * listed), items };
    },
    watch: (_, { resourceVersion }) => {
      asked.push(`watch ${resourceVersion}`);
      const watch = watches[Math.min(watched++, watches.length - 1)];
      if (watch === undefined) throw new Error('no watch');
      return watch(resourceVersion);
    },
  };
  return { client, asked };
};

const follow = (script: Script) => {
  const { client, asked } = scripted(script);
  const clock = fakeClock();
  const seen: string[] = [];
  const troubles: unknown[] = [];
  const reflector = startReflector({
    client,
    type: configMapKind,
    clock,
    random: () => 0,
    onTrouble: (error) => troubles.push(error),
    backOff: { firstMs: 1000, maxMs: 8000 },
    follower: {
      replace: ({ items }) => seen.push(`all ${items.map(({ metadata }) => metadata.name).join(' ')}`),
      change: (type, { metadata }) => seen.push(`${type} ${metadata.name}`),
    },
  });
  return { reflector, clock, asked, seen, troubles };
};

const forever = async function* (): AsyncGenerator<WatchEvent> {
  yield* [];
  await new Promise(() => undefined);
};

describe('a reflector', () => {
  test('goes on from the last revision it saw, bookmarks included', async () => {
    const { asked, seen, clock, troubles } = follow({
      lists: [() => [object('a', '50')]],
      watches: [
        async function* () {
          yield { type: 'ADDED', object: object('b', '101') };
          yield { type: 'BOOKMARK', resourceVersion: '150' };
          throw new CodedError('ServerUnreachable', 'cut');
        },
        forever,
      ],
    });
    await clock.advance(10_000);
    assert.deepEqual(asked, ['list', 'watch 100', 'watch 150']);
    assert.deepEqual(seen, ['all a', 'ADDED b']);
    assert.equal(troubles.length, 1);
  });
  test('lists anew at once where its revision is forgotten, and later each time that it comes again', async () => {
    const expired = async function* (): AsyncGenerator<WatchEvent> {
      yield* [];
      throw new CodedError('Expired', 'too old');
    };
    const { asked, clock, troubles } = follow({ lists: [() => []], watches: [expired] });
    await settle();
    await settle();
    assert.deepEqual(asked, ['list', 'watch 100', 'list', 'watch 200']);
    await clock.advance(60_000);
    // After 1, 2, 4, 4, 4 … seconds: half of the back-off is certain.
    assert.ok(asked.length > 20 && asked.length < 50, String(asked.length));
    assert.deepEqual(troubles, []);
  });
  test('asks a server that ends every watch at once later and later', async () => {
    const none = async function* (): AsyncGenerator<WatchEvent> {
      yield* [];
    };
    const { asked, clock } = follow({ lists: [() => []], watches: [none] });
    await clock.advance(60_000);
    assert.ok(asked.length < 30, String(asked.length));
    assert.deepEqual(new Set(asked), new Set(['list', 'watch 100']));
  });
  test('waits as long as the server asks', async () => {
    const { asked, clock } = follow({
      lists: [
        () => {
          throw new CodedError('TooManyRequests', 'later', { details: { retryAfterSeconds: 100 } });
        },
        () => [],
      ],
      watches: [forever],
    });
    await clock.advance(99_000);
    assert.deepEqual(asked, ['list']);
    await clock.advance(2000);
    assert.deepEqual(asked, ['list', 'list', 'watch 200']);
  });
  test('tells nothing more once it is stopped', async () => {
    let release: () => void = () => undefined;
    const { reflector, seen } = follow({
      lists: [() => []],
      watches: [
        async function* () {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          yield { type: 'ADDED', object: object('late', '101') };
        },
      ],
    });
    await settle();
    const stopped = reflector.stop();
    release();
    await stopped;
    assert.deepEqual(seen, ['all ']);
  });
});

describe('a cache', () => {
  test('tells what went and came while nobody looked, and what a listener throws harms no other', async () => {
    const { client } = scripted({
      lists: [
        () => [object('a', '1'), object('b', '2'), object('c', '3')],
        () => [object('a', '1'), object('b', '9', 'another'), object('d', '8')],
      ],
      watches: [
        async function* () {
          yield { type: 'DELETED', object: object('c', '101') };
          throw new CodedError('Expired', 'too old');
        },
        forever,
      ],
    });
    const troubles: unknown[] = [];
    const clock = fakeClock();
    const cache = startCache({ client, type: configMapKind, clock, random: () => 0, onTrouble: (error) => troubles.push(error) });
    const told: string[] = [];
    cache.onChange(() => {
      throw new Error('mine');
    });
    cache.onChange(({ old, now }) => told.push(`${old?.metadata.uid ?? '-'} ${now?.metadata.uid ?? '-'}`));
    assert.equal(cache.isSynced, false);
    await cache.synced;
    await clock.advance(5000);
    assert.deepEqual(told, ['- a', '- b', '- c', 'c -', 'b -', '- another', '- d']);
    assert.equal(troubles.length, told.length);
    assert.deepEqual(
      cache
        .list()
        .map(({ metadata }) => metadata.name)
        .sort(),
      ['a', 'b', 'd'],
    );
    assert.throws(() => cache.byIndex('none', 'x'), /no index/);
    const late: string[] = [];
    const end = cache.onChange(({ now }) => late.push(now?.metadata.name ?? ''));
    end();
    assert.deepEqual(late.sort(), ['a', 'b', 'd']);
  });
});
