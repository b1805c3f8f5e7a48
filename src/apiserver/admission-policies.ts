// Judges the write of a custom resource by the policies that are bound to it. All of it happens inside the transaction: what policies look at,
// parameters and namespaces included, is what the write will be committed beside.

import { type Condition, conditionsHold, conditionsOf, evaluated, policyVariables, runnable } from '../api/admission-expressions.ts';
import type { Budget, Program } from '../api/cel/compile.ts';
import type { Value } from '../api/cel/values.ts';
import { type Kind, resourceKey } from '../api/kind.ts';
import { admissionPolicyBindingKind, admissionPolicyKind, variableTypes } from '../api/kinds/admission-policy.ts';
import { type Fields, fieldsAt, groupVersion, isFields, type KubernetesObject, listAt, textAt } from '../api/object.ts';
import { selectsLabels } from '../api/object-selector.ts';
import { jsonValue } from '../api/rule-values.ts';
import { admissionDenied, qualifiedResource } from '../api/status.ts';
import type { CodedError } from '../base/coded-error.ts';
import { type AdmissionAttributes, matchedKind } from './admission-attributes.ts';
import { expressionValues } from './admission-expression-values.ts';
import type { KindTable } from './kind-table.ts';
import { asServed } from './served-version.ts';
import type { Transaction } from './store.ts';

/** What all expressions of all policies may cost for one write. */
const maxSteps = 10_000_000;

type Validation = {
  readonly expression: string;
  readonly program: Program;
  readonly message: string;
  readonly messageProgram: Program | undefined;
  readonly reason: string;
};

type Policy = {
  readonly conditions: readonly Condition[];
  readonly variables: readonly (readonly [name: string, program: Program])[];
  readonly validations: readonly Validation[];
};

const known = new WeakMap<KubernetesObject, Policy>();

/** A stored policy, compiled once. */
const compiled = (object: KubernetesObject): Policy => {
  const made = known.get(object);
  if (made !== undefined) return made;
  const spec = fieldsAt(object, 'spec');
  const variables = policyVariables(spec['paramKind'] !== undefined, variableTypes(spec).types);
  const policy: Policy = {
    conditions: conditionsOf(spec, variables),
    variables: listAt(spec, 'variables').map((variable) => [
      textAt(variable, 'name'),
      runnable(textAt(variable, 'expression'), variables, 'any'),
    ]),
    validations: listAt(spec, 'validations').map((validation) => {
      const expression = textAt(validation, 'expression');
      const messageExpression = textAt(validation, 'messageExpression');
      return {
        expression: expression.trim(),
        program: runnable(expression, variables, 'bool'),
        message: textAt(validation, 'message').trim(),
        messageProgram: messageExpression === '' ? undefined : runnable(messageExpression, variables, 'string'),
        reason: textAt(validation, 'reason') || 'Invalid',
      };
    }),
  };
  known.set(object, policy);
  return policy;
};

/** Variables of a policy: each is reckoned when something first asks for it, and once. */
class LazyVariables extends Map<Value, Value> {
  readonly #read: (name: string) => Value | undefined;
  constructor(read: (name: string) => Value | undefined) {
    super();
    this.#read = read;
  }
  override get(name: Value): Value | undefined {
    return typeof name === 'string' ? this.#read(name) : undefined;
  }
}

const withVariables = (policy: Policy, values: Readonly<Record<string, Value>>, budget: Budget): Readonly<Record<string, Value>> => {
  const done = new Map<string, { readonly value: Value } | { readonly error: unknown }>();
  const programs = new Map(policy.variables);
  const all: Record<string, Value> = { ...values };
  all['variables'] = new LazyVariables((name) => {
    const program = programs.get(name);
    if (program === undefined) return undefined;
    let outcome = done.get(name);
    if (outcome === undefined) {
      try {
        outcome = { value: program.evaluate(all, budget) };
      } catch (error) {
        outcome = { error };
      }
      done.set(name, outcome);
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  });
  return all;
};

/** One thing that a policy holds against a write. */
type Failure = { readonly message: string; readonly reason: string };

const codes: Readonly<Record<string, number>> = { Unauthorized: 401, Forbidden: 403, RequestEntityTooLarge: 413 };

type Judged = { readonly attributes: AdmissionAttributes; readonly kinds: KindTable; readonly transaction: Transaction };

const deniedBy = ({ kind, name }: AdmissionAttributes, { message, reason }: Failure): CodedError => {
  const { group, plural } = kind;
  const details = { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: plural };
  const whole = `${qualifiedResource({ group, plural })} ${JSON.stringify(name)} is forbidden: ${message}`;
  return admissionDenied(whole, { code: codes[reason] ?? 422, reason }, { ...details, causes: [{ message }] });
};

const messageOf = (
  { messageProgram, message, expression }: Validation,
  values: Readonly<Record<string, Value>>,
  budget: Budget,
): string => {
  const said = messageProgram === undefined ? undefined : evaluated(messageProgram, values, budget);
  if (typeof said === 'string' && said.trim() !== '' && said.length <= 5120 && !/[\r\n]/.test(said)) return said.trim();
  return message === '' ? `failed expression: ${expression}` : message;
};

/** What a binding's parameters are: none at all, or one after the other. A text says why they cannot be had. */
const paramsOf = (
  { attributes, kinds, transaction }: Judged,
  policy: Fields,
  binding: Fields,
): readonly (KubernetesObject | undefined)[] | string => {
  const { paramKind } = policy;
  const { paramRef: ref } = binding;
  if (!isFields(paramKind) || !isFields(ref)) return [undefined];
  const kind = kinds.kinds.find(
    (each) => groupVersion(each.group, each.version) === paramKind['apiVersion'] && each.kind === paramKind['kind'],
  );
  if (kind === undefined)
    return `failed to find resource referenced by paramKind: '${String(paramKind['apiVersion'])}, Kind=${String(paramKind['kind'])}'`;
  const given = textAt(ref, 'namespace');
  if (!kind.isNamespaced && given !== '') return 'paramRef.namespace must not be provided for a cluster-scoped `paramKind`';
  const namespace = kind.isNamespaced ? given || attributes.namespace : '';
  if (kind.isNamespaced && namespace === '')
    return 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources';
  const name = textAt(ref, 'name');
  const found =
    name === ''
      ? transaction
          .list(resourceKey(kind), kind.isNamespaced ? namespace : undefined)
          .filter(({ object }) => selectsLabels(ref['selector'], object.metadata.labels ?? {}))
      : [transaction.get(resourceKey(kind), namespace, name)].filter((each) => each !== undefined);
  if (found.length === 0 && ref['parameterNotFoundAction'] === 'Deny')
    return 'no params found for policy binding with `Deny` parameterNotFoundAction';
  return found.map((stored) => asServed(kind, stored).object);
};

/** What a policy holds against a write with one parameter. */
const failuresWith = (
  object: KubernetesObject,
  values: Readonly<Record<string, Value>>,
  param: KubernetesObject | undefined,
  budget: Budget,
): readonly Failure[] => {
  const policy = compiled(object);
  const isStrict = textAt(object['spec'], 'failurePolicy') !== 'Ignore';
  const all = withVariables(policy, { ...values, params: jsonValue(param ?? null) }, budget);
  const isMeant = conditionsHold(policy.conditions, (program) => evaluated(program, all, budget));
  if (isMeant === false) return [];
  if (typeof isMeant === 'string') return isStrict ? [{ message: isMeant, reason: 'Invalid' }] : [];
  return policy.validations.flatMap((validation): readonly Failure[] => {
    const result = evaluated(validation.program, all, budget);
    if (result === true) return [];
    if (result === false) return [{ message: messageOf(validation, all, budget), reason: validation.reason }];
    if (!isStrict) return [];
    const said = result instanceof Error ? result.message : 'it gives no truth value';
    return [{ message: `expression '${validation.expression}' resulted in error: ${said}`, reason: 'Invalid' }];
  });
};

/** Throws AdmissionDenied where a policy denies the write; answers what others warn of. */
export const judgeByPolicies = (attributes: AdmissionAttributes, kinds: KindTable, transaction: Transaction): readonly string[] => {
  const policies = transaction.list(resourceKey(admissionPolicyKind));
  if (policies.length === 0) return [];
  const judged: Judged = { attributes, kinds, transaction };
  const bindings = Map.groupBy(transaction.list(resourceKey(admissionPolicyBindingKind)), ({ object }) =>
    textAt(object['spec'], 'policyName'),
  );
  const budget: Budget = { left: maxSteps };
  const warnings: string[] = [];
  const valuesOf = new Map<Kind, Readonly<Record<string, Value>>>();
  for (const { name, object } of policies.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const spec = fieldsAt(object, 'spec');
    const kind = matchedKind(fieldsAt(spec, 'matchConstraints'), attributes, kinds, transaction);
    if (kind === undefined) continue;
    const values = valuesOf.get(kind) ?? expressionValues(attributes, kind, transaction);
    valuesOf.set(kind, values);
    for (const { name: bindingName, object: binding } of (bindings.get(name) ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const bound = fieldsAt(binding, 'spec');
      if (isFields(bound['matchResources']) && !isBound(bound['matchResources'], judged)) continue;
      const params = paramsOf(judged, spec, bound);
      const failures =
        typeof params !== 'string'
          ? params.flatMap((param) => failuresWith(object, values, param, budget))
          : spec['failurePolicy'] === 'Ignore'
            ? []
            : [{ message: `failed to configure binding: ${params}`, reason: 'Invalid' }];
      const actions = listAt(bound, 'validationActions');
      const by = `ValidatingAdmissionPolicy '${name}' with binding '${bindingName}'`;
      for (const { message, reason } of failures) {
        if (actions.includes('Deny')) throw deniedBy(attributes, { message: `${by} denied request: ${message}`, reason });
        if (actions.includes('Warn')) warnings.push(`Validation failed for ${by}: ${message}`);
      }
    }
  }
  return warnings;
};

/** Whether a binding is for a write; one without rules is for all that its policy is for. */
const isBound = (match: Fields, { attributes, kinds, transaction }: Judged): boolean => {
  const everything = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }];
  const rules = listAt(match, 'resourceRules').length === 0 ? { resourceRules: everything } : {};
  return matchedKind({ ...match, ...rules }, attributes, kinds, transaction) !== undefined;
};
