// A request's body as a JSON object, from JSON, YAML or protobuf. Bounded before it is parsed, and in depth after.

import { LineCounter, parseDocument } from 'yaml';
import { requireDepth } from '../api/conform.ts';
import { type Fields, isFields } from '../api/object.ts';
import { badRequest } from '../api/status.ts';
import type { BodyType } from './media-type.ts';
import { decodeProtobuf } from './protobuf.ts';
import { messageOf } from './protobuf-messages.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

const asText = (body: Uint8Array): string => {
  try {
    return utf8.decode(body);
  } catch {
    throw badRequest('the body is not UTF-8');
  }
};

/** Parses JSON. Throws BadRequest. */
export const parseJson = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(asText(body));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw badRequest('the object provided is unrecognized (must be of type Runtime): the body is not valid JSON');
    throw error;
  }
};

const maxAliases = 100;

const parseYaml = (body: Uint8Array): unknown => {
  const text = asText(body);
  // JSON is YAML too, and kubectl sends it under that name; the YAML parser is far slower.
  if (/^\s*\{/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // It is YAML in flow style then.
    }
  }
  // As Kubernetes reads it, where an unquoted yes or on is a boolean.
  const document = parseDocument(text, { lineCounter: new LineCounter(), version: '1.1', prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw badRequest(`the body is not valid YAML: ${error.message}`);
  try {
    return document.toJS({ maxAliasCount: maxAliases });
  } catch {
    throw badRequest('the body is not valid YAML: it has too many aliases');
  }
};

const parsers: Readonly<Record<BodyType, (body: Uint8Array) => unknown>> = {
  'application/json': parseJson,
  'application/yaml': parseYaml,
  'application/vnd.kubernetes.protobuf': (body) => decodeProtobuf(body, messageOf),
};

/** The object in a body. Throws BadRequest. */
export const readBody = (body: Uint8Array, type: BodyType): Fields => {
  const value = parsers[type](body);
  requireDepth(value);
  if (!isFields(value)) throw badRequest('the object provided is unrecognized (must be of type Runtime): it is not an object');
  return value;
};
