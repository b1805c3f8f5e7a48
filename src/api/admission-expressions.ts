// The expressions of admission policies and webhooks: which variables they see, and what each may come to
// (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-expression).

import { authorizerType, resourceCheckType } from './cel/authorizer-library.ts';
import { type Budget, compile, type Program, type Variables } from './cel/compile.ts';
import { CompileError, errorText } from './cel/parse.ts';
import { bool, type CelType, dyn, int, listOf, mapOf, nullType, string } from './cel/types.ts';
import { BudgetExceeded, EvaluationError, type Value } from './cel/values.ts';
import { type Fields, isFields, listAt, textAt } from './object.ts';
import { duplicateValue, type FieldProblem, invalidValue, required, tooMany } from './status.ts';

const objectOf = (name: string, fields: Readonly<Record<string, CelType>>): CelType => ({
  kind: 'object',
  name,
  fields: new Map(Object.entries(fields).map(([field, type]) => [field, { name: field, type }])),
});

const gvk = objectOf('kubernetes.GroupVersionKind', { group: string, version: string, kind: string });
const gvr = objectOf('kubernetes.GroupVersionResource', { group: string, version: string, resource: string });
const userInfo = objectOf('kubernetes.UserInfo', {
  username: string,
  uid: string,
  groups: listOf(string),
  extra: mapOf(string, listOf(string)),
});
const request = objectOf('kubernetes.AdmissionRequest', {
  kind: gvk,
  resource: gvr,
  subResource: string,
  requestKind: gvk,
  requestResource: gvr,
  requestSubResource: string,
  name: string,
  namespace: string,
  operation: string,
  userInfo,
  dryRun: bool,
  options: dyn,
});
const namespaceObject = objectOf('kubernetes.Namespace', {
  apiVersion: string,
  kind: string,
  metadata: objectOf('kubernetes.NamespaceMetadata', {
    name: string,
    generateName: string,
    namespace: string,
    labels: mapOf(string, string),
    annotations: mapOf(string, string),
    uid: string,
    creationTimestamp: string,
    deletionTimestamp: string,
    deletionGracePeriodSeconds: int,
    generation: int,
    resourceVersion: string,
    finalizers: listOf(string),
  }),
  spec: objectOf('kubernetes.NamespaceSpec', { finalizers: listOf(string) }),
  status: objectOf('kubernetes.NamespaceStatus', { phase: string }),
});
const authorizer = authorizerType;

/** What the conditions of webhooks see. */
export const webhookVariables: Variables = {
  object: dyn,
  oldObject: dyn,
  request,
  authorizer,
  'authorizer.requestResource': resourceCheckType,
};

/** What expressions of policies see; `variables` are those that the policy defines, by type. */
export const policyVariables = (hasParams: boolean, variables: Readonly<Record<string, CelType>>): Variables => ({
  ...webhookVariables,
  namespaceObject,
  ...(hasParams ? { params: dyn } : {}),
  variables: objectOf('kubernetes.variables', variables),
});

export type Wanted = 'bool' | 'string' | 'string or null' | 'any';

const wantedKinds: Readonly<Record<Exclude<Wanted, 'any'>, readonly string[]>> = {
  bool: [bool.kind],
  string: [string.kind],
  'string or null': [string.kind, nullType.kind],
};

/** An expression that gives what is wanted; else what is wrong with it. */
export const compileExpression = (source: string, variables: Variables, wanted: Wanted): Program | string => {
  try {
    const program = compile(source, variables);
    const { kind } = program.type;
    if (wanted === 'any' || kind === dyn.kind || wantedKinds[wanted].includes(kind)) return program;
    return `must evaluate to ${wanted}`;
  } catch (error) {
    if (error instanceof CompileError) return `compilation failed: ${errorText(source, error)}`;
    throw error;
  }
};

/** Every fault of an expression that must be there. */
export const expressionProblems = (source: string, variables: Variables, wanted: Wanted, path: string): readonly FieldProblem[] => {
  if (source.trim() === '') return [required(path, 'expression is not specified')];
  const program = compileExpression(source, variables, wanted);
  return typeof program === 'string' ? [invalidValue(path, source, program)] : [];
};

const maxConditions = 64;
const conditionName = /^(?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Every fault of `matchConditions`. */
export const conditionProblems = (conditions: readonly unknown[], variables: Variables, path: string): readonly FieldProblem[] => {
  const names = conditions.map((condition) => textAt(condition, 'name'));
  return [
    ...(conditions.length > maxConditions ? [tooMany(path, conditions.length, maxConditions)] : []),
    ...conditions.flatMap((condition, i) => {
      const name = names[i] ?? '';
      const at = `${path}[${i}]`;
      return [
        ...(name === ''
          ? [required(`${at}.name`)]
          : conditionName.test(name)
            ? []
            : [
                invalidValue(
                  `${at}.name`,
                  name,
                  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
                ),
              ]),
        ...(name !== '' && names.indexOf(name) < i ? [duplicateValue(`${at}.name`, name)] : []),
        ...expressionProblems(textAt(condition, 'expression'), variables, 'bool', `${at}.expression`),
      ];
    }),
  ];
};

export type Condition = { readonly name: string; readonly program: Program };

/** Conditions as they run. They were checked when they were written; one that fails to compile all the same fails when it runs. */
export const conditionsOf = (of: Fields, variables: Variables): readonly Condition[] =>
  listAt(of, 'matchConditions')
    .filter(isFields)
    .map((condition) => ({ name: textAt(condition, 'name'), program: runnable(textAt(condition, 'expression'), variables, 'bool') }));

/** A program for an expression, whatever it says. */
export const runnable = (source: string, variables: Variables, wanted: Wanted): Program => {
  const program = compileExpression(source, variables, wanted);
  if (typeof program !== 'string') return program;
  return {
    type: dyn,
    uses: new Set(),
    evaluate: () => {
      throw new EvaluationError(program);
    },
  };
};

/** Whether all conditions hold; a text says why that cannot be told. One that does not hold decides, whatever others fail. */
export const conditionsHold = (conditions: readonly Condition[], evaluate: (program: Program) => Value | Error): boolean | string => {
  let failure: string | undefined;
  for (const { name, program } of conditions) {
    const value = evaluate(program);
    if (value === false) return false;
    if (value !== true)
      failure ??= `match condition ${JSON.stringify(name)} failed: ${value instanceof Error ? value.message : 'it gives no truth value'}`;
  }
  return failure ?? true;
};

/** What an expression comes to. */
export const evaluated = (program: Program, values: Readonly<Record<string, Value>>, budget: Budget): Value | Error => {
  try {
    return program.evaluate(values, budget);
  } catch (error) {
    if (error instanceof EvaluationError || error instanceof BudgetExceeded) return error;
    throw error;
  }
};
