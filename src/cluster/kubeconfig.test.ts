import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import { exportPrivateKey } from '../pki/private-key.ts';
import { certificatePem } from '../pki/x509-certificate.ts';
import { testAuthority } from '../testing/authority-files.ts';
import { testTime } from '../testing/cluster-fixture.ts';
import { runs } from '../testing/runs.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { needs, requireTool } from '../testing/tools.ts';
import { kubeconfigText, parseKubeconfig } from './kubeconfig.ts';

const content = async () => {
  const { certificate, key } = await testAuthority('root', testTime);
  return {
    clusterName: 'kubernetes',
    server: 'https://192.0.2.1:6443',
    userName: 'admin',
    contextName: 'admin@kubernetes',
    trust: [certificate],
    chain: [certificate, certificate],
    keyPem: exportPrivateKey(key),
  };
};

const refused = (error: unknown): boolean => isCodedError(error) && error.code === 'KubeconfigInvalid';

describe('a kubeconfig', () => {
  test('reads as what was written, whatever its names are', async () => {
    const written = await content();
    const name = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.constantFrom('null', 'yes', '1e3', 'a: b', '- x', '#', "'", '"', '\u2028', 'system:node:a', '{}', 'a@b', 'True', '~'),
    );
    fc.assert(
      fc.property(name, name, name, name, (clusterName, userName, contextName, server) => {
        const text = kubeconfigText({ ...written, clusterName, userName, contextName, server });
        const { trust, chain, ...read } = parseKubeconfig(Buffer.from(text), 'it');
        assert.deepEqual(read, { clusterName, userName, contextName, server, keyPem: written.keyPem });
        assert.deepEqual([...trust, ...chain].map(certificatePem), [...written.trust, ...written.chain].map(certificatePem));
      }),
      { numRuns: runs(200, 5000) },
    );
  });

  test('gives the same bytes for the same content, and waits without a certificate', async () => {
    const written = await content();
    assert.equal(kubeconfigText(written), kubeconfigText({ ...written }));
    const partial = kubeconfigText({ ...written, chain: undefined });
    assert.doesNotMatch(partial, /client-certificate-data/);
    const read = parseKubeconfig(Buffer.from(partial), 'it');
    assert.deepEqual([read.chain, read.keyPem], [[], written.keyPem]);
  });

  test('of another tool is read by its current context, past what it says besides', async () => {
    const written = await content();
    const lines = kubeconfigText(written).split('\n');
    const text = [...lines.slice(0, 6), '- name: other', '  cluster: {server: https://other}', ...lines.slice(6), 'preferences: {}'].join(
      '\n',
    );
    assert.equal(parseKubeconfig(Buffer.from(text), 'it').server, 'https://192.0.2.1:6443');
    const references = text.replace(/client-certificate-data: .*/, 'client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem');
    assert.deepEqual(parseKubeconfig(Buffer.from(references), 'it').chain, []);
  });

  test('that is damaged is refused by code, and the message never holds its key', async () => {
    const written = await content();
    const text = kubeconfigText(written);
    const secret = Buffer.from(written.keyPem).toString('base64');
    const bombs = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(9)}]\nc: [${'*b,'.repeat(9)}]\n`;
    for (const [from, to] of [
      ['current-context: admin@kubernetes', 'current-context: none'],
      ['user: admin', 'user: none'],
      ['cluster: kubernetes', 'cluster: none'],
      [/client-key-data: /, 'client-key-data: "!"#'],
      ['users:', 'users: [] #'],
      ['apiVersion: v1', bombs],
      ['clusters:', 'clusters'],
    ] as const)
      assert.throws(
        () => parseKubeconfig(Buffer.from(text.replace(from, to)), 'it'),
        (error) => refused(error) && error instanceof CodedError && !error.message.includes(secret.slice(0, 40)),
        String(from),
      );
    assert.throws(() => parseKubeconfig(Uint8Array.of(0xff, 0xfe), 'it'), refused);
  });

  test('of arbitrary bytes gives nothing but coded errors', async () => {
    const text = kubeconfigText(await content());
    const damaged = fc
      .tuple(fc.nat(text.length), fc.nat(40), fc.string({ maxLength: 8 }))
      .map(([at, length, put]) => text.slice(0, at) + put + text.slice(at + length));
    fc.assert(
      fc.property(
        fc.oneof(
          damaged.map((one) => Buffer.from(one)),
          fc.uint8Array({ maxLength: 200 }),
        ),
        (bytes) => {
          try {
            parseKubeconfig(bytes, 'it');
          } catch (error) {
            assert.ok(isCodedError(error), String(error));
          }
        },
      ),
      { numRuns: runs(300, 20_000) },
    );
  });

  test('is one that kubectl reads', needs('kubectl'), async (t) => {
    const file = join(temporaryDirectory(t), 'config');
    writeFileSync(file, kubeconfigText({ ...(await content()), userName: 'system:kube-scheduler', contextName: 'a: "b"' }));
    const view = spawnSync(requireTool('kubectl'), ['--kubeconfig', file, 'config', 'view', '-o', 'json'], { encoding: 'utf8' });
    assert.equal(view.status, 0, view.stderr);
    const read = JSON.parse(view.stdout) as { 'current-context': string; users: { name: string }[] };
    assert.deepEqual([read['current-context'], read.users[0]?.name], ['a: "b"', 'system:kube-scheduler']);
  });
});
