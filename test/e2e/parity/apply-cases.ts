// Server-side apply and managedFields.

import assert from 'node:assert/strict';
import type { ApiPeer, Json, Reply } from '../../../src/testing/api-peer.ts';
import { configMap, create, expectStatus, fresh, isEmbedded, newNamespace, parityCase } from './parity-case.ts';

const apply = (api: ApiPeer, path: string, manager: string, body: unknown, more = ''): Promise<Reply> =>
  api.send('PATCH', `${path}?fieldManager=${manager}${more}`, { body: JSON.stringify(body), contentType: 'application/apply-patch+yaml' });

const patch = (api: ApiPeer, path: string, manager: string, body: unknown): Promise<Reply> =>
  api.send('PATCH', `${path}?fieldManager=${manager}`, { body: JSON.stringify(body), contentType: 'application/merge-patch+json' });

type Entry = { manager: string; operation: string; apiVersion: string; time?: string; fieldsV1: object; subresource?: string };

/** Who manages what, times and parts of objects apart: 1.20 does not say through which part a manager writes. */
const managers = (object: { metadata: { managedFields?: Entry[] } }): readonly Json[] =>
  (object.metadata.managedFields ?? [])
    .map(({ manager, operation, apiVersion, fieldsV1 }) => ({ manager, operation, apiVersion, fieldsV1 }))
    .toSorted((a, b) => `${a.operation} ${a.manager}`.localeCompare(`${b.operation} ${b.manager}`));

const deployment = (name: string, containers: readonly Json[], more: Json = {}): Json => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers } }, ...more },
});

export const applyCases = [
  parityCase('C082', 'apply creates, and changes nothing when it is repeated', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps/c`;
    const first = expectStatus(await apply(api, path, 'm1', configMap('c', { a: '1' })), 201).json;
    assert.deepEqual(managers(first), [{ manager: 'm1', operation: 'Apply', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:a': {} } } }]);
    const again = expectStatus(await apply(api, path, 'm1', configMap('c', { a: '1' })), 200).json;
    assert.equal(again.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.deepEqual(again.metadata.managedFields, first.metadata.managedFields);
  }),
  parityCase('C083', 'a value that someone else manages is a conflict, which force decides', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps/c`;
    expectStatus(await apply(api, path, 'm1', configMap('c', { a: '1', b: '1' })), 201);
    const one = expectStatus(await apply(api, path, 'm2', configMap('c', { a: '2' })), 409, 'Conflict').json;
    assert.equal(one.message, 'Apply failed with 1 conflict: conflict with "m1": .data.a');
    assert.deepEqual(one.details, { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "m1"', field: '.data.a' }] });
    const two = expectStatus(await apply(api, path, 'm2', configMap('c', { a: '2', b: '2' })), 409).json;
    assert.equal(two.message, 'Apply failed with 2 conflicts: conflicts with "m1":\n- .data.a\n- .data.b');
    assert.equal(two.details.causes.length, 2);
    const forced = expectStatus(await apply(api, path, 'm2', configMap('c', { a: '2' }), '&force=true'), 200).json;
    assert.deepEqual(forced.data, { a: '2', b: '1' });
    assert.deepEqual(managers(forced), [
      { manager: 'm1', operation: 'Apply', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:b': {} } } },
      { manager: 'm2', operation: 'Apply', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:a': {} } } },
    ]);
  }),
  parityCase('C083', 'who updates is named with the version it used', async (api) => {
    const { path } = await newNamespace(api);
    await create(api, `${path}/configmaps?fieldManager=maker`, configMap('c', { a: '1' }));
    const { message, details } = expectStatus(await apply(api, `${path}/configmaps/c`, 'm1', configMap('c', { a: '2' })), 409).json;
    assert.match(message, /^Apply failed with 1 conflict: conflict with "maker" using v1.*: \.data\.a$/);
    assert.match(details.causes[0].message, /^conflict with "maker" using v1/);
  }),
  parityCase('C084', 'what an applier drops goes, unless another wants it', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps/c`;
    expectStatus(await apply(api, path, 'm1', configMap('c', { a: '1', b: '1', c: '1' }, { labels: { x: '1' } })), 201);
    expectStatus(await apply(api, path, 'm2', configMap('c', { b: '1' })), 200);
    const left = expectStatus(await apply(api, path, 'm1', configMap('c', { a: '1' })), 200).json;
    assert.deepEqual([left.data, left.metadata.labels], [{ a: '1', b: '1' }, undefined]);
    const none = expectStatus(await apply(api, path, 'm2', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }), 200).json;
    assert.deepEqual(none.data, { a: '1' });
    assert.deepEqual(
      managers(none).map(({ manager }) => manager),
      ['m1'],
    );
  }),
  parityCase('C085', 'an apply says who it is for and what, and nothing of managedFields', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps/c`;
    const type = 'application/apply-patch+yaml';
    const { json } = expectStatus(
      await api.send('PATCH', path, { body: JSON.stringify(configMap('c')), contentType: type }),
      422,
      'Invalid',
    );
    assert.deepEqual([json.details.causes[0].field, json.details.causes[0].reason], ['fieldManager', 'FieldValueRequired']);
    const managed = configMap('c', {}, { managedFields: [{ manager: 'x', operation: 'Apply', apiVersion: 'v1' }] });
    expectStatus(await apply(api, path, 'm', managed), 400, 'BadRequest');
    expectStatus(await apply(api, path, 'm', { kind: 'ConfigMap', metadata: { name: 'c' } }), 400);
    expectStatus(await apply(api, path, 'm', { ...configMap('c'), apiVersion: 'v2' }), 400);
    expectStatus(await apply(api, path, 'm', configMap('other')), 400);
    expectStatus(await apply(api, path, 'x'.repeat(129), configMap('c')), 422);
    // 1.20 answers 500 to a field that is not there.
    const unknown = await apply(api, path, 'm', { ...configMap('c'), nothing: 1 });
    assert.equal(unknown.status, isEmbedded(api) ? 400 : unknown.status, unknown.text);
    assert.ok(unknown.status >= 400);
    expectStatus(await api.send('GET', path), 404);
  }),
  parityCase('managed-fields', 'creators and updaters have what they wrote', async (api) => {
    const { path } = await newNamespace(api);
    const made = await create(api, `${path}/configmaps?fieldManager=maker`, configMap('c', { a: '1' }, { labels: { x: '1' } }));
    const whole = { 'f:data': { '.': {}, 'f:a': {} }, 'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } } };
    assert.deepEqual(managers(made), [{ manager: 'maker', operation: 'Update', apiVersion: 'v1', fieldsV1: whole }]);
    const item = `${path}/configmaps/c`;
    const changed = expectStatus(await patch(api, item, 'other', { data: { a: '2', b: '1' } }), 200).json;
    assert.deepEqual(managers(changed), [
      {
        manager: 'maker',
        operation: 'Update',
        apiVersion: 'v1',
        fieldsV1: { 'f:data': {}, 'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } } },
      },
      { manager: 'other', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:a': {}, 'f:b': {} } } },
    ]);
    const gone = expectStatus(await patch(api, item, 'other', { data: { b: null }, metadata: { labels: null } }), 200).json;
    assert.deepEqual(managers(gone), [
      {
        manager: 'maker',
        operation: 'Update',
        apiVersion: 'v1',
        // A map that is owned and nothing in it is read by the real server as one that was once owned as a whole, and so with all there is.
        fieldsV1: { 'f:data': isEmbedded(api) ? {} : { '.': {}, 'f:a': {} } },
      },
      { manager: 'other', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:a': {} } } },
    ]);
  }),
  parityCase('managed-fields', 'a manager is called as it says, or as its program', async (api) => {
    const { path } = await newNamespace(api);
    const named = await create(api, `${path}/configmaps`, configMap('c'));
    assert.equal(managers(named)[0]?.['manager'], 'parity');
    const plain = await api.send('POST', `${path}/configmaps`, { body: configMap('d'), headers: { 'user-agent': 'curl 7/x' } });
    assert.equal(managers(plain.json)[0]?.['manager'], 'curl 7');
    expectStatus(await api.send('POST', `${path}/configmaps?fieldManager=${'x'.repeat(129)}`, { body: configMap('e') }), 422, 'Invalid');
  }),
  parityCase('managed-fields', 'clients may send them back, take entries away, and start over', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    expectStatus(await apply(api, `${path}/c`, 'm1', configMap('c', { a: '1' })), 201);
    expectStatus(await apply(api, `${path}/c`, 'm2', configMap('c', { b: '1' })), 200);
    const object = (await api.send('GET', `${path}/c`)).json;
    const put = (body: unknown) => api.send('PUT', `${path}/c?fieldManager=m3`, { body });
    const same = expectStatus(await put(object), 200).json;
    assert.equal(same.metadata.resourceVersion, object.metadata.resourceVersion);
    const absent = expectStatus(await put({ ...object, metadata: { ...object.metadata, managedFields: undefined } }), 200).json;
    assert.equal(absent.metadata.resourceVersion, object.metadata.resourceVersion);
    const [first] = object.metadata.managedFields;
    const fewer = expectStatus(await put({ ...object, metadata: { ...object.metadata, managedFields: [first] } }), 200).json;
    assert.deepEqual(managers(fewer).length, 1);
    const reset = expectStatus(await patch(api, `${path}/c`, 'm3', { metadata: { managedFields: [{}] } }), 200).json;
    assert.equal(reset.metadata.managedFields, undefined);
    // Nobody is recorded until something is applied again; what was there then has a name of its own.
    assert.equal(expectStatus(await patch(api, `${path}/c`, 'm3', { data: { c: '1' } }), 200).json.metadata.managedFields, undefined);
    const applied = expectStatus(await apply(api, `${path}/c`, 'm1', configMap('c', { a: '1' })), 200).json;
    assert.deepEqual(managers(applied), [
      { manager: 'm1', operation: 'Apply', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:a': {} } } },
      {
        manager: 'before-first-apply',
        operation: 'Update',
        apiVersion: 'v1',
        fieldsV1: { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {}, 'f:c': {} } },
      },
    ]);
  }),
  parityCase(
    'managed-fields',
    'entries that mean nothing are refused',
    async (api) => {
      const path = `${(await newNamespace(api)).path}/configmaps`;
      await create(api, path, configMap('c'));
      const wrong = { metadata: { managedFields: [{ manager: 'x', operation: 'Guess', apiVersion: 'v1', fieldsType: 'FieldsV1' }] } };
      const { json } = expectStatus(await patch(api, `${path}/c`, 'm', wrong), 422, 'Invalid');
      assert.equal(json.details.causes[0].field, 'metadata.managedFields[0].operation');
    },
    '1.20 drops them without a word',
  ),
  parityCase('apply-lists', 'containers and ports are managed one by one, arguments as a whole', async (api) => {
    const { name } = await newNamespace(api);
    const path = `/apis/apps/v1/namespaces/${name}/deployments/d`;
    const web = { name: 'web', image: 'nginx', args: ['a', 'b'], ports: [{ containerPort: 80 }] };
    const made = expectStatus(await apply(api, path, 'm1', deployment('d', [web])), 201).json;
    assert.deepEqual(made.metadata.managedFields[0].fieldsV1['f:spec']['f:template']['f:spec']['f:containers'], {
      'k:{"name":"web"}': {
        '.': {},
        'f:args': {},
        'f:image': {},
        'f:name': {},
        'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
      },
    });
    const side = { name: 'side', image: 'busybox' };
    const both = expectStatus(await apply(api, path, 'm2', deployment('d', [side])), 200).json;
    assert.deepEqual(
      both.spec.template.spec.containers.map((container: Json) => container['name']),
      ['web', 'side'],
    );
    const { message } = expectStatus(await apply(api, path, 'm2', deployment('d', [side, { name: 'web', args: ['c'] }])), 409).json;
    assert.match(message, /\.spec\.template\.spec\.containers\[name="web"\]\.args$/);
    const fewer = expectStatus(await apply(api, path, 'm1', deployment('d', [{ name: 'web', image: 'nginx' }])), 200).json;
    const [left, other] = fewer.spec.template.spec.containers;
    assert.deepEqual([left.args, left.ports, other.image], [undefined, undefined, 'busybox']);
    const gone = expectStatus(await apply(api, path, 'm2', deployment('d', [])), 200).json;
    assert.equal(gone.spec.template.spec.containers.length, 1);
  }),
  parityCase('apply-lists', 'two entries of one name are refused', async (api) => {
    const { name } = await newNamespace(api);
    const twice = [
      { name: 'web', image: 'a' },
      { name: 'web', image: 'b' },
    ];
    const reply = await apply(api, `/apis/apps/v1/namespaces/${name}/deployments/d`, 'm1', deployment('d', twice));
    // 1.20 answers 500.
    assert.equal(reply.status, isEmbedded(api) ? 400 : reply.status);
    assert.ok(reply.status >= 400);
  }),
  parityCase('apply-shared', 'equal values have several managers; an update takes a value from all', async (api) => {
    const { name } = await newNamespace(api);
    const path = `/apis/apps/v1/namespaces/${name}/deployments/d`;
    const web = { name: 'web', image: 'nginx' };
    expectStatus(await apply(api, path, 'm1', deployment('d', [web], { replicas: 2 })), 201);
    const shared = expectStatus(await apply(api, path, 'm2', deployment('d', [web], { replicas: 2 })), 200).json;
    assert.deepEqual(managers(shared)[0]?.['fieldsV1'], managers(shared)[1]?.['fieldsV1']);
    const scaled = expectStatus(await patch(api, path, 'scaler', { spec: { replicas: 5 } }), 200).json;
    assert.deepEqual(
      managers(scaled).map(({ manager, fieldsV1 }) => [manager, 'f:replicas' in ((fieldsV1 as Json)['f:spec'] as Json)]),
      [
        ['m1', false],
        ['m2', false],
        ['scaler', true],
      ],
    );
    // Leaving a field to whoever has it now is no conflict.
    const left = expectStatus(await apply(api, path, 'm1', deployment('d', [web])), 200).json;
    assert.equal(left.spec.replicas, 5);
  }),
  parityCase('apply-defaults', 'a field that its only applier drops gets its default again', async (api) => {
    const { name } = await newNamespace(api);
    const path = `/apis/apps/v1/namespaces/${name}/deployments/d`;
    const web = { name: 'web', image: 'nginx' };
    expectStatus(await apply(api, path, 'm1', deployment('d', [web], { replicas: 3 })), 201);
    assert.equal(expectStatus(await apply(api, path, 'm1', deployment('d', [web])), 200).json.spec.replicas, 1);
  }),
  parityCase('apply-state', 'a configuration that names a version holds for that version alone', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps/c`;
    const { metadata } = expectStatus(await apply(api, path, 'm1', configMap('c', { a: '1' })), 201).json;
    const at = (version: string) => configMap('c', { a: '2' }, { resourceVersion: version });
    expectStatus(await apply(api, path, 'm1', at(metadata.resourceVersion)), 200);
    expectStatus(await apply(api, path, 'm1', at(metadata.resourceVersion)), 409, 'Conflict');
  }),
  parityCase('apply-dry', 'a dry run applies nothing', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps/c`;
    expectStatus(await apply(api, path, 'm1', configMap('c', { a: '1' }), '&dryRun=All'), 201);
    expectStatus(await api.send('GET', path), 404);
  }),
  parityCase('apply-status', 'what is applied to a part of an object leaves the rest alone', async (api) => {
    const { name } = await newNamespace(api);
    const path = `/apis/apps/v1/namespaces/${name}/deployments/d`;
    expectStatus(await apply(api, path, 'm1', deployment('d', [{ name: 'web', image: 'nginx' }])), 201);
    const status = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, status: { replicas: 3 } };
    const reported = expectStatus(await apply(api, `${path}/status`, 'm2', { ...status, spec: undefined }), 200).json;
    assert.equal(reported.status.replicas, 3);
    const own = managers(reported).find(({ manager }) => manager === 'm2')?.['fieldsV1'];
    assert.deepEqual((own as Json)['f:status'], { 'f:replicas': {} });
    const again = expectStatus(await apply(api, path, 'm1', deployment('d', [{ name: 'web', image: 'nginx' }])), 200).json;
    assert.equal(again.status.replicas, 3);
    expectStatus(
      await apply(api, `/apis/apps/v1/namespaces/${name}/deployments/none/status`, 'm2', { ...status, metadata: { name: 'none' } }),
      404,
    );
  }),
  parityCase('apply-create', 'who may patch and not create makes nothing', async (api) => {
    const { name, path } = await newNamespace(api);
    const user = fresh('patcher');
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${name}`;
    await create(api, `${rbac}/roles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'patch' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch', 'update'] }],
    });
    await create(api, `${rbac}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'patch' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'patch' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    });
    const patcher = await api.as({ name: user, groups: [] });
    // The real server's authorizer learns of a new binding a moment later.
    let reply = await apply(patcher, `${path}/configmaps/c`, 'm1', configMap('c'));
    for (let round = 0; round < 100 && / cannot patch /.test(reply.text); round++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      reply = await apply(patcher, `${path}/configmaps/c`, 'm1', configMap('c'));
    }
    // 1.20 does not say what is missing.
    assert.match(
      expectStatus(reply, 403, 'Forbidden').json.message,
      isEmbedded(api) ? / cannot create resource "configmaps"/ : /is forbidden/,
    );
    await create(api, `${path}/configmaps`, configMap('c'));
    expectStatus(await apply(patcher, `${path}/configmaps/c`, 'm1', configMap('c')), 200);
  }),
];
