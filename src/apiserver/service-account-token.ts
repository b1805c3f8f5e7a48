// Tokens of service accounts: JSON Web Tokens (RFC 7519) signed with the cluster's own key, ES256 alone
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/). A token is as good as the account it names, and as what it is bound to.

import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { UserInfo } from '../api/kind.ts';
import { type Fields, fieldsAt, isFields, listAt, textAt } from '../api/object.ts';
import type { RoleSource } from './authorize.ts';

/** What a token may be bound to: it ends with that object. */
export type BoundObject = { readonly kind: 'Pod' | 'Secret'; readonly name: string; readonly uid: string };

export type TokenClaims = {
  readonly audiences: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  readonly boundObject?: BoundObject | undefined;
};

export type TokenKey = { readonly privateKey: KeyObject; readonly publicKey: KeyObject; readonly id: string; readonly issuer: string };

const maxTokenLength = 16 * 1024;

/** The key that signs, named by a hash of its public half. */
export const tokenKey = (privateKey: KeyObject, issuer: string): TokenKey => {
  const publicKey = createPublicKey(privateKey);
  const id = createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64url');
  return { privateKey, publicKey, id, issuer };
};

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);

/** A token. */
export const makeToken = ({ privateKey, id, issuer }: TokenKey, claims: TokenClaims): string => {
  const { namespace, serviceAccount, boundObject } = claims;
  const bound = boundObject === undefined ? {} : { [boundObject.kind.toLowerCase()]: { name: boundObject.name, uid: boundObject.uid } };
  const payload = {
    aud: claims.audiences,
    exp: seconds(claims.expiresAt),
    iat: seconds(claims.issuedAt),
    iss: issuer,
    'kubernetes.io': { namespace, serviceaccount: serviceAccount, ...bound },
    nbf: seconds(claims.issuedAt),
    sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
  };
  const content = `${part({ alg: 'ES256', kid: id })}.${part(payload)}`;
  return `${content}.${sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
};

/** Why a token is not taken; what it holds is never repeated. */
export type TokenProblem = { readonly problem: string };

const json = (text: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const verifiedClaims = ({ publicKey, id, issuer }: TokenKey, token: string, at: Date): Fields | TokenProblem => {
  const parts = token.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || token.length > maxTokenLength || !/^[\w.-]+$/.test(token)) return { problem: 'it is not a JSON Web Token' };
  const head = json(header);
  // The one algorithm there is: a token does not choose how it is verified.
  if (head?.['alg'] !== 'ES256' || head['kid'] !== id || 'crit' in head) return { problem: 'it is not signed by a key of this cluster' };
  const raw = Buffer.from(signature, 'base64url');
  if (raw.length !== 64 || !verify('sha256', Buffer.from(`${header}.${payload}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw))
    return { problem: 'its signature is wrong' };
  const claims = json(payload);
  if (claims === undefined || claims['iss'] !== issuer) return { problem: 'it is of another issuer' };
  const now = seconds(at);
  const [start, end] = [claims['nbf'], claims['exp']];
  if (typeof end !== 'number' || typeof start !== 'number' || now >= end) return { problem: 'it has expired' };
  return now < start ? { problem: 'it is not valid yet' } : claims;
};

const uidOf = (source: RoleSource, resource: string, namespace: string, name: string): string | undefined => {
  const metadata = source.get(resource, namespace, name)?.object.metadata;
  return metadata?.deletionTimestamp === undefined ? metadata?.uid : undefined;
};

/** Who a token is, where it is good and meant for one of these audiences. */
export const verifyToken = (
  key: TokenKey,
  token: string,
  { source, at, audiences }: { readonly source: RoleSource; readonly at: Date; readonly audiences: readonly string[] },
): { readonly user: UserInfo; readonly audiences: readonly string[] } | TokenProblem => {
  const claims = verifiedClaims(key, token, at);
  if ('problem' in claims) return claims as TokenProblem;
  const common = listAt(claims, 'aud').filter(
    (audience): audience is string => typeof audience === 'string' && audiences.includes(audience),
  );
  if (common.length === 0) return { problem: 'it is meant for another audience' };
  const of = fieldsAt(claims, 'kubernetes.io');
  const namespace = textAt(of, 'namespace');
  const account = fieldsAt(of, 'serviceaccount');
  const [name, uid] = [textAt(account, 'name'), textAt(account, 'uid')];
  if (uid === '' || uidOf(source, '/serviceaccounts', namespace, name) !== uid) return { problem: 'its service account is gone' };
  const extra: Record<string, readonly string[]> = {};
  for (const [kind, resource] of [
    ['pod', '/pods'],
    ['secret', '/secrets'],
  ] as const) {
    if (!(kind in of)) continue;
    const bound = fieldsAt(of, kind);
    if (uidOf(source, resource, namespace, textAt(bound, 'name')) !== textAt(bound, 'uid'))
      return { problem: `the ${kind} it is bound to is gone` };
    if (kind === 'pod') {
      extra['authentication.kubernetes.io/pod-name'] = [textAt(bound, 'name')];
      extra['authentication.kubernetes.io/pod-uid'] = [textAt(bound, 'uid')];
    }
  }
  return {
    audiences: common,
    user: {
      username: `system:serviceaccount:${namespace}:${name}`,
      uid,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    },
  };
};
