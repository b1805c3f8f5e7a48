// CAs that a company hands out: one root, and intermediates under it for the cluster, for its proxy clients, for its etcd, and for somebody
// else. Laid down where each layout looks for given CAs.

import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { subjectName } from '../../src/pki/name.ts';
import { exportPrivateKey, generatePrivateKey } from '../../src/pki/private-key.ts';
import { publicKeyOf } from '../../src/pki/public-key.ts';
import { type CertificateIssuer, selfSignCertificate, signCertificate } from '../../src/pki/sign-certificate.ts';
import { keySigner } from '../../src/pki/signature-algorithm.ts';
import { certificatePem } from '../../src/pki/x509-certificate.ts';

const yearMs = 365 * 86_400_000;

type Named = CertificateIssuer & { readonly keyPem: string };

const makeCa = async (commonName: string, parent: CertificateIssuer | undefined): Promise<Named> => {
  const key = await generatePrivateKey('ecdsa-p256');
  const signer = keySigner(key, publicKeyOf(key));
  const now = Date.now();
  const template = {
    subject: subjectName(commonName, ['Example Company']),
    publicKey: signer.publicKey,
    notBefore: new Date(now - 600_000),
    notAfter: new Date(now + 5 * yearMs),
    usages: ['cert sign', 'crl sign'] as const,
    basicConstraints: { isCa: true, pathLength: parent === undefined ? undefined : 0 },
  };
  const options = { random: randomBytes };
  const certificate =
    parent === undefined ? await selfSignCertificate(template, signer, options) : await signCertificate(template, parent, options);
  return { certificate, signer, keyPem: exportPrivateKey(key) };
};

export type GivenAuthorities = { readonly root: CertificateIssuer; readonly sibling: CertificateIssuer; readonly rootFile: string };

const places = {
  kismatic: { cluster: ['keys/ca.pem', 'keys/ca-key.pem'], proxy: ['keys/proxy-client-ca.pem', 'keys/proxy-client-ca-key.pem'] },
  kubeadm: {
    cluster: ['pki/ca.crt', 'pki/ca.key'],
    proxy: ['pki/front-proxy-ca.crt', 'pki/front-proxy-ca.key'],
    etcd: ['pki/etcd/ca.crt', 'pki/etcd/ca.key'],
  },
} as const;

/** Lays down an intermediate for every CA of a layout, and the root beside the output directory. */
export const giveIntermediates = async (layout: 'kismatic' | 'kubeadm', out: string): Promise<GivenAuthorities> => {
  const root = await makeCa('Example Root', undefined);
  for (const [name, [certificateFile, keyFile]] of Object.entries(places[layout])) {
    const { certificate, keyPem } = await makeCa(`Example ${name} Intermediate`, root);
    mkdirSync(dirname(join(out, certificateFile)), { recursive: true, mode: 0o700 });
    writeFileSync(join(out, certificateFile), certificatePem(certificate));
    writeFileSync(join(out, keyFile), keyPem, { mode: 0o600 });
  }
  const rootFile = join(dirname(out), 'root.pem');
  writeFileSync(rootFile, certificatePem(root.certificate));
  return { root, sibling: await makeCa('Example Other Intermediate', root), rootFile };
};
