import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isCodedError } from '../base/coded-error.ts';
import { certificatePem } from '../pki/x509-certificate.ts';
import { testAuthority, writeAuthority } from '../testing/authority-files.ts';
import { smallManifest, smallRequest, testTime } from '../testing/cluster-fixture.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { generateCluster } from './generate.ts';
import { bundleNode } from './node-bundle.ts';
import type { Layout } from './plan.ts';
import { type ArchiveEntry, tarGzip } from './tar-archive.ts';

const bundle = (directory: string, layout: Layout, host: string, caKeys = false) =>
  bundleNode({ manifest: smallManifest(layout), directory, host, caKeys, at: testTime });

const unpack = (archive: Uint8Array, directory: string): readonly string[] => {
  const tar = spawnSync('tar', ['-xzpf', '-', '-C', directory], { input: archive });
  assert.equal(tar.status, 0, tar.stderr.toString());
  assert.equal(tar.stderr.toString(), '');
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
};

const expected: Readonly<Record<Layout, Readonly<Record<string, readonly string[]>>>> = {
  kismatic: {
    etcd1: ['pki/ca.pem', 'pki/etcd1-etcd-key.pem', 'pki/etcd1-etcd.pem'],
    worker1: ['pki/ca.pem', 'pki/etcd-client-key.pem', 'pki/etcd-client.pem', 'pki/worker1-kubelet-key.pem', 'pki/worker1-kubelet.pem'],
  },
  kubeadm: {
    etcd1: [
      'pki/etcd/ca.crt',
      'pki/etcd/healthcheck-client.crt',
      'pki/etcd/healthcheck-client.key',
      'pki/etcd/peer.crt',
      'pki/etcd/peer.key',
      'pki/etcd/server.crt',
      'pki/etcd/server.key',
    ],
    worker1: ['kubelet.conf', 'pki/ca.crt'],
  },
};

for (const layout of ['kismatic', 'kubeadm'] as const)
  describe(`the bundle of a machine, layout ${layout}`, () => {
    test('unpacks to exactly what the machine needs, modes and bytes kept', async (t) => {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      for (const [host, files] of Object.entries(expected[layout])) {
        const target = temporaryDirectory(t);
        const { archive, entries } = bundle(directory, layout, host);
        assert.deepEqual(
          unpack(archive, target).filter((name) => statSync(join(target, name)).isFile()),
          files,
        );
        for (const { name, content, mode } of entries) {
          assert.deepEqual(new Uint8Array(readFileSync(join(target, name))), new Uint8Array(content));
          assert.equal(statSync(join(target, name)).mode & 0o777, mode);
          assert.equal(mode, /PRIVATE KEY|client-key-data/.test(Buffer.from(content).toString()) ? 0o600 : 0o644, name);
        }
        assert.equal(statSync(join(target, 'pki')).mode & 0o777, 0o700);
      }
    });

    test('gives the same bytes again', async (t) => {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      assert.deepEqual(bundle(directory, layout, 'MASTER1').archive, bundle(directory, layout, 'master1').archive);
    });

    test('never holds the key of a CA unless that is asked for a master', async (t) => {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      const manifest = smallManifest(layout);
      const keys = manifest.authorities.map(({ keyFile }) => readFileSync(join(directory, keyFile), 'utf8'));
      const holds = (host: string, caKeys: boolean) =>
        keys.filter((key) => bundle(directory, layout, host, caKeys).entries.some(({ content }) => Buffer.from(content).toString() === key))
          .length;
      for (const { host } of manifest.machines) assert.equal(holds(host, false), 0, host);
      assert.equal(holds('worker1', true), 0);
      assert.match(bundle(directory, layout, 'worker1', true).notes.join(), /not a master/);
      assert.equal(holds('master1', true), keys.length);
      const names = bundle(directory, layout, 'master1', true).entries.map(({ name }) => name);
      for (const name of layout === 'kubeadm' ? ['pki/ca.key', 'pki/etcd/ca.key', 'pki/front-proxy-ca.key'] : ['pki/ca-key.pem'])
        assert.ok(names.includes(name), name);
    });

    test('holds no key that was laid into the file of a certificate', async (t) => {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      const { authorities, machines } = smallManifest(layout);
      const caKeys = authorities.map(({ keyFile }) => readFileSync(join(directory, keyFile), 'utf8'));
      const worker = machines.find(({ host }) => host === 'worker1');
      for (const file of worker?.files ?? [])
        if (/\.(?:pem|crt)$/.test(file) && !file.endsWith('-key.pem')) appendFileSync(join(directory, file), caKeys.join(''));
      let packed: readonly ArchiveEntry[] = [];
      try {
        packed = bundle(directory, layout, 'worker1').entries;
      } catch (error) {
        assert.ok(isCodedError(error));
      }
      for (const { name, content } of packed) for (const key of caKeys) assert.ok(!Buffer.from(content).toString().includes(key), name);
    });

    test('is refused with every file that is missing or broken, those of other machines aside', async (t) => {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      const file = layout === 'kismatic' ? 'keys/worker1-kubelet.pem' : 'worker1/kubelet.conf';
      rmSync(join(directory, file));
      assert.throws(
        () => bundle(directory, layout, 'worker1'),
        (error) => isCodedError(error) && error.code === 'DriftFound' && error.message.includes(file),
      );
      bundle(directory, layout, 'etcd1');
      assert.throws(
        () => bundle(directory, layout, 'nobody'),
        (error) => isCodedError(error) && error.code === 'NodeUnknown',
      );
    });

    test('holds what verifies servers where a root above the CA was given', async (t) => {
      const directory = temporaryDirectory(t);
      const parent = await testAuthority('root', testTime);
      const request = smallRequest(directory, layout, { trustRootFile: join(temporaryDirectory(t), 'root.pem') });
      writeFileSync(request.trustRootFile ?? '', certificatePem(parent.certificate));
      await generateCluster(smallRequest(directory, layout));
      const [planned] = request.manifest.authorities;
      assert.ok(planned !== undefined);
      const given = await testAuthority('intermediate', testTime, { parent });
      writeAuthority(directory, given, { certificate: planned.certificateFile, key: planned.keyFile });
      await generateCluster({ ...request, overwrite: true });
      const names = bundle(directory, layout, 'worker1').entries.map(({ name }) => name);
      assert.ok(names.includes(layout === 'kismatic' ? 'pki/server-trust.pem' : 'pki/server-trust.crt'), names.join());
    });
  });

describe('an archive', () => {
  test('holds names of any length, and tar reads them', (t) => {
    const target = temporaryDirectory(t);
    const names = [`${'a'.repeat(99)}`, `${'b'.repeat(100)}`, `${'c'.repeat(101)}`, `d/${'e'.repeat(200)}/${'ü'.repeat(80)}`];
    const archive = tarGzip(
      names.map((name, i) => ({ name, mode: 0o600, content: Buffer.alloc(i * 511, 'x') })),
      testTime,
    );
    const found = unpack(archive, target).filter((name) => statSync(join(target, name)).isFile());
    assert.deepEqual(found, [...names].sort());
    for (const [i, name] of names.entries()) assert.equal(statSync(join(target, name)).size, i * 511);
    assert.equal(statSync(join(target, names[0] ?? '')).mtime.getTime(), Math.floor(testTime.getTime() / 1000) * 1000);
  });
});
