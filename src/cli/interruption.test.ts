import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OnFileStep } from '../base/atomic-file.ts';
import { Interrupted, interruption } from './interruption.ts';

const step = { kind: 'write', path: '/x' } as const;

/** An interruption that records when it would have ended the process. */
const recorded = () => {
  const ends: number[] = [];
  return { ends, ...interruption((exitCode) => ends.push(exitCode)) };
};

test('a signal outside of writing ends the process at once', () => {
  const { ends, signal } = recorded();
  signal(130);
  assert.deepEqual(ends, [130]);
});

test('a signal while files are written refuses the next change, and the process ends once that is cleaned up', async () => {
  const { ends, signal, writing } = recorded();
  const done: string[] = [];
  const work = async (onStep: OnFileStep): Promise<void> => {
    onStep(step);
    done.push('first');
    signal(130);
    assert.deepEqual(ends, [], 'it does not end in the middle');
    try {
      onStep(step);
      done.push('second');
    } finally {
      done.push('cleaned up');
      assert.deepEqual(ends, []);
    }
  };
  await assert.rejects(writing(work), (error) => error instanceof Interrupted && error.exitCode === 130);
  assert.deepEqual(done, ['first', 'cleaned up']);
  assert.deepEqual(ends, [130]);
});

test('a signal after the last change lets the work finish and begins nothing more', async () => {
  const { ends, signal, writing } = recorded();
  assert.equal(
    await writing(async (onStep) => {
      onStep(step);
      signal(143);
      return 'written';
    }),
    'written',
  );
  assert.deepEqual(ends, [143]);
});

test('a second signal ends the process at once', async () => {
  const { ends, signal, writing } = recorded();
  await writing(async () => {
    signal(130);
    assert.deepEqual(ends, []);
    signal(130);
    assert.deepEqual(ends, [130]);
  });
});
