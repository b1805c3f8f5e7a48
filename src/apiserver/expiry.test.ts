import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { certificateSigningRequestKind } from '../api/kinds/certificate-signing-request.ts';
import { eventKind } from '../api/kinds/event.ts';
import { podCertificateRequestKind } from '../api/kinds/pod-certificate-request.ts';
import { clusterRoleBindingKind } from '../api/kinds/rbac.ts';
import type { KubernetesObject } from '../api/object.ts';
import { encodePem } from '../pki/pem.ts';
import { certificatePem } from '../pki/x509-certificate.ts';
import { testCa, testCsr } from '../testing/certificates.ts';
import { openStoreServer, type StoreServer } from '../testing/store-server.ts';
import { isRequestDone, lastWriteOf, startExpiry } from './expiry.ts';
import { startHousekeeping } from './housekeeping.ts';
import { deleteObject, replaceObject } from './write-object.ts';

const start = async (t: TestContext, opened: StoreServer = openStoreServer(t)) => {
  const troubles: unknown[] = [];
  const housekeeping = await startHousekeeping(opened.server, '', (error) => troubles.push(error));
  const expiry = startExpiry(opened.server, (error) => troubles.push(error));
  const stop = (): void => {
    expiry.stop();
    housekeeping.stop();
  };
  t.after(stop);
  return { ...opened, expiry, troubles, stop };
};

const at = (text: string): Date => new Date(`2030-01-01T${text}Z`);
const event = (name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name },
  involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
});
const touch = ({ write }: StoreServer, name: string) =>
  write(
    (context) =>
      void replaceObject(context, {
        kind: eventKind,
        namespace: 'default',
        name,
        isPatch: true,
        change: (old) => ({ ...old, lastTimestamp: `${context.now.toISOString().slice(0, 19)}Z` }),
      }),
  );

describe('with time', () => {
  test('events go an hour after their last write, restarts or not', async (t) => {
    const opened = await start(t);
    const names = ({ server }: StoreServer) => server.store.list('/events').map(({ name }) => name);
    await opened.create(eventKind, 'default', event('a'));
    await opened.create(eventKind, 'default', event('b'));
    opened.setNow(at('00:40:00'));
    await touch(opened, 'b');
    opened.setNow(at('01:00:00'));
    await opened.expiry.sweep();
    assert.deepEqual(names(opened), ['a', 'b']);
    opened.setNow(at('01:00:01'));
    await opened.expiry.sweep();
    assert.deepEqual(names(opened), ['b']);
    opened.stop();
    opened.close();

    const again = openStoreServer(t, opened.path);
    again.setNow(at('01:39:00'));
    const { expiry } = await start(t, again);
    await expiry.sweep();
    assert.deepEqual(names(again), ['b']);
    again.setNow(at('01:40:01'));
    await expiry.sweep();
    assert.deepEqual(names(again), []);
  });

  test('an event that speaks of a time to come is not kept for it', () => {
    const told = { ...event('e'), metadata: { creationTimestamp: '2030-01-01T00:00:00Z' } };
    assert.deepEqual(lastWriteOf(told, at('05:00:00')), at('00:00:00'));
    assert.deepEqual(lastWriteOf({ ...told, lastTimestamp: '2090-01-01T00:00:00Z' }, at('05:00:00')), at('05:00:00'));
    const series = { ...told, series: { count: 2, lastObservedTime: '2030-01-01T03:00:00.000000Z' } };
    assert.deepEqual(lastWriteOf(series, at('05:00:00')), at('03:00:00'));
  });

  test('requests go once they are settled or forgotten', async () => {
    const ca = certificatePem((await testCa()).certificate);
    const certificate = Buffer.from(ca).toString('base64');
    const request = (...types: readonly string[]): KubernetesObject => ({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { creationTimestamp: '2026-03-01T00:00:00Z' },
      status: { conditions: types.map((type) => ({ type, status: 'True', lastUpdateTime: '2026-03-01T02:00:00Z' })) },
    });
    const issued = { ...request('Approved'), status: { ...(request('Approved')['status'] as object), certificate } };
    const isDone = (object: KubernetesObject, time: string) => isRequestDone(object, new Date(time));
    const cases: readonly (readonly [KubernetesObject, string, boolean])[] = [
      [request(), '2026-03-02T00:00:00Z', false],
      [request(), '2026-03-02T00:00:01Z', true],
      [request('Denied'), '2026-03-01T03:00:00Z', false],
      [request('Denied'), '2026-03-01T03:00:01Z', true],
      [request('Approved', 'Failed'), '2026-03-01T03:00:01Z', true],
      [request('Approved'), '2026-03-02T02:00:00Z', false],
      [request('Approved'), '2026-03-02T02:00:01Z', true],
      [issued, '2026-03-01T03:00:00Z', false],
      [issued, '2026-03-01T03:00:01Z', true],
    ];
    for (const [object, time, is] of cases) assert.equal(isDone(object, time), is, `${JSON.stringify(object['status'])} ${time}`);
    const justApproved = { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: '2090-01-01T00:00:00Z' }], certificate };
    assert.equal(isDone({ ...request(), status: justApproved }, '2090-01-01T00:00:01Z'), true, 'its certificate has expired');
  });

  test('requests for pods go after half an hour', async (t) => {
    const opened = await start(t);
    const uid = 'u';
    await opened.create(podCertificateRequestKind, 'default', {
      apiVersion: 'certificates.k8s.io/v1beta1',
      kind: 'PodCertificateRequest',
      metadata: { name: 'r' },
      spec: {
        ...{ signerName: 'example.com/s', podName: 'p', podUID: uid, serviceAccountName: 'default', serviceAccountUID: uid },
        ...{ nodeName: 'n', nodeUID: uid, stubPKCS10Request: Buffer.from((await testCsr()).raw).toString('base64') },
      },
    });
    const isThere = () => opened.server.store.get('certificates.k8s.io/podcertificaterequests', 'default', 'r') !== undefined;
    opened.setNow(at('00:30:00'));
    await opened.expiry.sweep();
    assert.equal(isThere(), true);
    opened.setNow(at('00:30:01'));
    await opened.expiry.sweep();
    assert.deepEqual([isThere(), opened.troubles], [false, []]);
  });

  test('requests are removed as the certificate controller, which RBAC may refuse', async (t) => {
    const opened = await start(t);
    const csr = Buffer.from(encodePem('CERTIFICATE REQUEST', (await testCsr()).raw)).toString('base64');
    await opened.create(certificateSigningRequestKind, '', {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'old' },
      spec: { request: csr, signerName: 'example.com/s', usages: ['client auth'] },
    });
    const isThere = () => opened.server.store.get('certificates.k8s.io/certificatesigningrequests', '', 'old') !== undefined;
    const binding = 'system:controller:certificate-controller';
    const found = opened.server.store.get('rbac.authorization.k8s.io/clusterrolebindings', '', binding)?.object;
    const options = { propagationPolicy: undefined, uid: undefined, resourceVersion: undefined };
    await opened.write((write) => void deleteObject(write, clusterRoleBindingKind, '', binding, options));
    opened.setNow(new Date('2030-01-02T00:00:01Z'));
    await opened.expiry.sweep();
    assert.deepEqual([isThere(), opened.troubles.length], [true, 1]);
    const { uid: _, resourceVersion: __, ...metadata } = found?.metadata ?? {};
    await opened.create(clusterRoleBindingKind, '', { apiVersion: '', kind: '', ...found, metadata });
    await opened.expiry.sweep();
    assert.equal(isThere(), false);
  });
});
