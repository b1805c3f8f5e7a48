// Credentials from a program that a kubeconfig names (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
// What it prints is secret: none of it comes into an error.

import { execFile } from 'node:child_process';
import { type Fields, fieldsAt, isFields, textAt } from '../api/object.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import type { Credentials } from './connection.ts';

export type ExecPlugin = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  /** Printed where the program cannot be started. */
  readonly installHint: string | undefined;
  /** What the program may want to know of the cluster; undefined where the kubeconfig does not give it. */
  readonly cluster: Fields | undefined;
};

/** Runs a program and gives what it prints. Throws what says why it could not. */
export type RunProgram = (command: string, args: readonly string[], env: Readonly<Record<string, string>>) => Promise<string>;

const timeoutMs = 60_000;
const maxOutputBytes = 1024 * 1024;

/** Runs it with the environment given and no terminal. */
export const runProgram: RunProgram = (command, args, env) =>
  new Promise((resolve, reject) => {
    const child = execFile(command, args, { env, timeout: timeoutMs, maxBuffer: maxOutputBytes, killSignal: 'SIGKILL' }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
    child.stdin?.end();
  });

export type ExecCredentials = {
  readonly credentials: Credentials /** Undefined where they do not end. */;
  readonly expiresAt: Date | undefined;
};

const versions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

const failed = ({ command, installHint }: ExecPlugin, problem: string): CodedError =>
  new CodedError('KubeconfigInvalid', `cannot get credentials from ${quote(command)}: ${problem}`, {
    ...(installHint === undefined ? {} : { hint: installHint }),
  });

/** Says which of its faults a program died of, and nothing that it printed. */
const reasonOf = (error: unknown): string => {
  const { code, killed, signal } = error as { code?: unknown; killed?: boolean; signal?: string };
  if (code === 'ENOENT') return 'there is no such program';
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `it printed more than ${maxOutputBytes} bytes`;
  if (killed === true) return `it took longer than ${timeoutMs / 1000} s`;
  return typeof code === 'number' ? `it ended with ${code}` : `it did not run (${signal ?? String(code)})`;
};

/** Asks the program once. Throws KubeconfigInvalid. */
export const askPlugin = async (plugin: ExecPlugin, run: RunProgram): Promise<ExecCredentials> => {
  if (!versions.includes(plugin.apiVersion))
    throw failed(plugin, `its apiVersion is ${quote(plugin.apiVersion)}, and ${versions.join(' and ')} are known`);
  const info = {
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(plugin.cluster === undefined ? {} : { cluster: plugin.cluster }) },
  };
  let printed: string;
  try {
    printed = await run(plugin.command, plugin.args, { ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) });
  } catch (error) {
    throw failed(plugin, reasonOf(error));
  }
  let value: unknown;
  try {
    value = JSON.parse(printed);
  } catch {
    throw failed(plugin, 'what it printed is not JSON');
  }
  if (!isFields(value) || value['kind'] !== 'ExecCredential' || value['apiVersion'] !== plugin.apiVersion)
    throw failed(plugin, `what it printed is no ExecCredential of ${plugin.apiVersion}`);
  const status = fieldsAt(value, 'status');
  const [token, certificate, key] = [textAt(status, 'token'), textAt(status, 'clientCertificateData'), textAt(status, 'clientKeyData')];
  if (token === '' && (certificate === '' || key === '')) throw failed(plugin, 'it gave neither a token nor a certificate with its key');
  if (/[\r\n]/.test(token.trim())) throw failed(plugin, 'its token has a line break in it');
  const expiry = textAt(status, 'expirationTimestamp');
  const expiresAt = expiry === '' ? undefined : new Date(expiry);
  if (expiresAt !== undefined && Number.isNaN(expiresAt.getTime())) throw failed(plugin, 'its expirationTimestamp is no date');
  return {
    credentials: { ...(token === '' ? {} : { token: token.trim() }), ...(certificate === '' ? {} : { certificate, key }) },
    expiresAt,
  };
};
