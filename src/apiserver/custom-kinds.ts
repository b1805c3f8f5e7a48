// Keeps the table of kinds in step with the CustomResourceDefinitions: a definition whose names are free is established and served; one
// that is deleted takes its objects along first.

import { customKinds } from '../api/custom-resource.ts';
import { resourceKey } from '../api/kind.ts';
import { cleanupFinalizer, customResourceDefinitionKind } from '../api/kinds/custom-resource-definition.ts';
import { type Fields, fieldsAt, isFields, isSameJson, type KubernetesObject, listAt, textAt } from '../api/object.ts';
import type { Server } from './api-request.ts';
import { type ControllerWrite, serverUser, startController } from './controller.ts';

const resource = resourceKey(customResourceDefinitionKind);

const namesOf = (definition: KubernetesObject): Fields => fieldsAt(fieldsAt(definition, 'spec'), 'names');
const groupOf = (definition: KubernetesObject): string => textAt(definition['spec'], 'group');
const conditionsOf = (definition: KubernetesObject): readonly Fields[] => listAt(definition['status'], 'conditions').filter(isFields);
const isEstablished = (definition: KubernetesObject): boolean =>
  conditionsOf(definition).some(({ type, status }) => type === 'Established' && status === 'True');

/** Every word by which a definition's kind may be asked for. */
const words = (definition: KubernetesObject): readonly string[] => {
  const names = namesOf(definition);
  return [
    textAt(names, 'plural'),
    textAt(names, 'singular'),
    ...listAt(names, 'shortNames').map(String),
    textAt(names, 'kind').toLowerCase(),
  ];
};

/** Which word of a definition an established one of its group has already. */
const conflictOf = (definition: KubernetesObject, others: readonly KubernetesObject[]): string | undefined => {
  const taken = new Set(
    others
      .filter((other) => other.metadata.uid !== definition.metadata.uid && groupOf(other) === groupOf(definition) && isEstablished(other))
      .flatMap(words),
  );
  return words(definition).find((word) => taken.has(word));
};

const timeText = (now: Date): string => `${now.toISOString().slice(0, 19)}Z`;

const condition = (
  old: readonly Fields[],
  now: Date,
  fields: { readonly type: string; readonly status: string; readonly reason: string; readonly message: string },
): Fields => {
  const before = old.find(({ type }) => type === fields.type);
  const since = before?.['status'] === fields.status ? textAt(before, 'lastTransitionTime') : '';
  return { ...fields, lastTransitionTime: since === '' ? timeText(now) : since };
};

const statusOf = (definition: KubernetesObject, all: readonly KubernetesObject[], now: Date): Fields => {
  const conflict = conflictOf(definition, all);
  const old = conditionsOf(definition);
  const accepted =
    conflict === undefined
      ? condition(old, now, { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' })
      : condition(old, now, {
          type: 'NamesAccepted',
          status: 'False',
          reason: 'NameConflict',
          message: `${JSON.stringify(conflict)} is already in use`,
        });
  const isAccepted = conflict === undefined || isEstablished(definition);
  const established = isAccepted
    ? condition(old, now, {
        type: 'Established',
        status: 'True',
        reason: 'InitialNamesAccepted',
        message: 'the initial names have been accepted',
      })
    : condition(old, now, { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' });
  const terminating =
    definition.metadata.deletionTimestamp === undefined
      ? []
      : [
          condition(old, now, {
            type: 'Terminating',
            status: 'True',
            reason: 'InstanceDeletionInProgress',
            message: 'CustomResource deletion is in progress',
          }),
        ];
  const { acceptedNames } = fieldsAt(definition, 'status');
  return {
    ...fieldsAt(definition, 'status'),
    conditions: [accepted, established, ...terminating],
    acceptedNames: conflict === undefined ? namesOf(definition) : (acceptedNames ?? {}),
  };
};

const write = (context: ControllerWrite, name: string, change: (old: KubernetesObject) => KubernetesObject, part?: string): void => {
  const subresource = customResourceDefinitionKind.subresources.find((found) => found.name === part);
  context.replace({ kind: customResourceDefinitionKind, namespace: '', name, subresource, isPatch: true, change });
};

const removeObjects = (context: ControllerWrite, definition: KubernetesObject): boolean => {
  const [kind] = customKinds(definition);
  if (kind === undefined) return true;
  const left = context.transaction.list(resourceKey(kind)).filter(({ namespace, name }) => !context.remove(kind, namespace, name).isGone);
  return left.length === 0;
};

/** What is to be done for one definition. */
const settle = (context: ControllerWrite, name: string): void => {
  const found = context.transaction.get(resource, '', name)?.object;
  if (found === undefined) return;
  const all = context.transaction.list(resource).map(({ object }) => object);
  const status = statusOf(found, all, context.now);
  if (!isSameJson(status, found['status'])) write(context, name, (old) => ({ ...old, status }), 'status');
  if (found.metadata.deletionTimestamp === undefined || !removeObjects(context, found)) return;
  write(context, name, (old) => ({
    ...old,
    metadata: { ...old.metadata, finalizers: (old.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer) },
  }));
};

/** Serves what is defined, now and from now on. */
export const startCustomKinds = (server: Server, onTrouble: (error: unknown) => void): (() => void) => {
  const { store, kinds } = server;
  const controller = startController(server, serverUser, onTrouble);
  const refresh = (): void =>
    kinds.setCustom(
      store
        .list(resource)
        .map(({ object }) => object)
        .filter(isEstablished)
        .flatMap(customKinds),
    );
  const again = (name: string): void => void controller.act(name, (context) => settle(context, name));
  refresh();
  for (const { name } of store.list(resource)) again(name);
  const stops = [
    controller.stop,
    store.watch(resource, ({ type, stored }) => {
      refresh();
      if (type !== 'DELETED') again(stored.name);
      // A name that was taken may be free now.
      else for (const { name } of store.list(resource)) again(name);
    }),
    // The last object of a kind may have been what its definition waits for.
    store.watch(undefined, ({ type, stored }) => {
      if (type !== 'DELETED' || stored.resource === resource) return;
      const [group, plural] = stored.resource.split('/');
      const name = `${plural}.${group}`;
      if (store.get(resource, '', name)?.object.metadata.deletionTimestamp !== undefined) again(name);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};
