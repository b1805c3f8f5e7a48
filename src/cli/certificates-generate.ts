// `certwright certificates generate`: KET's command for people and machines that log in to the cluster, with its flags.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readFileBounded } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { parseKubeconfig } from '../cluster/kubeconfig.ts';
import type { ClusterManifest } from '../cluster/manifest.ts';
import { generatePerson, type PersonKubeconfig, type PersonResult } from '../cluster/people.ts';
import { formatTime } from '../pki/inspect-certificate.ts';
import { formatSerialNumber } from '../pki/x509-certificate.ts';
import { keyAlgorithmValue, keyAlgorithmWords, sanValue } from './certificate-options.ts';
import { planFileOption, readPlan } from './cluster-plan.ts';
import type { DefineCommand } from './command.ts';
import { outputOption, passphraseFileOption } from './common-options.ts';
import { type Io, say } from './io.ts';
import { type NextStep, stepsText } from './next-steps.ts';
import { commaList, wholeNumber } from './option-values.ts';
import { printResult } from './output-format.ts';
import { withPassphrase } from './passphrase.ts';
import { shellWord } from './shell-word.ts';
import { shownPath } from './shown-path.ts';

const maxKubeconfigBytes = 1024 * 1024;

const fromManifest = ({ kubeconfigs, clusterName }: ClusterManifest): PersonKubeconfig | undefined => {
  const shared = kubeconfigs.find(({ file }) => file === 'kubeconfig' || file.endsWith('/admin.conf'));
  return shared === undefined ? undefined : { clusterName, server: shared.server };
};

/** Cluster name and server for a kubeconfig: from the plan, else from the administrator's kubeconfig in the directory. */
const kubeconfigOf = async (io: Io, directory: string, planFile: string): Promise<PersonKubeconfig> => {
  if (planFile === '-' || existsSync(resolve(io.cwd, planFile))) {
    const { manifest } = await readPlan(io, planFile);
    const found = fromManifest(manifest);
    if (found !== undefined) return found;
  }
  const path = join(directory, 'kubeconfig');
  if (existsSync(path)) {
    const { clusterName, server } = parseKubeconfig(readFileBounded(path, maxKubeconfigBytes), quote(path));
    return { clusterName, server };
  }
  throw new CodedError(
    'FileNotFound',
    `cannot write a kubeconfig: neither plan ${quote(planFile)} nor ${quote(path)} says where the API server is`,
    {
      hint: "name the cluster's plan with -f FILE",
    },
  );
};

/** What lets the new certificate do something, and what shows that it works. */
const accessSteps = (io: Io, user: string, groups: readonly string[], result: PersonResult): readonly NextStep[] => {
  const subject = groups[0] === undefined ? `--user=${shellWord(user)}` : `--group=${shellWord(groups[0])}`;
  const name = `${(groups[0] ?? user).replace(/[^a-z0-9.-]/gi, '-').toLowerCase()}-edit`;
  return [
    {
      title: `Let ${groups[0] === undefined ? `user ${user}` : `group ${groups[0]}`} do something, here edit in namespace default`,
      lines: [`kubectl create rolebinding ${name} --clusterrole=edit ${subject} --namespace=default`],
    },
    ...(result.kubeconfigFile === undefined
      ? []
      : [
          {
            title: 'Try it',
            lines: [`kubectl --kubeconfig ${shellWord(shownPath(io, result.kubeconfigFile))} get pods --namespace=default`],
          },
        ]),
  ];
};

const resultText = (io: Io, { result, certificateFile, keyFile, kubeconfigFile, certificate, backups }: PersonResult): string =>
  [
    result === 'kept'
      ? `kept ${shownPath(io, certificateFile)}: it was there before (--overwrite makes another)`
      : `${result} ${shownPath(io, certificateFile)} and ${shownPath(io, keyFile)}`,
    ...(certificate === undefined
      ? []
      : [`  serial ${formatSerialNumber(certificate.serialNumber)}, valid until ${formatTime(certificate.notAfter)}`]),
    ...(kubeconfigFile === undefined ? [] : [`wrote ${shownPath(io, kubeconfigFile)}`]),
    ...backups.map((path) => `kept aside: ${shownPath(io, path)}`),
    '',
  ].join('\n');

export const defineCertificatesGenerate: DefineCommand = (command, io) => {
  command
    .argument('<name>', 'name of the files, and of the user unless --common-name says otherwise')
    .option('--common-name <name>', 'common name: the user (default: the name)')
    .option('--organizations <names>', 'organizations: the groups, a comma list; repeatable', commaList)
    .option('--validity-period <days>', 'days it is valid', wholeNumber('--validity-period', 1, 36_500), 90)
    .option('--subj-alt-names <names>', 'subject alternative names, a comma list; repeatable', commaList)
    .option('--overwrite', 'make another pair where there is one; the old one is kept aside')
    .option('--generated-assets-dir <directory>', "directory of the cluster's PKI", 'generated')
    .option('--server', 'may serve too, besides logging in')
    .option('--kubeconfig', 'write a kubeconfig ready to use')
    .addOption(planFileOption().default('kismatic-cluster.yaml', 'kismatic-cluster.yaml, for --kubeconfig'))
    .option('-a, --algorithm <algorithm>', 'of the key', keyAlgorithmValue('--algorithm'), 'ecdsa-p256' as const)
    .option('--allow-privileged', 'let names pass that Kubernetes keeps for itself: system:…, kubeadm:…')
    .addOption(passphraseFileOption())
    .addOption(outputOption())
    .action(async (name, options) => {
      const directory = resolve(io.cwd, options.generatedAssetsDir);
      const groups = options.organizations ?? [];
      const kubeconfig = options.kubeconfig === true ? await kubeconfigOf(io, directory, options.planFile) : undefined;
      const result = await withPassphrase(io, options, 'the CA key', (passphrase) =>
        io.writing((onStep) =>
          generatePerson({
            name,
            commonName: options.commonName,
            organizations: groups,
            subjectAltNames: (options.subjAltNames ?? []).map(sanValue),
            validityDays: options.validityPeriod,
            server: options.server === true,
            allowPrivileged: options.allowPrivileged === true,
            overwrite: options.overwrite === true,
            keyAlgorithm: options.algorithm,
            directory,
            passphrase,
            kubeconfig,
            at: io.now(),
            random: io.random,
            requestedBy: io.userName(),
            onStep,
          }),
        ),
      );
      for (const warning of result.warnings) say(io, `warning: ${warning}`);
      const steps = result.result === 'kept' ? [] : accessSteps(io, options.commonName ?? name, groups, result);
      const { certificate, ...plain } = result;
      const data = {
        ...plain,
        ...(certificate === undefined
          ? {}
          : { serialNumber: formatSerialNumber(certificate.serialNumber), notAfter: formatTime(certificate.notAfter) }),
        nextSteps: steps,
      };
      await printResult(io, options.output, data, () => `${resultText(io, result)}${stepsText(steps)}`);
    });
  return {
    description:
      'The certificate is for logging in (client authentication). Kubernetes takes the common name as the user and each organization as\n' +
      'a group. It cannot be taken back before it ends: kube-apiserver reads no revocation list.',
    examples: [
      { command: 'certificates generate alice --organizations dev,ops --kubeconfig', about: 'alice, in groups dev and ops' },
      { command: 'certificates generate ci-runner --organizations ci --validity-period 30', about: 'a machine, for 30 days' },
    ],
    values: {
      '--generated-assets-dir': 'files',
      '--plan-file': 'files',
      '--algorithm': keyAlgorithmWords,
      '--passphrase-file': 'files',
    },
  };
};
