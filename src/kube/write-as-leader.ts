// A client whose writes go out only while this process leads: a leader that was paused past its lease must not write back the past. Reads and
// dry runs go through.

import { CodedError } from '../base/coded-error.ts';
import type { KubeClient, ResourceType } from './kube-client.ts';

export const writeAsLeader = (client: KubeClient, isLeader: () => boolean): KubeClient => {
  const check = (verb: string, { plural }: ResourceType, isDryRun: boolean | undefined): void => {
    if (isDryRun === true || isLeader()) return;
    throw new CodedError('LeadershipLost', `cannot ${verb} ${plural}: this process does not lead any more`);
  };
  return {
    get: (...asked) => client.get(...asked),
    list: (...asked) => client.list(...asked),
    watch: (...asked) => client.watch(...asked),
    create: async (type, object, options) => {
      check('create', type, options?.dryRun);
      return await client.create(type, object, options);
    },
    update: async (type, object, options) => {
      check('update', type, options?.dryRun);
      return await client.update(type, object, options);
    },
    patch: async (type, namespace, name, patch, options) => {
      check('patch', type, options?.dryRun);
      return await client.patch(type, namespace, name, patch, options);
    },
    delete: async (type, namespace, name, options) => {
      check('delete', type, options?.dryRun);
      await client.delete(type, namespace, name, options);
    },
  };
};
