import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { failWith, makeCaFiles, succeed } from '../testing/cli-files.ts';
import { inScratch, runCli } from '../testing/cli-run.ts';

const base64In = (cwd: string, file: string): string => readFileSync(join(cwd, file)).toString('base64');

const kubeconfig = (cwd: string) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'prod', cluster: { server: 'https://x', 'certificate-authority-data': base64In(cwd, 'ca.pem') } }],
  users: [
    { name: 'admin', user: { 'client-certificate-data': base64In(cwd, 'ca.pem'), 'client-key-data': base64In(cwd, 'ca-key.pem') } },
    { name: 'by-file', user: { 'client-certificate': '/etc/x.pem' } },
    { name: 'by-token', user: { token: 'secret-token' } },
  ],
});

describe('pki inspect', () => {
  test('gives the same data as JSON and as YAML', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      const json = JSON.parse(await succeed(cwd, 'pki', 'inspect', 'ca.pem', '-o', 'json'));
      assert.deepEqual(parse(await succeed(cwd, 'pki', 'inspect', 'ca.pem', '-o', 'yaml')), json);
      assert.equal(json.items.length, 1);
      assert.equal(json.items[0].source, 'ca.pem');
      assert.equal(json.items[0].subject, 'CN=ca');
    }));

  test('gives the same with the parser of command lines as without it', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      const plain = await runCli(['pki', 'inspect', 'ca.pem', 'ca.csr'], { cwd });
      assert.match(plain.out, /^Certificate \(ca\.pem\)\n/);
      assert.deepEqual(await runCli(['pki', 'inspect', '--output', 'text', 'ca.pem', 'ca.csr'], { cwd }), plain);
      assert.deepEqual(await runCli(['pki', 'inspect', '--', 'ca.pem', 'ca.csr'], { cwd }), plain);
    }));

  test('tells validity for the time that is given, else for now', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      assert.match(await succeed(cwd, 'pki', 'inspect', 'ca.pem'), /\(10y left\)/);
      assert.match(await succeed(cwd, 'pki', 'inspect', 'ca.pem', '--at', '2040-01-01'), /EXPIRED/);
      await failWith(cwd, 'UsageInvalid', 'pki', 'inspect', 'ca.pem', '--at', 'soon');
    }));

  test('reads several files and standard input, each named', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      const { out } = await runCli(['pki', 'inspect', 'ca.csr', '-'], { cwd, stdin: readFileSync(join(cwd, 'ca.pem')) });
      assert.match(out, /^Certificate request \(ca\.csr\)\n/);
      assert.match(out, /\n\nCertificate \(standard input\)\n/);
      await failWith(cwd, 'UsageInvalid', 'pki', 'inspect', '-', '-');
    }));

  test('shows what a kubeconfig embeds, by entry, and names files it only points to', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      const config = kubeconfig(cwd);
      for (const text of [stringify(config), JSON.stringify(config)]) {
        writeFileSync(join(cwd, 'config'), text);
        const { out, err } = await runCli(['pki', 'inspect', 'config', '-o', 'json'], { cwd });
        assert.deepEqual(
          JSON.parse(out).items.map(({ source, kind }: { readonly source: string; readonly kind: string }) => [source, kind]),
          [
            ['config, cluster "prod", certificate authority', 'certificate'],
            ['config, user "admin", client certificate', 'certificate'],
            ['config, user "admin", client key', 'private key'],
          ],
        );
        assert.equal(err, 'config, user "by-file", client certificate: in file "/etc/x.pem", which is not read\n');
        assert.doesNotMatch(out, /secret-token/);
      }
    }));

  test('refuses a damaged kubeconfig without quoting it', () =>
    inScratch(async (cwd) => {
      const damaged = async (text: string): Promise<string> => {
        writeFileSync(join(cwd, 'config'), text);
        return failWith(cwd, 'InspectUnrecognised', 'pki', 'inspect', 'config');
      };
      assert.equal(await damaged('kind: Config\nusers: [secret'), 'cannot inspect kubeconfig "config": it is not YAML');
      assert.match(await damaged('kind: Config\n'), /embeds no certificate/);
      assert.match(await damaged('- kind: Config\n'), /not a map/);
      writeFileSync(join(cwd, 'config'), 'kind: Config\nusers: [{name: x, user: {client-key-data: aGVsbG8=}}]\n');
      assert.match(await failWith(cwd, 'InspectUnrecognised', 'pki', 'inspect', 'config'), /"config", user "x", client key/);
    }));

  test('opens what is encrypted with the passphrase given or asked for', () =>
    inScratch(async (cwd) => {
      await runCli(['pki', 'genkey', '--encrypt'], { cwd, environment: { CERTWRIGHT_PASSPHRASE: 'x' } });
      assert.match(await succeed(cwd, 'pki', 'inspect', 'key.pem'), /hidden by the encryption/);
      const { out } = await runCli(['pki', 'inspect', 'key.pem'], { cwd, environment: { CERTWRIGHT_PASSPHRASE: 'x' } });
      assert.match(out, /Encrypted: +yes\n +Public key: +ecdsa-p256/);
    }));

  test('names what it cannot read', () =>
    inScratch(async (cwd) => {
      writeFileSync(join(cwd, 'empty'), '');
      assert.equal(await failWith(cwd, 'InspectUnrecognised', 'pki', 'inspect', 'empty'), 'cannot inspect "empty": it is empty');
      assert.equal(await failWith(cwd, 'FileNotFound', 'pki', 'inspect', 'none'), 'cannot read "none": it does not exist');
      await failWith(cwd, 'FileUnreadable', 'pki', 'inspect', '.');
    }));
});
