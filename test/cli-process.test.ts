// What only a whole process shows: signals, readers that go away, faults.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { repositoryRoot } from '../src/testing/golden.ts';
import { needs } from '../src/testing/tools.ts';

const launcher = join(repositoryRoot, 'certwright');
const scratch = mkdtempSync(join(tmpdir(), 'certwright-process-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const bash = (script: string) => spawnSync('bash', ['-c', script, 'bash', launcher], { cwd: scratch, encoding: 'utf8', timeout: 60_000 });

describe('a process', () => {
  test('finishes its work quietly when the reader of its output goes away', () => {
    const { stdout, stderr } = bash(`
      "$1" pki genkey --out key.pem 2>/dev/null
      for i in $(seq 1000); do cat key.pem; done > many.pem
      ("$1" pki inspect many.pem; echo "exit $?" >&2) | head -c 100 >/dev/null
    `);
    assert.equal(stdout, '');
    assert.equal(stderr, 'exit 0\n');
  });

  test('ends on Ctrl-C, leaving no file behind', async () => {
    const directory = join(scratch, 'interrupted');
    bash('mkdir interrupted');
    const child = spawn(launcher, ['pki', 'sign', '--self-signed', '--ca-key', '/dev/null', '--csr', '-', '--out', 'x.pem'], {
      cwd: directory,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    const ended = new Promise<[number | null, string | null]>((resolve) => child.on('close', (code, signal) => resolve([code, signal])));
    // A pipe of 64 KiB that is taken shows that it reads its input.
    await new Promise<void>((resolve) => child.stdin.write(Buffer.alloc(1024 * 1024), () => resolve()));
    child.kill('SIGINT');
    assert.deepEqual(await ended, [null, 'SIGINT'], 'as the system does it, which a shell sees as 130');
    assert.equal(err, '');
    assert.deepEqual(readdirSync(directory), []);
  });

  test('ends on SIGTERM while it waits for a pipe that nobody writes to', () => {
    const { stdout } = bash('mkfifo silent; timeout -k 5 1 "$1" pki inspect silent; echo $?');
    assert.equal(stdout, '124\n', 'and not 137');
  });

  test('refuses a pipe in the place of a cluster’s file instead of waiting for it', () => {
    const { stdout, stderr } = bash(`
      mkdir piped && cd piped && "$1" cluster init --workers 1 2>/dev/null && "$1" cluster generate >/dev/null 2>&1
      rm generated/keys/admin-key.pem && mkfifo generated/keys/admin-key.pem
      timeout -k 1 20 "$1" cluster check >/dev/null; echo $?
      timeout -k 1 20 "$1" cluster generate >/dev/null; echo $?
    `);
    assert.doesNotMatch(stdout, /124|137/);
    assert.match(stderr, /admin-key\.pem.*not a file/);
  });

  test('interrupted while it writes a cluster’s PKI leaves every file whole, and the next run goes on', async () => {
    const directory = join(scratch, 'cluster');
    bash('mkdir cluster && cd cluster && "$1" cluster init --workers 400 2>/dev/null');
    const child = spawn(launcher, ['cluster', 'generate'], { cwd: directory, stdio: 'ignore' });
    const ended = new Promise<[number | null, string | null]>((resolve) => child.on('close', (code, signal) => resolve([code, signal])));
    const keys = join(directory, 'generated', 'keys');
    const written = (): readonly string[] => (existsSync(keys) ? readdirSync(keys) : []);
    while (child.exitCode === null && written().filter((name) => name.endsWith('-kubelet.pem')).length < 10) await setTimeout(5);
    child.kill('SIGINT');
    assert.deepEqual(await ended, [130, null]);
    const left = written();
    assert.ok(left.length > 10 && !left.includes('admin.pem'), 'it was interrupted in the middle');
    assert.deepEqual(
      left.filter((name) => name.startsWith('.')),
      [],
      'neither temporary files nor a lock',
    );
    const { stdout, status } = bash('cd cluster && "$1" cluster generate && "$1" cluster check | tail -1');
    assert.equal(status, 0);
    assert.match(stdout, /\n\d+ ok\n$/);
  });

  test('asks twice for a new passphrase, also of one who types faster than it asks', needs('openssl'), () => {
    for (const typed of ['(sleep 1; echo abc123; sleep 1; echo abc123; sleep 1)', '(sleep 1; printf "abc123\\nabc123\\n"; sleep 1)']) {
      const { stdout } = bash(`rm -f typed.pem; ${typed} | script -qec "$1 pki genkey --encrypt --out typed.pem" /dev/null`);
      assert.match(stdout, /wrote typed\.pem \(encrypted private key/, typed);
      assert.doesNotMatch(stdout, /abc123/);
      assert.equal(bash('openssl pkey -in typed.pem -passin pass:abc123 -noout').status, 0);
    }
    const { stdout, status } = bash(
      '(sleep 1; echo one; sleep 1; echo two; sleep 1) | script -qec "$1 pki genkey --encrypt --out other.pem" /dev/null',
    );
    assert.match(stdout, /the two passphrases typed are not the same/);
    assert.equal(status, 2);
  });

  test('loads only what the chosen command needs', () => {
    const hook = join(scratch, 'loads.mjs');
    writeFileSync(
      hook,
      `import { registerHooks } from 'node:module';
      import { writeSync } from 'node:fs';
      registerHooks({ load: (url, context, next) => { writeSync(2, url + '\\n'); return next(url, context); } });`,
    );
    const loaded = (command: string): string => bash(`NODE_OPTIONS="--import ${hook}" "$1" ${command} 2>&1 >/dev/null`).stdout;
    assert.match(loaded('--help'), /commander\/lib/);
    assert.match(loaded('--version'), /src\/cli\/version\.ts/);
    assert.doesNotMatch(loaded('--version'), /commander|src\/(?!cli\/(?:main|version)\.ts)/);
    bash('"$1" pki genkey --out one.pem');
    assert.match(loaded('pki inspect one.pem'), /src\/pki\/inspect\.ts/);
    assert.doesNotMatch(loaded('pki inspect one.pem'), /commander|yaml|src\/cluster|pki-sign/);
    assert.match(loaded('pki inspect -o text one.pem'), /commander/);
    assert.match(loaded('pki inspect -o yaml one.pem'), /node_modules\/yaml/);
  });
});
