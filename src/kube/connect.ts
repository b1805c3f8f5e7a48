// A KubeClient over HTTPS. 429 and 503 with a Retry-After are obeyed and asked again, for then nothing was done; other failures are the
// caller's, who alone knows what may be repeated.

import { type Fields, fieldsAt, groupVersion, isFields, type KubernetesObject, textAt } from '../api/object.ts';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import { collectionPath, objectPath, queryText, selectionParameters } from './api-path.ts';
import { type Clock, sleep } from './clock.ts';
import type { Connection } from './connection.ts';
import { type HttpAnswer, type HttpRequest, httpTransport } from './http-transport.ts';
import { jsonLines } from './json-lines.ts';
import type { KubeClient, ObjectList, Patch, ResourceType, WatchEvent, WriteOptions } from './kube-client.ts';
import { answerError, statusError } from './server-error.ts';

export type ConnectOptions = {
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  /** Such as `certwright/0.1.0`; what stands before the slash names us in managedFields. */
  readonly userAgent: string;
  /** How long an answer may take to begin or to go on; 60 s where left out. */
  readonly silenceMs?: number;
};

export type ConnectedClient = KubeClient & {
  /** Ends every connection; what is under way fails. */
  close(): Promise<void>;
};

const pageSize = 500;
const maxAnswerBytes = 256 * 1024 * 1024;
const maxErrorBytes = 1024 * 1024;
const maxLineBytes = 16 * 1024 * 1024;
const maxTries = 5;
/** Longer than this nobody is made to wait inside a call. */
const maxWaitSeconds = 30;
/** A watch ends by itself after its time; so much longer it may be silent. */
const watchGraceMs = 30_000;
const defaultWatchSeconds = 300;
const maxListTries = 3;

const patchTypes: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

const acceptOf = (metadataOnly: boolean, isList: boolean): string =>
  metadataOnly ? `application/json;as=PartialObjectMetadata${isList ? 'List' : ''};g=meta.k8s.io;v=v1` : 'application/json';

const invalidAnswer = (asked: string, problem: string): CodedError => new CodedError('ServerAnswerInvalid', `cannot ${asked}: ${problem}`);

const readBody = async ({ body, cancel }: HttpAnswer, maxBytes: number, asked: string): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      cancel();
      throw invalidAnswer(asked, `the answer is longer than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};

const parseObject = (asked: string, body: string): Fields => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw invalidAnswer(asked, 'the answer is not JSON');
  }
  if (!isFields(value)) throw invalidAnswer(asked, 'the answer is not an object');
  return value;
};

/** An object as the API gives it; those in lists do not say what they are. */
const objectOf = (asked: string, type: ResourceType, value: unknown, metadataOnly = false): KubernetesObject => {
  if (!isFields(value) || !isFields(value['metadata']) || textAt(value['metadata'], 'name') === '')
    throw invalidAnswer(asked, `it holds something that is no ${type.kind}`);
  const identity = { apiVersion: groupVersion(type.group, type.version), kind: type.kind, metadata: value['metadata'] };
  return metadataOnly ? identity : { ...value, ...identity };
};

const named = ({ kind }: ResourceType, namespace: string, name: string): string =>
  `${kind} ${JSON.stringify(namespace === '' ? name : `${namespace}/${name}`)}`;

/** Throws BadRequest where the connection cannot be used. */
export const connectKube = (connection: Connection, options: ConnectOptions): ConnectedClient => {
  const { clock, random, userAgent, silenceMs = 60_000 } = options;
  const transport = httpTransport(connection, () => clock.now());

  /** Asks until it is not told to come back. Answers with what succeeded; throws everything else. */
  const ask = async (asked: string, request: Omit<HttpRequest, 'silenceMs'> & { readonly silenceMs?: number }): Promise<HttpAnswer> => {
    for (let tries = 1; ; tries++) {
      const answer = await transport.request({
        silenceMs,
        ...request,
        headers: { 'user-agent': userAgent, ...request.headers },
      });
      const { status, retryAfterSeconds } = answer;
      if (status >= 200 && status < 300) return answer;
      const body = await readBody(answer, maxErrorBytes, asked);
      const error = answerError(asked, status, body, retryAfterSeconds);
      const seconds = error.details?.['retryAfterSeconds'];
      const isBusy = (status === 429 || status === 503) && typeof seconds === 'number' && seconds <= maxWaitSeconds;
      if (!isBusy || tries === maxTries) throw error;
      await sleep(clock, seconds * 1000 + random() * 1000, request.signal);
      request.signal?.throwIfAborted();
    }
  };

  const exchange = async (
    asked: string,
    type: ResourceType,
    request: Omit<HttpRequest, 'silenceMs' | 'headers'> & { readonly headers?: HttpRequest['headers'] },
  ): Promise<KubernetesObject> => {
    const answer = await ask(asked, { ...request, headers: { accept: 'application/json', ...request.headers } });
    const value = parseObject(asked, await readBody(answer, maxAnswerBytes, asked));
    return objectOf(asked, type, value);
  };

  const send = (
    asked: string,
    type: ResourceType,
    method: string,
    path: string,
    { contentType = 'application/json', body, force, options: { fieldManager, dryRun, signal } }: Sending,
  ): Promise<KubernetesObject> =>
    exchange(asked, type, {
      method,
      path: path + queryText({ fieldManager, force, dryRun: dryRun === true ? 'All' : undefined }),
      headers: { 'content-type': contentType },
      body: JSON.stringify(body),
      signal,
    });

  type Sending = {
    readonly contentType?: string;
    readonly body: unknown;
    readonly force?: boolean | undefined;
    readonly options: WriteOptions;
  };

  const pages = async (
    asked: string,
    type: ResourceType,
    selection: NonNullable<Parameters<KubeClient['list']>[1]>,
    limit: number | undefined,
  ): Promise<ObjectList> => {
    const { metadataOnly = false, signal } = selection;
    const items: KubernetesObject[] = [];
    let next: string | undefined;
    for (;;) {
      const path = collectionPath(type, selection.namespace) + queryText({ ...selectionParameters(selection), limit, continue: next });
      const answer = await ask(asked, { method: 'GET', path, headers: { accept: acceptOf(metadataOnly, true) }, signal });
      const list = parseObject(asked, await readBody(answer, maxAnswerBytes, asked));
      const found = list['items'] ?? [];
      const metadata = fieldsAt(list, 'metadata');
      const resourceVersion = textAt(metadata, 'resourceVersion');
      if (!Array.isArray(found) || resourceVersion === '') throw invalidAnswer(asked, 'the answer is no list');
      for (const item of found) items.push(objectOf(asked, type, item, metadataOnly));
      const token = textAt(metadata, 'continue');
      if (token === '') return { resourceVersion, items };
      if (token === next) throw invalidAnswer(asked, 'the list goes round in circles');
      next = token;
    }
  };

  return {
    get: (type, namespace, name, signal) =>
      exchange(`get ${named(type, namespace, name)}`, type, { method: 'GET', path: objectPath(type, namespace, name), signal }),
    list: async (type, selection = {}) => {
      const asked = `list ${type.plural}`;
      for (let tries = 1; ; tries++)
        try {
          // In the end all at once: what was to be continued keeps expiring.
          return await pages(asked, type, selection, tries < maxListTries ? pageSize : undefined);
        } catch (error) {
          if (!isCodedError(error) || error.code !== 'Expired' || tries === maxListTries) throw error;
        }
    },
    watch: async function* (type, { resourceVersion, metadataOnly = false, signal, timeoutSeconds = defaultWatchSeconds, ...selection }) {
      const asked = `watch ${type.plural}`;
      const parameters = {
        ...selectionParameters(selection),
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion,
        timeoutSeconds,
      };
      const answer = await ask(asked, {
        method: 'GET',
        path: collectionPath(type, selection.namespace) + queryText(parameters),
        headers: { accept: acceptOf(metadataOnly, false) },
        signal,
        silenceMs: timeoutSeconds * 1000 + watchGraceMs,
        isStream: true,
      });
      try {
        for await (const line of jsonLines(answer.body, maxLineBytes)) yield eventOf(asked, type, line, metadataOnly);
      } finally {
        answer.cancel();
      }
    },
    create: (type, object, given = {}) => {
      const { namespace = '', name = '' } = object.metadata;
      const collection =
        given.subresource === undefined ? collectionPath(type, namespace) : objectPath(type, namespace, name, given.subresource);
      if (type.isNamespaced && namespace === '')
        throw new CodedError('BadRequest', `cannot create ${named(type, namespace, name)}: it has no namespace`);
      return send(`create ${named(type, namespace, name)}`, type, 'POST', collection, { body: object, options: given });
    },
    update: (type, object, given = {}) => {
      const { namespace = '', name = '' } = object.metadata;
      const path = objectPath(type, namespace, name, given.subresource);
      return send(`update ${named(type, namespace, name)}`, type, 'PUT', path, { body: object, options: given });
    },
    patch: (type, namespace, name, patch, given = {}) =>
      send(`patch ${named(type, namespace, name)}`, type, 'PATCH', objectPath(type, namespace, name, given.subresource), {
        contentType: patchTypes[patch.type],
        body: patch.type === 'json' ? patch.operations : patch.value,
        force: patch.type === 'apply' ? patch.force : undefined,
        options: given,
      }),
    delete: async (type, namespace, name, { uid, resourceVersion, propagationPolicy, dryRun, signal } = {}) => {
      const asked = `delete ${named(type, namespace, name)}`;
      const preconditions = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
        ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
      };
      const answer = await ask(asked, {
        method: 'DELETE',
        path: objectPath(type, namespace, name) + queryText({ dryRun: dryRun === true ? 'All' : undefined }),
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal,
      });
      await readBody(answer, maxAnswerBytes, asked);
    },
    close: transport.close,
  };
};

/** One line of a watch. Throws what an ERROR says, and ServerAnswerInvalid. */
const eventOf = (asked: string, type: ResourceType, line: Fields, metadataOnly: boolean): WatchEvent => {
  const { type: happened, object } = line;
  switch (happened) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: happened, object: objectOf(asked, type, object, metadataOnly) };
    case 'BOOKMARK': {
      const resourceVersion = isFields(object) ? textAt(object['metadata'], 'resourceVersion') : '';
      if (resourceVersion === '') throw invalidAnswer(asked, 'a bookmark has no version');
      return { type: 'BOOKMARK', resourceVersion };
    }
    case 'ERROR': {
      const status = isFields(object) ? object : {};
      throw statusError(asked, typeof status['code'] === 'number' ? status['code'] : 500, status);
    }
    default:
      throw invalidAnswer(asked, 'an event of it is of no known type');
  }
};
