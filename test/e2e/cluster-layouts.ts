// Where each layout puts what a component needs: the joint between a generated directory and the flags of a real control plane.

import { join } from 'node:path';
import { apiServerPort, type ControlPlaneFiles, type PairFiles, writeKubeconfig } from '../../src/testing/control-plane.ts';

export const etcdHosts = ['etcd1', 'etcd2', 'etcd3'] as const;
export const etcdIp = (host: string): string => `127.0.1.${host.slice(-1)}`;
export const masterIp = '127.0.2.1';
export const workerIp = '127.0.3.1';
export const apiServerUrl = `https://${masterIp}:${apiServerPort}`;
const serviceCidr = '172.20.0.0/16';

/** A plan as Kismatic's users have them, on loopback addresses. */
export const planText = (layout: 'kismatic' | 'kubeadm'): string => `cluster:
  name: e2e
  version: v1.20.2
  networking:
    type: overlay
    pod_cidr_block: 172.16.0.0/16
    service_cidr_block: ${serviceCidr}
    update_hosts_files: false
  certificates:
    expiry: 17520h
    ca_expiry: 43800h
    apiserver_cert_extra_sans: localhost
  ssh: {user: kismaticuser, ssh_key: /home/kismaticuser/key, ssh_port: 22}
  certwright:
    layout: ${layout}
etcd:
  expected_count: 3
  nodes:
${etcdHosts.map((host) => `  - {host: ${host}, ip: ${etcdIp(host)}}`).join('\n')}
master:
  expected_count: 1
  load_balancer: ${masterIp}:${apiServerPort}
  nodes:
  - {host: master1, ip: ${masterIp}}
worker:
  expected_count: 1
  nodes:
  - {host: worker1, ip: ${workerIp}}
`;

/** Everything the suite asks of a generated directory, whatever its layout. */
export type GeneratedCluster = {
  readonly controlPlane: ControlPlaneFiles;
  readonly adminKubeconfig: string;
  readonly superAdminKubeconfig: string;
  readonly schedulerKubeconfig: string;
  readonly kubeletKubeconfig: string;
  /** What Calico logs in to etcd with. */
  readonly etcdClient: PairFiles;
  readonly etcdCa: PairFiles;
  readonly clusterCa: PairFiles;
  readonly proxyCa: PairFiles;
  /** What clients of the API server check it against. */
  readonly serverTrust: string;
  readonly kubeletServing: PairFiles | undefined;
  /** A certificate that is no client's. */
  readonly notAClient: PairFiles;
  readonly adminGroup: string;
};

const kismatic = (out: string): GeneratedCluster => {
  const keys = join(out, 'keys');
  const pair = (name: string): PairFiles => ({ certificate: join(keys, `${name}.pem`), key: join(keys, `${name}-key.pem`) });
  const ca = pair('ca');
  const component = (name: string) => writeKubeconfig(join(out, `${name}.test-kubeconfig`), apiServerUrl, ca.certificate, pair(name));
  return {
    controlPlane: {
      etcd: etcdHosts.map((host) => ({
        host,
        ip: etcdIp(host),
        server: pair(`${host}-etcd`),
        peer: pair(`${host}-etcd`),
        ca: ca.certificate,
      })),
      apiServer: {
        ip: masterIp,
        serving: pair('master1-apiserver'),
        clientCa: ca.certificate,
        etcdCa: ca.certificate,
        etcdClient: pair('etcd-client'),
        kubeletCa: ca.certificate,
        kubeletClient: pair('apiserver-kubelet-client'),
        requestHeaderCa: pair('proxy-client-ca').certificate,
        proxyClient: pair('proxy-client'),
        serviceAccountVerifier: pair('service-account').key,
        serviceAccountKey: pair('service-account').key,
      },
      controllerManager: { kubeconfig: component('kube-controller-manager'), rootCa: ca.certificate, signer: ca },
      serviceCidr,
    },
    adminKubeconfig: join(out, 'kubeconfig'),
    superAdminKubeconfig: join(out, 'kubeconfig'),
    schedulerKubeconfig: component('kube-scheduler'),
    kubeletKubeconfig: component('worker1-kubelet'),
    etcdClient: pair('etcd-client'),
    etcdCa: ca,
    clusterCa: ca,
    proxyCa: pair('proxy-client-ca'),
    serverTrust: ca.certificate,
    kubeletServing: pair('worker1-kubelet'),
    notAClient: pair('service-account'),
    adminGroup: 'system:masters',
  };
};

const kubeadm = (out: string): GeneratedCluster => {
  const pair = (host: string, name: string): PairFiles => ({
    certificate: join(out, host, 'pki', `${name}.crt`),
    key: join(out, host, 'pki', `${name}.key`),
  });
  const authority = (name: string): PairFiles => ({ certificate: join(out, 'pki', `${name}.crt`), key: join(out, 'pki', `${name}.key`) });
  const onMaster = (...parts: string[]) => join(out, 'master1', ...parts);
  return {
    controlPlane: {
      etcd: etcdHosts.map((host) => ({
        host,
        ip: etcdIp(host),
        server: pair(host, 'etcd/server'),
        peer: pair(host, 'etcd/peer'),
        ca: join(out, host, 'pki/etcd/ca.crt'),
      })),
      apiServer: {
        ip: masterIp,
        serving: pair('master1', 'apiserver'),
        clientCa: onMaster('pki/ca.crt'),
        etcdCa: onMaster('pki/etcd/ca.crt'),
        etcdClient: pair('master1', 'apiserver-etcd-client'),
        kubeletCa: onMaster('pki/ca.crt'),
        kubeletClient: pair('master1', 'apiserver-kubelet-client'),
        requestHeaderCa: onMaster('pki/front-proxy-ca.crt'),
        proxyClient: pair('master1', 'front-proxy-client'),
        serviceAccountVerifier: onMaster('pki/sa.pub'),
        serviceAccountKey: onMaster('pki/sa.key'),
      },
      controllerManager: { kubeconfig: onMaster('controller-manager.conf'), rootCa: onMaster('pki/ca.crt'), signer: authority('ca') },
      serviceCidr,
    },
    adminKubeconfig: onMaster('admin.conf'),
    superAdminKubeconfig: onMaster('super-admin.conf'),
    schedulerKubeconfig: onMaster('scheduler.conf'),
    kubeletKubeconfig: join(out, 'worker1', 'kubelet.conf'),
    etcdClient: pair('etcd1', 'etcd/healthcheck-client'),
    etcdCa: authority('etcd/ca'),
    clusterCa: authority('ca'),
    proxyCa: authority('front-proxy-ca'),
    serverTrust: onMaster('pki/ca.crt'),
    // kubeadm's kubelets make their serving certificates themselves.
    kubeletServing: undefined,
    notAClient: pair('master1', 'apiserver'),
    adminGroup: 'kubeadm:cluster-admins',
  };
};

export const layouts = { kismatic, kubeadm } as const;
