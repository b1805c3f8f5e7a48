// Events, which are one thing under two groups.

import assert from 'node:assert/strict';
import type { ApiPeer, Json } from '../../../src/testing/api-peer.ts';
import { create, expectStatus, isEmbedded, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const merge = 'application/merge-patch+json';

const paths = async (api: ApiPeer) => {
  const { name } = await newNamespace(api);
  return { name, core: `/api/v1/namespaces/${name}/events`, events: `/apis/events.k8s.io/v1/namespaces/${name}/events` };
};

const coreEvent = (namespace: string, name: string, fields: Json = {}): Json => ({
  metadata: { name },
  involvedObject: { kind: 'Pod', name: 'p', namespace },
  message: 'it happened',
  reason: 'Happened',
  type: 'Normal',
  source: { component: 'tester', host: 'h' },
  firstTimestamp: '2026-01-01T00:00:00Z',
  lastTimestamp: '2026-01-01T00:01:00Z',
  count: 3,
  ...fields,
});
const newEvent = (namespace: string, name: string, fields: Json = {}): Json => ({
  metadata: { name },
  eventTime: '2026-01-01T00:00:00.000000Z',
  regarding: { kind: 'Pod', name: 'p', namespace },
  note: 'it happened',
  reason: 'Happened',
  type: 'Normal',
  action: 'Happening',
  reportingController: 'example.com/tester',
  reportingInstance: 'one',
  ...fields,
});

// biome-ignore lint/suspicious/noExplicitAny: cases look into objects of every kind
const bare = ({ metadata: _, ...object }: any) => object;
const names = (reply: { readonly json: { readonly items: readonly { readonly metadata: { readonly name: string } }[] } }) =>
  reply.json.items.map(({ metadata }) => metadata.name);

export const eventCases: readonly ParityCase[] = [
  parityCase('events-groups', 'an event is one object in both groups, under two sets of names', async (api) => {
    const { name, core, events } = await paths(api);
    const old = await create(api, core, coreEvent(name, 'old'));
    const shown = expectStatus(await api.send('GET', `${events}/old`), 200).json;
    assert.deepEqual([shown.metadata.uid, shown.metadata.resourceVersion], [old.metadata.uid, old.metadata.resourceVersion]);
    assert.deepEqual(bare(shown), {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      eventTime: null,
      regarding: { kind: 'Pod', name: 'p', namespace: name },
      note: 'it happened',
      reason: 'Happened',
      type: 'Normal',
      deprecatedSource: { component: 'tester', host: 'h' },
      deprecatedFirstTimestamp: '2026-01-01T00:00:00Z',
      deprecatedLastTimestamp: '2026-01-01T00:01:00Z',
      deprecatedCount: 3,
    });
    await create(api, events, newEvent(name, 'new'));
    assert.deepEqual(bare(expectStatus(await api.send('GET', `${core}/new`), 200).json), {
      apiVersion: 'v1',
      kind: 'Event',
      eventTime: '2026-01-01T00:00:00.000000Z',
      involvedObject: { kind: 'Pod', name: 'p', namespace: name },
      message: 'it happened',
      reason: 'Happened',
      type: 'Normal',
      action: 'Happening',
      reportingComponent: 'example.com/tester',
      reportingInstance: 'one',
      source: {},
      firstTimestamp: null,
      lastTimestamp: null,
    });
    expectStatus(await api.send('POST', core, { body: coreEvent(name, 'new') }), 409, 'AlreadyExists');
    const cells = async (path: string) =>
      expectStatus(await api.send('GET', path, { accept: table }), 200).json.rows.map(({ cells: row }: { cells: string[] }) => [
        ...row.slice(1, 7),
        ...row.slice(8),
      ]);
    assert.deepEqual(await cells(core), await cells(events));
    expectStatus(await api.send('DELETE', `${events}/old`), 200);
    expectStatus(await api.send('GET', `${core}/old`), 404);
  }),
  parityCase('events-selectors', 'each group selects events by its own names', async (api) => {
    const { name, core, events } = await paths(api);
    await create(api, core, coreEvent(name, 'old'));
    await create(api, events, newEvent(name, 'new', { regarding: { kind: 'Node', name: 'n', namespace: name } }));
    const select = (path: string, selector: string) => api.send('GET', `${path}?fieldSelector=${encodeURIComponent(selector)}`);
    assert.deepEqual(names(await select(events, 'regarding.kind=Pod,reason=Happened')), ['old']);
    assert.deepEqual(names(await select(events, 'reportingController=example.com/tester')), ['new']);
    assert.deepEqual(names(await select(core, 'involvedObject.name=n')), ['new']);
    for (const selector of ['involvedObject.kind=Pod', 'source=tester']) expectStatus(await select(events, selector), 400, 'BadRequest');
    expectStatus(await select(core, 'regarding.kind=Pod'), 400, 'BadRequest');
  }),
  parityCase('events-watch', 'a watch in either group sees what the other writes', async (api) => {
    const { name, core, events } = await paths(api);
    const { resourceVersion } = (await api.send('GET', events)).json.metadata;
    const selector = encodeURIComponent('regarding.name=p');
    const watches = await Promise.all([
      api.watch(`${events}?watch=1&resourceVersion=${resourceVersion}&fieldSelector=${selector}`),
      api.watch(`${core}?watch=1&resourceVersion=${resourceVersion}`),
    ]);
    try {
      await create(api, core, coreEvent(name, 'old'));
      expectStatus(await api.send('DELETE', `${core}/old`), 200);
      for (const [i, [apiVersion, field]] of (
        [
          ['events.k8s.io/v1', 'note'],
          ['v1', 'message'],
        ] as const
      ).entries())
        for (const type of ['ADDED', 'DELETED']) {
          const event = await watches[i]?.next();
          assert.deepEqual([event?.type, event?.object.apiVersion, event?.object[field]], [type, apiVersion, 'it happened']);
        }
    } finally {
      for (const watch of watches) watch.close();
    }
  }),
  parityCase('events-rules', 'an event of events.k8s.io is asked for more than one of the core group', async (api) => {
    const { name, core, events } = await paths(api);
    const fields = async (path: string, body: Json) =>
      expectStatus(await api.send('POST', path, { body }), 422, 'Invalid').json.details.causes.map(({ field }: { field: string }) => field);
    assert.deepEqual(await fields(events, { metadata: { name: 'a' }, regarding: { namespace: name } }), ['eventTime', 'type']);
    const odd = { type: 'Odd', deprecatedCount: 3, deprecatedSource: { component: 'c' }, series: { count: 1 }, action: '' };
    const wrong = await fields(events, newEvent(name, 'b', odd));
    assert.deepEqual(wrong.toSorted(), ['action', 'count', 'series.count', 'series.lastObservedTime', 'source', 'type']);
    assert.deepEqual(await fields(core, coreEvent('other', 'c')), ['involvedObject.namespace']);
    assert.deepEqual(
      await fields(
        core,
        coreEvent(name, 'd', {
          eventTime: '2026-01-01T00:00:00.000000Z',
          action: 'A',
          reportingInstance: 'i',
          reportingComponent: 'x',
          reason: '',
        }),
      ),
      ['reason'],
    );
  }),
  parityCase(
    'events-immutable',
    'an event of events.k8s.io keeps what it says; its series goes on',
    async (api) => {
      const { name, core, events } = await paths(api);
      await create(api, events, newEvent(name, 'e'));
      const patch = (path: string, body: Json) => api.send('PATCH', `${path}/e`, { body, contentType: merge });
      const refused = expectStatus(await patch(events, { note: 'another', regarding: { name: 'q' } }), 422, 'Invalid');
      assert.deepEqual(refused.json.details.causes.map(({ field }: { field: string }) => field).toSorted(), ['involvedObject', 'message']);
      expectStatus(await patch(events, { series: { count: 2, lastObservedTime: '2026-01-01T00:02:00.000000Z' } }), 200);
      expectStatus(await patch(core, { message: 'another' }), 200);
    },
    '1.20 lets everything change',
  ),
  parityCase('events-discovery', 'both groups name the same storage', async (api) => {
    const entries = await Promise.all(
      ['/api/v1', '/apis/events.k8s.io/v1'].map(async (path) =>
        (await api.send('GET', path)).json.resources.find((found: { name: string }) => found.name === 'events'),
      ),
    );
    assert.deepEqual({ ...entries[0], singularName: '' }, { ...entries[1], singularName: '' });
    assert.equal(entries[0].singularName, isEmbedded(api) ? 'event' : '');
  }),
];
