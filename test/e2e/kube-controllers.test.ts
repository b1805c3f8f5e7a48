// Controllers as later parts are built, on the embedded server and on a real one: a cache that wakes keys, a queue, a leader, and events.

import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { configMapKind } from '../../src/api/kinds/config-map.ts';
import { namespaceKind } from '../../src/api/kinds/namespace.ts';
import { fieldsAt, type KubernetesObject, textAt } from '../../src/api/object.ts';
import { isCodedError } from '../../src/base/coded-error.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { type ConnectedClient, connectKube } from '../../src/kube/connect.ts';
import { createController, type Outcome } from '../../src/kube/controller.ts';
import { eventType, subjectOf } from '../../src/kube/event-object.ts';
import { createEventRecorder } from '../../src/kube/event-recorder.ts';
import { createLeaderElection, type LeaderElection } from '../../src/kube/leader-election.ts';
import { leaseType } from '../../src/kube/lease-record.ts';
import { startCache } from '../../src/kube/object-cache.ts';
import { namespaceOfKey } from '../../src/kube/work-key.ts';
import { writeAsLeader } from '../../src/kube/write-as-leader.ts';
import { startEmbedded, startReal, type TestServer } from '../../src/testing/api-servers.ts';
import { startCutProxy } from '../../src/testing/cut-proxy.ts';
import { needs } from '../../src/testing/tools.ts';
import { connectionOf } from './kube-client.contract.ts';
import { eventually, fresh } from './parity/parity-case.ts';

const copyOf = 'parity.example/copy-of';
const nothing = (): void => undefined;

/** Keeps a copy of each config map labelled `copy: wanted`, as a reconciler of its own kind of object would. */
const startCopying = (t: TestContext, client: ConnectedClient, namespace: string) => {
  let passes = 0;
  const cache = startCache({
    client,
    type: configMapKind,
    selection: { namespace },
    clock: systemClock,
    random: Math.random,
    onTrouble: nothing,
    backOff: { firstMs: 50, maxMs: 200 },
  });
  const reconcile = async (key: string): Promise<Outcome> => {
    passes++;
    const name = key.slice(namespace.length + 1);
    const original = cache.get({ namespace, name });
    if (original === undefined || original.metadata.labels?.['copy'] !== 'wanted') return 'done';
    const copy: KubernetesObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name: `${name}-copy`, annotations: { [copyOf]: name } },
      data: fieldsAt(original, 'data'),
    };
    await client.patch(configMapKind, namespace, `${name}-copy`, { type: 'apply', value: copy, force: true }, { fieldManager: 'copier' });
    return 'done';
  };
  const controller = createController({
    name: 'copier',
    reconcile,
    clock: systemClock,
    random: Math.random,
    onFailure: nothing,
    backOff: { firstMs: 50, maxMs: 500 },
  });
  cache.onChange(({ old, now }) => {
    const { annotations, name = '' } = (now ?? old)?.metadata ?? {};
    controller.wake({ namespace, name: annotations?.[copyOf] ?? name });
  });
  controller.start();
  const stop = async (): Promise<void> => {
    await controller.stop();
    await cache.stop();
  };
  t.after(stop);
  return { cache, passes: () => passes, stop };
};

const onServer = (start: () => Promise<TestServer>): void => {
  let server: TestServer | undefined;
  before(async () => {
    server = await start();
  });
  after(() => server?.stop());

  const connection = () => connectionOf(server?.kubeconfigFile ?? '');
  const opened = (t: TestContext, at = connection()): ConnectedClient => {
    const client = connectKube(at, { clock: systemClock, random: Math.random, userAgent: 'controllers/1' });
    t.after(() => client.close());
    return client;
  };
  const newNamespace = async (client: ConnectedClient): Promise<string> => {
    const name = fresh('controllers');
    await client.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return name;
  };
  const original = (namespace: string, name: string, value: string): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name, labels: { copy: 'wanted' } },
    data: { value },
  });
  const copied = async (client: ConnectedClient, namespace: string, name: string): Promise<unknown> => {
    try {
      return fieldsAt(await client.get(configMapKind, namespace, `${name}-copy`), 'data')['value'];
    } catch (error) {
      if (isCodedError(error) && error.code === 'NotFound') return undefined;
      throw error;
    }
  };

  test('what is wanted comes about, again where others undo it, and then there is nothing to do', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    await client.create(configMapKind, original(namespace, 'before', '1'));
    const { passes } = startCopying(t, client, namespace);
    await client.create(configMapKind, original(namespace, 'since', '1'));
    for (const name of ['before', 'since'])
      await eventually(`${name} is copied`, async () => (await copied(client, namespace, name)) === '1');
    await client.patch(configMapKind, namespace, 'since', { type: 'merge', value: { data: { value: '2' } } });
    await eventually('the change is copied', async () => (await copied(client, namespace, 'since')) === '2');
    await client.delete(configMapKind, namespace, 'before-copy');
    await eventually('the copy is back', async () => (await copied(client, namespace, 'before')) === '1');
    let last = -1;
    await eventually('it is quiet', async () => {
      const isQuiet = passes() === last;
      last = passes();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return isQuiet;
    });
  });

  test('what happened while the connection was down is caught up with', async (t) => {
    const direct = opened(t);
    const namespace = await newNamespace(direct);
    const { server: url, ...rest } = connection();
    const proxy = await startCutProxy(Number(new URL(url).port));
    t.after(() => proxy.close());
    const client = opened(t, { ...rest, server: `https://127.0.0.1:${proxy.port}` });
    startCopying(t, client, namespace);
    await direct.create(configMapKind, original(namespace, 'one', '1'));
    await eventually('the first is copied', async () => (await copied(direct, namespace, 'one')) === '1');
    proxy.setDown(true);
    await direct.create(configMapKind, original(namespace, 'two', '2'));
    await direct.patch(configMapKind, namespace, 'one', { type: 'merge', value: { data: { value: '2' } } });
    proxy.setDown(false);
    for (const name of ['one', 'two']) await eventually(`${name} is copied`, async () => (await copied(direct, namespace, name)) === '2');
  });

  test('one of several leads, another when it stops or is cut off, and nobody writes who does not', async (t) => {
    const admin = opened(t);
    const namespace = await newNamespace(admin);
    const leading = new Set<string>();
    let most = 0;
    const candidate = (name: string, client: ConnectedClient): LeaderElection => {
      const election: LeaderElection = createLeaderElection({
        client,
        lease: { namespace, name: 'controllers' },
        identity: name,
        lead: async (term) => {
          leading.add(name);
          most = Math.max(most, leading.size);
          const writer = writeAsLeader(client, election.isLeader);
          await writer.create(configMapKind, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: `by-${name}` } });
          await new Promise<void>((resolve) => term.addEventListener('abort', () => resolve(), { once: true }));
          leading.delete(name);
          // A leader that stops by itself leads until its work has ended; one that was cut off writes no more.
          if (election.isLeader()) return;
          const late = writer.delete(configMapKind, namespace, `by-${name}`);
          await assert.rejects(late, (error) => isCodedError(error) && error.code === 'LeadershipLost');
        },
        clock: systemClock,
        random: Math.random,
        onEvent: nothing,
        leaseDurationMs: 2000,
        renewDeadlineMs: 1200,
        retryMs: 200,
      });
      t.after(() => election.stop());
      election.start();
      return election;
    };
    const { server: url, ...rest } = connection();
    const proxy = await startCutProxy(Number(new URL(url).port));
    t.after(() => proxy.close());
    const first = candidate('first', opened(t));
    await eventually('the first leads', () => Promise.resolve(first.isLeader()));
    const second = candidate('second', opened(t, { ...rest, server: `https://127.0.0.1:${proxy.port}` }));
    const third = candidate('third', opened(t));
    assert.deepEqual([second.isLeader(), third.isLeader()], [false, false]);
    assert.equal(textAt((await admin.get(leaseType, namespace, 'controllers'))['spec'], 'holderIdentity'), first.identity);
    await third.stop();
    await first.stop();
    await eventually('the second leads', () => Promise.resolve(second.isLeader()));
    const fourth = candidate('fourth', opened(t));
    proxy.setDown(true);
    await eventually('the fourth leads', () => Promise.resolve(fourth.isLeader()));
    assert.equal(second.isLeader(), false);
    assert.equal(most, 1);
    const lease = await admin.get(leaseType, namespace, 'controllers');
    assert.deepEqual([textAt(lease['spec'], 'holderIdentity'), fieldsAt(lease, 'spec')['leaseTransitions']], [fourth.identity, 2]);
  });

  test('events stand beside their object, counted up where they come again', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const object = await client.create(configMapKind, original(namespace, 'one', '1'));
    const recorder = createEventRecorder({
      client,
      component: 'certwright.dev/copier',
      instance: 'copier-1',
      clock: systemClock,
      random: Math.random,
      onTrouble: (error) => assert.fail(String(error)),
    });
    const about = subjectOf(object);
    for (let i = 0; i < 3; i++) recorder.record({ about, type: 'Normal', reason: 'Copied', action: 'Copy', message: 'the copy is there' });
    recorder.record({ about, type: 'Warning', reason: 'Refused', action: 'Copy', message: 'another one is not' });
    await recorder.stop({ graceMs: 10_000 });
    assert.deepEqual([recorder.counts().dropped, recorder.counts().failed], [0, 0]);
    const { items } = await client.list(eventType, { namespace, fieldSelector: `involvedObject.uid=${object.metadata.uid}` });
    assert.deepEqual(items.map((event) => [event['type'], event['reason'], event['count']]).toSorted(), [
      ['Normal', 'Copied', 3],
      ['Warning', 'Refused', 1],
    ]);
  });
};

describe('controllers on the embedded server', () => onServer(startEmbedded));
describe('controllers on a real kube-apiserver', needs('etcd', 'kube-apiserver', 'kube-controller-manager'), () => onServer(startReal));

test('a key leads to its namespace', () => {
  assert.deepEqual([namespaceOfKey('team/site'), namespaceOfKey('/node')], ['team', '']);
});
