// The client side on the embedded server and on a real one, and what it makes of servers that mean it harm.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { configMapKind } from '../../src/api/kinds/config-map.ts';
import { provideServerPki } from '../../src/apiserver/server-pki.ts';
import { type CodedError, isCodedError } from '../../src/base/coded-error.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { type ConnectedClient, connectKube } from '../../src/kube/connect.ts';
import { freePort, startEmbedded, startReal, type TestServer } from '../../src/testing/api-servers.ts';
import { randomOctets } from '../../src/testing/authority-files.ts';
import { startHttpsPeer } from '../../src/testing/https-peer.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { needs } from '../../src/testing/tools.ts';
import { kubeClientContract } from './kube-client.contract.ts';

const onServer = (start: () => Promise<TestServer>): void => {
  let server: TestServer | undefined;
  before(async () => {
    server = await start();
  });
  after(() => server?.stop());
  kubeClientContract(() => server);
};

describe('the client on the embedded server', () => onServer(startEmbedded));
describe('the client on a real kube-apiserver', needs('etcd', 'kube-apiserver', 'kube-controller-manager'), () => onServer(startReal));

const host = '127.0.0.1';
const token = 'the-token-that-nobody-may-see';

type Hostile = { readonly client: ConnectedClient; readonly asked: string[] };

/** A client of a server that answers as it likes. */
const against = async (
  t: TestContext,
  handler: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  more: { readonly serverName?: string; readonly ca?: string; readonly silenceMs?: number } = {},
): Promise<Hostile> => {
  const directory = join(temporaryDirectory(t), 'cluster');
  const port = await freePort();
  const pki = await provideServerPki({ directory, host, port, at: new Date(), random: randomOctets, requestedBy: 'test' });
  const asked: string[] = [];
  const pair = { certificate: pki.servingChain, key: pki.servingKey };
  const peer = await startHttpsPeer({ host, port }, pair, pki.clientCa, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    handler(request, response, asked.length);
  });
  t.after(() => peer.close());
  const { serverName, ca = readFileSync(join(directory, 'pki/ca.crt'), 'utf8'), silenceMs = 2000 } = more;
  const client = connectKube(
    {
      server: `https://${host}:${port}`,
      ca,
      ...(serverName === undefined ? {} : { serverName }),
      credentials: () => Promise.resolve({ token }),
    },
    { clock: systemClock, random: () => 0, userAgent: 'test/1', silenceMs },
  );
  t.after(() => client.close());
  return { client, asked };
};

const json = (response: ServerResponse, status: number, body: unknown, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};

const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'n', resourceVersion: '1', uid: 'u' } };
const failure = async (work: Promise<unknown>): Promise<CodedError> => {
  try {
    await work;
  } catch (error) {
    assert.ok(isCodedError(error), String(error));
    assert.ok(!JSON.stringify([error.message, error.hint, error.details]).includes(token));
    return error;
  }
  return assert.fail('it succeeded');
};
const get = ({ client }: Hostile) => client.get(configMapKind, 'n', 'c');

describe('the client and a server that means harm', () => {
  test('waits as long as it is told and asks again, for a while', async (t) => {
    const busy = { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'slow down' };
    const patient = await against(t, (_, response, count) =>
      count < 3 ? json(response, 429, busy, { 'retry-after': '0' }) : json(response, 200, object),
    );
    assert.equal((await get(patient)).metadata.name, 'c');
    assert.equal(patient.asked.length, 3);
    const endless = await against(t, (_, response) => json(response, 429, busy, { 'retry-after': '0' }));
    assert.equal((await failure(get(endless))).code, 'TooManyRequests');
    assert.equal(endless.asked.length, 5);
    const far = await against(t, (_, response) => json(response, 503, 'gone for lunch', { 'retry-after': '3600' }));
    const error = await failure(get(far));
    assert.deepEqual([error.code, error.details?.['retryAfterSeconds'], far.asked.length], ['ServiceUnavailable', 3600, 1]);
  });

  test('follows nobody elsewhere, least of all with its token', async (t) => {
    const elsewhere = await against(t, (_, response) => json(response, 200, object));
    const port = await freePort();
    const hostile = await against(t, (_, response) => json(response, 302, '', { location: `https://${host}:${port}/api/v1/steal` }));
    const { code } = await failure(get(hostile));
    assert.equal(code, 'ServerAnswerInvalid');
    assert.deepEqual([hostile.asked.length, elsewhere.asked.length], [1, 0]);
  });

  test('takes nothing for an object that is none', async (t) => {
    for (const body of ['', '{', '[]', 'null', '"x"', '{"metadata":{}}', '{"metadata":[]}', '<html>login</html>']) {
      const hostile = await against(t, (_, response) => json(response, 200, body));
      const { code } = await failure(get(hostile));
      assert.equal(code, 'ServerAnswerInvalid', body);
    }
    for (const body of [
      '{"items":[]}',
      '{"items":{},"metadata":{"resourceVersion":"1"}}',
      '{"items":[1],"metadata":{"resourceVersion":"1"}}',
    ]) {
      const hostile = await against(t, (_, response) => json(response, 200, body));
      assert.equal((await failure(hostile.client.list(configMapKind))).code, 'ServerAnswerInvalid', body);
    }
  });

  test('reads no list that goes round in circles', async (t) => {
    const list = { metadata: { resourceVersion: '1', continue: 'again' }, items: [] };
    const hostile = await against(t, (_, response) => json(response, 200, list));
    assert.equal((await failure(hostile.client.list(configMapKind))).code, 'ServerAnswerInvalid');
    assert.equal(hostile.asked.length, 2);
  });

  test('begins a list again that expired on the way, and takes it whole in the end', async (t) => {
    const expired = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
    const page = { metadata: { resourceVersion: '1', continue: 'next' }, items: [object] };
    const { client, asked } = await against(t, (request, response) => {
      if (request.url?.includes('continue=') === true) json(response, 410, expired);
      else if (request.url?.includes('limit=') === true) json(response, 200, page);
      else
        json(response, 200, {
          metadata: { resourceVersion: '2' },
          items: [object, { ...object, metadata: { ...object.metadata, name: 'd' } }],
        });
    });
    assert.equal((await client.list(configMapKind)).items.length, 2);
    assert.equal(asked.length, 5);
  });

  test('does not wait for one that is silent, nor for one that goes away', async (t) => {
    const silent = await against(t, () => undefined, { silenceMs: 300 });
    assert.equal((await failure(get(silent))).code, 'Timeout');
    const half = await against(
      t,
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"metadata":');
      },
      { silenceMs: 300 },
    );
    assert.equal((await failure(get(half))).code, 'Timeout');
    const rude = await against(t, (request) => request.socket.destroy());
    assert.equal((await failure(get(rude))).code, 'ServerUnreachable');
    const nobody = connectKube(
      { server: `https://${host}:${await freePort()}`, credentials: () => Promise.resolve({ token }) },
      { clock: systemClock, random: () => 0, userAgent: 'test/1' },
    );
    t.after(() => nobody.close());
    assert.equal((await failure(nobody.get(configMapKind, 'n', 'c'))).code, 'ServerUnreachable');
  });

  test('speaks to no server that is another, and to none without TLS', async (t) => {
    const misnamed = await against(t, (_, response) => json(response, 200, object), { serverName: 'another.example' });
    assert.equal((await failure(get(misnamed))).code, 'ServerUntrusted');
    const other = await provideServerPki({
      directory: join(temporaryDirectory(t), 'other'),
      host,
      port: 1,
      at: new Date(),
      random: randomOctets,
      requestedBy: 'test',
    });
    const foreign = await against(t, (_, response) => json(response, 200, object), { ca: other.clientCa });
    assert.equal((await failure(get(foreign))).code, 'ServerUntrusted');
    assert.deepEqual([...misnamed.asked, ...foreign.asked], []);
    for (const server of ['http://127.0.0.1:1', 'https://me:secret@127.0.0.1:1', 'nonsense'])
      assert.throws(
        () => connectKube({ server, credentials: () => Promise.resolve({}) }, { clock: systemClock, random: () => 0, userAgent: 'x' }),
        (error) => isCodedError(error) && error.code === 'BadRequest' && !error.message.includes('secret'),
      );
  });

  test('shows of a failure what the server says, made visible, and no more', async (t) => {
    const hostile = await against(t, (_, response) =>
      json(response, 500, { kind: 'Status', message: `\u001b[2Jboom ${'x'.repeat(10_000)}`, reason: 'MadeUp', code: 500 }),
    );
    const error = await failure(get(hostile));
    assert.equal(error.code, 'ServerFailed');
    assert.ok(error.message.length < 5000 && !error.message.includes('\u001b'));
    const page = await against(t, (_, response) => json(response, 502, '<html>secret of a proxy</html>'));
    const other = await failure(get(page));
    assert.deepEqual([other.code, other.message.includes('secret')], ['ServerFailed', false]);
  });

  test('reads watches line by line: cut, broken, foreign and endless ones', async (t) => {
    const watched = async (body: string, end: 'end' | 'cut' | 'open'): Promise<readonly [string[], string]> => {
      const { client } = await against(t, (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(body);
        if (end === 'end') response.end();
        if (end === 'cut') setTimeout(() => response.socket?.destroy(), 50);
      });
      const seen: string[] = [];
      try {
        for await (const event of client.watch(configMapKind, { resourceVersion: '1' }))
          seen.push(event.type === 'BOOKMARK' ? `BOOKMARK ${event.resourceVersion}` : `${event.type} ${event.object.metadata.name}`);
      } catch (error) {
        assert.ok(isCodedError(error), String(error));
        return [seen, error.code];
      }
      return [seen, ''];
    };
    const added = `${JSON.stringify({ type: 'ADDED', object })}\n`;
    const bookmark = `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } })}\n`;
    const expired = `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`;
    assert.deepEqual(await watched(added + bookmark, 'end'), [['ADDED c', 'BOOKMARK 7'], '']);
    assert.deepEqual(await watched(`${added}{"type":"ADD`, 'cut'), [['ADDED c'], 'ServerUnreachable']);
    assert.deepEqual(await watched(`${added}{"type":"ADD`, 'end'), [['ADDED c'], '']);
    assert.deepEqual(await watched(`${added}nonsense\n`, 'open'), [['ADDED c'], 'ServerAnswerInvalid']);
    assert.deepEqual(await watched(`${added}{"type":"WHAT"}\n`, 'open'), [['ADDED c'], 'ServerAnswerInvalid']);
    assert.deepEqual(await watched(`${added}{"type":"ADDED","object":{}}\n`, 'open'), [['ADDED c'], 'ServerAnswerInvalid']);
    assert.deepEqual(await watched(expired, 'open'), [[], 'Expired']);
    assert.deepEqual(await watched('x'.repeat(17 * 1024 * 1024), 'open'), [[], 'ServerAnswerInvalid']);
  });
});
