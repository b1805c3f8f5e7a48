// CustomResourceDefinitions and their objects.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ApiPeer, Json } from '../../../src/testing/api-peer.ts';
import { create, eventually, expectStatus, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const merge = 'application/merge-patch+json';

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', minimum: 1, maximum: 9 },
        color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
        code: { type: 'string', pattern: '^[a-z]+$', maxLength: 5 },
        port: { 'x-kubernetes-int-or-string': true },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        items: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, level: { type: 'integer', default: 3 } } },
        },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
      },
    },
    status: {
      type: 'object',
      properties: {
        phase: { type: 'string' },
        conditions: { type: 'array', items: { type: 'object', properties: { type: { type: 'string' }, status: { type: 'string' } } } },
      },
    },
  },
};

type Defined = { readonly group: string; readonly name: string; readonly path: string; readonly definition: Json };

const definitionOf = (group: string, changes: Json = {}, version: Json = {}): Json => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
          { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: 'Color', type: 'string', priority: 1, jsonPath: '.spec.color' },
        ],
        ...version,
      },
    ],
    ...changes,
  },
});

const newGroup = (): string => `g${randomBytes(4).toString('hex')}.example.com`;

/** A definition of the case's own, established and served; the path of its objects in a namespace of the case's own. */
const define = async (api: ApiPeer, version: Json = {}): Promise<Defined> => {
  const group = newGroup();
  const definition = definitionOf(group, {}, version);
  await create(api, definitions, definition);
  const { name } = await newNamespace(api);
  const path = `/apis/${group}/v1/namespaces/${name}/widgets`;
  await eventually('the definition is served', async () => (await api.send('GET', path)).status === 200);
  return { group, name, path, definition };
};

const widget = ({ group }: Pick<Defined, 'group'>, name: string, spec: Json, more: Json = {}): Json => ({
  apiVersion: `${group}/v1`,
  kind: 'Widget',
  metadata: { name },
  spec,
  ...more,
});

export const customResourceCases: readonly ParityCase[] = [
  parityCase('C104', 'a definition is established, with the standard conditions', async (api) => {
    const { group } = await define(api);
    const read = async () => expectStatus(await api.send('GET', `${definitions}/widgets.${group}`), 200).json;
    // It is served before that is on record.
    await eventually('the definition says it is established', async () =>
      (await read()).status.conditions.some(({ type, status }: Json) => type === 'Established' && status === 'True'),
    );
    const json = await read();
    const condition = (type: string) => json.status.conditions.find((each: { type: string }) => each.type === type);
    assert.deepEqual([condition('NamesAccepted').reason, condition('NamesAccepted').status], ['NoConflicts', 'True']);
    assert.deepEqual([condition('Established').reason, condition('Established').status], ['InitialNamesAccepted', 'True']);
    assert.deepEqual(
      [
        json.spec.names.singular,
        json.spec.names.listKind,
        json.status.storedVersions,
        json.status.acceptedNames.kind,
        json.metadata.generation,
      ],
      ['widget', 'WidgetList', ['v1'], 'Widget', 1],
    );
  }),
  parityCase('C011', 'its group and resource come into discovery, and go', async (api) => {
    const { group } = await define(api);
    const groups = async () => (await api.send('GET', '/apis')).json.groups.map(({ name }: { name: string }) => name);
    await eventually('the group is listed', async () => (await groups()).includes(group));
    await eventually('its resources are listed', async () => (await api.send('GET', `/apis/${group}/v1`)).status === 200);
    const [found] = expectStatus(await api.send('GET', `/apis/${group}/v1`), 200).json.resources;
    assert.deepEqual(
      [found.name, found.kind, found.singularName, found.shortNames, found.categories, found.namespaced],
      ['widgets', 'Widget', 'widget', ['wd'], ['all'], true],
    );
    expectStatus(await api.send('DELETE', `${definitions}/widgets.${group}`), 200);
    await eventually('the group is gone', async () => !(await groups()).includes(group));
  }),
  parityCase('C105', 'definitions with faults are refused', async (api) => {
    const refused = async (definition: Json) =>
      expectStatus(await api.send('POST', definitions, { body: definition }), 422, 'Invalid').json.details.causes;
    const group = newGroup();
    assert.ok(
      (await refused({ ...definitionOf(group), metadata: { name: 'wrong' } })).some(
        ({ field }: { field: string }) => field === 'metadata.name',
      ),
    );
    await refused(definitionOf(group, {}, { schema: undefined }));
    await refused(definitionOf(group, {}, { storage: false }));
    await refused(
      definitionOf(
        group,
        {},
        { schema: { openAPIV3Schema: { type: 'object', properties: { spec: { properties: { a: { type: 'string' } } } } } } },
      ),
    );
    await refused(
      definitionOf(group, {}, { schema: { openAPIV3Schema: { type: 'object', properties: { a: { type: 'integer', default: 'text' } } } } }),
    );
    await refused(definitionOf(group, { scope: 'Everywhere' }));
    await refused(definitionOf('x.k8s.io'));
  }),
  parityCase('C106', 'unknown fields are pruned, defaults filled in, free subtrees kept', async (api) => {
    const defined = await define(api);
    const body = widget(defined, 'w', {
      size: 1,
      extra: true,
      free: { any: [1, { deep: true }] },
      items: [{ name: 'a', odd: 1 }],
      labels: { x: 'y' },
      color: null,
    });
    const made = await create(api, defined.path, { ...body, other: 1 });
    assert.deepEqual(made.spec, {
      size: 1,
      color: 'red',
      free: { any: [1, { deep: true }] },
      items: [{ name: 'a', level: 3 }],
      labels: { x: 'y' },
    });
    assert.equal(made.other, undefined);
    assert.deepEqual(expectStatus(await api.send('GET', `${defined.path}/w`), 200).json, made);
  }),
  parityCase('C107', 'each fault of an object is a cause with its path', async (api) => {
    const defined = await define(api);
    const causes = async (spec: Json) =>
      expectStatus(await api.send('POST', defined.path, { body: widget(defined, 'w', spec) }), 422, 'Invalid').json.details.causes.map(
        ({ field, reason }: { field: string; reason: string }) => `${field} ${reason}`,
      );
    assert.deepEqual(await causes({}), ['spec.size FieldValueRequired']);
    assert.deepEqual(await causes({ size: 0 }), ['spec.size FieldValueInvalid']);
    assert.deepEqual(await causes({ size: 1, color: 'green' }), ['spec.color FieldValueNotSupported']);
    assert.deepEqual(await causes({ size: 1, items: [{ name: 'a' }, { name: 'a' }] }), ['spec.items[1] FieldValueDuplicate']);
    const several = (await causes({ size: 10, code: 'UPPER', port: true })).map((cause: string) => cause.split(' ')[0]);
    assert.deepEqual(several.sort(), ['spec.code', 'spec.port', 'spec.size']);
    expectStatus(await api.send('POST', defined.path, { body: { ...widget(defined, 'w', { size: 1 }), kind: 'Gadget' } }), 422);
    expectStatus(
      await api.send('POST', defined.path, { body: { ...widget(defined, 'w', { size: 1 }), apiVersion: `${defined.group}/v2` } }),
      400,
    );
  }),
  parityCase('C108', 'the status changes through /status alone, and there nothing else', async (api) => {
    const defined = await define(api);
    const made = await create(api, defined.path, widget(defined, 'w', { size: 1 }, { status: { phase: 'Forged' } }));
    assert.equal(made.status, undefined);
    assert.equal(made.metadata.generation, 1);
    const at = `${defined.path}/w`;
    const patch = (path: string, body: Json) => api.send('PATCH', path, { body, contentType: merge });
    const main = expectStatus(await patch(at, { spec: { size: 2 }, status: { phase: 'Forged' } }), 200).json;
    assert.deepEqual([main.spec.size, main.status, main.metadata.generation], [2, undefined, 2]);
    const part = expectStatus(
      await patch(`${at}/status`, { metadata: { labels: { a: 'b' } }, spec: { size: 9 }, status: { phase: 'Real' } }),
      200,
    ).json;
    assert.deepEqual([part.spec.size, part.status.phase, part.metadata.labels, part.metadata.generation], [2, 'Real', undefined, 2]);
    const labelled = expectStatus(await patch(at, { metadata: { labels: { a: 'b' } } }), 200).json;
    assert.deepEqual([labelled.metadata.generation, labelled.status.phase], [2, 'Real']);
  }),
  {
    notOnCurrent: 'its build has no admission to ask while a definition goes, and fails',
    ...parityCase('C110', 'deleting a definition takes its objects along', async (api) => {
      const defined = await define(api);
      await create(api, defined.path, widget(defined, 'plain', { size: 1 }));
      await create(api, defined.path, {
        ...widget(defined, 'held', { size: 1 }),
        metadata: { name: 'held', finalizers: ['example.com/hold'] },
      });
      expectStatus(await api.send('DELETE', `${definitions}/widgets.${defined.group}`), 200);
      await eventually('what nothing holds is gone', async () => (await api.send('GET', `${defined.path}/plain`)).status === 404);
      expectStatus(await api.send('GET', `${definitions}/widgets.${defined.group}`), 200);
      expectStatus(await api.send('PATCH', `${defined.path}/held`, { body: { metadata: { finalizers: null } }, contentType: merge }), 200);
      await eventually(
        'the definition is gone',
        async () => (await api.send('GET', `${definitions}/widgets.${defined.group}`)).status === 404,
      );
      await eventually('nothing is served', async () => (await api.send('GET', `/apis/${defined.group}/v1`)).status === 404);
    }),
  },
  parityCase('C034', 'tables follow the columns of the definition', async (api) => {
    const defined = await define(api);
    await create(api, defined.path, widget(defined, 'w', { size: 4 }));
    const status = {
      conditions: [
        { type: 'Other', status: 'x' },
        { type: 'Ready', status: 'True' },
      ],
    };
    expectStatus(await api.send('PATCH', `${defined.path}/w/status`, { body: { status }, contentType: merge }), 200);
    const { json } = await api.send('GET', defined.path, { accept: table });
    assert.deepEqual(
      json.columnDefinitions.map(({ name, priority }: { name: string; priority: number }) => `${name} ${priority}`),
      ['Name 0', 'Size 0', 'Ready 0', 'Color 1'],
    );
    assert.deepEqual(json.rows[0].cells, ['w', 4, 'True', 'red']);
  }),
  parityCase('C058', 'a field of the spec selects nothing unless declared', async (api) => {
    const { path } = await define(api);
    expectStatus(await api.send('GET', `${path}?fieldSelector=spec.size%3D1`), 400, 'BadRequest');
  }),
  parityCase(
    'selectable-fields',
    'a declared field selects',
    async (api) => {
      const defined = await define(api, { selectableFields: [{ jsonPath: '.spec.color' }] });
      await create(api, defined.path, widget(defined, 'r', { size: 1 }));
      await create(api, defined.path, widget(defined, 'b', { size: 1, color: 'blue' }));
      const { items } = expectStatus(await api.send('GET', `${defined.path}?fieldSelector=spec.color%3Dblue`), 200).json;
      assert.deepEqual(
        items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
        ['b'],
      );
    },
    'selectable fields came with 1.30',
  ),
  parityCase('C079', 'a strategic merge patch of a custom resource is 415', async (api) => {
    const defined = await define(api);
    await create(api, defined.path, widget(defined, 'w', { size: 1 }));
    const reply = await api.send('PATCH', `${defined.path}/w`, {
      body: { spec: { size: 2 } },
      contentType: 'application/strategic-merge-patch+json',
    });
    assert.match(expectStatus(reply, 415, 'UnsupportedMediaType').json.message, /application\/merge-patch\+json/);
  }),
  parityCase('C022', 'who would rather have protobuf gets JSON of a custom resource', async (api) => {
    const defined = await define(api);
    const reply = await api.send('GET', defined.path, { accept: 'application/vnd.kubernetes.protobuf,application/json' });
    assert.match(String(expectStatus(reply, 200).headers['content-type']), /^application\/json/);
  }),
  parityCase('custom-watch', 'objects are watched, and items of lists carry their kind', async (api) => {
    const defined = await define(api);
    const { json } = await api.send('GET', defined.path);
    assert.deepEqual([json.kind, json.apiVersion], ['WidgetList', `${defined.group}/v1`]);
    const stream = await api.watch(`${defined.path}?watch=true&resourceVersion=${json.metadata.resourceVersion}`);
    await create(api, defined.path, widget(defined, 'w', { size: 1 }));
    const event = await stream.next();
    stream.close();
    assert.deepEqual([event?.type, event?.object.kind, event?.object.spec.color], ['ADDED', 'Widget', 'red']);
    assert.equal((await api.send('GET', defined.path)).json.items[0].kind, 'Widget');
  }),
  parityCase(
    'custom-watch-list',
    'a watch can begin with what is there, and says where that ends',
    async (api) => {
      const defined = await define(api);
      for (const name of ['a', 'b']) await create(api, defined.path, widget(defined, name, { size: 1 }));
      const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
      const stream = await api.watch(`${defined.path}?${query}`);
      const found = [(await stream.next())?.object.metadata.name, (await stream.next())?.object.metadata.name];
      const end = await stream.next();
      await create(api, defined.path, widget(defined, 'c', { size: 1 }));
      const next = await stream.next();
      stream.close();
      assert.deepEqual(found.toSorted(), ['a', 'b']);
      assert.deepEqual([end?.type, end?.object.metadata.annotations], ['BOOKMARK', { 'k8s.io/initial-events-end': 'true' }]);
      assert.deepEqual([next?.type, next?.object.metadata.name], ['ADDED', 'c']);
      const plain = await api.watch(`${defined.path}?${query.replace('&allowWatchBookmarks=true', '')}&timeoutSeconds=1`);
      const kinds = [(await plain.next())?.type, (await plain.next())?.type, (await plain.next())?.type, await plain.next()];
      assert.deepEqual(kinds, ['ADDED', 'ADDED', 'ADDED', undefined], 'without bookmarks nobody says where it ends');
      for (const wrong of ['sendInitialEvents=true', 'resourceVersionMatch=NotOlderThan'])
        expectStatus(await api.send('GET', `${defined.path}?watch=true&timeoutSeconds=1&${wrong}`), 422, 'Invalid');
    },
    'watch-list came with 1.27',
  ),
  parityCase(
    'custom-strict',
    'unknown fields of a custom resource are dropped with a warning, or refused where asked, by patches too',
    async (api) => {
      const defined = await define(api);
      const body = widget(defined, 'w', { size: 1, extra: 1 });
      expectStatus(await api.send('POST', `${defined.path}?fieldValidation=Strict`, { body }), 400, 'BadRequest');
      const made = expectStatus(await api.send('POST', `${defined.path}?fieldValidation=Warn`, { body }), 201);
      assert.equal(made.headers['warning'], '299 - "unknown field \\"spec.extra\\""');
      assert.equal(made.json.spec.extra, undefined);
      const silent = await api.send('PUT', `${defined.path}/w?fieldValidation=Ignore`, {
        body: { ...made.json, spec: { size: 2, extra: 1 } },
      });
      assert.equal(expectStatus(silent, 200).headers['warning'], undefined);
      const patched = await api.send('PATCH', `${defined.path}/w?fieldValidation=Strict`, {
        body: { spec: { extra: 1 } },
        contentType: merge,
      });
      assert.equal(expectStatus(patched, 422, 'Invalid').json.details.causes[0].field, 'patch');
      assert.match(patched.json.message, /strict decoding error: unknown field "spec\.extra"/);
    },
    'field validation came with 1.25',
  ),
  parityCase('custom-versions', 'every served version shows the same objects', async (api) => {
    const group = newGroup();
    const version = (name: string, storage: boolean) => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: schema },
      subresources: { status: {} },
    });
    await create(api, definitions, definitionOf(group, { versions: [version('v1', true), version('v1beta1', false)] }));
    const { name } = await newNamespace(api);
    const path = (v: string) => `/apis/${group}/${v}/namespaces/${name}/widgets`;
    await eventually(
      'both are served',
      async () => (await api.send('GET', path('v1beta1'))).status === 200 && (await api.send('GET', path('v1'))).status === 200,
    );
    const made = await create(api, path('v1beta1'), { ...widget({ group }, 'w', { size: 1 }), apiVersion: `${group}/v1beta1` });
    assert.equal(made.apiVersion, `${group}/v1beta1`);
    const seen = (await api.send('GET', `${path('v1')}/w`)).json;
    assert.deepEqual([seen.apiVersion, seen.metadata.uid], [`${group}/v1`, made.metadata.uid]);
    const put = expectStatus(await api.send('PUT', `${path('v1beta1')}/w`, { body: { ...made, spec: { size: 2 } } }), 200).json;
    assert.deepEqual([put.apiVersion, put.spec.size, put.metadata.generation], [`${group}/v1beta1`, 2, 2]);
    assert.equal((await api.send('GET', path('v1beta1'))).json.items[0].apiVersion, `${group}/v1beta1`);
  }),
];
