import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs, seed } from '../testing/runs.ts';
import { parsePlan } from './plan-file.ts';
import { planTemplate } from './plan-template.ts';

const template = { name: 'kubernetes', etcd: 3, masters: 3, workers: 3 };

describe('the plan that init writes', () => {
  test('is valid as it stands, without a warning, whatever name and counts it is made for', () => {
    const count = fc.integer({ min: 1, max: 400 });
    const name = fc.oneof(
      fc.constantFrom('yes', 'null', '1', '1e3', 'a: b', '# x', '"', "'", '\\', '- a', '0x1', 'Übung', '*a', '~', '<<'),
      fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text.trim() === text),
    );
    fc.assert(
      fc.property(fc.record({ name, etcd: count, masters: count, workers: count }), (wanted) => {
        const plan = parsePlan(planTemplate(wanted), 'plan.yaml');
        assert.equal(plan.clusterName, wanted.name);
        assert.equal(plan.machines.length, wanted.etcd + wanted.masters + wanted.workers);
        assert.deepEqual(plan.warnings, []);
      }),
      { seed, numRuns: runs(30, 500) },
    );
  });

  test('holds the largest cluster it may', () => {
    const plan = parsePlan(planTemplate({ ...template, workers: 10_000 }), 'plan.yaml');
    assert.equal(plan.machines.length, 10_006);
  });

  test('shows every key of ours with the value it has without it', () => {
    const text = planTemplate(template);
    for (const key of [
      'key_algorithm: ecdsa-p256',
      'layout: kismatic',
      'cluster_domain: cluster.local',
      'second_service_cidr_block:',
      'extra_sans:',
    ])
      assert.ok(text.includes(key), key);
    const { layout, keyAlgorithm, clusterDomain } = parsePlan(text.replace(/ {2}certwright:\n(?: {4}.*\n)*/, ''), 'plan.yaml');
    assert.deepEqual([layout, keyAlgorithm, clusterDomain], ['kismatic', 'ecdsa-p256', 'cluster.local']);
  });

  test('uses addresses of documentation only', () => {
    const addresses = [...planTemplate(template).matchAll(/ ip: (.*)/g)].map((match) => match[1] ?? '');
    assert.equal(addresses.length, 9);
    for (const address of addresses) assert.match(address, /^192\.0\.2\.\d+$/);
  });

  for (const [what, wanted] of [
    ['no name', { ...template, name: '' }],
    ['a name of two lines', { ...template, name: 'a\nb' }],
    ['a name beyond a common name', { ...template, name: 'x'.repeat(65) }],
    ['no etcd', { ...template, etcd: 0 }],
    ['half a master', { ...template, masters: 1.5 }],
    ['more workers than a plan should have', { ...template, workers: 10_001 }],
  ] as const)
    test(`is not written for ${what}`, () => {
      assert.throws(() => planTemplate(wanted), { code: 'UsageInvalid' });
    });
});
