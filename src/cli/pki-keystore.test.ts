import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { failWith, makeCaFiles, makeRequest, signedBy, succeed } from '../testing/cli-files.ts';
import { inScratch } from '../testing/cli-run.ts';
import { openKeystore } from './keystore-files.ts';

const withServer = (work: (cwd: string) => Promise<void>): Promise<void> =>
  inScratch(async (cwd) => {
    await makeCaFiles(cwd);
    await makeRequest(cwd, 'web', '--san', 'web.example');
    await succeed(cwd, ...signedBy(), 'web.csr', '--out', 'web.pem');
    writeFileSync(join(cwd, 'pass'), 'changeit\n');
    await work(cwd);
  });

const created = ['pki', 'keystore', 'create', '--passphrase-file', 'pass', '--out'];
const pair = ['--key', 'web-key.pem', '--certificate', 'web.pem'];

describe('pki keystore', () => {
  for (const flags of [[], ['--profile', 'Modern2026'], ['--profile', 'LegacyDES'], ['--profile', 'LegacyRC2'], ['--format', 'jks']])
    test(`makes and lists a store (${flags.join(' ') || 'as usual'})`, () =>
      withServer(async (cwd) => {
        await succeed(cwd, ...created, 'store', ...pair, '--trust', 'ca.pem', '--alias', 'web', ...flags);
        assert.equal(statSync(join(cwd, 'store')).mode & 0o777, 0o600);
        const list = await succeed(cwd, 'pki', 'keystore', 'list', 'store', '--passphrase-file', 'pass');
        assert.equal(
          list,
          [
            'ALIAS   ENTRY     CERTIFICATES   SUBJECT   NOT AFTER              KEY',
            '"web"   key       1              CN=web    2027-06-01T12:00:00Z   ecdsa-p256',
            '"ca"    trusted   1              CN=ca     2036-05-29T12:00:00Z   ecdsa-p256',
            '',
          ].join('\n'),
        );
        const json = JSON.parse(await succeed(cwd, 'pki', 'keystore', 'list', 'store', '--passphrase-file', 'pass', '-o', 'json'));
        assert.equal(json.format, flags.includes('jks') ? 'JKS' : 'PKCS#12');
        assert.equal(json.entries[0].certificates[0].subject, 'CN=web');
      }));

  test('puts the certificate of the key first, whatever the order in its file', () =>
    withServer(async (cwd) => {
      writeFileSync(join(cwd, 'chain.pem'), readFileSync(join(cwd, 'ca.pem'), 'utf8') + readFileSync(join(cwd, 'web.pem'), 'utf8'));
      await succeed(cwd, ...created, 'store', '--key', 'web-key.pem', '--certificate', 'chain.pem');
      const [entry] = openKeystore(readFileSync(join(cwd, 'store')), 'changeit');
      assert.ok(entry?.kind === 'key' && entry.chain.length === 2);
      const json = JSON.parse(await succeed(cwd, 'pki', 'keystore', 'list', 'store', '--passphrase-file', 'pass', '-o', 'json'));
      assert.deepEqual(
        json.entries[0].certificates.map(({ subject }: { readonly subject: string }) => subject),
        ['CN=web', 'CN=ca'],
      );
    }));

  test('converts between formats, passwords and PEM without losing an entry', () =>
    withServer(async (cwd) => {
      writeFileSync(join(cwd, 'other'), 'another');
      await succeed(cwd, ...created, 'a.p12', ...pair, '--trust', 'ca.pem');
      const convert = ['pki', 'keystore', 'convert'];
      await succeed(
        cwd,
        ...convert,
        'a.p12',
        '--to',
        'jks',
        '--passphrase-file',
        'pass',
        '--new-passphrase-file',
        'other',
        '--out',
        'b.jks',
      );
      assert.throws(() => openKeystore(readFileSync(join(cwd, 'b.jks')), 'changeit'), { code: 'PassphraseWrong' });
      await succeed(cwd, ...convert, 'b.jks', '--to', 'pkcs12', '--profile', 'LegacyDES', '--passphrase-file', 'other', '--out', 'c.p12');
      const chains = (file: string, password: string) =>
        openKeystore(readFileSync(join(cwd, file)), password).map((entry) =>
          (entry.kind === 'key' ? entry.chain : [entry.certificate]).map((der) => Buffer.from(der).toString('hex')),
        );
      assert.deepEqual(chains('c.p12', 'another'), chains('a.p12', 'changeit'));
      const pem = await succeed(cwd, ...convert, 'c.p12', '--to', 'pem', '--passphrase-file', 'other', '--out', '-');
      assert.equal(pem, ['web-key.pem', 'web.pem', 'ca.pem'].map((file) => readFileSync(join(cwd, file), 'utf8')).join(''));
    }));

  test('refuses a key without its certificate, nothing at all, and a wrong password', () =>
    withServer(async (cwd) => {
      assert.match(
        await failWith(cwd, 'KeyMismatch', ...created, 'x', '--key', 'web-key.pem', '--certificate', 'ca.pem'),
        /no certificate in "ca\.pem"/,
      );
      await failWith(cwd, 'UsageInvalid', ...created, 'x', '--key', 'web-key.pem');
      await failWith(cwd, 'UsageInvalid', ...created, 'x');
      await failWith(cwd, 'UsageInvalid', ...created, 'x', '--trust', 'ca.pem', '--format', 'pem');
      await failWith(cwd, 'PemInvalid', ...created, 'x', '--trust', 'web-key.pem');
      await succeed(cwd, ...created, 'store', '--trust', 'ca.pem');
      writeFileSync(join(cwd, 'wrong'), 'wrong');
      await failWith(cwd, 'PassphraseWrong', 'pki', 'keystore', 'list', 'store', '--passphrase-file', 'wrong');
      await failWith(cwd, 'PassphraseRequired', 'pki', 'keystore', 'convert', 'store', '--to', 'pem', '--out', '-');
      await failWith(cwd, 'KeystoreInvalid', 'pki', 'keystore', 'list', 'ca.pem', '--passphrase-file', 'pass');
    }));
});
