// `certwright pki keystore list`: the entries of a keystore, a line each. All they say is for `pki inspect`.

import { CodedError } from '../base/coded-error.ts';
import { inspect } from '../pki/inspect.ts';
import type { DefineCommand } from './command.ts';
import { outputOption, passphraseFileOption } from './common-options.ts';
import { printResult } from './output-format.ts';
import { withPassphrase } from './passphrase.ts';
import { inputName, onlyOneStdin, readInput } from './read-input.ts';
import { textTable } from './text-table.ts';

export const definePkiKeystoreList: DefineCommand = (command, io) => {
  command
    .argument('<file>', 'PKCS#12 or JKS keystore; "-" is standard input')
    .addOption(outputOption())
    .addOption(passphraseFileOption())
    .action(async (file, options) => {
      onlyOneStdin([file, options.passphraseFile]);
      const what = `keystore ${inputName(file)}`;
      const bytes = await readInput(io, file);
      const [item] = await withPassphrase(io, options, what, (passphrase) => inspect(bytes, { at: io.now(), passphrase, what }));
      if (item?.kind !== 'keystore')
        throw new CodedError('KeystoreInvalid', `cannot list ${what}: it is a ${item?.kind ?? 'file without content'}`, {
          hint: 'pki inspect shows it',
        });
      await printResult(io, options.output, { format: item.format, entries: item.entries }, () =>
        textTable(
          ['ALIAS', 'ENTRY', 'CERTIFICATES', 'SUBJECT', 'NOT AFTER', 'KEY'],
          item.entries.map(({ alias, entry, certificates, publicKey }) => {
            const [first] = certificates;
            const algorithm = (publicKey ?? first?.publicKey)?.algorithm ?? '';
            return [JSON.stringify(alias), entry, String(certificates.length), first?.subject ?? '', first?.notAfter ?? '', algorithm];
          }),
        ),
      );
    });
  return {
    examples: [{ command: 'pki keystore list --passphrase-file pass.txt server.p12', about: 'what is inside' }],
    values: { '0': 'files', '--passphrase-file': 'files' },
  };
};
