// What RBAC rules allow (https://kubernetes.io/docs/reference/access-authn-authz/rbac/): rules, who a binding means, and whether rules cover
// other rules. Pure: objects come in as values.

import type { UserInfo } from './kind.ts';
import { fieldsAt, type KubernetesObject, listAt, textAt } from './object.ts';
import { isEmptySelector, selectsLabels } from './object-selector.ts';

export type PolicyRule = {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
};

/** What somebody wants to do: something with a resource, or with a path that is none. */
export type ResourceAccess = {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** Empty for the cluster as a whole. */
  readonly namespace: string;
  /** Empty where no single object is meant. */
  readonly name: string;
};
export type PathAccess = { readonly verb: string; readonly path: string };
export type Access = ResourceAccess | PathAccess;

const texts = (value: unknown, name: string): readonly string[] => listAt(value, name).filter((item) => typeof item === 'string');

/** The rules of a Role or ClusterRole. */
export const rulesOf = (role: KubernetesObject): readonly PolicyRule[] =>
  listAt(role, 'rules').map((rule) => ({
    verbs: texts(rule, 'verbs'),
    apiGroups: texts(rule, 'apiGroups'),
    resources: texts(rule, 'resources'),
    resourceNames: texts(rule, 'resourceNames'),
    nonResourceURLs: texts(rule, 'nonResourceURLs'),
  }));

const matches = (allowed: readonly string[], wanted: string): boolean => allowed.includes('*') || allowed.includes(wanted);

const matchesResource = ({ resources }: PolicyRule, { resource, subresource }: ResourceAccess): boolean => {
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  return resources.some((allowed) => allowed === '*' || allowed === whole || (subresource !== '' && allowed === `*/${subresource}`));
};

const matchesPath = ({ nonResourceURLs }: PolicyRule, path: string): boolean =>
  nonResourceURLs.some(
    (allowed) => allowed === '*' || allowed === path || (allowed.endsWith('*') && path.startsWith(allowed.slice(0, -1))),
  );

/** Whether a rule allows something. */
export const ruleAllows = (rule: PolicyRule, access: Access): boolean => {
  if (!matches(rule.verbs, access.verb)) return false;
  if ('path' in access) return matchesPath(rule, access.path);
  const isNamed = rule.resourceNames.length === 0 || (access.name !== '' && rule.resourceNames.includes(access.name));
  return matches(rule.apiGroups, access.group) && matchesResource(rule, access) && isNamed;
};

/** Whether a subject of a binding is this user. `namespace` is the binding's. */
export const isSubject = (subject: unknown, user: UserInfo, namespace: string): boolean => {
  const name = textAt(subject, 'name');
  switch (textAt(subject, 'kind')) {
    case 'User':
      return user.username === name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount': {
      const of = textAt(subject, 'namespace') || namespace;
      return of !== '' && user.username === `system:serviceaccount:${of}:${name}`;
    }
    default:
      return false;
  }
};

/** The subject of a binding that means this user. */
export const matchingSubject = (binding: KubernetesObject, user: UserInfo): unknown =>
  listAt(binding, 'subjects').find((subject) => isSubject(subject, user, binding.metadata.namespace ?? ''));

export type RoleRef = { readonly kind: string; readonly name: string };

export const roleRefOf = (binding: KubernetesObject): RoleRef => {
  const ref = fieldsAt(binding, 'roleRef');
  return { kind: textAt(ref, 'kind'), name: textAt(ref, 'name') };
};

/** A rule as rules of one verb, one group, one resource and one name each, so that each is covered by one rule or by none. */
const atoms = (rule: PolicyRule): readonly PolicyRule[] =>
  rule.verbs.flatMap((verb) => [
    ...rule.nonResourceURLs.map((url) => ({ verbs: [verb], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [url] })),
    ...rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((resource) =>
        (rule.resourceNames.length === 0 ? [[]] : rule.resourceNames.map((name) => [name])).map((resourceNames) => ({
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          resourceNames,
          nonResourceURLs: [],
        })),
      ),
    ),
  ]);

const coversAtom = (
  owned: PolicyRule,
  { verbs: [verb = ''], apiGroups: [group = ''], resources: [resource = ''], resourceNames: [name], nonResourceURLs: [url] }: PolicyRule,
): boolean => {
  if (!matches(owned.verbs, verb)) return false;
  if (url !== undefined) return matchesPath(owned, url);
  const [whole = '', part] = resource.split('/');
  const hasResource =
    owned.resources.includes('*') ||
    owned.resources.includes(resource) ||
    (part !== undefined && whole !== '' && owned.resources.includes(`*/${part}`));
  const hasName = owned.resourceNames.length === 0 || (name !== undefined && owned.resourceNames.includes(name));
  return matches(owned.apiGroups, group) && hasResource && hasName;
};

/** What of these rules the owned ones do not cover, atom by atom. */
export const uncovered = (owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] =>
  wanted.flatMap(atoms).filter((atom) => !owned.some((rule) => coversAtom(rule, atom)));

/** Whether labels are selected by one of a ClusterRole's aggregation selectors. */
export const aggregates = (aggregating: KubernetesObject, labels: Readonly<Record<string, string>>): boolean =>
  listAt(aggregating['aggregationRule'], 'clusterRoleSelectors').some(
    (selector) => !isEmptySelector(selector) && selectsLabels(selector, labels),
  );
