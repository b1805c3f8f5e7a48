// Who manages which fields of an object: metadata.managedFields, kept by every write
// (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management). A manager is a name, what it does, the API version it
// does it in, and the part of the object it writes to.

import type { Kind } from '../api/kind.ts';
import { groupVersion, isSameJson, type KubernetesObject, type ManagedFieldsEntry, without } from '../api/object.ts';
import { type FieldProblem, invalidValue, tooLong } from '../api/status.ts';
import { compareFields } from './compare-fields.ts';
import { rootPlace } from './field-place.ts';
import {
  differenceOf,
  type FieldSet,
  fromFieldsV1,
  intersectionOf,
  isEmptySet,
  type Path,
  setOf,
  toFieldsV1,
  unionOf,
  withoutBranches,
} from './field-set.ts';

export type Manager = {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  /** Empty for the object itself. */
  readonly subresource: string;
};

/** What a manager has, and since when; `time` is RFC 3339. */
export type Managed = { readonly manager: Manager; readonly set: FieldSet; readonly time: string };

const maxManagerBytes = 128;
/** Beyond so many updaters the oldest are gathered into one, so that no object grows by being written to. */
const maxUpdaters = 10;

/** What the server writes alone belongs to nobody. */
const unowned: FieldSet = setOf(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'generation', 'managedFields', 'resourceVersion'].map(
    (name): Path => ['f:metadata', `f:${name}`],
  ),
);

export const ownable = (set: FieldSet): FieldSet => differenceOf(set, unowned);

/** What a write to the object itself leaves as it is, and so does not own. */
const statusBranch = setOf(['f:status']);

/** What of a set a write to this part of the object can own. */
export const writable = (kind: Kind, subresource: string, set: FieldSet): FieldSet => {
  if (subresource !== 'status')
    return subresource === '' && kind.subresources.some(({ name }) => name === 'status') ? withoutBranches(set, statusBranch) : set;
  const status = set.below.get('f:status');
  return { isMember: false, below: new Map(status === undefined ? [] : [['f:status', status]]) };
};

/** The name of who writes: as said, or the program's. */
export const managerName = (given: string | null, userAgent: string | undefined): string => {
  if (given !== null && given !== '') return given;
  const name = (userAgent ?? '').split('/')[0] ?? '';
  return name === '' ? 'unknown' : Buffer.from(name).subarray(0, maxManagerBytes).toString();
};

/** What is wrong with a manager's name. */
export const managerProblems = (name: string): readonly FieldProblem[] => [
  ...(Buffer.byteLength(name) > maxManagerBytes ? [tooLong('fieldManager', maxManagerBytes)] : []),
  ...(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}]*$/u.test(name)
    ? []
    : [invalidValue('fieldManager', name, 'should only contain printable characters')]),
];

export const isSameManager = (a: Manager, b: Manager): boolean =>
  a.name === b.name && a.operation === b.operation && a.apiVersion === b.apiVersion && a.subresource === b.subresource;

/** What entries say; undefined where one cannot be read. */
export const readManaged = (entries: readonly ManagedFieldsEntry[]): readonly Managed[] | undefined => {
  const managed = entries.map(({ manager = '', operation, apiVersion = '', subresource = '', fieldsV1, fieldsType, time = '' }) => {
    const set = fromFieldsV1(fieldsV1);
    if (set === undefined || fieldsType !== 'FieldsV1' || (operation !== 'Apply' && operation !== 'Update')) return undefined;
    return { manager: { name: manager, operation, apiVersion, subresource }, set, time };
  });
  return managed.every((entry) => entry !== undefined) ? managed : undefined;
};

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** As entries, in their order: appliers first, then by time, then by name. Those that own nothing are left out. */
export const writeManaged = (managed: readonly Managed[]): readonly ManagedFieldsEntry[] =>
  managed
    .filter(({ set }) => !isEmptySet(set))
    .toSorted(
      (a, b) =>
        order(a.manager.operation, b.manager.operation) ||
        order(a.time, b.time) ||
        order(a.manager.name, b.manager.name) ||
        order(a.manager.apiVersion, b.manager.apiVersion) ||
        order(a.manager.subresource, b.manager.subresource),
    )
    .map(({ manager: { name, operation, apiVersion, subresource }, set, time }) => ({
      manager: name,
      operation,
      apiVersion,
      ...(time === '' ? {} : { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(set),
      ...(subresource === '' ? {} : { subresource }),
    }));

const isReset = (sent: readonly ManagedFieldsEntry[]): boolean => sent.length === 1 && Object.keys(sent[0] ?? {}).length === 0;

/** What is managed before a write: as the client says, who may take entries away; where it says nothing that can be read, as it was. */
export const managedBefore = (
  sent: readonly ManagedFieldsEntry[] | undefined,
  stored: readonly ManagedFieldsEntry[] | undefined,
): readonly Managed[] => {
  if (sent !== undefined && isReset(sent)) return [];
  const said = sent === undefined ? undefined : readManaged(sent);
  return said === undefined || said.length === 0 ? (readManaged(stored ?? []) ?? []) : said;
};

/** Faults of entries that a client sends. */
export const managedFieldsProblems = (sent: readonly ManagedFieldsEntry[] | undefined): readonly FieldProblem[] =>
  sent === undefined || isReset(sent)
    ? []
    : sent.flatMap(({ operation, fieldsType, manager = '' }, i) => {
        const path = `metadata.managedFields[${i}]`;
        return [
          ...(operation === 'Apply' || operation === 'Update'
            ? []
            : [invalidValue(`${path}.operation`, operation ?? '', 'must be `Apply` or `Update`')]),
          ...(fieldsType === undefined || fieldsType === 'FieldsV1'
            ? []
            : [invalidValue(`${path}.fieldsType`, fieldsType, 'must be `FieldsV1`')]),
          ...managerProblems(manager).map((problem) => ({ ...problem, field: `${path}.manager` })),
        ];
      });

const withFewUpdaters = (managed: readonly Managed[], kept: Manager): readonly Managed[] => {
  const updaters = managed.filter(({ manager }) => manager.operation === 'Update' && manager.subresource === '');
  if (updaters.length <= maxUpdaters) return managed;
  const old = updaters
    .filter(({ manager }) => !isSameManager(manager, kept))
    .toSorted((a, b) => order(a.time, b.time))
    .slice(0, updaters.length - maxUpdaters + 1);
  const gathered = old.map(({ manager, set, time }) => ({ manager: { ...manager, name: 'ancient-changes' }, set, time }));
  const merged: Managed[] = [];
  for (const entry of gathered) {
    const at = merged.findIndex(({ manager }) => isSameManager(manager, entry.manager));
    const known = merged[at];
    if (known === undefined) merged.push(entry);
    else merged[at] = { ...entry, set: unionOf(known.set, entry.set) };
  }
  return [...managed.filter((entry) => !old.includes(entry)), ...merged];
};

export type TrackedWrite = {
  readonly kind: Kind;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly manager: string;
  /** RFC 3339. */
  readonly time: string;
};

export const managerOf = ({ kind, subresource, manager }: TrackedWrite, operation: Manager['operation']): Manager => ({
  name: manager,
  operation,
  apiVersion: groupVersion(kind.group, kind.version),
  subresource,
});

/** What each manager has left after another changed and took away fields. */
export const afterChange = (managed: readonly Managed[], changed: FieldSet, removed: FieldSet): readonly Managed[] =>
  managed.map((entry) => ({ ...entry, set: differenceOf(differenceOf(entry.set, changed), removed) }));

/** Who manages what after an update: its maker has what it changed, the others lose that. `before` is empty for what is new. */
export const trackUpdate = (
  write: TrackedWrite,
  before: KubernetesObject,
  after: KubernetesObject,
  managed: readonly Managed[],
): readonly Managed[] => {
  const { kind, time } = write;
  const bare = (object: KubernetesObject): KubernetesObject => ({ ...object, metadata: without(object.metadata, 'managedFields') });
  const { added, modified, removed } = compareFields(rootPlace(kind), bare(before), bare(after));
  const changed = ownable(writable(kind, write.subresource, unionOf(added, modified)));
  const left = afterChange(managed, changed, removed);
  if (isEmptySet(changed)) return left;
  const manager = managerOf(write, 'Update');
  const own = left.find((entry) => isSameManager(entry.manager, manager));
  const mine: Managed = { manager, set: own === undefined ? changed : unionOf(own.set, changed), time };
  return withFewUpdaters([...left.filter((entry) => entry !== own), mine], manager);
};

/** Conflicts of an applier with others: which of their fields it would change. */
export const conflictsWith = (managed: readonly Managed[], changed: FieldSet): readonly Managed[] =>
  managed.flatMap((entry) => {
    const set = intersectionOf(entry.set, changed);
    return isEmptySet(set) ? [] : [{ ...entry, set }];
  });

/** Whether two states of managed fields are the same, times apart. */
export const isSameManaged = (a: readonly ManagedFieldsEntry[], b: readonly ManagedFieldsEntry[]): boolean =>
  isSameJson(
    a.map((entry) => without(entry, 'time')),
    b.map((entry) => without(entry, 'time')),
  );
