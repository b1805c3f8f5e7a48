// Everything one machine needs, to be unpacked in /etc/kubernetes there: its part of the tree in layout kubeadm, the files it needs under
// `pki/` in layout kismatic. The keys of CAs are left out, unless they are asked for and the machine is a master, as kubeadm has it.
// What is missing or broken is not packed: a machine with half of its files fails later and further away.

import { existsSync } from 'node:fs';
import { readFileBounded } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { openTree } from '../base/safe-path.ts';
import { certificatePem, parseCertificates } from '../pki/x509-certificate.ts';
import { maxCertificateFileBytes } from './authority.ts';
import { type CheckRow, checkCluster } from './check.ts';
import { type ClusterManifest, machineNamed, type PlannedMachine } from './manifest.ts';
import { type ArchiveEntry, tarGzip } from './tar-archive.ts';
import { serverTrustFiles } from './trust-root.ts';

export type BundleRequest = {
  readonly manifest: ClusterManifest;
  /** The output directory of the cluster. */
  readonly directory: string;
  readonly host: string;
  /** Pack the CAs' keys too where the machine is a master. */
  readonly caKeys: boolean;
  readonly at: Date;
};

export type NodeBundle = {
  readonly host: string;
  readonly entries: readonly ArchiveEntry[];
  /** tar.gz; the same files give the same bytes. */
  readonly archive: Uint8Array;
  readonly notes: readonly string[];
};

const caKeyFiles = (
  { manifest, host, caKeys }: BundleRequest,
  machine: PlannedMachine,
): readonly { readonly from: string; readonly to: string }[] =>
  caKeys && machine.roles.includes('master')
    ? manifest.authorities
        .filter(({ hosts }) => hosts.includes(machine.host))
        .map(({ keyFile, copies }) => ({
          from: keyFile,
          // Beside the copy of its certificate, where there are copies.
          to: copies.length === 0 ? keyFile : `${host}/${keyFile}`,
        }))
    : [];

/** A path of the output directory as the machine sees it. */
const placeOn = (host: string, file: string): string => {
  if (file.startsWith(`${host}/`)) return file.slice(host.length + 1);
  return file.startsWith('keys/') ? `pki/${file.slice('keys/'.length)}` : file;
};

const refuseBroken = (rows: readonly CheckRow[], files: ReadonlySet<string>, host: string): void => {
  const bad = rows.filter((row) => ['missing', 'broken', 'expired'].includes(row.status) && row.files.some((file) => files.has(file)));
  if (bad.length === 0) return;
  const told = bad.map(({ files: paths, differences }) => `${paths.join(', ')}: ${differences.map(({ message }) => message).join('; ')}`);
  throw new CodedError(
    'DriftFound',
    `cannot bundle for ${quote(host)}: ${bad.length} of its files are missing or broken\n  ${told.join('\n  ')}`,
    {
      hint: 'certwright cluster generate makes what is missing; certwright cluster check tells more',
      details: { files: bad.map(({ files: paths, differences }) => ({ files: paths, differences })) },
    },
  );
};

/** The files that hold keys by the manifest. Whatever else holds one has it by mistake. */
const secretFiles = ({ certificates, keyPairs, kubeconfigs }: ClusterManifest): ReadonlySet<string> =>
  new Set([
    ...certificates.map(({ delivery }) => (delivery.kind === 'pair' ? delivery.keyFile : delivery.file)),
    ...keyPairs.flatMap(({ keyFile, copies }) => [keyFile, ...copies.map((copy) => copy.keyFile)]),
    ...kubeconfigs.map(({ file }) => file),
  ]);

const isCertificateFile = (file: string): boolean => /\.(?:pem|crt)$/.test(file);

/** What is packed of a certificate's file: its certificates and nothing else that somebody may have put there, such as the CA's key. */
const certificatesOf = (content: Uint8Array, file: string): Uint8Array =>
  Buffer.from(
    parseCertificates(content, `certificate ${quote(file)}`)
      .map(certificatePem)
      .join(''),
  );

/** Reads and packs the files of a machine. Throws NodeUnknown, DriftFound where one is missing or broken, FileNotFound, PathRefused. */
export const bundleNode = (request: BundleRequest): NodeBundle => {
  const { manifest, directory, at, caKeys } = request;
  const machine = machineNamed(manifest, request.host);
  const { host } = machine;
  const tree = openTree(directory);
  const trust = manifest.authorities
    .filter(({ hosts }) => hosts.includes(host))
    .flatMap((planned) =>
      serverTrustFiles(planned).filter((place) => place.host === host || (planned.copies.length === 0 && place.host === undefined)),
    )
    .map(({ file }) => file)
    .filter((file) => existsSync(tree.path(file)));
  const files = [...machine.files, ...trust];
  const { certificates, files: others, authorities } = checkCluster({ manifest, directory, at, warningWindowMs: 0 });
  refuseBroken([...certificates, ...others, ...authorities], new Set(files), host);
  const caKeyPlaces = caKeyFiles({ ...request, host }, machine);
  const secrets = new Set([...secretFiles(manifest), ...caKeyPlaces.map(({ from }) => from)]);
  const sources = [...files.map((file) => ({ from: file, to: file })), ...caKeyPlaces];
  const entries = sources.map(({ from, to }): ArchiveEntry => {
    const content = readFileBounded(tree.path(from), maxCertificateFileBytes);
    const name = placeOn(host, to);
    if (secrets.has(from)) return { name, mode: 0o600, content };
    return { name, mode: 0o644, content: isCertificateFile(from) ? certificatesOf(content, from) : content };
  });
  // The youngest certificate, so that packing the same files again gives the same archive.
  const newest = entries
    .filter(({ name, mode }) => mode !== 0o600 && isCertificateFile(name))
    .flatMap(({ content }) => parseCertificates(content))
    .reduce((latest, { notBefore }) => Math.max(latest, notBefore.getTime()), 0);
  const notes = caKeys && !machine.roles.includes('master') ? [`${host} is not a master, so no CA key was packed`] : [];
  return { host, entries, archive: tarGzip(entries, new Date(newest)), notes };
};
