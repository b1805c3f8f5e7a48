// kubeadm's /etc/kubernetes of one machine, or trees of several side by side, read into a plan.

import { basename, join } from 'node:path';
import { CodedError, quote } from '../base/coded-error.ts';
import { commonNameOf } from '../pki/name.ts';
import {
  addressesOf,
  algorithmOf,
  certificateIn,
  clusterDomainOf,
  clusterIn,
  dnsNamesOf,
  everyGroup,
  furtherNames,
  isLoopback,
  isServiceName,
  lifetimes,
  loadBalancerOf,
  nodeOf,
  ownNames,
  podCidrBeside,
  serviceCidrOf,
  unknownAddress,
} from './adopt-evidence.ts';
import type { AdoptedMachine, AdoptedPlan } from './adopted-plan.ts';

/** One machine's tree: the directory that is /etc/kubernetes there. */
const readKubeadmMachine = (root: string, fallbackHost: string) => {
  const pki = join(root, 'pki');
  const [apiserver, etcd] = [certificateIn(join(pki, 'apiserver.crt')), certificateIn(join(pki, 'etcd/server.crt'))];
  const kubelet = clusterIn(join(root, 'kubelet.conf'));
  const etcdIps = addressesOf(etcd).filter((address) => !isLoopback(address));
  const apiIps = addressesOf(apiserver).filter((address) => !isLoopback(address));
  // kubeadm writes the service's address first, the machine's second.
  const ip = etcdIps[0] ?? apiIps[1];
  const [serviceIp] = apiIps;
  const names = dnsNamesOf(apiserver).filter((name) => !isServiceName(name));
  const host =
    nodeOf(kubelet?.userCommonName) ??
    (etcd === undefined ? undefined : commonNameOf(etcd.subject)) ??
    names.find((name) => !name.includes('.')) ??
    fallbackHost;
  const machine: AdoptedMachine = {
    host,
    ip: ip === undefined ? unknownAddress : { value: ip },
    internalIp: undefined,
    roles: [
      ...(etcd === undefined ? [] : (['etcd'] as const)),
      ...(apiserver === undefined ? [] : (['master'] as const)),
      ...(apiserver === undefined && kubelet !== undefined ? (['worker'] as const) : []),
    ],
    extraSans: [],
  };
  return { machine, apiserver, serviceIp, ca: certificateIn(join(pki, 'ca.crt')), cluster: clusterIn(join(root, 'admin.conf')) ?? kubelet };
};

/** The plan of machines' trees. Throws FileNotFound. */
export const readKubeadm = (roots: readonly string[], source: string): AdoptedPlan => {
  const found = roots.map((root) => readKubeadmMachine(root, basename(root)));
  const ca = found.map((machine) => machine.ca).find((certificate) => certificate !== undefined);
  if (ca === undefined) throw new CodedError('FileNotFound', `cannot adopt ${quote(source)}: it holds no pki/ca.crt`);
  const servers = found.flatMap(({ apiserver }) => (apiserver === undefined ? [] : [apiserver]));
  const serviceIp = found.map((machine) => machine.serviceIp).find((address) => address !== undefined);
  const complete = everyGroup(found.map(({ machine }) => machine));
  const machines =
    roots.length > 1
      ? complete
      : complete.map((machine) => ({
          ...machine,
          doubt: [machine.doubt, 'only this machine is known; add the others'].filter((text) => text !== undefined).join('; '),
        }));
  const cluster = found.map((machine) => machine.cluster).find((one) => one !== undefined);
  return {
    source,
    clusterName:
      cluster === undefined ? { value: 'kubernetes', doubt: 'no kubeconfig tells the name of the cluster' } : { value: cluster.name },
    serviceCidr: serviceCidrOf(serviceIp),
    podCidr: podCidrBeside(serviceIp),
    ...lifetimes(servers[0], ca),
    extraSans: furtherNames(
      servers,
      new Set([...ownNames(machines, serviceIp), (cluster?.loadBalancer ?? '').replace(/:\d+$/, '').toLowerCase()]),
    ),
    keyAlgorithm: algorithmOf(servers[0]),
    layout: 'kubeadm',
    clusterDomain: clusterDomainOf(servers.flatMap(dnsNamesOf)),
    cniProvider: { value: 'custom' },
    loadBalancer: loadBalancerOf(cluster?.loadBalancer, machines),
    machines,
  };
};
