import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isCodedError } from '../base/coded-error.ts';
import type { GeneralName } from '../pki/general-name.ts';
import { subjectName } from '../pki/name.ts';
import { generatePrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { signCertificate } from '../pki/sign-certificate.ts';
import type { Usage } from '../pki/usage.ts';
import { certificatePem } from '../pki/x509-certificate.ts';
import { randomOctets, testAuthority } from '../testing/authority-files.ts';
import { changedPaths, smallRequest, snapshot, testTime } from '../testing/cluster-fixture.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { adoptDirectory } from './adopt.ts';
import { checkCluster } from './check.ts';
import { generateCluster } from './generate.ts';
import type { Plan } from './plan.ts';
import { parsePlan } from './plan-file.ts';
import { planManifest } from './plan-manifest.ts';
import { planTemplate } from './plan-template.ts';

/** Three masters that are etcd members, two workers, some with a second address. */
const sourcePlan = (layout: Plan['layout'], changes: Partial<Plan> = {}): Plan => {
  const plan = parsePlan(planTemplate({ name: 'production', etcd: 1, masters: 1, workers: 1 }), 'plan.yaml');
  return {
    ...plan,
    layout,
    keyAlgorithm: 'ecdsa-p384',
    clusterDomain: 'corp.example',
    serviceCidrs: ['10.32.0.0/16'],
    serviceIps: ['10.32.0.1'],
    expiryMs: 4000 * 3_600_000,
    apiServerExtraSans: ['api.corp.example', '203.0.113.9'],
    loadBalancer: { host: 'lb.corp.example', port: 8443 },
    machines: [
      ...['m1', 'm2', 'm3'].map((host, i) => ({
        host,
        ip: `192.0.2.${i + 1}`,
        ...(layout === 'kismatic' ? { internalIp: `10.0.0.${i + 1}` } : {}),
        roles: ['etcd', 'master'] as const,
        extraSans: [],
      })),
      { host: 'w1', ip: '192.0.2.11', roles: ['worker'], extraSans: [] },
      { host: 'w2', ip: '192.0.2.12', roles: ['worker'], extraSans: [] },
    ],
    ...changes,
  };
};

const generated = async (directory: string, plan: Plan): Promise<void> => {
  await generateCluster(smallRequest(directory, plan.layout, { manifest: planManifest(plan) }));
};

const withoutMarks = (plan: Plan) => ({
  ...plan,
  fileName: '',
  warnings: [],
  podCidr: '',
  caExpiryMs: 0,
  cniProvider: '',
  dnsServiceIp: '',
});

describe('adopting a directory of our own', () => {
  test('of layout kismatic gives a plan by which it is right, and writes nothing there', async (t) => {
    const directory = temporaryDirectory(t);
    const plan = sourcePlan('kismatic');
    await generated(directory, plan);
    const before = snapshot(directory);
    for (const source of [directory, join(directory, 'keys')]) {
      const { layout, text, doubts } = adoptDirectory(source);
      assert.equal(layout, 'kismatic');
      const adopted = parsePlan(text, 'adopted.yaml');
      assert.deepEqual(withoutMarks(adopted), withoutMarks(plan));
      const found = checkCluster({ manifest: planManifest(adopted), directory, at: testTime, warningWindowMs: 0 });
      assert.equal(found.verdict, 'ok', JSON.stringify(found.certificates.filter(({ status }) => status !== 'ok')));
      assert.ok(
        doubts.some((doubt) => doubt.includes('10.32.0.1')),
        doubts.join('\n'),
      );
      assert.ok(doubts.some((doubt) => doubt.includes('ingress or storage')));
    }
    assert.deepEqual(changedPaths(before, snapshot(directory)), []);
  });

  test('of layout kubeadm with all machines gives a plan by which it is right', async (t) => {
    const directory = temporaryDirectory(t);
    const plan = sourcePlan('kubeadm');
    await generated(directory, plan);
    // A worker's tree holds no certificate with its address.
    const { layout, text, doubts } = adoptDirectory(directory);
    assert.equal(layout, 'kubeadm');
    assert.equal(doubts.filter((doubt) => doubt.includes('no certificate tells the address')).length, 1);
    // By hand, as the CHECK lines ask: the addresses of the two workers.
    const lines = text.split('\n');
    for (const [i, line] of lines.entries())
      if (/host: "?w[12]/.test(line)) lines[i + 2] = `      ip: 192.0.2.${10 + Number(/w([12])/.exec(line)?.[1])}`;
    const adopted = parsePlan(lines.join('\n'), 'adopted.yaml');
    assert.deepEqual(withoutMarks(adopted), withoutMarks(plan));
    const found = checkCluster({ manifest: planManifest(adopted), directory, at: testTime, warningWindowMs: 0 });
    assert.equal(found.verdict, 'ok');
  });

  test('of one machine of kubeadm says that only this one is known', async (t) => {
    const directory = temporaryDirectory(t);
    const plan = sourcePlan('kubeadm');
    await generated(directory, plan);
    for (const source of [join(directory, 'm1'), join(directory, 'm1/pki')]) {
      const { layout, text, doubts } = adoptDirectory(source);
      assert.equal(layout, 'kubeadm');
      assert.match(doubts.join('\n'), /only this machine is known/);
      const adopted = parsePlan(text, 'adopted.yaml');
      assert.deepEqual(
        adopted.machines.map(({ host, ip, roles }) => ({ host, ip, roles })),
        [{ host: 'm1', ip: '192.0.2.1', roles: ['etcd', 'master', 'worker'] }],
      );
      assert.deepEqual([adopted.clusterDomain, adopted.serviceIps, adopted.keyAlgorithm], ['corp.example', ['10.32.0.1'], 'ecdsa-p384']);
      assert.deepEqual(adopted.apiServerExtraSans.toSorted(), ['203.0.113.9', 'api.corp.example']);
    }
  });

  test('whose hosts are called what YAML would read otherwise still gives a plan', async (t) => {
    const directory = temporaryDirectory(t);
    const plan = sourcePlan('kismatic');
    const [master] = plan.machines;
    assert.ok(master !== undefined);
    const machines = ['null', '1e3', 'on', '0x1'].map((host, i) => ({
      ...master,
      host,
      ip: `192.0.2.${i + 1}`,
      internalIp: `10.0.0.${i + 1}`,
      roles: ['etcd', 'master', 'worker'] as const,
    }));
    await generated(directory, { ...plan, machines });
    const adopted = parsePlan(adoptDirectory(directory).text, 'adopted.yaml');
    assert.deepEqual(adopted.machines.map(({ host }) => host).toSorted(), ['0x1', '1e3', 'null', 'on']);
  });

  test('without a kubeconfig, or with a damaged one, asks for the address of the API servers', async (t) => {
    const directory = temporaryDirectory(t);
    await generated(directory, sourcePlan('kismatic'));
    writeFileSync(join(directory, 'kubeconfig'), '{');
    assert.match(adoptDirectory(directory).doubts.join('\n'), /where clients reach the API servers/);
    rmSync(join(directory, 'kubeconfig'));
    assert.match(adoptDirectory(directory).doubts.join('\n'), /where clients reach the API servers/);
  });
});

describe('adopting what other tools made', () => {
  const layDown = async (directory: string) => {
    const ca = await testAuthority('10.1.0.5', testTime);
    const issue = async (file: string, commonName: string, usages: readonly Usage[], sans: readonly GeneralName[]): Promise<void> => {
      const publicKey = publicKeyOf(await generatePrivateKey('rsa-2048'));
      const certificate = await signCertificate(
        {
          subject: subjectName(commonName),
          publicKey,
          notBefore: testTime,
          notAfter: new Date(testTime.getTime() + 825 * 86_400_000),
          usages: ['digital signature', ...usages],
          subjectAltNames: sans,
        },
        ca,
        { random: randomOctets },
      );
      writeFileSync(join(directory, file), certificatePem(certificate));
    };
    const dns = (value: string): GeneralName => ({ type: 'dns', value });
    const ip = (value: string): GeneralName => ({ type: 'ip', value });
    mkdirSync(join(directory, 'pki/issued'), { recursive: true });
    mkdirSync(join(directory, 'pki/private'));
    writeFileSync(join(directory, 'pki/ca.crt'), certificatePem(ca.certificate));
    const both: readonly Usage[] = ['client auth', 'server auth'];
    await issue('pki/issued/kubernetes-control-plane_0.crt', 'juju-1.lxd', both, [
      ip('10.152.183.1'),
      ip('10.1.0.11'),
      ip('127.0.0.1'),
      dns('juju-1'),
      dns('kubernetes'),
      dns('kubernetes.default'),
      dns('kubernetes.default.svc'),
      dns('kubernetes.default.svc.cluster.local'),
    ]);
    await issue('pki/issued/kubernetes-worker_0.crt', '10.1.0.12', both, [
      ip('10.1.0.12'),
      ip('127.0.0.1'),
      dns('juju-2'),
      dns('juju-2.lxd'),
    ]);
    await issue('pki/issued/client.crt', 'client', ['client auth'], []);
  };

  test('reads an EasyRSA directory as far as it tells', async (t) => {
    const directory = temporaryDirectory(t);
    await layDown(directory);
    for (const source of [directory, join(directory, 'pki')]) {
      const { layout, text, doubts, notes } = adoptDirectory(source);
      assert.equal(layout, 'easyrsa');
      const plan = parsePlan(text, 'adopted.yaml');
      assert.deepEqual(
        plan.machines.map(({ host, ip, roles }) => ({ host, ip, roles })),
        [
          { host: 'juju-1', ip: '10.1.0.11', roles: ['etcd', 'master'] },
          { host: 'juju-2', ip: '10.1.0.12', roles: ['worker'] },
        ],
      );
      assert.deepEqual([plan.serviceIps, plan.keyAlgorithm, plan.expiryMs], [['10.152.183.1'], 'rsa-2048', 825 * 86_400_000]);
      assert.ok(doubts.length >= 4, doubts.join('\n'));
      assert.match(notes.join(), /private\/ca\.key/);
    }
  });

  test('refuses a directory of no known layout, one that is not there, and a damaged certificate', async (t) => {
    const directory = temporaryDirectory(t);
    const code = (wanted: string) => (error: unknown) => isCodedError(error) && error.code === wanted;
    assert.throws(() => adoptDirectory(directory), code('LayoutUnrecognised'));
    assert.throws(() => adoptDirectory(join(directory, 'none')), code('LayoutUnrecognised'));
    await generated(directory, sourcePlan('kismatic'));
    writeFileSync(join(directory, 'keys/m1-etcd.pem'), readFileSync(join(directory, 'keys/m1-etcd.pem'), 'utf8').slice(0, 300));
    assert.throws(
      () => adoptDirectory(directory),
      (error) => isCodedError(error) && error.message.includes('m1-etcd.pem'),
    );
  });
});
