// `certwright up` as a process: what a person types, what a second start and a signal do, and what is left after kill -9.

import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { freePort } from '../../src/testing/api-servers.ts';
import { full, runs } from '../../src/testing/runs.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { runUp, startUp, upPeer } from '../../src/testing/up-process.ts';

describe('certwright up', () => {
  test('prints what to type, keeps what it is told, and ends in order on SIGTERM', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    const first = await startUp(t, directory, port);
    assert.match(first.printed(), new RegExp(`Listening on https://127\\.0\\.0\\.1:${port}\\n`));
    const peer = await upPeer(directory, port);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' }, data: { a: '1' } };
    const made = await peer.send('POST', '/api/v1/namespaces/default/configmaps', { body });
    assert.equal(made.status, 201, made.text);
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);

    await startUp(t, directory, port);
    const again = await (await upPeer(directory, port)).send('GET', '/api/v1/namespaces/default/configmaps/kept');
    assert.deepEqual(again.json, made.json);
  });

  test('leaves no file that others may read, certificates aside', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    await startUp(t, directory, await freePort());
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
    await startUp(t, directory, port);
    const second = runUp('--data-dir', directory, '--listen', `127.0.0.1:${await freePort()}`);
    assert.deepEqual([second.status, /is working there\nhint: .*--data-dir/.test(second.stderr)], [4, true], second.stderr);

    const busy = createServer();
    const taken = await freePort();
    await new Promise<void>((resolve) => busy.listen(taken, '127.0.0.1', resolve));
    t.after(() => busy.close());
    const other = runUp('--data-dir', join(directory, '../other'), '--listen', `127.0.0.1:${taken}`);
    assert.equal(other.status, 2, other.stderr);
    assert.match(other.stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${taken}: another program listens there\nhint: .*--listen`));

    for (const wrong of ['nonsense', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:70000', '[::1:6443', '203.0.113.7:6443']) {
      const refused = runUp('--data-dir', join(directory, '../other'), '--listen', wrong);
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
      const { child, ended } = await startUp(t, directory, port);
      if (round > 0) startTimes.push(performance.now() - began);
      const peer = await upPeer(directory, port);
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
