// Policies in CEL over custom resources, and to what they are bound
// (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/).

import { compileExpression, conditionProblems, expressionProblems, policyVariables } from '../admission-expressions.ts';
import { matchingProblems, rulesProblems, withMatchingDefaults } from '../admission-rules.ts';
import type { CelType } from '../cel/types.ts';
import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, statusSubresource } from '../kind.ts';
import { qualifiedNameProblem, subdomainName } from '../metadata.ts';
import { type Fields, fieldsAt, isFields, type KubernetesObject, listAt, textAt } from '../object.ts';
import { selectorProblems } from '../object-selector.ts';
import { duplicateValue, type FieldProblem, forbiddenField, invalidValue, notSupported, required } from '../status.ts';

const specOf = (object: KubernetesObject): Fields => fieldsAt(object, 'spec');

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const maxMessage = 1024;
const maxVariables = 64;

/** The types of a policy's variables, each of which sees those before it; and what is wrong with them. */
export const variableTypes = (
  spec: Fields,
): { readonly types: Readonly<Record<string, CelType>>; readonly problems: readonly FieldProblem[] } => {
  const types: Record<string, CelType> = Object.create(null) as Record<string, CelType>;
  const problems: FieldProblem[] = [];
  const hasParams = spec['paramKind'] !== undefined;
  for (const [i, variable] of listAt(spec, 'variables').entries()) {
    const at = `spec.variables[${i}]`;
    const [name, expression] = [textAt(variable, 'name'), textAt(variable, 'expression')];
    if (name === '') problems.push(required(`${at}.name`));
    else if (!identifier.test(name)) problems.push(invalidValue(`${at}.name`, name, 'name is not a valid CEL identifier'));
    else if (name in types) problems.push(duplicateValue(`${at}.name`, name));
    if (expression.trim() === '') {
      problems.push(required(`${at}.expression`, 'expression is not specified'));
      continue;
    }
    const program = compileExpression(expression, policyVariables(hasParams, types), 'any');
    if (typeof program === 'string') problems.push(invalidValue(`${at}.expression`, expression, program));
    else if (i < maxVariables) types[name] = program.type;
  }
  return { types, problems };
};

const validationProblems = (validation: unknown, path: string, variables: ReturnType<typeof policyVariables>): readonly FieldProblem[] => {
  const problems = [...expressionProblems(textAt(validation, 'expression'), variables, 'bool', `${path}.expression`)];
  const { message, messageExpression, reason } = isFields(validation) ? validation : {};
  if (typeof message === 'string' && message !== '') {
    if (message.trim() === '') problems.push(invalidValue(`${path}.message`, message, 'message must be non-empty if specified'));
    else if (/[\r\n]/.test(message)) problems.push(invalidValue(`${path}.message`, message, 'message must not contain line breaks'));
    else if (message.length > maxMessage)
      problems.push(invalidValue(`${path}.message`, `${message.slice(0, 10)}...`, `must have at most ${maxMessage} characters`));
  } else if (/[\r\n]/.test(textAt(validation, 'expression').trim()))
    problems.push(required(`${path}.message`, 'message must be specified if expression contains line breaks'));
  if (typeof messageExpression === 'string' && messageExpression !== '')
    problems.push(...expressionProblems(messageExpression, variables, 'string', `${path}.messageExpression`));
  if (reason !== undefined && !reasons.includes(String(reason))) problems.push(notSupported(`${path}.reason`, reason, reasons));
  return problems;
};

const policyProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const spec = specOf(object);
  const { types, problems: variableProblems } = variableTypes(spec);
  const { paramKind, matchConstraints, failurePolicy } = spec;
  const variables = policyVariables(paramKind !== undefined, types);
  const validations = listAt(spec, 'validations');
  const annotations = listAt(spec, 'auditAnnotations');
  const keys = annotations.map((annotation) => textAt(annotation, 'key'));
  const problems: FieldProblem[] = [];
  if (failurePolicy !== 'Fail' && failurePolicy !== 'Ignore')
    problems.push(notSupported('spec.failurePolicy', failurePolicy, ['Fail', 'Ignore']));
  for (const field of ['apiVersion', 'kind'])
    if (paramKind !== undefined && textAt(paramKind, field) === '') problems.push(required(`spec.paramKind.${field}`));
  if (matchConstraints === undefined) problems.push(required('spec.matchConstraints'));
  else {
    const rules = listAt(matchConstraints, 'resourceRules');
    if (rules.length === 0) problems.push(required('spec.matchConstraints.resourceRules'));
    problems.push(...matchResourcesProblems(matchConstraints, 'spec.matchConstraints'));
  }
  problems.push(...variableProblems);
  problems.push(...conditionProblems(listAt(spec, 'matchConditions'), variables, 'spec.matchConditions'));
  if (validations.length + annotations.length === 0)
    problems.push(
      required('spec.validations', 'validations or auditAnnotations must contain at least one item'),
      required('spec.auditAnnotations', 'validations or auditAnnotations must contain at least one item'),
    );
  problems.push(...validations.flatMap((validation, i) => validationProblems(validation, `spec.validations[${i}]`, variables)));
  for (const [i, annotation] of annotations.entries()) {
    const at = `spec.auditAnnotations[${i}]`;
    const key = keys[i] ?? '';
    const wrong = key === '' ? undefined : qualifiedNameProblem(`${object.metadata.name ?? ''}/${key}`);
    if (key === '') problems.push(required(`${at}.key`));
    else if (wrong !== undefined) problems.push(invalidValue(`${at}.key`, key, wrong));
    if (key !== '' && keys.indexOf(key) < i) problems.push(duplicateValue(`${at}.key`, key));
    problems.push(...expressionProblems(textAt(annotation, 'valueExpression'), variables, 'string or null', `${at}.valueExpression`));
  }
  return problems;
};

const matchResourcesProblems = (match: unknown, path: string): readonly FieldProblem[] => [
  ...matchingProblems(match, path),
  ...rulesProblems(listAt(match, 'resourceRules'), `${path}.resourceRules`),
  ...rulesProblems(listAt(match, 'excludeResourceRules'), `${path}.excludeResourceRules`),
];

const group = 'admissionregistration.k8s.io';

export const admissionPolicyKind = defineKind({
  group,
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  model: 'V1ValidatingAdmissionPolicy',
  isNamespaced: false,
  hasGeneration: true,
  categories: ['api-extensions'],
  subresources: [statusSubresource()],
  columns: [
    nameColumn,
    { ...text('Validations', (object) => listAt(specOf(object), 'validations').length), type: 'integer' },
    text('ParamKind', (object) => {
      const { apiVersion, kind } = fieldsAt(specOf(object), 'paramKind');
      return kind === undefined ? '<unset>' : `${String(apiVersion)}/${String(kind)}`;
    }),
    ageColumn,
  ],
  withDefaults: (object) => {
    const spec = specOf(object);
    const { matchConstraints } = spec;
    return {
      ...object,
      spec: {
        failurePolicy: 'Fail',
        ...spec,
        ...(isFields(matchConstraints) ? { matchConstraints: withMatchingDefaults(matchConstraints, 'resourceRules') } : {}),
      },
    };
  },
  problems: policyProblems,
});

const actions = ['Audit', 'Deny', 'Warn'];

const paramRefProblems = (ref: Fields): readonly FieldProblem[] => {
  const name = textAt(ref, 'name');
  const { selector, parameterNotFoundAction } = ref;
  const problems: FieldProblem[] = [];
  if (name !== '' && selector !== undefined)
    problems.push(forbiddenField('spec.paramRef.name', 'name and selector are mutually exclusive'));
  else if (name === '' && selector === undefined) problems.push(required('spec.paramRef', 'one of name or selector must be specified'));
  if (parameterNotFoundAction === undefined || parameterNotFoundAction === '')
    problems.push(required('spec.paramRef.parameterNotFoundAction'));
  else if (parameterNotFoundAction !== 'Allow' && parameterNotFoundAction !== 'Deny')
    problems.push(notSupported('spec.paramRef.parameterNotFoundAction', parameterNotFoundAction, ['Allow', 'Deny']));
  return [...problems, ...selectorProblems(selector, 'spec.paramRef.selector')];
};

const bindingProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const spec = specOf(object);
  const policy = textAt(spec, 'policyName');
  const wanted = listAt(spec, 'validationActions');
  const wrong = policy === '' ? undefined : subdomainName(policy);
  const problems: FieldProblem[] = [];
  if (policy === '') problems.push(required('spec.policyName'));
  else if (wrong !== undefined) problems.push(invalidValue('spec.policyName', policy, wrong));
  if (isFields(spec['paramRef'])) problems.push(...paramRefProblems(spec['paramRef']));
  if (wanted.length === 0) problems.push(required('spec.validationActions', 'at least one validation action is required'));
  for (const [i, action] of wanted.entries()) {
    const at = `spec.validationActions[${i}]`;
    if (!actions.includes(String(action))) problems.push(notSupported(at, action, actions));
    if (wanted.indexOf(action) < i) problems.push(duplicateValue(at, action));
  }
  if (wanted.includes('Deny') && wanted.includes('Warn'))
    problems.push(
      invalidValue(
        'spec.validationActions',
        wanted,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  return [...problems, ...matchResourcesProblems(fieldsAt(spec, 'matchResources'), 'spec.matchResources')];
};

export const admissionPolicyBindingKind = defineKind({
  group,
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  model: 'V1ValidatingAdmissionPolicyBinding',
  isNamespaced: false,
  hasGeneration: true,
  categories: ['api-extensions'],
  columns: [
    nameColumn,
    text('PolicyName', (object) => textAt(specOf(object), 'policyName')),
    text('ParamRef', (object) => {
      const ref = fieldsAt(specOf(object), 'paramRef');
      const [namespace, name] = [textAt(ref, 'namespace'), textAt(ref, 'name')];
      if (name === '') return ref['selector'] === undefined ? '<unset>' : '*';
      return namespace === '' ? name : `${namespace}/${name}`;
    }),
    ageColumn,
  ],
  withDefaults: (object) => {
    const spec = specOf(object);
    const { matchResources } = spec;
    return isFields(matchResources)
      ? { ...object, spec: { ...spec, matchResources: withMatchingDefaults(matchResources, 'resourceRules') } }
      : object;
  },
  problems: bindingProblems,
});
