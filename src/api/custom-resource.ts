// Kinds out of CustomResourceDefinitions: each served version is a kind like any other, whose rules come from its schema.

import { age, ageColumn, type Cell, type Column, nameColumn } from './column.ts';
import { type Conformed, conform } from './conform.ts';
import { type JsonPath, parseJsonPath } from './json-path.ts';
import { defineKind, dropStatus, type Kind, keepStatus, type Subresource } from './kind.ts';
import { scaleSubresource } from './kinds/scale.ts';
import { type Fields, fieldsAt, groupVersion, isFields, type KubernetesObject, listAt, textAt } from './object.ts';
import { modelSchema } from './schema.ts';
import { badRequest } from './status.ts';
import { prune, type Structural, schemaProblems, withDefaults } from './structural-schema.ts';
import { brokenRules } from './validation-rules.ts';

const columnOf = (column: Fields): Column => {
  const path: JsonPath = parseJsonPath(textAt(column, 'jsonPath')) ?? (() => []);
  const type = textAt(column, 'type') as Column['type'];
  const cell = (object: KubernetesObject, now: Date): Cell => {
    const [found] = path(object);
    if (found === undefined) return null;
    if (type === 'date') return age(String(found), now);
    return typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean' ? found : JSON.stringify(found);
  };
  const priority = typeof column['priority'] === 'number' && column['priority'] > 0 ? 1 : 0;
  return { name: textAt(column, 'name'), type, format: textAt(column, 'format'), priority, cell };
};

const columnsOf = (version: Fields): readonly Column[] => {
  const given = listAt(version, 'additionalPrinterColumns').filter(isFields).map(columnOf);
  return [nameColumn, ...(given.length === 0 ? [ageColumn] : given)];
};

/** /status: everything but the status stays as it is, labels too. */
const status: Subresource = {
  name: 'status',
  verbs: ['get', 'patch', 'update'],
  apply: (sent, old) => ({
    ...old,
    ...('status' in sent ? { status: sent['status'] } : {}),
  }),
};

const dotPath = (value: unknown, name: string): readonly string[] => textAt(value, name).split('.').slice(1);

/** /scale, where the version says at which paths its numbers are. */
const scaleOf = (version: Fields): readonly Subresource[] => {
  const scale = fieldsAt(version, 'subresources')['scale'];
  if (!isFields(scale)) return [];
  const labels = parseJsonPath(textAt(scale, 'labelSelectorPath'));
  return [
    scaleSubresource({
      specReplicas: dotPath(scale, 'specReplicasPath'),
      statusReplicas: dotPath(scale, 'statusReplicasPath'),
      selector: (object) => {
        const found = labels?.(object)[0];
        return typeof found === 'string' ? found : '';
      },
    }),
  ];
};

const metadataSchema = { type: 'object' as const, properties: { metadata: modelSchema('V1ObjectMeta') } };

/** Metadata is read as everywhere; the rest is what the schema specifies. */
const read =
  (schema: Structural, kind: string, group: string, version: string) =>
  (value: Fields): Conformed => {
    if (typeof value['kind'] !== 'string' || value['kind'] === '') throw badRequest(`Object 'Kind' is missing in the body`);
    const unknownFields: string[] = [];
    const { metadata = {} } = value;
    const { value: conformed } = conform({ metadata }, metadataSchema, kind, version);
    const pruned = prune({ ...value, metadata: conformed['metadata'] }, schema, (path) => unknownFields.push(path));
    return { value: { ...(pruned as Fields), apiVersion: value['apiVersion'] ?? groupVersion(group, version) }, unknownFields };
  };

const selectableOf = (version: Fields): Kind['selectable'] =>
  Object.fromEntries(
    listAt(version, 'selectableFields').flatMap((field) => {
      const text = textAt(field, 'jsonPath');
      const path = parseJsonPath(text);
      return path === undefined ? [] : [[text.replace(/^\./, ''), (object: KubernetesObject) => String(path(object)[0] ?? '')]];
    }),
  );

/** The kinds of a definition, the stored version first. */
export const customKinds = (definition: KubernetesObject): readonly Kind[] => {
  const spec = fieldsAt(definition, 'spec');
  const names = fieldsAt(spec, 'names');
  const group = textAt(spec, 'group');
  const kind = textAt(names, 'kind');
  const versions = listAt(spec, 'versions')
    .filter(isFields)
    .toSorted((a, b) => Number(b['storage'] === true) - Number(a['storage'] === true));
  const storageVersion = textAt(versions[0], 'name');
  return versions
    .filter((version) => version['served'] === true || version['storage'] === true)
    .map((version) => {
      const schema = fieldsAt(fieldsAt(version, 'schema'), 'openAPIV3Schema') as Structural;
      const hasStatus = isFields(fieldsAt(version, 'subresources')['status']);
      return defineKind({
        group,
        version: textAt(version, 'name'),
        storageVersion,
        isServed: version['served'] === true,
        isCustom: true,
        kind,
        plural: textAt(names, 'plural'),
        singular: textAt(names, 'singular'),
        listKind: textAt(names, 'listKind'),
        shortNames: listAt(names, 'shortNames').map(String),
        categories: listAt(names, 'categories').map(String),
        isNamespaced: textAt(spec, 'scope') === 'Namespaced',
        schema: schema as Kind['schema'],
        hasGeneration: true,
        allowsUnconditionalUpdate: false,
        columns: columnsOf(version),
        selectable: selectableOf(version),
        subresources: [...(hasStatus ? [status] : []), ...scaleOf(version)],
        read: read(schema, kind, group, textAt(version, 'name')),
        countsGeneration: (object, old) => (hasStatus ? [dropStatus(object), dropStatus(old)] : [object, old]),
        forCreate: hasStatus ? dropStatus : (object) => object,
        forUpdate: hasStatus ? keepStatus : (object) => object,
        withDefaults: (object) => withDefaults(object, schema) as KubernetesObject,
        problems: ({ metadata: _, ...object }) => schemaProblems(object, withoutObjectFields(schema)),
        rules: (object, old, found) => brokenRules(schema, object, old, found),
      });
    });
};

/** Metadata and the names of the kind were checked before; what a schema says of them is not. */
const withoutObjectFields = (schema: Structural): Structural => {
  const { apiVersion: _, kind: __, metadata: ___, ...properties } = schema.properties ?? {};
  const required = (schema.required ?? []).filter((name) => !['apiVersion', 'kind', 'metadata'].includes(name));
  return { ...schema, properties, required };
};
