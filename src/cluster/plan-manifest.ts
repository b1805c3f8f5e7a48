// Plan to manifest: the layout's authorities, certificates and kubeconfigs, and which machine needs which files.

import { kismaticAuthorities, kismaticCertificates, kismaticKubeconfigs } from './kismatic-layout.ts';
import { kubeadmAuthorities, kubeadmCertificates, kubeadmKeyPairs, kubeadmKubeconfigs } from './kubeadm-layout.ts';
import type { ClusterManifest, PlannedMachine } from './manifest.ts';
import type { Plan } from './plan.ts';

type Parts = Pick<ClusterManifest, 'authorities' | 'keyPairs' | 'certificates' | 'kubeconfigs'>;

const partsOf = (plan: Plan): Parts => {
  switch (plan.layout) {
    case 'kismatic':
      return {
        authorities: kismaticAuthorities(plan),
        keyPairs: [],
        certificates: kismaticCertificates(plan),
        kubeconfigs: kismaticKubeconfigs(plan),
      };
    case 'kubeadm':
      return {
        authorities: kubeadmAuthorities(plan),
        keyPairs: kubeadmKeyPairs(plan),
        certificates: kubeadmCertificates(plan),
        kubeconfigs: kubeadmKubeconfigs(plan),
      };
  }
};

const machinesOf = (plan: Plan, parts: Parts): readonly PlannedMachine[] => {
  const filesByHost = new Map<string, Set<string>>(plan.machines.map((machine) => [machine.host, new Set<string>()]));
  const need = (host: string, ...files: readonly string[]) => {
    for (const file of files) filesByHost.get(host)?.add(file);
  };
  for (const authority of parts.authorities) {
    const copyByHost = new Map(authority.copies.map((copy) => [copy.host, copy.certificateFile]));
    for (const host of authority.hosts) need(host, copyByHost.get(host) ?? authority.certificateFile);
  }
  for (const pair of parts.keyPairs) for (const copy of pair.copies) need(copy.host, copy.keyFile, copy.publicKeyFile);
  for (const { delivery, hosts } of parts.certificates) {
    if (delivery.kind === 'pair') for (const host of hosts) need(host, delivery.certificateFile, delivery.keyFile);
  }
  for (const kubeconfig of parts.kubeconfigs) for (const host of kubeconfig.hosts) need(host, kubeconfig.file);
  return plan.machines.map(({ host, roles }) => ({ host, roles, files: [...(filesByHost.get(host) ?? [])] }));
};

/** Everything that a plan asks for; pure, so the same plan always gives the same manifest. */
export const planManifest = (plan: Plan): ClusterManifest => {
  const parts = partsOf(plan);
  return {
    layout: plan.layout,
    clusterName: plan.clusterName,
    leafLifetimeMs: plan.expiryMs,
    caLifetimeMs: plan.caExpiryMs,
    ...parts,
    machines: machinesOf(plan, parts),
  };
};
