// Every decoder of the PKI core's heart that is fed from outside, by name, with samples of what it reads: what tests on arbitrary bytes and
// on work in steps go through. Each does what a caller does next, too: verify, judge, write as text. Keystores, revocation lists, chains
// and inspect have suites of their own.

import { fromUtf8, toUtf8 } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { parseCsr, readCsr, verifyCsr } from '../pki/csr.ts';
import { derReader, readAny } from '../pki/der.ts';
import {
  decodeAuthorityKeyIdentifier,
  decodeBasicConstraints,
  decodeDistributionPoints,
  decodeExtendedKeyUsage,
  decodeGeneralNames,
  decodeInfoAccess,
  decodeKeyUsage,
  decodeNameConstraints,
  decodeSubjectKeyIdentifier,
  encodeExtensions,
  readExtensions,
} from '../pki/extension.ts';
import { decodeGeneralName } from '../pki/general-name.ts';
import { formatGeneralName, generalNameProblem, parseGeneralName } from '../pki/general-name-text.ts';
import { lintCertificate } from '../pki/lint-certificate.ts';
import { parseName } from '../pki/name.ts';
import { formatName, parseNameText } from '../pki/name-text.ts';
import { oid } from '../pki/oid.ts';
import { decodePem } from '../pki/pem.ts';
import { exportPkcs8, exportPrivateKey, importPrivateKey } from '../pki/private-key.ts';
import { parsePublicKey, publicKeyObject } from '../pki/public-key.ts';
import { isSignatureValid, readSignatureAlgorithm } from '../pki/signature-algorithm.ts';
import { decodeTime } from '../pki/time.ts';
import {
  certificatePem,
  formatSerialNumber,
  isSelfIssued,
  isSignedBy,
  parseCertificate,
  parseCertificates,
  parseTbsCertificate,
} from '../pki/x509-certificate.ts';
import { testCa, testCsr, testKey, testLeaf, testPublicKey } from './certificates.ts';

const ca = await testCa({
  nameConstraints: {
    permitted: [
      { base: { type: 'dns', value: 'example' } },
      { base: { type: 'ip-range', octets: Uint8Array.of(10, 0, 0, 0, 255, 0, 0, 0) } },
      { base: { type: 'email', value: 'b.example' } },
    ],
    excluded: [{ base: { type: 'uri', value: '.bad.example' } }],
  },
});
const leaf = await testLeaf(ca, {
  subject: parseNameText('CN=leaf.example+UID=7,O=dev,2.5.4.99=#0403020105,C=DE'),
  subjectAltNames: [
    'leaf.example',
    '10.0.0.1',
    'a@b.example',
    'spiffe://c.example/d',
    'RID:1.2.3',
    'dirName:CN=a',
    'otherName:1.2.3.4;UTF8:a',
  ].map(parseGeneralName),
  crlDistributionPoints: ['http://a.example/crl'],
  ocspServers: ['http://o.example'],
  issuingCertificateUrls: ['http://i.example'],
  accept: ['attribute-string-type', 'name-outside-issuer'],
});
const rsaLeaf = await testLeaf(ca, { algorithm: 'rsa-2048', keyNumber: 0 });
const csr = await testCsr({ extensions: [{ oid: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) }] });
const keys = [await testKey('ecdsa-p256'), await testKey('ed25519')];
const signerKey = await testPublicKey('rsa-2048');

const extensionValues = (type: string): readonly Uint8Array[] =>
  [leaf, ca.certificate].flatMap(({ extensions }) => extensions.flatMap((extension) => (extension.oid === type ? [extension.value] : [])));

/** What a decoder is given, and what it gives back; a text decoder is given UTF-8. */
export type Decoder = { readonly decode: (bytes: Uint8Array) => unknown; readonly samples: readonly Uint8Array[] };

const texts = (...samples: readonly string[]): readonly Uint8Array[] => samples.map(toUtf8);
const onText =
  (decode: (text: string) => unknown) =>
  (bytes: Uint8Array): unknown =>
    decode(fromUtf8(bytes) ?? '');

const known = {
  certificate: {
    decode: (bytes) => {
      const certificate = parseCertificate(bytes);
      formatName(certificate.subject);
      formatSerialNumber(certificate.serialNumber);
      isSelfIssued(certificate);
      isSignedBy(certificate, ca.certificate);
      lintCertificate(certificate, ca.certificate);
      return certificate;
    },
    samples: [leaf.raw, ca.certificate.raw, rsaLeaf.raw],
  },
  'signed part of a certificate': { decode: parseTbsCertificate, samples: [leaf.tbs, ca.certificate.tbs] },
  request: {
    decode: (bytes) => verifyCsr(parseCsr(bytes)),
    samples: [csr.raw],
  },
  name: {
    decode: (bytes) => formatName(parseName(bytes)),
    samples: [leaf.subject.raw, parseNameText('CN=é+O=a+OU=b,DC=c').raw],
  },
  'general name': {
    decode: (bytes) => {
      const name = decodeGeneralName(readAny(derReader(bytes, 'name')));
      generalNameProblem(name);
      return formatGeneralName(name);
    },
    samples: extensionValues(oid.subjectAltName),
  },
  'extension list': { decode: (bytes) => readExtensions(derReader(bytes, 'extensions')), samples: [encodeExtensions(leaf.extensions)] },
  'basic constraints': { decode: decodeBasicConstraints, samples: extensionValues(oid.basicConstraints) },
  'key usage': { decode: decodeKeyUsage, samples: extensionValues(oid.keyUsage) },
  'extended key usage': { decode: decodeExtendedKeyUsage, samples: extensionValues(oid.extendedKeyUsage) },
  'alternative names': { decode: decodeGeneralNames, samples: extensionValues(oid.subjectAltName) },
  'subject key identifier': { decode: decodeSubjectKeyIdentifier, samples: extensionValues(oid.subjectKeyIdentifier) },
  'authority key identifier': { decode: decodeAuthorityKeyIdentifier, samples: extensionValues(oid.authorityKeyIdentifier) },
  'name constraints': { decode: decodeNameConstraints, samples: extensionValues(oid.nameConstraints) },
  'distribution points': { decode: decodeDistributionPoints, samples: extensionValues(oid.crlDistributionPoints) },
  'information access': { decode: decodeInfoAccess, samples: extensionValues(oid.authorityInfoAccess) },
  'public key': {
    decode: (bytes) => publicKeyObject(parsePublicKey(bytes)),
    samples: [leaf.publicKey.spki, rsaLeaf.publicKey.spki, (await testPublicKey('ed25519')).spki],
  },
  'signature algorithm': {
    decode: (bytes) => isSignatureValid(readSignatureAlgorithm(readAny(derReader(bytes, 'algorithm'))), bytes, signerKey, bytes),
    samples: [leaf.signatureAlgorithm.raw],
  },
  time: {
    decode: (bytes) => decodeTime(readAny(derReader(bytes, 'time')), 'time'),
    samples: [Uint8Array.of(0x17, 13, ...toUtf8('260101000000Z'))],
  },
  'private key': { decode: (bytes) => importPrivateKey(bytes), samples: keys.map(exportPkcs8) },
  'certificates of a file': {
    decode: (bytes) => parseCertificates(bytes),
    samples: [toUtf8(certificatePem(leaf) + certificatePem(ca.certificate)), leaf.raw],
  },
  'request of a file': { decode: (bytes) => readCsr(bytes), samples: [csr.raw] },
  'private key of a file': {
    decode: onText((text) => importPrivateKey(text)),
    samples: texts(...keys.map((key) => exportPrivateKey(key))),
  },
  PEM: { decode: onText((text) => decodePem(text)), samples: texts(certificatePem(leaf)) },
  'name as text': { decode: onText((text) => formatName(parseNameText(text))), samples: texts(formatName(leaf.subject)) },
  'general name as text': {
    decode: onText((text) => formatGeneralName(parseGeneralName(text))),
    samples: texts('a.example', 'spiffe://a/b', 'a@b.example'),
  },
} as const satisfies Record<string, Decoder>;

export type DecoderName = keyof typeof known;

export const decoders: Readonly<Record<DecoderName, Decoder>> = known;
export const decoderNames: readonly DecoderName[] = Object.keys(known).filter((name): name is DecoderName => Object.hasOwn(known, name));

/** Whether the decoder took the bytes; what it throws must be a CodedError, anything else goes on. */
export const takes = (name: DecoderName, bytes: Uint8Array): boolean => {
  try {
    known[name].decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
};
