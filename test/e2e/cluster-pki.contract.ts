// What a generated PKI must do under a real control plane: the ten secured interactions of Kismatic's page and the aggregator, each also
// tried with the wrong certificate. Real: etcd, kube-apiserver, kube-controller-manager, kubectl, etcdctl. Stand-ins with the component's
// own certificate: kubelet, extension API server, scheduler, kube-proxy, Calico.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { CertificateIssuer } from '../../src/pki/sign-certificate.ts';
import { certificatePem } from '../../src/pki/x509-certificate.ts';
import {
  apiServerPort,
  type ControlPlane,
  etcdClientPort,
  etcdPeerPort,
  type PairFiles,
  startApiServer,
  startControlPlane,
} from '../../src/testing/control-plane.ts';
import { waitFor } from '../../src/testing/daemon.ts';
import { type HttpsPeer, httpsGet, httpsSend, outcomeOf, type PemPair, startHttpsPeer } from '../../src/testing/https-peer.ts';
import { needs, requireTool } from '../../src/testing/tools.ts';
import { etcdHosts, etcdIp, type GeneratedCluster, layouts, masterIp, planText, workerIp } from './cluster-layouts.ts';
import {
  forgeToken,
  type Identity,
  issue,
  issuerOf,
  kubeconfigPair,
  minuteMs,
  readPair,
  strangerOf,
  type Wrong,
  wrongOnes,
} from './wrong-certificates.ts';

const run = promisify(execFile);
export const certwright = join(import.meta.dirname, '../../certwright');

export type Variant = {
  readonly layout: 'kismatic' | 'kubeadm';
  /** Lays down what is there before the first run; returns further flags of `cluster generate`. */
  readonly prepare?: (out: string) => Promise<readonly string[]>;
  /** Further tests on the running cluster. */
  readonly more?: (cluster: () => GeneratedCluster) => void;
};

export const clusterPkiContract = (name: string, variant: Variant): void => {
  describe(name, needs('etcd', 'etcdctl', 'kubectl', 'kube-apiserver', 'kube-controller-manager'), () => {
    const directory = mkdtempSync(join(tmpdir(), 'certwright-e2e-'));
    const out = join(directory, 'generated');
    const plan = join(directory, 'plan.yaml');
    let cluster: GeneratedCluster;
    let controlPlane: ControlPlane;
    let kubelet: HttpsPeer;
    let kubeletPair: PemPair;
    const seenByKubelet: string[] = [];

    const kubectl = async (kubeconfig: string, ...args: string[]): Promise<string> => {
      const { stdout } = await run(
        requireTool('kubectl'),
        [`--kubeconfig=${kubeconfig}`, `--cache-dir=${join(directory, 'cache')}`, ...args],
        {
          timeout: 30_000,
        },
      );
      return stdout;
    };
    const kubectlError = async (kubeconfig: string, ...args: string[]): Promise<string> => {
      try {
        return `no error: ${await kubectl(kubeconfig, ...args)}`;
      } catch (error) {
        return String((error as { stderr?: unknown }).stderr);
      }
    };
    const apply = async (object: unknown): Promise<void> => {
      const file = join(directory, 'object.json');
      writeFileSync(file, JSON.stringify(object));
      await kubectl(cluster.superAdminKubeconfig, 'apply', '-f', file);
    };
    const kubeletLogin = () =>
      cluster.kubeletServing === undefined ? kubeconfigPair(cluster.kubeletKubeconfig) : readPair(cluster.kubeletServing);
    const serverTrust = () => readFileSync(cluster.serverTrust, 'utf8');
    const api = (path: string, client?: PemPair, headers?: Record<string, string>) => ({
      host: masterIp,
      port: apiServerPort,
      path,
      ca: serverTrust(),
      ...(client === undefined ? {} : { client }),
      ...(headers === undefined ? {} : { headers }),
    });

    before(async () => {
      mkdirSync(out, { mode: 0o700 });
      writeFileSync(plan, planText(variant.layout));
      const flags = (await variant.prepare?.(out)) ?? [];
      await run(certwright, ['cluster', 'generate', '-f', plan, '--out', out, ...flags], { timeout: 60_000 });
      cluster = layouts[variant.layout](out);
      controlPlane = await startControlPlane(cluster.controlPlane, join(directory, 'run'), serverTrust());
      if (variant.layout === 'kubeadm')
        await kubectl(
          cluster.superAdminKubeconfig,
          'create',
          'clusterrolebinding',
          'kubeadm:cluster-admins',
          '--clusterrole=cluster-admin',
          '--group=kubeadm:cluster-admins',
        );
      kubeletPair =
        cluster.kubeletServing === undefined
          ? await issue(
              issuerOf(cluster.clusterCa),
              { commonName: 'system:node:worker1', names: ['worker1', workerIp] },
              ['server auth'],
              new Date(Date.now() + 60 * minuteMs),
            )
          : readPair(cluster.kubeletServing);
      kubelet = await startHttpsPeer(
        { host: workerIp, port: 10250 },
        kubeletPair,
        readFileSync(cluster.controlPlane.apiServer.clientCa, 'utf8'),
        (request, response, client) => {
          seenByKubelet.push(client.subject);
          response.statusCode = client.authorized ? 200 : 401;
          response.end(client.authorized ? `log of ${request.url}\n` : 'who are you?\n');
        },
      );
    });

    after(async () => {
      await kubelet?.close();
      await controlPlane?.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    /** For each wrong client certificate of a CA: what a server says. */
    const clientOutcomes = async (server: { host: string; port: number; path: string }, ca: PairFiles, identity: Identity) => {
      const outcomes = new Map<Wrong, string>();
      for (const [wrong, client] of await wrongOnes(issuerOf(ca), identity, 'client'))
        outcomes.set(wrong, await outcomeOf({ ...server, client }));
      return outcomes;
    };
    const refusedByEtcd = (outcomes: ReadonlyMap<Wrong, string>) => {
      assert.equal(outcomes.size, 3);
      for (const [wrong, outcome] of outcomes) assert.match(outcome, /^refused: .*(alert|socket hang up|ECONNRESET)/, wrong);
    };
    const unauthorized = (outcomes: ReadonlyMap<Wrong, string>) => {
      assert.equal(outcomes.size, 3);
      for (const [wrong, outcome] of outcomes) assert.equal(outcome, 'status 401', wrong);
    };

    /** Puts each wrong server certificate before a client that keeps trying, and waits until the client has broken off the handshake. */
    const clientBreaksOff = async (
      peer: HttpsPeer,
      issuer: CertificateIssuer,
      identity: Identity,
      attempt: () => Promise<unknown> = async () => undefined,
    ) => {
      for (const [wrong, pair] of await wrongOnes(issuer, identity, 'server')) {
        peer.swap(pair);
        await waitFor(`the client refuses a server with ${wrong}`, async () => {
          await attempt();
          return peer.counts().brokenOff > 0 ? true : undefined;
        });
        assert.equal(peer.counts().requests, 0, wrong);
      }
    };

    const etcdClientPeer = (host: string) => ({ host: etcdIp(host), port: etcdClientPort, path: '/health' });
    const etcdctl = async (files: PairFiles, ...args: string[]): Promise<string> => {
      const flags = [
        `--cacert=${cluster.controlPlane.etcd[0]?.ca}`,
        `--cert=${files.certificate}`,
        `--key=${files.key}`,
        '--command-timeout=1s',
      ];
      const { stdout, stderr } = await run(requireTool('etcdctl'), [...flags, ...args], {
        env: { ...process.env, ETCDCTL_API: '3' },
        timeout: 20_000,
      });
      return stdout + stderr;
    };
    const writePair = (pair: PemPair): PairFiles => {
      const files = { certificate: join(directory, 'wrong.pem'), key: join(directory, 'wrong-key.pem') };
      writeFileSync(files.certificate, pair.certificate);
      writeFileSync(files.key, pair.key, { mode: 0o600 });
      return files;
    };
    const allMembers = `--endpoints=${etcdHosts.map((host) => `https://${etcdIp(host)}:${etcdClientPort}`).join(',')}`;

    it('etcd ↔ etcd: three members form a cluster, and the peer port refuses every wrong client certificate', async () => {
      const health = await etcdctl(cluster.etcdClient, allMembers, 'endpoint', 'health');
      assert.equal(health.match(/is healthy/g)?.length, 3, health);
      const member = cluster.controlPlane.etcd[1];
      assert.ok(member);
      const peerPort = { host: etcdIp('etcd1'), port: etcdPeerPort, path: '/version' };
      assert.equal(await outcomeOf({ ...peerPort, client: readPair(member.peer) }), 'status 200');
      refusedByEtcd(await clientOutcomes(peerPort, cluster.etcdCa, { commonName: 'etcd2', names: ['etcd2', etcdIp('etcd2')] }));
    });

    it('API server → etcd: the API server is ready on it, and etcd refuses every wrong client certificate', async () => {
      assert.equal((await httpsGet(api('/readyz', readPair(cluster.controlPlane.apiServer.kubeletClient)))).body, 'ok');
      refusedByEtcd(await clientOutcomes(etcdClientPeer('etcd1'), cluster.etcdCa, { commonName: 'kube-apiserver-etcd-client' }));
      assert.match(await outcomeOf(etcdClientPeer('etcd1')), /^refused: /, 'no certificate at all');
    });

    it('API server → etcd: the API server breaks off with every wrong server certificate', async () => {
      const where = { host: '127.0.1.9', port: etcdClientPort };
      const identity = { commonName: 'etcd9', names: ['etcd9', where.host] };
      const peer = await startHttpsPeer(
        where,
        await issue(await strangerOf(issuerOf(cluster.etcdCa)), identity, ['server auth'], new Date(Date.now() + minuteMs)),
        '',
        (_request, response) => response.end(),
      );
      const other = join(directory, 'other-apiserver');
      mkdirSync(other, { recursive: true });
      const second = startApiServer(
        {
          ...cluster.controlPlane,
          etcd: cluster.controlPlane.etcd.slice(0, 1).map((member) => ({ ...member, ip: where.host })),
          apiServer: { ...cluster.controlPlane.apiServer, ip: '127.0.2.9' },
        },
        other,
      );
      try {
        await clientBreaksOff(peer, issuerOf(cluster.etcdCa), identity);
      } finally {
        await second.stop();
        await peer.close();
      }
    });

    it('Calico → etcd: etcdctl writes and reads with the etcd client certificate, and with none of the wrong ones', async () => {
      await etcdctl(cluster.etcdClient, allMembers, 'put', '/calico/v1/test', 'value');
      assert.match(await etcdctl(cluster.etcdClient, allMembers, 'get', '/calico/v1/test'), /value/);
      for (const [wrong, pair] of await wrongOnes(issuerOf(cluster.etcdCa), { commonName: 'etcd-client' }, 'client'))
        await assert.rejects(etcdctl(writePair(pair), allMembers, 'get', '/calico/v1/test'), /./, wrong);
    });

    it('Calico → etcd: etcdctl breaks off with every wrong server certificate', async () => {
      const where = { host: '127.0.1.8', port: etcdClientPort };
      const identity = { commonName: 'etcd8', names: ['etcd8', where.host] };
      const peer = await startHttpsPeer(where, kubeletPair, '', (_request, response) => response.end());
      try {
        const attempt = () =>
          etcdctl(cluster.etcdClient, `--endpoints=https://${where.host}:${where.port}`, 'get', '/x').catch(() => undefined);
        await clientBreaksOff(peer, issuerOf(cluster.etcdCa), identity, attempt);
      } finally {
        await peer.close();
      }
    });

    it('Controller Manager → API server: it makes the default service account of a new namespace', async () => {
      await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'work' } });
      await waitFor(
        'the default service account',
        async () => (await kubectl(cluster.superAdminKubeconfig, '-n', 'work', 'get', 'serviceaccount', 'default')) || undefined,
        {
          daemons: controlPlane.daemons,
        },
      );
      unauthorized(await clientOutcomes(api('/api/v1/namespaces'), cluster.clusterCa, { commonName: 'system:kube-controller-manager' }));
    });

    it('Scheduler → API server: its kubeconfig may list pods and may not read secrets', async () => {
      assert.match(await kubectl(cluster.schedulerKubeconfig, 'get', 'pods', '--all-namespaces', '-o', 'name'), /^$/);
      assert.match(
        await kubectlError(cluster.schedulerKubeconfig, 'get', 'secrets', '--all-namespaces'),
        /User "system:kube-scheduler" cannot list/,
      );
      unauthorized(await clientOutcomes(api('/api/v1/pods'), cluster.clusterCa, { commonName: 'system:kube-scheduler' }));
    });

    it('clients of the API server break off with every wrong server certificate', async () => {
      const where = { host: '127.0.2.8', port: apiServerPort };
      const identity = { commonName: 'kube-apiserver', names: ['kubernetes', where.host] };
      const peer = await startHttpsPeer(where, kubeletPair, '', (_request, response) => response.end('{}'));
      try {
        for (const kubeconfig of [
          cluster.adminKubeconfig,
          cluster.schedulerKubeconfig,
          cluster.kubeletKubeconfig,
          cluster.controlPlane.controllerManager.kubeconfig,
        ])
          await clientBreaksOff(peer, issuerOf(cluster.clusterCa), identity, () =>
            kubectlError(kubeconfig, `--server=https://${where.host}:${where.port}`, 'version'),
          );
      } finally {
        await peer.close();
      }
    });

    it('Kubelet → API server: the node registers itself, and may not touch another node', async () => {
      const node = (nodeName: string) => JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } });
      const file = join(directory, 'node.json');
      writeFileSync(file, node('worker1'));
      await kubectl(cluster.kubeletKubeconfig, 'create', '-f', file);
      writeFileSync(file, node('worker2'));
      assert.match(
        await kubectlError(cluster.kubeletKubeconfig, 'create', '-f', file),
        /node "worker1" is not allowed to modify node "worker2"/,
      );
      const status = {
        status: {
          addresses: [{ type: 'InternalIP', address: workerIp }],
          daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
          conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'stand-in' }],
        },
      };
      const answer = await httpsSend(
        'PATCH',
        'application/merge-patch+json',
        JSON.stringify(status),
        api('/api/v1/nodes/worker1/status', kubeletLogin()),
      );
      assert.equal(answer.status, 200, answer.body);
      unauthorized(
        await clientOutcomes(api('/api/v1/nodes/worker1'), cluster.clusterCa, {
          commonName: 'system:node:worker1',
          organizations: ['system:nodes'],
        }),
      );
    });

    it('API server → kubelet: kubectl logs comes through, and the API server breaks off with every wrong kubelet certificate', async () => {
      await apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'app', namespace: 'work' },
        spec: { nodeName: 'worker1', automountServiceAccountToken: false, containers: [{ name: 'main', image: 'example.test/app' }] },
      });
      const logs = () => kubectlError(cluster.superAdminKubeconfig, '-n', 'work', 'logs', 'app');
      assert.match(await logs(), /log of \/containerLogs\/work\/app\/main/);
      assert.equal(seenByKubelet.at(-1), 'kube-apiserver-kubelet-client');
      await clientBreaksOff(
        kubelet,
        issuerOf(cluster.clusterCa),
        { commonName: 'system:node:worker1', names: ['worker1', workerIp] },
        logs,
      );
      kubelet.swap(kubeletPair);
      assert.match(await logs(), /log of /);
      const outcomes = await clientOutcomes({ host: workerIp, port: 10250, path: '/pods' }, cluster.clusterCa, {
        commonName: 'kube-apiserver-kubelet-client',
      });
      unauthorized(outcomes);
    });

    const tokenOf = async (namespace: string, account: string): Promise<string> => {
      const file = join(directory, 'token-request.json');
      writeFileSync(
        file,
        JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } }),
      );
      const answer = await kubectl(
        cluster.superAdminKubeconfig,
        'create',
        '--raw',
        `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
        '-f',
        file,
      );
      return (JSON.parse(answer) as { status: { token: string } }).status.token;
    };
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    const bind = (account: string, role: string) =>
      apply({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: `${account}-${role.replaceAll(':', '-')}` },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'ServiceAccount', namespace: 'kube-system', name: account }],
      });

    for (const [who, account, role, path] of [
      ['Kube-proxy', 'kube-proxy', 'system:node-proxier', '/api/v1/services'],
      ['Calico', 'calico-node', 'view', '/api/v1/pods'],
    ] as const)
      it(`${who} → API server: by service-account token`, async () => {
        await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace: 'kube-system' } });
        await bind(account, role);
        const token = await tokenOf('kube-system', account);
        await waitFor('the role is bound', async () =>
          (await httpsGet(api(path, undefined, bearer(token)))).status === 200 ? true : undefined,
        );
        assert.equal((await httpsGet(api('/api/v1/secrets', undefined, bearer(token)))).status, 403);
        assert.equal((await httpsGet(api(path, undefined, bearer(await forgeToken(token))))).status, 401, 'a token signed by another key');
      });

    it('workloads → API server: a pod’s token is known, and may do nothing that nobody granted', async () => {
      const token = await tokenOf('work', 'default');
      assert.equal((await httpsGet(api('/api', undefined, bearer(token)))).status, 200);
      const answer = await httpsGet(api('/api/v1/namespaces/work/secrets', undefined, bearer(token)));
      assert.equal(answer.status, 403);
      assert.match(answer.body, /system:serviceaccount:work:default/);
      assert.equal((await httpsGet(api('/api', undefined, bearer(await forgeToken(token))))).status, 401);
    });

    it('kubectl → API server: the admin may do everything, and no wrong certificate logs in', async () => {
      assert.match(await kubectl(cluster.adminKubeconfig, 'auth', 'can-i', '*', '*', '--all-namespaces'), /^yes/);
      assert.match(await kubectl(cluster.adminKubeconfig, 'get', 'nodes', '-o', 'name'), /node\/worker1/);
      unauthorized(
        await clientOutcomes(api('/api/v1/secrets'), cluster.clusterCa, { commonName: 'admin', organizations: ['system:masters'] }),
      );
      assert.equal(
        await outcomeOf(api('/api/v1/secrets', readPair(cluster.notAClient))),
        'status 401',
        'a certificate that is no client’s',
      );
    });

    it('alice is in groups dev and ops: a RoleBinding to dev lets her, its removal stops her', async () => {
      const flags = ['--organizations', 'dev,ops', '--kubeconfig', '--generated-assets-dir', out, '-f', plan, '-o', 'json'];
      const { stdout } = await run(certwright, ['certificates', 'generate', 'alice', ...flags], { timeout: 30_000 });
      const kubeconfig = (JSON.parse(stdout) as { kubeconfigFile: string }).kubeconfigFile;
      assert.match(await kubectlError(kubeconfig, '-n', 'work', 'get', 'pods'), /User "alice" cannot list/);
      await apply({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'dev', namespace: 'work' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'dev' }],
      });
      await waitFor('the binding lets alice', async () =>
        (await kubectlError(kubeconfig, '-n', 'work', 'get', 'pods', '-o', 'name')).includes('pod/app') ? true : undefined,
      );
      await kubectl(cluster.superAdminKubeconfig, '-n', 'work', 'delete', 'rolebinding', 'dev');
      await waitFor('its removal stops alice', async () =>
        /User "alice" cannot list/.test(await kubectlError(kubeconfig, '-n', 'work', 'get', 'pods')) ? true : undefined,
      );
    });

    it('aggregator: the API server vouches for its users with the proxy client certificate alone', async () => {
      const users: string[] = [];
      const where = { host: '127.0.0.1', port: 18443 };
      const issuer = await strangerOf(issuerOf(cluster.proxyCa));
      const serving = await issue(
        issuer,
        { commonName: 'extension', names: ['extension.work.svc'] },
        ['server auth'],
        new Date(Date.now() + 60 * minuteMs),
      );
      const extension = await startHttpsPeer(
        where,
        serving,
        readFileSync(cluster.controlPlane.apiServer.requestHeaderCa, 'utf8'),
        (request, response, client) => {
          response.setHeader('content-type', 'application/json');
          response.statusCode = client.authorized ? 200 : 401;
          if (client.authorized && request.headers['x-remote-user'] !== undefined) users.push(String(request.headers['x-remote-user']));
          response.end(JSON.stringify({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'extension.test/v1', resources: [] }));
        },
      );
      try {
        await apply({
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'extension', namespace: 'work' },
          spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port: where.port }] },
        });
        await apply({
          apiVersion: 'apiregistration.k8s.io/v1',
          kind: 'APIService',
          metadata: { name: 'v1.extension.test' },
          spec: {
            group: 'extension.test',
            version: 'v1',
            groupPriorityMinimum: 1000,
            versionPriority: 10,
            caBundle: Buffer.from(certificatePem(issuer.certificate)).toString('base64'),
            service: { name: 'extension', namespace: 'work', port: where.port },
          },
        });
        await waitFor(
          'the extension answers',
          async () =>
            (await kubectlError(cluster.adminKubeconfig, 'get', '--raw', '/apis/extension.test/v1')).includes('extension.test/v1') &&
            users.length > 0
              ? true
              : undefined,
          {
            daemons: controlPlane.daemons,
          },
        );
        assert.ok(
          users.some((user) => /admin/.test(user)),
          users.join(', '),
        );
        unauthorized(await clientOutcomes({ ...where, path: '/apis/extension.test/v1' }, cluster.proxyCa, { commonName: 'aggregator' }));
        await clientBreaksOff(extension, issuer, { commonName: 'extension', names: ['extension.work.svc'] }, () =>
          kubectlError(cluster.adminKubeconfig, 'get', '--raw', '/apis/extension.test/v1'),
        );
      } finally {
        await kubectl(cluster.superAdminKubeconfig, 'delete', 'apiservice', 'v1.extension.test', '--ignore-not-found');
        await extension.close();
      }
    });

    it('etcd ↔ etcd: a member breaks off with every wrong certificate of a peer', async () => {
      const third = controlPlane.daemons.find(({ name: daemon }) => daemon === 'etcd etcd3');
      await third?.stop();
      const identity = { commonName: 'etcd3', names: ['etcd3', etcdIp('etcd3')] };
      const peer = await startHttpsPeer({ host: etcdIp('etcd3'), port: etcdPeerPort }, kubeletPair, '', (_request, response) =>
        response.end(),
      );
      try {
        await clientBreaksOff(peer, issuerOf(cluster.etcdCa), identity);
      } finally {
        await peer.close();
      }
    });

    variant.more?.(() => cluster);
  });
};
