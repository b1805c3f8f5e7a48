// Creating, updating and patching.

import assert from 'node:assert/strict';
import { configMap, create, expectStatus, fresh, isEmbedded, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const jsonPatch = 'application/json-patch+json';
const lease = (name: string, metadata = {}) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, ...metadata },
  spec: {},
});

export const writeCases: readonly ParityCase[] = [
  parityCase('C059', 'the server sets uid, time and version, whatever the client says', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const { metadata } = await create(api, path, configMap('c', {}, { uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z' }));
    assert.match(metadata.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(metadata.creationTimestamp, /^20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.match(metadata.resourceVersion, /^[1-9]\d*$/);
  }),
  parityCase('C060', 'what is created has no version yet', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const reply = await api.send('POST', path, { body: configMap('c', {}, { resourceVersion: '1' }) });
    // 1.20 answers 500, later ones 400.
    assert.equal(reply.status, isEmbedded(api) ? 400 : reply.status);
    assert.match(reply.json.message, /resourceVersion should not be set on objects to be created/);
  }),
  parityCase('C061', 'a name that is taken is AlreadyExists', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    await create(api, path, configMap('c'));
    const { json } = expectStatus(await api.send('POST', path, { body: configMap('c') }), 409, 'AlreadyExists');
    assert.deepEqual([json.message, json.details], ['configmaps "c" already exists', { name: 'c', kind: 'configmaps' }]);
  }),
  parityCase('C062', 'generateName gets five characters', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const made = await create(api, path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'g-' } });
    assert.match(made.metadata.name, /^g-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  }),
  parityCase('C063', 'a namespace that is not there is 404', async (api) => {
    const name = fresh('none');
    const { json } = expectStatus(
      await api.send('POST', `/api/v1/namespaces/${name}/configmaps`, { body: configMap('c') }),
      404,
      'NotFound',
    );
    assert.equal(json.message, `namespaces "${name}" not found`);
  }),
  parityCase('C064', 'the namespace of body and URL are one; a name is needed', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    expectStatus(await api.send('POST', path, { body: configMap('c', {}, { namespace: 'default' }) }), 400, 'BadRequest');
    const { json } = expectStatus(
      await api.send('POST', path, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} } }),
      422,
      'Invalid',
    );
    assert.deepEqual([json.details.causes[0].reason, json.details.causes[0].field], ['FieldValueRequired', 'metadata.name']);
  }),
  parityCase('C065', 'names, labels, annotations and finalizers are refused at their field', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const field = async (body: object) => expectStatus(await api.send('POST', path, { body }), 422, 'Invalid').json.details.causes[0].field;
    assert.equal(await field(configMap('Upper')), 'metadata.name');
    assert.equal(await field(configMap('c', {}, { labels: { 'a b': 'x' } })), 'metadata.labels');
    assert.equal(await field(configMap('c', {}, { labels: { a: 'x y' } })), 'metadata.labels');
    assert.equal(await field(configMap('c', {}, { annotations: { '/x': 'y' } })), 'metadata.annotations');
    assert.equal(await field(configMap('c', {}, { finalizers: ['plain'] })), 'metadata.finalizers[0]');
  }),
  parityCase('C066', 'another kind or version in the body is 400', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    expectStatus(await api.send('POST', path, { body: { ...configMap('c'), kind: 'Secret' } }), 400, 'BadRequest');
    expectStatus(await api.send('POST', path, { body: { ...configMap('c'), apiVersion: 'v2' } }), 400, 'BadRequest');
  }),
  parityCase('C067', 'a stale version is a conflict; some kinds need one', async (api) => {
    const { path, name } = await newNamespace(api);
    const { metadata } = await create(api, `${path}/configmaps`, configMap('c'));
    expectStatus(await api.send('PUT', `${path}/configmaps/c`, { body: configMap('c', { a: '2' }) }), 200);
    const stale = await api.send('PUT', `${path}/configmaps/c`, {
      body: configMap('c', { a: '3' }, { resourceVersion: metadata.resourceVersion }),
    });
    assert.equal(
      expectStatus(stale, 409, 'Conflict').json.message,
      'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes to the latest version and try again',
    );
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${name}/leases`;
    await create(api, leases, lease('l'));
    const { json } = expectStatus(await api.send('PUT', `${leases}/l`, { body: lease('l') }), 422, 'Invalid');
    assert.equal(json.details.causes[0].field, 'metadata.resourceVersion');
  }),
  parityCase('C068', 'PUT of another name is 400, of what is absent 404 or 201', async (api) => {
    const { path, name } = await newNamespace(api);
    await create(api, `${path}/configmaps`, configMap('c'));
    expectStatus(await api.send('PUT', `${path}/configmaps/c`, { body: configMap('other') }), 400, 'BadRequest');
    expectStatus(await api.send('PUT', `${path}/configmaps/no`, { body: configMap('no') }), 404, 'NotFound');
    expectStatus(await api.send('PUT', `/apis/coordination.k8s.io/v1/namespaces/${name}/leases/l`, { body: lease('l') }), 201);
  }),
  parityCase('C069', 'what clients may not change is put back or refused', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const { metadata } = await create(api, path, configMap('c'));
    const patch = (body: object) => api.send('PATCH', `${path}/c`, { body, contentType: merge });
    const kept = expectStatus(await patch({ metadata: { creationTimestamp: '2001-01-01T00:00:00Z', generation: 9 } }), 200).json;
    assert.equal(kept.metadata.creationTimestamp, metadata.creationTimestamp);
    for (const [field, value] of [
      ['uid', 'other'],
      ['deletionTimestamp', '2001-01-01T00:00:00Z'],
    ]) {
      const { json } = expectStatus(await patch({ metadata: { [field as string]: value } }), 422, 'Invalid');
      assert.equal(json.details.causes[0].field, `metadata.${field}`);
    }
    expectStatus(await api.send('PUT', `${path}/c`, { body: configMap('c', {}, { uid: 'other' }) }), 409, 'Conflict');
  }),
  parityCase('C071', 'immutable data stays', async (api) => {
    const { path } = await newNamespace(api);
    await create(api, `${path}/configmaps`, { ...configMap('c'), immutable: true });
    const { json } = expectStatus(
      await api.send('PUT', `${path}/configmaps/c`, { body: { ...configMap('c', { a: '2' }), immutable: true } }),
      422,
      'Invalid',
    );
    assert.deepEqual([json.details.causes[0].reason, json.details.causes[0].field], ['FieldValueForbidden', 'data']);
    await create(api, `${path}/secrets`, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { a: 'YQ==' },
      immutable: true,
    });
    const thawed = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { a: 'YQ==' } };
    assert.equal(
      expectStatus(await api.send('PUT', `${path}/secrets/s`, { body: thawed }), 422, 'Invalid').json.details.causes[0].field,
      'immutable',
    );
  }),
  parityCase('C072', 'data above 1 MiB is too long', async (api) => {
    const { path } = await newNamespace(api);
    const { json } = expectStatus(
      await api.send('POST', `${path}/configmaps`, { body: configMap('c', { a: 'x'.repeat(1024 * 1024 + 1) }) }),
      422,
      'Invalid',
    );
    assert.equal(json.details.causes[0].reason, 'FieldValueTooLong');
    expectStatus(await api.send('POST', `${path}/configmaps`, { body: configMap('d', { a: 'x'.repeat(1024 * 1024) }) }), 201);
  }),
  parityCase('C073', 'methods that make no sense are 405', async (api) => {
    const { path } = await newNamespace(api);
    await create(api, `${path}/configmaps`, configMap('c'));
    expectStatus(await api.send('POST', `${path}/configmaps/c`, { body: configMap('c') }), 405, 'MethodNotAllowed');
    expectStatus(await api.send('PUT', `${path}/configmaps`, { body: configMap('c') }), 405, 'MethodNotAllowed');
    expectStatus(await api.send('PATCH', `${path}/configmaps`, { body: {}, contentType: merge }), 405, 'MethodNotAllowed');
    expectStatus(await api.send('POST', '/api/v1/configmaps', { body: configMap('c') }), 405, 'MethodNotAllowed');
  }),
  parityCase('C074', 'a dry run does everything but store', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const { json } = expectStatus(await api.send('POST', `${path}?dryRun=All`, { body: configMap('dry') }), 201);
    assert.ok(json.metadata.uid);
    assert.equal(json.metadata.resourceVersion, undefined);
    expectStatus(await api.send('GET', `${path}/dry`), 404);
    expectStatus(await api.send('POST', `${path}?dryRun=foo`, { body: configMap('dry') }), 422, 'Invalid');
    const { metadata } = await create(api, path, configMap('c'));
    const put = expectStatus(await api.send('PUT', `${path}/c?dryRun=All`, { body: configMap('c', { a: '9' }) }), 200).json;
    assert.deepEqual([put.data.a, put.metadata.resourceVersion], ['9', metadata.resourceVersion]);
    expectStatus(await api.send('DELETE', `${path}/c?dryRun=All`), 200);
    assert.equal((await api.send('GET', `${path}/c`)).json.data.a, '1');
  }),
  parityCase('C075', 'three patches change an object; plain JSON is no patch', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    await create(api, path, configMap('c', { a: '1', b: '1' }));
    const patch = (body: unknown, contentType: string) => api.send('PATCH', `${path}/c`, { body: JSON.stringify(body), contentType });
    expectStatus(await patch([{ op: 'replace', path: '/data/a', value: '2' }], jsonPatch), 200);
    expectStatus(await patch({ data: { b: null } }, merge), 200);
    assert.deepEqual(expectStatus(await patch({ data: { c: '3' } }, strategic), 200).json.data, { a: '2', c: '3' });
    expectStatus(await patch({ data: {} }, 'application/json'), 415, 'UnsupportedMediaType');
  }),
  parityCase('C076', 'a patch that does not apply is 422', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    await create(api, path, configMap('c'));
    for (const patch of [
      [{ op: 'test', path: '/data/a', value: 'no' }],
      [{ op: 'remove', path: '/data/none' }],
      [{ op: 'add', path: '/nothing/there', value: 1 }],
    ])
      expectStatus(await api.send('PATCH', `${path}/c`, { body: JSON.stringify(patch), contentType: jsonPatch }), 422, 'Invalid');
  }),
  parityCase('C077', 'a version in a merge patch is a precondition', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    await create(api, path, configMap('c'));
    const body = { metadata: { resourceVersion: '1' }, data: { a: '2' } };
    expectStatus(await api.send('PATCH', `${path}/c`, { body, contentType: merge }), 409, 'Conflict');
  }),
  parityCase(
    'unknown-fields',
    'unknown fields are dropped with a warning, or refused where asked',
    async (api) => {
      const path = `${(await newNamespace(api)).path}/configmaps`;
      const body = { ...configMap('c'), extra: { deep: 1 } };
      expectStatus(await api.send('POST', `${path}?fieldValidation=Strict`, { body }), 400, 'BadRequest');
      const reply = expectStatus(await api.send('POST', path, { body }), 201);
      assert.equal(reply.json.extra, undefined);
      assert.match(String(reply.headers['warning']), /299 - "unknown field \\"extra\\""/);
    },
    'field validation came with 1.25',
  ),
  parityCase(
    'duplicate-fields',
    'a field that stands twice is warned of, or refused where asked, by its path',
    async (api) => {
      const path = `${(await newNamespace(api)).path}/configmaps`;
      const text = '{"metadata":{"name":"c","labels":{"a":"1","a":"2"}},"data":{"a":"1","b":"2","a":"3"}}';
      const send = (validation: string, body = text, contentType = 'application/json') =>
        api.send('POST', `${path}?fieldValidation=${validation}`, { body, contentType });
      const refused = expectStatus(await send('Strict'), 400, 'BadRequest').json.message;
      assert.match(refused, /strict decoding error: duplicate field "metadata\.labels\.a", duplicate field "data\.a"$/);
      const yaml = 'metadata:\n  name: yaml\ndata:\n  a: "1"\n  a: "2"\n';
      const said = expectStatus(await send('Strict', yaml, 'application/yaml'), 400).json.message;
      assert.match(said, /strict decoding error: yaml: unmarshal errors:\n {2}line 5: key "a" already set in map$/);
      const warned = expectStatus(await send('Warn'), 201);
      assert.deepEqual([warned.json.data, warned.json.metadata.labels], [{ a: '3', b: '2' }, { a: '2' }]);
      assert.match(String(warned.headers['warning']), /duplicate field \\"metadata\.labels\.a\\".*duplicate field \\"data\.a\\"/);
      assert.equal(expectStatus(await send('Ignore', yaml, 'application/yaml'), 201).headers['warning'], undefined);
      const patch = (body: string, contentType: string) => api.send('PATCH', `${path}/c`, { body, contentType });
      assert.match(String((await patch('{"data":{"x":"1","x":"2"}}', merge)).headers['warning']), /duplicate field \\"data\.x\\"/);
      const operations = '[{"op":"add","op":"add","path":"/data/z","value":"1"}]';
      assert.match(
        String((await patch(operations, 'application/json-patch+json')).headers['warning']),
        /json patch duplicate field \\"\[0\]\.op\\"/,
      );
    },
    'field validation came with 1.25',
  ),
  parityCase('secret-rules', 'secrets: stringData wins, types need their keys, the type stays', async (api) => {
    const path = `${(await newNamespace(api)).path}/secrets`;
    const secret = (name: string, fields: object) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...fields });
    const made = await create(api, path, secret('s', { data: { a: 'YQ==' }, stringData: { a: 'b' } }));
    assert.deepEqual([made.data, made.stringData, made.type], [{ a: 'Yg==' }, undefined, 'Opaque']);
    const fields = async (body: object) =>
      expectStatus(await api.send('POST', path, { body }), 422, 'Invalid')
        .json.details.causes.map((cause: { field: string }) => cause.field)
        .sort();
    assert.deepEqual(await fields(secret('t', { type: 'kubernetes.io/tls' })), ['data[tls.crt]', 'data[tls.key]']);
    expectStatus(await api.send('POST', path, { body: secret('u', { data: { a: 'not base64!' } }) }), 400, 'BadRequest');
    const { json } = expectStatus(await api.send('PUT', `${path}/s`, { body: secret('s', { type: 'other' }) }), 422, 'Invalid');
    assert.equal(json.details.causes[0].field, 'type');
  }),
];
