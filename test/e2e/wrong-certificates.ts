// Certificates that are wrong in one way and right in everything else, made with a cluster's own CAs: what every component must refuse.

import { randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseGeneralName } from '../../src/pki/general-name-text.ts';
import { subjectName } from '../../src/pki/name.ts';
import { exportPrivateKey, generatePrivateKey, importPrivateKey } from '../../src/pki/private-key.ts';
import { publicKeyOf } from '../../src/pki/public-key.ts';
import { type CertificateIssuer, selfSignCertificate, signCertificate } from '../../src/pki/sign-certificate.ts';
import { keySigner } from '../../src/pki/signature-algorithm.ts';
import type { Usage } from '../../src/pki/usage.ts';
import { certificatePem, parseFirstCertificate } from '../../src/pki/x509-certificate.ts';
import type { PairFiles } from '../../src/testing/control-plane.ts';
import type { PemPair } from '../../src/testing/https-peer.ts';

export type Wrong = 'client as server' | 'server as client' | 'other CA' | 'expired';

export const minuteMs = 60_000;

export const readPair = ({ certificate, key }: PairFiles): PemPair => ({
  certificate: readFileSync(certificate, 'utf8'),
  key: readFileSync(key, 'utf8'),
});

export const issuerOf = (files: PairFiles): CertificateIssuer => {
  const certificate = parseFirstCertificate(readFileSync(files.certificate));
  const key = importPrivateKey(readFileSync(files.key));
  return { certificate, signer: keySigner(key, publicKeyOf(key)) };
};

/** A CA that nobody in the cluster knows, of the same name as the one that it imitates. */
export const strangerOf = async ({ certificate }: CertificateIssuer): Promise<CertificateIssuer> => {
  const key = await generatePrivateKey('ecdsa-p256');
  const signer = keySigner(key, publicKeyOf(key));
  const made = await selfSignCertificate(
    {
      subject: certificate.subject,
      publicKey: signer.publicKey,
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
      usages: ['cert sign'],
      basicConstraints: { isCa: true, pathLength: undefined },
    },
    signer,
    { random: randomBytes },
  );
  return { certificate: made, signer };
};

export type Identity = { readonly commonName: string; readonly organizations?: readonly string[]; readonly names?: readonly string[] };

export const issue = async (issuer: CertificateIssuer, identity: Identity, usages: readonly Usage[], end: Date): Promise<PemPair> => {
  const key = await generatePrivateKey('ecdsa-p256');
  const certificate = await signCertificate(
    {
      subject: subjectName(identity.commonName, identity.organizations ?? []),
      publicKey: publicKeyOf(key),
      notBefore: issuer.certificate.notBefore,
      notAfter: end,
      usages: ['digital signature', ...usages],
      subjectAltNames: (identity.names ?? []).map(parseGeneralName),
    },
    issuer,
    { random: randomBytes },
  );
  return { certificate: certificatePem(certificate), key: exportPrivateKey(key) };
};

/** The wrong certificates of a role: for each way of being wrong, one that is right in everything else. */
export const wrongOnes = async (
  issuer: CertificateIssuer,
  identity: Identity,
  role: 'client' | 'server',
): Promise<ReadonlyMap<Wrong, PemPair>> => {
  const usage: Usage = role === 'client' ? 'client auth' : 'server auth';
  const other: Usage = role === 'client' ? 'server auth' : 'client auth';
  const later = new Date(Date.now() + 60 * minuteMs);
  const past = new Date(Date.now() - minuteMs);
  return new Map<Wrong, PemPair>([
    [role === 'client' ? 'server as client' : 'client as server', await issue(issuer, identity, [other], later)],
    ['other CA', await issue(await strangerOf(issuer), identity, [usage], later)],
    ['expired', await issue(issuer, identity, [usage], past)],
  ]);
};

/** A service-account token whose signature another key has made. */
export const forgeToken = async (token: string): Promise<string> => {
  const [header = '', payload = ''] = token.split('.');
  const key = await generatePrivateKey('ecdsa-p256');
  const signature = sign('sha256', Buffer.from(`${header}.${payload}`), { key, dsaEncoding: 'ieee-p1363' });
  return `${header}.${payload}.${signature.toString('base64url')}`;
};

/** The client certificate and key inside a kubeconfig. */
export const kubeconfigPair = (file: string): PemPair => {
  const config = parse(readFileSync(file, 'utf8')) as {
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
  };
  const user = config.users[0]?.user;
  const decode = (data: string | undefined) => Buffer.from(data ?? '', 'base64').toString('utf8');
  return { certificate: decode(user?.['client-certificate-data']), key: decode(user?.['client-key-data']) };
};
