// A request's body as a JSON object, from JSON, YAML or protobuf. Bounded before it is parsed, and in depth after.

import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import { requireDepth } from '../api/conform.ts';
import { type Fields, isFields } from '../api/object.ts';
import { badRequest, tooLarge } from '../api/status.ts';
import { duplicateFields, duplicateKeys } from './duplicate-fields.ts';
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
export const parseJson = (body: Uint8Array): unknown => parseText(asText(body));

const parseText = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw badRequest('the object provided is unrecognized (must be of type Runtime): the body is not valid JSON');
    throw error;
  }
};

/** YAML is parsed a hundred times more slowly than JSON, so less of it is taken. */
const maxYamlBytes = 1024 * 1024;
const maxAliases = 100;

/** Throws BadRequest for more aliases than are resolved: each search goes through the document. */
const requireFewAliases = (document: Document): void => {
  let aliases = 0;
  visit(document, {
    Alias: () => {
      if (++aliases > maxAliases) throw badRequest('the body is not valid YAML: it has too many aliases');
    },
  });
};

/** A body as a value, and how to find what stands twice in it. */
type Parsed = { readonly value: unknown; duplicates(isStrict: boolean): readonly string[] };

/** What stands twice in JSON, in the words of a warning. */
export const duplicateWarnings = (text: string): readonly string[] =>
  duplicateFields(text).map((field) => `duplicate field ${JSON.stringify(field)}`);

const parsedJson = (text: string, value: unknown): Parsed => ({ value, duplicates: () => duplicateWarnings(text) });

const parseYaml = (body: Uint8Array): Parsed => {
  const text = asText(body);
  // JSON is YAML too, and kubectl sends it under that name; the YAML parser is far slower.
  if (/^\s*\{/.test(text)) {
    try {
      return parsedJson(text, JSON.parse(text));
    } catch {
      // It is YAML in flow style then.
    }
  }
  if (body.length > maxYamlBytes) throw tooLarge(maxYamlBytes);
  const lines = new LineCounter();
  // As Kubernetes reads it, where an unquoted yes or on is a boolean. Keys are compared below: the parser compares each with all before it.
  const document = parseDocument(text, { lineCounter: lines, version: '1.1', prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
  const [error] = document.errors;
  // It goes down with each level, and says so of the stack when that ends.
  if (error !== undefined && /call stack/.test(error.message)) throw badRequest('the object provided is nested too deeply');
  if (error !== undefined) throw badRequest(`the body is not valid YAML: ${error.message}`);
  requireFewAliases(document);
  try {
    return {
      value: document.toJS({ maxAliasCount: maxAliases }),
      duplicates: (isStrict) => {
        const found = duplicateKeys(document.contents, lines);
        return isStrict && found.length > 0 ? [`yaml: unmarshal errors:\n  ${found.join('\n  ')}`] : found;
      },
    };
  } catch {
    throw badRequest('the body is not valid YAML: it has too many aliases');
  }
};

const parsers: Readonly<Record<BodyType, (body: Uint8Array) => Parsed>> = {
  'application/json': (body) => {
    const text = asText(body);
    return parsedJson(text, parseText(text));
  },
  'application/yaml': parseYaml,
  'application/vnd.kubernetes.protobuf': (body) => ({ value: decodeProtobuf(body, messageOf), duplicates: () => [] }),
};

export type Body = {
  readonly value: Fields /** What stands in it twice, in the words of a warning. */;
  duplicates(isStrict: boolean): readonly string[];
};

/** The object in a body. Throws BadRequest and RequestEntityTooLarge. */
export const readObject = (body: Uint8Array, type: BodyType): Body => {
  const { value, duplicates } = parsers[type](body);
  requireDepth(value);
  if (!isFields(value)) throw badRequest('the object provided is unrecognized (must be of type Runtime): it is not an object');
  return { value, duplicates };
};

/** The same where nobody asks what stands twice. */
export const readBody = (body: Uint8Array, type: BodyType): Fields => readObject(body, type).value;
