// Backups of a running server and what is restored from them: all that was acknowledged, revisions that nobody has seen, and refusals by name.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { ApiPeer } from '../../src/testing/api-peer.ts';
import { freePort } from '../../src/testing/api-servers.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { runUp, startUp, upPeer } from '../../src/testing/up-process.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const make = (peer: ApiPeer, name: string, value = '') =>
  peer.send('POST', configMaps, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } } });

const newServer = async (t: Pick<TestContext, 'after'>) => {
  const folder = temporaryDirectory(t);
  const directory = join(folder, 'data');
  const port = await freePort();
  const up = await startUp(t, directory, port);
  return { folder, directory, port, up, peer: await upPeer(directory, port) };
};

describe('certwright up backup and restore', () => {
  test('while writers write, a backup holds everything acknowledged before it, and nothing is half there', async (t) => {
    const { folder, directory, peer } = await newServer(t);
    const acknowledged: string[] = [];
    let isRunning = true;
    const writer = async (number: number): Promise<void> => {
      for (let i = 0; isRunning; i++) {
        const name = `w${number}-${i}`;
        assert.equal((await make(peer, name)).status, 201);
        acknowledged.push(name);
      }
    };
    const writers = [1, 2, 3, 4].map(writer);
    while (acknowledged.length < 20) await new Promise((resolve) => setTimeout(resolve, 10));
    const known = [...acknowledged];
    const backup = join(folder, 'backup');
    // In a thread of its own, so that the writers here go on.
    const child = spawn(join(import.meta.dirname, '../../certwright'), ['up', 'backup', '--data-dir', directory, backup]);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 0, said);
    const meanwhile = acknowledged.length;
    isRunning = false;
    await Promise.all(writers);
    assert.ok(meanwhile > known.length, `writes went on: ${known.length} then ${meanwhile}`);
    assert.match(said, /^wrote .*backup \(backup: \d+ objects at revision \d+, Secrets in clear; keys of the CAs\)\n$/);
    assert.equal(statSync(backup).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder).sort(), ['backup', 'data']);

    const other = join(folder, 'other');
    const restored = runUp('restore', backup, '--data-dir', other);
    assert.equal(restored.status, 0, restored.stderr);
    const port = await freePort();
    await startUp(t, other, port);
    const list = (await (await upPeer(other, port)).send('GET', configMaps)).json;
    const names = new Set(list.items.map((item: { metadata: { name: string } }) => item.metadata.name));
    for (const name of known) assert.ok(names.has(name), name);
    // Each writer's are there without a gap.
    for (const number of [1, 2, 3, 4]) {
      const own = [...names].filter((name) => String(name).startsWith(`w${number}-`));
      for (let i = 0; i < own.length; i++) assert.ok(names.has(`w${number}-${i}`), `w${number}-${i} of ${own.length}`);
    }
  });

  test('what clients hold goes on: kubeconfig, tokens, uids; watches and pages of before get 410, and no revision comes twice', async (t) => {
    const { folder, directory, port, up, peer } = await newServer(t);
    const kept = (await make(peer, 'kept', '1')).json;
    const backup = join(folder, 'backup');
    assert.equal(runUp('backup', '--data-dir', directory, backup).status, 0);
    const lost = (await make(peer, 'lost')).json;
    const page = (await peer.send('GET', `${configMaps}?limit=1`)).json.metadata.continue;
    const token = (
      await peer.send('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', {
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
      })
    ).json.status.token;
    up.child.kill('SIGKILL');
    await up.ended;
    const restored = runUp('restore', backup, '--data-dir', directory, '--overwrite');
    assert.equal(restored.status, 0, restored.stderr);
    const aside = /kept aside: (.*)\n/.exec(restored.stderr)?.[1] ?? '';
    assert.deepEqual(readdirSync(aside).includes('store.sqlite'), true);
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      assert.equal(mode, entry.isDirectory() ? 0o700 : /\.(?:crt|pub)$/.test(entry.name) ? 0o644 : 0o600, entry.name);
    }

    await startUp(t, directory, port);
    assert.deepEqual((await peer.send('GET', `${configMaps}/kept`)).json, kept);
    assert.equal((await peer.send('GET', `${configMaps}/lost`)).status, 404);
    const nobody = await peer.as(undefined);
    const asked = await nobody.send('GET', '/version', { headers: { authorization: `Bearer ${token}` } });
    assert.equal(asked.status, 200, asked.text);
    const watch = await peer.watch(`${configMaps}?watch=1&resourceVersion=${lost.metadata.resourceVersion}`);
    const event = await watch.next();
    assert.deepEqual([event?.type, event?.object.code], ['ERROR', 410]);
    watch.close();
    assert.equal((await peer.send('GET', `${configMaps}?limit=1&continue=${page}`)).status, 410);
    const next = (await make(peer, 'next')).json;
    assert.ok(Number(next.metadata.resourceVersion) > Number(lost.metadata.resourceVersion) + 1_000_000);
  });
});

describe('certwright up backup and restore refuse', () => {
  let folder: string;
  let directory: string;
  let backup: string;
  const ends: (() => unknown)[] = [];
  after(() => {
    for (const end of ends) end();
  });
  before(async () => {
    ({ folder, directory } = await newServer({ after: (end) => void ends.unshift(end as () => unknown) }));
    backup = join(folder, 'backup');
    assert.equal(runUp('backup', '--data-dir', directory, backup).status, 0);
  });
  const refused = (args: readonly string[], status: number, pattern: RegExp): void => {
    const { status: code, stderr } = runUp(...args);
    assert.match(stderr, pattern);
    assert.equal(code, status, stderr);
  };
  const into = (name: string): readonly string[] => ['--data-dir', join(folder, name)];
  /** A copy of the backup that somebody changed. */
  const changed = (name: string, change: (database: DatabaseSync) => void): string => {
    const path = join(folder, name);
    cpSync(backup, path);
    const database = new DatabaseSync(path);
    change(database);
    database.close();
    return path;
  };

  test('a file that is there, a place without a store, and standard output', () => {
    refused(['backup', backup, '--data-dir', directory], 2, /it exists\nhint: --overwrite/);
    const bytes = readFileSync(backup);
    assert.equal(runUp('backup', backup, '--overwrite', '--data-dir', directory).status, 0);
    assert.equal(readFileSync(backup).length, bytes.length);
    refused(['backup', join(folder, 'b'), ...into('none')], 2, /there is no store\nhint: .*--data-dir/);
    refused(['backup', '-', '--data-dir', directory], 2, /to standard output/);
    assert.ok(!existsSync(join(folder, 'none')));
  });

  test('to restore while a server runs there, and over what is there', () => {
    refused(['restore', backup, '--data-dir', directory, '--overwrite'], 4, /is working there/);
    mkdirSync(join(folder, 'occupied'));
    writeFileSync(join(folder, 'occupied/store.sqlite'), 'kept');
    refused(['restore', backup, ...into('occupied')], 2, /"store.sqlite" is there\nhint: .*--overwrite/);
    assert.equal(readFileSync(join(folder, 'occupied/store.sqlite'), 'utf8'), 'kept');
    assert.equal(runUp('restore', backup, ...into('occupied'), '--overwrite').status, 0);
  });

  test('what is no backup, is of a newer version, or is damaged anywhere, by name, and leave nothing behind', () => {
    const text = join(folder, 'text');
    writeFileSync(text, 'not a database\n'.repeat(100));
    const cut = join(folder, 'cut');
    cpSync(backup, cut);
    truncateSync(cut, Math.floor(statSync(cut).size / 2));
    const empty = join(folder, 'empty');
    writeFileSync(empty, '');
    const cases: readonly (readonly [string, RegExp])[] = [
      [text, /cannot restore .*text": it cannot be read: file is not a database/],
      [empty, /it is no backup of certwright up/],
      [cut, /cannot restore .*cut": (?:it is damaged|it cannot be read)/],
      [join(directory, 'store.sqlite'), /it is (?:a store and no backup|no backup of certwright up)/],
      [
        changed('newer', (database) => database.exec("UPDATE backup SET value = 2 WHERE name = 'version'")),
        /of version 2, and this version/,
      ],
      [changed('format', (database) => database.exec('PRAGMA user_version=77')), /its store is of format 77, and this version/],
      [
        changed('value', (database) =>
          database.exec("UPDATE object SET json = replace(json, 'default', 'defaulT') WHERE name = 'default'"),
        ),
        /its objects are not those/,
      ],
      [changed('row', (database) => database.exec("DELETE FROM object WHERE name = 'default'")), /its objects are not those/],
      [changed('revision', (database) => database.exec('UPDATE fact SET value = 3')), /its objects are not those/],
      [
        changed('key', (database) => database.exec("UPDATE file SET content = x'00' WHERE path = 'pki/ca.key'")),
        /damaged: its file "pki\/ca.key"/,
      ],
      [changed('view', (database) => database.exec('CREATE VIEW v AS SELECT 1')), /it holds "v", which no backup does/],
    ];
    for (const [path, pattern] of cases) {
      refused(['restore', path, ...into('fresh')], 2, pattern);
      assert.deepEqual(readdirSync(join(folder, 'fresh')), [], path);
    }
    refused(['restore', join(folder, 'nothing'), ...into('fresh')], 2, /it does not exist/);
  });

  test('paths that lead out of the directory', () => {
    for (const [i, path] of ['../../evil', '/etc/evil', 'pki/../../evil', '.hidden', 'a\\b', ''].entries()) {
      const evil = changed(`path${i}`, (database) => database.prepare("UPDATE file SET path = ? WHERE path = 'pki/ca.crt'").run(path));
      refused(['restore', evil, ...into('fresh')], 2, /cannot use/);
      assert.deepEqual(readdirSync(join(folder, 'fresh')), [], path);
    }
    assert.ok(!existsSync(join(folder, 'evil')));
  });

  test('to start where a restore was cut short, until it is done again', async (t) => {
    const half = join(folder, 'half');
    mkdirSync(join(half, 'restored'), { recursive: true });
    refused(
      ['--data-dir', half, '--listen', `127.0.0.1:${await freePort()}`],
      2,
      /a restore was cut short there\nhint: .*restore FILE --overwrite/,
    );
    assert.equal(runUp('restore', backup, '--data-dir', half, '--overwrite').status, 0);
    await startUp(t, half, await freePort());
  });

  test('to follow a link to a place elsewhere', () => {
    const linked = join(folder, 'linked');
    mkdirSync(linked);
    symlinkSync(join(folder, 'data'), join(linked, 'restoring'));
    assert.equal(runUp('restore', backup, '--data-dir', linked).status, 0);
    assert.ok(existsSync(join(directory, 'store.sqlite')));
  });
});
