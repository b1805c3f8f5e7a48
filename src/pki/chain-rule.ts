// The rules a certification path must keep, by the names under which a refusal is reported and, where that makes sense, relaxed.
// Those about one certificate are applied in certificate-rules.ts, those about a path in chain-search.ts.

/** Where a certificate stands in a path. */
export type ChainRole = 'leaf' | 'intermediate' | 'anchor';

type Row = { readonly section: string; readonly hint: string; readonly isFixed?: true };

const atTheAnchor = 'put a root into the trust anchors that allows this, or relax the rule by its name';

/** Section: of RFC 5280 where no other document is named. What is fixed cannot be relaxed: without it nothing is proven. */
const rules = {
  'issuer-unknown': {
    section: '6.1',
    hint: 'add the CA certificate that is named to the intermediates or the trust anchors',
    isFixed: true,
  },
  'issuer-name-empty': { section: '4.1.2.4', hint: 'issue the certificate again from a CA that has a name', isFixed: true },
  signature: {
    section: '6.1.3 (a)(1)',
    hint: 'look for another CA certificate of the same name: the key may have been renewed',
    isFixed: true,
  },
  'signature-algorithm': { section: '6.1.3 (a)(1)', hint: 'issue the certificate again with SHA-256 or stronger', isFixed: true },
  'search-limit': {
    section: '6.1',
    hint: 'hand over only the CA certificates that belong to the path, or raise the limit',
    isFixed: true,
  },
  'not-yet-valid': { section: '6.1.3 (a)(2)', hint: 'compare the clocks of both machines' },
  expired: { section: '6.1.3 (a)(2)', hint: 'renew the certificate' },
  'public-key': { section: '4.1.2.7', hint: 'issue the certificate again for a stronger key' },
  'critical-extension': { section: '4.2', hint: 'issue the certificate again without this extension, or not marked critical' },
  'ca-version': { section: '6.1.4 (k)', hint: 'issue the CA certificate again as version 3, or take it as a trust anchor' },
  'basic-constraints': { section: '6.1.4 (k)', hint: 'a CA certificate needs basic constraints that say so' },
  'key-cert-sign': { section: '6.1.4 (n)', hint: 'issue the CA certificate again with the usage "cert sign"' },
  'path-length': { section: '6.1.4 (l)', hint: 'issue from a CA nearer to the root, or raise the path length of the CA' },
  'name-constraints': { section: '6.1.3 (b) and (c)', hint: 'issue from a CA that may vouch for this name' },
  'key-usage': { section: '4.2.1.12', hint: 'issue the certificate again with a key usage that fits its purpose' },
  'extended-key-usage': { section: '4.2.1.12', hint: 'issue the certificate again for this purpose, from a CA that may give it' },
  'any-extended-key-usage': { section: '4.2.1.12', hint: 'issue the certificate again with the purpose by its own name' },
  policy: { section: '6.1.5 (g)', hint: 'issue from a CA whose policies fit' },
  revoked: { section: '6.1.3 (a)(3)', hint: 'replace the certificate' },
  'revocation-unknown': { section: '6.3.3', hint: 'get the current revocation list of the CA' },
  'host-name': { section: 'RFC 9525 section 6.3', hint: 'use one of its names, or issue it again with this one' },
  'ip-address': { section: 'RFC 9525 section 6.4', hint: 'use one of its addresses, or issue it again with this one' },
  // Section 6.1.1 (d) takes no more of an anchor than its name and key. What else it says is kept here, and relaxed by a name of its own.
  'anchor-not-yet-valid': { section: '6.1.1 (d)', hint: atTheAnchor },
  'anchor-expired': { section: '6.1.1 (d)', hint: atTheAnchor },
  'anchor-critical-extension': { section: '6.1.1 (d)', hint: atTheAnchor },
  'anchor-basic-constraints': { section: '6.1.1 (d)', hint: atTheAnchor },
  'anchor-key-cert-sign': { section: '6.1.1 (d)', hint: atTheAnchor },
  'anchor-path-length': { section: '6.1.1 (d)', hint: atTheAnchor },
  'anchor-name-constraints': { section: '6.1.1 (d)', hint: atTheAnchor },
  'anchor-extended-key-usage': { section: '6.1.1 (d)', hint: atTheAnchor },
} as const satisfies Record<string, Row>;

/** The name of a rule. */
export type ChainRuleName = keyof typeof rules;

type FixedRule = 'issuer-unknown' | 'issuer-name-empty' | 'signature' | 'signature-algorithm' | 'search-limit';

/** The name of a rule that a caller may relax. */
export type RelaxableRule = Exclude<ChainRuleName, FixedRule>;

const rowOf = (rule: ChainRuleName): Row => rules[rule];

/** The names of all rules that may be relaxed. */
export const relaxableRules: readonly RelaxableRule[] = (Object.keys(rules) as ChainRuleName[]).filter(
  (rule): rule is RelaxableRule => rowOf(rule).isFixed !== true,
);

/** Whether a word is the name of a rule that may be relaxed. */
export const isRelaxableRule = (word: string): word is RelaxableRule => (relaxableRules as readonly string[]).includes(word);

/** Where a rule is written: `RFC 5280 section 6.1.4 (k)`. */
export const ruleSource = (rule: ChainRuleName): string => {
  const { section } = rules[rule];
  return section.startsWith('RFC') ? section : `RFC 5280 section ${section}`;
};

/** What to do about a broken rule. */
export const ruleHint = (rule: ChainRuleName): string => rules[rule].hint;

/** A rule that is broken, and what is and what should be. */
export type ChainFault = { readonly rule: ChainRuleName; readonly message: string };

export const fault = (rule: ChainRuleName, message: string): ChainFault => ({ rule, message });
