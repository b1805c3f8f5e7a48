// The connection of a Pod to its own cluster (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/): the token is read again now
// and then, for the kubelet renews it.

import { fromUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import type { Clock } from './clock.ts';
import type { Connection, Credentials } from './connection.ts';

export type InClusterSources = {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  readonly host: string;
  readonly port: string;
  /** /var/run/secrets/kubernetes.io/serviceaccount in every Pod. */
  readonly folder: string;
  /** Undefined where there is no such file. */
  readonly readFile: (path: string) => Uint8Array | undefined;
  readonly clock: Clock;
};

const rereadMs = 10_000;

const readText = ({ readFile, folder }: InClusterSources, name: string): string => {
  const path = `${folder}/${name}`;
  const bytes = readFile(path);
  const text = bytes === undefined ? undefined : fromUtf8(bytes)?.trim();
  if (text === undefined || text === '')
    throw new CodedError('FileNotFound', `cannot speak to the cluster: there is nothing to read in ${quote(path)}`, {
      hint: 'a Pod gets it unless automountServiceAccountToken is false',
    });
  return text;
};

/** Throws FileNotFound. */
export const inClusterConnection = (sources: InClusterSources): Connection & { readonly namespace: string } => {
  const { host, port, clock } = sources;
  let last: { readonly credentials: Credentials; readonly untilMs: number } | undefined;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readText(sources, 'ca.crt'),
    namespace: readText(sources, 'namespace'),
    credentials: async () => {
      if (last === undefined || clock.elapsedMs() >= last.untilMs) {
        const token = readText(sources, 'token');
        const credentials = last?.credentials.token === token ? last.credentials : { token };
        last = { credentials, untilMs: clock.elapsedMs() + rereadMs };
      }
      return last.credentials;
    },
  };
};
