// kubectl's sessions: Debian trixie's with exact output on the embedded server and on a real kube-apiserver; newer ones, Debian sid's and those
// in the folders of CERTWRIGHT_KUBECTLS, on the embedded server by exit codes and by what is stored after each section; and a session of its
// own for Debian bookworm's.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startEmbedded, startReal, type TestServer } from '../../src/testing/api-servers.ts';
import { outputMatches, type Result, rewriteSession } from '../../src/testing/cli-session.ts';
import { updatingGolden } from '../../src/testing/golden.ts';
import { howToGet, needs, requireTool, tool } from '../../src/testing/tools.ts';
import { type KubectlRun, openKubectlRun, storedState } from './kubectl/kubectl-run.ts';
import { type KubectlSession, kubectlSessions, type Section, type SectionStep } from './kubectl/kubectl-session.ts';

type Judge = (step: SectionStep, result: Result, where: string) => void;
type Running = { readonly run: KubectlRun; readonly server: TestServer };
type Suite = {
  readonly sessions?: readonly KubectlSession[];
  readonly kubectl: () => string;
  readonly start: () => Promise<TestServer>;
  readonly includes: (section: Section) => boolean;
  readonly judge: Judge;
  /** After each section, with all results of its session so far. */
  readonly afterSection?: (session: KubectlSession, section: Section, running: Running) => Promise<void>;
  readonly afterSession?: (session: KubectlSession, results: readonly Result[]) => void;
};

const allSessions = kubectlSessions();

const sameOutput = (expected: Pick<SectionStep, 'expected' | 'exitCode'>, result: Result, where: string): void => {
  if (outputMatches(expected.expected, result.output) && expected.exitCode === result.exitCode) return;
  assert.deepEqual([...result.output, `[exit ${result.exitCode}]`], [...expected.expected, `[exit ${expected.exitCode}]`], where);
};

const runSessions = ({ sessions = allSessions, kubectl, start, includes, judge, afterSection, afterSession }: Suite): void => {
  let server: TestServer | undefined;
  before(async () => {
    server = await start();
  });
  after(() => server?.stop());
  for (const session of sessions)
    describe(session.name, () => {
      let running: Running | undefined;
      const results: Result[] = [];
      before(async () => {
        if (server !== undefined) running = { run: await openKubectlRun(kubectl(), server, session.name), server };
      });
      after(() => {
        running?.run.close();
        afterSession?.(session, results);
      });
      for (const section of session.sections.filter(includes))
        test([section.ids.join(', '), section.title].join(' ').trim(), async () => {
          assert.ok(running !== undefined);
          for (const step of section.steps) {
            const result = await running.run.step(step.command);
            results.push(result);
            const where = `${session.name}.txt:${step.line}: ${step.command}\nprinted:\n${result.output.join('\n')}\n[exit ${result.exitCode}]`;
            if (!updatingGolden) judge(step, result, where);
          }
          await afterSection?.(session, section, running);
        });
    });
};

/** What each section left behind when Debian trixie's kubectl did it. */
const stored = new Map<Section, Readonly<Record<string, unknown>>>();

describe('kubectl 1.32 on the embedded server', needs('kubectl-1.32'), () => {
  runSessions({
    kubectl: () => requireTool('kubectl-1.32'),
    start: startEmbedded,
    includes: () => true,
    judge: (step, result, where) => sameOutput(step, result, where),
    afterSection: async (session, section, { server }) => {
      stored.set(section, await storedState(server.peer, session.name));
    },
    afterSession: (session, results) => {
      if (updatingGolden) writeFileSync(session.path, rewriteSession(session.text, results));
    },
  });
});

describe('kubectl 1.20 on the embedded server', needs('kubectl'), () => {
  runSessions({
    sessions: kubectlSessions(join(import.meta.dirname, 'kubectl/older')),
    kubectl: () => requireTool('kubectl'),
    start: startEmbedded,
    includes: () => true,
    judge: (step, result, where) => sameOutput(step, result, where),
    afterSession: (session, results) => {
      if (updatingGolden) writeFileSync(session.path, rewriteSession(session.text, results));
    },
  });
});

describe('kubectl 1.32 on a real kube-apiserver', needs('kubectl-1.32', 'etcd', 'kube-apiserver', 'kube-controller-manager'), () => {
  if (!updatingGolden)
    runSessions({
      kubectl: () => requireTool('kubectl-1.32'),
      start: startReal,
      includes: ({ embeddedOnly }) => embeddedOnly === undefined,
      judge: (step, result, where) => sameOutput(step.otherwise ?? step, result, where),
    });
});

/** kubectls of others: a name for the report, and the program. */
const newerKubectls = (): readonly (readonly [string, string])[] => {
  const folders = (process.env['CERTWRIGHT_KUBECTLS'] ?? '').split(':').filter((folder) => folder !== '');
  const named = folders.map((folder) => join(folder, 'kubectl'));
  for (const path of named) if (!existsSync(path)) throw new Error(`CERTWRIGHT_KUBECTLS: there is no ${path}`);
  const sid = tool('kubectl-sid');
  return [...(sid === undefined ? [] : [['kubectl of Debian sid', sid] as const]), ...named.map((path) => [path, path] as const)];
};

const newer = newerKubectls();

describe('newer kubectls', newer.length === 0 ? { skip: howToGet('kubectl-sid') } : needs('kubectl-1.32'), () => {
  if (!updatingGolden)
    for (const [name, path] of newer)
      describe(`${name} on the embedded server`, () => {
        runSessions({
          kubectl: () => path,
          start: startEmbedded,
          includes: () => true,
          judge: (step, result, where) => assert.equal(result.exitCode, step.exitCode, where),
          afterSection: async (session, section, { server }) =>
            assert.deepEqual(await storedState(server.peer, session.name), stored.get(section), section.title),
        });
      });
});
