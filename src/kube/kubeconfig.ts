// Connections out of kubeconfig files, as kubectl reads them (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/):
// several files are one, in which what is named first counts. Files that it points to are read again now and then, for they renew. What would
// weaken the connection, and what is not done here, is refused by name.

import { dirname, isAbsolute, join } from 'node:path';
import { parseDocument } from 'yaml';
import { type Fields, fieldsAt, isFields, listAt, textAt } from '../api/object.ts';
import { fromUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import type { Clock } from './clock.ts';
import type { Connection, Credentials } from './connection.ts';
import { askPlugin, type ExecPlugin, type RunProgram } from './exec-plugin.ts';

export type KubeconfigSources = {
  /** In the order of KUBECONFIG. One that does not exist is passed over. */
  readonly paths: readonly string[];
  /** The current one where left out. */
  readonly context?: string;
  /** Undefined where there is no such file; throws FileUnreadable, InputTooLarge. */
  readonly readFile: (path: string) => Uint8Array | undefined;
  readonly run: RunProgram;
  /** What programs are run with. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
};

export type KubeconfigConnection = Connection & {
  readonly contextName: string;
  /** Where no other is named. */
  readonly namespace: string;
};

/** So long what was read from a file counts. */
const rereadMs = 10_000;
/** Credentials are asked for anew so long before they end. */
const earlyMs = 60_000;
const maxAliases = 10;

const invalid = (what: string, problem: string, hint?: string): CodedError =>
  new CodedError('KubeconfigInvalid', `cannot use ${what}: ${problem}`, { ...(hint === undefined ? {} : { hint }) });

type Entry = { readonly fields: Fields /** Of the file that it stands in. */; readonly folder: string };
type Whole = {
  readonly current: string;
  find(list: 'clusters' | 'contexts' | 'users', part: string, name: string): Entry | undefined;
};

const readDocument = (bytes: Uint8Array, what: string): Fields => {
  const text = fromUtf8(bytes);
  if (text === undefined) throw invalid(what, 'it is not UTF-8');
  const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw invalid(what, `it is not YAML (${error.code})`);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: maxAliases });
  } catch {
    throw invalid(what, 'it has too many aliases');
  }
  if (value === null || value === undefined) return {};
  if (!isFields(value)) throw invalid(what, 'it is not a map');
  return value;
};

const readAll = ({ paths, readFile }: KubeconfigSources): Whole => {
  const files = paths.flatMap((path) => {
    const bytes = readFile(path);
    return bytes === undefined ? [] : [{ folder: dirname(path), document: readDocument(bytes, `kubeconfig ${quote(path)}`) }];
  });
  if (files.length === 0)
    throw new CodedError('FileNotFound', `cannot use kubeconfig ${paths.map(quote).join(', ') || '""'}: it does not exist`, {
      hint: 'name one with --kubeconfig, or in KUBECONFIG',
    });
  return {
    current: files.map(({ document }) => textAt(document, 'current-context')).find((name) => name !== '') ?? '',
    find: (list, part, name) => {
      for (const { folder, document } of files) {
        const found = listAt(document, list).find((entry) => textAt(entry, 'name') === name);
        if (found !== undefined) return { fields: fieldsAt(found, part), folder };
      }
      return undefined;
    },
  };
};

const requireNone = (what: string, { fields }: Entry, refused: Readonly<Record<string, string>>): void => {
  for (const [field, why] of Object.entries(refused)) {
    const value = fields[field];
    if (value !== undefined && value !== null && value !== '' && value !== false) throw invalid(what, `${field} is set, and ${why}`);
  }
};

const fromBase64 = (what: string, field: string, value: string): string => {
  const text = /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value) ? fromUtf8(Buffer.from(value, 'base64')) : undefined;
  if (text === undefined || text === '') throw invalid(what, `${field} is not base64 of PEM`);
  return text;
};

/** What a field holds, or the file that it names; a function, for the file may change. */
const content = (
  { readFile }: KubeconfigSources,
  what: string,
  { fields, folder }: Entry,
  dataField: string,
  fileField: string,
): (() => string) | undefined => {
  const data = textAt(fields, dataField);
  if (data !== '') {
    const pem = fromBase64(what, dataField, data);
    return () => pem;
  }
  const file = textAt(fields, fileField);
  if (file === '') return undefined;
  const path = isAbsolute(file) ? file : join(folder, file);
  return () => {
    const bytes = readFile(path);
    const text = bytes === undefined ? undefined : fromUtf8(bytes);
    if (text === undefined) throw invalid(what, `${fileField} ${quote(path)} ${bytes === undefined ? 'does not exist' : 'is not text'}`);
    return text;
  };
};

const pluginOf = (sources: KubeconfigSources, what: string, exec: Fields, { fields: cluster }: Entry, folder: string): ExecPlugin => {
  const command = textAt(exec, 'command');
  if (command === '') throw invalid(what, 'exec names no command');
  if (textAt(exec, 'interactiveMode') === 'Always') throw invalid(what, 'its program must be asked on a terminal, and there is none');
  const env = Object.fromEntries(listAt(exec, 'env').map((each) => [textAt(each, 'name'), textAt(each, 'value')]));
  return {
    // A path is one from the kubeconfig's folder; a name is looked up by the system.
    command: command.includes('/') && !isAbsolute(command) ? join(folder, command) : command,
    args: listAt(exec, 'args').map(String),
    env: { ...sources.environment, ...env },
    apiVersion: textAt(exec, 'apiVersion'),
    installHint: textAt(exec, 'installHint') || undefined,
    cluster:
      exec['provideClusterInfo'] === true
        ? { server: cluster['server'], 'certificate-authority-data': cluster['certificate-authority-data'] }
        : undefined,
  };
};

const isSame = (a: Credentials, b: Credentials): boolean => a.certificate === b.certificate && a.key === b.key && a.token === b.token;

/** Credentials that are asked for anew from time to time, and are the same object as long as they are the same. */
const kept = (
  clock: Clock,
  ask: () => Promise<{ readonly credentials: Credentials; readonly forMs: number }>,
): (() => Promise<Credentials>) => {
  let last: { readonly credentials: Credentials; readonly untilMs: number } | undefined;
  let asking: Promise<Credentials> | undefined;
  const renew = async (): Promise<Credentials> => {
    const { credentials, forMs } = await ask();
    const same = last !== undefined && isSame(last.credentials, credentials) ? last.credentials : credentials;
    last = { credentials: same, untilMs: clock.elapsedMs() + forMs };
    return same;
  };
  return () => {
    if (last !== undefined && clock.elapsedMs() < last.untilMs) return Promise.resolve(last.credentials);
    asking ??= renew().finally(() => {
      asking = undefined;
    });
    return asking;
  };
};

const credentialsOf = (sources: KubeconfigSources, what: string, user: Entry, cluster: Entry): (() => Promise<Credentials>) => {
  const { clock, run, readFile } = sources;
  requireNone(what, user, {
    username: 'passwords are not sent',
    password: 'passwords are not sent',
    'auth-provider': 'auth providers are gone from Kubernetes too; use exec',
    as: 'impersonation is not done here',
    'as-uid': 'impersonation is not done here',
  });
  const exec = fieldsAt(user.fields, 'exec');
  if (Object.keys(exec).length > 0) {
    const plugin = pluginOf(sources, what, exec, cluster, user.folder);
    return kept(clock, async () => {
      const { credentials, expiresAt } = await askPlugin(plugin, run);
      const forMs = expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt.getTime() - clock.now().getTime() - earlyMs;
      // A program whose credentials have ended already is not asked without end.
      return { credentials, forMs: Math.max(forMs, 1000) };
    });
  }
  const certificate = content(sources, what, user, 'client-certificate-data', 'client-certificate');
  const key = content(sources, what, user, 'client-key-data', 'client-key');
  if ((certificate === undefined) !== (key === undefined)) throw invalid(what, 'it has a client certificate or a key, and not both');
  const tokenFile = textAt(user.fields, 'tokenFile');
  const token = textAt(user.fields, 'token');
  const readToken = (): string => {
    if (tokenFile === '') return token;
    const bytes = readFile(isAbsolute(tokenFile) ? tokenFile : join(user.folder, tokenFile));
    if (bytes === undefined) throw invalid(what, `tokenFile ${quote(tokenFile)} does not exist`);
    return (fromUtf8(bytes) ?? '').trim();
  };
  return kept(clock, () => {
    const given = readToken();
    if (/[\r\n]/.test(given)) throw invalid(what, 'its token has a line break in it');
    const credentials: Credentials = {
      ...(certificate === undefined || key === undefined ? {} : { certificate: certificate(), key: key() }),
      ...(given === '' ? {} : { token: given }),
    };
    return Promise.resolve({ credentials, forMs: rereadMs });
  });
};

/** Throws KubeconfigInvalid, FileNotFound, FileUnreadable, InputTooLarge; none of them holds a key or a token. */
export const kubeconfigConnection = (sources: KubeconfigSources): KubeconfigConnection => {
  const whole = readAll(sources);
  const contextName = sources.context ?? whole.current;
  const named = (list: 'clusters' | 'contexts' | 'users', part: string, name: string): Entry => {
    const found = whole.find(list, part, name);
    if (found === undefined)
      throw invalid(
        'the kubeconfig',
        name === '' ? `no ${part} is chosen` : `it has no ${part} ${quote(name)}`,
        'kubectl config get-contexts lists them',
      );
    return found;
  };
  const context = named('contexts', 'context', contextName);
  const cluster = named('clusters', 'cluster', textAt(context.fields, 'cluster'));
  const user = named('users', 'user', textAt(context.fields, 'user'));
  const what = `context ${quote(contextName)}`;
  requireNone(what, cluster, {
    'insecure-skip-tls-verify': 'a server that is not verified is never spoken to',
    'proxy-url': 'proxies are not supported',
  });
  const ca = content(sources, what, cluster, 'certificate-authority-data', 'certificate-authority')?.();
  const serverName = textAt(cluster.fields, 'tls-server-name');
  return {
    contextName,
    namespace: textAt(context.fields, 'namespace') || 'default',
    server: textAt(cluster.fields, 'server'),
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === '' ? {} : { serverName }),
    credentials: credentialsOf(sources, what, user, cluster),
  };
};
