import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { customKinds } from '../api/custom-resource.ts';
import type { Kind } from '../api/kind.ts';
import { customResourceDefinitionKind } from '../api/kinds/custom-resource-definition.ts';
import { namespaceKind } from '../api/kinds/namespace.ts';
import { validatingWebhookConfigurationKind } from '../api/kinds/webhook-configuration.ts';
import { fieldsAt, type KubernetesObject } from '../api/object.ts';
import { coded } from '../testing/coded-errors.ts';
import { openStoreServer } from '../testing/store-server.ts';
import { admittedWrite, type WriteRequest } from './admitted-write.ts';
import type { Server } from './api-request.ts';
import { createObject, replaceObject, type Write } from './write-object.ts';

const definition: KubernetesObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } } } },
          },
        },
      },
    ],
  },
};
const configuration: KubernetesObject = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'hooks' },
  webhooks: [
    {
      name: 'first.example.com',
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      clientConfig: { url: 'https://hooks.example.com/' },
      rules: [{ apiGroups: ['example.com'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }],
    },
  ],
};
const user = { username: 'alice', groups: ['system:authenticated'] };
const thing = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'one' }, spec: { a: 1, b: 1 } };

type Asked = { readonly operation: string; readonly object: KubernetesObject };

/** A server with a kind of its own, a thing of it, and a webhook that answers what the test says. */
const stage = async (t: TestContext, answer: (asked: Asked) => Promise<boolean>) => {
  const { server: opened, write } = openStoreServer(t);
  const [kind] = customKinds(definition) as [Kind];
  opened.kinds.setCustom([kind]);
  const asked: Asked[] = [];
  const server: Server = {
    ...opened,
    webhooks: {
      call: async ({ body }) => {
        const { request, apiVersion } = JSON.parse(body) as { request: Asked & { uid: string }; apiVersion: string };
        asked.push(request);
        const allowed = await answer(request);
        return { text: JSON.stringify({ kind: 'AdmissionReview', apiVersion, response: { uid: request.uid, allowed } }) };
      },
      close: () => Promise.resolve(),
    },
  };
  await write((context) => {
    createObject(context, namespaceKind, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    createObject(context, customResourceDefinitionKind, '', definition);
    createObject(context, validatingWebhookConfigurationKind, '', configuration);
    createObject(context, kind, 'default', thing);
  });
  const change =
    (spec: object) =>
    (context: Write): KubernetesObject =>
      replaceObject(context, {
        kind,
        namespace: 'default',
        name: 'one',
        isPatch: true,
        change: (old) => ({ ...old, spec: { ...fieldsAt(old, 'spec'), ...spec } }),
      }).object;
  const ask = (spec: object, more: Partial<WriteRequest> = {}) =>
    admittedWrite(server, { user, isDryRun: false, options: {}, ...more }, change(spec));
  const stored = () => fieldsAt(server.store.get('example.com/things', 'default', 'one')?.object, 'spec');
  return { asked, ask, behind: (spec: object) => write(change(spec)), stored };
};

describe('a write that webhooks are asked about', () => {
  test('is committed on answers about just that change of just that object', async (t) => {
    let isChanged = false;
    const { asked, ask, behind, stored } = await stage(t, async ({ object }) => {
      if (!isChanged) {
        isChanged = true;
        await behind({ b: 5 });
      }
      return fieldsAt(object, 'spec')['b'] !== 5;
    });
    await assert.rejects(ask({ a: 2 }), coded('AdmissionDenied'));
    assert.deepEqual(
      asked.map(({ object }) => object['spec']),
      [
        { a: 2, b: 1 },
        { a: 2, b: 5 },
      ],
    );
    assert.deepEqual(stored(), { a: 1, b: 5 });
  });
  test('is asked about once where nothing changes meanwhile, and not stored by a dry run', async (t) => {
    const { asked, ask, stored } = await stage(t, () => Promise.resolve(true));
    const { result } = await ask({ a: 2 }, { isDryRun: true });
    assert.deepEqual([result['spec'], stored(), asked.length], [{ a: 2, b: 1 }, { a: 1, b: 1 }, 1]);
    await ask({ a: 2 });
    assert.deepEqual([stored(), asked.length], [{ a: 2, b: 1 }, 2]);
  });
  test('is given up where others change the object again and again', async (t) => {
    let count = 1;
    const { ask, behind, stored } = await stage(t, async () => {
      count++;
      await behind({ b: count });
      return true;
    });
    await assert.rejects(ask({ a: 2 }), coded('Timeout'));
    assert.equal(stored()['a'], 1);
  });
  test('is given up where all the asking would take too long', async (t) => {
    const { asked, ask, stored } = await stage(t, () => Promise.resolve(true));
    await assert.rejects(ask({ a: 2 }, { maxMs: -1 }), coded('Timeout'));
    assert.deepEqual([asked.length, stored()['a']], [0, 1]);
  });
});
