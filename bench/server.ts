// Bench 4: `certwright up` against etcd with kube-apiserver, under the same load. Both run throughout and are loaded in turn, so that what
// the machine does beside is the same for both; each is sent to by a process of its own.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../src/testing/api-servers.ts';
import { requireTool } from '../src/testing/tools.ts';
import { type ApiLoad, startApiLoad, type Task, type TaskResult } from './api-load-protocol.ts';
import { type BenchedServer, residentBytes, startCertwright, startKubernetes } from './api-servers.ts';
import { type Comparison, median, milliseconds, perSecond, type Topic } from './comparison.ts';
import { installPackage } from './installed-package.ts';
import { settledDisk } from './settled-disk.ts';

const namespace = 'bench';
const secrets = 10_000;
const idleMs = 60_000;
const rounds = 5;
const sequential = 500;
const parallel = 1_200;

const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io';

type Side = { readonly server: BenchedServer; readonly load: ApiLoad };
/** One figure of each side, taken one after the other. */
type Pair = { readonly ours: TaskResult; readonly theirs: TaskResult };

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MB`;
const rate = ({ count, seconds }: TaskResult): number => count / seconds;

type Line = {
  readonly name: string;
  readonly figure: (result: TaskResult) => number;
  readonly show: (figure: number) => string;
  readonly required: Comparison['required'];
};

const compare = ({ name, figure, show, required }: Line, pairs: readonly Pair[], isSpeed: boolean): Comparison => {
  const ours = pairs.map((pair) => figure(pair.ours));
  const theirs = pairs.map((pair) => figure(pair.theirs));
  return {
    name,
    measured: show(median(ours)),
    against: `etcd and kube-apiserver, ${show(median(theirs))}`,
    ratio: median(pairs.map((pair) => (isSpeed ? figure(pair.theirs) / figure(pair.ours) : figure(pair.ours) / figure(pair.theirs)))),
    required,
  };
};

const timeLine = (name: string): Line => ({
  name,
  figure: ({ seconds }) => seconds * 1000,
  show: milliseconds,
  required: { kind: 'at-least', figure: 1 },
});

/** A time against one that is set. */
const within = (name: string, taken: readonly number[], limitMs: number): Comparison => ({
  name,
  measured: milliseconds(median(taken)),
  against: `a limit of ${limitMs / 1000} s`,
  ratio: median(taken) / limitMs,
  required: { kind: 'at-most', figure: 1 },
});

/** How long first starts take: a new data directory, and nothing compiled before. */
const firstStarts = async (command: string, workFolder: string): Promise<readonly number[]> => {
  const taken: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const folder = join(workFolder, `first-${i}`);
    const { daemons, readyMs } = await startCertwright(command, folder, join(folder, 'user'), await freePort());
    for (const daemon of daemons) await daemon.stop();
    taken.push(readyMs);
  }
  return taken;
};

/** How long starts take after the server was killed with everything loaded. */
const restarts = async (
  command: string,
  folder: string,
  cache: string,
  server: BenchedServer,
  port: number,
): Promise<readonly number[]> => {
  const taken: number[] = [];
  let { daemons } = server;
  for (let i = 0; i < rounds; i++) {
    for (const daemon of daemons) await daemon.kill();
    const again = await startCertwright(command, folder, cache, port);
    daemons = again.daemons;
    taken.push(again.readyMs);
  }
  for (const daemon of daemons) await daemon.stop();
  return taken;
};

/** Loads both servers and measures. */
export const server = async (workFolder: string): Promise<Topic> => {
  requireTool('etcd');
  requireTool('kube-apiserver');
  const command = installPackage(workFolder);
  await settledDisk(workFolder);
  const first = await firstStarts(command, workFolder);
  const port = await freePort();
  const cache = join(workFolder, 'user');
  const ourFolder = join(workFolder, 'ours');
  const started: BenchedServer[] = [];
  try {
    const ourServer = await startCertwright(command, ourFolder, cache, port);
    started.push(ourServer);
    const theirServer = await startKubernetes(join(workFolder, 'theirs'));
    started.push(theirServer);
    await using ourLoad = startApiLoad(ourServer.kubeconfigFile);
    await using theirLoad = startApiLoad(theirServer.kubeconfigFile);
    const [ours, theirs]: readonly [Side, Side] = [
      { server: ourServer, load: ourLoad },
      { server: theirServer, load: theirLoad },
    ];
    const both = async (task: Task): Promise<Pair> => ({ theirs: await theirs.load.run(task), ours: await ours.load.run(task) });
    const several = async (count: number, task: (round: number) => Task): Promise<readonly Pair[]> => {
      const pairs: Pair[] = [];
      for (let round = 0; round < count; round++) pairs.push(await both(task(round)));
      return pairs;
    };

    await both({ do: 'namespace', namespace });
    const create = (prefix: string, count: number, inFlight: number): Task => ({ do: 'create', namespace, prefix, count, inFlight });
    const warm = 500;
    await both(create('warm-one', warm / 2, 1));
    await both(create('warm-many', warm / 2, 64));
    const one: Pair[] = [];
    const many: Pair[] = [];
    for (let round = 0; round < rounds; round++) {
      one.push(await both(create(`one-${round}`, sequential, 1)));
      many.push(await both(create(`many-${round}`, parallel, 64)));
    }
    await both(create('rest', secrets - warm - rounds * (sequential + parallel), 64));

    await sleep(idleMs);
    const [ourMemory, theirMemory] = [residentBytes(ourServer), residentBytes(theirServer)];

    const json = await several(7, () => ({ do: 'list', namespace, accept: 'application/json' }));
    const tables = await several(7, () => ({ do: 'list', namespace, accept: tableType }));
    const fanOuts = await several(rounds, (round) => ({ do: 'fan-out', namespace, prefix: `event-${round}`, watchers: 100, events: 1000 }));
    const restarted = await restarts(command, ourFolder, cache, ourServer, port);

    const perSecondLine = (name: string, figure: number): Line => ({
      name,
      figure: rate,
      show: perSecond,
      required: { kind: 'at-least', figure },
    });
    return {
      title: 'server',
      notes: [
        `durable creates of Secrets of 3,000 characters, TLS with client certificates, HTTP/1.1: ${rounds} rounds of ${sequential} sequentially and ${parallel} with 64 in flight, medians of the rounds and of their ratios`,
        'etcd 3.4 and kube-apiserver 1.20 as they come: every write synced to disk, on the same disk',
        `memory is what is resident ${idleMs / 1000} s after the last of ${secrets.toLocaleString('en-US')} Secrets was made; lists are of all of these, without a resourceVersion and without compression`,
        'a watch fan-out is timed from the first of 1,000 writes until each of 100 watchers has had every event',
        'a first start has no data directory and no compile cache; a restart follows kill -9',
      ],
      comparisons: [
        compare(perSecondLine('creates, one after the other', 2), one, false),
        compare(perSecondLine('creates, 64 in flight', 1.5), many, false),
        compare(
          {
            name: 'creates, 64 in flight, 99th percentile',
            figure: ({ p99 }) => p99,
            show: milliseconds,
            required: { kind: 'at-most', figure: 1 },
          },
          many,
          false,
        ),
        compare(timeLine(`list of ${secrets.toLocaleString('en-US')} Secrets as JSON`), json, true),
        compare(timeLine(`list of ${secrets.toLocaleString('en-US')} Secrets as Table`), tables, true),
        compare(timeLine('watch, 1,000 events to 100 watchers'), fanOuts, true),
        {
          name: `resident memory with ${secrets.toLocaleString('en-US')} Secrets`,
          measured: megabytes(ourMemory),
          against: `etcd and kube-apiserver, ${megabytes(theirMemory)}`,
          ratio: ourMemory / theirMemory,
          required: { kind: 'at-most', figure: 0.333 },
        },
        within('ready, first start', first, 1000),
        within(`ready, restart with ${secrets.toLocaleString('en-US')} Secrets after kill -9`, restarted, 2000),
      ],
    };
  } finally {
    for (const { daemons } of started) for (const daemon of daemons.toReversed()) await daemon.stop();
  }
};
