import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { isCodedError } from '../base/coded-error.ts';
import { readCsr, verifyCsr } from '../pki/csr.ts';
import { commonNameOf } from '../pki/name.ts';
import { exportPrivateKey, importPrivateKey, keyBelongsTo } from '../pki/private-key.ts';
import { signCertificate } from '../pki/sign-certificate.ts';
import { certificateKey, certificatePem, isSignedBy, parseCertificates, parseFirstCertificate } from '../pki/x509-certificate.ts';
import { randomOctets, type TestAuthority, testAuthority, writeAuthority } from '../testing/authority-files.ts';
import { changedPaths, smallManifest, smallRequest, snapshot, testTime } from '../testing/cluster-fixture.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { checkCluster } from './check.ts';
import { type GenerateRequest, type Generation, generateCluster, planCluster, requireSigned } from './generate.ts';
import { parseKubeconfig } from './kubeconfig.ts';
import type { AuthorityId } from './manifest.ts';
import type { Layout } from './plan.ts';
import { leafTemplate } from './planned-template.ts';
import { renewCluster } from './renew.ts';

const layouts: readonly Layout[] = ['kismatic', 'kubeadm'];
const at = testTime;
const coded =
  (code: string, ...words: readonly string[]) =>
  (error: unknown): boolean =>
    isCodedError(error) && error.code === code && words.every((word) => error.message.includes(word));
const kinds = ({ actions }: Generation): readonly string[] => [...new Set(actions.map(({ kind }) => kind))].sort();
const names = (pem: string | Uint8Array) => parseCertificates(pem).map(({ subject }) => commonNameOf(subject));

/** Lays CAs down where a manifest wants them. */
const give = async (
  request: GenerateRequest,
  make: (id: AuthorityId) => Promise<TestAuthority | undefined>,
  { withKey = true, passphrase }: { readonly withKey?: boolean; readonly passphrase?: string } = {},
): Promise<ReadonlyMap<AuthorityId, TestAuthority>> => {
  const given = new Map<AuthorityId, TestAuthority>();
  for (const { id, certificateFile, keyFile } of request.manifest.authorities) {
    const authority = await make(id);
    if (authority === undefined) continue;
    given.set(id, authority);
    mkdirSync(join(request.directory, dirname(certificateFile)), { recursive: true });
    const key = withKey ? { key: keyFile, ...(passphrase === undefined ? {} : { passphrase }) } : {};
    writeAuthority(request.directory, authority, { certificate: certificateFile, ...key });
  }
  return given;
};

describe('a root that is given', () => {
  for (const layout of layouts)
    test(`signs everything of layout ${layout} and stays as it is`, async (t) => {
      const request = smallRequest(temporaryDirectory(t), layout, { passphrases: { cluster: 'one', 'proxy-client': 'one', etcd: 'one' } });
      await give(request, (id) => testAuthority(`company ${id}`, at), { passphrase: 'one' });
      const before = snapshot(request.directory);
      await generateCluster(request);
      const after = snapshot(request.directory);
      for (const path of before.keys()) assert.equal(after.get(path), before.get(path), path);
      assert.deepEqual(kinds(await generateCluster(request)), ['keep']);
    });

  test('with an encrypted key and no passphrase, or one that cannot sign, is refused before anything is written', async (t) => {
    const make = async (_: AuthorityId) => testAuthority('company', at);
    const encrypted = smallRequest(temporaryDirectory(t), 'kismatic');
    await give(encrypted, make, { passphrase: 'one' });
    const expired = smallRequest(temporaryDirectory(t), 'kismatic');
    await give(expired, () => testAuthority('company', at, { notAfter: new Date(at.getTime() - 1000) }));
    const limited = smallRequest(temporaryDirectory(t), 'kismatic');
    await give(limited, () => testAuthority('company', at, { usages: ['cert sign', 'server auth', 'client auth'] }));
    for (const [request, code, words] of [
      [encrypted, 'PassphraseRequired', 'ca-key.pem'],
      [expired, 'CaInvalid', 'expired'],
      [limited, 'CaInvalid', 'code signing'],
    ] as const) {
      const before = snapshot(request.directory);
      await assert.rejects(generateCluster(request), coded(code, words));
      assert.deepEqual(changedPaths(before, snapshot(request.directory)), []);
    }
  });
});

describe('what cannot be the file of a CA', () => {
  const faults: readonly (readonly [name: string, spoil: (ca: TestAuthority) => string | Uint8Array, words: string])[] = [
    ['its key beside it', (ca) => certificatePem(ca.certificate) + exportPrivateKey(ca.key), 'a private key'],
    ['DER', (ca) => ca.certificate.raw, 'it is DER'],
    ['a byte order mark', (ca) => `\ufeff${certificatePem(ca.certificate)}`, 'byte order mark'],
    ['indented lines', (ca) => certificatePem(ca.certificate).replaceAll(/^/gm, '  '), 'indented'],
    [
      "OpenSSL's form of a trusted certificate",
      (ca) => certificatePem(ca.certificate).replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
      'TRUSTED',
    ],
    [
      'a signature that is wrong',
      (ca) => {
        const raw = Uint8Array.from(ca.certificate.raw);
        // Within the last integer of the signature, so that it stays one.
        raw[raw.length - 2] = (raw[raw.length - 2] ?? 0) ^ 1;
        return certificatePem({ raw });
      },
      'its signature is wrong',
    ],
  ];
  for (const [name, spoil, words] of faults)
    test(`${name}: refused before anything is written, and seen by a check`, async (t) => {
      const request = smallRequest(temporaryDirectory(t), 'kismatic');
      const given = await give(request, () => testAuthority('company', at));
      const ca = given.get('cluster');
      assert.ok(ca !== undefined);
      writeFileSync(join(request.directory, 'keys/ca.pem'), spoil(ca));
      const before = snapshot(request.directory);
      await assert.rejects(
        generateCluster(request),
        (error) => isCodedError(error) && ['CaInvalid', 'PemInvalid'].includes(error.code) && error.message.includes(words),
      );
      assert.deepEqual(changedPaths(before, snapshot(request.directory)), []);
      if (name === 'a signature that is wrong') return;
      const { authorities } = checkCluster({ manifest: request.manifest, directory: request.directory, at, warningWindowMs: 0 });
      assert.equal(authorities.find(({ id }) => id === 'cluster CA')?.status, 'broken');
    });

  test('an extension that is critical and that nobody processes is refused', async (t) => {
    const request = smallRequest(temporaryDirectory(t), 'kismatic');
    const extraExtensions = [{ oid: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) }];
    const accept = ['extension-unknown-critical'] as const;
    await give(request, () => testAuthority('company', at, { extraExtensions, accept }));
    await assert.rejects(generateCluster(request), coded('CaInvalid', '1.2.3.4'));
  });

  test('name constraints that exclude names of the plan are told with each name, before anything is written', async (t) => {
    const request = smallRequest(temporaryDirectory(t), 'kismatic');
    const excluded = [{ base: { type: 'dns', value: 'worker1' } }] as const;
    await give(request, (id) => testAuthority('company', at, id === 'cluster' ? { nameConstraints: { permitted: [], excluded } } : {}));
    const before = snapshot(request.directory);
    await assert.rejects(generateCluster(request), coded('CaInvalid', 'worker1', 'name constraints'));
    assert.deepEqual(changedPaths(before, snapshot(request.directory)), []);
  });

  test('what strict verifiers refuse is a note', async (t) => {
    const request = smallRequest(temporaryDirectory(t), 'kismatic');
    await give(request, () => testAuthority('company', at, { usages: [], accept: ['ca-without-cert-sign', 'extended-key-usage-missing'] }));
    const { actions } = planCluster(request);
    assert.match(actions.find(({ id }) => id === 'cluster CA')?.notes.join() ?? '', /no key usage/);
  });
});

describe('an intermediate that is given', () => {
  const setUp = async (directory: string, layout: Layout) => {
    const root = await testAuthority('root', at);
    const request = smallRequest(directory, layout);
    await give(request, (id) => testAuthority(`intermediate ${id}`, at, { parent: root }));
    return { root, request };
  };

  for (const layout of layouts) {
    test(`is sent after every leaf of layout ${layout}, and the root above it stands nowhere`, async (t) => {
      const { request } = await setUp(temporaryDirectory(t), layout);
      await generateCluster(request);
      for (const { delivery, authority } of request.manifest.certificates) {
        const file = join(request.directory, delivery.kind === 'pair' ? delivery.certificateFile : delivery.file);
        const chain = delivery.kind === 'pair' ? parseCertificates(readFileSync(file)) : parseKubeconfig(readFileSync(file), file).chain;
        assert.deepEqual(
          chain.slice(1).map(({ subject }) => commonNameOf(subject)),
          [`intermediate ${authority}`],
          file,
        );
      }
      for (const { certificateFile, copies, id } of request.manifest.authorities)
        for (const file of [certificateFile, ...copies.map((copy) => copy.certificateFile)])
          assert.deepEqual(names(readFileSync(join(request.directory, file))), [`intermediate ${id}`]);
      for (const { file } of request.manifest.kubeconfigs)
        assert.deepEqual(
          parseKubeconfig(readFileSync(join(request.directory, file)), file).trust.map(({ subject }) => commonNameOf(subject)),
          ['intermediate cluster'],
        );
      assert.deepEqual(kinds(await generateCluster(request)), ['keep']);
    });

    test(`with its root given too, layout ${layout}, lets servers be verified by the root and clients only by itself`, async (t) => {
      const { request, root } = await setUp(temporaryDirectory(t), layout);
      const trustRootFile = join(temporaryDirectory(t), 'root.pem');
      writeFileSync(trustRootFile, certificatePem(root.certificate));
      await generateCluster({ ...request, trustRootFile });
      for (const { file } of request.manifest.kubeconfigs)
        assert.deepEqual(
          parseKubeconfig(readFileSync(join(request.directory, file)), file).trust.map(({ subject }) => commonNameOf(subject)),
          ['intermediate cluster', 'root'],
        );
      const holdRoot = readdirSync(request.directory, { recursive: true, encoding: 'utf8' }).filter(
        (name) =>
          /\.(?:pem|crt)$/.test(name) && !/-key\./.test(name) && names(readFileSync(join(request.directory, name))).includes('root'),
      );
      assert.deepEqual(
        holdRoot.sort(),
        layout === 'kismatic'
          ? ['keys/server-trust.pem']
          : [
              'etcd1/pki/etcd/server-trust.crt',
              'master1/pki/etcd/server-trust.crt',
              'master1/pki/server-trust.crt',
              'pki/etcd/server-trust.crt',
              'pki/server-trust.crt',
              'worker1/pki/server-trust.crt',
            ],
      );
      // Later runs go by what the first was given.
      assert.deepEqual(kinds(await generateCluster(request)), ['keep']);
    });
  }

  test('with a root that is not its own, or a file that holds more, is refused', async (t) => {
    const { request, root } = await setUp(temporaryDirectory(t), 'kismatic');
    const other = await testAuthority('root', at);
    const trustRootFile = join(temporaryDirectory(t), 'root.pem');
    for (const [content, words] of [
      [certificatePem(other.certificate), 'no path leads'],
      [certificatePem(root.certificate) + certificatePem(other.certificate), 'does not stand above'],
    ] as const) {
      writeFileSync(trustRootFile, content);
      await assert.rejects(generateCluster({ ...request, trustRootFile }), coded('CaInvalid', words));
    }
    const plain = smallRequest(temporaryDirectory(t), 'kismatic', { trustRootFile });
    await give(plain, () => testAuthority('root', at));
    await assert.rejects(generateCluster(plain), coded('CaInvalid', 'itself a root'));
  });
});

describe('a CA laid down as the guide of Kismatic names its files', () => {
  const layDown = async (directory: string) => {
    const given = await testAuthority('company aggregation', at);
    mkdirSync(join(directory, 'keys'), { recursive: true });
    writeAuthority(directory, given, { certificate: 'keys/proxy-client.pem', key: 'keys/proxy-client-ca.pem' });
    return given;
  };
  const check = (directory: string, given: TestAuthority): void => {
    const ca = readFileSync(join(directory, 'keys/proxy-client-ca.pem'));
    assert.deepEqual(names(ca), ['company aggregation']);
    assert.ok(
      keyBelongsTo(importPrivateKey(readFileSync(join(directory, 'keys/proxy-client-ca-key.pem'))), certificateKey(given.certificate)),
    );
    const leaf = parseFirstCertificate(readFileSync(join(directory, 'keys/proxy-client.pem')));
    assert.equal(commonNameOf(leaf.subject), 'aggregator');
    assert.ok(isSignedBy(leaf, given.certificate));
  };

  test('is recognised by what they hold, told, put right, and the old files kept aside', async (t) => {
    const directory = temporaryDirectory(t);
    const given = await layDown(directory);
    const before = snapshot(directory);
    const planned = planCluster(smallRequest(directory, 'kismatic'));
    assert.match(planned.actions.find(({ id }) => id === 'proxy-client CA')?.notes.join() ?? '', /lay in the place of its certificate/);
    assert.deepEqual(changedPaths(before, snapshot(directory)), []);
    const { backups } = await generateCluster(smallRequest(directory, 'kismatic'));
    check(directory, given);
    assert.deepEqual(names(readFileSync(join(directory, 'keys/proxy-client.pem.bak-20261123T054321Z'))), ['company aggregation']);
    assert.equal(backups.length, 2);
    assert.deepEqual(kinds(await generateCluster(smallRequest(directory, 'kismatic'))), ['keep']);
  });

  test('is put right however often the run is stopped', async (t) => {
    for (let number = 0; number < 14; number++) {
      const directory = temporaryDirectory(t);
      const given = await layDown(directory);
      let count = 0;
      const onStep = (): void => {
        if (count++ === number) throw new Error('killed');
      };
      await assert.rejects(generateCluster(smallRequest(directory, 'kismatic', { onStep })), /killed/);
      await generateCluster(smallRequest(directory, 'kismatic'));
      check(directory, given);
      assert.deepEqual(kinds(await generateCluster(smallRequest(directory, 'kismatic'))), ['keep'], `stopped before write ${number}`);
    }
  });
});

describe('a CA whose key is elsewhere', () => {
  /** Where a request is, and where its certificate is wanted. */
  const requestsOf = ({ manifest, directory }: GenerateRequest) =>
    manifest.certificates.map((planned) => {
      const { delivery } = planned;
      const [request, answer] =
        delivery.kind === 'pair'
          ? [delivery.certificateFile.replace(/\.\w+$/, '.csr'), delivery.certificateFile]
          : [`${delivery.file}.csr`, `${delivery.file}.crt`];
      return { planned, request: join(directory, request), answer: join(directory, answer) };
    });

  const signRequest = async (request: GenerateRequest, given: ReadonlyMap<AuthorityId, TestAuthority>, index: number): Promise<void> => {
    const found = requestsOf(request)[index];
    assert.ok(found !== undefined);
    const authority = given.get(found.planned.authority);
    assert.ok(authority !== undefined);
    const publicKey = verifyCsr(readCsr(readFileSync(found.request)));
    const certificate = await signCertificate(leafTemplate(found.planned, publicKey, at, 86_400_000), authority, { random: randomOctets });
    writeFileSync(found.answer, certificatePem(certificate));
  };

  for (const layout of layouts)
    test(`in layout ${layout} gets requests, and what it signs is picked up, kubeconfigs completed`, async (t) => {
      const request = smallRequest(temporaryDirectory(t), layout);
      const root = await testAuthority('root', at);
      const given = await give(request, (id) => testAuthority(`external ${id}`, at, { parent: root }), { withKey: false });
      const first = await generateCluster(request);
      const all = requestsOf(request);
      const repeating = layout === 'kismatic' ? 1 : 0;
      assert.equal(first.waiting.length, all.length + repeating);
      assert.throws(() => requireSigned(first), coded('SignedCertificateMissing', `${all.length + repeating} certificates`));
      for (const { planned, request: path } of all) {
        const csr = readCsr(readFileSync(path));
        verifyCsr(csr);
        assert.equal(commonNameOf(csr.subject), planned.subject.commonName);
        assert.equal(csr.subjectAltNames?.length ?? 0, planned.sans.length);
        assert.ok((csr.extendedKeyUsage ?? []).length > 0);
      }
      const before = snapshot(request.directory);
      assert.ok(kinds(await generateCluster(request)).includes('wait'));
      assert.deepEqual(changedPaths(before, snapshot(request.directory)), []);
      for (const [, mode] of [...before].filter(([path]) => path.endsWith('.csr')).map(([path, value]) => [path, value.split(' ')[0]]))
        assert.equal(mode, '600');

      await signRequest(request, given, 0);
      const second = await generateCluster(request);
      assert.deepEqual(
        second.actions.filter(({ kind }) => kind === 'pick-up').map(({ id }) => id),
        [all[0]?.planned.id],
      );
      for (let i = 1; i < all.length; i++) await signRequest(request, given, i);
      const third = await generateCluster(request);
      requireSigned(third);
      for (const { request: path, planned } of all) {
        assert.equal(existsSync(path), false);
        const file = join(request.directory, planned.delivery.kind === 'pair' ? planned.delivery.certificateFile : planned.delivery.file);
        const chain =
          planned.delivery.kind === 'pair' ? parseCertificates(readFileSync(file)) : parseKubeconfig(readFileSync(file), file).chain;
        assert.deepEqual(
          chain.map(({ subject }) => commonNameOf(subject)),
          [planned.subject.commonName, `external ${planned.authority}`],
        );
      }
      const after = await generateCluster(request);
      assert.deepEqual(kinds(after), ['keep']);
      assert.deepEqual(
        readdirSync(request.directory, { recursive: true, encoding: 'utf8' }).filter(
          (name) => name.endsWith('.conf.crt') || name.endsWith('.csr'),
        ),
        [],
      );
    });

  test('that hands back a wrong certificate is told which and why, and nothing is changed', async (t) => {
    for (const layout of layouts) {
      const request = smallRequest(temporaryDirectory(t), layout);
      const given = await give(request, (id) => testAuthority(`external ${id}`, at), { withKey: false });
      await generateCluster(request);
      const all = requestsOf(request);
      const last = all.length - 1;
      await signRequest(request, given, last);
      await signRequest(request, given, 0);
      const [a, b] = [all[0], all[last]];
      assert.ok(a !== undefined && b !== undefined);
      // Two answers put into each other's places.
      renameSync(a.answer, `${a.answer}.x`);
      renameSync(b.answer, a.answer);
      renameSync(`${a.answer}.x`, b.answer);
      const before = snapshot(request.directory);
      await assert.rejects(generateCluster(request), coded('DriftFound', a.planned.subject.commonName, 'the key beside it is not its own'));
      assert.deepEqual(changedPaths(before, snapshot(request.directory)), []);
    }
  });

  test('is asked again when the plan changes while it has not answered', async (t) => {
    const request = smallRequest(temporaryDirectory(t), 'kismatic');
    await give(request, (id) => testAuthority(`external ${id}`, at), { withKey: false });
    await generateCluster(request);
    const key = readFileSync(join(request.directory, 'keys/etcd1-etcd-key.pem'));
    const manifest = smallManifest('kismatic', (certificate) =>
      certificate.id === 'etcd1-etcd' ? { ...certificate, sans: [{ type: 'dns', value: 'new.example' }] } : certificate,
    );
    const { actions } = await generateCluster({ ...request, manifest });
    assert.deepEqual(
      actions.filter(({ kind }) => kind === 'request').map(({ id }) => id),
      ['etcd1-etcd'],
    );
    assert.deepEqual(readCsr(readFileSync(join(request.directory, 'keys/etcd1-etcd.csr'))).subjectAltNames, [
      { type: 'dns', value: 'new.example' },
    ]);
    assert.deepEqual(readFileSync(join(request.directory, 'keys/etcd1-etcd-key.pem')), key);
  });

  test('is asked for a renewal with a new key, the old pair kept aside', async (t) => {
    for (const layout of layouts) {
      const request = smallRequest(temporaryDirectory(t), layout);
      const given = await give(request, (id) => testAuthority(`external ${id}`, at));
      await generateCluster(request);
      for (const { keyFile } of request.manifest.authorities) rmSync(join(request.directory, keyFile));
      const [planned] = request.manifest.certificates;
      const lastOne = request.manifest.certificates.at(-1);
      assert.ok(planned !== undefined && lastOne !== undefined);
      const { certificates } = await renewCluster({ ...request, names: [planned.id, lastOne.id] });
      assert.deepEqual(
        certificates.map(({ result }) => result),
        ['requested', 'requested'],
      );
      const waiting = await generateCluster(request);
      assert.ok(waiting.waiting.some(({ id }) => id === planned.id) && waiting.waiting.some(({ id }) => id === lastOne.id));
      await signRequest(request, given, 0);
      await signRequest(request, given, request.manifest.certificates.length - 1);
      requireSigned(await generateCluster(request));
      assert.deepEqual(kinds(await generateCluster(request)), ['keep']);
      assert.ok(readdirSync(request.directory, { recursive: true, encoding: 'utf8' }).some((name) => name.includes('.bak-')));
    }
  });
});
