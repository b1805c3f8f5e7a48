import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { CodedError } from './coded-error.ts';
import { durationMs, parseDurationMs, shortDuration } from './duration.ts';

const hourMs = 3_600_000;

describe('durations', () => {
  test('Go durations and days are read', () => {
    const table: readonly (readonly [string, number])[] = [
      ['0', 0],
      ['0s', 0],
      ['500ms', 500],
      ['90m', 1.5 * hourMs],
      ['1h30m', 1.5 * hourMs],
      ['1.5h', 1.5 * hourMs],
      ['17520h', 17_520 * hourMs],
      ['45d', 45 * 24 * hourMs],
      ['1d12h', 36 * hourMs],
      ['0.001s', 1],
      ['1.4ms', 1],
    ];
    for (const [text, expected] of table) assert.equal(parseDurationMs(text), expected, text);
  });

  test('everything else is refused, negative and unit-less numbers included', () => {
    for (const text of [
      '',
      '1',
      '-1h',
      '+1h',
      'h',
      '1 h',
      ' 1h',
      '1h ',
      '1H',
      '1w',
      '1y',
      '1us',
      '.5h',
      '1.h',
      '1e3s',
      '١h',
      '1h30',
      `${'1h'.repeat(33)}`,
      '9999999999h',
    ])
      assert.equal(parseDurationMs(text), undefined, JSON.stringify(text));
  });

  test('a refusal names the field and quotes the text', () => {
    assert.throws(
      () => durationMs('1"h', 'expiry'),
      (error: unknown) =>
        error instanceof CodedError &&
        error.code === 'DurationInvalid' &&
        error.message === 'cannot read expiry: "1\\"h" is not a duration' &&
        error.hint !== undefined,
    );
    assert.equal(durationMs('2h', 'expiry'), 2 * hourMs);
  });

  test('ages are printed in one unit, as Kubernetes and kubeadm do', () => {
    const table: readonly (readonly [number, string])[] = [
      [-1, '<invalid>'],
      [0, '0s'],
      [59_999, '59s'],
      [60_000, '1m'],
      [hourMs - 1, '59m'],
      [hourMs, '1h'],
      [24 * hourMs - 1, '23h'],
      [24 * hourMs, '1d'],
      [729 * 24 * hourMs, '729d'],
      [730 * 24 * hourMs, '2y'],
      [3650 * 24 * hourMs, '10y'],
    ];
    for (const [ms, expected] of table) assert.equal(shortDuration(ms), expected);
  });

  test('whole amounts of every unit add up', () => {
    const amount = fc.nat(10_000);
    fc.assert(
      fc.property(amount, amount, amount, amount, (days, hours, minutes, seconds) => {
        assert.equal(
          parseDurationMs(`${days}d${hours}h${minutes}m${seconds}s`),
          (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000,
        );
      }),
      { numRuns: runs(100, 10_000) },
    );
  });

  test('any text gives a whole number of milliseconds, not negative, or nothing', () => {
    const near = fc.array(fc.constantFrom('1', '9', '0', '.', 'h', 'm', 's', 'ms', 'd', '-', ' '), { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          near.map((parts) => parts.join('')),
        ),
        (text) => {
          const parsed = parseDurationMs(text);
          assert.ok(parsed === undefined || (Number.isSafeInteger(parsed) && parsed >= 0));
        },
      ),
      { numRuns: runs(500, 200_000) },
    );
  });
});
