// POST, PUT, PATCH and DELETE of objects: body in, transaction, answer out.

import { type Kind, resourceKey, type Subresource } from '../api/kind.ts';
import { type Fields, fieldsAt, groupVersion, isFields, type KubernetesObject, without } from '../api/object.ts';
import {
  badRequest,
  conflict,
  type FieldProblem,
  forbiddenField,
  invalid,
  methodNotAllowed,
  notSupported,
  required,
} from '../api/status.ts';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import { admittedWrite, type Decided } from './admitted-write.ts';
import { type ApiRequest, type ApiResponse, flag, isDryRun, type KindRequest, type Server } from './api-request.ts';
import { requireAllowed } from './authorize.ts';
import { applyJsonPatch, PatchFailure } from './json-patch.ts';
import { selection } from './list-objects.ts';
import { managerName, managerProblems } from './managed-fields.ts';
import { bodyType, negotiate, patchType, patchTypesOf } from './media-type.ts';
import { applyMergePatch } from './merge-patch.ts';
import { duplicatesOf, fieldValidation, type Input, inputObject, toObject } from './object-input.ts';
import { parseJson, readBody } from './read-body.ts';
import { applyConfiguration, blank } from './server-side-apply.ts';
import { encoded, includeObject, shownObject } from './show-object.ts';
import type { Stored } from './store.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';
import { createObject, type DeleteOptions, deleteObject, replaceObject, timeText, type Write } from './write-object.ts';

const optionsKinds: Readonly<Record<string, string>> = { POST: 'CreateOptions', PUT: 'UpdateOptions', PATCH: 'PatchOptions' };

const optionsInvalid = (method: string, problems: readonly FieldProblem[]): CodedError =>
  invalid({ group: 'meta.k8s.io', kind: optionsKinds[method] ?? 'DeleteOptions' }, '', problems);

/** As whom managedFields record what a request changes. Throws Invalid. */
const managerOfRequest = ({ query, header, method }: ApiRequest): string => {
  const name = managerName(query.get('fieldManager'), header('user-agent'));
  const problems = managerProblems(name);
  if (problems.length > 0) throw optionsInvalid(method, problems);
  return name;
};

/** What of a request's query webhooks are told. */
const optionsOf = (request: ApiRequest, dryRun: boolean): Fields => {
  const [manager, validation] = [request.query.get('fieldManager'), request.query.get('fieldValidation')];
  return {
    ...(dryRun ? { dryRun: ['All'] } : {}),
    ...(manager === null || manager === '' ? {} : { fieldManager: manager }),
    ...(validation === null || validation === '' ? {} : { fieldValidation: validation }),
  };
};

/** A client waits no longer for an answer. */
const maxAskingMs = 60_000;

/** Decides what a request asks for, with the consent of whom it needs. */
export const decide = <Result>(
  server: Server,
  request: ApiRequest,
  dryRun: boolean,
  work: (write: Write) => Result,
): Promise<Decided<Result>> => {
  const manager = managerOfRequest(request);
  return admittedWrite(
    server,
    { user: request.user, isDryRun: dryRun, options: optionsOf(request, dryRun), manager, maxMs: maxAskingMs },
    work,
  );
};

const warningHeader = (warnings: readonly string[]): Readonly<Record<string, readonly string[]>> =>
  warnings.length === 0 ? {} : { warning: warnings.map((text) => `299 - ${JSON.stringify(text)}`) };

export const answerObject = (
  { now }: Server,
  { kind, request }: KindRequest,
  status: number,
  object: KubernetesObject,
  warnings: readonly string[] = [],
): ApiResponse => {
  const answer = negotiate(request.header('accept'));
  const shown = shownObject(kind, object, answer.shape, includeObject(request.query), now());
  return { status, headers: { 'content-type': answer.contentType, ...warningHeader(warnings) }, body: encoded(shown, answer) };
};

/** What a dry run shows: nothing got a version, so it is the one from before, or none. */
const withRevisionOf = (object: KubernetesObject, before: KubernetesObject | undefined): KubernetesObject => ({
  ...object,
  metadata: {
    ...without(object.metadata, 'resourceVersion'),
    ...(before?.metadata.resourceVersion === undefined ? {} : { resourceVersion: before.metadata.resourceVersion }),
  },
});

/** The object a request came to; `before` is what a dry run left as it was. */
export const outcome = (dryRun: boolean, object: KubernetesObject, before?: KubernetesObject): KubernetesObject =>
  dryRun ? withRevisionOf(object, before) : object;

/** POST of a collection. */
export const handleCreate = async (server: Server, asked: KindRequest): Promise<ApiResponse> => {
  const { kind, namespace, request } = asked;
  negotiate(request.header('accept'));
  const dryRun = isDryRun(request.query);
  const { object, warnings } = await inputObject(request, kind);
  const decided = await decide(server, request, dryRun, (write) => createObject(write, kind, namespace, object));
  return answerObject(server, asked, 201, outcome(dryRun, decided.result.object), [...warnings, ...decided.warnings]);
};

/** Who makes something that is not there by a request meant for what is, must be allowed to. Throws Forbidden. */
const requireCreation = ({ transaction, user }: Write, { kind: { group, plural }, namespace, name }: KindRequest): void =>
  requireAllowed(transaction, user, { verb: 'create', group, resource: plural, subresource: '', namespace, name });

/** PUT of an object or of a part of it. */
export const handleUpdate = async (server: Server, asked: KindRequest, subresource?: Subresource): Promise<ApiResponse> => {
  const { kind, namespace, name, request } = asked;
  const dryRun = isDryRun(request.query);
  const { object, warnings } = await inputObject(request, kind);
  const decided = await decide(server, request, dryRun, (write) => {
    const isNew =
      kind.createsOnUpdate && subresource === undefined && write.transaction.get(resourceKey(kind), namespace, name) === undefined;
    if (isNew) requireCreation(write, asked);
    else return { stored: replaceObject(write, { kind, namespace, name, subresource, change: () => object }), status: 200 };
    if ((object.metadata.name ?? name) !== name)
      throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
    const created = { ...object, metadata: { ...without(object.metadata, 'resourceVersion'), name } };
    return { stored: createObject(write, kind, namespace, created), status: 201 };
  });
  const { stored, status } = decided.result;
  const before = server.store.get(resourceKey(kind), namespace, name)?.object;
  return answerObject(server, asked, status, outcome(dryRun, stored.object, before), [...warnings, ...decided.warnings]);
};

export const patched = (kind: Kind, old: Fields, type: ReturnType<typeof patchType>, patch: unknown): Fields => {
  try {
    if (type === 'application/json-patch+json') {
      const result = applyJsonPatch(old, patch);
      return isFields(result) ? result : {};
    }
    if (!isFields(patch)) throw badRequest('the patch is not a JSON object');
    if (type === 'application/strategic-merge-patch+json') return applyStrategicMergePatch(old, patch, kind.schema);
    return applyMergePatch(old, patch) as Fields;
  } catch (error) {
    if (error instanceof PatchFailure)
      throw new CodedError('Invalid', 'the server rejected our request due to an error in our request', {
        details: { status: {} },
        cause: error,
      });
    throw error;
  }
};

/** The configuration in an apply patch, which is YAML. Throws BadRequest, Invalid. */
const configuration = async (request: ApiRequest, { kind, name }: KindRequest): Promise<KubernetesObject> => {
  if ((request.query.get('fieldManager') ?? '') === '')
    throw optionsInvalid(request.method, [required('fieldManager', 'is required for apply patch')]);
  const given = readBody(await request.body(), 'application/yaml');
  for (const field of ['apiVersion', 'kind'])
    if (typeof given[field] !== 'string' || given[field] === '') throw badRequest(`an apply patch must say its ${field}`);
  const { object } = toObject(given, kind, 'Strict');
  if (object.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  if ((object.metadata.name ?? name) !== name)
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
  return { ...object, metadata: { ...object.metadata, name } };
};

/** Server-side apply: makes the object where it is not there, unless a part of it is meant. */
const handleApply = async (server: Server, asked: KindRequest, subresource?: Subresource): Promise<ApiResponse> => {
  const { kind, namespace, name, request } = asked;
  const dryRun = isDryRun(request.query);
  const force = flag(request.query, 'force');
  const view = subresource?.view;
  const sent = await configuration(request, view === undefined ? asked : { ...asked, kind: view.kind });
  // What is said through a view is said of the fields that it shows.
  const config =
    view === undefined
      ? sent
      : view.apply(sent, { apiVersion: groupVersion(kind.group, kind.version), kind: kind.kind, metadata: sent.metadata });
  const decided = await decide(server, request, dryRun, (write) => {
    const applied = (live: KubernetesObject): KubernetesObject => {
      const tracked = { kind, subresource: subresource?.name ?? '', manager: write.manager ?? '', time: timeText(write.now) };
      const { object, managedFields } = applyConfiguration(tracked, live, config, force);
      return { ...object, metadata: { ...object.metadata, managedFields } };
    };
    if (subresource !== undefined || write.transaction.get(resourceKey(kind), namespace, name) !== undefined) {
      const part =
        view === undefined
          ? subresource
          : { ...subresource, name: subresource?.name ?? '', verbs: [], apply: (made: KubernetesObject) => made };
      const replacement = { kind, namespace, name, subresource: part, isPatch: true, tracking: 'applied', change: applied } as const;
      return { stored: replaceObject(write, replacement), status: 200 };
    }
    requireCreation(write, asked);
    const { uid, resourceVersion } = config.metadata;
    if (uid !== undefined || resourceVersion !== undefined)
      throw conflict(kind, name, 'the configuration names a state of the object, and there is no such object');
    return { stored: createObject(write, kind, namespace, applied(blank(config)), 'applied'), status: 201 };
  });
  const { stored, status } = decided.result;
  const before = server.store.get(resourceKey(kind), namespace, name)?.object;
  const made = outcome(dryRun, stored.object, before);
  return view === undefined
    ? answerObject(server, asked, status, made, decided.warnings)
    : answerObject(server, { ...asked, kind: view.kind }, status, view.show(made), decided.warnings);
};

/** What came of a patch, as an object of its kind. A fault of it is one of the patch; its value stays out of the message, for it may be secret. */
export const patchedObject = (value: Fields, kind: Kind, validation: string, twice: readonly string[]): Input => {
  try {
    return toObject(value, kind, validation, twice);
  } catch (error) {
    if (!isCodedError(error) || error.code !== 'BadRequest') throw error;
    throw invalid({ group: '', kind: '' }, '', [
      { field: 'patch', reason: 'FieldValueInvalid', message: `Invalid value: ${error.message}` },
    ]);
  }
};

/** PATCH of an object or of a part of it. */
export const handlePatch = async (server: Server, asked: KindRequest, subresource?: Subresource): Promise<ApiResponse> => {
  const { kind, namespace, name, request } = asked;
  const dryRun = isDryRun(request.query);
  const validation = fieldValidation(request.query);
  const type = patchType(request.header('content-type'), patchTypesOf(kind));
  if (type === 'application/apply-patch+yaml') return handleApply(server, asked, subresource);
  if (request.query.has('force'))
    throw optionsInvalid(request.method, [forbiddenField('force', 'may not be specified for non-apply patch')]);
  const body = await request.body();
  // A patch may hold directives and nulls, so it is judged by what comes of it.
  const patch = type === 'application/json-patch+json' ? parseJson(body) : readBody(body, 'application/json');
  const twice = duplicatesOf(body, type, validation);
  let warnings: readonly string[] = [];
  const decided = await decide(server, request, dryRun, (write) =>
    replaceObject(write, {
      kind,
      namespace,
      name,
      subresource,
      isPatch: true,
      change: (old) => {
        const input = patchedObject(patched(kind, old, type, patch), kind, validation, twice);
        warnings = input.warnings;
        return input.object;
      },
    }),
  );
  const before = server.store.get(resourceKey(kind), namespace, name)?.object;
  return answerObject(server, asked, 200, outcome(dryRun, decided.result.object, before), [...warnings, ...decided.warnings]);
};

const policies = ['Background', 'Foreground', 'Orphan'] as const;

const deleteOptions = async ({ query, body, header }: ApiRequest): Promise<DeleteOptions & { readonly dryRun: boolean }> => {
  const bytes = await body();
  const given: Fields = bytes.length === 0 ? {} : readBody(bytes, bodyType(header('content-type')));
  const policy = given['propagationPolicy'] ?? query.get('propagationPolicy') ?? undefined;
  const known = policies.find((name) => name === policy);
  if (policy !== undefined && known === undefined)
    throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [
      notSupported('propagationPolicy', policy, ['Background', 'Foreground', 'Orphan', 'nil']),
    ]);
  const orphan = given['orphanDependents'] === true || query.get('orphanDependents') === 'true';
  const dry = Array.isArray(given['dryRun']) ? given['dryRun'] : [];
  const text = (name: string): string | undefined => {
    const value = fieldsAt(given, 'preconditions')[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    propagationPolicy: known ?? (orphan ? 'Orphan' : undefined),
    uid: text('uid'),
    resourceVersion: text('resourceVersion'),
    dryRun: isDryRun(query, [...dry, ...query.getAll('dryRun')]),
  };
};

/** DELETE of an object. */
export const handleDelete = async (server: Server, asked: KindRequest): Promise<ApiResponse> => {
  const { kind, namespace, name, request } = asked;
  const { dryRun, ...options } = await deleteOptions(request);
  const { result, warnings } = await decide(server, request, dryRun, (write) => deleteObject(write, kind, namespace, name, options));
  const { stored, isGone } = result;
  if (!isGone || kind.deleteReturnsObject) return answerObject(server, asked, 200, stored.object, warnings);
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural, uid: stored.object.metadata.uid },
  };
  const answer = negotiate(request.header('accept'));
  return { status: 200, headers: { 'content-type': answer.contentType, ...warningHeader(warnings) }, body: encoded(status, answer) };
};

/** DELETE of a collection: what its selectors select, answered as the list of it. */
export const handleDeleteCollection = async (server: Server, asked: KindRequest): Promise<ApiResponse> => {
  const { kind, namespace, request } = asked;
  if (kind.isNamespaced && namespace === '') throw methodNotAllowed();
  const { dryRun, ...options } = await deleteOptions(request);
  const selects = selection(asked) ?? (() => true);
  const { result: deleted, warnings } = await decide(server, request, dryRun, (write) =>
    write.transaction
      .list(resourceKey(kind), kind.isNamespaced ? namespace : undefined)
      .filter(selects)
      .map(({ name }): Stored => deleteObject(write, kind, namespace, name, options).stored),
  );
  const answer = negotiate(request.header('accept'));
  const list = {
    kind: kind.listKind,
    apiVersion: groupVersion(kind.group, kind.version),
    metadata: { resourceVersion: String(server.store.revision) },
    items: deleted.map(({ object }) => without(object, 'apiVersion', 'kind')),
  };
  return { status: 200, headers: { 'content-type': answer.contentType, ...warningHeader(warnings) }, body: encoded(list, answer) };
};
