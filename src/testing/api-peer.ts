// A Kubernetes API server as a test talks to it: plain requests over HTTPS with client certificates, and watches line by line. It knows no
// kind and hides nothing, so that the same case can be put to the embedded server and to a real one.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { parse } from 'yaml';
import { subjectName } from '../pki/name.ts';
import { exportPrivateKey, generatePrivateKey, importPrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { signCertificate } from '../pki/sign-certificate.ts';
import { keySigner } from '../pki/signature-algorithm.ts';
import { certificatePem, parseFirstCertificate } from '../pki/x509-certificate.ts';

export type Json = Readonly<Record<string, unknown>>;

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; throws where it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: cases look into answers of every shape, and a wrong one fails them
  readonly json: any;
};

export type SendOptions = {
  /** JSON unless it is text or bytes. */
  readonly body?: unknown;
  readonly contentType?: string | null;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

// biome-ignore lint/suspicious/noExplicitAny: as above
export type WatchEvent = { readonly type: string; readonly object: any };

export type WatchStream = {
  readonly status: number;
  /** The next event; undefined once the stream has ended. Fails after some seconds of silence. */
  next(): Promise<WatchEvent | undefined>;
  close(): void;
};

/** An answer that nobody reads. */
export type UnreadAnswer = {
  /** Settles once the connection is gone. */
  readonly closed: Promise<void>;
  /** Reads on for good. */
  follow(onChunk: (chunk: Buffer) => void): void;
  /** Reads on to the end, or to where it breaks off; bytes in all. */
  rest(): Promise<number>;
  /** Reads on until a text has come; the whole body so far. */
  readUntil(text: string): Promise<string>;
  close(): void;
};

export type Identity = { readonly name: string; readonly groups: readonly string[] };

export type ApiPeer = {
  /** `embedded`, or the name of a program of others. */
  readonly name: string;
  send(method: string, path: string, options?: SendOptions): Promise<Reply>;
  watch(path: string, accept?: string): Promise<WatchStream>;
  /** Sends a request and leaves the answer lying: from its headers on, or altogether. */
  hang(method: string, path: string, options?: SendOptions, from?: 'the body' | 'before the answer'): Promise<UnreadAnswer>;
  /** Closes every connection. */
  close(): void;
  /** The same server as someone else sees it; undefined is nobody. */
  as(identity: Identity | undefined): Promise<ApiPeer>;
  /** Makes the server forget what was before now, as it does by itself in time. */
  forget(): Promise<void>;
};

type Address = { readonly host: string; readonly port: number };
type Credentials = { readonly cert?: string; readonly key?: string };

const silenceMs = 10_000;

const issue = async (directory: string, { name, groups }: Identity): Promise<{ readonly cert: string; readonly key: string }> => {
  const ca = parseFirstCertificate(readFileSync(join(directory, 'pki/ca.crt')));
  const caKey = importPrivateKey(readFileSync(join(directory, 'pki/ca.key')));
  const key = await generatePrivateKey('ecdsa-p256');
  const certificate = await signCertificate(
    {
      subject: subjectName(name, groups),
      publicKey: publicKeyOf(key),
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      usages: ['digital signature', 'client auth'],
    },
    { certificate: ca, signer: keySigner(caKey, publicKeyOf(caKey)) },
    { random: (length) => randomBytes(length) },
  );
  return { cert: certificatePem(certificate), key: exportPrivateKey(key) };
};

const contentTypeOf = ({ body, contentType }: SendOptions): string | undefined => {
  if (contentType !== undefined) return contentType ?? undefined;
  return body === undefined ? undefined : 'application/json';
};

const bytesOf = ({ body }: SendOptions): string | Uint8Array | undefined =>
  body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);

const cannotForget = (): Promise<void> => Promise.reject(new Error('this server forgets in its own time alone'));

/** A server at an address, whose cluster CA lies in `directory` as src/cluster lays it down. */
export const apiPeer = async (
  name: string,
  address: Address & { readonly directory: string; readonly forget?: (peer: ApiPeer) => Promise<void> },
  identity: Identity | undefined,
): Promise<ApiPeer> => {
  const { directory, forget } = address;
  const credentials = identity === undefined ? {} : await issue(directory, identity);
  const calls = callsTo(address, readFileSync(join(directory, 'pki/ca.crt')), credentials);
  const peer: ApiPeer = {
    name,
    ...calls,
    as: (other) => apiPeer(name, address, other),
    forget: forget === undefined ? cannotForget : () => forget(peer),
  };
  return peer;
};

/** A server as a kubeconfig names it, its client certificate included. Other identities are impersonated. */
export const kubeconfigPeer = (name: string, file: string): ApiPeer => {
  const { clusters, users } = parse(readFileSync(file, 'utf8'));
  const url = new URL(clusters[0].cluster.server);
  const decoded = (value: string): string => Buffer.from(value, 'base64').toString();
  const ca = Buffer.from(clusters[0].cluster['certificate-authority-data'], 'base64');
  const credentials = { cert: decoded(users[0].user['client-certificate-data']), key: decoded(users[0].user['client-key-data']) };
  const peerOf = (identity: Identity | 'itself' | undefined): ApiPeer => ({
    name,
    ...callsTo(
      { host: url.hostname, port: Number(url.port) },
      ca,
      identity === undefined ? {} : credentials,
      identity === undefined || identity === 'itself' ? {} : { 'impersonate-user': identity.name, 'impersonate-group': identity.groups },
    ),
    as: (other) => Promise.resolve(peerOf(other)),
    forget: cannotForget,
  });
  return peerOf('itself');
};

/** The requests and watches of one identity. */
const callsTo = (
  { host, port }: Address,
  ca: Buffer,
  credentials: Credentials,
  always: Readonly<Record<string, string | readonly string[]>> = {},
): Pick<ApiPeer, 'send' | 'watch' | 'hang' | 'close'> => {
  const agent = new Agent({ keepAlive: true, ca, ...credentials });
  const open = (method: string, path: string, options: SendOptions) => {
    const bytes = bytesOf(options);
    const contentType = contentTypeOf(options);
    const request = httpsRequest({
      host,
      port,
      path,
      method,
      agent,
      headers: {
        accept: options.accept ?? 'application/json',
        'user-agent': 'parity/1',
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
        ...(bytes === undefined || options.headers?.['transfer-encoding'] !== undefined
          ? {}
          : { 'content-length': String(Buffer.byteLength(bytes as string)) }),
        ...always,
        ...options.headers,
      },
    });
    request.end(bytes);
    return request;
  };
  return {
    close: () => agent.destroy(),
    hang: (method, path, options = {}, from = 'the body') =>
      new Promise((resolve, reject) => {
        const request = open(method, path, options);
        const closed = new Promise<void>((settle) => request.once('close', () => settle()));
        const answer = (response?: IncomingMessage): UnreadAnswer => {
          const chunks: Buffer[] = [];
          return {
            closed,
            follow: (onChunk) => void response?.on('data', onChunk),
            rest: async () => {
              try {
                for await (const chunk of response ?? []) chunks.push(chunk as Buffer);
              } catch {
                // It broke off.
              }
              return chunks.reduce((sum, { length }) => sum + length, 0);
            },
            readUntil: async (text) => {
              for await (const chunk of response ?? []) {
                chunks.push(chunk as Buffer);
                // Over the edge of two chunks, too.
                if (Buffer.concat(chunks.slice(-2)).includes(text) && (chunk as Buffer).at(-1) === 0x0a) break;
              }
              return Buffer.concat(chunks).toString();
            },
            close: () => request.destroy(),
          };
        };
        if (from === 'before the answer') {
          request.on('error', () => undefined);
          resolve(answer());
          return;
        }
        request.once('error', reject);
        request.on('response', (response) => {
          request.on('error', () => undefined);
          response.on('error', () => undefined);
          resolve(answer(response));
        });
      }),
    send: (method, path, options = {}) =>
      new Promise((resolve, reject) => {
        const request = open(method, path, options);
        request.on('error', reject);
        request.on('response', (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              get json() {
                return JSON.parse(text);
              },
            });
          });
        });
      }),
    watch: (path, accept = 'application/json') =>
      new Promise((resolve, reject) => {
        const request = open('GET', path, { accept });
        request.on('error', reject);
        request.on('response', (response) => {
          const events: WatchEvent[] = [];
          let rest = '';
          let hasEnded = false;
          let wake: () => void = () => undefined;
          response.on('data', (chunk: Buffer) => {
            const lines = (rest + chunk.toString()).split('\n');
            rest = lines.pop() ?? '';
            events.push(...lines.filter((line) => line !== '').map((line) => JSON.parse(line) as WatchEvent));
            wake();
          });
          const ended = (): void => {
            hasEnded = true;
            wake();
          };
          response.on('end', ended).on('error', ended).on('close', ended);
          resolve({
            status: response.statusCode ?? 0,
            next: async () => {
              const until = Date.now() + silenceMs;
              while (events.length === 0 && !hasEnded) {
                if (Date.now() > until) throw new Error(`watch of ${path}: nothing came for ${silenceMs} ms`);
                await new Promise<void>((awake) => {
                  const timer = setTimeout(awake, 200);
                  wake = () => {
                    clearTimeout(timer);
                    awake();
                  };
                });
              }
              return events.shift();
            },
            close: () => {
              response.destroy();
              request.destroy();
            },
          });
        });
      }),
  };
};
