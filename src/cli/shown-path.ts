// Paths as people see them: from where they stand, unless that leads upwards.

import { relative } from 'node:path';
import type { Io } from './io.ts';

/** An absolute path relative to the working directory where it lies below it. */
export const shownPath = (io: Pick<Io, 'cwd'>, path: string): string => {
  const way = relative(io.cwd, path);
  return way === '' || way.startsWith('..') ? path : way;
};
