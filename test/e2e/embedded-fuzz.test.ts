// Requests that are nearly right, put to the whole server: each is answered, none by an error of our own (500, or a word of a bug).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { startEmbedded } from '../../src/testing/api-servers.ts';
import { runs } from '../../src/testing/runs.ts';

const word = fc.constantFrom('a', 'b', 'default', '%00', '%2F', '%', '__proto__', 'constructor', '..', 'x'.repeat(300), 'é', '');
const resource = fc.constantFrom(
  'api/v1/namespaces/default/configmaps',
  'api/v1/namespaces/default/secrets',
  'api/v1/namespaces',
  'api/v1/namespaces/default/serviceaccounts',
  'api/v1/namespaces/default/events',
  'api/v1/configmaps',
  'apis/certificates.k8s.io/v1/certificatesigningrequests',
  'apis/rbac.authorization.k8s.io/v1/clusterroles',
  'apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings',
  'apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  'apis/coordination.k8s.io/v1/namespaces/default/leases',
  'apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
  'apis/authentication.k8s.io/v1/tokenreviews',
  'openapi/v3/api/v1',
);
const path = fc
  .tuple(
    resource,
    fc.option(word, { nil: undefined }),
    fc.option(fc.constantFrom('status', 'approval', 'token', 'finalize', 'scale', ''), { nil: undefined }),
  )
  .map(([of, name, part]) => `/${of}${name === undefined ? '' : `/${name}`}${part === undefined ? '' : `/${part}`}`);

const queryName = fc.constantFrom(
  ...['limit', 'continue', 'resourceVersion', 'resourceVersionMatch', 'labelSelector', 'fieldSelector', 'timeoutSeconds'],
  ...['dryRun', 'fieldValidation', 'fieldManager', 'includeObject', 'pretty', 'propagationPolicy', 'sendInitialEvents', 'force'],
);
const queryValue = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '1',
    '-1',
    '1e9',
    '99999999999999999999',
    'true',
    'All',
    'Strict',
    'Exact',
    'NotOlderThan',
    'a=b,!c',
    'a in (b',
    'metadata.name=a',
  ),
  fc.string({ maxLength: 12 }),
);
const query = fc
  .array(fc.tuple(queryName, queryValue), { maxLength: 3 })
  .map((pairs) => pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&'));

const field = fc.constantFrom(
  ...[
    'metadata',
    'spec',
    'status',
    'data',
    'name',
    'namespace',
    'labels',
    'annotations',
    'finalizers',
    'ownerReferences',
    'uid',
    'rules',
    'roleRef',
  ],
  ...[
    'subjects',
    'names',
    'versions',
    'schema',
    'conditions',
    'resourceVersion',
    'generateName',
    '$patch',
    '$retainKeys',
    '__proto__',
    'constructor',
    'token',
  ],
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(null, 0, -1, 1e300, true, '', 'a', 'YQ==', '2026-01-01T00:00:00Z', [], {}),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(field, tie('value'), { maxKeys: 4 }),
  ),
}));
const body = fc.oneof(
  fc
    .record({ metadata: fc.oneof(fc.constant({ name: 'a' }), value), spec: value, data: value, rules: value }, { requiredKeys: [] })
    .map((given) => JSON.stringify(given)),
  value.map((given) => JSON.stringify(given)),
  fc
    .array(
      fc.record({
        op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
        path: fc.constantFrom('', '/data', '/metadata/labels/x', '/metadata', '/spec/a/0', '/a'),
        from: fc.constantFrom('', '/data', '/metadata'),
        value,
      }),
      { maxLength: 3 },
    )
    .map((given) => JSON.stringify(given)),
  fc.string({ maxLength: 30 }),
);
const contentType = fc.constantFrom(
  ...[
    'application/json',
    'application/yaml',
    'application/vnd.kubernetes.protobuf',
    'application/json-patch+json',
    'application/merge-patch+json',
  ],
  ...['application/strategic-merge-patch+json', 'application/apply-patch+yaml', 'text/plain', ''],
);
const accept = fc.constantFrom(
  ...[
    'application/json',
    '*/*',
    'application/yaml',
    'application/json;as=Table;v=v1;g=meta.k8s.io',
    'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  ],
  ...['text/html', ';', ''],
);

describe('the embedded server', () => {
  test('answers every request that is nearly right, and finds no fault in itself', async (t) => {
    const server = await startEmbedded();
    t.after(() => server.stop());
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
        path,
        query,
        body,
        contentType,
        accept,
        async (method, at, asked, given, type, shape) => {
          const options = { accept: shape, ...(method === 'GET' ? {} : { body: given, contentType: type }) };
          const { status, text } = await server.peer.send(
            method,
            `${encodeURI(at).replaceAll('%25', '%')}${asked === '' ? '' : `?${asked}`}`,
            options,
          );
          seen.add(status);
          assert.ok(status < 500 || status === 504, `${status} ${text}`);
        },
      ),
      { numRuns: runs(400, 30_000) },
    );
    for (const status of [200, 400, 404, 405, 422]) assert.ok(seen.has(status), `${status} among ${[...seen].join(' ')}`);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });
});
