// Replacing files that are in use so that a killed run never leaves a new key beside an old certificate for good. Two files cannot change
// at once, so: the new pair is written whole beside the old one (`FILE.certwright-new`), the certificate last; the old files get a second
// name (`FILE.bak-TIME`); then the new ones take their places, key, certificate and kubeconfig in this order.
// A run killed before the new certificate stands beside its key is undone by the next run, one killed after it is finished by it.

import { existsSync, linkSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { changing, type FileToWrite, syncDirectory, systemErrorCode, type WriteOptions, writeFilesAtomic } from '../base/atomic-file.ts';
import { equalBytes } from '../base/bytes.ts';
import { observeChain, observeKey, observeKubeconfig } from './observed-pair.ts';

/** What a file is called until it takes its place. */
export const pendingFileOf = (path: string): string => `${path}.certwright-new`;

const backupStamp = (at: Date): string => at.toISOString().slice(0, 19).replace(/[-:]/g, '');

/** What an old file is called once another has its place: `admin.pem.bak-20261123T054321Z`. */
export const backupFileOf = (path: string, at: Date): string => `${path}.bak-${backupStamp(at)}Z`;

const isBackedUp = (path: string): boolean => {
  const { ino, nlink } = statSync(path);
  if (nlink < 2) return false;
  const prefix = `${basename(path)}.bak-`;
  return readdirSync(dirname(path)).some((name) => name.startsWith(prefix) && statSync(join(dirname(path), name)).ino === ino);
};

/** Gives a file a second name, which stays when another takes its place; one that has such a name, or is not there, gets none. */
export const backUp = (path: string, at: Date, { onStep }: WriteOptions = {}): string | undefined => {
  if (!existsSync(path) || isBackedUp(path)) return undefined;
  onStep?.({ kind: 'link', path });
  return changing(path, () => {
    const first = backupFileOf(path, at);
    for (let count = 0; ; count++) {
      const backup = count === 0 ? first : `${first}-${count}`;
      try {
        linkSync(path, backup);
        return backup;
      } catch (error) {
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      }
    }
  });
};

/** A pair to be replaced, and the kubeconfigs that hold it. */
export type PairReplacement = {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly kubeconfigFiles: readonly string[];
};

const filesOf = ({ keyFile, certificateFile, kubeconfigFiles }: PairReplacement): readonly string[] => [
  keyFile,
  certificateFile,
  ...kubeconfigFiles,
];

const syncDirectoriesOf = async (paths: readonly string[]): Promise<void> => {
  await Promise.all([...new Set(paths.map(dirname))].map(syncDirectory));
};

/** Writes files under their pending names, in the order given. */
export const writePending = (files: readonly FileToWrite[], options: WriteOptions): Promise<void> =>
  writeFilesAtomic(
    files.map((file) => ({ ...file, path: pendingFileOf(file.path) })),
    options,
  );

const takePlace = (path: string, { onStep }: WriteOptions): void => {
  const pending = pendingFileOf(path);
  if (!existsSync(pending)) return;
  onStep?.({ kind: 'rename', path });
  changing(path, () => renameSync(pending, path));
};

/** Puts prepared pairs into their places, the old ones kept aside; returns the names of the latter. */
export const commitReplacements = async (
  replacements: readonly PairReplacement[],
  at: Date,
  options: WriteOptions = {},
): Promise<readonly string[]> => {
  const paths = replacements.flatMap(filesOf);
  const backups = paths.filter((path) => existsSync(pendingFileOf(path))).flatMap((path) => backUp(path, at, options) ?? []);
  await syncDirectoriesOf(paths);
  for (const path of paths) takePlace(path, options);
  await syncDirectoriesOf(paths);
  return backups;
};

/** Replaces single files, the old ones kept aside; returns the names of the latter. */
export const replaceFiles = async (files: readonly FileToWrite[], at: Date, options: WriteOptions = {}): Promise<readonly string[]> => {
  const backups = files.flatMap(({ path }) => backUp(path, at, options) ?? []);
  await syncDirectoriesOf(files.map(({ path }) => path));
  await writeFilesAtomic(files, options);
  return backups;
};

const discard = (path: string, { onStep }: WriteOptions): boolean => {
  const pending = pendingFileOf(path);
  if (!existsSync(pending)) return false;
  onStep?.({ kind: 'remove', path: pending });
  changing(pending, () => rmSync(pending, { force: true }));
  return true;
};

const belongsTo = (keyFile: string, certificateFile: string): boolean => {
  const [key, chain] = [observeKey(keyFile), observeChain(certificateFile)];
  return key.state === 'present' && chain.state === 'present' && equalBytes(key.value.publicKey.spki, chain.value[0].publicKey.spki);
};

const holdsPair = (kubeconfigFile: string, certificateFile: string): boolean => {
  const [kubeconfig, chain] = [observeKubeconfig(kubeconfigFile).pair.chain, observeChain(certificateFile)];
  return kubeconfig.state === 'present' && chain.state === 'present' && equalBytes(kubeconfig.value[0].raw, chain.value[0].raw);
};

/** What was found of a run that was killed while it replaced a pair. */
export type Recovery = 'nothing' | 'finished' | 'undone';

/** Finishes or undoes what a killed run left of one replacement. */
export const recoverReplacement = async (replacement: PairReplacement, at: Date, options: WriteOptions = {}): Promise<Recovery> => {
  const { keyFile, certificateFile, kubeconfigFiles } = replacement;
  const hasCertificate = existsSync(pendingFileOf(certificateFile));
  let recovery: Recovery = 'nothing';
  if (hasCertificate) {
    const isWhole = belongsTo(pendingFileOf(keyFile), pendingFileOf(certificateFile));
    // The key has its place already where the run was killed between the two.
    const isHalfDone = !isWhole && belongsTo(keyFile, pendingFileOf(certificateFile));
    if (isWhole || isHalfDone) {
      if (isHalfDone) discard(keyFile, options);
      await commitReplacements([{ ...replacement, kubeconfigFiles: [] }], at, options);
      recovery = 'finished';
    }
  }
  const discarded = [keyFile, certificateFile].map((path) => discard(path, options));
  for (const path of kubeconfigFiles) {
    if (!existsSync(pendingFileOf(path))) continue;
    if (holdsPair(pendingFileOf(path), certificateFile)) {
      backUp(path, at, options);
      takePlace(path, options);
      recovery = 'finished';
    } else discarded.push(discard(path, options));
  }
  if (recovery === 'nothing' && discarded.includes(true)) recovery = 'undone';
  if (recovery !== 'nothing') await syncDirectoriesOf(filesOf(replacement).filter((path) => existsSync(dirname(path))));
  return recovery;
};

/** Whether a directory holds a file that a killed run left pending. */
export const hasPending = (directory: string): boolean => {
  try {
    return readdirSync(directory).some((name) => name.endsWith(pendingFileOf('')));
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return false;
  }
};
