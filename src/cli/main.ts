// The command's entry. It knows only the version until the command table lands; nothing heavy is imported before the command is known.

import { readFileSync } from 'node:fs';

const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) throw new Error('package.json holds no version');
process.stdout.write(`certwright ${String(manifest.version)}\n`);
