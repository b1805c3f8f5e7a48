// Full issuance in one process, for bench/issuance.ts: parse a PEM request, verify it, lint, sign with a CA, write PEM.
// Arguments: the CA's key algorithm and the file of the request. Protocol: repeating-process.ts. bench/go/main.go does the same in Go.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { CertificateTemplate } from '../src/pki/certificate-template.ts';
import { readCsr, verifyCsr } from '../src/pki/csr.ts';
import { keyAlgorithm } from '../src/pki/key-algorithm.ts';
import { subjectName } from '../src/pki/name.ts';
import { generatePrivateKey } from '../src/pki/private-key.ts';
import { publicKeyOf } from '../src/pki/public-key.ts';
import { type CertificateIssuer, selfSignCertificate, signCertificates } from '../src/pki/sign-certificate.ts';
import { keySigner } from '../src/pki/signature-algorithm.ts';
import { certificatePem } from '../src/pki/x509-certificate.ts';

const validity = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2036-01-01T00:00:00Z') };
const options = { random: randomBytes };

const newCa = async (algorithm: string): Promise<CertificateIssuer> => {
  const key = await generatePrivateKey(keyAlgorithm(algorithm, 'CA algorithm'));
  const signer = keySigner(key, publicKeyOf(key));
  const certificate = await selfSignCertificate(
    {
      ...validity,
      subject: subjectName('bench CA'),
      publicKey: signer.publicKey,
      usages: ['cert sign', 'crl sign'],
      basicConstraints: { isCa: true, pathLength: undefined },
    },
    signer,
    options,
  );
  return { certificate, signer };
};

/** Requests taken together, as `cluster generate` takes its own: each stage is gone through for all of them before the next. */
const batch = 16;

const issue = async (requests: readonly string[], ca: CertificateIssuer): Promise<readonly string[]> => {
  const csrs = requests.map((request) => readCsr(request));
  const templates = csrs.map(
    (csr): CertificateTemplate => ({
      ...validity,
      subject: csr.subject,
      publicKey: verifyCsr(csr),
      usages: ['digital signature', 'server auth'],
      subjectAltNames: csr.subjectAltNames ?? [],
    }),
  );
  const certificates = await signCertificates(templates, ca, options);
  return certificates.map(certificatePem);
};

const [algorithm = 'ecdsa-p256', requestFile = ''] = process.argv.slice(2);
const requests = new Array<string>(batch).fill(readFileSync(requestFile, 'utf8'));
const ca = await newCa(algorithm);

for await (const line of createInterface(process.stdin)) {
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const end = started + Number(line) * 1000;
  let count = 0;
  while (performance.now() < end) {
    count += (await issue(requests, ca)).length;
  }
  const cpu = process.cpuUsage(cpuBefore);
  console.log(JSON.stringify({ count, seconds: (performance.now() - started) / 1000, cpuSeconds: (cpu.user + cpu.system) / 1e6 }));
}
