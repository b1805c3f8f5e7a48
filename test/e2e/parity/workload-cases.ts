// Workloads, services and what stands in front of them, as stored objects.

import assert from 'node:assert/strict';
import type { ApiPeer, Json } from '../../../src/testing/api-peer.ts';
import { create, expectStatus, isEmbedded, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const strategic = 'application/strategic-merge-patch+json';
const merge = 'application/merge-patch+json';

const template = (more: Json = {}): Json => ({
  metadata: { labels: { app: 'x' } },
  spec: {
    containers: [
      { name: 'a', image: 'a:1', ports: [{ containerPort: 80 }] },
      { name: 'b', image: 'b' },
    ],
    ...more,
  },
});
const deployment = (name: string, spec: Json = {}): Json => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { selector: { matchLabels: { app: 'x' } }, template: template(), ...spec },
});

const paths = async (api: ApiPeer) => {
  const { name, path } = await newNamespace(api);
  return { name, core: path, apps: `/apis/apps/v1/namespaces/${name}`, net: `/apis/networking.k8s.io/v1/namespaces/${name}` };
};

const causes = async (api: ApiPeer, path: string, body: Json): Promise<readonly string[]> =>
  expectStatus(await api.send('POST', path, { body }), 422, 'Invalid').json.details.causes.map(({ field }: { field: string }) => field);

export const workloadCases: readonly ParityCase[] = [
  parityCase('C070', 'the generation of a deployment counts changes of its spec', async (api) => {
    const { apps } = await paths(api);
    const at = `${apps}/deployments/d`;
    assert.equal((await create(api, `${apps}/deployments`, deployment('d'))).metadata.generation, 1);
    const generation = async (path: string, body: Json) =>
      expectStatus(await api.send('PATCH', path, { body, contentType: merge }), 200).json.metadata.generation;
    assert.equal(await generation(at, { metadata: { labels: { a: 'b' } } }), 1);
    assert.equal(await generation(`${at}/status`, { status: { replicas: 1 } }), 1);
    assert.equal(await generation(at, { spec: { replicas: 2 } }), 2);
  }),
  parityCase('C078', 'a strategic merge patch merges containers by name', async (api) => {
    const { apps } = await paths(api);
    await create(api, `${apps}/deployments`, deployment('d'));
    const patch = async (containers: readonly Json[]) => {
      const reply = await api.send('PATCH', `${apps}/deployments/d`, {
        body: { spec: { template: { spec: { containers } } } },
        contentType: strategic,
      });
      return expectStatus(reply, 200).json.spec.template.spec.containers.map(
        ({ name, image }: { name: string; image: string }) => `${name} ${image}`,
      );
    };
    assert.deepEqual(await patch([{ name: 'b', image: 'b:2' }]), ['a a:1', 'b b:2']);
    assert.deepEqual(await patch([{ name: 'a', $patch: 'delete' }]), ['b b:2']);
  }),
  parityCase('deployment-defaults', 'deployments get the defaults of Kubernetes', async (api) => {
    const { apps } = await paths(api);
    const { spec } = await create(api, `${apps}/deployments`, deployment('d'));
    assert.deepEqual(
      [spec.replicas, spec.revisionHistoryLimit, spec.progressDeadlineSeconds, spec.strategy],
      [1, 10, 600, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } }],
    );
    const { containers, ...pod } = spec.template.spec;
    assert.deepEqual(pod, {
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      schedulerName: 'default-scheduler',
      securityContext: {},
    });
    assert.deepEqual(containers, [
      {
        name: 'a',
        image: 'a:1',
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'IfNotPresent',
      },
      {
        name: 'b',
        image: 'b',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'Always',
      },
    ]);
    const faults = await causes(api, `${apps}/deployments`, deployment('e', { selector: { matchLabels: { app: 'other' } } }));
    assert.deepEqual(faults, ['spec.template.metadata.labels']);
    const moved = await api.send('PATCH', `${apps}/deployments/d`, {
      body: { spec: { selector: { matchLabels: { app: 'x', b: 'c' } }, template: { metadata: { labels: { b: 'c' } } } } },
      contentType: merge,
    });
    assert.equal(expectStatus(moved, 422, 'Invalid').json.details.causes[0].field, 'spec.selector');
  }),
  parityCase('template-defaults', 'what a pod template leaves out is filled in, down to its volumes and probes', async (api) => {
    const { apps } = await paths(api);
    const of = (sources: readonly Json[], name = 'v'): readonly Json[] => sources.map((source, i) => ({ name: `${name}${i}`, ...source }));
    const fieldRef = { fieldPath: 'metadata.name' };
    const spec = {
      serviceAccountName: 'sa',
      hostNetwork: true,
      volumes: of([
        { secret: { secretName: 's' } },
        { configMap: { name: 'c' } },
        { hostPath: { path: '/x' } },
        { downwardAPI: { items: [{ path: 'l', fieldRef }] } },
        { projected: { sources: [{ serviceAccountToken: { path: 't' } }, { downwardAPI: { items: [{ path: 'l', fieldRef }] } }] } },
        {},
      ]),
      initContainers: [{ name: 'i', image: 'i:latest' }],
      containers: [
        {
          name: 'a',
          image: 'a@sha256:0000000000000000000000000000000000000000000000000000000000000000',
          ports: [{ containerPort: 80, name: 'http' }],
          env: [{ name: 'X', valueFrom: { fieldRef } }],
          livenessProbe: { httpGet: { port: 'http' } },
          readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 5 },
          lifecycle: { preStop: { httpGet: { port: 80, path: '/stop' } } },
          resources: { limits: { cpu: '1' } },
        },
      ],
    };
    const body = deployment('d', { template: { metadata: { labels: { app: 'x' } }, spec } });
    const { containers, initContainers, volumes, ...pod } = (await create(api, `${apps}/deployments`, body)).spec.template.spec;
    const versioned = { ...fieldRef, apiVersion: 'v1' };
    const [container] = containers;
    const probe = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };
    assert.deepEqual([pod.serviceAccount, initContainers[0].imagePullPolicy, container.imagePullPolicy], ['sa', 'Always', 'IfNotPresent']);
    assert.deepEqual(container.ports, [{ containerPort: 80, name: 'http', protocol: 'TCP', hostPort: 80 }]);
    assert.deepEqual(container.env, [{ name: 'X', valueFrom: { fieldRef: versioned } }]);
    assert.deepEqual(container.livenessProbe, { httpGet: { port: 'http', path: '/', scheme: 'HTTP' }, ...probe });
    assert.deepEqual(container.readinessProbe, { tcpSocket: { port: 80 }, ...probe, periodSeconds: 5 });
    assert.deepEqual(container.lifecycle, { preStop: { httpGet: { port: 80, path: '/stop', scheme: 'HTTP' } } });
    assert.deepEqual(container.resources, { limits: { cpu: '1' } });
    const items = [{ path: 'l', fieldRef: versioned }];
    assert.deepEqual(
      volumes,
      of([
        { secret: { secretName: 's', defaultMode: 420 } },
        { configMap: { name: 'c', defaultMode: 420 } },
        { hostPath: { path: '/x', type: '' } },
        { downwardAPI: { items, defaultMode: 420 } },
        {
          projected: {
            sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }, { downwardAPI: { items } }],
            defaultMode: 420,
          },
        },
        { emptyDir: {} },
      ]),
    );
  }),
  parityCase('pod-quality', 'how much a pod asks for decides its class', async (api) => {
    const { core } = await paths(api);
    const quality = async (name: string, resources: Json) => {
      const spec = { automountServiceAccountToken: false, containers: [{ name: 'a', image: 'a', resources }] };
      let made = await api.send('POST', `${core}/pods`, { body: { metadata: { name }, spec } });
      for (let tries = 0; made.status === 403 && tries < 50; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        made = await api.send('POST', `${core}/pods`, { body: { metadata: { name }, spec } });
      }
      const { status, spec: stored } = expectStatus(made, 201).json;
      return [status.qosClass, stored.containers[0].resources.requests];
    };
    const limits = { cpu: '1', memory: '1Gi' };
    assert.deepEqual(await quality('a', {}), ['BestEffort', undefined]);
    assert.deepEqual(await quality('b', { limits }), ['Guaranteed', limits]);
    assert.deepEqual(await quality('c', { limits, requests: { cpu: '100m' } }), ['Burstable', { ...limits, cpu: '100m' }]);
    assert.deepEqual(await quality('d', { limits: { cpu: '1' } }), ['Burstable', { cpu: '1' }]);
  }),
  parityCase(
    'pod-token',
    'a pod gets a token of its account, unless one of them does not want it',
    async (api) => {
      const { core } = await paths(api);
      await create(api, `${core}/serviceaccounts`, { metadata: { name: 'quiet' }, automountServiceAccountToken: false });
      await create(api, `${core}/serviceaccounts`, { metadata: { name: 'puller' }, imagePullSecrets: [{ name: 'registry' }] });
      const pod = async (name: string, spec: Json) =>
        (await create(api, `${core}/pods`, { metadata: { name }, spec: { containers: [{ name: 'a', image: 'a' }], ...spec } })).spec;
      const { volumes, containers } = await pod('a', {});
      assert.match(volumes[0].name, /^kube-api-access-[b-z2-9]{5}$/);
      assert.deepEqual(
        [volumes[0].projected.sources.length, containers[0].volumeMounts],
        [3, [{ name: volumes[0].name, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }]],
      );
      assert.equal((await pod('b', { automountServiceAccountToken: false })).volumes, undefined);
      assert.equal((await pod('c', { serviceAccountName: 'quiet' })).volumes, undefined);
      assert.equal((await pod('d', { serviceAccountName: 'quiet', automountServiceAccountToken: true })).volumes.length, 1);
      assert.deepEqual((await pod('e', { serviceAccountName: 'puller' })).imagePullSecrets, [{ name: 'registry' }]);
    },
    '1.20 mounts a Secret',
  ),
  parityCase('C032', 'the columns of deployments, wide ones too', async (api) => {
    const { apps } = await paths(api);
    await create(api, `${apps}/deployments`, deployment('d'));
    const { json } = await api.send('GET', `${apps}/deployments/d`, { accept: table });
    assert.deepEqual(
      json.columnDefinitions.map(({ name, priority }: { name: string; priority: number }) => `${name} ${priority}`),
      ['Name 0', 'Ready 0', 'Up-to-date 0', 'Available 0', 'Age 0', 'Containers 1', 'Images 1', 'Selector 1'],
    );
    const { cells } = json.rows[0];
    assert.deepEqual([cells[0], cells[1], String(cells[2]), cells[5], cells[6], cells[7]], ['d', '0/1', '0', 'a,b', 'a:1,b', 'app=x']);
  }),
  parityCase('stateful-set', 'a stateful set changes in few fields', async (api) => {
    const { apps } = await paths(api);
    const body = {
      ...deployment('s'),
      kind: 'StatefulSet',
      spec: { serviceName: 's', selector: { matchLabels: { app: 'x' } }, template: template() },
    };
    const { spec } = await create(api, `${apps}/statefulsets`, body);
    assert.deepEqual(
      [spec.replicas, spec.podManagementPolicy, spec.updateStrategy],
      [1, 'OrderedReady', { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }],
    );
    const patch = (change: Json) => api.send('PATCH', `${apps}/statefulsets/s`, { body: { spec: change }, contentType: merge });
    expectStatus(await patch({ replicas: 3 }), 200);
    assert.equal(expectStatus(await patch({ serviceName: 'other' }), 422, 'Invalid').json.details.causes[0].field, 'spec');
  }),
  parityCase('pod', 'a pod is stored as pending, with its account', async (api) => {
    const { core } = await paths(api);
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'a', image: 'a' }], automountServiceAccountToken: false },
      status: { phase: 'Running' },
    };
    let made = await api.send('POST', `${core}/pods`, { body });
    // A real server refuses pods until the namespace has its default account.
    for (let tries = 0; made.status === 403 && tries < 50; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      made = await api.send('POST', `${core}/pods`, { body });
    }
    const { spec, status } = expectStatus(made, 201).json;
    assert.deepEqual(
      [status.phase, spec.serviceAccountName, spec.tolerations.length, spec.enableServiceLinks, spec.priority],
      ['Pending', 'default', 2, true, 0],
    );
    const changed = await api.send('PATCH', `${core}/pods/p`, { body: { spec: { hostNetwork: true } }, contentType: merge });
    expectStatus(changed, 422, 'Invalid');
    const { items } = expectStatus(await api.send('GET', `${core}/pods?fieldSelector=status.phase%3DPending`), 200).json;
    assert.equal(items.length, 1);
    assert.equal(expectStatus(await api.send('DELETE', `${core}/pods/p`), 200).json.kind, 'Pod');
    expectStatus(await api.send('GET', `${core}/pods/p`), 404);
  }),
  parityCase('service', 'a service keeps the address it gets', async (api) => {
    const { core } = await paths(api);
    const body = (name: string, spec: Json): Json => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
    const made = await create(api, `${core}/services`, body('s', { selector: { app: 'x' }, ports: [{ port: 80 }] }));
    assert.match(made.spec.clusterIP, /^10\.96\.\d+\.\d+$/);
    assert.deepEqual(
      [made.spec.type, made.spec.sessionAffinity, made.spec.ports, made.status],
      ['ClusterIP', 'None', [{ port: 80, protocol: 'TCP', targetPort: 80 }], { loadBalancer: {} }],
    );
    const put = (spec: Json) =>
      api.send('PUT', `${core}/services/s`, {
        body: { ...body('s', spec), metadata: { name: 's', resourceVersion: made.metadata.resourceVersion } },
      });
    expectStatus(await put({ clusterIP: '10.96.7.7', ports: [{ port: 80 }] }), 422, 'Invalid');
    const patched = await api.send('PATCH', `${core}/services/s`, { body: { spec: { ports: [{ port: 81 }] } }, contentType: merge });
    assert.equal(expectStatus(patched, 200).json.spec.clusterIP, made.spec.clusterIP);
    assert.equal((await create(api, `${core}/services`, body('h', { clusterIP: 'None', ports: [{ port: 80 }] }))).spec.clusterIP, 'None');
    assert.deepEqual(await causes(api, `${core}/services`, body('n', {})), ['spec.ports']);
    assert.deepEqual(await causes(api, `${core}/services`, body('1n', { ports: [{ port: 80 }] })), ['metadata.name']);
    const { json } = await api.send('GET', `${core}/services/h`, { accept: table });
    assert.deepEqual(json.rows[0].cells.slice(0, 5), ['h', 'ClusterIP', 'None', '<none>', '80/TCP']);
    expectStatus(await api.send('GET', '/api/v1/namespaces/default/services/kubernetes'), 200);
  }),
  parityCase('service-addresses', 'no two services get one address or node port', async (api) => {
    const { core } = await paths(api);
    const body = (name: string, spec: Json): Json => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
    const refused = async (spec: Json) => await causes(api, `${core}/services`, body('refused', spec));
    const port = { name: 'a', port: 80 };
    const made = await create(api, `${core}/services`, body('n', { type: 'NodePort', ports: [port, { name: 'b', port: 81 }] }));
    const [first, second] = made.spec.ports.map(({ nodePort }: { nodePort: number }) => nodePort);
    assert.ok(first >= 30_000 && first <= 32_767 && second !== first, `${first} ${second}`);
    assert.equal(made.spec.externalTrafficPolicy, 'Cluster');
    assert.deepEqual(await refused({ clusterIP: made.spec.clusterIP, ports: [port] }), ['spec.clusterIPs']);
    assert.deepEqual(await refused({ clusterIP: '192.0.2.1', ports: [port] }), ['spec.clusterIPs']);
    assert.deepEqual(await refused({ clusterIP: 'x', ports: [port] }), ['spec.clusterIPs[0]']);
    assert.deepEqual(await refused({ type: 'NodePort', ports: [{ ...port, nodePort: first }] }), ['spec.ports[0].nodePort']);
    assert.deepEqual(await refused({ type: 'NodePort', ports: [{ ...port, nodePort: 80 }] }), ['spec.ports[0].nodePort']);
    assert.deepEqual(await refused({ ports: [{ ...port, nodePort: first }] }), ['spec.ports[0].nodePort']);
    assert.deepEqual(await refused({ ports: [port, { name: 'b', port: 80 }] }), ['spec.ports[1]']);
    assert.deepEqual(await refused({ ports: [port, { name: 'a', port: 81 }] }), ['spec.ports[1].name']);
    assert.deepEqual(await refused({ sessionAffinity: 'Odd', ports: [port] }), ['spec.sessionAffinity']);
    assert.deepEqual(await refused({ clusterIP: 'None', type: 'NodePort', ports: [port] }), ['spec.clusterIPs[0]']);
    const patch = async (spec: Json) =>
      expectStatus(await api.send('PATCH', `${core}/services/n`, { body: { spec }, contentType: merge }), 200).json.spec;
    // 1.20 gives a port that is named without its number another one.
    assert.deepEqual(
      (await patch({ ports: [{ name: 'a', port: 8080, ...(isEmbedded(api) ? {} : { nodePort: first }) }] })).ports.map(
        ({ nodePort }: { nodePort: number }) => nodePort,
      ),
      [first],
    );
    const plain = await patch({ type: 'ClusterIP' });
    assert.deepEqual([plain.clusterIP, plain.ports[0].nodePort, plain.externalTrafficPolicy], [made.spec.clusterIP, undefined, undefined]);
    const external = await patch({ type: 'ExternalName', externalName: 'a.example' });
    assert.deepEqual([external.clusterIP, external.clusterIPs], [undefined, undefined]);
    expectStatus(await api.send('DELETE', `${core}/services/n`), 200);
    await create(api, `${core}/services`, body('again', { type: 'NodePort', ports: [{ ...port, nodePort: second }] }));
  }),
  parityCase('eviction', 'a pod is evicted by its name', async (api) => {
    const { core } = await paths(api);
    const spec = { containers: [{ name: 'a', image: 'a' }], automountServiceAccountToken: false };
    let made = await api.send('POST', `${core}/pods`, { body: { metadata: { name: 'p' }, spec } });
    for (let tries = 0; made.status === 403 && tries < 50; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      made = await api.send('POST', `${core}/pods`, { body: { metadata: { name: 'p' }, spec } });
    }
    expectStatus(made, 201);
    // 1.20 knows the version before.
    const apiVersion = isEmbedded(api) ? 'policy/v1' : 'policy/v1beta1';
    const evict = (fields: Json) =>
      api.send('POST', `${core}/pods/p/eviction`, { body: { apiVersion, kind: 'Eviction', metadata: { name: 'p' }, ...fields } });
    expectStatus(await evict({ metadata: { name: 'other' } }), 400, 'BadRequest');
    expectStatus(await evict({ deleteOptions: { preconditions: { uid: 'another' } } }), 409, 'Conflict');
    expectStatus(await api.send('GET', `${core}/pods/p`), 200);
    assert.equal(expectStatus(await evict({}), 201).json.status, 'Success');
    expectStatus(await api.send('GET', `${core}/pods/p`), 404);
    expectStatus(await evict({}), 404, 'NotFound');
  }),
  parityCase('endpoints', 'endpoints are addresses and ports', async (api) => {
    const { core } = await paths(api);
    const body = (name: string, subset: Json): Json => ({ apiVersion: 'v1', kind: 'Endpoints', metadata: { name }, subsets: [subset] });
    const addresses = [{ ip: '192.0.2.1' }];
    const made = await create(api, `${core}/endpoints`, body('e', { addresses, ports: [{ port: 80 }] }));
    assert.deepEqual(made.subsets, [{ addresses, ports: [{ port: 80, protocol: 'TCP' }] }]);
    // 1.20 tells of one fault twice.
    const refused = async (subset: Json) => [...new Set(await causes(api, `${core}/endpoints`, body('f', subset)))];
    assert.deepEqual(await refused({ addresses: [{ ip: 'x' }] }), ['subsets[0].addresses[0].ip']);
    assert.deepEqual(await refused({ addresses, ports: [{ port: 0 }] }), ['subsets[0].ports[0].port']);
    assert.deepEqual(await refused({ addresses, ports: [{ port: 1, name: 'a' }, { port: 2 }] }), ['subsets[0].ports[1].name']);
    assert.deepEqual(await refused({ ports: [{ port: 1 }] }), ['subsets[0]']);
    const { json } = await api.send('GET', `${core}/endpoints/e`, { accept: table });
    assert.deepEqual(json.rows[0].cells.slice(0, 2), ['e', '192.0.2.1:80']);
    const affinity = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { sessionAffinity: 'ClientIP', ports: [{ port: 80 }] },
    };
    assert.deepEqual((await create(api, `${core}/services`, affinity)).spec.sessionAffinityConfig, {
      clientIP: { timeoutSeconds: 10_800 },
    });
  }),
  parityCase(
    'endpoint-slices',
    'endpoint slices hold addresses of one type',
    async (api) => {
      const { name } = await paths(api);
      const path = `/apis/discovery.k8s.io/v1/namespaces/${name}/endpointslices`;
      const body = (fields: Json): Json => ({ metadata: { generateName: 's-' }, addressType: 'IPv4', endpoints: [], ...fields });
      const made = await create(api, path, body({ endpoints: [{ addresses: ['192.0.2.1'] }], ports: [{ port: 80 }] }));
      assert.deepEqual(made.ports, [{ name: '', protocol: 'TCP', port: 80 }]);
      assert.deepEqual(await causes(api, path, body({ addressType: 'IPv5' })), ['addressType']);
      assert.deepEqual(await causes(api, path, body({ endpoints: [{ addresses: ['2001:db8::1'] }] })), ['endpoints[0].addresses[0]']);
      assert.deepEqual(await causes(api, path, body({ endpoints: [{ addresses: [] }] })), ['endpoints[0].addresses']);
      const changed = { body: { addressType: 'FQDN' }, contentType: merge };
      const refused = expectStatus(await api.send('PATCH', `${path}/${made.metadata.name}`, changed), 422, 'Invalid').json;
      assert.deepEqual(
        refused.details.causes.map(({ field }: { field: string }) => field),
        ['addressType'],
      );
    },
    '1.20 has them as v1beta1',
  ),
  parityCase('pod-account', 'a pod of an account that is not there is refused', async (api) => {
    const { core, name } = await paths(api);
    const spec = { serviceAccountName: 'nobody', containers: [{ name: 'a', image: 'a' }] };
    const refused = await api.send('POST', `${core}/pods`, { body: { metadata: { name: 'p' }, spec } });
    assert.equal(
      expectStatus(refused, 403, 'Forbidden').json.message,
      `pods "p" is forbidden: error looking up service account ${name}/nobody: serviceaccount "nobody" not found`,
    );
  }),
  parityCase('ingress', 'an ingress needs a path type, and shows hosts and ports', async (api) => {
    const { net } = await paths(api);
    const ingress = (name: string, path: Json): Json => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name },
      spec: {
        tls: [{ hosts: ['a.example'], secretName: 't' }],
        rules: [{ host: 'a.example', http: { paths: [{ backend: { service: { name: 's', port: { number: 80 } } }, ...path }] } }],
      },
    });
    const made = await create(api, `${net}/ingresses`, ingress('i', { path: '/', pathType: 'Prefix' }));
    assert.deepEqual([made.status, made.metadata.generation], [{ loadBalancer: {} }, 1]);
    const { json } = await api.send('GET', `${net}/ingresses/i`, { accept: table });
    assert.deepEqual(json.rows[0].cells.slice(0, 5), ['i', '<none>', 'a.example', '', '80, 443']);
    assert.deepEqual(await causes(api, `${net}/ingresses`, ingress('j', { path: '/' })), ['spec.rules[0].http.paths[0].pathType']);
  }),
];
