// Acting as someone else: the headers of `kubectl --as`, each of which needs the verb impersonate
// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation).

import type { UserInfo } from '../api/kind.ts';
import { badRequest } from '../api/status.ts';
import { type RoleSource, requireAllowed } from './authorize.ts';

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const extraPrefix = 'impersonate-extra-';
const accountPrefix = 'system:serviceaccount:';

const list = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Who the headers ask to be; the caller where they ask nothing. Throws Forbidden and BadRequest. `headers` come as lists where repeated. */
export const impersonated = (source: RoleSource, caller: UserInfo, headers: Headers): UserInfo => {
  const [username = '', ...more] = list(headers['impersonate-user']);
  const groups = list(headers['impersonate-group']);
  const [uid] = list(headers['impersonate-uid']);
  const extra = Object.entries(headers)
    .filter(([name]) => name.startsWith(extraPrefix))
    .map(([name, values]) => [decoded(name.slice(extraPrefix.length)).toLowerCase(), list(values)] as const);
  if (username === '' && groups.length === 0 && extra.length === 0 && uid === undefined) return caller;
  if (username === '' || more.length > 0) throw badRequest('requested impersonation without impersonating one user');
  const require = (group: string, resource: string, name: string, namespace = '', subresource = ''): void =>
    requireAllowed(source, caller, { verb: 'impersonate', group, resource, subresource, namespace, name });
  const account = username.startsWith(accountPrefix) ? username.slice(accountPrefix.length).split(':') : undefined;
  const [namespace, name] = account ?? [];
  if (account?.length === 2 && namespace && name) require('', 'serviceaccounts', name, namespace);
  else require('', 'users', username);
  for (const group of groups) require('', 'groups', group);
  if (uid !== undefined) require('authentication.k8s.io', 'uids', uid);
  for (const [key, values] of extra) for (const value of values) require('authentication.k8s.io', 'userextras', value, '', key);
  const given = groups.length > 0 ? groups : account?.length === 2 ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`] : [];
  const isAnonymous = username === 'system:anonymous';
  return {
    username,
    ...(uid === undefined ? {} : { uid }),
    groups: [...given, ...(isAnonymous || given.includes('system:authenticated') ? [] : ['system:authenticated'])],
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
};
