// `certwright pki inspect`: what files say, as text or data. It judges nothing: `pki verify` does.

import { quote } from '../base/coded-error.ts';
import { type InspectedItem, inspect } from '../pki/inspect.ts';
import { inspectionText } from '../pki/inspect-text.ts';
import type { DefineCommand } from './command.ts';
import { type Io, say } from './io.ts';
import { looksLikeKubeconfig } from './kubeconfig-look.ts';
import { rfc3339Time } from './option-values.ts';
import { outputOption, printResult } from './output-format.ts';
import { passphraseFileOption, withPassphrase } from './passphrase.ts';
import { inputName, onlyOneStdin, readInput } from './read-input.ts';

/** An item with where it was found: file, and part of a kubeconfig. */
type Found = InspectedItem & { readonly source: string };

type Inspecting = { readonly at: Date; readonly passphraseFile?: string | undefined };

const inspectFile = async (io: Io, path: string, { at, passphraseFile }: Inspecting): Promise<readonly Found[]> => {
  const source = path === '-' ? 'standard input' : path;
  const what = inputName(path);
  const bytes = await readInput(io, path);
  if (!looksLikeKubeconfig(bytes))
    return withPassphrase(io, { passphraseFile }, what, (passphrase) =>
      inspect(bytes, { at, passphrase, what }).map((item) => ({ source, ...item })),
    );
  const { kubeconfigParts } = await import('./inspect-kubeconfig.ts');
  const found: Found[] = [];
  for (const part of await kubeconfigParts(bytes, what)) {
    const where = `${source}, ${part.where}`;
    if ('file' in part) say(io, `${where}: in file ${quote(part.file)}, which is not read`);
    else found.push(...inspect(part.bytes, { at, what: `${what}, ${part.where}` }).map((item) => ({ source: where, ...item })));
  }
  return found;
};

export const definePkiInspect: DefineCommand = (command, io) => {
  command
    .argument('<files...>', 'PEM, DER, PKCS#12, JKS or kubeconfig; "-" is standard input')
    .addOption(outputOption())
    .option('--at <time>', 'tell validity for this time instead of now', rfc3339Time('--at'))
    .addOption(passphraseFileOption())
    .action(async (files, options) => {
      onlyOneStdin([...files, options.passphraseFile]);
      const found: Found[] = [];
      for (const path of files)
        found.push(...(await inspectFile(io, path, { at: options.at ?? io.now(), passphraseFile: options.passphraseFile })));
      await printResult(io, options.output, { items: found }, () =>
        found.map((item) => inspectionText(item, files.length === 1 && item.source === files[0] ? '' : item.source)).join('\n'),
      );
    });
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
