// What the server knows of a kind. A kind of Kubernetes' own is one entry; custom resources give the same out of their definition.

import type { Column } from './column.ts';
import { type Conformed, conform } from './conform.ts';
import type { SelectableFields } from './field-selector.ts';
import type { NameRule } from './metadata.ts';
import { subdomainName } from './metadata.ts';
import { type Fields, type KubernetesObject, without } from './object.ts';
import { modelSchema, type Schema } from './schema.ts';
import type { FieldProblem } from './status.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export const allVerbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** Who asks. */
export type UserInfo = {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
};

/** What else is stored, as the write in hand sees it. */
export type StoredObjects = {
  get(resource: string, namespace: string, name: string): { readonly object: KubernetesObject } | undefined;
  list(resource: string, namespace?: string): readonly { readonly namespace: string; readonly object: KubernetesObject }[];
};

/** What a kind may look at when an object of it is prepared: who asks, when, and what is there. */
export type WriteContext = { readonly user: UserInfo; readonly now: Date; readonly transaction: StoredObjects };

/** A part of an object with a path of its own; `keep` says what a write through it may change. */
export type Subresource = {
  readonly name: string;
  readonly verbs: readonly ('create' | 'get' | 'patch' | 'update')[];
  /** The kind that is sent and answered, where it is another one. */
  readonly serves?: { readonly group: string; readonly version: string; readonly kind: string };
  /** How an object looks as that other kind, and what a write of it makes of the object. */
  readonly view?: SubresourceView;
  /** The object to store, from what was sent and what is stored; absent where nothing is stored. */
  readonly apply?: (sent: KubernetesObject, old: KubernetesObject, context: WriteContext) => KubernetesObject;
  readonly problems?: (object: KubernetesObject, old: KubernetesObject, context: WriteContext) => readonly FieldProblem[];
};

export type SubresourceView = {
  readonly kind: Kind;
  /** Why there is nothing to show, where that is so; it can be written all the same. */
  readonly problem?: (object: KubernetesObject) => string | undefined;
  readonly show: (object: KubernetesObject) => KubernetesObject;
  readonly apply: (sent: KubernetesObject, old: KubernetesObject) => KubernetesObject;
};

/** A kind whose objects another kind stores: two groups, one object. */
export type View = {
  readonly of: { readonly group: string; readonly plural: string };
  readonly show: (stored: KubernetesObject) => KubernetesObject;
  readonly store: (shown: KubernetesObject) => KubernetesObject;
};

export type Kind = {
  readonly group: string;
  /** What objects are stored as, and what clients should use. */
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly listKind: string;
  /** The version that objects are stored as. */
  readonly storageVersion: string;
  /** Whether requests may name this version. */
  readonly isServed: boolean;
  /** Where it is but another view of what another kind stores. */
  readonly view?: View;
  /** Whether a CustomResourceDefinition defines it. */
  readonly isCustom: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly isNamespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly schema: Schema;
  readonly columns: readonly Column[];
  readonly nameRule: NameRule;
  readonly selectable: SelectableFields;
  /** Whether metadata.generation counts changes of the spec. */
  readonly hasGeneration: boolean;
  /** Whether an update without resourceVersion is taken. */
  readonly allowsUnconditionalUpdate: boolean;
  readonly createsOnUpdate: boolean;
  /** Whether DELETE answers with the object; else with a Status. */
  readonly deleteReturnsObject: boolean;
  readonly subresources: readonly Subresource[];
  /** Fills in what was left out; applied to what is created and updated. */
  readonly withDefaults: (object: KubernetesObject) => KubernetesObject;
  /** Takes away what a client may not set when it creates. */
  readonly forCreate: (object: KubernetesObject, context: WriteContext) => KubernetesObject;
  /** Puts back what a client may not change. */
  readonly forUpdate: (object: KubernetesObject, old: KubernetesObject, context: WriteContext) => KubernetesObject;
  /** A JSON object as one of this kind: types checked, unknown fields named and left out. */
  readonly read: (value: Fields) => Conformed;
  /** What of two states is compared to tell whether the generation grows. */
  readonly countsGeneration: (object: KubernetesObject, old: KubernetesObject) => readonly [KubernetesObject, KubernetesObject];
  readonly problems: (object: KubernetesObject) => readonly FieldProblem[];
  /** What an object breaks of rules that may look at what was before; `found` is what `problems` found. */
  readonly rules?: (object: KubernetesObject, old: KubernetesObject | undefined, found: readonly FieldProblem[]) => readonly FieldProblem[];
  /** What is wrong with an object only when it is new. */
  readonly createProblems: (object: KubernetesObject, context: WriteContext) => readonly FieldProblem[];
  readonly changeProblems: (object: KubernetesObject, old: KubernetesObject, context: WriteContext) => readonly FieldProblem[];
};

type KindEntry = Pick<Kind, 'group' | 'version' | 'kind' | 'plural' | 'isNamespaced'> & {
  /** Its model in kubernetes-models.json; a custom kind has a schema instead. */
  readonly model?: string;
} & Partial<Kind>;

const selectableName = { 'metadata.name': (object: KubernetesObject) => object.metadata.name ?? '' };
const selectableNamespace = { 'metadata.namespace': (object: KubernetesObject) => object.metadata.namespace ?? '' };

/** A write to `status` alone; with `metadata` it changes labels and annotations too. */
export const statusSubresource = (changes: 'status' | 'status and metadata' = 'status'): Subresource => ({
  name: 'status',
  verbs: ['get', 'patch', 'update'],
  apply: (sent, old) => ({
    ...old,
    metadata: changes === 'status' ? old.metadata : sent.metadata,
    ...('status' in sent ? { status: sent['status'] } : {}),
  }),
});

/** Keeps the stored status, whatever was sent. */
export const keepStatus = (object: KubernetesObject, old: KubernetesObject): KubernetesObject => ({
  ...without(object, 'status'),
  ...('status' in old ? { status: old['status'] } : {}),
});

export const dropStatus = (object: KubernetesObject): KubernetesObject => without(object, 'status');

/** A kind from its entry; what an entry leaves out is what most kinds do. */
export const defineKind = (entry: KindEntry): Kind => {
  const { model = '', ...given } = entry;
  const schema = given.schema ?? modelSchema(model);
  const hasStatus = entry.subresources?.some(({ name }) => name === 'status') === true;
  return {
    singular: entry.kind.toLowerCase(),
    listKind: `${entry.kind}List`,
    storageVersion: entry.version,
    isServed: true,
    isCustom: false,
    shortNames: [],
    categories: [],
    verbs: allVerbs,
    schema,
    read: (value) => conform(value, schema, entry.kind, entry.version),
    countsGeneration: (object, old) => [without(object, 'status'), without(old, 'status')],
    columns: [],
    nameRule: subdomainName,
    hasGeneration: false,
    allowsUnconditionalUpdate: true,
    createsOnUpdate: false,
    deleteReturnsObject: false,
    subresources: [],
    withDefaults: (object) => object,
    forCreate: hasStatus ? dropStatus : (object) => object,
    forUpdate: hasStatus ? keepStatus : (object) => object,
    problems: () => [],
    createProblems: () => [],
    changeProblems: () => [],
    ...given,
    selectable: { ...selectableName, ...(entry.isNamespaced ? selectableNamespace : {}), ...entry.selectable },
  };
};

/** `group/plural`, as paths name a kind; the core group has no name. */
export const pathKey = ({ group, plural }: Pick<Kind, 'group' | 'plural'>): string => `${group}/${plural}`;

/** `group/plural`, by which the store and watches know what a kind's objects are stored as. */
export const resourceKey = (kind: Pick<Kind, 'group' | 'plural' | 'view'>): string => pathKey(kind.view?.of ?? kind);

/** Whether objects are stored just as this kind has them: no other version of it, and no other kind. */
export const isStoredForm = ({ version, storageVersion, view }: Kind): boolean => version === storageVersion && view === undefined;
