// Policies along a path: RFC 5280 sections 6.1.2 to 6.1.5, with the valid policy tree as the graph of RFC 9618, which keeps one node for a
// policy at each depth. Work and memory are linear in the entries of the extensions, where the tree could double with each certificate.
// Nodes without children are not cut away: only the newest depth is ever looked at, and the end walks upwards from there.

import { oid } from './oid.ts';
import type { PolicyStatements } from './policy-extensions.ts';

/** What the caller asks of policies: the inputs (c) and (e) to (g) of RFC 5280 section 6.1.1. */
export type PolicyRequest = {
  /** Policies of which one is wanted; absent means any. */
  readonly acceptable?: readonly string[];
  readonly requireExplicitPolicy?: boolean;
  readonly inhibitPolicyMapping?: boolean;
  readonly inhibitAnyPolicy?: boolean;
};

/** One certificate of a path, as far as policies are concerned. */
export type PolicyStep = { readonly statements: PolicyStatements; readonly isSelfIssued: boolean };

/** The policies under which a path is valid, or which certificate (counted from the anchor's side, 0 first) breaks them and how. */
export type PolicyOutcome =
  | { readonly isValid: true; readonly policies: readonly string[] }
  | { readonly isValid: false; readonly at: number; readonly problem: string };

type Node = { readonly policy: string; expected: ReadonlySet<string>; readonly parents: readonly Node[] };
type Depth = Map<string, Node>;

const any = oid.anyPolicy;
const makeNode = (policy: string, parents: readonly Node[]): Node => ({ policy, expected: new Set([policy]), parents });

/** Section 6.1.3 (d): the nodes of a certificate's own depth. */
const nextDepth = (previous: Depth, { statements, isSelfIssued }: PolicyStep, isLast: boolean, inhibitAny: number): Depth => {
  const depth: Depth = new Map();
  const byExpected = new Map<string, Node[]>();
  for (const node of previous.values())
    for (const policy of node.expected) {
      const nodes = byExpected.get(policy);
      if (nodes === undefined) byExpected.set(policy, [node]);
      else nodes.push(node);
    }
  const anyAbove = previous.get(any);
  for (const { policy } of statements.policies ?? []) {
    if (policy === any) continue;
    const parents = byExpected.get(policy) ?? (anyAbove === undefined ? [] : [anyAbove]);
    if (parents.length > 0) depth.set(policy, makeNode(policy, parents));
  }
  const takesAny = statements.policies?.some(({ policy }) => policy === any) === true && (inhibitAny > 0 || (!isLast && isSelfIssued));
  if (takesAny) for (const [policy, parents] of byExpected) if (!depth.has(policy)) depth.set(policy, makeNode(policy, parents));
  return depth;
};

/** Section 6.1.4 (a) and (b): what the issuer calls one policy, its subjects call another. */
const applyMappings = (depth: Depth, { mappings }: PolicyStatements, mayMap: boolean): void => {
  const subjectsByIssuer = new Map<string, Set<string>>();
  for (const { issuerPolicy, subjectPolicy } of mappings) {
    const subjects = subjectsByIssuer.get(issuerPolicy) ?? new Set();
    subjectsByIssuer.set(issuerPolicy, subjects.add(subjectPolicy));
  }
  for (const [policy, subjects] of subjectsByIssuer) {
    const node = depth.get(policy);
    const anyNode = depth.get(any);
    if (!mayMap) depth.delete(policy);
    else if (node !== undefined) node.expected = subjects;
    else if (anyNode !== undefined) depth.set(policy, { policy, expected: subjects, parents: anyNode.parents });
  }
};

/** The policies of the anchor's own domain that lead to the last depth (RFC 9618 section 5.5): authority-constrained-policy-set. */
const authorityPolicies = (last: Depth): ReadonlySet<string> => {
  const found = new Set<string>();
  if (last.has(any)) found.add(any);
  const seen = new Set<Node>(last.values());
  for (const node of seen) {
    if (node.policy !== any && node.parents.some(({ policy }) => policy === any)) found.add(node.policy);
    for (const parent of node.parents) seen.add(parent);
  }
  return found;
};

const userPolicies = (authority: ReadonlySet<string>, acceptable: readonly string[]): readonly string[] => {
  if (acceptable.includes(any)) return [...authority];
  return authority.has(any) ? acceptable : acceptable.filter((policy) => authority.has(policy));
};

const lower = (limit: number, stated: number | undefined): number => Math.min(limit, stated ?? limit);
const count = (limit: number, { isSelfIssued }: PolicyStep): number => (isSelfIssued || limit === 0 ? limit : limit - 1);

/** Runs a path, the certificate that the anchor signed first, through the policy rules. */
export const processPolicies = (path: readonly PolicyStep[], request: PolicyRequest = {}): PolicyOutcome => {
  const unlimited = path.length + 1;
  let explicit = request.requireExplicitPolicy === true ? 0 : unlimited;
  let inhibitAny = request.inhibitAnyPolicy === true ? 0 : unlimited;
  let mapping = request.inhibitPolicyMapping === true ? 0 : unlimited;
  let depth: Depth = new Map([[any, makeNode(any, [])]]);
  for (const [at, step] of path.entries()) {
    const { statements } = step;
    const isLast = at === path.length - 1;
    // An absent extension empties the graph, and an empty graph stays empty.
    depth = nextDepth(depth, step, isLast, inhibitAny);
    if (explicit === 0 && depth.size === 0)
      return { isValid: false, at, problem: 'it names no policy that holds along the path, and one is required' };
    if (isLast) {
      if (explicit > 0) explicit--;
      if (statements.constraints?.requireExplicitPolicy === 0) explicit = 0;
      continue;
    }
    if (statements.mappings.some(({ issuerPolicy, subjectPolicy }) => issuerPolicy === any || subjectPolicy === any))
      return { isValid: false, at, problem: 'it maps anyPolicy' };
    applyMappings(depth, statements, mapping > 0);
    [explicit, mapping, inhibitAny] = [count(explicit, step), count(mapping, step), count(inhibitAny, step)];
    explicit = lower(explicit, statements.constraints?.requireExplicitPolicy);
    mapping = lower(mapping, statements.constraints?.inhibitPolicyMapping);
    inhibitAny = lower(inhibitAny, statements.inhibitAnyPolicy);
  }
  const policies = userPolicies(authorityPolicies(depth), request.acceptable ?? [any]);
  if (explicit === 0 && policies.length === 0)
    return { isValid: false, at: path.length - 1, problem: 'the path is valid for no policy that is accepted, and one is required' };
  return { isValid: true, policies };
};
