import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, type JsonWebKey, type KeyExportOptions, type KeyObject, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { CodedError } from '../base/coded-error.ts';
import { brokenDer } from '../testing/broken-der.ts';
import { seededRandom, testCa, testKey, testKeyPem, testLeaf, testPublicKey } from '../testing/certificates.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import {
  contextConstructedTag,
  element,
  nullElement,
  octetBitString,
  octetString,
  sequence,
  smallInteger,
  tag,
  unsignedInteger,
} from './der.ts';
import type { KeyAlgorithm } from './key-algorithm.ts';
import { encodeOid, oid } from './oid.ts';
import { decodePem, encodePem } from './pem.ts';
import {
  defaultDigest,
  exportPkcs8,
  exportPrivateKey,
  generatePrivateKey,
  importPrivateKey,
  importPrivateKeyBlock,
  isPrivateKeyLabel,
  keyBelongsTo,
  requireKeyBelongsTo,
} from './private-key.ts';
import { publicKeyOf } from './public-key.ts';
import { certificateKey } from './x509-certificate.ts';

const algorithms: readonly KeyAlgorithm[] = [
  ...(['rsa-2048', 'rsa-3072', 'rsa-4096', 'rsa-8192', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521'] as const),
  ...(['ed25519', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const),
];
const passphrase = 'correct horse';
const random = seededRandom('private-key.test');

const der = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1'): Buffer => key.export({ format: 'der', type });
const pemOf = (key: KeyObject, options: Omit<KeyExportOptions<'pem'>, 'format'>): string =>
  key.export({ ...options, format: 'pem' }).toString();
const firstLine = (pem: string): string => pem.split('\n', 1)[0] ?? '';

describe('making keys', () => {
  for (const algorithm of ['rsa-2048', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'ed25519', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const)
    test(`a key of ${algorithm} is made, and belongs to its public half alone`, async () => {
      const [key, other] = await Promise.all([generatePrivateKey(algorithm), testKey(algorithm)]);
      assert.equal(publicKeyOf(key).algorithm, algorithm);
      assert.equal(keyBelongsTo(key, publicKeyOf(key)), true);
      assert.equal(keyBelongsTo(key, publicKeyOf(other)), false);
    });

  test('the hash is by the size of the key, and left to the algorithms that bring their own', () => {
    const table = {
      'rsa-2048': 'sha256',
      'rsa-3071': 'sha256',
      'rsa-3072': 'sha384',
      'rsa-4095': 'sha384',
      'rsa-4096': 'sha512',
      'ecdsa-p256': 'sha256',
      'ecdsa-p384': 'sha384',
      'ecdsa-p521': 'sha512',
      ed25519: undefined,
      'ml-dsa-44': undefined,
    } as const;
    for (const [algorithm, digest] of Object.entries(table)) assert.equal(defaultDigest(algorithm as KeyAlgorithm), digest, algorithm);
  });
});

describe('keys in and out', () => {
  for (const algorithm of algorithms)
    test(`a key of ${algorithm} comes back from every encoding it has, PEM and DER`, async () => {
      const key = await testKey(algorithm);
      const traditional = algorithm.startsWith('rsa-') ? 'pkcs1' : algorithm.startsWith('ecdsa-') ? 'sec1' : undefined;
      const inputs: [string | Uint8Array, string | undefined][] = [
        [testKeyPem(algorithm), undefined],
        [Buffer.from(testKeyPem(algorithm)), undefined],
        [exportPrivateKey(key), undefined],
        [exportPrivateKey(key, { encoding: 'traditional' }), undefined],
        [exportPkcs8(key), undefined],
      ];
      if (traditional !== undefined) inputs.push([der(key, traditional), undefined]);
      const encrypted = exportPrivateKey(key, { passphrase: { text: passphrase, random } });
      inputs.push([encrypted, passphrase], [decodePem(encrypted)[0]?.bytes ?? '', passphrase]);
      for (const [input, word] of inputs) {
        const read = importPrivateKey(input, { passphrase: word });
        assert.equal(read.equals(key), true);
      }
      assert.equal(firstLine(exportPrivateKey(key)), '-----BEGIN PRIVATE KEY-----');
      assert.equal(firstLine(encrypted), '-----BEGIN ENCRYPTED PRIVATE KEY-----');
      const label = traditional === 'pkcs1' ? 'RSA PRIVATE KEY' : traditional === 'sec1' ? 'EC PRIVATE KEY' : 'PRIVATE KEY';
      assert.equal(firstLine(exportPrivateKey(key, { encoding: 'traditional' })), `-----BEGIN ${label}-----`);
    });

  test('an encrypted key is asked for its passphrase, and does not open with another', async () => {
    const key = await testKey('ecdsa-p256');
    const pem = exportPrivateKey(key, { passphrase: { text: passphrase, random } });
    assertCoded('PassphraseRequired', () => importPrivateKey(pem, { what: 'ca-key.pem' }), /^cannot read ca-key\.pem: it is encrypted/);
    assertCoded('PassphraseRequired', () => importPrivateKey(decodePem(pem)[0]?.bytes ?? ''));
    assertCoded('PassphraseWrong', () => importPrivateKey(pem, { passphrase: 'wrong' }));
    assertCoded('PassphraseWrong', () => importPrivateKey(pem, { passphrase: '' }));
  });

  test('old encrypted PEM of OpenSSL is read', async () => {
    for (const algorithm of ['rsa-2048', 'ecdsa-p256'] as const) {
      const key = await testKey(algorithm);
      for (const cipher of ['aes-256-cbc', 'aes-128-cbc', 'des-ede3-cbc']) {
        const pem = pemOf(key, { type: algorithm === 'rsa-2048' ? 'pkcs1' : 'sec1', cipher, passphrase });
        assert.match(pem, /^Proc-Type: 4,ENCRYPTED$/m);
        assert.equal(importPrivateKey(pem, { passphrase }).equals(key), true);
        assert.equal(importPrivateKey(pem.replaceAll('\n', '\r\n'), { passphrase }).equals(key), true);
        assertCoded('PassphraseRequired', () => importPrivateKey(pem));
        assertCoded('PassphraseWrong', () => importPrivateKey(pem, { passphrase: 'wrong' }));
      }
    }
  });

  test('an old encrypted key of a refused size is refused for its size, not for its passphrase', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const pem = pemOf(privateKey, { type: 'pkcs1', cipher: 'aes-256-cbc', passphrase });
    assertCoded('KeyUnsupported', () => importPrivateKey(pem, { passphrase }), /RSA of 1024 bits/);
  });

  test('the first key is taken from among other blocks, parameters of a curve included', async () => {
    const key = await testKey('ecdsa-p256');
    const text = `${encodePem('EC PARAMETERS', encodeOid(oid.p256))}${pemOf(key, { type: 'sec1' })}${testKeyPem('rsa-2048')}`;
    assert.equal(importPrivateKey(text).equals(key), true);
    const { certificate } = await testCa();
    assert.equal(
      importPrivateKey(encodePem('CERTIFICATE', certificate.raw) + testKeyPem('ed25519')).equals(await testKey('ed25519')),
      true,
    );
  });

  test('labels of private keys are known, others are not', () => {
    for (const label of ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'])
      assert.equal(isPrivateKeyLabel(label), true);
    for (const label of ['PUBLIC KEY', 'CERTIFICATE', 'OPENSSH PRIVATE KEY', 'toString']) assert.equal(isPrivateKeyLabel(label), false);
    assertCoded('KeyInvalid', () => importPrivateKeyBlock({ label: 'OPENSSH PRIVATE KEY', headers: new Map(), bytes: new Uint8Array() }));
  });

  test('what is no private key is refused with the name of the source', async () => {
    const { certificate } = await testCa();
    const what = 'server.key';
    for (const input of [
      '',
      'nothing',
      Buffer.from('garbage\n'),
      encodePem('CERTIFICATE', certificate.raw),
      encodePem('PRIVATE KEY', sequence()),
    ])
      assertCoded('KeyInvalid', () => importPrivateKey(input, { what }), /^cannot read server\.key: /);
    for (const input of [
      certificate.raw,
      (await testPublicKey()).spki,
      new Uint8Array(),
      Uint8Array.of(0x30, 0),
      Buffer.from([0xff, 0xfe]),
    ])
      assert.ok(resultOrCodedError(() => importPrivateKey(input, { what })) instanceof CodedError);
  });

  test('keys of other sizes, curves and algorithms are refused as such', () => {
    const pairs = [
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('rsa', { modulusLength: 2040 }),
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('ec', { namedCurve: 'P-224' }),
      generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }),
      generateKeyPairSync('ed448'),
      generateKeyPairSync('x25519'),
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
      generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }),
    ];
    for (const { privateKey } of pairs) assertCoded('KeyUnsupported', () => importPrivateKey(pemOf(privateKey, { type: 'pkcs8' })));
  });

  test('an RSA key over 8192 bits is refused', () => {
    const number = (octets: number): Uint8Array => unsignedInteger(new Uint8Array(octets).fill(0xff));
    const half = number(1024);
    const key = sequence(smallInteger(0), number(2048), smallInteger(65_537), number(2048), half, half, half, half, half);
    assertCoded('KeyUnsupported', () => importPrivateKey(encodePem('RSA PRIVATE KEY', key)), /RSA of 16384 bits/);
  });

  test('huge inputs are refused before anything is done with them', () => {
    const huge = sequence(smallInteger(0), octetString(new Uint8Array(65 * 1024)));
    for (const label of ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'])
      assertCoded('InputTooLarge', () => importPrivateKey(encodePem(label, huge), { passphrase }));
    assertCoded('InputTooLarge', () => importPrivateKey(huge));
    assertCoded('InputTooLarge', () => importPrivateKey(sequence(sequence(), huge), { passphrase }));
    const old = encodePem('RSA PRIVATE KEY', huge).replace(
      '\n',
      '\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n',
    );
    assertCoded('InputTooLarge', () => importPrivateKey(old, { passphrase }));
    assertCoded('InputTooLarge', () => importPrivateKey('-'.repeat(33 * 1024 * 1024)));
    assertCoded('InputTooLarge', () => importPrivateKey(new Uint8Array(17 * 1024 * 1024)));
  });
});

describe('a key from outside and its certificate', () => {
  const names = { key: 'server.key', certificate: 'server.pem' };

  test('the key of the certificate is taken, that of another is refused', async () => {
    const ca = await testCa();
    const other = await testKey('ecdsa-p256', 2);
    for (const algorithm of ['rsa-2048', 'ecdsa-p256', 'ed25519', 'ml-dsa-44'] as const) {
      const certificate = await testLeaf(ca, { algorithm, keyNumber: 0 });
      requireKeyBelongsTo(await testKey(algorithm), certificateKey(certificate), names);
      assertCoded(
        'KeyMismatch',
        () => requireKeyBelongsTo(other, certificateKey(certificate), names),
        /^cannot use server\.key: it is not the key of server\.pem$/,
      );
    }
  });

  /** Key files of `own` that claim to be the key of `claimed`: the public half in the file is not its own. */
  const liars = (own: KeyObject, claimed: KeyObject): readonly string[] => {
    const scalar = Buffer.from(own.export({ format: 'jwk' }).d ?? '', 'base64url');
    const point = publicKeyOf(claimed).bits;
    const curve = element(contextConstructedTag(0), encodeOid(oid.p256));
    const sec1 = (...parameters: Uint8Array[]): Uint8Array =>
      sequence(smallInteger(1), octetString(scalar), ...parameters, element(contextConstructedTag(1), octetBitString(point)));
    const pkcs8 = sequence(smallInteger(0), sequence(encodeOid(oid.ecPublicKey), encodeOid(oid.p256)), octetString(sec1()));
    return [encodePem('EC PRIVATE KEY', sec1(curve)), encodePem('PRIVATE KEY', pkcs8)];
  };

  test('a file whose embedded public half belongs to another key passes for neither', async () => {
    const [own, claimed] = await Promise.all([testKey('ecdsa-p256', 1), testKey('ecdsa-p256', 2)]);
    for (const file of liars(own, claimed)) {
      const key = resultOrCodedError(() => importPrivateKey(file));
      // The runtime may refuse such a file by itself one day; what it reads must not pass.
      if (key instanceof CodedError) continue;
      assert.equal(keyBelongsTo(key, publicKeyOf(claimed)), false);
      assert.equal(keyBelongsTo(key, publicKeyOf(own)), false);
      assertCoded('KeyMismatch', () => requireKeyBelongsTo(key, publicKeyOf(claimed), names));
    }
    for (const file of liars(own, own)) assert.equal(keyBelongsTo(importPrivateKey(file), publicKeyOf(own)), true);
  });

  test('an RSA file with the modulus of another key passes for neither', async () => {
    const [own, claimed] = await Promise.all([testKey('rsa-2048', 1), testKey('rsa-2048')]);
    const jwk: JsonWebKey = own.export({ format: 'jwk' });
    const key = createPrivateKey({ key: { ...jwk, n: claimed.export({ format: 'jwk' }).n ?? '' }, format: 'jwk' });
    assert.equal(keyBelongsTo(key, publicKeyOf(claimed)), false);
    assert.equal(keyBelongsTo(key, publicKeyOf(own)), false);
  });

  test('a key whose numbers do not belong together, so that it cannot sign, is the key of nothing', async () => {
    const own = await testKey('rsa-2048');
    const jwk: JsonWebKey = own.export({ format: 'jwk' });
    const key = createPrivateKey({ key: { ...jwk, p: 'AA' }, format: 'jwk' });
    assert.throws(() => sign('sha256', Buffer.from('data'), key));
    assert.equal(keyBelongsTo(key, publicKeyOf(own)), false);
  });

  test('an Ed25519 file with another public half is the key of its private half, or none', async () => {
    const [own, claimed] = await Promise.all([testKey('ed25519', 1), testKey('ed25519')]);
    const scalar = Buffer.from(own.export({ format: 'jwk' }).d ?? '', 'base64url');
    const half = element(0x81, Uint8Array.of(0), publicKeyOf(claimed).bits);
    const file = sequence(smallInteger(1), sequence(encodeOid(oid.ed25519)), octetString(octetString(scalar)), half);
    const key = resultOrCodedError(() => importPrivateKey(encodePem('PRIVATE KEY', file)));
    assert.ok(key instanceof CodedError || !keyBelongsTo(key, publicKeyOf(claimed)));
  });
});

describe('what errors say of keys', () => {
  /** Every window of 16 characters of the secret part, in hex and in base64. */
  const secretsOf = (key: KeyObject): readonly string[] => {
    const jwk = key.export({ format: 'jwk' });
    const parts = [jwk.d, jwk.p, jwk.q, jwk.dp, jwk['priv'], jwk['k']].flatMap((part) =>
      typeof part === 'string' ? [Buffer.from(part, 'base64url')] : [],
    );
    const texts = parts.flatMap((part) => [part.toString('hex'), part.toString('base64'), part.toString('base64url'), part.join(', ')]);
    const encodings = [exportPkcs8(key)].map((bytes) => Buffer.from(bytes).toString('base64'));
    return [...texts, ...encodings.map((text) => text.slice(48))].flatMap((text) =>
      Array.from({ length: Math.max(0, text.length - 15) }, (_, i) => text.slice(i, i + 16)),
    );
  };

  const saysNothing = (error: unknown, secrets: readonly string[]): void => {
    const said = `${inspect(error, { depth: 10, showHidden: true, maxArrayLength: null, maxStringLength: null })} ${JSON.stringify(error)}`;
    for (const secret of secrets) assert.ok(!said.includes(secret), `an error says ${secret}`);
  };

  test('no refusal says a part of the key or the passphrase', async () => {
    for (const algorithm of ['rsa-2048', 'ecdsa-p256', 'ed25519', 'ml-dsa-44'] as const) {
      const key = await testKey(algorithm);
      const secrets = [...secretsOf(key), passphrase];
      const plain = exportPrivateKey(key);
      const encrypted = exportPrivateKey(key, { passphrase: { text: passphrase, random } });
      const body = plain.split('\n').slice(1, -2).join('\n');
      const attempts: readonly (() => unknown)[] = [
        () => importPrivateKey(plain.replace('-----END', 'x-----END')),
        () => importPrivateKey(plain.slice(0, -30)),
        () => importPrivateKey(plain.replaceAll('PRIVATE KEY', 'PUBLIC KEY')),
        () => importPrivateKey(`-----BEGIN ${body}`),
        () => importPrivateKey(`-----BEGIN PRIVATE KEY-----\n${body}-----END ${body}`),
        () => importPrivateKey(body),
        () => importPrivateKey(exportPkcs8(key).subarray(0, -1)),
        () => importPrivateKey(exportPkcs8(key).subarray(1)),
        () => importPrivateKey(encrypted, { passphrase: `${passphrase}r` }),
        () => importPrivateKey(encrypted.slice(0, -60) + encrypted.slice(-40), { passphrase }),
      ];
      for (const attempt of attempts) {
        const error = resultOrCodedError(attempt);
        assert.ok(error instanceof CodedError, String(attempt));
        saysNothing(error, secrets);
      }
      assertCoded('KeyMismatch', () =>
        requireKeyBelongsTo(key, { ...publicKeyOf(key), spki: new Uint8Array() }, { key: 'a', certificate: 'b' }),
      );
      saysNothing(key, secrets);
    }
  });

  const samples = ['rsa-2048', 'ecdsa-p256', 'ed25519', 'ml-dsa-44'] as const;
  test('damaged key files give a key or a coded error, and a key that signs or is refused', async () => {
    const keys = await Promise.all(samples.map((algorithm) => testKey(algorithm)));
    const secrets = keys.flatMap(secretsOf).filter((_, i) => i % 7 === 0);
    const files = keys.flatMap((key) => [
      exportPkcs8(key),
      ...(key.asymmetricKeyType === 'rsa' ? [der(key, 'pkcs1')] : key.asymmetricKeyType === 'ec' ? [der(key, 'sec1')] : []),
    ]);
    let read = 0;
    fc.assert(
      fc.property(brokenDer(files), fc.constantFrom(undefined, 'PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'), (bytes, label) => {
        const key = resultOrCodedError(() => importPrivateKey(label === undefined ? bytes : encodePem(label, bytes)));
        if (key instanceof CodedError) {
          if (key.code !== 'DerInvalid') saysNothing(key, secrets);
          return;
        }
        read++;
        assert.equal(typeof keyBelongsTo(key, publicKeyOf(key)), 'boolean');
      }),
      { numRuns: runs(300, 50_000) },
    );
    assert.ok(read > 0, 'no damaged file was read, so nothing was tried of what follows');
  });

  test('arbitrary bytes and text give coded errors', () => {
    const start = fc.constantFrom<readonly number[]>(
      [],
      [tag.sequence, 0x03, tag.integer, 1, 0],
      [tag.sequence, 0x02, tag.sequence, 0],
      [...nullElement],
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 60 }), fc.string(), (first, rest, text) => {
        assert.ok(resultOrCodedError(() => importPrivateKey(Uint8Array.from([...first, ...rest]))) instanceof CodedError);
        assert.ok(
          resultOrCodedError(() => importPrivateKey(encodePem('PRIVATE KEY', Uint8Array.from([...first, ...rest])))) instanceof CodedError,
        );
        assert.ok(resultOrCodedError(() => importPrivateKey(text)) instanceof CodedError);
      }),
      { numRuns: runs(300, 200_000) },
    );
  });
});
