// One of the server's own controllers, which has no way past authorization: each of its writes is asked of RBAC as its service account's, inside
// the transaction that does it. What is refused is told once, and tried again once roles change or some time has passed.

import { type Kind, resourceKey, type UserInfo } from '../api/kind.ts';
import { clusterRoleBindingKind, clusterRoleKind } from '../api/kinds/rbac.ts';
import type { KubernetesObject } from '../api/object.ts';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import { admittedWrite } from './admitted-write.ts';
import type { Server } from './api-request.ts';
import { authorize, isMaster, requireAllowed } from './authorize.ts';
import type { Stored, Transaction } from './store.ts';
import {
  createObject,
  type DeleteOptions,
  type Deletion,
  deleteObject,
  type Replacement,
  replaceObject,
  type Write,
} from './write-object.ts';

/** What a controller does in one transaction; each of it throws Forbidden where its user may not. */
export type ControllerWrite = {
  readonly transaction: Pick<Transaction, 'get' | 'list'>;
  readonly now: Date;
  create(kind: Kind, namespace: string, object: KubernetesObject): Stored;
  replace(replacement: Replacement): Stored;
  remove(kind: Kind, namespace: string, name: string, options?: DeleteOptions): Deletion;
};

export type Controller = {
  /**
   * Does its work in a transaction. Work looks at what is, so that of one key is the same work: what waits already is not put in twice. Never
   * throws.
   */
  act(key: string, work: (write: ControllerWrite) => void): Promise<void>;
  stop(): void;
};

const retryMs = 10_000;
/** So many refusals are told before all is well again; a namespace may hold thousands of them. */
const maxTold = 10;

const background: DeleteOptions = { propagationPolicy: 'Background', uid: undefined, resourceVersion: undefined };

/** A service account of kube-system, as its token would make it known. */
export const controllerUser = (name: string): UserInfo => ({
  username: `system:serviceaccount:kube-system:${name}`,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
});

/** The server itself, as a master: it sets up what everyone else is judged by. */
export const serverUser: UserInfo = { username: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

/** A transaction's writes, each asked for first. */
export const controllerWrite = (write: Write): ControllerWrite => {
  const { transaction, user } = write;
  const granted = new Set<string>();
  const require = (verb: string, kind: Kind, namespace: string, name: string, subresource = ''): void => {
    if (isMaster(user)) return;
    const access = { verb, group: kind.group, resource: kind.plural, subresource, namespace: kind.isNamespaced ? namespace : '', name };
    // What is granted for every name is asked once: a namespace may hold thousands.
    const key = [verb, resourceKey(kind), subresource, access.namespace].join('\0');
    if (granted.has(key)) return;
    if (authorize(transaction, user, { ...access, name: '' }).allowed) granted.add(key);
    else requireAllowed(transaction, user, access);
  };
  return {
    transaction,
    now: write.now,
    create: (kind, namespace, object) => {
      require('create', kind, namespace, '');
      return createObject(write, kind, namespace, object);
    },
    replace: (replacement) => {
      const { kind, namespace, name, subresource } = replacement;
      require('update', kind, namespace, name, subresource?.name);
      return replaceObject(write, replacement);
    },
    remove: (kind, namespace, name, options = background) => {
      require('delete', kind, namespace, name);
      return deleteObject(write, kind, namespace, name, options);
    },
  };
};

/** What may be otherwise the next time: roles change, and webhooks come and go. */
const refusals: readonly ErrorCode[] = ['Forbidden', 'AdmissionDenied', 'WebhookFailed', 'Timeout'];

const refusal = ({ username }: UserInfo, cause: CodedError): CodedError => {
  const name = username.replace('system:serviceaccount:kube-system:', '');
  const hint =
    cause.code === 'Forbidden'
      ? `put back what ClusterRole and ClusterRoleBinding system:controller:${name} were; the next start does`
      : cause.hint;
  return new CodedError(cause.code, `the server's own ${name} was refused, and tries again: ${cause.message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
};

/** A controller that acts as `user`. `onTrouble` is told of refusals and of bugs. */
export const startController = (server: Server, user: UserInfo, onTrouble: (error: unknown) => void): Controller => {
  const { store, now, random } = server;
  const refused = new Map<string, (write: ControllerWrite) => void>();
  const told = new Set<string>();
  const waiting = new Map<string, Promise<void>>();
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  const begin = async (key: string, work: (write: ControllerWrite) => void): Promise<void> => {
    try {
      const decide = (write: Write): void => {
        waiting.delete(key);
        work(controllerWrite(write));
      };
      // The server itself, which sets up what others are judged by, asks nobody.
      if (isMaster(user)) await store.write((transaction) => decide({ transaction, user, now: now(), random }));
      else await admittedWrite(server, { user, isDryRun: false, options: {} }, decide);
      refused.delete(key);
      if (refused.size === 0) told.clear();
    } catch (error) {
      if (!isCodedError(error) || !refusals.includes(error.code)) return onTrouble(error);
      refused.set(key, work);
      if (!told.has(error.message) && told.size < maxTold) {
        told.add(error.message);
        onTrouble(refusal(user, error));
      }
      timer ??= setTimeout(again, retryMs).unref();
    }
  };
  const act = (key: string, work: (write: ControllerWrite) => void): Promise<void> => {
    if (isStopped) return Promise.resolve();
    const known = waiting.get(key);
    if (known !== undefined) return known;
    const begun = begin(key, work);
    waiting.set(key, begun);
    return begun;
  };
  const again = (): void => {
    clearTimeout(timer);
    timer = undefined;
    for (const [key, work] of refused) void act(key, work);
  };
  const unwatch = [clusterRoleKind, clusterRoleBindingKind].map((kind) =>
    store.watch(resourceKey(kind), () => {
      if (refused.size > 0) again();
    }),
  );
  return {
    act,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
      for (const stop of unwatch) stop();
    },
  };
};
