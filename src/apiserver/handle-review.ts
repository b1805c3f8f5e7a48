// Answers to what is asked and not stored: access reviews, token reviews, who am I, and tokens for service accounts.

import { type Kind, resourceKey, type UserInfo } from '../api/kind.ts';
import {
  localSubjectAccessReviewKind,
  selfSubjectAccessReviewKind,
  selfSubjectReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
  tokenRequestKind,
  tokenReviewKind,
} from '../api/kinds/reviews.ts';
import { type Fields, fieldsAt, isFields, type KubernetesObject, listAt, textAt } from '../api/object.ts';
import type { Access, PolicyRule } from '../api/rbac.ts';
import { badRequest, conflict, invalid, invalidValue, notFound } from '../api/status.ts';
import type { ApiResponse, KindRequest, Server } from './api-request.ts';
import { authorize, grantsTo } from './authorize.ts';
import { negotiate } from './media-type.ts';
import { inputObject } from './object-input.ts';
import { type BoundObject, makeToken, type TokenKey, verifyToken } from './service-account-token.ts';
import { encoded } from './show-object.ts';

export type ReviewServer = Server & {
  readonly tokenKey: TokenKey;
  /** Audiences of this server: what a token must be meant for to be taken here. */
  readonly audiences: readonly string[];
};

const accessOf = (spec: unknown): Access => {
  const resource = fieldsAt(spec, 'resourceAttributes');
  if (Object.keys(resource).length === 0) {
    const path = fieldsAt(spec, 'nonResourceAttributes');
    return { verb: textAt(path, 'verb'), path: textAt(path, 'path') };
  }
  return {
    verb: textAt(resource, 'verb'),
    group: textAt(resource, 'group'),
    resource: textAt(resource, 'resource'),
    subresource: textAt(resource, 'subresource'),
    namespace: textAt(resource, 'namespace'),
    name: textAt(resource, 'name'),
  };
};

const userInfoFields = ({ username, uid, groups, extra }: UserInfo): Fields => ({
  username,
  ...(uid === undefined ? {} : { uid }),
  groups,
  ...(extra === undefined ? {} : { extra }),
});

const textLists = (value: unknown, name: string): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(Object.entries(fieldsAt(value, name)).map(([key, list]) => [key, Array.isArray(list) ? list.map(String) : []]));

type Answer = (server: ReviewServer, object: KubernetesObject, caller: UserInfo) => Fields;

const accessStatus = (server: ReviewServer, user: UserInfo, spec: unknown): Fields => {
  const { allowed, reason } = authorize(server.store, user, accessOf(spec));
  return { allowed, ...(reason === '' ? {} : { reason }) };
};

const reviewAccess: Answer = (server, { spec }) =>
  accessStatus(
    server,
    {
      username: textAt(spec, 'user'),
      ...(textAt(spec, 'uid') === '' ? {} : { uid: textAt(spec, 'uid') }),
      groups: listAt(spec, 'groups').map(String),
      extra: textLists(spec, 'extra'),
    },
    spec,
  );

const ruleFields = ({ verbs, apiGroups, resources, resourceNames }: PolicyRule): Fields => ({
  verbs,
  apiGroups,
  resources,
  ...(resourceNames.length === 0 ? {} : { resourceNames }),
});

const reviewRules: Answer = ({ store }, { spec }, caller) => {
  const namespace = textAt(spec, 'namespace');
  if (namespace === '') throw badRequest('no namespace on request');
  const master: readonly PolicyRule[] = caller.groups.includes('system:masters')
    ? [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] },
        { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] },
      ]
    : [];
  const grants = grantsTo(store, caller, namespace);
  const rules = [...master, ...grants.flatMap((grant) => grant.rules)];
  const paths = [...master, ...grants.filter(({ binding }) => binding.metadata.namespace === undefined).flatMap((grant) => grant.rules)];
  return {
    resourceRules: rules.filter(({ resources }) => resources.length > 0).map(ruleFields),
    nonResourceRules: paths
      .filter(({ nonResourceURLs }) => nonResourceURLs.length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  };
};

const reviewToken: Answer = ({ store, tokenKey, audiences, now }, { spec }) => {
  const token = textAt(spec, 'token');
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const asked = listAt(spec, 'audiences').map(String);
  const verified = verifyToken(tokenKey, token, { source: store, at: now(), audiences: asked.length === 0 ? audiences : asked });
  if ('problem' in verified) return { error: `the token is not valid: ${verified.problem}`, user: {} };
  return { authenticated: true, user: userInfoFields(verified.user), audiences: verified.audiences };
};

const answers = new Map<Kind, Answer>([
  [subjectAccessReviewKind, reviewAccess],
  [localSubjectAccessReviewKind, reviewAccess],
  [selfSubjectAccessReviewKind, (server, { spec }, caller) => accessStatus(server, caller, spec)],
  [selfSubjectRulesReviewKind, reviewRules],
  [selfSubjectReviewKind, (_, __, caller) => ({ userInfo: userInfoFields(caller) })],
  [tokenReviewKind, reviewToken],
]);

/** Whether a kind is asked and not stored. */
export const isReview = (kind: Kind): boolean => answers.has(kind);

const respond = (asked: KindRequest, object: Fields): ApiResponse => {
  const answer = negotiate(asked.request.header('accept'));
  return { status: 201, headers: { 'content-type': answer.contentType }, body: encoded(object, answer) };
};

/** POST of a review. Throws Invalid and BadRequest. */
export const handleReview = async (server: ReviewServer, asked: KindRequest): Promise<ApiResponse> => {
  const { kind, namespace, request } = asked;
  const { object } = await inputObject(request, kind);
  const placed = kind.isNamespaced ? { ...object, metadata: { ...object.metadata, namespace } } : object;
  const problems = kind.problems(placed);
  if (problems.length > 0) throw invalid(kind, '', problems);
  const status = answers.get(kind)?.(server, placed, request.user) ?? {};
  // A token is not sent back.
  const spec = kind === tokenReviewKind ? { spec: { audiences: listAt(object['spec'], 'audiences') } } : {};
  return respond(asked, { ...placed, ...spec, metadata: { ...placed.metadata, creationTimestamp: null }, status });
};

const minSeconds = 600;
const defaultSeconds = 3600;
const maxSeconds = 2 ** 32;

const boundObjectOf = ({ store }: Server, spec: Fields, namespace: string): BoundObject | undefined => {
  const reference = spec['boundObjectRef'];
  if (!isFields(reference)) return undefined;
  const [kind, name, uid] = [textAt(reference, 'kind'), textAt(reference, 'name'), textAt(reference, 'uid')];
  if (kind !== 'Pod' && kind !== 'Secret')
    throw badRequest(`cannot bind token for serviceaccount to object of type ${JSON.stringify(kind)}: it is neither a Pod nor a Secret`);
  const plural = kind === 'Pod' ? 'pods' : 'secrets';
  const found = store.get(`/${plural}`, namespace, name)?.object.metadata;
  if (found?.uid === undefined) throw notFound({ group: '', plural }, name);
  if (uid !== '' && uid !== found.uid)
    throw conflict(
      { group: '', plural },
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  return { kind, name, uid: found.uid };
};

/** POST of `serviceaccounts/NAME/token`. Throws NotFound, Invalid, BadRequest, Conflict. */
export const handleTokenRequest = async (server: ReviewServer, asked: KindRequest): Promise<ApiResponse> => {
  const { kind, namespace, name, request } = asked;
  const { object } = await inputObject(request, tokenRequestKind);
  const account = server.store.get(resourceKey(kind), namespace, name)?.object.metadata;
  if (account?.uid === undefined) throw notFound(kind, name);
  const spec = fieldsAt(object, 'spec');
  const given = spec['expirationSeconds'];
  const seconds = typeof given === 'number' && given !== 0 ? given : defaultSeconds;
  if (seconds < minSeconds)
    throw invalid(tokenRequestKind, '', [
      invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes'),
    ]);
  if (seconds > maxSeconds)
    throw invalid(tokenRequestKind, '', [
      invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds'),
    ]);
  const audiences = listAt(spec, 'audiences').map(String);
  const issuedAt = server.now();
  const expiresAt = new Date((Math.floor(issuedAt.getTime() / 1000) + seconds) * 1000);
  const claims = { audiences: audiences.length === 0 ? server.audiences : audiences, issuedAt, expiresAt, namespace };
  const boundObject = boundObjectOf(server, spec, namespace);
  const token = makeToken(server.tokenKey, { ...claims, serviceAccount: { name, uid: account.uid }, boundObject });
  return respond(asked, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: null },
    spec: { ...spec, audiences: claims.audiences, expirationSeconds: seconds, boundObjectRef: spec['boundObjectRef'] ?? null },
    status: { token, expirationTimestamp: `${expiresAt.toISOString().slice(0, 19)}Z` },
  });
};
