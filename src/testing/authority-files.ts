// CA pairs on disk for tests: roots, intermediates below them, and whatever is wrong with them on purpose.

import type { KeyObject } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateTemplate } from '../pki/certificate-template.ts';
import type { KeyAlgorithm } from '../pki/key-algorithm.ts';
import type { FindingName } from '../pki/lint-certificate.ts';
import { subjectName } from '../pki/name.ts';
import { exportPrivateKey, generatePrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { type CertificateIssuer, selfSignCertificate, signCertificate } from '../pki/sign-certificate.ts';
import { keySigner } from '../pki/signature-algorithm.ts';
import { certificatePem } from '../pki/x509-certificate.ts';

/** A CA with its key. */
export type TestAuthority = CertificateIssuer & { readonly key: KeyObject };

export const randomOctets = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** A CA named `commonName`, valid from a day before `at` for ten years; signed by `parent` where there is one. */
export const testAuthority = async (
  commonName: string,
  at: Date,
  {
    parent,
    algorithm = 'ecdsa-p256',
    accept = ['extended-key-usage-missing', 'ca-without-cert-sign'],
    ...changes
  }: Partial<CertificateTemplate> & { parent?: TestAuthority; algorithm?: KeyAlgorithm; accept?: readonly FindingName[] } = {},
): Promise<TestAuthority> => {
  const key = await generatePrivateKey(algorithm);
  const publicKey = publicKeyOf(key);
  const signer = keySigner(key, publicKey);
  const template: CertificateTemplate = {
    subject: subjectName(commonName),
    publicKey,
    notBefore: new Date(at.getTime() - 86_400_000),
    notAfter: new Date(at.getTime() + 3650 * 86_400_000),
    usages: ['digital signature', 'cert sign', 'crl sign'],
    basicConstraints: { isCa: true, pathLength: undefined },
    ...changes,
  };
  const options = { random: randomOctets, accept };
  const certificate =
    parent === undefined ? await selfSignCertificate(template, signer, options) : await signCertificate(template, parent, options);
  return { certificate, signer, key };
};

/** Writes a CA's files: certificate as given, key as PKCS#8, encrypted where there is a passphrase. */
export const writeAuthority = (
  directory: string,
  authority: TestAuthority,
  names: { readonly certificate: string; readonly key?: string; readonly passphrase?: string },
): void => {
  writeFileSync(join(directory, names.certificate), certificatePem(authority.certificate));
  if (names.key === undefined) return;
  const passphrase = names.passphrase === undefined ? {} : { passphrase: { text: names.passphrase, random: randomOctets } };
  writeFileSync(join(directory, names.key), exportPrivateKey(authority.key, passphrase), { mode: 0o600 });
};
