// The embedded server under load for as long as it is given: every watcher is told everything once and in order, whoever does not read is
// left behind alone, and memory stays where it was.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type ApiPeer, apiPeer, type UnreadAnswer } from '../../src/testing/api-peer.ts';
import { freePort } from '../../src/testing/api-servers.ts';
import { full, runs } from '../../src/testing/runs.ts';
import { startEmbeddedProcess } from '../../src/testing/start-embedded-process.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const metadataType = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const writers = 64;
const watchers = 200;
const maxHistoryBytes = 2 * 1024 * 1024;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a watcher was told: types by their first letters, revisions. Read without parsing, for there are millions. */
type Told = { readonly types: string[]; readonly revisions: number[] };

const follow = (answer: UnreadAnswer): Told => {
  const told: Told = { types: [], revisions: [] };
  let rest = '';
  answer.follow((chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      told.types.push(line.charAt('{"type":"'.length));
      told.revisions.push(Number(/"resourceVersion":"(\d+)"/.exec(line)?.[1]));
    }
  });
  return told;
};

type Write = { readonly revision: number; readonly label: string };

/** Creates, replaces and deletes until told to stop; what was acknowledged, of deletions only their number. */
const write = async (
  peer: ApiPeer,
  number: number,
  isOver: () => boolean,
): Promise<{ writes: Write[]; deleted: Record<string, number> }> => {
  const writes: Write[] = [];
  const deleted: Record<string, number> = { odd: 0, even: 0 };
  const label = number % 2 === 0 ? 'even' : 'odd';
  for (let i = 0; !isOver(); i++) {
    const name = `w${number}-${i % 4}`;
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: { load: label } },
      data: { value: `${i}`.padStart(100, '.') },
    };
    const step = Math.floor(i / 4) % 5;
    const reply =
      step === 0
        ? await peer.send('POST', configMaps, { body })
        : step < 4
          ? await peer.send('PUT', `${configMaps}/${name}`, { body })
          : await peer.send('DELETE', `${configMaps}/${name}`);
    assert.ok(reply.status < 300, reply.text);
    if (step < 4) writes.push({ revision: Number(reply.json.metadata.resourceVersion), label });
    else deleted[label] = (deleted[label] ?? 0) + 1;
  }
  return { writes, deleted };
};

const start = async (t: TestContext) => {
  const directory = join(temporaryDirectory(t), 'data');
  const port = await freePort();
  const server = await startEmbeddedProcess({ dataDirectory: directory, port, maxHistoryBytes });
  t.after(() => server.stop());
  const peer = await apiPeer(
    'embedded',
    { host: '127.0.0.1', port, directory: join(directory, 'cluster') },
    { name: 'load', groups: ['system:masters'] },
  );
  t.after(() => peer.close());
  return { server, peer };
};

describe('the embedded server under load', () => {
  test(`tells ${watchers} watchers everything that ${writers} writers do once and in order, and holds no more memory for it`, async (t) => {
    const { server, peer } = await start(t);
    const listed = Number((await peer.send('GET', configMaps)).json.metadata.resourceVersion);
    const path = `${configMaps}?watch=true&resourceVersion=${listed}`;
    const plain: Told[] = [];
    const odd: Told[] = [];
    for (let i = 0; i < watchers; i++) {
      const isSelecting = i % 5 === 4;
      const accept = i % 7 === 6 ? metadataType : 'application/json';
      const answer = await peer.hang('GET', isSelecting ? `${path}&labelSelector=load%3Dodd` : path, { accept });
      (isSelecting ? odd : plain).push(follow(answer));
    }
    const unread = await Promise.all([1, 2, 3].map(() => peer.hang('GET', path)));

    const seconds = runs(3, 60);
    const settled = full ? 10 : 1.5;
    let isOver = false;
    const work = Array.from({ length: writers }, (_, number) => write(peer, number, () => isOver));
    await sleep(settled * 1000);
    const early = await server.memory();
    await sleep((seconds - settled) * 1000);
    isOver = true;
    const done = await Promise.all(work);
    const late = await server.memory();

    const expected = (label?: string) => ({
      written: done
        .flatMap(({ writes }) => writes.filter((each) => label === undefined || each.label === label).map(({ revision }) => revision))
        .sort((a, b) => a - b),
      deleted: done.reduce(
        (sum, { deleted }) => sum + (label === undefined ? (deleted['odd'] ?? 0) + (deleted['even'] ?? 0) : (deleted[label] ?? 0)),
        0,
      ),
    });
    for (const [group, { written, deleted }] of [
      [plain, expected()],
      [odd, expected('odd')],
    ] as const) {
      assert.ok(written.length > 100, `${written.length} writes`);
      const all = written.length + deleted;
      const until = Date.now() + 10_000;
      while (group.some(({ types }) => types.length < all) && Date.now() < until) await sleep(50);
      const [first] = group;
      assert.ok(first !== undefined);
      assert.deepEqual(
        first.revisions.filter((_, i) => first.types[i] !== 'D'),
        written,
      );
      assert.equal(first.types.filter((type) => type === 'D').length, deleted);
      assert.ok(
        first.revisions.every((revision, i) => i === 0 || revision > (first.revisions[i - 1] ?? 0)),
        'revisions ascend',
      );
      for (const told of group) {
        assert.deepEqual(told.revisions, first.revisions);
        assert.deepEqual(told.types, first.types);
      }
    }
    t.diagnostic(`${expected().written.length} writes in ${seconds} s, memory ${early} and ${late} bytes`);
    assert.ok(late <= early * (full ? 1.05 : 1.3), `memory was ${early} bytes after ${settled} s and is ${late} after ${seconds}`);

    const old = await peer.watch(path);
    assert.equal((await old.next())?.object.code, 410);
    for (const { close } of unread) close();
  });
});
