// Keys and passphrases leave the program only into the files that were asked for: every command's output, right and wrong, in every
// format and with --verbose, is searched for them.

import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inScratch, runCli } from '../testing/cli-run.ts';

const passphrase = 'correct horse battery staple';
const adminPassword = 'Hunter2-of-the-plan';

/** Every line of 64 characters of private keys below a directory, and of what a kubeconfig wraps them in. */
const secretsBelow = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const text = readFileSync(join(entry.parentPath, entry.name), 'latin1');
    const pem = [...text.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----\n([\s\S]*?)-----END/g)].map(([, body = '']) => body);
    const wrapped = [...text.matchAll(/client-key-data: (\S+)/g)].map(([, data = '']) => data);
    return [...pem.flatMap((body) => body.split('\n')), ...wrapped.map((data) => data.slice(100, 164))].filter((line) => line.length > 40);
  });

describe('secrets', () => {
  test('never stand in what a command prints, whether it succeeds or fails', async () => {
    await inScratch(async (cwd) => {
      const said: string[] = [];
      const environment = { CERTWRIGHT_PASSPHRASE: passphrase };
      const codes = new Set<number>();
      const call = async (...argv: readonly string[]): Promise<void> => {
        const { out, err, exitCode } = await runCli(argv, { cwd, environment });
        codes.add(exitCode);
        said.push(`${argv.join(' ')}\n${out}${err}`);
      };
      await call('cluster', 'init', '-f', 'plan.yaml');
      writeFileSync(join(cwd, 'plan.yaml'), `${readFileSync(join(cwd, 'plan.yaml'), 'utf8')}\nadmin_password: ${adminPassword}\n`);
      const everyWay = async (...argv: readonly string[]): Promise<void> => {
        await call(...argv, '--verbose');
        await call(...argv, '-o', 'json', '--verbose');
        await call(...argv, '-o', 'yaml');
      };
      await call('pki', 'genkey', '--out', 'encrypted.pem', '--encrypt');
      await everyWay('cluster', 'generate', '-f', 'plan.yaml');
      await everyWay('cluster', 'check', '-f', 'plan.yaml');
      await everyWay('certificates', 'generate', 'alice', '--kubeconfig', '-f', 'plan.yaml');
      await everyWay('cluster', 'renew', 'admin', '-f', 'plan.yaml');
      await everyWay('cluster', 'kubeconfig', 'alice', '-f', 'plan.yaml', '--dry-run');
      await everyWay('pki', 'inspect', 'generated/keys/admin-key.pem', 'generated/kubeconfig', 'encrypted.pem');
      await everyWay('cluster', 'adopt', 'generated', '--dry-run');
      cpSync(join(cwd, 'generated'), join(cwd, 'good'), { recursive: true });
      const keys = readdirSync(join(cwd, 'generated/keys')).filter((name) => name.endsWith('-key.pem'));
      // Keys that are damaged: cut, of another certificate, in the wrong place, encrypted with another passphrase.
      for (const [i, name] of keys.entries()) {
        const key = readFileSync(join(cwd, 'generated/keys', name), 'utf8');
        const damaged = [key.slice(0, key.length / 2), key.replace(/[A-Za-z]\n/, '!\n'), `${key}${key}`, `server: ${key}`][i % 4] ?? '';
        writeFileSync(join(cwd, 'generated/keys', name), damaged);
      }
      await everyWay('cluster', 'generate', '-f', 'plan.yaml');
      await everyWay('cluster', 'check', '-f', 'plan.yaml');
      await everyWay('cluster', 'renew', '-f', 'plan.yaml');
      await everyWay('pki', 'inspect', ...keys.map((name) => `generated/keys/${name}`));
      for (const flag of ['-f', '--csr', '--ca', '--ca-key', '--cert', '--trust']) {
        await call('pki', 'sign', flag, 'good/keys/admin-key.pem', '-v');
        await call('pki', 'verify', flag, 'good/keys/admin-key.pem', '-v');
      }
      await call('pki', 'verify', 'good/keys/admin-key.pem', '--trust', 'good/keys/ca-key.pem', '-v');
      await call('pki', 'gencsr', '--key', 'encrypted.pem', '--common-name', 'a', '--out', 'a.csr', '-v');
      await call('pki', 'keystore', 'list', 'good/keys/admin-key.pem', '-v');
      await call('cluster', 'generate', '-f', 'good/keys/admin-key.pem', '-v');
      await call('cluster', 'generate', '-f', 'good/kubeconfig', '-o', 'json', '-v');
      const wrong = await runCli(['pki', 'gencsr', '--key', 'encrypted.pem', '--common-name', 'a', '--out', 'b.csr', '-v'], {
        cwd,
        environment: { CERTWRIGHT_PASSPHRASE: `${passphrase}!` },
      });
      said.push(`wrong passphrase\n${wrong.out}${wrong.err}`);
      assert.ok(codes.has(0) && codes.has(2) && codes.size >= 3, [...codes].join());

      const secrets = new Set([...secretsBelow(cwd), passphrase, adminPassword]);
      assert.ok(secrets.size > 30, String(secrets.size));
      for (const text of said)
        for (const secret of secrets) assert.ok(!text.includes(secret), `a secret stands in the output of ${text.split('\n')[0]}`);
      for (const ledger of readdirSync(join(cwd, 'good/keys')).filter((name) => name.endsWith('.jsonl')))
        for (const secret of secrets) assert.ok(!readFileSync(join(cwd, 'good/keys', ledger), 'utf8').includes(secret));
    });
  });
});
