import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIpAddress } from '../base/ip-address.ts';
import { isRsa } from '../pki/key-algorithm.ts';
import { assertGolden, repositoryRoot } from '../testing/golden.ts';
import { runs, seed } from '../testing/runs.ts';
import { type ClusterManifest, certificatesNamed, machineNamed } from './manifest.ts';
import { nodeRoles } from './node-roles.ts';
import { hasRole, type Layout, type Plan } from './plan.ts';
import { parsePlan } from './plan-file.ts';
import { planManifest } from './plan-manifest.ts';

const planOf = (path: string, layout: Layout): Plan => {
  const plan = parsePlan(readFileSync(`${repositoryRoot}/${path}`, 'utf8'), path);
  return { ...plan, layout };
};

const goldenManifest = (manifest: ClusterManifest): string => `${JSON.stringify(manifest, null, 1)}\n`;

const manifestOf = (layout: Layout, path = 'test/vectors/cluster/awkward.yaml'): ClusterManifest => planManifest(planOf(path, layout));

describe('the manifest', () => {
  for (const layout of ['kismatic', 'kubeadm'] as const) {
    test(`of three masters in layout ${layout} is the one in test/vectors`, () => {
      assertGolden(`test/vectors/cluster/three-masters.${layout}.json`, goldenManifest(manifestOf(layout, 'examples/three-masters.yaml')));
    });

    test(`of an awkward plan in layout ${layout} is the one in test/vectors`, () => {
      assertGolden(`test/vectors/cluster/awkward.${layout}.json`, goldenManifest(manifestOf(layout)));
    });
  }

  test('means one certificate by its id, those of a kind by their group, and every one by all', () => {
    const manifest = manifestOf('kubeadm');
    const ids = (name: string) => certificatesNamed(manifest, name).map((certificate) => certificate.id);
    assert.deepEqual(ids('Node-A/apiserver'), ['Node-A/apiserver']);
    assert.deepEqual(ids('etcd-peer'), ['Node-A/etcd-peer', 'etcd-only/etcd-peer', 'worker.example.com/etcd-peer']);
    assert.deepEqual(ids('all').length, manifest.certificates.length);
    assert.throws(() => ids('etcd-pear'), { code: 'CertificateUnknown', message: /"etcd-pear"/, hint: /etcd-peer/ });
    assert.deepEqual(
      certificatesNamed(manifestOf('kismatic'), 'etcd').map((certificate) => certificate.id),
      ['Node-A-etcd', 'etcd-only-etcd', 'worker.example.com-etcd'],
    );
  });

  test('has kubeadm’s own names for renewal', () => {
    const groups = new Set(manifestOf('kubeadm').certificates.flatMap((certificate) => certificate.groups));
    assert.deepEqual([...groups].sort(), [
      'admin.conf',
      'apiserver',
      'apiserver-etcd-client',
      'apiserver-kubelet-client',
      'controller-manager.conf',
      'etcd-healthcheck-client',
      'etcd-peer',
      'etcd-server',
      'front-proxy-client',
      'kubelet.conf',
      'scheduler.conf',
      'super-admin.conf',
    ]);
  });

  test('finds a machine by its host, letter case aside', () => {
    assert.equal(machineNamed(manifestOf('kubeadm'), 'node-a').host, 'Node-A');
    assert.throws(() => machineNamed(manifestOf('kubeadm'), 'node-b'), { code: 'NodeUnknown', hint: /Node-A/ });
  });
});

describe('the manifest of any plan', () => {
  const host = fc
    .tuple(
      fc.constantFrom('ca', 'admin', 'a', 'proxy', 'etcd', 'kube', 'all', 'sa', 'X-key', 'n.example'),
      fc.constantFrom('', '-etcd', '-client', '-key', '1'),
    )
    .map((parts) => parts.join(''));
  const machines = fc
    .uniqueArray(fc.record({ host, roles: fc.subarray([...nodeRoles], { minLength: 1 }), hasInternal: fc.boolean(), isV6: fc.boolean() }), {
      minLength: 1,
      maxLength: 8,
      selector: (machine) => machine.host.toLowerCase(),
    })
    .map((list) =>
      list.map(({ host: name, roles, hasInternal, isV6 }, index) => ({
        host: name,
        roles: index === 0 ? ([...new Set([...roles, 'etcd', 'master', 'worker'])] as typeof roles) : roles,
        ip: isV6 ? `2001:db8::${index + 1}` : `192.0.2.${index + 1}`,
        ...(hasInternal ? { internalIp: `10.0.0.${index + 1}` } : {}),
        extraSans: [`${name}.example.org`, '192.0.2.99', name.toUpperCase()],
      })),
    );
  const plans: fc.Arbitrary<Plan> = fc
    .record({
      machines,
      layout: fc.constantFrom<Layout>('kismatic', 'kubeadm'),
      keyAlgorithm: fc.constantFrom('ecdsa-p256', 'ecdsa-p521', 'rsa-2048', 'ed25519', 'ml-dsa-65'),
      cniProvider: fc.constantFrom('calico', 'contiv'),
    })
    .map((parts) => ({ ...planOf('examples/three-masters.yaml', parts.layout), ...parts }));
  const forAll = (holds: (plan: Plan, manifest: ClusterManifest) => void): void =>
    fc.assert(
      fc.property(plans, (plan) => holds(plan, planManifest(plan))),
      { seed, numRuns: runs(100, 5000) },
    );

  const filesOf = ({ authorities, keyPairs, certificates, kubeconfigs }: ClusterManifest): readonly string[] => [
    ...authorities.flatMap((authority) => [
      authority.certificateFile,
      authority.keyFile,
      ...authority.copies.map((copy) => copy.certificateFile),
    ]),
    ...keyPairs.flatMap((pair) => [pair.keyFile, pair.publicKeyFile, ...pair.copies.flatMap((copy) => [copy.keyFile, copy.publicKeyFile])]),
    ...certificates.flatMap(({ delivery }) => (delivery.kind === 'pair' ? [delivery.certificateFile, delivery.keyFile] : [])),
    ...kubeconfigs.map((kubeconfig) => kubeconfig.file),
  ];

  test('writes no file twice, letter case aside, and none outside its directory', () => {
    forAll((_, manifest) => {
      const files = filesOf(manifest);
      assert.equal(new Set(files.map((file) => file.toLowerCase())).size, files.length);
      for (const file of files) {
        assert.match(file, /^[A-Za-z0-9][A-Za-z0-9./-]*$/);
        assert.ok(!file.split('/').some((part) => part === '' || part === '.' || part === '..'), file);
      }
    });
  });

  test('has each id once, and no id that is a group', () => {
    forAll((_, { certificates }) => {
      const ids = certificates.map((certificate) => certificate.id);
      assert.equal(new Set(ids).size, ids.length);
      for (const group of certificates.flatMap((certificate) => certificate.groups))
        assert.ok(!ids.includes(group) && group !== 'all', group);
    });
  });

  test('types every name, and has none twice', () => {
    forAll((_, { certificates }) => {
      for (const { sans } of certificates) {
        for (const { type, value } of sans) assert.equal(type === 'ip', parseIpAddress(value) !== undefined, value);
        assert.equal(new Set(sans.map((san) => san.value.toLowerCase())).size, sans.length);
      }
    });
  });

  test('gives each leaf a purpose, both purposes to etcd and Kismatic’s kubelets alone, and encipherment to RSA keys alone', () => {
    forAll((_, { certificates, layout }) => {
      for (const { id, groups, usages, keyAlgorithm, sans } of certificates) {
        const purposes = usages.filter((usage) => usage === 'server auth' || usage === 'client auth' || usage === 'code signing');
        const hasBoth = groups.some((group) => ['etcd', 'kubelet', 'etcd-server', 'etcd-peer'].includes(group));
        assert.equal(purposes.length, hasBoth ? 2 : 1, id);
        assert.equal(usages.includes('key encipherment'), isRsa(keyAlgorithm) && !purposes.includes('code signing'), id);
        assert.ok(usages.includes('digital signature'));
        assert.equal(sans.length > 0, purposes.includes('server auth') && id !== 'contiv-proxy-server', id);
        if (layout === 'kubeadm') assert.ok(!groups.includes('kubelet.conf') || !hasBoth);
      }
    });
  });

  test('lets no machine have the key of a CA, and each what its roles need', () => {
    forAll((plan, { authorities, machines: planned }) => {
      const caKeys = new Set(authorities.map((authority) => authority.keyFile));
      assert.deepEqual(
        planned.map((machine) => machine.host),
        plan.machines.map((machine) => machine.host),
      );
      for (const [index, { host: name, files }] of planned.entries()) {
        const machine = plan.machines[index];
        assert.ok(machine !== undefined && files.length > 0);
        for (const file of files) {
          assert.ok(!caKeys.has(file) && !/(?:\/|^|-)ca(?:\.key|-key\.pem)$/.test(file), file);
          if (plan.layout === 'kubeadm') assert.ok(file.startsWith(`${name}/`), file);
        }
        assert.equal(
          files.some((file) => /service-account-key|sa\.key/.test(file)),
          hasRole(machine, 'master'),
        );
        const hasKubelet = files.includes(plan.layout === 'kismatic' ? `keys/${name}-kubelet.pem` : `${name}/kubelet.conf`);
        assert.equal(
          hasKubelet,
          machine.roles.some((role) => role !== 'etcd'),
        );
      }
    });
  });

  test('signs tokens with RSA or ECDSA keys only, and never makes that key anew', () => {
    forAll(({ keyAlgorithm }, { certificates, keyPairs }) => {
      const permanent = certificates.filter((certificate) => certificate.keyIsPermanent);
      const algorithms = [...permanent, ...keyPairs].map((pair) => pair.keyAlgorithm);
      assert.deepEqual(
        [...permanent, ...keyPairs].map((pair) => pair.id),
        ['service-account'],
      );
      assert.deepEqual(algorithms, [/^(?:rsa|ecdsa)-/.test(keyAlgorithm) ? keyAlgorithm : 'ecdsa-p256']);
      for (const certificate of certificates) if (!certificate.keyIsPermanent) assert.equal(certificate.keyAlgorithm, keyAlgorithm);
    });
  });

  test('has a certificate for each kubeconfig, and the kubeconfig each certificate names', () => {
    forAll((_, { certificates, kubeconfigs, layout }) => {
      for (const { certificateId, file } of kubeconfigs) {
        const certificate = certificates.find((candidate) => candidate.id === certificateId);
        assert.ok(certificate?.usages.includes('client auth'));
        if (layout === 'kubeadm') assert.deepEqual(certificate?.delivery, { kind: 'kubeconfig', file });
      }
      const delivered = certificates.flatMap(({ delivery }) => (delivery.kind === 'kubeconfig' ? [delivery.file] : []));
      assert.deepEqual(new Set(delivered), new Set(layout === 'kubeadm' ? kubeconfigs.map((kubeconfig) => kubeconfig.file) : []));
    });
  });
});
