// Who holds a Lease, as its spec says it (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/). The times in it are
// for people: they come from other machines' clocks and decide nothing.

import { fieldsAt, type KubernetesObject, textAt } from '../api/object.ts';
import type { ResourceType } from './kube-client.ts';
import type { ObjectName } from './work-key.ts';

export const leaseType: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  isNamespaced: true,
};

/** MicroTime: six digits after the point, of which ours knows three. */
export const microTime = (date: Date): string => date.toISOString().replace('Z', '000Z');

/** Empty where nobody does. */
export const holderOf = (lease: KubernetesObject): string => textAt(lease['spec'], 'holderIdentity');

/** How long its holder may be silent, as the holder itself said. */
export const durationMsOf = (lease: KubernetesObject): number => {
  const seconds = fieldsAt(lease, 'spec')['leaseDurationSeconds'];
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 0;
};

const transitionsOf = (lease: KubernetesObject): number => {
  const count = fieldsAt(lease, 'spec')['leaseTransitions'];
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : 0;
};

/** The Lease as it is written to hold it, or to go on holding it. What others have put into it stays. */
export const heldLease = (
  current: KubernetesObject | undefined,
  at: ObjectName,
  { holder, durationMs, now }: { readonly holder: string; readonly durationMs: number; readonly now: Date },
): KubernetesObject => {
  const old = current === undefined ? {} : fieldsAt(current, 'spec');
  const isNew = current === undefined || holderOf(current) !== holder;
  return {
    ...(current ?? { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: at }),
    spec: {
      ...old,
      holderIdentity: holder,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      renewTime: microTime(now),
      ...(isNew && { acquireTime: microTime(now), leaseTransitions: current === undefined ? 0 : transitionsOf(current) + 1 }),
    },
  };
};

/** The Lease as its holder gives it back: anybody may take it at once. */
export const releasedLease = (current: KubernetesObject, now: Date): KubernetesObject => ({
  ...current,
  spec: { ...fieldsAt(current, 'spec'), holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now) },
});
