// Where the repository is and which source files it holds, for the other scripts. It reads the disk, not git, so that new files count at once.

import { globSync } from 'node:fs';
import { dirname } from 'node:path';

/** The repository's root folder. */
export const root: string = dirname(import.meta.dirname);

/** Paths from the root of files that match, sorted. */
export const filesMatching = (...patterns: readonly string[]): readonly string[] =>
  patterns
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .map((path) => path.replaceAll('\\', '/'))
    .sort();

/** Every TypeScript file of ours. */
export const sourceFiles = (): readonly string[] => filesMatching('{src,test,scripts,bench}/**/*.ts');
