import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { FileStep } from '../base/atomic-file.ts';
import { keyBelongsTo } from '../pki/private-key.ts';
import { certificateKey } from '../pki/x509-certificate.ts';
import { smallManifest, smallRequest, testTime } from '../testing/cluster-fixture.ts';
import { full } from '../testing/runs.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { generateCluster } from './generate.ts';
import { observePair } from './observed-pair.ts';
import type { Layout } from './plan.ts';
import { renewCluster } from './renew.ts';

// Every change to the disk is announced beforehand; a run that is stopped there leaves what a killed one would, temporary files apart,
// which test/e2e covers with a real kill.

/** Runs `work`, stopped before its step of that number; says whether it came that far. */
const stoppedAt = async (number: number, work: (onStep: (step: FileStep) => void) => Promise<unknown>): Promise<boolean> => {
  let count = 0;
  const killed = new Error('killed');
  try {
    await work(() => {
      if (count++ === number) throw killed;
    });
    return false;
  } catch (error) {
    if (error !== killed) throw error;
    return true;
  }
};

const strangeFiles = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => /certwright-new|\.tmp$|\.lock|\.stale/.test(name));

const layouts: readonly Layout[] = ['kismatic', 'kubeadm'];
const stride = full ? 1 : 7;
const later = new Date(testTime.getTime() + 3_600_000);

describe('a run that is stopped before any one of its writes', () => {
  for (const layout of layouts)
    test(`of generate, layout ${layout}, is gone on with by the next, which leaves everything right`, async (t) => {
      let number = 0;
      for (; ; number += stride) {
        const directory = temporaryDirectory(t);
        const wasStopped = await stoppedAt(number, (onStep) => generateCluster(smallRequest(directory, layout, { onStep })));
        await generateCluster(smallRequest(directory, layout));
        const { actions } = await generateCluster(smallRequest(directory, layout));
        assert.deepEqual([...new Set(actions.map(({ kind }) => kind))], ['keep'], `stopped before write ${number}`);
        assert.deepEqual(strangeFiles(directory), []);
        if (!wasStopped) break;
      }
      assert.ok(number > 60, `${number} writes`);
    });

  test('of renew never leaves a key beside the certificate of another for good, nor a kubeconfig behind its pair', async (t) => {
    let number = 0;
    for (; ; number += stride) {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, 'kismatic'));
      const wasStopped = await stoppedAt(number, (onStep) =>
        renewCluster({ ...smallRequest(directory, 'kismatic', { onStep, at: later }), names: ['admin', 'etcd', 'service-account'] }),
      );
      const { actions } = await generateCluster(smallRequest(directory, 'kismatic', { at: later }));
      assert.deepEqual([...new Set(actions.map(({ kind }) => kind))], ['keep'], `stopped before write ${number}`);
      assert.deepEqual(strangeFiles(directory), []);
      if (!wasStopped) break;
    }
    assert.ok(number > 20, `${number} writes`);
  });

  test('of renewing one pair is met at every single write', async (t) => {
    for (let number = 0; ; number++) {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, 'kismatic'));
      const wasStopped = await stoppedAt(number, (onStep) =>
        renewCluster({ ...smallRequest(directory, 'kismatic', { onStep, at: later }), names: ['admin'] }),
      );
      const { actions } = await generateCluster(smallRequest(directory, 'kismatic', { at: later }));
      assert.deepEqual([...new Set(actions.map(({ kind }) => kind))], ['keep'], `stopped before write ${number}`);
      assert.deepEqual(strangeFiles(directory), []);
      if (!wasStopped) break;
    }
  });

  test('of overwrite keeps every old pair whole, in its place or aside', async (t) => {
    const manifest = smallManifest('kismatic', (certificate) => ({
      ...certificate,
      subject: { ...certificate.subject, organizations: ['x'] },
    }));
    let number = 0;
    for (; ; number += stride) {
      const directory = temporaryDirectory(t);
      await generateCluster(smallRequest(directory, 'kismatic'));
      const old = observePair({ certificateFile: join(directory, 'keys/admin.pem'), keyFile: join(directory, 'keys/admin-key.pem') });
      const wasStopped = await stoppedAt(number, (onStep) =>
        generateCluster(smallRequest(directory, 'kismatic', { manifest, overwrite: true, onStep, at: later })),
      );
      await generateCluster(smallRequest(directory, 'kismatic', { manifest, overwrite: true, at: later }));
      const names = readdirSync(join(directory, 'keys')).filter((name) => /^admin(?:-key)?\.pem/.test(name));
      assert.ok(old.chain.state === 'present' && old.key.state === 'present');
      const certificate = certificateKey(old.chain.value[0]);
      const keys = names.filter((name) => name.startsWith('admin-key.pem.bak-')).map((name) => join(directory, 'keys', name));
      assert.ok(
        keys.some((keyFile) => {
          const { key } = observePair({ certificateFile: keyFile, keyFile });
          return key.state === 'present' && keyBelongsTo(key.value.key, certificate);
        }),
        `stopped before write ${number}`,
      );
      // One backup of each, however often it was stopped.
      assert.deepEqual([keys.length, names.length], [1, 4], names.join());
      const { actions } = await generateCluster(smallRequest(directory, 'kismatic', { manifest, at: later }));
      assert.deepEqual([...new Set(actions.map(({ kind }) => kind))], ['keep'], `stopped before write ${number}`);
      if (!wasStopped) break;
    }
    assert.ok(number > 40, `${number} writes`);
  });

  test('has a ledger line for every certificate it wrote', async (t) => {
    for (let number = 0; ; number += stride) {
      const directory = temporaryDirectory(t);
      const wasStopped = await stoppedAt(number, (onStep) => generateCluster(smallRequest(directory, 'kismatic', { onStep })));
      const names = wasStopped && number < 2 ? [] : readdirSync(join(directory, 'keys'));
      const text = names
        .filter((name) => name.endsWith('.jsonl'))
        .map((name) => readFileSync(join(directory, 'keys', name), 'utf8'))
        .join('');
      for (const name of names.filter((file) => file.endsWith('.pem') && !file.endsWith('-key.pem'))) {
        const pair = observePair({
          certificateFile: join(directory, 'keys', name),
          keyFile: join(directory, 'keys', name.replace('.pem', '-key.pem')),
        });
        assert.ok(pair.chain.state === 'present' && pair.key.state === 'present', `${name}: a certificate stands beside its key`);
        assert.ok(text.includes(Buffer.from(pair.chain.value[0].serialNumber).toString('hex').toUpperCase().replace(/^00/, '')), name);
      }
      if (!wasStopped) break;
    }
  });
});
