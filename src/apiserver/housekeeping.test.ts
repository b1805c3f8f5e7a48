import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Kind } from '../api/kind.ts';
import { configMapKind } from '../api/kinds/config-map.ts';
import { namespaceKind } from '../api/kinds/namespace.ts';
import { clusterRoleBindingKind, clusterRoleKind } from '../api/kinds/rbac.ts';
import { serviceAccountKind } from '../api/kinds/service-account.ts';
import type { KubernetesObject } from '../api/object.ts';
import { listAt } from '../api/object.ts';
import { isCodedError } from '../base/coded-error.ts';
import { openStoreServer, type StoreServer, until } from '../testing/store-server.ts';
import { bootstrapClusterRoleBindings } from './bootstrap-roles.ts';
import { startHousekeeping } from './housekeeping.ts';
import { createObject, deleteObject, replaceObject } from './write-object.ts';

const rootCa = '-----BEGIN CERTIFICATE-----\n';
const background = { propagationPolicy: 'Background', uid: undefined, resourceVersion: undefined } as const;

const start = async (t: TestContext, opened = openStoreServer(t)) => {
  const troubles: string[] = [];
  const housekeeping = await startHousekeeping(opened.server, rootCa, (error) => {
    if (!isCodedError(error)) throw error;
    troubles.push(error.message);
  });
  t.after(housekeeping.stop);
  return { ...opened, troubles, housekeeping };
};

const remove = ({ write }: StoreServer, kind: Kind, namespace: string, name: string) =>
  write((context) => void deleteObject(context, kind, namespace, name, background));
const namespace = (name: string): KubernetesObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const configMap = (name: string, owner?: KubernetesObject): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name,
    ...(owner === undefined
      ? {}
      : { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: owner.metadata.name ?? '', uid: owner.metadata.uid ?? '' }] }),
  },
});
const bindingOf = (controller: string): KubernetesObject => {
  const found = bootstrapClusterRoleBindings.find(({ metadata }) => metadata.name === `system:controller:${controller}`);
  if (found === undefined) throw new Error(controller);
  return found;
};

describe('the housekeeping of the server', () => {
  test('furnishes namespaces, and puts back what is taken away', async (t) => {
    const opened = await start(t);
    const { store } = opened.server;
    await opened.create(namespaceKind, '', namespace('team'));
    const isFurnished = (): boolean =>
      store.get('/serviceaccounts', 'team', 'default') !== undefined && store.get('/configmaps', 'team', 'kube-root-ca.crt') !== undefined;
    await until('furnished', isFurnished);
    await remove(opened, serviceAccountKind, 'team', 'default');
    await remove(opened, configMapKind, 'team', 'kube-root-ca.crt');
    await until('furnished again', isFurnished);
    assert.deepEqual(opened.troubles, []);
  });

  test('does nothing that RBAC does not allow it, says so once, and goes on once it is allowed', async (t) => {
    const opened = await start(t);
    const { store } = opened.server;
    const name = 'system:controller:root-ca-cert-publisher';
    await remove(opened, clusterRoleBindingKind, '', name);
    for (const each of ['a', 'b']) await opened.create(namespaceKind, '', namespace(each));
    await until('the other controllers go on', () => store.get('/serviceaccounts', 'b', 'default') !== undefined);
    assert.equal(store.get('/configmaps', 'a', 'kube-root-ca.crt'), undefined);
    assert.deepEqual(
      opened.troubles,
      ['a', 'b'].map(
        (where) =>
          `the server's own root-ca-cert-publisher was refused, and tries again: configmaps is forbidden: User "system:serviceaccount:kube-system:root-ca-cert-publisher" cannot create resource "configmaps" in API group "" in the namespace "${where}"`,
      ),
    );
    await opened.create(clusterRoleBindingKind, '', bindingOf('root-ca-cert-publisher'));
    await until('it goes on', () => ['a', 'b'].every((each) => store.get('/configmaps', each, 'kube-root-ca.crt') !== undefined));
  });

  test('changes nothing back that it may not change', async (t) => {
    const opened = await start(t);
    const { store } = opened.server;
    const name = 'kube-root-ca.crt';
    await remove(opened, clusterRoleBindingKind, '', 'system:controller:root-ca-cert-publisher');
    await opened.write(
      (write) =>
        void replaceObject(write, {
          kind: configMapKind,
          namespace: 'default',
          name,
          isPatch: true,
          change: (old) => ({ ...old, data: {} }),
        }),
    );
    await until('it is refused', () => opened.troubles.length > 0);
    assert.match(opened.troubles[0] ?? '', /cannot update resource "configmaps"/);
    assert.deepEqual(store.get('/configmaps', 'default', name)?.object['data'], {});
  });

  for (const controller of ['namespace-controller', 'generic-garbage-collector'])
    test(`deletes as ${controller} alone`, async (t) => {
      const opened = await start(t);
      const { store } = opened.server;
      await opened.create(namespaceKind, '', namespace('team'));
      const owner = await opened.write((write) => createObject(write, configMapKind, 'team', configMap('owner')).object);
      await opened.create(configMapKind, 'team', configMap('dependent', owner));
      await remove(opened, clusterRoleBindingKind, '', `system:controller:${controller}`);
      const isGone = (): boolean =>
        controller === 'namespace-controller'
          ? store.get('/namespaces', '', 'team') === undefined
          : store.get('/configmaps', 'team', 'dependent') === undefined;
      if (controller === 'namespace-controller') await remove(opened, namespaceKind, '', 'team');
      else await remove(opened, configMapKind, 'team', 'owner');
      await until('it is refused', () => opened.troubles.length > 0);
      assert.match(opened.troubles[0] ?? '', new RegExp(`the server's own ${controller} was refused`));
      assert.equal(isGone(), false);
      await opened.create(clusterRoleBindingKind, '', bindingOf(controller));
      await until('it is done', isGone);
    });

  test('what belongs to no namespace does not go for want of an owner in one', async (t) => {
    const opened = await start(t);
    const { store } = opened.server;
    const owner = await opened.write((write) => createObject(write, configMapKind, 'default', configMap('owner')).object);
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: configMap('role', owner).metadata,
      rules: [],
    };
    await opened.create(clusterRoleKind, '', role);
    await opened.create(configMapKind, 'default', configMap('dependent', owner));
    await remove(opened, configMapKind, 'default', 'owner');
    await until('the dependant is gone', () => store.get('/configmaps', 'default', 'dependent') === undefined);
    assert.notEqual(store.get('rbac.authorization.k8s.io/clusterroles', '', 'role'), undefined);
  });

  test('a start puts back what its roles lack, and leaves alone what is marked so', async (t) => {
    const first = openStoreServer(t);
    const { housekeeping } = await start(t, first);
    const change = (name: string, fields: (old: KubernetesObject) => KubernetesObject) =>
      first.write((write) => void replaceObject(write, { kind: clusterRoleKind, namespace: '', name, isPatch: true, change: fields }));
    const own = { apiGroups: [''], resources: ['nodes'], verbs: ['get'] };
    await change('system:controller:namespace-controller', (old) => ({ ...old, rules: [own] }));
    await change('system:controller:generic-garbage-collector', (old) => ({
      ...old,
      metadata: { ...old.metadata, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
      rules: [own],
    }));
    await remove(first, clusterRoleBindingKind, '', 'system:controller:namespace-controller');
    housekeeping.stop();
    first.close();
    const again = openStoreServer(t, first.path);
    await start(t, again);
    const rules = (name: string) => listAt(again.server.store.get('rbac.authorization.k8s.io/clusterroles', '', name)?.object, 'rules');
    assert.equal(rules('system:controller:namespace-controller').length, 4);
    assert.deepEqual(rules('system:controller:generic-garbage-collector'), [own]);
    const bindings = 'rbac.authorization.k8s.io/clusterrolebindings';
    assert.notEqual(again.server.store.get(bindings, '', 'system:controller:namespace-controller'), undefined);
  });
});
