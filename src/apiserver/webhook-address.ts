// Where a webhook is reached: by its URL, or by a Service through its endpoints, for nothing here routes cluster IPs.

import type { StoredObjects } from '../api/kind.ts';
import { type Fields, fieldsAt, isFields, listAt, textAt } from '../api/object.ts';

export type WebhookAddress = {
  readonly origin: string;
  /** With the query, if there is one. */
  readonly path: string;
  /** The name that its certificate must have, where it is not the origin's. */
  readonly serverName: string | undefined;
};

const serviceLabel = 'kubernetes.io/service-name';

const hostText = (host: string): string => (host.includes(':') ? `[${host}]` : host);

type Place = { readonly addresses: readonly string[]; readonly ports: readonly Fields[] };

/** What stands behind a service, by its slices and its Endpoints. */
const placesOf = (stored: StoredObjects, namespace: string, name: string): readonly Place[] => {
  const slices = stored
    .list('discovery.k8s.io/endpointslices', namespace)
    .filter(({ object }) => object.metadata.labels?.[serviceLabel] === name)
    .map(({ object }) => ({
      addresses: listAt(object, 'endpoints')
        .filter((endpoint) => fieldsAt(endpoint, 'conditions')['ready'] !== false)
        .flatMap((endpoint) => listAt(endpoint, 'addresses').map(String)),
      ports: listAt(object, 'ports').filter(isFields),
    }));
  const subsets = listAt(stored.get('/endpoints', namespace, name)?.object, 'subsets').map((subset) => ({
    addresses: listAt(subset, 'addresses').map((address) => textAt(address, 'ip')),
    ports: listAt(subset, 'ports').filter(isFields),
  }));
  return [...slices, ...subsets];
};

/** Host and port behind a service's port; a text that says why there is none. */
const behind = (stored: StoredObjects, namespace: string, name: string, port: number): string | { readonly host: string } => {
  const service = stored.get('/services', namespace, name)?.object;
  if (service === undefined) return `service ${JSON.stringify(name)} not found`;
  const spec = fieldsAt(service, 'spec');
  if (textAt(spec, 'type') === 'ExternalName') return { host: `${hostText(textAt(spec, 'externalName'))}:${port}` };
  const found = listAt(spec, 'ports').find((each) => isFields(each) && each['port'] === port);
  if (found === undefined) return `service ${JSON.stringify(name)} has no port ${port}`;
  const portName = textAt(found, 'name');
  for (const { addresses, ports } of placesOf(stored, namespace, name)) {
    const target = ports.find((each) => textAt(each, 'name') === portName)?.['port'];
    const [address] = addresses;
    if (typeof target === 'number' && address !== undefined) return { host: `${hostText(address)}:${target}` };
  }
  return `no endpoints available for service ${JSON.stringify(name)}`;
};

/** Where a webhook is to be asked; a text that says why nowhere. */
export const webhookAddress = (webhook: Fields, stored: StoredObjects): WebhookAddress | string => {
  const client = fieldsAt(webhook, 'clientConfig');
  const timeout = `timeout=${String(webhook['timeoutSeconds'] ?? 10)}s`;
  const { url } = client;
  if (typeof url === 'string') {
    const { origin, pathname } = new URL(url);
    return { origin, path: `${pathname}?${timeout}`, serverName: undefined };
  }
  const service = fieldsAt(client, 'service');
  const [namespace, name, port] = [textAt(service, 'namespace'), textAt(service, 'name'), service['port'] ?? 443];
  const place = behind(stored, namespace, name, Number(port));
  if (typeof place === 'string') return place;
  const path = textAt(service, 'path');
  return {
    origin: `https://${place.host}`,
    path: `${path.startsWith('/') ? path : `/${path}`}?${timeout}`,
    serverName: `${name}.${namespace}.svc`,
  };
};
