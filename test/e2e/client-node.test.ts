// The official JavaScript client, as it stands, against the embedded server and a real one: generated clients, objects of any kind, watches,
// and an informer that outlives silence, cut connections and versions that are forgotten.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  ApiException,
  ApiextensionsV1Api,
  AppsV1Api,
  AuthenticationV1Api,
  AuthorizationV1Api,
  CertificatesV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  ListWatch,
  makeInformer,
  PatchStrategy,
  RbacAuthorizationV1Api,
  setHeaderOptions,
  type V1ConfigMap,
  type V1CustomResourceDefinition,
  V1MicroTime,
  VersionApi,
  Watch,
} from '@kubernetes/client-node';
import { csrPem } from '../../src/pki/csr.ts';
import { startEmbedded, startReal, type TestServer } from '../../src/testing/api-servers.ts';
import { testCsr } from '../../src/testing/certificates.ts';
import { type CutProxy, startCutProxy } from '../../src/testing/cut-proxy.ts';
import { needs } from '../../src/testing/tools.ts';

const namespace = 'default';
const body = (name: string, value = '1', labels: Record<string, string> = {}): V1ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
  data: { a: value },
});
const hasCode =
  (code: number) =>
  (error: unknown): boolean =>
    error instanceof ApiException && error.code === code;

const definition: V1CustomResourceDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gadgets.client.example.com' },
  spec: {
    group: 'client.example.com',
    scope: 'Namespaced',
    names: { plural: 'gadgets', kind: 'Gadget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { size: { type: 'integer' }, color: { type: 'string', _default: 'red' } } },
              status: { type: 'object', properties: { phase: { type: 'string' } } },
            },
          },
        },
      },
    ],
  },
};
const gadgets = { group: 'client.example.com', version: 'v1', namespace, plural: 'gadgets' };
const gadget = (name: string, size: number) => ({
  apiVersion: 'client.example.com/v1',
  kind: 'Gadget',
  metadata: { name, namespace },
  spec: { size },
});

const until = async (what: string, ask: () => boolean | Promise<boolean>): Promise<void> => {
  const end = Date.now() + 20_000;
  while (!(await ask())) {
    assert.ok(Date.now() < end, `${what}: it did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** A watch that takes a short silence for what the client otherwise calls silence after 30 s. */
const impatientWatch = (config: KubeConfig, silenceMs: number): Watch => Object.assign(new Watch(config), { requestTimeoutMs: silenceMs });

const clientSuite = (start: () => Promise<TestServer>): void => {
  let server: TestServer | undefined;
  let proxy: CutProxy | undefined;
  const config = new KubeConfig();
  /** The same server by way of the proxy. */
  const cutConfig = new KubeConfig();
  before(async () => {
    server = await start();
    config.loadFromFile(server.kubeconfigFile);
    proxy = await startCutProxy(Number(new URL(config.getCurrentCluster()?.server ?? '').port));
    cutConfig.loadFromFile(server.kubeconfigFile);
    cutConfig.clusters = cutConfig.clusters.map((cluster) => ({ ...cluster, server: `https://127.0.0.1:${proxy?.port}` }));
    const core = config.makeApiClient(CoreV1Api);
    await until('the account is there', () =>
      core.readNamespacedServiceAccount({ namespace, name: 'default' }).then(
        () => true,
        () => false,
      ),
    );
  });
  after(async () => {
    await proxy?.close();
    await server?.stop();
  });

  test('creates, reads, replaces, lists and deletes by its generated clients', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const made = await core.createNamespacedConfigMap({ namespace, body: body('generated') });
    assert.ok(made.metadata?.uid);
    assert.ok(made.metadata.creationTimestamp instanceof Date);
    const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'generated', body: { ...made, data: { a: '2' } } });
    assert.deepEqual(replaced.data, { a: '2' });
    await assert.rejects(core.replaceNamespacedConfigMap({ namespace, name: 'generated', body: made }), hasCode(409));
    await assert.rejects(core.createNamespacedConfigMap({ namespace, body: body('generated') }), (error) => {
      assert.ok(error instanceof ApiException);
      assert.deepEqual([error.code, JSON.parse(String(error.body)).reason], [409, 'AlreadyExists']);
      return true;
    });
    const { items } = await core.listNamespacedConfigMap({ namespace });
    assert.ok(items.some(({ metadata }) => metadata?.name === 'generated'));
    await core.patchNamespacedConfigMap({ namespace, name: 'generated', body: [{ op: 'add', path: '/data/b', value: '3' }] });
    assert.deepEqual((await core.readNamespacedConfigMap({ namespace, name: 'generated' })).data, { a: '2', b: '3' });
    const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    const merged = await core.patchNamespacedConfigMap({ namespace, name: 'generated', body: { data: { b: null } } }, merge);
    assert.deepEqual(merged.data, { a: '2' });
    await core.deleteNamespacedConfigMap({ namespace, name: 'generated' });
    await assert.rejects(core.readNamespacedConfigMap({ namespace, name: 'generated' }), hasCode(404));
  });

  test('pages, selects and deletes collections', async () => {
    const core = config.makeApiClient(CoreV1Api);
    for (const name of ['page-a', 'page-b', 'page-c'])
      await core.createNamespacedConfigMap({ namespace, body: body(name, '1', { page: 'yes' }) });
    const seen: (string | undefined)[] = [];
    let next: string | undefined;
    do {
      const page = await core.listNamespacedConfigMap({ namespace, labelSelector: 'page=yes', limit: 2, ...(next && { _continue: next }) });
      seen.push(...page.items.map(({ metadata }) => metadata?.name));
      next = page.metadata?._continue;
    } while (next !== undefined && next !== '');
    assert.deepEqual(seen, ['page-a', 'page-b', 'page-c']);
    const everywhere = await core.listConfigMapForAllNamespaces({ fieldSelector: 'metadata.name=page-b' });
    assert.equal(everywhere.items.length, 1);
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'page=yes' });
    assert.deepEqual((await core.listNamespacedConfigMap({ namespace, labelSelector: 'page=yes' })).items, []);
  });

  test('keeps secrets, leases with their microseconds, and deployments', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const secret = await core.createNamespacedSecret({ namespace, body: { metadata: { name: 'typed' }, stringData: { word: 'geheim' } } });
    assert.deepEqual([secret.type, secret.data], ['Opaque', { word: Buffer.from('geheim').toString('base64') }]);
    const coordination = config.makeApiClient(CoordinationV1Api);
    const renewTime = new V1MicroTime('2026-01-02T03:04:05.678Z');
    const lease = await coordination.createNamespacedLease({
      namespace,
      body: { metadata: { name: 'leader' }, spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime } },
    });
    assert.equal(String(lease.spec?.renewTime), '2026-01-02T03:04:05.678000Z');
    lease.spec = { ...lease.spec, holderIdentity: 'you' };
    assert.equal((await coordination.replaceNamespacedLease({ namespace, name: 'leader', body: lease })).spec?.holderIdentity, 'you');
    const apps = config.makeApiClient(AppsV1Api);
    const labels = { app: 'typed' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'c:1' }] } };
    const deployment = await apps.createNamespacedDeployment({
      namespace,
      body: { metadata: { name: 'typed' }, spec: { selector: { matchLabels: labels }, template } },
    });
    assert.deepEqual([deployment.spec?.replicas, deployment.spec?.template.spec?.containers[0]?.imagePullPolicy], [1, 'IfNotPresent']);
    const scaled = await apps.patchNamespacedDeploymentScale({
      namespace,
      name: 'typed',
      body: [{ op: 'replace', path: '/spec/replicas', value: 4 }],
    });
    assert.equal(scaled.spec?.replicas, 4);
    await apps.deleteNamespacedDeployment({ namespace, name: 'typed' });
  });

  test('asks for a certificate, approves and issues', async () => {
    const certificates = config.makeApiClient(CertificatesV1Api);
    const request = Buffer.from(csrPem(await testCsr())).toString('base64');
    const made = await certificates.createCertificateSigningRequest({
      body: { metadata: { name: 'asked' }, spec: { request, signerName: 'example.com/client', usages: ['client auth'] } },
    });
    assert.equal(made.spec.username, 'kubernetes-admin');
    made.status = { conditions: [{ type: 'Approved', status: 'True', reason: 'Tested', message: 'it was', lastUpdateTime: new Date() }] };
    const approved = await certificates.replaceCertificateSigningRequestApproval({ name: 'asked', body: made });
    assert.equal(approved.status?.conditions?.[0]?.type, 'Approved');
    assert.ok(approved.status?.conditions?.[0]?.lastTransitionTime instanceof Date);
    await certificates.deleteCertificateSigningRequest({ name: 'asked' });
  });

  test('asks who may do what, and logs in with a token', async () => {
    const rbac = config.makeApiClient(RbacAuthorizationV1Api);
    await rbac.createNamespacedRole({
      namespace,
      body: { metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }] },
    });
    const core = config.makeApiClient(CoreV1Api);
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'robot' } } });
    await rbac.createNamespacedRoleBinding({
      namespace,
      body: {
        metadata: { name: 'rb' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
        subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace }],
      },
    });
    const token = await core.createNamespacedServiceAccountToken({
      namespace,
      name: 'robot',
      body: { spec: { audiences: [], expirationSeconds: 3600 } },
    });
    assert.ok(token.status?.expirationTimestamp instanceof Date);
    const text = token.status.token ?? '';
    const cluster = config.getCurrentCluster();
    assert.ok(cluster);
    const robot = new KubeConfig();
    robot.loadFromClusterAndUser(cluster, { name: 'robot', token: text });
    const asRobot = robot.makeApiClient(CoreV1Api);
    await until('the robot may list', () =>
      asRobot.listNamespacedConfigMap({ namespace }).then(
        () => true,
        () => false,
      ),
    );
    await assert.rejects(asRobot.listNamespacedSecret({ namespace }), hasCode(403));
    const access = await robot.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
      body: { spec: { resourceAttributes: { namespace, verb: 'list', resource: 'configmaps' } } },
    });
    assert.equal(access.status?.allowed, true);
    const review = await config.makeApiClient(AuthenticationV1Api).createTokenReview({ body: { spec: { token: text } } });
    assert.equal(review.status?.user?.username, 'system:serviceaccount:default:robot');
    assert.match((await robot.makeApiClient(VersionApi).getCode()).gitVersion, /^v1\./);
  });

  test('handles objects of any kind', async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const made = await objects.create(body('any'));
    assert.ok(made.metadata?.uid);
    const patched = await objects.patch({ ...body('any'), data: { c: 'd' } });
    assert.deepEqual(patched.data, { a: '1', c: 'd' }, 'a strategic merge patch by itself');
    const header = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'any', namespace } };
    assert.deepEqual((await objects.read<V1ConfigMap>(header)).data, { a: '1', c: 'd' });
    assert.deepEqual((await objects.replace({ ...patched, data: { e: 'f' } })).data, { e: 'f' });
    const { items } = await objects.list<V1ConfigMap>('v1', 'ConfigMap', namespace, undefined, undefined, undefined, 'metadata.name=any');
    assert.deepEqual(
      items.map(({ metadata, data }) => [metadata?.name, data]),
      [['any', { e: 'f' }]],
    );
    const gone = await objects.delete(body('any'));
    assert.equal(gone.status, 'Success');
    await assert.rejects(objects.read(header), hasCode(404));
    await assert.rejects(objects.read({ apiVersion: 'v1', kind: 'Nonsense', metadata: { name: 'x', namespace } }));
  });

  test('defines a kind and handles its objects, by the client of custom objects and by that of any', async () => {
    await config.makeApiClient(ApiextensionsV1Api).createCustomResourceDefinition({ body: definition });
    const custom = config.makeApiClient(CustomObjectsApi);
    await until('the kind is served', () =>
      custom.listNamespacedCustomObject(gadgets).then(
        () => true,
        () => false,
      ),
    );
    const made = await custom.createNamespacedCustomObject({ ...gadgets, body: gadget('one', 1) });
    assert.deepEqual(made.spec, { size: 1, color: 'red' });
    const status = await custom.patchNamespacedCustomObjectStatus(
      { ...gadgets, name: 'one', body: { status: { phase: 'Ready' } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    assert.deepEqual(status.status, { phase: 'Ready' });
    await assert.rejects(
      custom.createNamespacedCustomObject({ ...gadgets, body: { ...gadget('two', 1), spec: { size: 'big' } } }),
      hasCode(422),
    );
    const objects = KubernetesObjectApi.makeApiClient(config);
    await objects.create(gadget('two', 2));
    await assert.rejects(objects.patch(gadget('two', 3)), hasCode(415));
    const patched = await objects.patch(gadget('two', 3), undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
    assert.equal((patched as ReturnType<typeof gadget>).spec.size, 3);
    assert.equal((await objects.list('client.example.com/v1', 'Gadget', namespace)).items.length, 2);
    await objects.delete(gadget('two', 3));
    await custom.deleteNamespacedCustomObject({ ...gadgets, name: 'one' });
    assert.deepEqual((await custom.listNamespacedCustomObject(gadgets)).items, []);
  });

  test('watches, and keeps an informer', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const list = () => core.listNamespacedConfigMap({ namespace });
    const informer = makeInformer<V1ConfigMap>(config, '/api/v1/namespaces/default/configmaps', list);
    const seen: string[] = [];
    const arrived = new Promise<void>((resolve) => {
      informer.on('add', ({ metadata }) => seen.push(`add ${metadata?.name}`));
      informer.on('update', ({ metadata }) => seen.push(`update ${metadata?.name}`));
      informer.on('delete', ({ metadata }) => {
        seen.push(`delete ${metadata?.name}`);
        resolve();
      });
    });
    await informer.start();
    const watched = Promise.withResolvers<void>();
    const onEvent = (phase: string): void => {
      if (phase === 'DELETED') watched.resolve();
    };
    const controller = await new Watch(config).watch('/api/v1/namespaces/default/configmaps', {}, onEvent, () => undefined);
    await core.createNamespacedConfigMap({ namespace, body: body('informed') });
    await core.replaceNamespacedConfigMap({ namespace, name: 'informed', body: body('informed', '2') });
    await core.deleteNamespacedConfigMap({ namespace, name: 'informed' });
    await Promise.all([arrived, watched.promise]);
    await informer.stop();
    controller.abort();
    assert.deepEqual(
      seen.filter((line) => line.endsWith('informed')),
      ['add informed', 'update informed', 'delete informed'],
    );
  });

  test('goes on after silence, after cut connections and where its version is forgotten', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const own = 'informer=own';
    const named = (name: string, value = '1') => body(name, value, { informer: 'own' });
    const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: own });
    const informer = new ListWatch<V1ConfigMap>('/api/v1/namespaces/default/configmaps', impatientWatch(cutConfig, 700), list, false, own);
    const seen: string[] = [];
    let connects = 0;
    let errors = 0;
    let isWanted = true;
    informer.on('connect', () => connects++);
    informer.on('add', ({ metadata }) => seen.push(`add ${metadata?.name}`));
    informer.on('update', ({ metadata, data }) => seen.push(`update ${metadata?.name} ${data?.['a']}`));
    informer.on('delete', ({ metadata }) => seen.push(`delete ${metadata?.name}`));
    informer.on('error', () => {
      errors++;
      // Stopping is an error to it too.
      if (isWanted) setTimeout(() => void informer.start(), 20);
    });
    await core.createNamespacedConfigMap({ namespace, body: named('first') });
    await informer.start();
    assert.deepEqual(seen, ['add first']);

    await until('it comes back after silence', () => connects >= 3);
    await core.replaceNamespacedConfigMap({ namespace, name: 'first', body: named('first', '2') });
    await until('it sees what changed then', () => seen.includes('update first 2'));
    assert.equal(errors, 0);

    proxy?.cut();
    await until('it notices', () => errors > 0);
    await core.createNamespacedConfigMap({ namespace, body: named('second') });
    await core.deleteNamespacedConfigMap({ namespace, name: 'second' });
    await until('it sees what happened meanwhile', () => seen.includes('delete second'));

    isWanted = false;
    await informer.stop();
    await core.deleteNamespacedConfigMap({ namespace, name: 'first' });
    await core.createNamespacedConfigMap({ namespace, body: named('third') });
    await server?.peer.forget();
    await informer.start();
    await until('it has caught up', () => seen.includes('add third') && seen.includes('delete first'));
    await informer.stop();
    assert.deepEqual(seen, ['add first', 'update first 2', 'add second', 'delete second', ...seen.slice(4)]);
    assert.deepEqual(seen.slice(4).toSorted(), ['add third', 'delete first']);
    assert.deepEqual(
      informer.list().map(({ metadata }) => metadata?.name),
      ['third'],
    );
  });
};

describe('@kubernetes/client-node with the embedded server', () => clientSuite(startEmbedded));
describe('@kubernetes/client-node with a real kube-apiserver', needs('etcd', 'etcdctl', 'kube-apiserver', 'kube-controller-manager'), () =>
  clientSuite(startReal),
);
