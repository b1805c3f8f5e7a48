// `certwright cluster adopt`: a plan read off an existing directory of certificates. Nothing is written there.

import { resolve } from 'node:path';
import { adoptDirectory } from '../cluster/adopt.ts';
import { dryRunOption, planFileOption } from './cluster-plan.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import { say } from './io.ts';
import { stepsText } from './next-steps.ts';
import { printResult } from './output-format.ts';
import { shellWord } from './shell-word.ts';
import { requireFree, writeOutputs } from './write-output.ts';

export const defineClusterAdopt: DefineCommand = (command, io) => {
  command
    .argument('<directory>', "Kismatic's generated, kubeadm's /etc/kubernetes, or EasyRSA's pki")
    .addOption(planFileOption())
    .addOption(dryRunOption())
    .addOption(outputOption())
    .option('--overwrite', 'replace a plan that exists')
    .action(async (directory, options) => {
      const { planFile } = options;
      if (planFile !== '-') requireFree(io, [planFile], options.overwrite);
      const { layout, text, doubts, notes } = adoptDirectory(resolve(io.cwd, directory));
      const isWritten = options.dryRun !== true && planFile !== '-';
      for (const note of notes) say(io, `note: ${note}`);
      if (isWritten)
        await writeOutputs(io, [{ path: planFile, content: text, what: `plan read from ${directory}`, secret: false }], options.overwrite);
      const planFlag = planFile === 'kismatic-cluster.yaml' || planFile === '-' ? '' : ` -f ${shellWord(planFile)}`;
      const steps = isWritten
        ? [
            ...(doubts.length === 0
              ? []
              : [{ title: `Compare these lines of ${planFile} with the cluster (marked CHECK)`, lines: doubts }]),
            {
              title: 'See what differs before anything is made',
              lines: [`${io.settings.programName} cluster generate${planFlag} --dry-run`],
            },
          ]
        : [];
      const result = { layout, planFile, written: isWritten, plan: text, doubts, notes, nextSteps: steps };
      await printResult(io, options.output, result, () => (isWritten ? `recognised layout ${layout}\n${stepsText(steps)}` : text));
    });
  return {
    examples: [
      { command: 'cluster adopt /etc/kubernetes -f adopted.yaml', about: 'a master of kubeadm' },
      { command: 'cluster adopt easyrsa/pki --dry-run', about: 'what the plan of an EasyRSA directory would be' },
    ],
    values: { '0': 'files', '--plan-file': 'files' },
  };
};
