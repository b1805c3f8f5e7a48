// `certwright up`: a Kubernetes API on this machine, no cluster needed.

import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { readEncryptionKey } from '../apiserver/encryption-key.ts';
import { isEveryAddress } from '../apiserver/server-pki.ts';
import { type RunningServer, startServer } from '../apiserver/start-server.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { sanProblem } from '../cluster/plan-names.ts';
import type { DefineCommand } from './command.ts';
import { type Io, say } from './io.ts';
import { readManifestFiles } from './manifest-files.ts';
import { shellWord } from './shell-word.ts';
import { shownPath } from './shown-path.ts';
import { contextName, defaultContext, kubeconfigPath, mergeContext } from './up-kubeconfig.ts';
import { dataDirectoryOf, dataDirOption } from './up-options.ts';

const defaultListen = '127.0.0.1:6443';

/** HOST:PORT, an IPv6 address in brackets. Throws UsageInvalid. */
const parseListen = (text: string): { readonly host: string; readonly port: number } => {
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3]);
  const isHost = parts?.[1] === undefined ? sanProblem(host) === undefined && !host.includes('*') : isIP(host) === 6;
  if (parts === null || port < 1 || port > 65_535 || !isHost)
    throw new CodedError('UsageInvalid', `cannot listen on ${quote(text)}: it is not HOST:PORT`, {
      hint: `write it as ${defaultListen} or [::1]:6443`,
    });
  return { host, port };
};

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** Before the first version of this command was made. */
const earliest = new Date('2026-01-01T00:00:00Z');

/** A machine without a clock of its own starts in 1970, and CAs made then would be over before they are of use. Throws ClockWrong. */
const requireClock = (now: Date): void => {
  if (now < earliest)
    throw new CodedError('ClockWrong', `cannot start: the clock of this machine says ${now.toISOString()}`, {
      hint: 'set it, or start this once the time is known (systemd: After=time-sync.target)',
    });
};

/** Throws UsageInvalid for what cannot stand in a certificate. */
const requireNames = (listen: string, host: string, names: readonly string[]): void => {
  for (const name of names) {
    const problem = isEveryAddress(name) ? 'stands for every address' : sanProblem(name);
    if (problem !== undefined) throw new CodedError('UsageInvalid', `cannot use --name ${quote(name)}: it ${problem}`);
  }
  if (isEveryAddress(host) && names.length === 0)
    throw new CodedError(
      'UsageInvalid',
      `cannot listen on ${quote(listen)}: it stands for every address, and a certificate names none of them`,
      {
        hint: 'add --name with the name or address by which clients reach this machine; it may be given more than once',
      },
    );
};

const warnOfOthers = (io: Io, host: string, port: number, names: readonly string[], directory: string): void => {
  if (isLoopback(host)) return;
  const [reached = host] = names;
  say(
    io,
    `warning: ${host} can be reached from other machines, there as https://${isIP(reached) === 6 ? `[${reached}]` : reached}:${port}; ` +
      `who holds the files in ${shownPath(io, directory)} rules this server`,
  );
};

const bugText = (error: unknown): string => `bug: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown'}`;

/** A server whose start did not come to its end does not stay. */
const orStop = async <Result>(server: RunningServer, work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    await server.stop();
    throw error;
  }
};

export const defineUp: DefineCommand = (command, io) => {
  const keyOf = (file: string | undefined): Uint8Array | undefined =>
    file === undefined ? undefined : readEncryptionKey(resolve(io.cwd, file));
  command
    .addOption(dataDirOption())
    .option('--listen <host:port>', 'address to listen on', defaultListen)
    .option(
      '--name <name>',
      'a further name or address of this machine for the serving certificate; repeatable',
      (name: string, before: readonly string[] | undefined) => [...(before ?? []), name],
    )
    .option('--apply <path>', 'manifests to apply once, on the first start: a file, or a folder of them')
    .option('--encryption-key-file <file>', 'seal Secrets on disk with the key in this file: 32 random bytes, plain or base64, mode 0600')
    .option('--previous-encryption-key-file <file>', 'the key they are sealed with so far, to change it, or alone to seal them no longer')
    .option('--kubeconfig-context [name]', `merge a context into your own kubeconfig, called ${defaultContext} unless named`)
    .action(async ({ dataDir, listen, name: names = [], apply, encryptionKeyFile, previousEncryptionKeyFile, kubeconfigContext }) => {
      const { host, port } = parseListen(listen);
      requireNames(listen, host, names);
      requireClock(io.now());
      const directory = dataDirectoryOf(io, dataDir);
      const manifests = apply === undefined ? [] : await readManifestFiles(io, apply);
      const context = kubeconfigContext === undefined ? undefined : contextName(kubeconfigContext);
      if (context !== undefined) kubeconfigPath(io);
      const merge = async (kubeconfigFile: string): Promise<void> => {
        if (context !== undefined) await mergeContext(io, { name: context, owner: directory, kubeconfigFile });
      };
      const server = await startServer({
        dataDirectory: directory,
        host,
        port,
        names,
        encryptionKey: keyOf(encryptionKeyFile),
        previousEncryptionKey: keyOf(previousEncryptionKeyFile),
        now: io.now,
        random: io.random,
        requestedBy: io.userName(),
        onBug: (error) => say(io, bugText(error)),
        onNotice: (line) => say(io, line),
        onKubeconfig: merge,
      });
      const count = await orStop(server, async () => {
        await merge(server.kubeconfigFile);
        return apply === undefined ? undefined : server.applyOnce(manifests);
      });
      if (count !== undefined) say(io, `applied ${count} objects of ${apply}`);
      warnOfOthers(io, host, port, names, directory);
      const flags = context === undefined ? `--kubeconfig ${shownPath(io, server.kubeconfigFile)}` : `--context ${shellWord(context)}`;
      io.out.write(`Listening on ${server.url}\n\nIn another terminal:\n  kubectl ${flags} get all -A\n`);
      await io.untilStopped();
      say(io, 'stopping');
      await server.stop();
    });
  return {
    description:
      'A Kubernetes API server for a machine without a cluster, on certificates of its own making. The first start makes the certificates and\n' +
      'the store in the data directory; later ones take up where it stopped. It stays in the foreground until Ctrl-C, which lets requests under\n' +
      'way finish; a second one ends it at once. Its own certificates renew by themselves. `up backup` and `up restore` stand below it.',
    examples: [
      { command: 'up', about: 'on 127.0.0.1:6443, data in ~/.local/share/certwright' },
      { command: 'up --data-dir ./data --listen 127.0.0.1:7443', about: 'another place and port' },
      { command: 'up --listen 0.0.0.0:6443 --name box.example', about: 'for other machines too, which know this one as box.example' },
      { command: 'up --apply manifests/', about: 'with these objects in it from the first start on' },
      { command: 'up --kubeconfig-context', about: 'kubectl --context certwright then works without any --kubeconfig' },
      { command: 'up --encryption-key-file /etc/certwright/key', about: 'with Secrets sealed on disk' },
    ],
    values: { '--data-dir': 'files', '--apply': 'files', '--encryption-key-file': 'files', '--previous-encryption-key-file': 'files' },
  };
};
