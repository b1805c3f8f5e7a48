// What `up` and the commands below it share: where the data is, and the words that sum up a backup.

import { join, resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { CodedError } from '../base/coded-error.ts';
import type { Io } from './io.ts';

export const dataDirOption = () =>
  new Option('--data-dir <dir>', 'where everything that lasts is kept (default: ~/.local/share/certwright)');

/** The data directory, absolute. Throws UsageInvalid where none is named and none can be told. */
export const dataDirectoryOf = (io: Io, given: string | undefined): string => {
  if (given !== undefined) return resolve(io.cwd, given);
  const { dataHome } = io.settings;
  if (dataHome === undefined)
    throw new CodedError('UsageInvalid', 'cannot tell where to keep data: neither XDG_DATA_HOME nor HOME is set', {
      hint: 'name a directory with --data-dir',
    });
  return join(dataHome, 'certwright');
};
