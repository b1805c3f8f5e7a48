// Our path validation against OpenSSL's and Go's, on chains sound and unsound. What we accept, both accept, and where every certificate is
// free of lint findings OpenSSL accepts it with -x509_strict too. Two refusals of OpenSSL are not ours: it counts the last second of
// a validity as expired, and takes key identifiers for a rule. Where we are the stricter is chain-strictness.test.ts.

import assert from 'node:assert/strict';
import { X509Certificate as NodeCertificate } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { matchesDnsName, matchesIp } from '../../src/pki/host-match.ts';
import { oid } from '../../src/pki/oid.ts';
import { testDay } from '../../src/testing/certificates.ts';
import { chainCa, chainLeaf } from '../../src/testing/chains.ts';
import { runs } from '../../src/testing/runs.ts';
import { needs } from '../../src/testing/tools.ts';
import { base64, chain, directory, dns, goSays, isClean, isForGo, matrix, opensslSays, ours, range } from './chain-verifiers.ts';

const label = fc.constantFrom('a', 'b', 'c');
const host = fc.array(label, { minLength: 1, maxLength: 3 }).map((parts) => `${parts.join('.')}.example`);
const hostName = fc
  .tuple(fc.boolean(), host, fc.boolean())
  .map(([isWildcard, name, upper]) => dns(`${isWildcard ? '*.' : ''}${upper ? name.toUpperCase() : name}`));
const address = fc.tuple(fc.nat(3), fc.nat(255)).map(([a, b]) => ({ type: 'ip', value: `10.${a}.0.${b}` }) as const);
const subtree = fc.oneof(
  host.map(dns),
  // Without bits that the mask covers: RFC 5280 does not say what they mean, and since 1.26 Go takes such a range for another one.
  fc.tuple(fc.nat(3), fc.constantFrom(0, 128, 255)).map(([a, mask]) => range(10, a & mask, 0, 0, 255, mask, 0, 0)),
  fc.constantFrom(directory('O=Example'), directory('O=Other')),
);
const subtrees = fc.array(subtree, { maxLength: 2 });
const purposes = fc.option(fc.subarray([oid.serverAuth, oid.clientAuth], { minLength: 1 }), { nil: undefined });
const optional = <Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });
const randomCa = fc
  .record({
    length: fc.option(fc.nat(2), { nil: undefined }),
    permitted: fc.option(subtrees, { nil: [] }),
    excluded: fc.option(subtrees, { nil: [] }),
    use: purposes,
  })
  .map(({ length, permitted, excluded, use }) => ({
    ...optional('pathLength', length),
    ...optional('purposes', use),
    permitted,
    excluded,
  }));
const randomLeaf = fc
  .record({ names: fc.array(fc.oneof(hostName, address), { minLength: 1, maxLength: 3 }), isOurs: fc.boolean() })
  .map(({ names, isOurs }) => ({ names, subject: isOurs ? 'CN=leaf,O=Example' : 'CN=leaf,O=Other' }));
const randomChain = fc.tuple(
  fc.array(
    randomCa.map((part) => ({ ...part })),
    { maxLength: 3 },
  ),
  randomLeaf,
  randomCa,
);

describe('what we accept, others accept', () => {
  test('OpenSSL, on a matrix of single faults, strictly where lint finds nothing', needs('openssl'), () => {
    const verdicts = matrix.map((scenario) => ({ scenario, verdict: ours(scenario) }));
    const accepted = verdicts.filter(({ verdict }) => verdict === 'ok');
    assert.ok(accepted.length > 100 && verdicts.length - accepted.length > 300, `${accepted.length} of ${verdicts.length}`);
    let strict = 0;
    for (const { scenario } of accepted) {
      const isStrict = isClean(scenario);
      if (isStrict) strict++;
      const says = opensslSays(scenario, '-policy_check', '-policy', oid.anyPolicy, ...(isStrict ? ['-x509_strict'] : []));
      assert.equal(says, 'ok', `${says}\n${base64([scenario.leaf, ...scenario.intermediates, scenario.root])}`);
    }
    assert.ok(strict > 20, String(strict));
  });

  test('OpenSSL, on random chains of path lengths, constraints and purposes', needs('openssl'), () => {
    let accepted = 0;
    fc.assert(
      fc.property(randomChain, ([cas, leaf, root]) => {
        const scenario = chain(cas, leaf, root);
        if (ours(scenario) !== 'ok') return;
        accepted++;
        assert.equal(opensslSays(scenario, ...(isClean(scenario) ? ['-x509_strict'] : [])), 'ok');
      }),
      { numRuns: runs(200, 2000) },
    );
    assert.ok(accepted > 10, String(accepted));
  });

  test('Go, on both', needs('go'), () => {
    const random = fc.sample(randomChain, runs(300, 5000)).map(([cas, leaf, root]) => chain(cas, leaf, root));
    const accepted = [...matrix, ...random].filter((scenario) => isForGo(scenario) && ours(scenario) === 'ok');
    assert.ok(accepted.length > 100, String(accepted.length));
    const says = goSays(accepted);
    assert.equal(says.length, accepted.length);
    for (const [i, verdict] of says.entries())
      assert.equal(verdict, 'ok', base64([accepted[i]?.leaf, ...(accepted[i]?.intermediates ?? [])].flatMap((found) => found ?? [])));
  });
});

describe('where OpenSSL refuses and we accept', () => {
  test('in the last second of a validity, which is inside', needs('openssl'), () => {
    const scenario = { ...chain([{}], { notAfter: testDay(3) }), at: testDay(3) };
    assert.equal(ours(scenario), 'ok');
    assert.match(opensslSays(scenario), /certificate has expired/);
    assert.equal(opensslSays({ ...scenario, at: new Date(testDay(3).getTime() - 1000) }), 'ok');
  });

  test('where a key identifier is not the one of the CA, which is a hint and no rule', needs('openssl'), () => {
    const root = chainCa({ subject: 'CN=Root' });
    const ca = chainCa({ subject: 'CN=CA', issuer: root });
    const leaf = chainLeaf({ certificate: ca.certificate, key: 4712 }, { signedWith: ca.key });
    const scenario = { leaf, intermediates: [ca.certificate], root: root.certificate };
    assert.equal(ours(scenario), 'ok');
    assert.match(opensslSays(scenario), /unable to get local issuer certificate/);
  });
});

describe('hosts', () => {
  test('what we match, Node matches, over names and wildcards of every shape', () => {
    const part = fc.constantFrom('a', 'b', '*', 'xn--bcher-kva', 'a*', '', '_x', 'A');
    const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
    const root = chainCa({ subject: 'CN=Root' });
    let matched = 0;
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 3 }), name, (names, asked) => {
        const leaf = chainLeaf(root, { subject: 'CN=a.b', names: [...names.map(dns), { type: 'ip', value: '10.0.0.1' }] });
        if (!matchesDnsName(leaf, asked)) return;
        matched++;
        assert.notEqual(
          new NodeCertificate(leaf.raw).checkHost(asked.replace(/\.$/, ''), { subject: 'never', partialWildcards: false }),
          undefined,
          `${names} ${asked}`,
        );
      }),
      { numRuns: runs(1000, 50_000) },
    );
    assert.ok(matched > 10, String(matched));
  });

  test('addresses match as in Node', () => {
    const leaf = chainLeaf(chainCa({ subject: 'CN=Root' }), {
      names: [
        { type: 'ip', value: '10.0.0.1' },
        { type: 'ip', value: 'fd00::1' },
      ],
    });
    for (const address of ['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00:0::1', 'FD00::1', 'fd00::2', '::ffff:10.0.0.1'])
      assert.equal(matchesIp(leaf, address), new NodeCertificate(leaf.raw).checkIP(address) !== undefined, address);
  });
});
