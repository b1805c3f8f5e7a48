import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellWord } from './shell-word.ts';

test('a shell takes every word back as it was', () => {
  for (const word of ['generated', 'pki tree', "it's", '$HOME `id` "x" \\', '', '*', '#x', '~'])
    assert.equal(execFileSync('sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' }), word);
  assert.equal(shellWord('generated/keys/ca.pem'), 'generated/keys/ca.pem', 'plain words stay plain');
});
