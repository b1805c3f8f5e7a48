// `-o text|json|yaml`: how a command that reads something prints what it found. YAML is loaded only when asked for.

import { visibleText } from '../base/visible-text.ts';
import type { Io } from './io.ts';

/** The formats, the usual one first. */
export const outputFormats = ['text', 'json', 'yaml'] as const;

export type OutputFormat = (typeof outputFormats)[number];

/** Prints a result: as data in JSON or YAML, or as the text it is given for people. */
export const printResult = async (io: Pick<Io, 'out'>, format: OutputFormat, value: unknown, text: () => string): Promise<void> => {
  if (format === 'text') io.out.write(visibleText(text()));
  else if (format === 'json') io.out.write(`${visibleText(JSON.stringify(value, null, 2))}\n`);
  else {
    const { stringify } = await import('yaml');
    io.out.write(stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }));
  }
};
