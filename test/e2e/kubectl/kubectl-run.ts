// Runs the steps of kubectl's sessions against an API server: bash in a folder of its own, with one kubectl, an empty cache, and a kubeconfig
// whose namespace is the session's. And tells what is stored afterwards, as far as it does not differ from run to run.

import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiPeer } from '../../../src/testing/api-peer.ts';
import type { TestServer } from '../../../src/testing/api-servers.ts';
import { outputLines, type Result } from '../../../src/testing/cli-session.ts';
import { repositoryRoot } from '../../../src/testing/golden.ts';

/** After so many seconds a step is ended with all that it started, also where nobody waits for it any more. */
const stepLimit = '90';

/** The output with the words that stand for what differs from run to run; columns keep their places. */
export const settle = (output: string): string =>
  output
    .replace(/(?<=[ \t])(\d{1,2}[smh](?:\d{1,2}[sm])?)(?= |$)( *)/gm, (_, age: string, gap: string) =>
      gap === '' ? 'AGE' : 'AGE'.padEnd(age.length + gap.length),
    )
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UID')
    .replace(/\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME')
    .replace(/\b(127\.0\.0\.1):\d+/g, '$1:PORT');

export type KubectlRun = { step(command: string): Promise<Result>; close(): void };

const bash = (command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<{ readonly output: string; readonly exitCode: number }> =>
  new Promise((resolve, reject) => {
    const child = spawn('timeout', ['--kill-after=5', stepLimit, 'bash', '-c', `exec 2>&1\n${command}`], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ output, exitCode: code ?? 255 }));
  });

/** A folder in which to run the steps of one session. */
export const openKubectlRun = async (kubectl: string, server: TestServer, namespace: string): Promise<KubectlRun> => {
  const scratch = mkdtempSync(join(tmpdir(), 'certwright-kubectl-'));
  for (const name of ['bin', 'home', 'work', 'tmp']) mkdirSync(join(scratch, name));
  symlinkSync(join(repositoryRoot, 'certwright'), join(scratch, 'bin/certwright'));
  symlinkSync(kubectl, join(scratch, 'bin/kubectl'));
  copyFileSync(server.kubeconfigFile, join(scratch, 'kubeconfig'));
  const env = {
    PATH: `${join(scratch, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: join(scratch, 'home'),
    TMPDIR: join(scratch, 'tmp'),
    KUBECONFIG: join(scratch, 'kubeconfig'),
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(homedir(), '.cache/certwright/compile'),
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
  };
  const step = async (command: string): Promise<Result> => {
    const { output, exitCode } = await bash(command, join(scratch, 'work'), env);
    return { output: outputLines(settle(output.replaceAll(scratch, ''))), exitCode };
  };
  const close = (): void => rmSync(scratch, { recursive: true, force: true });
  await server.peer.send('POST', '/api/v1/namespaces', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } } });
  const { output, exitCode } = await step(`kubectl config set-context --current --namespace=${namespace}`);
  if (exitCode === 0) return { step, close };
  close();
  throw new Error(`cannot run ${kubectl}: ${output.join('\n')}`);
};

const volatile = new Set(['uid', 'resourceVersion', 'creationTimestamp', 'managedFields', 'clusterIP', 'clusterIPs', 'token']);

/** Without what differs from run to run: identities, times, and what is long enough to be a key or a certificate. */
const lasting = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(lasting);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => !volatile.has(name))
        .map(([name, field]) => [name, lasting(field)]),
    );
  if (typeof value !== 'string') return value;
  return value.length > 300 ? 'LONG' : settle(value);
};

/** What a server stores in a namespace and outside of all, by path. */
export const storedState = async (api: ApiPeer, namespace: string): Promise<Readonly<Record<string, unknown>>> => {
  const state: Record<string, unknown> = {};
  const groups = (await api.send('GET', '/apis')).json.groups.map(
    (group: { preferredVersion: { groupVersion: string } }) => group.preferredVersion,
  );
  for (const root of ['/api/v1', ...groups.map(({ groupVersion }: { groupVersion: string }) => `/apis/${groupVersion}`)])
    for (const { name, verbs } of (await api.send('GET', root)).json.resources) {
      if (!verbs.includes('list') || name === 'events') continue;
      for (const item of (await api.send('GET', `${root}/${name}`)).json.items)
        if ([undefined, namespace].includes(item.metadata.namespace))
          state[`${root}/${name}/${item.metadata.namespace ?? ''}/${item.metadata.name}`] = lasting(item);
    }
  return state;
};
