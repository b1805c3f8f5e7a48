// Object identifiers: dotted text to DER and back, and the ones this program speaks of.

import { CodedError, quote } from '../base/coded-error.ts';
import { type DerReader, element, readContent, tag } from './der.ts';

const encodedByText = new Map<string, Uint8Array>();

/** Enough for every identifier in use, arcs of 128 bits included; more would only cost time in big numbers. It holds in both directions. */
const maxOidOctets = 64;

const encodeArcs = (text: string): Uint8Array => {
  const invalid = (): never => {
    throw new CodedError(
      'OidInvalid',
      `cannot encode object identifier ${quote(text)}: it is not dotted numbers below the roots 0, 1 and 2 that fit ${maxOidOctets} octets`,
    );
  };
  if (text.length > 256 || !/^[0-2](?:\.(?:0|[1-9]\d*))+$/.test(text)) return invalid();
  const [root = 0n, second = 0n, ...rest] = text.split('.').map(BigInt);
  if (root < 2n && second > 39n) return invalid();
  const octets: number[] = [];
  for (const arc of [root * 40n + second, ...rest]) {
    const groups: number[] = [];
    let value = arc;
    do {
      groups.unshift(Number(value & 0x7fn));
      value >>= 7n;
    } while (value > 0n);
    octets.push(...groups.map((group, i) => (i < groups.length - 1 ? group | 0x80 : group)));
  }
  return octets.length > maxOidOctets ? invalid() : element(tag.oid, Uint8Array.from(octets));
};

/** OBJECT IDENTIFIER element of dotted text; throws OidInvalid. */
export const encodeOid = (text: string): Uint8Array => {
  const known = encodedByText.get(text);
  if (known !== undefined) return known;
  const encoded = encodeArcs(text);
  if (isNamedOid(text)) encodedByText.set(text, encoded);
  return encoded;
};

const decodeArcs = (content: Uint8Array): string => {
  const invalid = (): never => {
    throw new CodedError('OidInvalid', 'cannot read object identifier: its encoding is malformed');
  };
  if (content.length === 0 || content.length > maxOidOctets || ((content[content.length - 1] ?? 0) & 0x80) !== 0) return invalid();
  const arcs: string[] = [];
  let small = 0;
  let big: bigint | undefined;
  let start = true;
  for (const octet of content) {
    if (start && octet === 0x80) return invalid();
    start = (octet & 0x80) === 0;
    if (big === undefined && small > 0x1ffffffffff) big = BigInt(small);
    if (big !== undefined) big = (big << 7n) | BigInt(octet & 0x7f);
    else small = small * 128 + (octet & 0x7f);
    if (!start) continue;
    if (arcs.length === 0) {
      const root = big !== undefined || small >= 80 ? 2 : small >= 40 ? 1 : 0;
      arcs.push(String(root), big !== undefined ? String(big - 80n) : String(small - root * 40));
    } else arcs.push(String(big ?? small));
    small = 0;
    big = undefined;
  }
  return arcs.join('.');
};

const textByContent = new Map<string, string>();

/** Dotted text of the content octets of an OBJECT IDENTIFIER; throws OidInvalid. */
export const decodeOid = (content: Uint8Array): string => {
  if (content.length > 16) return decodeArcs(content);
  let key = '';
  for (const octet of content) key += String.fromCharCode(octet);
  const known = textByContent.get(key);
  if (known !== undefined) return known;
  const text = decodeArcs(content);
  // Only the named ones are kept, so that what comes from outside cannot fill memory.
  if (isNamedOid(text)) textByContent.set(key, text);
  return text;
};

/** Reads an OBJECT IDENTIFIER. */
export const readOid = (reader: DerReader, part = reader.what): string => decodeOid(readContent(reader, tag.oid, part));

/** The identifiers that have a name here. */
export const oid = {
  // keys and signatures
  rsaEncryption: '1.2.840.113549.1.1.1',
  rsaPss: '1.2.840.113549.1.1.10',
  sha1WithRsa: '1.2.840.113549.1.1.5',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  sha384WithRsa: '1.2.840.113549.1.1.12',
  sha512WithRsa: '1.2.840.113549.1.1.13',
  mgf1: '1.2.840.113549.1.1.8',
  ecPublicKey: '1.2.840.10045.2.1',
  p256: '1.2.840.10045.3.1.7',
  p384: '1.3.132.0.34',
  p521: '1.3.132.0.35',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  ecdsaWithSha512: '1.2.840.10045.4.3.4',
  ed25519: '1.3.101.112',
  ed448: '1.3.101.113',
  mlDsa44: '2.16.840.1.101.3.4.3.17',
  mlDsa65: '2.16.840.1.101.3.4.3.18',
  mlDsa87: '2.16.840.1.101.3.4.3.19',
  sha1: '1.3.14.3.2.26',
  sha224: '2.16.840.1.101.3.4.2.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
  // attributes of names
  commonName: '2.5.4.3',
  surname: '2.5.4.4',
  serialNumber: '2.5.4.5',
  country: '2.5.4.6',
  locality: '2.5.4.7',
  stateOrProvince: '2.5.4.8',
  street: '2.5.4.9',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  title: '2.5.4.12',
  postalCode: '2.5.4.17',
  givenName: '2.5.4.42',
  initials: '2.5.4.43',
  generationQualifier: '2.5.4.44',
  uniqueIdentifier: '2.5.4.45',
  dnQualifier: '2.5.4.46',
  pseudonym: '2.5.4.65',
  userId: '0.9.2342.19200300.100.1.1',
  domainComponent: '0.9.2342.19200300.100.1.25',
  emailAddress: '1.2.840.113549.1.9.1',
  // requests
  extensionRequest: '1.2.840.113549.1.9.14',
  challengePassword: '1.2.840.113549.1.9.7',
  // extensions
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  crlReason: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  anyPolicy: '2.5.29.32.0',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  freshestCrl: '2.5.29.46',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  subjectInfoAccess: '1.3.6.1.5.5.7.1.11',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
  ocsp: '1.3.6.1.5.5.7.48.1',
  caIssuers: '1.3.6.1.5.5.7.48.2',
  // extended key usages
  anyExtendedKeyUsage: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  ipsecEndSystem: '1.3.6.1.5.5.7.3.5',
  ipsecTunnel: '1.3.6.1.5.5.7.3.6',
  ipsecUser: '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  microsoftSgc: '1.3.6.1.4.1.311.10.3.3',
  netscapeSgc: '2.16.840.1.113730.4.1',
  // other names
  userPrincipalName: '1.3.6.1.4.1.311.20.2.3',
  smtpUtf8Mailbox: '1.3.6.1.5.5.7.8.9',
} as const;

const nameByOid: ReadonlyMap<string, string> = new Map(Object.entries(oid).map(([name, text]) => [text, name]));

const isNamedOid = (text: string): boolean => nameByOid.has(text);

/** The name an identifier has in this file; undefined where it has none. */
export const oidName = (text: string): string | undefined => nameByOid.get(text);
