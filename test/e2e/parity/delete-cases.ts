// Deletion: what goes at once, what waits for finalizers, and whole namespaces.

import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { configMap, create, eventually, expectStatus, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

export const deleteCases: readonly ParityCase[] = [
  parityCase('C088', 'DELETE answers with what went; again it is 404', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const { metadata } = await create(api, path, configMap('d'));
    const { json } = expectStatus(await api.send('DELETE', `${path}/d`), 200);
    assert.deepEqual([json.kind, json.status, json.details], ['Status', 'Success', { name: 'd', kind: 'configmaps', uid: metadata.uid }]);
    expectStatus(await api.send('DELETE', `${path}/d`), 404, 'NotFound');
  }),
  parityCase('C089', 'preconditions that do not hold are a conflict', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const { metadata } = await create(api, path, configMap('d'));
    for (const preconditions of [{ uid: 'another' }, { resourceVersion: '1' }])
      expectStatus(await api.send('DELETE', `${path}/d`, { body: { preconditions } }), 409, 'Conflict');
    const { uid, resourceVersion } = metadata;
    expectStatus(await api.send('DELETE', `${path}/d`, { body: { preconditions: { uid, resourceVersion } } }), 200);
  }),
  parityCase('C090', 'finalizers hold an object, and nobody adds another', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    await create(api, path, configMap('d', {}, { finalizers: ['example.com/hold'] }));
    const marked = expectStatus(await api.send('DELETE', `${path}/d`), 200).json;
    assert.ok(marked.metadata.deletionTimestamp);
    const patch = (finalizers: readonly string[]) =>
      api.send('PATCH', `${path}/d`, { body: { metadata: { finalizers } }, contentType: 'application/merge-patch+json' });
    const refused = expectStatus(await patch(['example.com/hold', 'example.com/more']), 422, 'Invalid').json;
    assert.equal(refused.details.causes[0].field, 'metadata.finalizers');
    expectStatus(
      await api.send('PATCH', `${path}/d`, { body: { data: { late: 'yes' } }, contentType: 'application/merge-patch+json' }),
      200,
    );
    assert.equal(expectStatus(await patch([]), 200).json.data.late, 'yes');
    expectStatus(await api.send('GET', `${path}/d`), 404, 'NotFound');
  }),
  parityCase('C092', 'a collection is deleted by selector, and the list of it returned', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    for (const name of ['a', 'b']) await create(api, path, configMap(name, {}, { labels: { go: 'yes' } }));
    await create(api, path, configMap('c'));
    const { json } = expectStatus(await api.send('DELETE', `${path}?labelSelector=go%3Dyes`), 200);
    assert.deepEqual(json.items.map((item: { metadata: { name: string } }) => item.metadata.name).sort(), ['a', 'b']);
    expectStatus(await api.send('GET', `${path}/a`), 404);
    expectStatus(await api.send('GET', `${path}/c`), 200);
  }),
  parityCase('C094', 'a namespace takes what is in it along, and nothing new comes in', async (api) => {
    const { name, path } = await newNamespace(api);
    await create(api, `${path}/configmaps`, configMap('held', {}, { finalizers: ['example.com/hold'] }));
    await create(api, `${path}/configmaps`, configMap('plain'));
    assert.equal(expectStatus(await api.send('DELETE', `/api/v1/namespaces/${name}`), 200).json.status.phase, 'Terminating');
    await eventually('what nothing holds is gone', async () => (await api.send('GET', `${path}/configmaps/plain`)).status === 404);
    await eventually('the namespace says what holds it', async () => {
      const { conditions = [] } = (await api.send('GET', `/api/v1/namespaces/${name}`)).json.status;
      const held = conditions.filter(({ status }: { status: string }) => status === 'True');
      return isDeepStrictEqual(
        held.map(({ type, message }: { type: string; message: string }) => [type, message]),
        [
          ['NamespaceContentRemaining', 'Some resources are remaining: configmaps. has 1 resource instances'],
          [
            'NamespaceFinalizersRemaining',
            'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
          ],
        ],
      );
    });
    const refused = expectStatus(await api.send('POST', `${path}/configmaps`, { body: configMap('new') }), 403, 'Forbidden').json;
    assert.equal(refused.details.causes[0].reason, 'NamespaceTerminating');
    await api.send('PATCH', `${path}/configmaps/held`, {
      body: { metadata: { finalizers: [] } },
      contentType: 'application/merge-patch+json',
    });
    await eventually('the namespace is gone', async () => (await api.send('GET', `/api/v1/namespaces/${name}`)).status === 404);
  }),
  parityCase('C095', 'namespace default stays; finalizers of namespaces change in /finalize alone', async (api) => {
    expectStatus(await api.send('DELETE', '/api/v1/namespaces/default'), 403, 'Forbidden');
    const { name } = await newNamespace(api);
    const patched = await api.send('PATCH', `/api/v1/namespaces/${name}`, {
      body: { spec: { finalizers: ['x/y'] } },
      contentType: 'application/merge-patch+json',
    });
    assert.deepEqual(expectStatus(patched, 200).json.spec.finalizers, ['kubernetes']);
  }),
];
