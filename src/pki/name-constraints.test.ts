// Name constraints: each form of name against bases of RFC 5280 section 4.2.1.10, then DNS, IP and email against models that enumerate
// what a name can stand for.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../base/coded-error.ts';
import { formatIpAddress } from '../base/ip-address.ts';
import { leafTemplate, testCa } from '../testing/certificates.ts';
import { runs } from '../testing/runs.ts';
import { type CertificateTemplate, encodeTbsCertificate } from './certificate-template.ts';
import { decodeNameConstraints, encodeNameConstraints, type NameConstraints } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { maxNameComparisons, nameConstraintViolations, namesOutsideConstraints } from './name-constraints.ts';
import type { SubtreeBase } from './name-subtree.ts';
import { parseNameText } from './name-text.ts';
import { parseTbsCertificate, type TbsCertificate } from './x509-certificate.ts';

const permit = (...bases: readonly SubtreeBase[]): NameConstraints => ({ permitted: bases.map((base) => ({ base })), excluded: [] });
const exclude = (...bases: readonly SubtreeBase[]): NameConstraints => ({ permitted: [], excluded: bases.map((base) => ({ base })) });
const dns = (value: string): GeneralName & { type: 'dns' } => ({ type: 'dns', value });
const email = (value: string): GeneralName & { type: 'email' } => ({ type: 'email', value });
const uri = (value: string): GeneralName & { type: 'uri' } => ({ type: 'uri', value });
const ip = (value: string): GeneralName => ({ type: 'ip', value });
const range = (...octets: readonly number[]): SubtreeBase => ({ type: 'ip-range', octets: Uint8Array.from(octets) });
const directory = (text: string): GeneralName & { type: 'directoryName' } => ({ type: 'directoryName', name: parseNameText(text) });

const allows = (constraints: NameConstraints, name: GeneralName): boolean => namesOutsideConstraints(constraints, [name]).length === 0;

/** What a permission and an exclusion of the same base make of a name. */
const verdict = (name: GeneralName, base: SubtreeBase): string =>
  `${allows(permit(base), name) ? 'permitted' : 'not permitted'}, ${allows(exclude(base), name) ? 'not excluded' : 'excluded'}`;
const inside = 'permitted, excluded';
const outside = 'not permitted, not excluded';
const doubtful = 'not permitted, excluded';
const unconcerned = 'permitted, not excluded';

const table = (rows: readonly (readonly [name: GeneralName, base: SubtreeBase, expected: string])[]): void => {
  for (const [name, base, expected] of rows) assert.equal(verdict(name, base), expected, JSON.stringify({ name, base }));
};

describe('name constraints, form by form', () => {
  test('a DNS base takes the name itself and every name below it, letter case aside', () =>
    table([
      [dns('example.com'), dns('example.com'), inside],
      [dns('a.b.EXAMPLE.com'), dns('Example.COM'), inside],
      [dns('badexample.com'), dns('example.com'), outside],
      [dns('example.com'), dns('www.example.com'), outside],
      [dns('example.com.evil.org'), dns('example.com'), outside],
      [dns('anything.org'), dns(''), inside],
    ]));

  test('a wildcard is permitted only where all it stands for is, and excluded where any of it is', () =>
    table([
      [dns('*.example.com'), dns('example.com'), inside],
      [dns('*.a.example.com'), dns('example.com'), inside],
      [dns('*.example.com'), dns('secret.example.com'), doubtful],
      [dns('*.EXAMPLE.com'), dns('Secret.example.COM'), doubtful],
      // One label stands for the asterisk, so nothing it stands for lies two labels deeper.
      [dns('*.example.com'), dns('a.secret.example.com'), outside],
      [dns('*.com'), dns('example.com'), doubtful],
      [dns('*.org'), dns('example.com'), outside],
      [dns('*.example.com'), dns('com'), inside],
      [dns('*.example.com'), dns('other.org'), outside],
    ]));

  test('a DNS base with a dot in front, which the RFC does not know, permits less and excludes more', () =>
    table([
      [dns('a.example.com'), dns('.example.com'), inside],
      [dns('*.example.com'), dns('.example.com'), inside],
      [dns('example.com'), dns('.example.com'), doubtful],
    ]));

  test('a DNS name or base that is none can be neither permitted nor kept from an exclusion', () => {
    for (const name of ['', 'a..b', '.example.com', 'example.com.', 'f*.example.com', 'a.*.example.com', '*', 'a b', 'a\u0000.example.com'])
      assert.equal(verdict(dns(name), dns('example.com')), doubtful, JSON.stringify(name));
    for (const base of ['*.example.com', 'example.com.', 'a..b', '.', 'https://example.com'])
      assert.equal(verdict(dns('a.example.com'), dns(base)), doubtful, JSON.stringify(base));
  });

  test('an email base is one mailbox, one host, or with a dot in front every host below', () =>
    table([
      [email('joe@Example.com'), email('joe@example.COM'), inside],
      [email('Joe@example.com'), email('joe@example.com'), outside],
      [email('joe@example.com'), email('example.com'), inside],
      [email('joe@a.example.com'), email('example.com'), outside],
      [email('joe@a.example.com'), email('.example.com'), inside],
      [email('joe@example.com'), email('.example.com'), outside],
      [email('joe@EXAMPLE.com.evil.org'), email('example.com'), outside],
      [email('joe@example.com'), email(''), doubtful],
    ]));

  test('an email address that may be read in two ways is in doubt', () =>
    table([
      [email('"joe"@example.com'), email('joe@example.com'), doubtful],
      [email('"joe"@example.com'), email('example.com'), inside],
      [email('joe@evil.org@example.com'), email('example.com'), doubtful],
      [email('joe'), email('example.com'), doubtful],
      [email(''), email(''), doubtful],
      [email('joe@example.com'), email('@example.com'), doubtful],
      [email('joe@'), email('example.com'), doubtful],
    ]));

  test('a URI base takes the host alone, or with a dot in front every host below', () =>
    table([
      [uri('https://Example.com/x'), uri('example.com'), inside],
      [uri('https://a.example.com'), uri('example.com'), outside],
      [uri('https://a.example.com:8443?q'), uri('.example.com'), inside],
      [uri('https://example.com'), uri('.example.com'), outside],
      [uri('https://user:pw@example.com#f'), uri('example.com'), inside],
      [uri('https://example.com@evil.org/'), uri('example.com'), outside],
      [uri('spiffe://example.com/ns/a'), uri('example.com'), inside],
      [uri('https://example.com'), uri(''), doubtful],
    ]));

  test('a URI without a host that is a name is refused wherever URIs are constrained', () => {
    for (const text of [
      'urn:uuid:1',
      'mailto:a@example.com',
      'https:///x',
      'https://10.0.0.1/',
      'https://[fe80::1]/',
      'https://[fe80::1%25eth0.example.com]/',
      'https://*.example.com/',
      'https://example.com./',
      'https://evil.org\\@example.com/',
      'https://evil.org\\.example.com/',
      'https://ex%61mple.com/',
      'https://0x7f.1/',
      'https://a.0x7f/',
      'https://example.com:x/',
      '//example.com/',
      'https://example.com/\u0001',
    ])
      assert.equal(verdict(uri(text), uri('example.com')), doubtful, text);
  });

  test('an IP range takes addresses of its own family', () =>
    table([
      [ip('10.1.2.3'), range(10, 0, 0, 0, 255, 0, 0, 0), inside],
      [ip('11.1.2.3'), range(10, 0, 0, 0, 255, 0, 0, 0), outside],
      [ip('10.1.2.3'), range(10, 9, 9, 9, 255, 0, 0, 0), inside],
      [ip('fd00::1'), range(10, 0, 0, 0, 255, 0, 0, 0), outside],
      [ip('1.2.3.4'), range(0, 0, 0, 0, 0, 0, 0, 0), inside],
      [ip('fd00::1'), range(...[0xfd, ...new Array(15).fill(0)], ...[0xff, ...new Array(15).fill(0)]), inside],
      [ip('fe00::1'), range(...[0xfd, ...new Array(15).fill(0)], ...[0xff, ...new Array(15).fill(0)]), outside],
    ]));

  test('an IPv4 address in the spelling of IPv6 does not escape an exclusion, nor use a permission', () =>
    table([
      [ip('::ffff:10.1.2.3'), range(10, 0, 0, 0, 255, 0, 0, 0), doubtful],
      [ip('::ffff:11.1.2.3'), range(10, 0, 0, 0, 255, 0, 0, 0), outside],
      [ip('10.1.2.3'), range(...new Array(10).fill(0), 255, 255, 10, 0, 0, 0, ...new Array(13).fill(255), 0, 0, 0), doubtful],
    ]));

  test('a mask with holes is no range', () => {
    for (const mask of [
      [255, 0, 255, 0],
      [255, 253, 0, 0],
      [0, 0, 0, 1],
      [127, 0, 0, 0],
    ])
      assert.equal(verdict(ip('10.1.2.3'), range(10, 1, 2, 3, ...mask)), doubtful, String(mask));
  });

  test('a directory base takes every name that starts with its parts, compared by RFC 5280 section 7.1', () =>
    table([
      [directory('CN=a,O=Example,C=DE'), directory('O=example,C=de'), inside],
      [directory('CN=a,O=  Example   Two ,C=DE'), directory('O=Example Two,C=DE'), inside],
      [directory('CN=a,C=DE'), directory('O=Example,C=DE'), outside],
      [directory('C=DE,O=Example'), directory('O=Example,C=DE'), outside],
      [directory('O=Example+OU=x,C=DE'), directory('O=Example,C=DE'), outside],
      [directory('CN=a'), directory(''), inside],
    ]));

  test('a constraint on a form that is not processed refuses every name of that form, and no other', () => {
    const other: GeneralName = { type: 'otherName', oid: '1.2.3', value: Uint8Array.of(5, 0) };
    const registered: GeneralName = { type: 'registeredId', oid: '1.2.3' };
    const x400: GeneralName = { type: 'unsupported', raw: Uint8Array.of(0xa3, 0) };
    table([
      [other, other, doubtful],
      [{ ...other, oid: '1.2.4' }, other, doubtful],
      [registered, registered, doubtful],
      [x400, x400, doubtful],
      [dns('a.example'), other, unconcerned],
      [dns('a.example'), x400, unconcerned],
    ]);
  });

  test('a name is judged by bases of its own form alone: an email or URI is no host name', () =>
    table([
      [email('joe@example.com'), dns('example.com'), unconcerned],
      [uri('https://evil.org'), dns('example.com'), unconcerned],
      [dns('10.0.0.1'), range(10, 0, 0, 0, 255, 0, 0, 0), unconcerned],
      [dns('a.example'), email('a.example'), unconcerned],
    ]));

  test('an address of SmtpUTF8Mailbox cannot pass a constraint on email (RFC 9598)', () =>
    assert.equal(
      verdict({ type: 'otherName', oid: '1.3.6.1.5.5.7.8.9', value: Uint8Array.of(0x0c, 1, 0x61) }, email('example.com')),
      doubtful,
    ));

  test('every name counts, not the first or last of a form', () => {
    const names = [email('a@example.com'), email('b@evil.org'), email('c@example.com')];
    assert.deepEqual(namesOutsideConstraints(permit(email('example.com')), names), [
      '"email:b@evil.org" is not within the names its CA is permitted: "email:example.com"',
    ]);
    assert.equal(namesOutsideConstraints(exclude(email('example.com')), names).length, 2);
  });

  test('one of several permitted subtrees is enough, one of several excluded too', () => {
    assert.ok(allows(permit(dns('a.example'), dns('b.example')), dns('x.b.example')));
    assert.ok(!allows(exclude(dns('a.example'), dns('b.example')), dns('x.b.example')));
    assert.ok(!allows({ ...permit(dns('example')), excluded: [{ base: dns('b.example') }] }, dns('x.b.example')));
  });

  test('more comparisons than the bound are a refusal, not a wait', () => {
    const names = Array.from({ length: 600 }, (_, i) => dns(`n${i}.example`));
    const bases = Array.from({ length: 600 }, (_, i) => dns(`b${i}.example`));
    assert.ok(names.length * bases.length > maxNameComparisons);
    assert.match(namesOutsideConstraints(exclude(...bases), names).join('\n'), /^it has too many names .* 360000 comparisons/);
    assert.deepEqual(namesOutsideConstraints(exclude(...bases.slice(0, 400)), names), []);
  });
});

const { certificate: ca, signer } = await testCa();
const tbsOf = async (changes: Partial<CertificateTemplate>): Promise<TbsCertificate> => {
  const template = { ...(await leafTemplate()), ...changes };
  return parseTbsCertificate(
    encodeTbsCertificate(template, { name: ca.subject, algorithm: signer.algorithm, keyIdentifier: undefined }, Uint8Array.of(1)),
  );
};

describe('the names of a certificate that are judged', () => {
  test('a subject is a directory name, unless it is empty', async () => {
    const subject = parseNameText('CN=a,O=Other');
    assert.equal(nameConstraintViolations(permit(directory('O=Example')), await tbsOf({ subject })).length, 1);
    assert.deepEqual(nameConstraintViolations(permit(directory('O=Example')), await tbsOf({ subject: parseNameText('') })), []);
  });

  test('an email address in the subject is judged, beside other names too', async () => {
    const subject = parseNameText('CN=a,EMAILADDRESS=joe@evil.org');
    const judged = permit(email('example.com'));
    assert.equal(nameConstraintViolations(judged, await tbsOf({ subject, subjectAltNames: [] })).length, 1);
    assert.equal(nameConstraintViolations(judged, await tbsOf({ subject, subjectAltNames: [email('joe@example.com')] })).length, 1);
    assert.deepEqual(nameConstraintViolations(permit(email('evil.org')), await tbsOf({ subject })), []);
  });

  test('a common name that looks like a host is judged where a leaf has no DNS name, and only there', async () => {
    const judged = permit(dns('example.com'));
    const subject = parseNameText('CN=www.evil.org');
    assert.equal(nameConstraintViolations(judged, await tbsOf({ subject, subjectAltNames: [] })).length, 1);
    assert.deepEqual(nameConstraintViolations(judged, await tbsOf({ subject, subjectAltNames: [dns('a.example.com')] })), []);
    for (const text of ['CN=alice', 'CN=Joe Example', 'CN=system:node:a.b', 'CN=a..b', 'CN=-a.b'])
      assert.deepEqual(nameConstraintViolations(judged, await tbsOf({ subject: parseNameText(text), subjectAltNames: [] })), [], text);
    const isCa = { basicConstraints: { isCa: true, pathLength: undefined }, subjectAltNames: [], subject };
    assert.deepEqual(nameConstraintViolations(judged, await tbsOf(isCa)), []);
  });

  test('constraints are judged as they come back from their encoding', async () => {
    const written: NameConstraints = {
      ...permit(dns('example.com'), range(10, 0, 0, 0, 255, 0, 0, 0)),
      excluded: [{ base: dns('x.example.com') }],
    };
    const read = decodeNameConstraints(encodeNameConstraints(written));
    const tbs = await tbsOf({ subjectAltNames: [dns('a.example.com'), dns('*.example.com'), ip('10.0.0.1'), ip('11.0.0.1')] });
    assert.deepEqual(nameConstraintViolations(read, tbs), [
      '"DNS:*.example.com" is within, or cannot be told apart from, what its CA is excluded from: "DNS:x.example.com"',
      '"IP Address:11.0.0.1" is not within the names its CA is permitted: "IP Address:10.0.0.0/8"',
    ]);
  });
});

const label = fc.constantFrom('a', 'b', 'c');
const cased = (text: string, bits: number): string => [...text].map((c, i) => ((bits >> (i % 16)) & 1 ? c.toUpperCase() : c)).join('');
const labels = fc.array(label, { minLength: 1, maxLength: 4 });
const bits = fc.nat(0xffff);

describe('name constraints against models', () => {
  test('DNS: constraint x wildcard x case x kind agree with an enumeration of what the name stands for', () => {
    fc.assert(
      fc.property(fc.boolean(), labels, bits, labels, bits, fc.boolean(), (isWildcard, parts, nameCase, base, baseCase, excluding) => {
        // `z` is a label that no base has: it stands for every other expansion.
        const meant = isWildcard ? ['a', 'b', 'c', 'z'].map((first) => [first, ...parts]) : [parts];
        const isBelow = (name: readonly string[]): boolean =>
          name.length >= base.length && base.every((l, i) => name[name.length - base.length + i] === l);
        const expected = excluding ? !meant.some(isBelow) : meant.every(isBelow);
        const name = dns(cased(`${isWildcard ? '*.' : ''}${parts.join('.')}`, nameCase));
        const subtree = dns(cased(base.join('.'), baseCase));
        assert.equal(allows(excluding ? exclude(subtree) : permit(subtree), name), expected);
      }),
      { numRuns: runs(2000, 200_000) },
    );
  });

  test('email and URI: constraint x leading dot x case agree with a comparison of label lists', () => {
    fc.assert(
      fc.property(fc.boolean(), labels, bits, labels, bits, fc.boolean(), (isEmail, parts, nameCase, base, baseCase, hasDot) => {
        const tail = parts.slice(parts.length - base.length);
        const endsWithBase = parts.length >= base.length && base.every((l, i) => tail[i] === l);
        const expected = endsWithBase && (hasDot ? parts.length > base.length : parts.length === base.length);
        const host = cased(parts.join('.'), nameCase);
        const name = isEmail ? email(`x@${host}`) : uri(`https://${host}/x@y`);
        const subtree = { type: name.type, value: cased(`${hasDot ? '.' : ''}${base.join('.')}`, baseCase) } as const;
        assert.equal(verdict(name, subtree), expected ? inside : outside);
      }),
      { numRuns: runs(2000, 200_000) },
    );
  });

  test('IP: both families agree with a comparison of bits', () => {
    const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const bitText = (bytes: Uint8Array): string => [...bytes].map((octet) => octet.toString(2).padStart(8, '0')).join('');
    fc.assert(
      fc.property(
        fc.constantFrom(4, 16).chain((length) => fc.tuple(octets(length), octets(length), fc.nat(length * 8), fc.nat(length * 8))),
        ([address, noise, prefix, shared]) => {
          // A network that shares its first bits with the address, so that both answers occur.
          const wanted = bitText(address).slice(0, shared) + bitText(noise).slice(shared);
          const network = Uint8Array.from(wanted.match(/.{8}/g) ?? [], (octet) => Number.parseInt(octet, 2));
          const mask = Uint8Array.from(
            ''
              .padEnd(prefix, '1')
              .padEnd(address.length * 8, '0')
              .match(/.{8}/g) ?? [],
            (octet) => Number.parseInt(octet, 2),
          );
          const isMapped = address.length === 16 && bitText(address).startsWith(`${''.padEnd(80, '0')}${''.padEnd(16, '1')}`);
          if (isMapped) return;
          const expected = bitText(address).slice(0, prefix) === wanted.slice(0, prefix);
          assert.equal(verdict(ip(formatIpAddress(address)), range(...network, ...mask)), expected ? inside : outside);
        },
      ),
      { numRuns: runs(2000, 200_000) },
    );
  });

  test('no text in any form makes a judgement throw, and none is permitted and free of an exclusion by the same base', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a.*@:/"\\%[\]-]{0,20}$/));
    const form = fc.constantFrom('dns', 'email', 'uri');
    fc.assert(
      fc.property(form, text, text, (type, value, base) => {
        assert.notEqual(verdict({ type, value }, { type, value: base }), unconcerned);
      }),
      { numRuns: runs(5000, 200_000) },
    );
  });

  test('arbitrary bytes as an extension give constraints or a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          const constraints = decodeNameConstraints(bytes);
          assert.ok(constraints.permitted.length + constraints.excluded.length > 0);
        } catch (error) {
          assert.ok(error instanceof CodedError);
        }
      }),
      { numRuns: runs(5000, 200_000) },
    );
  });
});
