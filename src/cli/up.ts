// `certwright up`: a Kubernetes API on this machine, no cluster needed.

import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { startServer } from '../apiserver/start-server.ts';
import { CodedError, isCodedError, quote } from '../base/coded-error.ts';
import type { DefineCommand } from './command.ts';
import { type Io, say } from './io.ts';
import { shownPath } from './shown-path.ts';

const defaultListen = '127.0.0.1:6443';

/** HOST:PORT, an IPv6 address in brackets. Throws UsageInvalid. */
const parseListen = (text: string): { readonly host: string; readonly port: number } => {
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3]);
  if (parts === null || port < 1 || port > 65_535 || (parts[1] !== undefined && isIP(host) !== 6))
    throw new CodedError('UsageInvalid', `cannot listen on ${quote(text)}: it is not HOST:PORT`, {
      hint: `write it as ${defaultListen} or [::1]:6443`,
    });
  return { host, port };
};

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host);

const dataDirectory = (io: Io, given: string | undefined): string => {
  if (given !== undefined) return resolve(io.cwd, given);
  const { dataHome } = io.settings;
  if (dataHome === undefined)
    throw new CodedError('UsageInvalid', 'cannot tell where to keep data: neither XDG_DATA_HOME nor HOME is set', {
      hint: 'name a directory with --data-dir',
    });
  return join(dataHome, 'certwright');
};

/** What the server tells of itself while it runs: refusals of its own controllers in words, faults with where they are. */
const sayTrouble = (io: Io, error: unknown): void => {
  if (!isCodedError(error) || error.code === 'Bug') {
    say(io, `bug: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown'}`);
    return;
  }
  say(io, `warning: ${error.message}`);
  if (error.hint !== undefined) say(io, `hint: ${error.hint}`);
};

export const defineUp: DefineCommand = (command, io) => {
  command
    .option('--data-dir <dir>', 'where everything that lasts is kept (default: ~/.local/share/certwright)')
    .option('--listen <host:port>', 'address to listen on', defaultListen)
    .action(async ({ dataDir, listen }) => {
      const { host, port } = parseListen(listen);
      const directory = dataDirectory(io, dataDir);
      const server = await startServer({
        dataDirectory: directory,
        host,
        port,
        now: io.now,
        random: io.random,
        requestedBy: io.userName(),
        onBug: (error) => sayTrouble(io, error),
      });
      if (!isLoopback(host))
        say(
          io,
          `warning: ${host} can be reached from other machines; who holds the files in ${shownPath(io, directory)} rules this server`,
        );
      io.out.write(
        `Listening on ${server.url}\n\nIn another terminal:\n  kubectl --kubeconfig ${shownPath(io, server.kubeconfigFile)} get namespaces\n`,
      );
      await io.untilStopped();
      say(io, 'stopping');
      await server.stop();
    });
  return {
    description:
      'A Kubernetes API server for a machine without a cluster, on certificates of its own making. The first start makes the certificates and\n' +
      'the store in the data directory; later ones take up where it stopped. It stays in the foreground until Ctrl-C.',
    examples: [
      { command: 'up', about: 'on 127.0.0.1:6443, data in ~/.local/share/certwright' },
      { command: 'up --data-dir ./data --listen 127.0.0.1:7443', about: 'another place and port' },
    ],
    values: { '--data-dir': 'files' },
  };
};
