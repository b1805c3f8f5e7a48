// What a client sent, as an object of the kind its path names: types checked, unknown fields dropped, refused or warned of as it asked.

import type { Kind } from '../api/kind.ts';
import { type Fields, fieldsAt, groupVersion, isFields, type KubernetesObject, type ObjectMeta, textAt, without } from '../api/object.ts';
import { badRequest, invalid, invalidValue } from '../api/status.ts';
import type { ApiRequest } from './api-request.ts';
import { bodyType, type PatchType } from './media-type.ts';
import { duplicateWarnings, readObject } from './read-body.ts';

export type Input = { readonly object: KubernetesObject; readonly warnings: readonly string[] };

/** What of metadata counts as absent when it is empty, and what the server alone writes. */
const tidyMetadata = (meta: Fields): ObjectMeta =>
  Object.fromEntries(
    Object.entries(meta).filter(
      ([name, value]) =>
        name !== 'selfLink' &&
        value !== '' &&
        !(isFields(value) && Object.keys(value).length === 0) &&
        !(Array.isArray(value) && value.length === 0),
    ),
  ) as ObjectMeta;

const emptyMaps = ['data', 'binaryData', 'stringData'];

/** A JSON object as one of this kind; `duplicates` is what stood in its text twice. Throws BadRequest. */
export const toObject = (value: Fields, kind: Kind, validation: string | null, duplicates: readonly string[] = []): Input => {
  const apiVersion = groupVersion(kind.group, kind.version);
  const given = { apiVersion: value['apiVersion'] ?? apiVersion, kind: value['kind'] ?? kind.kind };
  if (kind.isCustom && value['kind'] !== undefined && given.kind !== kind.kind)
    throw invalid({ group: kind.group, kind: String(given.kind) }, textAt(value['metadata'], 'name'), [
      invalidValue('kind', given.kind, `must be ${kind.kind}`),
    ]);
  if (given.kind !== kind.kind)
    throw badRequest(
      `${String(given.kind)} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: no kind ${JSON.stringify(given.kind)} is expected here`,
    );
  if (given.apiVersion !== apiVersion)
    throw badRequest(`the API version in the data (${String(given.apiVersion)}) does not match the expected API version (${apiVersion})`);
  const { value: conformed, unknownFields } = kind.read(value);
  const said = [...duplicates, ...unknownFields.map((field) => `unknown field "${field}"`)];
  if (validation === 'Strict' && said.length > 0)
    throw badRequest(
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: strict decoding error: ${said.join(', ')}`,
    );
  const dropped = emptyMaps.filter((name) => isFields(conformed[name]) && Object.keys(fieldsAt(conformed, name)).length === 0);
  return {
    object: { ...without(conformed, ...dropped), apiVersion, kind: kind.kind, metadata: tidyMetadata(fieldsAt(conformed, 'metadata')) },
    warnings: validation === 'Ignore' ? [] : said,
  };
};

/** How strictly unknown fields are taken. Throws BadRequest. */
export const fieldValidation = (query: URLSearchParams): string => {
  const value = query.get('fieldValidation') ?? 'Warn';
  if (!['Strict', 'Warn', 'Ignore'].includes(value))
    throw badRequest(`fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Strict", "Warn"`);
  return value;
};

/** What stands twice in a patch that was read as JSON, in the words of a warning; nobody asks where fields are not validated. */
export const duplicatesOf = (body: Uint8Array, type: PatchType, validation: string): readonly string[] => {
  if (validation === 'Ignore') return [];
  const found = duplicateWarnings(Buffer.from(body).toString());
  return type === 'application/json-patch+json' ? found.map((text) => `json patch ${text}`) : found;
};

/** The object in a request's body. */
export const inputObject = async (request: ApiRequest, kind: Kind): Promise<Input> => {
  const type = bodyType(request.header('content-type'));
  const { value, duplicates } = readObject(await request.body(), type);
  const validation = fieldValidation(request.query);
  return toObject(value, kind, validation, validation === 'Ignore' ? [] : duplicates(validation === 'Strict'));
};
