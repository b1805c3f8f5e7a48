// Lint: what is wrong with a certificate that is about to be signed, finding by finding. It reads the very TBSCertificate that gets signed.
// A certificate without findings passes `openssl verify -x509_strict`. The rules about its fields stand in lint-fields.ts, those about what it
// may do in lint-authority.ts.

import { authorityRules } from './lint-authority.ts';
import { fieldRules } from './lint-fields.ts';
import type { LintInput, LintRule, NamedName } from './lint-rule.ts';
import type { TbsCertificate, X509Certificate } from './x509-certificate.ts';

const rules = { ...fieldRules, ...authorityRules };

/** The name of a rule, by which a caller accepts what it finds. */
export type FindingName = keyof typeof rules;

/** One fault: the rule that found it, and what is and what should be. */
export type Finding = { readonly name: FindingName; readonly message: string };

/** The names of all rules, in the order they are applied. */
export const findingNames = Object.keys(rules) as readonly FindingName[];

const namedRules: readonly (readonly [FindingName, LintRule])[] = findingNames.map((name) => [name, rules[name]]);

/** Whether a word is the name of a rule. */
export const isFindingName = (word: string): word is FindingName => Object.hasOwn(rules, word);

const namesOf = ({ subject, subjectAltNames = [] }: TbsCertificate): readonly NamedName[] => [
  { what: 'subject', name: subject },
  ...subjectAltNames.flatMap((name) => (name.type === 'directoryName' ? [{ what: 'directory name', name: name.name }] : [])),
];

/** Every finding of a certificate. `issuer` is undefined for a self-signed one. */
export const lintCertificate = (tbs: TbsCertificate, issuer: X509Certificate | undefined): readonly Finding[] => {
  const input: LintInput = { tbs, issuer, names: namesOf(tbs) };
  const findings: Finding[] = [];
  for (const [name, rule] of namedRules) for (const message of rule(input)) findings.push({ name, message });
  return findings;
};
