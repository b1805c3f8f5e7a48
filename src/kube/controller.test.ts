import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CodedError } from '../base/coded-error.ts';
import { fakeClock, settle } from '../testing/fake-clock.ts';
import { afterFailure } from './after-failure.ts';
import { type ControllerOptions, createController, type Outcome, type ReconcileFailure } from './controller.ts';

const start = (reconcile: ControllerOptions['reconcile'], options: Partial<ControllerOptions> = {}) => {
  const clock = fakeClock();
  const failures: ReconcileFailure[] = [];
  const times: [string, number][] = [];
  const controller = createController({
    name: 'test',
    reconcile: (key, signal) => {
      times.push([key, clock.elapsedMs()]);
      return reconcile(key, signal);
    },
    clock,
    random: () => 0,
    onFailure: (failure) => failures.push(failure),
    backOff: { firstMs: 200, maxMs: 1600 },
    recheckMs: 6400,
    ...options,
  });
  controller.start();
  return { controller, clock, failures, times, moments: () => times.map(([, at]) => at) };
};

const x = { namespace: 'a', name: 'x' };
const after = (ms: number): Date => new Date(Date.parse('2026-01-01T00:00:00Z') + ms);
const failing =
  (error: () => unknown): (() => Promise<Outcome>) =>
  () =>
    Promise.reject(error());

describe('a controller', () => {
  test('leaves a key that is done alone until it is woken', async () => {
    const { controller, clock, times } = start(() => Promise.resolve('done'));
    controller.wake(x);
    await clock.advance(10_000_000);
    assert.deepEqual(times, [['a/x', 0]]);
    controller.wake(x);
    assert.equal(times.length, 2);
  });

  test('comes back at the date a reconcile answers', async () => {
    const { controller, clock, moments } = start(() => Promise.resolve(clock.elapsedMs() < 5000 ? { until: after(5000) } : 'done'));
    controller.wake(x);
    await clock.advance(100_000);
    assert.deepEqual(moments(), [0, 5000]);
  });

  test('does not run hot where the date answered has come already', async () => {
    const { controller, clock, moments } = start(() => Promise.resolve({ until: after(0) }));
    controller.wake(x);
    await clock.advance(1600);
    assert.deepEqual(moments(), [0, 100, 300, 700, 1500]);
  });

  test('takes a date that is none for a bug', async () => {
    const { controller, failures } = start(() => Promise.resolve({ until: new Date(Number.NaN) }));
    controller.wake(x);
    await settle();
    assert.deepEqual(
      failures.map((failure) => [failure.class, failure.nextInMs]),
      [['bug', 100]],
    );
  });

  test('stops at faults of input and at final refusals until the object changes', async () => {
    for (const code of ['Invalid', 'Forbidden'] as const) {
      const { controller, clock, failures, times } = start(failing(() => new CodedError(code, 'cannot')));
      controller.wake(x);
      await clock.advance(10_000_000);
      assert.equal(times.length, 1, code);
      assert.deepEqual(
        failures.map(({ nextInMs, failures: count }) => [nextInMs, count]),
        [[undefined, 1]],
      );
      controller.wake(x);
      assert.equal(times.length, 2, code);
    }
  });

  test('is woken by a change where something is waited for, and looks now and then all the same', async () => {
    const { controller, clock, moments } = start(failing(() => new CodedError('NotFound', 'cannot')));
    controller.wake(x);
    await clock.advance(10_000);
    assert.deepEqual(moments(), [0, 100, 300, 700, 1500, 3100, 6300, 9500], 'never apart by more than half of recheckMs, without jitter');
    controller.wake(x);
    assert.equal(moments().at(-1), 10_000);
  });

  test('tries what may work again ever more seldom, and not before it was asked to', async () => {
    let details: Record<string, unknown> = {};
    const { controller, clock, moments, failures } = start(failing(() => new CodedError('TooManyRequests', 'cannot', { details })));
    controller.wake(x);
    await clock.advance(700);
    details = { status: { retryAfterSeconds: 30 } };
    await clock.advance(60_000);
    assert.deepEqual(moments(), [0, 100, 300, 700, 1500, 31_500]);
    assert.deepEqual(failures.map(({ nextInMs }) => nextInMs).slice(0, 5), [100, 200, 400, 800, 30_000]);
  });

  test('reports a bug with its stack, and what was foreseen without', async () => {
    const errors: readonly unknown[] = [new TypeError('x is undefined'), 'text', new CodedError('Timeout', 'cannot')];
    let next = 0;
    const { controller, clock, failures } = start(failing(() => errors[next++]));
    controller.wake(x);
    await clock.advance(300);
    assert.deepEqual(
      failures.map((failure) => [failure.class, failure.failures]),
      [
        ['bug', 1],
        ['bug', 2],
        ['transient', 3],
      ],
    );
    assert.match(failures[0]?.stack ?? '', /TypeError: x is undefined\n.*controller\.test/);
    assert.deepEqual(
      failures.slice(1).map(({ stack }) => stack),
      [undefined, undefined],
    );
  });

  test('goes on with other keys whatever one of them throws, even where reporting throws too', async () => {
    const { controller, clock, times } = start(
      (key) => {
        if (key === 'a/bad') throw new Error('thrown before any promise');
        return Promise.resolve('done');
      },
      {
        concurrency: 1,
        onFailure: () => {
          throw new Error('reporting fails');
        },
      },
    );
    controller.wake({ namespace: 'a', name: 'bad' });
    controller.wake(x);
    await clock.advance(100);
    assert.deepEqual(
      times.map(([key]) => key),
      ['a/bad', 'a/x', 'a/bad'],
    );
  });

  test('misses no change that comes while the key is in work, not even where that work fails for good', async () => {
    let wakeUp: () => void = () => undefined;
    const { controller, times } = start(async () => {
      if (times.length > 1) return 'done';
      await new Promise<void>((resolve) => {
        wakeUp = resolve;
      });
      throw new CodedError('Invalid', 'cannot');
    });
    controller.wake(x);
    controller.wake(x);
    wakeUp();
    await settle();
    assert.equal(times.length, 2);
  });

  test('aborts what takes too long and tries it again', async () => {
    const { controller, clock, failures, times } = start(
      (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
      { deadlineMs: 1000 },
    );
    controller.wake(x);
    await clock.advance(1100);
    assert.deepEqual(
      failures.map((failure) => failure.class),
      ['transient'],
    );
    assert.equal(times.length, 2);
  });

  test('looks at every key once in each period', async () => {
    const random = [0.1, 0.9, 0.5];
    let next = 0;
    const { clock, times } = start(() => Promise.resolve('done'), {
      random: () => random[next++ % 3] ?? 0,
      resync: { everyMs: 1000, keys: () => ['a/x', 'a/y', 'b/z'] },
    });
    await clock.advance(2000);
    assert.deepEqual(times, [
      ['a/x', 1100],
      ['b/z', 1500],
      ['a/y', 1900],
    ]);
    await clock.advance(1000);
    assert.equal(times.length, 6);
  });

  test('that stops lets what is in work finish for a while, then aborts it, and reports no failure of that', async () => {
    const { controller, clock, failures, times } = start(
      (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    controller.wake(x);
    let isStopped = false;
    const stopped = controller.stop({ graceMs: 500 }).then(() => {
      isStopped = true;
    });
    await clock.advance(499);
    assert.equal(isStopped, false);
    await clock.advance(1);
    await stopped;
    controller.wake(x);
    await clock.advance(10_000);
    assert.deepEqual([failures, times.length], [[], 1]);
  });
});

describe('what follows a failure', () => {
  test('waits no longer than an hour because others ask for it', () => {
    const leastMs = (details: Record<string, unknown>): number =>
      afterFailure(new CodedError('TooManyRequests', 'cannot', { details })).leastMs;
    assert.equal(leastMs({ retryAfterSeconds: 7 }), 7000);
    assert.equal(leastMs({ status: { retryAfterSeconds: 1e12 } }), 3_600_000);
    for (const wrong of [-5, Number.NaN, Number.POSITIVE_INFINITY, '9', null]) assert.equal(leastMs({ retryAfterSeconds: wrong }), 0);
  });
});
