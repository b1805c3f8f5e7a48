// Declares tests out of kubectl's sessions: which kubectl, which server, and how what came of a step is judged, the suite says.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { TestServer } from '../../../src/testing/api-servers.ts';
import { outputMatches, type Result } from '../../../src/testing/cli-session.ts';
import { updatingGolden } from '../../../src/testing/golden.ts';
import { type KubectlRun, openKubectlRun } from './kubectl-run.ts';
import { type KubectlSession, kubectlSessions, type Section, type SectionStep } from './kubectl-session.ts';

type Judge = (step: SectionStep, result: Result, where: string) => void;
type Running = { readonly run: KubectlRun; readonly server: TestServer };
/** How the sessions are run once. */
export type Suite = {
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

/** Fails where a step printed or ended otherwise; wildcards are honoured. */
export const sameOutput = (expected: Pick<SectionStep, 'expected' | 'exitCode'>, result: Result, where: string): void => {
  if (outputMatches(expected.expected, result.output) && expected.exitCode === result.exitCode) return;
  assert.deepEqual([...result.output, `[exit ${result.exitCode}]`], [...expected.expected, `[exit ${expected.exitCode}]`], where);
};

/** Declares a test for each section; a session shares a folder and a namespace. */
export const runSessions = ({ sessions = allSessions, kubectl, start, includes, judge, afterSection, afterSession }: Suite): void => {
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
