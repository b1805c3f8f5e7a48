// `certwright up` as a process: what a person types, what a second start and a signal do, and what is left after kill -9.

import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { freePort } from '../../src/testing/api-servers.ts';
import { runs } from '../../src/testing/runs.ts';
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

  test('killed at any moment loses nothing it acknowledged, and goes on with higher revisions', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    const acknowledged = new Map<string, string>();
    let highest = 0;
    let next = 0;
    for (let round = 0; round < runs(3, 200); round++) {
      const { child, ended } = await startUp(t, directory, port);
      const peer = await upPeer(directory, port);
      const list = (await peer.send('GET', '/api/v1/namespaces/default/configmaps?labelSelector=crash')).json;
      const stored = new Map<string, string>(
        list.items.map((item: { metadata: { name: string }; data: { v: string } }) => [item.metadata.name, item.data.v]),
      );
      // What was in flight may have been stored without an answer, so a later value is right too; an earlier one is a loss.
      for (const [name, value] of acknowledged) assert.ok(Number(stored.get(name)) >= Number(value), `${name} in round ${round}`);
      assert.ok(Number(list.metadata.resourceVersion) >= highest, `${list.metadata.resourceVersion} after ${highest}`);
      let alive = true;
      // Each has names of its own, so that the values of one name go up.
      const writer = async (number: number): Promise<void> => {
        while (alive) {
          const value = String(++next);
          const name = `c${number}-${next % 5}`;
          const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { crash: '' } }, data: { v: value } };
          try {
            const isKnown = acknowledged.has(name) || stored.has(name);
            const reply = isKnown
              ? await peer.send('PUT', `/api/v1/namespaces/default/configmaps/${name}`, { body })
              : await peer.send('POST', '/api/v1/namespaces/default/configmaps', { body });
            if (reply.status < 300) {
              acknowledged.set(name, value);
              highest = Math.max(highest, Number(reply.json.metadata.resourceVersion));
            } else if (reply.status === 409) stored.set(name, '');
          } catch {
            alive = false;
          }
        }
      };
      const writers = Array.from({ length: 16 }, (_, number) => writer(number));
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.floor(Math.random() * 250)));
      child.kill('SIGKILL');
      await ended;
      alive = false;
      await Promise.all(writers);
    }
    assert.ok(acknowledged.size > 10, String(acknowledged.size));
  });
});
