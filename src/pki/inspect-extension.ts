// One extension as plain data for people and programs. What is not known, or does not decode, is shown as hex; what decides about a
// certificate has been decoded strictly before, when it was read.

import { toHex } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { formatIpAddress } from '../base/ip-address.ts';
import { atEnd, contextTag, derReader, enterWhole, expectEnd, readAll, readElement, readOptional, readWhole, tag } from './der.ts';
import {
  decodeAuthorityKeyIdentifier,
  decodeBasicConstraints,
  decodeDistributionPoints,
  decodeExtendedKeyUsage,
  decodeGeneralNames,
  decodeInfoAccess,
  decodeKeyUsage,
  decodeNameConstraints,
  decodeSubjectKeyIdentifier,
  type Extension,
  type GeneralSubtree,
} from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { formatGeneralName } from './general-name-text.ts';
import { decodeOid, oid, oidName, readOid } from './oid.ts';
import { extendedUsageName } from './usage.ts';

/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** An extension: `value` where it was decoded, else the `hex` of its bytes and, where it should have decoded, the `problem`. */
export type InspectedExtension = {
  readonly oid: string;
  readonly name?: string;
  readonly critical: boolean;
  readonly value?: Json;
  readonly hex?: string;
  readonly problem?: string;
};

/** A typed name: `{type: "DNS", value: "a.example"}`, the types in OpenSSL's words. */
export type InspectedName = { readonly type: string; readonly value: string };

/** A purpose by Kubernetes' name, or by the identifier alone where it has none. */
export type InspectedUsage = { readonly name?: string; readonly oid: string };

export const inspectGeneralName = (name: GeneralName): InspectedName => {
  const text = formatGeneralName(name);
  const colon = text.indexOf(':');
  return { type: text.slice(0, colon), value: text.slice(colon + 1) };
};

export const inspectUsage = (purpose: string): InspectedUsage => {
  const name = extendedUsageName(purpose);
  return name === purpose ? { oid: purpose } : { name, oid: purpose };
};

/** `10.0.0.0/8`; a mask with holes is written out. */
const formatRange = (octets: Uint8Array): string => {
  const half = octets.length / 2;
  const mask = octets.subarray(half);
  const bits = [...mask].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const length = bits.indexOf('0') < 0 ? bits.length : bits.indexOf('0');
  const address = formatIpAddress(octets.subarray(0, half));
  return bits.includes('01') ? `${address}/${formatIpAddress(mask)}` : `${address}/${length}`;
};

const subtree = ({ base }: GeneralSubtree): Json =>
  base.type === 'ip-range' ? { type: 'IP Address', value: formatRange(base.octets) } : inspectGeneralName(base);

const cpsQualifier = '1.3.6.1.5.5.7.2.1';

/** Certificate policies (RFC 5280 section 4.2.1.4) with their practice statements; user notices are passed over. */
const policies = (value: Uint8Array): Json =>
  readAll(enterWhole(value, tag.sequence, 'certificate policies'), 1000).map((information) => {
    const reader = derReader(information.content, 'policy');
    const policy = readOid(reader);
    const statements: string[] = [];
    if (!atEnd(reader))
      for (const qualifier of readAll(derReader(readElement(reader, tag.sequence).content, 'policy qualifiers'), 100)) {
        const inner = derReader(qualifier.content, 'policy qualifier');
        if (readOid(inner) === cpsQualifier) statements.push(Buffer.from(readElement(inner, tag.ia5String).content).toString('latin1'));
      }
    expectEnd(reader);
    return {
      ...(policy === oid.anyPolicy ? { name: 'any policy' } : {}),
      oid: policy,
      ...(statements.length === 0 ? {} : { cps: statements }),
    };
  });

const policyMappings = (value: Uint8Array): Json =>
  readAll(enterWhole(value, tag.sequence, 'policy mappings'), 1000).map((mapping) => {
    const [issuer, subject] = readAll(derReader(mapping.content, 'policy mapping'), 2).map(({ content }) => decodeOid(content));
    return { issuerPolicy: issuer ?? '', subjectPolicy: subject ?? '' };
  });

const smallNumber = (content: Uint8Array): number => {
  if (content.length === 0 || content.length > 4 || (content[0] ?? 0) >= 0x80)
    throw new CodedError('ExtensionInvalid', 'the number is not a small one');
  return content.reduce((number, octet) => number * 256 + octet, 0);
};

const policyConstraints = (value: Uint8Array): Json => {
  const reader = enterWhole(value, tag.sequence, 'policy constraints');
  const explicit = readOptional(reader, contextTag(0));
  const mapping = readOptional(reader, contextTag(1));
  expectEnd(reader);
  return {
    ...(explicit === undefined ? {} : { requireExplicitPolicy: smallNumber(explicit.content) }),
    ...(mapping === undefined ? {} : { inhibitPolicyMapping: smallNumber(mapping.content) }),
  };
};

const infoAccess = (value: Uint8Array): Json =>
  decodeInfoAccess(value).map(({ method, location }) => ({ method: oidName(method) ?? method, ...inspectGeneralName(location) }));

const distributionPoints = (value: Uint8Array): Json =>
  decodeDistributionPoints(value).map(({ fullName, hasReasons, crlIssuer }) => ({
    fullName: fullName.map(inspectGeneralName),
    ...(hasReasons ? { onlySomeReasons: true } : {}),
    ...(crlIssuer.length === 0 ? {} : { crlIssuer: crlIssuer.map(inspectGeneralName) }),
  }));

const tlsFeatures: Readonly<Record<number, string>> = { 5: 'status_request (must staple)', 17: 'status_request_v2' };

const decoders: Readonly<Record<string, (value: Uint8Array) => Json>> = {
  [oid.basicConstraints]: (value) => {
    const { isCa, pathLength } = decodeBasicConstraints(value);
    return { ca: isCa, ...(pathLength === undefined ? {} : { pathLength }) };
  },
  [oid.keyUsage]: decodeKeyUsage,
  [oid.extendedKeyUsage]: (value) => decodeExtendedKeyUsage(value).map(inspectUsage),
  [oid.subjectAltName]: (value) => decodeGeneralNames(value).map(inspectGeneralName),
  [oid.issuerAltName]: (value) => decodeGeneralNames(value).map(inspectGeneralName),
  [oid.subjectKeyIdentifier]: (value) => toHex(decodeSubjectKeyIdentifier(value)),
  [oid.authorityKeyIdentifier]: (value) => {
    const { keyIdentifier, issuer, serialNumber } = decodeAuthorityKeyIdentifier(value);
    return {
      ...(keyIdentifier === undefined ? {} : { keyIdentifier: toHex(keyIdentifier) }),
      ...(issuer === undefined ? {} : { issuer: issuer.map(inspectGeneralName) }),
      ...(serialNumber === undefined ? {} : { serialNumber: toHex(serialNumber).toUpperCase() }),
    };
  },
  [oid.nameConstraints]: (value) => {
    const { permitted, excluded } = decodeNameConstraints(value);
    return {
      ...(permitted.length === 0 ? {} : { permitted: permitted.map(subtree) }),
      ...(excluded.length === 0 ? {} : { excluded: excluded.map(subtree) }),
    };
  },
  [oid.crlDistributionPoints]: distributionPoints,
  [oid.freshestCrl]: distributionPoints,
  [oid.authorityInfoAccess]: infoAccess,
  [oid.subjectInfoAccess]: infoAccess,
  [oid.certificatePolicies]: policies,
  [oid.policyMappings]: policyMappings,
  [oid.policyConstraints]: policyConstraints,
  [oid.inhibitAnyPolicy]: (value) => smallNumber(readWhole(value, tag.integer, 'inhibit any policy').content),
  [oid.tlsFeature]: (value) =>
    readAll(enterWhole(value, tag.sequence, 'TLS features'), 100).map(({ content }) => {
      const number = smallNumber(content);
      return tlsFeatures[number] ?? String(number);
    }),
  [oid.crlNumber]: (value) => BigInt(`0x${toHex(readWhole(value, tag.integer, 'CRL number').content) || '0'}`).toString(),
  [oid.deltaCrlIndicator]: (value) => BigInt(`0x${toHex(readWhole(value, tag.integer, 'base CRL number').content) || '0'}`).toString(),
};

/** Names of extensions outside this program's own list. */
const otherNames: Readonly<Record<string, string>> = {
  '1.3.6.1.4.1.11129.2.4.2': 'signedCertificateTimestamps',
  '1.3.6.1.4.1.11129.2.4.3': 'certificateTransparencyPoison',
  '1.3.6.1.4.1.311.20.2': 'microsoftCertificateTemplateName',
  '1.3.6.1.4.1.311.21.7': 'microsoftCertificateTemplate',
  '2.16.840.1.113730.1.1': 'netscapeCertificateType',
  '2.16.840.1.113730.1.13': 'netscapeComment',
};

/** An extension as data. Never throws for what its value holds. */
export const inspectExtension = ({ oid: type, critical, value }: Extension): InspectedExtension => {
  const name = oidName(type) ?? otherNames[type];
  const head = { oid: type, ...(name === undefined ? {} : { name }), critical };
  const decode = decoders[type];
  if (decode === undefined) return { ...head, hex: toHex(value) };
  try {
    return { ...head, value: decode(value) };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { ...head, hex: toHex(value), problem: error.message };
  }
};
