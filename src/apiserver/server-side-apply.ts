// Server-side apply: a manager says what it wants of an object, and that is laid over what is there; what it wanted before and does not name
// any more goes, where nobody else wants it (https://kubernetes.io/docs/reference/using-api/server-side-apply/). Pure.

import { groupVersion, isSameJson, type KubernetesObject, type ManagedFieldsEntry, without } from '../api/object.ts';
import { applyConflict, badRequest, type StatusCause } from '../api/status.ts';
import { compareFields, fieldsOf, mergeFields, withNamedParents, withoutFields } from './compare-fields.ts';
import { entriesOf, type Place, partsOf, rootPlace } from './field-place.ts';
import { differenceOf, emptySet, type FieldSet, intersectionOf, isEmptySet, pathsOf, pathText, unionOf } from './field-set.ts';
import {
  afterChange,
  conflictsWith,
  isSameManager,
  type Managed,
  type Manager,
  managedBefore,
  managerOf,
  ownable,
  type TrackedWrite,
  trackUpdate,
  writable,
  writeManaged,
} from './managed-fields.ts';

export type Applied = { readonly object: KubernetesObject; readonly managedFields: readonly ManagedFieldsEntry[] };

const managerText = ({ name, operation, apiVersion, subresource }: Manager): string =>
  JSON.stringify(name) +
  (subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`) +
  (operation === 'Apply' ? '' : ` using ${apiVersion}`);

/** Every conflict as a cause, and all of them in one message. */
const conflictError = (conflicts: readonly Managed[]): Error => {
  const found = conflicts
    .map(({ manager, set }) => ({ who: managerText(manager), paths: pathsOf(set).map(pathText) }))
    .toSorted((a, b) => (a.who < b.who ? -1 : 1));
  const causes = found.flatMap(({ who, paths }) =>
    paths.map((field): StatusCause => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })),
  );
  const [only] = causes;
  const said =
    causes.length === 1
      ? `${only?.message}: ${only?.field}`
      : found.map(({ who, paths }) => [`conflicts with ${who}:`, ...paths.map((path) => `- ${path}`)].join('\n')).join('\n');
  return applyConflict(`Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${said}`, causes);
};

/** What is laid over goes again where the manager wanted it last time, does not now, and nobody else does. */
const pruned = (place: Place, merged: unknown, last: FieldSet, wanted: FieldSet, held: FieldSet): unknown => {
  if (isEmptySet(last)) return merged;
  const all = withNamedParents(place, fieldsOf(place, merged));
  const before = withNamedParents(place, last);
  const left = (value: unknown): FieldSet => withNamedParents(place, fieldsOf(place, value ?? {}));
  const taken = withoutFields(place, merged, before);
  // What any manager wants stays, and with it what leads there.
  const kept = withoutFields(place, merged, differenceOf(all, unionOf(left(taken), withNamedParents(place, wanted))));
  // What nobody ever wanted is not this manager's to take away.
  return withoutFields(place, merged, intersectionOf(differenceOf(all, left(kept)), before), held);
};

const before = 'before-first-apply';

/** What stands there already when the first configuration comes belongs to whoever wrote it, under one name. */
const withFirstOwner = (write: TrackedWrite, live: KubernetesObject, managed: readonly Managed[]): readonly Managed[] =>
  managed.length > 0 || live.metadata.creationTimestamp === undefined
    ? managed
    : trackUpdate({ ...write, manager: before, subresource: '' }, blank(live), live, []);

/** An object of which nothing is known yet but what it is. */
export const blank = ({ apiVersion, kind }: KubernetesObject): KubernetesObject => ({ apiVersion, kind, metadata: {} });

/**
 * Lays a configuration over an object; `live` is blank for one that is not there. Throws Conflict where others manage what it would change,
 * unless it is forced, and BadRequest where entries of a list in it cannot be told apart.
 */
export const applyConfiguration = (write: TrackedWrite, live: KubernetesObject, config: KubernetesObject, force: boolean): Applied => {
  const { kind, time } = write;
  const place = rootPlace(kind);
  const manager = managerOf(write, 'Apply');
  const bareLive: KubernetesObject = { ...live, metadata: without(live.metadata, 'managedFields') };
  const managed = withFirstOwner(write, bareLive, managedBefore(undefined, live.metadata.managedFields));
  const last = managed.find((entry) => isSameManager(entry.manager, manager));
  const others = managed.filter((entry) => entry !== last);
  const set = ownable(writable(kind, write.subresource, fieldsOf(place, config)));
  requireDistinctEntries(place, config, '');
  const laid = mergeFields(place, bareLive, config);
  const wanted = others.reduce((all, entry) => unionOf(all, entry.set), set);
  // Laid over once more, for an empty map that is wanted went with what was in it.
  // Kinds of Kubernetes' own have no empty maps.
  const held = kind.isCustom ? wanted : emptySet;
  const made = mergeFields(place, pruned(place, laid, last?.set ?? emptySet, wanted, held), config) as KubernetesObject;
  const object: KubernetesObject = {
    ...made,
    apiVersion: groupVersion(kind.group, kind.version),
    kind: kind.kind,
    metadata: made.metadata,
  };
  const { added, modified, removed } = compareFields(place, bareLive, object);
  const changed = ownable(writable(kind, write.subresource, unionOf(added, modified)));
  const conflicts = conflictsWith(others, changed);
  if (conflicts.length > 0 && !force) throw conflictError(conflicts);
  const isSame = isEmptySet(changed) && isEmptySet(removed) && last !== undefined && isSameJson([...pathsOf(last.set)], [...pathsOf(set)]);
  const mine: Managed = { manager, set, time: isSame ? last.time : time };
  return { object, managedFields: writeManaged([...afterChange(others, changed, removed), mine]) };
};

/** Throws BadRequest where a list that is owned entry by entry has two of the same, or one without its keys. */
const requireDistinctEntries = (place: Place, value: unknown, path: string): void => {
  if (Array.isArray(value) && place.list !== 'atomic') {
    const entries = entriesOf(place, value);
    if (entries === undefined)
      throw badRequest(
        `failed to create typed patch object: ${path}: entries must be told apart by ${place.list === 'set' ? 'their values' : place.list.join(', ')}, each present once`,
      );
  }
  const parts = partsOf(place, value);
  for (const [step, part] of parts?.parts ?? []) requireDistinctEntries(part.place, part.value, path + pathText([step]));
};
