// Which command a command line names, told by its words alone, without the parser.

import type { CommandRow } from './command.ts';
import { commandRows } from './command-table.ts';

const startsWith = (path: readonly string[], prefix: readonly string[]): boolean => prefix.every((word, i) => path[i] === word);

/** The row of a whole path. */
export const rowOf = (path: readonly string[]): CommandRow | undefined =>
  commandRows.find((row) => row.path.length === path.length && startsWith(row.path, path));

const globalFlags: ReadonlySet<string> = new Set(['-v', '--verbose', '--progress']);

/**
 * The words of a command line that name a command, as far as they lead. Flags between them are passed over: the global ones may stand there.
 * After a command that others stand below, another flag is its own, and the next word may be that flag's value.
 */
export const chosenPath = (argv: readonly string[]): readonly string[] => {
  const path: string[] = [];
  for (const word of argv) {
    if (word === '--') break;
    if (word.startsWith('-')) {
      if (rowOf(path) !== undefined && !globalFlags.has(word)) break;
      continue;
    }
    if (!commandRows.some((row) => startsWith(row.path, [...path, word]))) break;
    path.push(word);
  }
  return path;
};
