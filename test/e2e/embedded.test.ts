// `certwright up` as a process: what a person types, what a second start and a signal do, and what is left after kill -9.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type ApiPeer, apiPeer } from '../../src/testing/api-peer.ts';
import { freePort } from '../../src/testing/api-servers.ts';
import { full, runs } from '../../src/testing/runs.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { needs, requireTool } from '../../src/testing/tools.ts';

const launcher = join(import.meta.dirname, '../../certwright');
const tester = { name: 'tester', groups: ['system:masters'] };

type Up = { readonly child: ChildProcess; readonly printed: () => string; readonly port: number; readonly ended: Promise<number | null> };

const start = async (t: TestContext, directory: string, port: number): Promise<Up> => {
  const child = spawn(launcher, ['up', '--data-dir', directory, '--listen', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await new Promise<void>((resolve, reject) => {
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('kubectl --kubeconfig')) resolve();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    void ended.then((code) => reject(new Error(`it ended with ${code}: ${output}`)));
  });
  return { child, printed: () => output, port, ended };
};

const up = (...args: readonly string[]) => spawnSync(launcher, ['up', ...args], { encoding: 'utf8', timeout: 30_000 });

const peerOf = (directory: string, port: number): Promise<ApiPeer> =>
  apiPeer('embedded', { host: '127.0.0.1', port, directory: join(directory, 'cluster') }, tester);

describe('certwright up', () => {
  test('prints what to type, keeps what it is told, and ends in order on SIGTERM', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    const first = await start(t, directory, port);
    assert.match(first.printed(), new RegExp(`Listening on https://127\\.0\\.0\\.1:${port}\\n`));
    const peer = await peerOf(directory, port);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' }, data: { a: '1' } };
    const made = await peer.send('POST', '/api/v1/namespaces/default/configmaps', { body });
    assert.equal(made.status, 201, made.text);
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);

    await start(t, directory, port);
    const again = await (await peerOf(directory, port)).send('GET', '/api/v1/namespaces/default/configmaps/kept');
    assert.deepEqual(again.json, made.json);
  });

  test('leaves no file that others may read, certificates aside', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    await start(t, directory, await freePort());
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      const isPublic = /\.(?:crt|pub)$/.test(entry.name);
      assert.equal(mode, entry.isDirectory() ? 0o700 : isPublic ? 0o644 : 0o600, entry.name);
    }
  });

  test('refuses a data directory in use, a busy port and an address that is none, by name', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    await start(t, directory, port);
    const second = up('--data-dir', directory, '--listen', `127.0.0.1:${await freePort()}`);
    assert.deepEqual([second.status, /is working there\n/.test(second.stderr)], [4, true], second.stderr);

    const busy = createServer();
    const taken = await freePort();
    await new Promise<void>((resolve) => busy.listen(taken, '127.0.0.1', resolve));
    t.after(() => busy.close());
    const other = up('--data-dir', join(directory, '../other'), '--listen', `127.0.0.1:${taken}`);
    assert.equal(other.status, 2, other.stderr);
    assert.match(other.stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${taken}: another program listens there\nhint: .*--listen`));

    for (const wrong of ['nonsense', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:70000', '[::1:6443', '203.0.113.7:6443']) {
      const refused = up('--data-dir', join(directory, '../other'), '--listen', wrong);
      assert.equal(refused.status, 2, `${wrong}: ${refused.stderr}`);
      assert.match(refused.stderr, /cannot listen on/, wrong);
    }
  });

  test('killed at any moment loses nothing it acknowledged, goes on with higher revisions, and lets watches resume or begin again', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    const path = '/api/v1/namespaces/default/configmaps';
    const rounds = runs(3, 200);
    const ballast = runs(100, 10_000);
    /** What each name is known to hold, undefined for nothing; and what was asked last without an answer. */
    const acknowledged = new Map<string, string | undefined>();
    const asked = new Map<string, string | undefined>();
    const startTimes: number[] = [];
    let [highest, told, writes, next] = [0, 0, 0, 0];
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      const { child, ended } = await start(t, directory, port);
      if (round > 0) startTimes.push(performance.now() - began);
      const peer = await peerOf(directory, port);
      if (round === 0) {
        let made = 0;
        const load = async (): Promise<void> => {
          while (made < ballast) {
            const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `b${made++}` }, data: { v: 'A'.repeat(3000) } };
            assert.equal((await peer.send('POST', '/api/v1/namespaces/default/secrets', { body })).status, 201);
          }
        };
        await Promise.all(Array.from({ length: 32 }, load));
      }
      const list = (await peer.send('GET', `${path}?labelSelector=crash`)).json;
      const stored = new Map<string, string>(
        list.items.map((item: { metadata: { name: string }; data: { v: string } }) => [item.metadata.name, item.data.v]),
      );
      // One writer alone writes each name, so a name holds what was acknowledged last or what was asked after that.
      for (const name of new Set([...acknowledged.keys(), ...asked.keys()])) {
        const possible = [acknowledged.get(name), ...(asked.has(name) ? [asked.get(name)] : [])];
        assert.ok(
          possible.includes(stored.get(name)),
          `${name} holds ${stored.get(name)} and not ${possible.join(' or ')} in round ${round}`,
        );
      }
      assert.ok([...stored.keys()].every((name) => acknowledged.has(name) || asked.has(name)));
      acknowledged.clear();
      asked.clear();
      for (const [name, value] of stored) acknowledged.set(name, value);
      const revision = Number(list.metadata.resourceVersion);
      assert.ok(revision >= highest && revision >= told, `${revision} after ${highest} acknowledged and ${told} told`);
      assert.ok(list.items.every((item: { metadata: { resourceVersion: string } }) => Number(item.metadata.resourceVersion) <= revision));

      // From the last event that was told before: on from there, or told to list again; never from elsewhere without a word.
      if (told > 0) {
        const resumed = await peer.watch(`${path}?watch=true&resourceVersion=${told}&labelSelector=crash&timeoutSeconds=1`);
        if (told < revision) assert.equal((await resumed.next())?.object.code, 410, `a watch from ${told}, now ${revision}`);
        else assert.equal(await resumed.next(), undefined);
        resumed.close();
      }
      const watch = await peer.watch(`${path}?watch=true&resourceVersion=${revision}&labelSelector=crash`);
      const following = (async () => {
        told = revision;
        for (let event = await watch.next(); event !== undefined; event = await watch.next()) {
          const at = Number(event.object.metadata.resourceVersion);
          assert.ok(at > told, `${at} was told after ${told}`);
          told = at;
        }
      })().catch((error: unknown) => {
        if (error instanceof assert.AssertionError) throw error;
      });

      let alive = true;
      const writer = async (number: number): Promise<void> => {
        for (let i = 0; alive; i++) {
          const value = String(++next);
          const name = `c${number}-${i % 3}`;
          const isThere = acknowledged.get(name) !== undefined;
          const isDeleting = isThere && i % 4 === 3;
          const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { crash: '' } }, data: { v: value } };
          asked.set(name, isDeleting ? undefined : value);
          try {
            const reply = isDeleting
              ? await peer.send('DELETE', `${path}/${name}`)
              : isThere
                ? await peer.send('PUT', `${path}/${name}`, { body })
                : await peer.send('POST', path, { body });
            assert.ok(reply.status < 300, reply.text);
            acknowledged.set(name, isDeleting ? undefined : value);
            asked.delete(name);
            writes++;
            if (!isDeleting) highest = Math.max(highest, Number(reply.json.metadata.resourceVersion));
          } catch (error) {
            if (error instanceof assert.AssertionError) throw error;
            return;
          }
        }
      };
      const writers = Array.from({ length: 32 }, (_, number) => writer(number));
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.floor(Math.random() * 250)));
      child.kill('SIGKILL');
      await ended;
      alive = false;
      await Promise.all(writers);
      await following;
      peer.close();
    }
    startTimes.sort((a, b) => a - b);
    const middle = startTimes[startTimes.length >> 1] ?? 0;
    t.diagnostic(`${rounds} kills, ${writes} acknowledged writes; ready again after ${middle.toFixed(0)} ms with ${ballast} objects`);
    assert.ok(writes > 10, String(writes));
    if (full) assert.ok(middle < 2000, `starting again takes ${middle} ms`);
  });
});

describe('kubectl of Debian trixie', needs('kubectl-1.32'), () => {
  test('does a round of its commands on the embedded server', async (t) => {
    const folder = temporaryDirectory(t);
    const directory = join(folder, 'data');
    await start(t, directory, await freePort());
    const kubectl = (...args: readonly string[]): string =>
      execFileSync(
        requireTool('kubectl-1.32'),
        ['--kubeconfig', join(directory, 'admin.kubeconfig'), '--cache-dir', join(folder, 'cache'), ...args],
        {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
    const file = join(folder, 'cm.yaml');
    const manifest = (value: string) =>
      writeFileSync(file, `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: applied\n  labels: {app: x}\ndata:\n  k: "${value}"\n`);
    manifest('1');
    assert.match(kubectl('version'), /Server Version: v1\.36/);
    assert.match(
      kubectl('api-resources'),
      /^certificatesigningrequests +csr +certificates\.k8s\.io\/v1 +false +CertificateSigningRequest$/m,
    );
    assert.equal(kubectl('create', 'namespace', 'team'), 'namespace/team created\n');
    assert.equal(kubectl('create', 'secret', 'generic', 's', '--from-literal=a=b', '-n', 'team'), 'secret/s created\n');
    assert.equal(kubectl('create', 'configmap', 'c', '--from-literal=a=b', '-n', 'team'), 'configmap/c created\n');
    assert.equal(kubectl('create', 'serviceaccount', 'bob', '-n', 'team'), 'serviceaccount/bob created\n');
    assert.match(kubectl('get', 'secrets', '-n', 'team'), /^NAME +TYPE +DATA +AGE\ns +Opaque +1 +\d+s\n$/);
    assert.equal(kubectl('apply', '-f', file), 'configmap/applied created\n');
    assert.equal(kubectl('apply', '-f', file), 'configmap/applied unchanged\n');
    manifest('2');
    assert.equal(
      spawnSync(requireTool('kubectl-1.32'), ['--kubeconfig', join(directory, 'admin.kubeconfig'), 'diff', '-f', file]).status,
      1,
    );
    assert.equal(kubectl('apply', '-f', file), 'configmap/applied configured\n');
    assert.equal(kubectl('get', 'configmap', 'applied', '-o', 'jsonpath={.data.k}'), '2');
    assert.equal(kubectl('patch', 'configmap', 'applied', '-p', '{"data":{"p":"q"}}'), 'configmap/applied patched\n');
    assert.equal(kubectl('label', 'configmap', 'applied', 'app-'), 'configmap/applied unlabeled\n');
    assert.equal(kubectl('annotate', 'configmap', 'applied', 'note=1'), 'configmap/applied annotated\n');
    assert.match(kubectl('describe', 'configmap', 'applied'), /^Annotations: +note: 1$/m);
    assert.match(kubectl('explain', 'configmap.data'), /FIELD: data <map\[string\]string>/);
    assert.equal(
      kubectl('wait', '--for=jsonpath={.status.phase}=Active', 'namespace/team', '--timeout=10s'),
      'namespace/team condition met\n',
    );
    assert.equal(kubectl('delete', 'configmap', 'applied'), 'configmap "applied" deleted\n');
    assert.equal(kubectl('delete', 'namespace', 'team'), 'namespace "team" deleted\n');
  });
});
