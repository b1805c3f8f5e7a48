import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { processNamespace } from './atomic-file.ts';
import { isCodedError } from './coded-error.ts';
import { clearStaleLock, lockDirectory, withDirectoryLock } from './directory-lock.ts';

const module = JSON.stringify(join(import.meta.dirname, 'directory-lock.ts'));
const held =
  (pid: number | undefined) =>
  (error: unknown): boolean =>
    isCodedError(error) && error.code === 'LockHeld' && error.details?.['pid'] === pid && error.message.includes(`process ${pid} `);

/** What a lock file says of a process of this machine that did not start when it says. */
const holderOf = (pid: number) => ({ pid, host: hostname(), namespace: processNamespace(), started: '1', token: 0 });

/** A process that takes the lock, says so, and then does what it is told. */
const takeIn = (directory: string, then: string): string =>
  `import { lockDirectory } from ${module}; lockDirectory(${JSON.stringify(directory)}); console.log('held'); ${then}`;

describe('the lock of a directory', () => {
  test('is refused to the same process while held, and free again afterwards', async (t) => {
    const directory = temporaryDirectory(t);
    const result = await withDirectoryLock(directory, async () => {
      assert.throws(() => lockDirectory(directory), held(process.pid));
      return 7;
    });
    assert.equal(result, 7);
    assert.deepEqual(readdirSync(directory), []);
    await assert.rejects(
      withDirectoryLock(directory, () => Promise.reject(new Error('work failed'))),
      /work failed/,
    );
    lockDirectory(directory).release();
    assert.deepEqual(readdirSync(directory), []);
  });

  test('names the process that holds it, and leaves its lock alone', async (t) => {
    const directory = temporaryDirectory(t);
    const child = spawn(process.execPath, ['--input-type=module', '-e', takeIn(directory, 'setInterval(() => {}, 1000);')]);
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    assert.throws(() => lockDirectory(directory), held(child.pid));
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockDirectory(directory).release();
    assert.equal(existsSync(join(directory, '.certwright.lock')), false);
  });

  test('of a container is never broken: its process ids count for themselves', (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, '.certwright.lock');
    const holder = { ...holderOf(4_194_304), namespace: `${processNamespace()}1` };
    writeFileSync(path, `${JSON.stringify(holder)}\n`);
    assert.throws(() => lockDirectory(directory), held(4_194_304));
    writeFileSync(path, `${JSON.stringify({ ...holder, namespace: processNamespace() })}\n`);
    lockDirectory(directory).release();
    assert.deepEqual(readdirSync(directory), []);
  });

  test('of a killed process is cleared away, one that is held is not', (t) => {
    const directory = temporaryDirectory(t);
    clearStaleLock(directory);
    spawnSync(process.execPath, ['--input-type=module', '-e', takeIn(directory, "process.kill(process.pid, 'SIGKILL');")]);
    assert.equal(existsSync(join(directory, '.certwright.lock')), true);
    clearStaleLock(directory);
    assert.deepEqual(readdirSync(directory), []);
    const lock = lockDirectory(directory);
    clearStaleLock(directory);
    assert.equal(existsSync(join(directory, '.certwright.lock')), true);
    lock.release();
  });

  test('of a killed process is taken over', (t) => {
    const directory = temporaryDirectory(t);
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', takeIn(directory, "process.kill(process.pid, 'SIGKILL');")]);
    assert.equal(child.signal, 'SIGKILL');
    assert.equal(existsSync(join(directory, '.certwright.lock')), true);
    const lock = lockDirectory(directory);
    assert.throws(() => lockDirectory(directory), held(process.pid));
    lock.release();
    assert.deepEqual(readdirSync(directory), []);
  });

  test('of a process whose number is used again is taken over', (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, '.certwright.lock'), JSON.stringify(holderOf(process.pid)));
    lockDirectory(directory).release();
    assert.deepEqual(readdirSync(directory), []);
  });

  test('of another machine, or damaged, is never broken', (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, '.certwright.lock');
    for (const content of [JSON.stringify({ ...holderOf(999_999_999), host: 'elsewhere.example' }), 'damaged']) {
      writeFileSync(path, content);
      assert.throws(
        () => lockDirectory(directory),
        (error) => isCodedError(error) && error.code === 'LockHeld',
      );
      assert.equal(readFileSync(path, 'utf8'), content);
    }
  });

  test('is refused where a link or a pipe is in its place, and what a link names stays as it is', (t) => {
    const directory = temporaryDirectory(t);
    const elsewhere = temporaryDirectory(t);
    const path = join(directory, '.certwright.lock');
    const inPlace: readonly (() => void)[] = [
      () => symlinkSync(join(elsewhere, 'absent'), path),
      () => symlinkSync(join(elsewhere, 'present'), path),
      () => execFileSync('mkfifo', [path]),
    ];
    writeFileSync(join(elsewhere, 'present'), 'theirs');
    for (const put of inPlace) {
      put();
      // In a process of its own: what waits for ever here cannot be stopped by a test.
      const { stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', takeIn(directory, '')], {
        timeout: 10_000,
        killSignal: 'SIGKILL',
        encoding: 'utf8',
      });
      assert.equal(signal, null);
      assert.match(stderr, /LockHeld/);
      rmSync(path);
    }
    assert.deepEqual(readdirSync(elsewhere), ['present']);
    assert.equal(readFileSync(join(elsewhere, 'present'), 'utf8'), 'theirs');
    assert.deepEqual(readdirSync(directory), []);
  });

  test('is held by one of many that start at once, on a stale lock too', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, '.certwright.lock'), JSON.stringify(holderOf(999_999_999)));
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', takeIn(directory, 'setTimeout(() => {}, 600);')], {
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
    const said = await Promise.all(
      children.map(async (child) => {
        let text = '';
        child.stdout.on('data', (data: Buffer) => {
          text += data.toString();
        });
        await once(child, 'close');
        return text;
      }),
    );
    assert.equal(said.filter((text) => text.includes('held')).length, 1);
  });
});
