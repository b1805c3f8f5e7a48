// Matching a host against the names of a certificate (RFC 9525).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { testCa, testLeaf } from '../testing/certificates.ts';
import type { GeneralName } from './general-name.ts';
import { matchesDnsName, matchesIp } from './host-match.ts';

const withNames = (...subjectAltNames: readonly GeneralName[]) => ({ subjectAltNames });
const dns = (value: string): GeneralName => ({ type: 'dns', value });

describe('matching a host name', () => {
  test('a name matches itself, letter case and a dot at the end of the asked one aside', () => {
    assert.ok(matchesDnsName(withNames(dns('a.Example.com')), 'A.example.COM'));
    assert.ok(matchesDnsName(withNames(dns('a.example.com')), 'a.example.com.'));
    assert.ok(matchesDnsName(withNames(dns('kubernetes')), 'kubernetes'));
    assert.ok(matchesDnsName(withNames(dns('x.org'), dns('my_host.local')), 'my_host.local'));
    assert.ok(!matchesDnsName(withNames(dns('a.example.com')), 'example.com'));
    assert.ok(!matchesDnsName(withNames(dns('a.example.com.')), 'a.example.com'));
    assert.ok(!matchesDnsName(withNames(dns('a.example.com')), 'a.example.com..'));
  });

  test('a wildcard stands for exactly one whole label', () => {
    const wildcard = withNames(dns('*.example.com'));
    assert.ok(matchesDnsName(wildcard, 'a.EXAMPLE.com'));
    for (const host of ['example.com', 'a.b.example.com', '.example.com', 'aexample.com', '*.example.com'])
      assert.ok(!matchesDnsName(wildcard, host), host);
  });

  test('a wildcard elsewhere, as a part of a label, right above a top-level name or for an underscore matches nothing', () => {
    for (const [pattern, host] of [
      ['a.*.com', 'a.b.com'],
      ['f*.example.com', 'foo.example.com'],
      ['*', 'a'],
      ['*.com', 'example.com'],
      ['*.*.com', 'a.b.com'],
      ['*._tcp.example.com', 'a._tcp.example.com'],
      ['*.example.com', '_tcp.example.com'],
    ] as const)
      assert.ok(!matchesDnsName(withNames(dns(pattern)), host), pattern);
  });

  test('other types of name and the common name never match a host', async () => {
    const texts = withNames({ type: 'email', value: 'a.example.com' }, { type: 'uri', value: 'a.example.com' });
    assert.ok(!matchesDnsName(texts, 'a.example.com'));
    const leaf = await testLeaf(await testCa(), { subject: 'cn.example', subjectAltNames: [dns('san.example')] });
    assert.ok(matchesDnsName(leaf, 'san.example'));
    assert.ok(!matchesDnsName(leaf, 'cn.example'));
    assert.ok(!matchesDnsName({ subjectAltNames: undefined }, 'cn.example'));
  });

  test('an address is no host name, even where a DNS name spells it', () => {
    assert.ok(!matchesDnsName(withNames(dns('10.0.0.1')), '10.0.0.1'));
    assert.ok(!matchesDnsName(withNames({ type: 'ip', value: '10.0.0.1' }), '10.0.0.1'));
  });
});

describe('matching an address', () => {
  test('an address matches by its octets, however it is written', () => {
    assert.ok(matchesIp(withNames({ type: 'ip', value: 'fd00::1' }), 'FD00:0:0:0:0:0:0:1'));
    assert.ok(matchesIp(withNames({ type: 'ip', value: '10.0.0.1' }), '10.0.0.1'));
    assert.ok(!matchesIp(withNames({ type: 'ip', value: '10.0.0.1' }), '10.0.0.2'));
    assert.ok(!matchesIp(withNames({ type: 'ip', value: '10.0.0.1' }), '::ffff:10.0.0.1'));
  });

  test('a DNS name that spells an address, a zone and text that is no address match nothing', () => {
    assert.ok(!matchesIp(withNames(dns('10.0.0.1')), '10.0.0.1'));
    assert.ok(!matchesIp(withNames({ type: 'ip', value: 'fe80::1' }), 'fe80::1%eth0'));
    assert.ok(!matchesIp(withNames({ type: 'ip', value: '10.0.0.1' }), ''));
    assert.ok(!matchesIp({ subjectAltNames: undefined }, '10.0.0.1'));
  });
});
