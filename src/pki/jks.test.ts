import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, toUtf8 } from '../base/bytes.ts';
import { isCodedError } from '../base/coded-error.ts';
import { countSteps } from '../testing/counted-bytes.ts';
import { describeEntry, testKeyEntry, testTrustedEntry } from '../testing/keystore-entries.ts';
import { runs, seed } from '../testing/runs.ts';
import { decodeJks, encodeJks, type JksOptions, looksLikeJks } from './jks.ts';
import type { KeystoreEntry } from './pkcs12.ts';

const at = new Date('2026-03-04T05:06:07.890Z');
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const options = (more: Partial<JksOptions> = {}): JksOptions => ({ password: 'changeit', at, random, ...more });
const describeAll = (entries: readonly KeystoreEntry[]): unknown[] => entries.map(describeEntry);

const server = testKeyEntry('server');
const ca = testTrustedEntry('ca');

/** The digest of a store, worked out here: SHA-1 over password, whitener and body. */
const signed = (body: Uint8Array, password = 'changeit'): Uint8Array =>
  concatBytes([
    body,
    createHash('sha1').update(Buffer.from(password, 'utf16le').swap16()).update('Mighty Aphrodite').update(body).digest(),
  ]);
const u32 = (...values: number[]): Uint8Array => {
  const octets = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) octets.writeUInt32BE(value, 4 * i);
  return octets;
};
const utf = (octets: Uint8Array): Uint8Array => concatBytes([Uint8Array.of(octets.length >> 8, octets.length & 0xff), octets]);
const trusted = (alias: Uint8Array, type = 'X.509', certificate = ca.certificate): Uint8Array =>
  concatBytes([u32(2), utf(alias), new Uint8Array(8), utf(toUtf8(type)), u32(certificate.length), certificate]);
const store = (...records: Uint8Array[]): Uint8Array => signed(concatBytes([u32(0xfeedfeed, 2, records.length), ...records]));

describe('JKS keystores', () => {
  test('keys with their chains and trusted certificates come back in their order', () => {
    const bytes = encodeJks([server, ca, { ...server, alias: 'other' }], options());
    assert.ok(looksLikeJks(bytes));
    assert.deepEqual(describeAll(decodeJks(bytes, 'changeit')), describeAll([server, ca, { ...server, alias: 'other' }]));
  });

  test('names are written in lower case, and two that become one are refused', () => {
    const bytes = encodeJks([{ ...server, alias: 'SerVer É' }], options());
    assert.deepEqual(
      decodeJks(bytes, 'changeit').map(({ alias }) => alias),
      ['server é'],
    );
    assert.throws(() => encodeJks([server, { ...ca, alias: 'SERVER' }], options()), { code: 'KeystoreInvalid' });
    assert.throws(() => encodeJks([{ ...ca, alias: '' }], options()), { code: 'KeystoreInvalid' });
  });

  test('the date of each entry is the one given, in milliseconds', () => {
    const bytes = Buffer.from(encodeJks([ca], options()));
    // Magic, version, count, tag, length of the name and its two letters stand before it.
    assert.equal(bytes.readBigInt64BE(4 + 4 + 4 + 4 + 2 + 2), BigInt(at.getTime()));
    assert.equal(bytes.length, encodeJks([ca], options({ at: new Date(0) })).length);
  });

  test('the key’s salt comes from the random source, twenty octets for each key', () => {
    const asked: number[] = [];
    const zeros = (length: number): Uint8Array => {
      asked.push(length);
      return new Uint8Array(length);
    };
    assert.deepEqual(encodeJks([server, ca], options({ random: zeros })), encodeJks([server, ca], options({ random: zeros })));
    assert.deepEqual(asked, [20, 20]);
    assert.notDeepEqual(encodeJks([server], options()), encodeJks([server], options()));
  });

  test('a key that is not its certificate’s, and one without a certificate, are refused', () => {
    assert.throws(() => encodeJks([{ ...server, chain: [ca.certificate] }], options()), { code: 'KeyMismatch' });
    assert.throws(() => encodeJks([{ ...server, chain: [] }], options()), { code: 'KeystoreInvalid' });
  });

  test('another password and any changed octet are found', () => {
    const bytes = encodeJks([server], options());
    assert.throws(() => decodeJks(bytes, 'changeiT'), { code: 'PassphraseWrong' });
    assert.throws(() => decodeJks(bytes, ''), { code: 'PassphraseWrong' });
    for (let i = 8; i < bytes.length; i += 13) {
      const changed = new Uint8Array(bytes);
      changed[i] = (changed[i] ?? 0) ^ 1;
      assert.throws(() => decodeJks(changed, 'changeit'), { code: 'PassphraseWrong' });
    }
  });

  test('a key under another password than the store’s says so', () => {
    const bytes = encodeJks([server], options({ password: 'other' }));
    assert.throws(() => decodeJks(signed(bytes.subarray(0, -20)), 'changeit'), {
      code: 'PassphraseWrong',
      message: 'cannot open private key "server" in keystore: it has another password than the keystore',
    });
  });

  test('a key is taken only under its own digest, beside the store’s', () => {
    const body = encodeJks([server], options()).slice(0, -20);
    const key = new Uint8Array(server.privateKey.export({ format: 'der', type: 'pkcs8' }));
    const digest = createHash('sha1').update(Buffer.from('changeit', 'utf16le').swap16()).update(key).digest();
    const position = Buffer.from(body).indexOf(digest);
    assert.ok(position > 0);
    body[position] = (body[position] ?? 0) ^ 1;
    assert.throws(() => decodeJks(signed(body), 'changeit'), { code: 'PassphraseWrong' });
  });

  test('empty passwords and passwords beyond ASCII work as others do', () => {
    for (const password of ['', 'pässwörd', '😀']) {
      const bytes = encodeJks([server, ca], options({ password }));
      assert.deepEqual(describeAll(decodeJks(bytes, password)), describeAll([server, ca]));
      assert.throws(() => decodeJks(bytes, `${password}x`), { code: 'PassphraseWrong' });
    }
  });

  test('names stand in Java’s UTF-8: zero in two octets, characters beyond the basic plane in six', () => {
    const alias = 'a\u0000é€😀';
    const octets = [0x61, 0xc0, 0x80, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80];
    const bytes = encodeJks([{ ...ca, alias }], options());
    assert.ok(Buffer.from(bytes).includes(Buffer.from(utf(Uint8Array.from(octets)))));
    assert.equal(decodeJks(bytes, 'changeit')[0]?.alias, alias);
  });

  test('what is written is read again, whatever names and password', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), fc.constantFrom(server, ca)), {
      maxLength: 5,
      selector: ([alias]) => alias.toLowerCase(),
    });
    fc.assert(
      fc.property(entries, fc.string({ unit: 'grapheme', maxLength: 12 }), (list, password) => {
        const made = list.map(([alias, entry]) => ({ ...entry, alias }));
        const read = decodeJks(encodeJks(made, options({ password })), password);
        assert.deepEqual(describeAll(read), describeAll(made.map((entry) => ({ ...entry, alias: entry.alias.toLowerCase() }))));
      }),
      { seed, numRuns: runs(100, 5_000) },
    );
  });

  test('a store of version 1, whose certificates have no type, is read', () => {
    const record = concatBytes([u32(2), utf(toUtf8('ca')), new Uint8Array(8), u32(ca.certificate.length), ca.certificate]);
    assert.deepEqual(describeAll(decodeJks(signed(concatBytes([u32(0xfeedfeed, 1, 1), record])), 'changeit')), describeAll([ca]));
  });

  test('the certificate type is also read as cert-manager writes it', () => {
    assert.deepEqual(describeAll(decodeJks(store(trusted(toUtf8('ca'), 'X509')), 'changeit')), describeAll([ca]));
  });

  const name = toUtf8('ca');
  const faults: readonly (readonly [string, string, () => Uint8Array])[] = [
    ['nothing', 'KeystoreInvalid', () => new Uint8Array()],
    ['a PKCS#12 store’s first bytes', 'KeystoreInvalid', () => signed(u32(0x30820100, 0x02010330, 0))],
    ['JCEKS', 'KeystoreUnsupported', () => signed(u32(0xcececece, 2, 0))],
    ['version 3', 'KeystoreUnsupported', () => signed(u32(0xfeedfeed, 3, 0))],
    ['a secret key', 'KeystoreUnsupported', () => store(concatBytes([u32(3), utf(name), new Uint8Array(8)]))],
    ['a certificate of another type', 'KeystoreUnsupported', () => store(trusted(name, 'PGP'))],
    ['a certificate that is none', 'KeystoreInvalid', () => store(trusted(name, 'X.509', Uint8Array.of(0x30, 0)))],
    ['a record that ends early', 'KeystoreInvalid', () => store(trusted(name).subarray(0, -1))],
    [
      'more records announced than there are',
      'KeystoreInvalid',
      () => signed(concatBytes([u32(0xfeedfeed, 2, 0xffffffff), trusted(name)])),
    ],
    ['octets after the last record', 'KeystoreInvalid', () => store(concatBytes([trusted(name), Uint8Array.of(0)]))],
    ['a name with a stray continuation octet', 'KeystoreInvalid', () => store(trusted(Uint8Array.of(0x80)))],
    ['a name cut inside a character', 'KeystoreInvalid', () => store(trusted(Uint8Array.of(0xe2, 0x82)))],
    ['a name with a character not continued', 'KeystoreInvalid', () => store(trusted(Uint8Array.of(0xc3, 0x41)))],
    [
      'a key that is no DER',
      'KeystoreInvalid',
      () => store(concatBytes([u32(1), utf(name), new Uint8Array(8), u32(3), new Uint8Array(3), u32(0)])),
    ],
    ['more than 16 MiB', 'InputTooLarge', () => new Uint8Array(16 * 1024 * 1024 + 1)],
  ];
  for (const [what, code, make] of faults)
    test(`${what}: refused as ${code}`, () => {
      assert.throws(() => decodeJks(make(), 'changeit'), { code });
    });

  test('random bytes and damaged stores, under a right digest and a wrong one, give coded errors or entries', () => {
    const bytes = encodeJks([server, ca], options());
    const body = bytes.subarray(0, -20);
    const damaged = fc
      .tuple(
        fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(2 * body.length),
        fc.boolean(),
      )
      .map(([changes, length, right]) => {
        const copy = new Uint8Array(body);
        for (const [index, octet] of changes) copy[index] = octet;
        return right ? signed(copy.subarray(0, length)) : copy.subarray(0, length);
      });
    const anything = fc.uint8Array({ maxLength: 200 }).map((tail) => signed(concatBytes([u32(0xfeedfeed, 2), tail])));
    fc.assert(
      fc.property(fc.oneof({ arbitrary: damaged, weight: 3 }, anything, fc.uint8Array({ maxLength: 200 })), (input) => {
        try {
          decodeJks(input, 'changeit');
        } catch (error) {
          assert.ok(isCodedError(error), String(error));
          assert.notEqual(error.code, 'Bug');
        }
      }),
      { seed, numRuns: runs(3_000, 200_000) },
    );
  });

  test('work grows in step with the file', () => {
    const cost = (count: number): number =>
      countSteps(store(...Array.from({ length: count }, () => trusted(name))), (bytes) => decodeJks(bytes, 'changeit'));
    const [once, fourTimes] = [cost(100), cost(400)];
    assert.ok(once > 100 && fourTimes <= 4.1 * once, `${once} steps became ${fourTimes}`);
  });
});
