import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import type { KubernetesObject } from './object.ts';
import { type Access, aggregates, isSubject, type PolicyRule, type ResourceAccess, ruleAllows, uncovered } from './rbac.ts';

const rule = (changes: Partial<PolicyRule>): PolicyRule => ({
  verbs: ['get'],
  apiGroups: [''],
  resources: ['pods'],
  resourceNames: [],
  nonResourceURLs: [],
  ...changes,
});
const access = (changes: Partial<ResourceAccess> = {}): ResourceAccess => ({
  verb: 'get',
  group: '',
  resource: 'pods',
  subresource: '',
  namespace: 'n',
  name: 'p',
  ...changes,
});

describe('a rule', () => {
  test('allows what it names, and by wildcards', () => {
    const cases: readonly (readonly [Partial<PolicyRule>, Access, boolean])[] = [
      [{}, access(), true],
      [{}, access({ verb: 'list' }), false],
      [{ verbs: ['*'] }, access({ verb: 'fly' }), true],
      [{}, access({ group: 'apps' }), false],
      [{ apiGroups: ['*'] }, access({ group: 'apps' }), true],
      [{}, access({ subresource: 'log' }), false],
      [{ resources: ['pods/log'] }, access({ subresource: 'log' }), true],
      [{ resources: ['pods/log'] }, access(), false],
      [{ resources: ['*/log'] }, access({ subresource: 'log' }), true],
      [{ resources: ['*/log'] }, access(), false],
      [{ resources: ['*'] }, access({ subresource: 'log' }), true],
      [{ resourceNames: ['p'] }, access(), true],
      [{ resourceNames: ['p'] }, access({ name: '' }), false],
      [{ resourceNames: ['p'] }, access({ name: 'q' }), false],
      [{ nonResourceURLs: ['/healthz/*'], resources: [] }, { verb: 'get', path: '/healthz/etcd' }, true],
      [{ nonResourceURLs: ['/healthz'], resources: [] }, { verb: 'get', path: '/healthz/etcd' }, false],
      [{ nonResourceURLs: ['*'], resources: [] }, { verb: 'get', path: '/x' }, true],
      [{ resources: ['*'] }, { verb: 'get', path: '/x' }, false],
    ];
    for (const [changes, wanted, expected] of cases)
      assert.equal(ruleAllows(rule(changes), wanted), expected, JSON.stringify([changes, wanted]));
  });
});

describe('rules that cover others', () => {
  test('leave over what is held by none of them', () => {
    const held = [rule({ verbs: ['get', 'list'] }), rule({ resources: ['secrets'], resourceNames: ['a'] })];
    const left = (...wanted: readonly PolicyRule[]) => uncovered(held, wanted).length;
    assert.equal(left(rule({ verbs: ['list'] })), 0);
    assert.equal(left(rule({ verbs: ['list', 'watch'] })), 1);
    assert.equal(left(rule({ verbs: ['*'] })), 1);
    assert.equal(left(rule({ resources: ['pods/log'] })), 1);
    assert.equal(left(rule({ resources: ['secrets'], resourceNames: ['a'] })), 0);
    assert.equal(left(rule({ resources: ['secrets'], resourceNames: ['a', 'b'] })), 1);
    assert.equal(left(rule({ resources: ['secrets'] })), 1, 'one name is not every name');
    assert.equal(left(rule({ resourceNames: ['any'] })), 0);
    assert.equal(left(rule({ resources: [], nonResourceURLs: ['/x'] })), 1);
  });

  test('cover nothing that they do not allow', () => {
    const of = (values: readonly string[]) => fc.subarray([...values], { minLength: 1 });
    const rules = fc.record({
      verbs: of(['get', 'list', '*']),
      apiGroups: of(['', 'apps', '*']),
      resources: of(['pods', 'pods/log', '*/log', '*']),
      resourceNames: fc.subarray(['a', 'b']),
      nonResourceURLs: fc.constant([]),
    });
    const wanted = fc.record({
      verb: fc.constantFrom('get', 'list', 'watch'),
      group: fc.constantFrom('', 'apps', 'x'),
      resource: fc.constantFrom('pods', 'secrets'),
      subresource: fc.constantFrom('', 'log'),
      namespace: fc.constant('n'),
      name: fc.constantFrom('', 'a', 'b', 'c'),
    });
    fc.assert(
      fc.property(fc.array(rules, { maxLength: 3 }), rules, wanted, (held, asked, use) => {
        if (uncovered(held, [asked]).length > 0 || !ruleAllows(asked, use)) return;
        assert.ok(
          held.some((one) => ruleAllows(one, use)),
          'what could be granted could not be done',
        );
      }),
      { numRuns: runs(2000, 50_000) },
    );
  });
});

describe('subjects and aggregation', () => {
  test('a service account is its user name, in the namespace of the binding unless it says another', () => {
    const user = { username: 'system:serviceaccount:n:bot', groups: ['g'] };
    assert.equal(isSubject({ kind: 'ServiceAccount', name: 'bot' }, user, 'n'), true);
    assert.equal(isSubject({ kind: 'ServiceAccount', name: 'bot' }, user, ''), false);
    assert.equal(isSubject({ kind: 'ServiceAccount', name: 'bot', namespace: 'other' }, user, 'n'), false);
    assert.equal(isSubject({ kind: 'Group', name: 'g' }, user, ''), true);
    assert.equal(isSubject({ kind: 'User', name: 'g' }, user, ''), false);
    assert.equal(isSubject({ kind: 'Odd', name: 'g' }, user, ''), false);
  });

  test('a role is gathered by labels and expressions, and an empty selector gathers nothing', () => {
    const role = (selector: object): KubernetesObject => ({
      apiVersion: 'v1',
      kind: 'ClusterRole',
      metadata: {},
      aggregationRule: { clusterRoleSelectors: [selector] },
    });
    assert.equal(aggregates(role({ matchLabels: { a: 'b' } }), { a: 'b', c: 'd' }), true);
    assert.equal(aggregates(role({ matchLabels: { a: 'b' } }), {}), false);
    assert.equal(aggregates(role({}), { a: 'b' }), false);
    assert.equal(
      aggregates(
        role({
          matchExpressions: [
            { key: 'a', operator: 'In', values: ['b'] },
            { key: 'z', operator: 'DoesNotExist' },
          ],
        }),
        { a: 'b' },
      ),
      true,
    );
    assert.equal(aggregates(role({ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['b'] }] }), { a: 'b' }), false);
    assert.equal(aggregates(role({ matchExpressions: [{ key: 'a', operator: 'Exists' }] }), { a: '' }), true);
  });
});
