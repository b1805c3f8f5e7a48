import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAuthorityEnding, isRenewalDue } from './renewal-time.ts';

const day = 86_400_000;
const at = (days: number): Date => new Date(Date.UTC(2030, 0, 1) + days * day);
const valid = (from: number, to: number) => ({ notBefore: at(from), notAfter: at(to) });

test('a leaf is due once its last third begins, and long after', () => {
  const authority = valid(0, 3650);
  const due = (day: number): boolean => isRenewalDue(valid(0, 300), authority, 300 * 86_400_000, at(day));
  assert.deepEqual([199.9, 200, 299, 301].map(due), [false, true, true, true]);
});

test('a leaf that ends with its CA is left alone, one that could live longer is not', () => {
  const due = (to: number): boolean => isRenewalDue(valid(0, to), valid(0, 1000), 365 * day, at(990));
  assert.deepEqual([1000, 999.5, 995].map(due), [false, false, true]);
});

test('the end of a CA is told from the day on which leaves would outlive it', () => {
  const ending = (day: number): boolean => isAuthorityEnding(valid(0, 1000), 100 * 86_400_000, at(day));
  assert.deepEqual([0, 900, 900.1, 1001].map(ending), [false, false, true, true]);
});
