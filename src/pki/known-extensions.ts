// The extensions that decide what a certificate may do, decoded once when it is read. Shared by certificates and requests.

import type { AuthorityKeyIdentifier, BasicConstraints, Extension, NameConstraints } from './extension.ts';
import {
  decodeAuthorityKeyIdentifier,
  decodeBasicConstraints,
  decodeExtendedKeyUsage,
  decodeGeneralNames,
  decodeKeyUsage,
  decodeNameConstraints,
  decodeSubjectKeyIdentifier,
} from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { oid } from './oid.ts';
import type { KeyUsageBit } from './usage.ts';

/** Undefined where the extension is absent, which never means the same as an empty one. */
export type KnownExtensions = {
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: readonly KeyUsageBit[] | undefined;
  /** Purposes as dotted identifiers. Absent counts as every purpose. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly subjectAltNames: readonly GeneralName[] | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
};

/** Decodes what is known of a list. Throws ExtensionInvalid, SanInvalid, DerInvalid. */
export const decodeKnownExtensions = (extensions: readonly Extension[]): KnownExtensions => {
  const known: { -readonly [K in keyof KnownExtensions]: KnownExtensions[K] } = {
    basicConstraints: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    subjectAltNames: undefined,
    nameConstraints: undefined,
    subjectKeyIdentifier: undefined,
    authorityKeyIdentifier: undefined,
  };
  for (const { oid: type, value } of extensions) {
    if (type === oid.basicConstraints) known.basicConstraints = decodeBasicConstraints(value);
    else if (type === oid.keyUsage) known.keyUsage = decodeKeyUsage(value);
    else if (type === oid.extendedKeyUsage) known.extendedKeyUsage = decodeExtendedKeyUsage(value);
    else if (type === oid.subjectAltName) known.subjectAltNames = decodeGeneralNames(value);
    else if (type === oid.nameConstraints) known.nameConstraints = decodeNameConstraints(value);
    else if (type === oid.subjectKeyIdentifier) known.subjectKeyIdentifier = decodeSubjectKeyIdentifier(value);
    else if (type === oid.authorityKeyIdentifier) known.authorityKeyIdentifier = decodeAuthorityKeyIdentifier(value);
  }
  return known;
};
