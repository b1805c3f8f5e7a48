import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { KubernetesObject } from '../api/object.ts';
import { alreadyExists, notFound } from '../api/status.ts';
import { CodedError } from '../base/coded-error.ts';
import { assertCoded } from '../testing/coded-errors.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { runs } from '../testing/runs.ts';
import { boundedMessage, type EventInput, eventName } from './event-object.ts';
import { createEventRecorder, type EventRecorderOptions } from './event-recorder.ts';

const about = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'web', uid: 'u1' };
const event = (message: string, more: Partial<EventInput> = {}): EventInput => ({
  about,
  type: 'Warning',
  reason: 'IssuerNotReady',
  action: 'Issue',
  message,
  ...more,
});

const resource = { group: '', plural: 'events' };

/** A recorder, and the events that its server holds, which fails as `fail` says. */
const recording = (options: Partial<EventRecorderOptions> = {}) => {
  const clock = fakeClock();
  const events = new Map<string, KubernetesObject>();
  const asked: string[] = [];
  const troubles: unknown[] = [];
  let fail: (verb: string) => 'before' | 'after' | 'silent' | undefined = () => undefined;
  const unreachable = () => new CodedError('ServerUnreachable', 'cannot reach it');
  const serve = async (verb: string, work: () => KubernetesObject): Promise<KubernetesObject> => {
    asked.push(verb);
    const failure = fail(verb);
    if (failure === 'silent') return new Promise(() => undefined);
    if (failure === 'before') throw unreachable();
    const done = work();
    if (failure === 'after') throw unreachable();
    return done;
  };
  let made = 0;
  const recorder = createEventRecorder({
    client: {
      create: (_type, object) =>
        serve('create', () => {
          const { name = '' } = object.metadata;
          if (events.has(name)) throw alreadyExists(resource, name);
          events.set(name, object);
          return object;
        }),
      patch: (_type, _namespace, name, patch) =>
        serve('patch', () => {
          const old = events.get(name);
          if (old === undefined) throw notFound(resource, name);
          assert.ok(patch.type === 'merge');
          const now = { ...old, ...(patch.value as object) };
          events.set(name, now);
          return now;
        }),
    },
    component: 'certwright.dev/issuing',
    instance: 'pod-1',
    clock,
    random: () => {
      made += 1;
      return (made * 0.618_034) % 1;
    },
    onTrouble: (error) => troubles.push(error),
    ...options,
  });
  return {
    recorder,
    clock,
    events,
    asked,
    troubles,
    setFail: (to: typeof fail) => {
      fail = to;
    },
    counted: () => [...events.values()].map((object) => [object['message'], object['count']]),
  };
};

describe('an event recorder', () => {
  test('writes an event beside its object, which says all that people ask', async () => {
    const { recorder, clock, events } = recording();
    recorder.record(event('issuer "a" is not ready'));
    await clock.advance(0);
    const [written] = events.values();
    assert.match(written?.metadata.name ?? '', /^web\.[0-9a-f]{19}$/);
    assert.deepEqual(written, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: 'shop', name: written?.metadata.name },
      involvedObject: about,
      type: 'Warning',
      reason: 'IssuerNotReady',
      action: 'Issue',
      message: 'issuer "a" is not ready',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      source: { component: 'certwright.dev/issuing' },
      reportingComponent: 'certwright.dev/issuing',
      reportingInstance: 'pod-1',
    });
    recorder.record(event('of the cluster', { about: { apiVersion: 'v1', kind: 'Node', namespace: '', name: 'n' } }));
    await clock.advance(0);
    const last = [...events.values()].at(-1);
    assert.equal(last?.metadata.namespace, 'default');
    assert.deepEqual(last?.['involvedObject'], { apiVersion: 'v1', kind: 'Node', name: 'n' });
  });

  test('counts an event that comes again, and makes no second one', async () => {
    const { recorder, clock, events, asked } = recording();
    for (let i = 0; i < 5; i++) {
      recorder.record(event('again'));
      await clock.advance(60_000);
    }
    const [written] = events.values();
    assert.equal(events.size, 1);
    assert.deepEqual(
      [written?.['count'], written?.['firstTimestamp'], written?.['lastTimestamp']],
      [5, '2026-01-01T00:00:00Z', '2026-01-01T00:04:00Z'],
    );
    assert.deepEqual(asked, ['create', 'patch', 'patch', 'patch', 'patch']);
    for (const more of [
      { type: 'Normal' },
      { reason: 'Other' },
      { action: 'Renew' },
      { about: { ...about, uid: 'u2' } },
      { about: { ...about, namespace: 'other' } },
    ] as const)
      recorder.record(event('again', more));
    await clock.advance(0);
    assert.equal(events.size, 6, 'what differs in anything is another one');
  });

  test('writes once what came many times while it waited', async () => {
    const { recorder, clock, asked, counted } = recording();
    for (let i = 0; i < 1000; i++) recorder.record(event('again'));
    await clock.advance(0);
    assert.deepEqual(counted(), [['again', 1000]]);
    assert.ok(asked.length <= 2, asked.join());
  });

  test('makes one event of many similar ones, until they have stopped for a while', async () => {
    const { recorder, clock, counted } = recording();
    for (let i = 1; i <= 14; i++) {
      recorder.record(event(`try ${i}`));
      await clock.advance(1000);
    }
    const apart = Array.from({ length: 10 }, (_, i) => [`try ${i + 1}`, 1]);
    assert.deepEqual(counted(), [...apart, ['(combined from similar events): try 14', 4]]);
    recorder.record(event('try 3'));
    recorder.record(event('other', { reason: 'Other' }));
    await clock.advance(0);
    assert.deepEqual(counted()[2], ['try 3', 2], 'one that was written apart goes on so');
    assert.deepEqual(counted().at(-1), ['other', 1]);
    await clock.advance(600_001);
    recorder.record(event('try 15'));
    await clock.advance(0);
    assert.deepEqual(counted().at(-1), ['try 15', 1]);
  });

  test('writes a bounded number about one object, whatever happens to it, and none the less about others', async () => {
    const { recorder, clock, asked, events } = recording();
    for (let i = 0; i < 200; i++) {
      recorder.record(event('m', { reason: `Reason${i}` }));
      await clock.advance(10);
    }
    assert.equal(asked.length, 25);
    assert.equal(recorder.counts().dropped, 175);
    recorder.record(event('m', { about: { ...about, name: 'other' } }));
    await clock.advance(0);
    assert.equal(asked.length, 26);
    recorder.record(event('m', { reason: 'Reason0' }));
    await clock.advance(0);
    assert.deepEqual([asked.length, recorder.counts().heldBack], [26, 1]);
    await clock.advance(300_000);
    recorder.record(event('m', { reason: 'Reason0' }));
    recorder.record(event('m', { reason: 'Reason1' }));
    await clock.advance(0);
    assert.equal(asked.length, 27);
    assert.equal([...events.values()][0]?.['count'], 3, 'the one that was held back is counted');
    await clock.advance(100 * 300_000);
    for (let i = 0; i < 200; i++) recorder.record(event('m', { about, reason: `Later${i}` }));
    await clock.advance(0);
    assert.equal(asked.length, 27 + 25, 'what was not used for long is not saved up');
  });

  test('tries again what failed, under the same name, so that nothing is told twice', async () => {
    const { recorder, clock, events, setFail, counted, asked } = recording();
    let left = 3;
    setFail(() => (left-- > 0 ? (left === 1 ? 'after' : 'before') : undefined));
    recorder.record(event('a'));
    await clock.advance(60_000);
    assert.deepEqual(counted(), [['a', 1]]);
    assert.equal(events.size, 1);
    assert.deepEqual([recorder.counts().failed, recorder.counts().written], [0, 1], asked.join());
    setFail((verb) => (verb === 'create' ? 'before' : undefined));
    const before = asked.length;
    recorder.record(event('b'));
    await clock.advance(10);
    for (let i = 0; i < 4; i++) recorder.record(event('b'));
    assert.equal(recorder.counts().queued, 0, 'the next try will tell of these too');
    await clock.advance(600_000);
    assert.deepEqual([recorder.counts().failed, asked.length - before, events.size], [1, 6, 1]);
    setFail(() => undefined);
    recorder.record(event('b'));
    await clock.advance(0);
    assert.deepEqual(counted().at(-1), ['b', 6]);
  });

  test('gives up at once what is refused', async () => {
    const { recorder, clock, asked, troubles } = recording({
      client: {
        create: () => {
          asked.push('create');
          return Promise.reject(new CodedError('Forbidden', 'cannot create events'));
        },
        patch: () => assert.fail(),
      },
    });
    recorder.record(event('a'));
    await clock.advance(600_000);
    assert.deepEqual([asked.length, recorder.counts().failed, troubles.length], [1, 1, 1]);
  });

  test('writes anew what the server has forgotten', async () => {
    const { recorder, clock, events, counted } = recording();
    recorder.record(event('a'));
    await clock.advance(3_600_000);
    const [old] = events.keys();
    events.clear();
    recorder.record(event('a'));
    await clock.advance(0);
    assert.deepEqual(counted(), [['a', 2]]);
    assert.notEqual([...events.keys()][0], old);
  });

  test('does not wait for a server that is silent, holds a bounded number of events, and counts the others', async () => {
    const { recorder, clock, setFail, counted } = recording({ maxQueued: 10 });
    setFail(() => 'silent');
    for (let i = 0; i < 100; i++) recorder.record(event('m', { about: { ...about, name: `o${i}` } }));
    await clock.advance(0);
    assert.deepEqual([recorder.counts().queued, recorder.counts().dropped], [10, 89]);
    setFail(() => undefined);
    await clock.advance(60_000);
    assert.equal(counted().length, 11);
    assert.equal(recorder.counts().queued, 0);
  });

  test('remembers a bounded number of events', async () => {
    const { recorder, clock, events } = recording({ maxRemembered: 2 });
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) {
      recorder.record(event('m', { about: { ...about, name } }));
      await clock.advance(0);
    }
    const names = [...events.values()].map(({ metadata, ['count']: count }) => `${metadata.name?.slice(0, 1)}${count}`);
    assert.deepEqual(names, ['a3', 'b1', 'c1', 'b1']);
  });

  test('never throws: what is invalid is told and dropped', async () => {
    const { recorder, clock, troubles, asked } = recording({
      onTrouble: (error) => {
        troubles.push(error);
        throw new Error('no one listens');
      },
    });
    const wrong: readonly Partial<EventInput>[] = [
      { reason: 'not a word' },
      { reason: '' },
      { reason: 'R'.repeat(129) },
      { action: 'lower' },
      { type: 'Error' as 'Warning' },
      { message: '' },
      { message: undefined as unknown as string },
      { about: { ...about, name: '' } },
      { about: undefined as unknown as EventInput['about'] },
    ];
    for (const more of wrong) recorder.record(event('m', more));
    await clock.advance(0);
    assert.deepEqual([troubles.length, recorder.counts().dropped, asked.length], [wrong.length, wrong.length, 0]);
    assertCoded('Bug', () => recording({ component: 'not a name!' }));
  });

  test('writes what waits when it stops, for a while, and takes nothing more', async () => {
    const first = recording();
    first.recorder.record(event('a'));
    first.recorder.record(event('b'));
    const stopped = first.recorder.stop({ graceMs: 5000 });
    first.recorder.record(event('c'));
    await first.clock.advance(100);
    await stopped;
    assert.deepEqual(first.counted(), [
      ['a', 1],
      ['b', 1],
    ]);
    const second = recording();
    second.setFail(() => 'silent');
    second.recorder.record(event('a'));
    second.recorder.record(event('b'));
    const late = second.recorder.stop({ graceMs: 5000 });
    await second.clock.advance(5001);
    await late;
    assert.deepEqual([second.recorder.counts().dropped, second.recorder.counts().queued], [2, 0]);
  });

  test('loses no count, whatever fails and whenever events come', async () => {
    const step = fc.record({
      message: fc.nat(3),
      waitMs: fc.constantFrom(0, 0, 10, 5000),
      failure: fc.constantFrom(undefined, undefined, 'before', 'after'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 24 }), async (steps) => {
        const { recorder, clock, setFail, counted } = recording();
        const wanted = new Map<string, number>();
        for (const { message, waitMs, failure } of steps) {
          let isFirst = true;
          setFail(() => {
            const now = isFirst ? failure : undefined;
            isFirst = false;
            return now;
          });
          recorder.record(event(`m${message}`));
          wanted.set(`m${message}`, (wanted.get(`m${message}`) ?? 0) + 1);
          await clock.advance(waitMs);
        }
        setFail(() => undefined);
        await clock.advance(600_000);
        assert.deepEqual(new Map(counted().map(([message, count]) => [String(message), Number(count)])), wanted);
        assert.equal(counted().length, wanted.size);
      }),
      { numRuns: runs(100, 2000) },
    );
  });
});

describe('the message of an event', () => {
  test('is at most 1024 bytes, whole letters, on show', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), fc.nat(1200), (text, more) => {
        const bounded = boundedMessage(text + 'ä😀'.repeat(more));
        assert.ok(Buffer.byteLength(bounded) <= 1024);
        assert.equal(Buffer.from(bounded).toString(), bounded);
      }),
      { numRuns: runs(200, 5000) },
    );
    assert.equal(boundedMessage('x'.repeat(1024)), 'x'.repeat(1024));
    assert.equal(boundedMessage('x'.repeat(1025)), `${'x'.repeat(1021)}…`);
    assert.equal(boundedMessage('a\u001b[2J'), 'a\\u001b[2J');
  });
});

describe('the name of an event', () => {
  test('is one, whatever the object is called', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: fc.constantFrom(...'aZ9.-:/_ä') }), fc.string({ maxLength: 300 })), (name) => {
        const made = eventName({ ...about, name }, '0123456789abcdef');
        assert.match(made, /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/);
        assert.ok(made.length <= 253);
      }),
      { numRuns: runs(300, 5000) },
    );
    assert.equal(eventName({ ...about, name: 'system:node' }, 'f'), 'system-node.f');
  });
});
