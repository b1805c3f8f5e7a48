// How a key is written for the components of a cluster: PKCS#1 or SEC1, as kubeadm and cfssl write theirs. kube-apiserver takes an ECDSA
// private key for --service-account-key-file only so, and not as PKCS#8.

import type { KeyObject } from 'node:crypto';
import { exportPrivateKey } from '../pki/private-key.ts';

/** A component's private key as PEM. */
export const componentKeyPem = (key: KeyObject): string => exportPrivateKey(key, { encoding: 'traditional' });
