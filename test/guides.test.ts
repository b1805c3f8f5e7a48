// Runs the guides line by line: every ```console block of docs/guide/*.md is a CLI session in one folder per guide, where `./certwright`
// and `examples/` stand as in a checkout. Where a guide says so, a real control plane is started on what its commands have made.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, test } from 'node:test';
import {
  outputLines,
  outputMatches,
  parseSession,
  type Result,
  rewriteSession,
  type Session,
  type Step,
} from '../src/testing/cli-session.ts';
import { type ControlPlane, startControlPlane } from '../src/testing/control-plane.ts';
import { repositoryRoot, updatingGolden } from '../src/testing/golden.ts';
import { needs, requireTool } from '../src/testing/tools.ts';
import { layouts } from './e2e/cluster-layouts.ts';

const folder = join(repositoryRoot, 'docs/guide');
const marker = '<!-- start the control plane -->';
/** A guide with this needs a kubectl of today, and starts its own server, whose process id it leaves in up.pid. */
const kubectlMarker = '<!-- kubectl of Debian trixie -->';
const blockPattern = /```console\n([\s\S]*?)\n```|<!-- start the control plane -->/g;

type Part = { readonly text: string; readonly session: Session | undefined };

/** The executed parts of a guide in order: sessions, and the places where the control plane starts. */
const partsOf = (guide: string): readonly Part[] =>
  [...guide.matchAll(blockPattern)].map(([text, block]) => ({ text, session: block === undefined ? undefined : parseSession(block) }));

const isStep = (part: string | Step): part is Step => typeof part !== 'string';

const runStep = ({ command }: Step, scratch: string): Promise<Result> =>
  new Promise((resolve) => {
    const env = {
      PATH: [join(scratch, 'bin'), process.env['PATH'] ?? ''].join(delimiter),
      HOME: join(scratch, 'home'),
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(homedir(), '.cache/certwright/compile'),
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
    };
    const child = execFile(
      'bash',
      ['-c', `exec 2>&1 </dev/null\n${command}`],
      { cwd: join(scratch, 'work'), env, timeout: 120_000 },
      (error, stdout) => resolve({ output: outputLines(stdout), exitCode: error === null ? 0 : (child.exitCode ?? 255) }),
    );
  });

const check = (name: string, step: Step, result: Result): void => {
  const same = outputMatches(step.expected, result.output) && step.exitCode === result.exitCode;
  assert.ok(
    same,
    `${name}: $ ${step.command}\nexpected (exit ${step.exitCode}):\n${step.expected.join('\n')}\nprinted (exit ${result.exitCode}):\n${result.output.join('\n')}`,
  );
};

/** Runs a guide and returns its text with what the commands printed. */
const runGuide = async (name: string, guide: string): Promise<string> => {
  const scratch = mkdtempSync(join(tmpdir(), 'certwright-guide-'));
  const work = join(scratch, 'work');
  let controlPlane: ControlPlane | undefined;
  let written = guide;
  try {
    for (const directory of ['bin', 'home', 'work']) mkdirSync(join(scratch, directory));
    symlinkSync(join(repositoryRoot, 'certwright'), join(work, 'certwright'));
    symlinkSync(join(repositoryRoot, 'examples'), join(work, 'examples'));
    if (guide.includes(kubectlMarker)) symlinkSync(requireTool('kubectl-1.32'), join(scratch, 'bin/kubectl'));
    for (const { text, session } of partsOf(guide)) {
      if (session === undefined) {
        symlinkSync(requireTool('kubectl'), join(scratch, 'bin/kubectl'));
        const cluster = layouts.kismatic(join(work, 'generated'));
        controlPlane = await startControlPlane(cluster.controlPlane, join(scratch, 'run'), readFileSync(cluster.serverTrust, 'utf8'));
        continue;
      }
      const results: Result[] = [];
      for (const step of session.filter(isStep)) {
        const result = await runStep(step, scratch);
        results.push(result);
        if (!updatingGolden) check(name, step, result);
      }
      written = written.replace(text, () => `\`\`\`console\n${rewriteSession(session, results).trimEnd()}\n\`\`\``);
    }
    return written;
  } finally {
    await controlPlane?.stop();
    if (existsSync(join(work, 'up.pid'))) execFileSync('bash', ['-c', 'kill $(cat up.pid) 2>/dev/null || true'], { cwd: work });
    rmSync(scratch, { recursive: true, force: true });
  }
};

describe('the guides, line by line', () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.md'))) {
    const path = join(folder, name);
    const guide = readFileSync(path, 'utf8');
    const tools = guide.includes(marker)
      ? needs('etcd', 'kubectl', 'kube-apiserver', 'kube-controller-manager')
      : guide.includes(kubectlMarker)
        ? needs('openssl', 'kubectl-1.32')
        : needs('openssl');
    test(name, tools, async () => {
      assert.ok(
        partsOf(guide).some(({ session }) => session?.some(isStep)),
        `${name} holds no command`,
      );
      const written = await runGuide(name, guide);
      if (updatingGolden) writeFileSync(path, written);
    });
  }
});
