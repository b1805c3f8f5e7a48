// What a keystore holds, whatever its format.

import type { KeyObject } from 'node:crypto';

/**
 * One entry of a PKCS#12 or JKS keystore: a private key with its certificates, leaf first, or a certificate that is believed in.
 * Certificates are DER. `alias` is the name people see; PKCS#12 calls it friendlyName.
 */
export type StoredEntry =
  | { readonly kind: 'key'; readonly alias: string; readonly privateKey: KeyObject; readonly chain: readonly Uint8Array[] }
  | { readonly kind: 'trusted'; readonly alias: string; readonly certificate: Uint8Array };
