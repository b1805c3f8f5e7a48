// Everything of a manifest as it lies in the output directory, read once; what is to be done about it is decided elsewhere. Reading
// changes nothing.

import { createPublicKey } from 'node:crypto';
import { readFileIfPresent } from '../base/atomic-file.ts';
import { fromUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { openTree, type Tree } from '../base/safe-path.ts';
import { type AuthorityOptions, type AuthorityState, readAuthorityStates } from './authority-state.ts';
import { observeRequest } from './certificate-request.ts';
import type { LeafPlaces } from './deliver-leaves.ts';
import type { LeafState } from './leaf-decision.ts';
import type { AuthorityId, ClusterManifest, Delivery, PlannedCertificate, PlannedKeyPair, PlannedKubeconfig } from './manifest.ts';
import {
  type KeyHalf,
  type Observed,
  type ObservedKubeconfig,
  type ObservedPair,
  observeChain,
  observeKey,
  observeKubeconfig,
  observePair,
} from './observed-pair.ts';
import { serverTrustFiles } from './trust-root.ts';

/** One leaf on disk, and where its files are. */
export type PlacedLeaf = { readonly state: LeafState; readonly places: LeafPlaces; readonly files: readonly string[] };

/** A kubeconfig that repeats a pair which has files of its own. */
export type RepeatingKubeconfig = { readonly planned: PlannedKubeconfig; readonly path: string; readonly found: ObservedKubeconfig };

/** A key pair without certificate, and its copies, as raw text where they are there. */
export type KeyPairState = {
  readonly planned: PlannedKeyPair;
  readonly key: Observed<KeyHalf>;
  readonly keyText: string | undefined;
  readonly publicKeyText: string | undefined;
  readonly copies: readonly {
    readonly host: string;
    readonly file: string;
    readonly isPrivate: boolean;
    readonly text: string | undefined;
  }[];
};

export type ClusterState = {
  readonly tree: Tree;
  readonly authorities: readonly AuthorityState[];
  /** Copies of CA certificates and files of what verifies servers that are there, by their relative path. */
  readonly trustTexts: ReadonlyMap<string, string>;
  readonly keyPairs: readonly KeyPairState[];
  readonly leaves: readonly PlacedLeaf[];
  readonly repeating: readonly RepeatingKubeconfig[];
};

const maxTextBytes = 1024 * 1024;

/** The text of a small file; undefined where it is not there. Bytes that are no text differ from any. */
const readText = (path: string): string | undefined => {
  const bytes = readFileIfPresent(path, maxTextBytes);
  return bytes === undefined ? undefined : (fromUtf8(bytes) ?? '\ufffd');
};

/** Where the request for a pair stands: beside its certificate. */
const requestFileOf = (certificateFile: string): string => certificateFile.replace(/\.(?:pem|crt)$/, '.csr');

type Delivered<K extends Delivery['kind']> = Extract<Delivery, { readonly kind: K }>;

const keyOf = ({ key }: ObservedPair) => (key.state === 'present' ? key.value.publicKey : undefined);

const readPair = (
  planned: PlannedCertificate,
  { certificateFile, keyFile }: Delivered<'pair'>,
  tree: Tree,
  isExternal: boolean,
  guidePlace: string | undefined,
): PlacedLeaf => {
  const requestFile = tree.path(requestFileOf(certificateFile));
  const places = { kind: 'pair', certificateFile: tree.path(certificateFile), keyFile: tree.path(keyFile), requestFile } as const;
  const observed = observePair(places);
  // A CA's certificate laid down in a leaf's place, as Kismatic's guide has it, is no leaf.
  const pair = places.certificateFile === guidePlace ? { ...observed, chain: { state: 'absent' } as const } : observed;
  const request = isExternal ? observeRequest(requestFile, planned, keyOf(pair)) : 'absent';
  const state: LeafState = { planned, pair, kubeconfig: undefined, request, handedBack: { state: 'absent' } };
  return { state, places, files: [certificateFile, keyFile] };
};

const readKubeconfigLeaf = (
  planned: PlannedCertificate,
  { file }: Delivered<'kubeconfig'>,
  tree: Tree,
  isExternal: boolean,
  kubeconfig: PlannedKubeconfig | undefined,
): PlacedLeaf => {
  if (kubeconfig === undefined) throw new CodedError('Bug', `the manifest has no kubeconfig ${quote(file)}`);
  const places = {
    kind: 'kubeconfig',
    file: tree.path(file),
    requestFile: tree.path(`${file}.csr`),
    handedBackFile: tree.path(`${file}.crt`),
  } as const;
  const found = observeKubeconfig(places.file);
  const state: LeafState = {
    planned,
    pair: found.pair,
    kubeconfig: { planned: kubeconfig, found },
    request: isExternal ? observeRequest(places.requestFile, planned, keyOf(found.pair)) : 'absent',
    handedBack: isExternal ? observeChain(places.handedBackFile) : { state: 'absent' },
  };
  return { state, places, files: [file] };
};

/** A key pair without certificate as it lies on disk. */
export const readKeyPair = (planned: PlannedKeyPair, tree: Tree): KeyPairState => ({
  planned,
  key: observeKey(tree.path(planned.keyFile)),
  keyText: readText(tree.path(planned.keyFile)),
  publicKeyText: readText(tree.path(planned.publicKeyFile)),
  copies: planned.copies.flatMap(({ host, keyFile, publicKeyFile }) => [
    { host, file: keyFile, isPrivate: true, text: readText(tree.path(keyFile)) },
    { host, file: publicKeyFile, isPrivate: false, text: readText(tree.path(publicKeyFile)) },
  ]),
});

const readTrustTexts = ({ authorities }: ClusterManifest, tree: Tree): ReadonlyMap<string, string> =>
  new Map(
    authorities
      .flatMap((planned) => [
        ...planned.copies.map(({ certificateFile }) => certificateFile),
        ...serverTrustFiles(planned).map(({ file }) => file),
      ])
      .flatMap((file) => {
        const text = readText(tree.path(file));
        return text === undefined ? [] : [[file, text] as const];
      }),
  );

/** The public half of a key as PEM (SubjectPublicKeyInfo). */
export const publicKeyPem = ({ key }: KeyHalf): string => createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString();

/** Reads everything of a manifest but its CAs, which were read before. Throws PathRefused. */
export const readRest = (manifest: ClusterManifest, tree: Tree, authorities: readonly AuthorityState[]): ClusterState => {
  const external = new Set<AuthorityId>(
    authorities.flatMap((state) => (state.state === 'ready' && state.authority.signer === undefined ? [state.planned.id] : [])),
  );
  const guidePlace = authorities
    .map((state) => (state.state === 'ready' ? state.misplaced?.certificateFile : undefined))
    .find((path) => path !== undefined);
  const kubeconfigs = new Map(manifest.kubeconfigs.map((kubeconfig) => [kubeconfig.file, kubeconfig]));
  const delivered = new Set(manifest.certificates.flatMap(({ delivery }) => (delivery.kind === 'kubeconfig' ? [delivery.file] : [])));
  return {
    tree,
    authorities,
    trustTexts: readTrustTexts(manifest, tree),
    keyPairs: manifest.keyPairs.map((planned) => readKeyPair(planned, tree)),
    leaves: manifest.certificates.map((planned) => {
      const { delivery, authority } = planned;
      return delivery.kind === 'pair'
        ? readPair(planned, delivery, tree, external.has(authority), guidePlace)
        : readKubeconfigLeaf(planned, delivery, tree, external.has(authority), kubeconfigs.get(delivery.file));
    }),
    repeating: manifest.kubeconfigs
      .filter(({ file }) => !delivered.has(file))
      .map((planned) => ({ planned, path: tree.path(planned.file), found: observeKubeconfig(tree.path(planned.file)) })),
  };
};

/** Reads everything of a manifest below `directory`. Throws PathRefused, and for a CA that cannot be used what readAuthority throws. */
export const readClusterState = (manifest: ClusterManifest, directory: string, options: AuthorityOptions): ClusterState => {
  const tree = openTree(directory);
  return readRest(manifest, tree, readAuthorityStates(tree, manifest, options));
};
