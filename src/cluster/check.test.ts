import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { exportPrivateKey, generatePrivateKey, importPrivateKey } from '../pki/private-key.ts';
import { randomOctets } from '../testing/authority-files.ts';
import { changedPaths, smallManifest, smallRequest, snapshot, testTime } from '../testing/cluster-fixture.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { type CheckRow, type ClusterCheck, checkCluster } from './check.ts';
import { generateCluster } from './generate.ts';
import type { Layout } from './plan.ts';
import { pendingFileOf } from './replacement.ts';
import { revoke } from './revocation.ts';

const day = 86_400_000;
const layouts: readonly Layout[] = ['kismatic', 'kubeadm'];
const check = (directory: string, layout: Layout, at = testTime, manifest = smallManifest(layout)): ClusterCheck =>
  checkCluster({ manifest, directory, at, warningWindowMs: 45 * day });
const rowsOf = ({ certificates, authorities, files }: ClusterCheck): readonly CheckRow[] => [...certificates, ...authorities, ...files];
const wrong = (found: ClusterCheck): readonly string[] =>
  rowsOf(found)
    .filter(({ status }) => status !== 'ok')
    .map(({ id, status, differences }) => `${id} ${status}${differences.map(({ message }) => `: ${message}`).join('')}`);

describe('checking a directory', () => {
  for (const layout of layouts) {
    test(`of layout ${layout} just made finds all right, a row for each certificate and CA, and changes nothing`, async (t) => {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      const before = snapshot(directory);
      const found = check(directory, layout);
      const { certificates, authorities } = smallManifest(layout);
      assert.deepEqual(wrong(found), []);
      assert.equal(found.verdict, 'ok');
      assert.deepEqual(
        found.certificates.map(({ id }) => id),
        certificates.map(({ id }) => id),
      );
      assert.equal(found.authorities.length, authorities.length);
      assert.deepEqual(found.files, []);
      for (const row of rowsOf(found)) {
        assert.equal(row.isExternallyManaged, false);
        assert.equal(row.residualMs, (row.expires?.getTime() ?? 0) - testTime.getTime());
      }
      assert.deepEqual(changedPaths(before, snapshot(directory)), []);
    });

    test(`of layout ${layout} that is not there finds everything missing`, (t) => {
      const found = check(join(temporaryDirectory(t), 'none'), layout);
      assert.equal(found.verdict, 'broken');
      assert.deepEqual([...new Set(rowsOf(found).map(({ status }) => status))], ['missing']);
    });
  }

  test('tells what ends within the window, at its edge too, and what is past', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const end = check(directory, 'kismatic').certificates[0]?.expires?.getTime() ?? 0;
    const statuses = (at: number) => [...new Set(check(directory, 'kismatic', new Date(at)).certificates.map(({ status }) => status))];
    assert.deepEqual(statuses(end - 45 * day - 1), ['ok']);
    assert.deepEqual(statuses(end - 45 * day), ['expiring']);
    assert.deepEqual(statuses(end), ['expiring']);
    assert.deepEqual(statuses(end + 1), ['expired']);
    assert.equal(check(directory, 'kismatic', new Date(end - 45 * day)).verdict, 'attention');
    assert.equal(check(directory, 'kismatic', new Date(end + 1)).verdict, 'broken');
  });

  test('tells drift from the plan without calling it broken', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const manifest = smallManifest('kismatic', (certificate) =>
      certificate.id === 'admin' ? { ...certificate, subject: { commonName: 'admin', organizations: ['dev'] } } : certificate,
    );
    const found = check(directory, 'kismatic', testTime, manifest);
    assert.deepEqual(wrong(found), ['admin differs: organizations are "system:masters", expected "dev"']);
    assert.equal(found.verdict, 'attention');
  });

  test('finds every kind of damage in its own row and goes on with the others', async (t) => {
    const cases: readonly (readonly [Layout, (at: (file: string) => string) => unknown, RegExp, ClusterCheck['verdict']])[] = [
      ['kismatic', (at) => chmodSync(at('keys/admin-key.pem'), 0o640), /^admin differs: .*mode 0640/, 'attention'],
      ['kismatic', (at) => chmodSync(at('keys/ca-key.pem'), 0o640), /^cluster CA differs: .*mode 0640/, 'attention'],
      ['kismatic', (at) => chmodSync(at('kubeconfig'), 0o644), /^kubeconfig differs: .*mode 0644/, 'attention'],
      ['kubeadm', (at) => chmodSync(at('master1/pki/sa.key'), 0o644), /^master1\/pki\/sa.key mode differs: .*mode 0644/, 'attention'],
      ['kubeadm', (at) => chmodSync(at('master1/admin.conf'), 0o644), /^master1\/admin.conf differs: .*mode 0644/, 'attention'],
      ['kismatic', (at) => rmSync(at('keys/admin.pem')), /^admin missing/, 'broken'],
      ['kismatic', (at) => rmSync(at('keys/admin-key.pem')), /^admin broken: its key is missing/, 'broken'],
      ['kismatic', (at) => writeFileSync(at('keys/admin.pem'), 'x'), /^admin broken: cannot read/, 'broken'],
      ['kismatic', (at) => rmSync(at('kubeconfig')), /^kubeconfig missing/, 'broken'],
      ['kubeadm', (at) => rmSync(at('worker1/kubelet.conf')), /^worker1\/kubelet.conf missing/, 'broken'],
      ['kubeadm', (at) => writeFileSync(at('worker1/kubelet.conf'), '{'), /^worker1\/kubelet.conf broken: cannot read/, 'broken'],
      ['kubeadm', (at) => rmSync(at('worker1/pki/ca.crt')), /^worker1\/pki\/ca.crt missing/, 'broken'],
      [
        'kubeadm',
        (at) => writeFileSync(at('worker1/pki/ca.crt'), readFileSync(at('pki/etcd/ca.crt'))),
        /^worker1\/pki\/ca.crt broken/,
        'broken',
      ],
      ['kubeadm', (at) => rmSync(at('pki/sa.pub')), /^pki\/sa.pub missing/, 'broken'],
      [
        'kismatic',
        (at) => renameSync(at('keys/kube-scheduler-key.pem'), at('keys/ca-key.pem')),
        /^cluster CA broken: the key beside it is not its own/m,
        'broken',
      ],
      [
        'kismatic',
        (at) => appendFileSync(at('keys/ca.pem'), readFileSync(at('keys/proxy-client-ca.pem'))),
        /^cluster CA broken: it holds 2 certificates/,
        'broken',
      ],
      ['kismatic', (at) => writeFileSync(at('keys/ca.ledger.jsonl'), 'x\n'), /^cluster CA broken: cannot read ledger/, 'broken'],
      [
        'kismatic',
        (at) => writeFileSync(at('keys/proxy-client-ca.pem'), readFileSync(at('keys/ca.pem'))),
        /^proxy-client broken: it is issued by .*\n?/m,
        'broken',
      ],
    ];
    for (const [layout, harm, expected, verdict] of cases) {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      harm((file) => join(directory, file));
      const found = check(directory, layout);
      assert.match(wrong(found).join('\n'), expected);
      assert.equal(found.verdict, verdict, String(expected));
    }
  });

  test('without a CA still tells when its leaves end', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    rmSync(join(directory, 'keys/ca.pem'));
    const found = check(directory, 'kismatic');
    assert.deepEqual(wrong(found), ['cluster CA missing: it is missing']);
    assert.ok(found.certificates.every(({ expires }) => expires !== undefined));
  });

  test('counts a CA whose key is elsewhere as managed by others, and one whose key is encrypted as right', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const keyFile = join(directory, 'keys/ca-key.pem');
    const key = importPrivateKey(readFileSync(keyFile));
    writeFileSync(keyFile, exportPrivateKey(key, { passphrase: { text: 'one', random: randomOctets } }));
    const encrypted = check(directory, 'kismatic');
    assert.equal(encrypted.verdict, 'ok');
    assert.match(encrypted.authorities[0]?.notes.join() ?? '', /encrypted/);
    rmSync(keyFile);
    const external = check(directory, 'kismatic');
    assert.equal(external.verdict, 'ok');
    assert.deepEqual(
      external.certificates.filter(({ isExternallyManaged }) => !isExternallyManaged).map(({ id }) => id),
      ['proxy-client'],
    );
    assert.equal(external.authorities[0]?.isExternallyManaged, true);
  });

  test('finds a certificate that was revoked and is still in use', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    await revoke(join(directory, 'keys/ca.ledger.jsonl'), { target: { name: 'admin' }, reason: 'keyCompromise', at: testTime, by: 'a@b' });
    assert.deepEqual(wrong(check(directory, 'kismatic')), ['admin broken: it was revoked']);
  });

  test('tells of a replacement that was not finished', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    writeFileSync(pendingFileOf(join(directory, 'keys/admin-key.pem')), exportPrivateKey(await generatePrivateKey('ecdsa-p256')));
    const found = check(directory, 'kismatic');
    assert.equal(found.verdict, 'attention');
    assert.match(found.notes.join(), /killed/);
  });
});
