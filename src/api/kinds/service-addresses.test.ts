import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldsAt, type KubernetesObject, listAt } from '../object.ts';
import { withAddresses } from './service-addresses.ts';

const service = (uid: string, spec: Readonly<Record<string, unknown>>): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: uid, namespace: 'n', uid },
  spec,
});
const stored = (...objects: readonly KubernetesObject[]) => ({
  get: () => undefined,
  list: () => objects.map((object) => ({ namespace: 'n', object })),
});
const spec = (object: KubernetesObject) => fieldsAt(object, 'spec');
const port = { name: 'a', port: 80 };

describe('the addresses of a service', () => {
  test('are the next that are free, where the one that its uid leads to is taken', () => {
    const first = withAddresses(service('00000100', { ports: [port] }), stored());
    assert.equal(spec(first)['clusterIP'], '10.96.1.0');
    // The same place by its uid, which is cut to its first digits.
    const second = withAddresses(service('00000100-2', { ports: [port] }), stored(first));
    assert.deepEqual([spec(second)['clusterIP'], spec(second)['clusterIPs']], ['10.96.1.1', ['10.96.1.1']]);
    assert.equal(
      spec(withAddresses(service('00000000', { ports: [port] }), stored()))['clusterIP'],
      '10.96.0.16',
      'the first are kept for others',
    );
  });

  test('are not given where none are asked for', () => {
    for (const given of [{ type: 'ExternalName' }, { clusterIP: 'None' }, { clusterIP: '10.96.7.7' }]) {
      const object = service('00000001', given);
      assert.equal(withAddresses(object, stored()), object);
    }
    const withoutPorts = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, clusterIP: '10.96.7.7', ports: [port] };
    assert.equal(spec(withAddresses(service('00000001', withoutPorts), stored()))['ports'], withoutPorts.ports);
  });

  test('hold a node port for each port, one number for both protocols of a port', () => {
    const ports = (object: KubernetesObject) => listAt(spec(object), 'ports').map((each) => fieldsAt({ each }, 'each')['nodePort']);
    const given = {
      type: 'NodePort',
      clusterIP: '10.96.7.7',
      ports: [port, { name: 'b', port: 80, protocol: 'UDP' }, { name: 'c', port: 81 }],
    };
    const first = withAddresses(service('00000001', given), stored());
    assert.deepEqual(ports(first), [30_001, 30_001, 30_002]);
    const named = {
      ...given,
      ports: [
        { ...port, nodePort: 31_000 },
        { name: 'c', port: 81 },
      ],
    };
    assert.deepEqual(ports(withAddresses(service('00000001-2', named), stored(first))), [31_000, 30_003]);
  });
});
