// Certificates, requests and keys for tests: the smallest valid one of each, with overrides. Keys come from test/vectors/pki/keys and random
// octets from a counter, so that a suite is fast and its serial numbers repeat; nothing made here may protect anything.
// CA pairs as files are authority-files.ts.

import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateTemplate } from '../pki/certificate-template.ts';
import { type Csr, type CsrTemplate, makeCsr } from '../pki/csr.ts';
import type { KeyAlgorithm } from '../pki/key-algorithm.ts';
import type { FindingName } from '../pki/lint-certificate.ts';
import { subjectName } from '../pki/name.ts';
import { generatePrivateKey } from '../pki/private-key.ts';
import { type PublicKey, publicKeyOf } from '../pki/public-key.ts';
import { type CertificateIssuer, selfSignCertificate, signCertificate } from '../pki/sign-certificate.ts';
import { keySigner, type Signer } from '../pki/signature-algorithm.ts';
import type { X509Certificate } from '../pki/x509-certificate.ts';
import { repositoryRoot } from './golden.ts';

/** The moment around which everything here is valid. */
export const testTime: Date = new Date('2026-03-01T12:00:00Z');

const dayMs = 86_400_000;

/** A time so many days after testTime. */
export const testDay = (days: number): Date => new Date(testTime.getTime() + days * dayMs);

/** A source of octets that repeats: the same from every source of the same seed. */
export const seededRandom = (seed: string): ((length: number) => Uint8Array) => {
  let counter = 0;
  return (length) => {
    const octets = new Uint8Array(length);
    for (let at = 0; at < length; at += 32)
      octets.set(
        createHash('sha256')
          .update(`${seed} ${counter++}`)
          .digest()
          .subarray(0, length - at),
        at,
      );
    return octets;
  };
};

const storedSizes: ReadonlySet<string> = new Set(['rsa-2048', 'rsa-3072', 'rsa-4096', 'rsa-8192']);
const keys = new Map<string, Promise<KeyObject>>();

/** A private key, the same in one process for the same algorithm and number; number 0 is that of the key file. */
export const testKey = (algorithm: KeyAlgorithm = 'ecdsa-p256', number = 0): Promise<KeyObject> => {
  const id = `${algorithm} ${number}`;
  const known = keys.get(id);
  if (known !== undefined) return known;
  const isStored = number === 0 && (!algorithm.startsWith('rsa-') || storedSizes.has(algorithm));
  const key = isStored ? Promise.resolve(createPrivateKey(testKeyPem(algorithm))) : generatePrivateKey(algorithm);
  keys.set(id, key);
  return key;
};

/** The key file of an algorithm, PKCS#8 as OpenSSL wrote it. */
export const testKeyPem = (algorithm: KeyAlgorithm): string =>
  readFileSync(join(repositoryRoot, 'test/vectors/pki/keys', `${algorithm}.pem`), 'utf8');

export const testPublicKey = async (algorithm?: KeyAlgorithm, number?: number): Promise<PublicKey> =>
  publicKeyOf(await testKey(algorithm, number));

export const testSigner = async (algorithm?: KeyAlgorithm, number?: number): Promise<Signer> => {
  const key = await testKey(algorithm, number);
  return keySigner(key, publicKeyOf(key));
};

/** A CA with its key. */
export type TestIssuer = CertificateIssuer & { readonly key: KeyObject };

/** What a test says of a certificate: anything of its template, its key by algorithm and number, and what surrounds the signature. */
export type TestCertificate = Partial<Omit<CertificateTemplate, 'subject'>> & {
  /** A whole name, or a common name. */
  readonly subject?: CertificateTemplate['subject'] | string;
  readonly algorithm?: KeyAlgorithm;
  readonly keyNumber?: number;
  readonly random?: (length: number) => Uint8Array;
  readonly accept?: readonly FindingName[];
};

const serials = seededRandom('serial numbers');

const defaultName = (subject: TestCertificate['subject'], fallback: string): CertificateTemplate['subject'] =>
  subject === undefined || typeof subject === 'string' ? subjectName(subject ?? fallback) : subject;

const templateOf = async (
  { subject, algorithm, keyNumber, random: _random, accept: _accept, ...changes }: TestCertificate,
  defaults: Pick<CertificateTemplate, 'usages'> & Partial<CertificateTemplate> & { readonly name: string; readonly days: number },
): Promise<CertificateTemplate> => {
  const { name, days, ...rest } = defaults;
  return {
    subject: defaultName(subject, name),
    publicKey: await testPublicKey(algorithm, keyNumber),
    notBefore: testDay(-1),
    notAfter: testDay(days),
    ...rest,
    ...changes,
  };
};

/** The template of the smallest leaf that lint finds nothing in: a server certificate for `leaf.example`, of 90 days. */
export const leafTemplate = (changes: TestCertificate = {}): Promise<CertificateTemplate> =>
  templateOf(changes, {
    name: 'leaf.example',
    days: 90,
    usages: ['digital signature', 'server auth'],
    subjectAltNames: [{ type: 'dns', value: 'leaf.example' }],
  });

/** The template of the smallest CA that lint finds nothing in, of ten years. */
export const caTemplate = (changes: TestCertificate = {}): Promise<CertificateTemplate> =>
  templateOf(changes, {
    name: 'Test CA',
    days: 3650,
    usages: ['cert sign', 'crl sign'],
    basicConstraints: { isCa: true, pathLength: undefined },
  });

/** A CA: a root, or an intermediate where there is an issuer. */
export const testCa = async (changes: TestCertificate = {}, issuer?: CertificateIssuer): Promise<TestIssuer> => {
  const key = await testKey(changes.algorithm, changes.keyNumber);
  const signer = keySigner(key, publicKeyOf(key));
  const options = { random: changes.random ?? serials, accept: changes.accept ?? [] };
  const template = await caTemplate(changes);
  const certificate =
    issuer === undefined ? await selfSignCertificate(template, signer, options) : await signCertificate(template, issuer, options);
  return { certificate, signer, key };
};

/** A leaf signed by an issuer. */
export const testLeaf = async (issuer: CertificateIssuer, changes: TestCertificate = {}): Promise<X509Certificate> =>
  signCertificate(await leafTemplate({ keyNumber: 1, ...changes }), issuer, {
    random: changes.random ?? serials,
    accept: changes.accept ?? [],
  });

/** A request for `leaf.example`, signed by the key it is for. */
export const testCsr = async (changes: Partial<CsrTemplate> & Pick<TestCertificate, 'algorithm' | 'keyNumber'> = {}): Promise<Csr> => {
  const { algorithm, keyNumber, ...template } = changes;
  return makeCsr(
    { subject: subjectName('leaf.example'), subjectAltNames: [{ type: 'dns', value: 'leaf.example' }], ...template },
    await testSigner(algorithm, keyNumber),
  );
};
