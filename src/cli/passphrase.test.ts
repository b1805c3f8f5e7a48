import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { importPrivateKey } from '../pki/private-key.ts';
import { inScratch, runCli } from '../testing/cli-run.ts';

describe('a passphrase', () => {
  test('comes from a file’s first line, from the environment, or from the terminal, the file first', () =>
    inScratch(async (cwd) => {
      writeFileSync(join(cwd, 'pass'), 'from file\r\nsecond line\n');
      const make = async (out: string, flags: readonly string[], world: Parameters<typeof runCli>[1]): Promise<void> => {
        const outcome = await runCli(['pki', 'genkey', '--encrypt', '--out', out, ...flags], { cwd, ...world });
        assert.equal(outcome.exitCode, 0, outcome.err);
      };
      await make('1', ['--passphrase-file', 'pass'], { environment: { CERTWRIGHT_PASSPHRASE: 'from environment' } });
      await make('2', [], { environment: { CERTWRIGHT_PASSPHRASE: 'from environment' }, answers: ['typed', 'typed'] });
      await make('3', [], { answers: ['typed', 'typed'] });
      await make('4', ['--passphrase-file', '-'], { stdin: 'piped\n' });
      for (const [file, passphrase] of Object.entries({ 1: 'from file', 2: 'from environment', 3: 'typed', 4: 'piped' })) {
        const pem = readFileSync(join(cwd, file));
        assert.ok(importPrivateKey(pem, { passphrase }).type === 'private');
        assert.throws(() => importPrivateKey(pem, { passphrase: 'other' }), { code: 'PassphraseWrong' });
        assert.equal(statSync(join(cwd, file)).mode & 0o777, 0o600);
      }
    }));

  test('typed twice differently makes nothing', () =>
    inScratch(async (cwd) => {
      const { exitCode, err } = await runCli(['pki', 'genkey', '--encrypt'], { cwd, answers: ['a', 'b'] });
      assert.equal(exitCode, 2);
      assert.match(err, /the two passphrases typed are not the same/);
      assert.throws(() => statSync(join(cwd, 'key.pem')), { code: 'ENOENT' });
    }));

  test('that nobody can give is an error that says how to give it', () =>
    inScratch(async (cwd) => {
      const { exitCode, err } = await runCli(['pki', 'genkey', '--encrypt'], { cwd });
      assert.equal(exitCode, 2);
      assert.match(err, /hint: give --passphrase-file FILE, or set CERTWRIGHT_PASSPHRASE/);
    }));

  test('is asked for only where something is encrypted', () =>
    inScratch(async (cwd) => {
      await runCli(['pki', 'genkey', '--out', 'plain.pem'], { cwd });
      await runCli(['pki', 'genkey', '--out', 'locked.pem', '--encrypt'], { cwd, answers: ['open sesame', 'open sesame'] });
      const request = (key: string, answers: readonly string[]) =>
        runCli(['pki', 'gencsr', '--key', key, '--common-name', 'x'], { cwd, answers });
      const plain = await request('plain.pem', []);
      assert.equal(plain.err, '');
      const locked = await request('locked.pem', ['open sesame']);
      assert.equal(locked.err, 'Passphrase of private key "locked.pem": \n');
      assert.match(locked.out, /^-----BEGIN CERTIFICATE REQUEST-----/);
      const wrong = await request('locked.pem', ['nonsense']);
      assert.equal(wrong.exitCode, 2);
      assert.match(wrong.err, /error: .*passphrase/);
      assert.doesNotMatch(wrong.err, /nonsense/);
    }));
});
