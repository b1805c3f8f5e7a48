// The parts of the bench that decide: what OpenSSL printed, when a ratio is met, and what is written into the pages. The measuring itself
// is run by hand.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Comparison, isMet, median, milliseconds, perSecond } from '../../bench/comparison.ts';
import { issuanceLimit, parseSpeed } from '../../bench/openssl-speed.ts';
import { markdownTable, type Report, reportJson, reportMarkdown, reportText, withReport } from '../../bench/report.ts';
import { root } from '../../scripts/repository.ts';

const comparison = (ratio: number, kind: 'at-least' | 'at-most', figure: number): Comparison => ({
  name: 'one thing',
  measured: perSecond(ratio * 1000),
  against: 'a | b, 1,000/s',
  ratio,
  required: { kind, figure },
});

const reportOf = (...comparisons: readonly Comparison[]): Report => ({
  machine: ['2 cores', 'Node 24'],
  takenAt: new Date('2026-11-23T12:00:00Z'),
  topics: [{ title: 'topic', notes: ['said so'], comparisons }],
});

describe('the bench', () => {
  test('reads the rates of openssl speed, of one process and of several', () => {
    const ecdsa =
      '                              sign    verify    sign/s verify/s\n 256 bits ecdsa (nistp256)   0.0000s   0.0001s  46904.4  15655.9\n';
    assert.deepEqual(parseSpeed(ecdsa, 'ecdsap256'), { sign: 46904.4, verify: 15655.9 });
    const rsa = '                  sign    verify    sign/s verify/s\nrsa  2048 bits 0.000259s 0.000018s   3862.6  54852.0\n';
    assert.deepEqual(parseSpeed(rsa, 'rsa2048'), { sign: 3862.6, verify: 54852 });
    assert.throws(() => parseSpeed(ecdsa, 'rsa2048'), /printed no rates/);
    assert.throws(() => parseSpeed('', 'ecdsap256'), /printed no rates/);
  });

  test('takes the time of one verification and one signature for the limit', () => {
    assert.equal(issuanceLimit({ sign: 1, verify: 20_000 }, { sign: 20_000, verify: 1 }), 10_000);
  });

  test('takes the value in the middle', () => {
    assert.equal(median([3, 100, 1]), 3);
    assert.equal(median([4, 1, 2, 100]), 3);
    assert.throws(() => median([]), /no median/);
  });

  test('meets a lower bound from it on, an upper bound up to it, and nothing without a figure', () => {
    assert.equal(isMet(comparison(0.45, 'at-least', 0.45)), true);
    assert.equal(isMet(comparison(0.4499, 'at-least', 0.45)), false);
    assert.equal(isMet(comparison(1.3, 'at-most', 1.3)), true);
    assert.equal(isMet(comparison(1.31, 'at-most', 1.3)), false);
    assert.equal(isMet(comparison(Number.NaN, 'at-least', 0)), false);
    assert.equal(isMet(comparison(Number.POSITIVE_INFINITY, 'at-least', 1)), false);
  });

  test('shows rates and times with their units', () => {
    assert.equal(perSecond(12_345.6), '12,346/s');
    assert.equal(perSecond(18.77), '18.8/s');
    assert.equal(milliseconds(27.34), '27.3 ms');
  });

  test('shows every comparison with what is required, and a miss in capitals', () => {
    const report = reportOf(comparison(12.34, 'at-least', 10), comparison(1.5, 'at-most', 1.3));
    assert.match(reportText(report), /^one thing {2}12,340\/s {2}a \| b, 1,000\/s {2}12\.3 {3}≥ 10 {6}yes$/m);
    assert.match(reportText(report), /^one thing .* 1\.50 {3}≤ 1\.3 {5}NO$/m);
    assert.match(markdownTable(report), /^\| one thing \| 12,340\/s \| a \\\| b, 1,000\/s \| 12\.3 \| ≥ 10 \| yes \|$/m);
    assert.match(reportMarkdown(report), /- said so\n\nTaken on 2026-11-23 with:\n- 2 cores\n- Node 24$/);
    const [topic] = (reportJson(report) as { topics: readonly { comparisons: readonly { met: boolean }[] }[] }).topics;
    assert.deepEqual(
      topic?.comparisons.map(({ met }) => met),
      [true, false],
    );
  });

  test('replaces what stands between the markers of the pages that show it, and nothing else', () => {
    for (const page of ['README.md', 'docs/benchmarks.md']) {
      const text = readFileSync(join(root, page), 'utf8');
      const once = withReport(text, '| first |') ?? '';
      assert.ok(once.includes('\n| first |\n<!-- bench:end -->'), page);
      assert.equal(withReport(once, '| second |')?.replace('| second |', '| first |'), once);
    }
    assert.equal(withReport('a page without markers', '| first |'), undefined);
  });
});
