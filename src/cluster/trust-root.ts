// The root above an intermediate: who verifies servers may be given it, who verifies clients never is. It comes from the user once and
// stays beside the CA in a file of its own (`server-trust.pem`), which later runs go by.

import { readFileBounded, readFileIfPresent } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { isSameName } from '../pki/name.ts';
import { formatName } from '../pki/name-text.ts';
import { isSignedBy, parseCertificates, type X509Certificate } from '../pki/x509-certificate.ts';
import { authorityProblem, isIntermediateCa, maxCertificateFileBytes } from './authority.ts';
import type { AuthorityId, PlannedAuthority } from './manifest.ts';

/** Certificates above a CA, the next one first, ending with a root. */
const pathAbove = (certificate: X509Certificate, candidates: readonly X509Certificate[]): readonly X509Certificate[] => {
  const path: X509Certificate[] = [];
  let current = certificate;
  while (path.length < candidates.length && isIntermediateCa(current)) {
    const { issuer } = current;
    const below = current;
    const next = candidates.find((candidate) => isSameName(candidate.subject, issuer) && isSignedBy(below, candidate));
    if (next === undefined || path.includes(next)) return path;
    path.push(next);
    current = next;
  }
  return path;
};

/**
 * The certificates of a file of roots that stand above a CA. Throws CaInvalid where none does, where one is no CA or not valid now, or
 * where the file holds others, for all of them would be believed.
 */
export const readTrustRoot = (file: string, certificate: X509Certificate, at: Date): readonly X509Certificate[] => {
  const refuse = (problem: string): never => {
    throw new CodedError('CaInvalid', `cannot use trust root ${quote(file)}: ${problem}`, {
      hint: `give the root that "${formatName(certificate.subject)}" chains to, and what stands between them`,
    });
  };
  const candidates = parseCertificates(readFileBounded(file, maxCertificateFileBytes), `trust root ${quote(file)}`);
  const path = pathAbove(certificate, candidates);
  const top = path.at(-1);
  if (top === undefined || isIntermediateCa(top)) return refuse(`no path leads from "${formatName(certificate.subject)}" to a root in it`);
  for (const candidate of candidates) {
    const name = formatName(candidate.subject);
    const problem = authorityProblem(candidate, at);
    if (problem !== undefined) return refuse(`"${name}": ${problem}`);
    if (!path.includes(candidate)) return refuse(`"${name}" does not stand above the CA`);
  }
  return path;
};

/** Which CAs verify servers; the third verifies the API server's own front proxy client alone. */
export const verifiesServers = (id: AuthorityId): boolean => id !== 'proxy-client';

/** The file of what verifies servers, beside a CA's certificate of this path. */
export const serverTrustFileOf = (certificateFile: string): string =>
  certificateFile.replace(/[^/]+?(\.[a-z]+)$/, (_, ending: string) => `server-trust${ending}`);

/** All places of the file of what verifies servers. */
export const serverTrustFiles = (planned: PlannedAuthority): readonly { readonly host: string | undefined; readonly file: string }[] => [
  { host: undefined, file: serverTrustFileOf(planned.certificateFile) },
  ...planned.copies.map(({ host, certificateFile }) => ({ host, file: serverTrustFileOf(certificateFile) })),
];

/** What verifies servers: the CA first, then what stands above it. */
export const serverTrust = (certificate: X509Certificate, above: readonly X509Certificate[]): readonly X509Certificate[] => [
  certificate,
  ...above,
];

/** What an earlier run was given as root for a CA, by its file of what verifies servers; none where there is no such file. */
export const rememberedTrustRoot = (file: string, certificate: X509Certificate): readonly X509Certificate[] => {
  const bytes = readFileIfPresent(file, maxCertificateFileBytes);
  if (bytes === undefined) return [];
  return pathAbove(certificate, parseCertificates(bytes, `trust file ${quote(file)}`));
};
