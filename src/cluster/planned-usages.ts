// Which usages and which key algorithm a planned certificate gets: as few usages as its component needs, for a certificate
// that may both serve and log in lets whoever steals a client's key pose as a server.

import { isRsa, type KeyAlgorithm } from '../pki/key-algorithm.ts';
import type { PlannedUsage } from './manifest.ts';

/** Usages of a leaf: digital signature, key encipherment where the key can encipher (RSA alone can), and those named. */
export const leafUsages = (
  algorithm: KeyAlgorithm,
  ...extended: readonly Exclude<PlannedUsage, 'digital signature' | 'key encipherment'>[]
): readonly PlannedUsage[] => ['digital signature', ...(isRsa(algorithm) ? (['key encipherment'] as const) : []), ...extended];

/** The algorithm of the key that signs ServiceAccount tokens: Kubernetes signs them with RSA or ECDSA only, so others become P-256. */
export const tokenKeyAlgorithm = (algorithm: KeyAlgorithm): KeyAlgorithm =>
  isRsa(algorithm) || algorithm.startsWith('ecdsa-') ? algorithm : 'ecdsa-p256';
