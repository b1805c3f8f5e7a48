// Completion of command lines, for every shell alike: the words so far in, candidates out, one a line. The shells' scripts
// (completion-scripts.ts) call it as `certwright __complete WORD…`, the last word being the one under the cursor.
// A line `:files` asks the shell to add file names.

import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandNotes } from './command.ts';
import { rowOf } from './command-path.ts';
import { commandRows, groupRows } from './command-table.ts';
import { defineRow } from './command-tree.ts';
import type { Io } from './io.ts';

const globalFlags = ['--help', '--progress', '--verbose'];

/** Shells split `--flag=value` at the equals sign, or do not; both become two words. */
const normalised = (words: readonly string[]): readonly string[] => {
  const result: string[] = [];
  for (const [i, word] of words.entries()) {
    if (word === '=' && result.at(-1)?.startsWith('--') === true) {
      if (i === words.length - 1) result.push('');
      continue;
    }
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    if (equals > 0) result.push(word.slice(0, equals), word.slice(equals + 1));
    else result.push(word);
  }
  return result;
};

/** Words that may follow a path of commands. */
const commandsBelow = (path: readonly string[]): readonly string[] => [
  ...new Set(
    [...groupRows, ...commandRows].flatMap((row) =>
      path.every((word, i) => row.path[i] === word) && row.path[path.length] !== undefined ? [row.path[path.length] ?? ''] : [],
    ),
  ),
];

type Values = readonly string[] | 'files' | undefined;

/** Candidates among values; in a comma list what stands before the last comma is kept. */
const matching = (values: Values, current: string): readonly string[] => {
  if (values === undefined) return [];
  if (values === 'files') return [':files'];
  const kept = current.slice(0, current.lastIndexOf(',') + 1);
  return values.map((value) => `${kept}${value}`).filter((value) => value.startsWith(current));
};

const optionNamed = (command: CommandUnknownOpts, word: string) =>
  command.options.find((option) => option.long === word || option.short === word);

const takesValue = (command: CommandUnknownOpts, word: string): boolean => {
  const option = optionNamed(command, word);
  return option !== undefined && (option.required || option.optional);
};

const insideCommand = (command: CommandUnknownOpts, notes: CommandNotes, words: readonly string[]): readonly string[] => {
  const current = words.at(-1) ?? '';
  const before = words.at(-2) ?? '';
  if (takesValue(command, before)) {
    const option = optionNamed(command, before);
    return matching(notes.values?.[option?.long ?? ''] ?? option?.argChoices, current);
  }
  if (current.startsWith('-')) {
    const flags = command.options.flatMap((option) => (option.long == null || option.hidden ? [] : [option.long]));
    return [...flags, ...globalFlags].filter((flag) => flag.startsWith(current)).sort();
  }
  const places = words.slice(0, -1).filter((word, i) => !word.startsWith('-') && !takesValue(command, words[i - 1] ?? '')).length;
  const last = command.registeredArguments.length - 1;
  const place = command.registeredArguments[last]?.variadic === true ? Math.min(places, last) : places;
  return matching(notes.values?.[String(place)] ?? command.registeredArguments[place]?.argChoices, current);
};

/** What could stand in place of the last word. */
export const completions = async (commandLine: readonly string[], io: Io): Promise<readonly string[]> => {
  const words = normalised(commandLine);
  const path: string[] = [];
  let next = 0;
  for (; next < words.length - 1; next++) {
    const word = words[next] ?? '';
    if (rowOf(path) !== undefined && !commandsBelow(path).includes(word)) break;
    if (word.startsWith('-')) continue;
    if (!commandsBelow(path).includes(word)) return [];
    path.push(word);
  }
  const row = rowOf(path);
  if (row === undefined) {
    const current = words.at(-1) ?? '';
    return [...commandsBelow(path), ...(current.startsWith('-') ? [...globalFlags, '--version'] : [])].filter((word) =>
      word.startsWith(current),
    );
  }
  const command = new Command(row.path.at(-1));
  const notes = await defineRow(row, command, io);
  const rest = words.slice(next);
  const below = rest.length === 1 ? commandsBelow(path).filter((word) => word.startsWith(rest[0] ?? '')) : [];
  return [...below, ...insideCommand(command, notes, rest)];
};
