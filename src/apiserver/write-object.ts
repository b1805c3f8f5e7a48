// Creating, replacing and deleting one object inside a transaction: the rules that all kinds share. What a kind adds stands in its own file.

import { type Kind, resourceKey, type Subresource, type WriteContext } from '../api/kind.ts';
import { metadataChangeProblems, metadataProblems } from '../api/metadata.ts';
import {
  fieldsAt,
  isFields,
  isSameJson,
  type KubernetesObject,
  listAt,
  type ManagedFieldsEntry,
  type ObjectMeta,
  without,
} from '../api/object.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldProblem,
  forbidden,
  invalid,
  invalidValue,
  notFound,
  staleObject,
} from '../api/status.ts';
import type { Admission, AdmissionSubject } from './admission.ts';
import { requireNoEscalation } from './escalation.ts';
import { isSameManaged, managedBefore, managedFieldsProblems, type TrackedWrite, trackUpdate, writeManaged } from './managed-fields.ts';
import { asServed, asStored } from './served-version.ts';
import { blank } from './server-side-apply.ts';
import type { Stored, Transaction } from './store.ts';

export type Write = Omit<WriteContext, 'transaction'> & {
  readonly transaction: Transaction;
  readonly random: (length: number) => Uint8Array;
  /** As whom managedFields record the change; the server itself where it is left out. */
  readonly manager?: string;
  /** Whom to ask; nobody where the server itself acts. */
  readonly admission?: Admission;
};

const ownManager = 'certwright';

export const timeText = (now: Date): string => `${now.toISOString().slice(0, 19)}Z`;

/** A UUID of version 4 (RFC 9562 section 5.4). */
export const newUid = (random: (length: number) => Uint8Array): string => {
  const octets = Uint8Array.from(random(16));
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x40;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(octets).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};

const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';
const maxStem = 58;

const generatedName = (stem: string, random: (length: number) => Uint8Array): string =>
  stem.slice(0, maxStem) + [...random(5)].map((octet) => suffixLetters[octet % suffixLetters.length]).join('');

/** Throws NotFound where the namespace is not there, and Forbidden where it is about to go. */
const requireNamespace = ({ transaction }: Write, kind: Kind, namespace: string, name: string): void => {
  if (!kind.isNamespaced) return;
  const found = transaction.get('/namespaces', '', namespace);
  if (found === undefined) throw notFound({ group: '', plural: 'namespaces' }, namespace);
  if (found.object.metadata.deletionTimestamp !== undefined)
    throw forbidden(kind, name, `unable to create new content in namespace ${namespace} because it is being terminated`, [
      { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' },
    ]);
};

const tracked = ({ manager = ownManager, now }: Write, kind: Kind, subresource: string): TrackedWrite => ({
  kind,
  subresource,
  manager,
  time: timeText(now),
});

const withManaged = (object: KubernetesObject, managedFields: readonly ManagedFieldsEntry[]): KubernetesObject =>
  managedFields.length === 0 ? object : { ...object, metadata: { ...object.metadata, managedFields } };

const withoutManaged = (object: KubernetesObject): KubernetesObject =>
  object.metadata.managedFields === undefined ? object : { ...object, metadata: without(object.metadata, 'managedFields') };

/** The object as webhooks change it; it stays the same object. Throws BadRequest, and what webhooks throw. */
const mutated = (write: Write, subject: AdmissionSubject, object: KubernetesObject): KubernetesObject => {
  const changed = write.admission?.mutate(subject, object) ?? object;
  for (const field of ['name', 'namespace', 'generateName', 'uid', 'resourceVersion'] as const)
    if (changed.metadata[field] !== object.metadata[field]) throw badRequest(`a webhook may not change metadata.${field}`);
  return changed;
};

/** How managedFields come about: reckoned from what changed, or given with the object, by an apply. */
export type Tracking = 'update' | 'applied';

/** Throws Invalid with every fault of an object. */
const requireValid = (
  kind: Kind,
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  more: readonly FieldProblem[] = [],
): void => {
  const found = [...metadataProblems(object.metadata, kind.nameRule), ...kind.problems(object), ...more];
  const problems = [...found, ...(kind.rules?.(object, old, found) ?? [])];
  if (problems.length > 0) throw invalid(kind, object.metadata.name ?? object.metadata.generateName ?? '', problems);
};

/** Stores a new object. `namespace` is the path's. Throws AlreadyExists, Invalid, NotFound, Forbidden, BadRequest. */
export const createObject = (
  write: Write,
  kind: Kind,
  namespace: string,
  sent: KubernetesObject,
  tracking: Tracking = 'update',
): Stored => {
  const { transaction, random, now } = write;
  const { managedFields: sentManaged, ...given } = sent.metadata;
  if (given.namespace !== undefined && given.namespace !== namespace)
    throw badRequest(
      kind.isNamespaced
        ? 'the namespace of the provided object does not match the namespace sent on the request'
        : 'namespace is not allowed on this type',
    );
  if (given.resourceVersion !== undefined) throw badRequest('resourceVersion should not be set on objects to be created');
  const name = given.name ?? (given.generateName === undefined ? undefined : generatedName(given.generateName, random));
  requireNamespace(write, kind, namespace, name ?? '');
  const own: ObjectMeta = {
    ...(name === undefined ? {} : { name }),
    ...(kind.isNamespaced ? { namespace } : {}),
    uid: newUid(random),
    creationTimestamp: timeText(now),
    ...(kind.hasGeneration ? { generation: 1 } : {}),
  };
  const settled = (asked: KubernetesObject): KubernetesObject => ({
    ...asked,
    metadata: { ...without(asked.metadata, 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'managedFields'), ...own },
  });
  const subject = { operation: 'CREATE', kind, subresource: '', namespace, name: given.name ?? '', oldObject: undefined } as const;
  const meant = settled(sent);
  const object = kind.withDefaults(kind.forCreate(settled(mutated(write, subject, withoutManaged(sent))), write));
  requireManaged(kind, name ?? '', sentManaged);
  requireValid(kind, object, undefined, kind.createProblems(object, write));
  if (name === undefined) throw invalid(kind, '', []);
  requireNoEscalation(transaction, write.user, kind, object, undefined, '');
  if (transaction.get(resourceKey(kind), namespace, name) !== undefined) throw alreadyExists(kind, name);
  const managedFields =
    tracking === 'applied'
      ? (sentManaged ?? [])
      : writeManaged(
          trackUpdate(tracked(write, kind, ''), blank(object), common(kind.withDefaults(meant), object), managedBefore(sentManaged, [])),
        );
  const managed = withManaged(object, managedFields);
  write.admission?.validate({ ...subject, object: managed });
  return asServed(kind, transaction.put(resourceKey(kind), namespace, name, asStored(kind, managed)));
};

/** What was asked for and came to be; what the server added is nobody's. */
const common = (asked: KubernetesObject, made: KubernetesObject): KubernetesObject => {
  const kept = (a: unknown, b: unknown): unknown => {
    if (!isFields(a) || !isFields(b)) return b;
    return Object.fromEntries(Object.keys(b).flatMap((name) => (a[name] === undefined ? [] : [[name, kept(a[name], b[name])]])));
  };
  return kept(asked, made) as KubernetesObject;
};

const requireManaged = (kind: Kind, name: string, sent: readonly ManagedFieldsEntry[] | undefined): void => {
  const problems = managedFieldsProblems(sent);
  if (problems.length > 0) throw invalid(kind, name, problems);
};

const changesSpec = (kind: Kind, object: KubernetesObject, old: KubernetesObject): boolean => {
  const [after, before] = kind.countsGeneration(object, old);
  return !isSameJson(without(after, 'metadata'), without(before, 'metadata'));
};

/** Whether nothing holds an object any more that is being deleted. */
const isReleased = (kind: Kind, { metadata, ...object }: KubernetesObject): boolean =>
  metadata.deletionTimestamp !== undefined &&
  (metadata.finalizers ?? []).length === 0 &&
  !(kind.plural === 'namespaces' && kind.group === '' && listAt(object['spec'], 'finalizers').length > 0);

export type Replacement = {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: Subresource | undefined;
  /** The new object, made of the stored one. */
  readonly change: (old: KubernetesObject) => KubernetesObject;
  /** Whether the object must say which state it was made from, where its kind demands it. */
  readonly isPatch?: boolean;
  readonly tracking?: Tracking;
};

const settledMetadata = (kind: Kind, sent: ObjectMeta, old: ObjectMeta): ObjectMeta => ({
  ...without(sent, 'creationTimestamp', 'generation', 'resourceVersion'),
  ...(old.creationTimestamp === undefined ? {} : { creationTimestamp: old.creationTimestamp }),
  ...(old.uid === undefined || sent.uid !== undefined ? {} : { uid: old.uid }),
  // What is being deleted stays so, also where the client left it out.
  ...(old.deletionTimestamp === undefined
    ? {}
    : {
        deletionTimestamp: sent.deletionTimestamp ?? old.deletionTimestamp,
        ...(old.deletionGracePeriodSeconds === undefined
          ? {}
          : { deletionGracePeriodSeconds: sent.deletionGracePeriodSeconds ?? old.deletionGracePeriodSeconds }),
      }),
  ...(kind.hasGeneration ? { generation: old.generation ?? 1 } : {}),
});

const withoutVersion = (object: KubernetesObject): KubernetesObject => ({
  ...object,
  metadata: without(object.metadata, 'resourceVersion', 'managedFields'),
});

/** Objects that nobody is recorded to manage stay so until something is applied to them, or entries are sent. */
const updatedManaged = (
  write: TrackedWrite,
  old: KubernetesObject,
  next: KubernetesObject,
  sent: readonly ManagedFieldsEntry[] | undefined,
): readonly ManagedFieldsEntry[] => {
  const before = managedBefore(sent, old.metadata.managedFields);
  return before.length === 0 ? [] : writeManaged(trackUpdate(write, old, next, before));
};

/** Replaces an object, or a part of it. A change of nothing is no change. Throws NotFound, Conflict, Invalid, BadRequest. */
export const replaceObject = (write: Write, replacement: Replacement): Stored => {
  const { kind, namespace, name, subresource, change, isPatch = false, tracking = 'update' } = replacement;
  const { transaction } = write;
  const stored = transaction.get(resourceKey(kind), namespace, name);
  if (stored === undefined) throw notFound(kind, name);
  const whole = asServed(kind, stored).object;
  const old = withoutManaged(whole);
  const wanted = change(whole);
  const { managedFields: sentManaged, ...given } = wanted.metadata;
  if ((given.name ?? name) !== name)
    throw badRequest(`the name of the object (${given.name}) does not match the name on the URL (${name})`);
  if ((given.namespace ?? namespace) !== namespace)
    throw badRequest(`the namespace of the object (${given.namespace}) does not match the namespace on the URL (${namespace})`);
  if (given.resourceVersion === undefined && !isPatch && !kind.allowsUnconditionalUpdate)
    throw invalid(kind, name, [invalidValue('metadata.resourceVersion', 0, 'must be specified for an update')]);
  if (given.resourceVersion !== undefined && given.resourceVersion !== old.metadata.resourceVersion) throw staleObject(kind, name);
  if (given.uid !== undefined && given.uid !== old.metadata.uid && !isPatch)
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${old.metadata.uid}`);
  requireManaged(kind, name, sentManaged);
  const view = subresource?.view;
  const subject: AdmissionSubject = {
    operation: 'UPDATE',
    kind,
    subresource: subresource?.name ?? '',
    namespace,
    name,
    shownAs: view?.kind,
    oldObject: view?.show(whole) ?? whole,
  };
  const sent = mutated(write, subject, { ...wanted, metadata: { ...given, name, ...(kind.isNamespaced ? { namespace } : {}) } });
  const meant: KubernetesObject = { ...sent, metadata: settledMetadata(kind, without(sent.metadata, 'managedFields'), old.metadata) };
  const next = kind.withDefaults(
    subresource?.apply === undefined ? kind.forUpdate(meant, old, write) : subresource.apply(meant, old, write),
  );
  const problems = [
    ...metadataChangeProblems(next.metadata, old.metadata),
    ...(subresource === undefined ? kind.changeProblems(next, old, write) : (subresource.problems?.(next, old, write) ?? [])),
  ];
  if (problems.length > 0) throw invalid(kind, name, problems);
  requireValid(kind, next, old);
  requireNoEscalation(transaction, write.user, kind, next, old, subresource?.name ?? '');
  const managedFields =
    tracking === 'applied'
      ? (sentManaged ?? [])
      : updatedManaged(tracked(write, kind, subresource?.name ?? ''), whole, next, subresource === undefined ? sentManaged : undefined);
  const managed = withManaged(next, managedFields);
  const counted =
    kind.hasGeneration && subresource?.name !== 'status' && changesSpec(kind, next, old)
      ? { ...managed, metadata: { ...managed.metadata, generation: (old.metadata.generation ?? 1) + 1 } }
      : managed;
  write.admission?.validate({ ...subject, object: view?.show(counted) ?? counted });
  if (isReleased(kind, counted)) return asServed(kind, transaction.remove({ ...stored, object: asStored(kind, counted) }));
  const unchanged =
    isSameJson(withoutVersion(counted), withoutVersion(whole)) && isSameManaged(managedFields, whole.metadata.managedFields ?? []);
  return asServed(kind, unchanged ? stored : transaction.put(resourceKey(kind), namespace, name, asStored(kind, counted)));
};

export type DeleteOptions = {
  readonly propagationPolicy: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
};

/** What became of an object that was asked to go. */
export type Deletion = { readonly stored: Stored; readonly isGone: boolean };

const protectedNamespaces: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

const finalizerOf = { Foreground: 'foregroundDeletion', Orphan: 'orphan', Background: undefined } as const;

/** Deletes an object, or marks it where finalizers hold it. Throws NotFound, Conflict, Forbidden. */
export const deleteObject = (write: Write, kind: Kind, namespace: string, name: string, options: DeleteOptions): Deletion => {
  const { transaction, now } = write;
  const stored = transaction.get(resourceKey(kind), namespace, name);
  if (stored === undefined) throw notFound(kind, name);
  const { metadata } = stored.object;
  const precondition = (what: string, wanted: string | undefined, found: string | undefined): void => {
    if (wanted !== undefined && wanted !== found)
      throw conflict(kind, name, `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`);
  };
  precondition('UID', options.uid, metadata.uid);
  precondition('ResourceVersion', options.resourceVersion, metadata.resourceVersion);
  const shown = asServed(kind, stored).object;
  write.admission?.validate({ operation: 'DELETE', kind, subresource: '', namespace, name, object: undefined, oldObject: shown });
  const isNamespace = kind.plural === 'namespaces' && kind.group === '';
  if (isNamespace && protectedNamespaces.has(name)) throw forbidden(kind, name, 'this namespace may not be deleted');
  const added = options.propagationPolicy === undefined ? undefined : finalizerOf[options.propagationPolicy];
  const finalizers = [
    ...(metadata.finalizers ?? []),
    ...(added === undefined || isNamespace || metadata.finalizers?.includes(added) ? [] : [added]),
  ];
  if (metadata.deletionTimestamp !== undefined) return { stored: asServed(kind, stored), isGone: false };
  const marked: KubernetesObject = {
    ...stored.object,
    metadata: {
      ...metadata,
      deletionTimestamp: timeText(now),
      deletionGracePeriodSeconds: 0,
      ...(finalizers.length === 0 ? {} : { finalizers }),
    },
    ...(isNamespace ? { status: { ...fieldsAt(stored.object, 'status'), phase: 'Terminating' } } : {}),
  };
  return isReleased(kind, marked)
    ? { stored: asServed(kind, transaction.remove(stored)), isGone: true }
    : {
        stored: asServed(
          kind,
          transaction.put(
            resourceKey(kind),
            namespace,
            name,
            isNamespace ? { ...marked, metadata: without(marked.metadata, 'deletionGracePeriodSeconds') } : marked,
          ),
        ),
        isGone: false,
      };
};
