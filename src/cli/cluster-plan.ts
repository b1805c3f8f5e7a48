// What the cluster commands share: the plan file, the output directory, CA passphrases, the trust root; each as an option, and as what it
// means. Reading and deciding is src/cluster.

import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { CodedError, isCodedError, quote } from '../base/coded-error.ts';
import type { AuthorityId, ClusterManifest } from '../cluster/manifest.ts';
import type { Plan } from '../cluster/plan.ts';
import { findingLine, parsePlan } from '../cluster/plan-file.ts';
import { planManifest } from '../cluster/plan-manifest.ts';
import { type Io, say } from './io.ts';
import { repeated } from './option-values.ts';
import { givenPassphrase } from './passphrase.ts';
import { readTextInput } from './read-input.ts';

export const planFileOption = () =>
  new Option('-f, --plan-file <file>', 'the plan; "-" is standard input').default('kismatic-cluster.yaml' as const);

export const outOption = () => new Option('--out <directory>', "directory of the cluster's PKI").default('generated' as const);

export const dryRunOption = () => new Option('--dry-run', 'tell what would be done and change nothing');

export const trustRootOption = () =>
  new Option('--trust-root <file>', 'root above a CA that is an intermediate; it goes into what verifies servers and nowhere else');

export const caPassphraseOption = () =>
  new Option(
    '--passphrase-file <[ca=]file>',
    'file whose first line opens encrypted CA keys, or that of one CA: cluster=, proxy-client= or etcd=; repeatable (else CERTWRIGHT_PASSPHRASE, else asked)',
  ).argParser<readonly string[]>(repeated);

/** A plan with what it asks for. Faults of the plan are thrown all at once, doubts are told. */
export const readPlan = async (io: Io, path: string): Promise<{ readonly plan: Plan; readonly manifest: ClusterManifest }> => {
  const fileName = path === '-' ? 'standard input' : path;
  let text: string;
  try {
    text = await readTextInput(io, path);
  } catch (error) {
    if (isCodedError(error) && error.code === 'FileNotFound')
      throw new CodedError('FileNotFound', `cannot read plan ${quote(path)}: it does not exist`, {
        hint: '`certwright cluster init` writes one; -f FILE names another',
        cause: error,
      });
    throw error;
  }
  const plan = parsePlan(text, fileName);
  for (const warning of plan.warnings) say(io, `note: ${findingLine(fileName, warning)}`);
  return { plan, manifest: planManifest(plan) };
};

/** The absolute output directory. */
export const outDirectory = (io: Pick<Io, 'cwd'>, out: string): string => resolve(io.cwd, out);

const authorityIds = ['cluster', 'proxy-client', 'etcd'] as const satisfies readonly AuthorityId[];

export type CaPassphrases = Partial<Record<AuthorityId, string>>;

const forAll = (passphrase: string): CaPassphrases => ({ cluster: passphrase, 'proxy-client': passphrase, etcd: passphrase });

const givenCaPassphrases = async (io: Io, values: readonly string[]): Promise<CaPassphrases> => {
  let passphrases: CaPassphrases = io.settings.passphrase === undefined ? {} : forAll(io.settings.passphrase);
  const split = values.map((value) => {
    const id = authorityIds.find((candidate) => value.startsWith(`${candidate}=`));
    return { id, file: id === undefined ? value : value.slice(id.length + 1) };
  });
  for (const { id, file } of [...split.filter((value) => value.id === undefined), ...split.filter((value) => value.id !== undefined)]) {
    const passphrase = (await givenPassphrase(io, { passphraseFile: file })) ?? '';
    passphrases = id === undefined ? forAll(passphrase) : { ...passphrases, [id]: passphrase };
  }
  return passphrases;
};

/** Runs work with the passphrases given; where a key turns out encrypted and none was, with the one that a person types. */
export const withCaPassphrases = async <T>(
  io: Io,
  values: readonly string[] | undefined,
  work: (passphrases: CaPassphrases) => T | Promise<T>,
): Promise<T> => {
  const passphrases = await givenCaPassphrases(io, values ?? []);
  try {
    return await work(passphrases);
  } catch (error) {
    if (!isCodedError(error) || error.code !== 'PassphraseRequired') throw error;
    const typed = await io.askSecret('Passphrase of the encrypted CA key: ');
    if (typed === undefined) throw error;
    return work({ ...forAll(typed), ...passphrases });
  }
};
