// `up --kubeconfig-context`: the server's context in the kubeconfig that kubectl uses by itself. A link is written through, the file is its
// owner's alone afterwards, and kubectl's own lock keeps the two apart.

import { chownSync, closeSync, openSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { changing, createDirectory, readFileBounded, readFileIfPresent, systemErrorCode, writeFileAtomic } from '../base/atomic-file.ts';
import { fromUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { parseKubeconfig } from '../cluster/kubeconfig.ts';
import { mergeKubeconfig } from '../cluster/merge-kubeconfig.ts';
import { plainNameProblem } from '../cluster/plan-names.ts';
import { certificatePem } from '../pki/x509-certificate.ts';
import { type Io, say } from './io.ts';
import { shownPath } from './shown-path.ts';

const maxBytes = 8 * 1024 * 1024;
export const defaultContext = 'certwright';

/** Throws UsageInvalid for a name that no context should have. */
export const contextName = (given: string | true): string => {
  if (given === true) return defaultContext;
  const problem = given === '' ? 'is empty' : given.length > 200 ? 'is longer than 200 characters' : plainNameProblem(given);
  if (problem !== undefined) throw new CodedError('UsageInvalid', `cannot use --kubeconfig-context ${quote(given)}: it ${problem}`);
  return given;
};

/** The file kubectl would use, absolute. Throws UsageInvalid where none can be told. */
export const kubeconfigPath = (io: Pick<Io, 'cwd' | 'settings'>): string => {
  const { kubeconfigFile } = io.settings;
  if (kubeconfigFile === undefined)
    throw new CodedError('UsageInvalid', 'cannot tell which kubeconfig to merge into: neither KUBECONFIG nor HOME is set', {
      hint: 'set KUBECONFIG',
    });
  return resolve(io.cwd, kubeconfigFile);
};

/** What is behind a path, followed through links, also where the last leads to nothing yet. */
const followed = (path: string, depth = 0): string => {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT' || depth > 10) throw error;
    try {
      return followed(resolve(dirname(path), readlinkSync(path)), depth + 1);
    } catch {
      // No link: a file that is still to be made.
      return path;
    }
  }
};

const withKubectlLock = async (path: string, work: () => Promise<void>): Promise<void> => {
  const lock = `${path}.lock`;
  try {
    closeSync(openSync(lock, 'wx', 0o600));
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') return changing(lock, () => Promise.reject(error));
    throw new CodedError('LockHeld', `cannot merge into ${quote(path)}: another program is changing it`, {
      hint: `wait for it to end; where none is, remove ${lock}`,
    });
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
};

export type ContextToMerge = {
  readonly name: string;
  /** The data directory of the server. */
  readonly owner: string;
  /** The administrator's kubeconfig of the server. */
  readonly kubeconfigFile: string;
};

/** Merges the context of a server, and says what came of it. Throws KubeconfigInvalid, UsageInvalid, LockHeld, FileUnreadable, FileWriteFailed. */
export const mergeContext = async (io: Io, { name, owner, kubeconfigFile }: ContextToMerge): Promise<void> => {
  const path = kubeconfigPath(io);
  const { server, trust, chain, keyPem = '' } = parseKubeconfig(readFileBounded(kubeconfigFile, maxBytes), quote(kubeconfigFile));
  const pem = (certificates: typeof chain): string => certificates.map(certificatePem).join('');
  const entry = { name, owner, server, trustPem: pem(trust), chainPem: pem(chain), keyPem };
  await createDirectory(dirname(path));
  await withKubectlLock(path, async () => {
    const target = changing(path, () => followed(path));
    await createDirectory(dirname(target));
    const bytes = readFileIfPresent(target, maxBytes);
    const source = bytes === undefined ? '' : fromUtf8(bytes);
    if (source === undefined) throw new CodedError('KubeconfigInvalid', `cannot merge into ${quote(path)}: it is not UTF-8`);
    const merged = mergeKubeconfig(source, entry, quote(path));
    const before = bytes === undefined ? undefined : statSync(target);
    if (merged.text !== source || before === undefined || (before.mode & 0o077) !== 0) {
      await writeFileAtomic(target, merged.text, { mode: 0o600 });
      // Run by root for somebody, it stays theirs.
      if (before !== undefined && process.getuid?.() === 0) changing(target, () => chownSync(target, before.uid, before.gid));
    }
    const shown = shownPath(io, path);
    say(
      io,
      merged.currentContext === name
        ? `context ${quote(name)} is in ${shown}, and is the current one`
        : `context ${quote(name)} is in ${shown}; the current one stays ${quote(merged.currentContext)}`,
    );
  });
};
