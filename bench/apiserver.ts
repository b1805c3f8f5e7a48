// Bench 4: the embedded control plane as it ships against etcd, which syncs to disk, with kube-apiserver; the same load from the same
// generator, on one machine, in turn.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { issueClient } from '../src/testing/api-peer.ts';
import { freePort, startReal } from '../src/testing/api-servers.ts';
import type { Job, Measured, Target } from './api-load.ts';
import { type Comparison, median, milliseconds, perSecond, type Topic } from './comparison.ts';
import { installPackage, userEnvironment } from './installed-package.ts';

const rounds = 5;
const sequentialWrites = 400;
const parallelWrites = 1600;
const inFlight = 64;
const stored = rounds * (sequentialWrites + parallelWrites);
const idleMs = 60_000;
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';

type DistributiveOmit<Value, Key extends PropertyKey> = Value extends unknown ? Omit<Value, Key> : never;
type Load = DistributiveOmit<Job, keyof Target>;

const measure = async (target: Target, load: Load): Promise<Measured> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'api-load.ts'), JSON.stringify({ ...target, ...load })],
    {
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return JSON.parse(stdout) as Measured;
};

/** A client of system:masters, in files. */
const clientOf = async (workFolder: string, name: string, port: number, cluster: string): Promise<Target> => {
  const { cert, key } = await issueClient(cluster, { name: 'bench', groups: ['system:masters'] });
  const [certFile, keyFile] = [join(workFolder, `${name}.crt`), join(workFolder, `${name}.key`)];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  return { port, ca: join(cluster, 'pki/ca.crt'), cert: certFile, key: keyFile };
};

type Running = { readonly child: ChildProcess; readonly port: number; readonly readyMs: number };

/** The installed program, from its start until it says that it listens. */
const startOwn = async (command: string, dataDirectory: string, env: NodeJS.ProcessEnv): Promise<Running> => {
  const port = await freePort();
  const started = performance.now();
  const child = spawn(command, ['up', '--data-dir', dataDirectory, '--listen', `127.0.0.1:${port}`], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += String(chunk);
    if (printed.includes('Listening on')) break;
  }
  if (!printed.includes('Listening on')) throw new Error(`certwright up ended: ${printed}`);
  return { child, port, readyMs: performance.now() - started };
};

const kill = async ({ child }: Running): Promise<void> => {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
};

const residentMiB = (pid: number): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

const p99 = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
const total = ({ totalMs }: Measured): number => totalMs;

type Pair = { readonly own: Measured; readonly theirs: Measured };

const line = (name: string, pairs: readonly Pair[], of: (one: Measured) => number, show: (value: number) => string): Comparison => ({
  name,
  measured: show(median(pairs.map(({ own }) => of(own)))),
  against: `etcd with kube-apiserver, ${show(median(pairs.map(({ theirs }) => of(theirs))))}`,
  ratio: median(pairs.map(({ own, theirs }) => of(theirs) / of(own))),
  required: { kind: 'at-least', figure: 1 },
});

const rateLine = (name: string, pairs: readonly Pair[], writes: number, figure: number): Comparison => ({
  ...line(name, pairs, total, (ms) => perSecond((writes * 1000) / ms)),
  required: { kind: 'at-least', figure },
});

const timeLine = (name: string, ms: number, limitMs: number): Comparison => ({
  name,
  measured: milliseconds(ms),
  against: `${limitMs / 1000} s`,
  ratio: ms / limitMs,
  required: { kind: 'at-most', figure: 1 },
});

export const apiserver = async (workFolder: string): Promise<Topic> => {
  const command = installPackage(workFolder);
  const env = userEnvironment(workFolder);
  const firstStarts: number[] = [];
  for (let i = 0; i < 6; i++) {
    const server = await startOwn(command, join(workFolder, `first-${i}`), env);
    // The very first fills the compile cache.
    if (i > 0) firstStarts.push(server.readyMs);
    await kill(server);
  }
  const dataDirectory = join(workFolder, 'data');
  const own = await startOwn(command, dataDirectory, env);
  const real = await startReal({ folder: workFolder, isDurable: true });
  try {
    const ours = await clientOf(workFolder, 'own', own.port, join(dataDirectory, 'cluster'));
    const theirs = await clientOf(workFolder, 'real', real.port, real.cluster);
    const both = async (load: Load, isOwnFirst: boolean): Promise<Pair> => {
      if (isOwnFirst) return { own: await measure(ours, load), theirs: await measure(theirs, load) };
      const other = await measure(theirs, load);
      return { own: await measure(ours, load), theirs: other };
    };
    const inTurn = async (count: number, load: (round: number) => Load): Promise<readonly Pair[]> => {
      const pairs: Pair[] = [];
      for (let round = 0; round < count; round++) pairs.push(await both(load(round), round % 2 === 0));
      return pairs;
    };
    const sequential = await inTurn(rounds, (round) => ({ job: 'create', count: sequentialWrites, inFlight: 1, prefix: `s${round}` }));
    const parallel = await inTurn(rounds, (round) => ({ job: 'create', count: parallelWrites, inFlight, prefix: `p${round}` }));
    await setTimeout(idleMs);
    const memory = { own: residentMiB(own.child.pid ?? 0), theirs: real.storePids.reduce((sum, pid) => sum + residentMiB(pid), 0) };
    const asJson = await inTurn(rounds, () => ({ job: 'list', accept: 'application/json', times: 3 }));
    const asTable = await inTurn(rounds, () => ({ job: 'list', accept: table, times: 3 }));
    const fanOut = await inTurn(3, (round) => ({ job: 'watch', watchers: 100, events: 1000, prefix: `w${round}` }));
    await kill(own);
    const again = await startOwn(command, dataDirectory, env);
    await kill(again);
    const objects = stored.toLocaleString('en-US');
    const eachOf = ({ eachMs }: Measured): number => median(eachMs);
    return {
      title: 'apiserver',
      notes: [
        `medians of ${rounds} rounds, of the ratios too; Secrets of 3,000 characters, over HTTPS with client certificates, from a generator in a process of its own`,
        'etcd syncs each commit to disk, and so do we; kube-apiserver is 1.20 with RBAC and its default admission',
        `resident memory is taken 60 s after the last of ${objects} creates, of etcd and kube-apiserver together`,
        'lists are consistent reads without gzip; the fan-out counts from the first write until each watcher has the last event',
        'ready is the time from the start of the installed program to the line that says it listens; the first start makes the certificates',
      ],
      comparisons: [
        rateLine('creates of Secrets, one after the other', sequential, sequentialWrites, 2),
        rateLine('creates of Secrets, 64 in flight', parallel, parallelWrites, 1.5),
        line('creates of Secrets, 64 in flight, p99', parallel, ({ eachMs }) => p99(eachMs), milliseconds),
        line(`list of ${objects} Secrets as JSON`, asJson, eachOf, milliseconds),
        line(`list of ${objects} Secrets as Table`, asTable, eachOf, milliseconds),
        line('watch, 1,000 events to 100 watchers', fanOut, total, milliseconds),
        {
          name: `resident memory with ${objects} Secrets`,
          measured: `${memory.own.toFixed(0)} MiB`,
          against: `etcd with kube-apiserver, ${memory.theirs.toFixed(0)} MiB`,
          ratio: memory.own / memory.theirs,
          required: { kind: 'at-most', figure: 0.333 },
        },
        timeLine('certwright up, ready on a first start', median(firstStarts), 1000),
        timeLine(`certwright up, ready after kill -9 with ${(stored + 3000).toLocaleString('en-US')} objects`, again.readyMs, 2000),
      ],
    };
  } finally {
    own.child.kill('SIGKILL');
    await real.stop();
  }
};
