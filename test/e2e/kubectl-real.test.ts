// kubectl's sessions as Debian trixie's kubectl does them on a real kube-apiserver, with exact output: what the embedded server is held to.

import { describe } from 'node:test';
import { startReal } from '../../src/testing/api-servers.ts';
import { updatingGolden } from '../../src/testing/golden.ts';
import { needs, requireTool } from '../../src/testing/tools.ts';
import { runSessions, sameOutput } from './kubectl/run-sessions.ts';

describe('kubectl 1.32 on a real kube-apiserver', needs('kubectl-1.32', 'etcd', 'kube-apiserver', 'kube-controller-manager'), () => {
  if (!updatingGolden)
    runSessions({
      kubectl: () => requireTool('kubectl-1.32'),
      start: startReal,
      includes: ({ embeddedOnly }) => embeddedOnly === undefined,
      judge: (step, result, where) => sameOutput(step.otherwise ?? step, result, where),
    });
});
