// HTTPS in front of the server: client certificates are asked for and not demanded; headers, bodies, times and connections are bounded; who
// asks too much is told to come again later; what is long is sent as the other side takes it.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server as HttpsServer } from 'node:https';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { UserInfo } from '../api/kind.ts';
import { badRequest, tooLarge, tooManyRequests, unauthorized } from '../api/status.ts';
import type { ApiRequest, ApiResponse, Sink } from './api-request.ts';
import { anonymous, type PeerCertificates } from './authenticate.ts';
import { isMaster } from './authorize.ts';
import { fairShare, type Leave, places, type ShareLimits } from './fair-share.ts';
import { errorResponse, handleRequest, type Surface } from './handle-request.ts';
import { impersonated } from './impersonate.ts';
import { verifyToken } from './service-account-token.ts';
import { newUid } from './write-object.ts';

/** What clients may ask of the server. */
export type TransportLimits = {
  readonly share: ShareLimits;
  readonly watches: number;
  readonly watchesPerUser: number;
  readonly bodyBytes: number;
  /** Request line and headers. */
  readonly headerBytes: number;
  readonly headers: number;
  readonly connections: number;
  readonly handshakeMs: number;
  /** Until the headers are there, and until the body is. */
  readonly headersMs: number;
  readonly requestMs: number;
  /** How long the other side may take nothing of an answer; watches have a limit of their own. */
  readonly stuckMs: number;
};

export const transportLimits: TransportLimits = {
  share: { atOnce: 256, atOncePerUser: 192, waiting: 4096, waitingPerUser: 1024, turnMs: 20 },
  watches: 10_000,
  watchesPerUser: 2_000,
  // As kube-apiserver's.
  bodyBytes: 3 * 1024 * 1024,
  headerBytes: 64 * 1024,
  headers: 500,
  connections: 16_384,
  handshakeMs: 10_000,
  headersMs: 15_000,
  requestMs: 60_000,
  stuckMs: 60_000,
};

const maxChain = 10;
/** Long answers are sent in pieces of about this size. */
const pieceBytes = 128 * 1024;

export type TransportOptions = {
  readonly surface: Surface;
  /** PEM: chain and key of the server, and the CA that clients' certificates are of. */
  readonly certificate: string;
  readonly key: string;
  readonly clientCa: string;
  readonly authenticate: (connection: object, chain: PeerCertificates, at: Date) => UserInfo;
  /** Ends of the streams that are open; the transport keeps it, whoever stops the server calls them. */
  readonly streams: Set<() => void>;
  readonly limits?: TransportLimits;
};

/** What TLS needs; it may be changed while the server runs, for connections to come. */
export const secureContext = ({ certificate, key, clientCa }: Pick<TransportOptions, 'certificate' | 'key' | 'clientCa'>) =>
  ({ cert: certificate, key, ca: clientCa, minVersion: 'TLSv1.2' }) as const;

const readAll = (message: IncomingMessage, maxBytes: number): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    message.on('end', () => (length > maxBytes ? reject(tooLarge(maxBytes)) : resolve(Buffer.concat(chunks))));
    // It hung up or was too slow; nobody reads the answer.
    const endedEarly = (): void => {
      if (!message.readableEnded) reject(badRequest('the body of the request ended early'));
    };
    message.on('error', endedEarly).on('close', endedEarly);
    if (message.destroyed) endedEarly();
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

/** Sends long answers as they are taken, so that not everything waits in memory twice. */
const sendPieces = (response: ServerResponse, pieces: readonly Uint8Array[]): void => {
  let next = 0;
  const more = (): void => {
    while (!response.destroyed) {
      const first = next;
      for (let size = 0; next < pieces.length && size < pieceBytes; next++) size += pieces[next]?.length ?? 0;
      const piece = Buffer.concat(pieces.slice(first, next));
      if (next === pieces.length) {
        response.end(piece);
        return;
      }
      if (!response.write(piece)) {
        response.once('drain', more);
        return;
      }
    }
  };
  more();
};

const sinkOf = (response: ServerResponse): Sink => ({
  write: (chunk) => response.write(chunk),
  waitingBytes: () => response.writableLength,
  onDrain: (listener) => response.on('drain', listener),
  end: () => response.end(),
  destroy: () => response.destroy(),
  onClose: (listener) => response.on('close', listener),
});

const send = (streams: Set<() => void>, response: ServerResponse, answer: ApiResponse, stuckMs: number): void => {
  const headers = { 'cache-control': 'no-cache, private', ...answer.headers } as Record<string, string | string[]>;
  response.setTimeout('stream' in answer ? 0 : stuckMs, () => response.destroy());
  if ('stream' in answer) {
    response.writeHead(answer.status, headers);
    response.flushHeaders();
    const sink = sinkOf(response);
    const end = (): void => sink.end();
    streams.add(end);
    response.on('close', () => streams.delete(end));
    answer.stream(sink);
    return;
  }
  const { body } = answer;
  const pieces = Array.isArray(body) ? (body as readonly Uint8Array[]) : undefined;
  const whole = body as string | Uint8Array;
  const length = pieces === undefined ? Buffer.byteLength(whole) : pieces.reduce((sum, piece) => sum + piece.length, 0);
  response.writeHead(answer.status, { ...headers, 'content-length': String(length) });
  if (pieces === undefined) response.end(whole);
  else sendPieces(response, pieces);
};

type Asked = { readonly request: ApiRequest; readonly isExempt: boolean };

/** A request as handlers see it. Throws Unauthorized and BadRequest. */
const read = (options: TransportOptions, message: IncomingMessage, limits: TransportLimits): Asked => {
  if (message.rawHeaders.length > 2 * limits.headers) throw badRequest(`the request has more than ${limits.headers} headers`);
  const user = userOf(options, message);
  const url = URL.parse(`https://server${message.url ?? '/'}`);
  if (url === null) throw badRequest('the path of the request is no URL');
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
      body ??= readAll(message, limits.bodyBytes);
      return body;
    },
    user,
  };
  // Those who have to see to a server that is overloaded, and those who ask whether it is.
  const isExempt = isMaster(user) || ['/healthz', '/livez', '/readyz'].includes(url.pathname);
  return { request, isExempt };
};

/** An HTTPS server over a surface; the caller listens and closes. */
export const httpsTransport = (options: TransportOptions): HttpsServer => {
  const { surface, limits = transportLimits } = options;
  const share = fairShare(limits.share, () => performance.now(), setImmediate);
  const watches = places(limits.watches, limits.watchesPerUser);
  // By these others' controllers know that they need not throttle themselves; two flows there are, those who wait and those who need not.
  const [flow, level, exemptFlow, exemptLevel] = [0, 1, 2, 3].map(() => newUid(surface.random));
  const flowHeaders = (isExempt: boolean): ApiResponse['headers'] => ({
    'x-kubernetes-pf-flowschema-uid': (isExempt ? exemptFlow : flow) ?? '',
    'x-kubernetes-pf-prioritylevel-uid': (isExempt ? exemptLevel : level) ?? '',
  });
  const refused = (error: unknown): ApiResponse => errorResponse(error, surface.onBug);

  /** The answer, with what is to be called once it is sent. */
  const answer = async ({ request, isExempt }: Asked, response: ServerResponse): Promise<readonly [ApiResponse, Leave]> => {
    const leave: Leave | undefined = isExempt ? () => undefined : await share.enter(request.user.username);
    if (leave === undefined) return [refused(tooManyRequests()), () => undefined];
    // Who hung up while waiting is not worked for.
    if (response.destroyed) return [refused(badRequest('nobody is there any more')), leave];
    const made = await handleRequest(surface, request);
    if (!('stream' in made)) return [made, leave];
    leave();
    const place: Leave | undefined = isExempt ? () => undefined : watches.take(request.user.username);
    return place === undefined ? [refused(tooManyRequests()), () => undefined] : [made, place];
  };

  const respond = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    let asked: Asked | undefined;
    let made: ApiResponse;
    let leave: Leave = () => undefined;
    try {
      asked = read(options, message, limits);
      [made, leave] = await answer(asked, response);
    } catch (error) {
      made = refused(error);
    }
    if (response.destroyed) return leave();
    response.on('close', leave);
    send(options.streams, response, { ...made, headers: { ...made.headers, ...flowHeaders(asked?.isExempt ?? false) } }, limits.stuckMs);
    // What was not read of a body would hold the connection up.
    if (!message.readableEnded) message.resume();
  };

  const server = createServer(
    {
      ...secureContext(options),
      requestCert: true,
      // Verified by our own rules, request by request.
      rejectUnauthorized: false,
      maxHeaderSize: limits.headerBytes,
      handshakeTimeout: limits.handshakeMs,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(5000, limits.headersMs),
    },
    (message, response) => void respond(message, response),
  );
  server.keepAliveTimeout = 65_000;
  server.maxConnections = limits.connections;
  // Counted above, where too many are refused; here they would be passed over in silence.
  server.maxHeadersCount = 0;
  return server;
};
