// The program as a process: what it does where its streams and its directory fail it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { processNamespace } from '../base/atomic-file.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';

const main = join(import.meta.dirname, 'main.ts');

describe('the process', () => {
  for (const argv of [['--help'], ['--version'], ['pki', 'genkey', '--out', '-']])
    test(`says that a full disk took its output: ${argv.join(' ')}`, () => {
      const full = openSync('/dev/full', 'w');
      const done = spawnSync(process.execPath, [main, ...argv], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
      closeSync(full);
      assert.equal(done.status, 4, done.stderr);
      assert.doesNotMatch(done.stderr, /\n\s+at /);
    });

  test('works in a directory that was removed, where nothing is found', (t) => {
    const directory = temporaryDirectory(t);
    const script = 'cd "$1" && rmdir "$1" && shift && exec "$@"';
    const done = spawnSync('sh', ['-c', script, 'sh', join(directory, '.'), process.execPath, main, 'pki', 'inspect', 'x'], {
      encoding: 'utf8',
      cwd: directory,
    });
    rmSync(directory, { recursive: true, force: true });
    assert.notEqual(done.status, 70, done.stderr);
  });

  test('leaves no key of a killed run beside the next file, and writes over nothing but files', (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, `.certwright-4194304-${processNamespace()}-0.tmp`), 'key');
    const out = join(directory, 'key.pem');
    const run = (...argv: readonly string[]) => spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8', cwd: directory });
    assert.equal(run('pki', 'genkey', '--out', 'key.pem').status, 0);
    assert.match(readFileSync(out, 'utf8'), /BEGIN PRIVATE KEY/);
    assert.equal(spawnSync('sh', ['-c', 'ls -A'], { encoding: 'utf8', cwd: directory }).stdout, 'key.pem\n');
    assert.equal(spawnSync('mkfifo', [join(directory, 'pipe')]).status, 0);
    const refused = run('pki', 'genkey', '--out', 'pipe', '--overwrite');
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /"pipe": it is a pipe/);
    assert.match(run('pki', 'genkey', '--out', '.', '--overwrite').stderr, /"\.": it is a directory/);
    assert.match(run('pki', 'genkey', '--out', '').stderr, /cannot write ""/);
    assert.equal(spawnSync('sh', ['-c', 'test -p pipe'], { cwd: directory }).status, 0);
  });
});
