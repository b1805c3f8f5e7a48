import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { repositoryRoot } from '../testing/golden.ts';
import { kubeadmAuthorities, kubeadmCertificates, kubeadmKeyPairs, kubeadmKubeconfigs } from './kubeadm-layout.ts';
import type { PlannedCertificate } from './manifest.ts';
import { parsePlan } from './plan-file.ts';
import { planManifest } from './plan-manifest.ts';

const read = (path: string) => ({ ...parsePlan(readFileSync(`${repositoryRoot}/${path}`, 'utf8'), path), layout: 'kubeadm' as const });
const plan = read('examples/three-masters.yaml');
const awkward = read('test/vectors/cluster/awkward.yaml');

const certificateOf = (id: string): PlannedCertificate =>
  kubeadmCertificates(awkward).find((certificate) => certificate.id === id) ?? assert.fail(`${id} is not planned`);
const sansOf = (id: string): readonly string[] => certificateOf(id).sans.map(({ type, value }) => `${type}:${value}`);

const filesOf = (host: string): readonly string[] =>
  [...(planManifest(awkward).machines.find((machine) => machine.host === host)?.files ?? [])]
    .map((file) => file.replace(`${host}/`, ''))
    .sort();

const masterFiles = [
  'admin.conf',
  'controller-manager.conf',
  'kubelet.conf',
  'pki/apiserver-etcd-client.crt',
  'pki/apiserver-etcd-client.key',
  'pki/apiserver-kubelet-client.crt',
  'pki/apiserver-kubelet-client.key',
  'pki/apiserver.crt',
  'pki/apiserver.key',
  'pki/ca.crt',
  'pki/etcd/ca.crt',
  'pki/front-proxy-ca.crt',
  'pki/front-proxy-client.crt',
  'pki/front-proxy-client.key',
  'pki/sa.key',
  'pki/sa.pub',
  'scheduler.conf',
  'super-admin.conf',
];
const etcdFiles = [
  'pki/etcd/ca.crt',
  'pki/etcd/healthcheck-client.crt',
  'pki/etcd/healthcheck-client.key',
  'pki/etcd/peer.crt',
  'pki/etcd/peer.key',
  'pki/etcd/server.crt',
  'pki/etcd/server.key',
];

describe('layout kubeadm', () => {
  test('gives a machine the files of what it is, and nothing else', () => {
    assert.deepEqual(filesOf('v6-master'), masterFiles);
    assert.deepEqual(filesOf('Node-A'), [...new Set([...masterFiles, ...etcdFiles])].sort());
    assert.deepEqual(filesOf('etcd-only'), etcdFiles);
    assert.deepEqual(filesOf('edge'), ['kubelet.conf', 'pki/ca.crt']);
    assert.deepEqual(filesOf('worker.example.com'), ['kubelet.conf', 'pki/ca.crt', ...etcdFiles]);
  });

  test('has the leaves of a master that is an etcd member, as kubeadm 1.29 and newer names them', () => {
    const row = ({ id, subject, authority, usages, delivery, restarts }: PlannedCertificate): string =>
      [
        id.replace('Node-A/', ''),
        subject.commonName,
        subject.organizations.join(','),
        authority,
        usages.slice(2).join('+'),
        delivery.kind === 'pair' ? delivery.certificateFile : delivery.file,
        restarts.join(' '),
      ].join(' | ');
    assert.deepEqual(
      kubeadmCertificates(awkward)
        .filter((certificate) => certificate.hosts.includes('Node-A'))
        .map(row),
      [
        'apiserver | kube-apiserver |  | cluster | server auth | Node-A/pki/apiserver.crt | kube-apiserver',
        'apiserver-kubelet-client | kube-apiserver-kubelet-client | kubeadm:cluster-admins | cluster | client auth | Node-A/pki/apiserver-kubelet-client.crt | kube-apiserver',
        'front-proxy-client | front-proxy-client |  | proxy-client | client auth | Node-A/pki/front-proxy-client.crt | kube-apiserver',
        'apiserver-etcd-client | kube-apiserver-etcd-client |  | etcd | client auth | Node-A/pki/apiserver-etcd-client.crt | kube-apiserver',
        'etcd-server | node-a |  | etcd | server auth+client auth | Node-A/pki/etcd/server.crt | etcd',
        'etcd-peer | node-a |  | etcd | server auth+client auth | Node-A/pki/etcd/peer.crt | etcd',
        'etcd-healthcheck-client | kube-etcd-healthcheck-client |  | etcd | client auth | Node-A/pki/etcd/healthcheck-client.crt | ',
        'admin.conf | kubernetes-admin | kubeadm:cluster-admins | cluster | client auth | Node-A/admin.conf | ',
        'super-admin.conf | kubernetes-super-admin | system:masters | cluster | client auth | Node-A/super-admin.conf | ',
        'controller-manager.conf | system:kube-controller-manager |  | cluster | client auth | Node-A/controller-manager.conf | kube-controller-manager',
        'scheduler.conf | system:kube-scheduler |  | cluster | client auth | Node-A/scheduler.conf | kube-scheduler',
        'kubelet.conf | system:node:node-a | system:nodes | cluster | client auth | Node-A/kubelet.conf | kubelet',
      ],
    );
  });

  test('has three CAs named as kubeadm writes them, their keys once and their certificates where they are needed', () => {
    assert.deepEqual(
      kubeadmAuthorities(awkward).map(({ subject, dnsNames, certificateFile, keyFile, copies }) => [
        subject,
        dnsNames,
        certificateFile,
        keyFile,
        copies.map((copy) => copy.certificateFile).join(' '),
      ]),
      [
        [
          [{ type: 'commonName', value: 'kubernetes' }],
          ['kubernetes'],
          'pki/ca.crt',
          'pki/ca.key',
          'Node-A/pki/ca.crt worker.example.com/pki/ca.crt v6-master/pki/ca.crt edge/pki/ca.crt',
        ],
        [
          [{ type: 'commonName', value: 'front-proxy-ca' }],
          ['front-proxy-ca'],
          'pki/front-proxy-ca.crt',
          'pki/front-proxy-ca.key',
          'Node-A/pki/front-proxy-ca.crt v6-master/pki/front-proxy-ca.crt',
        ],
        [
          [{ type: 'commonName', value: 'etcd-ca' }],
          ['etcd-ca'],
          'pki/etcd/ca.crt',
          'pki/etcd/ca.key',
          'Node-A/pki/etcd/ca.crt etcd-only/pki/etcd/ca.crt worker.example.com/pki/etcd/ca.crt v6-master/pki/etcd/ca.crt',
        ],
      ],
    );
  });

  test('has one pair for tokens, the same on all masters', () => {
    assert.deepEqual(kubeadmKeyPairs({ ...plan, keyAlgorithm: 'ml-dsa-44' }), [
      {
        id: 'service-account',
        description: 'service account signing',
        keyAlgorithm: 'ecdsa-p256',
        keyFile: 'pki/sa.key',
        publicKeyFile: 'pki/sa.pub',
        copies: ['master1', 'master2', 'master3'].map((host) => ({
          host,
          keyFile: `${host}/pki/sa.key`,
          publicKeyFile: `${host}/pki/sa.pub`,
        })),
      },
    ]);
  });

  test('names the API server by its node name, services, addresses, the endpoint and extra names', () => {
    assert.deepEqual(sansOf('Node-A/apiserver'), [
      'dns:node-a',
      'dns:kubernetes',
      'dns:kubernetes.default',
      'dns:kubernetes.default.svc',
      'dns:kubernetes.default.svc.k8s.example',
      'ip:10.96.0.1',
      'ip:fd00:10:96::1',
      'ip:192.168.0.5',
      'ip:10.0.0.5',
      'ip:2001:db8::100',
      'dns:api.example.com',
      'ip:2001:db8::10',
      'ip:127.0.0.1',
      'dns:*.apps.example.com',
      'dns:node-a.example.com',
    ]);
  });

  test('names etcd’s servers and peers alike', () => {
    const names = ['dns:etcd-only', 'dns:localhost', 'ip:2001:db8::e', 'ip:127.0.0.1', 'ip:::1', 'dns:etcd.example.com'];
    assert.deepEqual(sansOf('etcd-only/etcd-server'), names);
    assert.deepEqual(sansOf('etcd-only/etcd-peer'), names);
    assert.deepEqual(sansOf('etcd-only/etcd-healthcheck-client'), []);
  });

  test('sends the controller manager and the scheduler to the API server beside them, all others to the endpoint', () => {
    assert.deepEqual(
      kubeadmKubeconfigs(awkward).map(({ file, server, userName, contextName }) => `${file} ${server} ${userName} ${contextName}`),
      [
        'Node-A/admin.conf https://[2001:db8::100]:8443 kubernetes-admin kubernetes-admin@Übung 1',
        'Node-A/super-admin.conf https://[2001:db8::100]:8443 kubernetes-super-admin kubernetes-super-admin@Übung 1',
        'Node-A/controller-manager.conf https://192.168.0.5:6443 system:kube-controller-manager system:kube-controller-manager@Übung 1',
        'Node-A/scheduler.conf https://192.168.0.5:6443 system:kube-scheduler system:kube-scheduler@Übung 1',
        'Node-A/kubelet.conf https://[2001:db8::100]:8443 system:node:node-a system:node:node-a@Übung 1',
        'worker.example.com/kubelet.conf https://[2001:db8::100]:8443 system:node:worker.example.com system:node:worker.example.com@Übung 1',
        'v6-master/admin.conf https://[2001:db8::100]:8443 kubernetes-admin kubernetes-admin@Übung 1',
        'v6-master/super-admin.conf https://[2001:db8::100]:8443 kubernetes-super-admin kubernetes-super-admin@Übung 1',
        'v6-master/controller-manager.conf https://[fd00::6]:6443 system:kube-controller-manager system:kube-controller-manager@Übung 1',
        'v6-master/scheduler.conf https://[fd00::6]:6443 system:kube-scheduler system:kube-scheduler@Übung 1',
        'v6-master/kubelet.conf https://[2001:db8::100]:8443 system:node:v6-master system:node:v6-master@Übung 1',
        'edge/kubelet.conf https://[2001:db8::100]:8443 system:node:edge system:node:edge@Übung 1',
      ],
    );
  });
});
