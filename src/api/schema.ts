// Structural schemas: what a kind's objects look like. Those of Kubernetes' own kinds come from kubernetes-models.json (`npm run schemas`),
// those of custom resources from their CustomResourceDefinition. One form for both, that of OpenAPI v3 as CRDs use it
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/).

import models from './kubernetes-models.json' with { type: 'json' };

export type Schema = {
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  format?: string;
  nullable?: boolean;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  required?: string[];
  /** The model this is, for references in published documents. */
  model?: string;
  default?: unknown;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
};

const allModels: Readonly<Record<string, Readonly<Record<string, string>>>> = models;
const schemaByModel = new Map<string, Schema>();

const leaves: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  quantity: { type: 'string', format: 'quantity' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number' },
  byte: { type: 'string', format: 'byte' },
  time: { type: 'string', format: 'date-time', nullable: true },
  microtime: { type: 'string', format: 'micro-time', nullable: true },
  intstr: { 'x-kubernetes-int-or-string': true },
  any: { 'x-kubernetes-preserve-unknown-fields': true },
};

const typeSchema = (type: string): Schema => {
  if (type.startsWith('[]')) return { type: 'array', items: typeSchema(type.slice(2)) };
  if (type.startsWith('{}')) return { type: 'object', additionalProperties: typeSchema(type.slice(2)) };
  return leaves[type] ?? modelSchema(type);
};

/** The schema of a model; a model that refers to itself gives a schema that does. */
export const modelSchema = (name: string): Schema => {
  const made = schemaByModel.get(name);
  if (made !== undefined) return made;
  const fields = allModels[name];
  // Free-form JSON, such as fieldsV1, has a name and no fields.
  if (fields === undefined || Object.keys(fields).length === 0) return leaves['any'] ?? {};
  const properties: Record<string, Schema> = {};
  const requiredNames: string[] = [];
  const schema: Schema = { type: 'object', model: name, properties };
  schemaByModel.set(name, schema);
  for (const [field, type] of Object.entries(fields)) {
    const isRequired = type.endsWith('!');
    properties[field] = typeSchema(isRequired ? type.slice(0, -1) : type);
    if (isRequired) requiredNames.push(field);
  }
  if (requiredNames.length > 0) schema.required = requiredNames;
  return schema;
};
