// Files for command-line tests, made by the command line itself: a CA, a key with its request.

import assert from 'node:assert/strict';
import { runCli } from './cli-run.ts';

/** Runs a command that must succeed and returns what it printed. */
export const succeed = async (cwd: string, ...argv: readonly string[]): Promise<string> => {
  const { exitCode, out, err } = await runCli(argv, { cwd });
  assert.equal(exitCode, 0, `${argv.join(' ')}\n${err}`);
  return out;
};

/** Runs a command that must fail with this code of the error table, and returns its message. */
export const failWith = async (cwd: string, code: string, ...argv: readonly string[]): Promise<string> => {
  const { exitCode, out, err } = await runCli([...argv, '-v'], { cwd });
  assert.notEqual(exitCode, 0, argv.join(' '));
  assert.equal(out, '');
  assert.equal(/^code: (\w+)/m.exec(err)?.[1], code, err);
  return /^error: ([\s\S]*?)\n(?:hint|code): /.exec(err)?.[1] ?? err;
};

/** Makes `NAME-key.pem` and `NAME.pem`, a self-signed CA. */
export const makeCaFiles = async (cwd: string, name = 'ca', ...flags: readonly string[]): Promise<void> => {
  await succeed(cwd, 'pki', 'gencsr', '--key-out', `${name}-key.pem`, '--common-name', name, '--out', `${name}.csr`);
  const key = `${name}-key.pem`;
  await succeed(
    cwd,
    'pki',
    'sign',
    '--self-signed',
    '--ca-key',
    key,
    '--csr',
    `${name}.csr`,
    '--is-ca',
    '--duration',
    '87600h',
    '--out',
    `${name}.pem`,
    ...flags,
  );
};

/** Makes `NAME-key.pem` and `NAME.csr`. */
export const makeRequest = (cwd: string, name: string, ...flags: readonly string[]): Promise<string> =>
  succeed(cwd, 'pki', 'gencsr', '--key-out', `${name}-key.pem`, '--common-name', name, '--out', `${name}.csr`, ...flags);

/** Flags of `pki sign` with the CA that makeCaFiles makes. */
export const signedBy = (name = 'ca'): readonly string[] => ['pki', 'sign', '--ca', `${name}.pem`, '--ca-key', `${name}-key.pem`, '--csr'];
