// Controllers that are paused, killed, away for long or beside another's, on the embedded server and on a real one, and through a restart of the embedded one.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { configMapKind } from '../../src/api/kinds/config-map.ts';
import { startServer } from '../../src/apiserver/start-server.ts';
import { freePort, startEmbedded, startReal, type TestServer } from '../../src/testing/api-servers.ts';
import { randomOctets } from '../../src/testing/authority-files.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { needs } from '../../src/testing/tools.ts';
import { controllerProcessesContract, copiesIn, newNamespace, openClient, source, startCopier } from './controller-processes.contract.ts';
import { eventually } from './parity/parity-case.ts';

const onServer = (start: () => Promise<TestServer>): void => {
  let server: TestServer | undefined;
  before(async () => {
    server = await start();
  });
  after(() => server?.stop());
  controllerProcessesContract(() => server);
};

describe('controllers as processes on the embedded server', () => onServer(startEmbedded));
describe('controllers as processes on a real kube-apiserver', needs('etcd', 'kube-apiserver', 'kube-controller-manager'), () =>
  onServer(startReal),
);

describe('a controller and the embedded server that starts again', () => {
  test('goes on with what changed, as if nothing had been', async (t) => {
    const dataDirectory = join(temporaryDirectory(t), 'data');
    const port = await freePort();
    const bugs: unknown[] = [];
    const start = () =>
      startServer({
        dataDirectory,
        host: '127.0.0.1',
        port,
        now: () => new Date(),
        random: randomOctets,
        requestedBy: 'test',
        onBug: (error) => bugs.push(error),
      });
    let server = await start();
    t.after(() => server.stop());
    const client = openClient(t, server.kubeconfigFile);
    const namespace = await newNamespace(client);
    await client.create(configMapKind, source(namespace, 'first', '1'));
    await client.create(configMapKind, source(namespace, 'goes', '1'));
    const copier = await startCopier(t, openClient(t, server.kubeconfigFile), namespace);
    await eventually('copies are made', async () => (await copiesIn(client, namespace)) === 'first-copy=1 goes-copy=1');
    for (const round of ['2', '3']) {
      await server.stop();
      // While it is away the controller has found that out.
      const before = copier.troubles.length;
      await eventually('the controller is told', async () => copier.troubles.length > before + 1);
      server = await start();
      await client.patch(configMapKind, namespace, 'first', { type: 'merge', value: { data: { value: round } } });
      if (round === '2') await client.delete(configMapKind, namespace, 'goes');
      await eventually('the change is seen', async () => (await copiesIn(client, namespace)) === `first-copy=${round}`);
    }
    assert.deepEqual(bugs, []);
    for (const trouble of copier.troubles) assert.match(trouble, /^(ServerUnreachable|ServiceUnavailable|Timeout)$/);
  });
});
