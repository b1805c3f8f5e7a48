// What is served, told to clients: the legacy documents and the aggregated one
// (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api).

import { createHash } from 'node:crypto';
import { type Kind, resourceKey } from '../api/kind.ts';
import { type Fields, groupVersion } from '../api/object.ts';
import { notAcceptable } from '../api/status.ts';
import type { ApiResponse } from './api-request.ts';
import type { KindTable } from './kind-table.ts';

const sorted = (verbs: readonly string[]): readonly string[] => [...verbs].sort();
const byPlural = (a: Kind, b: Kind): number => (a.plural < b.plural ? -1 : 1);
const storageHash = (kind: Kind): string =>
  createHash('sha256')
    .update(`${resourceKey(kind)}/${kind.version}`)
    .digest('base64')
    .slice(0, 11)
    .concat('=');

/** `APIResourceList` of a group and version. */
export const resourceList = ({ kinds }: KindTable, group: string, version: string): Fields => ({
  kind: 'APIResourceList',
  ...(group === '' ? {} : { apiVersion: 'v1' }),
  groupVersion: groupVersion(group, version),
  resources: kinds
    .filter((kind) => kind.group === group && kind.version === version)
    .toSorted(byPlural)
    .flatMap((kind) => [
      {
        name: kind.plural,
        singularName: kind.singular,
        namespaced: kind.isNamespaced,
        kind: kind.kind,
        verbs: sorted(kind.verbs),
        ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
        ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
        storageVersionHash: storageHash(kind),
      },
      ...kind.subresources
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, verbs, serves }) => ({
          name: `${kind.plural}/${name}`,
          singularName: '',
          namespaced: kind.isNamespaced,
          ...(serves ?? { kind: kind.kind }),
          verbs: sorted(verbs),
        })),
    ]),
});

const groupsOf = ({ kinds }: KindTable): readonly string[] =>
  [...new Set(kinds.map(({ group }) => group))].filter((group) => group !== '').sort();
const versionsOf = ({ kinds }: KindTable, group: string): readonly string[] => [
  ...new Set(kinds.filter((kind) => kind.group === group).map(({ version }) => version)),
];

const groupFields = (table: KindTable, name: string): Fields => {
  const versions = versionsOf(table, name).map((version) => ({ groupVersion: groupVersion(name, version), version }));
  return { name, versions, preferredVersion: versions[0] };
};

/** `/apis/GROUP`. */
export const apiGroup = (table: KindTable, name: string): Fields => ({ kind: 'APIGroup', apiVersion: 'v1', ...groupFields(table, name) });

const legacyRoot = (table: KindTable, root: 'api' | 'apis', address: string): Fields =>
  root === 'api'
    ? {
        kind: 'APIVersions',
        versions: ['v1'],
        serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
      }
    : { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(table).map((name) => groupFields(table, name)) };

const aggregatedResource = (kind: Kind): Fields => {
  const responseKind = { group: kind.group, version: kind.version, kind: kind.kind };
  return {
    resource: kind.plural,
    responseKind,
    scope: kind.isNamespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: sorted(kind.verbs),
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    ...(kind.subresources.length === 0
      ? {}
      : {
          subresources: kind.subresources.map(({ name, verbs, serves }) => ({
            subresource: name,
            responseKind: serves ?? responseKind,
            verbs: sorted(verbs),
          })),
        }),
  };
};

const aggregatedRoot = (table: KindTable, root: 'api' | 'apis', version: string): Fields => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: `apidiscovery.k8s.io/${version}`,
  metadata: {},
  items: (root === 'api' ? [''] : groupsOf(table)).map((group) => ({
    metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
    versions: versionsOf(table, group).map((served) => ({
      version: served,
      freshness: 'Current',
      resources: table.kinds
        .filter((kind) => kind.group === group && kind.version === served)
        .toSorted(byPlural)
        .map(aggregatedResource),
    })),
  })),
});

const aggregatedVersion = (clause: string): string | undefined => {
  const parts = clause.split(';').map((part) => part.trim());
  if (parts[0] !== 'application/json' || !parts.includes('g=apidiscovery.k8s.io') || !parts.includes('as=APIGroupDiscoveryList'))
    return undefined;
  return parts.includes('v=v2') ? 'v2' : parts.includes('v=v2beta1') ? 'v2beta1' : undefined;
};

/** `/api` and `/apis`, in the form that is asked for: clients of 1.26 and later want all in one document. Throws NotAcceptable. */
export const discoveryRoot = (table: KindTable, root: 'api' | 'apis', accept: string | undefined, address: string): ApiResponse => {
  for (const clause of (accept ?? '*/*').split(',')) {
    const version = aggregatedVersion(clause);
    if (version !== undefined)
      return {
        status: 200,
        headers: { 'content-type': `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`, vary: 'Accept' },
        body: JSON.stringify(aggregatedRoot(table, root, version)),
      };
    const type = clause.trim();
    if (/^(?:application\/json|application\/\*|\*\/\*)(?:;\s*q=[\d.]+)?$/.test(type) || type === '')
      return {
        status: 200,
        headers: { 'content-type': 'application/json', vary: 'Accept' },
        body: JSON.stringify(legacyRoot(table, root, address)),
      };
  }
  throw notAcceptable(['application/json']);
};
