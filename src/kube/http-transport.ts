// Requests to one server over connections that are kept, with client certificate or token; both may change while it runs. Redirects are not
// followed: credentials are for this server alone.

import { Pool } from 'undici';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import type { Connection, Credentials } from './connection.ts';

export type HttpRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** Until the headers of the answer, and between two parts of its body. */
  readonly silenceMs: number;
  /** Whether the answer goes on and on. */
  readonly isStream?: boolean;
};

export type HttpAnswer = {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets go of a body that is not read to its end. */
  cancel(): void;
};

export type HttpTransport = {
  /** Throws ServerUnreachable, ServerUntrusted, Timeout. */
  request(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
};

/** Connections for what is asked and answered; watches have one each beside them. */
const maxConnections = 32;
const connectMs = 10_000;
const maxHeaderBytes = 64 * 1024;
/** A connection that nobody answers on is noticed by the system, also where nothing is sent. */
const keepAliveMs = 15_000;

const untrusted = /^(?:ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_PURPOSE|ERR_SSL_)/;

const codeOf = (error: unknown): string => {
  const { code, cause } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : cause === undefined ? '' : codeOf(cause);
};

/** What went wrong below HTTP. `server` is named, nothing else: paths and headers hold names and tokens. */
const transportError = (server: string, error: unknown, signal: AbortSignal | undefined): unknown => {
  if (signal?.aborted === true) return signal.reason;
  if (isCodedError(error)) return error;
  const code = codeOf(error);
  if (untrusted.test(code))
    return new CodedError('ServerUntrusted', `cannot trust ${server}: ${code}`, {
      hint: 'compare the CA and the server name that were given with the certificate it shows',
      cause: error,
    });
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return new CodedError('Timeout', `cannot ask ${server}: it was silent for too long`, { cause: error });
  return new CodedError('ServerUnreachable', `cannot ask ${server}: ${code === '' ? 'the connection broke' : code}`, { cause: error });
};

const retryAfter = (header: string | string[] | undefined, now: Date): number | undefined => {
  if (typeof header !== 'string') return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now.getTime()) / 1000));
};

const parts = async function* (body: AsyncIterable<Uint8Array>, explain: (error: unknown) => unknown): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw explain(error);
  }
};

/** Throws BadRequest for what is no https address. */
export const httpTransport = (connection: Connection, now: () => Date): HttpTransport => {
  let origin: URL;
  try {
    origin = new URL(connection.server);
  } catch {
    throw new CodedError('BadRequest', 'cannot connect: the address of the server is no URL');
  }
  if (origin.protocol !== 'https:' || origin.username !== '' || origin.password !== '')
    throw new CodedError('BadRequest', `cannot connect to ${origin.host}: its address must begin with https:// and hold no password`);
  const prefix = origin.pathname.replace(/\/+$/, '');
  const { serverName, ca } = connection;

  const poolFor = ({ certificate, key }: Credentials, connections: number | null): Pool =>
    new Pool(origin.origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: maxHeaderBytes,
      keepAliveTimeout: 30_000,
      connect: {
        ...(ca === undefined ? {} : { ca }),
        ...(certificate === undefined ? {} : { cert: certificate }),
        ...(key === undefined ? {} : { key }),
        ...(serverName === undefined ? {} : { servername: serverName }),
        minVersion: 'TLSv1.2',
        timeout: connectMs,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveMs,
      },
    });

  let pools: { readonly of: Credentials; readonly short: Pool; readonly streams: Pool } | undefined;
  const closing = new Set<Promise<void>>();
  const letGo = (pool: Pool): void => {
    const closed: Promise<void> = pool.close().finally(() => closing.delete(closed));
    closing.add(closed);
  };
  /** The connections of these credentials. Those of older ones end when what runs on them has ended. */
  const poolsOf = (credentials: Credentials): NonNullable<typeof pools> => {
    if (pools !== undefined && pools.of.certificate === credentials.certificate && pools.of.key === credentials.key) return pools;
    if (pools !== undefined) {
      letGo(pools.short);
      letGo(pools.streams);
    }
    pools = { of: credentials, short: poolFor(credentials, maxConnections), streams: poolFor(credentials, null) };
    return pools;
  };

  return {
    request: async ({ method, path, headers, body, signal, silenceMs, isStream = false }) => {
      const explain = (error: unknown): unknown => transportError(origin.host, error, signal);
      try {
        signal?.throwIfAborted();
        const credentials = await connection.credentials();
        const { short, streams } = poolsOf(credentials);
        const answer = await (isStream ? streams : short).request({
          method: method as 'GET',
          path: prefix + path,
          headers: { ...headers, ...(credentials.token === undefined ? {} : { authorization: `Bearer ${credentials.token}` }) },
          ...(body === undefined ? {} : { body }),
          ...(signal === undefined ? {} : { signal }),
          headersTimeout: silenceMs,
          bodyTimeout: silenceMs,
        });
        // An aborted body that nobody reads any more is no fault of its own.
        answer.body.on('error', () => undefined);
        return {
          status: answer.statusCode,
          retryAfterSeconds: retryAfter(answer.headers['retry-after'], now()),
          body: parts(answer.body, explain),
          cancel: () => answer.body.destroy(),
        };
      } catch (error) {
        throw explain(error);
      }
    },
    close: async () => {
      const open = pools;
      pools = undefined;
      await Promise.all([open?.short.destroy(), open?.streams.destroy(), ...closing]);
    },
  };
};
