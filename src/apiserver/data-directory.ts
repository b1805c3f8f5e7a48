// What lies where in the data directory of a server.

import { join } from 'node:path';

export type DataDirectory = {
  readonly root: string;
  /** The certificates, in kubeadm's layout. */
  readonly cluster: string;
  readonly store: string;
  /** The administrator's kubeconfig, a copy of one in `cluster`. */
  readonly kubeconfig: string;
  /** Where a restore prepares; what is in it was never in use. */
  readonly restoring: string;
  /** Where a restore that was decided waits to take its place. While it is there, the rest is neither the old nor the new. */
  readonly restored: string;
};

/** The places in a directory. */
export const dataDirectory = (root: string): DataDirectory => ({
  root,
  cluster: join(root, 'cluster'),
  store: join(root, 'store.sqlite'),
  kubeconfig: join(root, 'admin.kubeconfig'),
  restoring: join(root, 'restoring'),
  restored: join(root, 'restored'),
});

/** Files that SQLite keeps beside the store. */
export const storeFiles = ({ store }: DataDirectory): readonly string[] => [store, `${store}-wal`, `${store}-shm`];
