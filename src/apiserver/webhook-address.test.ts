import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesObject } from '../api/object.ts';
import { webhookAddress } from './webhook-address.ts';

type Entry = readonly [resource: string, name: string, object: object];

const stored = (...entries: readonly Entry[]) => {
  const found = entries.map(([resource, name, object]) => ({
    resource,
    namespace: 'team',
    name,
    object: { apiVersion: '', kind: '', metadata: { name }, ...object } as KubernetesObject,
  }));
  return {
    get: (resource: string, namespace: string, name: string) =>
      found.find((each) => each.resource === resource && each.namespace === namespace && each.name === name),
    list: (resource: string, namespace?: string) =>
      found.filter((each) => each.resource === resource && (namespace === undefined || each.namespace === namespace)),
  };
};

const webhook = { timeoutSeconds: 3, clientConfig: { service: { namespace: 'team', name: 'hook', port: 443, path: '/ask' } } };
const service: Entry = ['/services', 'hook', { spec: { ports: [{ name: 'https', port: 443, targetPort: 'tls' }] } }];
const slice = (endpoints: readonly object[], more: object = {}): Entry => [
  'discovery.k8s.io/endpointslices',
  'hook-1',
  {
    metadata: { name: 'hook-1', labels: { 'kubernetes.io/service-name': 'hook' } },
    endpoints,
    ports: [{ name: 'https', port: 8443 }],
    ...more,
  },
];

describe('a webhook behind a Service', () => {
  test('is reached at an endpoint that is ready, under the name of the Service', () => {
    const address = { origin: 'https://192.0.2.2:8443', path: '/ask?timeout=3s', serverName: 'hook.team.svc' };
    const endpoints = [{ addresses: ['192.0.2.1'], conditions: { ready: false } }, { addresses: ['192.0.2.2'] }];
    assert.deepEqual(webhookAddress(webhook, stored(service, slice(endpoints))), address);
    const subsets = [{ addresses: [{ ip: '192.0.2.2' }], ports: [{ name: 'https', port: 8443 }] }];
    assert.deepEqual(webhookAddress(webhook, stored(service, ['/endpoints', 'hook', { subsets }])), address);
    assert.deepEqual(webhookAddress(webhook, stored(service, slice([{ addresses: ['2001:db8::1'] }]))), {
      ...address,
      origin: 'https://[2001:db8::1]:8443',
    });
  });
  test('that has none, or another port, is told by name', () => {
    assert.equal(webhookAddress(webhook, stored()), 'service "hook" not found');
    assert.equal(webhookAddress(webhook, stored(service)), 'no endpoints available for service "hook"');
    const other: Entry = ['/services', 'hook', { spec: { ports: [{ port: 80 }] } }];
    assert.equal(webhookAddress(webhook, stored(other)), 'service "hook" has no port 443');
    const slices = slice([{ addresses: ['192.0.2.1'] }], { ports: [{ name: 'metrics', port: 9 }] });
    assert.equal(webhookAddress(webhook, stored(service, slices)), 'no endpoints available for service "hook"');
  });
});

test('a webhook with a URL is asked just there', () => {
  assert.deepEqual(webhookAddress({ clientConfig: { url: 'https://hooks.example:8443/a' } }, stored()), {
    origin: 'https://hooks.example:8443',
    path: '/a?timeout=10s',
    serverName: undefined,
  });
});
