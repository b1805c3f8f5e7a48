// x-kubernetes-validations: rules in CEL that a schema carries, checked when a definition is written and applied when an object is
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules). What rules may cost is
// bounded while they run; it is not estimated beforehand, so a definition may be taken here that a cluster refuses as too costly.

import { type Budget, compile, type Program } from './cel/compile.ts';
import { CompileError, errorText } from './cel/parse.ts';
import { type CelType, optionalOf } from './cel/types.ts';
import { BudgetExceeded, EvaluationError, none, Optional, type Value } from './cel/values.ts';
import { type Fields, isFields, isSameJson, listAt, textAt } from './object.ts';
import { ruleType, ruleValue, type ValueCache } from './rule-values.ts';
import { duplicateValue, type FieldProblem, forbiddenField, invalidValue, notSupported, required } from './status.ts';
import type { Structural } from './structural-schema.ts';

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
/** What all rules together may cost for one object. */
const maxSteps = 10_000_000;

type Rule = {
  readonly source: string;
  readonly program: Program;
  readonly usesOld: boolean;
  readonly isOldOptional: boolean;
  readonly message: string;
  readonly messageProgram: Program | undefined;
  readonly reason: string;
  readonly fieldPath: readonly Step[];
};

type Step = { readonly name: string; readonly isKey: boolean };

const rulesAt = (schema: Structural | Fields): readonly Fields[] => listAt(schema as Fields, 'x-kubernetes-validations').filter(isFields);

const variablesFor = (type: CelType, isOldOptional: boolean) => ({ self: type, oldSelf: isOldOptional ? optionalOf(type) : type });

/** The part of an object that a path below it names; undefined where the schema has no such part. */
const parseFieldPath = (path: string, schema: Structural): readonly Step[] | undefined => {
  const steps: Step[] = [];
  let at: Structural | undefined = schema;
  const pattern = /\.([A-Za-z_][\w-]*)|\['((?:[^'\\]|\\.)*)'\]/y;
  while (pattern.lastIndex < path.length) {
    const match = pattern.exec(path);
    const name = match?.[1] ?? match?.[2]?.replace(/\\(.)/g, '$1');
    if (name === undefined || at === undefined) return undefined;
    const isKey: boolean = typeof at.additionalProperties === 'object';
    at = isKey
      ? (at.additionalProperties as Structural)
      : at.properties !== undefined && Object.hasOwn(at.properties, name)
        ? at.properties[name]
        : undefined;
    if (at === undefined) return undefined;
    steps.push({ name, isKey });
  }
  return steps.length === 0 ? undefined : steps;
};

const joined = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
const below = (path: string, steps: readonly Step[]): string =>
  steps.reduce((at, { name, isKey }) => (isKey ? `${at}[${name}]` : joined(at, name)), path);

/** A rule as errors quote it: as Go prints it in JSON. */
const quotedRule = (rule: Fields): unknown => ({
  Rule: textAt(rule, 'rule'),
  Message: textAt(rule, 'message'),
  MessageExpression: textAt(rule, 'messageExpression'),
  Reason: rule['reason'] ?? null,
  FieldPath: textAt(rule, 'fieldPath'),
  OptionalOldSelf: rule['optionalOldSelf'] ?? null,
});

const goJson = (value: unknown): string => JSON.stringify(value).replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);

const ruleProblem = (field: string, rule: Fields, detail: string): FieldProblem => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${goJson(quotedRule(rule))}: ${detail}`,
});

const compiled = (source: string, variables: Readonly<Record<string, CelType>>): Program | CompileError => {
  try {
    return compile(source, variables);
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
};

/** Where the value of before is no longer to be told: below lists without keys. */
type Place = { readonly isRoot: boolean; readonly uncorrelated: string | undefined };

const expressionProblems = (rule: Fields, type: CelType, path: string, { uncorrelated }: Place): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const source = textAt(rule, 'rule');
  const isOldOptional = rule['optionalOldSelf'] === true;
  const variables = variablesFor(type, isOldOptional);
  const program = compiled(source, variables);
  if (program instanceof CompileError) return [ruleProblem(`${path}.rule`, rule, `compilation failed: ${errorText(source, program)}`)];
  if (program.type.kind !== 'bool' && program.type.kind !== 'dyn')
    return [ruleProblem(`${path}.rule`, rule, 'cel expression must evaluate to a bool')];
  const usesOld = program.uses.has('oldSelf');
  if (usesOld && uncorrelated !== undefined)
    problems.push(
      invalidValue(`${path}.rule`, source, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`),
    );
  if (rule['optionalOldSelf'] !== undefined && !usesOld)
    problems.push(invalidValue(`${path}.optionalOldSelf`, rule['optionalOldSelf'], 'may not be set if oldSelf is not used in rule'));
  const expression = textAt(rule, 'messageExpression');
  if (expression === '') return problems;
  const message = compiled(expression, variables);
  if (message instanceof CompileError)
    problems.push(
      ruleProblem(`${path}.messageExpression`, rule, `messageExpression compilation failed: ${errorText(expression, message)}`),
    );
  else if (message.type.kind !== 'string' && message.type.kind !== 'dyn')
    problems.push(ruleProblem(`${path}.messageExpression`, rule, 'messageExpression must evaluate to a string'));
  return problems;
};

const oneRuleProblems = (rule: Fields, schema: Structural, type: CelType, path: string, place: Place): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const source = textAt(rule, 'rule');
  const message = rule['message'];
  if (source.trim() === '') problems.push(required(`${path}.rule`, 'rule is not specified'));
  if (typeof message === 'string' && message !== '' && message.trim() === '')
    problems.push(invalidValue(`${path}.message`, message, 'must be non-empty if specified'));
  else if (typeof message === 'string' && /[\r\n]/.test(message))
    problems.push(invalidValue(`${path}.message`, message, 'must not contain line breaks'));
  else if (typeof message === 'string' && message.length > 2048)
    problems.push(invalidValue(`${path}.message`, `${message.slice(0, 10)}...`, 'must have a maximum length of 2048 characters'));
  else if (/[\r\n]/.test(source.trim()) && (message ?? '') === '')
    problems.push(required(`${path}.message`, 'message must be specified if rule contains line breaks'));
  const { reason } = rule;
  if (reason !== undefined && !reasons.includes(String(reason))) problems.push(notSupported(`${path}.reason`, reason, reasons));
  const fieldPath = rule['fieldPath'];
  if (typeof fieldPath === 'string' && fieldPath !== '' && parseFieldPath(fieldPath, schema) === undefined)
    problems.push(invalidValue(`${path}.fieldPath`, fieldPath, 'must be a valid path'));
  return source.trim() === '' ? problems : [...problems, ...expressionProblems(rule, type, path, place)];
};

/** Every fault of the rules at one place of a schema. */
export const ruleProblems = (schema: Structural, path: string, place: Place): readonly FieldProblem[] => {
  const rules = rulesAt(schema);
  if (rules.length === 0) return [];
  const at = `${path}.x-kubernetes-validations`;
  const type = ruleType(schema, place.isRoot);
  if (type === undefined) return [forbiddenField(at, 'rules need a type that expressions can use')];
  return rules.flatMap((rule, i) => oneRuleProblems(rule, schema, type, `${at}[${i}]`, place));
};

const known = new WeakMap<Structural, readonly Rule[]>();

/** The rules at one place, compiled once. They were checked when the definition was written. */
const compiledRules = (schema: Structural, isRoot: boolean): readonly Rule[] => {
  const made = known.get(schema);
  if (made !== undefined) return made;
  const type = ruleType(schema, isRoot);
  const rules = rulesAt(schema).flatMap((rule): readonly Rule[] => {
    if (type === undefined) return [];
    const isOldOptional = rule['optionalOldSelf'] === true;
    const variables = variablesFor(type, isOldOptional);
    const source = textAt(rule, 'rule');
    const program = compile(source, variables);
    const expression = textAt(rule, 'messageExpression');
    const messageProgram = expression === '' ? undefined : compile(expression, variables);
    return [
      {
        source: source.trim(),
        program,
        usesOld: program.uses.has('oldSelf'),
        isOldOptional,
        message: textAt(rule, 'message').trim(),
        messageProgram,
        reason: textAt(rule, 'reason') || 'FieldValueInvalid',
        fieldPath: parseFieldPath(textAt(rule, 'fieldPath'), schema) ?? [],
      },
    ];
  });
  known.set(schema, rules);
  return rules;
};

const partsOf = ({ properties, additionalProperties, items }: Structural): readonly Structural[] => [
  ...Object.values(properties ?? {}),
  ...(typeof additionalProperties === 'object' ? [additionalProperties] : []),
  ...(items === undefined ? [] : [items]),
];

const bearing = new WeakMap<Structural, boolean>();

/** Whether there are rules anywhere in a schema. */
export const hasRules = (schema: Structural): boolean => {
  const made = bearing.get(schema);
  if (made !== undefined) return made;
  const found = rulesAt(schema).length > 0 || partsOf(schema).some(hasRules);
  bearing.set(schema, found);
  return found;
};

type Walk = { readonly budget: Budget; readonly now: ValueCache; readonly earlier: ValueCache; readonly problems: FieldProblem[] };

/** Thrown where nothing more is to be reckoned. */
class OutOfBudget extends Error {}

const outOfBudget = (path: string): FieldProblem => ({
  field: path === '' ? '<nil>' : path,
  reason: 'FieldValueInvalid',
  message: 'Invalid value: validation failed due to running out of cost budget, no further validation rules will be run',
});

const evaluated = (
  program: Program,
  variables: Readonly<Record<string, Value>>,
  budget: Budget,
): Value | EvaluationError | BudgetExceeded => {
  try {
    return program.evaluate(variables, budget);
  } catch (error) {
    if (error instanceof EvaluationError || error instanceof BudgetExceeded) return error;
    throw error;
  }
};

const messageOf = ({ messageProgram, message, source }: Rule, variables: Readonly<Record<string, Value>>, budget: Budget): string => {
  const made = messageProgram === undefined ? undefined : evaluated(messageProgram, variables, budget);
  if (typeof made === 'string' && made.trim() !== '' && !/[\r\n]/.test(made) && made.length <= 5120) return made.trim();
  return message === '' ? `failed rule: ${source}` : message;
};

const failure = (rule: Rule, path: string, value: unknown, detail: string): FieldProblem => {
  const field = below(path, rule.fieldPath) || '<nil>';
  const isShown = typeof value !== 'object';
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbiddenField(field, detail);
    case 'FieldValueRequired':
      return required(field, detail);
    case 'FieldValueDuplicate':
      return isShown ? duplicateValue(field, value) : { field, reason: 'FieldValueDuplicate', message: 'Duplicate value' };
    default:
      return isShown ? invalidValue(field, value, detail) : { field, reason: 'FieldValueInvalid', message: `Invalid value: ${detail}` };
  }
};

const applyRule = (rule: Rule, schema: Structural, path: string, value: unknown, old: unknown, isRoot: boolean, walk: Walk): void => {
  const { budget, now, earlier, problems } = walk;
  if (rule.usesOld && old === undefined && !rule.isOldOptional) return;
  // What did not change is not held against whoever changes something else.
  if (!rule.usesOld && old !== undefined && isSameJson(value, old)) return;
  const before = old === undefined || old === null ? undefined : ruleValue(old, schema, earlier, isRoot);
  const oldSelf = rule.isOldOptional ? (before === undefined ? none : new Optional(before)) : before;
  const variables = { self: ruleValue(value, schema, now, isRoot), ...(oldSelf === undefined ? {} : { oldSelf }) };
  const result = evaluated(rule.program, variables, budget);
  if (result === true) return;
  if (budget.left <= 0) {
    problems.push(outOfBudget(path));
    throw new OutOfBudget();
  }
  if (result === false) problems.push(failure(rule, path, value, messageOf(rule, variables, budget)));
  else {
    const text = rule.message === '' ? rule.source : rule.message;
    const said = result instanceof Error ? result.message : 'no such overload';
    const detail =
      result instanceof BudgetExceeded
        ? `'${said}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`
        : `${said} evaluating rule: ${text}`;
    problems.push(invalidValue(path === '' ? '<nil>' : path, schema.type ?? 'object', detail));
  }
};

const keyOf = (item: unknown, keys: readonly string[]): string =>
  JSON.stringify(keys.map((key) => (isFields(item) ? (item[key] ?? null) : null)));

/** The value of before for each entry of a list, where entries can be told by their keys. */
const oldEntries = (schema: Structural, old: unknown): ((item: unknown) => unknown) => {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return () => undefined;
  const byKey = new Map(old.map((item) => [keyOf(item, keys), item as unknown]));
  return (item) => byKey.get(keyOf(item, keys));
};

const walkRules = (schema: Structural, path: string, value: unknown, old: unknown, isRoot: boolean, walk: Walk): void => {
  if (value === null || value === undefined || !hasRules(schema)) return;
  for (const rule of compiledRules(schema, isRoot)) applyRule(rule, schema, path, value, old, isRoot, walk);
  if (Array.isArray(value) && schema.items !== undefined) {
    const before = oldEntries(schema, old);
    for (const [i, item] of value.entries()) walkRules(schema.items, `${path}[${i}]`, item, before(item), false, walk);
  } else if (isFields(value)) {
    for (const [name, field] of Object.entries(value)) {
      const property = schema.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
      const rest = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
      const of = property ?? rest;
      if (of === undefined) continue;
      const before = isFields(old) && Object.hasOwn(old, name) ? old[name] : undefined;
      walkRules(of, property === undefined ? `${path}[${name}]` : joined(path, name), field, before, false, walk);
    }
  }
};

const blocking: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTypeInvalid',
]);

/** What an object breaks of the rules in its schema; `found` is what is wrong with it already, which may leave nothing to reckon with. */
export const brokenRules = (
  schema: Structural,
  object: unknown,
  old: unknown,
  found: readonly FieldProblem[] = [],
  { path = '', isRoot = true }: { readonly path?: string; readonly isRoot?: boolean } = {},
): readonly FieldProblem[] => {
  if (!hasRules(schema)) return [];
  if (found.some(({ reason }) => blocking.has(reason)))
    return [
      {
        field: '<nil>',
        reason: 'FieldValueInvalid',
        message:
          'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
      },
    ];
  const walk: Walk = { budget: { left: maxSteps }, now: new WeakMap(), earlier: new WeakMap(), problems: [] };
  try {
    walkRules(schema, path, object, old, isRoot, walk);
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
  }
  return walk.problems;
};
