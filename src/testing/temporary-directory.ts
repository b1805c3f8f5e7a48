// A directory of its own for one test, removed when the test ends.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** An empty directory that goes with the test. */
export const temporaryDirectory = (context: Pick<TestContext, 'after'>): string => {
  const directory = mkdtempSync(join(tmpdir(), 'certwright-test-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};
