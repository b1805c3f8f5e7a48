// `npm start`: what a newcomer types first, and what of it stays.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { freePort } from '../../src/testing/api-servers.ts';
import { repositoryRoot } from '../../src/testing/golden.ts';
import { temporaryDirectory } from '../../src/testing/temporary-directory.ts';
import { runUp, startUp, upPeer } from '../../src/testing/up-process.ts';

const configMap = (name: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}${more}}\ndata: {a: "1"}\n`;
const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
`;

describe('the first start', () => {
  test('is what npm start types, and puts the examples in once', async (t) => {
    const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
    const [command, up, ...given] = String(scripts.start).split(' ');
    assert.deepEqual([command, up, given[0], given[2]], ['./certwright', 'up', '--data-dir', '--apply']);
    const directory = join(temporaryDirectory(t), 'data');
    const manifests = join(repositoryRoot, given[3] ?? '');
    const first = await startUp(t, directory, await freePort(), '--apply', manifests);
    assert.match(first.printed(), /^applied 4 objects of /m);
    assert.match(first.printed(), /^ {2}kubectl --kubeconfig \S*admin\.kubeconfig get all -A$/m);
    const peer = await upPeer(directory, first.port);
    const path = '/api/v1/namespaces/shop/services/shop';
    assert.equal((await peer.send('GET', path)).json.metadata.managedFields[0].operation, 'Apply');
    assert.equal((await peer.send('DELETE', path)).status, 200);
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);
    const again = await startUp(t, directory, await freePort(), '--apply', manifests);
    assert.doesNotMatch(again.printed(), /applied/);
    assert.equal((await (await upPeer(directory, again.port)).send('GET', path)).status, 404);
  });

  test('takes a kind and objects of it from one folder', async (t) => {
    const folder = temporaryDirectory(t);
    mkdirSync(join(folder, 'm'));
    writeFileSync(join(folder, 'm/1.yaml'), definition);
    writeFileSync(join(folder, 'm/2.json'), JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } }));
    writeFileSync(join(folder, 'm/notes.txt'), 'not: [a manifest');
    const { port } = await startUp(t, join(folder, 'data'), await freePort(), '--apply', join(folder, 'm'));
    const peer = await upPeer(join(folder, 'data'), port);
    assert.equal((await peer.send('GET', '/apis/example.com/v1/namespaces/default/widgets/w')).status, 200);
    assert.equal((await peer.send('GET', '/api/v1/namespaces/n')).status, 200);
  });

  test('that a manifest spoils ends with its name, and the next one goes on', async (t) => {
    const folder = temporaryDirectory(t);
    const directory = join(folder, 'data');
    const file = join(folder, 'm.yaml');
    const port = await freePort();
    const start = () => runUp('--data-dir', directory, '--listen', `127.0.0.1:${port}`, '--apply', file);
    for (const [text, said] of [
      [`${configMap('good')}---\n${configMap('Bad')}`, /cannot apply ConfigMap "Bad" of ".*m\.yaml": ConfigMap "Bad" is invalid/],
      ['a: [', /cannot apply an object "" of ".*m\.yaml"/],
      ['apiVersion: v1\nkind: Nothing\nmetadata: {name: x}\n', /kind "Nothing" of "v1" is not served/],
      [configMap('c', ', namespace: none'), /namespaces "none" not found/],
      [configMap('../../x'), /cannot apply ConfigMap "\.\.\/\.\.\/x"/],
    ] as const) {
      writeFileSync(file, text);
      const { status, stderr } = start();
      assert.equal(status, 2, stderr);
      assert.match(stderr, said);
    }
    assert.equal(runUp('--data-dir', directory, '--apply', join(folder, 'none')).status, 2);
    writeFileSync(file, configMap('good'));
    assert.match((await startUp(t, directory, port, '--apply', file)).printed(), /applied 1 objects/);
  });

  test('that is killed is made good by the next one', async (t) => {
    const folder = temporaryDirectory(t);
    const directory = join(folder, 'data');
    const file = join(folder, 'm.yaml');
    writeFileSync(file, Array.from({ length: 300 }, (_, i) => configMap(`c${i}`)).join('---\n'));
    for (const delayMs of [350, 450, 550]) {
      const port = await freePort();
      const child = spawn(join(repositoryRoot, 'certwright'), [
        'up',
        '--data-dir',
        directory,
        '--listen',
        `127.0.0.1:${port}`,
        '--apply',
        file,
      ]);
      const ended = once(child, 'exit');
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      child.kill('SIGKILL');
      await ended;
    }
    const { port } = await startUp(t, directory, await freePort(), '--apply', file);
    const { json } = await (await upPeer(directory, port)).send('GET', '/api/v1/namespaces/default/configmaps');
    assert.equal(json.items.filter(({ metadata }: { metadata: { name: string } }) => /^c\d+$/.test(metadata.name)).length, 300);
  });
});
