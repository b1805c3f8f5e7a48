import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { makeToken, type TokenClaims, tokenKey, verifyToken } from './service-account-token.ts';
import type { Stored } from './store.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = tokenKey(privateKey, 'https://issuer');
const issuedAt = new Date('2026-11-23T12:00:00Z');
const expiresAt = new Date('2026-11-23T13:00:00Z');
const claims: TokenClaims = { audiences: ['api'], issuedAt, expiresAt, namespace: 'n', serviceAccount: { name: 'bot', uid: 'u1' } };

const stored = (uid: string, deletionTimestamp?: string) =>
  ({ object: { apiVersion: 'v1', kind: 'X', metadata: { uid, ...(deletionTimestamp && { deletionTimestamp }) } } }) as unknown as Stored;
const source = (objects: Readonly<Record<string, Stored>>) => ({
  get: (resource: string, namespace: string, name: string) => objects[`${resource} ${namespace} ${name}`],
  list: () => [],
});
const here = source({ '/serviceaccounts n bot': stored('u1'), '/pods n p': stored('p1') });
const verify = (token: string, changes: Partial<Parameters<typeof verifyToken>[2]> = {}) =>
  verifyToken(key, token, { source: here, at: new Date('2026-11-23T12:30:00Z'), audiences: ['api'], ...changes });
const problem = (outcome: ReturnType<typeof verify>) => ('problem' in outcome ? outcome.problem : 'none');

describe('a token', () => {
  test('is its account, with the pod it is bound to', () => {
    const bound = makeToken(key, { ...claims, boundObject: { kind: 'Pod', name: 'p', uid: 'p1' } });
    assert.deepEqual(verify(bound), {
      audiences: ['api'],
      user: {
        username: 'system:serviceaccount:n:bot',
        uid: 'u1',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:n', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/pod-name': ['p'], 'authentication.kubernetes.io/pod-uid': ['p1'] },
      },
    });
  });

  test('ends with its time, its account, its pod, and is good for its audience alone', () => {
    const token = makeToken(key, claims);
    const bound = makeToken(key, { ...claims, boundObject: { kind: 'Pod', name: 'p', uid: 'p1' } });
    assert.equal(problem(verify(token)), 'none');
    assert.equal(problem(verify(token, { at: expiresAt })), 'it has expired');
    assert.equal(problem(verify(token, { at: new Date('2026-11-23T11:59:59Z') })), 'it is not valid yet');
    assert.equal(problem(verify(token, { audiences: ['other'] })), 'it is meant for another audience');
    assert.equal(problem(verify(token, { source: source({}) })), 'its service account is gone');
    assert.equal(problem(verify(token, { source: source({ '/serviceaccounts n bot': stored('u2') }) })), 'its service account is gone');
    assert.equal(
      problem(verify(token, { source: source({ '/serviceaccounts n bot': stored('u1', '2026-11-23T12:00:00Z') }) })),
      'its service account is gone',
    );
    assert.equal(problem(verify(bound, { source: source({ '/serviceaccounts n bot': stored('u1') }) })), 'the pod it is bound to is gone');
    assert.equal(
      problem(verify(bound, { source: source({ '/serviceaccounts n bot': stored('u1'), '/pods n p': stored('p2') }) })),
      'the pod it is bound to is gone',
    );
  });

  test('of another key, issuer or algorithm is refused', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    assert.notEqual(problem(verify(makeToken(tokenKey(other, 'https://issuer'), claims))), 'none');
    assert.notEqual(problem(verify(makeToken({ ...key, privateKey: other }, claims))), 'none');
    assert.equal(problem(verify(makeToken(tokenKey(privateKey, 'https://else'), claims))), 'it is of another issuer');
    const [, payload = ''] = makeToken(key, claims).split('.');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const head of [{ alg: 'none' }, { alg: 'HS256', kid: key.id }, { alg: 'ES256' }, { alg: 'ES256', kid: key.id, crit: ['x'] }]) {
      const content = `${part(head)}.${payload}`;
      const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
      for (const token of [`${content}.${signature}`, `${content}.`]) assert.notEqual(problem(verify(token)), 'none', JSON.stringify(head));
    }
  });

  test('with any character changed is refused, and no problem repeats it', () => {
    const token = makeToken(key, claims);
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom('A', 'z', '-', '.', '=', ' '), (at, character) => {
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        if (
          Buffer.from(changed.split('.')[2] ?? '', 'base64url').equals(Buffer.from(token.split('.')[2] ?? '', 'base64url')) &&
          changed.split('.').slice(0, 2).join() === token.split('.').slice(0, 2).join()
        )
          return;
        const outcome = problem(verify(changed));
        assert.notEqual(outcome, 'none');
        assert.ok(!outcome.includes(token.slice(0, 20)));
      }),
      { numRuns: runs(300, 10_000) },
    );
    for (const text of ['', '.', '..', 'a.b.c', 'x'.repeat(100_000)]) assert.notEqual(problem(verify(text)), 'none');
  });
});
