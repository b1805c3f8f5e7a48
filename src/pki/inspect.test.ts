import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../base/coded-error.ts';
import { assertGolden, repositoryRoot } from '../testing/golden.ts';
import { runs } from '../testing/runs.ts';
import { crlPem } from './crl.ts';
import { csrPem, makeCsr } from './csr.ts';
import { element, octetString, sequence, smallInteger } from './der.ts';
import { parseGeneralName } from './general-name-text.ts';
import { type InspectedItem, inspect } from './inspect.ts';
import { derKind } from './inspect-kind.ts';
import { inspectionText } from './inspect-text.ts';
import { encodeJks } from './jks.ts';
import type { KeyAlgorithm } from './key-algorithm.ts';
import { makeCrl } from './make-crl.ts';
import { subjectName } from './name.ts';
import { encodePem } from './pem.ts';
import { encodePkcs12 } from './pkcs12.ts';
import { exportPkcs8, exportPrivateKey, generatePrivateKey } from './private-key.ts';
import { publicKeyOf } from './public-key.ts';
import { selfSignCertificate } from './sign-certificate.ts';
import { keySigner } from './signature-algorithm.ts';
import { certificatePem, type X509Certificate } from './x509-certificate.ts';

const at = new Date('2026-12-01T00:00:00Z');
const vector = (name: string): string => join('test/vectors/inspect', name);
const everything = readFileSync(join(repositoryRoot, vector('everything.pem')));
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const only = (items: readonly InspectedItem[]): InspectedItem => {
  assert.equal(items.length, 1);
  return items[0] ?? assert.fail();
};
const random = (length: number): Uint8Array => randomBytes(length);
const key = await generatePrivateKey('ecdsa-p256');

const selfSigned = (commonName: string, from = '2026-01-01T00:00:00Z', to = '2027-01-01T00:00:00Z'): Promise<X509Certificate> =>
  selfSignCertificate(
    {
      subject: subjectName(commonName),
      publicKey: publicKeyOf(key),
      notBefore: new Date(from),
      notAfter: new Date(to),
      usages: ['digital signature', 'server auth'],
      subjectAltNames: [parseGeneralName('a.example')],
    },
    keySigner(key, publicKeyOf(key)),
    { random },
  );
const leaf = await selfSigned('leaf');
const authority = await selfSignCertificate(
  {
    subject: subjectName('authority'),
    publicKey: publicKeyOf(key),
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2027-01-01T00:00:00Z'),
    usages: ['cert sign', 'crl sign'],
    basicConstraints: { isCa: true, pathLength: undefined },
  },
  keySigner(key, publicKeyOf(key)),
  { random },
);
const crl = await makeCrl(
  {
    thisUpdate: new Date('2026-11-28T00:00:00Z'),
    nextUpdate: new Date('2026-12-05T00:00:00Z'),
    number: 7,
    entries: [
      { serialNumber: Uint8Array.of(0x0a, 0xff), revokedAt: new Date('2026-11-01T00:00:00Z'), reason: 'keyCompromise' },
      { serialNumber: Uint8Array.of(0x80), revokedAt: new Date('2026-11-02T00:00:00Z') },
    ],
  },
  { certificate: authority, signer: keySigner(key, publicKeyOf(key)) },
);
const request = await makeCsr(
  { subject: subjectName('alice', ['dev']), subjectAltNames: [parseGeneralName('10.0.0.1')] },
  keySigner(key, publicKeyOf(key)),
);

const refused = (bytes: Uint8Array, code: string, message: RegExp): Promise<void> =>
  assert.rejects(
    inspect(bytes, { at, what: '"x"' }),
    (error) => error instanceof CodedError && error.code === code && message.test(error.message),
  );

describe('inspecting', () => {
  test('a certificate that OpenSSL made with every extension gives the golden text and data', async () => {
    const items = await inspect(everything, { at });
    assertGolden(vector('everything.json'), `${JSON.stringify(items, null, 2)}\n`);
    assertGolden(vector('everything.txt'), items.map((item) => inspectionText(item)).join('\n'));
  });

  test('PEM, DER and base64 of either give the same', async () => {
    const expected = await inspect(leaf.raw, { at });
    const pem = certificatePem(leaf);
    for (const form of [pem, Buffer.from(pem).toString('base64'), Buffer.from(leaf.raw).toString('base64'), `\ufeffsome words\n${pem}`])
      assert.deepEqual(await inspect(bytesOf(form), { at }), expected);
    assert.equal(expected[0]?.kind, 'certificate');
  });

  test('text in another encoding before a block does no harm', async () => {
    const before = Buffer.from('Gr\xfc\xdfe\n', 'latin1');
    assert.deepEqual(await inspect(Buffer.concat([before, Buffer.from(certificatePem(leaf))]), { at }), await inspect(leaf.raw, { at }));
  });

  test('tells validity for the time it is given, both ends included', async () => {
    const validity = async (time: string) => {
      const item = only(await inspect(leaf.raw, { at: new Date(time) }));
      return item.kind === 'certificate' ? [item.validity, item.remainingSeconds] : assert.fail();
    };
    assert.deepEqual(await validity('2025-12-31T23:59:59Z'), ['not yet valid', 31_536_001]);
    assert.deepEqual(await validity('2026-01-01T00:00:00Z'), ['valid', 31_536_000]);
    assert.deepEqual(await validity('2027-01-01T00:00:00Z'), ['valid', 0]);
    assert.deepEqual(await validity('2027-01-01T00:00:01Z'), ['expired', -1]);
    const text = async (time: string): Promise<string> => inspectionText(only(await inspect(leaf.raw, { at: new Date(time) })));
    assert.match(await text('2027-01-03T00:00:01Z'), /Not after: +2027-01-01T00:00:00Z \(EXPIRED 2d ago\)/);
    assert.match(await text('2025-01-01T00:00:00Z'), /\(NOT YET VALID\)/);
    assert.match(await text('2026-12-31T00:00:00Z'), /\(1d left\)/);
  });

  test('a bundle gives every block with its place, and says which one is damaged', async () => {
    const bundle = `${certificatePem(leaf)}${csrPem(request)}${exportPrivateKey(key)}`;
    assert.deepEqual(
      (await inspect(bytesOf(bundle), { at })).map(({ kind, block }) => [kind, block]),
      [
        ['certificate', '1 of 3'],
        ['certificate request', '2 of 3'],
        ['private key', '3 of 3'],
      ],
    );
    await refused(
      bytesOf(`${certificatePem(leaf)}${encodePem('CERTIFICATE', leaf.raw.subarray(0, 40))}`),
      'DerInvalid',
      /\(block 2 of 2\)$/,
    );
  });

  test('a request shows what it asks for and whether its key signed it', async () => {
    const item = only(await inspect(bytesOf(csrPem(request)), { at }));
    assert.ok(item.kind === 'certificate request');
    assert.equal(item.subject, 'CN=alice,O=dev');
    assert.deepEqual(item.subjectAltNames, [{ type: 'IP Address', value: '10.0.0.1' }]);
    assert.deepEqual(item.attributes, ['extensionRequest']);
    assert.equal(item.signatureValid, true);
    const forged = Buffer.from(request.raw);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const other = only(await inspect(forged, { at }));
    assert.ok(other.kind === 'certificate request' && !other.signatureValid);
    assert.match(inspectionText(other), /WRONG: not made by the key inside it/);
  });

  test('a revocation list shows what it withdraws and whether it is current', async () => {
    const item = only(await inspect(bytesOf(crlPem(crl)), { at }));
    assert.ok(item.kind === 'revocation list');
    assert.deepEqual(await inspect(crl.raw, { at }), [item]);
    assert.deepEqual(
      [item.issuer, item.number, item.thisUpdate, item.nextUpdate, item.currency],
      ['CN=authority', '7', '2026-11-28T00:00:00Z', '2026-12-05T00:00:00Z', 'current'],
    );
    assert.deepEqual(item.entries, [
      { serialNumber: '0AFF', revokedAt: '2026-11-01T00:00:00Z', reason: 'keyCompromise' },
      { serialNumber: '80', revokedAt: '2026-11-02T00:00:00Z' },
    ]);
    assert.match(inspectionText(item), /\n {4}0AFF {2}2026-11-01T00:00:00Z {2}keyCompromise\n/);
    const late = only(await inspect(crl.raw, { at: new Date('2026-12-05T00:00:01Z') }));
    assert.ok(late.kind === 'revocation list' && late.currency === 'outdated');
    assert.match(inspectionText(late), /Next update: +2026-12-05T00:00:00Z \(OUTDATED\)/);
    const early = only(await inspect(crl.raw, { at: new Date('2026-11-27T00:00:00Z') }));
    assert.ok(early.kind === 'revocation list' && early.currency === 'not yet valid');
  });

  for (const algorithm of ['ecdsa-p256', 'rsa-2048', 'ed25519', 'ml-dsa-44'] as const satisfies readonly KeyAlgorithm[])
    test(`a private ${algorithm} key shows its public half and nothing else, in every encoding`, async () => {
      const made = await generatePrivateKey(algorithm);
      const passphrase = { text: 'open sesame', random };
      const forms = [exportPrivateKey(made), exportPrivateKey(made, { encoding: 'traditional' }), exportPrivateKey(made, { passphrase })];
      const shown = await Promise.all(forms.map((form) => inspect(bytesOf(form), { at, passphrase: 'open sesame' })));
      const der = await inspect(exportPkcs8(made), { at });
      const jwk = made.export({ format: 'jwk' }) as Readonly<Record<string, string>>;
      const secrets = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'priv'].flatMap((part) => {
        const value = jwk[part];
        return value === undefined ? [] : [Buffer.from(value, 'base64url')];
      });
      assert.ok(secrets.length > 0);
      for (const [i, items] of [...shown, der].entries()) {
        const item = only(items);
        assert.ok(item.kind === 'private key');
        assert.equal(item.encrypted, i === 2);
        assert.equal(item.publicKey?.algorithm, algorithm);
        const printed = `${JSON.stringify(items)}${inspectionText(item)}`.toLowerCase();
        for (const secret of secrets)
          for (const encoding of ['hex', 'base64', 'base64url'] as const)
            assert.ok(!printed.includes(secret.toString(encoding).replace(/=+$/, '').slice(0, 24).toLowerCase()));
      }
    });

  test('an encrypted key without a passphrase says only that', async () => {
    const pem = exportPrivateKey(key, { passphrase: { text: 'x', random } });
    assert.deepEqual(await inspect(bytesOf(pem), { at }), [{ kind: 'private key', encrypted: true }]);
    await assert.rejects(inspect(bytesOf(pem), { at, passphrase: 'y' }), { code: 'PassphraseWrong' });
  });

  test('public keys are read in both encodings, those not accepted too', async () => {
    const spki = publicKeyOf(key).spki;
    const item = only(await inspect(spki, { at }));
    assert.ok(item.kind === 'public key' && item.publicKey.algorithm === 'ecdsa-p256' && item.publicKey.bits === 256);
    assert.deepEqual(await inspect(bytesOf(encodePem('PUBLIC KEY', spki)), { at }), [item]);
    const weak = sequence(smallInteger(0xc0ffee), smallInteger(65537));
    const old = only(await inspect(bytesOf(encodePem('RSA PUBLIC KEY', weak)), { at }));
    assert.ok(old.kind === 'public key' && old.publicKey.algorithm === 'rsa-24' && old.publicKey.notAccepted !== undefined);
    assert.deepEqual(await inspect(weak, { at }), [old]);
  });

  test('keystores show their entries, and ask for their password first', async () => {
    const entries = [
      { kind: 'key', alias: 'web', privateKey: key, chain: [leaf.raw] },
      { kind: 'trusted', alias: 'root', certificate: leaf.raw },
    ] as const;
    const stores = {
      'PKCS#12': encodePkcs12(entries, { password: 'changeit', profile: 'Modern2023', random }),
      JKS: encodeJks(entries, { password: 'changeit', random, at }),
    };
    for (const [format, store] of Object.entries(stores)) {
      const item = only(await inspect(store, { at, passphrase: 'changeit' }));
      assert.ok(item.kind === 'keystore');
      assert.equal(item.format, format);
      assert.deepEqual(
        item.entries.map(({ alias, entry, certificates, publicKey }) => [alias, entry, certificates[0]?.subject, publicKey?.algorithm]),
        [
          ['web', 'key', 'CN=leaf', 'ecdsa-p256'],
          ['root', 'trusted', 'CN=leaf', undefined],
        ],
      );
      await refused(store, 'PassphraseRequired', /needs its password/);
      await assert.rejects(inspect(store, { at, passphrase: 'wrong' }), { code: 'PassphraseWrong' });
    }
  });

  test('control characters from outside are written out in text', async () => {
    const certificate = await selfSignCertificate(
      {
        subject: subjectName('evil\u001b[2J\u202ename'),
        publicKey: publicKeyOf(key),
        notBefore: new Date('2026-01-01T00:00:00Z'),
        notAfter: new Date('2027-01-01T00:00:00Z'),
        usages: ['digital signature', 'client auth'],
      },
      keySigner(key, publicKeyOf(key)),
      { random, accept: ['attribute-control-character'] },
    );
    const text = inspectionText(only(await inspect(certificate.raw, { at })), 'a\u001b.pem');
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
    assert.match(text, /evil\\1b\[2J\\u\{202e\}name/i);
  });

  test('an extension that does not decode is shown as hex with the reason', async () => {
    const broken = Buffer.from(everything.toString('latin1').replace(/-----.*-----|\s/g, ''), 'base64');
    const statement = broken.indexOf('http://cps.example/');
    broken[statement - 2] = 0x0c;
    const item = only(await inspect(broken, { at }));
    assert.ok(item.kind === 'certificate');
    const policies = item.extensions.find(({ name }) => name === 'certificatePolicies');
    assert.equal(policies?.value, undefined);
    assert.match(policies?.problem ?? '', /tag 0xc, expected 0x16/);
    assert.match(policies?.hex ?? '', /^30/);
    assert.match(inspectionText(item), /does not decode: cannot read/);
  });

  test('what is nothing known is refused by code', async () => {
    await refused(new Uint8Array(), 'InspectUnrecognised', /cannot inspect "x": it is empty/);
    await refused(bytesOf('hello world'), 'InspectUnrecognised', /nothing that is known/);
    await refused(bytesOf('aGVsbG8gd29ybGQgaGVsbG8='), 'InspectUnrecognised', /nothing that is known/);
    await refused(bytesOf(encodePem('OPENSSH PRIVATE KEY', new Uint8Array(8))), 'InspectUnrecognised', /only "OPENSSH PRIVATE KEY"/);
    await refused(sequence(element(0x06, Uint8Array.of(0x2a)), element(0xa0)), 'InspectUnrecognised', /PKCS#7/);
    await refused(sequence(element(0x0a, Uint8Array.of(0))), 'InspectUnrecognised', /OCSP response/);
  });

  test('DER of each kind is told by structure alone', async () => {
    assert.equal(derKind(leaf.raw), 'certificate');
    assert.equal(derKind(request.raw), 'certificate request');
    assert.equal(derKind(crl.raw), 'revocation list');
    assert.equal(derKind(exportPkcs8(key)), 'private key');
    assert.equal(derKind(key.export({ format: 'der', type: 'sec1' })), 'private key');
    assert.equal(derKind(publicKeyOf(key).spki), 'public key');
    assert.equal(derKind(sequence(sequence(), octetString())), 'encrypted private key');
    assert.equal(derKind(Buffer.concat([leaf.raw, leaf.raw])), undefined);
    assert.equal(derKind(sequence()), undefined);
  });
});

describe('inspecting arbitrary bytes', () => {
  const survives = async (bytes: Uint8Array): Promise<void> => {
    try {
      for (const item of await inspect(bytes, { at, passphrase: 'x' })) assert.ok(inspectionText(item).endsWith('\n'));
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      assert.notEqual(error.code, 'Bug');
    }
  };
  const samples = [leaf.raw, request.raw, crl.raw, exportPkcs8(key), publicKeyOf(key).spki, Buffer.from(everything)];

  test('gives an item or a coded error', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: runs(2000, 200_000) });
  });

  test('of a structure near to something known gives an item or a coded error', async () => {
    const { tree } = fc.letrec<{ tree: Uint8Array; leaf: Uint8Array }>((tie) => ({
      leaf: fc
        .tuple(fc.constantFrom(0x01, 0x02, 0x03, 0x04, 0x06, 0x0c, 0x17, 0x18, 0x80, 0x0a), fc.uint8Array({ maxLength: 12 }))
        .map(([found, content]) => element(found, content)),
      tree: fc.oneof(
        { maxDepth: 5, depthIdentifier: 'der' },
        tie('leaf'),
        fc
          .tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), fc.array(tie('tree'), { maxLength: 6, depthIdentifier: 'der' }))
          .map(([found, parts]) => element(found, ...parts)),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { maxLength: 4 }), (parts) => survives(sequence(...parts))),
      { numRuns: runs(2000, 200_000) },
    );
  });

  test('of a known file with damage gives an item or a coded error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(), { nil: undefined }),
        async (sample, changes, cut) => {
          const bytes = Buffer.from(sample);
          for (const [place, difference] of changes) bytes[place % bytes.length] = (bytes[place % bytes.length] ?? 0) ^ difference;
          await survives(cut === undefined ? bytes : bytes.subarray(0, cut % bytes.length));
        },
      ),
      { numRuns: runs(1000, 200_000) },
    );
  });
});
