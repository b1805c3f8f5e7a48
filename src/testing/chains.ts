// Certificates of any shape for tests of path validation, well-formed or not: what a CA of ours would never sign. Each is told by what it
// differs in from a sound CA or leaf. Keys are P-256, by number, made once in a process.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { contextConstructedTag, contextTag, element, octetBitString, sequence, smallInteger, unsignedInteger } from '../pki/der.ts';
import {
  type Extension,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeExtendedKeyUsage,
  encodeExtensions,
  encodeGeneralNames,
  encodeKeyUsage,
  encodeNameConstraints,
  encodeSubjectKeyIdentifier,
  type GeneralSubtree,
} from '../pki/extension.ts';
import type { GeneralName } from '../pki/general-name.ts';
import { parseNameText } from '../pki/name-text.ts';
import { encodeOid, oid } from '../pki/oid.ts';
import { keyIdentifier, publicKeyOf } from '../pki/public-key.ts';
import { signatureAlgorithmFor } from '../pki/signature-algorithm.ts';
import { encodeTime } from '../pki/time.ts';
import type { KeyUsageBit } from '../pki/usage.ts';
import { parseCertificate, type X509Certificate } from '../pki/x509-certificate.ts';
import { testDay } from './certificates.ts';

const keys = new Map<number, KeyObject>();

/** The private key of a number. */
export const chainKey = (number: number): KeyObject => {
  const known = keys.get(number) ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  keys.set(number, known);
  return known;
};

/** How a certificate differs from a sound one. `null` leaves an extension out. */
export type ChainPart = {
  /** RFC 4514. */
  readonly subject: string;
  /** Default: a key of its own. */
  readonly key?: number;
  /** Absent: signed by itself. */
  readonly issuer?: ChainMember;
  /** Another name than the issuer's. */
  readonly issuerName?: string;
  /** Another key than the issuer's. */
  readonly signedWith?: number;
  readonly version?: 1 | 2 | 3;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly ca?: boolean | null;
  readonly pathLength?: number;
  readonly usages?: readonly KeyUsageBit[] | null;
  readonly purposes?: readonly string[];
  readonly names?: readonly GeneralName[];
  readonly permitted?: readonly GeneralSubtree['base'][];
  readonly excluded?: readonly GeneralSubtree['base'][];
  readonly extensions?: readonly Extension[];
  /** Leave out both key identifiers. */
  readonly withoutKeyIdentifiers?: boolean;
  /** Damage the signature. */
  readonly forged?: boolean;
  /** Sign with SHA-1. */
  readonly weak?: boolean;
  /** Carry this key instead of one's own. */
  readonly publicKey?: KeyObject;
};

export type ChainMember = { readonly certificate: X509Certificate; readonly key: number };

let serial = 0;
let nextKey = 1000;

const extensionsOf = (part: ChainPart, isCa: boolean, own: Uint8Array, issuing: Uint8Array): readonly Extension[] => {
  const list: Extension[] = [];
  const add = (type: string, critical: boolean, value: Uint8Array): void => void list.push({ oid: type, critical, value });
  if (part.ca !== null) add(oid.basicConstraints, true, encodeBasicConstraints({ isCa, pathLength: part.pathLength }));
  if (part.usages !== null)
    add(oid.keyUsage, true, encodeKeyUsage(part.usages ?? (isCa ? ['cert sign', 'crl sign'] : ['digital signature'])));
  if (part.purposes !== undefined) add(oid.extendedKeyUsage, false, encodeExtendedKeyUsage(part.purposes));
  if (part.withoutKeyIdentifiers !== true) {
    add(oid.subjectKeyIdentifier, false, encodeSubjectKeyIdentifier(own));
    add(oid.authorityKeyIdentifier, false, encodeAuthorityKeyIdentifier(issuing));
  }
  if (part.names !== undefined) add(oid.subjectAltName, part.subject === '', encodeGeneralNames(part.names));
  const [permitted, excluded] = [part.permitted ?? [], part.excluded ?? []].map((bases) => bases.map((base) => ({ base })));
  if (permitted !== undefined && excluded !== undefined && permitted.length + excluded.length > 0)
    add(oid.nameConstraints, true, encodeNameConstraints({ permitted, excluded }));
  return [...list, ...(part.extensions ?? [])];
};

const identifierOf = (key: number): Uint8Array => keyIdentifier(publicKeyOf(chainKey(key)));

const certificateOf = (part: ChainPart, isCa: boolean): ChainMember => {
  const key = part.key ?? nextKey++;
  const signingKey = part.signedWith ?? part.issuer?.key ?? key;
  const algorithm = part.weak === true ? sequence(encodeOid('1.2.840.10045.4.1')) : signatureAlgorithmFor('ecdsa-p256').raw;
  const issuer = part.issuerName === undefined ? part.issuer?.certificate.subject : parseNameText(part.issuerName);
  const { version = 3 } = part;
  const subject = parseNameText(part.subject);
  const extensions = version === 3 ? extensionsOf(part, isCa, identifierOf(key), identifierOf(part.issuer?.key ?? key)) : [];
  const tbs = sequence(
    ...(version === 1 ? [] : [element(contextConstructedTag(0), smallInteger(version - 1))]),
    unsignedInteger(Uint8Array.of(0x40, ++serial >> 16, serial >> 8, serial)),
    algorithm,
    (issuer ?? subject).raw,
    sequence(encodeTime(part.notBefore ?? testDay(-1)), encodeTime(part.notAfter ?? testDay(90))),
    subject.raw,
    part.publicKey?.export({ format: 'der', type: 'spki' }) ?? publicKeyOf(chainKey(key)).spki,
    ...(extensions.length === 0 ? [] : [element(contextConstructedTag(3), encodeExtensions(extensions))]),
  );
  const signature = sign(
    part.weak === true ? 'sha1' : 'sha256',
    part.forged === true ? Buffer.concat([tbs, tbs]) : tbs,
    chainKey(signingKey),
  );
  return { certificate: parseCertificate(sequence(tbs, algorithm, octetBitString(signature))), key };
};

/** A CA that differs from a sound one as told: a root where it has no issuer. */
export const chainCa = (part: ChainPart): ChainMember => certificateOf(part, part.ca !== false);

/** A leaf that differs from a sound one as told: for serverAuth, host `leaf.example`. */
export const chainLeaf = (issuer: ChainMember, part: Partial<ChainPart> = {}): X509Certificate =>
  certificateOf(
    { subject: 'CN=leaf', issuer, purposes: [oid.serverAuth], names: [{ type: 'dns', value: 'leaf.example' }], ...part },
    part.ca === true,
  ).certificate;

const extension = (type: string, critical: boolean, value: Uint8Array): Extension => ({ oid: type, critical, value });

/** certificatePolicies with these policies, none qualified. */
export const policiesExtension = (policies: readonly string[], critical = false): Extension =>
  extension(oid.certificatePolicies, critical, sequence(...policies.map((policy) => sequence(encodeOid(policy)))));

/** policyMappings of pairs, the issuer's policy first. */
export const mappingsExtension = (...pairs: readonly (readonly [issuer: string, subject: string])[]): Extension =>
  extension(oid.policyMappings, true, sequence(...pairs.map((pair) => sequence(...pair.map(encodeOid)))));

/** policyConstraints with the numbers that are given. */
export const policyConstraintsExtension = (requireExplicitPolicy?: number, inhibitPolicyMapping?: number): Extension =>
  extension(
    oid.policyConstraints,
    true,
    sequence(
      ...[requireExplicitPolicy, inhibitPolicyMapping].flatMap((skip, field) =>
        skip === undefined ? [] : [element(contextTag(field), Uint8Array.of(skip))],
      ),
    ),
  );

/** inhibitAnyPolicy with a number of certificates to skip. */
export const inhibitAnyPolicyExtension = (skip: number): Extension => extension(oid.inhibitAnyPolicy, true, smallInteger(skip));
