// `certwright pki keystore convert`: the same entries in another format, profile or under another password; or as PEM.

import { CodedError } from '../base/coded-error.ts';
import type { DefineCommand } from './command.ts';
import { passphraseFileOption } from './common-options.ts';
import { encodeKeystore, keystoreFormats, openKeystore, profileWords } from './keystore-files.ts';
import { oneOf } from './option-values.ts';
import { newPassphrase, withPassphrase } from './passphrase.ts';
import { inputName, onlyOneStdin, readInput } from './read-input.ts';
import { requireFree, writeOutputs } from './write-output.ts';

export const definePkiKeystoreConvert: DefineCommand = (command, io) => {
  command
    .argument('<file>', 'PKCS#12 or JKS keystore; "-" is standard input')
    .requiredOption('--to <format>', 'pkcs12, jks or pem', (text) => oneOf('--to', text, keystoreFormats))
    .option('--profile <profile>', 'of PKCS#12', (text) => oneOf('--profile', text, profileWords), 'Modern2023')
    .requiredOption('--out <file>', 'where the result goes, mode 0600; "-" is standard output')
    .addOption(passphraseFileOption())
    .option('--new-passphrase-file <file>', 'file whose first line is the password of the result (default: the same)')
    .option('--overwrite', 'replace a file that exists')
    .action(async (file, options) => {
      const { to, out, overwrite } = options;
      onlyOneStdin([file, options.passphraseFile, options.newPassphraseFile]);
      requireFree(io, [out], overwrite);
      const bytes = await readInput(io, file);
      const what = `keystore ${inputName(file)}`;
      const { entries, password } = await withPassphrase(io, options, what, (passphrase) => {
        if (passphrase === undefined)
          throw new CodedError('PassphraseRequired', `cannot open ${what}: it needs its password`, { hint: 'give --passphrase-file FILE' });
        return { entries: openKeystore(bytes, passphrase), password: passphrase };
      });
      const newPassword =
        options.newPassphraseFile === undefined
          ? password
          : await newPassphrase(io, { passphraseFile: options.newPassphraseFile }, 'the result');
      const content = encodeKeystore(entries, to, { io, password: newPassword, profile: options.profile });
      const kind = to === 'pkcs12' ? `PKCS#12, ${options.profile}` : to === 'jks' ? 'JKS' : 'PEM, not encrypted';
      await writeOutputs(
        io,
        [{ path: out, content, what: `${kind}, ${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}`, secret: true }],
        overwrite,
      );
    });
  return {
    examples: [
      { command: 'pki keystore convert old.jks --to pkcs12 --passphrase-file pass.txt --out new.p12', about: 'from JKS to PKCS#12' },
      { command: 'pki keystore convert server.p12 --to pem --passphrase-file pass.txt --out server.pem', about: 'key and chain as PEM' },
    ],
    values: {
      '0': 'files',
      '--to': keystoreFormats,
      '--profile': profileWords,
      '--out': 'files',
      '--passphrase-file': 'files',
      '--new-passphrase-file': 'files',
    },
  };
};
