// `certwright cluster generate`: a plan's whole PKI, or what is missing of it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type GenerateRequest, type Generation, generateCluster, planCluster, requireSigned } from '../cluster/generate.ts';
import type { Action } from '../cluster/generation-plan.ts';
import type { ClusterManifest } from '../cluster/manifest.ts';
import {
  caPassphraseOption,
  dryRunOption,
  outDirectory,
  outOption,
  planFileOption,
  readPlan,
  trustRootOption,
  withCaPassphrases,
} from './cluster-plan.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import { type Io, say } from './io.ts';
import { type CommandFlags, generateSteps, stepsText } from './next-steps.ts';
import { printResult } from './output-format.ts';
import { startProgress } from './progress.ts';
import { shownPath } from './shown-path.ts';
import { textTable } from './text-table.ts';

/** Rows of a table beyond these help nobody. */
const maxRows = 100;

const words: Readonly<Record<Action['kind'], { readonly done: string; readonly planned: string }>> = {
  keep: { done: 'kept', planned: 'keep' },
  create: { done: 'created', planned: 'create' },
  differs: { done: 'differs', planned: 'differs' },
  overwrite: { done: 'replaced', planned: 'replace' },
  request: { done: 'requested', planned: 'request' },
  wait: { done: 'waiting', planned: 'wait' },
  'pick-up': { done: 'picked up', planned: 'pick up' },
};

const generationText = (io: Io, { actions, backups, notes }: Generation, dryRun: boolean): string => {
  const word = (kind: Action['kind']): string => words[kind][dryRun ? 'planned' : 'done'];
  // A directory that is as planned is told in one line.
  const shown = actions.filter(({ kind }) => kind !== 'keep');
  const rows = shown.slice(0, maxRows).map(({ kind, description, files }) => [word(kind), description, files.join(', ')]);
  const more = shown.length > maxRows ? [`… and ${shown.length - maxRows} more; -o json lists them all`] : [];
  const details = shown
    .slice(0, maxRows)
    .flatMap(({ files, differences, notes: remarks }) => [
      ...differences.map(({ message }) => `${files.join(', ')}: ${message}`),
      ...remarks.map((remark) => `${files.join(', ')}: ${remark}`),
    ]);
  const counts = (Object.keys(words) as readonly Action['kind'][])
    .map((kind) => [kind, actions.filter((action) => action.kind === kind).length] as const)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${dryRun ? `to ${word(kind)}` : word(kind)}`);
  return [
    ...(rows.length === 0 ? [] : [textTable(['STATE', 'WHAT', 'FILES'], rows).trimEnd(), ...more, '']),
    ...details,
    ...backups.map((path) => `kept aside: ${shownPath(io, path)}`),
    ...notes,
    `${counts.join(', ')}${dryRun ? ' (dry run: nothing was changed)' : ''}`,
    '',
  ].join('\n');
};

const runGenerate = async (io: Io, request: GenerateRequest): Promise<Generation> => {
  const progress = startProgress(io, 'generating');
  try {
    return await io.writing((onStep) =>
      generateCluster({ ...request, onStep, onProgress: ({ done, total }) => progress.update(done, total) }),
    );
  } finally {
    progress.end();
  }
};

const replacedOf = (manifest: ClusterManifest, { actions }: Generation) => {
  const replaced = new Set(actions.flatMap(({ kind, id }) => (kind === 'overwrite' || kind === 'pick-up' ? [id] : [])));
  return manifest.certificates.filter(({ id }) => replaced.has(id));
};

export const defineClusterGenerate: DefineCommand = (command, io) => {
  command
    .addOption(planFileOption())
    .addOption(outOption())
    .option('--overwrite', 'replace what differs from the plan; the old files are kept aside')
    .addOption(trustRootOption())
    .addOption(caPassphraseOption())
    .addOption(dryRunOption())
    .addOption(outputOption())
    .action(async (options) => {
      const { planFile, out, output } = options;
      const dryRun = options.dryRun === true;
      const { manifest } = await readPlan(io, planFile);
      const generation = await withCaPassphrases(io, options.passphraseFile, (passphrases) => {
        const request: GenerateRequest = {
          manifest,
          directory: outDirectory(io, out),
          overwrite: options.overwrite,
          trustRootFile: options.trustRoot === undefined ? undefined : outDirectory(io, options.trustRoot),
          passphrases,
          at: io.now(),
          random: io.random,
          requestedBy: io.userName(),
        };
        return dryRun ? planCluster(request) : runGenerate(io, request);
      });
      const flags: CommandFlags = { planFile, out, programName: io.settings.programName };
      const leaves = new Set(manifest.certificates.map(({ id }) => id));
      // With a given CA, too: what counts is that no machine has a certificate yet.
      const isNew = generation.actions.every(({ kind, id }) => !leaves.has(id) || kind === 'create' || kind === 'pick-up');
      const hasTrustRoot = generation.actions.some(({ id }) => /(?:^|\/)server-trust\.[a-z]+$/.test(id));
      const isWaiting = generation.waiting.length > 0;
      const caKeys = manifest.authorities.map(({ keyFile }) => keyFile).filter((file) => existsSync(join(outDirectory(io, out), file)));
      const steps =
        dryRun || isWaiting
          ? []
          : generateSteps(manifest, { isNew, hasTrustRoot, caKeys, replaced: replacedOf(manifest, generation), flags });
      const result = { planFile, directory: out, layout: manifest.layout, dryRun, ...generation, nextSteps: steps };
      await printResult(io, output, result, () => `${generationText(io, generation, dryRun)}${stepsText(steps)}`);
      if (dryRun && generation.actions.some(({ kind }) => kind === 'differs'))
        say(io, 'note: what differs is replaced only with --overwrite; without it nothing at all would be changed');
      if (!dryRun) requireSigned(generation);
    });
  return {
    description:
      'What exists and is right is left alone; what differs is named, and then nothing is changed unless --overwrite says so. A CA of your\n' +
      'own goes into its place before the first run: certificate and key, or the certificate alone where others hold the key.',
    examples: [
      { command: 'cluster generate', about: "everything that kismatic-cluster.yaml asks for, into 'generated'" },
      { command: 'cluster generate -f plan.yaml --out pki --dry-run', about: 'what would be done' },
    ],
    values: { '--plan-file': 'files', '--out': 'files', '--trust-root': 'files', '--passphrase-file': 'files' },
  };
};
