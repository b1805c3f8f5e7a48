import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toUtf8 } from '../base/bytes.ts';
import { brokenDer } from '../testing/broken-der.ts';
import { brokenText } from '../testing/broken-text.ts';
import { certificateDer, csrDer, extensionsField } from '../testing/certificate-der.ts';
import { testCa } from '../testing/certificates.ts';
import { countSteps } from '../testing/count-steps.ts';
import { type DecoderName, decoderNames, decoders, takes } from '../testing/decoders.ts';
import { full, runs } from '../testing/runs.ts';
import {
  contextConstructedTag,
  contextTag,
  element,
  elementOf,
  octetBitString,
  octetString,
  sequence,
  sequenceOf,
  setOf,
  tag,
  unsignedInteger,
} from './der.ts';
import { encodeExtension, encodeGeneralNames } from './extension.ts';
import { encodeGeneralName } from './general-name.ts';
import { subjectName } from './name.ts';
import { encodeOid, oid } from './oid.ts';
import { encodePem } from './pem.ts';
import { isSignedBy, parseCertificate } from './x509-certificate.ts';

const textDecoders: ReadonlySet<DecoderName> = new Set([
  'certificates of a file',
  'private key of a file',
  'PEM',
  'name as text',
  'general name as text',
]);

describe('decoders and arbitrary bytes', () => {
  test('every sample is taken, so that what follows starts from what is right', () => {
    for (const name of decoderNames) {
      assert.ok(decoders[name].samples.length > 0, name);
      if (name === 'general name' || name === 'signature algorithm') continue;
      for (const sample of decoders[name].samples) assert.equal(takes(name, sample), true, name);
    }
  });

  test('random bytes give a value or a coded error', () => {
    const start = fc.constantFrom<readonly number[]>([], [0x30], [0x30, 0x82], [0x03], [0x02], [0x31], [0x82], [0xa4]);
    fc.assert(
      fc.property(fc.constantFrom(...decoderNames), start, fc.uint8Array({ maxLength: 80 }), (name, first, rest) => {
        takes(name, Uint8Array.from([...first, ...rest]));
      }),
      { numRuns: runs(3_000, 200_000) },
    );
  });

  test('damaged DER gives a value or a coded error, from the decoder of the damaged field too', () => {
    const near = fc.oneof(
      ...decoderNames
        .filter((name) => !textDecoders.has(name))
        .map((name) => fc.tuple(fc.constant(name), brokenDer(decoders[name].samples))),
    );
    const seen = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(near, ([name, bytes]) => {
        seen[takes(name, bytes) ? 'taken' : 'refused']++;
      }),
      { numRuns: runs(3_000, 200_000) },
    );
    assert.ok(seen.taken > 0 && seen.refused > seen.taken, JSON.stringify(seen));
  });

  test('a damaged certificate gives a value or a coded error', () => {
    fc.assert(
      fc.property(brokenDer(decoders.certificate.samples), (bytes) => {
        takes('certificate', bytes);
      }),
      { numRuns: runs(1_500, 200_000) },
    );
  });

  test('damaged text gives a value or a coded error', () => {
    const near = fc.oneof(
      ...[...textDecoders].map((name) =>
        fc.tuple(fc.constant(name), brokenText(decoders[name].samples.filter(([first]) => first !== 0x30))),
      ),
    );
    fc.assert(
      fc.property(near, ([name, bytes]) => {
        takes(name, bytes);
      }),
      { numRuns: runs(2_000, 200_000) },
    );
  });

  test('a certificate cut short anywhere is refused', () => {
    const [certificate = new Uint8Array()] = decoders.certificate.samples;
    for (let length = 0; length < certificate.length; length++) assert.equal(takes('certificate', certificate.subarray(0, length)), false);
  });

  test('one wrong bit anywhere in a certificate is refused, or is read as another certificate that its issuer did not sign', async () => {
    const [certificate = new Uint8Array()] = decoders.certificate.samples;
    const issuer = (await testCa()).certificate;
    assert.equal(isSignedBy(parseCertificate(certificate), issuer), true);
    const step = full ? 1 : 37;
    for (let bit = 0; bit < certificate.length * 8; bit += step) {
      const damaged = Uint8Array.from(certificate);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (takes('certificate', damaged)) assert.equal(isSignedBy(parseCertificate(damaged), issuer), false, `bit ${bit}`);
    }
  });
});

/** What makes work for a decoder, as many times as it is told. */
type Adversary = { readonly decoder: DecoderName; readonly make: (times: number) => Uint8Array; readonly times?: number };

const many = (times: number, make: (i: number) => Uint8Array): readonly Uint8Array[] => Array.from({ length: times }, (_, i) => make(i));
const commonName = (value: Uint8Array, stringTag: number = tag.utf8String): Uint8Array =>
  sequence(encodeOid(oid.commonName), element(stringTag, value));
const dnsName = (i: number): Uint8Array => encodeGeneralName({ type: 'dns', value: `n${i}.example` });
const extension = (type: string, value: Uint8Array): Uint8Array => encodeExtension({ oid: type, critical: false, value });
const withExtension = (type: string, value: Uint8Array): Uint8Array =>
  certificateDer({ extensions: extensionsField(extension(type, value)) });
const longArc = `2.25${'.340282366920938463463374607431768211455'.repeat(3)}`;
const repeated =
  (text: string) =>
  (times: number): Uint8Array =>
    toUtf8(text.repeat(times));
const nested = (times: number): Uint8Array => {
  let inner: Uint8Array = new Uint8Array();
  for (let i = 0; i < times; i++) inner = sequence(inner);
  return inner;
};

const adversaries: Readonly<Record<string, Adversary>> = {
  'many parts of a name': {
    decoder: 'name',
    make: (times) => sequenceOf(many(times, (i) => setOf([commonName(toUtf8(`n${i}`))]))),
    times: 120,
  },
  'many parts of the subject': {
    decoder: 'certificate',
    make: (times) => certificateDer({ subject: sequenceOf(many(times, (i) => setOf([commonName(toUtf8(`n${i}`))]))) }),
    times: 120,
  },
  'one wide part of a name': { decoder: 'name', make: (times) => sequence(setOf(many(times, (i) => commonName(toUtf8(`n${i}`))))) },
  'one wide part of a name, all the same': {
    decoder: 'name',
    make: (times) => sequence(setOf(many(times, () => commonName(toUtf8('same'))))),
  },
  'a long UTF8String': { decoder: 'name', make: (times) => sequence(setOf([commonName(new Uint8Array(20 * times).fill(0x41))])) },
  'a long PrintableString': {
    decoder: 'name',
    make: (times) => sequence(setOf([commonName(new Uint8Array(20 * times).fill(0x41), tag.printableString)])),
  },
  'a long BMPString': {
    decoder: 'name',
    make: (times) => sequence(setOf([commonName(new Uint8Array(20 * times).fill(0x41), tag.bmpString)])),
  },
  'a long UniversalString': {
    decoder: 'name',
    make: (times) => sequence(setOf([commonName(new Uint8Array(20 * times), tag.universalString)])),
  },
  'a long subject in the wrong normal form': {
    decoder: 'certificate',
    make: (times) => certificateDer({ subject: sequence(setOf([commonName(toUtf8('e\u0301\u0323'.repeat(10 * times)))])) }),
  },
  'many identifiers of the greatest length': {
    decoder: 'name',
    make: (times) => sequenceOf(many(times, () => setOf([sequence(encodeOid(longArc), octetString())]))),
    times: 120,
  },
  'many alternative names': {
    decoder: 'certificate',
    make: (times) => withExtension(oid.subjectAltName, sequenceOf(many(times, dnsName))),
  },
  'many alternative names, all the same': {
    decoder: 'certificate',
    make: (times) => withExtension(oid.subjectAltName, sequenceOf(many(times, () => dnsName(0)))),
  },
  'many wrong alternative names': {
    decoder: 'certificate',
    make: (times) =>
      withExtension(oid.subjectAltName, sequenceOf(many(times, (i) => element(contextTag(6), toUtf8(`a://${'@'.repeat(i % 9)}:`))))),
  },
  'many directory names': {
    decoder: 'alternative names',
    make: (times) => encodeGeneralNames(Array.from({ length: times }, () => ({ type: 'directoryName', name: subjectName('a') }))),
  },
  'one long URI': {
    decoder: 'certificate',
    make: (times) => withExtension(oid.subjectAltName, sequence(element(contextTag(6), toUtf8(`a://${'@'.repeat(20 * times)}:x`)))),
  },
  'one long DNS name': {
    decoder: 'certificate',
    make: (times) => withExtension(oid.subjectAltName, sequence(element(contextTag(2), toUtf8('a.'.repeat(10 * times))))),
  },
  'many extensions': {
    decoder: 'certificate',
    make: (times) =>
      certificateDer({ extensions: extensionsField(...many(times, (i) => extension(`1.2.3.${1000 + i}`, new Uint8Array()))) }),
    times: 120,
  },
  'many extensions of a request': {
    decoder: 'request',
    make: (times) =>
      csrDer({
        attributes: element(
          contextConstructedTag(0),
          sequence(
            encodeOid(oid.extensionRequest),
            setOf([sequenceOf(many(times, (i) => extension(`1.2.3.${1000 + i}`, new Uint8Array())))]),
          ),
        ),
      }),
    times: 120,
  },
  'many attributes of a request': {
    decoder: 'request',
    make: (times) =>
      csrDer({
        attributes: elementOf(
          contextConstructedTag(0),
          many(times, (i) => sequence(encodeOid(`1.2.3.${1000 + i}`), setOf([]))),
        ),
      }),
    times: 12,
  },
  'many purposes': {
    decoder: 'certificate',
    make: (times) => withExtension(oid.extendedKeyUsage, sequenceOf(many(times, (i) => encodeOid(`1.2.3.${1000 + i}`)))),
  },
  'many subtrees': {
    decoder: 'certificate',
    make: (times) =>
      withExtension(
        oid.nameConstraints,
        sequence(
          elementOf(
            contextConstructedTag(0),
            many(times, (i) => sequence(dnsName(i))),
          ),
        ),
      ),
  },
  'many distribution points': {
    decoder: 'certificate',
    make: (times) =>
      withExtension(
        oid.crlDistributionPoints,
        sequenceOf(many(times, () => sequence(element(contextConstructedTag(0), element(contextConstructedTag(0), dnsName(0)))))),
      ),
  },
  'many access descriptions': {
    decoder: 'certificate',
    make: (times) => withExtension(oid.authorityInfoAccess, sequenceOf(many(times, () => sequence(encodeOid(oid.ocsp), dnsName(0))))),
  },
  'many names of an issuer': {
    decoder: 'authority key identifier',
    make: (times) => sequence(elementOf(contextConstructedTag(1), many(times, dnsName))),
  },
  'a long key usage': { decoder: 'key usage', make: (times) => octetBitString(new Uint8Array(20 * times).fill(0xff)) },
  'a long serial number': {
    decoder: 'certificate',
    make: (times) => certificateDer({ serialNumber: element(tag.integer, new Uint8Array(20 * times).fill(0x80)) }),
  },
  'a long RSA key': {
    decoder: 'public key',
    make: (times) =>
      sequence(
        sequence(encodeOid(oid.rsaEncryption), Uint8Array.of(5, 0)),
        octetBitString(sequence(unsignedInteger(new Uint8Array(20 * times).fill(0xff)), unsignedInteger(Uint8Array.of(3)))),
      ),
  },
  'a deep nest': { decoder: 'certificate', make: nested },
  'a deep nest in an unknown extension': { decoder: 'certificate', make: (times) => withExtension('1.2.3.4', nested(times)) },
  'a deep nest in an otherName': {
    decoder: 'alternative names',
    make: (times) => sequence(element(contextConstructedTag(0), encodeOid('1.2.3'), element(contextConstructedTag(0), nested(times)))),
  },
  'a list of many elements cut off': {
    decoder: 'certificate',
    make: (times) => withExtension(oid.subjectAltName, sequenceOf(many(times, dnsName))).subarray(0, -70),
  },
  'many blocks of PEM': { decoder: 'PEM', make: repeated('-----BEGIN A-----\nAQID\n-----END A-----\n') },
  'many certificates of PEM': {
    decoder: 'certificates of a file',
    make: (times) => toUtf8(encodePem('CERTIFICATE', certificateDer()).repeat(times)),
    times: 60,
  },
  'one long block of PEM': { decoder: 'PEM', make: (times) => toUtf8(encodePem('A', new Uint8Array(20 * times))) },
  'a block of blanks': { decoder: 'PEM', make: (times) => toUtf8(`-----BEGIN A-----\n${' \t'.repeat(10 * times)}\n-----END A-----\n`) },
  'a block of line ends': {
    decoder: 'PEM',
    make: (times) => toUtf8(`-----BEGIN A-----\na:b${'\r\n '.repeat(10 * times)}x\n-----END A-----\n`),
  },
  'many headers': { decoder: 'PEM', make: (times) => toUtf8(`-----BEGIN A-----\n${'a: b\n'.repeat(10 * times)}\nAQID\n-----END A-----\n`) },
  'many beginnings without an end': { decoder: 'PEM', make: repeated('-----BEGIN A-----\n') },
  'many dashes': { decoder: 'PEM', make: repeated('-----') },
  'a long label': { decoder: 'PEM', make: (times) => toUtf8(`-----BEGIN ${'A-'.repeat(times)}-----`) },
  'text without blocks': { decoder: 'PEM', make: repeated('-----BEGIN-----END ') },
  'many parts of a name as text': { decoder: 'name as text', make: (times) => toUtf8(`${'CN=a,'.repeat(times)}CN=a`), times: 120 },
  'one wide part of a name as text': { decoder: 'name as text', make: (times) => toUtf8(`${'CN=a+'.repeat(times)}CN=a`) },
  'many escapes': { decoder: 'name as text', make: (times) => toUtf8(`CN=${'\\2c\\,\\\\'.repeat(times)}`) },
  'many quotation marks': { decoder: 'name as text', make: (times) => toUtf8(`CN=${'""'.repeat(times)}`) },
  'many blanks': { decoder: 'name as text', make: (times) => toUtf8(`CN=${' '.repeat(10 * times)}a${' '.repeat(10 * times)}`) },
  'many backslashes': { decoder: 'name as text', make: (times) => toUtf8(`CN=${'\\'.repeat(10 * times)} `) },
  'long hex': { decoder: 'name as text', make: (times) => toUtf8(`CN=#${'04'.repeat(10 * times)}`) },
  'a long general name': { decoder: 'general name as text', make: (times) => toUtf8(`otherName:1.2.3;UTF8:${';'.repeat(20 * times)}`) },
  'a long URI as text': { decoder: 'general name as text', make: (times) => toUtf8(`a://${'a@'.repeat(10 * times)}`) },
};

describe('work in steps', () => {
  const factors = [1, 2, 4, 8];
  /** Length of the input and steps for it, by adversary, at each of the sizes. */
  const measured = (async () => {
    const work = Object.values(adversaries).flatMap(({ decoder, make, times = 300 }) =>
      factors.map((factor) => ({ decoder, bytes: make(factor * times) })),
    );
    const steps = await countSteps(work);
    return Object.keys(adversaries).map((name, i) => {
      const points = factors.map((_, at) => ({
        length: work[factors.length * i + at]?.bytes.length ?? Number.NaN,
        steps: steps[factors.length * i + at] ?? Number.NaN,
      }));
      return { name, points };
    });
  })();

  test('the work of every decoder grows no faster than its input', async () => {
    for (const { name, points } of await measured) {
      // Steps for each further byte, whatever is done once: with quadratic work the last would be four times the first.
      const rates = points
        .slice(1)
        .map(({ steps, length }, at) => (steps - (points[at]?.steps ?? 0)) / (length - (points[at]?.length ?? 0)));
      const [first = Number.NaN, ...later] = rates;
      assert.ok(
        later.every((rate) => rate <= first * 1.15 + 0.05),
        `${name}: steps for each further byte are ${rates.map((rate) => rate.toFixed(2)).join(', ')}`,
      );
      assert.ok(
        points.every(({ steps }) => steps > 0),
        name,
      );
    }
  });

  test('no decoder takes more than a hundred steps for a byte', async () => {
    for (const { name, points } of await measured) {
      const { length, steps } = points.at(-1) ?? { length: 0, steps: 0 };
      assert.ok(steps < 100 * length, `${name}: ${(steps / length).toFixed(1)} steps for a byte`);
    }
  });

  test('counting sees twice the work where there is twice the input', async () => {
    const measured = await countSteps(
      [1000, 2000].map((times) => ({ decoder: 'name as text' as const, bytes: toUtf8(`CN=${'a'.repeat(times)}`) })),
    );
    const [once, twice] = measured;
    assert.ok(once !== undefined && twice !== undefined && twice > 1.9 * once && twice < 2.1 * once, `${once}, ${twice}`);
  });
});
