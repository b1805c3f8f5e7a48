import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { repositoryRoot } from '../testing/golden.ts';
import { kismaticAuthorities, kismaticCertificates, kismaticKubeconfigs } from './kismatic-layout.ts';
import type { PlannedCertificate } from './manifest.ts';
import type { Plan } from './plan.ts';
import { parsePlan } from './plan-file.ts';

const plan = parsePlan(readFileSync(`${repositoryRoot}/examples/three-masters.yaml`, 'utf8'), 'three-masters.yaml');
const awkward = parsePlan(readFileSync(`${repositoryRoot}/test/vectors/cluster/awkward.yaml`, 'utf8'), 'awkward.yaml');

const certificateOf = (id: string, of: Plan): PlannedCertificate =>
  kismaticCertificates(of).find((certificate) => certificate.id === id) ?? assert.fail(`${id} is not planned`);
const sansOf = (id: string, of = awkward): readonly string[] => certificateOf(id, of).sans.map(({ type, value }) => `${type}:${value}`);

describe('layout kismatic', () => {
  test('has the certificates of Kismatic’s table: files, descriptions, subjects, CAs', () => {
    const row = ({ id, description, subject, authority, usages }: PlannedCertificate): string =>
      [id, description, subject.commonName, subject.organizations.join(','), authority, usages.slice(1).join('+')].join(' | ');
    assert.deepEqual(kismaticCertificates({ ...plan, cniProvider: 'contiv' }).map(row), [
      'etcd1-etcd | etcd1 etcd server | etcd1 |  | cluster | server auth+client auth',
      'etcd2-etcd | etcd2 etcd server | etcd2 |  | cluster | server auth+client auth',
      'etcd3-etcd | etcd3 etcd server | etcd3 |  | cluster | server auth+client auth',
      'master1-apiserver | master1 API server | master1 |  | cluster | server auth',
      'master2-apiserver | master2 API server | master2 |  | cluster | server auth',
      'master3-apiserver | master3 API server | master3 |  | cluster | server auth',
      'kube-controller-manager | kubernetes controller manager | system:kube-controller-manager |  | cluster | client auth',
      'kube-scheduler | kubernetes scheduler | system:kube-scheduler |  | cluster | client auth',
      'service-account | service account signing | kube-service-account |  | cluster | code signing',
      'master1-kubelet | master1 kubelet | system:node:master1 | system:nodes | cluster | server auth+client auth',
      'master2-kubelet | master2 kubelet | system:node:master2 | system:nodes | cluster | server auth+client auth',
      'master3-kubelet | master3 kubelet | system:node:master3 | system:nodes | cluster | server auth+client auth',
      'worker1-kubelet | worker1 kubelet | system:node:worker1 | system:nodes | cluster | server auth+client auth',
      'worker2-kubelet | worker2 kubelet | system:node:worker2 | system:nodes | cluster | server auth+client auth',
      'worker3-kubelet | worker3 kubelet | system:node:worker3 | system:nodes | cluster | server auth+client auth',
      'etcd-client | etcd client | etcd-client |  | cluster | client auth',
      'apiserver-kubelet-client | kube-apiserver kubelet client | kube-apiserver-kubelet-client | system:masters | cluster | client auth',
      'proxy-client | proxy client | aggregator | system:masters | proxy-client | client auth',
      'contiv-proxy-server | contiv proxy server | auth-local.cisco.com |  | cluster | server auth',
      'admin | admin client | admin | system:masters | cluster | client auth',
    ]);
    for (const { id, delivery } of kismaticCertificates(plan))
      assert.deepEqual(delivery, { kind: 'pair', certificateFile: `keys/${id}.pem`, keyFile: `keys/${id}-key.pem` });
    assert.ok(!kismaticCertificates(plan).some((certificate) => certificate.id === 'contiv-proxy-server'));
  });

  test('has two CAs with Kismatic’s subjects', () => {
    const rows = kismaticAuthorities(plan).map(({ id, subject, certificateFile, keyFile, hosts }) => ({
      id,
      subject: subject.map(({ type, value }) => `${type}=${value}`).join(', '),
      files: [certificateFile, keyFile],
      hosts: hosts.length,
    }));
    const rest = 'country=US, organization=Kubernetes, organizationalUnit=CA, locality=Troy, stateOrProvince=New York';
    assert.deepEqual(rows, [
      { id: 'cluster', subject: `${rest}, commonName=production`, files: ['keys/ca.pem', 'keys/ca-key.pem'], hosts: 9 },
      {
        id: 'proxy-client',
        subject: `${rest}, commonName=proxyClientCA`,
        files: ['keys/proxy-client-ca.pem', 'keys/proxy-client-ca-key.pem'],
        hosts: 3,
      },
    ]);
  });

  test('names the API server as Kismatic does, in its order', () => {
    assert.deepEqual(sansOf('master2-apiserver', plan), [
      'dns:kubernetes',
      'dns:kubernetes.default',
      'dns:kubernetes.default.svc',
      'dns:kubernetes.default.svc.cluster.local',
      'ip:127.0.0.1',
      'ip:172.20.0.1',
      'dns:master2',
      'ip:192.0.2.22',
      'dns:kubernetes.example.com',
      'ip:203.0.113.10',
      'dns:api.production.example.com',
    ]);
  });

  test('adds to these the second service block, the internal address, extra names and another domain, each name once', () => {
    assert.deepEqual(sansOf('Node-A-apiserver'), [
      'dns:kubernetes',
      'dns:kubernetes.default',
      'dns:kubernetes.default.svc',
      'dns:kubernetes.default.svc.k8s.example',
      'ip:127.0.0.1',
      'ip:10.96.0.1',
      'ip:fd00:10:96::1',
      'dns:Node-A',
      'ip:10.0.0.5',
      'ip:192.168.0.5',
      'dns:node-a.example.com',
      'dns:api.example.com',
      'ip:2001:db8::10',
      'dns:*.apps.example.com',
      'ip:2001:db8::100',
    ]);
  });

  test('gives a kubelet its host as written, its internal address where it has one, and the lower-case name to log in by', () => {
    assert.deepEqual(sansOf('Node-A-kubelet'), ['dns:Node-A', 'ip:192.168.0.5', 'dns:node-a.example.com']);
    assert.equal(certificateOf('Node-A-kubelet', awkward).subject.commonName, 'system:node:node-a');
    assert.deepEqual(sansOf('edge-kubelet'), ['dns:edge', 'ip:203.0.113.7']);
  });

  test('gives etcd its host, both addresses and the loopback', () => {
    assert.deepEqual(sansOf('Node-A-etcd'), ['dns:Node-A', 'ip:10.0.0.5', 'ip:127.0.0.1', 'ip:192.168.0.5', 'dns:node-a.example.com']);
    assert.deepEqual(sansOf('etcd-only-etcd'), ['dns:etcd-only', 'ip:2001:db8::e', 'ip:127.0.0.1', 'dns:etcd.example.com']);
  });

  test('makes the service account’s certificate over a key that stays, for signing alone', () => {
    const { usages, keyIsPermanent, restarts } = certificateOf('service-account', awkward);
    assert.deepEqual([usages, keyIsPermanent, restarts], [['digital signature', 'code signing'], true, []]);
    assert.equal(certificateOf('service-account', { ...plan, keyAlgorithm: 'ed25519' }).keyAlgorithm, 'ecdsa-p256');
  });

  test('lets keys encipher only where they can', () => {
    assert.deepEqual(certificateOf('admin', awkward).usages, ['digital signature', 'key encipherment', 'client auth']);
    assert.deepEqual(certificateOf('admin', plan).usages, ['digital signature', 'client auth']);
  });

  test('says which machines need a certificate and what to restart there', () => {
    const table = kismaticCertificates(awkward).map(({ id, hosts, restarts }) => `${id}: ${hosts.join(' ')} → ${restarts.join(' ')}`);
    assert.deepEqual(table, [
      'Node-A-etcd: Node-A → etcd',
      'etcd-only-etcd: etcd-only → etcd',
      'worker.example.com-etcd: worker.example.com → etcd',
      'Node-A-apiserver: Node-A → kube-apiserver',
      'v6-master-apiserver: v6-master → kube-apiserver',
      'kube-controller-manager: Node-A v6-master → kube-controller-manager',
      'kube-scheduler: Node-A v6-master → kube-scheduler',
      'service-account: Node-A v6-master → ',
      'Node-A-kubelet: Node-A → kubelet',
      'worker.example.com-kubelet: worker.example.com → kubelet',
      'v6-master-kubelet: v6-master → kubelet',
      'edge-kubelet: edge → kubelet',
      'etcd-client: Node-A worker.example.com v6-master edge → kube-apiserver calico',
      'apiserver-kubelet-client: Node-A v6-master → kube-apiserver',
      'proxy-client: Node-A v6-master → kube-apiserver',
      'contiv-proxy-server: Node-A v6-master → contiv-proxy',
      'admin: Node-A v6-master → ',
    ]);
  });

  test('has one kubeconfig, through the load balancer, for admin', () => {
    assert.deepEqual(kismaticKubeconfigs(awkward), [
      {
        file: 'kubeconfig',
        clusterName: 'Übung 1',
        server: 'https://[2001:db8::100]:8443',
        userName: 'admin',
        contextName: 'Übung 1-admin',
        certificateId: 'admin',
        authority: 'cluster',
        hosts: [],
      },
    ]);
    assert.equal(kismaticKubeconfigs(plan)[0]?.server, 'https://api.production.example.com:6443');
  });
});
