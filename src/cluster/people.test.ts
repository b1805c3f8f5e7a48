import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isCodedError } from '../base/coded-error.ts';
import { attributeValues, commonNameOf } from '../pki/name.ts';
import { oid } from '../pki/oid.ts';
import { importPrivateKey, keyBelongsTo } from '../pki/private-key.ts';
import { certificateKey, parseCertificates, parseFirstCertificate } from '../pki/x509-certificate.ts';
import { randomOctets } from '../testing/authority-files.ts';
import { changedPaths, smallManifest, smallRequest, snapshot, testTime } from '../testing/cluster-fixture.ts';
import { runs } from '../testing/runs.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { generateCluster } from './generate.ts';
import { parseKubeconfig } from './kubeconfig.ts';
import { readLedger } from './ledger.ts';
import { generatePerson, isClusterBaseName, type PersonRequest } from './people.ts';

const day = 86_400_000;
const person = (directory: string, changes: Partial<PersonRequest> = {}): PersonRequest => ({
  name: 'alice',
  organizations: ['dev', 'ops'],
  subjectAltNames: [],
  validityDays: 90,
  server: false,
  allowPrivileged: false,
  overwrite: false,
  keyAlgorithm: 'ecdsa-p256',
  directory,
  at: testTime,
  random: randomOctets,
  requestedBy: 'root@laptop',
  ...changes,
});
const coded =
  (...codes: readonly string[]) =>
  (error: unknown): boolean =>
    isCodedError(error) && codes.includes(error.code);

describe("a person's certificate", () => {
  test('logs in and does not serve, belongs to the groups named, lasts as asked, and stands in the ledger', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const { result, warnings, certificateFile, keyFile } = await generatePerson(person(directory));
    assert.equal(result, 'created');
    assert.deepEqual(warnings, []);
    const leaf = parseFirstCertificate(readFileSync(certificateFile));
    assert.equal(commonNameOf(leaf.subject), 'alice');
    assert.deepEqual(attributeValues(leaf.subject, oid.organization), ['dev', 'ops']);
    assert.deepEqual(leaf.extendedKeyUsage, [oid.clientAuth]);
    assert.equal(leaf.notAfter.getTime() - leaf.notBefore.getTime(), 90 * day);
    assert.ok(keyBelongsTo(importPrivateKey(readFileSync(keyFile)), certificateKey(leaf)));
    assert.equal(statSync(keyFile).mode & 0o777, 0o600);
    assert.equal(certificateFile, join(directory, 'keys/alice.pem'));
    const line = readLedger(join(directory, 'keys/ca.ledger.jsonl')).at(-1);
    assert.ok(line?.event === 'issued' && line.subject === 'CN=alice,O=ops,O=dev' && line.requestedBy === 'root@laptop');
  });

  test('also serves where that is asked, under the names given', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const { certificate } = await generatePerson(
      person(directory, { server: true, keyAlgorithm: 'rsa-2048', subjectAltNames: [{ type: 'dns', value: 'a.example' }] }),
    );
    assert.deepEqual(certificate?.extendedKeyUsage, [oid.clientAuth, oid.serverAuth]);
    assert.deepEqual(certificate?.keyUsage, ['digital signature', 'key encipherment']);
    assert.deepEqual(certificate?.subjectAltNames, [{ type: 'dns', value: 'a.example' }]);
  });

  test('comes with a kubeconfig ready to use where that is asked', async (t) => {
    for (const [layout, file] of [
      ['kismatic', 'alice.kubeconfig'],
      ['kubeadm', 'people/alice.conf'],
    ] as const) {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, layout));
      const kubeconfig = { clusterName: 'kubernetes', server: 'https://192.0.2.1:6443' };
      const made = await generatePerson(person(directory, { kubeconfig }));
      assert.equal(made.kubeconfigFile, join(directory, file));
      const read = parseKubeconfig(readFileSync(join(directory, file)), file);
      assert.deepEqual([read.server, read.userName, read.contextName], ['https://192.0.2.1:6443', 'alice', 'alice@kubernetes']);
      assert.equal(read.keyPem, readFileSync(made.keyFile, 'utf8'));
      assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600);
      const [ca] = smallManifest(layout).authorities;
      assert.deepEqual(read.trust[0]?.raw, parseCertificates(readFileSync(join(directory, ca?.certificateFile ?? '')))[0]?.raw);
      // Asked for later, it is written from the pair that is there.
      const text = readFileSync(join(directory, file));
      rmSync(join(directory, file));
      const kept = await generatePerson(person(directory, { kubeconfig }));
      assert.equal(kept.result, 'kept');
      assert.deepEqual(readFileSync(join(directory, file)), text);
    }
  });

  test('that is there is kept with all its files, and replaced only when told, the old pair kept aside', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    await generatePerson(person(directory));
    const before = snapshot(directory);
    assert.equal((await generatePerson(person(directory, { organizations: ['other'] }))).result, 'kept');
    assert.deepEqual(changedPaths(before, snapshot(directory)), []);
    const { result, backups } = await generatePerson(person(directory, { organizations: ['other'], overwrite: true }));
    assert.equal(result, 'replaced');
    assert.equal(backups.length, 2);
    assert.deepEqual(changedPaths(before, snapshot(directory)), [
      'keys/alice-key.pem',
      'keys/alice-key.pem.bak-20261123T054321Z',
      'keys/alice.pem',
      'keys/alice.pem.bak-20261123T054321Z',
      'keys/ca.ledger.jsonl',
    ]);
  });

  test('takes up a key without a certificate, and leaves one that it cannot read', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const { certificateFile, keyFile } = await generatePerson(person(directory));
    const key = readFileSync(keyFile);
    rmSync(certificateFile);
    await generatePerson(person(directory));
    assert.deepEqual(readFileSync(keyFile), key);
    rmSync(certificateFile);
    writeFileSync(keyFile, 'mine');
    await assert.rejects(generatePerson(person(directory)), coded('FileExists'));
    assert.equal(readFileSync(keyFile, 'utf8'), 'mine');
  });

  test('is made whole however often the run is stopped', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    await generatePerson(person(directory, { kubeconfig: { clusterName: 'k', server: 'https://a:1' } }));
    for (let number = 0; ; number++) {
      let count = 0;
      const onStep = (): void => {
        if (count++ === number) throw new Error('killed');
      };
      const at = new Date(testTime.getTime() + number * 1000);
      const kubeconfig = { clusterName: 'k', server: 'https://a:1' };
      const stopped = await generatePerson(person(directory, { overwrite: true, onStep, at, kubeconfig })).then(
        () => false,
        () => true,
      );
      await generatePerson(person(directory, { at }));
      const leaf = parseFirstCertificate(readFileSync(join(directory, 'keys/alice.pem')));
      const keyPem = readFileSync(join(directory, 'keys/alice-key.pem'), 'utf8');
      assert.ok(keyBelongsTo(importPrivateKey(keyPem), certificateKey(leaf)), `stopped before write ${number}`);
      assert.equal(
        parseKubeconfig(readFileSync(join(directory, 'alice.kubeconfig')), 'alice').keyPem,
        keyPem,
        `stopped before write ${number}`,
      );
      if (!stopped) break;
    }
  });

  test('warns of long lives, privileged names and an end that comes with the CA', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const long = await generatePerson(person(directory, { validityDays: 366 }));
    assert.match(long.warnings.join(), /366 days/);
    const longer = await generatePerson(person(directory, { name: 'bob', validityDays: 20_000 }));
    assert.match(longer.warnings.join(), /with its CA/);
    const master = await generatePerson(person(directory, { name: 'carol', organizations: ['system:masters'], allowPrivileged: true }));
    assert.match(master.warnings.join(), /above all rules/);
  });
});

describe('names that are refused', () => {
  test('lead nowhere but into their own file, whatever they are', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const before = snapshot(directory);
    for (const name of ['', '.', '..', '../x', 'a/b', 'a\\b', '/etc/x', '.ssh', 'a\0b', 'a\nb', 'x'.repeat(300)])
      await assert.rejects(generatePerson(person(directory, { name, overwrite: true })), coded('PathRefused'), JSON.stringify(name));
    for (const name of [
      'ca',
      'CA',
      'admin',
      'Admin',
      'ca-key',
      'proxy-client',
      'service-account',
      'master1-kubelet',
      'x-etcd',
      'NODE-APISERVER',
      'alice-key',
      'admin.pem',
      'kubeconfig',
      'server-trust',
      'admin ',
      'ａdmin',
    ])
      await assert.rejects(
        generatePerson(person(directory, { name, overwrite: true, allowPrivileged: true })),
        coded('NameReserved'),
        name,
      );
    assert.deepEqual(changedPaths(before, snapshot(directory)), []);
  });

  test('never are files of a manifest: every base name of both layouts is refused', () => {
    for (const layout of ['kismatic', 'kubeadm'] as const) {
      const { certificates, authorities, keyPairs } = smallManifest(layout);
      const files = [
        ...certificates.flatMap(({ delivery }) =>
          delivery.kind === 'pair' ? [delivery.certificateFile, delivery.keyFile] : [delivery.file],
        ),
        ...authorities.flatMap(({ certificateFile, keyFile }) => [certificateFile, keyFile]),
        ...keyPairs.map(({ keyFile }) => keyFile),
      ];
      for (const file of files) {
        const base = (file.split('/').at(-1) ?? '').replace(/\.\w+$/, '');
        if (layout === 'kubeadm' && !file.startsWith('pki/') && !file.endsWith('.conf')) continue;
        assert.ok(isClusterBaseName(base), file);
        assert.ok(isClusterBaseName(base.toUpperCase()), file);
      }
    }
  });

  test('are those Kubernetes keeps for itself, as common name or group, in any letter case, unless allowed', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const reserved: readonly Partial<PersonRequest>[] = [
      { commonName: 'system:kube-scheduler' },
      { commonName: 'SYSTEM:node:a' },
      { commonName: ' system:admin' },
      { name: 'system:anonymous' },
      { organizations: ['dev', 'system:masters'] },
      { organizations: ['kubeadm:cluster-admins'] },
      { organizations: ['ｓystem:masters'] },
      { server: true, subjectAltNames: [{ type: 'dns', value: 'kubernetes.default.svc' }] },
      { server: true, subjectAltNames: [{ type: 'dns', value: 'Kubernetes' }] },
      { name: 'alice-key.pem' },
    ];
    for (const changes of reserved)
      await assert.rejects(generatePerson(person(directory, changes)), coded('NameReserved'), JSON.stringify(changes));
    assert.equal(existsSync(join(directory, 'keys/alice.pem')), false);
    const { result } = await generatePerson(person(directory, { organizations: ['system:masters'], allowPrivileged: true }));
    assert.equal(result, 'created');
  });

  test('that hold what nobody sees are refused, for two that look the same would be two users', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    for (const changes of [
      { name: 'ali\u200bce' },
      { commonName: 'alice\u202e' },
      { organizations: ['dev '] },
      { organizations: ['sys\u00adtem:masters'] },
    ])
      await assert.rejects(generatePerson(person(directory, changes)), coded('NameInvalid'), JSON.stringify(changes));
    assert.equal(existsSync(join(directory, 'keys/alice.pem')), false);
  });

  test('of any other kind give exactly one pair and touch nothing else', async (t) => {
    const directory = temporaryDirectory(t);
    await generateCluster(smallRequest(directory, 'kismatic'));
    const names = fc.oneof(
      fc.string({ maxLength: 70 }),
      fc.stringMatching(/^[a-z][a-z0-9.@_-]{0,20}$/),
      fc.constantFrom('alice', 'a..b', 'a b', ' ', ' a', 'a ', 'ß', '🙂', '~', '*'),
    );
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        const before = snapshot(directory);
        try {
          await generatePerson(person(directory, { name, commonName: 'x' }));
        } catch (error) {
          assert.ok(coded('PathRefused', 'NameReserved', 'NameInvalid')(error), String(error));
        }
        for (const path of changedPaths(before, snapshot(directory)))
          assert.ok([`keys/${name}.pem`, `keys/${name}-key.pem`, 'keys/ca.ledger.jsonl'].includes(path), path);
      }),
      { numRuns: runs(40, 400) },
    );
  });

  test('are validities of nothing, and a CA that is not there', async (t) => {
    const directory = temporaryDirectory(t);
    await assert.rejects(generatePerson(person(directory)), coded('CaMissing'));
    await generateCluster(smallRequest(directory, 'kismatic'));
    for (const validityDays of [0, -1, 1.5, Number.NaN, 1_000_000])
      await assert.rejects(generatePerson(person(directory, { validityDays })), coded('UsageInvalid'), String(validityDays));
  });
});
