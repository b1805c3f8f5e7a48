import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { CodedError } from '../base/coded-error.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { type KubeconfigEntry, mergeKubeconfig } from './merge-kubeconfig.ts';

const entry: KubeconfigEntry = {
  name: 'certwright',
  owner: '/data',
  server: 'https://127.0.0.1:6443',
  trustPem: 'trust',
  chainPem: `chain${'.'.repeat(300)}`,
  keyPem: 'key',
};

const theirs = `# mine, do not touch
apiVersion: v1
kind: Config
clusters:
- cluster:
    server: https://prod.example:6443 # the load balancer
  name: prod
contexts:
- context: {cluster: prod, user: me}
  name: prod
current-context: prod
preferences: {}
users:
- name: me
  user:
    exec:
      command: "login"
      args: ['--for', prod]
unknown-field:
  kept: 0x10
`;

const merged = (source?: string, more: Partial<KubeconfigEntry> = {}) => mergeKubeconfig(source, { ...entry, ...more }, '"config"');

describe('merging into a kubeconfig', () => {
  test('makes one where there is none, with the context current', () => {
    for (const source of [undefined, '', '# only a comment\n']) {
      const { text, currentContext } = merged(source);
      assert.equal(currentContext, 'certwright');
      const { 'current-context': current, kind, apiVersion, clusters, contexts, users } = parse(text);
      const extensions = [{ name: 'certwright.dev/up', extension: { 'data-dir': '/data' } }];
      assert.deepEqual([current, kind, apiVersion], ['certwright', 'Config', 'v1']);
      assert.deepEqual(clusters, [
        { cluster: { 'certificate-authority-data': 'dHJ1c3Q=', server: entry.server, extensions }, name: 'certwright' },
      ]);
      assert.deepEqual(contexts, [{ context: { cluster: 'certwright', user: 'certwright', extensions }, name: 'certwright' }]);
      assert.equal(users[0].user['client-key-data'], 'a2V5');
      assert.ok(text.startsWith(source ?? ''));
    }
  });

  test('keeps every line of others, comments and the current context among it', () => {
    const { text, currentContext } = merged(theirs);
    assert.equal(currentContext, 'prod');
    for (const line of theirs.split('\n')) assert.ok(text.split('\n').includes(line), line);
    const [before, after] = [parse(theirs), parse(text)];
    assert.deepEqual({ ...after, clusters: [after.clusters[0]], contexts: [after.contexts[0]], users: [after.users[0]] }, before);
    assert.equal(after.contexts.length, 2);
  });

  test('done again changes nothing, and with a new certificate that alone', () => {
    const once = merged(theirs).text;
    assert.equal(merged(once).text, once);
    const own = once.replace('    cluster: certwright\n', '    cluster: certwright\n    namespace: mine\n');
    const renewed = merged(own, { chainPem: 'new' }).text;
    assert.equal(parse(renewed).contexts[1].context.namespace, 'mine');
    assert.equal(parse(renewed).users[1].user['client-certificate-data'], Buffer.from('new').toString('base64'));
    assert.equal(renewed.split('\n').length, own.split('\n').length);
  });

  test('keeps JSON and indented lists as they are written', () => {
    const json = '{"apiVersion": "v1", "kind": "Config", "clusters": [], "contexts": [], "users": [], "current-context": ""}\n';
    assert.equal(merged(json).currentContext, 'certwright');
    assert.deepEqual(Object.keys(JSON.parse(merged(json).text)), Object.keys(JSON.parse(json)));
    const indented = 'apiVersion: v1\nkind: Config\nclusters:\n  - name: a\n    cluster: {server: x}\n';
    assert.ok(merged(indented).text.startsWith(indented));
  });

  test('refuses entries of that name that are of others, or of a server elsewhere', () => {
    const other = theirs.replaceAll('prod', 'certwright');
    assertCoded('UsageInvalid', () => merged(other), /it has one of clusters "certwright" that is not of this server/);
    assertCoded('UsageInvalid', () => merged(merged(undefined, { owner: '/elsewhere' }).text), /not of this server/);
    assert.equal(merged(theirs, { name: 'other' }).currentContext, 'prod');
  });

  test('refuses what is no kubeconfig, by name', () => {
    for (const [source, problem] of [
      ['a: [1', /it is not YAML/],
      ['a: 1\na: 2\n', /it is not YAML/],
      ['--- {}\n--- {}\n', /it is not YAML/],
      ['- a\n', /it is no kubeconfig/],
      ['text\n', /it is no kubeconfig/],
      ['kind: Pod\n', /its kind is "Pod", expected "Config"/],
      ['apiVersion: v2\n', /its apiVersion is "v2", expected "v1"/],
      ['clusters: {}\n', /its clusters are not a list of named entries/],
      ['users: [a]\n', /its users are not a list of named entries/],
      ['contexts: [{context: {}}]\n', /its contexts are not a list of named entries/],
      ['x: &a []\nclusters: *a\n', /its clusters are not a list of named entries/],
    ] as const)
      assertCoded('KubeconfigInvalid', () => merged(source), problem);
  });

  test('whatever the file, either refuses it by code or is stable when done again', () => {
    const parts = [
      'clusters:',
      'users:',
      'contexts:',
      '\n',
      '\n',
      '- ',
      '  ',
      'name: a',
      'cluster: ',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      '<<: ',
    ];
    const more = [
      '!!binary ',
      '"',
      "'",
      '|',
      '# c',
      'null',
      'kind: Config',
      'current-context: ',
      '---',
      '? ',
      ': ',
      '\t',
      '\0',
      'certwright',
      '~',
      ',',
    ];
    const all = [...parts, ...more];
    const count = runs(1000, 50_000);
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const length = Math.random() * 14;
      const source = Array.from({ length }, () => all[Math.floor(Math.random() * all.length)]).join('');
      const result = resultOrCodedError(() => merged(source).text);
      if (result instanceof CodedError) continue;
      kept++;
      assert.deepEqual(parse(merged(result).text, { logLevel: 'silent' }), parse(result, { logLevel: 'silent' }), JSON.stringify(source));
    }
    assert.ok(kept > 5, String(kept));
  });
});
