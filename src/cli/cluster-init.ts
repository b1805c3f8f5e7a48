// `certwright cluster init`: a commented plan to edit.

import { planTemplate } from '../cluster/plan-template.ts';
import { dryRunOption, planFileOption } from './cluster-plan.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import { wholeNumber } from './option-values.ts';
import { type OutputFormat, printResult } from './output-format.ts';
import { shellWord } from './shell-word.ts';
import { requireFree, writeOutputs } from './write-output.ts';

const maxMachines = 10_000;

export const defineClusterInit: DefineCommand = (command, io) => {
  command
    .addOption(planFileOption())
    .option('--name <name>', 'name of the cluster', 'kubernetes')
    .option('--etcd <number>', 'how many etcd members', wholeNumber('--etcd', 1, maxMachines), 3)
    .option('--masters <number>', 'how many masters', wholeNumber('--masters', 1, maxMachines), 3)
    .option('--workers <number>', 'how many workers', wholeNumber('--workers', 1, maxMachines), 3)
    .addOption(dryRunOption())
    .addOption(outputOption())
    .option('--overwrite', 'replace a plan that exists')
    .action(async (options) => {
      const { planFile, name, etcd, masters, workers } = options;
      const output: OutputFormat = options.output;
      const text = planTemplate({ name, etcd, masters, workers });
      const isShown = options.dryRun === true || planFile === '-';
      if (isShown) {
        if (planFile !== '-') requireFree(io, [planFile], options.overwrite);
        await printResult(io, output, { planFile, written: false, plan: text }, () => text);
        return;
      }
      await writeOutputs(io, [{ path: planFile, content: text, what: 'plan', secret: false }], options.overwrite);
      const next = `${io.settings.programName} cluster generate${planFile === 'kismatic-cluster.yaml' ? '' : ` -f ${shellWord(planFile)}`}`;
      await printResult(io, output, { planFile, written: true, next }, () => `Edit hosts and addresses in ${planFile}, then:\n  ${next}\n`);
    });
  return {
    examples: [
      { command: 'cluster init', about: 'a plan of three etcd members, three masters and three workers' },
      { command: 'cluster init --name edge --etcd 1 --masters 1 --workers 1 -f edge.yaml', about: 'a small one in another file' },
    ],
    values: { '--plan-file': 'files' },
  };
};
