// `certwright cluster renew`: new keys and certificates for leaves, from the plan, and what must be restarted for them.

import { CodedError } from '../base/coded-error.ts';
import { planRenewal, type Renewal, type RenewRequest, renewCluster } from '../cluster/renew.ts';
import { formatTime } from '../pki/inspect-certificate.ts';
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
import type { Io } from './io.ts';
import { requestSteps, restartSteps, stepsText } from './next-steps.ts';
import { printResult } from './output-format.ts';
import { startProgress } from './progress.ts';
import { shownPath } from './shown-path.ts';
import { textTable } from './text-table.ts';

const maxRows = 200;

const runRenewal = async (io: Io, request: RenewRequest): Promise<Renewal> => {
  const progress = startProgress(io, 'renewing');
  try {
    return await io.writing((onStep) =>
      renewCluster({ ...request, onStep, onProgress: ({ done, total }) => progress.update(done, total) }),
    );
  } finally {
    progress.end();
  }
};

const renewalText = (io: Io, { certificates, backups, notes }: Renewal, dryRun: boolean): string => {
  const rows = certificates
    .slice(0, maxRows)
    .map(({ id, result, keepsKey, previousEnd, files }) => [
      dryRun ? `to be ${result}` : result,
      id,
      keepsKey ? 'kept' : 'new',
      previousEnd === undefined ? '' : formatTime(previousEnd),
      files.join(', '),
    ]);
  return [
    textTable(['RESULT', 'CERTIFICATE', 'KEY', 'OLD END', 'FILES'], rows),
    ...(certificates.length > maxRows ? [`… and ${certificates.length - maxRows} more; -o json lists them all\n`] : []),
    ...backups.slice(0, maxRows).map((path) => `kept aside: ${shownPath(io, path)}\n`),
    ...notes.map((note) => `note: ${note}\n`),
    ...(dryRun ? ['(dry run: nothing was changed)\n'] : []),
  ].join('');
};

export const defineClusterRenew: DefineCommand = (command, io) => {
  command
    .argument('<names...>', 'certificates by id (worker1-kubelet), by kind (etcd, apiserver), or all')
    .addOption(planFileOption())
    .addOption(outOption())
    .addOption(trustRootOption())
    .addOption(caPassphraseOption())
    .addOption(dryRunOption())
    .addOption(outputOption())
    .action(async (names, options) => {
      const { planFile, out, output } = options;
      const dryRun = options.dryRun === true;
      const { manifest } = await readPlan(io, planFile);
      const renewal = await withCaPassphrases(io, options.passphraseFile, (passphrases) => {
        const request: RenewRequest = {
          manifest,
          names,
          directory: outDirectory(io, out),
          trustRootFile: options.trustRoot === undefined ? undefined : outDirectory(io, options.trustRoot),
          passphrases,
          at: io.now(),
          random: io.random,
          requestedBy: io.userName(),
        };
        return dryRun ? planRenewal(request) : runRenewal(io, request);
      });
      const requests = renewal.certificates.flatMap(({ request }) => (request === undefined ? [] : [request]));
      const steps = [
        ...requestSteps(
          requests.map(({ file, answer }) => ({ file: shownPath(io, file), answer: shownPath(io, answer) })),
          { planFile, out, programName: io.settings.programName },
        ),
        ...restartSteps(renewal.restarts),
      ];
      await printResult(io, output, { planFile, directory: out, dryRun, ...renewal, nextSteps: steps }, () =>
        [renewalText(io, renewal, dryRun), stepsText(steps)].join(''),
      );
      if (!dryRun && requests.length > 0)
        throw new CodedError('SignedCertificateMissing', `cannot finish: ${requests.length} certificates are not signed yet`, {
          hint: 'have the .csr files signed, put each certificate where it belongs, and run certwright cluster generate',
        });
    });
  return {
    description:
      'What the plan says counts, not what the old certificate said; the old pair is kept aside. CAs and the key that signs tokens are\n' +
      'never renewed, for everything signed so far hangs on them.',
    examples: [
      { command: 'cluster renew all', about: 'every leaf' },
      { command: 'cluster renew apiserver worker1-kubelet --dry-run', about: "every API server's and one kubelet's: what would happen" },
    ],
    values: { '--plan-file': 'files', '--out': 'files', '--trust-root': 'files', '--passphrase-file': 'files' },
  };
};
