// Client certificates for people and machines of a cluster (`certificates generate`, the command that Kismatic had): named by the user,
// signed by the cluster CA in `<dir>/keys` or `<dir>/pki`, and put beside it.
// The name is data. It never becomes another file than its own, and never one of the cluster's, however it is written; and a common name
// or group that Kubernetes keeps for itself is refused, for whoever holds such a certificate is that component.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createDirectory, removeLeftovers, writeFileAtomic } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { withDirectoryLock } from '../base/directory-lock.ts';
import { openTree, plainFileName, type Tree } from '../base/safe-path.ts';
import type { GeneralName } from '../pki/general-name.ts';
import { isRsa, type KeyAlgorithm } from '../pki/key-algorithm.ts';
import { subjectName } from '../pki/name.ts';
import { generatePrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { certificatePem, type X509Certificate } from '../pki/x509-certificate.ts';
import {
  backdated,
  endOfLifetime,
  issueCertificates,
  readAuthority,
  readAuthorityCertificate,
  type SigningContext,
  servedChain,
} from './authority.ts';
import { componentKeyPem } from './component-key.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { type ObservedPair, observePair } from './observed-pair.ts';
import { commitReplacements, type PairReplacement, pendingFileOf, recoverReplacement, writePending } from './replacement.ts';
import { rememberedTrustRoot, serverTrust, serverTrustFileOf } from './trust-root.ts';

/** What a kubeconfig needs besides the certificate. */
export type PersonKubeconfig = { readonly clusterName: string; readonly server: string };

export type PersonRequest = SigningContext & {
  /** What the files are called; the common name too, unless another is given. */
  readonly name: string;
  readonly commonName?: string | undefined;
  /** Kubernetes takes each as a group. */
  readonly organizations: readonly string[];
  readonly subjectAltNames: readonly GeneralName[];
  readonly validityDays: number;
  /** Serve too, besides logging in. */
  readonly server: boolean;
  /** Let names pass that Kubernetes keeps for itself. */
  readonly allowPrivileged: boolean;
  readonly overwrite: boolean;
  readonly keyAlgorithm: KeyAlgorithm;
  /** The directory that the cluster's PKI was generated into. */
  readonly directory: string;
  readonly passphrase?: string | undefined;
  /** Write a kubeconfig too, beside the certificate's directory. */
  readonly kubeconfig?: PersonKubeconfig | undefined;
};

export type PersonResult = {
  /** `kept`: the pair was there before, and nobody asked for another. */
  readonly result: 'created' | 'replaced' | 'kept';
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly kubeconfigFile: string | undefined;
  readonly certificate: X509Certificate | undefined;
  readonly backups: readonly string[];
  /** What deserves a warning: a long life, a key name of Kubernetes. */
  readonly warnings: readonly string[];
};

const millisecondsPerDay = 86_400_000;
const longValidityDays = 365;
/** A hundred years; an end beyond the CA's is cut to that anyway. */
const maxValidityDays = 36_500;

/** Names of files in the directory of keys that are the cluster's own, in both layouts, and whatever a layout names after machines. */
const reservedBases: ReadonlySet<string> = new Set([
  'ca',
  'ca-key',
  'proxy-client-ca',
  'proxy-client',
  'front-proxy-ca',
  'front-proxy-client',
  'kube-controller-manager',
  'kube-scheduler',
  'service-account',
  'etcd',
  'etcd-client',
  'etcd-ca',
  'apiserver',
  'apiserver-kubelet-client',
  'apiserver-etcd-client',
  'contiv-proxy-server',
  'admin',
  'super-admin',
  'controller-manager',
  'scheduler',
  'kubelet',
  'kubeconfig',
  'sa',
  'server-trust',
]);
const machineBases = /-(?:etcd|apiserver|kubelet)$/;

/** Whether a base name is, or could be, that of a file of the cluster's own. Letter case counts for nothing: some file systems fold it. */
export const isClusterBaseName = (name: string): boolean => {
  const folded = name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s.]+$/, '');
  // `alice-key` would lay its certificate over the key of `alice`.
  const bases = [folded, folded.replace(/-key$/, ''), folded.replace(/\.(?:pem|crt|key|csr|conf|kubeconfig)$/, '')];
  return bases.some((base) => base.endsWith('-key') || reservedBases.has(base) || machineBases.test(base));
};

const reserved = (problem: string, hint: string): CodedError =>
  new CodedError('NameReserved', `cannot make a certificate: ${problem}`, { hint });

/** What workloads know the API server by, in any cluster domain. */
const apiServerName = /^(?:\*\.default(?:\.|$)|\*\.svc\.|kubernetes(?:$|\.default(?:\.|$)))/i;

const privilegedPrefix = /^(?:system|kubeadm):/i;

/** Throws NameReserved for names that give the powers of the cluster itself. */
const requireUnprivileged = ({ name, commonName = name, organizations, subjectAltNames, server }: PersonRequest): void => {
  const dnsNames = subjectAltNames.flatMap((name) => (name.type === 'dns' ? [name.value] : []));
  const apiServer = server ? dnsNames.find((name) => apiServerName.test(name)) : undefined;
  if (apiServer !== undefined)
    throw reserved(
      `${quote(apiServer)} is the name of the API server inside the cluster, and every workload would believe its holder`,
      'where that is meant, say --allow-privileged',
    );
  const privileged = [commonName, ...organizations].find((value) => privilegedPrefix.test(value.normalize('NFKC').trim()));
  if (privileged !== undefined)
    throw reserved(
      `${quote(privileged)} is a name that Kubernetes keeps for its own components and administrators`,
      'where that is meant, say --allow-privileged',
    );
};

/** Throws PathRefused and NameReserved for names that are refused whatever is allowed, and for privileged ones unless allowed. */
const requireNames = (request: PersonRequest): void => {
  const { name, commonName = name, organizations, allowPrivileged } = request;
  plainFileName(name);
  if (isClusterBaseName(name))
    throw reserved(
      `the name ${quote(name)} is kept for the cluster's own files`,
      'choose another name; --common-name may say what the certificate says',
    );
  if (commonName === '') throw new CodedError('NameInvalid', 'cannot make a certificate: its common name is empty');
  if (!allowPrivileged) requireUnprivileged(request);
  const odd = [name, commonName, ...organizations].find((value) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value) || value.trim() !== value);
  if (odd !== undefined)
    throw new CodedError('NameInvalid', `cannot make a certificate: ${quote(odd)} has characters that nobody sees`, {
      hint: 'two names that look the same would be two users; leave blanks at the ends, control and formatting characters out',
    });
};

const requireValidity = (days: number): void => {
  if (Number.isSafeInteger(days) && days > 0 && days <= maxValidityDays) return;
  throw new CodedError('UsageInvalid', `cannot make a certificate: ${days} days is no validity, expected 1 to ${maxValidityDays}`, {
    hint: 'leave --validity-period out for 90 days',
  });
};

type Places = {
  readonly caCertificateFile: string;
  readonly caKeyFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly kubeconfigFile: string;
  readonly serverTrustFile: string;
};

/** Kismatic's names where its CA is there or nothing is, else kubeadm's. */
const placesIn = (tree: Tree, name: string): Places => {
  const isKubeadm = !existsSync(join(tree.root, 'keys/ca.pem')) && existsSync(join(tree.root, 'pki/ca.crt'));
  const [ca, caKey, certificate, key] = isKubeadm
    ? ['pki/ca.crt', 'pki/ca.key', `people/${name}.crt`, `people/${name}.key`]
    : ['keys/ca.pem', 'keys/ca-key.pem', `keys/${name}.pem`, `keys/${name}-key.pem`];
  return {
    caCertificateFile: tree.path(ca),
    caKeyFile: tree.path(caKey),
    certificateFile: tree.path(certificate),
    keyFile: tree.path(key),
    kubeconfigFile: tree.path(isKubeadm ? `people/${name}.conf` : `${name}.kubeconfig`),
    serverTrustFile: tree.path(serverTrustFileOf(ca)),
  };
};

const warningsFor = (
  { validityDays, commonName, name, organizations, server, subjectAltNames, at }: PersonRequest,
  certificate: X509Certificate | undefined,
): readonly string[] => [
  ...(validityDays > longValidityDays
    ? [`it is valid for ${validityDays} days: kube-apiserver reads no revocation list, so it lets its holder in until then`]
    : []),
  ...[commonName ?? name, ...organizations]
    .filter((value) => privilegedPrefix.test(value))
    .map((value) => `${quote(value)} is a name of Kubernetes itself`),
  ...(organizations.includes('system:masters') ? ['members of "system:masters" are above all rules, and no rule can take that back'] : []),
  ...(server && subjectAltNames.length === 0
    ? ['it names no host, and TLS clients refuse a server without one: --subj-alt-names NAME gives it one']
    : []),
  ...(certificate !== undefined && certificate.notAfter < endOfLifetime(at, validityDays * millisecondsPerDay)
    ? [`it ends ${certificate.notAfter.toISOString()} already, with its CA`]
    : []),
];

const usagesFor = ({ server, keyAlgorithm }: PersonRequest) =>
  [
    'digital signature',
    ...(isRsa(keyAlgorithm) ? (['key encipherment'] as const) : []),
    'client auth',
    ...(server ? (['server auth'] as const) : []),
  ] as const;

const caHint = 'generate the cluster first (certwright cluster generate), or name its directory';

type Common = Pick<PersonResult, 'certificateFile' | 'keyFile'>;

const trustOf = (authority: X509Certificate, { serverTrustFile }: Places): readonly X509Certificate[] =>
  serverTrust(authority, rememberedTrustRoot(serverTrustFile, authority));

/** The text of the kubeconfig that goes with a pair. */
const kubeconfigFor = (
  request: PersonRequest,
  { clusterName, server }: PersonKubeconfig,
  pair: { readonly trust: readonly X509Certificate[]; readonly chain: readonly X509Certificate[]; readonly keyPem: string },
): string => {
  const userName = request.commonName ?? request.name;
  return kubeconfigText({ clusterName, server, userName, contextName: `${userName}@${clusterName}`, ...pair });
};

/** A pair that is there stays; only a kubeconfig that was asked for and is missing is written from it. */
const keep = async (request: PersonRequest, places: Places, pair: ObservedPair, common: Common): Promise<PersonResult> => {
  const { chain, key } = pair;
  const kept = { ...common, result: 'kept', kubeconfigFile: undefined, backups: [] } as const;
  if (chain.state !== 'present' || key.state !== 'present') {
    const problems = [chain, key].flatMap((half) =>
      half.state === 'unreadable' ? [half.problem] : half.state === 'absent' ? ['its key is missing'] : [],
    );
    return { ...kept, certificate: undefined, warnings: problems };
  }
  const [certificate] = chain.value;
  if (request.kubeconfig === undefined || existsSync(places.kubeconfigFile)) return { ...kept, certificate, warnings: [] };
  const authority = readAuthorityCertificate(places.caCertificateFile, request.at);
  const text = kubeconfigFor(request, request.kubeconfig, {
    trust: trustOf(authority, places),
    chain: chain.value,
    keyPem: componentKeyPem(key.value.key),
  });
  await writeFileAtomic(places.kubeconfigFile, text, request);
  return { ...kept, kubeconfigFile: places.kubeconfigFile, certificate, warnings: [] };
};

const make = async (request: PersonRequest, places: Places): Promise<PersonResult> => {
  const { at, kubeconfig, overwrite } = request;
  const replacement: PairReplacement = {
    certificateFile: places.certificateFile,
    keyFile: places.keyFile,
    kubeconfigFiles: [places.kubeconfigFile],
  };
  await recoverReplacement(replacement, at, request);
  const common: Common = { certificateFile: places.certificateFile, keyFile: places.keyFile };
  const pair = observePair(places);
  const isThere = pair.chain.state !== 'absent';
  if (isThere && !overwrite) return keep(request, places, pair, common);
  if (pair.key.state === 'unreadable' && !overwrite)
    throw new CodedError('FileExists', `cannot make a certificate: ${pair.key.problem}`, {
      hint: 'take the file away, or replace it with --overwrite (it is kept aside)',
    });
  const authority = readAuthority(
    { certificateFile: places.caCertificateFile, keyFile: places.caKeyFile },
    { at, passphrase: request.passphrase },
  );
  // A key without a certificate is what a killed run left, or the user's own.
  const key = pair.key.state === 'present' && !isThere ? pair.key.value.key : await generatePrivateKey(request.keyAlgorithm);
  const notBefore = backdated(at);
  const [certificate] = await issueCertificates(
    authority,
    [
      {
        subject: subjectName(request.commonName ?? request.name, request.organizations),
        publicKey: publicKeyOf(key),
        notBefore,
        notAfter: endOfLifetime(at, request.validityDays * millisecondsPerDay),
        usages: usagesFor(request),
        subjectAltNames: request.subjectAltNames,
      },
    ],
    request,
  );
  if (certificate === undefined) throw new CodedError('Bug', 'one template was signed and no certificate came back');
  const chain = servedChain(certificate, authority);
  const keyPem = componentKeyPem(key);
  const trust = trustOf(authority.certificate, places);
  await writePending(
    [
      { path: places.keyFile, content: keyPem },
      ...(kubeconfig === undefined
        ? []
        : [{ path: places.kubeconfigFile, content: kubeconfigFor(request, kubeconfig, { trust, chain, keyPem }) }]),
      { path: places.certificateFile, content: chain.map(certificatePem).join(''), mode: 0o644 },
    ],
    request,
  );
  const backups = await commitReplacements(
    [{ ...replacement, kubeconfigFiles: existsSync(pendingFileOf(places.kubeconfigFile)) ? [places.kubeconfigFile] : [] }],
    at,
    request,
  );
  return {
    ...common,
    result: isThere ? 'replaced' : 'created',
    kubeconfigFile: kubeconfig === undefined ? undefined : places.kubeconfigFile,
    certificate,
    backups,
    warnings: [
      ...warningsFor(request, certificate),
      ...(kubeconfig === undefined && existsSync(places.kubeconfigFile)
        ? [`${quote(places.kubeconfigFile)} holds an older certificate; --kubeconfig writes it anew`]
        : []),
    ],
  };
};

/**
 * Makes a client certificate. A pair that is there is kept unless `overwrite`, and then kept aside. Throws PathRefused and NameReserved for
 * names that are refused, UsageInvalid for a validity that is none, CaMissing where there is no CA, what reading a CA and signing throw,
 * LockHeld and FileWriteFailed.
 */
export const generatePerson = async (request: PersonRequest): Promise<PersonResult> => {
  requireNames(request);
  requireValidity(request.validityDays);
  const tree = openTree(request.directory);
  const places = placesIn(tree, request.name);
  if (!existsSync(places.caCertificateFile))
    throw new CodedError('CaMissing', `cannot make a certificate: there is no CA at ${quote(places.caCertificateFile)}`, { hint: caHint });
  return withDirectoryLock(request.directory, async () => {
    await createDirectory(dirname(places.certificateFile), request);
    removeLeftovers(dirname(places.certificateFile), request);
    return make(request, places);
  });
};
