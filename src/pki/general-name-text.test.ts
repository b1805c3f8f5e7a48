import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { element, nullElement, octetString, sequence, tag } from './der.ts';
import { encodeGeneralName, type GeneralName, isSameGeneralName } from './general-name.ts';
import { dnsNameProblem, emailProblem, formatGeneralName, generalNameProblem, parseGeneralName, uriProblem } from './general-name-text.ts';
import { emptyName } from './name.ts';

const label63 = 'a'.repeat(63);

describe('DNS names', () => {
  test('names of RFC 1123 labels are taken, with a wildcard as the whole first label', () => {
    const right = [
      ...[
        'a',
        'localhost',
        'kubernetes.default.svc.cluster.local',
        'A.Example',
        'a-b.example',
        '0.example',
        '1-2.example',
        'node-10-0-0-1',
      ],
      ...[
        '*.example',
        '*.a.example',
        'xn--bcher-kva.example',
        'XN--bcher-kva.example',
        `${label63}.example`,
        '123',
        '1.2.3',
        'a.1',
        '1.2.3.4.5',
      ],
      [label63, label63, label63, 'a'.repeat(61)].join('.'),
    ];
    for (const name of right) assert.equal(dnsNameProblem(name), undefined, name);
  });

  test('everything else is refused for its reason', () => {
    const table: readonly (readonly [string, RegExp])[] = [
      ['', /empty label/],
      ['.', /empty label/],
      ['a.', /empty label/],
      ['.a', /empty label/],
      ['a..b', /empty label/],
      [`${label63}a.example`, /longer than 63/],
      [[label63, label63, label63, 'a'.repeat(62)].join('.'), /longer than 253/],
      ['-a.example', /starts or ends with a hyphen/],
      ['a-.example', /starts or ends with a hyphen/],
      ['a_b.example', /characters other than/],
      ['a b.example', /characters other than/],
      ['a.example\n', /characters other than/],
      ['a.example\u0000.evil.example', /characters other than/],
      ['a.example, DNS:evil.example', /characters other than/],
      ['a.example,evil.example', /characters other than/],
      ['DNS:a.example', /characters other than/],
      ['a/b', /characters other than/],
      ['bücher.example', /not ASCII/],
      ['ａ.example', /not ASCII/],
      ['a\u3002example', /not ASCII/],
      ['ab--c.example', /reserved and no A-label/],
      ['xn--.example', /reserved and no A-label|starts or ends with a hyphen/],
      ['*', /needs a name after it/],
      ['*.', /empty label/],
      ['a.*.example', /only be the whole first label/],
      ['*.*.example', /only be the whole first label/],
      ['a*.example', /only be the whole first label/],
      ['*a.example', /only be the whole first label/],
      ['**.example', /only be the whole first label/],
      ['xn--*.example', /only be the whole first label/],
      ['10.0.0.1', /looks like an IP address/],
      ['256.0.0.1', /looks like an IP address/],
      ['0x0a.0.0.1', /looks like an IP address/],
    ];
    for (const [name, problem] of table) assert.match(dnsNameProblem(name) ?? 'nothing is wrong', problem, JSON.stringify(name));
  });
});

describe('email addresses', () => {
  test('plain mailboxes are taken', () => {
    for (const address of [
      'a@b.example',
      "o'neil+tag@b.example",
      'a.b.c@b',
      "!#$%&'*+/=?^_`{|}~-@b.example",
      `${'a'.repeat(64)}@b.example`,
    ])
      assert.equal(emailProblem(address), undefined, address);
  });

  test('everything else is refused', () => {
    const wrong = [
      ...['', '@', 'a', 'a@', '@b', 'a@b@c', '.a@b', 'a.@b', 'a..b@c', 'a b@c', '"a b"@c', 'a,b@c', 'a@b,c', 'a@[10.0.0.1]', 'a@10.0.0.1'],
      ...[
        'a@*.example',
        'a@b.',
        'ä@b.example',
        'a@bücher.example',
        'a\u0000@b',
        'a@b\n',
        `${'a'.repeat(65)}@b`,
        `a@${'b.'.repeat(130)}c`,
        'DNS:a@b',
        'a;b@c',
      ],
    ];
    for (const address of wrong) assert.notEqual(emailProblem(address), undefined, JSON.stringify(address));
  });
});

describe('URIs', () => {
  test('absolute URIs are taken, with a host name or address where they have an authority', () => {
    const right = [
      ...[
        'https://a.example',
        'https://a.example/',
        'https://a.example:8443/b?c=d#e',
        'https://u:p@a.example/',
        'http://10.0.0.1/',
        'http://[fd00::1]:80/',
      ],
      ...[
        'spiffe://cluster.local/ns/a/sa/b',
        'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
        'mailto:a@b.example',
        'tel:+1',
        'a:b',
        'http://a.example/%2f',
        'a:/b',
      ],
    ];
    for (const uri of right) assert.equal(uriProblem(uri), undefined, uri);
  });

  test('everything else is refused for its reason', () => {
    const table: readonly (readonly [string, RegExp])[] = [
      ['', /no scheme/],
      ['a.example', /no scheme/],
      ['//a.example/', /no scheme/],
      ['1a://b', /no scheme/],
      [':b', /no scheme/],
      ['a:', /nothing behind its scheme/],
      ['https://', /empty label/],
      ['https:///a', /empty label/],
      ['https://:443/', /empty label/],
      ['https://*.example/', /wildcard/],
      ['https://a_b/', /characters other than/],
      ['https://a.example:x/', /malformed/],
      ['https://a:1:2/', /malformed/],
      ['https://[fd00::1/', /malformed/],
      ['https://[::g]/', /not an IP address/],
      ['https://[10.0.0.1]/', /not an IP address/],
      ['https://[a.example]/', /not an IP address/],
      ['https://[]/', /not an IP address/],
      ['https://a@b@c.example/', /two @/],
      ['https://bücher.example/', /characters that no URI has/],
      ['https://a.example/ b', /characters that no URI has/],
      ['https://a.example/\n', /characters that no URI has/],
      ['https://a.example\\@evil.example/', /characters that no URI has/],
      ['https://a.example/%zz', /characters that no URI has/],
      ['https://a.example/%2', /characters that no URI has/],
      ['https://a.example\u0000.evil.example/', /characters that no URI has/],
      ['https://a.example/"', /characters that no URI has/],
    ];
    for (const [uri, problem] of table) assert.match(uriProblem(uri) ?? 'nothing is wrong', problem, JSON.stringify(uri));
  });
});

describe('problems of typed names', () => {
  test('each type has the rules of its own', () => {
    const table: readonly (readonly [GeneralName, RegExp | undefined])[] = [
      [{ type: 'dns', value: 'a@b' }, /characters/],
      [{ type: 'email', value: 'a.example' }, /local part/],
      [{ type: 'uri', value: 'a.example' }, /no scheme/],
      [{ type: 'ip', value: 'a' }, /not an IP address/],
      [{ type: 'ip', value: '10.0.0.1' }, undefined],
      [{ type: 'directoryName', name: emptyName }, /empty directory name/],
      [{ type: 'registeredId', oid: '1.2.3' }, undefined],
      [{ type: 'unsupported', raw: element(0xa3) }, /not supported/],
      [{ type: 'otherName', oid: '1.2.3', value: element(tag.utf8String) }, undefined],
      [{ type: 'otherName', oid: '1.2.3', value: sequence() }, undefined],
      [{ type: 'otherName', oid: '1.2.3', value: octetString() }, undefined],
      [{ type: 'otherName', oid: '1.2.3', value: nullElement }, /no string, SEQUENCE or OCTET STRING/],
      [{ type: 'otherName', oid: '1.2.3', value: element(tag.boolean) }, /no string/],
      [{ type: 'otherName', oid: '1.2.3', value: element(tag.bmpString, Uint8Array.of(1)) }, /no string/],
    ];
    for (const [name, problem] of table)
      if (problem === undefined) assert.equal(generalNameProblem(name), undefined);
      else assert.match(generalNameProblem(name) ?? 'nothing is wrong', problem);
  });
});

describe('what a string of a user means', () => {
  test('addresses, URIs and email addresses are told from DNS names', () => {
    const table: readonly (readonly [string, string])[] = [
      ['a.example', 'DNS:a.example'],
      ['*.a.example', 'DNS:*.a.example'],
      [' a.example ', 'DNS:a.example'],
      ['localhost', 'DNS:localhost'],
      ['10.0.0.1', 'IP Address:10.0.0.1'],
      ['FD00::0001', 'IP Address:fd00::1'],
      ['::1', 'IP Address:::1'],
      ['::ffff:10.0.0.1', 'IP Address:::ffff:10.0.0.1'],
      ['a@b.example', 'email:a@b.example'],
      ['spiffe://a/b', 'URI:spiffe://a/b'],
      ['https://u@a.example/', 'URI:https://u@a.example/'],
      ['urn:uuid:1', 'URI:urn:uuid:1'],
      ['DNS:a.example', 'DNS:a.example'],
      ['dns: a.example', 'DNS:a.example'],
      ['IP:10.0.0.1', 'IP Address:10.0.0.1'],
      ['IP Address:10.0.0.1', 'IP Address:10.0.0.1'],
      ['email:a@b.example', 'email:a@b.example'],
      ['URI:mailto:a@b.example', 'URI:mailto:a@b.example'],
      ['URI:localhost:8080', 'URI:localhost:8080'],
      ['RID:1.2.3.4', 'Registered ID:1.2.3.4'],
      ['dirName:CN=a,O=b', 'dirName:CN=a,O=b'],
      ['otherName:1.2.3.4;UTF8:ü; DNS:x', 'otherName:1.2.3.4;UTF8:ü; DNS:x'],
      ['otherName:1.2.3.4;IA5STRING:a', 'otherName:1.2.3.4;IA5STRING:a'],
      ['otherName:1.2.3.4;IA5:a', 'otherName:1.2.3.4;IA5STRING:a'],
      ['otherName:1.2.3.4;DER:3000', 'otherName:1.2.3.4;DER:3000'],
    ];
    for (const [text, expected] of table) {
      const name = parseGeneralName(text);
      assert.equal(formatGeneralName(name), expected, text);
      assert.equal(isSameGeneralName(parseGeneralName(expected), name), true, expected);
    }
  });

  test('strings that mean no name are refused, and so is one name made to look like several', () => {
    const wrong = [
      ...[
        '',
        ' ',
        'DNS:',
        'IP:',
        'IP:a',
        'IP:10.0.0.1/8',
        '10.0.0.0/8',
        'fe80::1%eth0',
        '[::1]',
        'RID:',
        'otherName:',
        'otherName:1.2.3;UTF8',
        'otherName:1.2.3;X:a',
      ],
      ...[
        'a.example,b.example',
        'a.example, DNS:b.example',
        'DNS:a.example,DNS:b.example',
        'a.example\u0000b.example',
        'a.example b.example',
        'a.example\nDNS:b.example',
      ],
      ...[
        'IP:10.0.0.1,DNS:b.example',
        'email:a@b.example,DNS:c.example',
        'URI:https://a.example/, DNS:b.example',
        'email:DNS:a.example',
        'DNS:URI:a',
      ],
      ...[
        'bücher.example',
        'DNS:bücher.example',
        'email:a@bücher.example',
        'https://bücher.example/',
        'a.*.example',
        '*',
        'dirName:',
        'dirName:x',
        'mailto:a@b.example',
        '256.1.1.1',
        'DNS:10.0.0.1',
      ],
      ...[
        'otherName:1.2.3;IA5:ü',
        'otherName:1.2.3;DER:zz',
        'otherName:1.2.3;DER:0c',
        'otherName:1.2.3;DER:0500',
        'otherName:1.2.3;DER:30000500',
        'otherName:9.9;UTF8:a',
      ],
    ];
    for (const text of wrong) assert.ok(resultOrCodedError(() => parseGeneralName(text)) instanceof Error, JSON.stringify(text));
    assertCoded(
      'SanInvalid',
      () => parseGeneralName('a.example, DNS:b.example'),
      /^cannot use "a\.example, DNS:b\.example" as a subject alternative name: label "example, DNS:b" has characters/,
    );
  });

  test('a host with a port is refused and not taken for a URI', () => {
    for (const text of ['localhost:8080', 'a.example:443', '10.0.0.1:6443', 'my-host:1'])
      assertCoded('SanInvalid', () => parseGeneralName(text), /host with a port/);
  });

  test('a type inside the text of another type stays text', () => {
    assert.deepEqual(parseGeneralName('URI:https://a.example/DNS:evil.example'), {
      type: 'uri',
      value: 'https://a.example/DNS:evil.example',
    });
    assert.deepEqual(parseGeneralName('spiffe://a/IP:10.0.0.1'), { type: 'uri', value: 'spiffe://a/IP:10.0.0.1' });
  });

  test('any text is refused with a code, or is a name without problem that comes back from its text', () => {
    const piece = fc.constantFrom(
      'DNS:',
      'IP:',
      'URI:',
      'email:',
      'dirName:',
      'RID:',
      'otherName:',
      '1.2.3',
      ';UTF8:',
      'a',
      '.',
      '*',
      '@',
      '://',
      ':',
      '/',
      ',',
      ' ',
      '\u0000',
      'xn--',
      '-',
      '10.0.0.1',
      '::1',
      '[',
      ']',
      '%41',
      'CN=',
      'ü',
      '#0500',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          const name = resultOrCodedError(() => parseGeneralName(text));
          if (name instanceof Error) return;
          assert.equal(generalNameProblem(name), undefined);
          encodeGeneralName(name);
          assert.equal(isSameGeneralName(parseGeneralName(formatGeneralName(name)), name), true, formatGeneralName(name));
        },
      ),
      { numRuns: runs(2_000, 200_000) },
    );
  });

  test('long hostile texts are judged at once', () => {
    const long = 500_000;
    const started = performance.now();
    for (const text of [
      `a://${'@'.repeat(long)}:x`,
      `a://${'a@'.repeat(long)}`,
      `a://${':1'.repeat(long)}`,
      `a://${'['.repeat(long)}`,
      `${'a.'.repeat(long)}@`,
      `${'a.'.repeat(long)}`,
      `a:${'%'.repeat(long)}`,
      `a:${'%41'.repeat(long)}`,
      `${'a+'.repeat(long)}:1`,
      `${'1'.repeat(long)}:x`,
      `otherName:${'1.'.repeat(long)};UTF8:a`,
      `otherName:1.2.3;UTF8:${';'.repeat(long)}`,
      `dirName:${'CN=a+'.repeat(long)}`,
    ])
      for (const judge of [dnsNameProblem, emailProblem, uriProblem, (whole: string) => resultOrCodedError(() => parseGeneralName(whole))])
        judge(text);
    // Linear work takes a tenth of a second here; anything quadratic in half a million characters takes minutes.
    assert.ok(performance.now() - started < 10_000);
  });
});
