// Asks a webhook over HTTPS. It gets no credentials, is not followed where it redirects, and has so long and so many bytes to answer.

import { Pool } from 'undici';
import type { WebhookAddress } from './webhook-address.ts';

export type WebhookCall = {
  readonly address: WebhookAddress;
  /** PEM; what this machine trusts where it is undefined. */
  readonly ca: string | undefined;
  readonly timeoutMs: number;
  readonly body: string;
};

/** The text of the answer, or why there is none. Nothing that came from the other side is in the latter. */
export type WebhookReply = { readonly text: string } | { readonly problem: string };

export type WebhookCaller = {
  /** Never throws. */
  call(call: WebhookCall): Promise<WebhookReply>;
  close(): Promise<void>;
};

const maxAnswerBytes = 3 * 1024 * 1024;
const maxPools = 64;
/** More than requests are under way at once: whoever waits for a connection would lose that from its time to be answered. */
const maxConnections = 512;

const codeOf = (error: unknown): string => {
  const { code, cause } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : cause === undefined ? '' : codeOf(cause);
};

const read = async (body: AsyncIterable<Uint8Array>): Promise<string | undefined> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxAnswerBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};

/** Keeps connections to the webhooks asked last. */
export const webhookCaller = (): WebhookCaller => {
  const pools = new Map<string, Pool>();
  const poolFor = ({ address: { origin, serverName }, ca }: WebhookCall): Pool => {
    const key = JSON.stringify([origin, serverName, ca]);
    const known = pools.get(key);
    const pool =
      known ??
      new Pool(origin, {
        connections: maxConnections,
        pipelining: 1,
        allowH2: false,
        connect: {
          ...(ca === undefined ? {} : { ca }),
          ...(serverName === undefined ? {} : { servername: serverName }),
          minVersion: 'TLSv1.2',
        },
      });
    // The one asked last comes last; the first is let go.
    pools.delete(key);
    pools.set(key, pool);
    const [oldest] = pools;
    if (pools.size > maxPools && oldest !== undefined) {
      pools.delete(oldest[0]);
      void oldest[1].close();
    }
    return pool;
  };
  const ask = async (call: WebhookCall): Promise<WebhookReply> => {
    const { address, timeoutMs, body } = call;
    const where = `Post ${JSON.stringify(`${address.origin}${address.path}`)}`;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await poolFor(call).request({
        method: 'POST',
        path: address.path,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body,
        signal,
      });
      answer.body.on('error', () => undefined);
      if (answer.statusCode < 200 || answer.statusCode > 299) {
        answer.body.destroy();
        return { problem: `the server answered with HTTP status ${answer.statusCode}` };
      }
      const text = await read(answer.body);
      return text === undefined ? { problem: `its answer is longer than ${maxAnswerBytes} bytes` } : { text };
    } catch (error) {
      if (signal.aborted) return { problem: `${where}: context deadline exceeded` };
      return { problem: `${where}: ${codeOf(error) || 'the connection broke'}` };
    }
  };
  return {
    call: ask,
    close: async () => {
      const all = [...pools.values()];
      pools.clear();
      await Promise.all(all.map((pool) => pool.destroy()));
    },
  };
};
