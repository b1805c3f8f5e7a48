// `certwright up restore`: a data directory from a backup.

import { resolve } from 'node:path';
import { restore } from '../apiserver/restore.ts';
import type { DefineCommand } from './command.ts';
import { say } from './io.ts';
import { shownPath } from './shown-path.ts';
import { dataDirectoryOf, dataDirOption } from './up-options.ts';

export const defineUpRestore: DefineCommand = (command, io) => {
  command
    .argument('<file>', 'a backup that certwright up backup made')
    .addOption(dataDirOption())
    .option('--overwrite', 'put it in the place of what is there, which is kept aside')
    .action(async (file, { dataDir, overwrite }) => {
      const directory = dataDirectoryOf(io, dataDir);
      const request = { path: resolve(io.cwd, file), directory, overwrite: overwrite === true, at: io.now() };
      const done = await io.writing((onStep) => restore({ ...request, onStep }));
      if (done.aside !== undefined) say(io, `kept aside: ${shownPath(io, done.aside)}`);
      if (done.isSealed) say(io, 'its Secrets are sealed: start the server with the --encryption-key-file of then');
      say(io, `restored ${shownPath(io, directory)} (${done.objects} objects as of ${done.time}; goes on at revision ${done.revision})`);
    });
  return {
    description:
      'The server must not be running. Everything is checked before anything is changed. The revision jumps ahead of all that clients may\n' +
      'have seen, so that watches of before list anew instead of missing changes.',
    examples: [
      { command: 'up restore certwright.backup', about: 'on a new machine' },
      { command: 'up restore --data-dir ./data --overwrite nightly.backup', about: 'back to last night; what is there is kept aside' },
    ],
    values: { '0': 'files', '--data-dir': 'files' },
  };
};
