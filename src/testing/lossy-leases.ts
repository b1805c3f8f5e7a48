// A simulated API that stores one Lease, behind a network that delays and loses requests and answers: what was given up may still be carried
// out later. It is for elections in simulated time; real servers are asked in test/e2e.

import type { KubernetesObject } from '../api/object.ts';
import { alreadyExists, notFound, staleObject } from '../api/status.ts';
import type { Clock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/kube-client.ts';

export type Network = {
  /** How long the next message takes; undefined where it is lost. */
  readonly travelMs: () => number | undefined;
  /** Hands something to the process that asked, once that runs. */
  readonly deliver: (call: () => void) => void;
};

export type LeaseClient = Pick<KubeClient, 'get' | 'create' | 'update'>;

export type LossyLeases = {
  client(network: Network): LeaseClient;
  stored(): KubernetesObject | undefined;
  remove(): void;
};

const resource = { group: 'coordination.k8s.io', plural: 'leases' };

export const lossyLeases = (clock: Clock): LossyLeases => {
  let stored: KubernetesObject | undefined;
  let revision = 0;
  const store = (object: KubernetesObject): KubernetesObject => {
    revision += 1;
    stored = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } });
    return structuredClone(stored);
  };
  const call = ({ travelMs, deliver }: Network, serve: () => KubernetesObject): Promise<KubernetesObject> =>
    new Promise((resolve, reject) => {
      const there = travelMs();
      if (there === undefined) return;
      clock.after(there, () => {
        let answer: () => void;
        try {
          const served = serve();
          answer = () => resolve(served);
        } catch (error) {
          answer = () => reject(error);
        }
        const back = travelMs();
        if (back !== undefined) clock.after(back, () => deliver(answer));
      });
    });
  return {
    client: (network) => ({
      get: (_type, _namespace, name) =>
        call(network, () => {
          if (stored === undefined) throw notFound(resource, name);
          return structuredClone(stored);
        }),
      create: (_type, object) =>
        call(network, () => {
          if (stored !== undefined) throw alreadyExists(resource, object.metadata.name ?? '');
          return store(object);
        }),
      update: (_type, object) =>
        call(network, () => {
          const name = object.metadata.name ?? '';
          if (stored === undefined) throw notFound(resource, name);
          if (stored.metadata.resourceVersion !== object.metadata.resourceVersion) throw staleObject(resource, name);
          return store(object);
        }),
    }),
    stored: () => stored,
    remove: () => {
      stored = undefined;
    },
  };
};
