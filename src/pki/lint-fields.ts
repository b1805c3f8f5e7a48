// Lint rules about the fields of a certificate: version, serial, times, names and their syntax, encodings of extensions.

import { quote } from '../base/coded-error.ts';
import { decodeDistributionPoints, decodeInfoAccess, type Extension, findExtension } from './extension.ts';
import { formatGeneralName, generalNameProblem } from './general-name-text.ts';
import { type LintRule, when } from './lint-rule.ts';
import { isEmptyName, type NameAttribute } from './name.ts';
import { attributeTypeName } from './name-text.ts';
import { oid, oidName } from './oid.ts';

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
  (check: (attribute: NameAttribute, value: string) => string | undefined): LintRule =>
  ({ tbs }) => {
    const messages: string[] = [];
    for (const rdn of tbs.subject.rdns)
      for (const attribute of rdn) {
        const { type, value } = attribute;
        const problem = value === undefined ? undefined : check(attribute, value);
        if (problem !== undefined) messages.push(`subject ${attributeTypeName(type)} ${quote(value ?? '')} ${problem}`);
      }
    return messages;
  };

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

const urlProblem = (url: string): string | undefined =>
  /^(?:https?|ldap):\/\/[^\s/?#]+/i.test(url) ? undefined : 'is not an http or ldap URL';

const urlsOf = (extension: Extension): readonly string[] => {
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
  'attribute-empty': overAttributes((_, value) => (value === '' ? 'is empty' : undefined)),
  'attribute-too-long': overAttributes(({ type }, value) => {
    const bound = upperBounds[type];
    return bound !== undefined && [...value].length > bound
      ? `has ${[...value].length} characters, at most ${bound} are allowed`
      : undefined;
  }),
  'attribute-control-character': overAttributes((_, value) => (/\p{Cc}/u.test(value) ? 'has control characters' : undefined)),
  'attribute-string-type': overAttributes(({ encoded }) => {
    const stringTag = encoded[0] ?? 0;
    // UTF8String, PrintableString and, for what is defined as such, IA5String (section 4.1.2.4).
    return [0x0c, 0x13, 0x16].includes(stringTag) ? undefined : 'is in a string type that is not to be used any more';
  }),
  'country-not-two-letters': overAttributes(({ type }, value) =>
    type === oid.country && !/^[A-Z]{2}$/.test(value) ? 'is not a country code of two capital letters' : undefined,
  ),
  'san-empty': ({ tbs }) => when(tbs.subjectAltNames?.length === 0, () => 'the list of subject alternative names is empty'),
  'san-invalid': ({ tbs }) =>
    (tbs.subjectAltNames ?? []).flatMap((name) => {
      const problem = generalNameProblem(name);
      return problem === undefined ? [] : [`subject alternative name ${quote(formatGeneralName(name))} is not valid: ${problem}`];
    }),
  'san-duplicate': ({ tbs }) => {
    const texts = (tbs.subjectAltNames ?? []).map((name) => formatGeneralName(name).toLowerCase());
    return [...new Set(texts.filter((text, i) => texts.indexOf(text) !== i))].map(
      (text) => `subject alternative name ${quote(text)} stands twice`,
    );
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
  'url-invalid': ({ tbs }) =>
    tbs.extensions
      .filter(({ oid: type }) => type === oid.crlDistributionPoints || type === oid.authorityInfoAccess)
      .flatMap(urlsOf)
      .flatMap((url) => when(urlProblem(url) !== undefined, () => `${quote(url)} ${urlProblem(url)}`)),
  'utf8-not-normalised': overAttributes(({ encoded }, value) =>
    encoded[0] === 0x0c && value !== value.normalize('NFC') ? 'is not in Unicode normal form C' : undefined,
  ),
} as const satisfies Record<string, LintRule>;
