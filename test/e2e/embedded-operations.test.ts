// `certwright up` over the years: certificates that renew while it runs, signals, names, full disks, sealed Secrets, what extensions read.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { backUp } from '../../src/apiserver/back-up.ts';
import { restore } from '../../src/apiserver/restore.ts';
import { startServer } from '../../src/apiserver/start-server.ts';
import { openStoreFile } from '../../src/apiserver/store-file.ts';
import { CodedError } from '../../src/base/coded-error.ts';
import { lockDirectory } from '../../src/base/directory-lock.ts';
import { parseKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { certificatePem } from '../../src/pki/x509-certificate.ts';
import { type ApiPeer, apiPeer } from '../../src/testing/api-peer.ts';
import { freePort } from '../../src/testing/api-servers.ts';
import { randomOctets } from '../../src/testing/authority-files.ts';
import { runCli } from '../../src/testing/cli-run.ts';
import { runs } from '../../src/testing/runs.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { runUp, startUp, upPeer } from '../../src/testing/up-process.ts';

const day = 86_400_000;
const configMaps = '/api/v1/namespaces/default/configmaps';
const make = (peer: ApiPeer, name: string, value = '') =>
  peer.send('POST', configMaps, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } } });

const until = async (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 200; i++) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`${what} did not come`);
};

/** The certificate a server shows to a new connection. */
const shown = (port: number): Promise<X509Certificate> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate === undefined) reject(new Error('no certificate'));
      else resolve(certificate);
    });
    socket.on('error', reject);
  });

/** A server in this process whose clock the test sets. */
const clockServer = async (t: TestContext, start: Date, directory = join(temporaryDirectory(t), 'data')) => {
  let at = start;
  const port = await freePort();
  const notices: string[] = [];
  const bugs: unknown[] = [];
  const server = await startServer({
    dataDirectory: directory,
    host: '127.0.0.1',
    port,
    now: () => at,
    random: randomOctets,
    requestedBy: 'test',
    onBug: (error) => bugs.push(error),
    onNotice: (line) => notices.push(line),
    renewalCheckMs: 20,
  });
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (!isStopped) await server.stop();
    isStopped = true;
    assert.deepEqual(bugs, []);
  };
  t.after(stop);
  return {
    directory,
    port,
    notices,
    kubeconfigFile: server.kubeconfigFile,
    stop,
    setTime: (to: Date): void => {
      at = to;
    },
  };
};

/** One request with what a kubeconfig holds; the server's certificate is verified by it. */
const askWith = (kubeconfigFile: string, path: string): Promise<number> => {
  const { trust, chain, keyPem, server } = parseKubeconfig(readFileSync(kubeconfigFile), 'kubeconfig');
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      new URL(path, server),
      { agent: false, ca: trust.map(certificatePem), cert: chain.map(certificatePem).join(''), key: keyPem },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    request.on('error', reject).end();
  });
};

describe('the certificates of a running server', () => {
  test('renew before their last third, and open watches live on', async (t) => {
    const now = Date.now();
    const server = await clockServer(t, new Date(now - 240 * day));
    const files = readdirSync(join(server.directory, 'cluster'), { recursive: true }).sort();
    const [first, kubeconfig] = [await shown(server.port), readFileSync(server.kubeconfigFile, 'utf8')];
    const { trust, chain, keyPem } = parseKubeconfig(readFileSync(server.kubeconfigFile), 'kubeconfig');
    const [events, ends]: [string[], string[]] = [[], []];
    const watch = httpsRequest(
      {
        host: '127.0.0.1',
        port: server.port,
        path: `${configMaps}?watch=1`,
        ca: trust.map(certificatePem),
        cert: chain.map(certificatePem).join(''),
        key: keyPem,
      },
      (response) => {
        response.on('data', (chunk: Buffer) => events.push(chunk.toString()));
        response.on('end', () => ends.push('whole'));
        response.on('close', () => ends.push('closed'));
      },
    );
    watch.on('error', () => ends.push('error')).end();
    t.after(() => watch.destroy());
    await until('the first event', () => events.join('').includes('kube-root-ca.crt'));

    server.setTime(new Date(now - 240 * day + 200 * day));
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal((await shown(server.port)).serialNumber, first.serialNumber, 'not before it is due');

    server.setTime(new Date(now + 5 * day));
    await until('a new certificate', async () => (await shown(server.port)).serialNumber !== first.serialNumber);
    await until('a new kubeconfig', () => readFileSync(server.kubeconfigFile, 'utf8') !== kubeconfig);
    assert.equal(statSync(server.kubeconfigFile).mode & 0o777, 0o600);
    await until('the notice', () => server.notices.length > 0);
    assert.deepEqual(server.notices, [
      'renewed localhost/apiserver, localhost/front-proxy-client, localhost/admin.conf, localhost/super-admin.conf',
    ]);
    assert.deepEqual(readdirSync(join(server.directory, 'cluster'), { recursive: true }).sort(), files, 'no old key is left');
    // What the new certificate writes is seen by the watch that was opened with the old one.
    const renewed = parseKubeconfig(readFileSync(server.kubeconfigFile), 'kubeconfig');
    const made = await new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          host: '127.0.0.1',
          port: server.port,
          method: 'POST',
          path: configMaps,
          agent: false,
          // The clock of this side is not the server's.
          rejectUnauthorized: false,
          cert: renewed.chain.map(certificatePem).join(''),
          key: renewed.keyPem,
          headers: { 'content-type': 'application/json' },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      request.on('error', reject);
      request.end(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'after-renewal' } }));
    });
    assert.equal(made, 201);
    await until('the event', () => events.join('').includes('after-renewal'));
    assert.deepEqual(ends, []);
    await server.stop();
    await until('the end of the watch', () => ends.length > 1);
    assert.deepEqual(ends, ['whole', 'closed']);
  });

  test('that were due while it was stopped renew at the start, and the new ones serve', async (t) => {
    const now = Date.now();
    const server = await clockServer(t, new Date(now - 300 * day));
    const before = await shown(server.port);
    await server.stop();
    const again = await clockServer(t, new Date(), server.directory);
    assert.notEqual((await shown(again.port)).serialNumber, before.serialNumber);
    assert.equal(await askWith(again.kubeconfigFile, '/api/v1/namespaces'), 200);
    assert.deepEqual(again.notices, []);
  });

  test('a CA that ends is told a year ahead, once a week, and what is said to do about it works', async (t) => {
    const now = Date.now();
    const server = await clockServer(t, new Date(now - 3280 * day));
    assert.deepEqual(server.notices, []);
    server.setTime(new Date(now - 3280 * day + 3286 * day));
    await until('a warning', () => server.notices.some((line) => line.startsWith('warning: a CA of this server ends ')));
    const warned = () => server.notices.filter((line) => line.startsWith('warning')).length;
    const first = warned();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(warned(), first);
    assert.equal((await shown(server.port)).validToDate.getTime() < now + 6 * day + 366 * day, true);
    server.setTime(new Date(now + 14 * day));
    await until('the next', () => warned() > first);
    await server.stop();

    const cluster = join(server.directory, 'cluster');
    const tokenKey = readFileSync(join(cluster, 'pki/sa.key'), 'utf8');
    for (const entry of readdirSync(cluster, { recursive: true, withFileTypes: true }))
      if (entry.isFile() && !/^sa\.(?:key|pub)$/.test(entry.name)) rmSync(join(entry.parentPath, entry.name));
    rmSync(join(cluster, 'localhost'), { recursive: true });
    const again = await clockServer(t, new Date(), server.directory);
    assert.deepEqual(again.notices, []);
    assert.equal(await askWith(again.kubeconfigFile, '/api/v1/namespaces'), 200);
    assert.equal(readFileSync(join(cluster, 'pki/sa.key'), 'utf8'), tokenKey);
  });
});

describe('a clock that is wrong', () => {
  test('by decades, as that of a machine without a battery, makes no certificate', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const { exitCode, err } = await runCli(['up', '--data-dir', directory], { at: new Date('1970-01-01T00:01:00Z') });
    assert.match(err, /cannot start: the clock of this machine says 1970-01-01T00:01:00.000Z\nhint: set it/);
    assert.equal(exitCode, 4);
    assert.ok(!existsSync(directory));
  });

  test('or a CA that is over, is told with what to do about it', async (t) => {
    const server = await clockServer(t, new Date());
    await server.stop();
    await assert.rejects(clockServer(t, new Date(Date.now() + 3700 * day), server.directory), (error: unknown) => {
      assert.ok(error instanceof CodedError);
      assert.equal(error.code, 'CaInvalid');
      assert.match(error.message, /it is expired since/);
      assert.match(
        error.hint ?? '',
        /^where the clock of this machine is right: stop the server, back it up, remove everything in .*sa\.pub/,
      );
      return true;
    });
    await clockServer(t, new Date(), server.directory);
  });

  test('that jumps while it runs renews what is over at once', async (t) => {
    const now = Date.now();
    const server = await clockServer(t, new Date(now - 400 * day));
    const first = await shown(server.port);
    server.setTime(new Date());
    await until('a new certificate', async () => (await shown(server.port)).serialNumber !== first.serialNumber);
    await until('a kubeconfig that works', async () => (await askWith(server.kubeconfigFile, '/api/v1/namespaces')) === 200);
  });

  test('and a renewal that fails is told once and done as soon as it can be', async (t) => {
    const now = Date.now();
    const server = await clockServer(t, new Date(now - 300 * day));
    const first = await shown(server.port);
    const lock = lockDirectory(join(server.directory, 'cluster'));
    server.setTime(new Date());
    await until('the notice', () => server.notices.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal(server.notices.length, 1);
    assert.match(server.notices[0] ?? '', /^warning: certificates of this server cannot be renewed now: .*is working there$/);
    lock.release();
    await until('a new certificate', async () => (await shown(server.port)).serialNumber !== first.serialNumber);
  });
});

/** A request of which the body is still to be sent. */
const halfRequest = (directory: string, port: number, body: string) => {
  const { trust, chain, keyPem } = parseKubeconfig(readFileSync(join(directory, 'admin.kubeconfig')), 'kubeconfig');
  const request = httpsRequest({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: configMaps,
    ca: trust.map(certificatePem),
    cert: chain.map(certificatePem).join(''),
    key: keyPem,
    headers: { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) },
  });
  const status = new Promise<number | string>((resolve) => {
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', (error) => resolve(error.message));
  });
  request.write(body.slice(0, 5));
  return { finish: () => request.end(body.slice(5)), status };
};

describe('SIGTERM', () => {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' } });

  test('lets requests under way finish, ends watches, and takes no new connection', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    const { child, ended } = await startUp(t, directory, port);
    const peer = await upPeer(directory, port);
    const watch = await peer.watch(`${configMaps}?watch=1`);
    assert.equal((await watch.next())?.type, 'ADDED');
    const half = halfRequest(directory, port, body);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const began = Date.now();
    child.kill('SIGTERM');
    assert.equal(await watch.next(), undefined);
    await until('the refusal of connections', () =>
      shown(port).then(
        () => false,
        () => true,
      ),
    );
    half.finish();
    assert.equal(await half.status, 201);
    assert.equal(await ended, 0);
    assert.ok(Date.now() - began < 3000, `${Date.now() - began} ms`);
    await startUp(t, directory, port);
    assert.equal((await (await upPeer(directory, port)).send('GET', `${configMaps}/late`)).status, 200);
  });

  test('a second time ends it at once, and the next start takes over', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    const { child, ended, printed } = await startUp(t, directory, port);
    const half = halfRequest(directory, port, body);
    await new Promise((resolve) => setTimeout(resolve, 100));
    child.kill('SIGTERM');
    await until('the first signal', () => printed().includes('stopping'));
    const began = Date.now();
    child.kill('SIGTERM');
    assert.equal(await ended, null);
    assert.ok(Date.now() - began < 1000);
    assert.equal(typeof (await half.status), 'string');
    await startUp(t, directory, port);
  });
});

describe('names and addresses', () => {
  test('beyond loopback are in the serving certificate, and the person is warned', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    const { printed } = await startUp(t, directory, port, '--listen', `0.0.0.0:${port}`, '--name', 'box.example', '--name', '192.0.2.7');
    assert.match(printed(), /warning: 0\.0\.0\.0 can be reached from other machines, there as https:\/\/box\.example:\d+; who holds/);
    const certificate = await shown(port);
    assert.equal(certificate.checkHost('box.example'), 'box.example');
    assert.equal(certificate.checkIP('192.0.2.7'), '192.0.2.7');
    assert.equal(await askWith(join(directory, 'admin.kubeconfig'), '/api/v1/namespaces'), 200);
  });

  test('of this machine are taken by themselves', async (t) => {
    const own = Object.values(networkInterfaces())
      .flat()
      .find((found) => found?.family === 'IPv4' && !found.internal)?.address;
    if (own === undefined) return t.skip('this machine has no address but loopback');
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    const { printed } = await startUp(t, directory, port, '--listen', `${own}:${port}`);
    assert.ok(printed().includes(`warning: ${own} can be reached`), printed());
    assert.equal(await askWith(join(directory, 'admin.kubeconfig'), '/api/v1/namespaces'), 200);
  });

  test('are refused where none is named, and where one is no name', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    for (const [args, pattern] of [
      [['--listen', '0.0.0.0:6999'], /cannot listen on "0\.0\.0\.0:6999": it stands for every address.*\nhint: add --name/],
      [['--listen', '[::]:6999'], /it stands for every address/],
      [['--name', '0.0.0.0'], /cannot use --name "0\.0\.0\.0"/],
      [['--name', 'not a name'], /cannot use --name "not a name"/],
    ] as const) {
      const { status, stderr } = runUp('--data-dir', directory, ...args);
      assert.match(stderr, pattern);
      assert.equal(status, 2);
    }
    assert.ok(!existsSync(directory));
  });
});

describe('a full disk', { skip: process.getuid?.() !== 0 && 'it takes root to make a small file system' }, () => {
  test('refuses writes with a Status, goes on reading, loses nothing, and recovers', async (t) => {
    let mounted: string | undefined;
    // Before the directory goes: hooks run in the order in which they are given.
    t.after(() => mounted !== undefined && execFileSync('umount', ['-l', mounted]));
    const directory = join(temporaryDirectory(t), 'data');
    mkdirSync(directory, { mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=700', 'none', directory]);
    mounted = directory;
    const port = await freePort();
    const { child, ended, printed } = await startUp(t, directory, port);
    const peer = await upPeer(directory, port);
    const acknowledged: string[] = [];
    const filler = join(directory, 'filler');
    const { bavail, bsize } = statfsSync(directory);
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - 200_000)));
    let refusal: Awaited<ReturnType<typeof make>> | undefined;
    for (let i = 0; i < 200 && refusal === undefined; i++) {
      const reply = await make(peer, `c${i}`, 'x'.repeat(3000));
      if (reply.status === 201) acknowledged.push(`c${i}`);
      else refusal = reply;
    }
    assert.equal(refusal?.status, 500);
    assert.deepEqual([refusal?.json.kind, refusal?.json.reason], ['Status', 'InternalError']);
    assert.match(refusal?.json.message, /cannot write store .*full/);
    assert.equal((await make(peer, 'again', 'x'.repeat(30_000))).status, 500);
    assert.equal((await peer.send('GET', `${configMaps}/${acknowledged[0]}`)).status, 200);
    assert.match(printed(), /warning: cannot write store .*full.*; reads go on, writes are refused\n/);
    assert.equal(printed().split('warning: cannot write store').length, 2);
    assert.doesNotMatch(printed(), /bug:/);
    rmSync(filler);
    assert.equal((await make(peer, 'after')).status, 201);
    await until('the notice', () => printed().includes('the store can be written again'));
    child.kill('SIGKILL');
    await ended;
    await startUp(t, directory, port);
    const list = (await (await upPeer(directory, port)).send('GET', configMaps)).json;
    const names = new Set(list.items.map((item: { metadata: { name: string } }) => item.metadata.name));
    assert.ok(acknowledged.length > 5);
    for (const name of [...acknowledged, 'after']) assert.ok(names.has(name), name);
    assert.ok(!names.has('again'));
  });
});

describe('sealed Secrets', () => {
  const value = 'certainly-not-to-be-found-on-disk';
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', annotations: { copy: value } }, stringData: { k: value } };
  const encoded = Buffer.from(value).toString('base64');
  const found = (directory: string): readonly string[] =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => [value, encoded].some((text) => readFileSync(path).includes(text)));

  test('are in clear nowhere below the data directory or in backups, running or stopped, and need their key', async (t) => {
    const folder = temporaryDirectory(t);
    const [directory, keyFile, otherFile] = [join(folder, 'data'), join(folder, 'key'), join(folder, 'other')];
    writeFileSync(keyFile, randomOctets(32), { mode: 0o600 });
    writeFileSync(otherFile, `${Buffer.from(randomOctets(32)).toString('base64')}\n`, { mode: 0o600 });
    const port = await freePort();
    const secrets = '/api/v1/namespaces/default/secrets';
    const clear = await startUp(t, directory, port);
    assert.equal((await (await upPeer(directory, port)).send('POST', secrets, { body: secret })).status, 201);
    assert.ok(found(directory).length > 0);
    clear.child.kill('SIGTERM');
    await clear.ended;

    const sealed = await startUp(t, directory, port, '--encryption-key-file', keyFile);
    assert.deepEqual(found(directory), []);
    const peer = await upPeer(directory, port);
    assert.equal((await peer.send('GET', `${secrets}/s`)).json.data.k, encoded);
    for (let i = 0; i < 20; i++)
      assert.equal(
        (
          await peer.send('PATCH', `${secrets}/s`, {
            body: { metadata: { labels: { i: String(i) } } },
            contentType: 'application/merge-patch+json',
          })
        ).status,
        200,
      );
    assert.deepEqual(found(directory), []);
    await backUp({ directory, path: join(folder, 'backup'), at: new Date() });
    sealed.child.kill('SIGKILL');
    await sealed.ended;
    assert.deepEqual(found(folder), []);

    const refuse = (pattern: RegExp, ...args: readonly string[]): void => {
      const { status, stderr } = runUp('--data-dir', directory, '--listen', `127.0.0.1:${port}`, ...args);
      assert.match(stderr, pattern);
      assert.equal(status, 2);
    };
    refuse(/its Secrets are sealed, and no key was given\nhint: .*--encryption-key-file/);
    refuse(/sealed with another key than the one given\nhint: .*--previous-encryption-key-file/, '--encryption-key-file', otherFile);
    chmodSync(keyFile, 0o644);
    refuse(/its mode is 0644, expected 0600\nhint: close it: chmod 600/, '--encryption-key-file', keyFile);
    chmodSync(keyFile, 0o600);

    await restore({ path: join(folder, 'backup'), directory, overwrite: true, at: new Date() });
    const changed = await startUp(t, directory, port, '--encryption-key-file', otherFile, '--previous-encryption-key-file', keyFile);
    assert.equal((await (await upPeer(directory, port)).send('GET', `${secrets}/s`)).json.data.k, encoded);
    changed.child.kill('SIGTERM');
    await changed.ended;
    refuse(/sealed with another key than the one given/, '--encryption-key-file', keyFile);
    assert.deepEqual(found(folder), []);
  });
});

describe('sealing', () => {
  test('killed at any moment of the start is done by the next one, and loses nothing', async (t) => {
    const folder = temporaryDirectory(t);
    const keyFile = join(folder, 'key');
    writeFileSync(keyFile, randomOctets(32), { mode: 0o600 });
    for (let round = 0; round < runs(3, 60); round++) {
      const directory = join(folder, `data${round}`);
      mkdirSync(directory, { mode: 0o700 });
      const file = openStoreFile(join(directory, 'store.sqlite'));
      const value = Buffer.from('to be sealed soon'.repeat(20)).toString('base64');
      const row = (i: number) => {
        const metadata = { name: `s${i}`, namespace: 'default', uid: `u${i}`, resourceVersion: String(i + 2) };
        const json = JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, data: { k: value }, type: 'Opaque' });
        return {
          kind: 'put',
          row: { resource: '/secrets', namespace: 'default', name: `s${i}`, revision: i + 2, uid: `u${i}`, json },
        } as const;
      };
      file.commit(
        Array.from({ length: 2000 }, (_, i) => row(i)),
        2002,
      );
      file.close();
      const port = await freePort();
      const args = ['up', '--data-dir', directory, '--listen', `127.0.0.1:${port}`, '--encryption-key-file', keyFile];
      const child = spawn(join(import.meta.dirname, '../../certwright'), args, { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await new Promise((resolve) => setTimeout(resolve, 120 + Math.random() * 250));
      child.kill('SIGKILL');
      await ended;
      const again = await startUp(t, directory, port, '--encryption-key-file', keyFile);
      for (const name of readdirSync(directory).filter((found) => found.startsWith('store.sqlite')))
        assert.ok(!readFileSync(join(directory, name)).includes(value), `${name} in round ${round}`);
      const { items } = (await (await upPeer(directory, port)).send('GET', '/api/v1/namespaces/default/secrets')).json;
      assert.equal(items.filter(({ data }: { data: { k: string } }) => data.k === value).length, 2000);
      again.child.kill('SIGKILL');
      await again.ended;
    }
  });
});

describe('kube-system/extension-apiserver-authentication', () => {
  const path = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';

  test('says how clients are known, is put back, and is read by whom its role is bound to', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    await startUp(t, directory, port);
    const admin = await upPeer(directory, port);
    const pem = (name: string): string => readFileSync(join(directory, 'cluster/pki', name), 'utf8');
    const expected = {
      'client-ca-file': pem('ca.crt'),
      'requestheader-allowed-names': '["front-proxy-client"]',
      'requestheader-client-ca-file': pem('front-proxy-ca.crt'),
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-username-headers': '["X-Remote-User"]',
    };
    const dataNow = async (): Promise<Readonly<Record<string, string>>> => (await admin.send('GET', path)).json.data;
    assert.deepEqual(await dataNow(), expected);
    const scheduler = await apiPeer(
      'embedded',
      { host: '127.0.0.1', port, directory: join(directory, 'cluster') },
      {
        name: 'system:kube-scheduler',
        groups: [],
      },
    );
    assert.equal((await scheduler.send('GET', path)).status, 200);
    assert.equal((await scheduler.send('GET', '/api/v1/namespaces/kube-system/configmaps')).status, 403);
    const other = await admin.as({ name: 'someone', groups: [] });
    assert.equal((await other.send('GET', path)).status, 403);

    assert.equal((await admin.send('DELETE', path)).status, 200);
    await until('it again', async () => (await admin.send('GET', path)).status === 200);
    const patch = { data: { 'client-ca-file': 'forged', mine: 'kept' } };
    assert.equal((await admin.send('PATCH', path, { body: patch, contentType: 'application/merge-patch+json' })).status, 200);
    await until('the right data', async () => (await dataNow())['client-ca-file'] === expected['client-ca-file']);
    assert.deepEqual(await dataNow(), { ...expected, mine: 'kept' });
    const role = '/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/roles/extension-apiserver-authentication-reader';
    assert.equal((await admin.send('DELETE', role)).status, 200);
    await until('the role again', async () => (await admin.send('GET', role)).status === 200);
  });
});
