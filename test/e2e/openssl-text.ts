// What OpenSSL prints of certificates, taken apart, and what it should print of those we have read: the two are compared line by line.
// Its own words for usages and types stand here, so that the comparison does not go through our own tables.

import { parseIpAddress } from '../../src/base/ip-address.ts';
import { derReader, readAny, tag } from '../../src/pki/der.ts';
import { decodeDistributionPoints, decodeInfoAccess, findExtension, type GeneralSubtree } from '../../src/pki/extension.ts';
import type { GeneralName } from '../../src/pki/general-name.ts';
import { attributeValues, decodeString, type Name } from '../../src/pki/name.ts';
import { parseNameText } from '../../src/pki/name-text.ts';
import { oid } from '../../src/pki/oid.ts';
import type { KeyUsageBit } from '../../src/pki/usage.ts';
import { formatSerialNumber, type X509Certificate } from '../../src/pki/x509-certificate.ts';

/** One certificate as `-text` prints it; lines of extensions by the title they stand under, without their indentation. */
export type Printed = {
  readonly serialNumber: string;
  readonly signatureAlgorithm: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly extensions: ReadonlyMap<string, { readonly critical: boolean; readonly lines: readonly string[] }>;
};

const printedSerial = (text: string): string => {
  const lines = /Serial Number:\n\s+([0-9a-f:]+)\n/.exec(text)?.[1] ?? /Serial Number:\n\s+(\(Negative\)[0-9a-f:]+)\n/.exec(text)?.[1];
  if (lines !== undefined) return lines.replace('(Negative)', '-').replaceAll(':', '').toUpperCase();
  const [, sign = '', digits = ''] = /Serial Number: -?\d+ \((-?)0x([0-9a-f]+)\)/.exec(text) ?? [];
  return `${sign}${digits.length % 2 === 0 ? digits : `0${digits}`}`.toUpperCase();
};

const readOne = (text: string): Printed => {
  const field = (name: string): string => new RegExp(`^ *${name} ?: (.*)$`, 'm').exec(text)?.[1] ?? '';
  const extensions = new Map<string, { critical: boolean; lines: string[] }>();
  const block = /^ {8}X509v3 extensions:\n((?: {12}[\s\S]*?\n)?)^ {4}Signature Algorithm/m.exec(text)?.[1] ?? '';
  let current: { critical: boolean; lines: string[] } | undefined;
  for (const line of block.split('\n')) {
    const title = /^ {12}(\S.*?): ?(critical)?$/.exec(line);
    if (title !== null) {
      current = { critical: title[2] !== undefined, lines: [] };
      extensions.set(title[1] ?? '', current);
    } else if (line.trim() !== '') {
      // OpenSSL 3.5 writes one colon after the type of an otherName where 3.0 writes two.
      current?.lines.push(line.trim().replaceAll(/othername: ([^:,]+)::?/g, 'othername: $1::'));
    }
  }
  return {
    serialNumber: printedSerial(text),
    signatureAlgorithm: field('Signature Algorithm').trim(),
    notBefore: field('Not Before'),
    notAfter: field('Not After'),
    extensions,
  };
};

/** Every certificate in what OpenSSL printed, in order. */
export const readPrinted = (text: string): readonly Printed[] =>
  text
    .split(/^Certificate:$/m)
    .slice(1)
    .map(readOne);

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const time = (at: Date): string => {
  const [, clock = ''] = at.toISOString().split('T');
  return `${months[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)} ${clock.slice(0, 8)} ${at.getUTCFullYear()} GMT`;
};

const bits: Readonly<Record<KeyUsageBit, string>> = {
  'digital signature': 'Digital Signature',
  'content commitment': 'Non Repudiation',
  'key encipherment': 'Key Encipherment',
  'data encipherment': 'Data Encipherment',
  'key agreement': 'Key Agreement',
  'cert sign': 'Certificate Sign',
  'crl sign': 'CRL Sign',
  'encipher only': 'Encipher Only',
  'decipher only': 'Decipher Only',
};

const purposes: Readonly<Record<string, string>> = {
  '2.5.29.37.0': 'Any Extended Key Usage',
  '1.3.6.1.5.5.7.3.1': 'TLS Web Server Authentication',
  '1.3.6.1.5.5.7.3.2': 'TLS Web Client Authentication',
  '1.3.6.1.5.5.7.3.3': 'Code Signing',
  '1.3.6.1.5.5.7.3.4': 'E-mail Protection',
  '1.3.6.1.5.5.7.3.5': 'IPSec End System',
  '1.3.6.1.5.5.7.3.6': 'IPSec Tunnel',
  '1.3.6.1.5.5.7.3.7': 'IPSec User',
  '1.3.6.1.5.5.7.3.8': 'Time Stamping',
  '1.3.6.1.5.5.7.3.9': 'OCSP Signing',
  '1.3.6.1.5.5.7.3.17': 'ipsec Internet Key Exchange',
  '1.3.6.1.4.1.311.10.3.3': 'Microsoft Server Gated Crypto',
  '2.16.840.1.113730.4.1': 'Netscape Server Gated Crypto',
};

const hexPairs = (octets: Uint8Array): string => [...octets].map((octet) => octet.toString(16).padStart(2, '0').toUpperCase()).join(':');

const address = (octets: Uint8Array): string =>
  octets.length === 4
    ? octets.join('.')
    : Array.from({ length: 8 }, (_, i) => (((octets[2 * i] ?? 0) << 8) | (octets[2 * i + 1] ?? 0)).toString(16).toUpperCase()).join(':');

/** A name of common names alone, as the random ones are, in OpenSSL's old form: byte by byte, whatever the string type. */
const oneLine = ({ rdns }: Name): string =>
  rdns
    .flat()
    .map(({ encoded }) => {
      const bytes = [...readAny(derReader(encoded, 'value')).content];
      const escaped = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
      return `/CN=${bytes.map((byte) => (byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : escaped(byte))).join('')}`;
    })
    .join('');

const otherName = (type: string, der: Uint8Array): string => {
  const found = readAny(derReader(der, 'value'));
  const printable = found.tag === tag.utf8String || found.tag === tag.ia5String;
  const known = type === '1.3.6.1.4.1.311.20.2.3' ? 'UPN' : type;
  return `othername: ${known}::${printable ? decodeString(found) : '<unsupported>'}`;
};

const generalName = (name: GeneralName): string => {
  switch (name.type) {
    case 'dns':
      return `DNS:${name.value}`;
    case 'email':
      return `email:${name.value}`;
    case 'uri':
      return `URI:${name.value}`;
    case 'ip':
      return `IP Address:${address(parseIpAddress(name.value) ?? new Uint8Array(4))}`;
    case 'registeredId':
      return `Registered ID:${name.oid}`;
    case 'directoryName':
      return `DirName:${oneLine(name.name)}`;
    case 'otherName':
      return otherName(name.oid, name.value);
    case 'unsupported':
      return '<unsupported>';
  }
};

const subtree = ({ base }: GeneralSubtree): string => {
  if (base.type === 'ip-range') {
    const half = base.octets.length / 2;
    return `IP:${address(base.octets.subarray(0, half))}/${address(base.octets.subarray(half))}`;
  }
  return base.type === 'directoryName'
    ? `DirName:${attributeValues(base.name, oid.commonName)
        .map((value) => `CN = ${value}`)
        .join(', ')}`
    : generalName(base);
};

const accessMethods: Readonly<Record<string, string>> = { [oid.ocsp]: 'OCSP', [oid.caIssuers]: 'CA Issuers' };

/** What OpenSSL should print under its title, for each extension that we decode; undefined where it is absent. */
const expectedLines = (certificate: X509Certificate): Readonly<Record<string, readonly string[] | undefined>> => {
  const { basicConstraints: basic, keyUsage, extendedKeyUsage, subjectAltNames, nameConstraints, authorityKeyIdentifier } = certificate;
  const extensionValue = (type: string): Uint8Array | undefined => findExtension(certificate.extensions, type)?.value;
  const points = extensionValue(oid.crlDistributionPoints);
  const access = extensionValue(oid.authorityInfoAccess);
  const constraints = (title: string, list: readonly GeneralSubtree[]): readonly string[] =>
    list.length === 0 ? [] : [title, ...list.map(subtree)];
  return {
    'X509v3 Basic Constraints': basic && [
      `CA:${basic.isCa ? 'TRUE' : 'FALSE'}${basic.pathLength === undefined ? '' : `, pathlen:${basic.pathLength}`}`,
    ],
    'X509v3 Key Usage': keyUsage && [keyUsage.map((bit) => bits[bit]).join(', ')],
    'X509v3 Extended Key Usage': extendedKeyUsage && [extendedKeyUsage.map((purpose) => purposes[purpose] ?? purpose).join(', ')],
    'X509v3 Subject Alternative Name': subjectAltNames && [subjectAltNames.map(generalName).join(', ').trim()],
    'X509v3 Subject Key Identifier': certificate.subjectKeyIdentifier && [hexPairs(certificate.subjectKeyIdentifier)],
    'X509v3 Authority Key Identifier':
      authorityKeyIdentifier?.keyIdentifier && authorityKeyIdentifier.issuer === undefined
        ? [hexPairs(authorityKeyIdentifier.keyIdentifier)]
        : undefined,
    'X509v3 Name Constraints': nameConstraints && [
      ...constraints('Permitted:', nameConstraints.permitted),
      ...constraints('Excluded:', nameConstraints.excluded),
    ],
    'X509v3 CRL Distribution Points': points && decodeDistributionPoints(points).flatMap(({ fullName }) => fullName.map(generalName)),
    'Authority Information Access':
      access && decodeInfoAccess(access).map(({ method, location }) => `${accessMethods[method] ?? method} - ${generalName(location)}`),
  };
};

/** Everything in which OpenSSL's print of a certificate differs from what we have read, in words. */
export const differences = (certificate: X509Certificate, printed: Printed): readonly string[] => {
  const found: string[] = [];
  const compare = (what: string, ours: string, theirs: string): void => {
    if (ours !== theirs) found.push(`${what}: ours ${JSON.stringify(ours)}, OpenSSL's ${JSON.stringify(theirs)}`);
  };
  compare('serial number', formatSerialNumber(certificate.serialNumber), printed.serialNumber);
  compare('signature algorithm', certificate.signatureAlgorithm.name, printed.signatureAlgorithm);
  compare('notBefore', time(certificate.notBefore), printed.notBefore);
  compare('notAfter', time(certificate.notAfter), printed.notAfter);
  compare('number of extensions', String(certificate.extensions.length), String(printed.extensions.size));
  const types: Readonly<Record<string, string>> = {
    'X509v3 Basic Constraints': oid.basicConstraints,
    'X509v3 Key Usage': oid.keyUsage,
    'X509v3 Extended Key Usage': oid.extendedKeyUsage,
    'X509v3 Subject Alternative Name': oid.subjectAltName,
    'X509v3 Name Constraints': oid.nameConstraints,
  };
  for (const [title, lines] of Object.entries(expectedLines(certificate))) {
    const theirs = printed.extensions.get(title);
    // Distribution points are printed with headings and reasons between the names, on the same lines.
    const isPoints = title === 'X509v3 CRL Distribution Points';
    const theirLines = isPoints ? [...(theirs?.lines.join('\n') ?? '').matchAll(/URI:\S+/g)].map(([uri]) => uri) : theirs?.lines;
    if (lines === undefined) {
      if (title !== 'X509v3 Authority Key Identifier') compare(title, 'absent', theirs === undefined ? 'absent' : 'present');
      continue;
    }
    compare(title, lines.join('\n'), theirLines?.join('\n') ?? 'absent');
    const type = types[title];
    if (type !== undefined)
      compare(`criticality of ${title}`, String(findExtension(certificate.extensions, type)?.critical), String(theirs?.critical));
  }
  return found;
};

/** A name's parts as plain values, to compare with those of a text of OpenSSL's, which turns the order within a part round. */
export const partsOf = (name: Name): unknown =>
  name.rdns.map((rdn) =>
    rdn.map(({ type, value, encoded }) => JSON.stringify([type, value ?? Buffer.from(encoded).toString('hex')])).sort(),
  );

/** The same of a line of `-nameopt RFC2253`. A value that is # alone OpenSSL leaves as it is, which RFC 4514 does not allow. */
export const partsOfText = (text: string): unknown => partsOf(parseNameText(text.replaceAll(/=#(?=$|[,+])/g, '=\\#')));
