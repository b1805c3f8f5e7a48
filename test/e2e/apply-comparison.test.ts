// The same random applies put to the embedded server and to a real one: the same objects, managers, conflicts and refusals must come of them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { isFields } from '../../src/api/object.ts';
import type { ApiPeer } from '../../src/testing/api-peer.ts';
import { startEmbedded, startReal, type TestServer } from '../../src/testing/api-servers.ts';
import { runs } from '../../src/testing/runs.ts';
import { needs } from '../../src/testing/tools.ts';
import { newNamespace } from './parity/parity-case.ts';

type Step = { readonly manager: string; readonly force: boolean; readonly config: object };

const some = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined });
const texts = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'), { maxKeys: 3, noNullPrototype: true });
const metadata = fc.record({ labels: some(texts), annotations: some(texts), finalizers: some(fc.subarray(['x.y/a', 'x.y/b'])) });

const configMap = fc.record({ metadata, data: some(texts), immutable: some(fc.constant(false)) }).map(({ metadata: more, ...rest }) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'o', ...more },
  ...rest,
}));

// No list is empty: Go leaves those out.
const port = fc
  .record({ containerPort: fc.constantFrom(80, 81), protocol: some(fc.constantFrom('TCP', 'UDP')), isNamed: fc.boolean() })
  .map(({ isNamed, ...rest }) => ({
    ...rest,
    name: isNamed ? `p-${rest.containerPort}-${rest.protocol === 'UDP' ? 'udp' : 'tcp'}` : undefined,
  }));
const variable = fc.record({ name: fc.constantFrom('A', 'B'), value: some(fc.constantFrom('1', '2')) });
const container = fc.record({
  name: fc.constantFrom('web', 'side', 'other'),
  image: some(fc.constantFrom('nginx:1', 'nginx:2')),
  args: some(fc.subarray(['x', 'y'], { minLength: 1 })),
  env: some(fc.uniqueArray(variable, { minLength: 1, selector: ({ name }) => name })),
  ports: some(fc.uniqueArray(port, { minLength: 1, selector: ({ containerPort, protocol = 'TCP' }) => `${containerPort}${protocol}` })),
});
const deployment = fc
  .record({
    replicas: some(fc.constantFrom(1, 2)),
    paused: some(fc.constant(true)),
    containers: fc.uniqueArray(container, { selector: ({ name }) => name, maxLength: 3 }),
    labels: some(texts),
  })
  .map(({ replicas, paused, containers, labels }) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'o' },
    spec: {
      replicas,
      paused,
      selector: { matchLabels: { app: 'o' } },
      template: { metadata: { labels: { app: 'o', ...labels } }, spec: { containers } },
    },
  }));

const manager = fc.constantFrom('m1', 'm2', 'm3');
const applies = (config: fc.Arbitrary<object>): fc.Arbitrary<readonly Step[]> =>
  fc.array(fc.record({ manager, force: fc.boolean(), config }), { minLength: 1, maxLength: 6 });

type Managed = { manager: string; operation: string; fieldsV1: object };

const isNothing = (value: unknown): boolean => value === null || value === undefined || (Array.isArray(value) && value.length === 0);

// Without nulls and empty lists, which Go leaves out or not field by field, and with lists in one order: 1.20 puts new entries at the end.
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, field]) => (isNothing(field) ? [] : [[name, plain(field)]])),
  );
};

/** What a client sees after each step, without what is different each time. */
const seen = async (api: ApiPeer, collection: (namespace: string) => string, steps: readonly Step[]): Promise<readonly unknown[]> => {
  const { name } = await newNamespace(api);
  const path = `${collection(name)}/o`;
  const observed: unknown[] = [];
  let version = '';
  for (const { manager: by, force, config } of steps) {
    const reply = await api.send('PATCH', `${path}?fieldManager=${by}${force ? '&force=true' : ''}`, {
      body: JSON.stringify(config),
      contentType: 'application/apply-patch+yaml',
    });
    const { metadata: meta = {}, message, details, ...object } = reply.json;
    const { labels, annotations, finalizers, managedFields = [], resourceVersion } = meta;
    // What is refused for its contents is said in words of 1.20 or of today; and of several conflicts 1.20 names one twice.
    const causes: readonly unknown[] = details?.causes ?? [];
    const said = reply.status === 409 ? (causes.length === 1 ? [message, details] : causes.length) : [];
    observed.push({
      status: reply.status,
      ...(reply.status < 300 ? { spec: object.spec, data: object.data, labels, annotations, finalizers } : { said }),
      isSame: resourceVersion === version,
      managed: (managedFields as Managed[])
        .map(({ manager: who, operation, fieldsV1 }) => ({ who, operation, fieldsV1 }))
        .toSorted((a, b) => a.who.localeCompare(b.who)),
    });
    version = resourceVersion ?? version;
  }
  return observed;
};

describe('server-side apply, compared', needs('etcd', 'kube-apiserver', 'kube-controller-manager'), () => {
  const servers: TestServer[] = [];
  before(async () => {
    servers.push(await startEmbedded(), await startReal());
  });
  after(async () => {
    for (const server of servers) await server.stop();
  });
  const compare = async (config: fc.Arbitrary<object>, collection: (namespace: string) => string): Promise<void> => {
    await fc.assert(
      fc.asyncProperty(applies(config), async (steps) => {
        const [own, theirs] = await Promise.all(servers.map(({ peer }) => seen(peer, collection, steps)));
        assert.deepEqual(own?.map(plain), theirs?.map(plain));
      }),
      { numRuns: runs(40, 1000) },
    );
  };
  test('of config maps gives what a real server gives', () => compare(configMap, (name) => `/api/v1/namespaces/${name}/configmaps`));
  test('of deployments gives what a real server gives', () =>
    compare(deployment, (name) => `/apis/apps/v1/namespaces/${name}/deployments`));
});
