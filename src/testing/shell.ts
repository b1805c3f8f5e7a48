// Command lines as people type them, run by bash in a scratch folder: `certwright` is the checkout's launcher, the named tools are the ones
// that the suite asked for, and no setting or cache of this user is seen. Judging what came of them is the suite's business.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { repositoryRoot } from './golden.ts';
import { requireTool, type ToolName, tool } from './tools.ts';

/** What a script came to; `output` is both streams as they came. */
export type ShellOutcome = { readonly exitCode: number; readonly output: string };

export type Shell = {
  /** The folder that scripts start in. */
  readonly folder: string;
  /** Runs a script that must succeed, and returns its standard output without the empty lines at its end. */
  out(script: string, stdin?: string): string;
  /** Runs a script and tells how it ended. */
  run(script: string, stdin?: string): ShellOutcome;
  /** The text of a file of the folder. */
  read(name: string): string;
  /** Writes a file of the folder. */
  write(name: string, text: string): void;
  /** Removes everything. */
  close(): void;
};

/** Opens a shell with these tools in front of the PATH; one that is missing is missing there too, so ask with `needs` first. */
export const openShell = (tools: readonly ToolName[], environment: Readonly<Record<string, string>> = {}): Shell => {
  const scratch = mkdtempSync(join(tmpdir(), 'certwright-shell-'));
  const [bin, folder, home] = [join(scratch, 'bin'), join(scratch, 'work'), join(scratch, 'home')];
  for (const directory of [bin, folder, home]) mkdirSync(directory);
  symlinkSync(join(repositoryRoot, 'certwright'), join(bin, 'certwright'));
  for (const name of tools) if (tool(name) !== undefined) symlinkSync(requireTool(name), join(bin, name));
  const env = {
    PATH: [bin, process.env['PATH'] ?? ''].join(delimiter),
    HOME: home,
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(homedir(), '.cache/certwright/compile'),
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    ...environment,
  };
  const bash = (script: string, input: string) =>
    spawnSync('bash', ['-c', `set -euo pipefail\n${script}`], { cwd: folder, env, input, encoding: 'utf8', timeout: 300_000 });
  return {
    folder,
    out: (script, stdin = '') => {
      const { status, stdout, stderr } = bash(script, stdin);
      assert.equal(status, 0, `${script}\n${stdout}${stderr}`);
      return stdout.trimEnd();
    },
    run: (script, stdin = '') => {
      const { status, stdout } = bash(`exec 2>&1\n${script}`, stdin);
      return { exitCode: status ?? 255, output: stdout.trimEnd() };
    },
    read: (name) => {
      const path = join(folder, name);
      assert.ok(existsSync(path), `${name} was not written`);
      return readFileSync(path, 'utf8');
    },
    write: (name, text) => writeFileSync(join(folder, name), text),
    close: () => rmSync(scratch, { recursive: true, force: true }),
  };
};
