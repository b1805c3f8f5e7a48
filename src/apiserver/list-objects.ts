// GET of one object and of lists: selectors, pages from the state of the first one, and which state is asked for.

import { parseFieldSelector } from '../api/field-selector.ts';
import { isStoredForm, resourceKey } from '../api/kind.ts';
import { parseLabelSelector } from '../api/label-selector.ts';
import { type Fields, groupVersion, without } from '../api/object.ts';
import { badRequest, expired, futureRevision, invalid, notFound } from '../api/status.ts';
import { type ApiResponse, count, type KindRequest, type Server } from './api-request.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import { negotiate } from './media-type.ts';
import { asServed } from './served-version.ts';
import { keyOf, lowerBound } from './shelf.ts';
import { encoded, includeObject, listJson, partialObject, shownObject, table } from './show-object.ts';
import type { Stored } from './store.ts';

/** A revision in the query, undefined where none is given. Throws BadRequest. */
export const revisionOf = (query: URLSearchParams): number | undefined => {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version ${JSON.stringify(text)}`);
  return Number(text);
};

/** Which objects of a kind a query selects; undefined where all. Throws BadRequest. */
export const selection = ({ kind, request: { query } }: KindRequest): ((stored: Stored) => boolean) | undefined => {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '', kind.selectable);
  if (labels === undefined && fields === undefined) return undefined;
  return (stored) => (labels?.(stored.object.metadata.labels ?? {}) ?? true) && (fields?.selects(asServed(kind, stored).object) ?? true);
};

/** After an object and before whatever follows. */
const placeOf = ({ namespace, name }: Stored): string => `${keyOf(namespace, name)}\0`;

/** How many of an ordered list stand no later than a place. */
const placesUpTo = (all: readonly Stored[], place: string): number => {
  const at = (index: number): string => placeOf(all[index] as Stored);
  const first = lowerBound(all.length, at, place);
  return first < all.length && at(first) === place ? first + 1 : first;
};

/** Throws the errors of a revision that cannot be served. */
const requireRevision = ({ store }: Server, asked: number | undefined): void => {
  if (asked !== undefined && asked > store.revision) throw futureRevision(asked, store.revision);
};

/** `resourceVersionMatch` beside `resourceVersion`. Throws Invalid. */
const exactRevision = (server: Server, { query }: { readonly query: URLSearchParams }): number | undefined => {
  const match = query.get('resourceVersionMatch') ?? '';
  const asked = revisionOf(query);
  const refuse = (message: string): never => {
    throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
      { field: 'resourceVersionMatch', reason: 'FieldValueForbidden', message },
    ]);
  };
  if (match !== '' && asked === undefined) refuse('Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (!['', 'Exact', 'NotOlderThan'].includes(match))
    refuse(`Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`);
  if (match === 'Exact' && asked === 0) refuse('Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  requireRevision(server, asked);
  return match === 'Exact' ? asked : undefined;
};

type Page = { readonly items: readonly Stored[]; readonly metadata: Fields };

/** One page of a list: what is selected at a revision, from a place on, and what follows. */
const page = (server: Server, asked: KindRequest): Page => {
  const { kind, namespace, request } = asked;
  const { store } = server;
  const { query } = request;
  const limit = count(query, 'limit') ?? 0;
  const token = query.get('continue') ?? '';
  if (token !== '' && (query.get('resourceVersion') ?? '') !== '' && query.get('resourceVersion') !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  const from = token === '' ? undefined : decodeContinue(token);
  const exact = from === undefined ? exactRevision(server, request) : from.revision === -1 ? undefined : from.revision;
  const revision = exact ?? store.revision;
  const within = namespace === '' ? undefined : namespace;
  const all = store.listAt(resourceKey(kind), revision, within);
  if (all === undefined)
    throw from === undefined
      ? expired(`The resourceVersion for the provided list is too old.`)
      : expired(
          'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
          encodeContinue({ revision: -1, start: from.start }),
        );
  const after = from === undefined ? all : all.slice(placesUpTo(all, from.start));
  const rest = isStoredForm(kind) ? after : after.map((stored) => asServed(kind, stored));
  const selects = selection(asked);
  const selected = selects === undefined ? rest : rest.filter(selects);
  const isWhole = limit === 0 || selected.length <= limit;
  const items = isWhole ? selected : selected.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    metadata: {
      resourceVersion: String(revision),
      ...(isWhole || last === undefined
        ? {}
        : {
            continue: encodeContinue({ revision, start: placeOf(last) }),
            ...(selects === undefined ? { remainingItemCount: selected.length - items.length } : {}),
          }),
    },
  };
};

/** The answer to GET of a collection. */
export const listObjects = (server: Server, asked: KindRequest): ApiResponse => {
  const { kind, request } = asked;
  const answer = negotiate(request.header('accept'));
  const { items, metadata } = page(server, asked);
  const headers = { 'content-type': answer.contentType };
  const objects = (): readonly Stored['object'][] => items.map(({ object }) => object);
  if (answer.shape === 'table') {
    const include = includeObject(request.query);
    return { status: 200, headers, body: JSON.stringify(table(kind, objects(), metadata, { include, now: server.now() })) };
  }
  if (answer.shape === 'metadata') {
    const list = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: objects().map(partialObject) };
    return { status: 200, headers, body: JSON.stringify(list) };
  }
  if (answer.format === 'json') return { status: 200, headers, body: listJson(kind, items, metadata) };
  const list = {
    kind: kind.listKind,
    apiVersion: groupVersion(kind.group, kind.version),
    metadata,
    items: kind.isCustom ? objects() : objects().map((object) => without(object, 'apiVersion', 'kind')),
  };
  return { status: 200, headers, body: encoded(list, answer) };
};

/** The answer to GET of one object. */
export const getObject = (server: Server, { kind, namespace, name, request }: KindRequest): ApiResponse => {
  const answer = negotiate(request.header('accept'));
  requireRevision(server, revisionOf(request.query));
  const found = server.store.get(resourceKey(kind), namespace, name);
  if (found === undefined) throw notFound(kind, name);
  const stored = asServed(kind, found);
  const headers = { 'content-type': answer.contentType };
  if (answer.shape === 'object' && answer.format === 'json') return { status: 200, headers, body: stored.json };
  const shown = shownObject(kind, stored.object, answer.shape, includeObject(request.query), server.now());
  return { status: 200, headers, body: encoded(shown, answer) };
};
