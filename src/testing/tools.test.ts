import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { needs, requireTool, tool } from './tools.ts';

const variables = ['PATH', 'KUBEBUILDER_ASSETS', 'CERTWRIGHT_TOOL_ETCD', 'CERTWRIGHT_TOOL_OPENSSL_3_5'] as const;

describe('the programs that suites run', () => {
  let folder = '';
  const before = new Map<string, string | undefined>();
  const place = (name: string): string => {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '');
    chmodSync(path, 0o755);
    return path;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'certwright-tools-'));
    for (const name of variables) {
      before.set(name, process.env[name]);
      delete process.env[name];
    }
    process.env['PATH'] = join(folder, 'path');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });

  test('are found by name of a variable, then in KUBEBUILDER_ASSETS, then on the PATH', () => {
    const onPath = place('path/etcd');
    assert.equal(tool('etcd'), onPath);
    const inAssets = place('assets/etcd');
    process.env['KUBEBUILDER_ASSETS'] = join(folder, 'assets');
    assert.equal(tool('etcd'), inAssets);
    process.env['CERTWRIGHT_TOOL_ETCD'] = '/opt/etcd';
    assert.equal(tool('etcd'), '/opt/etcd');
    process.env['CERTWRIGHT_TOOL_OPENSSL_3_5'] = '/opt/openssl';
    assert.equal(tool('openssl-3.5'), '/opt/openssl');
  });

  test('are not found where a file of that name cannot be executed', () => {
    chmodSync(place('path/cfssl'), 0o644);
    assert.equal(tool('cfssl'), undefined);
  });

  test('skip a suite that misses one, with a reason naming what to install', () => {
    assert.deepEqual(needs('cfssl', 'kube-apiserver'), {
      skip: 'cfssl is missing (apt-get install golang-cfssl); kube-apiserver is missing (set KUBEBUILDER_ASSETS to the folder that `setup-envtest use -p path` prints)',
    });
    assert.throws(() => requireTool('cfssl'), /cannot run "cfssl": cfssl is missing/);
    const path = place('path/cfssl');
    assert.deepEqual(needs('cfssl'), { skip: false });
    assert.equal(requireTool('cfssl'), path);
  });
});
