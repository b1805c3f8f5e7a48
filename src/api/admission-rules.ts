// Which requests an admission webhook or policy is for: its rules and selectors
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules).

import { type Fields, fieldsAt, isFields, listAt, textAt } from './object.ts';
import { selectorProblems } from './object-selector.ts';
import { type FieldProblem, invalidValue, notSupported, required } from './status.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

/** A request as rules see it. */
export type RuleSubject = {
  readonly operation: Operation;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly subresource: string;
  readonly isNamespaced: boolean;
  readonly name: string;
};

const names = (rule: unknown, field: string, wanted: string): boolean => {
  const given = listAt(rule, field);
  return given.includes('*') || given.includes(wanted);
};

const namesResource = (rule: unknown, { plural, subresource }: RuleSubject): boolean =>
  listAt(rule, 'resources').some((resource) => {
    const [whole = '', part = ''] = String(resource).split('/');
    return (whole === '*' || whole === plural) && (part === '*' || part === subresource);
  });

/** Whether one rule is for a request. */
export const ruleMatches = (rule: unknown, subject: RuleSubject): boolean => {
  const scope = textAt(rule, 'scope');
  const resourceNames = listAt(rule, 'resourceNames');
  return (
    (scope === '' || scope === '*' || (scope === 'Namespaced') === subject.isNamespaced) &&
    names(rule, 'operations', subject.operation) &&
    names(rule, 'apiGroups', subject.group) &&
    names(rule, 'apiVersions', subject.version) &&
    namesResource(rule, subject) &&
    (resourceNames.length === 0 || resourceNames.includes(subject.name))
  );
};

const lists: readonly (readonly [field: string, what: string])[] = [
  ['apiGroups', 'groups'],
  ['apiVersions', 'versions'],
];
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];

const resourcesProblems = (resources: readonly unknown[], path: string): readonly FieldProblem[] => {
  if (resources.length === 0) return [required(path)];
  const texts = resources.map(String);
  const problems: FieldProblem[] = [];
  if (texts.length > 1 && texts.includes('*/*'))
    problems.push(invalidValue(path, texts, "if '*/*' is present, must not specify other resources"));
  if (texts.length > 1 && texts.includes('*') && texts.some((text) => !text.includes('/') && text !== '*'))
    problems.push(invalidValue(path, texts, "if '*' is present, must not specify other resources without subresources"));
  for (const [i, text] of texts.entries()) {
    const [whole = '', part] = text.split('/');
    if (text === '') problems.push(required(`${path}[${i}]`));
    else if (part !== undefined && part !== '*' && texts.includes(`${whole}/*`))
      problems.push(invalidValue(`${path}[${i}]`, text, `if '${whole}/*' is present, must not specify ${text}`));
    else if (part !== undefined && whole !== '*' && texts.includes(`*/${part}`))
      problems.push(invalidValue(`${path}[${i}]`, text, `if '*/${part}' is present, must not specify ${text}`));
  }
  return problems;
};

const ruleProblems = (rule: unknown, path: string): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  for (const [field, what] of lists) {
    const given = listAt(rule, field);
    if (given.length === 0) problems.push(required(`${path}.${field}`));
    else if (given.length > 1 && given.includes('*'))
      problems.push(invalidValue(`${path}.${field}`, given, `if '*' is present, must not specify other API ${what}`));
    if (field === 'apiVersions')
      for (const [i, version] of given.entries()) if (version === '') problems.push(required(`${path}.${field}[${i}]`));
  }
  problems.push(...resourcesProblems(listAt(rule, 'resources'), `${path}.resources`));
  const wanted = listAt(rule, 'operations');
  if (wanted.length === 0) problems.push(required(`${path}.operations`));
  if (wanted.length > 1 && wanted.includes('*'))
    problems.push(invalidValue(`${path}.operations`, wanted, "if '*' is present, must not specify other operations"));
  for (const [i, operation] of wanted.entries())
    if (!operations.includes(String(operation))) problems.push(notSupported(`${path}.operations[${i}]`, operation, operations));
  const scope = isFields(rule) ? rule['scope'] : undefined;
  if (scope !== undefined && !scopes.includes(String(scope))) problems.push(notSupported(`${path}.scope`, scope, scopes));
  return problems;
};

/** Every fault of rules. */
export const rulesProblems = (rules: readonly unknown[], path: string): readonly FieldProblem[] =>
  rules.flatMap((rule, i) => ruleProblems(rule, `${path}[${i}]`));

/** Every fault of what goes with the rules: how strictly they are meant, and which namespaces and objects. */
export const matchingProblems = (match: unknown, path: string): readonly FieldProblem[] => {
  const policy = isFields(match) ? match['matchPolicy'] : undefined;
  return [
    ...(policy === undefined || policy === 'Exact' || policy === 'Equivalent'
      ? []
      : [notSupported(`${path}.matchPolicy`, policy, ['Equivalent', 'Exact'])]),
    ...selectorProblems(fieldsAt(match, 'namespaceSelector'), `${path}.namespaceSelector`),
    ...selectorProblems(fieldsAt(match, 'objectSelector'), `${path}.objectSelector`),
  ];
};

/** Rules, policy and selectors with what is meant where they say nothing. */
export const withMatchingDefaults = (match: Fields, rulesField: 'rules' | 'resourceRules'): Fields => {
  const scoped = (field: string): Fields => {
    const rules = match[field];
    return Array.isArray(rules) ? { [field]: rules.map((rule) => (isFields(rule) ? { ...rule, scope: rule['scope'] ?? '*' } : rule)) } : {};
  };
  return {
    ...match,
    ...scoped(rulesField),
    ...scoped('excludeResourceRules'),
    matchPolicy: match['matchPolicy'] ?? 'Equivalent',
    namespaceSelector: match['namespaceSelector'] ?? {},
    objectSelector: match['objectSelector'] ?? {},
  };
};
