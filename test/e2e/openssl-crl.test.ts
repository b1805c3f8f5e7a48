// Revocation lists against OpenSSL: it reads and believes ours, we read and believe what `openssl ca -gencrl` makes, and both draw the same
// conclusions from them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { AsnConvert } from '@peculiar/asn1-schema';
import { CertificateList } from '@peculiar/asn1-x509';
import { isCodedError } from '../../src/base/coded-error.ts';
import { type Crl, type CrlReason, crlPem, crlProblem, crlReasons, isRevoked, readCrl, revocationEntry } from '../../src/pki/crl.ts';
import type { KeyAlgorithm } from '../../src/pki/key-algorithm.ts';
import { makeCrl } from '../../src/pki/make-crl.ts';
import { oid } from '../../src/pki/oid.ts';
import { verifyChain } from '../../src/pki/verify-chain.ts';
import { certificatePem, formatSerialNumber, type X509Certificate } from '../../src/pki/x509-certificate.ts';
import { type TestIssuer, testCa, testDay, testLeaf, testTime } from '../../src/testing/certificates.ts';
import { needs, requireTool } from '../../src/testing/tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'certwright-crl-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const file = (text: string): string => {
  const path = join(folder, String(++files));
  writeFileSync(path, text);
  return path;
};

const openssl = (...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
  spawnSync(requireTool('openssl'), args, { encoding: 'utf8', cwd: folder, env: { ...process.env, TZ: 'UTC' } });

const root = await testCa({ subject: 'Root' });
const ca = await testCa({ subject: 'CA', keyNumber: 2 }, root);
const withdrawn = await testLeaf(ca, { subject: 'withdrawn' });
const good = await testLeaf(ca, { subject: 'good' });

const listOf = (
  issuer: TestIssuer,
  ...revoked: readonly { readonly certificate: X509Certificate; readonly reason?: CrlReason }[]
): Promise<Crl> =>
  makeCrl(
    {
      thisUpdate: testDay(-1),
      nextUpdate: testDay(7),
      number: 0x1234,
      entries: revoked.map(({ certificate, reason }) => ({
        serialNumber: certificate.serialNumber,
        revokedAt: testDay(-2),
        ...(reason === undefined || reason === 'removeFromCRL' ? {} : { reason, invalidityDate: testDay(-3) }),
      })),
    },
    issuer,
  );

/** Whether OpenSSL and we accept a leaf with these lists. */
const verdicts = (leaf: X509Certificate, crls: readonly Crl[]): readonly [openssl: boolean, ours: boolean] => {
  const { status } = openssl(
    ...['verify', '-no-CApath', '-no-CAstore', '-crl_check_all', '-CAfile', file(certificatePem(root.certificate))],
    ...['-untrusted', file(certificatePem(ca.certificate)), '-CRLfile', file(crls.map(crlPem).join(''))],
    ...['-attime', String(testTime.getTime() / 1000), file(certificatePem(leaf))],
  );
  try {
    verifyChain({ leaf, intermediates: [ca.certificate], anchors: [root.certificate], at: testTime, purposes: [oid.serverAuth], crls });
    return [status === 0, true];
  } catch (error) {
    assert.ok(isCodedError(error) && error.code === 'ChainInvalid');
    return [status === 0, false];
  }
};

describe('lists of ours', needs('openssl'), () => {
  test('are read by OpenSSL as they were meant, and their signature holds', async () => {
    const crl = await listOf(ca, { certificate: withdrawn, reason: 'keyCompromise' }, { certificate: good });
    const { status, stdout, stderr } = openssl(
      'crl',
      '-in',
      file(crlPem(crl)),
      '-noout',
      '-text',
      '-CAfile',
      file(certificatePem(ca.certificate)),
    );
    assert.equal(status, 0, stderr);
    assert.match(stderr, /verify OK/);
    for (const line of [
      'Version 2 (0x1)',
      'Issuer: CN = CA',
      'Last Update: Feb 28 12:00:00 2026 GMT',
      'Next Update: Mar  8 12:00:00 2026 GMT',
      '4660',
      `Serial Number: ${formatSerialNumber(withdrawn.serialNumber)}`,
      `Serial Number: ${formatSerialNumber(good.serialNumber)}`,
      'Revocation Date: Feb 27 12:00:00 2026 GMT',
      'Key Compromise',
      'Feb 26 12:00:00 2026 GMT',
    ])
      assert.ok(stdout.includes(line), `${line} is missing in\n${stdout}`);
  });

  test('hold for every kind of key OpenSSL 3.0 knows', async () => {
    for (const algorithm of ['rsa-2048', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'ed25519'] satisfies KeyAlgorithm[]) {
      const issuer = await testCa({ algorithm });
      const { stderr } = openssl(
        'crl',
        '-in',
        file(crlPem(await listOf(issuer))),
        '-noout',
        '-CAfile',
        file(certificatePem(issuer.certificate)),
      );
      assert.match(stderr, /verify OK/, algorithm);
    }
  });

  test('lead OpenSSL and us to the same verdict', async () => {
    const [rootList, caList] = [await listOf(root), await listOf(ca, { certificate: withdrawn })];
    for (const [leaf, crls, expected] of [
      [good, [rootList, caList], true],
      [withdrawn, [rootList, caList], false],
      [good, [caList], false],
      [good, [rootList], false],
      [good, [await listOf(root, { certificate: ca.certificate }), caList], false],
    ] as const)
      assert.deepEqual(verdicts(leaf, crls), [expected, expected]);
  });
});

test('another reader of ASN.1 finds the same issuer, times and serial numbers in a list of ours', async () => {
  const crl = await listOf(ca, { certificate: withdrawn, reason: 'superseded' }, { certificate: good });
  const { tbsCertList: read } = AsnConvert.parse(crl.raw, CertificateList);
  assert.deepEqual([read.version, read.thisUpdate.getTime(), read.nextUpdate?.getTime()], [1, crl.thisUpdate, crl.nextUpdate]);
  assert.deepEqual(
    read.revokedCertificates?.map(({ userCertificate }) => Buffer.from(userCertificate).toString('hex')),
    [...crl.entries.keys()],
  );
  assert.deepEqual(new Uint8Array(AsnConvert.serialize(read.issuer)), Uint8Array.from(ca.certificate.subject.raw));
});

describe('lists of OpenSSL', needs('openssl'), () => {
  const stamp = (at: Date): string => `${at.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`;
  /** What `openssl ca -gencrl` makes of a database. */
  const generated = (rows: readonly string[], extensions: string, numbering = `crlnumber = ${file('2A\n')}`): Crl => {
    const database = file(rows.map((row) => `${row}\n`).join(''));
    const config = file(
      [
        '[ca]',
        'default_ca = own',
        '[own]',
        `database = ${database}`,
        numbering,
        'default_md = sha256',
        ...(extensions === '' ? [] : ['crl_extensions = extensions', '[extensions]', extensions]),
      ].join('\n'),
    );
    const out = file('');
    const key = file(ca.key.export({ format: 'pem', type: 'pkcs8' }).toString());
    const { status, stderr } = openssl(
      ...['ca', '-gencrl', '-config', config, '-cert', file(certificatePem(ca.certificate)), '-keyfile', key, '-out', out],
      ...['-crl_lastupdate', stamp(testDay(-1)), '-crl_nextupdate', stamp(testDay(7))],
    );
    assert.equal(status, 0, stderr);
    const text = openssl('crl', '-in', out).stdout;
    return readCrl(text);
  };
  const row = (serial: string, reason: string): string =>
    `R\t${stamp(testDay(90))}\t${stamp(testDay(-2))}${reason}\t${serial}\tunknown\t/CN=x`;

  test('of version 2 are read with number, reasons and dates, and believed', () => {
    const reasons = (Object.keys(crlReasons) as CrlReason[]).filter(
      (word) => !['removeFromCRL', 'certificateHold', 'privilegeWithdrawn', 'aACompromise'].includes(word),
    );
    const rows = reasons.map((word, i) => row(`0${i + 1}`, `,${word}`));
    const crl = generated(
      [...rows, row(formatSerialNumber(withdrawn.serialNumber), ''), row('7F', ',keyTime,20260101000000Z')],
      'authorityKeyIdentifier = keyid:always',
    );
    assert.deepEqual([crl.version, crl.number, crl.thisUpdate, crl.nextUpdate], [2, 0x2an, testDay(-1), testDay(7)]);
    assert.deepEqual(
      reasons.map((_, i) => crl.entries.get(`0${i + 1}`)?.reason),
      reasons,
    );
    assert.deepEqual(revocationEntry(crl, withdrawn)?.revokedAt, testDay(-2));
    assert.deepEqual(crl.entries.get('7f')?.invalidityDate, new Date('2026-01-01T00:00:00Z'));
    assert.ok(!isRevoked(crl, good));
    assert.equal(crlProblem(crl, ca.certificate, testTime), undefined);
  });

  test('of version 1, which it makes where nothing asks for more, are read and believed', () => {
    const crl = generated([row('05', '')], '', '');
    assert.deepEqual([crl.version, crl.number, [...crl.entries.keys()]], [1, undefined, ['05']]);
    assert.equal(crlProblem(crl, ca.certificate, testTime), undefined);
  });

  test('without entries are read and believed', () => {
    const crl = generated([], '');
    assert.equal(crl.entries.size, 0);
    assert.equal(crlProblem(crl, ca.certificate, testTime), undefined);
  });

  test('that are partial or indirect are named, where OpenSSL makes such', () => {
    assert.match(
      generated([], 'issuingDistributionPoint = critical, @point\n[point]\nonlyuser = TRUE').unusable ?? '',
      /^it is a partial list/,
    );
    assert.match(
      generated([], 'issuingDistributionPoint = critical, @point\n[point]\nindirectCRL = TRUE').unusable ?? '',
      /^it is an indirect list/,
    );
  });
});
