import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chosenPath } from './command-path.ts';

const chosen = (line: string): string => chosenPath(line.split(' ')).join(' ');

test('a command is told by its words, global flags between them passed over', () => {
  assert.equal(chosen('pki -v keystore list a.p12'), 'pki keystore list');
  assert.equal(chosen('pki keystore --help'), 'pki keystore');
  assert.equal(chosen('cluster -- check'), 'cluster');
});

test('a command below another is not mistaken for a value of that one', () => {
  assert.equal(chosen('up backup file'), 'up backup');
  assert.equal(chosen('up --verbose restore file'), 'up restore');
  assert.equal(chosen('up --data-dir backup'), 'up');
  assert.equal(chosen('up'), 'up');
  assert.equal(chosen('up backup up'), 'up backup');
});
