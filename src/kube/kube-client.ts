// What controllers ask of any Kubernetes API: objects read, written and watched, by kind. Whoever implements it decides how.

import type { KubernetesObject } from '../api/object.ts';

/** A kind as paths name it. */
export type ResourceType = {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
};

export type Selection = {
  /** Everywhere where it is left out. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
};

/** One page or all of a list, with the revision it stands for. */
export type ObjectList = { readonly resourceVersion: string; readonly items: readonly KubernetesObject[] };

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubernetesObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export type WriteOptions = {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  /** Such as `status`. */
  readonly subresource?: string;
  readonly signal?: AbortSignal;
};

export type Patch =
  | { readonly type: 'json'; readonly operations: readonly unknown[] }
  | { readonly type: 'merge' | 'strategic'; readonly value: unknown }
  | { readonly type: 'apply'; readonly value: KubernetesObject; readonly force?: boolean };

/** Every method throws a CodedError whose code is the reason the server gave: NotFound, Conflict, AlreadyExists, Invalid, Forbidden, Expired … */
export type KubeClient = {
  get(type: ResourceType, namespace: string, name: string, signal?: AbortSignal): Promise<KubernetesObject>;
  /** All pages of it. With `metadataOnly` objects have nothing but metadata. */
  list(type: ResourceType, selection?: Selection & { readonly metadataOnly?: boolean; readonly signal?: AbortSignal }): Promise<ObjectList>;
  /** Changes after a revision. Ends when the server ends it; throws Expired where the revision is too old, and what breaks the connection. */
  watch(
    type: ResourceType,
    from: Selection & {
      readonly resourceVersion: string;
      readonly metadataOnly?: boolean;
      readonly signal?: AbortSignal;
      readonly timeoutSeconds?: number;
    },
  ): AsyncIterable<WatchEvent>;
  create(type: ResourceType, object: KubernetesObject, options?: WriteOptions): Promise<KubernetesObject>;
  update(type: ResourceType, object: KubernetesObject, options?: WriteOptions): Promise<KubernetesObject>;
  patch(type: ResourceType, namespace: string, name: string, patch: Patch, options?: WriteOptions): Promise<KubernetesObject>;
  delete(
    type: ResourceType,
    namespace: string,
    name: string,
    options?: Pick<WriteOptions, 'dryRun' | 'signal'> & {
      readonly uid?: string;
      readonly resourceVersion?: string;
      readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
    },
  ): Promise<void>;
};
