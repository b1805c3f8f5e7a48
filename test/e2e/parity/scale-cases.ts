// How many replicas: /scale of workloads and of custom resources, and what kubectl does to a deployment.

import assert from 'node:assert/strict';
import type { ApiPeer, Json } from '../../../src/testing/api-peer.ts';
import { create, eventually, expectStatus, fresh, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';

const deployment = (name: string): Json => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: 'x' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] },
    template: { metadata: { labels: { app: 'x', a: 'b' } }, spec: { containers: [{ name: 'c', image: 'c:1' }] } },
  },
});

const definition = (group: string, scale: Json): Json => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        subresources: { status: {}, scale },
      },
    ],
  },
});
const scalePaths = { specReplicasPath: '.spec.size.wanted', statusReplicasPath: '.status.now', labelSelectorPath: '.status.selector' };

const patchOf = (api: ApiPeer, path: string) => (body: Json, contentType: string) => api.send('PATCH', path, { body, contentType });

export const scaleCases: readonly ParityCase[] = [
  parityCase('scale', 'workloads are scaled through /scale, as autoscaling/v1', async (api) => {
    const { name } = await newNamespace(api);
    const apps = `/apis/apps/v1/namespaces/${name}`;
    const made = await create(api, `${apps}/deployments`, deployment('d'));
    const path = `${apps}/deployments/d/scale`;
    const { uid, resourceVersion, creationTimestamp } = made.metadata;
    const shown = expectStatus(await api.send('GET', path), 200).json;
    assert.deepEqual(shown, {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'd', namespace: name, uid, resourceVersion, creationTimestamp },
      spec: { replicas: 1 },
      status: { replicas: 0, selector: 'a,app=x' },
    });
    const put = await api.send('PUT', path, { body: { ...shown, spec: { replicas: 3 } } });
    assert.deepEqual(expectStatus(put, 200).json.spec, { replicas: 3 });
    expectStatus(await api.send('PUT', path, { body: { ...shown, spec: { replicas: 4 } } }), 409, 'Conflict');
    const patch = patchOf(api, path);
    const dry = await api.send('PATCH', `${path}?dryRun=All`, { body: { spec: { replicas: 9 } }, contentType: merge });
    assert.deepEqual(expectStatus(dry, 200).json.spec, { replicas: 9 });
    assert.deepEqual((await api.send('GET', path)).json.spec, { replicas: 3 });
    assert.deepEqual(expectStatus(await patch({ spec: { replicas: 0 }, metadata: { labels: { a: 'b' } } }, merge), 200).json.spec, {});
    assert.equal(expectStatus(await patch({ spec: { replicas: -1 } }, merge), 422, 'Invalid').json.details.kind, 'Scale');
    expectStatus(await patch({ metadata: { uid: 'x' } }, merge), 409, 'Conflict');
    expectStatus(await api.send('PUT', path, { body: { ...shown, metadata: { name: 'other' } } }), 400, 'BadRequest');
    const { metadata, spec } = (await api.send('GET', `${apps}/deployments/d`)).json;
    assert.deepEqual([metadata.generation, spec.replicas, metadata.labels], [3, 0, undefined]);
    expectStatus(await api.send('GET', `${apps}/deployments/absent/scale`), 404, 'NotFound');
    expectStatus(await api.send('GET', `/api/v1/namespaces/${name}/configmaps/c/scale`), 404);
    const { resources } = (await api.send('GET', '/apis/apps/v1')).json;
    const entry = resources.find((found: { name: string }) => found.name === 'deployments/scale');
    assert.deepEqual([entry.group, entry.version, entry.kind, entry.verbs], ['autoscaling', 'v1', 'Scale', ['get', 'patch', 'update']]);
  }),
  parityCase(
    'scale-apply',
    'who applies a scale manages the replicas of what it is part of',
    async (api) => {
      const { name } = await newNamespace(api);
      const path = `/apis/apps/v1/namespaces/${name}/deployments/d`;
      await create(api, `/apis/apps/v1/namespaces/${name}/deployments`, deployment('d'));
      const apply = (manager: string, replicas: number, query = '') =>
        api.send('PATCH', `${path}/scale?fieldManager=${manager}${query}`, {
          body: { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas } },
          contentType: 'application/apply-patch+yaml',
        });
      assert.deepEqual(expectStatus(await apply('one', 3, '&force=true'), 200).json.spec, { replicas: 3 });
      const refused = expectStatus(await apply('two', 4), 409, 'Conflict').json;
      assert.deepEqual(
        refused.details.causes.map(({ reason, field }: { reason: string; field: string }) => [reason, field]),
        [['FieldManagerConflict', '.spec.replicas']],
      );
      assert.deepEqual(expectStatus(await apply('two', 4, '&force=true'), 200).json.spec, { replicas: 4 });
      const { metadata, spec } = (await api.send('GET', path)).json;
      const entry = metadata.managedFields.find(({ manager }: { manager: string }) => manager === 'two');
      assert.deepEqual(
        [entry.operation, entry.apiVersion, entry.subresource, entry.fieldsV1, spec.replicas, spec.selector.matchLabels],
        ['Apply', 'apps/v1', 'scale', { 'f:spec': { 'f:replicas': {} } }, 4, { app: 'x' }],
      );
    },
    '1.20 keeps no managers of a scale',
  ),
  parityCase('C087', 'a stored deployment takes what kubectl scale, set image and rollout ask', async (api) => {
    const { name } = await newNamespace(api);
    const apps = `/apis/apps/v1/namespaces/${name}`;
    await create(api, `${apps}/deployments`, deployment('d'));
    const patch = patchOf(api, `${apps}/deployments/d`);
    const template = (fields: Json): Json => ({ spec: { template: fields } });
    const set = template({ spec: { containers: [{ name: 'c', image: 'c:2' }] } });
    assert.equal(expectStatus(await patch(set, strategic), 200).json.spec.template.spec.containers[0].image, 'c:2');
    const restart = template({ metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' } } });
    assert.equal(expectStatus(await patch(restart, strategic), 200).json.metadata.generation, 3);
    assert.equal(expectStatus(await patch({ spec: { paused: true } }, strategic), 200).json.spec.paused, true);
    assert.equal(expectStatus(await patch({ spec: { paused: null } }, strategic), 200).json.spec.paused, undefined);
    const status = { observedGeneration: 5, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 };
    const told = await api.send('PATCH', `${apps}/deployments/d/status`, { body: { status }, contentType: merge });
    assert.equal(expectStatus(told, 200).json.status.observedGeneration, 5);
    for (const plural of ['replicasets', 'controllerrevisions'])
      assert.deepEqual(expectStatus(await api.send('GET', `${apps}/${plural}?labelSelector=app%3Dx`), 200).json.items, []);
  }),
  parityCase('C109', 'the scale of a custom resource is at the paths of its definition', async (api) => {
    const group = `${fresh('scale')}.example.com`;
    const { name } = await newNamespace(api);
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    await create(api, definitions, definition(group, scalePaths));
    const path = `/apis/${group}/v1/namespaces/${name}/widgets`;
    await eventually('served', async () => (await api.send('GET', path)).status === 200);
    const widget = (spec: Json): Json => ({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'w' }, spec });
    let made = await api.send('POST', path, { body: widget({ size: { wanted: 2 }, other: 'kept' }) });
    for (let tries = 0; made.status !== 201 && tries < 20; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      made = await api.send('POST', path, { body: widget({ size: { wanted: 2 }, other: 'kept' }) });
    }
    expectStatus(made, 201);
    const patch = patchOf(api, `${path}/w/scale`);
    const scale = async () => expectStatus(await api.send('GET', `${path}/w/scale`), 200).json;
    assert.deepEqual([(await scale()).spec, (await scale()).status], [{ replicas: 2 }, { replicas: 0 }]);
    const status = { now: 1, selector: 'app=w' };
    expectStatus(await api.send('PATCH', `${path}/w/status`, { body: { status }, contentType: merge }), 200);
    assert.deepEqual((await scale()).status, { replicas: 1, selector: 'app=w' });
    assert.deepEqual(expectStatus(await patch({ spec: { replicas: 5 } }, merge), 200).json.spec, { replicas: 5 });
    const put = await api.send('PUT', `${path}/w/scale`, { body: { ...(await scale()), spec: { replicas: 6 }, status: { replicas: 9 } } });
    assert.deepEqual([expectStatus(put, 200).json.spec, put.json.status.replicas], [{ replicas: 6 }, 1]);
    const stored = (await api.send('GET', `${path}/w`)).json;
    assert.deepEqual([stored.spec, stored.metadata.generation], [{ size: { wanted: 6 }, other: 'kept' }, 3]);
    expectStatus(await patch({ spec: { replicas: -1 } }, merge), 422, 'Invalid');
    for (const wrong of [
      { ...scalePaths, specReplicasPath: '.status.wanted' },
      { ...scalePaths, labelSelectorPath: '.metadata.x' },
    ])
      expectStatus(await api.send('POST', definitions, { body: definition(`other.${group}`, wrong) }), 422, 'Invalid');
    expectStatus(await api.send('DELETE', `${definitions}/widgets.${group}`), 200);
  }),
];
