import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesObject } from '../api/object.ts';
import { CodedError } from '../base/coded-error.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { createEventRecorder, type EventRecorder } from './event-recorder.ts';
import type { KubeClient } from './kube-client.ts';

const object = (name = 'site', more: object = {}): KubernetesObject => ({
  apiVersion: 'cert-manager.io/v1',
  kind: 'Certificate',
  metadata: { name, namespace: 'team', uid: `uid-${name}`, resourceVersion: '7', ...more },
});

type Recording = EventRecorder & {
  readonly clock: ReturnType<typeof fakeClock>;
  /** As they are stored, by namespace and name. */
  readonly events: Map<string, Record<string, unknown>>;
  readonly writes: () => number;
  readonly lost: string[];
};

const recorder = (fault: (write: number) => unknown = () => undefined): Recording => {
  const clock = fakeClock();
  const events = new Map<string, Record<string, unknown>>();
  const lost: string[] = [];
  let writes = 0;
  let chance = 0;
  const begin = (): void => {
    writes++;
    const error = fault(writes);
    if (error !== undefined) throw error;
  };
  const client: Pick<KubeClient, 'create' | 'patch'> = {
    create: async (_type, sent) => {
      begin();
      events.set(`${sent.metadata.namespace}/${sent.metadata.name}`, { ...sent });
      return sent;
    },
    patch: async (_type, namespace, name, patch) => {
      begin();
      const found = events.get(`${namespace}/${name}`);
      if (found === undefined) throw new CodedError('NotFound', 'there is no such event');
      Object.assign(found, 'value' in patch ? patch.value : {});
      return object();
    },
  };
  const random = (): number => {
    chance = (chance + 0.618_034) % 1;
    return chance;
  };
  const made = createEventRecorder({
    client,
    component: 'certwright-certificates',
    instance: 'pod-1',
    clock,
    random,
    onLost: ({ reason }) => lost.push(reason),
  });
  return { ...made, clock, events, writes: () => writes, lost };
};

const issued = { type: 'Normal', reason: 'Issued', message: 'the certificate is there' } as const;
const only = ({ events }: Recording): Record<string, unknown> => {
  assert.equal(events.size, 1);
  return [...events.values()][0] ?? assert.fail();
};

describe('an event', () => {
  test('stands beside its object, with all by which tools find it', async () => {
    const recording = recorder();
    recording.record(object(), issued);
    await recording.stop(1000);
    const { metadata, ...event } = only(recording);
    assert.match((metadata as { name: string }).name, /^site\.[0-9a-f]{12}$/);
    assert.deepEqual(event, {
      apiVersion: 'v1',
      kind: 'Event',
      involvedObject: {
        apiVersion: 'cert-manager.io/v1',
        kind: 'Certificate',
        namespace: 'team',
        name: 'site',
        uid: 'uid-site',
        resourceVersion: '7',
      },
      ...issued,
      source: { component: 'certwright-certificates' },
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
      reportingComponent: 'certwright-certificates',
      reportingInstance: 'pod-1',
    });
  });
  test('of an object of the cluster stands in default, and a long name leaves room', async () => {
    const recording = recorder();
    const { namespace: _, ...metadata } = object('x'.repeat(253)).metadata;
    recording.record({ ...object(), metadata }, issued);
    await recording.stop(1000);
    const [key = ''] = recording.events.keys();
    assert.equal(key.length, 'default/'.length + 253);
  });
  test('that comes again is counted, also where the first is gone by then', async () => {
    const recording = recorder();
    for (let i = 0; i < 3; i++) {
      recording.record(object(), issued);
      await recording.clock.advance(60_000);
    }
    const { count, firstTimestamp, lastTimestamp } = only(recording);
    assert.deepEqual([count, firstTimestamp, lastTimestamp], [3, '2026-01-01T00:00:00Z', '2026-01-01T00:02:00Z']);
    recording.events.clear();
    recording.record(object(), issued);
    await recording.stop(1000);
    assert.equal(only(recording)['count'], 4);
  });
  test('whose words alone differ becomes one of many', async () => {
    const recording = recorder();
    for (let i = 0; i < 15; i++) recording.record(object(), { ...issued, message: `try ${i}` });
    await recording.clock.advance(1000);
    assert.equal(recording.events.size, 11);
    const last = [...recording.events.values()].at(-1);
    assert.deepEqual([last?.['count'], last?.['message']], [5, '(combined from similar events): try 14']);
    await recording.clock.advance(601_000);
    recording.record(object(), { ...issued, message: 'another day' });
    await recording.stop(1000);
    assert.equal([...recording.events.values()].at(-1)?.['message'], 'another day');
  });
  test('is one of 25 at once for each object, and then of one each five minutes', async () => {
    const recording = recorder();
    for (let i = 0; i < 100; i++) recording.record(object(), issued);
    recording.record(object('other'), issued);
    await recording.clock.advance(1000);
    assert.deepEqual([recording.writes(), recording.lost.length], [26, 75]);
    await recording.clock.advance(300_000);
    for (let i = 0; i < 5; i++) recording.record(object(), issued);
    await recording.stop(1000);
    assert.equal(recording.writes(), 27);
  });
  test('too long to read is cut', async () => {
    const recording = recorder();
    recording.record(object(), { ...issued, message: 'x'.repeat(5000) });
    await recording.stop(1000);
    assert.equal(String(only(recording)['message']).length, 1024);
  });
});

describe('whoever records', () => {
  test('does not wait for the API, nor fail with it', async () => {
    const unavailable = new CodedError('ServiceUnavailable', 'not now');
    const recording = recorder((write) => (write <= 2 ? unavailable : undefined));
    recording.record(object(), issued);
    await recording.clock.advance(10_000);
    assert.equal(only(recording)['count'], 1);
    const refused = recorder(() => new CodedError('Forbidden', 'not you'));
    refused.record(object(), issued);
    await refused.clock.advance(60_000);
    assert.deepEqual([refused.writes(), refused.lost], [1, ['Refused']]);
    const down = recorder(() => unavailable);
    down.record(object(), issued);
    await down.clock.advance(60_000);
    assert.deepEqual([down.writes(), down.lost], [4, ['Refused']]);
  });
  test('fills no memory while the API is silent', async () => {
    const recording = recorder(() => new CodedError('ServiceUnavailable', 'not now'));
    for (let i = 0; i < 5000; i++) recording.record(object(`o${i}`), issued);
    assert.equal(recording.lost.length, 5000 - 1001);
    const stopped = recording.stop(5000);
    await recording.clock.advance(6000);
    await stopped;
    assert.equal(recording.lost.length, 5000, 'each one is told of');
  });
});
