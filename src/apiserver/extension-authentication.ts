// ConfigMap kube-system/extension-apiserver-authentication: how those who serve parts of the API beside this server tell who calls them
// (https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#original-request-username-and-group), with the role that
// lets them read it. Put back when somebody changes or deletes it.

import { type Kind, resourceKey } from '../api/kind.ts';
import { configMapKind } from '../api/kinds/config-map.ts';
import { roleBindingKind, roleKind } from '../api/kinds/rbac.ts';
import { fieldsAt, type KubernetesObject } from '../api/object.ts';
import type { Server } from './api-request.ts';
import { serverUser } from './controller.ts';
import { createObject, replaceObject, type Write } from './write-object.ts';

const namespace = 'kube-system';
const name = 'extension-apiserver-authentication';
const readerName = `${name}-reader`;
const rbac = 'rbac.authorization.k8s.io';
const metadata = {
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' },
  annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
};

const reader: KubernetesObject = {
  apiVersion: `${rbac}/v1`,
  kind: 'Role',
  metadata: { name: readerName, ...metadata },
  rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [name], verbs: ['get', 'list', 'watch'] }],
};

const binding: KubernetesObject = {
  apiVersion: `${rbac}/v1`,
  kind: 'RoleBinding',
  metadata: { name: `system::${readerName}`, ...metadata },
  roleRef: { apiGroup: rbac, kind: 'Role', name: readerName },
  subjects: ['system:kube-controller-manager', 'system:kube-scheduler'].map((user) => ({ apiGroup: rbac, kind: 'User', name: user })),
};

export type ClientAuthorities = {
  /** PEM. */
  readonly clientCa: string;
  readonly proxyClientCa: string;
};

/** The headers are kubeadm's: what its API server takes users from that a front proxy vouches for. */
const dataOf = ({ clientCa, proxyClientCa }: ClientAuthorities): Readonly<Record<string, string>> => ({
  'client-ca-file': clientCa,
  'requestheader-allowed-names': JSON.stringify(['front-proxy-client']),
  'requestheader-client-ca-file': proxyClientCa,
  'requestheader-extra-headers-prefix': JSON.stringify(['X-Remote-Extra-']),
  'requestheader-group-headers': JSON.stringify(['X-Remote-Group']),
  'requestheader-username-headers': JSON.stringify(['X-Remote-User']),
});

const keep = (write: Write, data: Readonly<Record<string, string>>): void => {
  const { transaction } = write;
  const provide = (kind: Kind, object: KubernetesObject): void => {
    if (transaction.get(resourceKey(kind), namespace, object.metadata.name ?? '') === undefined)
      createObject(write, kind, namespace, object);
  };
  provide(roleKind, reader);
  provide(roleBindingKind, binding);
  const found = transaction.get(resourceKey(configMapKind), namespace, name);
  if (found === undefined) createObject(write, configMapKind, namespace, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  else {
    // Keys of others stay.
    const merged = { ...fieldsAt(found.object, 'data'), ...data };
    if (Object.entries(data).every(([key, value]) => fieldsAt(found.object, 'data')[key] === value)) return;
    replaceObject(write, { kind: configMapKind, namespace, name, isPatch: true, change: (old) => ({ ...old, data: merged }) });
  }
};

/** Provides it and keeps it so; returns what stops that. The namespace is there already. */
export const startExtensionAuthentication = async (
  { store, now, random }: Server,
  authorities: ClientAuthorities,
  onBug: (error: unknown) => void,
): Promise<() => void> => {
  const data = dataOf(authorities);
  const provide = (): Promise<void> => store.write((transaction) => keep({ transaction, user: serverUser, now: now(), random }, data));
  await provide();
  const kept = new Set([
    `${resourceKey(configMapKind)} ${name}`,
    `${resourceKey(roleKind)} ${readerName}`,
    `${resourceKey(roleBindingKind)} system::${readerName}`,
  ]);
  return store.watch(undefined, ({ type, stored }) => {
    if (type !== 'ADDED' && stored.namespace === namespace && kept.has(`${stored.resource} ${stored.name}`)) void provide().catch(onBug);
  });
};
