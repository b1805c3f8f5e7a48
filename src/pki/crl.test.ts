// Revocation lists: made and read back, every part that must be refused or named as unusable, and what path validation makes of them
// (RFC 5280 sections 5 and 6.3, PKITS 4.4, 4.14, 4.15).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../base/coded-error.ts';
import { testCa, testDay, testKey, testLeaf, testTime } from '../testing/certificates.ts';
import { reason, refusedBy, verify } from '../testing/chain-verdicts.ts';
import { chainCa, chainKey, chainLeaf } from '../testing/chains.ts';
import { countSteps } from '../testing/counted-bytes.ts';
import { runs } from '../testing/runs.ts';
import { type Crl, crlPem, crlProblem, crlReasons, isRevoked, maxCrlEntries, parseCrl, readCrl, revocationEntry } from './crl.ts';
import { contextConstructedTag, contextTag, element, octetBitString, sequence, smallInteger, tag, unsignedInteger } from './der.ts';
import { type Extension, encodeExtensions } from './extension.ts';
import { type CrlTemplate, makeCrl } from './make-crl.ts';
import { parseNameText } from './name-text.ts';
import { encodeOid, oid } from './oid.ts';
import { publicKeyOf } from './public-key.ts';
import type { CertificateIssuer } from './sign-certificate.ts';
import { keySigner, signatureAlgorithmFor } from './signature-algorithm.ts';
import { encodeTime } from './time.ts';
import type { X509Certificate } from './x509-certificate.ts';

const issuer = await testCa();
const leaf = await testLeaf(issuer);
const template = (changes: Partial<CrlTemplate> = {}): CrlTemplate => ({
  thisUpdate: testDay(-1),
  nextUpdate: testDay(7),
  number: 1,
  entries: [],
  ...changes,
});
const make = (changes: Partial<CrlTemplate> = {}, by: CertificateIssuer = issuer): Promise<Crl> => makeCrl(template(changes), by);
const entry = { serialNumber: leaf.serialNumber, revokedAt: testDay(0) };

const coded = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CodedError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

describe('making a list', () => {
  test('what it says is read back: issuer, times, number, entries in order with reason and date', async () => {
    const entries = [
      { ...entry, reason: 'keyCompromise', invalidityDate: testDay(-3) },
      { serialNumber: Uint8Array.of(0xff, 1), revokedAt: testDay(-1), reason: 'superseded' },
      { serialNumber: Uint8Array.of(5), revokedAt: testDay(-2) },
    ] as const;
    const crl = readCrl(crlPem(await make({ number: 2n ** 100n, entries })));
    assert.deepEqual([crl.version, crl.thisUpdate, crl.nextUpdate, crl.number], [2, testDay(-1), testDay(7), 2n ** 100n]);
    assert.deepEqual(crl.issuer.raw, issuer.certificate.subject.raw);
    assert.deepEqual(crl.authorityKeyIdentifier?.keyIdentifier, issuer.certificate.subjectKeyIdentifier);
    assert.deepEqual(
      [...crl.entries.values()].map(({ revokedAt, reason: why, invalidityDate }) => [revokedAt, why, invalidityDate]),
      [
        [testDay(0), 'keyCompromise', testDay(-3)],
        [testDay(-1), 'superseded', undefined],
        [testDay(-2), undefined, undefined],
      ],
    );
    assert.deepEqual([...crl.entries.keys()].slice(1), ['00ff01', '05']);
    assert.equal(crl.unusable, undefined);
    assert.equal(crlProblem(crl, issuer.certificate, testTime), undefined);
  });

  test('every reason but that of delta lists can be given', async () => {
    for (const why of Object.keys(crlReasons) as (keyof typeof crlReasons)[]) {
      if (why === 'removeFromCRL') continue;
      const crl = await make({ entries: [{ ...entry, reason: why }] });
      assert.equal(revocationEntry(crl, leaf)?.reason, why === 'unspecified' ? undefined : why);
    }
  });

  test('a list without entries leaves them out, as section 5.1.2.6 wants', async () => {
    const crl = await make();
    assert.equal(crl.entries.size, 0);
    assert.ok(!Buffer.from(crl.tbs).includes(Buffer.of(tag.sequence, 0)));
  });

  test('every kind of key signs', async () => {
    for (const algorithm of ['rsa-2048', 'ecdsa-p384', 'ed25519', 'ml-dsa-65'] as const) {
      const ca = await testCa({ algorithm });
      assert.equal(crlProblem(await make({}, ca), ca.certificate, testTime), undefined, algorithm);
    }
  });

  test('an issuer that may not sign lists, or a key that is another, is refused', async () => {
    const limited = await testCa({ usages: ['cert sign'] });
    await assert.rejects(make({}, limited), coded('IssuerNotCa', /does not have "crl sign"/));
    await assert.rejects(make({}, { ...issuer, certificate: leaf }), coded('IssuerNotCa', /is not a CA certificate/));
    const key = await testKey('ecdsa-p256', 7);
    await assert.rejects(make({}, { ...issuer, signer: keySigner(key, publicKeyOf(key)) }), coded('SignerMismatch', /not the one/));
  });

  test('numbers, times and serial numbers that cannot stand are refused', async () => {
    for (const number of [-1, 1.5, Number.NaN, 2n ** 159n]) await assert.rejects(make({ number }), coded('CrlInvalid', /its number/));
    assert.equal((await make({ number: 2n ** 159n - 1n })).number, 2n ** 159n - 1n);
    await assert.rejects(make({ nextUpdate: testDay(-1) }), coded('CrlInvalid', /not after this one/));
    await assert.rejects(make({ nextUpdate: new Date(Number.NaN) }), coded('CrlInvalid', /not after this one/));
    await assert.rejects(
      make({ entries: [entry, { ...entry, serialNumber: Uint8Array.of(0, ...leaf.serialNumber) }] }),
      coded('CrlInvalid', /stands twice/),
    );
    await assert.rejects(make({ entries: [{ ...entry, serialNumber: new Uint8Array() }] }), coded('CrlInvalid', /is empty/));
  });
});

type Parts = {
  readonly version?: Uint8Array[];
  readonly next?: Uint8Array[];
  readonly revoked?: Uint8Array[];
  readonly extensions?: Extension[];
  readonly inner?: Uint8Array;
  readonly tail?: Uint8Array[];
};

/** A list of arbitrary parts, its signature empty. */
const raw = ({
  version = [smallInteger(1)],
  next = [encodeTime(testDay(7))],
  revoked = [],
  extensions = [],
  inner,
  tail = [],
}: Parts): Uint8Array => {
  const algorithm = signatureAlgorithmFor('ecdsa-p256').raw;
  const tbs = sequence(
    ...version,
    inner ?? algorithm,
    issuer.certificate.subject.raw,
    encodeTime(testDay(-1)),
    ...next,
    ...revoked,
    ...(extensions.length === 0 ? [] : [element(contextConstructedTag(0), encodeExtensions(extensions))]),
    ...tail,
  );
  return sequence(tbs, algorithm, octetBitString(Uint8Array.of(1)));
};
const revokedEntry = (...extensions: readonly Extension[]): Uint8Array =>
  sequence(smallInteger(5), encodeTime(testDay(0)), ...(extensions.length === 0 ? [] : [encodeExtensions(extensions)]));
const extension = (type: string, critical: boolean, value: Uint8Array): Extension => ({ oid: type, critical, value });
const reasonOf = (number: number): Extension => extension(oid.crlReason, false, element(tag.enumerated, Uint8Array.of(number)));

describe('reading a list', () => {
  test('version 1, an empty list of entries, and no next update are read', () => {
    const crl = parseCrl(raw({ version: [], revoked: [sequence(revokedEntry())] }));
    assert.deepEqual([crl.version, crl.entries.size, crl.number, crl.unusable], [1, 1, undefined, undefined]);
    assert.equal(parseCrl(raw({ revoked: [sequence()] })).entries.size, 0);
    assert.equal(parseCrl(raw({ next: [] })).nextUpdate, undefined);
  });

  test('what breaks the structure is refused', () => {
    for (const [parts, code, message] of [
      [{ version: [smallInteger(0)] }, 'CrlInvalid', /version/],
      [{ version: [smallInteger(2)] }, 'CrlInvalid', /version/],
      [{ version: [], extensions: [extension(oid.crlNumber, false, smallInteger(1))] }, 'CrlInvalid', /only version 2/],
      [{ version: [], revoked: [sequence(revokedEntry(reasonOf(1)))] }, 'CrlInvalid', /only version 2/],
      [{ inner: sequence(encodeOid(oid.ed25519)) }, 'CrlInvalid', /algorithm differ/],
      [{ revoked: [sequence(revokedEntry(reasonOf(7)))] }, 'CrlInvalid', /reason/],
      [{ revoked: [sequence(revokedEntry(reasonOf(11)))] }, 'CrlInvalid', /reason/],
      [{ extensions: [extension(oid.crlNumber, false, Uint8Array.of(2, 1, 0xff))] }, 'CrlInvalid', /its number/],
      [{ extensions: [extension(oid.crlNumber, false, unsignedInteger(new Uint8Array(21).fill(1)))] }, 'CrlInvalid', /its number/],
      [{ tail: [smallInteger(1)] }, 'DerInvalid', /./],
      [
        { extensions: [extension('1.2.3', false, Uint8Array.of(5, 0)), extension('1.2.3', false, Uint8Array.of(5, 0))] },
        'ExtensionInvalid',
        /twice/,
      ],
    ] as const)
      assert.throws(() => parseCrl(raw(parts as Parts)), coded(code, message));
    assert.throws(() => parseCrl(Buffer.concat([raw({}), Buffer.of(0)])), coded('DerInvalid', /./));
    assert.throws(() => readCrl('-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'), coded('PemInvalid', /X509 CRL/));
  });

  test('lists that do not say all are read and named: delta, indirect, partial, unknown critical', () => {
    const scope = (...members: readonly Uint8Array[]) => [extension(oid.issuingDistributionPoint, true, sequence(...members))];
    for (const [parts, message] of [
      [{ extensions: [extension(oid.deltaCrlIndicator, true, smallInteger(1))] }, /^it is a delta list/],
      [{ extensions: [extension(oid.deltaCrlIndicator, false, smallInteger(1))] }, /^it is a delta list/],
      [{ extensions: scope(element(contextTag(4), Uint8Array.of(0xff))) }, /^it is an indirect list/],
      [{ extensions: scope(element(contextTag(1), Uint8Array.of(0xff))) }, /^it is a partial list/],
      [{ extensions: scope() }, /^it is a partial list/],
      [{ extensions: [extension('1.2.3', true, Uint8Array.of(5, 0))] }, /critical extension 1\.2\.3/],
      [{ revoked: [sequence(revokedEntry(extension(oid.certificateIssuer, true, sequence())))] }, /^it is an indirect list: an entry/],
      [{ revoked: [sequence(revokedEntry(extension('1.2.3', true, Uint8Array.of(5, 0))), revokedEntry())] }, /an entry has a critical/],
    ] as const) {
      const crl = parseCrl(raw(parts as Parts));
      assert.match(crl.unusable ?? '', message);
      assert.equal(crlProblem(crl, issuer.certificate, testTime), crl.unusable);
    }
    const harmless = raw({
      extensions: [extension('1.2.3', false, Uint8Array.of(5, 0))],
      revoked: [sequence(revokedEntry(extension('1.2.3', false, Uint8Array.of(5, 0))))],
    });
    assert.equal(parseCrl(harmless).unusable, undefined);
  });

  test('of two entries for one number the first counts', () => {
    const crl = parseCrl(raw({ revoked: [sequence(revokedEntry(reasonOf(1)), revokedEntry(reasonOf(4)))] }));
    assert.equal(crl.entries.get('05')?.reason, 'keyCompromise');
  });

  test('more entries than the bound are refused', () => {
    const one = sequence(element(tag.integer, Uint8Array.of(1, 2, 3)), encodeTime(testDay(0)));
    const many = (count: number): Uint8Array => {
      const list = Buffer.alloc(count * one.length);
      for (let i = 0; i < count; i++) list.set(one, i * one.length);
      return raw({ revoked: [element(tag.sequence, list)] });
    };
    assert.equal(parseCrl(many(maxCrlEntries)).entries.size, 1);
    assert.throws(() => parseCrl(many(maxCrlEntries + 1)), coded('InputTooLarge', /more than 500000 entries/));
  });

  test('a list with any of its bytes changed, cut or repeated gives a list or a coded error', async () => {
    const good = (await make({ entries: [{ ...entry, reason: 'keyCompromise', invalidityDate: testDay(-1) }] })).raw;
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), fc.boolean(), (at, octet, end, cuts) => {
        const damaged = Uint8Array.from(good);
        damaged[at] = octet;
        try {
          const crl = parseCrl(cuts ? damaged.subarray(0, end) : damaged);
          assert.ok(crl.version === 1 || crl.version === 2);
          // Whatever was read, no other bytes than the signed ones are believed.
          if (good[at] !== octet) assert.notEqual(crlProblem(crl, issuer.certificate, testTime), undefined);
        } catch (error) {
          assert.ok(error instanceof CodedError, String(error));
        }
      }),
      { numRuns: runs(3000, 200_000) },
    );
  });

  test('the work is linear in the length, for good lists and damaged ones', async () => {
    const listOf = async (count: number): Promise<Uint8Array> =>
      (
        await make({
          entries: Array.from({ length: count }, (_, i) => ({
            serialNumber: Uint8Array.of(1, i >> 8, i),
            revokedAt: testDay(0),
            reason: 'superseded' as const,
          })),
        })
      ).raw;
    const [small, large] = [await listOf(100), await listOf(1000)];
    assert.ok(countSteps(large, parseCrl) <= 10 * countSteps(small, parseCrl));
    fc.assert(
      fc.property(fc.nat(small.length - 1), fc.nat(255), (at, octet) => {
        const damaged = Uint8Array.from(small);
        damaged[at] = octet;
        assert.ok(countSteps(damaged, parseCrl) <= damaged.length);
      }),
      { numRuns: runs(500, 20_000) },
    );
  });

  test('arbitrary bytes give a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.throws(
          () => readCrl(bytes),
          (error) => error instanceof CodedError,
        );
      }),
      { numRuns: runs(3000, 200_000) },
    );
  });
});

describe('asking a list', () => {
  test('a certificate is withdrawn by issuer and serial number together', async () => {
    const crl = await make({ entries: [entry] });
    assert.ok(isRevoked(crl, leaf));
    assert.ok(!isRevoked(crl, { ...leaf, serialNumber: Uint8Array.of(1) }));
    assert.ok(!isRevoked(crl, { ...leaf, issuer: parseNameText('CN=Other CA') }));
    assert.equal(revocationEntry(crl, leaf)?.revokedAt.getTime(), testDay(0).getTime());
  });

  test('a list counts only between its updates, both inside', async () => {
    const crl = await make();
    for (const at of [testDay(-1), testDay(7)]) assert.equal(crlProblem(crl, issuer.certificate, at), undefined);
    assert.match(crlProblem(crl, issuer.certificate, new Date(testDay(-1).getTime() - 1)) ?? '', /^it is valid from/);
    assert.match(crlProblem(crl, issuer.certificate, new Date(testDay(7).getTime() + 1)) ?? '', /^the next one was due/);
    assert.match(crlProblem(crl, issuer.certificate, new Date(Number.NaN)) ?? '', /^it is valid from/);
    assert.match(crlProblem({ ...crl, nextUpdate: undefined }, issuer.certificate, testTime) ?? '', /when the next one comes/);
  });

  test('a list counts only under the CA that signed it and may sign lists', async () => {
    const crl = await make();
    const namesake = await testCa({ keyNumber: 8 });
    assert.equal(crlProblem(crl, namesake.certificate, testTime), 'it is not signed by its CA');
    assert.match(crlProblem(crl, (await testCa({ subject: 'Other CA' })).certificate, testTime) ?? '', /^it is a list of "CN=Test CA"/);
    const limited = await testCa({ usages: ['cert sign'] });
    assert.match(crlProblem(crl, limited.certificate, testTime) ?? '', /"crl sign"/);
  });
});

describe('revocation in path validation', () => {
  const root = chainCa({ subject: 'CN=Listed Root' });
  const ca = chainCa({ subject: 'CN=Listed CA', issuer: root });
  const target = chainLeaf(ca);
  const by = ({ certificate, key }: { certificate: X509Certificate; key: number }): CertificateIssuer => ({
    certificate,
    signer: keySigner(chainKey(key), publicKeyOf(chainKey(key))),
  });
  const listing = (...certificates: readonly X509Certificate[]): Partial<CrlTemplate> => ({
    entries: certificates.map(({ serialNumber }) => ({ serialNumber, revokedAt: testDay(0) })),
  });
  const pool = { intermediates: [ca.certificate], anchors: [root.certificate] };

  test('a leaf or CA that its list withdraws is refused, one it does not is accepted', async () => {
    const [rootList, caList] = [await make({}, by(root)), await make({}, by(ca))];
    assert.equal(verify(target, { ...pool, crls: [caList, rootList] }).chain.length, 2);
    refusedBy('revoked', 'CN=leaf', target, { ...pool, crls: [await make(listing(target), by(ca)), rootList] });
    refusedBy('revoked', 'CN=Listed CA', target, { ...pool, crls: [caList, await make(listing(ca.certificate), by(root))] });
    // One list that withdraws it is enough.
    refusedBy('revoked', 'CN=leaf', target, { ...pool, crls: [caList, await make(listing(target), by(ca)), rootList] });
  });

  test('a certificate that no usable list speaks of is not known to be good', async () => {
    const [rootList, caList] = [await make({}, by(root)), await make({}, by(ca))];
    refusedBy('revocation-unknown', 'CN=leaf', target, { ...pool, crls: [rootList] });
    refusedBy('revocation-unknown', 'CN=Listed CA', target, { ...pool, crls: [caList] });
    const stale = await make({ thisUpdate: testDay(-9), nextUpdate: testDay(-8) }, by(ca));
    assert.match(reason(target, { ...pool, crls: [rootList, stale] }).message, /cannot be used: the next one was due/);
    const forged = await make({}, { ...by(chainCa({ subject: 'CN=Listed CA' })) });
    assert.match(reason(target, { ...pool, crls: [rootList, forged] }).message, /not signed by its CA/);
  });

  test('a forged list withdraws nothing, and one beside a good list does no harm', async () => {
    const [rootList, caList] = [await make({}, by(root)), await make({}, by(ca))];
    const forged = await make(listing(target), by(chainCa({ subject: 'CN=Listed CA' })));
    assert.ok(verify(target, { ...pool, crls: [forged, rootList, caList] }));
    assert.ok(verify(target, { ...pool, crls: [rootList, caList, forged] }));
  });

  test('signatures of lists count against the bound', async () => {
    const [rootList, caList] = [await make({}, by(root)), await make({}, by(ca))];
    assert.equal(verify(target, { ...pool, crls: [rootList, caList] }).work.signatureChecks, 4);
  });
});
