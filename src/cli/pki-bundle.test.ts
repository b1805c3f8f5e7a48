import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { formatName } from '../pki/name-text.ts';
import { parseCertificates } from '../pki/x509-certificate.ts';
import { failWith, makeCaFiles, makeRequest, signedBy, succeed } from '../testing/cli-files.ts';
import { inScratch, runCli } from '../testing/cli-run.ts';

const withFiles = (work: (cwd: string) => Promise<void>): Promise<void> =>
  inScratch(async (cwd) => {
    await makeCaFiles(cwd, 'b');
    await makeCaFiles(cwd, 'a');
    await makeRequest(cwd, 'leaf');
    await succeed(cwd, ...signedBy('a'), 'leaf.csr', '--duration', '24h', '--out', 'leaf.pem');
    await work(cwd);
  });

const subjects = (pem: string): readonly string[] => parseCertificates(pem).map(({ subject }) => formatName(subject));

describe('pki bundle', () => {
  test('keeps each certificate once, in the order given or the one asked for', () =>
    withFiles(async (cwd) => {
      const { out, err } = await runCli(['pki', 'bundle', 'b.pem', 'a.pem', 'b.pem', 'leaf.pem'], { cwd });
      assert.deepEqual(subjects(out), ['CN=b', 'CN=a', 'CN=leaf']);
      assert.equal(err, '3 certificates, 1 repeated, 0 expired and left out\n');
      assert.deepEqual(subjects(await succeed(cwd, 'pki', 'bundle', 'b.pem', 'leaf.pem', 'a.pem', '--sort', 'subject')), [
        'CN=a',
        'CN=b',
        'CN=leaf',
      ]);
      assert.equal(subjects(await succeed(cwd, 'pki', 'bundle', 'b.pem', 'leaf.pem', 'a.pem', '--sort', 'expiry'))[0], 'CN=leaf');
      assert.deepEqual(subjects(await succeed(cwd, 'pki', 'bundle', 'a.pem', 'leaf.pem', '--sort', 'chain')), ['CN=leaf', 'CN=a']);
      await failWith(cwd, 'ChainInvalid', 'pki', 'bundle', 'b.pem', 'leaf.pem', '--sort', 'chain');
    }));

  test('leaves out what is expired and refuses what is no CA, where told', () =>
    withFiles(async (cwd) => {
      const later = ['pki', 'bundle', 'a.pem', 'leaf.pem', '--drop-expired', '--at'];
      assert.deepEqual(subjects(await succeed(cwd, ...later, '2026-06-03')), ['CN=a']);
      assert.deepEqual(subjects(await succeed(cwd, ...later, '2026-06-02')), ['CN=a', 'CN=leaf']);
      await failWith(cwd, 'CertificateInvalid', 'pki', 'bundle', '--only-ca', 'a.pem', 'leaf.pem');
    }));

  test('writes a file, or lists what it would hold', () =>
    withFiles(async (cwd) => {
      await succeed(cwd, 'pki', 'bundle', 'a.pem', 'b.pem', '--out', 'trust.pem');
      assert.equal(
        readFileSync(join(cwd, 'trust.pem'), 'utf8'),
        readFileSync(join(cwd, 'a.pem'), 'utf8') + readFileSync(join(cwd, 'b.pem'), 'utf8'),
      );
      await failWith(cwd, 'FileExists', 'pki', 'bundle', 'a.pem', '--out', 'trust.pem');
      assert.match(
        await succeed(cwd, 'pki', 'bundle', '--list', 'leaf.pem'),
        /^SUBJECT +NOT AFTER +CA +SHA-256\nCN=leaf +2026-06-02T12:00:00Z +no +[0-9a-f]{64}\n$/,
      );
      const json = JSON.parse(await succeed(cwd, 'pki', 'bundle', 'a.pem', 'a.pem', '-o', 'json'));
      assert.deepEqual([json.certificates.length, json.certificates[0].isCa, json.repeated, json.expired], [1, true, 1, 0]);
    }));
});
