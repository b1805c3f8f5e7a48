// An admission webhook for tests, over TLS with a CA of its own. It writes down what it is asked and answers what the test says.

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { subjectName } from '../pki/name.ts';
import { exportPrivateKey, generatePrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { signCertificate } from '../pki/sign-certificate.ts';
import { certificatePem } from '../pki/x509-certificate.ts';
import type { Json } from './api-peer.ts';
import { randomOctets, testAuthority } from './authority-files.ts';

/** What it says: the `response` of a review, or raw words in its place. */
export type WebhookAnswer = Json | { readonly status?: number; readonly raw: string; readonly headers?: Readonly<Record<string, string>> };

// biome-ignore lint/suspicious/noExplicitAny: tests look into requests of every shape
export type AdmissionRequest = any;

export type WebhookPeer = {
  readonly port: number;
  /** PEM in base64, as configurations hold it. */
  readonly caBundle: string;
  /** What it was asked, in order, with the path and query it was asked at. */
  readonly asked: readonly { readonly url: string; readonly request: AdmissionRequest }[];
  /** How many connections were made to it. */
  readonly connections: () => number;
  close(): Promise<void>;
};

/** Starts one on loopback, with a certificate for `names`. */
export const startWebhookPeer = async (
  answer: (request: AdmissionRequest, url: string) => WebhookAnswer | Promise<WebhookAnswer>,
  names: readonly string[] = ['localhost'],
): Promise<WebhookPeer> => {
  const now = new Date();
  const authority = await testAuthority('webhook CA', now);
  const key = await generatePrivateKey('ecdsa-p256');
  const certificate = await signCertificate(
    {
      subject: subjectName('webhook'),
      publicKey: publicKeyOf(key),
      notBefore: new Date(now.getTime() - 60_000),
      notAfter: new Date(now.getTime() + 3_600_000),
      usages: ['digital signature', 'server auth'],
      subjectAltNames: [...names.map((value) => ({ type: 'dns' as const, value })), { type: 'ip' as const, value: '127.0.0.1' }],
    },
    authority,
    { random: randomOctets, accept: [] },
  );
  const asked: { url: string; request: AdmissionRequest }[] = [];
  let connections = 0;
  const server = createServer({ cert: certificatePem(certificate), key: exportPrivateKey(key) }, (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      const review = JSON.parse(Buffer.concat(chunks).toString());
      const url = incoming.url ?? '';
      asked.push({ url, request: review.request });
      const said = await answer(review.request, url);
      const body =
        'raw' in said
          ? String(said['raw'])
          : JSON.stringify({ apiVersion: review.apiVersion, kind: 'AdmissionReview', response: { uid: review.request.uid, ...said } });
      const { status = 200, headers = {} } = said as { status?: unknown; headers?: Readonly<Record<string, string>> };
      response.writeHead(typeof status === 'number' ? status : 200, { 'content-type': 'application/json', ...headers });
      response.end(body);
    });
  });
  server.on('secureConnection', () => {
    connections++;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    caBundle: Buffer.from(certificatePem(authority.certificate)).toString('base64'),
    asked,
    connections: () => connections,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
};

/** A patch as webhooks give it. */
export const jsonPatch = (...operations: readonly Json[]): Json => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
