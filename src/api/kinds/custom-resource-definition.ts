// CustomResourceDefinition (https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/).

import { createdAtColumn, nameColumn } from '../column.ts';
import { parseJsonPath } from '../json-path.ts';
import { defineKind, keepStatus, statusSubresource } from '../kind.ts';
import { labelName, subdomainName } from '../metadata.ts';
import { type Fields, fieldsAt, isFields, type KubernetesObject, listAt, textAt } from '../object.ts';
import { structureProblems } from '../schema-structure.ts';
import { type FieldProblem, forbiddenField, invalidValue, notSupported, required } from '../status.ts';

/** Holds a definition until its objects are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

const spec = (object: KubernetesObject): Fields => fieldsAt(object, 'spec');
const versions = (object: KubernetesObject): readonly Fields[] => listAt(object['spec'], 'versions').filter(isFields);
const protectedGroup = /(?:^|\.)(?:k8s\.io|kubernetes\.io)$/;
const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];

const versionProblems = (version: Fields, path: string, schemaPath: string): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const name = textAt(version, 'name');
  const problem = labelName(name);
  if (problem !== undefined) problems.push(invalidValue(`${path}.name`, name, problem));
  const schema = fieldsAt(version, 'schema')['openAPIV3Schema'];
  if (schema === undefined) problems.push(required(`${path}.schema.openAPIV3Schema`, 'schemas are required'));
  else problems.push(...structureProblems(schema, schemaPath));
  for (const [i, column] of listAt(version, 'additionalPrinterColumns').entries()) {
    const at = `${path}.additionalPrinterColumns[${i}]`;
    if (textAt(column, 'name') === '') problems.push(required(`${at}.name`));
    if (!columnTypes.includes(textAt(column, 'type'))) problems.push(notSupported(`${at}.type`, textAt(column, 'type'), columnTypes));
    const jsonPath = textAt(column, 'jsonPath');
    if (jsonPath === '' || parseJsonPath(jsonPath) === undefined)
      problems.push(invalidValue(`${at}.jsonPath`, jsonPath, 'must be a JSON path'));
  }
  const scale = fieldsAt(fieldsAt(version, 'subresources'), 'scale');
  for (const [field, root] of [
    ['specReplicasPath', '.spec.'],
    ['statusReplicasPath', '.status.'],
  ] as const)
    if (Object.keys(scale).length > 0 && !textAt(scale, field).startsWith(root))
      problems.push(invalidValue(`${path}.subresources.scale.${field}`, textAt(scale, field), `should be a json path under ${root}`));
    else if (Object.keys(scale).length > 0 && !/^(?:\.[A-Za-z_][\w-]*)+$/.test(textAt(scale, field)))
      problems.push(
        invalidValue(`${path}.subresources.scale.${field}`, textAt(scale, field), 'should be a simple json path without array notation'),
      );
  const selector = textAt(scale, 'labelSelectorPath');
  if (selector !== '' && !/^\.(?:spec|status)(?:\.[A-Za-z_][\w-]*)+$/.test(selector))
    problems.push(
      invalidValue(`${path}.subresources.scale.labelSelectorPath`, selector, 'should be a json path under either .spec or .status'),
    );
  return problems;
};

const problems = (object: KubernetesObject): readonly FieldProblem[] => {
  const found: FieldProblem[] = [];
  const { group } = spec(object);
  const names = fieldsAt(spec(object), 'names');
  const plural = textAt(names, 'plural');
  const groupText = typeof group === 'string' ? group : '';
  const groupProblem = groupText.includes('.') ? subdomainName(groupText) : 'should be a domain with at least one dot';
  if (groupText === '') found.push(required('spec.group'));
  else if (groupProblem !== undefined) found.push(invalidValue('spec.group', group, groupProblem));
  if (protectedGroup.test(groupText) && (object.metadata.annotations?.['api-approved.kubernetes.io'] ?? '') === '')
    found.push(
      required(
        'metadata.annotations[api-approved.kubernetes.io]',
        'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ),
    );
  if (object.metadata.name !== `${plural}.${groupText}`)
    found.push(invalidValue('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group'));
  for (const [field, isRequired] of [
    ['plural', true],
    ['singular', false],
    ['kind', true],
    ['listKind', false],
  ] as const) {
    const name = textAt(names, field);
    const problem = name === '' ? undefined : labelName(name.toLowerCase());
    if (name === '' && isRequired) found.push(required(`spec.names.${field}`));
    if (problem !== undefined) found.push(invalidValue(`spec.names.${field}`, name, problem));
  }
  if (!['Namespaced', 'Cluster'].includes(textAt(spec(object), 'scope')))
    found.push(notSupported('spec.scope', textAt(spec(object), 'scope'), ['Cluster', 'Namespaced']));
  const all = versions(object);
  const stored = all.filter((version) => version['storage'] === true);
  if (stored.length !== 1)
    found.push(
      invalidValue(
        'spec.versions',
        all.map((version) => version['name']),
        'must have exactly one version marked as storage version',
      ),
    );
  for (const [i, version] of all.entries()) {
    const path = `spec.versions[${i}]`;
    // Where all versions have one schema, a server says it once.
    const schemaPath = all.length === 1 ? 'spec.validation.openAPIV3Schema' : `${path}.schema.openAPIV3Schema`;
    found.push(...versionProblems(version, path, schemaPath));
    if (all.findIndex((other) => other['name'] === version['name']) < i)
      found.push(invalidValue(`spec.versions[${i}].name`, version['name'], 'must be unique'));
  }
  if (textAt(fieldsAt(spec(object), 'conversion'), 'strategy') !== 'None')
    found.push(notSupported('spec.conversion.strategy', textAt(fieldsAt(spec(object), 'conversion'), 'strategy'), ['None']));
  if (spec(object)['preserveUnknownFields'] === true) found.push(invalidValue('spec.preserveUnknownFields', true, 'must be false'));
  return found;
};

const withDefaults = (object: KubernetesObject): KubernetesObject => {
  const names = fieldsAt(spec(object), 'names');
  const kind = textAt(names, 'kind');
  return {
    ...object,
    spec: {
      ...spec(object),
      names: { ...names, singular: textAt(names, 'singular') || kind.toLowerCase(), listKind: textAt(names, 'listKind') || `${kind}List` },
      conversion: { strategy: 'None', ...fieldsAt(spec(object), 'conversion') },
    },
  };
};

const storageVersion = (object: KubernetesObject): string =>
  textAt(
    versions(object).find((version) => version['storage'] === true),
    'name',
  );

export const customResourceDefinitionKind = defineKind({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  model: 'V1CustomResourceDefinition',
  isNamespaced: false,
  shortNames: ['crd', 'crds'],
  hasGeneration: true,
  allowsUnconditionalUpdate: false,
  columns: [nameColumn, createdAtColumn],
  subresources: [statusSubresource('status and metadata')],
  withDefaults,
  forCreate: (object) => ({
    ...object,
    metadata: { ...object.metadata, finalizers: [...new Set([...(object.metadata.finalizers ?? []), cleanupFinalizer])] },
    status: { conditions: [], acceptedNames: { plural: '', kind: '' }, storedVersions: [storageVersion(object)] },
  }),
  forUpdate: (object, old) => {
    const kept = keepStatus(object, old);
    const status = fieldsAt(kept, 'status');
    const storedVersions = [...new Set([...listAt(status, 'storedVersions'), storageVersion(object)])];
    return { ...kept, status: { ...status, storedVersions } };
  },
  problems,
  changeProblems: (object, old) => [
    ...(['group', 'scope'] as const)
      .filter((field) => spec(object)[field] !== spec(old)[field])
      .map((field) => invalidValue(`spec.${field}`, spec(object)[field], 'field is immutable')),
    ...listAt(object['status'], 'storedVersions')
      .filter((name) => !versions(object).some((version) => version['name'] === name))
      .map((name) => forbiddenField('status.storedVersions', `${JSON.stringify(name)} must appear in spec.versions`)),
  ],
});
