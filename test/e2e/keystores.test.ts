// Keystores and encrypted keys against those who read and write them: keytool of Java 17, OpenSSL 3.0, and OpenSSL 3.5 for PBMAC1 and
// ML-DSA. What is compared is always the key itself and the certificates' bytes, never a listing alone.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { decodeJks, encodeJks } from '../../src/pki/jks.ts';
import { decryptPkcs8, encryptPkcs8 } from '../../src/pki/pbes2.ts';
import { decodePkcs12, encodePkcs12, type KeystoreEntry, type Pkcs12Profile } from '../../src/pki/pkcs12.ts';
import { decryptRc2Cbc, encryptRc2Cbc } from '../../src/pki/rc2.ts';
import { testKeyEntry, testTrustedEntry } from '../../src/testing/keystore-entries.ts';
import { needs, requireTool, type ToolName } from '../../src/testing/tools.ts';

type KeyEntry = KeystoreEntry & { readonly kind: 'key' };

const folder = mkdtempSync(join(tmpdir(), 'certwright-keystores-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
/** A path of its own in the scratch folder, with these bytes where they are given. */
const file = (suffix: string, bytes?: Uint8Array | string): string => {
  const path = join(folder, `${++files}-${suffix}`);
  if (bytes !== undefined) writeFileSync(path, bytes);
  return path;
};

const run = (name: ToolName, ...args: readonly string[]): Buffer =>
  execFileSync(requireTool(name), args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C.UTF-8' } });
const keytool = (...args: readonly string[]): string => run('keytool', ...args).toString();

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const password = 'changeit';
const jwk = (key: KeyObject): unknown => key.export({ format: 'jwk' });

const certificatesIn = (text: string): string[] =>
  (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((pem) =>
    new X509Certificate(pem).raw.toString('base64'),
  );
const base64 = (certificates: readonly Uint8Array[]): string[] => certificates.map((der) => Buffer.from(der).toString('base64'));

const server = testKeyEntry('server');
const ca = testTrustedEntry('company ca');
const profiles: readonly Pkcs12Profile[] = ['Modern2023', 'Modern2026', 'LegacyDES', 'LegacyRC2'];
const writtenStore = (profile: Pkcs12Profile, entries: readonly KeystoreEntry[] = [server, ca], text = password): string =>
  file(`${profile}.p12`, encodePkcs12(entries, { password: text, profile, random }));

/** All that OpenSSL finds in a PKCS#12 store. */
const opensslReads = (
  name: 'openssl' | 'openssl-3.5',
  path: string,
  text = password,
): { readonly key: KeyObject; readonly certificates: string[] } => {
  const pem = run(name, 'pkcs12', '-in', path, '-passin', `pass:${text}`, '-nodes', '-legacy').toString();
  return { key: createPrivateKey(pem), certificates: certificatesIn(pem) };
};

/** The key of an entry as keytool hands it on: through a store of Java's own making. */
const keytoolKey = (path: string, alias: string, text = password): KeyObject => {
  const copy = file('copy.p12');
  const source = ['-srckeystore', path, '-srcstorepass', text, '-srcalias', alias];
  keytool('-importkeystore', ...source, '-destkeystore', copy, '-deststoretype', 'PKCS12', '-deststorepass', password);
  return opensslReads('openssl', copy).key;
};

const keytoolFindsAll = (path: string, text = password): void => {
  const listing = keytool('-list', '-v', '-keystore', path, '-storepass', text);
  assert.match(listing, /Your keystore contains 2 entries/);
  assert.match(listing, /Alias name: server\n[\s\S]*Entry type: PrivateKeyEntry\nCertificate chain length: 3\n/);
  assert.match(listing, /Alias name: company ca\n[\s\S]*Entry type: trustedCertEntry\n/);
  const read = (alias: string): string[] =>
    certificatesIn(keytool('-list', '-rfc', '-keystore', path, '-storepass', text, '-alias', alias));
  assert.deepEqual(read('server'), base64(server.chain));
  assert.deepEqual(read('company ca'), base64([ca.certificate]));
  assert.deepEqual(jwk(keytoolKey(path, 'server', text)), jwk(server.privateKey));
};

describe('keystores that are written here, read by keytool', needs('keytool', 'openssl'), () => {
  for (const profile of profiles.filter((name) => name !== 'Modern2026'))
    test(`PKCS#12 ${profile}: aliases, chain, trusted certificate and key`, () => keytoolFindsAll(writtenStore(profile)));

  test('JKS: aliases, chain, trusted certificate and key', () => {
    keytoolFindsAll(file('store.jks', encodeJks([{ ...server, alias: 'SERVER' }, ca], { password, at: new Date(), random })));
  });

  test('JKS: the date of an entry is the one it was made with', () => {
    const path = file('dated.jks', encodeJks([ca], { password, at: new Date('2021-07-08T12:00:00Z'), random }));
    assert.match(keytool('-list', '-keystore', path, '-storepass', password), /company ca, Jul 8, 2021, trustedCertEntry/);
  });

  test('with an empty password', () => {
    for (const path of [writtenStore('Modern2023', [server, ca], ''), writtenStore('LegacyRC2', [server, ca], '')])
      assert.match(keytool('-list', '-keystore', path, '-storepass', ''), /contains 2 entries/);
    const jks = file('empty.jks', encodeJks([server, ca], { password: '', at: new Date(), random }));
    assert.match(keytool('-list', '-keystore', jks, '-storepass', ''), /contains 2 entries/);
  });

  test('a JKS password beyond ASCII', () => {
    const path = file('umlaut.jks', encodeJks([server, ca], { password: 'pässwörd', at: new Date(), random }));
    assert.deepEqual(jwk(keytoolKey(path, 'server', 'pässwörd')), jwk(server.privateKey));
  });

  test('a wrong password is refused, so that what is read above was checked', () => {
    for (const path of [writtenStore('Modern2023'), file('x.jks', encodeJks([ca], { password, at: new Date(), random }))])
      assert.throws(() => keytool('-list', '-keystore', path, '-storepass', 'wrong!'), { status: 1 });
  });
});

describe('keystores that are written here, read by OpenSSL', needs('openssl'), () => {
  // OpenSSL reads PBMAC1 from 3.4 on.
  const readers: readonly (readonly ['openssl' | 'openssl-3.5', readonly Pkcs12Profile[]])[] = [
    ['openssl', ['Modern2023', 'LegacyDES', 'LegacyRC2']],
    ['openssl-3.5', profiles],
  ];
  for (const [name, readable] of readers)
    for (const profile of readable)
      test(`${profile} by ${name}`, needs(name), () => {
        for (const text of [password, '', 'pässwörd']) {
          const { key, certificates } = opensslReads(name, writtenStore(profile, [server, ca], text), text);
          assert.deepEqual(jwk(key), jwk(server.privateKey));
          assert.deepEqual(certificates, base64([...server.chain, ca.certificate]));
        }
      });

  test('its schemes are the ones its profile says', () => {
    const info = (profile: Pkcs12Profile): string => {
      const args = ['-c', '"$0" "$@" 2>&1', requireTool('openssl'), 'pkcs12', '-in', writtenStore(profile), '-passin', `pass:${password}`];
      return execFileSync('sh', [...args, '-noout', '-info', '-legacy']).toString();
    };
    const modern =
      /MAC: sha256, Iteration 2048[\s\S]*Encrypted data: PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256[\s\S]*Keybag: PBES2, PBKDF2, AES-256-CBC/;
    assert.match(info('Modern2023'), modern);
    assert.match(
      info('LegacyDES'),
      /MAC: sha1, Iteration 2048[\s\S]*Encrypted data: pbeWithSHA1And3-KeyTripleDES-CBC[\s\S]*Keybag: pbeWithSHA1And3-KeyTripleDES-CBC/,
    );
    assert.match(
      info('LegacyRC2'),
      /MAC: sha1, Iteration 2048[\s\S]*Encrypted data: pbeWithSHA1And40BitRC2-CBC[\s\S]*Keybag: pbeWithSHA1And3-KeyTripleDES-CBC/,
    );
  });
});

/** A root and a leaf that OpenSSL made, as paths and as the entry that a reader should find. */
type Made = { readonly key: string; readonly leaf: string; readonly root: string; readonly entry: KeyEntry };

const make = (name: 'openssl' | 'openssl-3.5', ...newKey: readonly string[]): Made => {
  const [rootKey, root, key, request, leaf] = ['root.key', 'root.pem', 'leaf.key', 'leaf.csr', 'leaf.pem'].map((suffix) => file(suffix));
  assert.ok(rootKey && root && key && request && leaf);
  run(name, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', rootKey, '-out', root, '-subj', '/CN=root', '-days', '30');
  run(name, 'req', '-newkey', ...newKey, '-nodes', '-keyout', key, '-out', request, '-subj', '/CN=leaf');
  run(name, 'x509', '-req', '-in', request, '-CA', root, '-CAkey', rootKey, '-CAcreateserial', '-out', leaf, '-days', '30');
  const der = (path: string): Uint8Array => new X509Certificate(readFileSync(path)).raw;
  const entry: KeyEntry = { kind: 'key', alias: 'leaf', privateKey: createPrivateKey(readFileSync(key)), chain: [der(leaf), der(root)] };
  return { key, leaf, root, entry };
};

const assertSame = (read: readonly KeystoreEntry[], { alias, privateKey, chain }: KeyEntry): void => {
  const [entry] = read;
  assert.ok(entry?.kind === 'key' && read.length === 1);
  assert.equal(entry.alias, alias);
  assert.deepEqual(jwk(entry.privateKey), jwk(privateKey));
  assert.deepEqual(base64(entry.chain), base64(chain));
};

const keyKinds: readonly (readonly string[])[] = [['rsa:2048'], ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['ed25519']];

describe('keystores of OpenSSL 3.0, read here', needs('openssl'), () => {
  const styles: readonly (readonly [string, string, ...(readonly string[])])[] = [
    ['as it writes by default', password],
    ['with -legacy', password, '-legacy'],
    ['with an empty password', ''],
    ['with an empty password and -legacy', '', '-legacy'],
    ['with a password beyond ASCII', 'pässwörd'],
    ['with a password beyond ASCII and -legacy', 'pässwörd', '-legacy'],
    ['with a MAC of SHA-512', password, '-macalg', 'sha512'],
    ['with a MAC of SHA-384 and one round of everything', password, '-macalg', 'sha384', '-noiter', '-nomaciter'],
    ['with 3DES of two keys and RC2-128', password, '-legacy', '-keypbe', 'PBE-SHA1-2DES', '-certpbe', 'PBE-SHA1-RC2-128'],
    ['with AES-128 and AES-192', password, '-keypbe', 'AES-128-CBC', '-certpbe', 'AES-192-CBC'],
    ['with plain certificates', password, '-certpbe', 'NONE'],
    ['with nothing encrypted', password, '-certpbe', 'NONE', '-keypbe', 'NONE'],
    ['with 100,000 rounds', password, '-iter', '100000'],
  ];
  for (const newKey of keyKinds)
    test(`a key of ${newKey[0]}, in every style that its command line offers`, () => {
      const made = make('openssl', ...newKey);
      for (const [style, text, ...args] of styles) {
        const path = file('openssl.p12');
        run(
          'openssl',
          'pkcs12',
          '-export',
          '-in',
          made.leaf,
          '-inkey',
          made.key,
          '-certfile',
          made.root,
          '-name',
          'leaf',
          '-passout',
          `pass:${text}`,
          '-out',
          path,
          ...args,
        );
        assert.doesNotThrow(() => assertSame(decodePkcs12(readFileSync(path), text), made.entry), style);
        assert.throws(() => decodePkcs12(readFileSync(path), 'wrong'), { code: 'PassphraseWrong' }, style);
      }
      for (const profile of ['Modern2023', 'LegacyDES', 'LegacyRC2'] as const) {
        const again = opensslReads('openssl', writtenStore(profile, [made.entry]));
        assert.deepEqual(jwk(again.key), jwk(made.entry.privateKey));
        assert.deepEqual(again.certificates, base64(made.entry.chain));
      }
    });

  test('certificates without a key are trusted entries under their names', () => {
    const { root } = make('openssl', 'ed25519');
    const path = file('certificates.p12');
    run('openssl', 'pkcs12', '-export', '-nokeys', '-in', root, '-caname', 'the root é', '-passout', `pass:${password}`, '-out', path);
    const [entry, ...others] = decodePkcs12(readFileSync(path), password);
    assert.ok(entry?.kind === 'trusted' && others.length === 0);
    assert.equal(entry.alias, 'the root é');
    assert.deepEqual(base64([entry.certificate]), certificatesIn(readFileSync(root, 'utf8')));
  });

  test('a store without a MAC opens with no password but the empty one', () => {
    const made = make('openssl', 'ed25519');
    const path = file('nomac.p12');
    const args = ['-certpbe', 'NONE', '-keypbe', 'NONE', '-nomac', '-name', 'leaf', '-passout', 'pass:'];
    run('openssl', 'pkcs12', '-export', '-in', made.leaf, '-inkey', made.key, '-certfile', made.root, '-out', path, ...args);
    assertSame(decodePkcs12(readFileSync(path), ''), made.entry);
    assert.throws(() => decodePkcs12(readFileSync(path), password), { code: 'KeystoreInvalid' });
  });
});

describe('keystores of OpenSSL 3.5, read here', needs('openssl-3.5'), () => {
  for (const args of [[], ['-pbmac1_pbkdf2_md', 'sha512'], ['-pbmac1_pbkdf2_md', 'sha384', '-macalg', 'sha1', '-iter', '5000']])
    test(`PBMAC1 ${args.join(' ')}`, () => {
      const made = make('openssl-3.5', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
      const path = file('pbmac1.p12');
      const common = [
        '-in',
        made.leaf,
        '-inkey',
        made.key,
        '-certfile',
        made.root,
        '-name',
        'leaf',
        '-passout',
        'pass:pässwörd',
        '-out',
        path,
      ];
      run('openssl-3.5', 'pkcs12', '-export', '-pbmac1_pbkdf2', ...args, ...common);
      assertSame(decodePkcs12(readFileSync(path), 'pässwörd'), made.entry);
      assert.throws(() => decodePkcs12(readFileSync(path), 'passwörd'), { code: 'PassphraseWrong' });
    });

  for (const algorithm of ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'])
    test(`a key of ${algorithm}, there and back`, () => {
      const made = make('openssl-3.5', algorithm);
      const path = file('mldsa.p12');
      run(
        'openssl-3.5',
        'pkcs12',
        '-export',
        '-in',
        made.leaf,
        '-inkey',
        made.key,
        '-certfile',
        made.root,
        '-name',
        'leaf',
        '-passout',
        'pass:x',
        '-out',
        path,
      );
      assertSame(decodePkcs12(readFileSync(path), 'x'), made.entry);
      const pem = run(
        'openssl-3.5',
        'pkcs12',
        '-in',
        writtenStore('Modern2026', [made.entry]),
        '-passin',
        `pass:${password}`,
        '-nodes',
      ).toString();
      assert.deepEqual(jwk(createPrivateKey(pem)), jwk(made.entry.privateKey));
      assert.deepEqual(certificatesIn(pem), base64(made.entry.chain));
    });
});

describe('keystores of keytool, read here', needs('keytool', 'openssl'), () => {
  const made = (...style: readonly string[]): { readonly bytes: Uint8Array; readonly path: string } => {
    const path = file('keytool.store');
    const store = ['-keystore', path, '-storepass', password, ...style];
    // The chain comes in by an import, as keytool makes no certificate but self-signed ones by itself.
    keytool(
      '-importkeystore',
      '-srckeystore',
      writtenStore('Modern2023', [server]),
      '-srcstorepass',
      password,
      '-destkeystore',
      path,
      '-deststorepass',
      password,
      ...style.map((word) => word.replace('-storetype', '-deststoretype')),
    );
    keytool('-importcert', '-noprompt', '-alias', 'Company CA', '-file', file('ca.der', ca.certificate), ...store);
    keytool('-genkeypair', '-alias', 'Generated', '-keyalg', 'RSA', '-keysize', '2048', '-dname', 'CN=generated', ...store);
    return { bytes: readFileSync(path), path };
  };
  const compare = (entries: readonly KeystoreEntry[], path: string): void => {
    const byAlias = new Map(entries.map((entry) => [entry.alias.toLowerCase(), entry]));
    assert.equal(byAlias.size, 3);
    const [imported, trusted, generated] = ['server', 'company ca', 'generated'].map((alias) => byAlias.get(alias));
    assert.ok(imported?.kind === 'key' && trusted?.kind === 'trusted' && generated?.kind === 'key');
    assert.deepEqual(jwk(imported.privateKey), jwk(server.privateKey));
    assert.deepEqual(base64(imported.chain), base64(server.chain));
    assert.deepEqual(base64([trusted.certificate]), base64([ca.certificate]));
    assert.deepEqual(
      base64(generated.chain),
      certificatesIn(keytool('-list', '-rfc', '-keystore', path, '-storepass', password, '-alias', 'generated')),
    );
    assert.deepEqual(jwk(generated.privateKey), jwk(keytoolKey(path, 'generated')));
  };

  test('PKCS#12 as Java 17 writes it', () => {
    const { bytes, path } = made('-storetype', 'PKCS12');
    compare(decodePkcs12(bytes, password), path);
    assert.throws(() => decodePkcs12(bytes, 'changeiT'), { code: 'PassphraseWrong' });
  });

  test('PKCS#12 as Java 8 wrote it', () => {
    const { bytes, path } = made('-storetype', 'PKCS12', '-J-Dkeystore.pkcs12.legacy');
    compare(decodePkcs12(bytes, password), path);
  });

  test('JKS', () => {
    const { bytes, path } = made('-storetype', 'JKS');
    compare(decodeJks(bytes, password), path);
    assert.throws(() => decodeJks(bytes, 'changeiT'), { code: 'PassphraseWrong' });
  });

  test('JCEKS is refused with what to do', () => {
    const { bytes } = made('-storetype', 'JCEKS');
    assert.throws(() => decodeJks(bytes, password), { code: 'KeystoreUnsupported', hint: /importkeystore/ });
  });
});

describe('encrypted keys and OpenSSL', needs('openssl'), () => {
  const plain = server.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const der = new Uint8Array(server.privateKey.export({ format: 'der', type: 'pkcs8' }));
  const encrypted = (...args: readonly string[]): Uint8Array =>
    run('openssl', 'pkcs8', '-topk8', '-in', file('plain.key', plain), '-outform', 'DER', '-passout', 'pass:pässwörd', ...args);

  for (const cipher of ['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'des3'])
    test(`its keys under ${cipher} are read, with every hash`, () => {
      for (const prf of ['hmacWithSHA1', 'hmacWithSHA224', 'hmacWithSHA256', 'hmacWithSHA384', 'hmacWithSHA512']) {
        const made = encrypted('-v2', cipher, '-v2prf', prf);
        assert.deepEqual(decryptPkcs8(made, 'pässwörd'), der);
        assert.throws(() => decryptPkcs8(made, 'wrong'), { code: 'PassphraseWrong' });
      }
    });

  test('its keys under scrypt are read, and those under old schemes refused', () => {
    assert.deepEqual(decryptPkcs8(encrypted('-scrypt'), 'pässwörd'), der);
    assert.throws(() => decryptPkcs8(encrypted('-v1', 'PBE-SHA1-3DES'), 'pässwörd'), { code: 'KeyUnsupported' });
  });

  test('it reads the keys encrypted here', () => {
    const path = file('ours.key', encryptPkcs8(der, 'pässwörd', { random }));
    const read = run('openssl', 'pkey', '-inform', 'DER', '-in', path, '-passin', 'pass:pässwörd').toString();
    assert.deepEqual(jwk(createPrivateKey(read)), jwk(server.privateKey));
  });

  test('RC2 of 40 and 128 bits encrypts and decrypts as its legacy provider does', () => {
    for (const [name, keyBytes] of [
      ['rc2-40-cbc', 5],
      ['rc2-cbc', 16],
    ] as const)
      for (const length of [0, 1, 7, 8, 9, 1000]) {
        const plaintext = random(length);
        const rc2 = { key: random(keyBytes), effectiveBits: 8 * keyBytes, iv: random(8) };
        const path = file('plaintext', plaintext);
        const keyArgs = ['-K', Buffer.from(rc2.key).toString('hex'), '-iv', Buffer.from(rc2.iv).toString('hex')];
        const theirs = run('openssl', 'enc', `-${name}`, '-provider', 'legacy', '-provider', 'default', '-in', path, ...keyArgs);
        assert.deepEqual(Buffer.from(encryptRc2Cbc(plaintext, rc2)), theirs);
        assert.deepEqual(decryptRc2Cbc(theirs, rc2), plaintext);
      }
  });
});
