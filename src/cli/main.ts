// The command's entry. It knows only the version until the command table lands; nothing heavy is imported before the command is known.

import { version } from './version.ts';

process.stdout.write(`certwright ${version}\n`);
