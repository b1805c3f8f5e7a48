// Names of a plan as typed subject alternative names: IP literals as addresses, the rest as DNS names, each once.
// Not here: whether a name may be used at all; plan-file.ts has judged that.

import { formatIpAddress, parseIpAddress } from '../base/ip-address.ts';
import type { PlannedSan } from './manifest.ts';
import type { Plan } from './plan.ts';

/** Types names and addresses, in order; of two that mean the same (case aside, addresses by value) the first stays. */
export const plannedSans = (names: readonly string[]): readonly PlannedSan[] => {
  const sans = new Map<string, PlannedSan>();
  for (const name of names) {
    const address = parseIpAddress(name);
    const san: PlannedSan = address === undefined ? { type: 'dns', value: name } : { type: 'ip', value: formatIpAddress(address) };
    const key = san.value.toLowerCase();
    if (!sans.has(key)) sans.set(key, san);
  }
  return [...sans.values()];
};

/** The names under which workloads reach the API server, shortest first. */
export const kubernetesServiceNames = (plan: Plan): readonly string[] => [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  `kubernetes.default.svc.${plan.clusterDomain}`,
];
