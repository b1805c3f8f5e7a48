// Watches.

import assert from 'node:assert/strict';
import type { ApiPeer, WatchStream } from '../../../src/testing/api-peer.ts';
import { configMap, create, expectStatus, isEmbedded, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const own = 'labelSelector=own%3Dyes';
const mine = { labels: { own: 'yes' } };

const version = async (api: ApiPeer, path: string): Promise<string> => (await api.send('GET', path)).json.metadata.resourceVersion;

const types = async (stream: WatchStream, count: number): Promise<readonly string[]> => {
  const seen: string[] = [];
  for (let i = 0; i < count; i++) seen.push((await stream.next())?.type ?? 'end');
  return seen;
};

export const watchCases: readonly ParityCase[] = [
  parityCase('C045', 'changes come in order, each with its whole object', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const stream = await api.watch(`${path}?watch=true&${own}&resourceVersion=${await version(api, path)}`);
    await create(api, path, configMap('w', { a: '1' }, mine));
    await api.send('PUT', `${path}/w`, { body: configMap('w', { a: '2' }, mine) });
    await api.send('DELETE', `${path}/w`);
    const events = [await stream.next(), await stream.next(), await stream.next()];
    stream.close();
    assert.deepEqual(
      events.map((event) => event?.type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    );
    assert.deepEqual(
      events.map((event) => [event?.object.kind, event?.object.apiVersion, event?.object.data.a]),
      [
        ['ConfigMap', 'v1', '1'],
        ['ConfigMap', 'v1', '2'],
        ['ConfigMap', 'v1', '2'],
      ],
    );
  }),
  parityCase('C046', 'a deletion has a version of its own', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const { metadata } = await create(api, path, configMap('w', {}, mine));
    const stream = await api.watch(`${path}?watch=true&${own}&resourceVersion=${metadata.resourceVersion}`);
    await api.send('DELETE', `${path}/w`);
    const event = await stream.next();
    stream.close();
    assert.equal(event?.type, 'DELETED');
    assert.ok(Number(event?.object.metadata.resourceVersion) > Number(metadata.resourceVersion));
  }),
  parityCase('C047', 'entering and leaving a selector is ADDED and DELETED', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    await create(api, path, configMap('w', { a: '1' }, mine));
    const stream = await api.watch(`${path}?watch=true&${own}&resourceVersion=${await version(api, path)}`);
    const label = (value: string) =>
      api.send('PATCH', `${path}/w`, { body: { metadata: { labels: { own: value } } }, contentType: 'application/merge-patch+json' });
    await label('no');
    await label('yes');
    assert.deepEqual(await types(stream, 2), ['DELETED', 'ADDED']);
    stream.close();
  }),
  parityCase('C048', 'without a version, and from 0, what is there comes first', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    await create(api, path, configMap('w', {}, mine));
    for (const from of ['', '&resourceVersion=0']) {
      const stream = await api.watch(`${path}?watch=true&${own}${from}`);
      const event = await stream.next();
      stream.close();
      assert.deepEqual([event?.type, event?.object.metadata.name], ['ADDED', 'w']);
    }
  }),
  parityCase('C049', 'timeoutSeconds ends the stream without an error', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const started = Date.now();
    const stream = await api.watch(`${path}?watch=true&${own}&timeoutSeconds=2&resourceVersion=${await version(api, path)}`);
    assert.equal(await stream.next(), undefined);
    const took = Date.now() - started;
    assert.ok(took > 1500 && took < 6000, `${took} ms`);
  }),
  parityCase('C050', 'a watch from a version that is forgotten is one error, and ends', async (api) => {
    // A real server keeps the latest changes of most kinds apart from its store, but not those of events.
    const path = `${(await newNamespace(api)).path}/events`;
    await api.forget();
    const stream = await api.watch(`${path}?watch=true&resourceVersion=1`);
    const event = await stream.next();
    assert.deepEqual(
      [stream.status, event?.type, event?.object.kind, event?.object.code, event?.object.reason],
      [200, 'ERROR', 'Status', 410, 'Expired'],
    );
    assert.match(event?.object.message, /too old/);
    assert.equal(await stream.next(), undefined);
    stream.close();
  }),
  parityCase('C051', 'the first table of a watch has the columns', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const stream = await api.watch(
      `${path}?watch=true&${own}&resourceVersion=${await version(api, path)}`,
      'application/json;as=Table;v=v1;g=meta.k8s.io',
    );
    await create(api, path, configMap('w', {}, mine));
    await create(api, path, configMap('x', {}, mine));
    const [first, second] = [await stream.next(), await stream.next()];
    stream.close();
    assert.ok(first?.object.columnDefinitions.length > 0);
    assert.deepEqual([second?.object.kind, second?.object.columnDefinitions, second?.object.rows[0].cells[0]], ['Table', null, 'x']);
  }),
  parityCase('C052', 'sendInitialEvents is obeyed or refused, never passed over', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    await create(api, path, configMap('w', {}, mine));
    const query = `watch=true&${own}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
    const stream = await api.watch(`${path}?${query}`);
    if (!isEmbedded(api) && stream.status === 422) return stream.close();
    assert.equal((await stream.next())?.type, 'ADDED');
    const end = await stream.next();
    stream.close();
    assert.equal(end?.type, 'BOOKMARK');
    assert.equal(end?.object.metadata.annotations['k8s.io/initial-events-end'], 'true');
  }),
  parityCase('C053', 'errors before the stream are ordinary ones', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    expectStatus(await api.send('GET', `${path}?watch=true&fieldSelector=data.a%3D1`), 400, 'BadRequest');
    const other = await api.as({ name: 'nobody-in-particular', groups: [] });
    const { json } = expectStatus(await other.send('GET', `${path}?watch=true`), 403, 'Forbidden');
    assert.match(json.message, /cannot watch resource "configmaps" in API group ""/);
  }),
  parityCase('C054', 'a PUT that changes nothing is no event and keeps the version', async (api) => {
    const path = `${(await newNamespace(api)).path}/configmaps`;
    const { metadata } = await create(api, path, configMap('w', { a: '1' }, mine));
    const stream = await api.watch(`${path}?watch=true&${own}&resourceVersion=${metadata.resourceVersion}`);
    const same = expectStatus(await api.send('PUT', `${path}/w`, { body: configMap('w', { a: '1' }, mine) }), 200).json;
    assert.equal(same.metadata.resourceVersion, metadata.resourceVersion);
    await api.send('PUT', `${path}/w`, { body: configMap('w', { a: '2' }, mine) });
    assert.equal((await stream.next())?.object.data.a, '2');
    stream.close();
  }),
];
