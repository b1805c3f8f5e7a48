// The composition root: the settings of the environment and the world of this process, put together and handed to the command line's run.

import { readSettings } from '../config/environment.ts';
import { processIo } from './process-io.ts';
import { run } from './run.ts';

/** Runs a command line in this process and returns the exit code. */
export const start = (commandLine: readonly string[], environment: Readonly<Record<string, string | undefined>>): Promise<number> =>
  run(commandLine, processIo(readSettings(environment)));
