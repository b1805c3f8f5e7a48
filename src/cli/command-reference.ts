// The reference of all commands as Markdown, read off the very definitions that parse the command line. scripts/generate-docs.ts writes it.

import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { environmentVariables, readSettings } from '../config/environment.ts';
import type { CommandRow } from './command.ts';
import { commandRows } from './command-table.ts';
import { defineRow } from './command-tree.ts';
import type { Io } from './io.ts';

const unreachable = (): never => {
  throw new Error('a command is defined here, not run');
};

/** A world for defining commands: touching it is a fault. */
const definingIo: Io = {
  out: { write: unreachable, isTerminal: false },
  err: { write: unreachable, isTerminal: false },
  readStdin: unreachable,
  askSecret: unreachable,
  cwd: '/',
  now: unreachable,
  random: unreachable,
  settings: readSettings({}),
  userName: unreachable,
  verbose: false,
  progress: false,
  setExitCode: unreachable,
  untilStopped: unreachable,
  writing: unreachable,
};

/** A pipe would end a table's cell. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

const shownDefault = (option: CommandUnknownOpts['options'][number]): string | undefined => {
  const value = option.defaultValueDescription ?? option.defaultValue;
  return value === undefined || value === false ? undefined : String(value);
};

const optionRows = (command: CommandUnknownOpts): readonly string[] =>
  command.options
    .filter((option) => !option.hidden)
    .map((option) => {
      const choices = option.argChoices === undefined ? '' : ` (${option.argChoices.join(', ')})`;
      const standard = shownDefault(option);
      const required = option.mandatory ? 'required' : standard === undefined ? '' : `\`${standard}\``;
      return `| \`${cell(option.flags).replaceAll('&lt;', '<')}\` | ${cell(option.description)}${choices} | ${required} |`;
    });

const commandSection = async (row: CommandRow): Promise<string> => {
  const name = row.path.join(' ');
  const command = new Command(row.path.at(-1));
  const { description, examples } = await defineRow(row, command, definingIo);
  const places = command.registeredArguments.map((argument) => {
    const word = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${word}>` : `[${word}]`;
  });
  const rows = optionRows(command);
  return [
    `## certwright ${name}`,
    '',
    `${row.summary}.`,
    ...(description === undefined ? [] : ['', description.replaceAll('\n', ' ')]),
    '',
    '```',
    `certwright ${[name, ...places, ...(rows.length === 0 ? [] : ['[options]'])].join(' ')}`,
    '```',
    ...command.registeredArguments.map((argument, i) => `${i === 0 ? '\n' : ''}- \`${argument.name()}\`: ${argument.description}`),
    ...(rows.length === 0 ? [] : ['', '| Option | Meaning | Default |', '| --- | --- | --- |', ...rows]),
    ...(examples.length === 0
      ? []
      : ['', '```sh', ...examples.flatMap((example) => [`# ${example.about}`, `certwright ${example.command}`]), '```']),
    '',
  ].join('\n');
};

const preface = `# Commands

Results go to standard output, everything else to standard error. Every command takes \`--help\`, \`-v\`/\`--verbose\` (more on standard
error, with the stack of a fault) and \`--progress\` (progress although standard error is no terminal). \`-\` as a file is standard input or
output. Nothing that exists is replaced without \`--overwrite\`; keys and keystores are written with mode 0600.

Errors are told as \`error:\` and \`hint:\` lines; with \`-o json\` as one JSON object \`{"error": {"code", "class", "message", "hint", "details"}}\`
on one line of standard error. Exit codes are those of [the errors](errors.md); an interruption (Ctrl-C) ends with 130 and leaves every
file whole. When the reader of standard output goes away, the work is finished all the same.

As \`kubectl-certwright\` on the PATH the program is kubectl's plugin: \`kubectl certwright pki inspect …\`.
`;

const environmentSection = (): string =>
  [
    '## Environment',
    '',
    '| Variable | Meaning |',
    '| --- | --- |',
    ...Object.values(environmentVariables).map(({ name, about }) => `| \`${name}\` | ${cell(about)} |`),
    '',
  ].join('\n');

/** The whole page, without the line that says it is generated. */
export const commandReferencePage = async (): Promise<string> => {
  const overview = commandRows.map((row) => `| \`${row.path.join(' ')}\` | ${cell(row.summary)} |`);
  const sections: string[] = [];
  for (const row of commandRows) sections.push(await commandSection(row));
  return [preface, ['| Command | What it does |', '| --- | --- |', ...overview, ''].join('\n'), ...sections, environmentSection()]
    .join('\n')
    .trimEnd()
    .concat('\n');
};
