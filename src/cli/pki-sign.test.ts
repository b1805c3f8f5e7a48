import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readLedger } from '../cluster/ledger.ts';
import { findExtension } from '../pki/extension.ts';
import { formatGeneralName } from '../pki/general-name-text.ts';
import { inspectExtension } from '../pki/inspect-extension.ts';
import { formatName } from '../pki/name-text.ts';
import { oid } from '../pki/oid.ts';
import { extendedUsageName } from '../pki/usage.ts';
import { isSignedBy, parseFirstCertificate, type X509Certificate } from '../pki/x509-certificate.ts';
import { failWith, makeCaFiles, makeRequest, signedBy, succeed } from '../testing/cli-files.ts';
import { inScratch, runCli, runTime } from '../testing/cli-run.ts';

const certificateIn = (cwd: string, file: string): X509Certificate => parseFirstCertificate(readFileSync(join(cwd, file)));
const usagesOf = ({ keyUsage = [], extendedKeyUsage = [] }: X509Certificate): readonly string[] => [
  ...keyUsage,
  ...extendedKeyUsage.map(extendedUsageName),
];

describe('pki sign', () => {
  test('signs what the request names, for a year, by the CA, with a ledger line', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      await makeRequest(cwd, 'web', '--organizations', 'dev', '--san', 'web.example.com', '--san', '10.0.0.5');
      const { err } = await runCli([...signedBy(), 'web.csr', '--out', 'web.pem'], { cwd });
      const certificate = certificateIn(cwd, 'web.pem');
      assert.ok(isSignedBy(certificate, certificateIn(cwd, 'ca.pem')));
      assert.equal(formatName(certificate.subject), 'CN=web,O=dev');
      assert.deepEqual(certificate.subjectAltNames?.map(formatGeneralName), ['DNS:web.example.com', 'IP Address:10.0.0.5']);
      assert.deepEqual(usagesOf(certificate), ['digital signature', 'server auth']);
      assert.equal(certificate.notBefore.getTime(), runTime.getTime() - 5 * 60_000);
      assert.equal(certificate.notAfter.getTime(), runTime.getTime() + 8760 * 3_600_000);
      assert.match(
        err,
        /^signed CN=web,O=dev: serial [0-9A-F]+, for digital signature, server auth, until 2027-06-01T12:00:00Z\nwrote web\.pem \(certificate\)\n$/,
      );
      assert.equal(statSync(join(cwd, 'web.pem')).mode & 0o777, 0o644);
      const events = readLedger(join(cwd, 'ca.ledger.jsonl'));
      assert.deepEqual(
        events.map((event) => (event.event === 'issued' ? [event.subject, event.requestedBy, event.at] : event)),
        [
          ['CN=ca', 'tester@test', '2026-06-01T12:00:00.000Z'],
          ['CN=web,O=dev', 'tester@test', '2026-06-01T12:00:00.000Z'],
        ],
      );
    }));

  test('gives a client usages where the request names no host, and adds key usage to purposes', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      await makeRequest(cwd, 'alice');
      await makeRequest(cwd, 'old', '--algorithm', 'rsa-2048');
      const usages = async (csr: string, ...flags: readonly string[]): Promise<readonly string[]> => {
        await succeed(cwd, ...signedBy(), csr, '--out', 'x.pem', '--overwrite', ...flags);
        return usagesOf(certificateIn(cwd, 'x.pem'));
      };
      assert.deepEqual(await usages('alice.csr'), ['digital signature', 'client auth']);
      assert.deepEqual(await usages('old.csr'), ['digital signature', 'key encipherment', 'client auth']);
      assert.deepEqual(await usages('alice.csr', '--usage', 'server-auth,clientAuth'), ['digital signature', 'server auth', 'client auth']);
      assert.deepEqual(await usages('alice.csr', '--usage', 'key agreement,client auth'), ['key agreement', 'client auth']);
      assert.deepEqual(await usages('alice.csr', '--is-ca'), ['digital signature', 'cert sign', 'crl sign']);
    }));

  test('takes of what else is asked for only what --copy names', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      await makeRequest(cwd, 'greedy', '--usage', 'code-signing,digital-signature', '--is-ca');
      await succeed(cwd, ...signedBy(), 'greedy.csr', '--out', 'plain.pem');
      const plain = certificateIn(cwd, 'plain.pem');
      assert.deepEqual(usagesOf(plain), ['digital signature', 'client auth']);
      assert.equal(plain.basicConstraints?.isCa, false);
      await succeed(cwd, ...signedBy(), 'greedy.csr', '--out', 'copied.pem', '--copy', 'extendedKeyUsage,key-usage');
      assert.deepEqual(usagesOf(certificateIn(cwd, 'copied.pem')), ['digital signature', 'code signing']);
      assert.match(await failWith(cwd, 'UsageInvalid', ...signedBy(), 'greedy.csr', '--copy', 'basicConstraints'), /decided by --is-ca/);
      assert.match(await failWith(cwd, 'UsageInvalid', ...signedBy(), 'greedy.csr', '--copy', '1.2.3'), /the request does not ask for it/);
      await failWith(cwd, 'UsageInvalid', ...signedBy(), 'greedy.csr', '--copy', 'keyUsage', '--usage', 'client-auth');
    }));

  test('replaces alternative names where told', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      await makeRequest(cwd, 'web', '--san', 'asked.example');
      await succeed(cwd, ...signedBy(), 'web.csr', '--out', 'x.pem', '--san', 'given.example');
      assert.deepEqual(certificateIn(cwd, 'x.pem').subjectAltNames?.map(formatGeneralName), ['DNS:given.example']);
      assert.match(await failWith(cwd, 'SanInvalid', ...signedBy(), 'web.csr', '--san', 'web.example:443'), /it has a port/);
    }));

  test('makes a limited CA with all its URLs, and what that signs carries the chain', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      await makeRequest(cwd, 'sub');
      const limits = ['--is-ca', '--path-length', '0', '--permit', 'example.com', '--permit', '10.0.0.0/9', '--exclude', 'dirName:O=Evil'];
      const urls = ['--crl-url', 'http://c.example/ca.crl', '--ocsp-url', 'http://o.example', '--issuer-url', 'http://i.example/ca.crt'];
      await succeed(cwd, ...signedBy(), 'sub.csr', '--out', 'sub.pem', ...limits, ...urls);
      const sub = certificateIn(cwd, 'sub.pem');
      const shown = (type: string): unknown => {
        const extension = findExtension(sub.extensions, type);
        return extension === undefined ? undefined : [extension.critical, inspectExtension(extension).value];
      };
      assert.deepEqual(shown(oid.basicConstraints), [true, { ca: true, pathLength: 0 }]);
      assert.deepEqual(shown(oid.nameConstraints), [
        true,
        {
          permitted: [
            { type: 'DNS', value: 'example.com' },
            { type: 'IP Address', value: '10.0.0.0/9' },
          ],
          excluded: [{ type: 'dirName', value: 'O=Evil' }],
        },
      ]);
      assert.deepEqual(shown(oid.crlDistributionPoints), [false, [{ fullName: [{ type: 'URI', value: 'http://c.example/ca.crl' }] }]]);
      assert.deepEqual(shown(oid.authorityInfoAccess), [
        false,
        [
          { method: 'ocsp', type: 'URI', value: 'http://o.example' },
          { method: 'caIssuers', type: 'URI', value: 'http://i.example/ca.crt' },
        ],
      ]);
      await makeRequest(cwd, 'web', '--san', 'a.example.com');
      const chain = await succeed(cwd, ...signedBy('sub'), 'web.csr', '--chain');
      assert.equal(chain.match(/BEGIN CERTIFICATE/g)?.length, 2);
      assert.ok(chain.endsWith(readFileSync(join(cwd, 'sub.pem'), 'utf8')));
      const rootSigned = await succeed(cwd, ...signedBy(), 'web.csr', '--chain');
      assert.equal(rootSigned.match(/BEGIN CERTIFICATE/g)?.length, 1, 'a root is left out');
      await failWith(cwd, 'UsageInvalid', ...signedBy(), 'web.csr', '--path-length', '1');
    }));

  test('tells lint’s findings, signs despite those accepted, and leaves no line for what it refused', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      await makeRequest(cwd, 'web');
      const before = readFileSync(join(cwd, 'ca.ledger.jsonl'), 'utf8');
      const refused = await failWith(cwd, 'CertificateRefused', ...signedBy(), 'web.csr', '--usage', 'any');
      assert.match(refused, /the purpose "any" makes it pass as everything \(extended-key-usage-any\)/);
      assert.equal(readFileSync(join(cwd, 'ca.ledger.jsonl'), 'utf8'), before);
      const { exitCode, err } = await runCli([...signedBy(), 'web.csr', '--usage', 'any', '--accept-finding', 'extended-key-usage-any'], {
        cwd,
      });
      assert.equal(exitCode, 0);
      assert.match(err, /^accepted: the purpose "any" .* \(extended-key-usage-any\)$/m);
      assert.match(
        await failWith(cwd, 'UsageInvalid', ...signedBy(), 'web.csr', '--accept-finding', 'nonsense'),
        /"nonsense": it is not known/,
      );
    }));

  test('gives a CA ten years where nothing is said', () =>
    inScratch(async (cwd) => {
      await makeRequest(cwd, 'root');
      await succeed(cwd, 'pki', 'sign', '--self-signed', '--ca-key', 'root-key.pem', '--csr', 'root.csr', '--is-ca', '--out', 'root.pem');
      assert.equal(certificateIn(cwd, 'root.pem').notAfter.getTime(), runTime.getTime() + 87_600 * 3_600_000);
    }));

  test('never outlives the CA, and says so', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      await makeRequest(cwd, 'web');
      const { err } = await runCli([...signedBy(), 'web.csr', '--duration', '200000h', '--out', 'web.pem'], { cwd });
      assert.match(err, /note: it ends with its CA, earlier than asked for/);
      assert.equal(certificateIn(cwd, 'web.pem').notAfter.getTime(), certificateIn(cwd, 'ca.pem').notAfter.getTime());
    }));

  test('refuses a forged request, a key that is not the CA’s, a CA that is none, and a file that exists', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      await makeRequest(cwd, 'web');
      const der = Buffer.from(readFileSync(join(cwd, 'web.csr'), 'utf8').replace(/-----.*-----|\s/g, ''), 'base64');
      der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
      writeFileSync(join(cwd, 'forged.csr'), der);
      await failWith(cwd, 'CsrSignatureInvalid', ...signedBy(), 'forged.csr');
      await failWith(cwd, 'KeyMismatch', 'pki', 'sign', '--ca', 'ca.pem', '--ca-key', 'web-key.pem', '--csr', 'web.csr');
      await succeed(cwd, ...signedBy(), 'web.csr', '--out', 'web.pem');
      await failWith(cwd, 'CaInvalid', 'pki', 'sign', '--ca', 'web.pem', '--ca-key', 'web-key.pem', '--csr', 'web.csr');
      const kept = readFileSync(join(cwd, 'web.pem'), 'utf8');
      const lines = readFileSync(join(cwd, 'ca.ledger.jsonl'), 'utf8');
      await failWith(cwd, 'FileExists', ...signedBy(), 'web.csr', '--out', 'web.pem');
      assert.equal(readFileSync(join(cwd, 'web.pem'), 'utf8'), kept);
      assert.equal(readFileSync(join(cwd, 'ca.ledger.jsonl'), 'utf8'), lines, 'nothing was signed that had no place');
      await failWith(cwd, 'UsageInvalid', 'pki', 'sign', '--ca-key', 'ca-key.pem', '--csr', 'web.csr');
      await failWith(cwd, 'UsageInvalid', ...signedBy(), 'web.csr', '--self-signed');
      const expired = await runCli([...signedBy(), 'web.csr'], { cwd, at: new Date('2046-01-01T00:00:00Z') });
      assert.equal(expired.exitCode, 2);
      assert.match(expired.err, /it is expired since 2036/);
    }));

  test('keeps the ledger where it is told', () =>
    inScratch(async (cwd) => {
      await makeCaFiles(cwd);
      await makeRequest(cwd, 'web');
      await succeed(cwd, ...signedBy(), 'web.csr', '--ledger', 'elsewhere.jsonl');
      assert.equal(readLedger(join(cwd, 'elsewhere.jsonl')).length, 1);
      assert.equal(readLedger(join(cwd, 'ca.ledger.jsonl')).length, 1);
    }));
});
