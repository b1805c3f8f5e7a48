import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { failWith, makeCaFiles, makeRequest, signedBy, succeed } from '../testing/cli-files.ts';
import { inScratch, runCli } from '../testing/cli-run.ts';

/** A root, an intermediate below it that may name example.com only, and a server certificate of that. */
const withChain = (work: (cwd: string) => Promise<void>): Promise<void> =>
  inScratch(async (cwd) => {
    await makeCaFiles(cwd, 'root');
    await makeRequest(cwd, 'sub');
    await succeed(cwd, ...signedBy('root'), 'sub.csr', '--is-ca', '--permit', 'example.com', '--out', 'sub.pem');
    await makeRequest(cwd, 'web', '--san', 'web.example.com', '--san', '10.0.0.5');
    await succeed(cwd, ...signedBy('sub'), 'web.csr', '--accept-finding', 'name-outside-issuer', '--out', 'web.pem');
    await work(cwd);
  });

const verify = ['pki', 'verify', '--ca', 'root.pem'];

describe('pki verify', () => {
  test('finds the path through intermediates, given apart or behind the certificate', () =>
    withChain(async (cwd) => {
      const expected = 'web.pem: OK\n  CN=web\n  CN=sub\n  CN=root\n';
      assert.equal(await succeed(cwd, ...verify, '--intermediates', 'sub.pem', 'web.pem'), expected);
      writeFileSync(join(cwd, 'chain.pem'), readFileSync(join(cwd, 'web.pem'), 'utf8') + readFileSync(join(cwd, 'sub.pem'), 'utf8'));
      assert.equal(await succeed(cwd, ...verify, 'chain.pem'), expected.replace('web.pem', 'chain.pem'));
      assert.match(await failWith(cwd, 'ChainInvalid', ...verify, 'web.pem'), /\(issuer-unknown, RFC 5280 section 6\.1\)/);
      assert.match(
        await succeed(cwd, 'pki', 'verify', '--ca', 'sub.pem', 'web.pem'),
        /^web\.pem: OK/,
        'an intermediate may be believed in',
      );
    }));

  test('judges purpose, host and time', () =>
    withChain(async (cwd) => {
      const judged = [...verify, '--intermediates', 'sub.pem', 'web.pem'];
      await succeed(cwd, ...judged, '--purpose', 'server', '--dns-name', 'WEB.example.com');
      await succeed(cwd, ...judged, '--dns-name', '10.0.0.5', '--purpose', '1.3.6.1.5.5.7.3.1');
      assert.match(await failWith(cwd, 'ChainInvalid', ...judged, '--purpose', 'client'), /extended-key-usage/);
      assert.match(await failWith(cwd, 'ChainInvalid', ...judged, '--purpose', 'code-signing'), /extended-key-usage/);
      assert.match(await failWith(cwd, 'ChainInvalid', ...judged, '--dns-name', 'other.example.com'), /host-name/);
      assert.match(await failWith(cwd, 'ChainInvalid', ...judged, '--dns-name', '10.0.0.6'), /ip-address/);
      assert.match(await failWith(cwd, 'ChainInvalid', ...judged, '--at', '2030-01-01'), /expired/);
      await failWith(cwd, 'UsageInvalid', ...judged, '--purpose', 'cert-sign');
    }));

  test('relaxes a rule by the name that the refusal gives', () =>
    withChain(async (cwd) => {
      const judged = [...verify, '--intermediates', 'sub.pem', 'web.pem', '--at', '2028-01-01'];
      assert.match(await failWith(cwd, 'ChainInvalid', ...judged), /\(expired, /);
      await succeed(cwd, ...judged, '--relax', 'expired');
      assert.match(await failWith(cwd, 'UsageInvalid', ...judged, '--relax', 'signature'), /"signature": it is not known/);
    }));

  test('asks about revocation where a list is given, of every certificate below the anchor', () =>
    withChain(async (cwd) => {
      const create = (name: string) =>
        succeed(cwd, 'pki', 'crl', 'create', '--ca', `${name}.pem`, '--ca-key', `${name}-key.pem`, '--out', `${name}.crl`, '--overwrite');
      await create('root');
      await create('sub');
      const judged = [...verify, '--intermediates', 'sub.pem', 'web.pem'];
      assert.match(await failWith(cwd, 'ChainInvalid', ...judged, '--crl', 'root.crl'), /revocation-unknown/);
      await succeed(cwd, ...judged, '--crl', 'root.crl', '--crl', 'sub.crl');
      await succeed(cwd, 'pki', 'revoke', '--ca', 'sub.pem', '--certificate', 'web.pem');
      await create('sub');
      assert.match(await failWith(cwd, 'ChainInvalid', ...judged, '--crl', 'root.crl', '--crl', 'sub.crl'), /\(revoked, /);
    }));

  test('tells of several files each, and fails where one does', () =>
    withChain(async (cwd) => {
      const { exitCode, out, err } = await runCli([...verify, 'sub.pem', 'web.pem'], { cwd });
      assert.equal(exitCode, 5);
      assert.match(out, /^sub\.pem: OK\n {2}CN=sub\n {2}CN=root\nweb\.pem: FAILED\n {2}cannot verify certificate "CN=web"/);
      assert.match(err, /cannot verify 1 of 2 certificates/);
      const json = await runCli([...verify, 'sub.pem', 'web.pem', '-o', 'json'], { cwd });
      assert.equal(json.exitCode, 5);
      const { results } = JSON.parse(json.out);
      assert.deepEqual(
        results.map((result: { readonly valid: boolean }) => result.valid),
        [true, false],
      );
      assert.equal(results[1].error.details.rule, 'issuer-unknown');
      assert.equal(JSON.parse(json.err).error.code, 'ChainInvalid');
    }));
});
