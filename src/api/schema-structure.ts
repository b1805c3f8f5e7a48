// Whether a schema of a CustomResourceDefinition is structural, and says nothing that is not understood here
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema).

import { type Fields, fieldsAt, isFields, listAt } from './object.ts';
import { type FieldProblem, forbiddenField, invalidValue, notSupported, required } from './status.ts';
import { compilePattern, type Structural, schemaProblems, withDefaults } from './structural-schema.ts';
import { brokenRules, ruleProblems } from './validation-rules.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const maxDepth = 50;

/** What would be left unenforced; refused by name rather than taken and not obeyed. */
const unenforced = ['$ref', 'definitions', 'dependencies', 'patternProperties', 'additionalItems'];

type Position = {
  readonly path: string;
  readonly depth: number /** Below allOf, anyOf, oneOf or not nothing is specified, only checked. */;
  readonly isJunctor: boolean;
  /** The list without keys that this is below, where entries of before cannot be found again. */
  readonly uncorrelated: string | undefined;
};

const patternProblems = (schema: Fields, path: string): readonly FieldProblem[] => {
  const { pattern } = schema;
  if (typeof pattern !== 'string') return [];
  try {
    compilePattern(pattern);
    return [];
  } catch {
    return [invalidValue(`${path}.pattern`, pattern, 'must be a valid regular expression (RE2)')];
  }
};

const typeProblems = (schema: Fields, { path, isJunctor }: Position): readonly FieldProblem[] => {
  const { type } = schema;
  const isFree = schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (isJunctor) return type === undefined ? [] : [forbiddenField(`${path}.type`, 'must be empty to be structural')];
  if (type === undefined) return isFree ? [] : [required(`${path}.type`, 'must not be empty for specified fields')];
  return typeof type === 'string' && types.includes(type) ? [] : [notSupported(`${path}.type`, type, types)];
};

const listTypeProblems = (schema: Fields, path: string): readonly FieldProblem[] => {
  const type = schema['x-kubernetes-list-type'];
  if (type === undefined) return [];
  if (!['atomic', 'map', 'set'].includes(String(type)))
    return [notSupported(`${path}.x-kubernetes-list-type`, type, ['atomic', 'map', 'set'])];
  const keys = listAt(schema, 'x-kubernetes-list-map-keys');
  if (type === 'map' && keys.length === 0)
    return [required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map')];
  const properties = fieldsAt(fieldsAt(schema, 'items'), 'properties');
  return type === 'map'
    ? keys
        .filter((key) => !Object.hasOwn(properties, String(key)))
        .map((key) => invalidValue(`${path}.x-kubernetes-list-map-keys`, key, 'entries must all be names of item properties'))
    : [];
};

const defaultProblems = (schema: Fields, path: string): readonly FieldProblem[] => {
  if (schema['default'] === undefined) return [];
  const filled = withDefaults(schema['default'], schema as Structural);
  const at = `${path}.default`;
  const problems = schemaProblems(filled, schema as Structural, at);
  return [...problems, ...brokenRules(schema as Structural, filled, undefined, problems, { path: at, isRoot: false })];
};

const nodeProblems = (schema: unknown, position: Position): readonly FieldProblem[] => {
  const { path, depth, isJunctor } = position;
  if (!isFields(schema)) return [invalidValue(path, schema, 'must be a schema')];
  if (depth > maxDepth) return [forbiddenField(path, 'it is nested too deeply')];
  const problems: FieldProblem[] = unenforced
    .filter((name) => schema[name] !== undefined)
    .map((name) => forbiddenField(`${path}.${name}`, 'it is not supported by this server'));
  problems.push(...typeProblems(schema, position), ...patternProblems(schema, path), ...listTypeProblems(schema, path));
  const below = (name: string, isBelowJunctor = isJunctor): Position => ({
    path: `${path}.${name}`,
    depth: depth + 1,
    isJunctor: isBelowJunctor,
    uncorrelated: position.uncorrelated ?? (name === 'items' && schema['x-kubernetes-list-type'] !== 'map' ? path : undefined),
  });
  const { properties, items, additionalProperties } = schema;
  if (isFields(properties))
    for (const [name, field] of Object.entries(properties)) problems.push(...nodeProblems(field, below(`properties[${name}]`)));
  if (Array.isArray(items)) problems.push(forbiddenField(`${path}.items`, 'must be a schema object and not an array'));
  else if (items !== undefined) problems.push(...nodeProblems(items, below('items')));
  else if (schema['type'] === 'array' && !isJunctor) problems.push(required(`${path}.items`, 'must be specified'));
  if (isFields(additionalProperties)) {
    if (isFields(properties))
      problems.push(forbiddenField(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
    problems.push(...nodeProblems(additionalProperties, below('additionalProperties')));
  } else if (additionalProperties === false)
    problems.push(forbiddenField(`${path}.additionalProperties`, 'additionalProperties cannot be set to false'));
  if (schema['uniqueItems'] === true)
    problems.push(
      forbiddenField(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'),
    );
  // int-or-string is written with its two types below anyOf.
  for (const name of ['allOf', 'anyOf', 'oneOf'])
    for (const [i, each] of listAt(schema, name).entries())
      if (schema['x-kubernetes-int-or-string'] !== true) problems.push(...nodeProblems(each, below(`${name}[${i}]`, true)));
  if (schema['not'] !== undefined) problems.push(...nodeProblems(schema['not'], below('not', true)));
  if (isJunctor && schema['x-kubernetes-validations'] !== undefined)
    problems.push(forbiddenField(`${path}.x-kubernetes-validations`, 'must be empty to be structural'));
  // Types of rules come from the schema, so that has to be in order first.
  if (problems.length > 0) return problems;
  const ofRules = isJunctor ? [] : ruleProblems(schema as Structural, path, { isRoot: depth === 0, uncorrelated: position.uncorrelated });
  return ofRules.length > 0 ? ofRules : defaultProblems(schema, path);
};

/** Every fault of the schema of one version. */
export const structureProblems = (schema: unknown, path: string): readonly FieldProblem[] => {
  const problems = nodeProblems(schema, { path, depth: 0, isJunctor: false, uncorrelated: undefined });
  if (isFields(schema) && schema['type'] !== undefined && schema['type'] !== 'object')
    return [...problems, invalidValue(`${path}.type`, schema['type'], 'must be object at the root')];
  return problems;
};
