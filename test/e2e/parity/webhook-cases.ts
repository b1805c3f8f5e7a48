// Admission webhooks, which are asked before custom resources are written.

import assert from 'node:assert/strict';
import type { ApiPeer, Json, Reply } from '../../../src/testing/api-peer.ts';
import {
  type AdmissionRequest,
  jsonPatch,
  startWebhookPeer,
  type WebhookAnswer,
  type WebhookPeer,
} from '../../../src/testing/webhook-peer.ts';
import { create, eventually, expectStatus, fresh, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const registration = '/apis/admissionregistration.k8s.io/v1';
const merge = 'application/merge-patch+json';
const label = 'parity.example/case';

const version = (name: string, storage: boolean): Json => ({
  name,
  served: true,
  storage,
  schema: {
    openAPIV3Schema: {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: { a: { type: 'integer' }, trace: { type: 'string' }, replicas: { type: 'integer' } },
        },
        status: { type: 'object', properties: { done: { type: 'boolean' } } },
      },
    },
  },
  subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
});

type Stage = {
  readonly api: ApiPeer;
  readonly group: string;
  readonly namespace: string;
  /** Objects of the stage, by version. */
  path(version?: string): string;
  hooked(name: string, more?: Json, version?: string): Json;
  /** Registers webhooks for the stage's kind; each is given what it does not say. */
  register(kind: 'Validating' | 'Mutating', name: string, ...webhooks: readonly Json[]): Promise<void>;
  webhook(peer: WebhookPeer, more?: Json): Json;
  peer(
    answer: (request: AdmissionRequest, url: string) => WebhookAnswer | Promise<WebhookAnswer>,
    names?: readonly string[],
  ): Promise<WebhookPeer>;
};

/** A kind, a namespace and webhooks of the case's own, gone after it. */
const onStage = async (api: ApiPeer, play: (stage: Stage) => Promise<void>): Promise<void> => {
  const group = `${fresh('hooks')}.example.com`;
  const definition = `hookeds.${group}`;
  await create(api, definitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: definition },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'hookeds', kind: 'Hooked' },
      versions: [version('v1', true), version('v1beta1', false)],
    },
  });
  const { name: namespace } = await newNamespace(api);
  const path = (of = 'v1'): string => `/apis/${group}/${of}/namespaces/${namespace}/hookeds`;
  await eventually(
    'it is served',
    async () => (await api.send('GET', path())).status === 200 && (await api.send('GET', path('v1beta1'))).status === 200,
  );
  const peers: WebhookPeer[] = [];
  const made: string[] = [];
  const stage: Stage = {
    api,
    group,
    namespace,
    path,
    hooked: (name, more = {}, of = 'v1') => ({ apiVersion: `${group}/${of}`, kind: 'Hooked', metadata: { name }, spec: { a: 1 }, ...more }),
    register: async (kind, name, ...webhooks) => {
      const plural = `${kind.toLowerCase()}webhookconfigurations`;
      await create(api, `${registration}/${plural}`, {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: `${kind}WebhookConfiguration`,
        metadata: { name },
        webhooks,
      });
      made.push(`${registration}/${plural}/${name}`);
    },
    webhook: (peer, more = {}) => ({
      name: 'first.parity.example',
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      timeoutSeconds: 5,
      clientConfig: { url: `https://127.0.0.1:${peer.port}/ask`, caBundle: peer.caBundle },
      rules: [{ apiGroups: [group], apiVersions: ['v1'], operations: ['*'], resources: ['*/*'] }],
      ...more,
    }),
    peer: async (answer, names) => {
      const peer = await startWebhookPeer(answer, names);
      peers.push(peer);
      return peer;
    },
  };
  try {
    await play(stage);
  } finally {
    for (const each of made) await api.send('DELETE', each);
    for (const each of peers) await each.close();
    await api.send('DELETE', `${definitions}/${definition}`);
  }
};

/** Registered webhooks are heard of in a cluster's own time: waits until one is asked, by changing a thing of its own. */
const untilAsked = async ({ api, path, hooked }: Stage, peer: WebhookPeer): Promise<void> => {
  const name = fresh('probe');
  await eventually('the webhook is asked', async () => {
    await api.send('POST', `${path()}?dryRun=All`, { body: hooked(name) });
    return peer.asked.length > 0;
  });
  (peer.asked as unknown[]).length = 0;
};

const allow: Json = { allowed: true };

export const webhookCases: readonly ParityCase[] = [
  parityCase('webhook-question', 'a webhook is told who does what, and what was and would be', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked, group, namespace } = stage;
      const peer = await stage.peer(() => allow);
      await stage.register('Validating', fresh('hooks'), stage.webhook(peer));
      await untilAsked(stage, peer);
      const made = await create(api, `${path()}?fieldManager=parity`, hooked('one'));
      await api.send('PATCH', `${path()}/one`, { body: { spec: { a: 2 } }, contentType: merge });
      await api.send('PATCH', `${path()}/one/status?dryRun=All`, { body: { status: { done: true } }, contentType: merge });
      await api.send('DELETE', `${path()}/one`);
      const [created, patched, status, deleted] = peer.asked.map(({ request }) => request);
      assert.equal(peer.asked[0]?.url, '/ask?timeout=5s');
      const kind = { group, version: 'v1', kind: 'Hooked' };
      const resource = { group, version: 'v1', resource: 'hookeds' };
      for (const request of [created, patched, status, deleted]) {
        assert.deepEqual([request.kind, request.resource, request.requestKind, request.requestResource], [kind, resource, kind, resource]);
        assert.deepEqual([request.name, request.namespace], ['one', namespace]);
        assert.ok(request.userInfo.username !== '' && request.userInfo.groups.includes('system:authenticated'));
      }
      assert.deepEqual(
        [created, patched, status, deleted].map(({ operation, subResource, dryRun }) => [operation, subResource, dryRun]),
        [
          ['CREATE', undefined, false],
          ['UPDATE', undefined, false],
          ['UPDATE', 'status', true],
          ['DELETE', undefined, false],
        ],
      );
      assert.deepEqual([created.oldObject, created.object.spec, created.object.metadata.uid], [null, { a: 1 }, made.metadata.uid]);
      assert.deepEqual(created.options, { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'parity' });
      assert.deepEqual([patched.oldObject.spec, patched.object.spec], [{ a: 1 }, { a: 2 }]);
      assert.equal(patched.object.metadata.uid, made.metadata.uid);
      assert.equal(patched.options.kind, 'UpdateOptions');
      assert.deepEqual([status.object.status, status.object.spec], [{ done: true }, { a: 2 }]);
      assert.deepEqual([deleted.object, deleted.oldObject.spec, deleted.options.kind], [null, { a: 2 }, 'DeleteOptions']);
    }),
  ),
  parityCase('webhook-denial', 'what a webhook denies is not written, and is answered with its code, reason and message', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked } = stage;
      const verdicts: Record<string, Json> = {
        plain: { allowed: false },
        said: { allowed: false, status: { message: 'not here', reason: 'Whim' } },
        coded: {
          allowed: false,
          status: { code: 409, reason: 'Conflict', message: 'taken', details: { causes: [{ reason: 'R', message: 'M', field: 'f' }] } },
        },
        odd: { allowed: false, status: { code: 200, status: 'Success', reason: 'OnlyReason' } },
      };
      const peer = await stage.peer((request) => verdicts[request.name] ?? allow);
      await stage.register('Validating', fresh('hooks'), stage.webhook(peer));
      await untilAsked(stage, peer);
      const by = 'admission webhook "first.parity.example" denied the request';
      const answers: [string, number, string | undefined, string][] = [
        ['plain', 400, undefined, `${by} without explanation`],
        ['said', 400, 'Whim', `${by}: not here`],
        ['coded', 409, 'Conflict', `${by}: taken`],
        ['odd', 400, 'OnlyReason', `${by}: OnlyReason`],
      ];
      for (const [name, code, reason, message] of answers) {
        const reply = await api.send('POST', path(), { body: hooked(name) });
        assert.deepEqual(
          [reply.status, reply.json.reason || undefined, reply.json.message, reply.json.code],
          [code, reason, message, code],
        );
        expectStatus(await api.send('GET', `${path()}/${name}`), 404);
      }
      assert.deepEqual((await api.send('POST', path(), { body: hooked('coded') })).json.details.causes, [
        { reason: 'R', message: 'M', field: 'f' },
      ]);
      expectStatus(await api.send('POST', path(), { body: hooked('fine') }), 201);
    }),
  ),
  parityCase('webhook-deletion', 'deletions are asked for one by one, and what may not go stays', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked } = stage;
      const peer = await stage.peer((request) => ({
        allowed: request.operation !== 'DELETE' || request.oldObject.metadata.name !== 'kept',
      }));
      await stage.register('Validating', fresh('hooks'), stage.webhook(peer));
      await untilAsked(stage, peer);
      for (const name of ['kept', 'loose', 'other']) await create(api, path(), hooked(name));
      expectStatus(await api.send('DELETE', `${path()}/kept`), 400);
      expectStatus(await api.send('DELETE', `${path()}/loose`), 200);
      expectStatus(await api.send('DELETE', path()), 400);
      expectStatus(await api.send('GET', `${path()}/kept`), 200);
    }),
  ),
  parityCase('webhook-patch', 'webhooks change what is written, one after the other by the name of their configuration', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked } = stage;
      const append = (letter: string) => (request: AdmissionRequest) =>
        request.object === null
          ? allow
          : jsonPatch({ op: 'add', path: '/spec/trace', value: `${request.object.spec.trace ?? ''}${letter}` });
      const [a, b] = [await stage.peer(append('a')), await stage.peer(append('b'))];
      const stem = fresh('hooks');
      await stage.register('Mutating', `${stem}-2`, stage.webhook(b));
      await stage.register('Mutating', `${stem}-1`, stage.webhook(a, { reinvocationPolicy: 'IfNeeded' }));
      await untilAsked(stage, b);
      await untilAsked(stage, a);
      assert.equal((await create(api, path(), hooked('one'))).spec.trace, 'aba', 'the first sees what the second did');
      const put = await api.send('PATCH', `${path()}/one`, { body: { spec: { trace: '' } }, contentType: merge });
      assert.equal(expectStatus(put, 200).json.spec.trace, 'aba');
      const dry = await api.send('PATCH', `${path()}/one?dryRun=All`, { body: { spec: { trace: 'x' } }, contentType: merge });
      assert.equal(expectStatus(dry, 200).json.spec.trace, 'xaba');
      assert.equal((await api.send('GET', `${path()}/one`)).json.spec.trace, 'aba');
      const applied = await api.send('PATCH', `${path()}/two?fieldManager=parity`, {
        body: JSON.stringify(hooked('two')),
        contentType: 'application/apply-patch+yaml',
      });
      assert.equal(expectStatus(applied, 201).json.spec.trace, 'aba');
    }),
  ),
  parityCase('webhook-patch-validation', 'what a webhook makes of an object is judged as any other', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked } = stage;
      const patches: Record<string, Json> = {
        unknown: jsonPatch({ op: 'add', path: '/spec/unheard', value: 1 }),
        wrong: jsonPatch({ op: 'add', path: '/spec/a', value: 'text' }),
        labelled: jsonPatch({ op: 'add', path: '/metadata/labels', value: { x: 'y' } }),
        misfit: jsonPatch({ op: 'remove', path: '/spec/absent' }),
      };
      const peer = await stage.peer((request) => patches[request.name] ?? allow);
      await stage.register('Mutating', fresh('hooks'), stage.webhook(peer));
      await untilAsked(stage, peer);
      assert.deepEqual((await create(api, path(), hooked('unknown'))).spec, { a: 1 });
      expectStatus(await api.send('POST', path(), { body: hooked('wrong') }), 422, 'Invalid');
      assert.deepEqual((await create(api, path(), hooked('labelled'))).metadata.labels, { x: 'y' });
      expectStatus(await api.send('POST', path(), { body: hooked('misfit') }), 500);
    }),
  ),
  parityCase('webhook-failure', 'where a webhook gives no answer nothing is written, unless it said not to mind', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked } = stage;
      const faults: Record<string, WebhookAnswer> = {
        error: { status: 500, raw: 'secret words' },
        moved: { status: 302, raw: '', headers: { location: 'https://127.0.0.1:1/elsewhere' } },
        text: { raw: 'secret words' },
        stranger: { uid: 'another', allowed: true },
        empty: { raw: '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}' },
        patchless: { allowed: true, patchType: 'JSONPatch' },
        typeless: { allowed: true, patch: Buffer.from('[]').toString('base64') },
      };
      const peer = await stage.peer((request) => faults[request.name] ?? allow);
      const name = fresh('hooks');
      await stage.register('Mutating', name, stage.webhook(peer));
      await untilAsked(stage, peer);
      for (const fault of Object.keys(faults)) {
        const reply = await api.send('POST', path(), { body: hooked(fault) });
        expectStatus(reply, 500, 'InternalError');
        assert.match(reply.json.message, /^Internal error occurred: failed calling webhook "first\.parity\.example": /);
        expectStatus(await api.send('GET', `${path()}/${fault}`), 404);
      }
      expectStatus(
        await api.send('PATCH', `${registration}/mutatingwebhookconfigurations/${name}`, {
          body: [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }],
          contentType: 'application/json-patch+json',
        }),
        200,
      );
      await eventually(
        'it does not mind',
        async () => (await api.send('POST', `${path()}?dryRun=All`, { body: hooked('error') })).status === 201,
      );
      for (const fault of Object.keys(faults)) expectStatus(await api.send('POST', path(), { body: hooked(fault) }), 201);
    }),
  ),
  parityCase('webhook-time', 'a webhook has so long to answer', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked } = stage;
      const peer = await stage.peer(async (request) => {
        if (request.name === 'slow') await new Promise((resolve) => setTimeout(resolve, 3000));
        return allow;
      });
      await stage.register('Validating', fresh('hooks'), stage.webhook(peer, { timeoutSeconds: 1 }));
      await untilAsked(stage, peer);
      const reply = expectStatus(await api.send('POST', path(), { body: hooked('slow') }), 500, 'InternalError');
      assert.match(reply.json.message, /failed calling webhook "first\.parity\.example": .*(?:deadline|Timeout|timeout)/);
    }),
  ),
  parityCase('webhook-trust', 'a webhook with a certificate of others is not heard', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked } = stage;
      const [peer, other] = [await stage.peer(() => allow), await stage.peer(() => allow)];
      await stage.register(
        'Validating',
        fresh('hooks'),
        stage.webhook(peer, { clientConfig: { url: `https://127.0.0.1:${peer.port}/`, caBundle: other.caBundle } }),
      );
      await eventually(
        'it is refused',
        async () => (await api.send('POST', `${path()}?dryRun=All`, { body: hooked('one') })).status === 500,
      );
      assert.equal(peer.asked.length, 0);
    }),
  ),
  parityCase('webhook-choice', 'a webhook is asked about what its rules and selectors say', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked, group, namespace } = stage;
      const peer = await stage.peer(() => allow);
      const rule = (operations: readonly string[], resources: readonly string[], more: Json = {}) => ({
        rules: [{ apiGroups: [group], apiVersions: ['v1'], operations, resources, ...more }],
      });
      const at = (name: string): Json => ({
        name: `${name}.parity.example`,
        clientConfig: { url: `https://127.0.0.1:${peer.port}/${name}`, caBundle: peer.caBundle },
      });
      await stage.register(
        'Validating',
        fresh('hooks'),
        stage.webhook(peer, { ...at('creations'), ...rule(['CREATE'], ['hookeds']) }),
        stage.webhook(peer, { ...at('parts'), ...rule(['UPDATE'], ['hookeds/status']) }),
        stage.webhook(peer, { ...at('cluster'), ...rule(['*'], ['*'], { scope: 'Cluster' }) }),
        stage.webhook(peer, {
          ...at('others'),
          rules: [{ apiGroups: ['other.example'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }],
        }),
        stage.webhook(peer, { ...at('named'), namespaceSelector: { matchLabels: { [label]: namespace } } }),
        stage.webhook(peer, { ...at('elsewhere'), namespaceSelector: { matchExpressions: [{ key: label, operator: 'DoesNotExist' }] } }),
        stage.webhook(peer, { ...at('marked'), objectSelector: { matchLabels: { marked: 'yes' } } }),
      );
      await api.send('PATCH', `/api/v1/namespaces/${namespace}`, {
        body: { metadata: { labels: { [label]: namespace } } },
        contentType: merge,
      });
      const heard = async (act: () => Promise<Reply>): Promise<readonly string[]> => {
        (peer.asked as unknown[]).length = 0;
        const reply = await act();
        assert.ok(reply.status < 300, reply.text);
        return peer.asked.map(({ url }) => url.replace(/^\/|\?.*/g, '')).toSorted();
      };
      await eventually(
        'the namespace is known',
        async () => (await heard(() => api.send('POST', `${path()}?dryRun=All`, { body: hooked('probe') }))).join() === 'creations,named',
      );
      assert.deepEqual(await heard(() => api.send('POST', path(), { body: hooked('one') })), ['creations', 'named']);
      assert.deepEqual(
        await heard(() => api.send('PATCH', `${path()}/one`, { body: { metadata: { labels: { marked: 'yes' } } }, contentType: merge })),
        ['marked', 'named'],
      );
      assert.deepEqual(
        await heard(() => api.send('PATCH', `${path()}/one/status`, { body: { status: { done: true } }, contentType: merge })),
        ['marked', 'named', 'parts'],
      );
      assert.deepEqual(
        await heard(() => api.send('PATCH', `${path()}/one`, { body: { metadata: { labels: { marked: null } } }, contentType: merge })),
        ['marked', 'named'],
        'the object from before counts too',
      );
      assert.deepEqual(await heard(() => api.send('DELETE', `${path()}/one`)), ['named']);
    }),
  ),
  parityCase(
    'webhook-conditions',
    'a webhook is asked where its conditions hold, and nothing is written where that cannot be told',
    async (api) =>
      onStage(api, async (stage) => {
        const { path, hooked } = stage;
        const peer = await stage.peer(() => ({ allowed: false }));
        const matchConditions = [
          { name: 'large', expression: 'object.spec.a > 5' },
          { name: 'created', expression: 'request.operation == "CREATE" && oldObject == null' },
          { name: 'plain', expression: '!has(object.metadata.labels) || object.metadata.labels["absent"] == ""' },
        ];
        await stage.register('Validating', fresh('hooks'), stage.webhook(peer, { matchConditions }));
        expectStatus(await api.send('POST', path(), { body: hooked('small', { spec: { a: 1 } }) }), 201);
        expectStatus(await api.send('POST', path(), { body: hooked('large', { spec: { a: 9 } }) }), 400);
        assert.equal(peer.asked.length, 1);
        const labelled = { ...hooked('odd', { spec: { a: 9 } }), metadata: { name: 'odd', labels: { a: 'b' } } };
        expectStatus(await api.send('POST', path(), { body: labelled }), 403, 'Forbidden');
        expectStatus(await api.send('PATCH', `${path()}/small`, { body: { spec: { a: 9 } }, contentType: merge }), 200);
        assert.equal(peer.asked.length, 1);
      }),
    'conditions came with 1.27',
  ),
  parityCase('webhook-versions', 'who asks for one version hears of the others in it, or not where exactness is meant', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked, group } = stage;
      const peer = await stage.peer((request, url) =>
        url.startsWith('/patch') && request.object !== null
          ? jsonPatch({ op: 'add', path: '/spec/trace', value: request.object.apiVersion })
          : allow,
      );
      const at = (name: string): Json => ({
        name: `${name}.parity.example`,
        clientConfig: { url: `https://127.0.0.1:${peer.port}/${name}`, caBundle: peer.caBundle },
      });
      await stage.register(
        'Mutating',
        fresh('hooks'),
        stage.webhook(peer, at('patch')),
        stage.webhook(peer, { ...at('exact'), matchPolicy: 'Exact' }),
      );
      await untilAsked(stage, peer);
      const made = await create(api, path('v1beta1'), hooked('one', {}, 'v1beta1'));
      assert.deepEqual([made.apiVersion, made.spec.trace], [`${group}/v1beta1`, `${group}/v1`]);
      assert.deepEqual(
        peer.asked.map(({ url }) => url),
        ['/patch?timeout=5s'],
      );
      const [{ request } = { request: {} }] = peer.asked;
      assert.deepEqual(
        [request.kind.version, request.resource.version, request.requestKind.version, request.requestResource.version],
        ['v1', 'v1', 'v1beta1', 'v1beta1'],
      );
    }),
  ),
  parityCase('webhook-scale', 'a change of the scale is told as a Scale', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked, group } = stage;
      const peer = await stage.peer((request) => ({ allowed: request.subResource !== 'scale' || request.object.spec.replicas < 5 }));
      await stage.register('Validating', fresh('hooks'), stage.webhook(peer));
      await untilAsked(stage, peer);
      await create(api, path(), hooked('one', { spec: { replicas: 1 } }));
      const scale = (replicas: number) => api.send('PATCH', `${path()}/one/scale`, { body: { spec: { replicas } }, contentType: merge });
      expectStatus(await scale(3), 200);
      expectStatus(await scale(9), 400);
      const { request } = peer.asked.at(-1) ?? {};
      assert.deepEqual(request.kind, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
      assert.deepEqual(request.resource, { group, version: 'v1', resource: 'hookeds' });
      assert.deepEqual([request.object.kind, request.oldObject.spec.replicas], ['Scale', 3]);
    }),
  ),
  parityCase('webhook-service', 'a webhook is reached through a Service, under the name that the Service gives it', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked, namespace } = stage;
      const peer = await stage.peer(() => ({ allowed: false, status: { message: 'heard' } }), [`hook.${namespace}.svc`]);
      const other = await stage.peer(() => allow, ['localhost']);
      await create(api, `/api/v1/namespaces/${namespace}/services`, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'hook' },
        spec: { type: 'ExternalName', externalName: 'localhost' },
      });
      const service = (of: WebhookPeer) => ({
        clientConfig: { service: { namespace, name: 'hook', port: of.port, path: '/by/service' }, caBundle: of.caBundle },
      });
      await stage.register('Validating', fresh('hooks'), stage.webhook(peer, service(peer)));
      await untilAsked(stage, peer);
      const reply = await api.send('POST', path(), { body: hooked('one') });
      assert.match(expectStatus(reply, 400).json.message, /: heard$/);
      assert.equal(peer.asked[0]?.url, '/by/service?timeout=5s');
      await stage.register('Mutating', fresh('hooks'), stage.webhook(other, service(other)));
      await eventually('a wrong name is not taken', async () => (await api.send('POST', path(), { body: hooked('one') })).status === 500);
      assert.equal(other.asked.length, 0);
    }),
  ),
  parityCase('webhook-warnings', 'what webhooks warn of reaches the client', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked } = stage;
      const peer = await stage.peer(() => ({ allowed: true, warnings: ['old "way"', 'two\nlines'] }));
      await stage.register('Validating', fresh('hooks'), stage.webhook(peer));
      await untilAsked(stage, peer);
      const made = await api.send('POST', path(), { body: hooked('one') });
      assert.match(String(expectStatus(made, 201).headers['warning']), /299 - "old \\"way\\""/);
      const gone = await api.send('DELETE', `${path()}/one`);
      assert.match(String(expectStatus(gone, 200).headers['warning']), /299 - "old \\"way\\""/);
    }),
  ),
  parityCase('webhook-race', 'a change that was agreed to is made to what it was agreed about', async (api) =>
    onStage(api, async (stage) => {
      const { path, hooked } = stage;
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      let isSlow = false;
      const peer = await stage.peer(async (request) => {
        if (isSlow && request.operation === 'UPDATE' && request.object.spec.trace === 'late') {
          isSlow = false;
          await held;
        }
        return { allowed: request.operation !== 'UPDATE' || request.object.spec.a < 5 || request.object.spec.trace !== 'late' };
      });
      await stage.register('Validating', fresh('hooks'), stage.webhook(peer));
      await untilAsked(stage, peer);
      await create(api, path(), hooked('one'));
      isSlow = true;
      const late = api.send('PATCH', `${path()}/one`, { body: { spec: { trace: 'late' } }, contentType: merge });
      await eventually('the webhook is asked', () => Promise.resolve(!isSlow));
      expectStatus(await api.send('PATCH', `${path()}/one`, { body: { spec: { a: 9 } }, contentType: merge }), 200);
      release();
      expectStatus(await late, 400);
      assert.deepEqual((await api.send('GET', `${path()}/one`)).json.spec, { a: 9 });
      const asked = peer.asked.filter(({ request }) => request.object?.spec.trace === 'late').map(({ request }) => request.object.spec.a);
      assert.deepEqual(asked, [1, 9]);
    }),
  ),
  parityCase('webhook-configurations', 'a configuration is completed, and refused where it could not be followed', async (api) => {
    const base = {
      name: 'a.parity.example',
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      clientConfig: { url: 'https://127.0.0.1:1/' },
      rules: [{ apiGroups: ['x.example'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }],
    };
    const path = `${registration}/mutatingwebhookconfigurations`;
    const send = (...webhooks: readonly Json[]) =>
      api.send('POST', `${path}?dryRun=All`, {
        body: {
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: 'MutatingWebhookConfiguration',
          metadata: { name: fresh('hooks') },
          webhooks,
        },
      });
    const made = expectStatus(await send(base), 201).json;
    assert.equal(made.metadata.generation, 1);
    const { failurePolicy, matchPolicy, timeoutSeconds, reinvocationPolicy, namespaceSelector, objectSelector, rules } = made.webhooks[0];
    assert.deepEqual(
      [failurePolicy, matchPolicy, timeoutSeconds, reinvocationPolicy, namespaceSelector, objectSelector, rules[0].scope],
      ['Fail', 'Equivalent', 10, 'Never', {}, {}, '*'],
    );
    const service = expectStatus(await send({ ...base, clientConfig: { service: { name: 'a', namespace: 'b' } } }), 201).json;
    assert.equal(service.webhooks[0].clientConfig.service.port, 443);
    const rule = (more: Json): Json => ({ rules: [{ ...base.rules[0], ...more }] });
    const wrongs: readonly (readonly [Json, string, string])[] = [
      [{ name: 'a' }, 'FieldValueInvalid', 'webhooks[0].name'],
      [{ name: '' }, 'FieldValueRequired', 'webhooks[0].name'],
      [{ admissionReviewVersions: [] }, 'FieldValueRequired', 'webhooks[0].admissionReviewVersions'],
      [{ admissionReviewVersions: ['v9'] }, 'FieldValueInvalid', 'webhooks[0].admissionReviewVersions'],
      [{ sideEffects: 'Some' }, 'FieldValueNotSupported', 'webhooks[0].sideEffects'],
      [{ timeoutSeconds: 31 }, 'FieldValueInvalid', 'webhooks[0].timeoutSeconds'],
      [{ failurePolicy: 'Maybe' }, 'FieldValueNotSupported', 'webhooks[0].failurePolicy'],
      [{ matchPolicy: 'Maybe' }, 'FieldValueNotSupported', 'webhooks[0].matchPolicy'],
      [{ reinvocationPolicy: 'Maybe' }, 'FieldValueNotSupported', 'webhooks[0].reinvocationPolicy'],
      [{ clientConfig: {} }, 'FieldValueRequired', 'webhooks[0].clientConfig'],
      [{ clientConfig: { url: 'https://a/', service: { name: 'a', namespace: 'b' } } }, 'FieldValueRequired', 'webhooks[0].clientConfig'],
      [{ clientConfig: { url: 'http://a/' } }, 'FieldValueInvalid', 'webhooks[0].clientConfig.url'],
      [{ clientConfig: { url: 'https://u:p@a/' } }, 'FieldValueInvalid', 'webhooks[0].clientConfig.url'],
      [{ clientConfig: { url: 'https://a/?b=c' } }, 'FieldValueInvalid', 'webhooks[0].clientConfig.url'],
      [{ clientConfig: { service: {} } }, 'FieldValueRequired', 'webhooks[0].clientConfig.service.name'],
      [
        { clientConfig: { service: { name: 'a', namespace: 'b', port: 70000 } } },
        'FieldValueInvalid',
        'webhooks[0].clientConfig.service.port',
      ],
      [
        { clientConfig: { service: { name: 'a', namespace: 'b', path: 'x' } } },
        'FieldValueInvalid',
        'webhooks[0].clientConfig.service.path',
      ],
      [rule({ operations: [] }), 'FieldValueRequired', 'webhooks[0].rules[0].operations'],
      [rule({ operations: ['EAT'] }), 'FieldValueNotSupported', 'webhooks[0].rules[0].operations[0]'],
      [rule({ apiGroups: ['*', 'a'] }), 'FieldValueInvalid', 'webhooks[0].rules[0].apiGroups'],
      [rule({ apiVersions: [] }), 'FieldValueRequired', 'webhooks[0].rules[0].apiVersions'],
      [rule({ resources: ['*/*', 'a'] }), 'FieldValueInvalid', 'webhooks[0].rules[0].resources'],
      [rule({ scope: 'Galaxy' }), 'FieldValueNotSupported', 'webhooks[0].rules[0].scope'],
      [
        { objectSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
        'FieldValueRequired',
        'webhooks[0].objectSelector.matchExpressions[0].values',
      ],
    ];
    for (const [wrong, reason, field] of wrongs) {
      const { causes } = expectStatus(await send({ ...base, ...wrong }), 422, 'Invalid').json.details;
      assert.deepEqual([causes[0].reason, causes[0].field], [reason, field], JSON.stringify(wrong));
    }
    const { causes } = expectStatus(await send(base, base), 422, 'Invalid').json.details;
    assert.deepEqual([causes[0].reason, causes[0].field], ['FieldValueDuplicate', 'webhooks[1].name']);
  }),
];
