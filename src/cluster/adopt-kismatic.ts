// Kismatic's `keys` directory read into a plan. Names of files tell the machines and what they are; the order of addresses in certificates
// tells which is which, as Kismatic always wrote them in one order.

import { join } from 'node:path';
import { CodedError, quote } from '../base/coded-error.ts';
import { commonNameOf } from '../pki/name.ts';
import type { X509Certificate } from '../pki/x509-certificate.ts';
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
  lifetimes,
  loadBalancerOf,
  namesIn,
  ownNames,
  podCidrBeside,
  serviceCidrOf,
  unknownAddress,
} from './adopt-evidence.ts';
import type { AdoptedMachine, AdoptedPlan } from './adopted-plan.ts';

/** The plan of a directory of keys, and of the kubeconfig beside it where there is one. Throws FileNotFound. */
export const readKismatic = (keys: string, kubeconfigFile: string, source: string): AdoptedPlan => {
  const ca = certificateIn(join(keys, 'ca.pem'));
  if (ca === undefined)
    throw new CodedError('FileNotFound', `cannot adopt ${quote(source)}: ${quote(join(keys, 'ca.pem'))} does not exist`);
  const byHost = new Map<string, { etcd?: X509Certificate; apiserver?: X509Certificate; kubelet?: X509Certificate }>();
  for (const name of namesIn(keys)) {
    const [, host, kind] = /^(.+)-(etcd|apiserver|kubelet)\.pem$/.exec(name) ?? [];
    if (host === undefined) continue;
    const found = certificateIn(join(keys, name));
    if (found === undefined) continue;
    const entry = byHost.get(host) ?? {};
    if (kind === 'etcd') entry.etcd = found;
    else if (kind === 'apiserver') entry.apiserver = found;
    else entry.kubelet = found;
    byHost.set(host, entry);
  }
  const servers = [...byHost.values()].flatMap(({ apiserver }) => (apiserver === undefined ? [] : [apiserver]));
  // Kismatic puts them in this order: 127.0.0.1, the service's address, then the machine's own.
  const serviceIp = addressesOf(servers[0]).filter((address) => !isLoopback(address))[0];
  const machines = [...byHost].map(([host, { etcd, apiserver, kubelet }]): AdoptedMachine => {
    const [used] = addressesOf(kubelet);
    const own = (etcd === undefined ? addressesOf(apiserver).filter((address) => address !== serviceIp) : addressesOf(etcd)).filter(
      (address) => !isLoopback(address),
    );
    const [ip = used, second] = own;
    // What follows may be a further name just as well: the kubelet's certificate tells which address components use.
    const isInternal = second !== undefined && second !== ip && (used === undefined ? apiserver === undefined : used === second);
    const isOnlyKubelet = etcd === undefined && apiserver === undefined;
    return {
      host,
      ip:
        ip === undefined
          ? unknownAddress
          : { value: ip, doubt: isOnlyKubelet ? 'if this machine has two addresses, this is its internal one' : undefined },
      internalIp: isInternal ? second : undefined,
      roles: [
        ...(etcd === undefined ? [] : (['etcd'] as const)),
        ...(apiserver === undefined ? [] : (['master'] as const)),
        ...(kubelet !== undefined && apiserver === undefined ? (['worker'] as const) : []),
      ],
      extraSans: [],
      doubt: isOnlyKubelet ? 'worker, or ingress or storage: certificates do not say' : undefined,
    };
  });
  const complete = everyGroup(machines);
  const cluster = clusterIn(kubeconfigFile);
  const admin = certificateIn(join(keys, 'admin.pem'));
  return {
    source,
    clusterName: { value: commonNameOf(ca.subject) ?? 'kubernetes' },
    serviceCidr: serviceCidrOf(serviceIp),
    podCidr: podCidrBeside(serviceIp),
    ...lifetimes(admin ?? servers[0], ca),
    extraSans: furtherNames(
      servers,
      new Set([...ownNames(complete, serviceIp), (cluster?.loadBalancer ?? '').replace(/:\d+$/, '').toLowerCase()]),
    ),
    keyAlgorithm: algorithmOf(admin ?? servers[0]),
    layout: 'kismatic',
    clusterDomain: clusterDomainOf(servers.flatMap(dnsNamesOf)),
    cniProvider: namesIn(keys).includes('contiv-proxy-server.pem')
      ? { value: 'contiv' }
      : { value: 'calico', doubt: 'certificates tell contiv alone from the others' },
    loadBalancer: loadBalancerOf(cluster?.loadBalancer, complete),
    machines: complete,
  };
};
