// A process that stands for election and, while it leads, signs one ConfigMap again and again: so that a test can kill, pause and stop leaders
// and read afterwards who worked when. Its argument is a LeaderProcess as JSON; it says `leading` and `lost` to its parent.

import { readFileSync } from 'node:fs';
import { fieldsAt } from '../api/object.ts';
import { type Clock, sleep, systemClock } from '../kube/clock.ts';
import { connectKube } from '../kube/connect.ts';
import { kubeconfigConnection } from '../kube/kubeconfig.ts';
import { createLeaderElection } from '../kube/leader-election.ts';
import { writeAsLeader } from '../kube/write-as-leader.ts';
import type { LeaderProcess } from './start-leader-process.ts';

const { kubeconfigFile, namespace, identity, times } = JSON.parse(process.argv[2] ?? '{}') as LeaderProcess;
const clock: Clock = systemClock;
const configMaps = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', isNamespaced: true };

const connection = kubeconfigConnection({
  paths: [kubeconfigFile],
  readFile: (path) => readFileSync(path),
  run: () => Promise.reject(new Error('no program is asked here')),
  environment: {},
  clock,
});
const client = connectKube(connection, { clock, random: Math.random, userAgent: `${identity}/1` });

const election = createLeaderElection({
  client,
  lease: { namespace, name: 'signers' },
  identity,
  ...times,
  clock,
  random: Math.random,
  onEvent: ({ type }) => process.send?.(type),
  lead: async (term) => {
    const leading = writeAsLeader(client, election.isLeader);
    while (!term.aborted) {
      try {
        const page = await client.get(configMaps, namespace, 'signatures');
        const signatures = `${String(fieldsAt(page, 'data')['signatures'] ?? '')}${identity}`;
        await leading.update(configMaps, { ...page, data: { signatures } });
      } catch {
        // What was written meanwhile, or may not be written any more, the next round sees.
      }
      await sleep(clock, 20, term);
    }
  },
});

process.on('message', () => {
  void election
    .stop()
    .then(() => client.close())
    .then(() => process.exit(0));
});
election.start();
