// What a command is to the table: a row with its words and one sentence, and a file that is loaded only when it is chosen.

import type { Command } from '@commander-js/extra-typings';
import type { Io } from './io.ts';

/** What a command says besides its arguments and options. */
export type CommandNotes = {
  /** Command lines without the program's name, each with what it does; help and docs show them, and test/scripts runs their like. */
  readonly examples: readonly { readonly command: string; readonly about: string }[];
  /** Values that completion offers, by long flag (`--algorithm`) or by argument's place (`0`). `files` asks the shell for file names. */
  readonly values?: Readonly<Record<string, readonly string[] | 'files'>>;
  /** Paragraphs below the summary in help and docs. */
  readonly description?: string;
};

/** Registers arguments, options and action on a command. */
export type DefineCommand = (command: Command, io: Io) => CommandNotes;

/** One command. */
export type CommandRow = {
  readonly path: readonly string[];
  /** One sentence without a full stop, starting with a verb. */
  readonly summary: string;
  load(): Promise<DefineCommand>;
  /** Runs the command with arguments alone, every option as usual: for what must start fast, because the parser takes its time to load. */
  loadPlain?(): Promise<(words: readonly string[], io: Io) => Promise<void>>;
};

/** A word that only groups commands. */
export type GroupRow = { readonly path: readonly string[]; readonly summary: string };
