// A generated directory judged by OpenSSL and keytool alone: every leaf verifies for its own purpose and for no other, keys match, modes are
// tight, and keystores made of its pairs are read by Java.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { repositoryRoot } from '../../src/testing/golden.ts';
import { needs, requireTool } from '../../src/testing/tools.ts';
import { planText } from './cluster-layouts.ts';
import { giveIntermediates } from './given-authorities.ts';
import { kubeconfigPair } from './wrong-certificates.ts';

const openssl = (...args: string[]): { readonly status: number | null; readonly output: string } => {
  const done = spawnSync(requireTool('openssl'), args, { encoding: 'utf8' });
  return { status: done.status, output: done.stdout + done.stderr };
};

const filesUnder = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** The purposes OpenSSL should find in a leaf, by what OpenSSL itself prints of its extended key usage. */
const purposesIn = (file: string): { readonly server: boolean; readonly client: boolean } => {
  const { output } = openssl('x509', '-in', file, '-noout', '-ext', 'extendedKeyUsage');
  return { server: output.includes('TLS Web Server'), client: output.includes('TLS Web Client') };
};

for (const layout of ['kismatic', 'kubeadm'] as const)
  for (const ca of ['our own CAs', 'given intermediates'] as const)
    describe(`a generated directory, layout ${layout}, ${ca}`, needs('openssl', 'keytool'), () => {
      const directory = mkdtempSync(join(tmpdir(), 'certwright-directory-'));
      const out = join(directory, 'generated');
      const certwright = (...args: string[]): string =>
        execFileSync(join(repositoryRoot, 'certwright'), args, { encoding: 'utf8', cwd: directory });
      after(() => rmSync(directory, { recursive: true, force: true }));
      before(async () => {
        writeFileSync(join(directory, 'plan.yaml'), planText(layout));
        if (ca === 'given intermediates') await giveIntermediates(layout, out);
        certwright('cluster', 'generate', '-f', 'plan.yaml', '--out', out);
      });

      const isCaFile = (file: string) => /(?:^|\/|-)ca\.(?:pem|crt)$/.test(file);
      const certificateFiles = () => filesUnder(out).filter((file) => /(?<!-key)\.(?:pem|crt)$/.test(file));
      const leaves = () => certificateFiles().filter((file) => !isCaFile(file));
      const authorityOf = (file: string): string => {
        const name = file.slice(out.length + 1);
        if (layout === 'kismatic') return join(out, 'keys', name.endsWith('/proxy-client.pem') ? 'proxy-client-ca.pem' : 'ca.pem');
        const own = name.includes('front-proxy')
          ? 'front-proxy-ca.crt'
          : /\/etcd\/|apiserver-etcd-client/.test(name)
            ? 'etcd/ca.crt'
            : 'ca.crt';
        return join(out, 'pki', own);
      };
      // An intermediate is an anchor by itself, as for the components that are given it alone.
      const verify = (file: string, purpose: string) =>
        openssl('verify', '-x509_strict', '-partial_chain', '-purpose', purpose, '-CAfile', authorityOf(file), file);

      test('every leaf verifies strictly for its own purposes and is refused for the others', () => {
        assert.ok(leaves().length >= 11, leaves().join('\n'));
        for (const file of leaves()) {
          const { server, client } = purposesIn(file);
          for (const [purpose, wanted] of [
            ['sslserver', server],
            ['sslclient', client],
          ] as const) {
            const { status, output } = verify(file, purpose);
            assert.equal(status === 0, wanted, `${purpose} ${file}\n${output}`);
          }
        }
      });

      test('every key belongs to its certificate, by OpenSSL', () => {
        const keys = filesUnder(out).filter((file) => /-key\.pem$|\.key$/.test(file) && !file.endsWith('sa.key'));
        assert.ok(keys.length >= 11);
        for (const key of keys) {
          const certificate = key.replace(/-key\.pem$/, '.pem').replace(/\.key$/, '.crt');
          const ofKey = openssl('pkey', '-in', key, '-pubout').output;
          assert.equal(openssl('x509', '-in', certificate, '-noout', '-pubkey').output, ofKey, key);
        }
      });

      test('keys, kubeconfigs and ledgers are 0600, directories 0700', () => {
        for (const file of filesUnder(out).filter((path) => /-key\.pem$|\.key$|\.conf$|kubeconfig$|\.jsonl$/.test(path)))
          assert.equal((statSync(file).mode & 0o777).toString(8), '600', file);
        for (const entry of readdirSync(out, { recursive: true, withFileTypes: true }).filter((path) => path.isDirectory()))
          assert.equal((statSync(join(entry.parentPath, entry.name)).mode & 0o777).toString(8), '700', entry.name);
      });

      test('the client certificate inside every kubeconfig verifies', () => {
        const kubeconfigs = filesUnder(out).filter((file) => /\.conf$|kubeconfig$/.test(file));
        assert.ok(kubeconfigs.length >= 1);
        for (const file of kubeconfigs) {
          const inside = join(directory, 'inside.pem');
          writeFileSync(inside, kubeconfigPair(file).certificate);
          const authority = join(out, layout === 'kismatic' ? 'keys/ca.pem' : 'pki/ca.crt');
          const { status, output } = openssl(
            'verify',
            '-x509_strict',
            '-partial_chain',
            '-purpose',
            'sslclient',
            '-CAfile',
            authority,
            inside,
          );
          assert.equal(status, 0, `${file}\n${output}`);
        }
      });

      test('keytool lists keystores of the API server’s pair, chain and all', () => {
        const certificate = leaves().find((file) => /apiserver\.(?:pem|crt)$/.test(file)) ?? '';
        const key = certificate.replace(/\.pem$/, '-key.pem').replace(/\.crt$/, '.key');
        writeFileSync(join(directory, 'pass'), 'changeit\n', { mode: 0o600 });
        for (const format of ['pkcs12', 'jks']) {
          const store = join(directory, `server.${format}`);
          const flags = ['--format', format, '--passphrase-file', 'pass', '--out', store, '--alias', 'server'];
          certwright('pki', 'keystore', 'create', '--key', key, '--certificate', certificate, ...flags);
          const listed = execFileSync(requireTool('keytool'), ['-list', '-v', '-keystore', store, '-storepass', 'changeit'], {
            encoding: 'utf8',
          });
          assert.match(listed, /Alias name: server/);
          assert.match(listed, /Entry type: PrivateKeyEntry/);
          const chain = readFileSync(certificate, 'utf8').match(/BEGIN CERTIFICATE/g)?.length;
          assert.match(listed, new RegExp(`Certificate chain length: ${chain}`));
        }
      });
    });
