import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Sink } from './api-request.ts';
import { type EventQueueLimits, eventQueue } from './event-queue.ts';

const limits: EventQueueLimits = { waitingBytes: 1000, stuckMs: 30 };

/** A reader that takes what it is told to take. */
const reader = () => {
  let [received, waiting, writes, state] = ['', 0, 0, 'open'];
  const listeners: { drain: () => void; close: () => void } = { drain: () => undefined, close: () => undefined };
  const sink: Sink = {
    write: (chunk) => {
      received += Buffer.from(chunk).toString();
      waiting += chunk.length;
      writes++;
    },
    waitingBytes: () => waiting,
    onDrain: (listener) => {
      listeners.drain = listener;
    },
    end: () => {
      state = 'ended';
    },
    destroy: () => {
      state = 'cut off';
      listeners.close();
    },
    onClose: (listener) => {
      listeners.close = listener;
    },
  };
  return {
    sink,
    received: () => received,
    writes: () => writes,
    state: () => state,
    take: () => {
      waiting = 0;
      listeners.drain();
    },
    hangUp: () => listeners.close(),
  };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const big = 'x'.repeat(70_000);

describe('the queue of a watcher', () => {
  test('sends what comes in one turn in one piece and in order, and ends after it', async () => {
    const one = reader();
    const queue = eventQueue(one.sink, limits);
    for (const text of ['a', 'b', 'c']) queue.push(() => [text, '\n'], 10);
    queue.end();
    queue.push(() => ['too late'], 1);
    await turn();
    assert.deepEqual([one.received(), one.writes(), one.state()], ['a\nb\nc\n', 1, 'ended']);
  });

  test('makes lines only as they are taken, and what is kept anyway may wait without bound', async () => {
    const one = reader();
    const queue = eventQueue(one.sink, limits);
    let made = 0;
    for (let i = 0; i < 10; i++)
      queue.push(() => {
        made++;
        return [big];
      }, 0);
    await turn();
    assert.deepEqual([made, one.state()], [1, 'open']);
    for (let i = 0; i < 9; i++) one.take();
    assert.deepEqual([made, one.received().length], [10, 700_000]);
  });

  test('cuts off who lets too much wait, and makes nothing any more', async () => {
    const one = reader();
    const queue = eventQueue(one.sink, limits);
    queue.push(() => [big], 0);
    await turn();
    for (let i = 0; i < 3; i++)
      queue.push(() => {
        assert.fail('nobody reads it');
      }, 400);
    assert.equal(one.state(), 'cut off');
    one.take();
    await turn();
  });

  test('cuts off who takes nothing while something waits, and nobody for whom nothing waits', async () => {
    const [stuck, idle, slow] = [reader(), reader(), reader()];
    for (const [one, lines] of [
      [stuck, 2],
      [idle, 1],
      [slow, 6],
    ] as const) {
      const queue = eventQueue(one.sink, limits);
      for (let i = 0; i < lines; i++) queue.push(() => [big], 1);
    }
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      slow.take();
    }
    assert.deepEqual([stuck.state(), idle.state(), slow.state()], ['cut off', 'open', 'open']);
    slow.hangUp();
  });
});
