// AlgorithmIdentifier (RFC 5280 section 4.1.1.2) of the encryption, key-derivation and MAC schemes of PKCS#5 and PKCS#12.
// Those of signatures are signature-algorithm.ts.

import { atEnd, type DerElement, type DerReader, enter, expectEnd, nullElement, readAny, sequence, tag } from './der.ts';
import { encodeOid, readOid } from './oid.ts';

/** A scheme by its dotted identifier, with its parameters where it has any. */
export type AlgorithmIdentifier = { readonly oid: string; readonly parameters: DerElement | undefined };

/** Reads an AlgorithmIdentifier; throws DerInvalid, OidInvalid. */
export const readAlgorithmIdentifier = (reader: DerReader, part: string): AlgorithmIdentifier => {
  const inner = enter(reader, tag.sequence, part);
  const algorithmOid = readOid(inner, part);
  const parameters = atEnd(inner) ? undefined : readAny(inner);
  expectEnd(inner);
  return { oid: algorithmOid, parameters };
};

/** AlgorithmIdentifier with parameters; NULL unless others are given. */
export const encodeAlgorithmIdentifier = (algorithmOid: string, parameters: Uint8Array = nullElement): Uint8Array =>
  sequence(encodeOid(algorithmOid), parameters);
