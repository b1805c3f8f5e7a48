// `certwright pki inspect`: what files say, as text or data. It judges nothing: `pki verify` does.

import type { DefineCommand } from './command.ts';
import { outputOption, passphraseFileOption } from './common-options.ts';
import { inspectFiles } from './inspect-files.ts';
import { rfc3339Time } from './option-values.ts';

export const definePkiInspect: DefineCommand = (command, io) => {
  command
    .argument('<files...>', 'PEM, DER, PKCS#12, JKS or kubeconfig; "-" is standard input')
    .addOption(outputOption())
    .option('--at <time>', 'tell validity for this time instead of now', rfc3339Time('--at'))
    .addOption(passphraseFileOption())
    .action((files, options) => inspectFiles(io, files, options));
  return {
    description:
      'Keys are shown by their public half only. Keystores need their password; an encrypted key is opened where there is one.\n' +
      'Base64 of any of these, as Kubernetes keeps certificates, is taken as well.',
    examples: [
      { command: 'pki inspect server.pem', about: 'one certificate, or every block of a bundle' },
      { command: "pki inspect -o json ca.pem | jq -r '.items[0].notAfter'", about: 'one field for a script' },
      { command: 'pki inspect ~/.kube/config', about: 'the certificates in a kubeconfig' },
      { command: 'pki inspect --passphrase-file pass.txt keystore.p12', about: 'a keystore' },
    ],
    values: { '0': 'files', '--passphrase-file': 'files' },
  };
};
