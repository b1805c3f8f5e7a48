// Revocation within path validation (RFC 5280 section 6.3), on complete lists that the CA of the path signed itself. Where lists are given,
// every certificate below the anchor must be told about by one: a certificate nobody speaks of is not known to be good.

import type { ChainCandidate } from './chain-candidate.ts';
import { type ChainFault, type ChainRuleName, fault } from './chain-rule.ts';
import { type Crl, crlProblem, isRevoked } from './crl.ts';
import { nameKey } from './name.ts';

/** What a list says against a certificate under the key of its issuer; undefined where it is known to be good. */
export type RevocationCheck = (signed: ChainCandidate, issuer: ChainCandidate) => ChainFault | undefined;

/** A check against lists at a time; `countSignature` is called before each signature of a list is checked, once for a list and a CA. */
export const revocationCheck = (
  crls: readonly Crl[],
  at: Date,
  relaxed: ReadonlySet<ChainRuleName>,
  countSignature: () => void,
): RevocationCheck => {
  const byIssuer = Map.groupBy(crls, ({ issuer }) => nameKey(issuer));
  const problems = new Map<Crl, Map<ChainCandidate, string | undefined>>();

  const problemOf = (crl: Crl, issuer: ChainCandidate): string | undefined => {
    const known = problems.get(crl) ?? new Map<ChainCandidate, string | undefined>();
    problems.set(crl, known);
    if (!known.has(issuer)) {
      countSignature();
      known.set(issuer, crlProblem(crl, issuer.certificate, at));
    }
    return known.get(issuer);
  };

  return ({ certificate }, issuer) => {
    let unknown: string | undefined = 'there is no revocation list of its CA';
    for (const crl of byIssuer.get(issuer.subjectKey) ?? []) {
      const problem = problemOf(crl, issuer);
      if (problem !== undefined) {
        unknown &&= `the revocation list of its CA cannot be used: ${problem}`;
        continue;
      }
      unknown = undefined;
      if (isRevoked(crl, certificate) && !relaxed.has('revoked')) return fault('revoked', 'the revocation list of its CA withdraws it');
    }
    return unknown === undefined || relaxed.has('revocation-unknown') ? undefined : fault('revocation-unknown', unknown);
  };
};
