// `certwright cluster bundle`: the files of one machine as an archive to unpack in /etc/kubernetes there.

import { CodedError, quote } from '../base/coded-error.ts';
import { bundleNode } from '../cluster/node-bundle.ts';
import { dryRunOption, outDirectory, outOption, planFileOption, readPlan } from './cluster-plan.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import { say } from './io.ts';
import { stepsText } from './next-steps.ts';
import { oneOf } from './option-values.ts';
import { printResult } from './output-format.ts';
import { shellWord } from './shell-word.ts';
import { textTable } from './text-table.ts';
import { requireFree, writeOutputs } from './write-output.ts';

const modeText = (mode: number): string => mode.toString(8).padStart(4, '0');

export const defineClusterBundle: DefineCommand = (command, io) => {
  command
    .requiredOption('--node <host>', 'the machine, by its host name in the plan')
    .addOption(planFileOption())
    .addOption(outOption())
    .option('--archive <file>', 'where the archive goes, mode 0600; "-" is standard output (default: HOST.tar.gz)')
    .option('--ca-keys <machines>', 'masters: pack the keys of the CAs too where the machine is a master, as kubeadm has it', (text) =>
      oneOf('--ca-keys', text, ['masters'] as const),
    )
    .addOption(dryRunOption())
    .addOption(outputOption())
    .option('--overwrite', 'replace an archive that exists')
    .action(async (options) => {
      const { planFile, out } = options;
      const dryRun = options.dryRun === true;
      const { manifest } = await readPlan(io, planFile);
      const bundle = bundleNode({
        manifest,
        directory: outDirectory(io, out),
        host: options.node,
        caKeys: options.caKeys === 'masters',
        at: io.now(),
      });
      const archive = options.archive ?? `${bundle.host}.tar.gz`;
      for (const note of bundle.notes) say(io, `note: ${note}`);
      if (archive === '-' && !dryRun) {
        if (io.out.isTerminal)
          throw new CodedError('UsageInvalid', `cannot write an archive to a terminal`, {
            hint: `redirect it, or give --archive ${quote('FILE')}`,
          });
        io.out.write(bundle.archive);
        return;
      }
      if (dryRun) requireFree(io, [archive], options.overwrite);
      else
        await writeOutputs(
          io,
          [{ path: archive, content: bundle.archive, what: `files of ${bundle.host}`, secret: true }],
          options.overwrite,
        );
      const files = bundle.entries.map(({ name, mode, content }) => ({
        path: `/etc/kubernetes/${name}`,
        mode: modeText(mode),
        bytes: content.length,
      }));
      const steps = dryRun
        ? []
        : [
            {
              title: `Unpack it on ${bundle.host}, then shred the archive: it holds private keys`,
              lines: [
                `ssh ${shellWord(bundle.host)} sudo tar -xzf - -C /etc/kubernetes < ${shellWord(archive)}`,
                `shred -u ${shellWord(archive)}`,
              ],
            },
          ];
      await printResult(io, options.output, { host: bundle.host, archive, dryRun, files, nextSteps: steps }, () =>
        [
          textTable(
            ['MODE', 'FILE'],
            files.map(({ mode, path }) => [mode, path]),
          ),
          stepsText(steps),
        ].join(''),
      );
    });
  return {
    description: 'The keys of the CAs are never in it, unless --ca-keys=masters asks to copy them to masters as kubeadm does.',
    examples: [
      { command: 'cluster bundle --node worker1', about: 'worker1.tar.gz' },
      {
        command: 'cluster bundle --node worker1 --archive - | ssh worker1 sudo tar -xzf - -C /etc/kubernetes',
        about: 'without a file in between',
      },
    ],
    values: { '--plan-file': 'files', '--out': 'files', '--archive': 'files', '--ca-keys': ['masters'] },
  };
};
