// kubectl's sessions on the embedded server: Debian trixie's with exact output; newer ones, Debian sid's and those in the folders of
// CERTWRIGHT_KUBECTLS, by exit codes and by what is stored after each section; and a session of its own for Debian bookworm's. The same on a
// real server is kubectl-real.test.ts.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { startEmbedded } from '../../src/testing/api-servers.ts';
import { type Result, rewriteSession } from '../../src/testing/cli-session.ts';
import { updatingGolden } from '../../src/testing/golden.ts';
import { howToGet, needs, requireTool, tool } from '../../src/testing/tools.ts';
import { storedState } from './kubectl/kubectl-run.ts';
import { type KubectlSession, kubectlSessions, type Section } from './kubectl/kubectl-session.ts';
import { runSessions, sameOutput } from './kubectl/run-sessions.ts';

const rewrite = (session: KubectlSession, results: readonly Result[]): void => {
  if (updatingGolden) writeFileSync(session.path, rewriteSession(session.text, results));
};

/** What each section left behind when Debian trixie's kubectl did it. */
const stored = new Map<Section, Readonly<Record<string, unknown>>>();

describe('kubectl 1.32 on the embedded server', needs('kubectl-1.32'), () => {
  runSessions({
    kubectl: () => requireTool('kubectl-1.32'),
    start: startEmbedded,
    includes: () => true,
    judge: sameOutput,
    afterSection: async (session, section, { server }) => {
      stored.set(section, await storedState(server.peer, session.name));
    },
    afterSession: rewrite,
  });
});

describe('kubectl 1.20 on the embedded server', needs('kubectl'), () => {
  runSessions({
    sessions: kubectlSessions(join(import.meta.dirname, 'kubectl/older')),
    kubectl: () => requireTool('kubectl'),
    start: startEmbedded,
    includes: () => true,
    judge: sameOutput,
    afterSession: rewrite,
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
