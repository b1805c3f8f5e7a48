import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isCodedError } from '../base/coded-error.ts';
import type { CertificateTemplate } from '../pki/certificate-template.ts';
import { commonNameOf, subjectName } from '../pki/name.ts';
import { generatePrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { certificateFingerprint, certificatePem, formatSerialNumber, isSignedBy } from '../pki/x509-certificate.ts';
import { randomOctets, testAuthority, writeAuthority } from '../testing/authority-files.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { backdated, createAuthority, endOfLifetime, issueCertificates, readAuthority, servedChain } from './authority.ts';
import { readLedger } from './ledger.ts';

const at = new Date('2026-11-23T05:43:21.500Z');
const day = 86_400_000;
const context = { at, random: randomOctets, requestedBy: 'root@laptop' };

const filesIn = (directory: string) => ({ certificateFile: join(directory, 'ca.pem'), keyFile: join(directory, 'ca-key.pem') });
const coded =
  (code: string, words = '') =>
  (error: unknown): boolean =>
    isCodedError(error) && error.code === code && error.message.includes(words);

const template = async (commonName: string): Promise<CertificateTemplate> => ({
  subject: subjectName(commonName, ['dev']),
  publicKey: publicKeyOf(await generatePrivateKey('ecdsa-p256')),
  notBefore: backdated(at),
  notAfter: new Date(at.getTime() + day),
  usages: ['digital signature', 'client auth'],
  subjectAltNames: [{ type: 'dns', value: `${commonName}.example` }],
});

describe('reading a CA', () => {
  test('a root with its key can sign and serves leaves alone', async (t) => {
    const directory = temporaryDirectory(t);
    writeAuthority(directory, await testAuthority('root', at), { certificate: 'ca.pem', key: 'ca-key.pem' });
    const authority = readAuthority(filesIn(directory), { at });
    assert.equal(authority.isIntermediate, false);
    const [leaf] = await issueCertificates(authority, [await template('a')], context);
    assert.ok(leaf !== undefined && isSignedBy(leaf, authority.certificate));
    assert.deepEqual(servedChain(leaf, authority), [leaf]);
  });

  test('an intermediate serves leaves with its own certificate behind them', async (t) => {
    const directory = temporaryDirectory(t);
    const parent = await testAuthority('root', at);
    writeAuthority(directory, await testAuthority('intermediate', at, { parent }), { certificate: 'ca.pem', key: 'ca-key.pem' });
    const authority = readAuthority(filesIn(directory), { at });
    assert.equal(authority.isIntermediate, true);
    const [leaf] = await issueCertificates(authority, [await template('a')], context);
    assert.ok(leaf !== undefined);
    assert.deepEqual(
      servedChain(leaf, authority).map(({ subject }) => commonNameOf(subject)),
      ['a', 'intermediate'],
    );
  });

  test('a certificate that bears the name of its issuer but is not signed by itself is an intermediate', async (t) => {
    const directory = temporaryDirectory(t);
    const old = await testAuthority('rolled', at);
    writeAuthority(directory, await testAuthority('rolled', at, { parent: old }), { certificate: 'ca.pem' });
    assert.equal(readAuthority(filesIn(directory), { at }).isIntermediate, true);
  });

  test('a key that is absent makes an external CA, which signs nothing here', async (t) => {
    const directory = temporaryDirectory(t);
    writeAuthority(directory, await testAuthority('root', at), { certificate: 'ca.pem' });
    const authority = readAuthority(filesIn(directory), { at });
    assert.equal(authority.signer, undefined);
    await assert.rejects(issueCertificates(authority, [await template('a')], context), coded('CaMissing', 'root'));
  });

  test('an encrypted key opens with its passphrase alone', async (t) => {
    const directory = temporaryDirectory(t);
    writeAuthority(directory, await testAuthority('root', at), { certificate: 'ca.pem', key: 'ca-key.pem', passphrase: 'open sesame' });
    assert.notEqual(readAuthority(filesIn(directory), { at, passphrase: 'open sesame' }).signer, undefined);
    assert.throws(() => readAuthority(filesIn(directory), { at }), coded('PassphraseRequired', 'ca-key.pem'));
    assert.throws(() => readAuthority(filesIn(directory), { at, passphrase: 'open' }), coded('PassphraseWrong'));
  });

  test('what cannot sign is refused, each for its own reason', async (t) => {
    const root = await testAuthority('root', at);
    const other = await testAuthority('root', at);
    const cases: readonly (readonly [string, string, Awaited<ReturnType<typeof testAuthority>>])[] = [
      ['CaInvalid', 'expired since', await testAuthority('root', at, { notAfter: new Date(at.getTime() - 1000) })],
      ['CaInvalid', 'not valid before', await testAuthority('root', at, { notBefore: new Date(at.getTime() + 1000) })],
      [
        'CaInvalid',
        'not a CA',
        await testAuthority('leaf', at, { basicConstraints: { isCa: false, pathLength: undefined }, usages: ['digital signature'] }),
      ],
      ['CaInvalid', 'cert sign', await testAuthority('root', at, { usages: ['digital signature', 'crl sign'] })],
      ['KeyMismatch', 'ca-key.pem', { ...root, key: other.key }],
    ];
    for (const [code, words, authority] of cases) {
      const directory = temporaryDirectory(t);
      writeAuthority(directory, authority, { certificate: 'ca.pem', key: 'ca-key.pem' });
      assert.throws(() => readAuthority(filesIn(directory), { at }), coded(code, words), words);
    }
    assert.throws(() => readAuthority(filesIn(temporaryDirectory(t)), { at }), coded('FileNotFound'));
  });

  test('a file with a second certificate is refused, for clients are let in by whatever stands there', async (t) => {
    const directory = temporaryDirectory(t);
    const parent = await testAuthority('root', at);
    const intermediate = await testAuthority('intermediate', at, { parent });
    writeAuthority(directory, intermediate, { certificate: 'ca.pem', key: 'ca-key.pem' });
    writeFileSync(join(directory, 'ca.pem'), certificatePem(intermediate.certificate) + certificatePem(parent.certificate));
    assert.throws(() => readAuthority(filesIn(directory), { at }), coded('CaInvalid', '2 certificates'));
    writeAuthority(directory, intermediate, { certificate: 'ca-key.pem', key: 'ca.pem' });
    assert.throws(() => readAuthority(filesIn(directory), { at }), coded('CaInvalid', 'a private key'));
  });
});

describe('the end of a lifetime', () => {
  test('counts from the backdated begin, and from now where the lifetime is short', () => {
    const now = new Date('2026-03-01T12:00:30Z');
    assert.equal(endOfLifetime(now, 365 * day).getTime() - backdated(now).getTime(), 365 * day);
    assert.equal(endOfLifetime(now, 120_000).getTime() - now.getTime(), 120_000);
  });
});

describe('signing', () => {
  test('leaves one ledger line for each certificate, with what it says and who asked', async (t) => {
    const directory = temporaryDirectory(t);
    writeAuthority(directory, await testAuthority('root', at), { certificate: 'ca.pem', key: 'ca-key.pem' });
    const authority = readAuthority(filesIn(directory), { at });
    const certificates = await issueCertificates(authority, [await template('a'), await template('b')], context);
    const lines = readLedger(join(directory, 'ca.ledger.jsonl'));
    assert.deepEqual(
      lines,
      certificates.map((certificate) => ({
        event: 'issued',
        serial: formatSerialNumber(certificate.serialNumber),
        subject: `CN=${commonNameOf(certificate.subject)},O=dev`,
        names: [`DNS:${commonNameOf(certificate.subject)}.example`],
        notBefore: '2026-11-23T05:38:00.000Z',
        notAfter: '2026-11-24T05:43:21.000Z',
        requestedBy: 'root@laptop',
        at: '2026-11-23T05:43:21.500Z',
        fingerprint: certificateFingerprint(certificate),
      })),
    );
  });

  test('hands nothing out when the ledger cannot be written', async (t) => {
    const directory = temporaryDirectory(t);
    writeAuthority(directory, await testAuthority('root', at), { certificate: 'ca.pem', key: 'ca-key.pem' });
    const authority = readAuthority(filesIn(directory), { at });
    const onStep = (): never => {
      throw new Error('disk full');
    };
    await assert.rejects(issueCertificates(authority, [await template('a')], { ...context, onStep }), /disk full/);
    assert.deepEqual(readLedger(authority.ledgerFile), []);
  });

  test('records nothing when one of the templates is refused', async (t) => {
    const directory = temporaryDirectory(t);
    writeAuthority(directory, await testAuthority('root', at), { certificate: 'ca.pem', key: 'ca-key.pem' });
    const authority = readAuthority(filesIn(directory), { at });
    const bad = { ...(await template('b')), usages: ['digital signature', 'cert sign', 'client auth'] } as const;
    await assert.rejects(issueCertificates(authority, [await template('a'), bad], context), coded('CertificateRefused'));
    assert.deepEqual(readLedger(authority.ledgerFile), []);
  });
});

describe('making a CA', () => {
  test('it is self-signed, starts five minutes back on the minute, lasts as asked, and stands in its own ledger', async (t) => {
    const directory = temporaryDirectory(t);
    const files = filesIn(directory);
    const key = await generatePrivateKey('ecdsa-p384');
    const { certificate, isIntermediate } = await createAuthority(
      { subject: subjectName('kubernetes'), subjectAltNames: [{ type: 'dns', value: 'kubernetes' }], lifetimeMs: 10 * day },
      key,
      files.certificateFile,
      context,
    );
    assert.equal(isIntermediate, false);
    assert.ok(isSignedBy(certificate, certificate));
    assert.deepEqual(certificate.basicConstraints, { isCa: true, pathLength: undefined });
    assert.deepEqual(certificate.keyUsage, ['digital signature', 'cert sign', 'crl sign']);
    assert.equal(certificate.notBefore.toISOString(), '2026-11-23T05:38:00.000Z');
    assert.equal(certificate.notAfter.toISOString(), '2026-12-03T05:38:00.000Z');
    assert.deepEqual(
      readLedger(join(directory, 'ca.ledger.jsonl')).map((event) => event.event === 'issued' && event.subject),
      ['CN=kubernetes'],
    );
  });
});
