import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fakeClock, settle } from '../testing/fake-clock.ts';
import { runs } from '../testing/runs.ts';
import { backOffMs } from './back-off.ts';
import { createDueHeap } from './due-heap.ts';
import { createWorkQueue, type WorkQueueOptions } from './work-queue.ts';

/** A queue whose work lasts until the test ends it; `begun` is what was begun, in order. */
const startQueue = (options: Partial<WorkQueueOptions> = {}) => {
  const clock = fakeClock();
  const begun: string[] = [];
  const open = new Map<string, () => void>();
  const bugs: unknown[] = [];
  const queue = createWorkQueue({
    work: (key) =>
      new Promise((resolve) => {
        begun.push(key);
        open.set(key, resolve);
      }),
    concurrency: 2,
    backOff: { firstMs: 100, maxMs: 1000 },
    clock,
    random: () => 0.999_999,
    onBug: (error) => bugs.push(error),
    ...options,
  });
  queue.start();
  const end = (key: string): Promise<void> => {
    open.get(key)?.();
    open.delete(key);
    return settle();
  };
  return { queue, clock, begun, bugs, end, open };
};

const worked = (options: Partial<WorkQueueOptions> = {}) => {
  const begun: string[] = [];
  return {
    ...startQueue({
      ...options,
      work: (key) => {
        begun.push(key);
        return Promise.resolve();
      },
    }),
    begun,
  };
};

describe('a work queue', () => {
  test('works on a key once however often it was added, and once more where it was added meanwhile', async () => {
    const { queue, begun, end } = startQueue({ concurrency: 1 });
    queue.add('a/other');
    for (let i = 0; i < 3; i++) queue.add('a/x');
    await end('a/other');
    assert.deepEqual(begun, ['a/other', 'a/x']);
    for (let i = 0; i < 3; i++) queue.add('a/x');
    assert.deepEqual(begun, ['a/other', 'a/x'], 'never twice at a time');
    await end('a/x');
    assert.deepEqual(begun, ['a/other', 'a/x', 'a/x']);
    await end('a/x');
    assert.equal(begun.length, 3);
    assert.deepEqual(queue.counts(), { ready: 0, delayed: 0, inWork: 0 });
  });

  test('works on a key again that became due while it was in work', async () => {
    const { queue, clock, begun, end } = startQueue();
    queue.add('a/x');
    queue.addAfter('a/x', 10);
    await clock.advance(20);
    await end('a/x');
    assert.deepEqual(begun, ['a/x', 'a/x']);
  });

  test('never works on more keys than it may, and leaves a place to other namespaces', async () => {
    const { queue, begun, end } = startQueue({ concurrency: 3 });
    for (let i = 0; i < 10; i++) queue.add(`noisy/${i}`);
    assert.deepEqual(begun, ['noisy/0', 'noisy/1']);
    queue.add('b/x');
    queue.add('c/x');
    assert.deepEqual(begun.slice(2), ['b/x'], 'begun at once');
    await end('noisy/0');
    assert.equal(begun.at(-1), 'c/x', 'before the 8 that were there first, one of which may go on only then');
    await end('b/x');
    assert.equal(begun.at(-1), 'noisy/2');
    await end('noisy/1');
    await end('noisy/2');
    await end('c/x');
    assert.equal(queue.counts().inWork, 2);
  });

  test('lets namespaces take turns, whatever one of them adds', async () => {
    const { queue, begun } = worked({ concurrency: 1 });
    for (let i = 0; i < 10_000; i++) queue.add(`noisy/${i}`);
    for (let i = 0; i < 5; i++) queue.add(`quiet/${i}`);
    for (let i = 0; begun.length < 10_005 && i < 100; i++) await settle();
    assert.equal(begun.length, 10_005);
    assert.ok(begun.indexOf('quiet/4') < 12, `quiet/4 came as number ${begun.indexOf('quiet/4')}`);
  });

  test('begins a delayed key at its earliest time, and once', async () => {
    const { queue, clock, begun } = worked();
    queue.addAfter('a/x', 500);
    queue.addAfter('a/x', 200);
    queue.addAfter('a/x', 900);
    await clock.advance(199);
    assert.deepEqual(begun, []);
    await clock.advance(1);
    assert.deepEqual(begun, ['a/x']);
    await clock.advance(10_000);
    assert.deepEqual(begun, ['a/x']);
  });

  test('keeps to the calendar, also where it is set while a key waits', async () => {
    const { queue, clock, begun } = worked();
    queue.addAt('a/renewed', new Date('2026-03-01T00:00:00Z'));
    await clock.advance(3_600_000);
    assert.deepEqual(begun, []);
    clock.setDate(new Date('2026-03-01T00:00:01Z'));
    await clock.advance(60_000);
    assert.deepEqual(begun, ['a/renewed']);
  });

  test('backs off further with each failure of a key, up to a maximum, and anew once it is forgotten', () => {
    const { queue } = worked({ random: () => 0 });
    assert.deepEqual(
      Array.from({ length: 6 }, () => queue.retry('a/x')),
      [50, 100, 200, 400, 500, 500],
    );
    assert.equal(queue.failures('a/x'), 6);
    assert.equal(queue.retry('a/y'), 50, 'each key has its own');
    assert.equal(queue.retry('a/y', { leastMs: 7000 }), 7000);
    assert.equal(queue.retry('a/x', { maxMs: 4000 }), 2000);
    queue.forget('a/x');
    assert.equal(queue.retry('a/x'), 50);
  });

  test('survives work that throws', async () => {
    const { queue, bugs } = startQueue({ work: (key) => (key === 'a/bad' ? Promise.reject(new Error('bad')) : Promise.resolve()) });
    queue.add('a/bad');
    queue.add('a/good');
    await settle();
    assert.deepEqual(bugs.map(String), ['Error: bad']);
    assert.deepEqual(queue.counts(), { ready: 0, delayed: 0, inWork: 0 });
  });

  test('that stops waits for what is in work and begins nothing more', async () => {
    const { queue, clock, begun, end } = startQueue({ concurrency: 1 });
    queue.add('a/x');
    queue.add('a/y');
    queue.addAfter('a/z', 10);
    let isStopped = false;
    const stopped = queue.stop().then(() => {
      isStopped = true;
    });
    queue.add('a/late');
    queue.add('a/x');
    await clock.advance(100);
    assert.equal(isStopped, false);
    await end('a/x');
    await stopped;
    assert.deepEqual(begun, ['a/x']);
  });

  test('that is to finish works off what was ready', async () => {
    const { queue, begun, end } = startQueue({ concurrency: 1 });
    queue.add('a/x');
    queue.add('a/y');
    queue.addAfter('a/z', 10);
    const stopped = queue.stop({ finishReady: true });
    queue.add('a/late');
    await end('a/x');
    await end('a/y');
    await stopped;
    assert.deepEqual(begun, ['a/x', 'a/y']);
  });

  test('begins nothing before it is started, and keeps what was added', async () => {
    const clock = fakeClock();
    const begun: string[] = [];
    const queue = createWorkQueue({
      work: (key) => {
        begun.push(key);
        return Promise.resolve();
      },
      concurrency: 1,
      backOff: { firstMs: 1, maxMs: 1 },
      clock,
      random: () => 0,
      onBug: () => undefined,
    });
    queue.add('a/x');
    await clock.advance(10);
    assert.deepEqual(begun, []);
    queue.start();
    await settle();
    assert.deepEqual(begun, ['a/x']);
  });

  test('never loses a key and never has one in work twice, whatever happens in whatever order', async () => {
    const step = fc.record({
      do: fc.constantFrom('add', 'add', 'after', 'at', 'retry', 'end', 'end', 'time'),
      key: fc.constantFrom('a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'c/1'),
      ms: fc.integer({ min: 0, max: 300 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), async (steps, concurrency) => {
        const asked = new Map<string, number>();
        const answered = new Map<string, number>();
        const inWork = new Set<string>();
        const open = new Map<string, () => void>();
        let moment = 0;
        const { queue, clock } = startQueue({
          concurrency,
          work: (key) => {
            assert.ok(!inWork.has(key), `${key} is in work twice`);
            inWork.add(key);
            assert.ok(inWork.size <= concurrency);
            answered.set(key, moment);
            return new Promise((resolve) => {
              open.set(key, () => {
                inWork.delete(key);
                resolve();
              });
            });
          },
        });
        for (const { do: what, key, ms } of steps) {
          moment += 1;
          if (what === 'end') open.get(key)?.();
          else if (what === 'time') await clock.advance(ms);
          else {
            asked.set(key, moment);
            if (what === 'add') queue.add(key);
            if (what === 'after') queue.addAfter(key, ms);
            if (what === 'at') queue.addAt(key, new Date(clock.now().getTime() + ms));
            if (what === 'retry') queue.retry(key);
          }
          await settle();
        }
        moment += 1;
        for (let i = 0; i < 40; i++) {
          await clock.advance(100);
          for (const end of [...open.values()]) end();
          open.clear();
          await settle();
        }
        for (const [key, at] of asked)
          assert.ok((answered.get(key) ?? -1) >= at, `${key} asked for at ${at}, last begun at ${answered.get(key)}`);
        assert.deepEqual(queue.counts(), { ready: 0, delayed: 0, inWork: 0 });
      }),
      { numRuns: runs(60, 2000) },
    );
  });
});

describe('a heap of keys by time', () => {
  test('gives them back in order, each at the earliest of its times', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 1000 }))), (adds) => {
        const heap = createDueHeap();
        const earliest = new Map<string, number>();
        for (const [number, dueMs] of adds) {
          const key = `a/${number}`;
          heap.add(key, dueMs);
          earliest.set(key, Math.min(earliest.get(key) ?? dueMs, dueMs));
        }
        assert.equal(heap.size, earliest.size);
        const taken: [string, number][] = [];
        for (let dueMs = heap.nextMs(); dueMs !== undefined; dueMs = heap.nextMs()) {
          assert.equal(heap.take(dueMs - 1), undefined);
          taken.push([heap.take(dueMs) ?? '', dueMs]);
        }
        assert.deepEqual(new Map(taken), earliest);
        assert.deepEqual(
          taken.map(([, dueMs]) => dueMs),
          [...earliest.values()].sort((a, b) => a - b),
        );
      }),
      { numRuns: runs(200, 20_000) },
    );
  });
});

describe('a back-off', () => {
  test('is between half and all of what doubles with each failure', () => {
    const backOff = { firstMs: 200, maxMs: 60_000 };
    assert.equal(
      backOffMs(1, backOff, () => 0),
      100,
    );
    assert.equal(
      backOffMs(4, backOff, () => 0.5),
      1200,
    );
    assert.equal(
      backOffMs(5000, backOff, () => 1),
      60_000,
    );
  });
});
