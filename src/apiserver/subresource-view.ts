// A subresource that shows an object as another kind, as /scale does: read, replaced and patched as that kind, stored as the object it is part of.

import { type Kind, resourceKey, type Subresource, type SubresourceView } from '../api/kind.ts';
import type { KubernetesObject } from '../api/object.ts';
import { badRequest, conflict, invalid, notFound } from '../api/status.ts';
import { type ApiResponse, isDryRun, type KindRequest, type Server } from './api-request.ts';
import { patchType, patchTypesOf } from './media-type.ts';
import { duplicatesOf, fieldValidation, inputObject } from './object-input.ts';
import { parseJson, readBody } from './read-body.ts';
import { asServed } from './served-version.ts';
import { replaceObject } from './write-object.ts';
import { answerObject, decide, handlePatch, outcome, patched, patchedObject } from './write-requests.ts';

type Part = Subresource & { readonly view: SubresourceView };

/** The object that what was sent makes of the stored one; its name, uid and version are conditions as ever. */
const applied = ({ name: part, view }: Part, kind: Kind, name: string, sent: KubernetesObject, old: KubernetesObject): KubernetesObject => {
  if ((sent.metadata.name ?? name) !== name)
    throw badRequest(`the name of the object (${sent.metadata.name}) does not match the name on the URL (${name})`);
  const problems = view.kind.problems(sent);
  if (problems.length > 0) throw invalid(view.kind, name, problems);
  const { uid, resourceVersion } = sent.metadata;
  if (uid !== undefined && uid !== old.metadata.uid)
    throw conflict(
      { group: kind.group, plural: `${kind.plural}/${part}` },
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  const next = view.apply(sent, old);
  const { resourceVersion: _, ...metadata } = next.metadata;
  return {
    ...next,
    metadata: {
      ...metadata,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
  };
};

const write = async (
  server: Server,
  asked: KindRequest,
  part: Part,
  sentFor: (old: KubernetesObject) => { readonly object: KubernetesObject; readonly warnings: readonly string[] },
): Promise<ApiResponse> => {
  const { kind, namespace, name, request } = asked;
  const dryRun = isDryRun(request.query);
  const subresource = { name: part.name, verbs: ['update'] as const, view: part.view, apply: (sent: KubernetesObject) => sent };
  let warnings: readonly string[] = [];
  const decided = await decide(server, request, dryRun, (context) =>
    replaceObject(context, {
      kind,
      namespace,
      name,
      subresource,
      isPatch: true,
      change: (old) => {
        const input = sentFor(old);
        warnings = input.warnings;
        return applied(part, kind, name, input.object, old);
      },
    }),
  );
  const before = server.store.get(resourceKey(kind), namespace, name)?.object;
  const shown = part.view.show(outcome(dryRun, decided.result.object, before));
  return answerObject(server, { ...asked, kind: part.view.kind }, 200, shown, [...warnings, ...decided.warnings]);
};

/** GET, PUT and PATCH of such a part. Throws what reads and writes of objects throw. */
export const handleView = async (server: Server, asked: KindRequest, part: Part): Promise<ApiResponse> => {
  const { kind, namespace, name, request } = asked;
  const { view } = part;
  switch (request.method) {
    case 'GET': {
      const found = server.store.get(resourceKey(kind), namespace, name);
      if (found === undefined) throw notFound(kind, name);
      const { object } = asServed(kind, found);
      const problem = view.problem?.(object);
      if (problem !== undefined) throw badRequest(problem);
      return answerObject(server, { ...asked, kind: view.kind }, 200, view.show(object));
    }
    case 'PUT': {
      const input = await inputObject(request, view.kind);
      return write(server, asked, part, () => input);
    }
    default: {
      const type = patchType(request.header('content-type'), patchTypesOf(kind));
      if (type === 'application/apply-patch+yaml') return handlePatch(server, asked, part);
      const validation = fieldValidation(request.query);
      const body = await request.body();
      const patch = type === 'application/json-patch+json' ? parseJson(body) : readBody(body, 'application/json');
      const twice = duplicatesOf(body, type, validation);
      return write(server, asked, part, (old) =>
        patchedObject(patched(view.kind, view.show(old), type, patch), view.kind, validation, twice),
      );
    }
  }
};
