import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseKubeconfig } from '../cluster/kubeconfig.ts';
import { certificateFingerprint, parseFirstCertificate } from '../pki/x509-certificate.ts';
import { failWith, makeCaFiles, makeRequest, signedBy, succeed } from '../testing/cli-files.ts';
import { inScratch, runCli } from '../testing/cli-run.ts';

const withPlan = (work: (cwd: string) => Promise<void>, ...initFlags: readonly string[]): Promise<void> =>
  inScratch(async (cwd) => {
    await succeed(cwd, 'cluster', 'init', '--etcd', '1', '--masters', '1', '--workers', '1', ...initFlags);
    await work(cwd);
  });

const inLayoutKubeadm = (cwd: string): void => {
  const path = join(cwd, 'kismatic-cluster.yaml');
  writeFileSync(path, readFileSync(path, 'utf8').replace('layout: kismatic', 'layout: kubeadm'));
};

const fingerprint = (cwd: string, file: string): string => certificateFingerprint(parseFirstCertificate(readFileSync(join(cwd, file))));

describe('cluster init', () => {
  test('writes a plan that generate takes as it stands, and never over one that exists', () =>
    withPlan(async (cwd) => {
      const plan = readFileSync(join(cwd, 'kismatic-cluster.yaml'), 'utf8');
      assert.match(plan, /^ {2}name: kubernetes$/m);
      assert.equal(await failWith(cwd, 'FileExists', 'cluster', 'init'), 'cannot write "kismatic-cluster.yaml": it exists');
      assert.equal(await succeed(cwd, 'cluster', 'init', '-f', '-', '--etcd', '1', '--masters', '1', '--workers', '1'), plan);
      await succeed(cwd, 'cluster', 'init', '--overwrite', '--dry-run', '--name', 'other');
      assert.equal(readFileSync(join(cwd, 'kismatic-cluster.yaml'), 'utf8'), plan, 'a dry run writes nothing');
      const json = JSON.parse(await succeed(cwd, 'cluster', 'init', '-f', 'b.yaml', '-o', 'json'));
      assert.deepEqual(json, { planFile: 'b.yaml', written: true, next: 'certwright cluster generate -f b.yaml' });
      await failWith(cwd, 'UsageInvalid', 'cluster', 'init', '-f', 'c.yaml', '--workers', '0');
      await succeed(cwd, 'cluster', 'generate', '--dry-run');
    }));
});

describe('cluster generate', () => {
  test('makes everything once, tells it, and says what to do next', () =>
    withPlan(async (cwd) => {
      const dry = await succeed(cwd, 'cluster', 'generate', '--dry-run');
      assert.match(dry, /^create +cluster CA +keys\/ca\.pem, keys\/ca-key\.pem$/m);
      assert.match(dry, /^14 to create \(dry run: nothing was changed\)$/m);
      assert.throws(() => statSync(join(cwd, 'generated')), { code: 'ENOENT' });
      const made = await succeed(cwd, 'cluster', 'generate');
      assert.match(made, /^created +worker1 kubelet +keys\/worker1-kubelet\.pem, keys\/worker1-kubelet-key\.pem$/m);
      assert.match(made, /^14 created$/m);
      for (const said of [
        /generated\/keys\/ca-key\.pem/,
        /--client-ca-file/,
        /kubectl --kubeconfig generated\/kubeconfig get nodes/,
        /reads no revocation list/,
      ])
        assert.match(made, said);
      const before = fingerprint(cwd, 'generated/keys/admin.pem');
      assert.equal(await succeed(cwd, 'cluster', 'generate'), '14 kept\n');
      assert.equal(fingerprint(cwd, 'generated/keys/admin.pem'), before);
      const json = JSON.parse(await succeed(cwd, 'cluster', 'generate', '-o', 'json'));
      assert.deepEqual([json.layout, json.dryRun, json.actions.length, json.waiting, json.nextSteps], ['kismatic', false, 14, [], []]);
    }));

  test('names every difference, changes nothing, and replaces only when told, keeping the old aside', () =>
    withPlan(async (cwd) => {
      await succeed(cwd, 'cluster', 'generate');
      const path = join(cwd, 'kismatic-cluster.yaml');
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll('192.0.2.3', '192.0.2.99'));
      const message = await failWith(cwd, 'DriftFound', 'cluster', 'generate');
      assert.match(message, /worker1-kubelet\.pem.*192\.0\.2\.99/);
      const { err } = await runCli(['cluster', 'generate', '--dry-run'], { cwd });
      assert.match(err, /--overwrite/);
      const replaced = await succeed(cwd, 'cluster', 'generate', '--overwrite');
      assert.match(replaced, /^replaced +worker1 kubelet/m);
      assert.match(replaced, /^kept aside: generated\/keys\/worker1-kubelet\.pem\.bak/m);
      assert.match(replaced, /kubelet +on worker1/);
      assert.doesNotMatch(replaced, /Keep the keys of the CAs/);
    }));

  test('prints for kubeadm how to bind the administrators', () =>
    withPlan(async (cwd) => {
      inLayoutKubeadm(cwd);
      const made = await succeed(cwd, 'cluster', 'generate', '--out', 'pki tree');
      assert.match(
        made,
        /kubectl --kubeconfig 'pki tree\/master1\/super-admin\.conf' create clusterrolebinding kubeadm:cluster-admins --clusterrole=cluster-admin --group=kubeadm:cluster-admins/,
      );
      assert.ok(statSync(join(cwd, 'pki tree/master1/pki/apiserver.crt')).isFile());
    }));

  test('with an external CA writes requests, says what waits, and exits 3', () =>
    withPlan(async (cwd) => {
      await makeCaFiles(cwd, 'corporate');
      mkdirSync(join(cwd, 'generated/keys'), { recursive: true });
      writeFileSync(join(cwd, 'generated/keys/ca.pem'), readFileSync(join(cwd, 'corporate.pem')));
      const { exitCode, out, err } = await runCli(['cluster', 'generate'], { cwd });
      assert.equal(exitCode, 3);
      assert.match(out, /^requested +admin client/m);
      assert.match(err, /certificates are not signed yet\nhint: have the \.csr files signed/);
      assert.ok(readdirSync(join(cwd, 'generated/keys')).includes('admin.csr'));
    }));

  test('opens an encrypted CA key with the passphrase of that CA', () =>
    withPlan(async (cwd) => {
      mkdirSync(join(cwd, 'generated/keys'), { recursive: true });
      writeFileSync(join(cwd, 'pass'), 'open sesame\n');
      const key = 'generated/keys/ca-key.pem';
      await succeed(cwd, 'pki', 'genkey', '--encrypt', '--passphrase-file', 'pass', '--out', key);
      await succeed(cwd, 'pki', 'gencsr', '--key', key, '--passphrase-file', 'pass', '--common-name', 'ours', '--out', 'ca.csr');
      const self = ['pki', 'sign', '--self-signed', '--ca-key', key, '--passphrase-file', 'pass', '--csr', 'ca.csr', '--is-ca'];
      await succeed(cwd, ...self, '--duration', '87600h', '--out', 'generated/keys/ca.pem');
      await failWith(cwd, 'PassphraseRequired', 'cluster', 'generate');
      await failWith(cwd, 'PassphraseRequired', 'cluster', 'generate', '--passphrase-file', 'etcd=pass');
      const made = await succeed(cwd, 'cluster', 'generate', '--passphrase-file', 'cluster=pass');
      assert.match(made, /Give each machine its own files/, 'the first run with a given CA tells what to do too');
      const asked = await runCli(['cluster', 'renew', 'admin'], { cwd, answers: ['open sesame'] });
      assert.equal(asked.exitCode, 0, asked.err);
    }));

  test('with a root above the given CA says who may read it and who never', () =>
    withPlan(async (cwd) => {
      await makeCaFiles(cwd, 'root');
      mkdirSync(join(cwd, 'generated/keys'), { recursive: true });
      await makeRequest(cwd, 'sub');
      await succeed(cwd, ...signedBy('root'), 'sub.csr', '--is-ca', '--duration', '43800h', '--out', 'generated/keys/ca.pem');
      writeFileSync(join(cwd, 'generated/keys/ca-key.pem'), readFileSync(join(cwd, 'sub-key.pem')), { mode: 0o600 });
      const made = await succeed(cwd, 'cluster', 'generate', '--trust-root', 'root.pem');
      assert.match(made, /what checks servers .* may read server-trust\.pem/);
      assert.match(made, /what checks clients \(--client-ca-file.*\) never does/);
      assert.ok(statSync(join(cwd, 'generated/keys/server-trust.pem')).isFile());
      assert.equal((await runCli(['cluster', 'check'], { cwd })).exitCode, 0);
    }));

  test('tells every fault of a plan with its line, and where a plan is missing how to write one', () =>
    withPlan(async (cwd) => {
      const path = join(cwd, 'kismatic-cluster.yaml');
      writeFileSync(path, readFileSync(path, 'utf8').replace('expiry: 8760h', 'expiry: soon').replace('172.20.0.0/16', 'nowhere'));
      const faults = await failWith(cwd, 'PlanInvalid', 'cluster', 'generate');
      assert.match(faults, /kismatic-cluster\.yaml:\d+: cluster\.networking\.service_cidr_block: "nowhere"/);
      rmSync(path);
      const { err } = await runCli(['cluster', 'generate'], { cwd });
      assert.match(err, /cannot read plan "kismatic-cluster\.yaml": it does not exist\nhint: `certwright cluster init` writes one/);
    }));
});

describe('cluster check', () => {
  test('prints kubeadm’s tables and exits 0, 6 or 7', () =>
    withPlan(async (cwd) => {
      await succeed(cwd, 'cluster', 'generate');
      const right = await runCli(['cluster', 'check'], { cwd });
      assert.equal(right.exitCode, 0);
      assert.match(right.out, /^CERTIFICATE +EXPIRES +RESIDUAL TIME +CERTIFICATE AUTHORITY +EXTERNALLY MANAGED +STATE$/m);
      assert.match(right.out, /^admin +[A-Z][a-z]{2} \d\d, \d{4} \d\d:\d\d UTC +\d+[dy] +cluster CA +no +ok$/m);
      assert.match(right.out, /^cluster CA +.* +no +ok$/m);
      const soon = await runCli(['cluster', 'check', '--warning-window', '4000d'], { cwd });
      assert.equal(soon.exitCode, 6);
      const end = new Date(right.out.match(/^admin +(.* UTC)/m)?.[1] ?? '');
      const late = await runCli(['cluster', 'check'], { cwd, at: new Date(end.getTime() + 60_000) });
      assert.equal(late.exitCode, 7);
      assert.match(late.out, /^admin .*<invalid> .*expired$/m);
      rmSync(join(cwd, 'generated/keys/kube-scheduler.pem'));
      const missing = await runCli(['cluster', 'check'], { cwd });
      assert.equal(missing.exitCode, 7);
      assert.match(missing.out, /^!MISSING! kube-scheduler /m);
      const json = await runCli(['cluster', 'check', '-o', 'json'], { cwd });
      assert.equal(json.exitCode, 7);
      assert.equal(JSON.parse(json.out).verdict, 'broken');
      assert.equal((await runCli(['cluster', 'check', '-f', 'none.yaml'], { cwd })).exitCode, 2);
    }));
});

describe('cluster renew', () => {
  test('renews what is named, says what to restart, and never touches a CA', () =>
    withPlan(async (cwd) => {
      await succeed(cwd, 'cluster', 'generate');
      const [scheduler, admin] = ['generated/keys/kube-scheduler.pem', 'generated/keys/admin.pem'].map((file) => fingerprint(cwd, file));
      assert.match(await succeed(cwd, 'cluster', 'renew', 'kube-scheduler', '--dry-run'), /^to be renewed +kube-scheduler +new /m);
      assert.equal(fingerprint(cwd, 'generated/keys/kube-scheduler.pem'), scheduler);
      const renewed = await succeed(cwd, 'cluster', 'renew', 'kube-scheduler');
      assert.match(renewed, /^renewed +kube-scheduler +new /m);
      assert.match(renewed, /kube-scheduler +on master1/);
      assert.notEqual(fingerprint(cwd, 'generated/keys/kube-scheduler.pem'), scheduler);
      assert.equal(fingerprint(cwd, 'generated/keys/admin.pem'), admin);
      await failWith(cwd, 'CertificateUnknown', 'cluster', 'renew', 'ca');
      await failWith(cwd, 'CertificateUnknown', 'cluster', 'renew', 'nothing');
      await failWith(cwd, 'UsageInvalid', 'cluster', 'renew');
      const all = JSON.parse(await succeed(cwd, 'cluster', 'renew', 'all', '-o', 'json'));
      assert.equal(all.certificates.length, 11);
      assert.equal(all.certificates.find(({ id }: { readonly id: string }) => id === 'service-account').keepsKey, true);
    }));
});

describe('certificates generate', () => {
  test('makes a client certificate and a kubeconfig, and prints a binding', () =>
    withPlan(async (cwd) => {
      await succeed(cwd, 'cluster', 'generate');
      const made = await succeed(cwd, 'certificates', 'generate', 'alice', '--organizations', 'dev,ops', '--kubeconfig');
      assert.match(made, /^created generated\/keys\/alice\.pem and generated\/keys\/alice-key\.pem$/m);
      assert.match(made, /kubectl create rolebinding dev-edit --clusterrole=edit --group=dev --namespace=default/);
      assert.match(made, /kubectl --kubeconfig generated\/alice\.kubeconfig get pods/);
      const shown = JSON.parse(await succeed(cwd, 'pki', 'inspect', 'generated/keys/alice.pem', '-o', 'json')).items[0];
      assert.equal(shown.subject, 'CN=alice,O=ops,O=dev');
      assert.deepEqual(
        shown.extendedKeyUsage.map(({ name }: { readonly name: string }) => name),
        ['client auth'],
      );
      assert.equal(shown.notAfter.slice(0, 10), '2026-08-30');
      assert.match(await succeed(cwd, 'certificates', 'generate', 'alice'), /^kept generated\/keys\/alice\.pem/);
      assert.match(await succeed(cwd, 'certificates', 'generate', 'bob'), /--user=bob/);
    }));

  test('takes Kismatic’s flags, warns of long lives, and refuses what is the cluster’s own', () =>
    withPlan(async (cwd) => {
      await succeed(cwd, 'cluster', 'generate', '--out', 'assets');
      const generate = ['certificates', 'generate', '--generated-assets-dir', 'assets'];
      const flags = ['--common-name', 'ci', '--subj-alt-names', 'ci.example.com,10.0.0.9', '--validity-period', '400', '--server'];
      const { exitCode, err } = await runCli([...generate, 'ci-runner', ...flags], { cwd });
      assert.equal(exitCode, 0, err);
      assert.match(err, /^warning: it is valid for 400 days/m);
      const shown = JSON.parse(await succeed(cwd, 'pki', 'inspect', 'assets/keys/ci-runner.pem', '-o', 'json')).items[0];
      assert.equal(shown.subject, 'CN=ci');
      assert.deepEqual(shown.subjectAltNames, [
        { type: 'DNS', value: 'ci.example.com' },
        { type: 'IP Address', value: '10.0.0.9' },
      ]);
      for (const name of ['admin', 'ca', 'kube-scheduler']) await failWith(cwd, 'NameReserved', ...generate, name, '--overwrite');
      for (const name of ['../alice', 'a/b', '.hidden']) await failWith(cwd, 'PathRefused', ...generate, name);
      await failWith(cwd, 'NameReserved', ...generate, 'root', '--organizations', 'system:masters');
      await succeed(cwd, ...generate, 'root', '--organizations', 'system:masters', '--allow-privileged');
      await failWith(cwd, 'UsageInvalid', ...generate, 'x', '--validity-period', '0');
      await failWith(cwd, 'CaMissing', 'certificates', 'generate', 'alice');
      await failWith(cwd, 'FileNotFound', 'certificates', 'generate', 'alice', '--kubeconfig', '-f', 'none.yaml');
    }));
});

describe('cluster bundle', () => {
  test('packs what a machine needs, private, and CA keys only for masters and only when asked', () =>
    withPlan(async (cwd) => {
      await succeed(cwd, 'cluster', 'generate');
      const listed = await succeed(cwd, 'cluster', 'bundle', '--node', 'worker1');
      assert.match(listed, /^0600 +\/etc\/kubernetes\/pki\/worker1-kubelet-key\.pem$/m);
      assert.doesNotMatch(listed, /master1|ca-key/);
      assert.equal(statSync(join(cwd, 'worker1.tar.gz')).mode & 0o777, 0o600);
      const names = (archive: string): readonly string[] =>
        execFileSync('tar', ['-tzf', archive], { cwd, encoding: 'utf8' })
          .split('\n')
          .filter((name) => name !== '' && !name.endsWith('/'));
      assert.deepEqual(names('worker1.tar.gz'), [
        'pki/ca.pem',
        'pki/etcd-client-key.pem',
        'pki/etcd-client.pem',
        'pki/worker1-kubelet-key.pem',
        'pki/worker1-kubelet.pem',
      ]);
      await failWith(cwd, 'FileExists', 'cluster', 'bundle', '--node', 'worker1');
      assert.doesNotMatch(await succeed(cwd, 'cluster', 'bundle', '--node', 'master1', '--dry-run'), /ca-key/);
      await succeed(cwd, 'cluster', 'bundle', '--node', 'master1', '--ca-keys=masters', '--archive', 'm.tgz');
      assert.ok(names('m.tgz').includes('pki/ca-key.pem'));
      const { err } = await runCli(['cluster', 'bundle', '--node', 'worker1', '--ca-keys', 'masters', '--archive', '-'], { cwd });
      assert.match(err, /worker1 is not a master, so no CA key was packed/);
      const piped = await runCli(['cluster', 'bundle', '--node', 'worker1', '--archive', '-'], { cwd });
      assert.ok(Buffer.from(piped.outBytes).equals(readFileSync(join(cwd, 'worker1.tar.gz'))), 'the same files give the same archive');
      const dry = JSON.parse(await succeed(cwd, 'cluster', 'bundle', '--node', 'etcd1', '--dry-run', '-o', 'json'));
      assert.deepEqual([dry.host, dry.dryRun, dry.files.length], ['etcd1', true, 3]);
      assert.throws(() => statSync(join(cwd, 'etcd1.tar.gz')), { code: 'ENOENT' });
      await failWith(cwd, 'NodeUnknown', 'cluster', 'bundle', '--node', 'nobody');
      await failWith(cwd, 'UsageInvalid', 'cluster', 'bundle', '--node', 'master1', '--ca-keys', 'all');
    }));
});

describe('cluster kubeconfig', () => {
  test('repeats the administrator’s, and makes one for a person', () =>
    withPlan(async (cwd) => {
      await succeed(cwd, 'cluster', 'generate');
      await succeed(cwd, 'certificates', 'generate', 'alice');
      assert.equal(await succeed(cwd, 'cluster', 'kubeconfig'), readFileSync(join(cwd, 'generated/kubeconfig'), 'utf8'));
      await succeed(cwd, 'cluster', 'kubeconfig', 'alice', '--server', 'https://10.0.0.1:6443', '--file', 'alice.conf');
      assert.equal(statSync(join(cwd, 'alice.conf')).mode & 0o777, 0o600);
      const alice = parseKubeconfig(readFileSync(join(cwd, 'alice.conf')), 'alice.conf');
      assert.deepEqual([alice.userName, alice.server, alice.contextName], ['alice', 'https://10.0.0.1:6443', 'alice@kubernetes']);
      assert.equal(JSON.parse(await succeed(cwd, 'cluster', 'kubeconfig', '-o', 'json')).kind, 'Config');
      assert.match(await succeed(cwd, 'cluster', 'kubeconfig', '--dry-run'), /^-: user admin at https:/);
      await failWith(cwd, 'CertificateUnknown', 'cluster', 'kubeconfig', 'bob');
      await failWith(cwd, 'PathRefused', 'cluster', 'kubeconfig', '../alice');
      for (const url of [
        'http://plain',
        'https://a:0',
        'https://a:70000',
        'https://user@a:6443',
        'https://a"b:6443',
        'https://012.0.0.1:6443',
        'https://',
      ])
        await failWith(cwd, 'UsageInvalid', 'cluster', 'kubeconfig', '--server', url);
      await failWith(cwd, 'FileExists', 'cluster', 'kubeconfig', '--file', 'alice.conf');
    }));

  test('takes over one of kubeadm’s', () =>
    withPlan(async (cwd) => {
      inLayoutKubeadm(cwd);
      await succeed(cwd, 'cluster', 'generate');
      assert.equal(await succeed(cwd, 'cluster', 'kubeconfig'), readFileSync(join(cwd, 'generated/master1/admin.conf'), 'utf8'));
      assert.match(await succeed(cwd, 'cluster', 'kubeconfig', 'super-admin'), /kubernetes-super-admin/);
      await succeed(cwd, 'certificates', 'generate', 'alice', '--organizations', 'dev', '--kubeconfig');
      assert.match(await succeed(cwd, 'cluster', 'kubeconfig', 'alice'), /name: alice@/);
    }));
});

describe('cluster adopt', () => {
  for (const layout of ['kismatic', 'kubeadm'])
    test(`reads back the plan of a directory of layout ${layout}, to the point that nothing differs`, () =>
      withPlan(async (cwd) => {
        if (layout === 'kubeadm') inLayoutKubeadm(cwd);
        // Addresses for documentation are what adopting puts where certificates say none.
        const path = join(cwd, 'kismatic-cluster.yaml');
        writeFileSync(path, readFileSync(path, 'utf8').replaceAll('192.0.2.', '10.20.0.'));
        await succeed(cwd, 'cluster', 'generate');
        const { out, err } = await runCli(['cluster', 'adopt', 'generated', '-f', 'adopted.yaml'], { cwd });
        assert.match(err, /^wrote adopted\.yaml \(plan read from generated\)$/m);
        assert.match(out, new RegExp(`^recognised layout ${layout}\\n`));
        assert.match(out, /certwright cluster generate -f adopted\.yaml --dry-run/);
        assert.match(
          await succeed(cwd, 'cluster', 'generate', '-f', 'adopted.yaml', '--dry-run'),
          /^\d+ to keep \(dry run: nothing was changed\)$/m,
        );
        await failWith(cwd, 'FileExists', 'cluster', 'adopt', 'generated', '-f', 'adopted.yaml');
        const json = JSON.parse(await succeed(cwd, 'cluster', 'adopt', 'generated', '-f', 'other.yaml', '--dry-run', '-o', 'json'));
        assert.deepEqual([json.layout, json.written], [layout, false]);
        assert.equal(await succeed(cwd, 'cluster', 'adopt', 'generated', '-f', '-'), json.plan);
        mkdirSync(join(cwd, 'empty'));
        await failWith(cwd, 'LayoutUnrecognised', 'cluster', 'adopt', 'empty', '-f', 'x.yaml');
      }));
});
