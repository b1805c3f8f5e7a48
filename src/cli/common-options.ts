// Options that many commands share. Their meaning is output-format.ts and passphrase.ts, which do without the parser.

import { Option } from '@commander-js/extra-typings';
import { outputFormats } from './output-format.ts';

/** How to print what was found. */
export const outputOption = () =>
  new Option('-o, --output <format>', 'how to print the result').choices(outputFormats).default('text' as const);

/** Where a passphrase comes from; never an argument. */
export const passphraseFileOption = () =>
  new Option(
    '--passphrase-file <file>',
    'file whose first line is the passphrase ("-" for standard input; else CERTWRIGHT_PASSPHRASE, else asked)',
  );
