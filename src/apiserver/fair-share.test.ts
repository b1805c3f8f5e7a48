import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { fairShare, type Leave, places, type ShareLimits } from './fair-share.ts';

const roomy: ShareLimits = { atOnce: 4, atOncePerUser: 3, waiting: 100, waitingPerUser: 50, turnMs: 10 };

/** A share with a clock and an event loop by hand. */
const byHand = (limits: Partial<ShareLimits> = {}) => {
  let now = 0;
  let callbacks: (() => void)[] = [];
  const share = fairShare(
    { ...roomy, ...limits },
    () => now,
    (callback) => callbacks.push(callback),
  );
  const begun: string[] = [];
  const leaves: Leave[] = [];
  return {
    begun,
    leaves,
    /** False where it is refused. */
    ask: (user: string, label = user): boolean => {
      const entered = share.enter(user);
      void entered?.then((leave) => {
        begun.push(label);
        leaves.push(leave);
      });
      return entered !== undefined;
    },
    pass: (ms: number): void => {
      now += ms;
    },
    turn: (): void => {
      const due = callbacks;
      callbacks = [];
      for (const callback of due) callback();
    },
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  };
};

describe('a fair share', () => {
  test('lets one user have a part of the room only, and the next one in at once', async () => {
    const share = byHand();
    for (let i = 0; i < 10; i++) share.ask('greedy');
    share.ask('modest');
    await share.settle();
    assert.deepEqual(share.begun, ['greedy', 'greedy', 'greedy', 'modest']);
  });

  test('serves those who wait in turn, however many one of them has waiting', async () => {
    const share = byHand({ atOnce: 1 });
    for (let i = 0; i < 4; i++) share.ask('a', `a${i}`);
    share.ask('b', 'b0');
    share.ask('c', 'c0');
    share.ask('b', 'b1');
    for (let i = 0; i < 6; i++) {
      await share.settle();
      share.leaves.at(-1)?.();
    }
    await share.settle();
    assert.deepEqual(share.begun, ['a0', 'a1', 'b0', 'c0', 'a2', 'b1', 'a3']);
  });

  test('refuses who has too many waiting, and nobody else for it', () => {
    const share = byHand({ atOnce: 1, waitingPerUser: 2 });
    assert.deepEqual(
      ['a', 'a', 'a', 'a', 'b', 'b', 'b'].map((user) => share.ask(user)),
      [true, true, true, false, true, true, false],
    );
  });

  test('refuses everybody where all lines together are too long', () => {
    const share = byHand({ atOnce: 1, waiting: 3 });
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e'].map((user) => share.ask(user)),
      [true, true, true, true, false],
    );
  });

  test('begins no more in a turn that has lasted long enough, and goes on with the next', async () => {
    const share = byHand({ atOnce: 100, atOncePerUser: 100 });
    share.ask('a', 'first');
    share.pass(11);
    share.ask('a', 'second');
    await share.settle();
    assert.deepEqual(share.begun, ['first']);
    share.turn();
    await share.settle();
    assert.deepEqual(share.begun, ['first', 'second']);
  });

  test('never exceeds its limits, forgets nobody and leaves nothing behind', async () => {
    const step = fc.oneof(fc.record({ ask: fc.constantFrom('a', 'b', 'c') }), fc.constant('leave' as const), fc.constant('turn' as const));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const share = byHand({ atOnce: 3, atOncePerUser: 2, waitingPerUser: 3, waiting: 5 });
        let [accepted, left] = [0, 0];
        for (const each of steps) {
          if (each === 'leave') {
            if (left < share.leaves.length) share.leaves[left++]?.();
          } else if (each === 'turn') share.turn();
          else if (share.ask(each.ask)) accepted++;
          share.pass(3);
          await share.settle();
          assert.ok(share.begun.length - left <= 3);
          const now = share.begun.slice(left);
          for (const user of ['a', 'b', 'c']) assert.ok(now.filter((other) => other === user).length <= 2, user);
        }
        for (let i = 0; i < accepted * 2; i++) {
          share.turn();
          if (left < share.leaves.length) share.leaves[left++]?.();
          await share.settle();
        }
        assert.equal(share.begun.length, accepted);
      }),
      { numRuns: runs(100, 5000) },
    );
  });
});

describe('places', () => {
  test('are bounded over all and for each, and are given back once', () => {
    const all = places(3, 2);
    const first = all.take('a');
    assert.ok(first !== undefined && all.take('a') !== undefined);
    assert.equal(all.take('a'), undefined);
    assert.ok(all.take('b'));
    assert.equal(all.take('b'), undefined);
    first();
    first();
    assert.ok(all.take('b'));
    assert.equal(all.take('c'), undefined);
  });
});
