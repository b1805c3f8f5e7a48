// What the client side promises, of any Kubernetes API.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { configMapKind } from '../../src/api/kinds/config-map.ts';
import { namespaceKind } from '../../src/api/kinds/namespace.ts';
import { deploymentKind } from '../../src/api/kinds/workload.ts';
import type { KubernetesObject } from '../../src/api/object.ts';
import { isCodedError } from '../../src/base/coded-error.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { type ConnectedClient, connectKube } from '../../src/kube/connect.ts';
import type { Connection } from '../../src/kube/connection.ts';
import type { WatchEvent } from '../../src/kube/kube-client.ts';
import { kubeconfigConnection } from '../../src/kube/kubeconfig.ts';
import { byLabel, byNamespace, type CacheOptions, type ObjectCache, startCache } from '../../src/kube/object-cache.ts';
import type { TestServer } from '../../src/testing/api-servers.ts';
import { startCutProxy } from '../../src/testing/cut-proxy.ts';
import { runs } from '../../src/testing/runs.ts';
import { eventually, fresh } from './parity/parity-case.ts';

export const connectionOf = (kubeconfigFile: string): Connection =>
  kubeconfigConnection({
    paths: [kubeconfigFile],
    readFile: (path) => readFileSync(path),
    run: () => Promise.reject(new Error('no program is asked here')),
    environment: {},
    clock: systemClock,
  });

const connect = (connection: Connection): ConnectedClient =>
  connectKube(connection, { clock: systemClock, random: Math.random, userAgent: 'contract/1' });

const code = (wanted: string) => (error: unknown) => {
  assert.ok(isCodedError(error), String(error));
  assert.equal(error.code, wanted, error.message);
  return true;
};

const configMap = (
  namespace: string,
  name: string,
  data: Readonly<Record<string, string>> = { a: '1' },
  labels = {},
): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name, labels },
  data,
});

export const kubeClientContract = (server: () => TestServer | undefined): void => {
  const opened = (t: TestContext): ConnectedClient => {
    const client = connect(connectionOf(server()?.kubeconfigFile ?? ''));
    t.after(() => client.close());
    return client;
  };
  const newNamespace = async (client: ConnectedClient): Promise<string> => {
    const name = fresh('client');
    await client.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return name;
  };

  test('objects are made, read, changed and deleted', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const made = await client.create(configMapKind, configMap(namespace, 'c'), { fieldManager: 'me' });
    assert.equal(made.metadata.managedFields?.[0]?.manager, 'me');
    assert.deepEqual(await client.get(configMapKind, namespace, 'c'), made);
    const updated = await client.update(configMapKind, { ...made, data: { a: '2' } });
    await assert.rejects(client.update(configMapKind, { ...made, data: { a: '3' } }), code('Conflict'));
    const merged = await client.patch(configMapKind, namespace, 'c', { type: 'merge', value: { data: { b: '1' } } });
    assert.deepEqual(merged['data'], { a: '2', b: '1' });
    const operations = [{ op: 'remove', path: '/data/b' }];
    assert.deepEqual((await client.patch(configMapKind, namespace, 'c', { type: 'json', operations }))['data'], { a: '2' });
    const { uid = '' } = updated.metadata;
    await assert.rejects(client.delete(configMapKind, namespace, 'c', { uid: 'another' }), code('Conflict'));
    await client.delete(configMapKind, namespace, 'c', { uid, propagationPolicy: 'Background' });
    await assert.rejects(client.get(configMapKind, namespace, 'c'), code('NotFound'));
    await assert.rejects(client.delete(configMapKind, namespace, 'c'), code('NotFound'));
  });

  test('configurations are applied, with conflicts and by force; dry runs change nothing', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const apply = (data: Readonly<Record<string, string>>, fieldManager: string, more: { dryRun?: boolean; force?: boolean } = {}) =>
      client.patch(
        configMapKind,
        namespace,
        'c',
        { type: 'apply', value: configMap(namespace, 'c', data), force: more.force ?? false },
        { fieldManager, dryRun: more.dryRun ?? false },
      );
    await apply({ a: '1' }, 'one', { dryRun: true });
    await assert.rejects(client.get(configMapKind, namespace, 'c'), code('NotFound'));
    await apply({ a: '1' }, 'one');
    await assert.rejects(apply({ a: '2' }, 'two'), code('Conflict'));
    assert.deepEqual((await apply({ a: '2' }, 'two', { force: true }))['data'], { a: '2' });
  });

  test('parts of objects have paths of their own', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const spec = {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    };
    await client.create(deploymentKind, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name: 'd' }, spec });
    const patch = { type: 'merge', value: { status: { replicas: 3 }, spec: { replicas: 9 } } } as const;
    const changed = await client.patch(deploymentKind, namespace, 'd', patch, { subresource: 'status' });
    assert.deepEqual([(changed['status'] as { replicas: number }).replicas, (changed['spec'] as { replicas: number }).replicas], [3, 1]);
  });

  test('what is refused is known by its reason', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    await client.create(configMapKind, configMap(namespace, 'c'));
    await assert.rejects(client.create(configMapKind, configMap(namespace, 'c')), code('AlreadyExists'));
    await assert.rejects(client.create(configMapKind, configMap(namespace, 'Not A Name')), code('Invalid'));
    await assert.rejects(client.create(configMapKind, configMap(fresh('none'), 'c')), code('NotFound'));
    await assert.rejects(client.list({ ...configMapKind, plural: 'nothings' }), code('NotFound'));
    await assert.rejects(client.list(configMapKind, { labelSelector: 'a b' }), code('BadRequest'));
    for (const name of ['', '.', '..', 'a/b', '../../secrets']) {
      assert.throws(() => void client.get(configMapKind, namespace, name), code('BadRequest'));
      assert.throws(() => void client.get(configMapKind, name, 'c'), code('BadRequest'));
    }
  });

  test('long lists are whole, selected and by their metadata alone', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const names = Array.from({ length: 1100 }, (_, i) => `c${String(i).padStart(4, '0')}`);
    for (let at = 0; at < names.length; at += 50)
      await Promise.all(
        names
          .slice(at, at + 50)
          .map((name) => client.create(configMapKind, configMap(namespace, name, {}, { odd: String(Number(name.slice(1)) % 2) }))),
      );
    const mine = ({ items }: { items: readonly KubernetesObject[] }) =>
      items.map(({ metadata }) => metadata.name ?? '').filter((name) => /^c\d{4}$/.test(name));
    const all = await client.list(configMapKind, { namespace });
    assert.deepEqual(mine(all), names);
    assert.ok(all.items.every(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'ConfigMap'));
    assert.equal(mine(await client.list(configMapKind, { namespace, labelSelector: 'odd=1' })).length, 550);
    const slim = await client.list(configMapKind, { namespace, metadataOnly: true });
    assert.deepEqual(mine(slim), names);
    assert.ok(slim.items.every((object) => Object.keys(object).length === 3));
  });

  test('a watch gives every change in order, from where it is told to', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const { resourceVersion } = await client.list(configMapKind, { namespace });
    const made = await client.create(configMapKind, configMap(namespace, 'w'));
    await client.patch(configMapKind, namespace, 'w', { type: 'merge', value: { data: { a: '2' } } });
    await client.delete(configMapKind, namespace, 'w');
    const seen = async (from: string, count: number, metadataOnly: boolean): Promise<readonly WatchEvent[]> => {
      const events: WatchEvent[] = [];
      for await (const event of client.watch(configMapKind, {
        namespace,
        fieldSelector: 'metadata.name=w',
        resourceVersion: from,
        metadataOnly,
      })) {
        if (event.type !== 'BOOKMARK') events.push(event);
        if (events.length === count) break;
      }
      return events;
    };
    const types = (events: readonly WatchEvent[]) => events.map(({ type }) => type);
    assert.deepEqual(types(await seen(resourceVersion, 3, false)), ['ADDED', 'MODIFIED', 'DELETED']);
    const slim = await seen(made.metadata.resourceVersion ?? '', 2, true);
    assert.deepEqual(types(slim), ['MODIFIED', 'DELETED']);
    assert.ok(slim.every((event) => event.type !== 'BOOKMARK' && event.object['data'] === undefined));
    const short: WatchEvent[] = [];
    for await (const event of client.watch(configMapKind, { namespace, resourceVersion, timeoutSeconds: 1 })) short.push(event);
    assert.equal(short.filter(({ type }) => type !== 'BOOKMARK').length >= 3, true);
  });

  test('a watch ends when it is told to, with what it was told', async (t) => {
    const client = opened(t);
    const stopping = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => stopping.abort(reason), 200);
    const watch = async () => {
      const { resourceVersion } = await client.list(configMapKind);
      for await (const _ of client.watch(configMapKind, { resourceVersion, signal: stopping.signal }));
    };
    await assert.rejects(watch(), (error) => error === reason);
  });

  const cacheOf = (t: TestContext, client: ConnectedClient, options: Partial<CacheOptions> = {}): ObjectCache => {
    const cache = startCache({
      client,
      type: configMapKind,
      clock: systemClock,
      random: Math.random,
      onTrouble: () => undefined,
      backOff: { firstMs: 20, maxMs: 200 },
      indexes: { namespace: byNamespace, label: byLabel },
      ...options,
    });
    t.after(() => cache.stop());
    return cache;
  };

  const states = (objects: readonly KubernetesObject[]) =>
    objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name} ${metadata.resourceVersion}`).sort();

  test('a cache holds what the server holds, after any changes and through cut connections', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const own = connectionOf(server()?.kubeconfigFile ?? '');
    const proxy = await startCutProxy(Number(new URL(own.server).port));
    t.after(() => proxy.close());
    const troubled = connect({ ...own, server: `https://127.0.0.1:${proxy.port}` });
    t.after(() => troubled.close());
    const cache = cacheOf(t, troubled, { selection: { namespace } });
    await cache.synced;
    const told = new Map<string, string | undefined>();
    cache.onChange(({ old, now }) => told.set((now ?? old)?.metadata.name ?? '', now?.metadata.resourceVersion));
    const step = fc.record({
      name: fc.constantFrom('x', 'y', 'z'),
      kind: fc.constantFrom('put', 'put', 'delete', 'cut'),
      value: fc.nat(9),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        for (const { name, kind, value } of steps) {
          if (kind === 'cut') proxy.cut();
          else if (kind === 'delete') await client.delete(configMapKind, namespace, name).catch(() => undefined);
          else {
            const applied = {
              type: 'apply',
              value: configMap(namespace, name, { v: String(value) }, { v: String(value) }),
              force: true,
            } as const;
            await client.patch(configMapKind, namespace, name, applied, { fieldManager: 'p' });
          }
        }
        const wanted = await client.list(configMapKind, { namespace });
        await eventually('the cache is what the server is', async () => String(states(cache.list())) === String(states(wanted.items)));
        for (const object of wanted.items) {
          const { name = '', labels = {} } = object.metadata;
          assert.deepEqual(cache.get({ namespace, name }), object);
          if (labels['v'] !== undefined)
            assert.ok(cache.byIndex('label', `v=${labels['v']}`).some(({ metadata }) => metadata.name === name));
          assert.equal(told.get(name), object.metadata.resourceVersion);
        }
        assert.equal(cache.byIndex('namespace', namespace).length, wanted.items.length);
        for (const value of ['0', '1', '2'])
          for (const { metadata } of cache.byIndex('label', `v=${value}`)) assert.equal(metadata.labels?.['v'], value);
      }),
      { numRuns: runs(15, 300) },
    );
  });

  test('a cache lists anew where the server has forgotten what it missed', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    let isAway = false;
    const expired: string[] = [];
    // What stands between forgets its way, and the server what happened meanwhile.
    const shy: Pick<ConnectedClient, 'list' | 'watch'> = {
      list: async (type, selection) => {
        while (isAway) await new Promise((resolve) => setTimeout(resolve, 20));
        return client.list(type, selection);
      },
      watch: async function* (type, from) {
        while (isAway) await new Promise((resolve) => setTimeout(resolve, 20));
        try {
          for await (const event of client.watch(type, from)) {
            if (isAway) return;
            yield event;
          }
        } catch (error) {
          if (isCodedError(error)) expired.push(error.code);
          throw error;
        }
      },
    };
    const gone = await client.create(configMapKind, configMap(namespace, 'gone'));
    const cache = cacheOf(t, { ...client, ...shy }, { selection: { namespace }, metadataOnly: true });
    await cache.synced;
    isAway = true;
    // The watch that runs ends with the next event.
    await client.delete(configMapKind, namespace, 'gone', { uid: gone.metadata.uid ?? '' });
    await client.create(configMapKind, configMap(namespace, 'new'));
    await server()?.peer.forget();
    isAway = false;
    await eventually('the cache has listed anew', async () => {
      const names = cache.list().map(({ metadata }) => metadata.name);
      return names.includes('new') && !names.includes('gone');
    });
    // A real server remembers for longer than its store does.
    if (server()?.peer.name === 'embedded') assert.deepEqual(expired, ['Expired']);
    assert.ok(cache.list().every((object) => object['data'] === undefined));
  });
};
