import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertCoded } from '../testing/coded-errors.ts';
import { oid } from './oid.ts';
import { extendedUsageName, extendedUsageOids, keyUsageBits, parseUsage, splitUsages, type Usage, usages } from './usage.ts';

describe('key usages', () => {
  test('the usages are the 23 that Kubernetes names', () => {
    assert.deepEqual([...usages].sort(), [
      ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only'],
      ...['digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel', 'ipsec user', 'key agreement'],
      ...['key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping'],
    ]);
    assert.equal(usages.length, 23);
  });

  test('each usage is one bit or one purpose, and two pairs are one by two names', () => {
    const bitOf = (usage: Usage) => splitUsages([usage]).keyUsage;
    const purposeOf = (usage: Usage) => splitUsages([usage]).extendedKeyUsage;
    for (const usage of usages) assert.equal(bitOf(usage).length + purposeOf(usage).length, 1, usage);
    assert.deepEqual(bitOf('signing'), ['digital signature']);
    assert.deepEqual(purposeOf('s/mime'), purposeOf('email protection'));
    // RFC 5280 section 4.2.1.3 numbers the bits; section 4.2.1.12 and the vendors give the purposes.
    assert.deepEqual(
      [...keyUsageBits],
      [
        ...['digital signature', 'content commitment', 'key encipherment', 'data encipherment', 'key agreement'],
        ...['cert sign', 'crl sign', 'encipher only', 'decipher only'],
      ],
    );
    assert.deepEqual(extendedUsageOids, {
      any: '2.5.29.37.0',
      'server auth': '1.3.6.1.5.5.7.3.1',
      'client auth': '1.3.6.1.5.5.7.3.2',
      'code signing': '1.3.6.1.5.5.7.3.3',
      'email protection': '1.3.6.1.5.5.7.3.4',
      's/mime': '1.3.6.1.5.5.7.3.4',
      'ipsec end system': '1.3.6.1.5.5.7.3.5',
      'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
      'ipsec user': '1.3.6.1.5.5.7.3.7',
      timestamping: '1.3.6.1.5.5.7.3.8',
      'ocsp signing': '1.3.6.1.5.5.7.3.9',
      'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
      'netscape sgc': '2.16.840.1.113730.4.1',
    });
  });

  test('bits are in the order of their numbers, purposes in the order given, each once', () => {
    assert.deepEqual(
      splitUsages(['server auth', 'crl sign', 'email protection', 'signing', 's/mime', 'digital signature', 'client auth']),
      {
        keyUsage: ['digital signature', 'crl sign'],
        extendedKeyUsage: [oid.serverAuth, oid.emailProtection, oid.clientAuth],
      },
    );
    assert.deepEqual(splitUsages([]), { keyUsage: [], extendedKeyUsage: [] });
  });

  test('a usage is meant by its name, joined or in another case, and by the words of others', () => {
    for (const usage of usages) {
      assert.equal(parseUsage(usage), usage);
      assert.equal(parseUsage(usage.toUpperCase()), usage);
      assert.equal(parseUsage(usage.replaceAll(' ', '-')), usage);
      assert.equal(parseUsage(usage.replaceAll(/ ./g, (match) => match.slice(1).toUpperCase())), usage);
    }
    assert.equal(parseUsage('nonRepudiation'), 'content commitment');
    assert.equal(parseUsage('keyCertSign'), 'cert sign');
    assert.equal(parseUsage('cRLSigning'), 'crl sign');
    assert.equal(parseUsage('smime'), 's/mime');
  });

  test('words that are no usage are refused with the list of those that are', () => {
    for (const word of ['', 'server', 'serverauthentication', 'server auth!', 'constructor', 'server\u00a0auth2'])
      assertCoded('UsageUnknown', () => parseUsage(word), /none of the 23/);
    try {
      parseUsage('x');
    } catch (error) {
      assert.match(String((error as { hint?: unknown }).hint), /server auth/);
    }
  });

  test('a purpose has its name, or its identifier where it has none', () => {
    assert.equal(extendedUsageName(oid.emailProtection), 'email protection');
    assert.equal(extendedUsageName(oid.serverAuth), 'server auth');
    assert.equal(extendedUsageName('1.2.3'), '1.2.3');
  });
});
