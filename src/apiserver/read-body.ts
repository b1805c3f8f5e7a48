// A request's body as a JSON object, from JSON, YAML or protobuf. Bounded before it is parsed, and in depth after.

import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { requireDepth } from '../api/conform.ts';
import { type Fields, isFields } from '../api/object.ts';
import { badRequest, tooLarge } from '../api/status.ts';
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

/** YAML is parsed a hundred times more slowly than JSON, so less of it is taken. */
const maxYamlBytes = 1024 * 1024;
const maxAliases = 100;

/** Throws BadRequest for a key that is there twice, and for more aliases than are resolved: each search goes through the document. */
const requirePlain = (document: Document): void => {
  let aliases = 0;
  visit(document, {
    Alias: () => {
      if (++aliases > maxAliases) throw badRequest('the body is not valid YAML: it has too many aliases');
    },
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? String(key.value) : undefined;
        if (name === undefined || name === '<<') continue;
        if (seen.has(name)) throw badRequest(`the body is not valid YAML: key ${JSON.stringify(name.slice(0, 100))} is there twice`);
        seen.add(name);
      }
    },
  });
};

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
  if (body.length > maxYamlBytes) throw tooLarge(maxYamlBytes);
  // As Kubernetes reads it, where an unquoted yes or on is a boolean. The parser's own search for keys that are there twice takes the
  // square of their number.
  const document = parseDocument(text, {
    lineCounter: new LineCounter(),
    version: '1.1',
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  });
  const [error] = document.errors;
  // It goes down with each level, and says so of the stack when that ends.
  if (error !== undefined && /call stack/.test(error.message)) throw badRequest('the object provided is nested too deeply');
  if (error !== undefined) throw badRequest(`the body is not valid YAML: ${error.message}`);
  requirePlain(document);
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

/** The object in a body. Throws BadRequest and RequestEntityTooLarge. */
export const readBody = (body: Uint8Array, type: BodyType): Fields => {
  const value = parsers[type](body);
  requireDepth(value);
  if (!isFields(value)) throw badRequest('the object provided is unrecognized (must be of type Runtime): it is not an object');
  return value;
};
