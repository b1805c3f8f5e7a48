// The parity suite: the same cases against the embedded server and, where its binaries are there, a real kube-apiserver; those of custom
// resources also against a current server for them, which CERTWRIGHT_CRD_SERVER names.

import { after, before, describe, test } from 'node:test';
import { currentServerCommand, startCurrent, startEmbedded, startReal, type TestServer } from '../../src/testing/api-servers.ts';
import { needs } from '../../src/testing/tools.ts';
import { allCases, customCases } from './parity/all-cases.ts';
import type { ParityCase } from './parity/parity-case.ts';

const runCases = (start: () => Promise<TestServer>, cases: readonly ParityCase[]): void => {
  let server: TestServer | undefined;
  before(async () => {
    server = await start();
  });
  after(() => server?.stop());
  for (const { id, title, run } of cases)
    test(`${id} ${title}`, async () => {
      if (server !== undefined) await run(server.peer);
    });
};

describe('the embedded server', () => runCases(startEmbedded, allCases));

describe('a real kube-apiserver', needs('etcd', 'etcdctl', 'kube-apiserver', 'kube-controller-manager'), () =>
  runCases(
    startReal,
    allCases.filter(({ embeddedOnly }) => embeddedOnly === undefined),
  ),
);

const withoutCurrent = 'CERTWRIGHT_CRD_SERVER names no command that starts a current server for custom resources';
describe('a current server for custom resources', { skip: currentServerCommand === undefined ? withoutCurrent : false }, () =>
  runCases(
    startCurrent,
    customCases.filter(({ notOnCurrent }) => notOnCurrent === undefined),
  ),
);
