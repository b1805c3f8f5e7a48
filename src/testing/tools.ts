// The programs of others that suites run: where each is, and the package that holds it.
// A suite that misses one skips and says which package would enable it: `describe('…', needs('etcd', 'etcdctl'), () => …)`.
// Looked for in this order: CERTWRIGHT_TOOL_<NAME>, KUBEBUILDER_ASSETS, the PATH, the cache that `npm test` fills.
// Installing is the business of scripts/test-tools.ts.

import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** How a tool gets onto a machine: a Debian package to install, one to unpack into the cache, or Kubernetes' own test binaries. */
type Source =
  | { readonly install: string }
  | { readonly unpack: 'bookworm' | 'trixie' | 'sid'; readonly packages: readonly string[]; readonly program?: string }
  | { readonly assets: true };

const sources = {
  etcd: { install: 'etcd-server' },
  etcdctl: { install: 'etcd-client' },
  cfssl: { install: 'golang-cfssl' },
  cfssljson: { install: 'golang-cfssl' },
  keytool: { install: 'openjdk-17-jre-headless' },
  openssl: { install: 'openssl' },
  go: { install: 'golang-go' },
  kubectl: { unpack: 'bookworm', packages: ['kubernetes-client'] },
  'kubectl-1.32': { unpack: 'trixie', packages: ['kubectl'], program: 'kubectl' },
  'kubectl-sid': { unpack: 'sid', packages: ['kubectl'], program: 'kubectl' },
  'openssl-3.5': { unpack: 'trixie', packages: ['openssl', 'openssl-provider-legacy', 'libssl3t64', 'libzstd1', 'zlib1g', 'libc6'] },
  'kube-apiserver': { assets: true },
  'kube-controller-manager': { assets: true },
} as const satisfies Record<string, Source>;

export type ToolName = keyof typeof sources;

/** Every tool some suite may ask for. */
export const toolNames: readonly ToolName[] = Object.keys(sources).filter((name): name is ToolName => Object.hasOwn(sources, name));

/** How to get a tool. */
export const toolSource = (name: ToolName): Source => sources[name];

/** The folder that unpacked packages lie in; under it `bin/` holds one file or link per tool. */
export const toolCache: string = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'certwright', 'tools');

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absent and not executable come to the same here.
    return false;
  }
};

/** The path of a tool; undefined where this machine has none. */
export const tool = (name: ToolName): string | undefined => {
  const named = process.env[`CERTWRIGHT_TOOL_${name.replaceAll(/[^a-z0-9]/g, '_').toUpperCase()}`];
  if (named !== undefined && named !== '') return named;
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...(assets ? [assets] : []), ...path, join(toolCache, 'bin')].map((folder) => join(folder, name)).find(isExecutable);
};

/** The path of a tool that a suite has declared with `needs`; throws where it is not there. */
export const requireTool = (name: ToolName): string => {
  const path = tool(name);
  if (path === undefined) throw new Error(`cannot run ${JSON.stringify(name)}: ${howToGet(name)}`);
  return path;
};

/** One sentence on how to get a tool, for skip reasons and for the summary of `npm test`. */
export const howToGet = (name: ToolName): string => {
  const source = toolSource(name);
  if ('install' in source) return `${name} is missing (apt-get install ${source.install})`;
  if ('unpack' in source)
    return `${name} is missing (npm test unpacks Debian ${source.unpack}'s ${source.packages[0]} where apt-get works)`;
  return `${name} is missing (set KUBEBUILDER_ASSETS to the folder that \`setup-envtest use -p path\` prints)`;
};

/** Options for `describe` or `test`: skip, with the reason in words, where one of the tools is missing. */
export const needs = (...names: readonly ToolName[]): { readonly skip: string | false } => {
  const missing = names.filter((name) => tool(name) === undefined);
  return { skip: missing.length === 0 ? false : missing.map(howToGet).join('; ') };
};
