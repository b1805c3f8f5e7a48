// What a cluster does by itself: the namespaces that are always there, what each namespace holds from the start, and the emptying of one
// that is being deleted. Each step looks at what is, not at what happened, so a step that was missed is made good by the next.

import { type Kind, resourceKey, type UserInfo } from '../api/kind.ts';
import { configMapKind } from '../api/kinds/config-map.ts';
import { namespaceKind } from '../api/kinds/namespace.ts';
import { clusterRoleBindingKind, clusterRoleKind } from '../api/kinds/rbac.ts';
import { serviceKind } from '../api/kinds/service.ts';
import { serviceAccountKind } from '../api/kinds/service-account.ts';
import { fieldsAt, groupVersion, type KubernetesObject } from '../api/object.ts';
import { aggregateRoles, startAggregation } from './aggregate-roles.ts';
import type { Server } from './api-request.ts';
import { bootstrapClusterRoleBindings, bootstrapClusterRoles } from './bootstrap-roles.ts';
import { startCustomKinds } from './custom-kinds.ts';
import { startGarbageCollection } from './garbage-collection.ts';
import type { Stored } from './store.ts';
import { createObject, deleteObject, replaceObject, type Write } from './write-object.ts';

const initialNamespaces = ['default', 'kube-node-lease', 'kube-public', 'kube-system'] as const;
export const rootCaName = 'kube-root-ca.crt';

/** The server itself, which sets up what everyone else is judged by. */
export const itself: UserInfo = { username: 'system:apiserver', groups: ['system:masters'] };

const controller = (name: string): UserInfo => ({
  username: `system:serviceaccount:kube-system:${name}`,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
});

const objectOf = (kind: Kind, name: string, fields: Readonly<Record<string, unknown>> = {}): KubernetesObject => ({
  apiVersion: groupVersion(kind.group, kind.version),
  kind: kind.kind,
  metadata: { name },
  ...fields,
});

/** By which workloads find the API server; its address is one of the serving certificate's. */
const kubernetesService: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'kubernetes', labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }] },
};

const background = { propagationPolicy: 'Background', uid: undefined, resourceVersion: undefined } as const;

const emptyNamespace = (write: Write, kinds: readonly Kind[], namespace: Stored): void => {
  const left = kinds
    .filter(({ isNamespaced, version, storageVersion, verbs }) => isNamespaced && version === storageVersion && verbs.includes('delete'))
    .map((kind) => {
      const objects = write.transaction.list(resourceKey(kind), namespace.name);
      return objects.filter(({ name }) => !deleteObject(write, kind, namespace.name, name, background).isGone).length;
    });
  if (left.some((count) => count > 0)) return;
  const finalize = namespaceKind.subresources.find(({ name }) => name === 'finalize');
  replaceObject(write, {
    kind: namespaceKind,
    namespace: '',
    name: namespace.name,
    subresource: finalize,
    isPatch: true,
    change: (old) => ({ ...old, spec: { ...fieldsAt(old, 'spec'), finalizers: [] } }),
  });
};

const furnishNamespace = (write: Write, namespace: string, rootCa: string): void => {
  const { transaction } = write;
  if (transaction.get(resourceKey(serviceAccountKind), namespace, 'default') === undefined)
    createObject(write, serviceAccountKind, namespace, objectOf(serviceAccountKind, 'default'));
  const data = { 'ca.crt': rootCa };
  const found = transaction.get(resourceKey(configMapKind), namespace, rootCaName);
  if (found === undefined) createObject(write, configMapKind, namespace, objectOf(configMapKind, rootCaName, { data }));
  else if (fieldsAt(found.object, 'data')['ca.crt'] !== rootCa)
    replaceObject(write, {
      kind: configMapKind,
      namespace,
      name: rootCaName,
      isPatch: true,
      change: (old) => ({ ...old, data }),
    });
};

export type Housekeeping = { stop(): void };

/** Brings the namespaces into order, and keeps them so. `rootCa` is what clients verify the server by, PEM. */
export const startHousekeeping = async (server: Server, rootCa: string, onBug: (error: unknown) => void): Promise<Housekeeping> => {
  const { store, kinds, now, random } = server;
  let isStopped = false;
  const as = <Result>(user: UserInfo, work: (write: Write) => Result): Promise<Result> =>
    store.write((transaction) => work({ transaction, user, now: now(), random }));
  const keep = async (name: string): Promise<void> => {
    if (isStopped) return;
    const found = store.get('/namespaces', '', name);
    if (found === undefined) return;
    await as(controller('namespace-controller'), (write) => {
      const current = write.transaction.get('/namespaces', '', name);
      if (current === undefined) return;
      if (current.object.metadata.deletionTimestamp !== undefined) emptyNamespace(write, kinds.kinds, current);
      else furnishNamespace(write, name, rootCa);
    });
  };
  await as(itself, (write) => {
    const provide = (kind: Kind, object: KubernetesObject): void => {
      if (write.transaction.get(resourceKey(kind), '', object.metadata.name ?? '') === undefined) createObject(write, kind, '', object);
    };
    for (const name of initialNamespaces) provide(namespaceKind, objectOf(namespaceKind, name));
    for (const role of bootstrapClusterRoles) provide(clusterRoleKind, role);
    for (const binding of bootstrapClusterRoleBindings) provide(clusterRoleBindingKind, binding);
    if (write.transaction.get(resourceKey(serviceKind), 'default', 'kubernetes') === undefined)
      createObject(write, serviceKind, 'default', kubernetesService);
    // view goes into edit, edit into admin.
    for (let round = 0; round < 3; round++) aggregateRoles(write);
  });
  for (const { name } of store.list('/namespaces')) await keep(name);
  const again = (name: string): void => void keep(name).catch(onBug);
  const stopCustomKinds = startCustomKinds(server, itself, onBug);
  const garbage = startGarbageCollection(server, controller('generic-garbage-collector'), onBug);
  const stops = [
    stopCustomKinds,
    garbage.stop,
    startAggregation(server, itself, onBug),
    store.watch('/namespaces', ({ type, stored }) => {
      if (type !== 'DELETED') again(stored.name);
    }),
    store.watch(undefined, ({ type, stored: { namespace, name } }) => {
      // What holds a namespace up may be gone now; and what every namespace has is put back.
      if (namespace !== '' && (type === 'DELETED' || (type === 'MODIFIED' && name === rootCaName))) again(namespace);
    }),
  ];
  return {
    stop: () => {
      isStopped = true;
      for (const stop of stops) stop();
    },
  };
};
