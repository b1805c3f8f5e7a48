// Golden files: expected text or bytes under test/, compared exactly. `npm run golden:update` writes what the code gives now instead;
// the change then shows in git, where a person reads it.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder that holds test/, src/ and the launcher. */
export const repositoryRoot: string = dirname(dirname(import.meta.dirname));

/** Whether golden files are to be rewritten rather than compared. */
export const updatingGolden: boolean = process.env['CERTWRIGHT_UPDATE_GOLDEN'] === '1';

/** Asserts that `actual` is what the golden file holds; `path` counts from the repository's root. */
export const assertGolden = (path: string, actual: string | Uint8Array): void => {
  const file = join(repositoryRoot, path);
  if (updatingGolden) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
    return;
  }
  assert.ok(existsSync(file), `${path} does not exist; npm run golden:update writes it`);
  if (typeof actual === 'string')
    assert.equal(actual, readFileSync(file, 'utf8'), `${path} differs; where the change is right, npm run golden:update`);
  else
    assert.deepEqual(
      new Uint8Array(actual),
      new Uint8Array(readFileSync(file)),
      `${path} differs; where the change is right, npm run golden:update`,
    );
};
