// cfssl and Certwright in each other's place: either signs the other's requests with the other's CA, and what one made the other reads alike.
// cfssl 1.2 knows no Ed25519 and drops URIs from requests, so neither is asked of it; of usages it prints nothing, so OpenSSL is asked.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openShell } from '../../src/testing/shell.ts';
import { needs } from '../../src/testing/tools.ts';

const { out, run, read, write, close } = openShell(['cfssl', 'cfssljson', 'openssl']);
after(close);

/** The request of Kubernetes' page on certificates, its addresses and all. */
const serverJson = {
  hosts: ['my-svc.my-namespace.svc.cluster.local', 'my-pod.my-namespace.pod.cluster.local', '172.168.0.24', '10.0.34.2'],
  CN: 'my-pod.my-namespace.pod.cluster.local',
  key: { algo: 'ecdsa', size: 256 },
};

/** What `cfssl certinfo` prints of a certificate. */
type CertInfo = {
  readonly subject: Readonly<Record<string, string | readonly string[]>>;
  readonly issuer: Readonly<Record<string, string | readonly string[]>>;
  readonly serial_number: string;
  readonly sans?: readonly string[];
  readonly not_before: string;
  readonly not_after: string;
  readonly sigalg: string;
  readonly authority_key_id: string;
  readonly subject_key_id: string;
};

/** What `pki inspect -o json` prints of a certificate. */
type Inspected = {
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly isCa: boolean;
  readonly subjectAltNames?: readonly { readonly value: string }[];
  readonly keyUsage?: readonly string[];
  readonly extendedKeyUsage?: readonly { readonly name?: string; readonly oid: string }[];
  readonly signatureAlgorithm: { readonly name: string };
  readonly extensions: readonly { readonly name?: string; readonly value: unknown }[];
};

const certinfo = (file: string): CertInfo => JSON.parse(out(`cfssl certinfo -cert ${file}`));
const inspect = (file: string): Inspected => JSON.parse(out(`certwright pki inspect -o json ${file}`)).items[0];

/** Makes `reader.pem` and `reader-key.pem`, a CA of ours. */
const makeOurCa = (): string =>
  out(`certwright pki gencsr --key-out reader-key.pem --subject 'CN=reader,O=Example' --out reader.csr
    certwright pki sign --self-signed --ca-key reader-key.pem --csr reader.csr --is-ca --out reader.pem`);

/** Makes `theirs.pem` and `theirs-key.pem`, a CA of cfssl's. */
const makeTheirCa = (key: object): string =>
  out(
    'cfssl gencert -loglevel=3 -initca - | cfssljson -bare theirs',
    JSON.stringify({ CN: 'theirs', key, names: [{ C: 'US', O: 'Example' }, { O: 'Other' }] }),
  );

const sortedHosts = [...serverJson.hosts].sort();
const hex = (colons: string): string =>
  colons
    .split(':')
    .map((octet) => octet.padStart(2, '0'))
    .join('')
    .toLowerCase();
const publicKeyOf = (file: string, what: 'pkey' | 'x509' | 'req'): string =>
  out(`openssl ${what} -in ${file} ${what === 'pkey' ? '-pubout' : '-noout -pubkey'}`);

const theirAlgorithms = [
  { algo: 'rsa', size: 2048 },
  { algo: 'rsa', size: 3072 },
  { algo: 'ecdsa', size: 256 },
  { algo: 'ecdsa', size: 384 },
  { algo: 'ecdsa', size: 521 },
] as const;
const ourAlgorithms = ['rsa-2048', 'rsa-4096', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521'] as const;

describe('cfssl signs', needs('cfssl', 'cfssljson', 'openssl'), () => {
  before(() => void makeTheirCa({ algo: 'ecdsa', size: 256 }));

  test('the request that is made from its own JSON, names, key and all', () => {
    write('server.json', JSON.stringify(serverJson));
    out('certwright pki gencsr --from server.json --key-out server-key.pem --out server.csr');
    out('cfssl sign -loglevel=3 -ca theirs.pem -ca-key theirs-key.pem server.csr | cfssljson -bare server');
    assert.match(out('openssl verify -x509_strict -CAfile theirs.pem server.pem'), /server\.pem: OK/);
    assert.equal(publicKeyOf('server.pem', 'x509'), publicKeyOf('server-key.pem', 'pkey'));
    const { sans, subject } = certinfo('server.pem');
    assert.deepEqual([...(sans ?? [])].sort(), sortedHosts);
    assert.equal(subject['common_name'], serverJson.CN);
  });

  for (const algorithm of ourAlgorithms)
    test(`a request by flags for a key of ${algorithm}, every kind of name and two organizations in it`, () => {
      out(`certwright pki gencsr --algorithm ${algorithm} --key-out own-key.pem --common-name 'own name' --organizations dev,ops \
        --san '*.b.example' --san b.example --san 192.0.2.7 --san 2001:db8::7 --san ops@b.example --out own.csr --overwrite
        cfssl sign -loglevel=3 -ca theirs.pem -ca-key theirs-key.pem own.csr | cfssljson -bare own`);
      assert.match(out('openssl verify -x509_strict -CAfile theirs.pem own.pem'), /own\.pem: OK/);
      assert.equal(publicKeyOf('own.pem', 'x509'), publicKeyOf('own-key.pem', 'pkey'));
      const { sans, subject } = certinfo('own.pem');
      // It lists no mail addresses, though it passes them on.
      assert.deepEqual([...(sans ?? [])].sort(), ['*.b.example', '192.0.2.7', '2001:db8::7', 'b.example']);
      assert.match(out('openssl x509 -in own.pem -noout -ext subjectAltName'), /email:ops@b\.example/);
      assert.equal(subject['common_name'], 'own name');
      assert.equal(subject['organization'], 'dev,ops');
    });

  for (const algorithm of ourAlgorithms)
    for (const form of ['PKCS#8', 'traditional'] as const)
      test(`with a CA of ours, its key of ${algorithm} in ${form} form`, () => {
        out(`certwright pki genkey --algorithm ${algorithm} --out ca-key.pem --overwrite ${form === 'traditional' ? '--traditional' : ''}
          certwright pki gencsr --key ca-key.pem --common-name 'Our CA' --out ca.csr --overwrite
          certwright pki sign --self-signed --ca-key ca-key.pem --csr ca.csr --is-ca --out ca.pem --overwrite`);
        const kind = form === 'PKCS#8' ? '' : algorithm.startsWith('rsa') ? 'RSA ' : 'EC ';
        assert.equal(out('head -1 ca-key.pem'), `-----BEGIN ${kind}PRIVATE KEY-----`);
        out(
          'cfssl gencert -loglevel=3 -ca ca.pem -ca-key ca-key.pem - | cfssljson -bare leaf',
          JSON.stringify({ ...serverJson, names: [{ O: 'Example' }] }),
        );
        assert.match(out('openssl verify -x509_strict -CAfile ca.pem leaf.pem'), /leaf\.pem: OK/);
        assert.equal(inspect('leaf.pem').issuer, 'CN=Our CA');
      });

  test('our request for an intermediate, and what that signs here verifies up to its root', () => {
    const ca = { is_ca: true, max_path_len: 0, max_path_len_zero: true };
    write(
      'config.json',
      JSON.stringify({ signing: { default: { expiry: '720h', usages: ['cert sign', 'crl sign'], ca_constraint: ca } } }),
    );
    out(`certwright pki gencsr --key-out sub-key.pem --common-name sub --is-ca --out sub.csr
      cfssl sign -loglevel=3 -config config.json -ca theirs.pem -ca-key theirs-key.pem sub.csr | cfssljson -bare sub
      certwright pki gencsr --key-out under-key.pem --common-name under --san under.example --out under.csr
      certwright pki sign --ca sub.pem --ca-key sub-key.pem --csr under.csr --chain --out under.pem`);
    assert.match(out('openssl verify -x509_strict -purpose sslserver -CAfile theirs.pem -untrusted sub.pem under.pem'), /OK/);
    assert.match(
      out('certwright pki verify --ca theirs.pem --purpose server --dns-name under.example under.pem'),
      /OK\n {2}CN=under\n {2}CN=sub\n/,
    );
    const bundle = JSON.parse(out('cfssl bundle -loglevel=3 -ca-bundle theirs.pem -int-bundle sub.pem -int-dir none -cert under.pem'));
    assert.equal(bundle.bundle.trim(), read('under.pem').trim(), 'its chain is the one that --chain wrote');
    // In an order that changes from run to run.
    assert.deepEqual(bundle.hostnames.toSorted(), ['under', 'under.example']);
  });

  test('no request whose signature is not its key’s', () => {
    out(
      'certwright pki gencsr --key-out forged-key.pem --common-name forged --out honest.csr && openssl req -in honest.csr -outform DER -out forged.der',
    );
    out("LC_ALL=C sed -i 's/forged/forgee/' forged.der && openssl req -inform DER -in forged.der -out forged.csr");
    assert.match(run('cfssl sign -loglevel=3 -ca theirs.pem -ca-key theirs-key.pem forged.csr').output, /verification failure/);
    assert.match(
      run('certwright pki sign --ca theirs.pem --ca-key theirs-key.pem --csr forged.csr').output,
      /not signed by the key inside it/,
    );
  });
});

describe('cfssl reads', needs('cfssl', 'cfssljson', 'openssl'), () => {
  before(() => void makeOurCa());

  for (const [what, subject, flags] of [
    ['a server’s', 'CN=web', '--san web.example --san 192.0.2.7 --san 2001:db8::7 --usage server-auth'],
    ['a person’s', 'CN=alice,O=ops,O=dev', '--usage client-auth --duration 90d'],
    [
      'one of many attributes',
      'CN=all,OU=unit,O=Example\\, Inc.,L=town,ST=state,C=CH',
      '--san all.example --usage server-auth,client-auth',
    ],
    ['a CA’s', 'CN=sub,O=Example', '--is-ca --path-length 0'],
  ] as const)
    test(`${what} certificate of ours as we do: subject, issuer, names, serial number, validity, key identifiers, signature`, () => {
      out(`certwright pki gencsr --key-out read-key.pem --subject '${subject}' --out read.csr --overwrite
        certwright pki sign --ca reader.pem --ca-key reader-key.pem --csr read.csr ${flags} --out read.pem --overwrite`);
      const [theirs, ours] = [certinfo('read.pem'), inspect('read.pem')];
      // It lists subjects in the order of the encoding, RFC 4514 the other way round.
      const values = (name: string): readonly string[] =>
        name
          .split(/(?<!\\),/)
          .map((part) => part.replace(/^[^=]+=/, '').replaceAll('\\', ''))
          .reverse();
      assert.deepEqual(theirs.subject['names'], values(ours.subject));
      assert.equal(ours.subject, subject);
      assert.deepEqual(theirs.issuer['names'], values(ours.issuer));
      assert.equal(BigInt(theirs.serial_number), BigInt(`0x${ours.serialNumber}`));
      assert.deepEqual([...(theirs.sans ?? [])].sort(), (ours.subjectAltNames ?? []).map(({ value }) => value).sort());
      assert.equal(theirs.not_before, ours.notBefore);
      assert.equal(theirs.not_after, ours.notAfter);
      const extension = (name: string): unknown => ours.extensions.find((candidate) => candidate.name === name)?.value;
      assert.equal(hex(theirs.subject_key_id), extension('subjectKeyIdentifier'));
      assert.deepEqual({ keyIdentifier: hex(theirs.authority_key_id) }, extension('authorityKeyIdentifier'));
      assert.equal(theirs.sigalg, 'ECDSAWithSHA256');
    });

  test('our request as it stands: subject, names, and the signature is checked on signing', () => {
    write('server.json', JSON.stringify(serverJson));
    out('certwright pki gencsr --from server.json --key-out asked-key.pem --out asked.csr');
    const theirs = JSON.parse(out('cfssl certinfo -csr asked.csr'));
    assert.equal(theirs.Subject.CommonName, serverJson.CN);
    assert.deepEqual([...theirs.DNSNames, ...theirs.IPAddresses].sort(), sortedHosts);
  });
});

describe('Certwright signs', needs('cfssl', 'cfssljson', 'openssl'), () => {
  for (const key of theirAlgorithms)
    test(`cfssl’s request with cfssl’s CA, both with keys of ${key.algo} ${key.size}`, () => {
      makeTheirCa(key);
      out('cfssl genkey - 2>/dev/null | cfssljson -bare asked', JSON.stringify({ ...serverJson, key }));
      assert.equal(out('head -1 theirs-key.pem'), `-----BEGIN ${key.algo === 'rsa' ? 'RSA' : 'EC'} PRIVATE KEY-----`);
      out('certwright pki sign --ca theirs.pem --ca-key theirs-key.pem --csr asked.csr --out asked.pem --overwrite');
      assert.match(out('openssl verify -x509_strict -purpose sslserver -CAfile theirs.pem asked.pem'), /asked\.pem: OK/);
      assert.equal(publicKeyOf('asked.pem', 'x509'), publicKeyOf('asked-key.pem', 'pkey'));
      assert.deepEqual([...(certinfo('asked.pem').sans ?? [])].sort(), sortedHosts);
      // cfssl gathers organizations in one relative name, whose values DER puts in order.
      assert.equal(inspect('asked.pem').issuer, 'CN=theirs,O=Other+O=Example,C=US');
      assert.deepEqual(certinfo('asked.pem').issuer['names'], certinfo('theirs.pem').subject['names']);
      const bundle = JSON.parse(out('cfssl bundle -loglevel=3 -ca-bundle theirs.pem -int-bundle theirs.pem -int-dir none -cert asked.pem'));
      assert.equal(bundle.crt.trim(), read('asked.pem').trim());
      assert.equal(bundle.root.trim(), read('theirs.pem').trim());
    });
});

describe('Certwright reads', needs('cfssl', 'cfssljson', 'openssl'), () => {
  before(() => void makeTheirCa({ algo: 'ecdsa', size: 256 }));

  test('every usage that cfssl knows by the name that cfssl has for it', () => {
    const keyUsages = [
      'digital signature',
      'key encipherment',
      'data encipherment',
      'key agreement',
      'cert sign',
      'crl sign',
      'encipher only',
      'decipher only',
    ];
    const extended = [
      'any',
      'server auth',
      'client auth',
      'code signing',
      'email protection',
      'ipsec end system',
      'ipsec tunnel',
      'ipsec user',
      'timestamping',
      'ocsp signing',
      'microsoft sgc',
      'netscape sgc',
    ];
    for (const usage of [...keyUsages, ...extended]) {
      write('config.json', JSON.stringify({ signing: { default: { expiry: '48h', usages: [usage] } } }));
      out(
        'cfssl gencert -loglevel=3 -config config.json -ca theirs.pem -ca-key theirs-key.pem - | cfssljson -bare use',
        JSON.stringify(serverJson),
      );
      const { keyUsage = [], extendedKeyUsage = [] } = inspect('use.pem');
      assert.deepEqual([...keyUsage, ...extendedKeyUsage.map(({ name }) => name)], [usage]);
    }
  });

  test('cfssl’s CA: path length, usages and lifetime', () => {
    const ca = { expiry: '1000h', pathlen: 1 };
    out('cfssl gencert -loglevel=3 -initca - | cfssljson -bare limited', JSON.stringify({ CN: 'limited', key: serverJson.key, ca }));
    const { isCa, keyUsage, extensions, notBefore, notAfter } = inspect('limited.pem');
    assert.equal(isCa, true);
    assert.deepEqual(keyUsage, ['cert sign', 'crl sign']);
    assert.deepEqual(extensions.find(({ name }) => name === 'basicConstraints')?.value, { ca: true, pathLength: 1 });
    assert.equal(Date.parse(notAfter) - Date.parse(notBefore), 1000 * 3_600_000);
  });

  test('the revocation list that cfssl makes with a CA of ours', () => {
    out(`certwright pki gencsr --key-out gone-key.pem --common-name gone --out gone.csr
      certwright pki sign --ca reader.pem --ca-key reader-key.pem --csr gone.csr --out gone.pem`);
    const { serialNumber } = inspect('gone.pem');
    write('serials', `${BigInt(`0x${serialNumber}`)}\n`);
    out('cfssl gencrl serials reader.pem reader-key.pem 2>/dev/null | base64 -d > lister.crl');
    assert.match(out('certwright pki crl show --ca reader.pem lister.crl'), new RegExp(`Revoked: +1\n +${serialNumber} `));
    assert.match(run('certwright pki verify --ca reader.pem --crl lister.crl gone.pem').output, /withdraws it \(revoked/);
  });
});
