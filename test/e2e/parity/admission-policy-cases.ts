// Admission policies in CEL over custom resources. No real server at hand has them: what is asked here is what Kubernetes documents.

import assert from 'node:assert/strict';
import type { ApiPeer, Json, Reply } from '../../../src/testing/api-peer.ts';
import { create, eventually, expectStatus, fresh, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const registration = '/apis/admissionregistration.k8s.io/v1';
const since = 'policies came with 1.30; the server for custom resources alone has none';
const merge = 'application/merge-patch+json';

type Stage = {
  readonly api: ApiPeer;
  readonly group: string;
  readonly namespace: string;
  readonly path: string;
  thing(name: string, spec?: Json, more?: Json): Json;
  put(name: string, spec: Json, as?: ApiPeer): Promise<Reply>;
  /** Makes a policy over the stage's kind, and a binding of it. */
  policy(spec: Json, binding?: Json): Promise<string>;
};

const onStage = async (api: ApiPeer, play: (stage: Stage) => Promise<void>): Promise<void> => {
  const group = `${fresh('policed')}.example.com`;
  const spec = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  await create(api, definitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status: spec } } },
          subresources: { status: {} },
        },
      ],
    },
  });
  const { name: namespace } = await newNamespace(api);
  const path = `/apis/${group}/v1/namespaces/${namespace}/things`;
  await eventually('it is served', async () => (await api.send('GET', path)).status === 200);
  const made: string[] = [];
  const thing = (name: string, given: Json = {}, more: Json = {}): Json => ({
    apiVersion: `${group}/v1`,
    kind: 'Thing',
    metadata: { name },
    spec: given,
    ...more,
  });
  const stage: Stage = {
    api,
    group,
    namespace,
    path,
    thing,
    put: (name, given, as = api) => as.send('POST', path, { body: thing(name, given) }),
    policy: async (given, binding = {}) => {
      const name = fresh('policy');
      await create(api, `${registration}/validatingadmissionpolicies`, {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name },
        spec: {
          matchConstraints: {
            resourceRules: [{ apiGroups: [group], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['things'] }],
          },
          ...given,
        },
      });
      made.push(`${registration}/validatingadmissionpolicies/${name}`);
      await create(api, `${registration}/validatingadmissionpolicybindings`, {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name },
        spec: { policyName: name, validationActions: ['Deny'], ...binding },
      });
      made.push(`${registration}/validatingadmissionpolicybindings/${name}`);
      return name;
    },
  };
  try {
    await play(stage);
  } finally {
    for (const each of made) await api.send('DELETE', each);
    await api.send('DELETE', `${definitions}/things.${group}`);
  }
};

const policyCase = (id: string, title: string, play: (stage: Stage) => Promise<void>): ParityCase =>
  parityCase(id, title, (api) => onStage(api, play), since);

const rule = (expression: string, more: Json = {}): Json => ({ validations: [{ expression, ...more }] });
const params = (name: string, more: Json = {}): Json => ({ paramRef: { name, parameterNotFoundAction: 'Deny', ...more } });
const configParams = { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } };

export const admissionPolicyCases: readonly ParityCase[] = [
  policyCase(
    'policy-denial',
    'what a policy denies is not written, and is answered with who denied it and why',
    async ({ api, group, path, put, policy }) => {
      const name = await policy(rule('object.spec.size <= 5', { messageExpression: '"at most 5, not " + string(object.spec.size)' }));
      expectStatus(await put('small', { size: 5 }), 201);
      const denied = expectStatus(await put('large', { size: 6 }), 422, 'Invalid').json;
      const message = `ValidatingAdmissionPolicy '${name}' with binding '${name}' denied request: at most 5, not 6`;
      assert.equal(denied.message, `things.${group} "large" is forbidden: ${message}`);
      assert.deepEqual(denied.details, { name: 'large', group, kind: 'things', causes: [{ message }] });
      expectStatus(await api.send('GET', `${path}/large`), 404);
      expectStatus(await api.send('PATCH', `${path}/small`, { body: { spec: { size: 9 } }, contentType: merge }), 422);
      const applied = await api.send('PATCH', `${path}/new?fieldManager=parity`, {
        body: JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name: 'new' }, spec: { size: 7 } }),
        contentType: 'application/apply-patch+yaml',
      });
      expectStatus(applied, 422);
      await api.send('DELETE', `${registration}/validatingadmissionpolicybindings/${name}`);
      expectStatus(await put('large', { size: 6 }), 201);
    },
  ),
  policyCase('policy-reasons', 'a policy says with which reason it denies, and with which words', async ({ put, policy }) => {
    await policy({
      validations: [
        { expression: 'object.spec.n != 1', reason: 'Forbidden', message: 'not one' },
        { expression: 'object.spec.n != 2', reason: 'Unauthorized' },
        { expression: 'object.spec.n != 3', reason: 'RequestEntityTooLarge' },
        { expression: 'object.spec.n != 4', message: 'plain', messageExpression: 'object.spec.absent' },
      ],
    });
    assert.match(expectStatus(await put('a', { n: 1 }), 403, 'Forbidden').json.message, /denied request: not one$/);
    assert.match(expectStatus(await put('a', { n: 2 }), 401, 'Unauthorized').json.message, /: failed expression: object\.spec\.n != 2$/);
    expectStatus(await put('a', { n: 3 }), 413, 'RequestEntityTooLarge');
    assert.match(expectStatus(await put('a', { n: 4 }), 422, 'Invalid').json.message, /: plain$/);
    expectStatus(await put('a', { n: 5 }), 201);
  }),
  policyCase('policy-warning', 'a binding may warn in place of denying', async ({ put, policy }) => {
    const name = await policy(rule('false', { message: 'think twice' }), { validationActions: ['Warn', 'Audit'] });
    const reply = expectStatus(await put('a', {}), 201);
    assert.equal(
      reply.headers['warning'],
      `299 - "Validation failed for ValidatingAdmissionPolicy '${name}' with binding '${name}': think twice"`,
    );
  }),
  policyCase('policy-failure', 'an expression that fails denies, unless the policy is to be ignored then', async ({ put, policy }) => {
    await policy(rule('object.spec.absent == 1'));
    const denied = expectStatus(await put('a', {}), 422).json;
    assert.match(denied.message, /expression 'object\.spec\.absent == 1' resulted in error: no such key: absent/);
    expectStatus(await put('b', { absent: 1 }), 201);
  }),
  policyCase('policy-ignored', 'a policy that is to be ignored where it fails still denies where it does not', async ({ put, policy }) => {
    await policy({ failurePolicy: 'Ignore', ...rule('object.spec.absent == 1') });
    expectStatus(await put('a', {}), 201);
    expectStatus(await put('b', { absent: 2 }), 422);
  }),
  policyCase('policy-variables', 'variables are reckoned once they are needed, and see those before them', async ({ put, policy }) => {
    await policy({
      variables: [
        { name: 'bad', expression: 'object.spec.absent' },
        { name: 'base', expression: 'object.spec.n + 1' },
        { name: 'twice', expression: 'variables.base * 2' },
      ],
      validations: [{ expression: 'variables.twice == 4 || variables.bad' }],
    });
    expectStatus(await put('a', { n: 1 }), 201);
    assert.match(expectStatus(await put('b', { n: 2 }), 422).json.message, /no such key: absent/);
  }),
  policyCase(
    'policy-request',
    'expressions see who asks, what was, what for and where',
    async ({ api, path, namespace, put, policy, thing }) => {
      await policy({
        matchConstraints: {
          resourceRules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['things', 'things/status'] }],
        },
        matchConditions: [{ name: 'mine', expression: `request.namespace == "${namespace}"` }],
        validations: [
          {
            expression: 'request.operation != "UPDATE" || has(request.subResource) || object.spec.n >= oldObject.spec.n',
            message: 'only upwards',
          },
          { expression: 'request.operation != "DELETE" || (object == null && oldObject.spec.n > 5)', message: 'too young' },
          { expression: 'request.operation != "CREATE" || oldObject == null', message: 'there was none' },
          { expression: '!has(request.subResource) || request.subResource == "status" && !request.dryRun', message: 'no rehearsal' },
          { expression: '"system:masters" in request.userInfo.groups && request.resource.resource == "things"', message: 'who' },
          {
            expression: 'namespaceObject.metadata.name == request.namespace && namespaceObject.status.phase == "Active"',
            message: 'where',
          },
        ],
      });
      expectStatus(await put('a', { n: 3 }), 201);
      const change = (n: number) => api.send('PATCH', `${path}/a`, { body: { spec: { n } }, contentType: merge });
      assert.match(expectStatus(await change(2), 422).json.message, /only upwards$/);
      assert.match(expectStatus(await api.send('DELETE', `${path}/a`), 422).json.message, /too young$/);
      const status = { body: { ...thing('a'), status: { done: true } }, contentType: merge };
      assert.match(expectStatus(await api.send('PATCH', `${path}/a/status?dryRun=All`, status), 422).json.message, /no rehearsal$/);
      expectStatus(await api.send('PATCH', `${path}/a/status`, status), 200);
      expectStatus(await change(6), 200);
      expectStatus(await api.send('DELETE', `${path}/a`), 200);
    },
  ),
  policyCase('policy-params', 'parameters come from the object that the binding names', async ({ api, namespace, put, policy }) => {
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    const name = await policy(
      { ...configParams, ...rule('object.spec.n <= int(params.data.max)', { message: 'too much' }) },
      params('limits'),
    );
    assert.match(
      expectStatus(await put('a', { n: 1 }), 422).json.message,
      /failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
    );
    await create(api, maps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'limits', labels: { limits: 'yes' } },
      data: { max: '3' },
    });
    expectStatus(await put('a', { n: 3 }), 201);
    expectStatus(await put('b', { n: 4 }), 422);
    const selected = { selector: { matchLabels: { limits: 'yes' } }, parameterNotFoundAction: 'Allow' };
    const binding = `${registration}/validatingadmissionpolicybindings/${name}`;
    expectStatus(await api.send('PATCH', binding, { body: { spec: { paramRef: { ...selected, name: null } } }, contentType: merge }), 200);
    await create(api, maps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'stricter', labels: { limits: 'yes' } },
      data: { max: '2' },
    });
    expectStatus(await put('c', { n: 3 }), 422);
    expectStatus(await put('c', { n: 2 }), 201);
    for (const each of ['limits', 'stricter']) await api.send('DELETE', `${maps}/${each}`);
    expectStatus(await put('d', { n: 9 }), 201);
  }),
  policyCase('policy-authorizer', 'expressions ask what the one who asks may do', async ({ api, group, path, put, policy, namespace }) => {
    await policy({
      validations: [
        { expression: 'authorizer.requestResource.check("explode").allowed()', message: 'may not explode' },
        { expression: 'authorizer.path("/healthz").check("get").allowed()', message: 'may not look' },
        {
          expression:
            '!authorizer.serviceAccount("default", "default").group("").resource("secrets").namespace("default").check("get").allowed()',
        },
      ],
    });
    const role = fresh('things');
    const rules = [{ apiGroups: [group], resources: ['things'], verbs: ['create'] }];
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await create(api, `${rbac}/namespaces/${namespace}/roles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: role },
      rules,
    });
    await create(api, `${rbac}/namespaces/${namespace}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: role },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'maker' }],
    });
    const maker = await api.as({ name: 'maker', groups: [] });
    assert.match(expectStatus(await put('a', {}, maker), 422).json.message, /may not explode$/);
    await api.send('PATCH', `${rbac}/namespaces/${namespace}/roles/${role}`, {
      body: { rules: [{ apiGroups: [group], resources: ['things'], verbs: ['create', 'explode'] }] },
      contentType: merge,
    });
    expectStatus(await put('a', {}, maker), 201);
    expectStatus(await api.send('GET', `${path}/a`), 200);
    maker.close();
  }),
  policyCase(
    'policy-choice',
    'policies and bindings are for what their rules and selectors say',
    async ({ api, namespace, put, policy }) => {
      await policy(rule('false', { message: 'labelled' }), { matchResources: { namespaceSelector: { matchLabels: { policed: 'yes' } } } });
      expectStatus(await put('a', {}), 201);
      await api.send('PATCH', `/api/v1/namespaces/${namespace}`, {
        body: { metadata: { labels: { policed: 'yes' } } },
        contentType: merge,
      });
      assert.match(expectStatus(await put('b', {}), 422).json.message, /labelled$/);
    },
  ),
  policyCase('policy-exclusion', 'a policy leaves out what it excludes', async ({ group, put, policy }) => {
    const rules = { apiGroups: [group], apiVersions: ['*'], operations: ['*'], resources: ['things'] };
    await policy({
      matchConstraints: { resourceRules: [rules], excludeResourceRules: [{ ...rules, resourceNames: ['spared'] }] },
      ...rule('false'),
    });
    expectStatus(await put('spared', {}), 201);
    expectStatus(await put('other', {}), 422);
  }),
  parityCase(
    'policy-validation',
    'a policy or binding that could not be followed is refused',
    async (api) => {
      const base = {
        matchConstraints: {
          resourceRules: [{ apiGroups: ['x.example'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }],
        },
        validations: [{ expression: 'true' }],
      };
      const send = (kind: 'Policy' | 'PolicyBinding', spec: Json) =>
        api.send('POST', `${registration}/validatingadmission${kind === 'Policy' ? 'policies' : 'policybindings'}?dryRun=All`, {
          body: {
            apiVersion: 'admissionregistration.k8s.io/v1',
            kind: `ValidatingAdmission${kind}`,
            metadata: { name: fresh('policy') },
            spec,
          },
        });
      const made = expectStatus(await send('Policy', base), 201).json;
      assert.deepEqual(
        [
          made.spec.failurePolicy,
          made.spec.matchConstraints.matchPolicy,
          made.spec.matchConstraints.resourceRules[0].scope,
          made.metadata.generation,
        ],
        ['Fail', 'Equivalent', '*', 1],
      );
      const wrongs: readonly (readonly ['Policy' | 'PolicyBinding', Json, string, string])[] = [
        ['Policy', { ...base, validations: [] }, 'FieldValueRequired', 'spec.validations'],
        ['Policy', { ...base, validations: [{ expression: '' }] }, 'FieldValueRequired', 'spec.validations[0].expression'],
        ['Policy', { ...base, validations: [{ expression: 'object.' }] }, 'FieldValueInvalid', 'spec.validations[0].expression'],
        ['Policy', { ...base, validations: [{ expression: 'unheard' }] }, 'FieldValueInvalid', 'spec.validations[0].expression'],
        ['Policy', { ...base, validations: [{ expression: '1 + 1' }] }, 'FieldValueInvalid', 'spec.validations[0].expression'],
        [
          'Policy',
          { ...base, validations: [{ expression: 'request.unheard == ""' }] },
          'FieldValueInvalid',
          'spec.validations[0].expression',
        ],
        ['Policy', { ...base, validations: [{ expression: 'params != null' }] }, 'FieldValueInvalid', 'spec.validations[0].expression'],
        [
          'Policy',
          { ...base, validations: [{ expression: 'true', reason: 'Whim' }] },
          'FieldValueNotSupported',
          'spec.validations[0].reason',
        ],
        ['Policy', { ...base, validations: [{ expression: 'true', message: 'a\nb' }] }, 'FieldValueInvalid', 'spec.validations[0].message'],
        ['Policy', { ...base, variables: [{ name: 'a', expression: 'variables.a' }] }, 'FieldValueInvalid', 'spec.variables[0].expression'],
        ['Policy', { ...base, variables: [{ name: '1a', expression: '1' }] }, 'FieldValueInvalid', 'spec.variables[0].name'],
        [
          'Policy',
          { ...base, matchConditions: [{ name: 'a', expression: '"x"' }] },
          'FieldValueInvalid',
          'spec.matchConditions[0].expression',
        ],
        ['Policy', { ...base, failurePolicy: 'Maybe' }, 'FieldValueNotSupported', 'spec.failurePolicy'],
        ['Policy', { ...base, paramKind: { kind: 'A' } }, 'FieldValueRequired', 'spec.paramKind.apiVersion'],
        ['Policy', { ...base, matchConstraints: {} }, 'FieldValueRequired', 'spec.matchConstraints.resourceRules'],
        [
          'Policy',
          { ...base, auditAnnotations: [{ key: 'a', valueExpression: '1' }] },
          'FieldValueInvalid',
          'spec.auditAnnotations[0].valueExpression',
        ],
        ['PolicyBinding', { policyName: '', validationActions: ['Deny'] }, 'FieldValueRequired', 'spec.policyName'],
        ['PolicyBinding', { policyName: 'a', validationActions: [] }, 'FieldValueRequired', 'spec.validationActions'],
        ['PolicyBinding', { policyName: 'a', validationActions: ['Shout'] }, 'FieldValueNotSupported', 'spec.validationActions[0]'],
        ['PolicyBinding', { policyName: 'a', validationActions: ['Deny', 'Warn'] }, 'FieldValueInvalid', 'spec.validationActions'],
        [
          'PolicyBinding',
          { policyName: 'a', validationActions: ['Deny'], paramRef: { name: 'a' } },
          'FieldValueRequired',
          'spec.paramRef.parameterNotFoundAction',
        ],
        [
          'PolicyBinding',
          { policyName: 'a', validationActions: ['Deny'], ...params('a', { selector: {} }) },
          'FieldValueForbidden',
          'spec.paramRef.name',
        ],
      ];
      for (const [kind, spec, reason, field] of wrongs) {
        const { causes } = expectStatus(await send(kind, spec), 422, 'Invalid').json.details;
        assert.deepEqual([causes[0].reason, causes[0].field], [reason, field], JSON.stringify(spec));
      }
    },
    since,
  ),
];
