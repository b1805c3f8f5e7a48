// `certwright up backup`: store and certificates of a data directory in one file, also while its server runs.

import { resolve } from 'node:path';
import { backUp } from '../apiserver/back-up.ts';
import { CodedError } from '../base/coded-error.ts';
import type { DefineCommand } from './command.ts';
import { say } from './io.ts';
import { dataDirectoryOf, dataDirOption } from './up-options.ts';
import { requireFree } from './write-output.ts';

export const defineUpBackup: DefineCommand = (command, io) => {
  command
    .argument('<file>', 'where the backup goes, mode 0600')
    .addOption(dataDirOption())
    .option('--overwrite', 'replace a file that exists')
    .action(async (file, { dataDir, overwrite }) => {
      if (file === '-') throw new CodedError('UsageInvalid', 'cannot write a backup to standard output', { hint: 'name a file' });
      requireFree(io, [file], overwrite);
      const request = { directory: dataDirectoryOf(io, dataDir), path: resolve(io.cwd, file), at: io.now() };
      const made = await io.writing((onStep) => backUp({ ...request, onStep }));
      const secrets = made.isSealed ? 'Secrets sealed, their key not in it' : 'Secrets in clear';
      say(io, `wrote ${file} (backup: ${made.objects} objects at revision ${made.revision}, ${secrets}; keys of the CAs)`);
    });
  return {
    description:
      'The store as it is at one moment, and the certificates with every key, the CAs among them: who holds the file rules the server. Where\n' +
      'Secrets are sealed they stay so; keep the file of their key elsewhere.',
    examples: [
      { command: 'up backup certwright.backup', about: 'of the server in ~/.local/share/certwright' },
      {
        command: 'up backup --data-dir ./data --overwrite nightly.backup',
        about: 'every night into the same file, which is replaced whole',
      },
    ],
    values: { '0': 'files', '--data-dir': 'files' },
  };
};
