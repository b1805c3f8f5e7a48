// Random certificates against OpenSSL, both ways: what we sign without a finding passes `openssl verify -x509_strict` and is read there as
// here, and what OpenSSL signs from random configurations is read here as there. Many certificates go into one process, for speed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../../src/base/coded-error.ts';
import { csrPem } from '../../src/pki/csr.ts';
import { tag } from '../../src/pki/der.ts';
import type { GeneralSubtree } from '../../src/pki/extension.ts';
import type { KeyAlgorithm } from '../../src/pki/key-algorithm.ts';
import { lintCertificate } from '../../src/pki/lint-certificate.ts';
import { makeName, nameAttribute } from '../../src/pki/name.ts';
import { formatName } from '../../src/pki/name-text.ts';
import { oid } from '../../src/pki/oid.ts';
import { noExpiry } from '../../src/pki/time.ts';
import { certificatePem, isSignedBy, parseFirstCertificate, type X509Certificate } from '../../src/pki/x509-certificate.ts';
import { type TestCertificate, type TestIssuer, testCa, testCsr, testKeyPem, testLeaf, testTime } from '../../src/testing/certificates.ts';
import { randomCa, randomLeaf, randomName } from '../../src/testing/random-templates.ts';
import { runs, seed } from '../../src/testing/runs.ts';
import { needs, requireTool, type ToolName } from '../../src/testing/tools.ts';
import { configuration } from './openssl-configurations.ts';
import { differences, partsOf, partsOfText, readPrinted } from './openssl-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'certwright-openssl-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const file = (suffix: string, text: string): string => {
  const path = join(folder, `${++files}${suffix}`);
  writeFileSync(path, text);
  return path;
};

/** Standard output and error of OpenSSL; a refusal is told by what it prints. */
const openssl = (tool: ToolName, ...args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    const options = { env: { ...process.env, LC_ALL: 'C.UTF-8' }, maxBuffer: 256 * 1024 * 1024 };
    execFile(requireTool(tool), args, options, (_error, out, err) => resolve(out + err));
  });

const chunksOf = <T>(list: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));

type Verdict = { readonly ok: boolean; readonly said: string; readonly subject: string };

const strict = ['-x509_strict', '-attime', String(testTime.getTime() / 1000)];
/** As lenient as OpenSSL can be, where only its reading is asked for. */
const lenient = ['-partial_chain', '-ignore_critical', '-no_check_time'];

/** What `openssl verify` says of each certificate, and the subject as RFC 2253 text. */
const verify = async (
  tool: ToolName,
  flags: readonly string[],
  certificates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  untrusted: readonly X509Certificate[] = [],
): Promise<readonly Verdict[]> => {
  const pemOf = (list: readonly X509Certificate[]): string => list.map(certificatePem).join('');
  const surroundings = [
    ...[...flags, '-show_chain', '-nameopt', 'RFC2253', '-CAfile', file('.roots.pem', pemOf(roots))],
    ...(untrusted.length === 0 ? [] : ['-untrusted', file('.untrusted.pem', pemOf(untrusted))]),
  ];
  const verdicts = await Promise.all(
    chunksOf(certificates, 250).map(async (chunk) => {
      const paths = chunk.map((certificate) => file('.pem', certificatePem(certificate)));
      const said = await openssl(tool, 'verify', ...surroundings, ...paths);
      return paths.map((path): Verdict => {
        const [, rest = ''] = said.split(`${path}: OK\n`);
        const end = said.indexOf(`error ${path}`);
        return {
          ok: rest !== '',
          said: end < 0 ? '' : said.slice(0, end).split('\n').slice(-4).join('; '),
          subject: /^depth=0: (.*?)(?: \(untrusted\))?$/m.exec(rest)?.[1] ?? '',
        };
      });
    }),
  );
  return verdicts.flat();
};

/** What OpenSSL prints of each certificate. */
const print = async (tool: ToolName, certificates: readonly X509Certificate[]) => {
  const bundle = file('.bundle.pem', certificates.map(certificatePem).join(''));
  const packed = join(folder, `${++files}.p7`);
  await openssl(tool, 'crl2pkcs7', '-nocrl', '-certfile', bundle, '-out', packed);
  const printed = readPrinted(await openssl(tool, 'pkcs7', '-in', packed, '-print_certs', '-text', '-noout'));
  assert.equal(printed.length, certificates.length);
  return printed;
};

const ages = { notBefore: new Date('1950-01-01T00:00:00Z'), notAfter: noExpiry };
const dns = (value: string): GeneralSubtree => ({ base: { type: 'dns', value } });

/** A root, and CAs below it with each kind of limit. */
const authorities = async (algorithm: KeyAlgorithm): Promise<readonly [TestIssuer, ...TestIssuer[]]> => {
  const root = await testCa({ ...ages, subject: `${algorithm} root`, algorithm, keyNumber: 50 });
  const below = async (name: string, changes: TestCertificate): Promise<TestIssuer> =>
    testCa({ ...ages, subject: name, algorithm: 'ecdsa-p256', ...changes }, root);
  return [
    root,
    await below('length', { keyNumber: 51, basicConstraints: { isCa: true, pathLength: 0 } }),
    await below('usages', { keyNumber: 52, usages: ['cert sign', 'server auth', 'client auth'] }),
    await below('names', {
      keyNumber: 53,
      nameConstraints: {
        permitted: [
          dns('example'),
          dns('localhost'),
          { base: { type: 'ip-range', octets: Uint8Array.of(10, 0, 0, 0, 255, 0, 0, 0) } },
          { base: { type: 'email', value: '.example' } },
          { base: { type: 'uri', value: '.example' } },
        ],
        excluded: [dns('a.example'), { base: { type: 'email', value: 'b.example' } }],
      },
    }),
  ];
};

const issued = async (issuer: TestIssuer, changes: TestCertificate): Promise<X509Certificate | CodedError> => {
  try {
    return await testLeaf(issuer, changes);
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
};

describe('what we sign without a finding', needs('openssl'), () => {
  test('passes openssl verify -x509_strict and is read as we read it', async () => {
    const issuers = await authorities('ecdsa-p256');
    const asked = fc.sample(
      fc.tuple(fc.nat(issuers.length - 1), fc.oneof({ arbitrary: randomLeaf, weight: 5 }, { arbitrary: randomCa, weight: 1 })),
      {
        numRuns: runs(300, 20_000),
        seed,
      },
    );
    const certificates: X509Certificate[] = [];
    const refusals = new Map<string, number>();
    for (const [index, changes] of asked) {
      const issuer = issuers[index];
      assert.ok(issuer !== undefined);
      const made = await issued(issuer, changes);
      if (!(made instanceof CodedError)) certificates.push(made);
      else refusals.set(made.code, (refusals.get(made.code) ?? 0) + 1);
    }
    // Both have to occur often, or nothing was tried.
    assert.ok(certificates.length > asked.length / 4, JSON.stringify([...refusals]));
    assert.ok((refusals.get('CertificateRefused') ?? 0) > asked.length / 20, JSON.stringify([...refusals]));
    const [root, ...untrusted] = issuers.map(({ certificate }) => certificate);
    assert.ok(root !== undefined);
    const verdicts = await verify('openssl', strict, certificates, [root], untrusted);
    const printed = (await Promise.all(chunksOf(certificates, 500).map((chunk) => print('openssl', chunk)))).flat();
    for (const [i, certificate] of certificates.entries()) {
      const verdict = verdicts[i];
      const text = printed[i];
      assert.ok(verdict !== undefined && text !== undefined);
      const what = `${formatName(certificate.subject)}\n${certificatePem(certificate)}`;
      assert.ok(verdict.ok, `${verdict.said}\n${what}`);
      assert.deepEqual(differences(certificate, text), [], what);
      assert.deepEqual(partsOfText(verdict.subject), partsOf(certificate.subject), what);
    }
  });

  test('also where the signature is of another kind', async () => {
    for (const algorithm of ['rsa-2048', 'rsa-3072', 'rsa-4096', 'ecdsa-p384', 'ecdsa-p521', 'ed25519'] as const) {
      const ca = await testCa({ ...ages, algorithm });
      const leaves = await Promise.all([testLeaf(ca), testLeaf(ca, { algorithm })]);
      const all = [...leaves, ca.certificate];
      for (const verdict of await verify('openssl', strict, all, [ca.certificate])) assert.ok(verdict.ok, verdict.said);
      for (const [i, text] of (await print('openssl', all)).entries()) assert.deepEqual(differences(all[i] ?? ca.certificate, text), []);
    }
  });

  test('random requests pass openssl req -verify with the subject that we read', async () => {
    const asked = fc.sample(fc.tuple(randomName, randomLeaf), { numRuns: runs(24, 600), seed });
    const algorithms: readonly KeyAlgorithm[] = ['ecdsa-p256', 'rsa-2048', 'ed25519', 'ecdsa-p384'];
    for (const chunk of chunksOf([...asked.entries()], 8))
      await Promise.all(
        chunk.map(async ([i, [subject, { subjectAltNames = [] }]]) => {
          // Attributes of types that OpenSSL does not read are found by lint before they are signed; in a request nothing is judged.
          const isText = subject.rdns.flat().every(({ value, encoded }) => value !== undefined && encoded[0] !== tag.visibleString);
          if (!isText) return;
          const csr = await testCsr({ subject, subjectAltNames, algorithm: algorithms[i % algorithms.length] ?? 'ecdsa-p256' });
          const said = await openssl(
            'openssl',
            'req',
            '-verify',
            '-noout',
            '-subject',
            '-nameopt',
            'RFC2253',
            '-in',
            file('.csr', csrPem(csr)),
          );
          assert.match(said, /self-signature verify OK/i, csrPem(csr));
          assert.deepEqual(partsOfText(/^subject=(.*)$/m.exec(said)?.[1] ?? ''), partsOf(subject), csrPem(csr));
        }),
      );
  });

  test('self-signed leaves and roots of every shape pass as their own anchors', async () => {
    const roots: X509Certificate[] = [];
    for (const [i, changes] of fc.sample(randomCa, { numRuns: runs(50, 2_000), seed }).entries())
      try {
        // A name of its own, for of two roots with one name and one key OpenSSL may take the other.
        const subject = makeName([
          ...(typeof changes.subject === 'object' ? changes.subject.rdns : []),
          [nameAttribute(oid.commonName, `${i}`)],
        ]);
        roots.push((await testCa({ ...changes, subject })).certificate);
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
      }
    assert.ok(roots.length > 10);
    const verdicts = await verify('openssl', strict, roots, roots);
    for (const [i, verdict] of verdicts.entries()) assert.ok(verdict.ok, `${verdict.said}\n${certificatePem(roots[i] ?? assert.fail())}`);
  });
});

describe('ML-DSA', needs('openssl-3.5'), () => {
  test('what we sign passes openssl verify -x509_strict of OpenSSL 3.5 and is read as we read it', async () => {
    for (const algorithm of ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const) {
      const ca = await testCa({ ...ages, algorithm });
      const leaves: X509Certificate[] = [await testLeaf(ca, { algorithm }), await testLeaf(ca)];
      for (const changes of fc.sample(randomLeaf, { numRuns: runs(5, 100), seed })) {
        const made = await issued(ca, changes);
        if (!(made instanceof CodedError)) leaves.push(made);
      }
      const verdicts = await verify('openssl-3.5', strict, leaves, [ca.certificate]);
      for (const verdict of verdicts) assert.ok(verdict.ok, verdict.said);
      for (const [i, text] of (await print('openssl-3.5', leaves)).entries())
        assert.deepEqual(differences(leaves[i] ?? assert.fail(), text), []);
    }
  });

  test('what OpenSSL 3.5 signs we verify', async () => {
    for (const algorithm of ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const) {
      const key = file('.key', testKeyPem(algorithm));
      const pem = await openssl(
        'openssl-3.5',
        'req',
        '-x509',
        '-new',
        '-key',
        key,
        '-subj',
        '/CN=a',
        '-days',
        '30',
        '-addext',
        'subjectAltName=DNS:a.example',
      );
      const certificate = parseFirstCertificate(pem);
      assert.equal(isSignedBy(certificate, certificate), true);
      assert.deepEqual(certificate.subjectAltNames, [{ type: 'dns', value: 'a.example' }]);
    }
  });
});

describe('what OpenSSL signs', needs('openssl'), () => {
  const signatures: readonly (readonly [KeyAlgorithm, readonly string[]])[] = [
    ['ecdsa-p256', []],
    ['ecdsa-p384', ['-sha384']],
    ['ecdsa-p521', ['-sha512']],
    ['rsa-2048', ['-sha256']],
    ['rsa-3072', ['-sha384', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest']],
    ['ed25519', []],
  ];
  const made = fc.tuple(
    configuration,
    fc.constantFrom(...signatures),
    fc.integer({ min: 1, max: 2_900_000 }),
    fc.bigInt({ min: -(1n << 100n), max: 1n << 159n }),
  );

  test('we read as OpenSSL reads it, whatever the configuration', async () => {
    const asked = fc.sample(made, { numRuns: runs(40, 2_000), seed });
    const certificates: { readonly certificate: X509Certificate; readonly config: string }[] = [];
    for (const chunk of chunksOf(asked, 8))
      await Promise.all(
        chunk.map(async ([config, [algorithm, options], days, serial]) => {
          const arguments_ = [
            '-x509',
            '-new',
            '-utf8',
            '-key',
            file('.key', testKeyPem(algorithm)),
            '-config',
            file('.cnf', config),
            '-days',
            String(days),
          ];
          const pem = await openssl('openssl', 'req', ...arguments_, '-set_serial', String(serial), ...options);
          // What OpenSSL itself refuses: a string its mask has no type for, a subtree of the wrong form.
          if (pem.includes('BEGIN CERTIFICATE')) certificates.push({ certificate: parseFirstCertificate(pem), config });
        }),
      );
    assert.ok(certificates.length > asked.length / 2, `${certificates.length} of ${asked.length} were signed`);
    const parsed = certificates.map(({ certificate }) => certificate);
    const printed = (await Promise.all(chunksOf(parsed, 500).map((chunk) => print('openssl', chunk)))).flat();
    const names = await verify('openssl', lenient, parsed, parsed);
    for (const [i, { certificate, config }] of certificates.entries()) {
      const what = `${config}\n${certificatePem(certificate)}`;
      const text = printed[i];
      assert.ok(text !== undefined);
      assert.deepEqual(differences(certificate, text), [], what);
      assert.equal(isSignedBy(certificate, certificate), true, what);
      lintCertificate(certificate, undefined);
      const subject = names[i]?.subject ?? '';
      if (subject !== '') assert.deepEqual(partsOfText(subject), partsOf(certificate.subject), what);
    }
    assert.ok(names.filter(({ subject }) => subject !== '').length > certificates.length / 2);
  });
});
