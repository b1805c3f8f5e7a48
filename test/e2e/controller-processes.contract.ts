// What controllers are made of, put together on any Kubernetes API: a copier of ConfigMaps, and leaders that compete
// as processes of their own, events as kubectl shows them.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { configMapKind } from '../../src/api/kinds/config-map.ts';
import { leaseKind } from '../../src/api/kinds/lease.ts';
import { namespaceKind } from '../../src/api/kinds/namespace.ts';
import { fieldsAt, type KubernetesObject } from '../../src/api/object.ts';
import { isCodedError } from '../../src/base/coded-error.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { type ConnectedClient, connectKube } from '../../src/kube/connect.ts';
import { type Controller, createController } from '../../src/kube/controller.ts';
import { eventType, subjectOf } from '../../src/kube/event-object.ts';
import { createEventRecorder } from '../../src/kube/event-recorder.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { byLabel, startCache } from '../../src/kube/object-cache.ts';
import { nameOfKey, type ObjectName } from '../../src/kube/work-key.ts';
import type { TestServer } from '../../src/testing/api-servers.ts';
import { type Daemon, startDaemon, waitFor } from '../../src/testing/daemon.ts';
import { type LeaderProcess, type RunningLeader, startLeaderProcess } from '../../src/testing/start-leader-process.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { requireTool, tool } from '../../src/testing/tools.ts';
import { connectionOf } from './kube-client.contract.ts';
import { eventually, fresh } from './parity/parity-case.ts';

export const openClient = (t: TestContext, kubeconfigFile: string): ConnectedClient => {
  const client = connectKube(connectionOf(kubeconfigFile), { clock: systemClock, random: Math.random, userAgent: 'copier/1' });
  t.after(() => client.close());
  return client;
};

export const newNamespace = async (client: KubeClient): Promise<string> => {
  const name = fresh('controllers');
  await client.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
};

export const source = (namespace: string, name: string, value: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name, labels: { copy: 'yes' } },
  data: { value },
});

const nameOf = ({ metadata }: KubernetesObject): ObjectName => ({ namespace: metadata.namespace ?? '', name: metadata.name ?? '' });
const isNotFound = (error: unknown): boolean => isCodedError(error) && error.code === 'NotFound';

type Copier = { readonly controller: Controller; readonly reconciled: () => number; readonly troubles: readonly string[] };

/** Keeps a copy of each ConfigMap with the label `copy: "yes"`, and none of what is gone. */
export const startCopier = async (t: TestContext, client: KubeClient, namespace: string): Promise<Copier> => {
  const troubles: string[] = [];
  const onTrouble = (error: unknown): void => void troubles.push(isCodedError(error) ? error.code : String(error));
  const common = {
    client,
    type: configMapKind,
    clock: systemClock,
    random: Math.random,
    onTrouble,
    backOff: { firstMs: 50, maxMs: 500 },
  };
  const sources = startCache({ ...common, selection: { namespace, labelSelector: 'copy=yes' } });
  const copies = startCache({ ...common, selection: { namespace, labelSelector: 'copy-of' }, indexes: { label: byLabel } });
  let reconciled = 0;
  const reconcile = async (key: string, signal: AbortSignal): Promise<'done'> => {
    reconciled += 1;
    const name = nameOfKey(key);
    const wanted = sources.get(name);
    const [copy] = copies.byIndex('label', `copy-of=${name.name}`);
    if (wanted !== undefined) {
      const copyName = `${name.name}-copy`;
      if (copy !== undefined && String(fieldsAt(copy, 'data')['value']) === String(fieldsAt(wanted, 'data')['value'])) return 'done';
      const value = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace, name: copyName, labels: { 'copy-of': name.name } },
        data: wanted['data'],
      };
      await client.patch(configMapKind, namespace, copyName, { type: 'apply', value, force: true }, { fieldManager: 'copier', signal });
    } else if (copy !== undefined) {
      const { name: copyName = '', uid = '' } = copy.metadata;
      try {
        await client.delete(configMapKind, namespace, copyName, { uid, signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    return 'done';
  };
  const controller = createController({
    name: 'copier',
    reconcile,
    clock: systemClock,
    random: Math.random,
    onFailure: ({ error }) => onTrouble(error),
    backOff: { firstMs: 50, maxMs: 500 },
  });
  sources.onChange(({ old, now }) => {
    const changed = now ?? old;
    if (changed !== undefined) controller.wake(nameOf(changed));
  });
  copies.onChange(({ old, now }) => {
    const name = (now ?? old)?.metadata.labels?.['copy-of'];
    if (name !== undefined) controller.wake({ namespace, name });
  });
  t.after(async () => {
    await controller.stop({ graceMs: 1000 });
    await Promise.all([sources.stop(), copies.stop()]);
  });
  // A copier that does not know yet what there is would take every copy for one that nobody wants.
  await Promise.all([sources.synced, copies.synced]);
  controller.start();
  return { controller, reconciled: () => reconciled, troubles };
};

/** The copies that there are, as `name=value`. */
export const copiesIn = async (client: KubeClient, namespace: string): Promise<string> => {
  const { items } = await client.list(configMapKind, { namespace, labelSelector: 'copy-of' });
  return items
    .map((copy) => `${copy.metadata.name}=${fieldsAt(copy, 'data')['value']}`)
    .sort()
    .join(' ');
};

const kubectl = tool('kubectl-1.32');
const kubeControllerManager = tool('kube-controller-manager');

const times = { leaseDurationMs: 4000, renewDeadlineMs: 2600, retryMs: 400 };

const startLeader = (t: TestContext, options: Omit<LeaderProcess, 'times'>): RunningLeader => {
  const leader = startLeaderProcess({ ...options, times });
  t.after(async () => {
    leader.signal('SIGKILL');
    await leader.stop();
  });
  return leader;
};

/** Makes the page that leaders sign; answers how to read it. */
const startSignatures = async (client: KubeClient, namespace: string): Promise<() => Promise<string>> => {
  await client.create(configMapKind, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'signatures' } });
  return async () => String(fieldsAt(await client.get(configMapKind, namespace, 'signatures'), 'data')['signatures'] ?? '');
};

const leaseOf = async (client: KubeClient, namespace: string) => fieldsAt(await client.get(leaseKind, namespace, 'signers'), 'spec');

/** One that stands for election for the same Lease, with the same times, and does next to nothing. */
const startControllerManager = (t: TestContext, kubeconfigFile: string, namespace: string): Daemon => {
  const directory = temporaryDirectory(t);
  const daemon = startDaemon(
    'kube-controller-manager',
    requireTool('kube-controller-manager'),
    [
      `--kubeconfig=${kubeconfigFile}`,
      '--leader-elect=true',
      '--leader-elect-resource-lock=leases',
      '--leader-elect-resource-name=signers',
      `--leader-elect-resource-namespace=${namespace}`,
      `--leader-elect-lease-duration=${times.leaseDurationMs}ms`,
      `--leader-elect-renew-deadline=${times.renewDeadlineMs}ms`,
      `--leader-elect-retry-period=${times.retryMs}ms`,
      '--secure-port=0',
      '--port=0',
      `--cert-dir=${directory}`,
      '--controllers=clusterrole-aggregation',
    ],
    { logFile: join(directory, 'kube-controller-manager.log') },
  );
  t.after(() => daemon.kill());
  return daemon;
};

export const controllerProcessesContract = (server: () => TestServer | undefined): void => {
  const opened = (t: TestContext): ConnectedClient => openClient(t, server()?.kubeconfigFile ?? '');

  test('a controller makes of some objects others, mends them, and rests where nothing is to do', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    await client.create(configMapKind, source(namespace, 'before', '1'));
    const copier = await startCopier(t, opened(t), namespace);
    const become = (wanted: string): Promise<void> =>
      eventually(`the copies are ${wanted}`, async () => (await copiesIn(client, namespace)) === wanted);
    await become('before-copy=1');
    await client.create(configMapKind, source(namespace, 'a', '1'));
    await become('a-copy=1 before-copy=1');
    await client.patch(configMapKind, namespace, 'a', { type: 'merge', value: { data: { value: '2' } } });
    await become('a-copy=2 before-copy=1');
    const { uid } = (await client.get(configMapKind, namespace, 'a-copy')).metadata;
    await client.delete(configMapKind, namespace, 'a-copy');
    await eventually('the copy is made anew', async () => {
      const { items } = await client.list(configMapKind, { namespace, fieldSelector: 'metadata.name=a-copy' });
      return items.length === 1 && items[0]?.metadata.uid !== uid;
    });
    await client.patch(configMapKind, namespace, 'before-copy', { type: 'merge', value: { data: { value: 'spoilt' } } });
    await become('a-copy=2 before-copy=1');
    await client.delete(configMapKind, namespace, 'a');
    await become('before-copy=1');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = copier.reconciled();
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(copier.reconciled(), before, 'its own writes do not wake it for ever');
    assert.deepEqual(copier.troubles, []);
  });

  test('a controller that was away for longer than the server remembers does what it missed', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    for (const name of ['stays', 'goes']) await client.create(configMapKind, source(namespace, name, '1'));
    let isAway = false;
    const expired: string[] = [];
    const back = async (): Promise<void> => {
      while (isAway) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const connected = opened(t);
    const away: KubeClient = {
      ...connected,
      list: async (...asked) => {
        await back();
        return connected.list(...asked);
      },
      watch: async function* (type, from) {
        await back();
        try {
          for await (const event of connected.watch(type, from)) {
            if (isAway) return;
            yield event;
          }
        } catch (error) {
          if (isCodedError(error)) expired.push(error.code);
          throw error;
        }
      },
    };
    await startCopier(t, away, namespace);
    await eventually('copies are made', async () => (await copiesIn(client, namespace)) === 'goes-copy=1 stays-copy=1');
    isAway = true;
    await client.delete(configMapKind, namespace, 'goes');
    // Ends the other watch, that of copies, too.
    await client.patch(configMapKind, namespace, 'stays-copy', { type: 'merge', value: { data: { value: 'spoilt' } } });
    await client.create(configMapKind, source(namespace, 'new', '1'));
    await client.patch(configMapKind, namespace, 'stays', { type: 'merge', value: { data: { value: '2' } } });
    await server()?.peer.forget();
    assert.equal(await copiesIn(client, namespace), 'goes-copy=1 stays-copy=spoilt');
    isAway = false;
    await eventually('all is done', async () => (await copiesIn(client, namespace)) === 'new-copy=1 stays-copy=2');
    // A real server remembers for longer than its store does.
    if (server()?.peer.name === 'embedded') assert.deepEqual(expired, ['Expired', 'Expired']);
  });

  test('of processes that compete one works, and another one after it is paused, killed or stopped', async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const kubeconfigFile = server()?.kubeconfigFile ?? '';
    const signatures = await startSignatures(client, namespace);
    const works = (who: string): Promise<void> => eventually(`${who} works`, async () => (await signatures()).endsWith(who.repeat(5)));
    const start = (identity: string) => startLeader(t, { kubeconfigFile, namespace, identity });
    const a = start('a');
    await works('a');
    const b = start('b');
    await eventually('b has seen that a leads', async () => b.said.includes('holder'));
    a.signal('SIGSTOP');
    await works('b');
    a.signal('SIGCONT');
    await eventually('a knows that it lost', async () => a.said.includes('lost'));
    await works('b');
    b.signal('SIGKILL');
    await works('a');
    const c = start('c');
    await eventually('c has seen that a leads', async () => c.said.includes('holder'));
    const stoppedAt = Date.now();
    await a.stop();
    await works('c');
    assert.ok(Date.now() - stoppedAt < 3000, 'nobody waits for the end of a lease that was given back');
    assert.match(await signatures(), /^a+b+a+c+$/, 'nobody works while another one does');
    const { holderIdentity, leaseTransitions } = await leaseOf(client, namespace);
    assert.match(String(holderIdentity), /^c_/);
    assert.equal(leaseTransitions, 3);
  });

  test('the leader of a real kube-controller-manager and ours wait for each other', {
    skip: kubeControllerManager === undefined && 'kube-controller-manager is missing',
  }, async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const kubeconfigFile = server()?.kubeconfigFile ?? '';
    const signatures = await startSignatures(client, namespace);
    const holder = async (): Promise<string> => String((await leaseOf(client, namespace))['holderIdentity']);
    const first = startControllerManager(t, kubeconfigFile, namespace);
    await waitFor('the other one leads', async () => ((await holder()) === '' ? undefined : true), { daemons: [first] });
    const ours = startLeader(t, { kubeconfigFile, namespace, identity: 'a' });
    await eventually('ours has seen that', async () => ours.said.includes('holder'));
    await new Promise((resolve) => setTimeout(resolve, times.leaseDurationMs + times.retryMs * 3));
    assert.equal(await signatures(), '', 'a leader that renews is left in peace');
    await first.kill();
    await eventually('ours works', async () => (await signatures()).length > 5);
    const second = startControllerManager(t, kubeconfigFile, namespace);
    await waitFor(
      'the other one stands for election',
      async () => (/attempting to acquire leader lease/.test(second.log(200)) ? true : undefined),
      {
        daemons: [second],
      },
    );
    await new Promise((resolve) => setTimeout(resolve, times.leaseDurationMs + times.retryMs * 3));
    assert.match(await holder(), /^a_/);
    const stoppedAt = Date.now();
    await ours.stop();
    const signed = await signatures();
    await eventually('the other one leads again', async () => !/^(a_.*)?$/.test(await holder()));
    assert.ok(Date.now() - stoppedAt < 3000, 'a Lease given back is taken at once');
    assert.equal(await signatures(), signed);
    assert.equal((await leaseOf(client, namespace))['leaseTransitions'], 2);
  });

  test('events are one line each for people, however often they come', {
    skip: kubectl === undefined && 'kubectl-1.32 is missing',
  }, async (t) => {
    const client = opened(t);
    const namespace = await newNamespace(client);
    const about = subjectOf(await client.create(configMapKind, source(namespace, 'watched', '1')));
    const troubles: unknown[] = [];
    const recorder = createEventRecorder({
      client,
      component: 'certwright.dev/copier',
      instance: 'test-1',
      clock: systemClock,
      random: Math.random,
      onTrouble: (error) => troubles.push(error),
    });
    let recorded = 0;
    const settled = (): Promise<void> =>
      eventually('events are written', async () => {
        const { items } = await client.list(eventType, { namespace });
        const written = items.reduce((sum, event) => sum + Number(event['count']), 0);
        return written === recorded;
      });
    const record = (reason: string, message: string, type: 'Normal' | 'Warning' = 'Normal'): void => {
      recorded += 1;
      recorder.record({ about, type, reason, action: 'Copy', message });
    };
    for (let i = 0; i < 3; i++) {
      record('Copied', 'copied it');
      await settled();
    }
    for (let i = 1; i <= 13; i++) record('CopyFailed', `try ${i} failed`, 'Warning');
    await settled();
    record('Long', 'ä'.repeat(5000));
    await recorder.stop({ graceMs: 5000 });
    assert.deepEqual(troubles, []);
    const show = async (...args: readonly string[]): Promise<string> => {
      const all = ['--kubeconfig', server()?.kubeconfigFile ?? '', '-n', namespace, ...args];
      return (await promisify(execFile)(requireTool('kubectl-1.32'), all, { timeout: 30_000 })).stdout;
    };
    const lines = (await show('get', 'events', '-o', 'wide', '--no-headers'))
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    // Last seen, type, reason, object, source, message, first seen, count, name.
    const shown = lines.map(([, type, reason, object, , message, , count]) =>
      [type, reason, object, message?.slice(0, 60), count].join(' | '),
    );
    assert.equal(shown.length, 1 + 10 + 1 + 1, shown.join('\n'));
    for (const wanted of [
      'Normal | Copied | configmap/watched | copied it | 3',
      'Warning | CopyFailed | configmap/watched | try 10 failed | 1',
      'Warning | CopyFailed | configmap/watched | (combined from similar events): try 13 failed | 3',
      `Normal | Long | configmap/watched | ${'ä'.repeat(60)} | 1`,
    ])
      assert.ok(shown.includes(wanted), `${wanted}\n---\n${shown.join('\n')}`);
    assert.match(await show('describe', 'configmap', 'watched'), /Normal +Copied +\S+ \(x3 over \S+\) +certwright\.dev\/copier +copied it/);
    const newer = await show('get', 'events.v1.events.k8s.io', '-o', 'jsonpath={.items[?(@.reason=="Copied")].deprecatedCount}');
    assert.equal(newer, '3', 'they are events of the newer group as well');
  });
};
