// What a controller works on: an object's name in its namespace, as one string.

export type ObjectName = {
  /** Empty for what belongs to no namespace. */
  readonly namespace: string;
  readonly name: string;
};

/** `namespace/name`, or `/name`. Neither part can contain a slash. */
export const workKey = ({ namespace, name }: ObjectName): string => `${namespace}/${name}`;

export const namespaceOfKey = (key: string): string => key.slice(0, Math.max(key.indexOf('/'), 0));
