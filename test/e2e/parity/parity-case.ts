// One line of the parity contract as a test: what a client can observe of a Kubernetes API server, put to the embedded server and to a real one.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ApiPeer, Json, Reply } from '../../../src/testing/api-peer.ts';

export type ParityCase = {
  /** `C001` and so on; the same words as in docs/reference/parity.md. */
  readonly id: string;
  readonly title: string;
  /** Where it cannot be asked of the old real server, and why. */
  readonly embeddedOnly?: string;
  /** Where a case of custom resources cannot be asked of the current server for them, and why. */
  readonly notOnCurrent?: string;
  readonly run: (api: ApiPeer) => Promise<void>;
};

export const parityCase = (id: string, title: string, run: ParityCase['run'], embeddedOnly?: string): ParityCase => ({
  id,
  title,
  run,
  ...(embeddedOnly === undefined ? {} : { embeddedOnly }),
});

export const isEmbedded = (api: ApiPeer): boolean => api.name === 'embedded';
/** Whether it is the current server, which serves custom resources alone. */
export const isCurrent = (api: ApiPeer): boolean => api.name === 'apiextensions-apiserver';

/** A name nobody else has. */
export const fresh = (stem: string): string => `${stem}-${randomBytes(4).toString('hex')}`;

export const expectStatus = (reply: Reply, status: number, reason?: string): Reply => {
  assert.equal(reply.status, status, reply.text);
  if (reason !== undefined) assert.equal(reply.json.reason, reason, reply.text);
  return reply;
};

/** A namespace of the case's own; the path below which its objects are. */
export const newNamespace = async (api: ApiPeer): Promise<{ readonly name: string; readonly path: string }> => {
  const name = fresh('parity');
  // Where there are no namespaces any name is one.
  if (isCurrent(api)) return { name, path: `/api/v1/namespaces/${name}` };
  expectStatus(await api.send('POST', '/api/v1/namespaces', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } }), 201);
  return { name, path: `/api/v1/namespaces/${name}` };
};

export const configMap = (name: string, data: Json = { a: '1' }, metadata: Json = {}): Json => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

/** Creates an object and gives it back as stored. */
// biome-ignore lint/suspicious/noExplicitAny: cases look into objects of every kind
export const create = async (api: ApiPeer, path: string, body: Json): Promise<any> =>
  expectStatus(await api.send('POST', path, { body }), 201).json;

/** Asks again until it is so, for what a controller does in its own time. */
export const eventually = async (what: string, ask: () => Promise<boolean>): Promise<void> => {
  const until = Date.now() + 20_000;
  while (!(await ask())) {
    if (Date.now() > until) assert.fail(`${what}: it did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
