// Keys and certificates to put into keystores: as small as a certificate can be, signed for real. Not for tests of certificates
// themselves: nothing here is checked, and nothing but names, key and key identifiers can be chosen.

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { toUtf8 } from '../base/bytes.ts';
import { contextConstructedTag, contextTag, element, octetBitString, octetString, sequence, setOf, smallInteger, tag } from '../pki/der.ts';
import { encodeOid, oid } from '../pki/oid.ts';
import type { KeystoreEntry } from '../pki/pkcs12.ts';

/** A key with a certificate that it may sign others with. */
export type TestAuthority = { readonly name: string; readonly key: KeyObject; readonly certificate: Uint8Array };

export type TestCertificateOptions = {
  readonly name: string;
  /** Itself where it is left out. */
  readonly issuer?: TestAuthority;
  /** A new P-256 key where it is left out; an authority's key must be one. */
  readonly key?: KeyObject;
  /** Key identifiers are written unless this says no. */
  readonly keyIds?: boolean;
};

/** A new P-256 key. */
export const testKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

const spkiOf = (key: KeyObject): Uint8Array => {
  const jwk = key.export({ format: 'jwk' });
  const point = Buffer.concat([Uint8Array.of(4), Buffer.from(jwk.x ?? '', 'base64url'), Buffer.from(jwk.y ?? '', 'base64url')]);
  return sequence(sequence(encodeOid(oid.ecPublicKey), encodeOid(oid.p256)), octetBitString(point));
};

const keyIdOf = (key: KeyObject): Uint8Array => createHash('sha1').update(spkiOf(key)).digest();

const distinguishedName = (name: string): Uint8Array =>
  sequence(setOf([sequence(encodeOid(oid.commonName), element(tag.utf8String, toUtf8(name)))]));

let lastSerial = 0;

/** A certificate of a P-256 key over this name, by the issuer or by itself. */
export const testCertificate = ({ name, issuer, key = testKey(), keyIds = true }: TestCertificateOptions): TestAuthority => {
  const signer = issuer ?? { name, key };
  const algorithm = sequence(encodeOid(oid.ecdsaWithSha256));
  const extension = (type: string, value: Uint8Array): Uint8Array => sequence(encodeOid(type), octetString(value));
  const extensions = sequence(
    extension(oid.subjectKeyIdentifier, octetString(keyIdOf(key))),
    extension(oid.authorityKeyIdentifier, sequence(element(contextTag(0), keyIdOf(signer.key)))),
  );
  const tbs = sequence(
    element(contextConstructedTag(0), smallInteger(2)),
    smallInteger(++lastSerial),
    algorithm,
    distinguishedName(signer.name),
    sequence(element(tag.utcTime, toUtf8('240101000000Z')), element(tag.utcTime, toUtf8('490101000000Z'))),
    distinguishedName(name),
    spkiOf(key),
    ...(keyIds ? [element(contextConstructedTag(3), extensions)] : []),
  );
  return { name, key, certificate: sequence(tbs, algorithm, octetBitString(sign('sha256', tbs, signer.key))) };
};

/** A leaf, an intermediate and a root, as the entry of a key. */
export const testKeyEntry = (alias: string): KeystoreEntry & { readonly kind: 'key' } => {
  const root = testCertificate({ name: `${alias} root` });
  const intermediate = testCertificate({ name: `${alias} intermediate`, issuer: root });
  const leaf = testCertificate({ name: `${alias} leaf`, issuer: intermediate });
  return { kind: 'key', alias, privateKey: leaf.key, chain: [leaf.certificate, intermediate.certificate, root.certificate] };
};

/** A root, as a trusted entry. */
export const testTrustedEntry = (alias: string): KeystoreEntry & { readonly kind: 'trusted' } => ({
  kind: 'trusted',
  alias,
  certificate: testCertificate({ name: `${alias} root` }).certificate,
});

/** An entry as plain values, so that two can be compared with deepEqual. */
export const describeEntry = (entry: KeystoreEntry): unknown =>
  entry.kind === 'trusted'
    ? { alias: entry.alias, trusted: Buffer.from(entry.certificate).toString('base64') }
    : {
        alias: entry.alias,
        key: entry.privateKey.export({ format: 'jwk' }),
        chain: entry.chain.map((der) => Buffer.from(der).toString('base64')),
      };
