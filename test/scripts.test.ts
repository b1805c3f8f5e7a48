// Runs the sessions of test/scripts/*.txt: each in a fresh folder, with the launcher on the PATH and no settings of this user.
// Each command is a bash of its own, so `cd` and `export` hold for one command only.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { outputLines, outputMatches, parseSession, type Result, rewriteSession, type Step } from '../src/testing/cli-session.ts';
import { repositoryRoot, updatingGolden } from '../src/testing/golden.ts';

const folder = join(repositoryRoot, 'test/scripts');

/** Runs every command of a session in order and returns what each came to. */
const runSteps = (steps: readonly Step[]): readonly Result[] => {
  const scratch = mkdtempSync(join(tmpdir(), 'certwright-session-'));
  try {
    for (const name of ['bin', 'home', 'work']) mkdirSync(join(scratch, name));
    symlinkSync(join(repositoryRoot, 'certwright'), join(scratch, 'bin/certwright'));
    const env = {
      PATH: `${join(scratch, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: join(scratch, 'home'),
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(homedir(), '.cache/certwright/compile'),
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
    };
    return steps.map(({ command }) => {
      const done = spawnSync('bash', ['-c', `exec 2>&1\n${command}`], {
        cwd: join(scratch, 'work'),
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: 120_000,
      });
      return { output: outputLines(done.stdout), exitCode: done.status ?? 255 };
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

describe('the command line, session by session', () => {
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.txt'))
    .sort())
    test(name, () => {
      const path = join(folder, name);
      const session = parseSession(readFileSync(path, 'utf8'));
      const steps = session.filter((part) => typeof part !== 'string');
      assert.ok(steps.length > 0, `${name} holds no command`);
      const results = runSteps(steps);
      if (updatingGolden) {
        writeFileSync(path, rewriteSession(session, results));
        return;
      }
      for (const [index, step] of steps.entries()) {
        const result = results[index] ?? { output: [], exitCode: 255 };
        const same = outputMatches(step.expected, result.output) && step.exitCode === result.exitCode;
        if (!same)
          assert.deepEqual(
            [...result.output, `[exit ${result.exitCode}]`],
            [...step.expected, `[exit ${step.exitCode}]`],
            `${name}:${step.line}: ${step.command}\nprinted:\n${result.output.join('\n')}\n[exit ${result.exitCode}]`,
          );
      }
    });
});
