// From command lines to a tree of commands, of which only the chosen one is loaded. The parsing itself is commander's; what it finds wrong
// becomes a CodedError, as every other error of this program.

import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { CodedError } from '../base/coded-error.ts';
import type { CommandNotes, CommandRow, GroupRow } from './command.ts';
import { chosenPath, rowOf } from './command-path.ts';
import { commandRows, groupRows } from './command-table.ts';
import type { Io } from './io.ts';
import { version } from './version.ts';

const exampleText = (notes: CommandNotes, programName: string): string =>
  notes.examples.length === 0
    ? ''
    : `\nExamples:\n${notes.examples.map(({ command, about }) => `  # ${about}\n  ${programName} ${command}`).join('\n')}\n`;

/** Loads a row onto a command. */
export const defineRow = async (row: CommandRow, command: Command, io: Io): Promise<CommandNotes> => {
  const define = await row.load();
  const notes = define(command, io);
  command.description([row.summary, ...(notes.description === undefined ? [] : [notes.description])].join('\n\n'));
  command.summary(row.summary);
  command.addHelpText('after', exampleText(notes, io.settings.programName));
  return notes;
};

type Tree = {
  readonly program: CommandUnknownOpts;
  /** What commander wanted on standard error: help for a group that was named alone. */
  readonly aside: () => string;
};

const newProgram = (io: Io): { readonly program: Command; readonly aside: () => string } => {
  let aside = '';
  const columns = io.settings.columns;
  const width = (): number => columns ?? 80;
  const program = new Command(io.settings.programName);
  program
    .description('Every certificate in and around a Kubernetes cluster, from one program')
    .option('-v, --verbose', 'tell more, on standard error')
    .option('--progress', 'show progress although standard error is no terminal')
    .version(`certwright ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => {
        aside += text;
      },
      outputError: () => undefined,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      ...(columns === undefined ? {} : { getOutHelpWidth: width, getErrHelpWidth: width }),
    })
    .exitOverride();
  return { program, aside: () => aside };
};

/** The tree for a command line: the chosen command loaded and alone in it, or, where none was chosen, every command by name. */
const buildTree = async (argv: readonly string[], io: Io): Promise<Tree> => {
  const chosen = rowOf(chosenPath(argv));
  const { program, aside } = newProgram(io);
  const groups = new Map<string, Command>();
  const parentOf = (path: readonly string[]): Command => {
    if (path.length === 0) return program;
    const key = path.join(' ');
    const known = groups.get(key);
    if (known !== undefined) return known;
    const group: GroupRow | undefined = groupRows.find((row) => row.path.join(' ') === key);
    const command = parentOf(path.slice(0, -1))
      .command(path.at(-1) ?? '')
      .summary(group?.summary ?? '')
      .description(group?.summary ?? '')
      .helpCommand(false);
    groups.set(key, command);
    return command;
  };
  for (const row of chosen === undefined ? commandRows : [chosen]) {
    const command = parentOf(row.path.slice(0, -1))
      .command(row.path.at(-1) ?? '')
      .summary(row.summary);
    groups.set(row.path.join(' '), command);
    if (chosen !== undefined) await defineRow(row, command, io);
  }
  return { program, aside };
};

const suggestion = /\n?\(Did you mean (?:one of )?(.+)\?\)$/;

/** What commander found wrong, in our words. `path` is the command it was about. */
const usageError = (error: CommanderError, path: readonly string[], programName: string): CodedError => {
  const meant = suggestion.exec(error.message)?.[1];
  const message = error.message
    .replace(suggestion, '')
    .replace(/^error: /, '')
    .replace(/'([^']*)'/g, '"$1"');
  const help = [programName, ...path, '--help'].join(' ');
  return new CodedError('UsageInvalid', `cannot run ${[programName, ...path].join(' ')}: ${message}`, {
    hint: `${meant === undefined ? '' : `did you mean ${meant}? `}${help} shows what it takes`,
    cause: error,
  });
};

/** Parses a command line and runs its command. Throws UsageInvalid for what commander finds wrong with it. */
export const parseAndRun = async (argv: readonly string[], io: Io): Promise<void> => {
  const { program, aside } = await buildTree(argv, io);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.help') io.out.write(aside());
    else if (error.exitCode !== 0) throw usageError(error, chosenPath(argv), io.settings.programName);
  }
};
