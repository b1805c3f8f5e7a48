// Chains that we refuse and OpenSSL or Go accepts: a table with the reason for each, held against both programs.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { encodeDistributionPoints } from '../../src/pki/extension.ts';
import { oid } from '../../src/pki/oid.ts';
import { mappingsExtension, policiesExtension, policyConstraintsExtension } from '../../src/testing/chains.ts';
import { needs, tool } from '../../src/testing/tools.ts';
import { chain, dns, goSays, isForGo, matrix, opensslSays, ours, p1, p2, range, type Scenario, ten } from './chain-verifiers.ts';

const email = (value: string) => ({ type: 'email', value }) as const;
const uri = (value: string) => ({ type: 'uri', value }) as const;
const weakKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
const crlPoint = { oid: oid.crlDistributionPoints, critical: true, value: encodeDistributionPoints(['http://crl.example/1']) };

/** What we refuse and another accepts: why, the chain, our rule, and who accepts it. */
const stricter: readonly (readonly [why: string, scenario: Scenario, rule: string, others: readonly ('openssl' | 'go')[]])[] = [
  [
    'a wildcard may stand for an excluded name',
    chain([{ excluded: [dns('a.example')] }], { names: [dns('*.example')] }),
    'name-constraints',
    ['openssl'],
  ],
  [
    'an excluded address is spelt as IPv6',
    chain([{ excluded: [ten] }], { names: [{ type: 'ip', value: '::ffff:10.0.0.1' }] }),
    'name-constraints',
    ['openssl', 'go'],
  ],
  [
    'an excluded range has a mask with holes',
    chain([{ excluded: [range(10, 0, 0, 1, 255, 0, 0, 255)] }], { names: [{ type: 'ip', value: '10.0.0.2' }] }),
    'name-constraints',
    ['openssl'],
  ],
  [
    'an exclusion has a dot in front, which may mean the name itself',
    chain([{ excluded: [dns('.leaf.example')] }]),
    'name-constraints',
    ['openssl', 'go'],
  ],
  [
    'an excluded mailbox is spelt with quotes',
    chain([{ excluded: [email('joe@example.com')] }], { names: [email('"joe"@example.com')] }),
    'name-constraints',
    ['openssl'],
  ],
  [
    'a constrained URI has an address for a host',
    chain([{ excluded: [uri('example')] }], { names: [uri('https://10.0.0.1/')] }),
    'name-constraints',
    ['openssl'],
  ],
  [
    'an email address in the subject is not permitted',
    chain([{ permitted: [email('example.com')] }], { subject: 'CN=leaf,EMAILADDRESS=a@evil.org' }),
    'name-constraints',
    ['go'],
  ],
  [
    'a common name that software takes for the host is not permitted',
    chain([{ permitted: [dns('example')] }], { subject: 'CN=www.evil.org', names: [email('a@b')] }),
    'name-constraints',
    ['go'],
  ],
  [
    'a critical extension is known by name but not processed',
    chain([{}], { extensions: [crlPoint] }),
    'critical-extension',
    ['openssl', 'go'],
  ],
  ['a signature is made with SHA-1', chain([{}], { weak: true }), 'signature-algorithm', ['openssl']],
  ['a key is of 1024 bits', chain([{}], { publicKey: weakKey }), 'public-key', ['openssl', 'go']],
  ['the purpose is not named, only "any"', chain([{}], { purposes: [oid.anyExtendedKeyUsage] }), 'any-extended-key-usage', ['go']],
  ['the list of purposes of a CA is empty', chain([{ purposes: [] }]), 'extended-key-usage', ['go']],
  ['the key usage does not fit the purpose', chain([{}], { usages: ['content commitment'] }), 'key-usage', ['go']],
  [
    'a CA requires a policy (OpenSSL asks only with -policy_check)',
    chain([{ extensions: [policyConstraintsExtension(0)] }]),
    'policy',
    ['openssl'],
  ],
  [
    'a CA maps any policy (OpenSSL asks only with -policy_check)',
    chain([{ extensions: [policiesExtension([p1]), mappingsExtension([oid.anyPolicy, p2])] }]),
    'policy',
    ['openssl'],
  ],
  ['the root of version 3 does not say that it is a CA', chain([{}], {}, { ca: null }), 'anchor-basic-constraints', ['openssl']],
];

describe('where we refuse and others accept', () => {
  const goVerdicts = new Map<Scenario, string>();
  before(() => {
    if (tool('go') === undefined) return;
    const says = goSays(stricter.map(([, scenario]) => scenario));
    for (const [i, [, scenario]] of stricter.entries()) goVerdicts.set(scenario, says[i] ?? '');
  });

  for (const [why, scenario, rule, others] of stricter)
    test(`${others.join(' and ')}: ${why}`, needs('openssl', 'go'), () => {
      assert.equal(ours(scenario), rule);
      assert.deepEqual(
        [['openssl', opensslSays(scenario) === 'ok'], ...(isForGo(scenario) ? [['go', goVerdicts.get(scenario) === 'ok']] : [])],
        [['openssl', others.includes('openssl')], ...(isForGo(scenario) ? [['go', others.includes('go')]] : [])],
      );
    });

  test('of the matrix of single faults we refuse nothing that both accept', needs('openssl', 'go'), () => {
    const refused = matrix.filter((scenario) => isForGo(scenario) && ours(scenario) !== 'ok');
    const says = goSays(refused);
    const accepted = refused.filter((_, i) => says[i] === 'ok');
    assert.ok(accepted.length > 10);
    for (const scenario of accepted)
      assert.notEqual(opensslSays(scenario, '-policy_check', '-policy', oid.anyPolicy), 'ok', ours(scenario));
  });
});
