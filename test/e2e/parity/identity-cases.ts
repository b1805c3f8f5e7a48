// Identity and authorization: RBAC, reviews, impersonation, tokens.

import assert from 'node:assert/strict';
import type { ApiPeer, Json } from '../../../src/testing/api-peer.ts';
import {
  configMap,
  create,
  eventually,
  expectStatus,
  fresh,
  isEmbedded,
  newNamespace,
  type ParityCase,
  parityCase,
} from './parity-case.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const apiVersion = 'rbac.authorization.k8s.io/v1';
const readConfigMaps = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }];

const role = (name: string, rules: readonly Json[]): Json => ({ apiVersion, kind: 'Role', metadata: { name }, rules });
const binding = (name: string, roleName: string, subject: Json, kind = 'Role'): Json => ({
  apiVersion,
  kind: 'RoleBinding',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleName },
  subjects: [subject],
});
const userSubject = (name: string): Json => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name });

/** Asks until authorization has caught up with what was just written: a real server decides from a cache. */
const settled = (api: ApiPeer, path: string, status: number): Promise<void> =>
  eventually(`${path} answers ${status}`, async () => (await api.send('GET', path)).status === status);

/** A namespace in which a new user holds these rules. */
const granted = async (api: ApiPeer, rules: readonly Json[]) => {
  const { name, path } = await newNamespace(api);
  const user = fresh('user');
  await create(api, `${rbac}/namespaces/${name}/roles`, role('r', rules));
  await create(api, `${rbac}/namespaces/${name}/rolebindings`, binding('rb', 'r', userSubject(user)));
  return { name, path, user, as: await api.as({ name: user, groups: [] }) };
};

const review = async (api: ApiPeer, spec: Json) =>
  expectStatus(
    await api.send('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec },
    }),
    201,
  ).json.status;

/** A token of a service account, and a peer that logs in with it alone. */
const tokenOf = async (api: ApiPeer, path: string, account: string, spec: Json = {}) => {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: null, ...spec } };
  const { json } = expectStatus(await api.send('POST', `${path}/serviceaccounts/${account}/token`, { body }), 201);
  const nobody = await api.as(undefined);
  const headers = { authorization: `Bearer ${json.status.token}` };
  return { json, token: String(json.status.token), get: (at: string) => nobody.send('GET', at, { headers }) };
};

const reviewToken = async (api: ApiPeer, token: string, audiences?: readonly string[]) =>
  api.send('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, ...(audiences && { audiences }) } },
  });

export const identityCases: readonly ParityCase[] = [
  parityCase('C111', 'a certificate gives user and groups; an unknown token is 401', async (api) => {
    const { path, name } = await newNamespace(api);
    const group = fresh('group');
    await create(api, `${rbac}/namespaces/${name}/roles`, role('r', readConfigMaps));
    await create(api, `${rbac}/namespaces/${name}/rolebindings`, binding('rb', 'r', { kind: 'Group', name: group }));
    await settled(await api.as({ name: 'someone', groups: ['other', group] }), `${path}/configmaps`, 200);
    const nobody = await api.as(undefined);
    for (const authorization of ['Bearer nonsense', 'Bearer a.b.c', 'Basic YTpi', 'Bearer'])
      if (!authorization.startsWith('Basic') || isEmbedded(api))
        expectStatus(
          await nobody.send('GET', '/version', { headers: { authorization } }),
          authorization === 'Bearer' && !isEmbedded(api) ? 200 : 401,
        );
  }),
  parityCase('C112', 'a refusal names user, verb, resource, group and namespace', async (api) => {
    const user = fresh('user');
    const as = await api.as({ name: user, groups: [] });
    const message = async (path: string) => expectStatus(await as.send('GET', path), 403, 'Forbidden').json.message;
    assert.equal(
      await message('/api/v1/namespaces/default/secrets'),
      `secrets is forbidden: User "${user}" cannot list resource "secrets" in API group "" in the namespace "default"`,
    );
    assert.equal(
      await message('/api/v1/namespaces/default/secrets/s'),
      `secrets "s" is forbidden: User "${user}" cannot get resource "secrets" in API group "" in the namespace "default"`,
    );
    assert.equal(
      await message(`${rbac}/clusterroles`),
      `clusterroles.rbac.authorization.k8s.io is forbidden: User "${user}" cannot list resource "clusterroles" in API group "rbac.authorization.k8s.io" at the cluster scope`,
    );
    assert.equal(await message('/metrics'), `forbidden: User "${user}" cannot get path "/metrics"`);
  }),
  parityCase('C113', 'resourceNames allow the one name, also by field selector', async (api) => {
    const { path, as } = await granted(api, [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'], resourceNames: ['one'] },
    ]);
    await create(api, `${path}/configmaps`, configMap('one'));
    await create(api, `${path}/configmaps`, configMap('two'));
    await settled(as, `${path}/configmaps/one`, 200);
    expectStatus(await as.send('GET', `${path}/configmaps/two`), 403);
    expectStatus(await as.send('GET', `${path}/configmaps`), 403);
    const { json } = expectStatus(await as.send('GET', `${path}/configmaps?fieldSelector=metadata.name%3Done`), 200);
    assert.equal(json.items.length, 1);
    expectStatus(await as.send('GET', `${path}/configmaps?fieldSelector=metadata.name%3Dtwo`), 403);
  }),
  parityCase('C114', 'everyone may ask what he may do', async (api) => {
    const { name, as, path } = await granted(api, readConfigMaps);
    await settled(as, `${path}/configmaps`, 200);
    const ask = async (peer: ApiPeer, verb: string) => {
      const spec = { resourceAttributes: { namespace: name, verb, resource: 'configmaps' } };
      const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec };
      return expectStatus(await peer.send('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body }), 201).json.status
        .allowed;
    };
    assert.deepEqual([await ask(as, 'list'), await ask(as, 'delete'), await ask(api, 'delete')], [true, false, true]);
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: name } };
    const { status } = expectStatus(await as.send('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { body }), 201).json;
    assert.ok(
      status.resourceRules.some(
        ({ resources, verbs }: { resources: string[]; verbs: string[] }) => resources.includes('configmaps') && verbs.includes('list'),
      ),
    );
    assert.ok(status.nonResourceRules.some(({ nonResourceURLs }: { nonResourceURLs: string[] }) => nonResourceURLs.includes('/version')));
  }),
  parityCase('C115', 'an access review tells by which binding', async (api) => {
    const { name, user, as, path } = await granted(api, readConfigMaps);
    await settled(as, `${path}/configmaps`, 200);
    const resourceAttributes = { namespace: name, verb: 'get', resource: 'configmaps', name: 'x' };
    assert.deepEqual(await review(api, { user, resourceAttributes }), {
      allowed: true,
      reason: `RBAC: allowed by RoleBinding "rb/${name}" of Role "r" to User "${user}"`,
    });
    assert.equal((await review(api, { user, resourceAttributes: { ...resourceAttributes, verb: 'update' } })).allowed, false);
    assert.deepEqual(await review(api, { user: 'x', groups: ['system:masters'], resourceAttributes }), { allowed: true });
    const wrong = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { resourceAttributes } };
    expectStatus(await api.send('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { body: wrong }), 422, 'Invalid');
  }),
  parityCase('C116', 'a role reference stays, and nobody hands out what he has not', async (api) => {
    const { name, as, path } = await granted(api, [
      ...readConfigMaps,
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['create', 'update', 'get'] },
    ]);
    await settled(as, `${path}/configmaps`, 200);
    const bindings = `${rbac}/namespaces/${name}/rolebindings`;
    const moved = await api.send('PUT', `${bindings}/rb`, { body: binding('rb', 'other', userSubject('x')) });
    assert.match(expectStatus(moved, 422, 'Invalid').json.message, /cannot change roleRef/);
    const refused = await as.send('POST', bindings, { body: binding('admin', 'cluster-admin', userSubject('me'), 'ClusterRole') });
    assert.match(expectStatus(refused, 403, 'Forbidden').json.message, /is attempting to grant RBAC permissions not currently held/);
    const roles = `${rbac}/namespaces/${name}/roles`;
    expectStatus(await as.send('POST', roles, { body: role('more', [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]) }), 403);
    expectStatus(
      await as.send('POST', roles, { body: role('less', [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }]) }),
      201,
    );
    expectStatus(await as.send('POST', bindings, { body: binding('less', 'less', userSubject('friend')) }), 201);
    for (const wrong of [
      role('paths', [{ nonResourceURLs: ['/x'], verbs: ['get'] }]),
      role('verbs', [{ apiGroups: [''], resources: ['secrets'], verbs: [] }]),
    ])
      expectStatus(await api.send('POST', roles, { body: wrong }), 422, 'Invalid');
  }),
  parityCase('C117', 'impersonation needs its verb, and gives the rights of the other', async (api) => {
    const { path, user, as } = await granted(api, readConfigMaps);
    await settled(as, `${path}/configmaps`, 200);
    expectStatus(await api.send('GET', `${path}/configmaps`, { headers: { 'impersonate-user': user } }), 200);
    expectStatus(await api.send('GET', `${path}/secrets`, { headers: { 'impersonate-user': user } }), 403);
    const { json } = expectStatus(
      await as.send('GET', `${path}/configmaps`, { headers: { 'impersonate-user': 'root', 'impersonate-group': 'system:masters' } }),
      403,
    );
    assert.match(json.message, /cannot impersonate resource "users"/);
  }),
  parityCase('C118', 'a token of a service account logs in until the account is gone', async (api) => {
    const { name, path } = await newNamespace(api);
    const account = await create(api, `${path}/serviceaccounts`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot' } });
    await create(api, `${rbac}/namespaces/${name}/roles`, role('r', readConfigMaps));
    await create(
      api,
      `${rbac}/namespaces/${name}/rolebindings`,
      binding('rb', 'r', { kind: 'ServiceAccount', name: 'bot', namespace: name }),
    );
    const { json, token, get } = await tokenOf(api, path, 'bot', { expirationSeconds: 700 });
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    assert.equal(claims.sub, `system:serviceaccount:${name}:bot`);
    assert.deepEqual(
      [claims['kubernetes.io'].namespace, claims['kubernetes.io'].serviceaccount],
      [name, { name: 'bot', uid: account.metadata.uid }],
    );
    assert.equal(claims.exp - claims.iat, 700);
    assert.equal(new Date(json.status.expirationTimestamp).getTime(), claims.exp * 1000);
    await eventually('the token may list', async () => (await get(`${path}/configmaps`)).status === 200);
    expectStatus(await get(`${path}/secrets`), 403);
    const good = expectStatus(await reviewToken(api, token), 201).json.status;
    assert.deepEqual(
      [good.authenticated, good.user.username, good.user.uid],
      [true, `system:serviceaccount:${name}:bot`, account.metadata.uid],
    );
    expectStatus(await api.send('DELETE', `${path}/serviceaccounts/bot`), 200);
    await eventually('the token ends with its account', async () => (await get(`${path}/configmaps`)).status === 401);
    const short = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: null, expirationSeconds: 60 } };
    expectStatus(await api.send('POST', `${path}/serviceaccounts/default/token`, { body: short }), 422, 'Invalid');
  }),
  parityCase('C119', 'a review of a bad token says so, an empty one is refused', async (api) => {
    const { status } = expectStatus(await reviewToken(api, 'nonsense'), 201).json;
    assert.ok(!status.authenticated && status.error.length > 0);
    expectStatus(await reviewToken(api, ''), 400, 'BadRequest');
    const { path } = await newNamespace(api);
    await eventually('the account is there', async () => (await api.send('GET', `${path}/serviceaccounts/default`)).status === 200);
    const { token } = await tokenOf(api, path, 'default', { audiences: ['vault'] });
    assert.ok(!expectStatus(await reviewToken(api, token), 201).json.status.authenticated, 'a token for others');
    assert.deepEqual(expectStatus(await reviewToken(api, token, ['vault', 'x']), 201).json.status.audiences, ['vault']);
    const [head, , signature] = token.split('.');
    const forged = `${head}.${Buffer.from('{"sub":"system:serviceaccount:kube-system:default"}').toString('base64url')}.${signature}`;
    for (const wrong of [forged, `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`])
      assert.ok(!expectStatus(await reviewToken(api, wrong), 201).json.status.authenticated);
  }),
  parityCase(
    'C120',
    'everyone may ask who he is',
    async (api) => {
      const as = await api.as({ name: 'alice', groups: ['dev'] });
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const { status } = expectStatus(await as.send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body }), 201).json;
      assert.deepEqual(status.userInfo, { username: 'alice', groups: ['dev', 'system:authenticated'] });
    },
    'SelfSubjectReview came with 1.28',
  ),
  parityCase('C102', 'approving and signing need their verb on the signer', async (api) => {
    const user = fresh('user');
    const as = await api.as({ name: user, groups: [] });
    const name = fresh('grant');
    const rules = [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['certificatesigningrequests', 'certificatesigningrequests/approval', 'certificatesigningrequests/status'],
        verbs: ['create', 'get', 'update', 'list'],
      },
    ];
    const clusterRole = (more: readonly Json[]) => ({ apiVersion, kind: 'ClusterRole', metadata: { name }, rules: [...rules, ...more] });
    await create(api, `${rbac}/clusterroles`, clusterRole([]));
    await create(api, `${rbac}/clusterrolebindings`, {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [userSubject(user)],
    });
    const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
    await settled(as, requests, 200);
    const { csrPem } = await import('../../../src/pki/csr.ts');
    const { testCsr } = await import('../../../src/testing/certificates.ts');
    const body = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: { request: Buffer.from(csrPem(await testCsr())).toString('base64'), signerName: 'example.com/own', usages: ['client auth'] },
    };
    const made = expectStatus(await as.send('POST', requests, { body }), 201).json;
    assert.deepEqual([made.spec.username, made.spec.groups], [user, ['system:authenticated']]);
    const approve = async () =>
      as.send('PUT', `${requests}/${name}/approval`, {
        body: {
          ...(await as.send('GET', `${requests}/${name}`)).json,
          status: { conditions: [{ type: 'Approved', status: 'True', reason: 'Test', message: 'x' }] },
        },
      });
    assert.match(
      expectStatus(await approve(), 403, 'Forbidden').json.message,
      /user not permitted to approve requests with signerName "example.com\/own"/,
    );
    const signers = [{ apiGroups: ['certificates.k8s.io'], resources: ['signers'], verbs: ['approve'], resourceNames: ['example.com/*'] }];
    expectStatus(await api.send('PUT', `${rbac}/clusterroles/${name}`, { body: clusterRole(signers) }), 200);
    await eventually('the approver may approve', async () => (await approve()).status === 200);
    const current = (await as.send('GET', `${requests}/${name}`)).json;
    const { testCa } = await import('../../../src/testing/certificates.ts');
    const { certificatePem } = await import('../../../src/pki/x509-certificate.ts');
    const certificate = Buffer.from(certificatePem((await testCa()).certificate)).toString('base64');
    const signed = await as.send('PUT', `${requests}/${name}/status`, { body: { ...current, status: { ...current.status, certificate } } });
    assert.match(expectStatus(signed, 403, 'Forbidden').json.message, /user not permitted to sign requests with signerName/);
  }),
  parityCase('C093', 'dependants go after, before or not with their owner', async (api) => {
    const { path } = await newNamespace(api);
    const family = async (policy: string) => {
      const owner = await create(api, `${path}/configmaps`, configMap(fresh('owner')));
      const ownerReferences = [
        { apiVersion: 'v1', kind: 'ConfigMap', name: owner.metadata.name, uid: owner.metadata.uid, blockOwnerDeletion: true },
      ];
      const child = await create(api, `${path}/configmaps`, configMap(fresh('child'), {}, { ownerReferences }));
      // A real collector learns of the dependant by watching.
      await new Promise((resolve) => setTimeout(resolve, isEmbedded(api) ? 0 : 1000));
      expectStatus(await api.send('DELETE', `${path}/configmaps/${owner.metadata.name}`, { body: { propagationPolicy: policy } }), 200);
      await eventually(
        `${policy}: the owner is gone`,
        async () => (await api.send('GET', `${path}/configmaps/${owner.metadata.name}`)).status === 404,
      );
      return `${path}/configmaps/${child.metadata.name}`;
    };
    for (const policy of ['Background', 'Foreground']) {
      const child = await family(policy);
      await eventually(`${policy}: the dependant is gone`, async () => (await api.send('GET', child)).status === 404);
    }
    const kept = expectStatus(await api.send('GET', await family('Orphan')), 200).json;
    assert.equal(kept.metadata.ownerReferences, undefined);
  }),
  parityCase('garbage-owners', 'only a dependant that blocks holds its owner up; one with another owner stays', async (api) => {
    const { path } = await newNamespace(api);
    const maps = `${path}/configmaps`;
    const make = (name: string, owners: readonly (readonly [Json, boolean])[], finalizers: readonly string[] = []) =>
      create(
        api,
        maps,
        configMap(
          name,
          {},
          {
            finalizers,
            ownerReferences: owners.map(([{ metadata }, blockOwnerDeletion]) => {
              const { name: of, uid } = metadata as { name: string; uid: string };
              return { apiVersion: 'v1', kind: 'ConfigMap', name: of, uid, blockOwnerDeletion };
            }),
          },
        ),
      );
    const [owner, other] = [await make('owner', []), await make('other', [])];
    await make('loose', [[owner, false]], ['example.com/hold']);
    await make('shared', [
      [owner, true],
      [other, false],
    ]);
    await make('blocking', [[owner, true]], ['example.com/hold']);
    await new Promise((resolve) => setTimeout(resolve, isEmbedded(api) ? 0 : 1000));
    expectStatus(await api.send('DELETE', `${maps}/owner`, { body: { propagationPolicy: 'Foreground' } }), 200);
    const get = async (name: string) => (await api.send('GET', `${maps}/${name}`)).json;
    await eventually('what blocks is being deleted', async () => (await get('blocking')).metadata?.deletionTimestamp !== undefined);
    await eventually('what has another owner has it alone', async () => (await get('shared')).metadata?.ownerReferences?.length === 1);
    assert.deepEqual((await get('owner')).metadata.finalizers, ['foregroundDeletion']);
    const release = (name: string) =>
      api.send('PATCH', `${maps}/${name}`, { body: { metadata: { finalizers: null } }, contentType: 'application/merge-patch+json' });
    await release('blocking');
    await eventually('the owner is gone', async () => (await api.send('GET', `${maps}/owner`)).status === 404);
    await eventually('the other follows', async () => (await get('loose')).metadata?.deletionTimestamp !== undefined);
    await release('loose');
    assert.equal((await get('shared')).metadata.deletionTimestamp, undefined);
  }),
];
