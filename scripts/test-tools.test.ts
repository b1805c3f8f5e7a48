import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { toolsAskedFor, withServicesDenied } from './test-tools.ts';

describe('the tools that suites ask for', () => {
  test('are read from calls, over several lines too, with the suites that ask', () => {
    const asked = toolsAskedFor(
      new Map([
        ['test/e2e/a.test.ts', "describe('x', needs('etcd', 'etcdctl'), () => {});"],
        ['test/e2e/b.test.ts', "describe('x', needs(\n  'etcd',\n  'openssl-3.5',\n), () => { requireTool('keytool'); });"],
      ]),
    );
    assert.deepEqual(Object.fromEntries(asked), {
      etcd: ['test/e2e/a.test.ts', 'test/e2e/b.test.ts'],
      etcdctl: ['test/e2e/a.test.ts'],
      keytool: ['test/e2e/b.test.ts'],
      'openssl-3.5': ['test/e2e/b.test.ts'],
    });
  });

  test('are not read from mere mentions', () => {
    assert.equal(toolsAskedFor(new Map([['a.test.ts', "test('etcd starts', () => { const go = 'go'; });"]])).size, 0);
  });
});

describe('services while packages are installed', () => {
  let folder = '';
  let policy = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'certwright-policy-'));
    policy = join(folder, 'policy-rc.d');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const answer = () => spawnSync(policy, ['etcd', 'start']).status;

  test('are denied, and the policy is gone afterwards where there was none', () => {
    assert.equal(
      withServicesDenied(() => answer(), policy),
      101,
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  test('are denied, and the policy that stood there is back afterwards, also when the work throws', () => {
    const before = '#!/bin/sh\nexit 0\n';
    writeFileSync(policy, before, { mode: 0o755 });
    assert.throws(
      () =>
        withServicesDenied(() => {
          assert.equal(answer(), 101);
          throw new Error('install failed');
        }, policy),
      /install failed/,
    );
    assert.equal(readFileSync(policy, 'utf8'), before);
    assert.deepEqual(readdirSync(folder), ['policy-rc.d']);
  });

  test('leave a policy alone that denies already', () => {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n# the container’s own\n', { mode: 0o755 });
    withServicesDenied(() => assert.match(readFileSync(policy, 'utf8'), /own/), policy);
    assert.ok(existsSync(policy));
  });
});
