// What a certificate shall say, decided by us: a template, and how it becomes the TBSCertificate that is linted and signed.

import { contextConstructedTag, element, sequence, smallInteger, unsignedInteger } from './der.ts';
import {
  type BasicConstraints,
  type Extension,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeDistributionPoints,
  encodeExtendedKeyUsage,
  encodeExtensions,
  encodeGeneralNames,
  encodeInfoAccess,
  encodeKeyUsage,
  encodeNameConstraints,
  encodeSubjectKeyIdentifier,
  type NameConstraints,
} from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { isEmptyName, type Name } from './name.ts';
import { oid } from './oid.ts';
import { keyIdentifier, type PublicKey } from './public-key.ts';
import type { SignatureAlgorithm } from './signature-algorithm.ts';
import { encodeTime } from './time.ts';
import { splitUsages, type Usage } from './usage.ts';

/** The decided content of a certificate. Times are to the second; what was asked for and cut is the caller's to say. */
export type CertificateTemplate = {
  readonly subject: Name;
  readonly publicKey: PublicKey;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly usages: readonly Usage[];
  readonly subjectAltNames?: readonly GeneralName[];
  /** Purposes without a name among the usages, as dotted identifiers. */
  readonly extendedKeyUsageOids?: readonly string[];
  readonly basicConstraints?: BasicConstraints;
  readonly nameConstraints?: NameConstraints;
  readonly crlDistributionPoints?: readonly string[];
  readonly ocspServers?: readonly string[];
  readonly issuingCertificateUrls?: readonly string[];
  /** Carried through untouched, after the others. */
  readonly extraExtensions?: readonly Extension[];
};

/** What the issuer adds to a template. */
export type IssuerPart = {
  readonly name: Name;
  readonly algorithm: SignatureAlgorithm;
  /** Undefined for a self-signed certificate, whose authority is itself (RFC 5280 section 4.2.1.1). */
  readonly keyIdentifier: Uint8Array | undefined;
};

const extension = (type: string, critical: boolean, value: Uint8Array): Extension => ({ oid: type, critical, value });

/** The extensions of a template in the order they are written. Basic constraints always stand: absent ones are read differently by old code. */
const templateExtensions = (template: CertificateTemplate, authorityKeyIdentifier: Uint8Array | undefined): readonly Extension[] => {
  const { subject, usages, subjectAltNames = [], basicConstraints = { isCa: false, pathLength: undefined } } = template;
  const { crlDistributionPoints = [], ocspServers = [], issuingCertificateUrls = [], nameConstraints } = template;
  const split = splitUsages(usages);
  const purposes = [...new Set([...split.extendedKeyUsage, ...(template.extendedKeyUsageOids ?? [])])];
  const list: Extension[] = [];
  if (split.keyUsage.length > 0) list.push(extension(oid.keyUsage, true, encodeKeyUsage(split.keyUsage)));
  if (purposes.length > 0) list.push(extension(oid.extendedKeyUsage, false, encodeExtendedKeyUsage(purposes)));
  list.push(extension(oid.basicConstraints, true, encodeBasicConstraints(basicConstraints)));
  list.push(extension(oid.subjectKeyIdentifier, false, encodeSubjectKeyIdentifier(keyIdentifier(template.publicKey))));
  if (authorityKeyIdentifier !== undefined)
    list.push(extension(oid.authorityKeyIdentifier, false, encodeAuthorityKeyIdentifier(authorityKeyIdentifier)));
  if (subjectAltNames.length > 0) list.push(extension(oid.subjectAltName, isEmptyName(subject), encodeGeneralNames(subjectAltNames)));
  if (nameConstraints !== undefined) list.push(extension(oid.nameConstraints, true, encodeNameConstraints(nameConstraints)));
  if (crlDistributionPoints.length > 0)
    list.push(extension(oid.crlDistributionPoints, false, encodeDistributionPoints(crlDistributionPoints)));
  if (ocspServers.length + issuingCertificateUrls.length > 0)
    list.push(extension(oid.authorityInfoAccess, false, encodeInfoAccess(ocspServers, issuingCertificateUrls)));
  return [...list, ...(template.extraExtensions ?? [])];
};

const version3 = element(contextConstructedTag(0), smallInteger(2));

/** The TBSCertificate of a template. Throws for text that its field cannot hold (NameInvalid, SanInvalid, TimeInvalid). */
export const encodeTbsCertificate = (template: CertificateTemplate, issuer: IssuerPart, serialNumber: Uint8Array): Uint8Array =>
  sequence(
    version3,
    unsignedInteger(serialNumber),
    issuer.algorithm.raw,
    issuer.name.raw,
    sequence(encodeTime(template.notBefore), encodeTime(template.notAfter)),
    template.subject.raw,
    template.publicKey.spki,
    element(contextConstructedTag(3), encodeExtensions(templateExtensions(template, issuer.keyIdentifier))),
  );
