// What kubectl 1.32 sends as protobuf is stored as a real server stores it: the same commands on both, the same objects after.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { startEmbedded, startReal, type TestServer } from '../../src/testing/api-servers.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { needs, requireTool } from '../../src/testing/tools.ts';

const run = promisify(execFile);

const commands: readonly (readonly [expected: string, command: string])[] = [
  ['deployment.apps/web created', 'deployment web --image=nginx:1 --replicas=0 --port=80'],
  ['deployment.apps/two created', 'deployment two --image=a,b --replicas=2'],
  ['deployment.apps/three created', 'deployment three --image=busybox -- sleep 5'],
  ['service/s1 created', 'service clusterip s1 --tcp=80:8080 --tcp=81'],
  ['service/s2 created', 'service clusterip s2 --clusterip=None'],
  ['service/s3 created', 'service nodeport s3 --tcp=80:8080 --node-port=30123'],
  ['service/s4 created', 'service nodeport s4 --tcp=90:8080'],
  ['service/s5 created', 'service loadbalancer s5 --tcp=80'],
  ['service/s6 created', 'service externalname s6 --external-name=example.com'],
  ['ingress.networking.k8s.io/i1 created', 'ingress i1 --rule=foo.com/bar=svc1:8080,tls=my-cert --class=nginx --annotation a=b'],
  ['ingress.networking.k8s.io/i2 created', 'ingress i2 --default-backend=d:http'],
  ['ingress.networking.k8s.io/i3 created', 'ingress i3 --rule=x.com/*=s:web'],
  ['secret/d created', 'secret docker-registry d --docker-server=x --docker-username=u --docker-password=p'],
  ['role.rbac.authorization.k8s.io/r created', 'role r --verb=get --resource=pods'],
  ['rolebinding.rbac.authorization.k8s.io/rb created', 'rolebinding rb --role=r --user=u --serviceaccount=default:x'],
];

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

/** What differs between any two servers, and what those after 1.20 add. */
const withoutOwn = (object: Fields): Fields => {
  const {
    uid: _,
    resourceVersion: __,
    creationTimestamp: ___,
    managedFields: ____,
    selfLink: _____,
    ...metadata
  } = fields(object['metadata']);
  const spec = { ...fields(object['spec']) };
  for (const name of ['internalTrafficPolicy', 'ipFamilies', 'ipFamilyPolicy', 'allocateLoadBalancerNodePorts']) delete spec[name];
  if (object['kind'] === 'Service') {
    for (const name of ['clusterIP', 'clusterIPs']) if (JSON.stringify(spec[name] ?? '').includes('10.96.')) spec[name] = 'given';
    if (Array.isArray(spec['ports']))
      spec['ports'] = spec['ports'].map((port: Fields) => (port['nodePort'] === undefined ? port : { ...port, nodePort: 'given' }));
  }
  const template = fields(spec['template']);
  if (template['metadata'] !== undefined) {
    const { creationTimestamp: ______, ...rest } = fields(template['metadata']);
    spec['template'] = { ...template, metadata: rest };
  }
  return { ...object, metadata, ...(object['spec'] === undefined ? {} : { spec }) };
};

describe('kubectl of Debian trixie, on both servers', needs('kubectl-1.32', 'etcd', 'kube-apiserver', 'kube-controller-manager'), () => {
  const servers: TestServer[] = [];
  before(async () => {
    servers.push(await startEmbedded(), await startReal());
  });
  after(async () => {
    for (const server of servers) await server.stop();
  });

  const stored = async (context: TestContext, { kubeconfigFile }: TestServer): Promise<readonly Fields[]> => {
    const cache = join(temporaryDirectory(context), 'cache');
    // Not synchronously: one of the servers is in this process.
    const kubectl = async (...args: readonly string[]): Promise<string> =>
      (await run(requireTool('kubectl-1.32'), ['--kubeconfig', kubeconfigFile, '--cache-dir', cache, ...args])).stdout;
    await kubectl('create', 'namespace', 'sent');
    for (const [expected, command] of commands)
      assert.equal(await kubectl('create', '--namespace', 'sent', ...command.split(' ')), `${expected}\n`);
    assert.match(await kubectl('create', 'token', 'default', '--namespace', 'sent'), /^[\w-]+\.[\w-]+\.[\w-]+\n?$/);
    const kinds = 'deployments,services,ingresses.v1.networking.k8s.io,roles,rolebindings';
    const listed = JSON.parse(await kubectl('get', kinds, '--namespace', 'sent', '-o', 'json')) as { items: Fields[] };
    return listed.items.map(withoutOwn);
  };

  test('creates the same objects from what it sends as protobuf', async (t) => {
    const [mine = [], theirs] = await Promise.all(servers.map((server) => stored(t, server)));
    assert.equal(mine.length, commands.length - 1);
    assert.deepEqual(mine, theirs);
  });
});
