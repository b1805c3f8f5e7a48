import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readLedger } from '../cluster/ledger.ts';
import { type Crl, isRevoked, readCrl } from '../pki/crl.ts';
import { formatSerialNumber, parseFirstCertificate } from '../pki/x509-certificate.ts';
import { failWith, makeCaFiles, makeRequest, signedBy, succeed } from '../testing/cli-files.ts';
import { inScratch, runCli, runTime } from '../testing/cli-run.ts';

const withTwo = (work: (cwd: string) => Promise<void>): Promise<void> =>
  inScratch(async (cwd) => {
    await makeCaFiles(cwd);
    for (const name of ['one', 'two']) {
      await makeRequest(cwd, name);
      await succeed(cwd, ...signedBy(), `${name}.csr`, '--out', `${name}.pem`);
    }
    await work(cwd);
  });

const certificateIn = (cwd: string, file: string) => parseFirstCertificate(readFileSync(join(cwd, file)));
const serialIn = (cwd: string, file: string): string => formatSerialNumber(certificateIn(cwd, file).serialNumber);
const create = ['pki', 'crl', 'create', '--ca', 'ca.pem', '--ca-key', 'ca-key.pem'];
const nextCrl = async (cwd: string, ...flags: readonly string[]): Promise<Crl> => readCrl(await succeed(cwd, ...create, ...flags));

describe('pki revoke and pki crl', () => {
  test('put on the next list what was revoked, with its reason, and number the lists', () =>
    withTwo(async (cwd) => {
      const first = await nextCrl(cwd);
      assert.equal(first.number, 1n);
      assert.equal(first.entries.size, 0);
      assert.equal(first.nextUpdate?.getTime(), runTime.getTime() + 7 * 86_400_000);
      const { out, err } = await runCli(['pki', 'revoke', '--ca', 'ca.pem', '--certificate', 'one.pem', '--reason', 'keyCompromise'], {
        cwd,
      });
      assert.equal(out, `revoked CN=one: serial ${serialIn(cwd, 'one.pem')}\n`);
      assert.match(err, /^next: certwright pki crl create --ca ca\.pem/m);
      assert.match(err, /kube-apiserver reads no revocation list/);
      const second = await nextCrl(cwd, '--valid-for', '24h');
      assert.equal(second.number, 2n);
      assert.ok(isRevoked(second, certificateIn(cwd, 'one.pem')));
      assert.ok(!isRevoked(second, certificateIn(cwd, 'two.pem')));
      assert.deepEqual(
        [...second.entries.values()].map(({ reason }) => reason),
        ['keyCompromise'],
      );
      assert.equal(second.nextUpdate?.getTime(), runTime.getTime() + 86_400_000);
      assert.deepEqual(
        readLedger(join(cwd, 'ca.ledger.jsonl')).map(({ event }) => event),
        ['issued', 'issued', 'issued', 'crl', 'revoked', 'crl'],
      );
    }));

  test('find certificates by serial number and by name, and say what was revoked before', () =>
    withTwo(async (cwd) => {
      const revoke = ['pki', 'revoke', '--ca', 'ca.pem'];
      const serial = serialIn(cwd, 'one.pem');
      assert.match(await succeed(cwd, ...revoke, '--serial', serial.toLowerCase()), /^revoked CN=one/);
      assert.match(await succeed(cwd, ...revoke, '--serial', serial), /^was revoked before: CN=one/);
      const json = JSON.parse(await succeed(cwd, ...revoke, '--name', 'two', '-o', 'json'));
      assert.deepEqual(
        [json.reason, json.revoked.length, json.revoked[0].serial, json.alreadyRevoked.length],
        ['unspecified', 1, serialIn(cwd, 'two.pem'), 0],
      );
      await failWith(cwd, 'CertificateUnknown', ...revoke, '--serial', '00');
      await succeed(cwd, ...signedBy(), 'two.csr', '--out', 'three.pem');
      await succeed(cwd, ...signedBy(), 'two.csr', '--out', 'four.pem');
      await failWith(cwd, 'CertificateAmbiguous', ...revoke, '--name', 'two');
      assert.equal((await succeed(cwd, ...revoke, '--name', 'two', '--all')).match(/^revoked/gm)?.length, 2);
      await failWith(cwd, 'UsageInvalid', ...revoke);
      await failWith(cwd, 'UsageInvalid', ...revoke, '--name', 'x', '--serial', '01');
      await failWith(cwd, 'UsageInvalid', ...revoke, '--name', 'one', '--reason', 'bored');
      await failWith(cwd, 'CertificateUnknown', 'pki', 'revoke', '--ca', 'one.pem', '--name', 'one');
    }));

  test('show a list and whether it may be believed', () =>
    withTwo(async (cwd) => {
      await makeCaFiles(cwd, 'other');
      await succeed(cwd, ...create, '--out', 'ca.crl', '--der');
      assert.notEqual(readFileSync(join(cwd, 'ca.crl'))[0], '-'.charCodeAt(0));
      const show = ['pki', 'crl', 'show', 'ca.crl'];
      assert.match(await succeed(cwd, ...show, '--ca', 'ca.pem'), /^Revocation list\n {2}Issuer: +CN=ca\n {2}Number: +1\n/);
      const json = JSON.parse(await succeed(cwd, ...show, '--ca', 'ca.pem', '-o', 'json'));
      assert.deepEqual([json.issuer, json.number, json.believable, json.currency], ['CN=ca', '1', true, 'current']);
      const late = await runCli([...show, '--ca', 'ca.pem', '--at', '2026-06-09'], { cwd });
      assert.equal(late.exitCode, 2);
      assert.match(late.out, /Next update: .*\(OUTDATED\)/);
      assert.match(late.err, /the next one was due 2026-06-08/);
      const foreign = await runCli([...show, '--ca', 'other.pem'], { cwd });
      assert.match(foreign.err, /it is a list of "CN=ca"/);
      assert.equal(await succeed(cwd, 'pki', 'inspect', 'ca.crl'), await succeed(cwd, ...show));
    }));

  test('take no number for a list that has no place', () =>
    withTwo(async (cwd) => {
      writeFileSync(join(cwd, 'there.crl'), 'kept');
      await failWith(cwd, 'FileExists', ...create, '--out', 'there.crl');
      assert.equal((await nextCrl(cwd)).number, 1n);
    }));
});
