// A generated directory judged by OpenSSL and keytool alone: what each certificate may be used for is written down here, and nothing of
// ours reads a certificate, a key or a kubeconfig. In both layouts, on CAs of our own making and on given intermediates.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openShell, type Shell } from '../../src/testing/shell.ts';
import { needs } from '../../src/testing/tools.ts';
import { etcdHosts, masterIp, planText } from './cluster-layouts.ts';
import { giveIntermediates } from './given-authorities.ts';

type Layout = 'kismatic' | 'kubeadm';
type Use = 'server' | 'client' | 'both' | 'neither';
/** A leaf by its path without ending: what it is for, and the CA that signed it. */
type Expected = readonly [base: string, use: Use, authority: string];

const kismaticLeaves: readonly Expected[] = [
  ...etcdHosts.map((host): Expected => [`keys/${host}-etcd`, 'both', 'keys/ca']),
  ['keys/master1-apiserver', 'server', 'keys/ca'],
  ['keys/kube-controller-manager', 'client', 'keys/ca'],
  ['keys/kube-scheduler', 'client', 'keys/ca'],
  ['keys/service-account', 'neither', 'keys/ca'],
  ['keys/master1-kubelet', 'both', 'keys/ca'],
  ['keys/worker1-kubelet', 'both', 'keys/ca'],
  ['keys/etcd-client', 'client', 'keys/ca'],
  ['keys/apiserver-kubelet-client', 'client', 'keys/ca'],
  ['keys/proxy-client', 'client', 'keys/proxy-client-ca'],
  ['keys/admin', 'client', 'keys/ca'],
];

const kubeadmLeaves: readonly Expected[] = [
  ['master1/pki/apiserver', 'server', 'pki/ca'],
  ['master1/pki/apiserver-kubelet-client', 'client', 'pki/ca'],
  ['master1/pki/front-proxy-client', 'client', 'pki/front-proxy-ca'],
  ['master1/pki/apiserver-etcd-client', 'client', 'pki/etcd/ca'],
  ...etcdHosts.flatMap((host): Expected[] => [
    [`${host}/pki/etcd/server`, 'both', 'pki/etcd/ca'],
    [`${host}/pki/etcd/peer`, 'both', 'pki/etcd/ca'],
    [`${host}/pki/etcd/healthcheck-client`, 'client', 'pki/etcd/ca'],
  ]),
];

const expectations = {
  kismatic: {
    leaves: kismaticLeaves,
    authorities: ['keys/ca', 'keys/proxy-client-ca'],
    kubeconfigs: ['kubeconfig'],
    certificateEnding: '.pem',
    keyEnding: '-key.pem',
    apiServer: 'keys/master1-apiserver',
    client: 'keys/admin',
  },
  kubeadm: {
    leaves: kubeadmLeaves,
    authorities: ['pki/ca', 'pki/front-proxy-ca', 'pki/etcd/ca'],
    kubeconfigs: [
      ...['admin', 'super-admin', 'controller-manager', 'scheduler', 'kubelet'].map((name) => `master1/${name}.conf`),
      'worker1/kubelet.conf',
    ],
    certificateEnding: '.crt',
    keyEnding: '.key',
    apiServer: 'master1/pki/apiserver',
    client: 'master1/pki/apiserver-kubelet-client',
  },
} as const;

const purposes = [
  ['sslserver', ['server', 'both']],
  ['sslclient', ['client', 'both']],
] as const;

/**
 * One TLS connection between `openssl s_server` and `openssl s_client`, both of which check the other: the server with $1 (base of its pair)
 * and CA file $2 for clients, the client with $3 (base of its pair) and what it trusts, $4. The exit code is the client's.
 */
const handshake = `
split() { awk -v n=0 '/BEGIN CERT/ {n++} n>1' "$1" > chain.pem; if [ -s chain.pem ]; then echo "-cert_chain chain.pem"; fi; }
rm -f server.log
openssl s_server -www -accept 127.0.0.1:0 -tls1_2 -cert "$1$C" -key "$1$K" $(split "$1$C") -CAfile "$2" -partial_chain -Verify 4 -verify_return_error \
  >server.log 2>&1 </dev/null & trap 'kill %1 2>/dev/null || true' EXIT
for i in $(seq 200); do port=$(sed -n 's/^ACCEPT .*:\\([0-9]*\\)$/\\1/p' server.log 2>/dev/null); [ -n "$port" ] && break; sleep 0.05; done
echo Q | openssl s_client -connect "127.0.0.1:$port" -tls1_2 -cert "$3$C" -key "$3$K" -CAfile "$4" -partial_chain -verify_return_error $5 2>&1
code=$?; cat server.log; exit $code
`;

for (const layout of ['kismatic', 'kubeadm'] as const satisfies readonly Layout[])
  for (const given of [false, true])
    describe(
      `a generated directory, layout ${layout}, ${given ? 'given intermediates' : 'CAs of its own'}`,
      needs('openssl', 'keytool'),
      () => {
        const shell: Shell = openShell(['openssl', 'keytool']);
        const { out, run, folder } = shell;
        const directory = join(folder, 'generated');
        const { leaves, authorities, kubeconfigs, certificateEnding, keyEnding, apiServer, client } = expectations[layout];
        const certificateOf = (base: string): string => join(directory, base + certificateEnding);
        const keyOf = (base: string): string => join(directory, base + keyEnding);
        // An intermediate is believed by itself, as the components that are given it alone do.
        const verify = (authority: string, purpose: string, file: string, flags = '') =>
          run(`openssl verify -x509_strict -partial_chain -purpose ${purpose} ${flags} -CAfile ${authority} ${file}`);

        before(async () => {
          shell.write('plan.yaml', planText(layout));
          if (given) await giveIntermediates(layout, directory);
          out(`certwright cluster generate -f plan.yaml ${given ? '--trust-root root.pem' : ''}`);
        });
        after(shell.close);

        test('holds exactly the leaves of the table, each for its own purpose and refused for every other', () => {
          const found = readdirSync(directory, { recursive: true, encoding: 'utf8' })
            .filter((path) => path.endsWith(certificateEnding) && !path.endsWith('-key.pem'))
            .map((path) => path.slice(0, -certificateEnding.length))
            .filter((path) => !/(?:^|[/-])ca$|\/server-trust$/.test(path));
          assert.deepEqual(found.sort(), leaves.map(([base]) => base).sort());
          for (const [base, use, authority] of leaves)
            for (const [purpose, uses] of purposes) {
              const { exitCode, output } = verify(certificateOf(authority), purpose, certificateOf(base));
              if ((uses as readonly Use[]).includes(use)) assert.match(output, /: OK$/, `${base} as ${purpose}`);
              else assert.match(output, /unsuitable certificate purpose/, `${base} as ${purpose}`);
              assert.equal(exitCode === 0, (uses as readonly Use[]).includes(use), `${base} as ${purpose}`);
            }
        });

        test('no leaf verifies by another of the CAs', () => {
          for (const [base, use, authority] of leaves)
            for (const other of authorities.filter((name) => name !== authority))
              assert.notEqual(verify(certificateOf(other), use === 'server' ? 'sslserver' : 'sslclient', certificateOf(base)).exitCode, 0);
        });

        test('the API server’s certificate is for the service, its machine and the load balancer, and for nothing else', () => {
          const file = certificateOf(apiServer);
          const ca = certificateOf(authorities[0]);
          for (const host of [
            'kubernetes',
            'kubernetes.default',
            'kubernetes.default.svc',
            'kubernetes.default.svc.cluster.local',
            'master1',
          ])
            assert.equal(verify(ca, 'sslserver', file, `-verify_hostname ${host}`).exitCode, 0, host);
          for (const ip of ['172.20.0.1', masterIp]) assert.equal(verify(ca, 'sslserver', file, `-verify_ip ${ip}`).exitCode, 0, ip);
          assert.notEqual(verify(ca, 'sslserver', file, '-verify_hostname worker1').exitCode, 0);
          assert.notEqual(verify(ca, 'sslserver', file, '-verify_ip 172.20.0.2').exitCode, 0);
        });

        test('every certificate, the CAs’ included, has the key that lies beside it', () => {
          for (const base of [...authorities, ...leaves.map(([name]) => name)])
            assert.equal(
              out(`openssl pkey -in ${keyOf(base)} -pubout`),
              out(`openssl x509 -in ${certificateOf(base)} -noout -pubkey`),
              base,
            );
          if (layout === 'kubeadm')
            for (const place of ['pki', 'master1/pki'])
              assert.equal(out(`openssl pkey -in generated/${place}/sa.key -pubout`), out(`cat generated/${place}/sa.pub`).trim(), place);
        });

        test('s_server and s_client meet with the API server’s pair, and break off with a wrong certificate on either side', () => {
          const ca = certificateOf(authorities[0]);
          const meet = (server: string, login: string, trust: string, flags = '') =>
            run(
              `C=${certificateEnding} K=${keyEnding}; set +e -- ${[server, ca, login, trust].map((name) => (name.startsWith('/') ? name : join(directory, name))).join(' ')} '${flags}'\n${handshake}`,
            );
          const good = meet(apiServer, client, ca, '-verify_hostname kubernetes.default.svc');
          assert.equal(good.exitCode, 0, good.output);
          assert.match(good.output, /Verify return code: 0 \(ok\)/);
          const refused = [
            ['a server’s certificate as a client', meet(apiServer, apiServer, ca), /unsuitable certificate purpose/],
            ['a client’s certificate as a server', meet(client, client, ca), /unsuitable certificate purpose/],
            ['another name', meet(apiServer, client, ca, '-verify_hostname other.example'), /hostname mismatch/],
            [
              'another CA',
              meet(apiServer, client, certificateOf(authorities[1])),
              /self-signed certificate in certificate chain|unable to get (?:local )?issuer certificate/,
            ],
          ] as const;
          for (const [what, { exitCode, output }, reason] of refused) {
            assert.notEqual(exitCode, 0, `${what}\n${output}`);
            assert.match(output, reason, what);
          }
        });

        test('whatever holds a private key is 0600, every directory 0700, and nothing is writable for others', () => {
          const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
          const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
          assert.equal(modeOf(directory), '700');
          let secrets = 0;
          for (const entry of entries) {
            const path = join(entry.parentPath, entry.name);
            if (entry.isDirectory()) assert.equal(modeOf(path), '700', path);
            else {
              const text = readFileSync(path, 'latin1');
              const isSecret = /PRIVATE KEY|client-key-data|"serial"/.test(text);
              if (isSecret) secrets++;
              const isGiven = authorities.some((base) => path === certificateOf(base)) && given;
              assert.equal(modeOf(path), isSecret ? '600' : '644', isGiven ? `${path} (given)` : path);
            }
          }
          assert.ok(secrets >= leaves.length + kubeconfigs.length, String(secrets));
        });

        test('every kubeconfig holds a pair that its own CA data verifies, and the CA that its cluster has', () => {
          const found = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) =>
            /(?:\.conf|^kubeconfig)$/.test(path),
          );
          assert.deepEqual(found.sort(), [...kubeconfigs].sort());
          for (const file of found) {
            out(`for part in certificate-authority client-certificate client-key; do
            sed -n "s/^ *$part-data: *//p" generated/${file} | base64 -d > $part.pem; test -s $part.pem; done`);
            assert.match(
              out('openssl verify -x509_strict -partial_chain -purpose sslclient -CAfile certificate-authority.pem client-certificate.pem'),
              /OK/,
            );
            assert.notEqual(verify('certificate-authority.pem', 'sslserver', 'client-certificate.pem').exitCode, 0, file);
            assert.equal(
              out('openssl pkey -in client-key.pem -pubout'),
              out('openssl x509 -in client-certificate.pem -noout -pubkey'),
              file,
            );
            const firstOf = (path: string): string => out(`openssl x509 -in ${path} -noout -fingerprint -sha256`);
            assert.equal(firstOf('certificate-authority.pem'), firstOf(certificateOf(authorities[0])), file);
            assert.match(
              verify('certificate-authority.pem', 'sslserver', certificateOf(apiServer)).output,
              /OK/,
              'it trusts the API server',
            );
          }
        });

        if (given)
          test('with the root alone, servers verify by what they serve, and so does what checks servers; the CA’s file holds no root', () => {
            assert.equal(out(`grep -c BEGIN ${certificateOf(authorities[0])}`), '1');
            const served = certificateOf(apiServer);
            assert.equal(out(`grep -c BEGIN ${served}`), '2');
            assert.match(
              run(`openssl verify -x509_strict -purpose sslserver -CAfile root.pem -untrusted ${served} ${served}`).output,
              /OK/,
            );
            const trust = join(directory, basename(join(authorities[0], '..')), `server-trust${certificateEnding}`);
            assert.match(run(`openssl verify -x509_strict -purpose sslserver -CAfile ${trust} ${served}`).output, /OK/);
            assert.match(
              run(`openssl verify -x509_strict -purpose sslserver -CAfile ${certificateOf(authorities[0])} ${served}`).output,
              /unable to get issuer/,
            );
          });

        test('keytool finds key, chain and trusted CA in keystores of the API server’s pair', () => {
          shell.write('pass', 'changeit\n');
          const [file, ca] = [certificateOf(apiServer), certificateOf(authorities[0])].map((path) => relative(folder, path));
          const fingerprint = (path: string | undefined): string =>
            out(`openssl x509 -in ${path} -noout -fingerprint -sha256`).replace(/.*=/, '');
          for (const format of ['pkcs12', 'jks']) {
            out(`certwright pki keystore create --format ${format} --key ${relative(folder, keyOf(apiServer))} --certificate ${file} --alias apiserver \
            --trust ${ca} --passphrase-file pass --out ${format}.store`);
            // Java completes a chain by what a PKCS#12 store holds besides.
            const chainLength = given || format === 'pkcs12' ? 2 : 1;
            const listed = out(`keytool -list -v -keystore ${format}.store -storepass changeit 2>/dev/null`);
            assert.match(listed, /Your keystore contains 2 entries/);
            const [trusted = '', own = ''] = listed
              .split(/^Alias name: /m)
              .slice(1)
              .sort((a, b) => Number(/PrivateKey/.test(a)) - Number(/PrivateKey/.test(b)));
            assert.match(own, new RegExp(`^apiserver\n[\\s\\S]*Entry type: PrivateKeyEntry\nCertificate chain length: ${chainLength}\n`));
            assert.ok(own.includes(`SHA256: ${fingerprint(file)}`), own);
            assert.match(trusted, /Entry type: trustedCertEntry/);
            assert.ok(trusted.includes(`SHA256: ${fingerprint(ca)}`), trusted);
            // Java checks the key against the password when it copies it.
            out(`keytool -importkeystore -srckeystore ${format}.store -srcstorepass changeit -srcalias apiserver -destkeystore ${format}.copy \
            -deststoretype PKCS12 -deststorepass changeit 2>/dev/null && openssl pkcs12 -in ${format}.copy -passin pass:changeit -nodes -nocerts -out ${format}.key`);
            assert.equal(out(`openssl pkey -in ${format}.key -pubout`), out(`openssl x509 -in ${file} -noout -pubkey`));
          }
        });
      },
    );
