// Whether someone may do something. So far: members of system:masters everything, all others what everyone may see; anything else is refused.

import type { UserInfo } from '../api/kind.ts';
import { forbidden, pathForbidden } from '../api/status.ts';

/** A request for a resource, or for a path that is none. */
export type Attributes = {
  readonly user: UserInfo;
  readonly verb: string;
} & (
  | {
      readonly group: string;
      readonly plural: string;
      readonly subresource: string | undefined;
      readonly namespace: string;
      readonly name: string;
    }
  | { readonly path: string }
);

/** Paths that anyone may read (ClusterRole system:public-info-viewer). */
const publicPaths: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version', '/version/']);

const isAllowed = (attributes: Attributes): boolean =>
  attributes.user.groups.includes('system:masters') ||
  ('path' in attributes && attributes.verb === 'get' && publicPaths.has(attributes.path));

/** Throws Forbidden, in the words clients know. */
export const requireAllowed = (attributes: Attributes): void => {
  if (isAllowed(attributes)) return;
  const { user, verb } = attributes;
  if ('path' in attributes) throw pathForbidden(`User "${user.username}" cannot ${verb} path "${attributes.path}"`);
  const { group, plural, subresource, namespace, name } = attributes;
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  throw forbidden(
    { group, plural: resource },
    name,
    `User "${user.username}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`,
  );
};
