// One request to its answer: path → who may → handler. Errors become a Status here and nowhere else.

import type { Kind, Verb } from '../api/kind.ts';
import { type GivenAnswer, httpCode, methodNotAllowed, resourceUnknown, type StatusDetails } from '../api/status.ts';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import { errorClass } from '../base/error-codes.ts';
import { type ApiRequest, type ApiResponse, flag } from './api-request.ts';
import { requireAllowed } from './authorize.ts';
import { apiGroup, discoveryRoot, resourceList } from './discovery.ts';
import { handleEviction } from './evict-pod.ts';
import { handleReview, handleTokenRequest, isReview, type ReviewServer } from './handle-review.ts';
import { getObject, listObjects } from './list-objects.ts';
import type { OpenApi } from './openapi.ts';
import { acceptsOpenApiV2, openApiV2, openApiV2Type } from './openapi-v2.ts';
import { parseResourcePath, type ResourcePath } from './request-path.ts';
import { handleView } from './subresource-view.ts';
import { watchObjects } from './watch-objects.ts';
import { handleCreate, handleDelete, handleDeleteCollection, handlePatch, handleUpdate } from './write-requests.ts';

export type Surface = ReviewServer & {
  readonly openApi: OpenApi;
  /** `/version`. */
  readonly version: Readonly<Record<string, string>>;
  /** Host and port under which clients reach it. */
  readonly address: string;
  readonly isReady: () => boolean;
  /** Told of what should not have happened. */
  readonly onBug: (error: unknown) => void;
};

const json = (value: unknown, status = 200): ApiResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: typeof value === 'string' ? value : JSON.stringify(value),
});
const text = (body: string, status = 200): ApiResponse => ({ status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body });

const byMethod: Readonly<Record<string, readonly [onItem: Verb | undefined, onCollection: Verb | undefined]>> = {
  GET: ['get', 'list'],
  POST: [undefined, 'create'],
  PUT: ['update', undefined],
  PATCH: ['patch', undefined],
  DELETE: ['delete', 'deletecollection'],
};

/** The verb of a request; HEAD and OPTIONS have none. Throws MethodNotAllowed. */
const verbOf = ({ method, query }: ApiRequest, hasName: boolean, part: string | undefined): Verb => {
  // What is posted to a part of an object is created there.
  const verb = method === 'POST' && part !== undefined ? 'create' : byMethod[method]?.[hasName ? 0 : 1];
  if (verb === undefined) throw methodNotAllowed();
  return verb === 'list' && flag(query, 'watch') ? 'watch' : verb;
};

const handleKind = (surface: Surface, kind: Kind, path: ResourcePath, request: ApiRequest): ApiResponse | Promise<ApiResponse> => {
  const { namespace = '', name = '', subresource: part } = path;
  const verb = verbOf(request, path.name !== undefined, part);
  // A list may name its one object by a field selector, and is then judged by that name.
  const named = name !== '' ? name : (/(?:^|,)metadata\.name==?([^,]+)/.exec(request.query.get('fieldSelector') ?? '')?.[1] ?? '');
  requireAllowed(surface.store, request.user, {
    verb,
    group: kind.group,
    resource: kind.plural,
    subresource: part ?? '',
    namespace,
    name: named,
  });
  const subresource = part === undefined ? undefined : kind.subresources.find((found) => found.name === part);
  if (part !== undefined && subresource === undefined) throw resourceUnknown();
  const isMisplaced = kind.isNamespaced ? namespace === '' && path.name !== undefined : namespace !== '';
  if (isMisplaced) throw resourceUnknown();
  const isOffered = subresource === undefined ? kind.verbs.includes(verb) : (subresource.verbs as readonly string[]).includes(verb);
  if (!isOffered || (verb === 'create' && kind.isNamespaced && namespace === '')) throw methodNotAllowed();
  const asked = { kind, namespace, name, request };
  if (subresource?.name === 'token') return handleTokenRequest(surface, asked);
  if (subresource?.name === 'eviction') return handleEviction(surface, asked);
  if (subresource?.view !== undefined) return handleView(surface, asked, { ...subresource, view: subresource.view });
  if (isReview(kind)) return handleReview(surface, asked);
  switch (verb) {
    case 'get':
      return getObject(surface, asked);
    case 'list':
      return listObjects(surface, asked);
    case 'watch':
      return watchObjects(surface, asked);
    case 'create':
      return handleCreate(surface, asked);
    case 'update':
      return handleUpdate(surface, asked, subresource);
    case 'patch':
      return handlePatch(surface, asked, subresource);
    case 'delete':
      return handleDelete(surface, asked);
    case 'deletecollection':
      return handleDeleteCollection(surface, asked);
  }
};

const handleResource = (surface: Surface, path: ResourcePath, request: ApiRequest): ApiResponse | Promise<ApiResponse> => {
  const { kinds } = surface;
  const kind = path.plural === undefined ? undefined : kinds.find(path.group, path.version, path.plural);
  if (kind !== undefined) return handleKind(surface, kind, path, request);
  const verb = request.method.toLowerCase();
  requireAllowed(
    surface.store,
    request.user,
    path.plural === undefined
      ? { verb, path: request.path }
      : {
          verb,
          group: path.group,
          resource: path.plural,
          subresource: path.subresource ?? '',
          namespace: path.namespace ?? '',
          name: path.name ?? '',
        },
  );
  // Where only custom resources are served nobody answers for the others.
  const isCustom = kinds.kinds.every(({ group, isCustom }) => group !== path.group || isCustom);
  if (!kinds.hasVersion(path.group, path.version) || (path.plural !== undefined && isCustom)) return text('404 page not found\n', 404);
  if (path.plural !== undefined) throw resourceUnknown();
  if (request.method !== 'GET') throw methodNotAllowed();
  return json(resourceList(kinds, path.group, path.version));
};

const health = ({ isReady }: Surface, path: string): ApiResponse =>
  path === '/readyz' && !isReady() ? text('the server is stopping', 503) : text('ok');

const handlePath = (surface: Surface, request: ApiRequest): ApiResponse => {
  const { path } = request;
  requireAllowed(surface.store, request.user, { verb: request.method.toLowerCase(), path });
  if (request.method !== 'GET') throw methodNotAllowed();
  const [, root, second] = path.replace(/\/$/, '').split('/');
  if (['/healthz', '/livez', '/readyz'].includes(path)) return health(surface, path);
  if (path === '/version' || path === '/version/') return json(surface.version);
  if ((root === 'api' || root === 'apis') && second === undefined)
    return discoveryRoot(surface.kinds, root, request.header('accept'), surface.address);
  const group = root === 'apis' ? second : undefined;
  if (group !== undefined && surface.kinds.kinds.some((kind) => kind.group === group)) return json(apiGroup(surface.kinds, group));
  if (path === '/openapi/v2' && acceptsOpenApiV2(request.header('accept')))
    return { status: 200, headers: { 'content-type': openApiV2Type }, body: openApiV2(surface.version['gitVersion'] ?? '') };
  if (path === '/openapi/v3') return json(surface.openApi.root());
  const document = path.startsWith('/openapi/v3/') ? surface.openApi.document(path.slice('/openapi/v3/'.length)) : undefined;
  return document === undefined ? text('404 page not found\n', 404) : json(document);
};

/** An error as clients read it. What is our own fault says no more than that. */
export const errorResponse = (error: unknown, onBug: (error: unknown) => void): ApiResponse => {
  const coded = isCodedError(error) ? error : new CodedError('Bug', 'unexpected error', { cause: error });
  const isBug = errorClass(coded.code) === 'bug';
  if (isBug) onBug(error);
  const given = coded.details?.['answer'] as GivenAnswer | undefined;
  const code = given?.code ?? httpCode(coded.code);
  const details = coded.details?.['status'] as StatusDetails | undefined;
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: coded.details?.['metadata'] ?? {},
    status: 'Failure',
    message: isBug ? 'an error on the server has prevented the request from succeeding' : coded.message,
    reason: given?.reason ?? (code === 500 ? 'InternalError' : coded.code),
    ...(details === undefined ? {} : { details }),
    code,
  };
  const retry = details?.retryAfterSeconds;
  return {
    status: code,
    headers: { 'content-type': 'application/json', ...(retry === undefined ? {} : { 'retry-after': String(retry) }) },
    body: JSON.stringify(status),
  };
};

/** Answers a request; never throws. */
export const handleRequest = async (surface: Surface, request: ApiRequest): Promise<ApiResponse> => {
  try {
    const isApi = /^\/(?:api|apis\/[^/]+)\/[^/]/.test(request.path);
    const path = isApi ? parseResourcePath(request.path) : undefined;
    if (isApi && path === undefined) {
      requireAllowed(surface.store, request.user, { verb: request.method.toLowerCase(), path: request.path });
      return text('404 page not found\n', 404);
    }
    return path === undefined ? handlePath(surface, request) : await handleResource(surface, path, request);
  } catch (error) {
    return errorResponse(error, surface.onBug);
  }
};

/** What the server says it is: the Kubernetes version it imitates. */
export const imitatedVersion = (nodeVersion: string, platform: string): Readonly<Record<string, string>> => ({
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0+certwright',
  gitCommit: '0000000000000000000000000000000000000000',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node ${nodeVersion}`,
  compiler: 'none',
  platform,
});
