import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isCodedError } from '../base/coded-error.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { runs } from '../testing/runs.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { runProgram } from './exec-plugin.ts';
import { inClusterConnection } from './in-cluster.ts';
import { type KubeconfigSources, kubeconfigConnection } from './kubeconfig.ts';

const secret = 'sEcReT-that-nobody-may-see';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const config = (user: string, cluster = 'server: https://a.example:6443'): string => `apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: c, user: u, namespace: team}}
- {name: two, context: {cluster: c, user: none}}
clusters:
- name: c
  cluster: {${cluster}}
users:
- name: u
  user: ${user}
`;

const sources = (files: Record<string, string>, more: Partial<KubeconfigSources> = {}): KubeconfigSources => ({
  paths: ['/home/me/config'],
  readFile: (path) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
  run: () => Promise.reject(new Error('no program')),
  environment: { PATH: '/bin' },
  clock: fakeClock(),
  ...more,
});
const open = (text: string, more: Partial<KubeconfigSources> = {}) => kubeconfigConnection(sources({ '/home/me/config': text }, more));

const refused =
  (pattern: RegExp, code = 'KubeconfigInvalid') =>
  (error: unknown) => {
    assert.ok(isCodedError(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    assert.ok(!JSON.stringify([error.message, error.hint, error.details]).includes(secret));
    return true;
  };

describe('a connection out of kubeconfigs', () => {
  test('has server, trust, name and namespace of its context', async () => {
    const connection = open(
      config(
        `{token: ${secret}}`,
        `server: "https://a.example:6443/x", certificate-authority-data: ${base64('PEM')}, tls-server-name: b.example`,
      ),
    );
    const { server, ca, serverName, namespace, contextName } = connection;
    assert.deepEqual([server, ca, serverName, namespace, contextName], ['https://a.example:6443/x', 'PEM', 'b.example', 'team', 'one']);
    assert.deepEqual(await connection.credentials(), { token: secret });
  });
  test('takes from several files what is named first, and paths from the folder of each', async () => {
    const files = {
      '/a/config': 'current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {tokenFile: t}}]\n',
      '/b/config': config('{token: other}', 'server: https://b.example, certificate-authority: ca.crt'),
      '/a/t': ' first \n',
      '/b/ca.crt': 'CA',
    };
    const connection = kubeconfigConnection(sources(files, { paths: ['/none', '/a/config', '/b/config'] }));
    assert.deepEqual([connection.server, connection.ca, await connection.credentials()], ['https://b.example', 'CA', { token: 'first' }]);
    assert.throws(() => kubeconfigConnection(sources(files, { paths: ['/none'] })), refused(/does not exist/, 'FileNotFound'));
  });
  test('reads files again, and says that nothing is new by the same object', async () => {
    const clock = fakeClock();
    const files: Record<string, string> = {
      '/home/me/config': config('{client-certificate: c.crt, client-key: c.key}'),
      '/home/me/c.crt': 'one',
      '/home/me/c.key': secret,
    };
    const { credentials } = kubeconfigConnection(sources(files, { clock }));
    const first = await credentials();
    await clock.advance(11_000);
    assert.equal(await credentials(), first);
    files['/home/me/c.crt'] = 'two';
    assert.equal((await credentials()).certificate, 'one');
    await clock.advance(11_000);
    assert.deepEqual(await credentials(), { certificate: 'two', key: secret });
  });
  test('refuses by name what weakens it or is not done', () => {
    for (const [user, cluster, pattern] of [
      ['{}', 'server: https://a, insecure-skip-tls-verify: true', /insecure-skip-tls-verify is set/],
      ['{}', 'server: https://a, proxy-url: http://p', /proxy-url is set/],
      [`{username: a, password: ${secret}}`, undefined, /username is set/],
      ['{auth-provider: {name: gcp}}', undefined, /auth-provider is set/],
      ['{as: root}', undefined, /as is set/],
      [`{client-key-data: ${base64(secret)}}`, undefined, /a client certificate or a key, and not both/],
      [`{client-certificate-data: "!", client-key-data: "!"}`, undefined, /client-certificate-data is not base64/],
      ['{exec: {apiVersion: client.authentication.k8s.io/v1}}', undefined, /exec names no command/],
      ['{exec: {apiVersion: v, command: c, interactiveMode: Always}}', undefined, /on a terminal/],
    ] as const)
      assert.throws(() => open(config(user, cluster)), refused(pattern), String(pattern));
    assert.throws(() => open(config('{}'), { context: 'two' }), refused(/no user "none"/));
    assert.throws(() => open(config('{}'), { context: 'three' }), refused(/no context "three"/));
  });
  test('of arbitrary text is one, or refused by code', () => {
    const whole = config(`{token: ${secret}}`);
    const damaged = fc
      .tuple(fc.nat(whole.length), fc.nat(30), fc.string({ maxLength: 6 }))
      .map(([at, length, put]) => whole.slice(0, at) + put + whole.slice(at + length));
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string()), (text) => {
        try {
          open(text);
        } catch (error) {
          assert.ok(isCodedError(error), String(error));
        }
      }),
      { numRuns: runs(300, 20_000) },
    );
  });
});

describe('a credential plugin', () => {
  const exec = (more = ''): string =>
    config(`{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./get, args: [a, b], env: [{name: E, value: v}]${more}}}`);
  const answer = (status: object, apiVersion = 'client.authentication.k8s.io/v1'): string =>
    JSON.stringify({ kind: 'ExecCredential', apiVersion, status });

  test('is asked once until what it gave is about to end', async () => {
    const clock = fakeClock();
    const asked: unknown[] = [];
    const { credentials } = open(exec(', provideClusterInfo: true'), {
      clock,
      run: (command, args, env) => {
        const { KUBERNETES_EXEC_INFO, ...rest } = env;
        asked.push([command, args, rest, JSON.parse(KUBERNETES_EXEC_INFO ?? '').spec.cluster.server]);
        const expirationTimestamp = new Date(clock.now().getTime() + 600_000).toISOString();
        return Promise.resolve(answer({ token: `t${asked.length}`, expirationTimestamp }));
      },
    });
    assert.deepEqual(await Promise.all([credentials(), credentials()]), [{ token: 't1' }, { token: 't1' }]);
    assert.deepEqual(asked, [['/home/me/get', ['a', 'b'], { PATH: '/bin', E: 'v' }, 'https://a.example:6443']]);
    await clock.advance(500_000);
    assert.deepEqual(await credentials(), { token: 't1' });
    await clock.advance(50_000);
    assert.deepEqual(await credentials(), { token: 't2' });
  });
  test('that answers wrongly is refused, and nothing it printed is shown', async () => {
    for (const [printed, pattern] of [
      [secret, /not JSON/],
      [answer({ token: secret }, 'client.authentication.k8s.io/v1beta1'), /no ExecCredential of/],
      [answer({}), /neither a token nor a certificate/],
      [answer({ clientCertificateData: secret }), /neither a token/],
      [answer({ token: `${secret}\nx` }), /line break/],
      [answer({ token: secret, expirationTimestamp: 'soon' }), /no date/],
    ] as const)
      await assert.rejects(open(exec(), { run: () => Promise.resolve(printed) }).credentials(), refused(pattern));
    const unknown = open(config('{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: c}}'));
    await assert.rejects(unknown.credentials(), refused(/v1alpha1/));
  });
  test('is a program that is run with no more than it is given', async (t) => {
    const folder = temporaryDirectory(t);
    const program = (name: string, text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, `#!/bin/sh\n${text}\n`);
      chmodSync(path, 0o700);
      return path;
    };
    const ask = (command: string) =>
      open(config(`{exec: {apiVersion: client.authentication.k8s.io/v1, command: ${command}, installHint: get it}}`), {
        run: runProgram,
      }).credentials();
    const good = program(
      'good',
      `cat >/dev/null; echo '${answer({ token: 'T' }).replace('"T"', '"\'$(env | grep -vcE "^(PATH|KUBERNETES_EXEC_INFO|PWD|SHLVL|_)=")\'"')}'`,
    );
    assert.deepEqual(await ask(good), { token: '0' });
    await assert.rejects(ask(program('bad', `echo ${secret}; echo ${secret} >&2; exit 3`)), refused(/it ended with 3/));
    await assert.rejects(ask(program('much', `head -c 2000000 /dev/zero`)), refused(/more than 1048576 bytes/));
    await assert.rejects(ask(join(folder, 'none')), (error) => isCodedError(error) && error.hint === 'get it');
  });
});

describe('the connection of a Pod', () => {
  test('reads its token again, and needs what the kubelet gives', async (t) => {
    const folder = temporaryDirectory(t);
    const clock = fakeClock();
    const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    const readFile = (path: string): Uint8Array | undefined => {
      try {
        return readFileSync(path);
      } catch {
        return undefined;
      }
    };
    const start = () => inClusterConnection({ host: 'fd00::1', port: '443', folder, readFile, clock });
    assert.throws(start, refused(/ca\.crt/, 'FileNotFound'));
    for (const [name, text] of [
      ['ca.crt', 'CA'],
      ['namespace', 'team\n'],
      ['token', 'one\n'],
    ] as const)
      put(name, text);
    const connection = start();
    assert.deepEqual([connection.server, connection.ca, connection.namespace], ['https://[fd00::1]:443', 'CA', 'team']);
    const first = await connection.credentials();
    assert.deepEqual(first, { token: 'one' });
    put('token', 'two');
    assert.equal(await connection.credentials(), first);
    await clock.advance(11_000);
    assert.deepEqual(await connection.credentials(), { token: 'two' });
  });
});
