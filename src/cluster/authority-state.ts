// Each CA of a manifest as it lies in the output directory: ready, or still to be made. Kismatic's own guide names the files of a second
// CA wrongly (its key in `proxy-client-ca.pem`, its certificate in `proxy-client.pem`, which is the leaf's place): a CA laid down so is
// known by what the files hold, and put right when files are written.

import { readFileIfPresent } from '../base/atomic-file.ts';
import { equalBytes } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import type { Tree } from '../base/safe-path.ts';
import { importPrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { isCa, type X509Certificate } from '../pki/x509-certificate.ts';
import { type Authority, holdsPrivateKey, maxCertificateFileBytes, maxKeyFileBytes, readAuthority } from './authority.ts';
import { ledgerFileOf } from './ledger.ts';
import type { AuthorityId, ClusterManifest, PlannedAuthority } from './manifest.ts';
import { type KeyHalf, observeChain, observeKey } from './observed-pair.ts';
import { readTrustRoot, rememberedTrustRoot, serverTrust, serverTrustFileOf, verifiesServers } from './trust-root.ts';

/** Files of a CA under the names that Kismatic's guide gives them. */
export type Misplaced = {
  /** Where its key lies: the place of the certificate. Undefined where a killed run has put that right already. */
  readonly keyFile: string | undefined;
  /** Where its certificate lies: the place of a leaf. */
  readonly certificateFile: string;
};

export type AuthorityState =
  | {
      readonly state: 'ready';
      readonly planned: PlannedAuthority;
      readonly authority: Authority;
      /** What verifies servers: the certificate, and the root above it where one was given. */
      readonly trust: readonly X509Certificate[];
      /** Whether there is a root above it that was given, now or before. */
      readonly hasTrustRoot: boolean;
      readonly misplaced: Misplaced | undefined;
    }
  | { readonly state: 'missing'; readonly planned: PlannedAuthority; readonly key: KeyHalf | undefined };

export type AuthorityOptions = {
  readonly at: Date;
  /** For CA keys that are encrypted. */
  readonly passphrases?: Partial<Record<AuthorityId, string>> | undefined;
  /** The root above the CAs that are intermediates. */
  readonly trustRootFile?: string | undefined;
};

/** The leaf whose place the guide gives to the CA's certificate; undefined where the guide says nothing of the CA. */
const placeOfGuide = (planned: PlannedAuthority): string | undefined =>
  planned.certificateFile === 'keys/proxy-client-ca.pem' ? 'keys/proxy-client.pem' : undefined;

const caIn = (path: string): X509Certificate | undefined => {
  const chain = observeChain(path);
  return chain.state === 'present' && isCa(chain.value[0]) ? chain.value[0] : undefined;
};

const findMisplaced = (tree: Tree, planned: PlannedAuthority, passphrase: string | undefined): Misplaced | undefined => {
  const leafPlace = placeOfGuide(planned);
  if (leafPlace === undefined) return undefined;
  const [path, certificateFile] = [tree.path(planned.certificateFile), tree.path(leafPlace)];
  const certificate = caIn(certificateFile);
  const bytes = readFileIfPresent(path, maxKeyFileBytes);
  if (certificate === undefined || bytes === undefined) return undefined;
  if (!holdsPrivateKey(bytes))
    return equalBytes(caIn(path)?.raw ?? bytes, certificate.raw) ? { keyFile: undefined, certificateFile } : undefined;
  const key = importPrivateKey(bytes, { passphrase, what: `CA key ${quote(path)}` });
  return equalBytes(publicKeyOf(key).spki, certificate.publicKey.spki) ? { keyFile: path, certificateFile } : undefined;
};

const withTrust = (
  tree: Tree,
  planned: PlannedAuthority,
  authority: Authority,
  misplaced: Misplaced | undefined,
  options: AuthorityOptions,
): AuthorityState => {
  const { certificate, isIntermediate } = authority;
  const above =
    !verifiesServers(planned.id) || !isIntermediate
      ? []
      : options.trustRootFile !== undefined
        ? readTrustRoot(options.trustRootFile, certificate, options.at)
        : rememberedTrustRoot(tree.path(serverTrustFileOf(planned.certificateFile)), certificate);
  return { state: 'ready', planned, authority, trust: serverTrust(certificate, above), hasTrustRoot: above.length > 0, misplaced };
};

const readOne = (tree: Tree, planned: PlannedAuthority, options: AuthorityOptions): AuthorityState => {
  const passphrase = options.passphrases?.[planned.id];
  const files = { certificateFile: tree.path(planned.certificateFile), keyFile: tree.path(planned.keyFile) };
  const misplaced = findMisplaced(tree, planned, passphrase);
  if (misplaced?.keyFile !== undefined) {
    const found = readAuthority({ certificateFile: misplaced.certificateFile, keyFile: misplaced.keyFile }, { at: options.at, passphrase });
    // Its ledger stands beside the place that is right.
    const authority = { ...found, certificateFile: files.certificateFile, ledgerFile: ledgerFileOf(files.certificateFile) };
    return withTrust(tree, planned, authority, misplaced, options);
  }
  if (readFileIfPresent(files.certificateFile, maxCertificateFileBytes) !== undefined)
    return withTrust(tree, planned, readAuthority(files, { at: options.at, passphrase }), misplaced, options);
  const key = observeKey(files.keyFile);
  if (key.state === 'unreadable')
    throw new CodedError('CaInvalid', `cannot make ${planned.description}: ${key.problem}`, {
      hint: `put its certificate at ${quote(files.certificateFile)}, or take the key away`,
    });
  return { state: 'missing', planned, key: key.state === 'present' ? key.value : undefined };
};

/** Every CA of a manifest. Throws what readAuthority throws for one that is there and cannot be used. */
export const readAuthorityStates = (tree: Tree, manifest: ClusterManifest, options: AuthorityOptions): readonly AuthorityState[] => {
  const states = manifest.authorities.map((planned) => readOne(tree, planned, options));
  const cluster = states.find(({ planned }) => planned.id === 'cluster');
  if (options.trustRootFile !== undefined && cluster?.state === 'ready' && !cluster.hasTrustRoot)
    throw new CodedError('CaInvalid', `cannot use trust root ${quote(options.trustRootFile)}: the cluster CA is itself a root`, {
      hint: 'leave --trust-root out',
    });
  return states;
};
