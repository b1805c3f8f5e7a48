// Keys, names, usages and requests against OpenSSL: what it writes we read, what we write it reads, and both say the same.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { toHex, toUtf8 } from '../../src/base/bytes.ts';
import { csrPem, makeCsr, readCsr, verifyCsr } from '../../src/pki/csr.ts';
import { element, octetString, tag } from '../../src/pki/der.ts';
import { encodeBasicConstraints, encodeExtendedKeyUsage, encodeKeyUsage } from '../../src/pki/extension.ts';
import { formatGeneralName, parseGeneralName } from '../../src/pki/general-name-text.ts';
import type { KeyAlgorithm } from '../../src/pki/key-algorithm.ts';
import { makeName, type Name } from '../../src/pki/name.ts';
import { formatName, parseNameText } from '../../src/pki/name-text.ts';
import { oid } from '../../src/pki/oid.ts';
import { exportPrivateKey, importPrivateKey, keyBelongsTo } from '../../src/pki/private-key.ts';
import { parsePublicKey, publicKeyOf } from '../../src/pki/public-key.ts';
import { extendedUsageOids, keyUsageBits, type Usage, usages } from '../../src/pki/usage.ts';
import { certificatePem } from '../../src/pki/x509-certificate.ts';
import {
  seededRandom,
  type TestCertificate,
  testCa,
  testCsr,
  testKey,
  testKeyPem,
  testLeaf,
  testSigner,
} from '../../src/testing/certificates.ts';
import { assertCoded } from '../../src/testing/coded-errors.ts';
import { needs, requireTool, type ToolName } from '../../src/testing/tools.ts';
import { differences, partsOf, partsOfText, readPrinted } from './openssl-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'certwright-openssl-core-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const file = (suffix: string, content?: string | Uint8Array): string => {
  const path = join(folder, `${++files}${suffix}`);
  if (content !== undefined) writeFileSync(path, content);
  return path;
};
const environment = { ...process.env, LC_ALL: 'C.UTF-8' };
const run = (tool: ToolName, input: string | Uint8Array, ...args: readonly string[]): Buffer =>
  execFileSync(requireTool(tool), args, { input, env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
const openssl = (...args: readonly string[]): Buffer => run('openssl', '', ...args);
const opensslOn = (input: string | Uint8Array, ...args: readonly string[]): string => run('openssl', input, ...args).toString();

/** The public half of a key file as OpenSSL computes it. */
const publicHalf = (tool: ToolName, path: string, ...args: readonly string[]): Buffer =>
  run(tool, '', 'pkey', '-in', path, ...args, '-pubout', '-outform', 'DER');

describe('keys of OpenSSL', needs('openssl'), () => {
  const stored = (algorithm: KeyAlgorithm): string => file('.pem', testKeyPem(algorithm));
  const passphrase = 'correct horse';
  const pass = ['-passout', `pass:${passphrase}`];
  /** Commands that write a key file; the path is put at its end. */
  const commands: Readonly<Record<string, readonly string[]>> = {
    'genpkey RSA': ['genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out'],
    'genpkey EC': ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384', '-out'],
    'genpkey Ed25519': ['genpkey', '-algorithm', 'ed25519', '-out'],
    'genpkey encrypted': [
      'genpkey',
      '-algorithm',
      'EC',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-aes-256-cbc',
      '-pass',
      `pass:${passphrase}`,
      '-out',
    ],
    'genpkey DER': ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-outform', 'DER', '-out'],
    'ecparam with its parameters': ['ecparam', '-name', 'prime256v1', '-genkey', '-out'],
    'ecparam without them': ['ecparam', '-name', 'secp521r1', '-genkey', '-noout', '-out'],
    'ec, old encryption': ['ec', '-in', stored('ecdsa-p256'), '-aes256', ...pass, '-out'],
    'ec, old triple DES': ['ec', '-in', stored('ecdsa-p384'), '-des3', ...pass, '-out'],
    'ec DER': ['ec', '-in', stored('ecdsa-p521'), '-outform', 'DER', '-out'],
    'rsa, traditional': ['rsa', '-in', stored('rsa-3072'), '-traditional', '-out'],
    'rsa, traditional and encrypted': ['rsa', '-in', stored('rsa-2048'), '-traditional', '-aes128', ...pass, '-out'],
    'rsa, traditional DER': ['rsa', '-in', stored('rsa-4096'), '-traditional', '-outform', 'DER', '-out'],
    'pkcs8, PBKDF2': ['pkcs8', '-topk8', '-in', stored('rsa-2048'), '-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA512', ...pass, '-out'],
    'pkcs8, scrypt': ['pkcs8', '-topk8', '-in', stored('ed25519'), '-scrypt', ...pass, '-out'],
    'pkcs8, encrypted DER': ['pkcs8', '-topk8', '-in', stored('ecdsa-p256'), '-v2', 'aes-128-cbc', '-outform', 'DER', ...pass, '-out'],
    'pkcs8, plain DER of 8192 bits': ['pkcs8', '-topk8', '-nocrypt', '-in', stored('rsa-8192'), '-outform', 'DER', '-out'],
  };
  for (const [name, command] of Object.entries(commands))
    test(`a file of ${name} is read as the key it is`, () => {
      const path = file('.key');
      openssl(...command, path);
      const isEncrypted = command.includes(pass[1] ?? '') || command.includes('-pass');
      const key = importPrivateKey(readFileSync(path), isEncrypted ? { passphrase } : {});
      const theirs = publicHalf('openssl', path, '-passin', `pass:${passphrase}`);
      assert.equal(toHex(publicKeyOf(key).spki), toHex(theirs));
      assert.equal(keyBelongsTo(key, parsePublicKey(theirs)), true);
      if (isEncrypted) assertCoded('PassphraseRequired', () => importPrivateKey(readFileSync(path)));
      if (isEncrypted) assertCoded('PassphraseWrong', () => importPrivateKey(readFileSync(path), { passphrase: 'battery staple' }));
    });

  test('our key files are read by OpenSSL, in every encoding', async () => {
    for (const algorithm of ['rsa-2048', 'rsa-8192', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'ed25519'] as const) {
      const key = await testKey(algorithm);
      const random = seededRandom('openssl-core');
      for (const pem of [
        exportPrivateKey(key),
        exportPrivateKey(key, { encoding: 'traditional' }),
        exportPrivateKey(key, { passphrase: { text: passphrase, random } }),
      ])
        assert.equal(toHex(publicHalf('openssl', file('.key', pem), '-passin', `pass:${passphrase}`)), toHex(publicKeyOf(key).spki));
    }
  });

  test('keys of curves and kinds that are not accepted are refused as such', () => {
    for (const command of [
      ['ecparam', '-name', 'secp256k1', '-genkey', '-out'],
      ['ecparam', '-name', 'prime256v1', '-param_enc', 'explicit', '-genkey', '-out'],
      ['genpkey', '-algorithm', 'ed448', '-out'],
      ['genpkey', '-algorithm', 'X25519', '-out'],
      ['genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024', '-out'],
      ['genpkey', '-quiet', '-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048', '-out'],
    ]) {
      const path = file('.key');
      openssl(...command, path);
      assertCoded('KeyUnsupported', () => importPrivateKey(readFileSync(path, 'utf8')));
    }
  });
});

describe('ML-DSA keys and requests of OpenSSL 3.5', needs('openssl-3.5'), () => {
  for (const algorithm of ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const)
    test(`${algorithm} goes both ways`, async () => {
      const path = file('.key');
      run('openssl-3.5', '', 'genpkey', '-algorithm', algorithm.toUpperCase(), '-out', path);
      const key = importPrivateKey(readFileSync(path));
      assert.equal(toHex(publicKeyOf(key).spki), toHex(publicHalf('openssl-3.5', path)));
      assert.equal(publicKeyOf(key).algorithm, algorithm);
      const ours = await testKey(algorithm);
      assert.equal(toHex(publicHalf('openssl-3.5', file('.key', exportPrivateKey(ours)))), toHex(publicKeyOf(ours).spki));
      const said = spawnSync(requireTool('openssl-3.5'), ['req', '-verify', '-noout'], {
        input: csrPem(await testCsr({ algorithm })),
        encoding: 'utf8',
      });
      assert.match(said.stdout + said.stderr, /self-signature verify OK/i);
      const theirs = readCsr(
        run('openssl-3.5', '', 'req', '-new', '-key', path, '-subj', '/CN=a', '-addext', 'subjectAltName=DNS:a.example').toString(),
      );
      assert.equal(verifyCsr(theirs).algorithm, algorithm);
    });
});

describe('names and OpenSSL', needs('openssl'), () => {
  const attribute = (type: string, stringTag: number, bytes: Uint8Array): Name =>
    makeName([[{ type, value: undefined, encoded: element(stringTag, bytes) }]]);
  /** Text of ours and of `-nameopt RFC2253`; the second where it is not the same. */
  const table: readonly (readonly [Name, string, string?])[] = [
    [parseNameText('CN=alice,O=dev'), 'CN=alice,O=dev'],
    [parseNameText('UID=jsmith,DC=example,DC=net'), 'UID=jsmith,DC=example,DC=net'],
    [parseNameText('CN=James \\"Jim\\" Smith\\, III,DC=example'), 'CN=James \\"Jim\\" Smith\\, III,DC=example'],
    [parseNameText('CN=a\\+b\\;c\\<d\\>e\\\\f=g'), 'CN=a\\+b\\;c\\<d\\>e\\\\f=g'],
    [parseNameText('CN=\\#a\\ '), 'CN=\\#a\\ '],
    [parseNameText('CN=\\ a'), 'CN=\\ a'],
    [parseNameText('CN=Before\\0dAfter'), 'CN=Before\\0dAfter', 'CN=Before\\0DAfter'],
    [parseNameText('CN=Lučić'), 'CN=Lučić', 'CN=Lu\\C4\\8Di\\C4\\87'],
    // Within a part OpenSSL turns the order round, too.
    [parseNameText('OU=Sales+CN=Smith'), 'CN=Smith+OU=Sales', 'OU=Sales+CN=Smith'],
    [parseNameText('C=DE,ST=BW,L=Ulm'), 'C=DE,ST=BW,L=Ulm'],
    [parseNameText('SERIALNUMBER=7,STREET=a'), 'SERIALNUMBER=7,STREET=a', 'serialNumber=7,street=a'],
    [
      parseNameText('EMAILADDRESS=a@b,GN=g,SN=s,TITLE=t,INITIALS=i'),
      'EMAILADDRESS=a@b,GN=g,SN=s,TITLE=t,INITIALS=i',
      'emailAddress=a@b,GN=g,SN=s,title=t,initials=i',
    ],
    [parseNameText('1.3.6.1.4.1.1466.0=#04024869'), '1.3.6.1.4.1.1466.0=#04024869'],
    [parseNameText('1.3.6.1.4.1.99999.7=a'), '1.3.6.1.4.1.99999.7=a', '1.3.6.1.4.1.99999.7=#0C0161'],
    [attribute(oid.organization, tag.bmpString, Uint8Array.of(0, 0xe9, 0x30, 0x42)), 'O=éあ', 'O=\\C3\\A9\\E3\\81\\82'],
    [attribute(oid.organization, tag.universalString, Uint8Array.of(0, 0, 0, 0x41, 0, 1, 0xf6, 0)), 'O=A😀', 'O=A\\F0\\9F\\98\\80'],
    [attribute(oid.organization, tag.teletexString, Uint8Array.of(0x61, 0xe9)), 'O=aé', 'O=a\\C3\\A9'],
    [attribute(oid.organization, tag.printableString, toUtf8('a*b@c_d')), 'O=a*b@c_d'],
    [attribute(oid.organization, tag.numericString, toUtf8('12 3')), 'O=12 3'],
  ];

  const ask = { accept: ['attribute-string-type', 'attribute-control-character'] } as const;
  for (const [subject, ours, theirs = ours] of table)
    test(`${ours} is the name that OpenSSL reads`, async () => {
      const isOctets = ours.includes('=#04');
      const certificate = await testLeaf(await testCa(), { subject, ...ask });
      assert.equal(formatName(certificate.subject), ours);
      const result = spawnSync(requireTool('openssl'), ['x509', '-noout', '-subject', '-nameopt', 'RFC2253'], {
        input: certificatePem(certificate),
        encoding: 'utf8',
        env: environment,
      });
      // A name with an OCTET STRING OpenSSL does not even read, which is why lint finds it.
      if (isOctets) return assert.notEqual(result.status, 0);
      assert.equal(result.stdout, `subject=${theirs}\n`);
      assert.deepEqual(partsOfText(theirs), partsOf(certificate.subject));
    });
});

describe('usages and OpenSSL', needs('openssl'), () => {
  test('each of the 23 usages is what OpenSSL prints of it', async () => {
    const ca = await testCa();
    const accept = [
      'extended-key-usage-missing',
      'extended-key-usage-any',
      'key-usage-unfit-for-key',
      'cert-sign-without-ca',
      'crl-sign-without-ca',
      'agreement-only-without-agreement',
    ] as const;
    const words: Readonly<Record<Usage, string>> = {
      signing: 'Digital Signature',
      'digital signature': 'Digital Signature',
      'content commitment': 'Non Repudiation',
      'key encipherment': 'Key Encipherment',
      'data encipherment': 'Data Encipherment',
      'key agreement': 'Key Agreement',
      'cert sign': 'Certificate Sign',
      'crl sign': 'CRL Sign',
      'encipher only': 'Encipher Only',
      'decipher only': 'Decipher Only',
      any: 'Any Extended Key Usage',
      'server auth': 'TLS Web Server Authentication',
      'client auth': 'TLS Web Client Authentication',
      'code signing': 'Code Signing',
      'email protection': 'E-mail Protection',
      's/mime': 'E-mail Protection',
      'ipsec end system': 'IPSec End System',
      'ipsec tunnel': 'IPSec Tunnel',
      'ipsec user': 'IPSec User',
      timestamping: 'Time Stamping',
      'ocsp signing': 'OCSP Signing',
      'microsoft sgc': 'Microsoft Server Gated Crypto',
      'netscape sgc': 'Netscape Server Gated Crypto',
    };
    const certificates = await Promise.all(usages.map((usage) => testLeaf(ca, { usages: [usage], accept })));
    const bundle = file('.pem', certificates.map(certificatePem).join(''));
    const packed = file('.p7');
    openssl('crl2pkcs7', '-nocrl', '-certfile', bundle, '-out', packed);
    const printed = readPrinted(openssl('pkcs7', '-in', packed, '-print_certs', '-text', '-noout').toString());
    assert.equal(printed.length, 23);
    for (const [i, usage] of usages.entries()) {
      const isPurpose = Object.hasOwn(extendedUsageOids, usage);
      assert.equal(isPurpose || usage === 'signing' || keyUsageBits.some((bit) => bit === usage), true);
      const extensions = printed[i]?.extensions;
      assert.deepEqual(
        extensions?.get(isPurpose ? 'X509v3 Extended Key Usage' : 'X509v3 Key Usage'),
        { critical: !isPurpose, lines: [words[usage]] },
        usage,
      );
      assert.equal(extensions?.has(isPurpose ? 'X509v3 Key Usage' : 'X509v3 Extended Key Usage'), false);
    }
  });

  test('every extension that a template can ask for is printed as it was asked', async () => {
    const changes: TestCertificate = {
      basicConstraints: { isCa: true, pathLength: 3 },
      usages: ['cert sign', 'crl sign', 'server auth'],
      subjectAltNames: [
        '*.a.example',
        'fd00::1',
        'a@b.example',
        'spiffe://a/b',
        'RID:1.2.3.4',
        'dirName:CN=a',
        'otherName:1.2.3.4;UTF8:é',
        'otherName:1.3.6.1.4.1.311.20.2.3;UTF8:u@x',
      ].map(parseGeneralName),
      nameConstraints: {
        permitted: [
          { base: { type: 'dns', value: 'a.example' } },
          { base: { type: 'ip-range', octets: Uint8Array.of(10, 0, 0, 0, 255, 0, 0, 0) } },
        ],
        excluded: [{ base: { type: 'uri', value: '.b.example' } }, { base: { type: 'email', value: 'c.example' } }],
      },
      crlDistributionPoints: ['http://a.example/1.crl', 'http://b.example/2.crl'],
      ocspServers: ['http://o.example'],
      issuingCertificateUrls: ['http://i.example/ca.der'],
      extraExtensions: [{ oid: '1.3.6.1.4.1.99999.1', critical: false, value: octetString() }],
    };
    const intermediate = await testCa({ ...changes, keyNumber: 3 }, await testCa());
    const [printed] = readPrinted(opensslOn(certificatePem(intermediate.certificate), 'x509', '-noout', '-text'));
    assert.ok(printed !== undefined);
    assert.deepEqual(differences(intermediate.certificate, printed), []);
    assert.deepEqual(printed.extensions.get('X509v3 Name Constraints'), {
      critical: true,
      lines: ['Permitted:', 'DNS:a.example', 'IP:10.0.0.0/255.0.0.0', 'Excluded:', 'URI:.b.example', 'email:c.example'],
    });
    assert.deepEqual(printed.extensions.get('X509v3 Basic Constraints'), { critical: true, lines: ['CA:TRUE, pathlen:3'] });
  });
});

describe('requests and OpenSSL', needs('openssl'), () => {
  const extensions = [
    { oid: oid.basicConstraints, critical: true, value: encodeBasicConstraints({ isCa: true, pathLength: 0 }) },
    { oid: oid.keyUsage, critical: true, value: encodeKeyUsage(['digital signature', 'key agreement']) },
    { oid: oid.extendedKeyUsage, critical: false, value: encodeExtendedKeyUsage([oid.clientAuth]) },
  ];

  test('our requests pass openssl req -verify and are printed as they were made', async () => {
    for (const algorithm of ['rsa-2048', 'rsa-4096', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'ed25519'] as const) {
      const subjectAltNames = ['a.example', '10.0.0.1', 'a@b.example', 'spiffe://a/b'].map(parseGeneralName);
      const csr = await makeCsr({ subject: parseNameText('CN=alice,O=dev'), subjectAltNames, extensions }, await testSigner(algorithm));
      const { status, stdout, stderr } = spawnSync(requireTool('openssl'), ['req', '-verify', '-noout', '-text', '-nameopt', 'RFC2253'], {
        input: csrPem(csr),
        encoding: 'utf8',
        env: environment,
      });
      assert.equal(status, 0, stderr);
      assert.match(stderr, /self-signature verify OK/i);
      assert.match(stdout, /Subject: CN=alice,O=dev$/m);
      assert.match(stdout, /DNS:a\.example, IP Address:10\.0\.0\.1, email:a@b\.example, URI:spiffe:\/\/a\/b$/m);
      assert.match(stdout, /X509v3 Basic Constraints: critical\n +CA:TRUE, pathlen:0$/m);
      assert.match(stdout, /X509v3 Key Usage: critical\n +Digital Signature, Key Agreement$/m);
      assert.match(stdout, /X509v3 Extended Key Usage: \n +TLS Web Client Authentication$/m);
    }
  });

  test('a tampered request is refused by both', async () => {
    const csr = await testCsr({ algorithm: 'ecdsa-p256' });
    const other = await testCsr({ algorithm: 'ecdsa-p256', keyNumber: 2 });
    const at = csr.raw.indexOf(0x65, 40);
    const tampered = Uint8Array.from(csr.raw);
    tampered[at] = 0x66;
    const { stderr, status } = spawnSync(requireTool('openssl'), ['req', '-verify', '-noout', '-inform', 'DER'], {
      input: tampered,
      encoding: 'utf8',
    });
    assert.ok(status !== 0 || /failure/.test(stderr), stderr);
    assertCoded('CsrSignatureInvalid', () => verifyCsr(readCsr(tampered)));
    assertCoded('CsrSignatureInvalid', () => verifyCsr({ ...csr, signature: other.signature }));
  });

  test('requests of OpenSSL are read whole, whatever their key, hash and attributes', () => {
    const config = [
      '[req]\ndistinguished_name = dn\nprompt = no\nutf8 = yes\nattributes = extra\nreq_extensions = asked',
      '[dn]\n0.C = DE\n1.O = dév\n2.+OU = ops\n3.CN = alice',
      '[extra]\nchallengePassword = secret\nunstructuredName = x',
      '[asked]\nsubjectAltName = critical,DNS:a.example,IP:fd00::1,email:a@b.example,URI:spiffe://a/b,RID:1.2.3.4,otherName:1.2.3.4;UTF8:e,dirName:dir',
      'keyUsage = critical,digitalSignature\nextendedKeyUsage = serverAuth,1.2.3.4\nbasicConstraints = critical,CA:TRUE,pathlen:2\n1.2.3.5 = critical,DER:0500',
      '[dir]\nCN = a',
      '',
    ].join('\n');
    const path = file('.cnf', config);
    const signed: readonly (readonly [KeyAlgorithm, readonly string[]])[] = [
      ['rsa-2048', ['-sha256']],
      ['rsa-3072', ['-sha512', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:64']],
      ['ecdsa-p256', ['-sha512']],
      ['ecdsa-p521', []],
      ['ed25519', []],
    ];
    for (const [algorithm, options] of signed) {
      const csr = readCsr(openssl('req', '-new', '-utf8', '-key', file('.key', testKeyPem(algorithm)), '-config', path, ...options));
      assert.equal(verifyCsr(csr).algorithm, algorithm);
      assert.equal(formatName(csr.subject), 'CN=alice,OU=ops+O=dév,C=DE');
      assert.deepEqual(csr.subjectAltNames?.map(formatGeneralName), [
        ...[
          'DNS:a.example',
          'IP Address:fd00::1',
          'email:a@b.example',
          'URI:spiffe://a/b',
          'Registered ID:1.2.3.4',
          'otherName:1.2.3.4;UTF8:e',
          'dirName:CN=a',
        ],
      ]);
      assert.deepEqual(csr.keyUsage, ['digital signature']);
      assert.deepEqual(csr.extendedKeyUsage, [oid.serverAuth, '1.2.3.4']);
      assert.deepEqual(csr.basicConstraints, { isCa: true, pathLength: 2 });
      assert.deepEqual(csr.extensions.at(-1), { oid: '1.2.3.5', critical: true, value: Uint8Array.of(5, 0) });
      assert.deepEqual([...csr.attributes].sort(), ['1.2.840.113549.1.9.14', '1.2.840.113549.1.9.2', '1.2.840.113549.1.9.7']);
    }
    const weak = readCsr(openssl('req', '-new', '-sha1', '-key', file('.key', testKeyPem('rsa-2048')), '-subj', '/CN=a'));
    assertCoded('SignatureAlgorithmUnsupported', () => verifyCsr(weak));
  });
});
