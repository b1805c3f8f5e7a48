import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isCodedError } from '../base/coded-error.ts';
import { lintCertificate } from '../pki/lint-certificate.ts';
import { exportPrivateKey, generatePrivateKey, importPrivateKey, keyBelongsTo } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { certificateKey, isSignedBy, parseCertificates, parseFirstCertificate } from '../pki/x509-certificate.ts';
import { changedPaths, smallManifest, smallRequest, snapshot, testTime } from '../testing/cluster-fixture.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { type Generation, generateCluster, planCluster } from './generate.ts';
import { parseKubeconfig } from './kubeconfig.ts';
import { readLedger } from './ledger.ts';
import type { PlannedCertificate } from './manifest.ts';
import type { Layout } from './plan.ts';

const layouts: readonly Layout[] = ['kismatic', 'kubeadm'];
const kinds = ({ actions }: Generation): readonly string[] => [...new Set(actions.map(({ kind }) => kind))].sort();
const coded =
  (code: string, ...words: readonly string[]) =>
  (error: unknown): boolean =>
    isCodedError(error) && error.code === code && words.every((word) => error.message.includes(word));

const certificateAt = (directory: string, file: string) => parseFirstCertificate(readFileSync(join(directory, file)));

/** Certificate and key of a planned leaf, as they lie there. */
const leafAt = (directory: string, { delivery }: PlannedCertificate) => {
  if (delivery.kind === 'pair')
    return {
      chain: parseCertificates(readFileSync(join(directory, delivery.certificateFile))),
      keyPem: readFileSync(join(directory, delivery.keyFile), 'utf8'),
    };
  const { chain, keyPem = '' } = parseKubeconfig(readFileSync(join(directory, delivery.file)), delivery.file);
  return { chain, keyPem };
};

for (const layout of layouts) {
  describe(`generating layout ${layout}`, () => {
    test('makes every file of the manifest, each pair matching, signed by its CA and without a lint finding', async (t) => {
      const directory = temporaryDirectory(t);
      const request = smallRequest(directory, layout);
      const generation = await generateCluster(request);
      assert.deepEqual(kinds(generation), ['create']);
      for (const planned of request.manifest.certificates) {
        const { chain, keyPem } = leafAt(directory, planned);
        const authority = request.manifest.authorities.find(({ id }) => id === planned.authority);
        const ca = certificateAt(directory, authority?.certificateFile ?? '');
        const [leaf, ...rest] = chain;
        assert.ok(leaf !== undefined && rest.length === 0, planned.id);
        assert.ok(isSignedBy(leaf, ca), planned.id);
        assert.ok(keyBelongsTo(importPrivateKey(keyPem), certificateKey(leaf)), planned.id);
        assert.deepEqual(lintCertificate(leaf, ca), [], planned.id);
        assert.equal(leaf.notBefore.toISOString(), '2026-11-23T05:38:00.000Z');
        assert.equal(leaf.notAfter.getTime() - leaf.notBefore.getTime(), request.manifest.leafLifetimeMs);
      }
      for (const { files, host } of request.manifest.machines)
        for (const file of files) assert.ok(existsSync(join(directory, file)), `${host} ${file}`);
      for (const authority of request.manifest.authorities) {
        const ca = readFileSync(join(directory, authority.certificateFile), 'utf8');
        assert.deepEqual(lintCertificate(parseFirstCertificate(ca), undefined), []);
        for (const copy of authority.copies) assert.equal(readFileSync(join(directory, copy.certificateFile), 'utf8'), ca);
      }
    });

    test('writes keys and kubeconfigs with mode 0600 and directories with 0700', async (t) => {
      const directory = join(temporaryDirectory(t), 'generated');
      await generateCluster(smallRequest(directory, layout));
      for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        const mode = statSync(path).mode & 0o777;
        const isSecret = /PRIVATE KEY|client-key-data/.test(entry.isFile() ? readFileSync(path, 'utf8') : '');
        assert.equal(mode, entry.isDirectory() ? 0o700 : isSecret || path.endsWith('.jsonl') ? 0o600 : 0o644, path);
      }
    });

    test('leaves one ledger line for each signature, the CAs among them', async (t) => {
      const directory = temporaryDirectory(t);
      const { manifest } = smallRequest(directory, layout);
      await generateCluster(smallRequest(directory, layout));
      for (const { id, certificateFile } of manifest.authorities) {
        const events = readLedger(join(directory, certificateFile.replace(/\.\w+$/, '.ledger.jsonl')));
        assert.equal(events.length, 1 + manifest.certificates.filter(({ authority }) => authority === id).length);
      }
    });

    test('changes nothing when run again, not even a time of change', async (t) => {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      const before = snapshot(directory);
      const generation = await generateCluster(smallRequest(directory, layout, { at: new Date(testTime.getTime() + 86_400_000) }));
      assert.deepEqual(kinds(generation), ['keep']);
      assert.deepEqual(changedPaths(before, snapshot(directory)), []);
    });

    test('in a dry run changes nothing and says what would be made', async (t) => {
      const directory = temporaryDirectory(t);
      const { actions } = planCluster(smallRequest(join(directory, 'none'), layout));
      assert.deepEqual([...new Set(actions.map(({ kind }) => kind))], ['create']);
      assert.deepEqual(readdirSync(directory), []);
      await generateCluster(smallRequest(directory, layout));
      assert.deepEqual(kinds(planCluster(smallRequest(directory, layout))), ['keep']);
    });

    test('makes again what is missing, and nothing else', async (t) => {
      const directory = temporaryDirectory(t);
      const request = smallRequest(directory, layout);
      await generateCluster(request);
      const before = snapshot(directory);
      const gone = request.manifest.certificates.flatMap(({ delivery }) =>
        delivery.kind === 'pair' ? [delivery.certificateFile] : [delivery.file],
      );
      // Kismatic's kubeconfig repeats the administrator's pair, which would then be another.
      const files = gone.filter((file) => file !== 'keys/admin.pem');
      for (const file of files) rmSync(join(directory, file));
      const keys = new Map([...before].filter(([path]) => /key/.test(path)));
      await generateCluster(request);
      const after = snapshot(directory);
      assert.deepEqual(
        changedPaths(before, after).filter((path) => !path.endsWith('.jsonl')),
        [...files].sort(),
      );
      for (const path of keys.keys())
        if (path.endsWith('-key.pem') || path.endsWith('.key')) assert.equal(after.get(path), before.get(path));
      assert.deepEqual(kinds(await generateCluster(request)), ['keep']);
    });
  });
}

describe('what differs', () => {
  const changed = (id: string, change: Partial<PlannedCertificate>) =>
    smallManifest('kismatic', (certificate) => (certificate.id === id ? { ...certificate, ...change } : certificate));
  const adminFiles = ['keys/admin.pem', 'keys/admin-key.pem'];

  test('in the plan is named, difference by difference, and nothing is changed', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const before = snapshot(directory);
    const cases: readonly (readonly [string, Partial<PlannedCertificate>, readonly string[]])[] = [
      ['admin', { subject: { commonName: 'boss', organizations: ['system:masters'] } }, ['common name is "admin", expected "boss"']],
      ['admin', { subject: { commonName: 'admin', organizations: ['dev'] } }, ['organizations are "system:masters", expected "dev"']],
      ['admin', { subject: { commonName: 'admin', organizations: [] } }, ['organizations are "system:masters", expected none']],
      [
        'etcd1-etcd',
        {
          sans: [
            { type: 'dns', value: 'new.example' },
            { type: 'ip', value: '192.0.2.99' },
          ],
        },
        ['names lack DNS:new.example, IP Address:192.0.2.99'],
      ],
      ['admin', { usages: ['digital signature', 'server auth'] }, ['usages are "client auth", expected "server auth"']],
      ['etcd1-etcd', { usages: ['digital signature', 'server auth'] }, ['usages are "server auth", "client auth", expected "server auth"']],
    ];
    for (const [id, change, words] of cases)
      await assert.rejects(
        generateCluster(smallRequest(directory, 'kismatic', { manifest: changed(id, change) })),
        coded('DriftFound', `keys/${id}.pem`, ...words),
      );
    assert.deepEqual(changedPaths(before, snapshot(directory)), []);
    // Names beyond those planned are let pass.
    const { actions } = await generateCluster(smallRequest(directory, 'kismatic', { manifest: changed('etcd1-etcd', { sans: [] }) }));
    assert.match(actions.find(({ id }) => id === 'etcd1-etcd')?.notes.join() ?? '', /beyond the plan/);
  });

  test('all at once is listed all at once', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const manifest = smallManifest('kismatic', (certificate) => ({
      ...certificate,
      subject: { ...certificate.subject, organizations: ['x'] },
    }));
    await assert.rejects(
      generateCluster(smallRequest(directory, 'kismatic', { manifest })),
      (error) => isCodedError(error) && error.message.split('expected "x"').length === manifest.certificates.length + 1,
    );
  });

  test('on disk is named: another key, another CA, an end that is past, a damaged or half missing pair', async (t) => {
    const cases: readonly (readonly [string, (directory: string) => Promise<void> | void, readonly string[], Date?])[] = [
      [
        'another key',
        async (directory) => writeFileSync(join(directory, 'keys/admin-key.pem'), exportPrivateKey(await generatePrivateKey('ecdsa-p256'))),
        ['the key beside it is not its own'],
      ],
      ['no key', (directory) => rmSync(join(directory, 'keys/admin-key.pem')), ['its key is missing']],
      [
        'damage',
        (directory) => writeFileSync(join(directory, 'keys/admin.pem'), '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'),
        ['cannot read'],
      ],
      ['an empty file', (directory) => writeFileSync(join(directory, 'keys/admin.pem'), ''), ['cannot read']],
      ['expiry', () => undefined, ['it is expired since'], new Date(testTime.getTime() + 800 * 86_400_000)],
    ];
    for (const [name, harm, words, at = testTime] of cases) {
      const directory = temporaryDirectory(t);
      const manifest = { ...smallManifest('kismatic'), caLifetimeMs: 4000 * 86_400_000 };
      await generateCluster(smallRequest(directory, 'kismatic', { manifest }));
      await harm(directory);
      const before = snapshot(directory);
      await assert.rejects(
        generateCluster(smallRequest(directory, 'kismatic', { manifest, at })),
        coded('DriftFound', ...adminFiles, ...words),
        name,
      );
      assert.deepEqual(changedPaths(before, snapshot(directory)), [], name);
      await generateCluster(smallRequest(directory, 'kismatic', { manifest, at, overwrite: true }));
      assert.deepEqual(kinds(await generateCluster(smallRequest(directory, 'kismatic', { manifest, at }))), ['keep'], name);
    }
  });

  test('in the CA below which everything was signed is named for each file', async (t) => {
    const directory = temporaryDirectory(t);
    const other = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    await generateCluster(smallRequest(other, 'kismatic'));
    for (const file of ['ca.pem', 'ca-key.pem']) renameSync(join(other, 'keys', file), join(directory, 'keys', file));
    await assert.rejects(
      generateCluster(smallRequest(directory, 'kismatic')),
      coded('DriftFound', 'keys/admin.pem', 'is not signed by the key of'),
    );
  });

  test('is replaced with overwrite, the old pair kept aside, the kubeconfig with it, and all else left alone', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const before = snapshot(directory);
    const old = readFileSync(join(directory, 'keys/admin.pem'), 'utf8');
    const manifest = changed('admin', { subject: { commonName: 'boss', organizations: ['system:masters'] } });
    const { backups, actions } = await generateCluster(smallRequest(directory, 'kismatic', { manifest, overwrite: true }));
    assert.deepEqual(
      changedPaths(before, snapshot(directory)),
      [
        ...adminFiles,
        ...adminFiles.map((file) => `${file}.bak-20261123T054321Z`),
        'kubeconfig',
        'kubeconfig.bak-20261123T054321Z',
        'keys/ca.ledger.jsonl',
      ].sort(),
    );
    assert.equal(readFileSync(join(directory, 'keys/admin.pem.bak-20261123T054321Z'), 'utf8'), old);
    assert.equal(statSync(join(directory, 'keys/admin-key.pem.bak-20261123T054321Z')).mode & 0o777, 0o600);
    assert.equal(backups.length, 3);
    assert.deepEqual(
      actions.filter(({ kind }) => kind === 'overwrite').map(({ id }) => id),
      ['admin', 'kubeconfig'],
    );
    const kubeconfig = parseKubeconfig(readFileSync(join(directory, 'kubeconfig')), 'kubeconfig');
    assert.equal(kubeconfig.keyPem, readFileSync(join(directory, 'keys/admin-key.pem'), 'utf8'));
    assert.deepEqual(kinds(await generateCluster(smallRequest(directory, 'kismatic', { manifest }))), ['keep']);
  });

  test('in kubeconfigs is named: another server, another CA, another pair', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const path = join(directory, 'kubeconfig');
    const text = readFileSync(path, 'utf8');
    const admin = (file: string) => Buffer.from(readFileSync(join(directory, 'keys', file))).toString('base64');
    const cases: readonly (readonly [string, string])[] = [
      [text.replace(/server: .*/, 'server: "https://elsewhere:6443"'), 'its server is "https://elsewhere:6443"'],
      [text.replace(admin('ca.pem'), admin('proxy-client-ca.pem')), 'trusts another CA'],
      [text.replace(admin('admin.pem'), admin('kube-scheduler.pem')), 'holds another certificate or key'],
      [text.replace(admin('admin-key.pem'), admin('kube-scheduler-key.pem')), 'holds another certificate or key'],
      ['{', 'is not YAML'],
    ];
    for (const [content, words] of cases) {
      assert.notEqual(content, text);
      writeFileSync(path, content);
      await assert.rejects(generateCluster(smallRequest(directory, 'kismatic')), coded('DriftFound', 'kubeconfig', words));
    }
    await generateCluster(smallRequest(directory, 'kismatic', { overwrite: true }));
    assert.equal(readFileSync(path, 'utf8'), text);
    // Formatting and further contexts are the user's own.
    writeFileSync(path, `# mine\n${text}`);
    assert.deepEqual(kinds(await generateCluster(smallRequest(directory, 'kismatic'))), ['keep']);
  });

  test('in the copies of kubeadm is named and replaced from the original', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kubeadm'));
    const before = snapshot(directory);
    for (const file of ['master1/pki/ca.crt', 'master1/pki/sa.key', 'master1/pki/sa.pub', 'pki/sa.pub'])
      writeFileSync(join(directory, file), readFileSync(join(directory, 'pki/front-proxy-ca.crt')));
    await assert.rejects(
      generateCluster(smallRequest(directory, 'kubeadm')),
      coded('DriftFound', 'master1/pki/ca.crt', 'master1/pki/sa.key', 'master1/pki/sa.pub', 'pki/sa.pub'),
    );
    await generateCluster(smallRequest(directory, 'kubeadm', { overwrite: true }));
    const hashes = (files: ReadonlyMap<string, string>) =>
      [...files].filter(([path]) => !path.includes('.bak-')).map(([path, value]) => `${path} ${value.split(' ')[2]}`);
    assert.deepEqual(hashes(snapshot(directory)), hashes(before));
  });

  test('only in the mode of a key is told and does not stand in the way, and overwrite closes it', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const path = join(directory, 'keys/admin-key.pem');
    chmodSync(path, 0o644);
    const { actions } = await generateCluster(smallRequest(directory, 'kismatic'));
    assert.match(actions.find(({ id }) => id === 'admin')?.notes.join() ?? '', /mode 0644, expected 0600/);
    const before = readFileSync(path, 'utf8');
    await generateCluster(smallRequest(directory, 'kismatic', { overwrite: true }));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(path, 'utf8'), before);
  });
});

describe('keys that every token hangs on', () => {
  test('service-account.pem is made anew over its key, which stays to the byte', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const key = readFileSync(join(directory, 'keys/service-account-key.pem'));
    const manifest = smallManifest('kismatic', (certificate) =>
      certificate.id === 'service-account' ? { ...certificate, subject: { commonName: 'other', organizations: [] } } : certificate,
    );
    await generateCluster(smallRequest(directory, 'kismatic', { manifest, overwrite: true }));
    assert.deepEqual(readFileSync(join(directory, 'keys/service-account-key.pem')), key);
    const leaf = certificateAt(directory, 'keys/service-account.pem');
    assert.ok(keyBelongsTo(importPrivateKey(key), certificateKey(leaf)));
    assert.deepEqual(kinds(await generateCluster(smallRequest(directory, 'kismatic', { manifest }))), ['keep']);
  });

  test('a lost one is never made anew while anything of it is there, overwriting or not', async (t) => {
    for (const [layout, key] of [
      ['kismatic', 'keys/service-account-key.pem'],
      ['kubeadm', 'pki/sa.key'],
    ] as const) {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      for (const harm of [() => rmSync(join(directory, key)), () => writeFileSync(join(directory, key), 'damaged')]) {
        harm();
        const before = snapshot(directory);
        for (const overwrite of [false, true])
          await assert.rejects(generateCluster(smallRequest(directory, layout, { overwrite })), coded('DriftFound', key));
        assert.deepEqual(changedPaths(before, snapshot(directory)), []);
      }
    }
  });

  test('sa.pub is written from sa.key, which is taken as it is', async (t) => {
    const directory = temporaryDirectory(t);
    const source = temporaryDirectory(t);
    await generateCluster(smallRequest(source, 'kubeadm'));
    const key = await generatePrivateKey('rsa-2048');
    await generateCluster(smallRequest(directory, 'kubeadm'));
    for (const file of ['pki/sa.pub', 'master1/pki/sa.key', 'master1/pki/sa.pub']) rmSync(join(directory, file));
    writeFileSync(join(directory, 'pki/sa.key'), exportPrivateKey(key, { encoding: 'traditional' }));
    await generateCluster(smallRequest(directory, 'kubeadm'));
    assert.equal(readFileSync(join(directory, 'master1/pki/sa.key'), 'utf8'), exportPrivateKey(key, { encoding: 'traditional' }));
    const pem = readFileSync(join(directory, 'master1/pki/sa.pub'), 'utf8').replace(/-----.*-----|\s/g, '');
    assert.equal(pem, Buffer.from(publicKeyOf(key).spki).toString('base64'));
  });
});

describe('a CA that is gone', () => {
  test('is not made anew while something that hangs on it is there', async (t) => {
    for (const [layout, ca] of [
      ['kismatic', 'keys/ca'],
      ['kubeadm', 'pki/ca'],
    ] as const) {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      const [certificate, key] = layout === 'kismatic' ? [`${ca}.pem`, `${ca}-key.pem`] : [`${ca}.crt`, `${ca}.key`];
      rmSync(join(directory, certificate));
      for (const overwrite of [false, true])
        await assert.rejects(generateCluster(smallRequest(directory, layout, { overwrite })), coded('CaMissing', certificate));
      rmSync(join(directory, key));
      await assert.rejects(generateCluster(smallRequest(directory, layout)), coded('CaMissing', certificate));
    }
  });

  test('with its key left and nothing signed is made for that key, as after a kill between the two', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const key = readFileSync(join(directory, 'keys/ca-key.pem'));
    for (const name of readdirSync(join(directory, 'keys'))) if (name !== 'ca-key.pem') rmSync(join(directory, 'keys', name));
    rmSync(join(directory, 'kubeconfig'));
    await generateCluster(smallRequest(directory, 'kismatic'));
    assert.deepEqual(readFileSync(join(directory, 'keys/ca-key.pem')), key);
    assert.ok(keyBelongsTo(importPrivateKey(key), certificateKey(certificateAt(directory, 'keys/ca.pem'))));
  });
});

describe('the directory', () => {
  test('is never left through a symbolic link', async (t) => {
    const directory = temporaryDirectory(t);
    const outside = temporaryDirectory(t);
    symlinkSync(outside, join(directory, 'keys'));
    await assert.rejects(generateCluster(smallRequest(directory, 'kismatic')), coded('PathRefused'));
    assert.deepEqual(readdirSync(outside), []);
  });

  test('is never left by a name of the manifest', async (t) => {
    const directory = temporaryDirectory(t);
    const manifest = smallManifest('kismatic', (certificate) =>
      certificate.id === 'admin'
        ? { ...certificate, delivery: { kind: 'pair', certificateFile: 'keys/../../admin.pem', keyFile: 'keys/admin-key.pem' } }
        : certificate,
    );
    await assert.rejects(generateCluster(smallRequest(directory, 'kismatic', { manifest })), coded('PathRefused'));
  });
});
