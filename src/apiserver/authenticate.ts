// Who asks: a client certificate of the cluster's CA, or nobody (https://kubernetes.io/docs/reference/access-authn-authz/authentication/).
// The certificate is verified by our own rules and again with each request: a connection may outlive what it was opened with.

import type { UserInfo } from '../api/kind.ts';
import { unauthorized } from '../api/status.ts';
import { isCodedError } from '../base/coded-error.ts';
import type { Name } from '../pki/name.ts';
import { oid } from '../pki/oid.ts';
import { verifyChain } from '../pki/verify-chain.ts';
import { parseCertificate, type X509Certificate } from '../pki/x509-certificate.ts';

export const anonymous: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };

const values = ({ rdns }: Name, type: string): readonly string[] =>
  rdns.flat().flatMap((attribute) => (attribute.type === type && attribute.value !== undefined ? [attribute.value] : []));

/** A certificate of a peer that was found good, and until when. */
type Verified = { readonly user: UserInfo; readonly notBefore: Date; readonly notAfter: Date };

/** Certificates as a peer presented them, DER, its own first. */
export type PeerCertificates = readonly Uint8Array[];

const verify = (chain: PeerCertificates, anchors: readonly X509Certificate[], at: Date): Verified => {
  const [leaf, ...intermediates] = chain.map(parseCertificate);
  if (leaf === undefined) throw unauthorized();
  const verified = verifyChain({ leaf, intermediates, anchors, at, purposes: [oid.clientAuth] });
  const username = values(leaf.subject, oid.commonName).at(-1) ?? '';
  if (username === '') throw unauthorized();
  const path = [...verified.chain, verified.anchor];
  return {
    user: { username, groups: [...values(leaf.subject, oid.organization), 'system:authenticated'] },
    notBefore: new Date(Math.max(...path.map(({ notBefore }) => notBefore.getTime()))),
    notAfter: new Date(Math.min(...path.map(({ notAfter }) => notAfter.getTime()))),
  };
};

/** Remembers what was verified on a connection, which is named by any object that lives as long. */
export const certificateAuthenticator = (
  anchors: readonly X509Certificate[],
): ((connection: object, chain: PeerCertificates, at: Date) => UserInfo) => {
  const verifiedOn = new WeakMap<object, Verified>();
  return (connection, chain, at) => {
    const known = verifiedOn.get(connection);
    if (known !== undefined && known.notBefore <= at && at <= known.notAfter) return known.user;
    try {
      const verified = verify(chain, anchors, at);
      verifiedOn.set(connection, verified);
      return verified.user;
    } catch (error) {
      if (isCodedError(error)) throw unauthorized();
      throw error;
    }
  };
};
