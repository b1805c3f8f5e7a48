import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, pbkdf2Sync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSecureContext } from 'node:tls';
import fc from 'fast-check';
import { isCodedError } from '../base/coded-error.ts';
import { countSteps } from '../testing/counted-bytes.ts';
import { repositoryRoot } from '../testing/golden.ts';
import { describeEntry, testCertificate, testKey, testKeyEntry, testTrustedEntry } from '../testing/keystore-entries.ts';
import { runs, seed } from '../testing/runs.ts';
import { contextConstructedTag, element, nullElement, octetString, sequence, setOf, smallInteger, tag } from './der.ts';
import { encodeOid, oid } from './oid.ts';
import { decodePkcs12, encodePkcs12, type KeystoreEntry, openingContext, type Pkcs12Options, type Pkcs12Profile } from './pkcs12.ts';
import { type BagAttributes, encodeCertificateBag, encodeData, encodeEncryptedData } from './pkcs12-bags.ts';
import { pkcs12Password } from './pkcs12-kdf.ts';
import { makeMac } from './pkcs12-mac.ts';
import { pkcs12Oid } from './pkcs12-oids.ts';
import { encryptByPassword } from './pkcs12-pbe.ts';
import { readAuthenticatedSafe } from './pkcs12-safe.ts';

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const profiles: readonly Pkcs12Profile[] = ['Modern2023', 'Modern2026', 'LegacyDES', 'LegacyRC2'];
const options = (profile: Pkcs12Profile = 'Modern2023', more: Partial<Pkcs12Options> = {}): Pkcs12Options => ({
  password: 'changeit',
  profile,
  random,
  iterations: 2,
  ...more,
});
const describeAll = (entries: readonly KeystoreEntry[]): unknown[] => entries.map(describeEntry);
const plain: BagAttributes = { friendlyName: undefined, localKeyId: undefined, trusted: false };
const named = (friendlyName: string): BagAttributes => ({ ...plain, friendlyName });

const password = (text: string) => ({ text, octets: pkcs12Password(text) });
const macOptions = { random, iterations: 2 };

/** A store around parts that the tests put together, under a right MAC. */
const store = (parts: readonly Uint8Array[], text = 'changeit', octets = pkcs12Password(text)): Uint8Array => {
  const content = sequence(...parts);
  return sequence(smallInteger(3), encodeData(content), makeMac('sha256', content, { text, octets }, macOptions));
};
const plainPart = (...bags: Uint8Array[]): Uint8Array => encodeData(sequence(...bags));
const bag = (type: string, value: Uint8Array, ...attributes: Uint8Array[]): Uint8Array =>
  sequence(
    encodeOid(type),
    element(contextConstructedTag(0), value),
    ...(attributes.length === 0 ? [] : [element(tag.set, ...attributes)]),
  );
const localKeyId = (id: number): Uint8Array => sequence(encodeOid(pkcs12Oid.localKeyId), setOf([octetString(Uint8Array.of(id))]));
const pkcs8 = (entry: { readonly privateKey: ReturnType<typeof testKey> }): Uint8Array =>
  new Uint8Array(entry.privateKey.export({ format: 'der', type: 'pkcs8' }));

const server = testKeyEntry('server');
const other = testKeyEntry('other');
const ca = testTrustedEntry('ca');

describe('PKCS#12 keystores that are written', () => {
  for (const profile of profiles)
    test(`${profile}: keys with their chains and trusted certificates come back as they went in`, () => {
      const bytes = encodePkcs12([server, ca, other], options(profile));
      assert.deepEqual(describeAll(decodePkcs12(bytes, 'changeit')), describeAll([server, other, ca]));
    });

  const aes256 = '2.16.840.1.101.3.4.1.42';
  const schemes = { pbes2: '1.2.840.113549.1.5.13', aes256, sha256: oid.sha256, sha1: oid.sha1, ...pkcs12Oid };
  const schemesOf: Readonly<Record<Pkcs12Profile, readonly (keyof typeof schemes)[]>> = {
    Modern2023: ['pbes2', 'aes256', 'sha256'],
    Modern2026: ['pbes2', 'aes256', 'pbmac1'],
    LegacyDES: ['sha1With3Des', 'sha1'],
    LegacyRC2: ['sha1With40BitRc2', 'sha1With3Des', 'sha1'],
  };
  for (const profile of profiles)
    test(`${profile}: uses ${schemesOf[profile].join(', ')} and no other scheme`, () => {
      const bytes = Buffer.from(encodePkcs12([server, ca], options(profile)));
      const candidates = ['pbes2', 'aes256', 'sha256', 'sha1', 'pbmac1', 'sha1With3Des', 'sha1With40BitRc2'] as const;
      const used = candidates.filter((name) => bytes.includes(Buffer.from(encodeOid(schemes[name]))));
      assert.deepEqual(new Set(used), new Set(schemesOf[profile]));
    });

  test('the bag of a trusted certificate bears the mark of Oracle, with any extended key usage for its value', () => {
    const mark = Buffer.from(sequence(encodeOid('2.16.840.1.113894.746875.1.1'), setOf([encodeOid('2.5.29.37.0')])));
    assert.ok(Buffer.from(encodeCertificateBag(ca.certificate, { ...named('ca'), trusted: true })).includes(mark));
    assert.ok(!Buffer.from(encodeCertificateBag(ca.certificate, named('ca'))).includes(mark));
  });

  for (const profile of ['Modern2023', 'Modern2026'] as const)
    test(`${profile}: the runtime's OpenSSL takes it as a TLS server's identity`, () => {
      const pfx = Buffer.from(encodePkcs12([server], options(profile, { password: 'pässwörd' })));
      assert.ok(createSecureContext({ pfx, passphrase: 'pässwörd' }));
      assert.throws(() => createSecureContext({ pfx, passphrase: 'password' }), /mac verify failure/);
    });

  test('every key algorithm that is accepted fits in', () => {
    const pairs = [
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('ml-dsa-44'),
    ];
    for (const { privateKey } of pairs) {
      // A certificate of such a key is the business of others; that its key does not match is found before anything is written.
      assert.throws(() => encodePkcs12([{ ...server, privateKey }], options()), { code: 'KeyMismatch' });
      const key = bag(pkcs12Oid.keyBag, pkcs8({ privateKey }));
      const [entry] = decodePkcs12(store([plainPart(key)]), 'changeit');
      assert.ok(entry?.kind === 'key');
      assert.deepEqual(entry.privateKey.export({ format: 'jwk' }), privateKey.export({ format: 'jwk' }));
      assert.deepEqual(entry.chain, []);
    }
  });

  test('salts, vectors and iteration counts are the caller’s, and the default count is written', () => {
    const zeros = (length: number): Uint8Array => new Uint8Array(length);
    const same = () => encodePkcs12([server], options('LegacyRC2', { random: zeros }));
    assert.deepEqual(same(), same());
    assert.notDeepEqual(encodePkcs12([ca], options('LegacyRC2')), encodePkcs12([ca], options('LegacyRC2')));
    const count = (iterations: number): Buffer => Buffer.from(smallInteger(iterations));
    assert.ok(Buffer.from(encodePkcs12([ca], options('Modern2023', { iterations: 4321 }))).includes(count(4321)));
    assert.ok(Buffer.from(encodePkcs12([ca], { password: 'x', profile: 'Modern2023', random })).includes(count(2048)));
    assert.throws(() => encodePkcs12([ca], options('Modern2023', { iterations: 0 })), { code: 'UsageInvalid' });
    assert.throws(() => encodePkcs12([ca], options('LegacyDES', { iterations: 1_000_001 })), { code: 'UsageInvalid' });
  });

  const refusals: readonly (readonly [string, string, readonly KeystoreEntry[]])[] = [
    ['two entries of one name', 'KeystoreInvalid', [server, { ...ca, alias: 'server' }]],
    ['two entries whose names differ in letter case alone', 'KeystoreInvalid', [server, { ...ca, alias: 'SERVER' }]],
    ['an entry without a name', 'KeystoreInvalid', [{ ...ca, alias: '' }]],
    ['a name that is not Unicode', 'KeystoreInvalid', [{ ...ca, alias: '\ud800' }]],
    ['a key without a certificate', 'KeystoreInvalid', [{ ...server, chain: [] }]],
    ['a key with another key’s certificate', 'KeyMismatch', [{ ...server, chain: other.chain }]],
    ['a certificate that is none', 'CertificateInvalid', [{ ...ca, certificate: Uint8Array.of(1, 2, 3) }]],
    [
      'PEM in place of a certificate’s DER',
      'CertificateInvalid',
      [
        {
          ...ca,
          certificate: Buffer.from(
            `-----BEGIN CERTIFICATE-----\n${Buffer.from(ca.certificate).toString('base64')}\n-----END CERTIFICATE-----\n`,
          ),
        },
      ],
    ],
    ['a chain with a certificate that is none', 'CertificateInvalid', [{ ...server, chain: [...server.chain, Uint8Array.of(0x30, 0)] }]],
  ];
  for (const [what, code, entries] of refusals)
    test(`${what}: refused`, () => {
      assert.throws(() => encodePkcs12(entries, options()), { code });
    });

  test('a store of nothing is a store', () => {
    assert.deepEqual(decodePkcs12(encodePkcs12([], options()), 'changeit'), []);
  });

  test('what is written is read again, whatever names, password, profile and number of entries', () => {
    const entries = fc.uniqueArray(
      fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), fc.constantFrom(server, other, ca)),
      {
        maxLength: 5,
        selector: ([alias]) => alias.toLowerCase(),
      },
    );
    fc.assert(
      fc.property(entries, fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom(...profiles), (list, text, profile) => {
        const made = list.map(([alias, entry]) => ({ ...entry, alias }));
        const read = decodePkcs12(encodePkcs12(made, options(profile, { password: text })), text);
        const keysFirst = [...made.filter(({ kind }) => kind === 'key'), ...made.filter(({ kind }) => kind === 'trusted')];
        assert.deepEqual(describeAll(read), describeAll(keysFirst));
      }),
      { seed, numRuns: runs(100, 2_000) },
    );
  });
});

describe('integrity of PKCS#12 keystores', () => {
  for (const profile of profiles)
    test(`${profile}: another password and each changed octet of the contents are found`, () => {
      const bytes = encodePkcs12([ca], options(profile));
      assert.throws(() => decodePkcs12(bytes, 'changeiT'), { code: 'PassphraseWrong' });
      assert.throws(() => decodePkcs12(bytes, ''), { code: 'PassphraseWrong' });
      const start = Buffer.from(bytes).indexOf(encodeOid(pkcs12Oid.encryptedData)) + 40;
      for (let at = start; at < bytes.length - 130; at += 7) {
        const changed = new Uint8Array(bytes);
        changed[at] = (changed[at] ?? 0) ^ 1;
        assert.throws(() => decodePkcs12(changed, 'changeit'), { code: 'PassphraseWrong' });
      }
    });

  test('it is checked before the contents are looked at: under a wrong password even nonsense inside says only that', () => {
    const nonsense = sequence(
      smallInteger(3),
      encodeData(Uint8Array.of(1, 2, 3)),
      makeMac('sha256', Uint8Array.of(1, 2, 3), password('x'), macOptions),
    );
    assert.throws(() => decodePkcs12(nonsense, 'y'), { code: 'PassphraseWrong' });
    assert.throws(() => decodePkcs12(nonsense, 'x'), { code: 'KeystoreInvalid' });
  });

  test('a store without it opens with the empty password alone', () => {
    const bytes = sequence(smallInteger(3), encodeData(sequence(plainPart(encodeCertificateBag(ca.certificate, named('ca'))))));
    assert.deepEqual(describeAll(decodePkcs12(bytes, '')), describeAll([ca]));
    assert.throws(() => decodePkcs12(bytes, 'changeit'), { code: 'KeystoreInvalid' });
  });

  test('an empty password is read in both its forms, for certificates and keys too', () => {
    for (const octets of [Uint8Array.of(0, 0), new Uint8Array()]) {
      const { algorithm, ciphertext } = encryptByPassword(
        '3des',
        sequence(encodeCertificateBag(ca.certificate, named('ca'))),
        { text: '', octets },
        macOptions,
      );
      assert.deepEqual(describeAll(decodePkcs12(store([encodeEncryptedData(algorithm, ciphertext)], '', octets), '')), describeAll([ca]));
    }
  });

  for (const digest of ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const)
    test(`PBMAC1 with ${digest} is read; its key length must be said and be 20 octets or more`, () => {
      const content = sequence(plainPart(encodeCertificateBag(ca.certificate, named('ca'))));
      const hmac = { sha1: 7, sha224: 8, sha256: 9, sha384: 10, sha512: 11 }[digest];
      const identifier = sequence(encodeOid(`1.2.840.113549.2.${hmac}`), nullElement);
      const withKeyBytes = (keyBytes: number | undefined, unused = 1): Uint8Array => {
        const salt = random(8);
        const kdf = sequence(octetString(salt), smallInteger(3), ...(keyBytes === undefined ? [] : [smallInteger(keyBytes)]), identifier);
        const parameters = sequence(sequence(encodeOid('1.2.840.113549.1.5.12'), kdf), identifier);
        const mac = createHmac(digest, pbkdf2Sync('changeit', salt, 3, Math.max(keyBytes ?? 32, 1), digest))
          .update(content)
          .digest();
        const macData = sequence(
          sequence(sequence(encodeOid(pkcs12Oid.pbmac1), parameters), octetString(mac)),
          octetString(Uint8Array.of(0)),
          smallInteger(unused),
        );
        return sequence(smallInteger(3), encodeData(content), macData);
      };
      assert.deepEqual(describeAll(decodePkcs12(withKeyBytes(20), 'changeit')), describeAll([ca]));
      // The old place of the count means nothing; cert-manager writes 0 into it.
      assert.deepEqual(describeAll(decodePkcs12(withKeyBytes(64, 0), 'changeit')), describeAll([ca]));
      for (const keyBytes of [0, 1, 19, undefined])
        assert.throws(() => decodePkcs12(withKeyBytes(keyBytes), 'changeit'), { code: 'KeystoreInvalid' });
    });

  // RFC 9579 appendix A: three stores that open with "1234", and three whose MAC has a wrong count, a wrong salt, and no key length.
  for (const [name, code] of [
    ['a1'],
    ['a2'],
    ['a3'],
    ['a4', 'PassphraseWrong'],
    ['a5', 'PassphraseWrong'],
    ['a6', 'KeystoreInvalid'],
  ] as const)
    test(`the store ${name} of RFC 9579 ${code === undefined ? 'opens' : `is refused as ${code}`}`, () => {
      const bytes = Buffer.from(readFileSync(join(repositoryRoot, 'test/vectors/rfc9579', `${name}.b64`), 'utf8'), 'base64');
      if (code !== undefined) assert.throws(() => decodePkcs12(bytes, '1234'), { code });
      else {
        const [entry, ...others] = decodePkcs12(bytes, '1234');
        assert.ok(entry?.kind === 'key' && others.length === 0);
        assert.equal(entry.privateKey.asymmetricKeyDetails?.modulusLength, 2048);
        assert.equal(entry.chain.length, 1);
      }
    });

  test('ten million rounds are the most that a file may ask for, in its MAC or in all its parts together', () => {
    const content = sequence();
    const digestInfo = sequence(sequence(encodeOid(oid.sha256), nullElement), octetString(new Uint8Array(32)));
    const withRounds = (rounds: number): Uint8Array =>
      sequence(smallInteger(3), encodeData(content), sequence(digestInfo, octetString(new Uint8Array(8)), smallInteger(rounds)));
    assert.throws(() => decodePkcs12(withRounds(2), 'x'), { code: 'PassphraseWrong' });
    assert.throws(() => decodePkcs12(withRounds(0x7fffffff), 'x'), { code: 'InputTooLarge' });
    assert.throws(() => decodePkcs12(withRounds(0), 'x'), { code: 'KeystoreInvalid' });

    const { algorithm, ciphertext } = encryptByPassword('pbes2', sequence(), password('changeit'), { random, iterations: 400_000 });
    const part = encodeEncryptedData(algorithm, ciphertext);
    assert.deepEqual(decodePkcs12(store([part]), 'changeit'), []);
    const start = performance.now();
    assert.throws(() => decodePkcs12(store(Array.from({ length: 1000 }, () => part)), 'changeit'), { code: 'InputTooLarge' });
    assert.ok(performance.now() - start < 60_000);
  });
});

describe('what belongs together in a PKCS#12 keystore', () => {
  const [leaf = new Uint8Array(), intermediate = new Uint8Array(), root = new Uint8Array()] = server.chain;
  const certificate = (der: Uint8Array, ...attributes: Uint8Array[]): Uint8Array =>
    bag(
      pkcs12Oid.certificateBag,
      sequence(encodeOid(pkcs12Oid.x509Certificate), element(contextConstructedTag(0), octetString(der))),
      ...attributes,
    );
  const read = (...bags: Uint8Array[]): unknown[] => describeAll(decodePkcs12(store([plainPart(...bags)]), 'changeit'));
  const key = (...attributes: Uint8Array[]): Uint8Array => bag(pkcs12Oid.keyBag, pkcs8(server), ...attributes);
  const asServer = (chain: readonly Uint8Array[], alias = '1'): unknown => describeEntry({ ...server, alias, chain });

  test('a chain is put in order, leaf first, whatever the order of the file', () => {
    assert.deepEqual(read(certificate(root), certificate(intermediate), key(localKeyId(7)), certificate(leaf, localKeyId(7))), [
      asServer(server.chain),
    ]);
  });

  test('a key without localKeyId finds its certificate by the public key', () => {
    assert.deepEqual(read(certificate(intermediate), certificate(leaf), key()), [asServer([leaf, intermediate])]);
    assert.deepEqual(read(certificate(intermediate), certificate(leaf), key(localKeyId(1))), [asServer([leaf, intermediate])]);
  });

  test('of two certificates of one key, the one with its localKeyId is the leaf', () => {
    const renewed = testCertificate({ name: 'renewed', key: server.privateKey }).certificate;
    assert.deepEqual(read(certificate(leaf, localKeyId(1)), certificate(renewed, localKeyId(2)), key(localKeyId(2))), [
      asServer([renewed, leaf]),
    ]);
  });

  test('a localKeyId that puts a key beside another’s certificate is refused', () => {
    const [foreign = new Uint8Array()] = other.chain;
    assert.throws(() => read(certificate(foreign, localKeyId(1)), key(localKeyId(1))), { code: 'KeyMismatch' });
  });

  test('of two CAs of one name, the one whose key the leaf names is its issuer', () => {
    const old = testCertificate({ name: 'ca' });
    const next = testCertificate({ name: 'ca' });
    const issued = testCertificate({ name: 'leaf', issuer: next });
    const entry = {
      kind: 'key',
      alias: '1',
      privateKey: issued.key,
      chain: [issued.certificate, next.certificate, old.certificate],
    } as const;
    const bytes = store([
      plainPart(
        certificate(old.certificate),
        certificate(next.certificate),
        certificate(issued.certificate),
        bag(pkcs12Oid.keyBag, pkcs8(entry)),
      ),
    ]);
    assert.deepEqual(describeAll(decodePkcs12(bytes, 'changeit')), [describeEntry(entry)]);
  });

  test('certificates without key identifiers are linked by name', () => {
    const top = testCertificate({ name: 'top', keyIds: false });
    const below = testCertificate({ name: 'below', issuer: top, keyIds: false });
    const entry = { kind: 'key', alias: '1', privateKey: below.key, chain: [below.certificate, top.certificate] } as const;
    const bytes = store([plainPart(certificate(top.certificate), certificate(below.certificate), bag(pkcs12Oid.keyBag, pkcs8(entry)))]);
    assert.deepEqual(describeAll(decodePkcs12(bytes, 'changeit')), [describeEntry(entry)]);
  });

  test('certificates that sign each other end the chain instead of going round', () => {
    const [a, b] = [testKey(), testKey()];
    const aByB = testCertificate({ name: 'a', key: a, issuer: { name: 'b', key: b, certificate: new Uint8Array() } });
    const bByA = testCertificate({ name: 'b', key: b, issuer: { name: 'a', key: a, certificate: new Uint8Array() } });
    const entry = { kind: 'key', alias: '1', privateKey: a, chain: [aByB.certificate, bByA.certificate] } as const;
    const bytes = store([plainPart(certificate(bByA.certificate), certificate(aByB.certificate), bag(pkcs12Oid.keyBag, pkcs8(entry)))]);
    assert.deepEqual(describeAll(decodePkcs12(bytes, 'changeit')), [describeEntry(entry)]);
  });

  test('certificates linked to nothing follow the chain they stand beside', () => {
    assert.deepEqual(read(certificate(leaf), certificate(ca.certificate), certificate(intermediate), key()), [
      asServer([leaf, intermediate, ca.certificate]),
    ]);
  });

  test('without a key every certificate is trusted, beside one only those marked; what is marked is in no chain', () => {
    const trustedRoot = encodeCertificateBag(root, { ...named('root'), trusted: true });
    assert.deepEqual(
      read(certificate(root), certificate(intermediate)),
      describeAll([
        { kind: 'trusted', alias: '1', certificate: root },
        { kind: 'trusted', alias: '2', certificate: intermediate },
      ]),
    );
    assert.deepEqual(read(trustedRoot, certificate(leaf), certificate(intermediate), key()), [
      asServer([leaf, intermediate]),
      describeEntry({ kind: 'trusted', alias: 'root', certificate: root }),
    ]);
  });

  test('parts may be plain or encrypted, and bags nested eight deep, in the order of the file', () => {
    const nest = (levels: number, inner: Uint8Array): Uint8Array =>
      levels === 1 ? inner : bag(pkcs12Oid.safeContentsBag, sequence(nest(levels - 1, inner)));
    const { algorithm, ciphertext } = encryptByPassword(
      'rc2-40',
      sequence(encodeCertificateBag(leaf, named('b'))),
      password('changeit'),
      macOptions,
    );
    const parts = [
      plainPart(bag(pkcs12Oid.safeContentsBag, sequence(encodeCertificateBag(root, named('a')))), encodeCertificateBag(root, named('a2'))),
      encodeEncryptedData(algorithm, ciphertext),
      plainPart(nest(8, encodeCertificateBag(root, named('c')))),
    ];
    assert.deepEqual(
      decodePkcs12(store(parts), 'changeit').map(({ alias }) => alias),
      ['a', 'a2', 'b', 'c'],
    );
    assert.throws(() => decodePkcs12(store([plainPart(nest(9, encodeCertificateBag(root, plain)))]), 'changeit'), {
      code: 'InputTooLarge',
    });
  });

  test('other attributes, CRLs and secrets are passed over', () => {
    const unknown = sequence(encodeOid('1.3.6.1.4.1.311.17.2'), element(tag.set));
    assert.deepEqual(
      read(bag(pkcs12Oid.crlBag, nullElement), key(unknown), bag(pkcs12Oid.secretBag, nullElement), certificate(leaf, unknown)),
      [asServer([leaf])],
    );
  });

  const bmp = (value: Uint8Array): Uint8Array => sequence(encodeOid(pkcs12Oid.friendlyName), element(tag.set, value));
  const faults: readonly (readonly [string, string, () => Uint8Array])[] = [
    [
      'a name that is half a character long',
      'KeystoreInvalid',
      () => store([plainPart(certificate(leaf, bmp(element(tag.bmpString, Uint8Array.of(0, 65, 0)))))]),
    ],
    [
      'a name that is no BMPString',
      'KeystoreInvalid',
      () => store([plainPart(certificate(leaf, bmp(element(tag.utf8String, Uint8Array.of(65)))))]),
    ],
    ['an unknown kind of bag', 'KeystoreUnsupported', () => store([plainPart(bag('1.2.3', nullElement))])],
    [
      'an unknown type of certificate',
      'KeystoreUnsupported',
      () => store([plainPart(bag(pkcs12Oid.certificateBag, sequence(encodeOid('1.2.3'))))]),
    ],
    [
      'enveloped contents',
      'KeystoreUnsupported',
      () => store([sequence(encodeOid(pkcs12Oid.envelopedData), element(contextConstructedTag(0), nullElement))]),
    ],
    [
      'a signed store',
      'KeystoreUnsupported',
      () => sequence(smallInteger(3), sequence(encodeOid(pkcs12Oid.signedData), element(contextConstructedTag(0), nullElement))),
    ],
    ['another version', 'KeystoreUnsupported', () => sequence(smallInteger(4), encodeData(sequence()))],
    [
      'an unknown MAC',
      'KeystoreUnsupported',
      () =>
        sequence(
          smallInteger(3),
          encodeData(sequence()),
          sequence(sequence(sequence(encodeOid('1.2.840.113549.2.5')), octetString(new Uint8Array(16))), octetString(new Uint8Array(8))),
        ),
    ],
    ['RC4', 'KeystoreUnsupported', () => store([encodeEncryptedData(sequence(encodeOid('1.2.840.113549.1.12.1.1')), new Uint8Array(8))])],
    [
      'contents under another password',
      'PassphraseWrong',
      () => {
        const { algorithm, ciphertext } = encryptByPassword('pbes2', sequence(), password('other'), {
          random: (length) => new Uint8Array(length),
          iterations: 2,
        });
        return store([encodeEncryptedData(algorithm, ciphertext)]);
      },
    ],
    ['bytes after its end', 'KeystoreInvalid', () => Buffer.concat([encodePkcs12([ca], options()), Uint8Array.of(0)])],
    [
      'a key that is none',
      'KeyInvalid',
      () =>
        store([
          plainPart(bag(pkcs12Oid.keyBag, sequence(smallInteger(0), sequence(encodeOid(oid.ed25519)), octetString(new Uint8Array(3))))),
        ]),
    ],
    [
      'a PKCS#1 key where PKCS#8 belongs',
      'KeyInvalid',
      () =>
        store([
          plainPart(
            bag(
              pkcs12Oid.keyBag,
              new Uint8Array(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'der', type: 'pkcs1' })),
            ),
          ),
        ]),
    ],
    ['a certificate that is none', 'KeystoreInvalid', () => store([plainPart(certificate(sequence()))])],
  ];
  for (const [what, code, make] of faults)
    test(`${what}: refused as ${code}`, () => {
      assert.throws(() => decodePkcs12(make(), 'changeit'), { code });
    });

  test('reading leaves the file’s bytes alone, and what is read does not change with them', () => {
    const bytes = store([plainPart(certificate(root, bmp(element(tag.bmpString, Uint8Array.of(0, 65)))))]);
    const before = new Uint8Array(bytes);
    const [entry] = decodePkcs12(bytes, 'changeit');
    assert.deepEqual(bytes, before);
    bytes.fill(0);
    assert.ok(entry?.kind === 'trusted');
    assert.equal(Buffer.from(entry.certificate).compare(root), 0);
  });
});

describe('decoding of arbitrary PKCS#12', () => {
  const refusedOrRead = (decode: () => unknown): void => {
    try {
      decode();
    } catch (error) {
      assert.ok(isCodedError(error), String(error));
      assert.notEqual(error.code, 'Bug');
    }
  };
  const mutated = (bytes: Uint8Array): fc.Arbitrary<Uint8Array> =>
    fc
      .tuple(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean()), { minLength: 1, maxLength: 4 }),
        fc.nat(2 * bytes.length),
      )
      .map(([changes, length]) => {
        const copy = new Uint8Array(bytes);
        for (const [at, octet, flip] of changes) copy[at] = flip ? (copy[at] ?? 0) ^ (1 << (octet & 7)) : octet;
        return copy.subarray(0, length);
      });

  test('random bytes and damaged stores give coded errors or entries', () => {
    const stores = profiles.map((profile) => encodePkcs12([server, ca], options(profile, { iterations: 1 })));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), ...stores.map(mutated)), (bytes) =>
        refusedOrRead(() => decodePkcs12(bytes, 'changeit')),
      ),
      { seed, numRuns: runs(2_000, 200_000) },
    );
  });

  test('what stands behind the MAC is read as carefully: damaged contents give coded errors or entries', () => {
    const bags = [
      encodeCertificateBag(server.chain[0] ?? ca.certificate, named('server')),
      encodeCertificateBag(ca.certificate, { ...named('ca'), trusted: true }),
      bag(pkcs12Oid.safeContentsBag, sequence(bag(pkcs12Oid.keyBag, pkcs8(server), localKeyId(1)))),
    ];
    const { algorithm, ciphertext } = encryptByPassword('rc2-40', pkcs8(server), password('changeit'), { random, iterations: 1 });
    const shrouded = bag(pkcs12Oid.shroudedKeyBag, sequence(algorithm, octetString(ciphertext)));
    const content = sequence(plainPart(...bags, shrouded));
    refusedOrRead(() => assert.equal(readAuthenticatedSafe(content, password('changeit'), openingContext()).length, 3));
    fc.assert(
      fc.property(
        fc.oneof({ arbitrary: mutated(content), weight: 9 }, { arbitrary: fc.uint8Array({ maxLength: 100 }), weight: 1 }),
        (bytes) => refusedOrRead(() => readAuthenticatedSafe(bytes, password('changeit'), openingContext())),
      ),
      { seed, numRuns: runs(3_000, 200_000) },
    );
  });

  test('work grows in step with the file, however its bags are laid', () => {
    const secret = password('');
    const nest = (levels: number, inner: readonly Uint8Array[]): Uint8Array =>
      levels === 0 ? sequence(...inner) : sequence(bag(pkcs12Oid.safeContentsBag, nest(levels - 1, inner)));
    const repeat = (count: number, part: Uint8Array): Uint8Array[] => Array.from({ length: count }, () => part);
    const unknown = sequence(encodeOid('1.2.3'), element(tag.set));
    const crl = bag(pkcs12Oid.crlBag, nullElement);
    const layouts: readonly ((count: number) => Uint8Array)[] = [
      (count) => sequence(plainPart(...repeat(count, crl))),
      (count) => sequence(encodeData(nest(7, repeat(count, crl)))),
      (count) => sequence(plainPart(...repeat(count, bag(pkcs12Oid.safeContentsBag, sequence())))),
      (count) => sequence(...repeat(count, plainPart(crl))),
      (count) => sequence(plainPart(bag(pkcs12Oid.crlBag, nullElement, ...repeat(count, unknown)))),
      (count) => sequence(plainPart(...repeat(count, encodeCertificateBag(ca.certificate, named('ca'))))),
    ];
    for (const layout of layouts) {
      const cost = (count: number): number => countSteps(layout(count), (bytes) => readAuthenticatedSafe(bytes, secret, openingContext()));
      const [once, fourTimes] = [cost(300), cost(1200)];
      assert.ok(once > 300 && fourTimes <= 4.1 * once, `${once} steps became ${fourTimes}`);
    }
  });
});
