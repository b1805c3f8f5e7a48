// POST of a pod's /eviction: its deletion, as drains ask for it. There are no budgets here that could forbid it.

import { evictionKind } from '../api/kinds/eviction.ts';
import { fieldsAt, textAt } from '../api/object.ts';
import { badRequest } from '../api/status.ts';
import { type ApiResponse, isDryRun, type KindRequest, type Server } from './api-request.ts';
import { negotiate } from './media-type.ts';
import { inputObject } from './object-input.ts';
import { encoded } from './show-object.ts';
import { deleteObject } from './write-object.ts';
import { decide } from './write-requests.ts';

/** Throws BadRequest, NotFound, Conflict. */
export const handleEviction = async (server: Server, { kind, namespace, name, request }: KindRequest): Promise<ApiResponse> => {
  const { object } = await inputObject(request, evictionKind);
  if (object.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
  const options = fieldsAt(object, 'deleteOptions');
  const dry = options['dryRun'];
  const dryRun = isDryRun(request.query, [...(Array.isArray(dry) ? dry : []), ...request.query.getAll('dryRun')]);
  const condition = (field: string): string | undefined => textAt(fieldsAt(options, 'preconditions'), field) || undefined;
  const found = { propagationPolicy: 'Background', uid: condition('uid'), resourceVersion: condition('resourceVersion') } as const;
  await decide(server, request, dryRun, (write) => deleteObject(write, kind, namespace, name, found));
  const answer = negotiate(request.header('accept'));
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  return { status: 201, headers: { 'content-type': answer.contentType }, body: encoded(status, answer) };
};
