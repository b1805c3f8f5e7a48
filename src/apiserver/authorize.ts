// Whether someone may do something: the RBAC objects in the store decide, and members of system:masters may do everything
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/).

import { resourceKey, type UserInfo } from '../api/kind.ts';
import { clusterRoleBindingKind, clusterRoleKind, roleBindingKind, roleKind } from '../api/kinds/rbac.ts';
import type { KubernetesObject } from '../api/object.ts';
import { textAt } from '../api/object.ts';
import { type Access, matchingSubject, type PolicyRule, type RoleRef, roleRefOf, ruleAllows, rulesOf } from '../api/rbac.ts';
import { forbidden, pathForbidden } from '../api/status.ts';
import type { Stored } from './store.ts';

/** What rules are read from: the store, or a transaction of it. */
export type RoleSource = {
  get(resource: string, namespace: string, name: string): Stored | undefined;
  list(resource: string, namespace?: string): readonly Stored[];
};

export type Verdict = { readonly allowed: boolean /** Which binding allowed it. */; readonly reason: string };

/** A binding that means a user, with the rules of its role. */
export type Grant = {
  readonly binding: KubernetesObject;
  readonly subject: unknown;
  readonly ref: RoleRef;
  readonly rules: readonly PolicyRule[];
};

/** The rules of the role that a binding in this namespace refers to; none where there is no such role. */
export const referredRules = (source: RoleSource, { kind, name }: RoleRef, namespace: string): readonly PolicyRule[] => {
  const found =
    kind === 'ClusterRole' ? source.get(resourceKey(clusterRoleKind), '', name) : source.get(resourceKey(roleKind), namespace, name);
  return found === undefined ? [] : rulesOf(found.object);
};

/** Every grant to a user: for the whole cluster, and for a namespace where one is meant. */
export const grantsTo = (source: RoleSource, user: UserInfo, namespace: string): readonly Grant[] => {
  const bindings = [
    ...source.list(resourceKey(clusterRoleBindingKind)),
    ...(namespace === '' ? [] : source.list(resourceKey(roleBindingKind), namespace)),
  ];
  return bindings.flatMap(({ object }) => {
    const subject = matchingSubject(object, user);
    if (subject === undefined) return [];
    const ref = roleRefOf(object);
    return [{ binding: object, subject, ref, rules: referredRules(source, ref, object.metadata.namespace ?? '') }];
  });
};

export const isMaster = ({ groups }: UserInfo): boolean => groups.includes('system:masters');

const reasonOf = ({ binding: { kind, metadata }, subject, ref }: Grant): string => {
  const name = metadata.namespace === undefined ? metadata.name : `${metadata.name}/${metadata.namespace}`;
  const who =
    textAt(subject, 'kind') === 'ServiceAccount' ? `${textAt(subject, 'name')}/${textAt(subject, 'namespace')}` : textAt(subject, 'name');
  return `RBAC: allowed by ${kind} "${name}" of ${ref.kind} "${ref.name}" to ${textAt(subject, 'kind')} "${who}"`;
};

/** Whether a user may. */
export const authorize = (source: RoleSource, user: UserInfo, access: Access): Verdict => {
  if (isMaster(user)) return { allowed: true, reason: '' };
  const namespace = 'path' in access ? '' : access.namespace;
  const grant = grantsTo(source, user, namespace).find(
    // A binding in a namespace gives nothing beyond it, paths included.
    ({ binding, rules }) =>
      !('path' in access && binding.metadata.namespace !== undefined) && rules.some((rule) => ruleAllows(rule, access)),
  );
  return grant === undefined ? { allowed: false, reason: '' } : { allowed: true, reason: reasonOf(grant) };
};

/** Throws Forbidden, in the words clients know. */
export const requireAllowed = (source: RoleSource, user: UserInfo, access: Access): void => {
  if (authorize(source, user, access).allowed) return;
  const { verb } = access;
  if ('path' in access) throw pathForbidden(`User "${user.username}" cannot ${verb} path "${access.path}"`);
  const { group, resource, subresource, namespace, name } = access;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  throw forbidden(
    { group, plural: whole },
    name,
    `User "${user.username}" cannot ${verb} resource "${whole}" in API group "${group}" ${where}`,
  );
};
