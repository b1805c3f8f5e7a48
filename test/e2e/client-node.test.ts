// The official JavaScript client, as it stands, against the embedded server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CoreV1Api, KubeConfig, KubernetesObjectApi, makeInformer, PatchStrategy, type V1ConfigMap, Watch } from '@kubernetes/client-node';
import { startEmbedded, type TestServer } from '../../src/testing/api-servers.ts';

describe('@kubernetes/client-node', () => {
  let server: TestServer | undefined;
  const config = new KubeConfig();
  before(async () => {
    server = await startEmbedded();
    config.loadFromFile(server.kubeconfigFile);
  });
  after(() => server?.stop());

  const body = (name: string, value = '1'): V1ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data: { a: value },
  });

  test('creates, reads, replaces, lists and deletes by its generated clients', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const made = await core.createNamespacedConfigMap({ namespace: 'default', body: body('generated') });
    assert.ok(made.metadata?.uid);
    const replaced = await core.replaceNamespacedConfigMap({
      namespace: 'default',
      name: 'generated',
      body: { ...made, data: { a: '2' } },
    });
    assert.deepEqual(replaced.data, { a: '2' });
    const { items } = await core.listNamespacedConfigMap({ namespace: 'default' });
    assert.ok(items.some(({ metadata }) => metadata?.name === 'generated'));
    await core.patchNamespacedConfigMap({ namespace: 'default', name: 'generated', body: [{ op: 'add', path: '/data/b', value: '3' }] });
    assert.deepEqual((await core.readNamespacedConfigMap({ namespace: 'default', name: 'generated' })).data, { a: '2', b: '3' });
    await core.deleteNamespacedConfigMap({ namespace: 'default', name: 'generated' });
    await assert.rejects(
      core.readNamespacedConfigMap({ namespace: 'default', name: 'generated' }),
      (error: { code?: number }) => error.code === 404,
    );
  });

  test('handles objects of any kind', async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    await objects.create(body('any'));
    const patched = await objects.patch(
      { ...body('any'), data: { c: 'd' } },
      undefined,
      undefined,
      undefined,
      undefined,
      PatchStrategy.StrategicMergePatch,
    );
    assert.deepEqual((patched as V1ConfigMap).data, { a: '1', c: 'd' });
    await objects.delete(body('any'));
  });

  test('watches, and keeps an informer', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const list = () => core.listNamespacedConfigMap({ namespace: 'default' });
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
    await core.createNamespacedConfigMap({ namespace: 'default', body: body('informed') });
    await core.replaceNamespacedConfigMap({ namespace: 'default', name: 'informed', body: body('informed', '2') });
    await core.deleteNamespacedConfigMap({ namespace: 'default', name: 'informed' });
    await Promise.all([arrived, watched.promise]);
    await informer.stop();
    controller.abort();
    assert.deepEqual(
      seen.filter((line) => line.endsWith('informed')),
      ['add informed', 'update informed', 'delete informed'],
    );
  });
});
