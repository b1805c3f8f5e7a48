// Which kinds are served under which path. Discovery, OpenAPI and the router read this one table.

import { isStoredForm, type Kind, pathKey, resourceKey } from '../api/kind.ts';

export type KindTable = {
  /** Every kind in every version that is served. */
  readonly kinds: readonly Kind[];
  /** Grows with each change. */
  readonly generation: number;
  /** The kind that objects of a resource are stored as. */
  ofResource(resource: string): Kind | undefined;
  /** Replaces the kinds that are defined by CustomResourceDefinitions. */
  setCustom(kinds: readonly Kind[]): void;
  find(group: string, version: string, plural: string): Kind | undefined;
  /** Whether anything is served under a group and version. */
  hasVersion(group: string, version: string): boolean;
};

/** A table of these kinds, and of custom ones as they come and go. Where both claim a resource the built-in one has it. */
export const kindTable = (builtIn: readonly Kind[]): KindTable => {
  const ours = new Set(builtIn.map(pathKey));
  let kinds = builtIn;
  let stored = new Map<string, Kind>();
  let served = new Map<string, Kind>();
  let generation = 0;
  const index = (custom: readonly Kind[]): void => {
    const all = [...builtIn, ...custom.filter((kind) => !ours.has(pathKey(kind)))];
    kinds = all.filter(({ isServed }) => isServed);
    stored = new Map(all.filter(isStoredForm).map((kind) => [resourceKey(kind), kind]));
    served = new Map(kinds.map((kind) => [`${pathKey(kind)}/${kind.version}`, kind]));
    generation++;
  };
  index([]);
  return {
    get kinds() {
      return kinds;
    },
    get generation() {
      return generation;
    },
    find: (group, version, plural) => served.get(`${pathKey({ group, plural })}/${version}`),
    hasVersion: (group, version) => kinds.some((kind) => kind.group === group && kind.version === version),
    ofResource: (resource) => stored.get(resource),
    setCustom: index,
  };
};
