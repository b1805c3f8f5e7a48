// Discovery, version, OpenAPI, content negotiation.

import assert from 'node:assert/strict';
import { configMap, create, expectStatus, isEmbedded, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const sorted = (list: readonly string[]): readonly string[] => [...list].sort();

export const discoveryCases: readonly ParityCase[] = [
  parityCase('C001', 'GET /version needs no credentials and is JSON', async (api) => {
    const reply = expectStatus(await (await api.as(undefined)).send('GET', '/version'), 200);
    for (const field of ['major', 'minor', 'gitVersion', 'platform']) assert.equal(typeof reply.json[field], 'string', field);
  }),
  parityCase('C002', 'GET /api is APIVersions with v1', async (api) => {
    const { json } = expectStatus(await api.send('GET', '/api'), 200);
    assert.deepEqual([json.kind, json.versions], ['APIVersions', ['v1']]);
  }),
  parityCase('C003', 'every group of /apis prefers one of its versions', async (api) => {
    const { json } = expectStatus(await api.send('GET', '/apis'), 200);
    assert.equal(json.kind, 'APIGroupList');
    assert.ok(json.groups.length > 0);
    for (const group of json.groups)
      assert.ok(
        group.versions.some((version: { version: string }) => version.version === group.preferredVersion.version),
        group.name,
      );
  }),
  parityCase('C004', 'GET /apis/GROUP is its entry of /apis plus kind', async (api) => {
    const all = (await api.send('GET', '/apis')).json.groups;
    const entry = all.find((group: { name: string }) => group.name === 'certificates.k8s.io');
    const { json } = expectStatus(await api.send('GET', '/apis/certificates.k8s.io'), 200);
    assert.deepEqual(json, { kind: 'APIGroup', apiVersion: 'v1', ...entry });
  }),
  parityCase('C005', '/api/v1 lists configmaps with eight verbs and short name cm', async (api) => {
    const { json } = expectStatus(await api.send('GET', '/api/v1'), 200);
    const found = json.resources.find((resource: { name: string }) => resource.name === 'configmaps');
    assert.deepEqual(
      [json.groupVersion, found.namespaced, found.kind, found.shortNames, sorted(found.verbs)],
      ['v1', true, 'ConfigMap', ['cm'], ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']],
    );
  }),
  parityCase('C006', '/api/v1 lists namespaces without deletecollection, with status and finalize', async (api) => {
    const { resources } = (await api.send('GET', '/api/v1')).json;
    const verbs = (name: string) => sorted(resources.find((resource: { name: string }) => resource.name === name).verbs);
    assert.deepEqual(verbs('namespaces'), ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']);
    assert.deepEqual([verbs('namespaces/status'), verbs('namespaces/finalize')], [['get', 'patch', 'update'], ['update']]);
  }),
  parityCase('C007', '/apis/certificates.k8s.io/v1 lists requests, approval and status', async (api) => {
    const { resources } = (await api.send('GET', '/apis/certificates.k8s.io/v1')).json;
    const named = (name: string) => resources.find((resource: { name: string }) => resource.name === name);
    assert.deepEqual(named('certificatesigningrequests').shortNames, ['csr']);
    for (const part of ['approval', 'status'])
      assert.deepEqual(sorted(named(`certificatesigningrequests/${part}`).verbs), ['get', 'patch', 'update']);
  }),
  parityCase('C008', 'aggregated types beside application/json are never an error', async (api) => {
    for (const path of ['/api', '/apis']) {
      const reply = expectStatus(await api.send('GET', path, { accept: `${aggregated},application/json` }), 200);
      assert.match(String(reply.headers['content-type']), /^application\/json/);
      assert.equal(reply.json.kind === 'APIGroupDiscoveryList', String(reply.headers['content-type']).includes('APIGroupDiscoveryList'));
    }
  }),
  parityCase('C009', 'an aggregated type alone is 406 or answered', async (api) => {
    const reply = await api.send('GET', '/apis', { accept: aggregated });
    if (!isEmbedded(api) && reply.status === 406) return;
    assert.equal(reply.json.kind, 'APIGroupDiscoveryList');
    const group = reply.json.items.find((item: { metadata: { name: string } }) => item.metadata.name === 'certificates.k8s.io');
    const [{ resources }] = group.versions;
    assert.deepEqual(
      [
        resources[0].resource,
        resources[0].scope,
        resources[0].subresources.map((part: { subresource: string }) => part.subresource).sort(),
      ],
      ['certificatesigningrequests', 'Cluster', ['approval', 'status']],
    );
  }),
  parityCase('C015', 'health needs no credentials; /api does', async (api) => {
    const nobody = await api.as(undefined);
    for (const path of ['/healthz', '/livez', '/readyz']) assert.equal(expectStatus(await nobody.send('GET', path), 200).text, 'ok');
    const { json } = expectStatus(await nobody.send('GET', '/api'), 403, 'Forbidden');
    assert.equal(json.message, 'forbidden: User "system:anonymous" cannot get path "/api"');
  }),
  parityCase('C016', 'YAML is given to who accepts YAML', async (api) => {
    const { path } = await newNamespace(api);
    await create(api, `${path}/configmaps`, configMap('y'));
    const reply = expectStatus(await api.send('GET', `${path}/configmaps/y`, { accept: 'application/yaml' }), 200);
    assert.equal(reply.headers['content-type'], 'application/yaml');
    assert.match(reply.text, /^kind: ConfigMap$/m);
  }),
  parityCase('C017', 'text/html is not acceptable', async (api) => {
    expectStatus(await api.send('GET', '/api/v1/namespaces', { accept: 'text/html' }), 406, 'NotAcceptable');
  }),
  parityCase('C018', 'a body of text/plain is refused', async (api) => {
    const reply = await api.send('POST', '/api/v1/namespaces', { body: 'x', contentType: 'text/plain' });
    expectStatus(reply, 415, 'UnsupportedMediaType');
  }),
  parityCase('C019', 'a body without type is JSON', async (api) => {
    const { path } = await newNamespace(api);
    expectStatus(await api.send('POST', `${path}/configmaps`, { body: JSON.stringify(configMap('n')), contentType: null }), 201);
  }),
  parityCase('C020', 'a body of YAML is taken', async (api) => {
    const { path } = await newNamespace(api);
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yy\ndata:\n  a: "1"\n';
    const { json } = expectStatus(await api.send('POST', `${path}/configmaps`, { body, contentType: 'application/yaml' }), 201);
    assert.deepEqual(json.data, { a: '1' });
    const bare = body.replace('yy', 'y');
    expectStatus(await api.send('POST', `${path}/configmaps`, { body: bare, contentType: 'application/yaml' }), 400, 'BadRequest');
  }),
  parityCase('C027', 'a body above 3 MiB is too large', async (api) => {
    const { path } = await newNamespace(api);
    const body = JSON.stringify(configMap('large', { a: 'x'.repeat(3 * 1024 * 1024) }));
    expectStatus(await api.send('POST', `${path}/configmaps`, { body, contentType: 'application/json' }), 413, 'RequestEntityTooLarge');
  }),
];
