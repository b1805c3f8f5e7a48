// The end of a namespace: everything in it is deleted, and the namespace after it. What finalizers hold up is told in its conditions
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/).

import { isStoredForm, type Kind, resourceKey, type Subresource } from '../api/kind.ts';
import { namespaceKind } from '../api/kinds/namespace.ts';
import { type Fields, fieldsAt, isFields, isSameJson, type KubernetesObject, listAt, textAt, without } from '../api/object.ts';
import type { ControllerWrite } from './controller.ts';

const part = (name: string): Subresource | undefined => namespaceKind.subresources.find((found) => found.name === name);

type Condition = { readonly type: string; readonly status: 'True' | 'False'; readonly reason: string; readonly message: string };

const counted = (texts: Iterable<string>): readonly (readonly [string, number])[] => {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
};

const conditionsOf = (left: readonly (readonly [Kind, KubernetesObject])[]): readonly Condition[] => {
  const resources = counted(left.map(([{ plural, group }]) => `${plural}.${group}`)).map(
    ([name, count]) => `${name} has ${count} resource instances`,
  );
  const finalizers = counted(left.flatMap(([, { metadata }]) => metadata.finalizers ?? [])).map(
    ([name, count]) => `${name} in ${count} resource instances`,
  );
  return [
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      status: 'False',
      reason: 'ResourcesDiscovered',
      message: 'All resources successfully discovered',
    },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      status: 'False',
      reason: 'ParsedGroupVersions',
      message: 'All legacy kube types successfully parsed',
    },
    {
      type: 'NamespaceDeletionContentFailure',
      status: 'False',
      reason: 'ContentDeleted',
      message: 'All content successfully deleted, may be waiting on finalization',
    },
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${resources.join(', ')}`,
    },
    {
      type: 'NamespaceFinalizersRemaining',
      status: finalizers.length === 0 ? 'False' : 'True',
      reason: finalizers.length === 0 ? 'ContentHasNoFinalizers' : 'SomeFinalizersRemain',
      message:
        finalizers.length === 0
          ? 'All content-preserving finalizers finished'
          : `Some content in the namespace has finalizers remaining: ${finalizers.join(', ')}`,
    },
  ];
};

/** Conditions with the time of their last change; one that says the same as before keeps it. */
const timed = (conditions: readonly Condition[], old: readonly unknown[], now: Date): readonly Fields[] =>
  conditions.map((condition) => {
    const before = old.filter(isFields).find(({ type }) => type === condition.type);
    const isSame = before !== undefined && isSameJson(without(before, 'lastTransitionTime'), condition);
    const lastTransitionTime = isSame ? textAt(before, 'lastTransitionTime') : `${now.toISOString().slice(0, 19)}Z`;
    return { ...condition, lastTransitionTime };
  });

const tell = (write: ControllerWrite, name: string, left: readonly (readonly [Kind, KubernetesObject])[]): void => {
  write.replace({
    kind: namespaceKind,
    namespace: '',
    name,
    subresource: part('status'),
    isPatch: true,
    change: (old) => {
      const status = fieldsAt(old, 'status');
      return { ...old, status: { ...status, conditions: timed(conditionsOf(left), listAt(status, 'conditions'), write.now) } };
    },
  });
};

/** Deletes what is in a namespace that is being deleted, as far as finalizers allow, and lets it go where nothing is left. */
export const emptyNamespace = (write: ControllerWrite, kinds: readonly Kind[], namespace: string): void => {
  const left = kinds
    .filter((kind) => kind.isNamespaced && isStoredForm(kind) && kind.verbs.includes('delete'))
    .flatMap((kind) =>
      write.transaction.list(resourceKey(kind), namespace).flatMap(({ name }): readonly (readonly [Kind, KubernetesObject])[] => {
        const { isGone, stored } = write.remove(kind, namespace, name);
        return isGone ? [] : [[kind, stored.object]];
      }),
    );
  if (left.length > 0) {
    tell(write, namespace, left);
    return;
  }
  write.replace({
    kind: namespaceKind,
    namespace: '',
    name: namespace,
    subresource: part('finalize'),
    isPatch: true,
    change: (old) => ({ ...old, spec: { ...fieldsAt(old, 'spec'), finalizers: [] } }),
  });
};
