// Tables, lists, pages, resource versions and selectors.

import assert from 'node:assert/strict';
import type { ApiPeer } from '../../../src/testing/api-peer.ts';
import {
  configMap,
  create,
  eventually,
  expectStatus,
  fresh,
  isEmbedded,
  newNamespace,
  type ParityCase,
  parityCase,
} from './parity-case.ts';

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const partial = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json';

const columnsOf = async (api: ApiPeer, path: string): Promise<readonly string[]> =>
  expectStatus(await api.send('GET', path, { accept: table }), 200).json.columnDefinitions.map(({ name }: { name: string }) => name);

/** A namespace with that many config maps c0, c1, … */
const filled = async (api: ApiPeer, count: number): Promise<string> => {
  const { path } = await newNamespace(api);
  for (let i = 0; i < count; i++)
    await create(api, `${path}/configmaps`, configMap(`c${i}`, { a: '1' }, { labels: { own: 'yes', n: String(i) } }));
  return `${path}/configmaps`;
};

const names = async (api: ApiPeer, path: string): Promise<readonly string[]> =>
  expectStatus(await api.send('GET', path), 200).json.items.map((item: { metadata: { name: string } }) => item.metadata.name);

const own = 'labelSelector=own%3Dyes';

export const listCases: readonly ParityCase[] = [
  parityCase('C023', 'a table of one object has one row with its metadata', async (api) => {
    const path = await filled(api, 1);
    const { json } = expectStatus(await api.send('GET', `${path}/c0`, { accept: table }), 200);
    assert.deepEqual(
      [json.kind, json.rows.length, json.rows[0].object.kind, json.rows[0].object.metadata.name],
      ['Table', 1, 'PartialObjectMetadata', 'c0'],
    );
    assert.equal(json.rows[0].cells[0], 'c0');
  }),
  parityCase('C024', 'includeObject says what of the object a row holds', async (api) => {
    const path = await filled(api, 1);
    const row = async (include: string) =>
      (await api.send('GET', `${path}/c0?includeObject=${include}`, { accept: table })).json.rows[0].object;
    assert.equal(await row('None'), null);
    assert.deepEqual((await row('Object')).data, { a: '1' });
  }),
  parityCase('C025', 'what is missing is a Status, not a table', async (api) => {
    const path = await filled(api, 0);
    assert.equal(expectStatus(await api.send('GET', `${path}/no`, { accept: table }), 404, 'NotFound').json.kind, 'Status');
  }),
  parityCase('C026', 'a list can be had as metadata alone', async (api) => {
    const path = await filled(api, 2);
    const { json } = expectStatus(await api.send('GET', `${path}?${own}`, { accept: partial }), 200);
    assert.deepEqual(
      [json.kind, json.items.length, json.items[0].kind, json.items[0].data],
      ['PartialObjectMetadataList', 2, 'PartialObjectMetadata', undefined],
    );
    assert.match(json.metadata.resourceVersion, /^\d+$/);
  }),
  parityCase('C028', 'the columns of requests', async (api) => {
    const columns = await columnsOf(api, '/apis/certificates.k8s.io/v1/certificatesigningrequests');
    const wanted = ['Name', 'Age', 'SignerName', 'Requestor', 'Condition'];
    assert.deepEqual(
      columns.filter((name) => name !== 'RequestedDuration'),
      wanted,
    );
    assert.equal(columns.includes('RequestedDuration'), isEmbedded(api), 'since 1.22');
  }),
  parityCase('C030', 'secrets show type and count, config maps count both kinds of data', async (api) => {
    const { path } = await newNamespace(api);
    await create(api, `${path}/secrets`, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { a: 'YQ==' },
      stringData: { b: 'b' },
    });
    await create(api, `${path}/configmaps`, { ...configMap('c'), binaryData: { b: 'YQ==' } });
    const cells = async (resource: string) =>
      (await api.send('GET', `${path}/${resource}`, { accept: table })).json.rows[0].cells.slice(0, -1);
    assert.deepEqual((await cells('secrets/s')).map(String), ['s', 'Opaque', '2']);
    assert.deepEqual((await cells('configmaps/c')).map(String), ['c', '2']);
  }),
  parityCase('C031', 'namespaces show their phase; the columns of events', async (api) => {
    const { name } = await newNamespace(api);
    const { json } = await api.send('GET', `/api/v1/namespaces/${name}`, { accept: table });
    assert.deepEqual(json.rows[0].cells.slice(0, 2), [name, 'Active']);
    const always = (await api.send('GET', '/api/v1/events', { accept: table })).json.columnDefinitions.filter(
      (column: { priority: number }) => column.priority === 0,
    );
    assert.deepEqual(
      always.map((column: { name: string }) => column.name),
      ['Last Seen', 'Type', 'Reason', 'Object', 'Message'],
    );
  }),
  parityCase('C036', 'items carry no kind; an absent namespace is an empty list', async (api) => {
    const path = await filled(api, 1);
    const { json } = await api.send('GET', `${path}?${own}`);
    assert.deepEqual(
      [json.kind, json.apiVersion, json.items[0].kind, json.items[0].apiVersion],
      ['ConfigMapList', 'v1', undefined, undefined],
    );
    assert.deepEqual(expectStatus(await api.send('GET', `/api/v1/namespaces/${fresh('none')}/configmaps`), 200).json.items, []);
  }),
  parityCase('C037', 'pages cover everything once', async (api) => {
    const path = await filled(api, 6);
    await eventually('the CA of the cluster is there', async () => (await api.send('GET', `${path}/kube-root-ca.crt`)).status === 200);
    const seen: string[] = [];
    let next: string | undefined;
    let first = true;
    do {
      const { json } = expectStatus(await api.send('GET', `${path}?limit=3${next === undefined ? '' : `&continue=${next}`}`), 200);
      if (first) assert.equal(json.metadata.remainingItemCount, 4);
      first = false;
      seen.push(...json.items.map((item: { metadata: { name: string } }) => item.metadata.name));
      next = json.metadata.continue;
    } while (next !== undefined && next !== '');
    // The seventh is the CA's certificate that every namespace has.
    assert.deepEqual(seen, ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'kube-root-ca.crt']);

    // Of two namespaces one of which begins with the other's name, the order is that of the whole path.
    const name = fresh('page');
    for (const namespace of [name, `${name}-b`]) {
      await create(api, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      for (const n of ['x', 'y'])
        await create(api, `/api/v1/namespaces/${namespace}/configmaps`, configMap(n, {}, { labels: { page: name } }));
    }
    const across: string[] = [];
    let token = '';
    do {
      const { json } = expectStatus(
        await api.send('GET', `/api/v1/configmaps?labelSelector=page%3D${name}&limit=1&continue=${token}`),
        200,
      );
      across.push(
        ...json.items.map(({ metadata }: { metadata: { namespace: string; name: string } }) => `${metadata.namespace}/${metadata.name}`),
      );
      token = json.metadata.continue ?? '';
    } while (token !== '');
    assert.deepEqual(across, [`${name}-b/x`, `${name}-b/y`, `${name}/x`, `${name}/y`]);
  }),
  parityCase('C038', 'later pages show the state of the first', async (api) => {
    const path = await filled(api, 4);
    const first = (await api.send('GET', `${path}?limit=2`)).json;
    await create(api, path, configMap('c1a'));
    await create(api, path, configMap('c9'));
    expectStatus(await api.send('DELETE', `${path}/c3`), 200);
    const second = (await api.send('GET', `${path}?limit=9&continue=${first.metadata.continue}`)).json;
    assert.deepEqual(
      second.items.map((item: { metadata: { name: string } }) => item.metadata.name).filter((name: string) => name.startsWith('c')),
      ['c2', 'c3'],
    );
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
  }),
  parityCase('C039', 'with a selector nobody counts what remains', async (api) => {
    const path = await filled(api, 3);
    const { metadata } = (await api.send('GET', `${path}?${own}&limit=1`)).json;
    assert.equal(metadata.remainingItemCount, undefined);
    assert.ok(metadata.continue);
  }),
  parityCase('C040', 'continue beside resourceVersion, and a token that is none, are 400', async (api) => {
    const path = await filled(api, 2);
    const { metadata } = (await api.send('GET', `${path}?limit=1`)).json;
    expectStatus(
      await api.send('GET', `${path}?limit=1&continue=${metadata.continue}&resourceVersion=${metadata.resourceVersion}`),
      400,
      'BadRequest',
    );
    expectStatus(await api.send('GET', `${path}?limit=1&continue=garbage`), 400, 'BadRequest');
  }),
  parityCase('C041', 'the list is as new as its newest item, and each write has a version of its own', async (api) => {
    const path = await filled(api, 1);
    const versions = [(await api.send('GET', `${path}/c0`)).json.metadata.resourceVersion];
    for (const value of ['2', '3'])
      versions.push((await api.send('PUT', `${path}/c0`, { body: configMap('c0', { a: value }) })).json.metadata.resourceVersion);
    assert.equal(new Set(versions).size, 3);
    const { json } = await api.send('GET', path);
    for (const { metadata } of json.items) assert.ok(Number(json.metadata.resourceVersion) >= Number(metadata.resourceVersion));
  }),
  parityCase('C042', 'version 0 is any state; one of the future is a timeout', async (api) => {
    const path = await filled(api, 1);
    expectStatus(await api.send('GET', `${path}?resourceVersion=0`), 200);
    const reply = expectStatus(await api.send('GET', `${path}?resourceVersion=999999999`), 504, 'Timeout');
    assert.equal(reply.json.details.causes[0].reason, 'ResourceVersionTooLarge');
    assert.equal(reply.headers['retry-after'], '1');
  }),
  parityCase('C043', 'resourceVersionMatch needs resourceVersion', async (api) => {
    const path = await filled(api, 0);
    expectStatus(await api.send('GET', `${path}?resourceVersionMatch=Exact`), 422, 'Invalid');
  }),
  parityCase('C044', 'a page of a state that is forgotten is 410, with a token for what remains now', async (api) => {
    const path = await filled(api, 4);
    const first = (await api.send('GET', `${path}?${own}&limit=2`)).json;
    await create(api, path, configMap('c2a', {}, { labels: { own: 'yes' } }));
    await api.forget();
    const gone = expectStatus(await api.send('GET', `${path}?${own}&limit=2&continue=${first.metadata.continue}`), 410, 'Expired').json;
    assert.match(gone.message, /continue parameter is too old/);
    const rest = expectStatus(await api.send('GET', `${path}?${own}&continue=${gone.metadata.continue}`), 200).json;
    assert.deepEqual(
      rest.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ['c2', 'c2a', 'c3'],
    );
  }),
  parityCase('C055', 'every operator of label selectors', async (api) => {
    const { path } = await newNamespace(api);
    for (const [name, labels] of Object.entries({ a: { app: 'x', n: '1' }, b: { app: 'y', n: '5' }, c: { other: 'z' } }))
      await create(api, `${path}/configmaps`, configMap(name, {}, { labels: { ...labels, own: 'yes' } }));
    const selected = async (selector: string) =>
      (await names(api, `${path}/configmaps?labelSelector=${encodeURIComponent(`own,${selector}`)}`)).join('');
    const found: Record<string, string> = {};
    for (const selector of [
      'app=x',
      'app==x',
      'app!=x',
      'app in (x,y)',
      'app notin (x)',
      'app',
      '!app',
      'n>1',
      'n<5',
      'app=x,n=1',
      'app=x,n=2',
    ])
      found[selector] = await selected(selector);
    assert.deepEqual(found, {
      'app=x': 'a',
      'app==x': 'a',
      'app!=x': 'bc',
      'app in (x,y)': 'ab',
      'app notin (x)': 'bc',
      app: 'ab',
      '!app': 'c',
      'n>1': 'b',
      'n<5': 'a',
      'app=x,n=1': 'a',
      'app=x,n=2': '',
    });
    for (const wrong of ['a in', 'a=b=c', '=x', 'a in (x', 'Ä=x', 'n>x'])
      expectStatus(await api.send('GET', `${path}/configmaps?labelSelector=${encodeURIComponent(wrong)}`), 400, 'BadRequest');
  }),
  parityCase('C056', 'every kind can be selected by name, and by namespace where it has one', async (api) => {
    const path = await filled(api, 2);
    assert.deepEqual(await names(api, `${path}?fieldSelector=metadata.name%3Dc1`), ['c1']);
    assert.deepEqual(await names(api, `${path}?fieldSelector=metadata.namespace%3Dnowhere`), []);
    expectStatus(await api.send('GET', '/api/v1/namespaces?fieldSelector=metadata.namespace%3Dx'), 400, 'BadRequest');
  }),
  parityCase('C057', 'the further fields of some kinds; any other is 400', async (api) => {
    const { path, name } = await newNamespace(api);
    await create(api, `${path}/secrets`, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, type: 'example.com/own' });
    assert.deepEqual(await names(api, `${path}/secrets?fieldSelector=type%3Dexample.com%2Fown`), ['s']);
    assert.ok((await names(api, '/api/v1/namespaces?fieldSelector=status.phase%3DActive')).includes(name));
    expectStatus(await api.send('GET', '/apis/certificates.k8s.io/v1/certificatesigningrequests?fieldSelector=spec.signerName%3Dx'), 200);
    expectStatus(await api.send('GET', `${path}/events?fieldSelector=involvedObject.kind%3DPod`), 200);
    expectStatus(await api.send('GET', `${path}/configmaps?fieldSelector=data.a%3D1`), 400, 'BadRequest');
  }),
];
