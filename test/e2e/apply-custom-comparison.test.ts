// The same random applies, merge patches and updates of custom resources put to the embedded server and to a current one (CERTWRIGHT_CRD_SERVER):
// the same objects, managers, conflicts and refusals must come of them, word for word.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { ApiPeer, Json } from '../../src/testing/api-peer.ts';
import { currentServerCommand, startCurrent, startEmbedded, type TestServer } from '../../src/testing/api-servers.ts';
import { runs } from '../../src/testing/runs.ts';
import { create, eventually, newNamespace } from './parity/parity-case.ts';

const group = 'compared.example.com';
const text = { type: 'string' };
const entry = {
  type: 'object',
  required: ['name'],
  properties: { name: text, port: { type: 'integer', default: 1 }, tags: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' } },
};
const definition: Json = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `things.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer', minimum: 0, maximum: 5 },
                  color: { type: 'string', default: 'red' },
                  entries: { type: 'array', items: entry, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
                  names: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
                  whole: { type: 'array', items: text },
                  texts: { type: 'object', additionalProperties: text },
                  atom: { type: 'object', properties: { a: text, b: text }, 'x-kubernetes-map-type': 'atomic' },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                },
              },
              status: { type: 'object', properties: { phase: text } },
            },
          },
        },
      },
    ],
  },
};

const some = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined });
const word = fc.constantFrom('x', 'y', 'z');
// Nothing is empty: who manages what holds nothing, servers see in different ways.
const words = fc.uniqueArray(word, { minLength: 1, maxLength: 3 });
const texts = fc.dictionary(fc.constantFrom('a', 'b', 'c'), word, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
const spec = fc.record({
  size: fc.integer({ min: 0, max: 6 }),
  color: some(word),
  entries: some(
    fc.uniqueArray(fc.record({ name: word, port: some(fc.integer({ min: 1, max: 2 })), tags: some(words) }), {
      selector: ({ name }) => name,
      minLength: 1,
      maxLength: 3,
    }),
  ),
  names: some(words),
  whole: some(words),
  texts: some(texts),
  atom: some(fc.record({ a: word, b: some(word) })),
  free: some(fc.oneof(texts, fc.record({ deep: texts, list: words }))),
});
const thing = fc.record({ labels: some(texts), spec: some(spec) }).map(({ labels, ...rest }) => ({
  apiVersion: `${group}/v1`,
  kind: 'Thing',
  metadata: { name: 'o', labels },
  ...rest,
}));
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('apply' as const), manager: fc.constantFrom('m1', 'm2'), force: fc.boolean(), object: thing }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('merge' as const), manager: fc.constantFrom('m3'), object: thing }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('put' as const), manager: fc.constantFrom('m3', 'm4'), object: thing }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const send = async (api: ApiPeer, path: string, one: Step) => {
  const query = `fieldManager=${one.manager}`;
  if (one.kind === 'apply')
    return api.send('PATCH', `${path}/o?${query}&force=${one.force}`, {
      body: JSON.stringify(one.object),
      contentType: 'application/apply-patch+yaml',
    });
  if (one.kind === 'merge')
    return api.send('PATCH', `${path}/o?${query}`, { body: { ...one.object }, contentType: 'application/merge-patch+json' });
  const before = await api.send('GET', `${path}/o`);
  const { resourceVersion, managedFields } = before.json.metadata ?? {};
  return api.send('PUT', `${path}/o?${query}`, {
    body: { ...one.object, metadata: { ...one.object.metadata, resourceVersion, managedFields } },
  });
};

type Managed = { manager: string; operation: string; apiVersion: string; fieldsV1: Json; subresource?: string };

type Cause = { readonly message: string; readonly field: string };
/** Whose conflict is named first changes from run to run there. */
const causesOf = (details: { readonly causes?: readonly Cause[] } | undefined): readonly Cause[] =>
  (details?.causes ?? []).toSorted((a, b) => (a.message < b.message ? -1 : a.message > b.message ? 1 : 0));

type Seen = { readonly status: number; readonly said?: string } & Json;

/** What a client sees after each step, without what is different each time. */
const seen = async (api: ApiPeer, steps: readonly Step[]): Promise<readonly Seen[]> => {
  const { name } = await newNamespace(api);
  const path = `/apis/${group}/v1/namespaces/${name}/things`;
  const observed: Seen[] = [];
  let version = '';
  for (const one of steps) {
    const reply = await send(api, path, one);
    const { metadata = {}, message, details, ...object } = reply.json;
    const { labels, generation, managedFields = [], resourceVersion } = metadata;
    observed.push({
      status: reply.status,
      ...(reply.status < 300
        ? { spec: object.spec, labels, generation }
        : { said: String(message).replace(/ at 20[^:]*:\d\d:\d\dZ/g, ''), causes: reply.status === 409 ? causesOf(details) : undefined }),
      isSame: resourceVersion === version,
      managed: (managedFields as Managed[])
        .map(({ manager, operation, apiVersion, fieldsV1, subresource }) => ({ manager, operation, apiVersion, fieldsV1, subresource }))
        .toSorted((a, b) => `${a.manager} ${a.operation}`.localeCompare(`${b.manager} ${b.operation}`)),
    });
    version = resourceVersion ?? version;
  }
  return observed;
};

/**
 * Whether a list or a map lost the last that was in it while someone manages it. There the server leaves null, which it may refuse itself, or goes
 * on to name who manages what is not there; ours leaves nothing, so the comparison ends.
 */
const isEmptied = ({ said = '', managed }: Seen): boolean =>
  said.includes('Invalid value: "null"') || /"f:(?:spec|labels|deep|free|texts|entries|names|tags)":\{\}/.test(JSON.stringify(managed));

const skip = currentServerCommand === undefined ? 'CERTWRIGHT_CRD_SERVER names no command that starts a current server' : false;

describe('writes of custom resources, compared with a current server', { skip }, () => {
  const servers: TestServer[] = [];
  before(async () => {
    servers.push(await startEmbedded(), await startCurrent());
    for (const { peer } of servers) {
      await create(peer, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
      await eventually('it is served', async () => (await peer.send('GET', `/apis/${group}/v1/things`)).status === 200);
    }
  });
  after(async () => {
    for (const server of servers) await server.stop();
  });

  test('come to the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const [own = [], theirs = []] = await Promise.all(servers.map(({ peer }) => seen(peer, steps)));
        const fault = theirs.findIndex(isEmptied);
        const end = fault < 0 ? theirs.length : fault;
        assert.deepEqual(own.slice(0, end), theirs.slice(0, end));
      }),
      { numRuns: runs(60, 1500) },
    );
  });
});
