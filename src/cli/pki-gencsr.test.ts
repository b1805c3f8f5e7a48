import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readCsr, verifyCsr } from '../pki/csr.ts';
import { formatGeneralName } from '../pki/general-name-text.ts';
import { formatName } from '../pki/name-text.ts';
import { importPrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { failWith, succeed } from '../testing/cli-files.ts';
import { inScratch, runCli } from '../testing/cli-run.ts';

const keyIn = (cwd: string, file: string) => publicKeyOf(importPrivateKey(readFileSync(join(cwd, file))));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('pki genkey', () => {
  test('makes a P-256 key for its owner only, and never replaces one unasked', () =>
    inScratch(async (cwd) => {
      const { err } = await runCli(['pki', 'genkey', '--public-out', 'public.pem'], { cwd });
      assert.equal(err, 'wrote key.pem (private key, ecdsa-p256)\nwrote public.pem (public key)\n');
      assert.equal(keyIn(cwd, 'key.pem').algorithm, 'ecdsa-p256');
      assert.equal(statSync(join(cwd, 'key.pem')).mode & 0o777, 0o600);
      assert.equal(statSync(join(cwd, 'public.pem')).mode & 0o777, 0o644);
      const before = readFileSync(join(cwd, 'key.pem'), 'utf8');
      assert.equal(await failWith(cwd, 'FileExists', 'pki', 'genkey'), 'cannot write "key.pem": it exists');
      await failWith(cwd, 'FileExists', 'pki', 'genkey', '--out', 'new.pem', '--public-out', 'public.pem');
      assert.throws(() => statSync(join(cwd, 'new.pem')), { code: 'ENOENT' }, 'either all files or none');
      assert.equal(readFileSync(join(cwd, 'key.pem'), 'utf8'), before);
      await succeed(cwd, 'pki', 'genkey', '--overwrite', '--algorithm', 'ED25519');
      assert.equal(keyIn(cwd, 'key.pem').algorithm, 'ed25519');
    }));

  test('writes traditional encodings and to standard output where told', () =>
    inScratch(async (cwd) => {
      assert.match(await succeed(cwd, 'pki', 'genkey', '--out', '-'), /^-----BEGIN PRIVATE KEY-----/);
      assert.match(await succeed(cwd, 'pki', 'genkey', '--out', '-', '--traditional'), /^-----BEGIN EC PRIVATE KEY-----/);
      assert.match(
        await succeed(cwd, 'pki', 'genkey', '--out', '-', '--traditional', '-a', 'rsa-2048'),
        /^-----BEGIN RSA PRIVATE KEY-----/,
      );
      await failWith(cwd, 'UsageInvalid', 'pki', 'genkey', '--traditional', '--encrypt');
      assert.match(await failWith(cwd, 'KeyUnsupported', 'pki', 'genkey', '-a', 'rsa-1024'), /--algorithm "rsa-1024"/);
      await failWith(cwd, 'UsageInvalid', 'pki', 'genkey', '--out', 'a', '--public-out', 'a');
      await failWith(cwd, 'FileWriteFailed', 'pki', 'genkey', '--out', 'no/such/directory.pem');
    }));
});

describe('pki gencsr', () => {
  test('makes a request and its key from flags', () =>
    inScratch(async (cwd) => {
      const flags = [
        '--common-name',
        'alice',
        '--organizations',
        'dev,ops',
        '--organizations',
        'qa',
        '--san',
        'alice@example.com',
        '--usage',
        'client-auth',
      ];
      const { out, err } = await runCli(['pki', 'gencsr', '--key-out', 'key.pem', '-a', 'p384', ...flags], { cwd });
      assert.equal(err, 'wrote key.pem (private key, ecdsa-p384)\n');
      const csr = readCsr(out);
      assert.equal(hex(verifyCsr(csr).spki), hex(keyIn(cwd, 'key.pem').spki));
      assert.equal(formatName(csr.subject), 'CN=alice,O=qa,O=ops,O=dev');
      assert.deepEqual(csr.subjectAltNames?.map(formatGeneralName), ['email:alice@example.com']);
      assert.deepEqual(csr.extendedKeyUsage, ['1.3.6.1.5.5.7.3.2']);
      assert.equal(csr.keyUsage, undefined);
    }));

  test('takes a key that exists and a subject of RFC 4514', () =>
    inScratch(async (cwd) => {
      await succeed(cwd, 'pki', 'genkey');
      const csr = readCsr(await succeed(cwd, 'pki', 'gencsr', '--key', 'key.pem', '--subject', 'CN=a\\, b,O=dev+OU=x'));
      assert.equal(formatName(csr.subject), 'CN=a\\, b,OU=x+O=dev');
      assert.equal(hex(csr.publicKey.spki), hex(keyIn(cwd, 'key.pem').spki));
      assert.equal(csr.extensions.length, 0);
      const unnamed = readCsr(await succeed(cwd, 'pki', 'gencsr', '--key', 'key.pem', '--san', 'a.example'));
      assert.equal(unnamed.extensions[0]?.critical, true, 'names are critical beside an empty subject');
    }));

  test('takes cfssl’s JSON as it stands and says what a request cannot carry', () =>
    inScratch(async (cwd) => {
      const request = {
        CN: 'svc',
        hosts: ['svc.example', '10.0.0.1'],
        key: { algo: 'rsa', size: 2048 },
        ca: { pathlen: 1 },
        crl_url: 'http://x',
        extra: 1,
      };
      writeFileSync(join(cwd, 'server.json'), JSON.stringify(request));
      const { out, err } = await runCli(['pki', 'gencsr', '--from', 'server.json', '--key-out', 'key.pem'], { cwd });
      assert.match(err, /^note: "server\.json": a request cannot say extra, crl_url$/m);
      const csr = readCsr(out);
      assert.equal(csr.publicKey.algorithm, 'rsa-2048');
      assert.deepEqual(csr.subjectAltNames?.map(formatGeneralName), ['DNS:svc.example', 'IP Address:10.0.0.1']);
      assert.deepEqual(csr.basicConstraints, { isCa: true, pathLength: 1 });
      const json = JSON.parse(await succeed(cwd, 'pki', 'gencsr', '--from', 'server.json', '--cfssl-json'));
      assert.deepEqual(Object.keys(json), ['csr', 'key']);
      assert.match(json.key, /^-----BEGIN RSA PRIVATE KEY-----/);
      assert.equal(hex(readCsr(json.csr).publicKey.spki), hex(publicKeyOf(importPrivateKey(json.key)).spki));
      writeFileSync(join(cwd, 'bad.json'), '{"key": {"algo": "dsa"}}');
      assert.match(await failWith(cwd, 'CfsslRequestInvalid', 'pki', 'gencsr', '--from', 'bad.json', '--key-out', 'x'), /key\.algo "dsa"/);
    }));

  test('refuses what does not fit together', () =>
    inScratch(async (cwd) => {
      await succeed(cwd, 'pki', 'genkey');
      writeFileSync(join(cwd, 'x.json'), '{"CN": "x"}');
      const refused = (...flags: readonly string[]): Promise<string> => failWith(cwd, 'UsageInvalid', 'pki', 'gencsr', ...flags);
      assert.match(await refused('--common-name', 'x'), /which key/);
      assert.match(await refused('--common-name', 'x', '--key', 'key.pem', '--key-out', 'y'), /which key/);
      assert.match(await refused('--key', 'key.pem'), /for nobody/);
      assert.match(await refused('--key', 'key.pem', '--subject', 'CN=x', '--common-name', 'x'), /--subject/);
      assert.match(await refused('--key', 'key.pem', '--organizations', 'x'), /--organizations needs --common-name/);
      assert.match(await refused('--key', 'key.pem', '--from', 'x.json', '--common-name', 'y'), /--from/);
      assert.match(await refused('--from', 'x.json', '--cfssl-json', '--key-out', 'y'), /--cfssl-json/);
      assert.match(await refused('--key', '-', '--from', '-'), /standard input twice/);
    }));
});
