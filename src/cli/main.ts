// The command's entry and composition root: it makes the world of this process and runs the command line in it. The version is answered
// before anything else is loaded; every command's own code is loaded only when it is chosen. Compiled code is kept between runs by the
// launcher, which names Node a folder that only this user writes to before Node starts.

import { version } from './version.ts';

const commandLine = process.argv.slice(2);
if (commandLine.length === 1 && (commandLine[0] === '--version' || commandLine[0] === '-V'))
  process.stdout.write(`certwright ${version}\n`);
else {
  const [{ readSettings }, { processIo }, { run }] = await Promise.all([
    import('../config/environment.ts'),
    import('./process-io.ts'),
    import('./run.ts'),
  ]);
  process.exitCode = await run(commandLine, processIo(readSettings(process.env)));
}
