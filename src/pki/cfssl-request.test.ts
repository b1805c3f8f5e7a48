import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../base/coded-error.ts';
import { runs } from '../testing/runs.ts';
import { parseCfsslRequest } from './cfssl-request.ts';
import { formatGeneralName } from './general-name-text.ts';
import { formatName } from './name-text.ts';

const parse = (request: unknown) => parseCfsslRequest(JSON.stringify(request));
const fails = (request: unknown, message: string): void => {
  assert.throws(
    () => parse(request),
    (error) =>
      error instanceof CodedError && error.code === 'CfsslRequestInvalid' && error.message === `cannot read cfssl request: ${message}`,
  );
};

describe('a cfssl request file', () => {
  test('gives subject, names and key as cfssl would', () => {
    const request = parse({
      CN: 'my-pod.my-namespace.pod.cluster.local',
      hosts: [
        'my-svc.my-namespace.svc.cluster.local',
        '192.0.2.24',
        '2001:DB8::1',
        'ops@example.com',
        'spiffe://example.com/pod',
        '*.svc.local',
      ],
      key: { algo: 'ecdsa', size: 384 },
      names: [{ C: 'US', ST: 'CA', L: 'San Francisco', O: 'Example, Inc.', OU: 'Ops' }, { O: 'Second' }],
    });
    assert.equal(
      formatName(request.subject),
      'CN=my-pod.my-namespace.pod.cluster.local,OU=Ops,O=Second,O=Example\\, Inc.,L=San Francisco,ST=CA,C=US',
    );
    assert.deepEqual(request.subjectAltNames.map(formatGeneralName), [
      'DNS:my-svc.my-namespace.svc.cluster.local',
      'IP Address:192.0.2.24',
      'IP Address:2001:db8::1',
      'email:ops@example.com',
      'URI:spiffe://example.com/pod',
      'DNS:*.svc.local',
    ]);
    assert.equal(request.keyAlgorithm, 'ecdsa-p384');
    assert.equal(request.ca, undefined);
    assert.deepEqual(request.ignored, []);
  });

  test('defaults as cfssl does: P-256, no names', () => {
    for (const empty of [{}, { key: {} }, { key: null, hosts: null, names: null, ca: null }, { hosts: [''] }]) {
      const request = parse(empty);
      assert.equal(request.keyAlgorithm, 'ecdsa-p256');
      assert.equal(formatName(request.subject), '');
      assert.deepEqual(request.subjectAltNames, []);
      assert.equal(request.ca, undefined);
    }
  });

  test('matches field names without letter case, the exact one first', () => {
    const request = parse({ cn: 'lower', HOSTS: ['a.example'], Key: { ALGO: 'rsa', Size: 3072 } });
    assert.equal(formatName(request.subject), 'CN=lower');
    assert.deepEqual(request.subjectAltNames.map(formatGeneralName), ['DNS:a.example']);
    assert.equal(request.keyAlgorithm, 'rsa-3072');
    assert.equal(formatName(parse({ cn: 'lower', CN: 'exact' }).subject), 'CN=exact');
  });

  test('takes serial number, email and attributes by identifier', () => {
    const request = parse({
      CN: 'x',
      serialnumber: 'S1',
      names: [{ SerialNumber: 'S2', E: 'a@example.com', OID: { '1.2.3.4': 'custom' } }],
    });
    assert.equal(formatName(request.subject), '1.2.3.4=custom,EMAILADDRESS=a@example.com,SERIALNUMBER=S2,SERIALNUMBER=S1,CN=x');
  });

  test('describes a CA', () => {
    assert.deepEqual(parse({ ca: { expiry: '87600h', pathlen: 2, backdate: '1h30m' }, crl_url: 'http://crl.example/ca.crl' }).ca, {
      expiryMs: 87_600 * 3_600_000,
      backdateMs: 5_400_000,
      pathLength: 2,
    });
    assert.deepEqual(parse({ ca: {} }).ca, {});
    assert.deepEqual(parse({ ca: { pathlen: 0 } }).ca, {}, 'an absent number is 0 in Go, and no limit');
    assert.deepEqual(parse({ ca: { pathlen: -1 } }).ca, {});
    assert.deepEqual(parse({ ca: { pathlen: 0, pathlenzero: true } }).ca, { pathLength: 0 });
    assert.equal(parse({ crl_url: 'http://crl.example/ca.crl' }).crlUrl, 'http://crl.example/ca.crl');
  });

  test('takes every key cfssl makes', () => {
    const algorithm = (algo: string, size?: number) => parse({ key: { algo, size } }).keyAlgorithm;
    assert.equal(algorithm('rsa', 2048), 'rsa-2048');
    assert.equal(algorithm('rsa', 8192), 'rsa-8192');
    assert.equal(algorithm('ecdsa', 521), 'ecdsa-p521');
    assert.equal(algorithm('ed25519'), 'ed25519');
    assert.equal(algorithm('ecdsa'), 'ecdsa-p256');
    assert.equal(algorithm('rsa'), 'rsa-2048');
  });

  test('names what it passes over', () => {
    assert.deepEqual(parse({ CN: 'x', delegation_enabled: true, extensions: [] }).ignored, ['delegation_enabled', 'extensions']);
  });

  test('names field and value of what is wrong', () => {
    fails([], 'the file is not a JSON object');
    fails({ CN: 5 }, 'CN "5" is not text');
    fails({ hosts: 'a.example' }, 'hosts "a.example" is not a list');
    fails({ hosts: ['a.example', 5] }, 'hosts[1] "5" is not text');
    fails(
      { hosts: ['a_b.example'] },
      'hosts[0] "a_b.example" cannot be used: label "a_b" has characters other than letters, digits and hyphens',
    );
    fails(
      { hosts: ['DNS:a.example'] },
      'hosts[0] "DNS:a.example" cannot be used: label "DNS:a" has characters other than letters, digits and hyphens',
    );
    fails({ names: ['x'] }, 'names[0] "x" is not a map');
    fails({ names: [{}, { O: 1 }] }, 'names[1].O "1" is not text');
    fails(
      { names: [{ C: 'Ü' }] },
      'names[0].C "Ü" cannot stand in a subject: cannot encode name: "Ü" does not fit PrintableString, which attribute 2.5.4.6 must be',
    );
    fails({ names: [{ OID: { abc: 'x' } }] }, 'names[0].OID "abc" is not an object identifier');
    fails({ key: 'rsa' }, 'key "rsa" is not a map');
    fails({ key: { algo: 'dsa' } }, 'key.algo "dsa" is none of rsa, ecdsa and ed25519');
    fails({ key: { algo: 'rsa', size: 1024 } }, 'key.size "1024" is not from 2048 to 8192');
    fails({ key: { algo: 'ecdsa', size: 224 } }, 'key.size "224" is none of 256, 384 and 521');
    fails({ key: { algo: 'rsa', size: '2048' } }, 'key.size "2048" is not a whole number');
    fails({ key: { size: 2048 } }, 'key.algo is missing beside key.size');
    fails({ ca: { expiry: 'ten years' } }, 'ca.expiry "ten years" is not a duration such as 87600h');
    fails({ ca: { pathlen: 3, pathlenzero: true } }, 'ca.pathlenzero is true although ca.pathlen is 3');
    fails({ ca: { pathlen: -2 } }, 'ca.pathlen "-2" is not from 0 to 100');
  });

  test('that is no JSON is refused without quoting it', () => {
    assert.throws(() => parseCfsslRequest('{"CN": secret}'), {
      code: 'CfsslRequestInvalid',
      message: 'cannot read cfssl request: it is not JSON',
    });
  });

  test('of any content gives a request or a coded error', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 4 }, fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), tie('list'), tie('map')),
      list: fc.array(tie('any'), { maxLength: 4 }),
      map: fc.dictionary(
        fc.oneof(
          fc.constantFrom('CN', 'hosts', 'names', 'key', 'algo', 'size', 'ca', 'expiry', 'pathlen', 'O', 'C', 'OID', '__proto__'),
          fc.string(),
        ),
        tie('any'),
        { maxKeys: 6 },
      ),
    })).map;
    fc.assert(
      fc.property(
        fc.oneof(
          value.map((request) => JSON.stringify(request)),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          try {
            parseCfsslRequest(text);
          } catch (error) {
            if (!(error instanceof CodedError)) throw error;
          }
        },
      ),
      { numRuns: runs(2000, 200_000) },
    );
  });
});
