// The embedded server under clients that mean it ill, or too well: every bound of the transport, each tried by somebody who passes it while
// somebody else has to be served.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type TransportLimits, transportLimits } from '../../src/apiserver/https-transport.ts';
import type { ApiPeer, Reply } from '../../src/testing/api-peer.ts';
import { type EmbeddedTestServer, startEmbedded } from '../../src/testing/api-servers.ts';

const host = '127.0.0.1';
const configMaps = '/api/v1/namespaces/default/configmaps';
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const started = async (t: TestContext, limits: Partial<TransportLimits> = {}): Promise<EmbeddedTestServer> => {
  const server = await startEmbedded(limits);
  t.after(() => server.stop());
  return server;
};

/** A user who may do everything, by RBAC and not as a member of system:masters. */
const userOf = async ({ peer }: EmbeddedTestServer, name: string): Promise<ApiPeer> => {
  const rbac = 'rbac.authorization.k8s.io';
  const body = {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: rbac, kind: 'User', name }],
  };
  const made = await peer.send('POST', `/apis/${rbac}/v1/clusterrolebindings`, { body });
  assert.equal(made.status, 201, made.text);
  return peer.as({ name, groups: [] });
};

const configMap = (name: string, value = '1') => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } });

/** A connection on which anything may be written, as nobody; what comes back is kept. */
type Raw = { readonly socket: TLSSocket; readonly received: () => string; readonly closed: Promise<void>; readonly open: Promise<void> };
const raw = ({ port }: EmbeddedTestServer): Raw => {
  const socket = connectTls({ host, port, rejectUnauthorized: false });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  return {
    socket,
    received: () => received,
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
    open: new Promise((resolve) => socket.once('secureConnect', resolve)),
  };
};

const within = async <Value>(what: string, promise: Promise<Value>, ms = 8000): Promise<Value> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

const eventually = async (what: string, ask: () => boolean): Promise<void> => {
  const until = Date.now() + 10_000;
  while (!ask()) {
    if (Date.now() > until) assert.fail(`${what}: it did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

const serves = async (peer: ApiPeer): Promise<void> => {
  const reply = await within('somebody else is served', peer.send('GET', '/api/v1/namespaces/default'));
  assert.equal(reply.status, 200, reply.text);
};

/** Requests of a user that take a place each, for their bodies never end. */
const holdOpen = async (server: EmbeddedTestServer, user: ApiPeer, count: number): Promise<() => void> => {
  const held = Array.from({ length: count }, () =>
    user.send('POST', configMaps, { body: '{', headers: { 'content-length': '1000' } }).catch(() => undefined),
  );
  await serves(server.peer);
  await new Promise((resolve) => setTimeout(resolve, 200));
  return () => void held;
};

describe('the embedded server bounds', () => {
  test('request line and headers, in bytes and in number', async (t) => {
    const server = await started(t);
    for (const request of [
      `GET /${'x'.repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET /version HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
      `GET /version HTTP/1.1\r\nHost: a\r\n${Array.from({ length: 20_000 }, (_, i) => `x${i}: y\r\n`).join('')}\r\n`,
    ]) {
      const { socket, received, closed, open } = raw(server);
      await open;
      socket.write(request);
      await within('it is closed', closed);
      // Whoever goes on writing may find the connection gone before the answer is read.
      assert.match(received(), /^(?:HTTP\/1\.1 431 |$)/);
    }
    const { socket, received } = raw(server);
    const headers = Array.from({ length: transportLimits.headers + 1 }, (_, i) => `x${i}: y\r\n`).join('');
    socket.write(`GET /version HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
    await eventually('it is answered', () => received().includes('"code":400'));
    assert.match(received(), /^HTTP\/1\.1 400 [\s\S]*"the request has more than 500 headers","reason":"BadRequest"/);
    socket.destroy();
    await serves(server.peer);
  });

  test('the body, whether its length is told or not', async (t) => {
    const server = await started(t);
    const large = Buffer.alloc(transportLimits.bodyBytes + 1, ' ');
    for (const headers of [{ 'content-length': String(large.length) }, { 'transfer-encoding': 'chunked' }] as const) {
      const reply = await server.peer.send('POST', configMaps, { body: large, headers });
      assert.deepEqual([reply.status, reply.json.reason], [413, 'RequestEntityTooLarge']);
      assert.equal(reply.json.message, 'Request entity too large: limit is 3145728');
    }
    const deep = `{"apiVersion":"v1","kind":"ConfigMap","metadata":${'{"a":'.repeat(400_000)}1${'}'.repeat(400_000)}}`;
    assert.equal((await server.peer.send('POST', configMaps, { body: deep })).status, 400);
    await serves(server.peer);
  });

  test('how long headers, body and handshake may take', async (t) => {
    const server = await started(t, { headersMs: 400, requestMs: 800, handshakeMs: 400 });
    const slow = raw(server);
    await slow.open;
    slow.socket.write('GET /version HTTP/1.1\r\n');
    const drip = setInterval(() => slow.socket.writable && slow.socket.write('x: y\r\n'), 50);
    await within('slow headers are cut off', slow.closed);
    clearInterval(drip);

    const user = await userOf(server, 'slow');
    const body = user.send('POST', configMaps, { body: '{', headers: { 'content-length': '1000' } });
    const outcome = await within(
      'a slow body is cut off',
      body.then(
        ({ status }) => status,
        () => 0,
      ),
    );
    assert.ok(outcome === 0 || outcome === 408 || outcome === 400, String(outcome));

    const silent = connectTcp(server.port, host);
    silent.on('error', () => undefined);
    await within('a handshake that does not come is cut off', new Promise((resolve) => silent.once('close', resolve)));
    await serves(server.peer);
  });

  test('connections', async (t) => {
    const server = await started(t, { connections: 4 });
    await serves(server.peer);
    const held = [raw(server), raw(server), raw(server)];
    await Promise.all(held.map(({ open }) => open));
    const refused = raw(server);
    await within('one too many is closed', refused.closed);
    await serves(server.peer);
    held[0]?.socket.destroy();
    await held[0]?.closed;
    let again = raw(server);
    await eventually('there is room again', () => {
      if (again.socket.closed) again = raw(server);
      return (
        again.socket.authorizationError !== undefined &&
        again.socket.encrypted &&
        !again.socket.connecting &&
        again.socket.getProtocol() !== null
      );
    });
    for (const { socket } of [...held, again]) socket.destroy();
  });

  test('how long an answer may be left lying', async (t) => {
    const server = await started(t, { stuckMs: 500 });
    for (let i = 0; i < 20; i++) await server.peer.send('POST', configMaps, { body: configMap(`big-${i}`, 'x'.repeat(900_000)) });
    const stuck = await server.peer.hang('GET', configMaps);
    await serves(server.peer);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const taken = await within('it is cut off', stuck.rest());
    assert.ok(taken < 18_000_000, `${taken} bytes were taken`);
  });

  test('nothing that a client does when it hangs up is a bug of ours', async (t) => {
    const server = await started(t);
    const user = await userOf(server, 'rude');
    for (let i = 0; i < 5; i++) {
      const hung = await user.hang('POST', configMaps, { body: '{', headers: { 'content-length': '1000' } }, 'before the answer');
      await new Promise((resolve) => setTimeout(resolve, 30));
      hung.close();
      const watch = await user.watch(`${configMaps}?watch=true`);
      watch.close();
    }
    for (const text of [
      '\0\0\0\0',
      'GET\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ]) {
      const { socket, closed, open } = raw(server);
      await open;
      socket.write(text);
      await within('nonsense is cut off', closed);
    }
    await serves(server.peer);
  });

  test('what one connection asks at once', async (t) => {
    const server = await started(t);
    const some = raw(server);
    await some.open;
    some.socket.write('GET /api HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(300));
    await eventually('all are answered', () => (some.received().match(/HTTP\/1\.1 403 /g) ?? []).length === 300);
    some.socket.destroy();
    const many = raw(server);
    await many.open;
    many.socket.write('GET /api HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50_000));
    await serves(server.peer);
    many.socket.destroy();
    await serves(server.peer);
  });
});

describe('the embedded server under overload', () => {
  const share = { atOnce: 4, atOncePerUser: 3, waiting: 10, waitingPerUser: 2, turnMs: 20 };

  test('lets who asks too much wait and then come again later, and serves all others', async (t) => {
    const server = await started(t, { share });
    const greedy = await userOf(server, 'greedy');
    const modest = await userOf(server, 'modest');
    const release = await holdOpen(server, greedy, share.atOncePerUser);
    const waiting = [greedy.send('GET', configMaps), greedy.send('GET', configMaps)];
    await new Promise((resolve) => setTimeout(resolve, 200));
    const refused = await within('one too many is answered at once', greedy.send('GET', configMaps));
    assert.equal(refused.status, 429, refused.text);
    assert.equal(refused.headers['retry-after'], '1');
    assert.deepEqual(refused.json, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Too many requests, please try again later.',
      reason: 'TooManyRequests',
      details: { retryAfterSeconds: 1 },
      code: 429,
    });
    await serves(modest);
    await serves(server.peer);
    const nobody = await server.peer.as(undefined);
    assert.equal((await within('health is told', nobody.send('GET', '/readyz'))).text, 'ok');
    release();
    greedy.close();
    const served = await Promise.allSettled(waiting);
    assert.equal(served.length, 2);
    const after = await userOf(server, 'after');
    for (let i = 0; i < 20; i++) await serves(after);
  });

  test('gives the places of those who hung up to others', async (t) => {
    const server = await started(t, { share });
    const greedy = await userOf(server, 'greedy');
    for (let round = 0; round < 5; round++) {
      const again = await greedy.as({ name: 'greedy', groups: [] });
      await holdOpen(server, again, share.atOncePerUser);
      again.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    await serves(greedy);
  });

  test('bounds watches of one user and of all, and not those of system:masters', async (t) => {
    const server = await started(t, { watches: 3, watchesPerUser: 2 });
    const [a, b] = [await userOf(server, 'a'), await userOf(server, 'b')];
    const path = `${configMaps}?watch=true`;
    const first = await a.watch(path);
    const open = [first, await a.watch(path), await b.watch(path)];
    assert.deepEqual(
      open.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.equal((await a.send('GET', path)).status, 429);
    assert.equal((await b.send('GET', path)).status, 429);
    const master = await server.peer.watch(path);
    assert.equal(master.status, 200);
    master.close();
    first.close();
    let again = await b.watch(path);
    for (let i = 0; i < 50 && again.status !== 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      again = await b.watch(path);
    }
    assert.equal(again.status, 200);
    for (const watch of [...open, again]) watch.close();
  });

  test('says on every answer that it shares by itself', async (t) => {
    const server = await started(t);
    const user = await userOf(server, 'user');
    const nobody = await server.peer.as(undefined);
    const replies: readonly Reply[] = [
      await user.send('GET', configMaps),
      await user.send('GET', `${configMaps}/none`),
      await user.send('POST', configMaps, { body: '{' }),
      await nobody.send('GET', configMaps),
      await nobody.send('GET', '/healthz'),
      await nobody.send('GET', '/version', { headers: { authorization: 'Bearer wrong' } }),
      await server.peer.send('GET', '/nowhere'),
      await user.send('GET', `${configMaps}?watch=true&timeoutSeconds=1`),
    ];
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 404, 400, 403, 200, 401, 404, 200],
    );
    for (const { headers, status } of replies)
      for (const name of ['x-kubernetes-pf-flowschema-uid', 'x-kubernetes-pf-prioritylevel-uid'])
        assert.match(String(headers[name]), uuid, `${name} of ${status}`);
  });
});

describe('a watcher of the embedded server', () => {
  test('that reads nothing is cut off and harms no other', async (t) => {
    const server = await started(t);
    const slow = await server.peer.hang('GET', `${configMaps}?watch=true&resourceVersion=0`);
    const quick = await server.peer.watch(`${configMaps}?watch=true&resourceVersion=0&labelSelector=mine`);
    const value = randomBytes(300_000).toString('base64');
    const count = 80;
    for (let i = 0; i < count; i++) {
      const body = { ...configMap(`w${i}`, value), metadata: { name: `w${i}`, labels: { mine: '' } } };
      assert.equal((await server.peer.send('POST', configMaps, { body })).status, 201);
    }
    for (let i = 0; i < count; i++) assert.equal((await quick.next())?.object.metadata.name, `w${i}`);
    quick.close();
    const taken = await within('it is cut off', slow.rest());
    assert.ok(taken < 30_000_000, `${taken} bytes were taken`);
  });

  test('is given a state larger than may wait, however slowly it reads, and what happened meanwhile after it', async (t) => {
    const server = await started(t);
    const value = randomBytes(300_000).toString('base64');
    const count = 60;
    for (let i = 0; i < count; i++)
      assert.equal((await server.peer.send('POST', configMaps, { body: configMap(`s${i}`, value) })).status, 201);
    const path = `${configMaps}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
    const slow = await server.peer.hang('GET', path);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await server.peer.send('POST', configMaps, { body: configMap('z-later') })).status, 201);
    const lines = (await within('it is all there', slow.readUntil('z-later'), 20_000)).trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { type: string; object: { metadata: { name?: string } } });
    const own = events.filter(({ object }) => object.metadata.name !== 'kube-root-ca.crt');
    assert.deepEqual(
      own.map(({ type }) => type),
      [...Array.from({ length: count }, () => 'ADDED'), 'BOOKMARK', 'ADDED'],
    );
    assert.equal(own.at(-1)?.object.metadata.name, 'z-later');
    slow.close();
  });
});
