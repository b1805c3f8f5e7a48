import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isCodedError } from '../base/coded-error.ts';
import { importPrivateKey, keyBelongsTo } from '../pki/private-key.ts';
import { certificateKey, parseFirstCertificate } from '../pki/x509-certificate.ts';
import { changedPaths, smallManifest, smallRequest, snapshot, testTime } from '../testing/cluster-fixture.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { checkCluster } from './check.ts';
import { generateCluster } from './generate.ts';
import type { Layout } from './plan.ts';
import { planRenewal, renewCluster } from './renew.ts';

const later = new Date(testTime.getTime() + 200 * 86_400_000);
const stamp = '20270611T054321Z';
const layouts: readonly Layout[] = ['kismatic', 'kubeadm'];
const coded =
  (code: string, ...words: readonly string[]) =>
  (error: unknown): boolean =>
    isCodedError(error) && error.code === code && words.every((word) => error.message.includes(word));
const request = (directory: string, layout: Layout, names: readonly string[]) => ({
  ...smallRequest(directory, layout, { at: later }),
  names,
});
const verdict = (directory: string, layout: Layout) =>
  checkCluster({ manifest: smallManifest(layout), directory, at: later, warningWindowMs: 45 * 86_400_000 });

describe('renewing', () => {
  test('by name makes a new key and certificate for it alone, keeps the old ones aside and says what to restart', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const before = snapshot(directory);
    const { certificates, restarts, backups } = await renewCluster(request(directory, 'kismatic', ['master1-apiserver']));
    const pair = ['keys/master1-apiserver-key.pem', 'keys/master1-apiserver.pem'];
    assert.deepEqual(
      changedPaths(before, snapshot(directory)),
      ['keys/ca.ledger.jsonl', ...pair, ...pair.map((file) => `${file}.bak-${stamp}`)].sort(),
    );
    assert.equal(backups.length, 2);
    assert.deepEqual(restarts, [{ host: 'master1', components: ['kube-apiserver'] }]);
    assert.deepEqual(
      certificates.map(({ id, result, keepsKey }) => ({ id, result, keepsKey })),
      [{ id: 'master1-apiserver', result: 'renewed', keepsKey: false }],
    );
    const leaf = parseFirstCertificate(readFileSync(join(directory, 'keys/master1-apiserver.pem')));
    assert.ok(keyBelongsTo(importPrivateKey(readFileSync(join(directory, 'keys/master1-apiserver-key.pem'))), certificateKey(leaf)));
    assert.ok(leaf.notAfter > (certificates[0]?.previousEnd ?? later));
  });

  for (const layout of layouts)
    test(`all of layout ${layout} leaves nothing to find, and CAs and the keys of tokens to the byte`, async (t) => {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      const before = snapshot(directory);
      const { certificates } = await renewCluster(request(directory, layout, ['all']));
      assert.equal(certificates.length, smallManifest(layout).certificates.length);
      assert.equal(verdict(directory, layout).verdict, 'ok');
      const after = snapshot(directory);
      const kept = [...before.keys()].filter((path) =>
        /(?:^|\/)(?:ca|proxy-client-ca|front-proxy-ca)(?:-key)?\.(?:pem|crt|key)$|service-account-key|sa\.(?:key|pub)$/.test(path),
      );
      assert.ok(kept.length >= 5, kept.join());
      for (const path of kept) assert.equal(after.get(path), before.get(path), path);
      for (const { files, keepsKey } of certificates)
        for (const file of files) if (!(keepsKey && file.includes('-key'))) assert.notEqual(after.get(file), before.get(file), file);
    });

  test('service-account.pem signs its key again', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const before = snapshot(directory);
    const { certificates } = await renewCluster(request(directory, 'kismatic', ['service-account']));
    assert.equal(certificates[0]?.keepsKey, true);
    assert.deepEqual(changedPaths(before, snapshot(directory)), [
      'keys/ca.ledger.jsonl',
      'keys/service-account.pem',
      `keys/service-account.pem.bak-${stamp}`,
    ]);
    rmSync(join(directory, 'keys/service-account-key.pem'));
    await assert.rejects(renewCluster(request(directory, 'kismatic', ['service-account'])), coded('KeyInvalid', 'key is missing'));
  });

  test('takes names of kubeadm for every machine, and writes what the plan says rather than what the old one said', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kubeadm'));
    const manifest = smallManifest('kubeadm', (certificate) =>
      certificate.groups.includes('kubelet.conf') ? { ...certificate, sans: [{ type: 'dns', value: 'new.example' }] } : certificate,
    );
    const { certificates, restarts } = await renewCluster({ ...request(directory, 'kubeadm', ['kubelet.conf']), manifest });
    assert.deepEqual(
      certificates.map(({ id }) => id),
      ['master1/kubelet.conf', 'worker1/kubelet.conf'],
    );
    assert.deepEqual(restarts, [
      { host: 'master1', components: ['kubelet'] },
      { host: 'worker1', components: ['kubelet'] },
    ]);
    const found = checkCluster({ manifest, directory, at: later, warningWindowMs: 0 });
    assert.equal(found.verdict, 'ok');
  });

  test('what is missing makes it; the kubeconfig follows the administrator', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    for (const file of ['keys/admin.pem', 'keys/admin-key.pem']) rmSync(join(directory, file));
    const { certificates } = await renewCluster(request(directory, 'kismatic', ['admin']));
    assert.equal(certificates[0]?.result, 'created');
    assert.equal(verdict(directory, 'kismatic').verdict, 'ok');
  });

  test('refuses CAs, keys of tokens and names that are not in the plan, and changes nothing', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kubeadm'));
    const before = snapshot(directory);
    for (const name of ['ca', 'CA.crt', 'etcd-ca', 'sa', 'sa.key', 'service-account-key.pem'])
      await assert.rejects(
        renewCluster(request(directory, 'kubeadm', [name])),
        coded('CertificateUnknown', JSON.stringify(name), 'are never renewed'),
      );
    for (const name of ['none', ''])
      await assert.rejects(renewCluster(request(directory, 'kubeadm', [name])), coded('CertificateUnknown', JSON.stringify(name)));
    assert.deepEqual(changedPaths(before, snapshot(directory)), []);
  });

  test('in a dry run says the same and changes nothing', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const before = snapshot(directory);
    const planned = planRenewal(request(directory, 'kismatic', ['all']));
    assert.deepEqual(changedPaths(before, snapshot(directory)), []);
    const done = await renewCluster(request(directory, 'kismatic', ['all']));
    assert.deepEqual({ ...done, backups: [] }, planned);
  });

  test('says when the CA ends before what it signs would', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const manifest = { ...smallManifest('kismatic'), leafLifetimeMs: 10_000 * 86_400_000 };
    const { notes } = await renewCluster({ ...request(directory, 'kismatic', ['admin']), manifest });
    assert.match(notes.join(), /cluster CA ends 2036-11-20/);
  });
});
