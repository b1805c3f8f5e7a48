// The parity suite: the same cases against the embedded server and, where its binaries are there, a real kube-apiserver.

import { after, before, describe, test } from 'node:test';
import { startEmbedded, startReal, type TestServer } from '../../src/testing/api-servers.ts';
import { needs } from '../../src/testing/tools.ts';
import { applyCases } from './parity/apply-cases.ts';
import { certificateRequestCases } from './parity/certificate-request-cases.ts';
import { customResourceCases } from './parity/custom-resource-cases.ts';
import { deleteCases } from './parity/delete-cases.ts';
import { discoveryCases } from './parity/discovery-cases.ts';
import { eventCases } from './parity/event-cases.ts';
import { identityCases } from './parity/identity-cases.ts';
import { listCases } from './parity/list-cases.ts';
import { podCertificateCases } from './parity/pod-certificate-cases.ts';
import { scaleCases } from './parity/scale-cases.ts';
import { watchCases } from './parity/watch-cases.ts';
import { workloadCases } from './parity/workload-cases.ts';
import { writeCases } from './parity/write-cases.ts';

const cases = [
  ...discoveryCases,
  ...listCases,
  ...watchCases,
  ...writeCases,
  ...applyCases,
  ...deleteCases,
  ...certificateRequestCases,
  ...identityCases,
  ...customResourceCases,
  ...workloadCases,
  ...eventCases,
  ...scaleCases,
  ...podCertificateCases,
];

describe('the embedded server', () => {
  let server: TestServer | undefined;
  before(async () => {
    server = await startEmbedded();
  });
  after(() => server?.stop());
  for (const { id, title, run } of cases)
    test(`${id} ${title}`, async () => {
      if (server !== undefined) await run(server.peer);
    });
});

describe('a real kube-apiserver', needs('etcd', 'kube-apiserver', 'kube-controller-manager'), () => {
  let server: TestServer | undefined;
  before(async () => {
    server = await startReal();
  });
  after(() => server?.stop());
  for (const { id, title, run, embeddedOnly } of cases)
    if (embeddedOnly === undefined)
      test(`${id} ${title}`, async () => {
        if (server !== undefined) await run(server.peer);
      });
});
