// Entries out of the bags of a PKCS#12 keystore: which certificate belongs to which key, and in which order a chain stands.
// The format only has loose bags; this follows what keytool and OpenSSL make of them.

import { type KeyObject, X509Certificate } from 'node:crypto';
import { toHex } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { type CertificateOutline, readCertificateOutline } from './keystore-certificate.ts';
import type { StoredEntry } from './keystore-entry.ts';
import type { BagAttributes } from './pkcs12-bags.ts';
import { publicKeyOf } from './public-key.ts';

/** A bag with its key in hand. */
export type OpenedBag = BagAttributes &
  ({ readonly kind: 'key'; readonly privateKey: KeyObject } | { readonly kind: 'certificate'; readonly der: Uint8Array });

type CertificateBag = BagAttributes & { readonly outline: CertificateOutline };
type MutableKeyEntry = { kind: 'key'; alias: string; privateKey: KeyObject; chain: Uint8Array[] };

/** Chains are a handful long; the bound keeps many keys over one endless chain from costing the product of both. */
const maxChain = 64;

/** The first bag of each key; bags without one are left out. */
const firstBy = (
  bags: readonly CertificateBag[],
  key: (bag: CertificateBag) => string | undefined,
): ReadonlyMap<string, CertificateBag> => {
  const first = new Map<string, CertificateBag>();
  for (const bag of bags) {
    const name = key(bag);
    if (name !== undefined && !first.has(name)) first.set(name, bag);
  }
  return first;
};

const hexOf = (octets: Uint8Array | undefined): string | undefined => (octets === undefined ? undefined : toHex(octets));

/** Where to look for the issuer of a certificate: by name and key, and by name alone. */
type IssuerIndex = { readonly byKey: ReadonlyMap<string, CertificateOutline>; readonly byName: ReadonlyMap<string, CertificateOutline> };

const nameAndKey = (name: string, keyId: string): string => `${name} ${keyId}`;

const indexIssuers = (outlines: readonly CertificateOutline[]): IssuerIndex => {
  const byKey = new Map<string, CertificateOutline>();
  const byName = new Map<string, CertificateOutline>();
  for (const outline of outlines.toReversed()) {
    byName.set(outline.subject, outline);
    if (outline.subjectKeyId !== undefined) byKey.set(nameAndKey(outline.subject, outline.subjectKeyId), outline);
  }
  return { byKey, byName };
};

/** Of the certificates that bear an issuer's name, the one with the key the child names; else the first in the file. */
const findIssuer = (child: CertificateOutline, { byKey, byName }: IssuerIndex): CertificateOutline | undefined => {
  if (child.issuer === child.subject) return undefined;
  const named = child.authorityKeyId === undefined ? undefined : byKey.get(nameAndKey(child.issuer, child.authorityKeyId));
  return named ?? byName.get(child.issuer);
};

const requireMatch = (privateKey: KeyObject, publicKey: string, leaf: CertificateOutline, alias: string): void => {
  if (leaf.publicKey === publicKey) return;
  // The same key may be written in two ways (a compressed point), so a difference of octets is not yet one of keys.
  const matches = (): boolean => {
    try {
      return new X509Certificate(leaf.der).checkPrivateKey(privateKey);
    } catch {
      // A certificate that the runtime cannot read holds no key that matches.
      return false;
    }
  };
  if (!matches())
    throw new CodedError(
      'KeyMismatch',
      `cannot read keystore: the private key ${quote(alias)} is not the key of the certificate it is put with`,
    );
};

/**
 * Entries of a keystore, keys first, each kind in the order of the file. A key's certificate is the one with its localKeyId, else the
 * one with its public key; its chain goes on by issuer names and key identifiers, and ends with the certificates that stand beside it
 * in the file and are linked to nothing. A bag without a name is named by its number, as keytool does. In a file without keys every
 * certificate counts as trusted; beside keys only those marked so. Throws KeyMismatch, DerInvalid, OidInvalid.
 */
export const assembleEntries = (bags: readonly OpenedBag[]): StoredEntry[] => {
  let unnamed = 0;
  const aliasOf = ({ friendlyName }: BagAttributes): string =>
    friendlyName === undefined || friendlyName === '' ? String(++unnamed) : friendlyName;
  const keyBags = bags.filter((bag) => bag.kind === 'key');
  const certificates: CertificateBag[] = [];
  // Copies: what the caller keeps does not hold the whole file, nor change with it.
  for (const bag of bags)
    if (bag.kind === 'certificate') certificates.push({ ...bag, outline: readCertificateOutline(new Uint8Array(bag.der)) });
  const isTrusted = (bag: CertificateBag): boolean => bag.trusted || keyBags.length === 0;
  const loose = certificates.filter((bag) => !isTrusted(bag));

  const byKeyId = firstBy(loose, ({ localKeyId }) => hexOf(localKeyId));
  const byPublicKey = firstBy(loose, ({ outline }) => outline.publicKey);
  const issuers = indexIssuers(loose.map(({ outline }) => outline));

  const entries: MutableKeyEntry[] = [];
  const linked = new Set<string>();
  const ownerOfLeaf = new Map<CertificateBag, MutableKeyEntry>();
  for (const bag of keyBags) {
    const entry: MutableKeyEntry = { kind: 'key', alias: aliasOf(bag), privateKey: bag.privateKey, chain: [] };
    entries.push(entry);
    const publicKey = toHex(publicKeyOf(bag.privateKey).spki);
    const keyId = hexOf(bag.localKeyId);
    const leaf = (keyId === undefined ? undefined : byKeyId.get(keyId)) ?? byPublicKey.get(publicKey);
    if (leaf === undefined) continue;
    requireMatch(bag.privateKey, publicKey, leaf.outline, entry.alias);
    ownerOfLeaf.set(leaf, entry);
    const seen = new Set<string>();
    for (let next: CertificateOutline | undefined = leaf.outline; next !== undefined && !seen.has(next.id) && seen.size < maxChain; ) {
      seen.add(next.id);
      linked.add(next.id);
      entry.chain.push(next.der);
      next = findIssuer(next, issuers);
    }
  }

  let owner = entries[0];
  for (const bag of loose) {
    owner = ownerOfLeaf.get(bag) ?? owner;
    if (!linked.has(bag.outline.id)) owner?.chain.push(bag.outline.der);
  }
  return [
    ...entries,
    ...certificates.filter(isTrusted).map((bag) => ({ kind: 'trusted' as const, alias: aliasOf(bag), certificate: bag.outline.der })),
  ];
};
