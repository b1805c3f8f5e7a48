// Role, ClusterRole and their bindings (https://kubernetes.io/docs/reference/access-authn-authz/rbac/).

import { ageColumn, createdAtColumn, nameColumn, text } from '../column.ts';
import { defineKind } from '../kind.ts';
import { segmentName } from '../metadata.ts';
import { fieldsAt, isFields, isSameJson, type KubernetesObject, listAt, textAt } from '../object.ts';
import { type FieldProblem, invalidValue, notSupported, required } from '../status.ts';

const group = 'rbac.authorization.k8s.io';
const common = { group, version: 'v1', nameRule: segmentName, createsOnUpdate: true } as const;

const ruleProblems = (rule: unknown, path: string, isNamespaced: boolean): readonly FieldProblem[] => {
  const has = (field: string): boolean => listAt(rule, field).length > 0;
  const problems: FieldProblem[] = has('verbs') ? [] : [required(`${path}.verbs`, 'verbs must contain at least one value')];
  if (has('nonResourceURLs')) {
    if (isNamespaced)
      problems.push(
        invalidValue(`${path}.nonResourceURLs`, listAt(rule, 'nonResourceURLs'), 'namespaced rules cannot apply to non-resource URLs'),
      );
    if (['apiGroups', 'resources', 'resourceNames'].some(has))
      problems.push(
        invalidValue(
          `${path}.nonResourceURLs`,
          listAt(rule, 'nonResourceURLs'),
          'rules cannot apply to both regular resources and non-resource URLs',
        ),
      );
    return problems;
  }
  if (!has('apiGroups')) problems.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  if (!has('resources')) problems.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  return problems;
};

const roleProblems =
  (isNamespaced: boolean) =>
  (object: KubernetesObject): readonly FieldProblem[] =>
    listAt(object, 'rules').flatMap((rule, i) => ruleProblems(rule, `rules[${i}]`, isNamespaced));

export const roleKind = defineKind({
  ...common,
  kind: 'Role',
  plural: 'roles',
  model: 'V1Role',
  isNamespaced: true,
  columns: [nameColumn, createdAtColumn],
  problems: roleProblems(true),
});

export const clusterRoleKind = defineKind({
  ...common,
  kind: 'ClusterRole',
  plural: 'clusterroles',
  model: 'V1ClusterRole',
  isNamespaced: false,
  columns: [nameColumn, createdAtColumn],
  problems: roleProblems(false),
});

const subjectKinds: Readonly<Record<string, string>> = { User: group, Group: group, ServiceAccount: '' };

const subjectProblems = (subject: unknown, path: string, isNamespaced: boolean): readonly FieldProblem[] => {
  const kind = textAt(subject, 'kind');
  const problems: FieldProblem[] = textAt(subject, 'name') === '' ? [required(`${path}.name`)] : [];
  const wanted = subjectKinds[kind];
  if (wanted === undefined) problems.push(notSupported(`${path}.kind`, kind, ['Group', 'ServiceAccount', 'User']));
  else if (textAt(subject, 'apiGroup') !== wanted) problems.push(notSupported(`${path}.apiGroup`, textAt(subject, 'apiGroup'), [wanted]));
  if (kind === 'ServiceAccount' && !isNamespaced && textAt(subject, 'namespace') === '') problems.push(required(`${path}.namespace`));
  return problems;
};

const bindingProblems =
  (isNamespaced: boolean) =>
  (object: KubernetesObject): readonly FieldProblem[] => {
    const ref = fieldsAt(object, 'roleRef');
    const problems: FieldProblem[] = [];
    if (textAt(ref, 'apiGroup') !== group) problems.push(notSupported('roleRef.apiGroup', textAt(ref, 'apiGroup'), [group]));
    const kinds = isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
    if (!kinds.includes(textAt(ref, 'kind'))) problems.push(notSupported('roleRef.kind', textAt(ref, 'kind'), kinds));
    if (textAt(ref, 'name') === '') problems.push(required('roleRef.name'));
    return [...problems, ...listAt(object, 'subjects').flatMap((subject, i) => subjectProblems(subject, `subjects[${i}]`, isNamespaced))];
  };

const withDefaults = (object: KubernetesObject): KubernetesObject => {
  const ref = fieldsAt(object, 'roleRef');
  const subjects = listAt(object, 'subjects').map((subject) => {
    const apiGroup = subjectKinds[textAt(subject, 'kind')];
    return isFields(subject) && textAt(subject, 'apiGroup') === '' && apiGroup ? { ...subject, apiGroup } : subject;
  });
  return {
    ...object,
    roleRef: { ...ref, apiGroup: textAt(ref, 'apiGroup') || group },
    ...(subjects.length === 0 ? {} : { subjects }),
  };
};

const namesOf = (object: KubernetesObject, kind: string): string =>
  listAt(object, 'subjects')
    .filter((subject) => textAt(subject, 'kind') === kind)
    .map((subject) => (kind === 'ServiceAccount' ? `${textAt(subject, 'namespace')}/${textAt(subject, 'name')}` : textAt(subject, 'name')))
    .join(', ');

const binding = {
  ...common,
  columns: [
    nameColumn,
    text('Role', (object: KubernetesObject) => `${textAt(object['roleRef'], 'kind')}/${textAt(object['roleRef'], 'name')}`),
    ageColumn,
    text('Users', (object: KubernetesObject) => namesOf(object, 'User'), 1),
    text('Groups', (object: KubernetesObject) => namesOf(object, 'Group'), 1),
    text('ServiceAccounts', (object: KubernetesObject) => namesOf(object, 'ServiceAccount'), 1),
  ],
  withDefaults,
  changeProblems: (object: KubernetesObject, old: KubernetesObject): readonly FieldProblem[] =>
    isSameJson(object['roleRef'], old['roleRef']) ? [] : [invalidValue('roleRef', object['roleRef'], 'cannot change roleRef')],
};

export const roleBindingKind = defineKind({
  ...binding,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  model: 'V1RoleBinding',
  isNamespaced: true,
  problems: bindingProblems(true),
});

export const clusterRoleBindingKind = defineKind({
  ...binding,
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  model: 'V1ClusterRoleBinding',
  isNamespaced: false,
  problems: bindingProblems(false),
});
