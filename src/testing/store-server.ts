// The part of the embedded server below HTTPS, over a store of its own, with a clock that a test sets.

import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Kind } from '../api/kind.ts';
import { builtInKinds } from '../api/kinds/all.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { Server } from '../apiserver/api-request.ts';
import { webhookCaller } from '../apiserver/call-webhook.ts';
import { serverUser } from '../apiserver/controller.ts';
import { kindTable } from '../apiserver/kind-table.ts';
import { openStore } from '../apiserver/store.ts';
import { openStoreFile } from '../apiserver/store-file.ts';
import { createObject, type Write } from '../apiserver/write-object.ts';
import { randomOctets } from './authority-files.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export type StoreServer = {
  readonly server: Server;
  /** Where the store is, to open it again. */
  readonly path: string;
  /** Moves the clock. */
  setNow(now: Date): void;
  /** Decides as the server itself. */
  write<Result>(work: (write: Write) => Result): Promise<Result>;
  create(kind: Kind, namespace: string, object: KubernetesObject): Promise<void>;
  close(): void;
};

export const openStoreServer = (
  context: Pick<TestContext, 'after'>,
  path = join(temporaryDirectory(context), 'store.sqlite'),
): StoreServer => {
  let now = new Date('2030-01-01T00:00:00Z');
  let isOpen = true;
  const store = openStore(openStoreFile(path));
  const server: Server = { store, kinds: kindTable(builtInKinds), now: () => now, random: randomOctets, webhooks: webhookCaller() };
  const close = (): void => {
    if (isOpen) store.close();
    isOpen = false;
  };
  context.after(close);
  const write = <Result>(work: (write: Write) => Result): Promise<Result> =>
    store.write((transaction) => work({ transaction, user: serverUser, now, random: randomOctets }));
  return {
    server,
    path,
    close,
    setNow: (time) => {
      now = time;
    },
    write,
    create: async (kind, namespace, object) => {
      await write((context) => createObject(context, kind, namespace, object));
    },
  };
};

/** Waits until it is so. */
export const until = async (what: string, isSo: () => boolean): Promise<void> => {
  const end = Date.now() + 5000;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`${what}: it did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
