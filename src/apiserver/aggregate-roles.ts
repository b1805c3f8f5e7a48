// ClusterRoles that gather the rules of others by label
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles).

import { resourceKey } from '../api/kind.ts';
import { clusterRoleKind } from '../api/kinds/rbac.ts';
import { isSameJson, type KubernetesObject, listAt } from '../api/object.ts';
import { aggregates } from '../api/rbac.ts';
import type { Server } from './api-request.ts';
import { type ControllerWrite, controllerUser, startController } from './controller.ts';

/** The rules a role should have, without repeats. Roles come in the order of their names, so that the outcome is always the same. */
const gathered = (role: KubernetesObject, roles: readonly KubernetesObject[]): readonly unknown[] => {
  const rules: unknown[] = [];
  for (const other of roles)
    if (other.metadata.name !== role.metadata.name && aggregates(role, other.metadata.labels ?? {}))
      for (const rule of listAt(other, 'rules')) if (!rules.some((known) => isSameJson(known, rule))) rules.push(rule);
  return rules;
};

/** Writes what has changed, once over all roles. One role may gather from another that gathers, so a change asks for another round. */
export const aggregateRoles = (write: ControllerWrite): void => {
  const resource = resourceKey(clusterRoleKind);
  const roles = write.transaction
    .list(resource)
    .map(({ object }) => object)
    .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  for (const role of roles) {
    if (role['aggregationRule'] === undefined) continue;
    const rules = gathered(role, roles);
    if (isSameJson(rules, listAt(role, 'rules'))) continue;
    write.replace({
      kind: clusterRoleKind,
      namespace: '',
      name: role.metadata.name ?? '',
      isPatch: true,
      change: (old) => ({ ...old, rules }),
    });
  }
};

/** Keeps aggregated roles as they should be. */
export const startAggregation = (server: Server, onTrouble: (error: unknown) => void): (() => void) => {
  const controller = startController(server, controllerUser('clusterrole-aggregation-controller'), onTrouble);
  const again = (): void => void controller.act('roles', aggregateRoles);
  const unwatch = server.store.watch(resourceKey(clusterRoleKind), again);
  again();
  return () => {
    unwatch();
    controller.stop();
  };
};
