// Certificate policies along a path (RFC 5280 sections 6.1.2 to 6.1.5, RFC 9618), after PKITS 4.8 to 4.12, and their extensions.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../base/coded-error.ts';
import { reason, refusedBy, root, verify } from '../testing/chain-verdicts.ts';
import {
  chainCa,
  chainLeaf,
  inhibitAnyPolicyExtension,
  mappingsExtension,
  policiesExtension,
  policyConstraintsExtension,
} from '../testing/chains.ts';
import { countSteps } from '../testing/counted-bytes.ts';
import { runs } from '../testing/runs.ts';
import { sequence } from './der.ts';
import { encodeOid, oid } from './oid.ts';
import {
  decodeCertificatePolicies,
  decodeInhibitAnyPolicy,
  decodePolicyConstraints,
  decodePolicyMappings,
  type PolicyStatements,
} from './policy-extensions.ts';
import { type PolicyOutcome, type PolicyRequest, type PolicyStep, processPolicies } from './policy-graph.ts';

const p1 = '2.16.840.1.101.3.2.1.48.1';
const p2 = '2.16.840.1.101.3.2.1.48.2';
const p3 = '2.16.840.1.101.3.2.1.48.3';
const any = oid.anyPolicy;

type Part = {
  readonly has?: readonly string[];
  readonly maps?: readonly (readonly [string, string])[];
  readonly explicit?: number;
  readonly noMapping?: number;
  readonly noAny?: number;
  readonly selfIssued?: boolean;
};

const step = ({ has, maps = [], explicit, noMapping, noAny, selfIssued = false }: Part): PolicyStep => {
  const hasConstraints = explicit !== undefined || noMapping !== undefined;
  const statements: PolicyStatements = {
    policies: has?.map((policy) => ({ policy, qualifiers: [] })),
    mappings: maps.map(([issuerPolicy, subjectPolicy]) => ({ issuerPolicy, subjectPolicy })),
    constraints: hasConstraints ? { requireExplicitPolicy: explicit, inhibitPolicyMapping: noMapping } : undefined,
    inhibitAnyPolicy: noAny,
  };
  return { statements, isSelfIssued: selfIssued };
};
const run = (request: PolicyRequest, ...parts: readonly Part[]): PolicyOutcome => processPolicies(parts.map(step), request);
/** The policies of a valid path as text, or at which certificate it breaks. */
const outcome = (request: PolicyRequest, ...parts: readonly Part[]): string => {
  const found = run(request, ...parts);
  return found.isValid
    ? [...found.policies]
        .map((policy) => (policy === any ? 'any' : `p${policy.at(-1)}`))
        .sort()
        .join(' ')
    : `refused at ${found.at}`;
};
const must = { requireExplicitPolicy: true };

describe('policies along a path', () => {
  test('those that every certificate has hold (PKITS 4.8)', () => {
    assert.equal(outcome({}, { has: [p1] }, { has: [p1] }, { has: [p1] }), 'p1');
    assert.equal(outcome({}, { has: [p1, p2] }, { has: [p2, p3] }, { has: [p2] }), 'p2');
    assert.equal(outcome({}, { has: [p1] }, { has: [p2] }), '');
    assert.equal(outcome({}, { has: [p1] }, {}, { has: [p1] }), '');
    assert.equal(outcome({}, {}, {}), '');
  });

  test('without one the path breaks only where one is required', () => {
    assert.equal(outcome(must, { has: [p1] }, { has: [p1] }), 'p1');
    assert.equal(outcome(must, { has: [p1] }, { has: [p2] }, { has: [p2] }), 'refused at 1');
    assert.equal(outcome(must, {}, { has: [p1] }), 'refused at 0');
    assert.equal(outcome({ ...must, acceptable: [p2] }, { has: [p1] }, { has: [p1] }), 'refused at 1');
    assert.equal(outcome({ ...must, acceptable: [p1, p2] }, { has: [p1] }, { has: [p1] }), 'p1');
    assert.equal(outcome({ acceptable: [p2] }, { has: [p1] }, { has: [p1] }), '');
  });

  test('any stands for every policy, until it is inhibited (PKITS 4.8, 4.12)', () => {
    assert.equal(outcome(must, { has: [any] }, { has: [p1] }), 'p1');
    assert.equal(outcome(must, { has: [p1] }, { has: [any] }), 'p1');
    assert.equal(outcome(must, { has: [any] }, { has: [any] }), 'any');
    assert.equal(outcome({ ...must, acceptable: [p1] }, { has: [any] }, { has: [any] }), 'p1');
    assert.equal(outcome({ ...must, inhibitAnyPolicy: true }, { has: [any] }, { has: [p1] }), 'refused at 0');
    assert.equal(outcome(must, { has: [any], noAny: 0 }, { has: [any] }), 'refused at 1');
    assert.equal(outcome(must, { has: [any], noAny: 1 }, { has: [any] }, { has: [p1] }), 'p1');
    assert.equal(outcome(must, { has: [any], noAny: 1 }, { has: [any] }, { has: [any] }), 'refused at 2');
    // A later number may lower, never raise.
    assert.equal(outcome(must, { has: [p1], noAny: 0 }, { has: [p1], noAny: 9 }, { has: [any] }), 'refused at 2');
  });

  test('self-issued certificates may use any where it is inhibited, but for the last, and are not counted (PKITS 4.12)', () => {
    assert.equal(outcome(must, { has: [p1], noAny: 0 }, { has: [any], selfIssued: true }, { has: [p1] }), 'p1');
    assert.equal(outcome(must, { has: [p1], noAny: 0 }, { has: [any], selfIssued: true }), 'refused at 1');
    assert.equal(outcome(must, { has: [p1], noAny: 1 }, { has: [p1], selfIssued: true }, { has: [any] }, { has: [p1] }), 'p1');
  });

  test('a CA may require a policy from some certificate on (PKITS 4.9)', () => {
    assert.equal(outcome({}, { explicit: 0 }, {}), 'refused at 1');
    assert.equal(outcome({}, { explicit: 1 }, {}), 'refused at 1');
    assert.equal(outcome({}, { explicit: 2 }, {}), '');
    assert.equal(outcome({}, { explicit: 2 }, {}, {}), 'refused at 2');
    assert.equal(outcome({}, { explicit: 5 }, { explicit: 1 }, {}), 'refused at 2');
    assert.equal(outcome({}, { explicit: 0 }, { explicit: 5 }, {}), 'refused at 1');
    assert.equal(outcome({}, { has: [p1], explicit: 0 }, { has: [p1] }), 'p1');
    // Self-issued certificates do not use the number up; a leaf may require it of itself.
    assert.equal(outcome({}, { explicit: 2 }, { selfIssued: true }, {}), '');
    assert.equal(outcome({}, {}, { explicit: 0 }), 'refused at 1');
    assert.equal(outcome({}, {}, { explicit: 1 }), '');
  });

  test('mapped policies hold under the issuer’s name (PKITS 4.10)', () => {
    assert.equal(outcome(must, { has: [p1], maps: [[p1, p2]] }, { has: [p2] }), 'p1');
    assert.equal(outcome(must, { has: [p1], maps: [[p1, p2]] }, { has: [p1] }), 'refused at 1');
    assert.equal(outcome({ ...must, acceptable: [p2] }, { has: [p1], maps: [[p1, p2]] }, { has: [p2] }), 'refused at 1');
    assert.equal(
      outcome(
        must,
        {
          has: [p1],
          maps: [
            [p1, p2],
            [p1, p3],
          ],
        },
        { has: [p3] },
      ),
      'p1',
    );
    assert.equal(
      outcome(
        must,
        {
          has: [p1, p2],
          maps: [
            [p1, p3],
            [p2, p3],
          ],
        },
        { has: [p3] },
      ),
      'p1 p2',
    );
    // Twice over.
    assert.equal(outcome(must, { has: [p1], maps: [[p1, p2]] }, { has: [p2], maps: [[p2, p3]] }, { has: [p3] }), 'p1');
    // Of a policy that stands there as any alone.
    assert.equal(outcome(must, { has: [any], maps: [[p1, p2]] }, { has: [p2] }), 'p1');
    // Of one that does not stand there at all.
    assert.equal(outcome(must, { has: [p1], maps: [[p3, p2]] }, { has: [p2] }), 'refused at 1');
  });

  test('to and from any nothing is mapped (section 6.1.4 (a))', () => {
    assert.equal(outcome({}, { has: [p1], maps: [[any, p2]] }, { has: [p2] }), 'refused at 0');
    assert.equal(outcome({}, { has: [p1], maps: [[p1, any]] }, { has: [p2] }), 'refused at 0');
  });

  test('inhibited mappings take the policy away (PKITS 4.11)', () => {
    assert.equal(outcome({ ...must, inhibitPolicyMapping: true }, { has: [p1], maps: [[p1, p2]] }, { has: [p2] }), 'refused at 1');
    assert.equal(outcome({ ...must, inhibitPolicyMapping: true }, { has: [p1, p3], maps: [[p1, p2]] }, { has: [p3] }), 'p3');
    assert.equal(outcome(must, { has: [p1], noMapping: 0 }, { has: [p1], maps: [[p1, p2]] }, { has: [p2] }), 'refused at 2');
    assert.equal(outcome(must, { has: [p1], noMapping: 1 }, { has: [p1], maps: [[p1, p2]] }, { has: [p2] }), 'p1');
    assert.equal(
      outcome(must, { has: [p1], noMapping: 1 }, { has: [p1], selfIssued: true }, { has: [p1], maps: [[p1, p2]] }, { has: [p2] }),
      'p1',
    );
    assert.equal(outcome(must, { has: [p1], noMapping: 1 }, { has: [p1] }, { has: [p1], maps: [[p1, p2]] }, { has: [p2] }), 'refused at 3');
  });

  test('a path that doubles the policies of a tree with each certificate costs no more than its entries', () => {
    const policies = Array.from({ length: 200 }, (_, i) => `1.3.6.1.4.1.99999.${i}`);
    const maps = policies.flatMap((policy, i) => [0, 1, 2, 3].map((k) => [policy, policies[(i * 4 + k) % 200] ?? policy] as const));
    const parts = Array.from({ length: 30 }, (): Part => ({ has: policies, maps }));
    const started = process.cpuUsage();
    assert.equal(run(must, ...parts).isValid, true);
    assert.ok(process.cpuUsage(started).user < 2_000_000);
  });

  test('agree with the tree of RFC 5280 on arbitrary paths', () => {
    const policy = fc.constantFrom(p1, p2, p3);
    const skip = fc.option(fc.nat(3), { nil: undefined });
    const part: fc.Arbitrary<Part> = fc
      .record({
        has: fc.option(fc.uniqueArray(fc.constantFrom(p1, p2, p3, any), { maxLength: 4 }), { nil: undefined }),
        maps: fc.array(fc.tuple(policy, policy), { maxLength: 3 }),
        explicit: skip,
        noMapping: skip,
        noAny: skip,
        selfIssued: fc.boolean(),
      })
      .map(({ has, maps, explicit, noMapping, noAny, selfIssued }) => ({
        ...(has === undefined ? {} : { has }),
        maps,
        ...(explicit === undefined ? {} : { explicit }),
        ...(noMapping === undefined ? {} : { noMapping }),
        ...(noAny === undefined ? {} : { noAny }),
        selfIssued,
      }));
    const request = fc.record({
      acceptable: fc.uniqueArray(fc.constantFrom(p1, p2, p3, any), { minLength: 1, maxLength: 3 }),
      requireExplicitPolicy: fc.boolean(),
      inhibitPolicyMapping: fc.boolean(),
      inhibitAnyPolicy: fc.boolean(),
    });
    fc.assert(
      fc.property(request, fc.array(part, { minLength: 1, maxLength: 5 }), (asked, parts) => {
        const found = run(asked, ...parts);
        const expected = treePolicies(asked, parts);
        assert.equal(found.isValid, expected !== undefined);
        if (found.isValid) assert.deepEqual([...found.policies].sort(), [...(expected ?? [])].sort());
      }),
      { numRuns: runs(3000, 200_000) },
    );
  });
});

/** The valid policy tree as RFC 5280 draws it, node by node and with pruning: a model that is slow and plain. Undefined: the path breaks. */
type TreeNode = {
  readonly policy: string;
  expected: readonly string[];
  readonly parent: TreeNode | undefined;
  readonly children: Set<TreeNode>;
};

const treePolicies = (request: PolicyRequest, parts: readonly Part[]): ReadonlySet<string> | undefined => {
  const n = parts.length;
  const grow = (policy: string, expected: readonly string[], parent?: TreeNode): TreeNode => {
    const node = { policy, expected, parent, children: new Set<TreeNode>() };
    parent?.children.add(node);
    return node;
  };
  const top = grow(any, [any]);
  let tree: TreeNode | undefined = top;
  const at = (depth: number): TreeNode[] => {
    let nodes = tree === undefined ? [] : [tree];
    for (let i = 0; i < depth; i++) nodes = nodes.flatMap(({ children }) => [...children]);
    return nodes;
  };
  const remove = (node: TreeNode): void => {
    node.parent?.children.delete(node);
    if (node === top) tree = undefined;
  };
  const prune = (depth: number): void => {
    for (let i = depth; i >= 0; i--) for (const node of at(i)) if (node.children.size === 0) remove(node);
  };
  let explicit = request.requireExplicitPolicy === true ? 0 : n + 1;
  let inhibitAny = request.inhibitAnyPolicy === true ? 0 : n + 1;
  let mapping = request.inhibitPolicyMapping === true ? 0 : n + 1;
  for (const [index, { has, maps = [], explicit: explicitAt, noMapping, noAny, selfIssued = false }] of parts.entries()) {
    const i = index + 1;
    if (has === undefined) tree = undefined;
    else if (tree !== undefined) {
      const above = at(i - 1);
      for (const policy of has.filter((found) => found !== any)) {
        const matching = above.filter(({ expected }) => expected.includes(policy));
        const parents = matching.length > 0 ? matching : above.filter((node) => node.policy === any);
        for (const parent of parents) grow(policy, [policy], parent);
      }
      if (has.includes(any) && (inhibitAny > 0 || (i < n && selfIssued)))
        for (const parent of above)
          for (const policy of parent.expected)
            if (![...parent.children].some((child) => child.policy === policy)) grow(policy, [policy], parent);
      prune(i - 1);
    }
    if (explicit === 0 && tree === undefined) return undefined;
    if (i === n) {
      if (explicit > 0) explicit--;
      if (explicitAt === 0) explicit = 0;
      continue;
    }
    if (maps.some((pair) => pair.includes(any))) return undefined;
    for (const policy of new Set(maps.map(([from]) => from))) {
      const to = [...new Set(maps.filter(([from]) => from === policy).map(([, subject]) => subject))];
      const nodes = at(i).filter((node) => node.policy === policy);
      if (mapping === 0) for (const node of nodes) remove(node);
      else if (nodes.length > 0) for (const node of nodes) node.expected = to;
      else for (const node of at(i).filter((found) => found.policy === any)) grow(policy, to, node.parent);
    }
    prune(i - 1);
    if (!selfIssued)
      [explicit, mapping, inhibitAny] = [explicit, mapping, inhibitAny].map((count) => Math.max(0, count - 1)) as [number, number, number];
    explicit = Math.min(explicit, explicitAt ?? explicit);
    mapping = Math.min(mapping, noMapping ?? mapping);
    inhibitAny = Math.min(inhibitAny, noAny ?? inhibitAny);
  }
  const acceptable = request.acceptable ?? [any];
  const nodes = Array.from({ length: n }, (_, i) => at(i + 1)).flat();
  const own = nodes.filter(({ policy, parent }) => policy !== any && parent?.policy === any).map(({ policy }) => policy);
  const hasAny = at(n).some(({ policy }) => policy === any);
  const found = acceptable.includes(any)
    ? new Set([...own, ...(hasAny ? [any] : [])])
    : new Set(hasAny ? acceptable : acceptable.filter((policy) => own.includes(policy)));
  return explicit === 0 && found.size === 0 ? undefined : found;
};

describe('policies in certificates', () => {
  const over = (caExtensions: Parameters<typeof chainCa>[0]['extensions'], leafExtensions: Parameters<typeof chainCa>[0]['extensions']) => {
    const ca = chainCa({ subject: 'CN=CA', issuer: root, ...(caExtensions === undefined ? {} : { extensions: caExtensions }) });
    const leaf = chainLeaf(ca, leafExtensions === undefined ? {} : { extensions: leafExtensions });
    return [leaf, { intermediates: [ca.certificate] }] as const;
  };

  test('a path that keeps its policies is verified, and says which hold', () => {
    const [leaf, changes] = over([policiesExtension([p1, p2]), policyConstraintsExtension(0)], [policiesExtension([p2])]);
    assert.deepEqual(verify(leaf, changes).policies, [p2]);
    const [mapped, pool] = over(
      [policiesExtension([p1]), mappingsExtension([p1, p2]), policyConstraintsExtension(0, 5)],
      [policiesExtension([p2])],
    );
    assert.deepEqual(verify(mapped, { ...pool, policies: { acceptable: [p1] } }).policies, [p1]);
  });

  test('a path that breaks them is refused at the certificate that does', () => {
    const [leaf, changes] = over([policiesExtension([p1]), policyConstraintsExtension(0)], [policiesExtension([p2])]);
    refusedBy('policy', 'CN=leaf', leaf, changes);
    const [uninhibited, pool] = over(
      [policiesExtension([any]), inhibitAnyPolicyExtension(0), policyConstraintsExtension(0)],
      [policiesExtension([any])],
    );
    refusedBy('policy', 'CN=leaf', uninhibited, pool);
    const [mapsAny, other] = over([policiesExtension([p1]), mappingsExtension([any, p2])], undefined);
    refusedBy('policy', 'CN=CA', mapsAny, other);
    const [plain, last] = over(undefined, undefined);
    assert.equal(reason(plain, { ...last, policies: must }).rule, 'policy');
    assert.ok(verify(plain, last));
  });

  test('extensions about policies that cannot be read are refused', () => {
    for (const extension of [
      policiesExtension([]),
      policiesExtension([p1, p1]),
      mappingsExtension(),
      policyConstraintsExtension(),
      policyConstraintsExtension(0x80),
      { oid: oid.inhibitAnyPolicy, critical: true, value: Uint8Array.of(2, 1, 0x80) },
    ]) {
      const [leaf, changes] = over([extension], undefined);
      const { rule, subject } = reason(leaf, changes);
      assert.deepEqual([rule, subject], ['policy', 'CN=CA']);
    }
  });

  test('a qualifier that is not known is refused in a critical extension, and passed over in another', () => {
    const qualified = (type: string, critical: boolean) => ({
      oid: oid.certificatePolicies,
      critical,
      value: sequence(sequence(encodeOid(p1), sequence(sequence(encodeOid(type), Uint8Array.of(5, 0))))),
    });
    const [leaf, changes] = over(undefined, [qualified('1.2.3.4', true)]);
    refusedBy('critical-extension', 'CN=leaf', leaf, changes);
    for (const [type, critical] of [
      ['1.2.3.4', false],
      ['1.3.6.1.5.5.7.2.1', true],
      ['1.3.6.1.5.5.7.2.2', true],
    ] as const)
      assert.ok(verify(...over(undefined, [qualified(type, critical)])));
  });

  test('more policies than a thousand are refused', () => {
    const policies = Array.from({ length: 1001 }, (_, i) => `1.3.6.1.4.1.99999.${i}`);
    const [leaf, changes] = over(undefined, [policiesExtension(policies)]);
    assert.match(reason(leaf, changes).message, /more than 1000 entries/);
    assert.ok(verify(...over(undefined, [policiesExtension(policies.slice(1))])));
  });

  test('numbers too large to matter are read', () =>
    assert.equal(decodeInhibitAnyPolicy(Uint8Array.of(2, 6, 1, 0, 0, 0, 0, 0)), 0x7fffffff));

  test('arbitrary bytes give a value or a coded error', () => {
    const decoders = [decodeCertificatePolicies, decodePolicyMappings, decodePolicyConstraints, decodeInhibitAnyPolicy];
    fc.assert(
      fc.property(fc.constantFrom(...decoders), fc.uint8Array({ maxLength: 40 }), (decode, bytes) => {
        try {
          assert.ok(decode(bytes) !== undefined);
          assert.ok(countSteps(bytes, decode) <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof CodedError);
        }
      }),
      { numRuns: runs(5000, 200_000) },
    );
  });
});
