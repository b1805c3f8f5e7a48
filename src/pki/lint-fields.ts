// Lint rules about the fields of a certificate: version, serial, times, names and their syntax, encodings of extensions.

import { toHex } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { tag } from './der.ts';
import { decodeDistributionPoints, decodeGeneralNames, decodeInfoAccess, type Extension, findExtension } from './extension.ts';
import { generalNameKey } from './general-name.ts';
import { formatGeneralName, generalNameProblem, uriProblem } from './general-name-text.ts';
import { type LintRule, when } from './lint-rule.ts';
import { isEmptyName, type NameAttribute } from './name.ts';
import { attributeTypeName } from './name-text.ts';
import { oid, oidName } from './oid.ts';
import { decodeCertificatePolicies, decodeInhibitAnyPolicy, decodePolicyConstraints, decodePolicyMappings } from './policy-extensions.ts';

/** Upper bounds of RFC 5280 appendix A.1. */
const upperBounds: Readonly<Record<string, number>> = {
  [oid.commonName]: 64,
  [oid.organization]: 64,
  [oid.organizationalUnit]: 64,
  [oid.serialNumber]: 64,
  [oid.title]: 64,
  [oid.pseudonym]: 128,
  [oid.locality]: 128,
  [oid.stateOrProvince]: 128,
  [oid.emailAddress]: 255,
};

const overAttributes =
  (check: (attribute: NameAttribute) => string | undefined): LintRule =>
  ({ names }) => {
    const messages: string[] = [];
    for (const { what, name } of names)
      for (const rdn of name.rdns)
        for (const attribute of rdn) {
          const { type, value, encoded } = attribute;
          const problem = check(attribute);
          if (problem !== undefined) messages.push(`${what} ${attributeTypeName(type)} ${quote(value ?? `#${toHex(encoded)}`)} ${problem}`);
        }
    return messages;
  };

const overTexts = (check: (attribute: NameAttribute, value: string) => string | undefined): LintRule =>
  overAttributes((attribute) => (attribute.value === undefined ? undefined : check(attribute, attribute.value)));

/** Extensions whose criticality RFC 5280 fixes: true must be critical, false must not. */
const fixedCriticality: Readonly<Record<string, boolean>> = {
  [oid.subjectKeyIdentifier]: false,
  [oid.authorityKeyIdentifier]: false,
  [oid.keyUsage]: true,
  [oid.nameConstraints]: true,
  [oid.policyConstraints]: true,
  [oid.inhibitAnyPolicy]: true,
  [oid.authorityInfoAccess]: false,
  [oid.subjectInfoAccess]: false,
  [oid.freshestCrl]: false,
};

/** Extensions that a path validator of RFC 5280 processes; any other that is critical makes the certificate useless. */
const processedExtensions: ReadonlySet<string> = new Set([
  oid.keyUsage,
  oid.extendedKeyUsage,
  oid.basicConstraints,
  oid.subjectAltName,
  oid.nameConstraints,
  oid.certificatePolicies,
  oid.policyConstraints,
  oid.policyMappings,
  oid.inhibitAnyPolicy,
]);

/** Extensions that are carried as they came, and by which a path validator finds its way or decides. */
const carriedDecoders: Readonly<Record<string, (value: Uint8Array) => unknown>> = {
  [oid.crlDistributionPoints]: decodeDistributionPoints,
  [oid.freshestCrl]: decodeDistributionPoints,
  [oid.authorityInfoAccess]: decodeInfoAccess,
  [oid.subjectInfoAccess]: decodeInfoAccess,
  [oid.issuerAltName]: decodeGeneralNames,
  [oid.certificatePolicies]: decodeCertificatePolicies,
  [oid.policyMappings]: decodePolicyMappings,
  [oid.policyConstraints]: decodePolicyConstraints,
  [oid.inhibitAnyPolicy]: decodeInhibitAnyPolicy,
};

const carriedProblem = ({ oid: type, value }: Extension): string | undefined => {
  const decode = carriedDecoders[type];
  if (decode === undefined) return undefined;
  try {
    const decoded = decode(value);
    return Array.isArray(decoded) && decoded.length === 0 ? 'the list is empty' : undefined;
  } catch (error) {
    if (error instanceof CodedError) return error.message;
    throw error;
  }
};

/** Extensions that make a certificate something else to those who know them: a proxy, a holder of number resources, an object of Netscape. */
const uncheckedExtensions: ReadonlySet<string> = new Set([
  '1.3.6.1.5.5.7.1.14', // proxyCertInfo (RFC 3820)
  '1.3.6.1.5.5.7.1.7', // ipAddrBlocks (RFC 3779)
  '1.3.6.1.5.5.7.1.8', // autonomousSysIds (RFC 3779)
  '2.16.840.1.113730.1.1', // nsCertType
]);

const urlProblem = (url: string): string | undefined =>
  /^(?:https?|ldap):\/\//i.test(url) ? uriProblem(url) : 'it is not an http or ldap URL';

const urlsOf = (extension: Extension): readonly string[] => {
  if (carriedProblem(extension) !== undefined) return [];
  const names =
    extension.oid === oid.authorityInfoAccess
      ? decodeInfoAccess(extension.value).map(({ location }) => location)
      : decodeDistributionPoints(extension.value).flatMap(({ fullName }) => fullName);
  return names.flatMap((name) => (name.type === 'uri' ? [name.value] : []));
};

export const fieldRules = {
  'version-not-3': ({ tbs }) => when(tbs.version !== 3, () => `version is ${tbs.version}, expected 3`),
  'serial-not-positive': ({ tbs: { serialNumber } }) =>
    when((serialNumber[0] ?? 0) >= 0x80 || serialNumber.every((octet) => octet === 0), () => 'serial number is not positive'),
  'serial-too-long': ({ tbs }) =>
    when(tbs.serialNumber.length > 20, () => `serial number has ${tbs.serialNumber.length} octets, at most 20 are allowed`),
  'unique-identifier': ({ tbs }) => when(tbs.hasUniqueIds, () => 'unique identifiers are not to be used'),
  'time-encoding': ({ tbs }) => when(!tbs.hasRightTimeEncoding, () => 'times until 2049 are UTCTime, later ones GeneralizedTime'),
  'validity-inverted': ({ tbs }) =>
    when(tbs.notAfter < tbs.notBefore, () => `it ends ${tbs.notAfter.toISOString()}, before it starts ${tbs.notBefore.toISOString()}`),
  'attribute-empty': overTexts((_, value) => (value === '' ? 'is empty' : undefined)),
  'attribute-too-long': overTexts(({ type }, value) => {
    const bound = upperBounds[type];
    return bound !== undefined && value.length > bound && [...value].length > bound
      ? `has ${[...value].length} characters, at most ${bound} are allowed`
      : undefined;
  }),
  'attribute-control-character': overTexts((_, value) => (/\p{Cc}/u.test(value) ? 'has control characters' : undefined)),
  'attribute-string-type': overAttributes(({ value, encoded }) => {
    // UTF8String, PrintableString and, for what is defined as such, IA5String (section 4.1.2.4). OpenSSL reads no name with another type.
    const isWanted = value !== undefined && [tag.utf8String, tag.printableString, tag.ia5String].some((wanted) => wanted === encoded[0]);
    return isWanted ? undefined : 'is in a type that is not to be used';
  }),
  'country-not-two-letters': overTexts(({ type }, value) =>
    type === oid.country && !/^[A-Z]{2}$/.test(value) ? 'is not a country code of two capital letters' : undefined,
  ),
  'san-empty': ({ tbs }) => when(tbs.subjectAltNames?.length === 0, () => 'the list of subject alternative names is empty'),
  'san-invalid': ({ tbs }) =>
    (tbs.subjectAltNames ?? []).flatMap((name) => {
      const problem = generalNameProblem(name);
      return problem === undefined ? [] : [`subject alternative name ${quote(formatGeneralName(name))} is not valid: ${problem}`];
    }),
  'san-duplicate': ({ tbs }) => {
    const seen = new Set<string>();
    const twice = new Set<string>();
    for (const name of tbs.subjectAltNames ?? []) {
      const key = generalNameKey(name);
      if (seen.has(key)) twice.add(formatGeneralName(name));
      seen.add(key);
    }
    return [...twice].map((text) => `subject alternative name ${quote(text)} stands twice`);
  },
  'subject-empty': ({ tbs }) => {
    if (!isEmptyName(tbs.subject)) return [];
    if (tbs.basicConstraints?.isCa === true) return ['a CA needs a subject'];
    if ((tbs.subjectAltNames ?? []).length === 0) return ['it has neither a subject nor a subject alternative name'];
    return when(
      findExtension(tbs.extensions, oid.subjectAltName)?.critical !== true,
      () => 'subject alternative names are not critical beside an empty subject',
    );
  },
  'issuer-empty': ({ tbs }) => when(isEmptyName(tbs.issuer), () => 'the issuer has no name'),
  'extension-criticality': ({ tbs }) =>
    tbs.extensions.flatMap(({ oid: type, critical }) => {
      const fixed = fixedCriticality[type];
      return fixed === undefined || fixed === critical ? [] : [`extension ${oidName(type) ?? type} must ${fixed ? '' : 'not '}be critical`];
    }),
  'extension-unknown-critical': ({ tbs }) =>
    tbs.extensions
      .filter(({ oid: type, critical }) => critical && !processedExtensions.has(type))
      .map(({ oid: type }) => `extension ${oidName(type) ?? type} is critical, and verifiers that do not know it refuse the certificate`),
  'extension-malformed': ({ tbs }) =>
    tbs.extensions.flatMap((extension) => {
      const problem = carriedProblem(extension);
      return problem === undefined ? [] : [`extension ${oidName(extension.oid) ?? extension.oid} is malformed: ${problem}`];
    }),
  'extension-not-checked': ({ tbs }) =>
    tbs.extensions
      .filter(({ oid: type }) => uncheckedExtensions.has(type))
      .map(({ oid: type }) => `extension ${type} changes what the certificate is, and is not checked here`),
  'url-invalid': ({ tbs }) =>
    tbs.extensions
      .filter(({ oid: type }) => type === oid.crlDistributionPoints || type === oid.authorityInfoAccess)
      .flatMap(urlsOf)
      .flatMap((url) => {
        const problem = urlProblem(url);
        return problem === undefined ? [] : [`${quote(url)} cannot be fetched: ${problem}`];
      }),
  'utf8-not-normalised': overTexts(({ encoded }, value) =>
    encoded[0] === 0x0c && value !== value.normalize('NFC') ? 'is not in Unicode normal form C' : undefined,
  ),
} as const satisfies Record<string, LintRule>;
