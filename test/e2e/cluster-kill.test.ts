// A process that generates or renews a cluster's PKI is killed (SIGKILL) at one write after another; the next run must go on from what
// lies there, and leave nothing half done, no temporary file and no lock.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { generateCluster } from '../../src/cluster/generate.ts';
import type { Layout } from '../../src/cluster/plan.ts';
import { smallRequest } from '../../src/testing/cluster-fixture.ts';
import { full } from '../../src/testing/runs.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';

const source = (path: string): string => JSON.stringify(join(import.meta.dirname, '../../src', path));

/** Runs `call` in a process that kills itself before its write of that number; whether it was killed. */
const killedAt = (number: number, call: string): boolean => {
  const script = `
    import { generateCluster } from ${source('cluster/generate.ts')};
    import { renewCluster } from ${source('cluster/renew.ts')};
    import { generatePerson } from ${source('cluster/people.ts')};
    import { smallRequest } from ${source('testing/cluster-fixture.ts')};
    let count = 0;
    const onStep = () => { if (count++ === ${number}) process.kill(process.pid, 'SIGKILL'); };
    await ${call};`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.ok(child.signal === 'SIGKILL' || child.status === 0, child.stderr);
  return child.signal === 'SIGKILL';
};

const unfinished = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tmp$|\.lock|\.stale|certwright-new/.test(name));

const converges = async (directory: string, layout: Layout, what: string): Promise<void> => {
  await generateCluster(smallRequest(directory, layout));
  const { actions } = await generateCluster(smallRequest(directory, layout));
  assert.deepEqual([...new Set(actions.map(({ kind }) => kind))], ['keep'], what);
  assert.deepEqual(unfinished(directory), [], what);
};

describe('a killed process', () => {
  for (const layout of ['kismatic', 'kubeadm'] as const)
    test(`that generated layout ${layout} is gone on with`, async (t) => {
      let kills = 0;
      for (let number = 0; ; number += full ? 1 : 13) {
        const directory = temporaryDirectory(t);
        if (!killedAt(number, `generateCluster(smallRequest(${JSON.stringify(directory)}, '${layout}', { onStep }))`)) break;
        kills++;
        await converges(directory, layout, `killed before write ${number}`);
      }
      assert.ok(kills >= 4, `${kills} kills`);
    });

  test('that renewed is finished or undone', async (t) => {
    let kills = 0;
    for (let number = 0; ; number += full ? 1 : 4) {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, 'kismatic'));
      const call = `renewCluster({ ...smallRequest(${JSON.stringify(directory)}, 'kismatic', { onStep }), names: ['admin', 'etcd'] })`;
      if (!killedAt(number, call)) break;
      kills++;
      await converges(directory, 'kismatic', `killed before write ${number}`);
    }
    assert.ok(kills >= 4, `${kills} kills`);
  });
});
