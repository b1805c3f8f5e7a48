import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBoundedMap } from './bounded-map.ts';

test('a bounded map forgets what was longest not asked for', () => {
  const map = createBoundedMap<string, number | undefined>(2);
  assert.equal(
    map.provide('a', () => 1),
    1,
  );
  map.provide('b', () => undefined);
  assert.equal(
    map.provide('a', () => 2),
    1,
  );
  map.provide('c', () => 3);
  assert.deepEqual([map.has('a'), map.has('b'), map.has('c'), map.size], [true, false, true, 2]);
  map.provide('d', () => undefined);
  assert.equal(
    map.provide('d', () => 4),
    undefined,
    'made once, whatever it is',
  );
});
