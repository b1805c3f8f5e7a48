// OpenAPI v3 documents, one for each group and version (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3): which patches
// a kind takes, that unknown fields are checked here, and its fields, for `kubectl explain`.

import { createHash } from 'node:crypto';
import type { Kind, Verb } from '../api/kind.ts';
import { type Fields, groupVersion } from '../api/object.ts';
import type { Schema } from '../api/schema.ts';
import type { KindTable } from './kind-table.ts';
import { patchTypesOf } from './media-type.ts';
import { mergeKey } from './merge-keys.ts';

const rootOf = (group: string, version: string): string => (group === '' ? `api/${version}` : `apis/${groupVersion(group, version)}`);
const modelName = (kind: Kind): string => `io.certwright.${kind.group === '' ? 'core' : kind.group}.${kind.version}.${kind.kind}`;
/** `V1PodSpec` as documents name it: the last part is what people read. */
const partName = (model: string): string => {
  const [, group, version = '', name] = /^([A-Z][a-z]+)?V(\d+(?:(?:alpha|beta)\d+)?)(.+)$/.exec(model) ?? [];
  return name === undefined ? model : `io.certwright.${(group ?? 'model').toLowerCase()}.v${version}.${name}`;
};
const reference = (name: string): Fields => ({ $ref: `#/components/schemas/${name}` });
const identity = ({ group, version, kind }: Kind): Fields => ({ group, version, kind });

const formats: Readonly<Record<string, string>> = { 'micro-time': 'date-time' };

/** A schema as a document shows it; models become references and are gathered in `found`. */
const published = (schema: Schema, found: Map<string, Schema>, isRoot = false): Fields => {
  if (schema.model !== undefined && !isRoot) {
    found.set(schema.model, schema);
    return reference(partName(schema.model));
  }
  if (schema['x-kubernetes-int-or-string'] === true) return { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] };
  const { type, format, properties, additionalProperties, items, required } = schema;
  return {
    type: type ?? 'object',
    ...(format === undefined || format === 'quantity' ? {} : { format: formats[format] ?? format }),
    ...(required === undefined ? {} : { required }),
    ...(items === undefined ? {} : { items: published(items, found) }),
    ...(typeof additionalProperties === 'object' ? { additionalProperties: published(additionalProperties, found) } : {}),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, field]) => [name, { ...published(field, found), ...mergeFields(schema.model, name) }]),
          ),
        }),
  };
};

const mergeFields = (model: string | undefined, field: string): Fields => {
  const key = mergeKey(model, field);
  if (key === undefined) return {};
  return key === 'set'
    ? { 'x-kubernetes-patch-strategy': 'merge' }
    : { 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-patch-merge-key': key };
};

const actions: Readonly<Partial<Record<Verb, readonly [method: string, action: string]>>> = {
  get: ['get', 'get'],
  update: ['put', 'put'],
  patch: ['patch', 'patch'],
  delete: ['delete', 'delete'],
};

const operation = (kind: Kind, action: string): Fields => ({
  'x-kubernetes-action': action,
  'x-kubernetes-group-version-kind': identity(kind),
  parameters: ['create', 'patch', 'post', 'put'].includes(action)
    ? ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({ name, in: 'query', schema: { type: 'string' } }))
    : [],
  ...(action === 'patch'
    ? {
        requestBody: {
          content: Object.fromEntries(patchTypesOf(kind).map((type) => [type, {}])),
        },
      }
    : {}),
  responses: { 200: { description: 'OK', content: { 'application/json': { schema: reference(modelName(kind)) } } } },
});

const pathsOf = (kind: Kind): Fields => {
  const base = `/${rootOf(kind.group, kind.version)}${kind.isNamespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}`;
  const item = Object.fromEntries(
    kind.verbs.flatMap((verb) => {
      const found = actions[verb];
      return found === undefined ? [] : [[found[0], operation(kind, found[1])]];
    }),
  );
  const collection = {
    get: operation(kind, 'list'),
    ...(kind.verbs.includes('create') ? { post: operation(kind, 'post') } : {}),
  };
  return { [base]: collection, [`${base}/{name}`]: item };
};

const documentOf = (kinds: readonly Kind[], version: string): Fields => {
  const found = new Map<string, Schema>();
  const schemas: Record<string, unknown> = {};
  for (const kind of kinds)
    schemas[modelName(kind)] = { ...published(kind.schema, found, true), 'x-kubernetes-group-version-kind': [identity(kind)] };
  // Gathering goes on while models that are published name others.
  for (const [name, schema] of found) schemas[partName(name)] = published(schema, found, true);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: Object.assign({}, ...kinds.map(pathsOf)) as Fields,
    components: { schemas },
  };
};

export type OpenApi = {
  /** `/openapi/v3`. */
  root(): string;
  /** The document of a path such as `apis/apps/v1`; undefined where there is none. */
  document(path: string): string | undefined;
};

/** The documents of a table of kinds, made when they are first asked for. */
export const openApi = (table: KindTable, version: string): OpenApi => {
  let made = new Map<string, string>();
  let roots = new Map<string, readonly Kind[]>();
  let generation = 0;
  /** Documents are thrown away once the table has changed. */
  const current = (): ReadonlyMap<string, readonly Kind[]> => {
    if (generation === table.generation) return roots;
    generation = table.generation;
    made = new Map();
    roots = new Map();
    for (const kind of table.kinds) {
      const root = rootOf(kind.group, kind.version);
      roots.set(root, [...(roots.get(root) ?? []), kind]);
    }
    return roots;
  };
  const document = (path: string): string | undefined => {
    const kinds = current().get(path);
    if (kinds === undefined) return undefined;
    const known = made.get(path) ?? JSON.stringify(documentOf(kinds, version));
    made.set(path, known);
    return known;
  };
  return {
    document,
    root: () =>
      JSON.stringify({
        paths: Object.fromEntries(
          [...current().keys()].map((path) => {
            const hash = createHash('sha256')
              .update(document(path) ?? '')
              .digest('hex')
              .slice(0, 32)
              .toUpperCase();
            return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
          }),
        ),
      }),
  };
};
