// CertificateSigningRequests: who asked, approval and status.

import assert from 'node:assert/strict';
import { csrPem } from '../../../src/pki/csr.ts';
import { parseNameText } from '../../../src/pki/name-text.ts';
import { certificatePem } from '../../../src/pki/x509-certificate.ts';
import type { ApiPeer } from '../../../src/testing/api-peer.ts';
import { testCa, testCsr } from '../../../src/testing/certificates.ts';
import { expectStatus, fresh, type ParityCase, parityCase } from './parity-case.ts';

const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const request = async (name: string, spec: object = {}, more: object = {}) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request: base64(csrPem(await testCsr())), signerName: 'example.com/own', usages: ['digital signature', 'client auth'], ...spec },
  ...more,
});

const condition = (type: string) => ({ type, status: 'True', reason: 'Test', message: 'because' });

/** A request that is there; its path. */
const stored = async (api: ApiPeer): Promise<string> => {
  const name = fresh('csr');
  expectStatus(await api.send('POST', path, { body: await request(name) }), 201);
  return `${path}/${name}`;
};

/** Writes a part with a status of these fields, from what is stored. */
const put = async (api: ApiPeer, at: string, part: 'approval' | 'status', status: object) => {
  const { json } = await api.send('GET', at);
  return api.send('PUT', `${at}/${part}`, { body: { ...json, status: { ...json.status, ...status } } });
};

export const certificateRequestCases: readonly ParityCase[] = [
  parityCase('C096', 'who asked is written by the server, and a status is not taken', async (api) => {
    const name = fresh('csr');
    const forged = { username: 'root', uid: 'x', groups: ['system:masters'], extra: { a: ['b'] } };
    const { json } = expectStatus(
      await api.send('POST', path, { body: await request(name, forged, { status: { conditions: [condition('Approved')] } }) }),
      201,
    );
    assert.equal(json.spec.username, 'tester');
    assert.deepEqual(json.spec.groups, ['system:masters', 'system:authenticated']);
    assert.deepEqual([json.spec.uid, json.spec.extra, json.status], [undefined, undefined, {}]);
  }),
  parityCase('C097', 'faults of a request are told at their field', async (api) => {
    const field = async (spec: object) =>
      expectStatus(await api.send('POST', path, { body: await request(fresh('csr'), spec) }), 422, 'Invalid').json.details.causes[0].field;
    const damaged = Buffer.from(csrPem(await testCsr()));
    const { raw } = await testCsr();
    const forged = Uint8Array.from(raw);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    assert.ok(damaged.length > 0);
    assert.equal(await field({ request: base64(csrPem({ raw: forged })) }), 'spec.request');
    assert.equal(await field({ request: base64('no PEM') }), 'spec.request');
    assert.equal(await field({ usages: [] }), 'spec.usages');
    assert.equal(await field({ usages: ['flying'] }), 'spec.usages[0]');
    assert.equal(await field({ usages: ['client auth', 'client auth'] }), 'spec.usages[1]');
    for (const signerName of ['plain', 'nodots/x', 'example.com/a/b', 'kubernetes.io/legacy-unknown'])
      assert.equal(await field({ signerName }), 'spec.signerName', signerName);
  }),
  parityCase('C099', 'spec and status do not change through the object itself', async (api) => {
    const at = await stored(api);
    const body = {
      metadata: { labels: { a: 'b' } },
      spec: { signerName: 'example.com/other' },
      status: { conditions: [condition('Approved')] },
    };
    const { json } = expectStatus(await api.send('PATCH', at, { body, contentType: 'application/merge-patch+json' }), 200);
    assert.deepEqual([json.metadata.labels, json.spec.signerName, json.status], [{ a: 'b' }, 'example.com/own', {}]);
  }),
  parityCase('C100', 'approval is for conditions, status for the certificate', async (api) => {
    const at = await stored(api);
    const { certificate } = await testCa();
    const approved = expectStatus(
      await put(api, at, 'approval', { conditions: [condition('Approved')], certificate: base64(certificatePem(certificate)) }),
      200,
    ).json;
    assert.equal(approved.status.certificate, undefined);
    const [{ type, lastUpdateTime, lastTransitionTime }] = approved.status.conditions;
    assert.equal(type, 'Approved');
    assert.ok(lastUpdateTime && lastTransitionTime);
    expectStatus(await put(api, at, 'approval', { conditions: [] }), 422, 'Invalid');
    expectStatus(await put(api, at, 'status', { conditions: [...approved.status.conditions, condition('Denied')] }), 422, 'Invalid');
    expectStatus(await put(api, at, 'approval', { conditions: [...approved.status.conditions, condition('Denied')] }), 422, 'Invalid');
  }),
  parityCase('C101', 'a certificate is set once, and is one', async (api) => {
    const at = await stored(api);
    const [first, second] = [(await testCa()).certificate, (await testCa({ subject: 'Other' })).certificate];
    expectStatus(await put(api, at, 'approval', { conditions: [condition('Approved')] }), 200);
    const wrong = expectStatus(await put(api, at, 'status', { certificate: base64('nothing') }), 422, 'Invalid').json;
    assert.equal(wrong.details.causes[0].field, 'status.certificate');
    assert.ok(!wrong.message.includes('nothing'), 'the data is not repeated');
    expectStatus(await put(api, at, 'status', { certificate: base64(certificatePem(first)) }), 200);
    expectStatus(await put(api, at, 'status', { certificate: base64(certificatePem(second)) }), 422, 'Invalid');
    assert.equal((await api.send('GET', at)).json.status.certificate, base64(certificatePem(first)));
  }),
  parityCase('C103', 'nobody asks for a client certificate of system:masters', async (api) => {
    const csr = await testCsr({ subject: parseNameText('CN=eve,O=system:masters') });
    const body = await request(fresh('csr'), { request: base64(csrPem(csr)), signerName: 'kubernetes.io/kube-apiserver-client' });
    expectStatus(await api.send('POST', path, { body }), 403, 'Forbidden');
    const other = await testCsr({ subject: parseNameText('CN=eve,O=dev') });
    const allowed = await request(fresh('csr'), { request: base64(csrPem(other)), signerName: 'kubernetes.io/kube-apiserver-client' });
    expectStatus(await api.send('POST', path, { body: allowed }), 201);
  }),
];
