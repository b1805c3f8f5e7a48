// One run of the program: a command line and a world in, an exit code out. It never ends the process and never throws.

import { chosenPath, rowOf } from './command-path.ts';
import { describeFailure } from './failure.ts';
import { Interrupted } from './interruption.ts';
import type { Io } from './io.ts';

/** The world without what a command line decides. */
export type ProcessIo = Omit<Io, 'verbose' | 'progress' | 'setExitCode'>;

const beforeDashes = (argv: readonly string[]): readonly string[] => {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
};

/** Whether results were asked for as JSON, told without parsing: errors of parsing are wanted as JSON too. */
const wantsJson = (argv: readonly string[]): boolean =>
  argv.some((word, i) =>
    word === '-o' || word === '--output' ? argv[i + 1] === 'json' : word === '-ojson' || word === '-o=json' || word === '--output=json',
  );

/** Runs a command whose row can do without the parser, where the command line holds nothing but its words and arguments. */
const ranPlain = async (argv: readonly string[], io: Io): Promise<boolean> => {
  if (argv.some((word) => word.startsWith('-') && word !== '-')) return false;
  const path = chosenPath(argv);
  const row = rowOf(path);
  const words = argv.slice(path.length);
  if (row?.loadPlain === undefined || words.length === 0) return false;
  await (await row.loadPlain())(words, io);
  return true;
};

/** Runs a command line (without the program's own name) and returns the exit code. */
export const run = async (commandLine: readonly string[], world: ProcessIo): Promise<number> => {
  // `help pki sign` is what people type who know git; it means `pki sign --help`.
  const argv = commandLine[0] === 'help' ? [...commandLine.slice(1), '--help'] : commandLine;
  const flags = beforeDashes(argv);
  const verbose = flags.includes('-v') || flags.includes('--verbose');
  let exitCode = 0;
  const io: Io = {
    ...world,
    verbose,
    progress: flags.includes('--progress'),
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  try {
    if (argv[0] === '__complete') {
      const { completions } = await import('./completion.ts');
      io.out.write((await completions(argv.slice(1), io)).map((line) => `${line}\n`).join(''));
    } else if (!(await ranPlain(argv, io))) {
      const { parseAndRun } = await import('./command-tree.ts');
      await parseAndRun(argv, io);
    }
    return exitCode;
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    const failure = describeFailure(error, { verbose, json: wantsJson(flags), programName: io.settings.programName });
    io.err.write(failure.text);
    return failure.exitCode;
  }
};
