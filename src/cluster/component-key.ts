// How a key is written for the components of a cluster: PKCS#1 or SEC1, as kubeadm and cfssl write theirs. kube-apiserver takes an ECDSA
// private key for --service-account-key-file only so, and not as PKCS#8.

import type { KeyObject } from 'node:crypto';
import {
  contextConstructedTag,
  derReader,
  enterWhole,
  octetBitString,
  readElement,
  readOctetBitString,
  readOptional,
  sequence,
  tag,
} from '../pki/der.ts';
import { encodeOid, oid } from '../pki/oid.ts';
import { encodePem } from '../pki/pem.ts';
import { exportPrivateKey } from '../pki/private-key.ts';
import { type PublicKey, parsePublicKey, publicKeyOf } from '../pki/public-key.ts';

/** A component's private key as PEM. */
export const componentKeyPem = (key: KeyObject): string => exportPrivateKey(key, { encoding: 'traditional' });

/** The public half that an ECPrivateKey (RFC 5915) holds; undefined where it leaves curve or public half out. */
const publicHalf = (der: Uint8Array): PublicKey | undefined => {
  const reader = enterWhole(der, tag.sequence, 'EC private key');
  readElement(reader, tag.integer);
  readElement(reader, tag.octetString);
  const curve = readOptional(reader, contextConstructedTag(0));
  const bits = readOptional(reader, contextConstructedTag(1));
  if (curve === undefined || bits === undefined) return undefined;
  const point = readOctetBitString(derReader(bits.content, 'EC public key'), 'EC public key');
  return parsePublicKey(sequence(sequence(encodeOid(oid.ecPublicKey), curve.content), octetBitString(point)));
};

/** A component's key in the forms it is needed in: to sign with, to be written, to be certified. */
export type ComponentKey = { readonly key: KeyObject; readonly pem: string; readonly publicKey: PublicKey };

/** A component's key as PEM with its public half. For ECDSA both come of one export, because that of a public key alone costs thrice as much. */
export const componentKey = (key: KeyObject): ComponentKey => {
  if (key.asymmetricKeyType === 'ec') {
    const der = key.export({ format: 'der', type: 'sec1' });
    const publicKey = publicHalf(der);
    if (publicKey !== undefined) return { key, pem: encodePem('EC PRIVATE KEY', der), publicKey };
  }
  return { key, pem: componentKeyPem(key), publicKey: publicKeyOf(key) };
};
