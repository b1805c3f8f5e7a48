// Puts one kind of load on a Kubernetes API server, over HTTPS with a client certificate, and prints what it measured as JSON. A process of
// its own, the same for every server: node bench/api-load.ts '{"job": …}'.

import { readFileSync } from 'node:fs';
import { Agent, type RequestOptions, request } from 'node:https';

export type Target = { readonly port: number; readonly ca: string; readonly cert: string; readonly key: string };

export type Job = Target &
  (
    | { readonly job: 'create'; readonly count: number; readonly inFlight: number; readonly prefix: string }
    | { readonly job: 'list'; readonly accept: string; readonly times: number }
    | { readonly job: 'watch'; readonly watchers: number; readonly events: number; readonly prefix: string }
  );

/** Times in milliseconds. */
export type Measured = { readonly totalMs: number; readonly eachMs: readonly number[] };

const path = '/api/v1/namespaces/default/secrets';

/** As many characters of data as the figures in the reference have. */
const secret = (name: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { value: Buffer.alloc(2250, 'x').toString('base64') } });

const connect = ({ port, ca, cert, key }: Target, sockets: number): RequestOptions => ({
  host: '127.0.0.1',
  port,
  agent: new Agent({ keepAlive: true, maxSockets: sockets, ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) }),
});

const send = (options: RequestOptions, wanted: number, body?: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const started = performance.now();
    const sent = request(options, (response) => {
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      response.on('end', () =>
        response.statusCode === wanted && length > 0
          ? resolve(performance.now() - started)
          : reject(new Error(`the server answered ${response.statusCode}, not ${wanted}`)),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });

const post = (connection: RequestOptions, body: string): Promise<number> =>
  send({ ...connection, method: 'POST', path, headers: { 'content-type': 'application/json', 'content-length': body.length } }, 201, body);

const create = async (connection: RequestOptions, count: number, inFlight: number, prefix: string): Promise<Measured> => {
  // Connections are made before the clock runs.
  await Promise.all(Array.from({ length: inFlight }, () => send({ ...connection, path: '/version' }, 200)));
  const eachMs: number[] = [];
  let next = 0;
  const started = performance.now();
  const worker = async (): Promise<void> => {
    while (next < count) eachMs.push(await post(connection, secret(`${prefix}-${next++}`)));
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { totalMs: performance.now() - started, eachMs };
};

const list = async (connection: RequestOptions, accept: string, times: number): Promise<Measured> => {
  const eachMs: number[] = [];
  const started = performance.now();
  for (let i = 0; i < times; i++) eachMs.push(await send({ ...connection, path, headers: { accept } }, 200));
  return { totalMs: performance.now() - started, eachMs };
};

const newestVersion = (connection: RequestOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = request({ ...connection, path: `${path}?limit=1` }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      response.on('end', () => resolve(JSON.parse(text).metadata.resourceVersion));
    });
    asked.on('error', reject);
    asked.end();
  });

/** From the first write until each watcher has the last event. */
const watch = async (target: Target, connection: RequestOptions, watchers: number, events: number, prefix: string): Promise<Measured> => {
  const from = await newestVersion(connection);
  const own = connect(target, watchers);
  let finished = 0;
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const streams = await Promise.all(
    Array.from(
      { length: watchers },
      () =>
        new Promise<{ destroy(): void }>((resolve, reject) => {
          const asked = request({ ...own, path: `${path}?watch=1&resourceVersion=${from}` }, (response) => {
            let seen = 0;
            response.on('data', (chunk: Buffer) => {
              for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen++;
              if (seen === events && ++finished === watchers) done();
            });
            response.on('error', () => undefined);
            resolve(asked);
          });
          asked.on('error', reject);
          asked.end();
        }),
    ),
  );
  const { eachMs } = await create(connection, 0, 64, prefix);
  const started = performance.now();
  await create(connection, events, 64, prefix);
  await all;
  const totalMs = performance.now() - started;
  for (const stream of streams) stream.destroy();
  return { totalMs, eachMs };
};

const run = (job: Job): Promise<Measured> => {
  switch (job.job) {
    case 'create':
      return create(connect(job, job.inFlight), job.count, job.inFlight, job.prefix);
    case 'list':
      return list(connect(job, 1), job.accept, job.times);
    case 'watch':
      return watch(job, connect(job, 64), job.watchers, job.events, job.prefix);
  }
};

if (process.argv[1] === import.meta.filename) {
  console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? '') as Job)));
  process.exit(0);
}
