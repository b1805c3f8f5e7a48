import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentVariables, readSettings } from './environment.ts';

test('an empty environment gives no settings but the program name', () => {
  assert.deepEqual(readSettings({}), {
    passphrase: undefined,
    noColor: false,
    dumbTerminal: false,
    columns: undefined,
    programName: 'certwright',
    dataHome: undefined,
    kubeconfigFile: undefined,
    sudoUser: undefined,
  });
});

test('each variable of the table reaches its setting', () => {
  const settings = readSettings({
    CERTWRIGHT_PASSPHRASE: 'open sesame',
    NO_COLOR: '1',
    TERM: 'dumb',
    COLUMNS: '100',
    CERTWRIGHT_INVOKED_AS: 'kubectl-certwright',
    SUDO_USER: 'alice',
    XDG_DATA_HOME: '/data',
    HOME: '/home/alice',
    KUBECONFIG: 'one:two',
  });
  assert.deepEqual(settings, {
    passphrase: 'open sesame',
    noColor: true,
    dumbTerminal: true,
    columns: 100,
    programName: 'kubectl certwright',
    dataHome: '/data',
    kubeconfigFile: 'one',
    sudoUser: 'alice',
  });
  assert.equal(Object.keys(environmentVariables).length, 9);
});

test('data is kept below the home directory unless another place is named by an absolute path', () => {
  assert.equal(readSettings({ HOME: '/home/alice' }).dataHome, '/home/alice/.local/share');
  assert.equal(readSettings({ HOME: '/home/alice', XDG_DATA_HOME: 'relative' }).dataHome, '/home/alice/.local/share');
  assert.equal(readSettings({ HOME: 'relative' }).dataHome, undefined);
});

test('the kubeconfig is the first that KUBECONFIG names, else the one in the home directory', () => {
  assert.equal(readSettings({ KUBECONFIG: '::/a:/b', HOME: '/home/alice' }).kubeconfigFile, '/a');
  assert.equal(readSettings({ KUBECONFIG: '', HOME: '/home/alice' }).kubeconfigFile, '/home/alice/.kube/config');
  assert.equal(readSettings({ HOME: 'relative' }).kubeconfigFile, undefined);
});

test('empty values count as absent', () => {
  const settings = readSettings({ CERTWRIGHT_PASSPHRASE: '', NO_COLOR: '', COLUMNS: '', SUDO_USER: '', CERTWRIGHT_INVOKED_AS: '' });
  assert.deepEqual(settings, readSettings({}));
});

test('a width that is none is passed over', () => {
  for (const COLUMNS of ['wide', '3', '-80', '80.5']) assert.equal(readSettings({ COLUMNS }).columns, undefined);
});
