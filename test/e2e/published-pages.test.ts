// Commands and files of the pages that this program stands in for, typed as they stand there: Kismatic's "Certificates in Kismatic" (its
// table of files, its own-CA paragraph with the second pair misnamed, its `certificates generate`), and Kubernetes' page on certificates
// (its JSON, piped). Only the name of the program is ours.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { openShell, type Shell } from '../../src/testing/shell.ts';
import { needs } from '../../src/testing/tools.ts';

const serverJson = `{
  "hosts": [
    "my-svc.my-namespace.svc.cluster.local",
    "my-pod.my-namespace.pod.cluster.local",
    "172.168.0.24",
    "10.0.34.2"
  ],
  "CN": "my-pod.my-namespace.pod.cluster.local",
  "key": {
    "algo": "ecdsa",
    "size": 256
  }
}
`;

/** A plan as Kismatic's own `install plan` wrote it, keys that bear on no certificate included. */
const kismaticPlan = `cluster:
  name: kubernetes
  version: v1.10.5
  disable_package_installation: false
  disconnected_installation: false
  networking:
    pod_cidr_block: 172.16.0.0/16
    service_cidr_block: 172.20.0.0/16
    update_hosts_files: false
    http_proxy: ""
  certificates:
    expiry: 17520h
    ca_expiry: 17520h
    apiserver_cert_extra_sans: ""
  ssh:
    user: kismaticuser
    ssh_key: /home/kismaticuser/kismaticuser.key
    ssh_port: 22
  kube_apiserver:
    option_overrides: {}
docker:
  disable: false
docker_registry:
  server: ""
  CA: ""
  username: ""
  password: ""
add_ons:
  cni:
    disable: false
    provider: calico
  dns: {disable: false, provider: kubedns}
features:
  package_manager:
    enabled: true
etcd:
  expected_count: 1
  nodes:
  - {host: etcd01, ip: 192.0.2.1, internalip: ""}
master:
  expected_count: 1
  load_balancer: api.example.com:6443
  nodes:
  - {host: master01, ip: 192.0.2.2, internalip: "", labels: {}, taints: []}
worker:
  expected_count: 1
  nodes:
  - {host: worker01, ip: 192.0.2.3, internalip: "", labels: {}, taints: []}
ingress:
  expected_count: 1
  nodes:
  - {host: worker01, ip: 192.0.2.3, internalip: "", labels: {}, taints: []}
storage:
  expected_count: 0
  nodes: []
`;

/** The page's table, its `$nodeName` being the machine of that kind. */
const tableOfThePage: readonly string[] = [
  'ca.pem',
  'proxy-client-ca.pem',
  'etcd01-etcd.pem',
  'master01-apiserver.pem',
  'kube-controller-manager.pem',
  'kube-scheduler.pem',
  'service-account.pem',
  'master01-kubelet.pem',
  'worker01-kubelet.pem',
  'apiserver-kubelet-client.pem',
  'etcd-client.pem',
  'admin.pem',
  'proxy-client.pem',
];

const withShell = (name: string, tools: Parameters<typeof openShell>[0], work: (shell: Shell) => void): void => {
  test(name, () => {
    const shell = openShell(tools);
    try {
      work(shell);
    } finally {
      shell.close();
    }
  });
};

/** A CA made by OpenSSL, as someone has one. */
const opensslCa = (name: string, certificate: string, key: string): string =>
  `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=${name}' -days 3650 -keyout ${key} -out ${certificate} \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null`;

describe('Kismatic’s page', needs('openssl'), () => {
  withShell(
    'its plan gives every file of its table, in generated/keys, and the kubeconfig in generated',
    ['openssl'],
    ({ out, write, folder }) => {
      write('kismatic-cluster.yaml', kismaticPlan);
      out('certwright cluster generate');
      for (const file of tableOfThePage) {
        assert.ok(existsSync(join(folder, 'generated/keys', file)), file);
        assert.ok(existsSync(join(folder, 'generated/keys', file.replace('.pem', '-key.pem'))), `key of ${file}`);
      }
      assert.equal(out('ls generated/keys/*.pem | wc -l'), String(2 * tableOfThePage.length), 'and nothing else');
      assert.ok(existsSync(join(folder, 'generated/kubeconfig')));
    },
  );

  withShell('certificates generate alice --organizations dev,ops', ['openssl'], ({ out, write }) => {
    write('kismatic-cluster.yaml', kismaticPlan);
    out('certwright cluster generate && certwright certificates generate alice --organizations dev,ops');
    assert.equal(out('openssl x509 -in generated/keys/alice.pem -noout -subject'), 'subject=O = dev, O = ops, CN = alice');
    assert.match(out('openssl verify -x509_strict -purpose sslclient -CAfile generated/keys/ca.pem generated/keys/alice.pem'), /OK/);
    assert.equal(
      out('openssl pkey -in generated/keys/alice-key.pem -pubout'),
      out('openssl x509 -in generated/keys/alice.pem -noout -pubkey'),
    );
  });

  withShell('a CA of one’s own in ca.pem and ca-key.pem signs, and is kept to the byte', ['openssl'], ({ out, write, read }) => {
    write('kismatic-cluster.yaml', kismaticPlan);
    out(`mkdir -p generated/keys && ${opensslCa('Company', 'generated/keys/ca.pem', 'generated/keys/ca-key.pem')}`);
    const before = [read('generated/keys/ca.pem'), read('generated/keys/ca-key.pem')];
    out('certwright cluster generate');
    assert.deepEqual([read('generated/keys/ca.pem'), read('generated/keys/ca-key.pem')], before);
    for (const leaf of ['admin', 'master01-apiserver', 'etcd01-etcd'])
      assert.match(out(`openssl verify -x509_strict -CAfile generated/keys/ca.pem generated/keys/${leaf}.pem`), /OK/);
  });

  withShell(
    'a second CA under the page’s wrong names is known by content, said, put right, and used',
    ['openssl'],
    ({ out, write, run }) => {
      write('kismatic-cluster.yaml', kismaticPlan);
      out(`mkdir -p generated/keys && ${opensslCa('Second', 'generated/keys/proxy-client.pem', 'generated/keys/proxy-client-ca.pem')}`);
      const fingerprint = 'openssl x509 -noout -fingerprint -sha256 -in';
      const given = out(`${fingerprint} generated/keys/proxy-client.pem`);
      const { exitCode, output } = run('certwright cluster generate');
      assert.equal(exitCode, 0, output);
      assert.match(output, /proxy-client-ca\.pem.*private key|key.*proxy-client-ca\.pem/);
      assert.equal(out(`${fingerprint} generated/keys/proxy-client-ca.pem`), given);
      assert.match(
        out('openssl verify -x509_strict -purpose sslclient -CAfile generated/keys/proxy-client-ca.pem generated/keys/proxy-client.pem'),
        /OK/,
      );
      assert.equal(
        out('openssl pkey -in generated/keys/proxy-client-ca-key.pem -pubout'),
        out('openssl x509 -in generated/keys/proxy-client-ca.pem -noout -pubkey'),
      );
      assert.equal(out("find generated -name '*.pem*' -size +0 -exec grep -l 'PRIVATE KEY' {} + | xargs stat -c %a | sort -u"), '600');
      assert.equal(out('certwright cluster generate | tail -1'), '14 kept', 'and the next run finds everything in order');
    },
  );
});

describe('Kubernetes’ page on certificates', needs('cfssl', 'cfssljson', 'openssl'), () => {
  const shell = openShell(['cfssl', 'cfssljson', 'openssl']);
  after(shell.close);
  const ask = (program: string, base: string): string =>
    shell.out(
      `cat <<'EOF' | ${program} | cfssljson -bare ${base}\n${serverJson}EOF\nopenssl req -in ${base}.csr -noout -verify -text 2>&1`,
    );
  /** Without the key and the signature, which differ from run to run. */
  const content = (text: string): string => text.replace(/pub:\n[\s\S]*?(?=\n {16}ASN1 OID)/, '').replace(/Signature Value:[\s\S]*/, '');

  test('its pipe writes the same two files with pki gencsr in the place of cfssl genkey, modes included', () => {
    const theirs = ask('cfssl genkey - 2>/dev/null', 'theirs');
    const ours = ask('certwright pki gencsr --from - --cfssl-json', 'ours');
    assert.equal(content(ours), content(theirs));
    assert.match(ours, /self-signature verify OK/);
    assert.equal(shell.out('stat -c %a ours.csr ours-key.pem'), shell.out('stat -c %a theirs.csr theirs-key.pem'));
    assert.equal(shell.out('head -1 ours-key.pem'), shell.out('head -1 theirs-key.pem'));
    assert.equal(shell.out('openssl pkey -in ours-key.pem -pubout'), shell.out('openssl req -in ours.csr -noout -pubkey'));
  });
});
