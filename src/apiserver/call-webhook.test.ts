import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWebhookPeer } from '../testing/webhook-peer.ts';
import { webhookCaller } from './call-webhook.ts';

const address = (port: number) => ({ origin: `https://127.0.0.1:${port}`, path: '/', serverName: undefined });
const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', request: { uid: 'u' } });

test('an answer is read so far and no further, and what is wrong with it is told without its words', async (t) => {
  const said = new Map([
    ['long', { raw: `"${'x'.repeat(4 * 1024 * 1024)}"` }],
    ['error', { status: 500, raw: 'secret' }],
    ['moved', { status: 307, raw: 'secret', headers: { location: '/elsewhere' } }],
    ['fine', { raw: 'fine' }],
  ]);
  let next = '';
  const peer = await startWebhookPeer(() => said.get(next) ?? { allowed: true });
  const caller = webhookCaller();
  t.after(async () => {
    await caller.close();
    await peer.close();
  });
  const ca = Buffer.from(peer.caBundle, 'base64').toString();
  const ask = (name: string) => {
    next = name;
    return caller.call({ address: address(peer.port), ca, timeoutMs: 5000, body });
  };
  assert.deepEqual(await ask('fine'), { text: 'fine' });
  assert.deepEqual(await ask('error'), { problem: 'the server answered with HTTP status 500' });
  assert.deepEqual(await ask('moved'), { problem: 'the server answered with HTTP status 307' });
  assert.deepEqual(await ask('long'), { problem: 'its answer is longer than 3145728 bytes' });
  assert.equal(peer.asked.length, 4, 'no redirect was followed');
  const strange = await caller.call({ address: address(peer.port), ca: undefined, timeoutMs: 5000, body });
  assert.match('problem' in strange ? strange.problem : '', /UNABLE_TO_VERIFY|SELF_SIGNED/);
});

test('connections are kept from one question to the next', async (t) => {
  const peer = await startWebhookPeer(() => ({ allowed: true }));
  const caller = webhookCaller();
  t.after(async () => {
    await caller.close();
    await peer.close();
  });
  const ca = Buffer.from(peer.caBundle, 'base64').toString();
  for (let i = 0; i < 5; i++) await caller.call({ address: address(peer.port), ca, timeoutMs: 5000, body });
  assert.ok(peer.connections() < 5, `${peer.connections()} connections for five questions`);
});
