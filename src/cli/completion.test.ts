import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runCli } from '../testing/cli-run.ts';
import { repositoryRoot } from '../testing/golden.ts';
import { commandRows } from './command-table.ts';

const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
  const { exitCode, out } = await runCli(['__complete', ...words]);
  assert.equal(exitCode, 0);
  return out.split('\n').filter((line) => line !== '');
};

describe('completion', () => {
  test('offers commands at each level', async () => {
    assert.ok((await complete('')).includes('pki'));
    assert.deepEqual(await complete('pki', 'gen'), ['genkey', 'gencsr']);
    assert.deepEqual(await complete('pki', 'keystore', ''), ['create', 'list', 'convert']);
    assert.deepEqual(await complete('-v', 'pki', '--progress', 'keystore', 'c'), ['create', 'convert']);
    assert.deepEqual(await complete('nothing', ''), []);
  });

  test('offers flags, the global ones too', async () => {
    assert.deepEqual(await complete('pki', 'genkey', '--al'), ['--algorithm']);
    assert.ok((await complete('pki', 'genkey', '--')).includes('--verbose'));
    assert.deepEqual(await complete('--vers'), ['--version']);
    for (const { path } of commandRows) assert.ok((await complete(...path, '--')).includes('--help'), path.join(' '));
  });

  test('offers values, in comma lists for the part that is typed', async () => {
    assert.deepEqual(await complete('pki', 'genkey', '--algorithm', 'ml'), ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87']);
    assert.deepEqual(await complete('pki', 'genkey', '-a', 'ed'), ['ed25519']);
    assert.deepEqual(await complete('pki', 'genkey', '--algorithm=ed'), ['ed25519']);
    assert.deepEqual(await complete('pki', 'genkey', '--algorithm', '=', 'ed'), ['ed25519']);
    assert.ok((await complete('pki', 'genkey', '--algorithm', '=')).includes('ed25519'));
    assert.deepEqual(await complete('pki', 'sign', '--usage', 'client-auth,server'), ['client-auth,server-auth']);
    assert.deepEqual(await complete('pki', 'inspect', '-o', 'j'), ['json']);
    assert.deepEqual(await complete('completion', ''), ['bash', 'zsh', 'fish']);
  });

  test('asks for files where an argument or flag is one, the last argument as often as it may stand', async () => {
    assert.deepEqual(await complete('pki', 'inspect', ''), [':files']);
    assert.deepEqual(await complete('pki', 'inspect', 'a', 'b', ''), [':files']);
    assert.deepEqual(await complete('pki', 'genkey', '--out', 'x'), [':files']);
    assert.deepEqual(await complete('pki', 'keystore', 'list', 'a', ''), []);
  });

  test('works in a real bash', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'certwright-bash-'));
    try {
      mkdirSync(join(scratch, 'bin'));
      symlinkSync(join(repositoryRoot, 'certwright'), join(scratch, 'bin/certwright'));
      writeFileSync(join(scratch, 'a file.pem'), '');
      const ask = (...words: readonly string[]): readonly string[] => {
        const script = [
          'source <(certwright completion bash)',
          `COMP_WORDS=(certwright ${words.map((word) => `'${word}'`).join(' ')})`,
          `COMP_CWORD=${words.length}`,
          // bash names the function that it would call.
          'eval "$(complete -p certwright | sed -E \'s/.*-F ([^ ]+).*/\\1/\')"',
          `printf "%s\\n" "\${COMPREPLY[@]}"`,
        ];
        const env = { ...process.env, PATH: `${join(scratch, 'bin')}:${process.env['PATH'] ?? ''}` };
        const out = execFileSync('bash', ['--norc', '-c', script.join('\n')], { cwd: scratch, env, encoding: 'utf8' });
        return out.split('\n').filter((line) => line !== '');
      };
      assert.deepEqual(ask('pki', 'gen'), ['genkey', 'gencsr']);
      assert.deepEqual(ask('pki', 'genkey', '--algorithm', '=', 'rsa-4'), ['rsa-4096']);
      assert.deepEqual(ask('pki', 'inspect', 'a'), ['a file.pem']);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});
