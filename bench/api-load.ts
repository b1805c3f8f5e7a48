// The load on an API server, in a process of its own and the same for every server: plain node:https over kept connections. It is given a
// kubeconfig with certificates inside; one line of JSON in says what to do, one line of JSON out what it came to.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import type { Task, TaskResult } from './api-load-protocol.ts';

const kubeconfig = readFileSync(process.argv[2] ?? '', 'utf8');
const field = (name: string): string => new RegExp(`${name}: "?([^\\s"]+)`).exec(kubeconfig)?.[1] ?? '';
const decoded = (name: string): string => Buffer.from(field(name), 'base64').toString();
const server = new URL(field('server'));
const credentials = {
  ca: decoded('certificate-authority-data'),
  cert: decoded('client-certificate-data'),
  key: decoded('client-key-data'),
  allowPartialTrustChain: true,
};

const open = (agent: Agent, method: string, path: string, accept: string, body: string | undefined): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const headers =
      body === undefined ? { accept } : { accept, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const sent = request({ host: server.hostname, port: server.port, agent, method, path, headers }, resolve);
    sent.on('error', reject);
    sent.end(body);
  });

/** Reads an answer to its end and returns how many bytes it had; throws where it is none of success. */
const drain = (answer: IncomingMessage): Promise<number> =>
  new Promise((resolve, reject) => {
    let bytes = 0;
    const failed = (answer.statusCode ?? 0) >= 300;
    let said = '';
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (failed) said += chunk.toString();
    });
    answer.on('end', () => (failed ? reject(new Error(`the server answered ${answer.statusCode}: ${said}`)) : resolve(bytes)));
    answer.on('error', reject);
  });

const send = async (agent: Agent, method: string, path: string, accept = 'application/json', body?: string): Promise<number> =>
  drain(await open(agent, method, path, accept, body));

const objects = (namespace: string, plural: string): string => `/api/v1/namespaces/${namespace}/${plural}`;
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

const create = async (
  agent: Agent,
  { namespace, prefix, count, inFlight }: Extract<Task, { readonly do: 'create' }>,
): Promise<TaskResult> => {
  let next = 0;
  const latencies: number[] = [];
  const worker = async (): Promise<void> => {
    while (next < count) {
      const name = `${prefix}-${next++}`;
      // 3,000 characters, as they come from a key store.
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { value: randomBytes(2250).toString('base64') } };
      const body = JSON.stringify(secret);
      const started = performance.now();
      await send(agent, 'POST', objects(namespace, 'secrets'), 'application/json', body);
      latencies.push(performance.now() - started);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  return { seconds, count, p50: at(latencies, 0.5), p99: at(latencies, 0.99), bytes: 0 };
};

const list = async (agent: Agent, { namespace, accept }: Extract<Task, { readonly do: 'list' }>): Promise<TaskResult> => {
  const started = performance.now();
  const bytes = await send(agent, 'GET', objects(namespace, 'secrets'), accept);
  const ms = performance.now() - started;
  return { seconds: ms / 1000, count: 1, p50: ms, p99: ms, bytes };
};

/** Opens watches, writes, and waits until each watch has had every event; the time is that of the writes and the waiting. */
const fanOut = async (
  agent: Agent,
  { namespace, prefix, watchers, events }: Extract<Task, { readonly do: 'fan-out' }>,
): Promise<TaskResult> => {
  const path = objects(namespace, 'configmaps');
  const since = /"resourceVersion":"(\d+)"/;
  const listed = await open(agent, 'GET', `${path}?limit=1`, 'application/json', undefined);
  let text = '';
  for await (const chunk of listed) text += String(chunk);
  const revision = since.exec(text)?.[1] ?? '0';
  const streams = new Agent({ keepAlive: true, ...credentials });
  let bytes = 0;
  const watches = await Promise.all(
    Array.from({ length: watchers }, () =>
      open(streams, 'GET', `${path}?watch=true&resourceVersion=${revision}&timeoutSeconds=600`, 'application/json', undefined),
    ),
  );
  const received = watches.map(
    (watch) =>
      new Promise<void>((resolve, reject) => {
        let lines = 0;
        watch.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, end + 1)) lines++;
          if (lines >= events) resolve();
        });
        watch.on('close', () => reject(new Error(`a watch ended after ${lines} events`)));
      }),
  );
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < events) {
      const body = JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `${prefix}-${next++}` },
        data: { value: 'x'.repeat(200) },
      });
      await send(agent, 'POST', path, 'application/json', body);
    }
  };
  const started = performance.now();
  await Promise.all([...Array.from({ length: 16 }, writer), ...received]);
  const seconds = (performance.now() - started) / 1000;
  for (const watch of watches) watch.removeAllListeners('close').destroy();
  streams.destroy();
  return { seconds, count: watchers * events, p50: 0, p99: 0, bytes };
};

const makeNamespace = async (agent: Agent, { namespace }: Extract<Task, { readonly do: 'namespace' }>): Promise<TaskResult> => {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await send(agent, 'POST', '/api/v1/namespaces', 'application/json', body);
  return { seconds: 0, count: 1, p50: 0, p99: 0, bytes: 0 };
};

const run = async (agent: Agent, task: Task): Promise<TaskResult> => {
  switch (task.do) {
    case 'namespace':
      return makeNamespace(agent, task);
    case 'create':
      return create(agent, task);
    case 'list':
      return list(agent, task);
    case 'fan-out':
      return fanOut(agent, task);
  }
};

const agent = new Agent({ keepAlive: true, maxSockets: 64, ...credentials });
for await (const line of createInterface(process.stdin)) console.log(JSON.stringify(await run(agent, JSON.parse(line) as Task)));
agent.destroy();
