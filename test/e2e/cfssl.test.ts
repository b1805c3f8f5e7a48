// cfssl and this program on each other's files: requests, certificates and CAs, with the commands people type.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { repositoryRoot } from '../../src/testing/golden.ts';
import { needs, requireTool } from '../../src/testing/tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'certwright-cfssl-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const inFolder = (command: string, args: readonly string[], input = ''): string =>
  execFileSync(command, args, { cwd: folder, input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
const certwright = (...args: string[]): string => inFolder(join(repositoryRoot, 'certwright'), args);
const cfssl = (...args: string[]): string => inFolder(requireTool('cfssl'), args);
const writeBare = (json: string, base: string): string => inFolder(requireTool('cfssljson'), ['-bare', base], json);
const openssl = (...args: string[]): string => inFolder(requireTool('openssl'), args);

/** The request of Kubernetes' page "Manage TLS certificates in a cluster". */
const serverRequest = {
  hosts: ['my-svc.my-namespace.svc.cluster.local', 'my-pod.my-namespace.pod.cluster.local', '172.168.0.24', '10.0.34.2'],
  CN: 'my-pod.my-namespace.pod.cluster.local',
  key: { algo: 'ecdsa', size: 256 },
};
writeFileSync(join(folder, 'server.json'), JSON.stringify(serverRequest));

type CertInfo = {
  readonly subject: { readonly common_name: string; readonly organization?: string };
  readonly sans?: readonly string[];
  readonly not_after: string;
  readonly serial_number: string;
};
describe('cfssl', needs('cfssl', 'cfssljson', 'openssl'), () => {
  test('signs our request with our CA, whose key it reads as SEC1 and as PKCS#8', () => {
    certwright('pki', 'gencsr', '--key-out', 'ca-key.pem', '--common-name', 'our ca', '--out', 'ca.csr');
    certwright('pki', 'sign', '--self-signed', '--ca-key', 'ca-key.pem', '--csr', 'ca.csr', '--is-ca', '--out', 'ca.pem');
    certwright('pki', 'gencsr', '--from', 'server.json', '--key-out', 'server-key.pem', '--out', 'server.csr');
    openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'ca-key.pem', '-out', 'ca-pkcs8.pem');
    openssl('ec', '-in', 'ca-key.pem', '-out', 'ca-sec1.pem');
    for (const key of ['ca-pkcs8.pem', 'ca-sec1.pem']) {
      writeBare(cfssl('sign', '-ca', 'ca.pem', '-ca-key', key, 'server.csr'), 'server');
      assert.match(openssl('verify', '-CAfile', 'ca.pem', 'server.pem'), /server\.pem: OK/, key);
      const text = openssl('x509', '-in', 'server.pem', '-noout', '-ext', 'subjectAltName', '-subject');
      for (const host of serverRequest.hosts) assert.ok(text.includes(host), `${host} in ${text}`);
    }
  });

  test('reads our certificates as we do: subject, names, end and serial number', () => {
    const flags = ['--usage', 'server auth', '--usage', 'digital signature', '--out', 'ours.pem', '--overwrite'];
    certwright('pki', 'sign', '--ca', 'ca.pem', '--ca-key', 'ca-key.pem', '--csr', 'server.csr', ...flags);
    const theirs = JSON.parse(cfssl('certinfo', '-cert', 'ours.pem')) as CertInfo;
    const hex = openssl('x509', '-in', 'ours.pem', '-noout', '-serial').trim().replace('serial=', '');
    assert.equal(theirs.subject.common_name, serverRequest.CN);
    assert.deepEqual([...(theirs.sans ?? [])].sort(), [...serverRequest.hosts].sort());
    assert.equal(BigInt(theirs.serial_number), BigInt(`0x${hex}`));
    const ours = certwright('pki', 'inspect', 'ours.pem', '-o', 'json');
    assert.ok(ours.includes(hex), 'the same serial number');
    assert.ok(ours.includes(theirs.not_after.slice(0, 19)), `the same end: ${theirs.not_after}`);
    for (const host of serverRequest.hosts) assert.ok(ours.includes(host), host);
  });

  test('makes a CA and a request that we sign, and the certificate verifies', () => {
    writeBare(
      inFolder(requireTool('cfssl'), ['gencert', '-initca', '-'], JSON.stringify({ CN: 'their ca', key: { algo: 'rsa', size: 2048 } })),
      'theirs',
    );
    writeBare(inFolder(requireTool('cfssl'), ['genkey', '-'], JSON.stringify(serverRequest)), 'leaf');
    const flags = ['--usage', 'server auth', '--usage', 'digital signature', '--out', 'leaf.pem'];
    certwright('pki', 'sign', '--ca', 'theirs.pem', '--ca-key', 'theirs-key.pem', '--csr', 'leaf.csr', ...flags);
    assert.match(openssl('verify', '-purpose', 'sslserver', '-CAfile', 'theirs.pem', 'leaf.pem'), /leaf\.pem: OK/);
    const chain = JSON.parse(cfssl('certinfo', '-cert', 'leaf.pem')) as CertInfo;
    assert.equal(chain.subject.common_name, serverRequest.CN);
  });

  test('has its JSON {csr, key} taken up by cfssljson where ours stands in for genkey', () => {
    writeBare(certwright('pki', 'gencsr', '--from', 'server.json', '--cfssl-json'), 'piped');
    assert.match(readFileSync(join(folder, 'piped.csr'), 'utf8'), /BEGIN CERTIFICATE REQUEST/);
    assert.match(readFileSync(join(folder, 'piped-key.pem'), 'utf8'), /BEGIN EC PRIVATE KEY/);
    assert.match(openssl('req', '-in', 'piped.csr', '-noout', '-verify', '-text'), /my-svc\.my-namespace\.svc\.cluster\.local/);
  });
});
