// PodCertificateRequests and ClusterTrustBundles, which 1.20 has not: what the documentation and the source of 1.36 say of them.

import assert from 'node:assert/strict';
import { constants, randomUUID, sign } from 'node:crypto';
import type { CertificateTemplate } from '../../../src/pki/certificate-template.ts';
import { certificatePem } from '../../../src/pki/x509-certificate.ts';
import type { ApiPeer, Json } from '../../../src/testing/api-peer.ts';
import { testCa, testCsr, testKey, testLeaf, testPublicKey } from '../../../src/testing/certificates.ts';
import { create, expectStatus, fresh, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const absent = '1.20 has no such kind';
const group = '/apis/certificates.k8s.io/v1beta1';
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const second = 1000;
const hour = 3600 * second;
const text = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;

const fieldsOf = (reply: { readonly json: { readonly details: { readonly causes: readonly { readonly field: string }[] } } }) =>
  reply.json.details.causes.map(({ field }) => field);

const body = async (spec: Json = {}): Promise<Json> => ({
  apiVersion: 'certificates.k8s.io/v1beta1',
  kind: 'PodCertificateRequest',
  metadata: { name: fresh('pcr') },
  spec: {
    signerName: 'example.com/pods',
    podName: 'p',
    podUID: 'pod-uid',
    serviceAccountName: 'default',
    serviceAccountUID: 'account-uid',
    nodeName: 'n',
    nodeUID: 'node-uid',
    stubPKCS10Request: base64((await testCsr({ keyNumber: 1 })).raw),
    ...spec,
  },
});

const at = async (api: ApiPeer): Promise<string> => `${group}/namespaces/${(await newNamespace(api)).name}/podcertificaterequests`;

const stored = async (api: ApiPeer, spec: Json = {}): Promise<string> => {
  const path = await at(api);
  const made = await create(api, path, await body(spec));
  return `${path}/${made.metadata.name}`;
};

const condition = (type: string, more: Json = {}): Json => ({
  type,
  status: 'True',
  reason: 'Test',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  ...more,
});

const putStatus = async (api: ApiPeer, path: string, status: Json) => {
  const { json } = await api.send('GET', path);
  return api.send('PUT', `${path}/status`, { body: { ...json, status } });
};

/** The status of a request that is issued now for so long, by a key of this number. */
const issued = async (changes: Partial<CertificateTemplate> = {}, keyNumber = 1): Promise<Json> => {
  const notBefore = new Date(Math.floor(Date.now() / second) * second - 60 * second);
  const notAfter = new Date(notBefore.getTime() + 24 * hour);
  const ca = await testCa({ notBefore: new Date(notBefore.getTime() - hour), notAfter: new Date(notAfter.getTime() + 300 * hour) });
  const leaf = await testLeaf(ca, { notBefore, notAfter, keyNumber, ...changes });
  return {
    conditions: [condition('Issued')],
    certificateChain: certificatePem(leaf) + certificatePem(ca.certificate),
    notBefore: text(leaf.notBefore),
    notAfter: text(leaf.notAfter),
    beginRefreshAt: text(new Date(leaf.notBefore.getTime() + hour)),
  };
};

const podRequestCase = (id: string, title: string, run: ParityCase['run']): ParityCase => parityCase(id, title, run, absent);

export const podCertificateCases: readonly ParityCase[] = [
  podRequestCase('pcr-create', 'a pod certificate request is kept as it was made', async (api) => {
    const path = await at(api);
    const made = await create(api, path, { ...(await body()), status: { conditions: [condition('Issued')] } });
    assert.deepEqual([made.spec.maxExpirationSeconds, made.status], [86_400, {}]);
    const item = `${path}/${made.metadata.name}`;
    const patch = (change: Json) => api.send('PATCH', item, { body: change, contentType: 'application/merge-patch+json' });
    assert.deepEqual(fieldsOf(expectStatus(await patch({ spec: { podName: 'q' } }), 422, 'Invalid')), ['spec']);
    assert.deepEqual(expectStatus(await patch({ metadata: { labels: { a: 'b' } }, status: { conditions: [] } }), 200).json.status, {});
    const selected = await api.send('GET', `${path}?fieldSelector=spec.signerName%3Dexample.com/pods,spec.nodeName%3Dn,spec.podName%3Dp`);
    assert.equal(expectStatus(selected, 200).json.items.length, 1);
    const { json } = await api.send('GET', item, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    assert.deepEqual(json.rows[0].cells.slice(1, 6), ['p', 'default', 'n', 'example.com/pods', 'Pending']);
  }),
  podRequestCase('pcr-spec', 'the key of a pod certificate request is proven, in one of two ways', async (api) => {
    const path = await at(api);
    const faults = async (spec: Json) => fieldsOf(expectStatus(await api.send('POST', path, { body: await body(spec) }), 422, 'Invalid'));
    const accepted = async (spec: Json) => expectStatus(await api.send('POST', path, { body: await body(spec) }), 201);
    const { raw } = await testCsr({ keyNumber: 1 });
    const forged = Uint8Array.from(raw);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    assert.deepEqual(await faults({ stubPKCS10Request: base64(forged) }), ['spec.stubPKCS10Request']);
    assert.deepEqual(await faults({ stubPKCS10Request: base64(Buffer.from('no request')) }), ['spec.stubPKCS10Request']);
    assert.deepEqual(await faults({ stubPKCS10Request: base64((await testCsr({ algorithm: 'rsa-2048' })).raw) }), [
      'spec.stubPKCS10Request',
    ]);
    assert.deepEqual(await faults({ stubPKCS10Request: undefined }), ['spec']);
    const proven = async (algorithm: 'ecdsa-p256' | 'ed25519' | 'rsa-3072', uid: string): Promise<Json> => {
      const key = await testKey(algorithm);
      const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
      return {
        stubPKCS10Request: undefined,
        pkixPublicKey: base64((await testPublicKey(algorithm)).spki),
        proofOfPossession: base64(
          sign(algorithm === 'ed25519' ? null : 'sha256', Buffer.from(uid), algorithm === 'rsa-3072' ? { key, ...pss } : key),
        ),
      };
    };
    for (const algorithm of ['ecdsa-p256', 'ed25519', 'rsa-3072'] as const) {
      await accepted(await proven(algorithm, 'pod-uid'));
      assert.deepEqual(await faults(await proven(algorithm, 'other')), ['spec.proofOfPossession'], algorithm);
    }
    assert.deepEqual(await faults({ ...(await proven('ed25519', 'pod-uid')), stubPKCS10Request: base64(raw) }), ['spec']);
    for (const [spec, field] of [
      [{ maxExpirationSeconds: 3599 }, 'spec.maxExpirationSeconds'],
      [{ maxExpirationSeconds: 7_862_401 }, 'spec.maxExpirationSeconds'],
      [{ maxExpirationSeconds: 86_401, signerName: 'kubernetes.io/own' }, 'spec.maxExpirationSeconds'],
      [{ signerName: 'nonsense' }, 'spec.signerName'],
      [{ podName: 'A_b' }, 'spec.podName'],
      [{ nodeUID: '' }, 'spec.nodeUID'],
      [{ serviceAccountUID: 'x'.repeat(129) }, 'spec.serviceAccountUID'],
      [{ unverifiedUserAnnotations: { plain: 'x' } }, 'spec.unverifiedUserAnnotations'],
    ] as const)
      assert.deepEqual(await faults(spec), [field], JSON.stringify(spec));
    await accepted({ maxExpirationSeconds: 7_862_400, unverifiedUserAnnotations: { 'example.com/a': 'x' } });
  }),
  podRequestCase('pcr-issue', 'a certificate is for the requested key and says when it holds', async (api) => {
    const path = await stored(api, { maxExpirationSeconds: 100_000 });
    const faults = async (status: Json) => fieldsOf(expectStatus(await putStatus(api, path, status), 422, 'Invalid'));
    const good = await issued();
    const chain = 'status.certificateChain';
    const soon = new Date(Math.floor(Date.now() / second) * second);
    const wrong: readonly (readonly [Json, string])[] = [
      [{ ...good, certificateChain: '' }, chain],
      [{ ...good, certificateChain: 'nonsense' }, chain],
      [{ ...good, certificateChain: String(good['certificateChain']).replaceAll('CERTIFICATE', 'THING') }, chain],
      [await issued({}, 2), chain],
      [await issued({ notAfter: new Date(soon.getTime() + 0.5 * hour) }), chain],
      [await issued({ notAfter: new Date(soon.getTime() + 200 * hour) }), chain],
      [await issued({ notBefore: new Date(soon.getTime() - 0.5 * hour) }), 'status.notBefore'],
      [{ ...good, notBefore: undefined }, 'status.notBefore'],
      [{ ...good, notAfter: text(soon) }, 'status.notAfter'],
      [{ ...good, beginRefreshAt: good['notBefore'] }, 'status.beginRefreshAt'],
      [{ ...good, beginRefreshAt: good['notAfter'] }, 'status.beginRefreshAt'],
      [{ ...good, conditions: [] }, 'status'],
      [{ ...good, conditions: [condition('Denied')] }, 'status'],
      [{ conditions: [condition('Issued'), condition('Failed')] }, 'status.conditions[1].type'],
      [{ conditions: [condition('Approved')] }, 'status.conditions[0].type'],
      [{ conditions: [condition('Failed', { status: 'False' })] }, 'status.conditions[0].status'],
      [{ conditions: [condition('Failed', { reason: '' })] }, 'status.conditions[0].reason'],
      [{ conditions: [condition('Failed', { lastTransitionTime: null })] }, 'status.conditions[0].lastTransitionTime'],
    ];
    for (const [status, field] of wrong)
      assert.deepEqual(await faults(status), [field], JSON.stringify({ ...status, certificateChain: '…' }));
    expectStatus(await putStatus(api, path, good), 200);
    assert.deepEqual(await faults({ conditions: [condition('Failed')] }), ['status'], 'what is settled stays so');
    const denied = await stored(api);
    expectStatus(await putStatus(api, denied, { conditions: [condition('Denied')] }), 200);
    assert.deepEqual(fieldsOf(expectStatus(await putStatus(api, denied, good), 422)), ['status']);
  }),
  podRequestCase('pcr-sign', 'who may not sign for the signer settles nothing', async (api) => {
    const path = await stored(api);
    const name = fresh('signer');
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
    const resource = (resources: readonly string[], verbs: readonly string[], names?: readonly string[]): Json => ({
      apiGroups: ['certificates.k8s.io'],
      resources,
      verbs,
      ...(names === undefined ? {} : { resourceNames: names }),
    });
    const rules = [resource(['podcertificaterequests', 'podcertificaterequests/status'], ['get', 'update'])];
    await create(api, role, { metadata: { name }, rules });
    await create(api, '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name }],
    });
    const signer = await api.as({ name, groups: [] });
    const settle = () => putStatus(signer, path, { conditions: [condition('Denied')] });
    assert.deepEqual(fieldsOf(expectStatus(await settle(), 422, 'Invalid')), ['spec.signerName']);
    const allowed = [...rules, resource(['signers'], ['sign'], ['example.com/*'])];
    expectStatus(await api.send('PUT', `${role}/${name}`, { body: { metadata: { name }, rules: allowed } }), 200);
    expectStatus(await settle(), 200);
  }),
  podRequestCase('pcr-node', 'a node asks for the pods that run on it', async (api) => {
    const { name: namespace, path: core } = await newNamespace(api);
    const nodeName = fresh('node');
    const node = await create(api, '/api/v1/nodes', { metadata: { name: nodeName } });
    const spec = { nodeName, containers: [{ name: 'a', image: 'a' }] };
    const pod = await create(api, `${core}/pods`, { metadata: { name: 'p' }, spec });
    const account = (await api.send('GET', `${core}/serviceaccounts/default`)).json;
    const rules = [{ apiGroups: ['certificates.k8s.io'], resources: ['podcertificaterequests'], verbs: ['create'] }];
    await create(api, `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`, { metadata: { name: 'r' }, rules });
    await create(api, `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
      metadata: { name: 'r' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
      subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:nodes' }],
    });
    const own = { nodeName, nodeUID: node.metadata.uid, podUID: pod.metadata.uid, serviceAccountUID: account.metadata.uid };
    const kubelet = await api.as({ name: `system:node:${nodeName}`, groups: ['system:nodes'] });
    const ask = async (peer: ApiPeer, change: Json = {}) =>
      peer.send('POST', `${group}/namespaces/${namespace}/podcertificaterequests`, { body: await body({ ...own, ...change }) });
    for (const change of [
      { nodeUID: randomUUID() },
      { podUID: randomUUID() },
      { serviceAccountUID: randomUUID() },
      { podName: 'other' },
      { serviceAccountName: 'other' },
      { nodeName: 'other' },
    ])
      expectStatus(await ask(kubelet, change), 403, 'Forbidden');
    expectStatus(await ask(await api.as({ name: 'system:node:other', groups: ['system:nodes'] })), 403, 'Forbidden');
    expectStatus(await ask(kubelet), 201);
  }),
  podRequestCase('trust-bundle', 'a trust bundle of a signer is named after it and written by who may attest', async (api) => {
    const path = `${group}/clustertrustbundles`;
    const ca = certificatePem((await testCa()).certificate);
    const name = fresh('b');
    const bundle = (spec: Json, called = name): Json => ({ metadata: { name: called }, spec: { trustBundle: ca, ...spec } });
    const faults = async (sent: Json) => fieldsOf(expectStatus(await api.send('POST', path, { body: sent }), 422, 'Invalid'));
    const leaf = certificatePem(await testLeaf(await testCa()));
    for (const trustBundle of [ca + ca, leaf, 'nonsense', ca.replaceAll('CERTIFICATE', 'THING')])
      assert.deepEqual(await faults(bundle({ trustBundle })), ['spec.trustBundle']);
    assert.deepEqual(await faults(bundle({}, 'a:b')), ['metadata.name']);
    const signerName = 'example.com/own';
    assert.deepEqual(await faults(bundle({ signerName })), ['metadata.name']);
    const called = `example.com:own:${name}`;
    const rules = (verbs: readonly string[]): readonly Json[] => [
      { apiGroups: ['certificates.k8s.io'], resources: ['clustertrustbundles'], verbs: ['create', 'get', 'update', 'patch'] },
      { apiGroups: ['certificates.k8s.io'], resources: ['signers'], resourceNames: [signerName], verbs },
    ];
    const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
    await create(api, roles, { metadata: { name }, rules: rules(['sign']) });
    await create(api, '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name }],
    });
    const writer = await api.as({ name, groups: [] });
    const write = () => writer.send('POST', path, { body: bundle({ signerName }, called) });
    expectStatus(await write(), 403, 'Forbidden');
    expectStatus(await writer.send('POST', path, { body: bundle({}) }), 201);
    expectStatus(await api.send('PUT', `${roles}/${name}`, { body: { metadata: { name }, rules: rules(['attest']) } }), 200);
    expectStatus(await write(), 201);
    expectStatus(await api.send('PUT', `${roles}/${name}`, { body: { metadata: { name }, rules: rules(['sign']) } }), 200);
    const patch = (change: Json) =>
      writer.send('PATCH', `${path}/${called}`, { body: change, contentType: 'application/merge-patch+json' });
    expectStatus(await patch({ metadata: { labels: { a: 'b' } } }), 200);
    expectStatus(await patch({ spec: { trustBundle: `${ca}\n` } }), 403, 'Forbidden');
    const linked = await api.send('PATCH', `${path}/${name}`, {
      body: { spec: { signerName } },
      contentType: 'application/merge-patch+json',
    });
    assert.deepEqual(fieldsOf(expectStatus(linked, 422, 'Invalid')), ['spec.signerName']);
    for (const each of [name, called]) expectStatus(await api.send('DELETE', `${path}/${each}`), 200);
  }),
];
