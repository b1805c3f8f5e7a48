// Which kinds are served under which path. Discovery, OpenAPI and the router read this one table.

import { type Kind, resourceKey } from '../api/kind.ts';

export type KindTable = {
  readonly kinds: readonly Kind[];
  find(group: string, version: string, plural: string): Kind | undefined;
  /** Whether anything is served under a group and version. */
  hasVersion(group: string, version: string): boolean;
};

/** A table of kinds. */
export const kindTable = (kinds: readonly Kind[]): KindTable => {
  const byResource = new Map(kinds.map((kind) => [resourceKey(kind), kind]));
  return {
    kinds,
    find: (group, version, plural) => {
      const kind = byResource.get(resourceKey({ group, plural }));
      return kind?.version === version ? kind : undefined;
    },
    hasVersion: (group, version) => kinds.some((kind) => kind.group === group && kind.version === version),
  };
};
