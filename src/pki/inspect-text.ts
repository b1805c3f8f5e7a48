// Inspected items as text for people, near to what `openssl x509 -text` taught them to look for. Made from the data alone, so that nothing is
// in the text that is not in the JSON. Control characters from outside are written out, for text goes to terminals.

import { shortDuration } from '../base/duration.ts';
import type { InspectedItem } from './inspect.ts';
import type { InspectedCertificate, InspectedFingerprints, InspectedRequest } from './inspect-certificate.ts';
import type { InspectedCrl } from './inspect-crl.ts';
import type { InspectedExtension, Json } from './inspect-extension.ts';
import type { InspectedPublicKey } from './inspect-key.ts';
import type { InspectedKeystore } from './inspect-keystore.ts';

const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

const width = 22;
const field = (name: string, value: string): string => `  ${`${name}:`.padEnd(width)}${visible(value)}`;
const indented = (lines: readonly string[], by: string): readonly string[] => lines.map((line) => `${by}${line}`);

/** `crlDistributionPoints` as words: `crl distribution points`. */
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** Names whose words would mislead or look odd. */
const titles: Readonly<Record<string, string>> = {
  subjectAltName: 'Subject alternative names',
  issuerAltName: 'Issuer alternative names',
  crlDistributionPoints: 'CRL distribution points',
  crlNumber: 'CRL number',
  deltaCrlIndicator: 'Delta CRL indicator',
  freshestCrl: 'Freshest CRL',
  tlsFeature: 'TLS features',
};

const isRecord = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One piece of data on one line: `server auth (1.3.6.1.5.5.7.3.1)`, `DNS:a.example`, `fullName: URI:http://…`. */
const inline = (value: Json): string => {
  if (Array.isArray(value)) return value.map(inline).join(', ');
  if (!isRecord(value)) return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
  const { oid, name, type, value: inner, method, ...rest } = value;
  const others = Object.entries(rest).map(([key, part]) => `${words(key)}: ${inline(part)}`);
  const head = [
    ...(method === undefined ? [] : [`${inline(method)} -`]),
    ...(type !== undefined && inner !== undefined ? [`${inline(type)}:${inline(inner)}`] : []),
    ...(name === undefined ? (oid === undefined ? [] : [inline(oid)]) : [`${inline(name)} (${inline(oid ?? '')})`]),
  ].join(' ');
  return [...(head === '' ? [] : [head]), ...others].join(', ');
};

/** Lists of records take a line each, for names and purposes are compared line by line; so do the fields of what holds lists. */
const valueLines = (value: Json): readonly string[] => {
  if (Array.isArray(value) && value.some((member) => isRecord(member))) return value.map(inline);
  if (isRecord(value) && Object.values(value).some((part) => Array.isArray(part)))
    return Object.entries(value).map(([key, part]) => `${words(key)}: ${inline(part)}`);
  return [inline(value)];
};

const extensionLines = ({ oid, name, critical, value, hex, problem }: InspectedExtension): readonly string[] => {
  const title = name === undefined ? oid : `${titles[name] ?? capital(words(name))} (${oid})`;
  const lines = value === undefined ? [hex ?? ''] : valueLines(value);
  return [
    `    ${title}:${critical ? ' critical' : ''}`,
    ...indented(lines.map(visible), '      '),
    ...(problem === undefined ? [] : [`      does not decode: ${visible(problem)}`]),
  ];
};

const publicKeyLines = ({ algorithm, oid, bits, notAccepted, spkiSha256, pinSha256 }: InspectedPublicKey): readonly string[] => [
  field('Public key', `${algorithm}${bits === undefined ? '' : `, ${bits} bits`} (${oid})`),
  ...(notAccepted === undefined ? [] : [field('', notAccepted)]),
  field('  SPKI SHA-256', spkiSha256),
  field('  pin-sha256', pinSha256),
];

const colons = (hex: string): string => (hex.toUpperCase().match(/../g) ?? []).join(':');

const fingerprintLines = ({ sha256, sha1 }: InspectedFingerprints): readonly string[] => [
  field('SHA-256 fingerprint', colons(sha256)),
  field('SHA-1 fingerprint', colons(sha1)),
];

const extensionsLines = (extensions: readonly InspectedExtension[], title: string): readonly string[] =>
  extensions.length === 0 ? [] : [`  ${title}:`, ...extensions.flatMap(extensionLines)];

const validityNote = ({ validity, remainingSeconds }: InspectedCertificate): string => {
  const left = shortDuration(Math.abs(remainingSeconds) * 1000);
  return validity === 'expired' ? `EXPIRED ${left} ago` : validity === 'not yet valid' ? 'NOT YET VALID' : `${left} left`;
};

const certificateLines = (certificate: InspectedCertificate): readonly string[] => [
  field('Subject', certificate.subject),
  field('Issuer', `${certificate.issuer}${certificate.selfIssued ? ' (self-issued)' : ''}`),
  field('Serial number', certificate.serialNumber),
  field('Version', String(certificate.version)),
  field('Not before', certificate.notBefore),
  field('Not after', `${certificate.notAfter} (${validityNote(certificate)})`),
  ...publicKeyLines(certificate.publicKey),
  field('Signature algorithm', `${certificate.signatureAlgorithm.name} (${certificate.signatureAlgorithm.oid})`),
  ...extensionsLines(certificate.extensions, 'Extensions'),
  ...fingerprintLines(certificate.fingerprints),
];

const requestLines = (request: InspectedRequest): readonly string[] => [
  field('Subject', request.subject),
  field('Signature', request.signatureValid ? 'made by the key inside it' : 'WRONG: not made by the key inside it'),
  ...publicKeyLines(request.publicKey),
  field('Signature algorithm', `${request.signatureAlgorithm.name} (${request.signatureAlgorithm.oid})`),
  ...(request.attributes.length === 0 ? [] : [field('Attributes', request.attributes.map(words).join(', '))]),
  ...extensionsLines(request.extensions, 'Requested extensions'),
  ...fingerprintLines(request.fingerprints),
];

const keystoreLines = ({ format, entries }: InspectedKeystore): readonly string[] => [
  field('Format', format),
  field('Entries', String(entries.length)),
  ...entries.flatMap(({ alias, entry, publicKey, certificates }) => [
    '',
    `  ${entry === 'key' ? 'Private key entry' : 'Trusted certificate'} ${visible(JSON.stringify(alias))}`,
    ...indented(publicKey === undefined ? [] : publicKeyLines(publicKey), '  '),
    ...certificates.flatMap((certificate) => ['    Certificate', ...indented(certificateLines(certificate), '    ')]),
  ]),
];

const crlLines = (crl: InspectedCrl): readonly string[] => [
  field('Issuer', crl.issuer),
  ...(crl.number === undefined ? [] : [field('Number', crl.number)]),
  field('Version', String(crl.version)),
  field('This update', crl.thisUpdate),
  field('Next update', `${crl.nextUpdate ?? 'never said'}${crl.currency === 'current' ? '' : ` (${crl.currency.toUpperCase()})`}`),
  ...(crl.unusable === undefined ? [] : [field('Not usable', crl.unusable)]),
  field('Signature algorithm', `${crl.signatureAlgorithm.name} (${crl.signatureAlgorithm.oid})`),
  field('Revoked', String(crl.entries.length)),
  ...crl.entries.map(
    ({ serialNumber, revokedAt, reason, invalidityDate }) =>
      `    ${serialNumber}  ${revokedAt}${reason === undefined ? '' : `  ${reason}`}${invalidityDate === undefined ? '' : `  (invalid since ${invalidityDate})`}`,
  ),
  ...extensionsLines(crl.extensions, 'Extensions'),
  ...fingerprintLines(crl.fingerprints),
];

const itemLines = (item: InspectedItem): readonly string[] => {
  switch (item.kind) {
    case 'certificate':
      return certificateLines(item);
    case 'certificate request':
      return requestLines(item);
    case 'revocation list':
      return crlLines(item);
    case 'private key':
      return [
        field('Encrypted', item.encrypted ? 'yes' : 'no'),
        ...(item.publicKey === undefined ? [field('Public key', 'hidden by the encryption')] : publicKeyLines(item.publicKey)),
      ];
    case 'public key':
      return publicKeyLines(item.publicKey);
    case 'keystore':
      return keystoreLines(item);
    case 'other':
      return [field('Label', item.label), field('Bytes', String(item.bytes))];
  }
};

/** One item as text, ending in a newline. `where` stands in its heading: a file name. */
export const inspectionText = (item: InspectedItem, where = ''): string => {
  const place = [...(where === '' ? [] : [where]), ...(item.block === undefined ? [] : [`block ${item.block}`])].join(', ');
  const heading = item.kind === 'other' ? 'PEM block, not inspected' : capital(item.kind);
  return `${[`${heading}${place === '' ? '' : ` (${visible(place)})`}`, ...itemLines(item)].join('\n')}\n`;
};
