// Gets the programs of others that the suites ask for: Debian packages are installed where this user may, with every service start denied;
// what could collide with the machine's own (kubectl, a newer OpenSSL) is unpacked into the cache and never installed.
// What cannot be had is named, with the suites that stay out and the one command that enables them. Nothing here fails a test run.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { howToGet, type ToolName, tool, toolCache, toolNames, toolSource } from '../src/testing/tools.ts';
import { root } from './repository.ts';

type Suites = ReadonlyMap<ToolName, readonly string[]>;

/** Which suites ask for which tool, read from the calls of `needs`, `tool` and `requireTool` in their text. */
export const toolsAskedFor = (files: ReadonlyMap<string, string>): Suites => {
  const suites = new Map<ToolName, string[]>();
  for (const [file, source] of files)
    for (const name of toolNames) {
      const quoted = name.replaceAll('.', '\\.');
      const asked = new RegExp(`\\b(?:needs|tool|requireTool)\\([^)]*'${quoted}'`).test(source);
      if (asked) suites.set(name, [...(suites.get(name) ?? []), file]);
    }
  return suites;
};

const say = (text: string): void => console.log(`tools: ${text}`);

const runQuietly = (command: string, args: readonly string[], cwd?: string): { readonly ok: boolean; readonly output: string } => {
  const done = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 600_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
  });
  return { ok: done.status === 0, output: `${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}`.trim() };
};

const lastLines = (text: string): string => text.split('\n').slice(-4).join('\n  ');

/** Runs `work` while Debian's package scripts may start no service; the policy file that stood there before stands there after. */
export const withServicesDenied = <T>(work: () => T, policyFile = '/usr/sbin/policy-rc.d'): T => {
  // A container often denies already; then the file is not ours to touch.
  if (existsSync(policyFile) && spawnSync(policyFile, ['etcd', 'start']).status === 101) return work();
  const saved = `${policyFile}.before-certwright`;
  const existed = existsSync(policyFile);
  const restore = (): void => (existed ? renameSync(saved, policyFile) : rmSync(policyFile, { force: true }));
  const interrupted = (): void => {
    restore();
    process.exit(130);
  };
  if (existed) renameSync(policyFile, saved);
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    return work();
  } finally {
    restore();
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
};

const installPackages = (packages: readonly string[]): void => {
  say(`installing ${packages.join(' ')} (services stay stopped)`);
  const install = () =>
    runQuietly('apt-get', ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...packages]);
  const haveLists = existsSync('/var/lib/apt/lists') && readdirSync('/var/lib/apt/lists').some((name) => name.includes('_Packages'));
  withServicesDenied(() => {
    if (haveLists && install().ok) return;
    runQuietly('apt-get', ['update', '-q', '-o', 'DPkg::Lock::Timeout=120']);
    const done = install();
    if (!done.ok) say(`apt-get could not install them:\n  ${lastLines(done.output)}`);
  });
};

/** The mirror this machine takes Debian's main archive from. */
const debianMirror = (): string => {
  const listed = runQuietly('apt-get', ['indextargets', '--format', '$(ORIGIN) $(REPO_URI)', 'Created-By: Packages']);
  const lines = listed.output.split('\n').map((line) => line.split(' '));
  return (
    lines.find(([origin, uri]) => origin === 'Debian' && uri?.replace(/\/$/, '').endsWith('/debian'))?.[1] ?? 'http://deb.debian.org/debian'
  );
};

/** Downloads packages of a Debian release with a state folder of their own, checked with Debian's keyring, and unpacks them into `target`. */
const unpackPackages = (release: string, packages: readonly string[], target: string): boolean => {
  mkdirSync(toolCache, { recursive: true, mode: 0o700 });
  const work = mkdtempSync(join(toolCache, '.unpack-'));
  try {
    for (const folder of ['lists/partial', 'cache/archives/partial', 'debs', 'tree']) mkdirSync(join(work, folder), { recursive: true });
    writeFileSync(
      join(work, 'sources.list'),
      `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${debianMirror()} ${release} main\n`,
    );
    writeFileSync(join(work, 'status'), '');
    const options = [
      `Dir::Etc::sourcelist=${work}/sources.list`,
      'Dir::Etc::sourceparts=/dev/null',
      `Dir::State::lists=${work}/lists`,
      `Dir::State::status=${work}/status`,
      `Dir::Cache=${work}/cache`,
      'Acquire::Languages=none',
      'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false',
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
    const updated = runQuietly('apt-get', ['update', '-q', ...options]);
    const loaded = updated.ok ? runQuietly('apt-get', ['download', '-q', ...options, ...packages], join(work, 'debs')) : updated;
    const debs = readdirSync(join(work, 'debs')).filter((name) => name.endsWith('.deb'));
    const failed = loaded.ok
      ? debs.map((deb) => runQuietly('dpkg', ['-x', join(work, 'debs', deb), join(work, 'tree')])).find((done) => !done.ok)
      : loaded;
    if (failed !== undefined || debs.length < packages.length) {
      say(`could not unpack ${packages.join(' ')} of Debian ${release}:\n  ${lastLines(failed?.output ?? 'some were not downloaded')}`);
      return false;
    }
    rmSync(target, { recursive: true, force: true });
    renameSync(join(work, 'tree'), target);
    return true;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/** Puts one file under its final name in the cache's bin folder, whole or not at all. */
const placeInBin = (name: string, make: (path: string) => void): void => {
  const bin = join(toolCache, 'bin');
  mkdirSync(bin, { recursive: true, mode: 0o700 });
  const temporary = join(bin, `.${name}.${process.pid}`);
  make(temporary);
  renameSync(temporary, join(bin, name));
};

// A program of a newer Debian needs that Debian's C library, so it is started through that release's own dynamic linker.
const opensslWrapper = (tree: string): string => `#!/bin/sh
libraries=$(echo ${tree}/usr/lib/*-linux-gnu)
export OPENSSL_MODULES="$libraries/ossl-modules" OPENSSL_CONF="\${OPENSSL_CONF:-${tree}/etc/ssl/openssl.cnf}"
for linker in ${tree}/usr/lib64/ld-linux-*.so.2 ${tree}/usr/lib/ld-linux-*.so.1; do
  [ -e "$linker" ] && exec "$linker" --library-path "$libraries" ${tree}/usr/bin/openssl "$@"
done
echo "openssl-3.5: no dynamic linker under ${tree}" >&2
exit 127
`;

const unpackTool = (name: ToolName): void => {
  const source = toolSource(name);
  if (!('unpack' in source)) return;
  say(`unpacking ${source.packages[0]} of Debian ${source.unpack} into ${toolCache}`);
  const tree = join(toolCache, `${name}-${source.unpack}`);
  if (!unpackPackages(source.unpack, source.packages, tree)) return;
  if (name === 'openssl-3.5')
    placeInBin(name, (path) => {
      writeFileSync(path, opensslWrapper(tree));
      chmodSync(path, 0o755);
    });
  else placeInBin(name, (path) => symlinkSync(join(tree, 'usr/bin', source.program ?? name), path));
};

/** Gets what the suites ask for as far as this machine allows; says what is left out and how to have it. */
export const provideTools = (suiteFiles: readonly string[]): void => {
  // The table of tools and the tests of these functions name tools without running them.
  const files = suiteFiles.filter((file) => !/tools(?:\.test)?\.ts$/.test(file));
  const asked = toolsAskedFor(new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')])));
  const missing = (): readonly ToolName[] => [...asked.keys()].filter((name) => tool(name) === undefined);
  const packagesOf = (names: readonly ToolName[]): readonly string[] => [
    ...new Set(
      names.flatMap((name) => {
        const source = toolSource(name);
        return 'install' in source ? [source.install] : [];
      }),
    ),
  ];

  if (runQuietly('apt-get', ['--version']).ok) {
    const packages = packagesOf(missing());
    if (packages.length > 0 && process.getuid?.() === 0) installPackages(packages);
    for (const name of missing()) unpackTool(name);
  }

  const left = missing();
  for (const name of left) say(`left out without it: ${(asked.get(name) ?? []).join(', ')}: ${howToGet(name)}`);
  const packages = packagesOf(left);
  if (packages.length > 0) say(`to enable them: sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`);
};
