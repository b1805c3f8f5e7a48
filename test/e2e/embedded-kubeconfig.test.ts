// `certwright up --kubeconfig-context`: kubectl finds the server by itself, and the person's own kubeconfig keeps everything it had.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { freePort } from '../../src/testing/api-servers.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { needs, requireTool } from '../../src/testing/tools.ts';
import { runUp, startUp } from '../../src/testing/up-process.ts';

const theirs = `apiVersion: v1
kind: Config
# the one in the cellar
clusters:
- cluster: {server: "https://prod.example"}
  name: prod
contexts:
- context: {cluster: prod, user: me}
  name: prod
current-context: prod
users:
- name: me
  user: {token: "abc"}
`;

/** A server that merges into a kubeconfig, which KUBECONFIG names for all processes started meanwhile. */
const merging = async (t: TestContext, prepare: (folder: string) => string, ...flags: readonly string[]) => {
  const folder = temporaryDirectory(t);
  const file = prepare(folder);
  process.env['KUBECONFIG'] = `${file}:/nonexistent/second`;
  const directory = join(folder, 'data');
  const port = await freePort();
  const args = flags.length === 0 ? ['--kubeconfig-context'] : flags;
  return { folder, file, directory, port, start: () => startUp(t, directory, port, ...args) };
};

describe('the context in a kubeconfig of somebody', () => {
  const before = process.env['KUBECONFIG'];
  after(() => {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
  });
  const written = (folder: string): string => {
    const file = join(folder, 'config');
    writeFileSync(file, theirs, { mode: 0o600 });
    return file;
  };

  test('is merged on request only, is closed to others, and stays as it is when done again', async (t) => {
    const { file, start, directory } = await merging(t, (folder) => {
      const path = written(folder);
      chmodSync(path, 0o644);
      return path;
    });
    const first = await start();
    const merged = readFileSync(file, 'utf8');
    assert.ok(merged.includes('# the one in the cellar'));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(first.printed(), /context "certwright" is in .*config; the current one stays "prod"\n/);
    assert.match(first.printed(), /\n {2}kubectl --context certwright get all -A\n/);
    first.child.kill('SIGTERM');
    await first.ended;
    const second = await start();
    assert.equal(readFileSync(file, 'utf8'), merged);
    second.child.kill('SIGTERM');
    await second.ended;
    writeFileSync(file, theirs);
    await startUp(t, directory, await freePort());
    assert.equal(readFileSync(file, 'utf8'), theirs);
  });

  test('is what kubectl uses', needs('kubectl-1.32'), async (t) => {
    const { file, start, folder } = await merging(t, (path) => join(path, 'new/config'), '--kubeconfig-context', 'edge');
    const { printed } = await start();
    assert.match(printed(), /context "edge" is in .*config, and is the current one\n/);
    assert.deepEqual(readdirSync(join(folder, 'new')), ['config']);
    const kubectl = (...args: readonly string[]): string =>
      execFileSync(requireTool('kubectl-1.32'), ['--kubeconfig', file, '--cache-dir', join(folder, 'cache'), ...args], {
        encoding: 'utf8',
      });
    assert.match(kubectl('get', 'namespaces', '-o', 'name'), /^namespace\/default$/m);
    assert.equal(kubectl('config', 'current-context'), 'edge\n');
    // kubectl writes the file in its own way, and the next start finds its own in it.
    kubectl('config', 'set-context', 'edge', '--namespace', 'kube-system');
    const again = runUp('--data-dir', join(folder, 'other'), '--listen', `127.0.0.1:${await freePort()}`, '--kubeconfig-context', 'edge');
    assert.equal(again.status, 2);
    assert.match(again.stderr, /has one of clusters "edge" that is not of this server\nhint: .*--kubeconfig-context NAME/);
    assert.match(kubectl('config', 'view', '--minify'), /namespace: kube-system/);
  });

  test('is written through links, also to a file that is not there yet', async (t) => {
    for (const exists of [true, false]) {
      const { folder, file, start } = await merging(t, (path) => {
        mkdirSync(join(path, 'dotfiles'));
        if (exists) writeFileSync(join(path, 'dotfiles/real'), theirs);
        symlinkSync('dotfiles/real', join(path, 'link'));
        symlinkSync('link', join(path, 'config'));
        return join(path, 'config');
      });
      await start();
      assert.ok(lstatSync(file).isSymbolicLink());
      const real = join(folder, 'dotfiles/real');
      assert.ok(lstatSync(real).isFile());
      assert.equal(statSync(real).mode & 0o777, 0o600);
      assert.match(readFileSync(real, 'utf8'), /127\.0\.0\.1/);
      assert.deepEqual(readdirSync(folder).sort(), ['config', 'data', 'dotfiles', 'link']);
    }
  });

  test('is refused where the file is broken, being changed, or there is nowhere to write, and nothing is touched', async (t) => {
    for (const [content, pattern] of [
      ['clusters: [', /cannot merge into .*: it is not YAML/],
      ['--- {}\n--- {}\n', /it is not YAML/],
      ['kind: Pod\n', /its kind is "Pod"/],
      [Buffer.from([0xff, 0xfe]), /it is not UTF-8/],
    ] as const) {
      const { file, directory, port } = await merging(t, (folder) => {
        writeFileSync(join(folder, 'config'), content);
        return join(folder, 'config');
      });
      const { status, stderr } = runUp('--data-dir', directory, '--listen', `127.0.0.1:${port}`, '--kubeconfig-context');
      assert.match(stderr, pattern);
      assert.equal(status, 2);
      assert.deepEqual(readFileSync(file), Buffer.from(content));
      assert.ok(!existsSync(`${file}.lock`));
    }
    const { file, directory, port } = await merging(t, written);
    writeFileSync(`${file}.lock`, '');
    const locked = runUp('--data-dir', directory, '--listen', `127.0.0.1:${port}`, '--kubeconfig-context');
    assert.equal(locked.status, 4);
    assert.match(locked.stderr, /another program is changing it\nhint: .*remove .*config\.lock/);
    assert.equal(readFileSync(file, 'utf8'), theirs);
    for (const name of ['', 'a\nb', ' a']) {
      const wrong = runUp('--data-dir', directory, '--kubeconfig-context', name);
      assert.match(wrong.stderr, /cannot use --kubeconfig-context/);
      assert.equal(wrong.status, 2);
    }
  });
});
