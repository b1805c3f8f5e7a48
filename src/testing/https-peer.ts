// The other end of a TLS connection, for tests of who refuses whom: a request with any client certificate, and a server whose certificate
// can be swapped while it runs. Chains are judged by Node, which takes an intermediate as anchor only when told.

import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:https';
import type { TLSSocket } from 'node:tls';

/** PEM texts. */
export type PemPair = { readonly certificate: string; readonly key: string };

export type HttpsAnswer = { readonly status: number; readonly body: string };

export type HttpsRequest = {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** What the server is checked against; without it any server will do. */
  readonly ca?: string;
  readonly servername?: string;
  readonly client?: PemPair;
  readonly headers?: Readonly<Record<string, string>>;
};

/** One request with a body. Rejects where the handshake fails on either side. */
export const httpsSend = (method: string, contentType: string, content: string, options: HttpsRequest): Promise<HttpsAnswer> =>
  new Promise((resolve, reject) => {
    const { client, ca, headers, ...rest } = options;
    const sent = request(
      {
        ...rest,
        method,
        headers: { ...headers, ...(content === '' ? {} : { 'content-type': contentType }) },
        agent: false,
        timeout: 10_000,
        rejectUnauthorized: ca !== undefined,
        ...(ca === undefined ? {} : { ca, allowPartialTrustChain: true }),
        ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.end(content);
  });

/** One GET. */
export const httpsGet = (options: HttpsRequest): Promise<HttpsAnswer> => httpsSend('GET', '', '', options);

/** The error a request ends with, or its status in words: what a test of refusal looks at. */
export const outcomeOf = async (options: HttpsRequest): Promise<string> => {
  try {
    return `status ${(await httpsGet(options)).status}`;
  } catch (error) {
    return `refused: ${error instanceof Error ? error.message : String(error)}`;
  }
};

const clientAuth = '1.3.6.1.5.5.7.3.2';

/**
 * Whether a client's certificate is signed by exactly this CA, valid now and a client's. Judged here because Node's server, unlike its client,
 * cannot be told to take an intermediate as anchor.
 */
const isClientOf = (socket: TLSSocket, clientCa: string): boolean => {
  const raw = socket.getPeerCertificate().raw as Buffer | undefined;
  if (raw === undefined || clientCa === '') return false;
  const [client, ca] = [new X509Certificate(raw), new X509Certificate(clientCa)];
  const now = new Date();
  return (
    client.verify(ca.publicKey) &&
    client.validFromDate <= now &&
    now <= client.validToDate &&
    client.keyUsage?.includes(clientAuth) === true
  );
};

/** A TLS server for a test. */
export type HttpsPeer = {
  /** Serves another pair from the next connection on. */
  swap(pair: PemPair): void;
  /** How many handshakes a client has broken off, and how many requests have come through, since the last swap. */
  counts(): { readonly brokenOff: number; readonly requests: number };
  close(): Promise<void>;
};

export type PeerHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  client: { readonly authorized: boolean; readonly subject: string },
) => void;

/** Listens with a pair, asks for client certificates, and tells the handler whether the client's chains to `clientCa`. */
export const startHttpsPeer = (
  where: { readonly host: string; readonly port: number },
  pair: PemPair,
  clientCa: string,
  handler: PeerHandler,
): Promise<HttpsPeer> =>
  new Promise((resolve, reject) => {
    const context = (current: PemPair) => ({
      cert: current.certificate,
      key: current.key,
      ca: clientCa,
    });
    let counts = { brokenOff: 0, requests: 0 };
    const server = createServer({ ...context(pair), requestCert: true, rejectUnauthorized: false }, (incoming, response) => {
      const socket = incoming.socket as TLSSocket;
      counts = { ...counts, requests: counts.requests + 1 };
      const subject = socket.getPeerCertificate().subject as { CN?: string } | undefined;
      handler(incoming, response, { authorized: isClientOf(socket, clientCa), subject: subject?.CN ?? '' });
    });
    // Each test wants a handshake of its own.
    server.keepAliveTimeout = 1;
    server.on('tlsClientError', () => {
      counts = { ...counts, brokenOff: counts.brokenOff + 1 };
    });
    server.once('error', reject);
    server.listen(where.port, where.host, () =>
      resolve({
        swap: (next) => {
          server.setSecureContext(context(next));
          server.closeAllConnections();
          counts = { brokenOff: 0, requests: 0 };
        },
        counts: () => counts,
        close: () =>
          new Promise((done) => {
            server.closeAllConnections();
            server.close(() => done());
          }),
      }),
    );
  });
