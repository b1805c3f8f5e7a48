// The messages that clients send as protobuf: field numbers from protobuf-fields.json, as the generated.proto files of k8s.io/api 0.36 number them,
// and types from the kinds' own schemas. There a `*` marks what is told even where it is zero, and an object the fields of a message that JSON
// has in the one around it.

import type { Kind } from '../api/kind.ts';
import { builtInKinds } from '../api/kinds/all.ts';
import { evictionKind } from '../api/kinds/eviction.ts';
import { tokenRequestKind } from '../api/kinds/reviews.ts';
import { scaleKind } from '../api/kinds/scale.ts';
import { groupVersion } from '../api/object.ts';
import { modelSchema, type Schema } from '../api/schema.ts';
import type { FieldType, MessageType } from './protobuf.ts';
import numbers from './protobuf-fields.json' with { type: 'json' };

type FieldNumbers = { readonly [number: string]: string | FieldNumbers };

const allNumbers: Readonly<Record<string, FieldNumbers>> = numbers;

const scalars: Readonly<Record<string, FieldType>> = {
  byte: 'bytes',
  'date-time': 'time',
  'micro-time': 'microtime',
  quantity: 'quantity',
};

const typeOf = (schema: Schema): FieldType | undefined => {
  const { type, format = '', items, additionalProperties, model } = schema;
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return 'json';
  if (schema['x-kubernetes-int-or-string'] === true) return 'intstr';
  switch (type) {
    case 'array': {
      const item = typeOf(items ?? {});
      return item && { list: item };
    }
    case 'object': {
      if (model !== undefined) return Object.hasOwn(allNumbers, model) ? { message: () => messageOfModel(schema) } : undefined;
      const value = typeof additionalProperties === 'object' ? typeOf(additionalProperties) : undefined;
      // A list inside a map is a message of its own around the list.
      if (typeof value === 'object' && 'list' in value) return { map: { items: value.list } };
      return value && { map: value };
    }
    case 'string':
      return scalars[format] ?? 'string';
    case 'boolean':
      return 'bool';
    case 'integer':
      return 'int';
    default:
      return undefined;
  }
};

const fieldsOf = (fields: FieldNumbers, schema: Schema): MessageType => {
  const message: Record<number, MessageType[number]> = {};
  for (const [number, of] of Object.entries(fields)) {
    if (typeof of === 'object') {
      message[Number(number)] = ['', { inline: fieldsOf(of, schema) }];
      continue;
    }
    const name = of.replace('*', '');
    const field = schema.properties?.[name];
    const type = field === undefined ? undefined : typeOf(field);
    if (type !== undefined) message[Number(number)] = [name, type, of.endsWith('*')];
  }
  return message;
};

const made = new Map<string, MessageType>();

const messageOfModel = (schema: Schema): MessageType => {
  const { model = '' } = schema;
  const known = made.get(model) ?? fieldsOf(allNumbers[model] ?? {}, schema);
  made.set(model, known);
  return known;
};

/** What is sent to parts of objects. */
const others: readonly Kind[] = [evictionKind, scaleKind, tokenRequestKind];

/** The message of a kind, undefined where none is known. */
export const messageOf = (apiVersion: string, kindName: string): MessageType | undefined => {
  // DeleteOptions come under every group.
  const schema =
    kindName === 'DeleteOptions'
      ? modelSchema('V1DeleteOptions')
      : [...builtInKinds, ...others].find(({ group, version, kind }) => kind === kindName && groupVersion(group, version) === apiVersion)
          ?.schema;
  return schema?.model !== undefined && Object.hasOwn(allNumbers, schema.model) ? messageOfModel(schema) : undefined;
};
