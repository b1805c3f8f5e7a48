// HTTPS in front of the server: client certificates are asked for and not demanded, bodies and headers bounded, watches streamed.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server as HttpsServer } from 'node:https';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { UserInfo } from '../api/kind.ts';
import { tooLarge, unauthorized } from '../api/status.ts';
import type { ApiRequest, ApiResponse, Sink } from './api-request.ts';
import { anonymous, type PeerCertificates } from './authenticate.ts';
import { errorResponse, handleRequest, type Surface } from './handle-request.ts';
import { impersonated } from './impersonate.ts';
import { verifyToken } from './service-account-token.ts';

/** As kube-apiserver's. */
const maxBodyBytes = 3 * 1024 * 1024;
const maxHeaderBytes = 64 * 1024;
const maxChain = 10;
/** A watcher that has more than this waiting for it is cut off. */
const maxWaitingBytes = 16 * 1024 * 1024;

export type TransportOptions = {
  readonly surface: Surface;
  /** PEM: chain and key of the server, and the CA that clients' certificates are of. */
  readonly certificate: string;
  readonly key: string;
  readonly clientCa: string;
  readonly authenticate: (connection: object, chain: PeerCertificates, at: Date) => UserInfo;
  /** Ends of the streams that are open; the transport keeps it, whoever stops the server calls them. */
  readonly streams: Set<() => void>;
};

/** What TLS needs; it may be changed while the server runs, for connections to come. */
export const secureContext = ({ certificate, key, clientCa }: Pick<TransportOptions, 'certificate' | 'key' | 'clientCa'>) =>
  ({ cert: certificate, key, ca: clientCa, minVersion: 'TLSv1.2' }) as const;

const readAll = (message: IncomingMessage): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBodyBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    message.on('end', () => (length > maxBodyBytes ? reject(tooLarge(maxBodyBytes)) : resolve(Buffer.concat(chunks))));
    message.on('error', reject);
  });

/** Asked of TLS once for each connection, for it parses them each time. */
const chains = new WeakMap<TLSSocket, PeerCertificates>();

/** The certificates a peer presented, its own first; each names its issuer until one names itself. */
const presented = (socket: TLSSocket): PeerCertificates => {
  const known = chains.get(socket);
  if (known !== undefined) return known;
  const chain: Uint8Array[] = [];
  let next: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < maxChain) {
    chain.push(next.raw);
    const above: DetailedPeerCertificate | undefined = next.issuerCertificate;
    next = above?.raw.equals(next.raw) === true ? undefined : above;
  }
  chains.set(socket, chain);
  return chain;
};

const tokenUser = ({ tokenKey, audiences, store, now }: Surface, header: string): UserInfo => {
  const token = /^bearer +(\S+) *$/i.exec(header)?.[1];
  const verified = token === undefined ? undefined : verifyToken(tokenKey, token, { source: store, at: now(), audiences });
  if (verified === undefined || 'problem' in verified) throw unauthorized();
  return verified.user;
};

/** Who asks. A wrong credential is never taken for none. */
const callerOf = ({ authenticate, surface }: TransportOptions, message: IncomingMessage): UserInfo => {
  const socket = message.socket as TLSSocket;
  const chain = presented(socket);
  if (chain.length > 0) return authenticate(socket, chain, surface.now());
  const { authorization } = message.headers;
  return authorization === undefined ? anonymous : tokenUser(surface, authorization);
};

const userOf = (options: TransportOptions, message: IncomingMessage): UserInfo =>
  impersonated(options.surface.store, callerOf(options, message), message.headersDistinct);

const send = ({ streams }: TransportOptions, response: ServerResponse, answer: ApiResponse): void => {
  const headers = { 'cache-control': 'no-cache, private', ...answer.headers } as Record<string, string | string[]>;
  if ('stream' in answer) {
    response.writeHead(answer.status, headers);
    response.flushHeaders();
    const sink: Sink = {
      write: (chunk) => {
        if (response.destroyed) return false;
        response.write(chunk);
        if (response.writableLength <= maxWaitingBytes) return true;
        response.destroy();
        return false;
      },
      end: () => response.end(),
      onClose: (listener) => response.on('close', listener),
    };
    const end = (): void => sink.end();
    streams.add(end);
    response.on('close', () => streams.delete(end));
    answer.stream(sink);
    return;
  }
  const { body } = answer;
  const parts = Array.isArray(body) ? (body as readonly Uint8Array[]) : undefined;
  const whole = parts === undefined ? (body as string | Uint8Array) : Buffer.concat(parts);
  response.writeHead(answer.status, { ...headers, 'content-length': String(Buffer.byteLength(whole as string)) });
  response.end(whole);
};

const answer = async (options: TransportOptions, message: IncomingMessage): Promise<ApiResponse> => {
  let user: UserInfo;
  let url: URL;
  try {
    user = userOf(options, message);
    url = new URL(`https://server${message.url ?? '/'}`);
  } catch (error) {
    return errorResponse(error instanceof TypeError ? unauthorized() : error, options.surface.onBug);
  }
  let body: Promise<Uint8Array> | undefined;
  const request: ApiRequest = {
    method: message.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    header: (name) => {
      const value = message.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body: () => {
      body ??= readAll(message);
      return body;
    },
    user,
  };
  return handleRequest(options.surface, request);
};

/** An HTTPS server over a surface; the caller listens and closes. */
export const httpsTransport = (options: TransportOptions): HttpsServer => {
  const server = createServer(
    {
      ...secureContext(options),
      requestCert: true,
      // Verified by our own rules, request by request.
      rejectUnauthorized: false,
      maxHeaderSize: maxHeaderBytes,
    },
    (message, response) => {
      void answer(options, message).then((made) => {
        send(options, response, made);
        // What was not read of a body would hold the connection up.
        if (!message.readableEnded) message.resume();
      });
    },
  );
  server.keepAliveTimeout = 65_000;
  return server;
};
