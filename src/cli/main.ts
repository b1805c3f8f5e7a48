// The command's entry. The version is answered before anything else is loaded; every command's own code is loaded only when it is chosen.
// Compiled code is kept between runs by the launcher, which names Node a folder that only this user writes to before Node starts.

import { version } from './version.ts';

const commandLine = process.argv.slice(2);
if (commandLine.length === 1 && (commandLine[0] === '--version' || commandLine[0] === '-V')) {
  // A reader that went away, or a full disk.
  process.stdout.once('error', () => {
    process.exitCode = 4;
  });
  process.stdout.write(`certwright ${version}\n`);
} else {
  const { start } = await import('./start.ts');
  process.exitCode = await start(commandLine, process.env);
}
