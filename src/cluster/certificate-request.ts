// The request that an external CA is handed for a planned certificate: subject, names and usages as planned, signed by the key that waits
// for it (PKCS#10, RFC 2986). Asking for usages lets a CA that copies what is asked for give no more than that.

import type { KeyObject } from 'node:crypto';
import { readFileIfPresent } from '../base/atomic-file.ts';
import { equalBytes } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { type Csr, csrPem, makeCsr, readCsr } from '../pki/csr.ts';
import { type Extension, encodeExtendedKeyUsage, encodeGeneralNames, encodeKeyUsage, findExtension } from '../pki/extension.ts';
import { oid } from '../pki/oid.ts';
import { type PublicKey, publicKeyOf } from '../pki/public-key.ts';
import { keySigner } from '../pki/signature-algorithm.ts';
import { splitUsages } from '../pki/usage.ts';
import type { PlannedCertificate } from './manifest.ts';
import { plannedSubject } from './planned-template.ts';

const maxRequestBytes = 256 * 1024;

const plannedExtensions = ({ usages }: PlannedCertificate): readonly Extension[] => {
  const { keyUsage, extendedKeyUsage } = splitUsages(usages);
  return [
    { oid: oid.keyUsage, critical: true, value: encodeKeyUsage(keyUsage) },
    { oid: oid.extendedKeyUsage, critical: false, value: encodeExtendedKeyUsage(extendedKeyUsage) },
  ];
};

/** The request for a planned certificate, as PEM. */
export const plannedRequestPem = async (planned: PlannedCertificate, key: KeyObject): Promise<string> => {
  const csr = await makeCsr(
    { subject: plannedSubject(planned), subjectAltNames: planned.sans, extensions: plannedExtensions(planned) },
    keySigner(key, publicKeyOf(key)),
  );
  return csrPem(csr);
};

const asksFor = (csr: Csr, planned: PlannedCertificate, publicKey: PublicKey): boolean => {
  const names = findExtension(csr.extensions, oid.subjectAltName)?.value ?? new Uint8Array();
  const wantedNames = planned.sans.length === 0 ? new Uint8Array() : encodeGeneralNames(planned.sans);
  return (
    equalBytes(csr.publicKey.spki, publicKey.spki) &&
    equalBytes(csr.subject.raw, plannedSubject(planned).raw) &&
    equalBytes(names, wantedNames) &&
    plannedExtensions(planned).every(({ oid: type, value }) =>
      equalBytes(findExtension(csr.extensions, type)?.value ?? new Uint8Array(), value),
    )
  );
};

/** What stands in the place of a request: none, the one that is wanted for a key, or another. */
export type RequestState = 'absent' | 'as planned' | 'other';

/** Looks at the place of a request. Throws FileUnreadable. */
export const observeRequest = (path: string, planned: PlannedCertificate, publicKey: PublicKey | undefined): RequestState => {
  const bytes = readFileIfPresent(path, maxRequestBytes);
  if (bytes === undefined) return 'absent';
  if (publicKey === undefined) return 'other';
  try {
    return asksFor(readCsr(bytes, `request ${quote(path)}`), planned, publicKey) ? 'as planned' : 'other';
  } catch (error) {
    // Damaged or for nothing we know: it is written anew.
    if (error instanceof CodedError) return 'other';
    throw error;
  }
};
