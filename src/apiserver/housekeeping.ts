// What a cluster does by itself: what is there from the start, what each namespace holds, and the emptying of one that is being deleted.
// Each step looks at what is, not at what happened, so a step that was missed is made good by the next.

import { type Kind, resourceKey } from '../api/kind.ts';
import { configMapKind } from '../api/kinds/config-map.ts';
import { serviceAccountKind } from '../api/kinds/service-account.ts';
import { fieldsAt, groupVersion, type KubernetesObject } from '../api/object.ts';
import { startAggregation } from './aggregate-roles.ts';
import type { Server } from './api-request.ts';
import { type ControllerWrite, controllerUser, controllerWrite, serverUser, startController } from './controller.ts';
import { startCustomKinds } from './custom-kinds.ts';
import { emptyNamespace } from './empty-namespace.ts';
import { startExpiry } from './expiry.ts';
import { startGarbageCollection } from './garbage-collection.ts';
import { provideBootstrap } from './provide-bootstrap.ts';

export const rootCaName = 'kube-root-ca.crt';
/** A namespace is looked through this long after something in it has gone, so that thousands that go one by one do not cost a look each. */
const lookAgainMs = 20;

const objectOf = (kind: Kind, name: string, fields: Readonly<Record<string, unknown>> = {}): KubernetesObject => ({
  apiVersion: groupVersion(kind.group, kind.version),
  kind: kind.kind,
  metadata: { name },
  ...fields,
});

/** Whether a namespace is there inside a transaction, and is being deleted or is not. */
const isNamespace = ({ transaction }: ControllerWrite, name: string, isTerminating: boolean): boolean => {
  const found = transaction.get('/namespaces', '', name);
  return found !== undefined && (found.object.metadata.deletionTimestamp !== undefined) === isTerminating;
};

const provideAccount = (write: ControllerWrite, namespace: string): void => {
  if (!isNamespace(write, namespace, false)) return;
  if (write.transaction.get(resourceKey(serviceAccountKind), namespace, 'default') === undefined)
    write.create(serviceAccountKind, namespace, objectOf(serviceAccountKind, 'default'));
};

const publishRootCa = (write: ControllerWrite, namespace: string, rootCa: string): void => {
  if (!isNamespace(write, namespace, false)) return;
  const data = { 'ca.crt': rootCa };
  const found = write.transaction.get(resourceKey(configMapKind), namespace, rootCaName);
  if (found === undefined) write.create(configMapKind, namespace, objectOf(configMapKind, rootCaName, { data }));
  else if (fieldsAt(found.object, 'data')['ca.crt'] !== rootCa)
    write.replace({ kind: configMapKind, namespace, name: rootCaName, isPatch: true, change: (old) => ({ ...old, data }) });
};

export type Housekeeping = { stop(): void };

/**
 * Brings the namespaces into order, and keeps them so. `rootCa` is what clients verify the server by and what it verifies them by, PEM;
 * `onTrouble` is told where a controller of the server's own was refused, and of bugs.
 */
export const startHousekeeping = async (server: Server, rootCa: string, onTrouble: (error: unknown) => void): Promise<Housekeeping> => {
  const { store, kinds, now, random } = server;
  const start = (name: string) => startController(server, controllerUser(name), onTrouble);
  const [namespaces, accounts, publisher] = [
    start('namespace-controller'),
    start('service-account-controller'),
    start('root-ca-cert-publisher'),
  ];
  const keep = async (name: string): Promise<void> => {
    const found = store.get('/namespaces', '', name);
    if (found === undefined) return;
    if (found.object.metadata.deletionTimestamp !== undefined)
      await namespaces.act(name, (write) => {
        if (isNamespace(write, name, true)) emptyNamespace(write, kinds.kinds, name);
      });
    else
      await Promise.all([
        accounts.act(name, (write) => provideAccount(write, name)),
        publisher.act(name, (write) => publishRootCa(write, name, rootCa)),
      ]);
  };
  const due = new Map<string, NodeJS.Timeout>();
  const keepSoon = (name: string): void => {
    if (due.has(name)) return;
    const look = (): void => {
      due.delete(name);
      void keep(name);
    };
    due.set(name, setTimeout(look, lookAgainMs).unref());
  };
  await store.write((transaction) => provideBootstrap(controllerWrite({ transaction, user: serverUser, now: now(), random })));
  await Promise.all(store.list('/namespaces').map(({ name }) => keep(name)));
  const stops = [
    startCustomKinds(server, onTrouble),
    startGarbageCollection(server, onTrouble).stop,
    startAggregation(server, onTrouble),
    startExpiry(server, onTrouble).stop,
    namespaces.stop,
    accounts.stop,
    publisher.stop,
    store.watch('/namespaces', ({ type, stored }) => {
      if (type !== 'DELETED') void keep(stored.name);
    }),
    store.watch(undefined, ({ type, stored: { namespace, name } }) => {
      // What holds a namespace up may be gone now; and what every namespace has is put back.
      if (namespace !== '' && (type === 'DELETED' || (type === 'MODIFIED' && name === rootCaName))) keepSoon(namespace);
    }),
  ];
  return {
    stop: () => {
      for (const stop of stops) stop();
      for (const timer of due.values()) clearTimeout(timer);
    },
  };
};
