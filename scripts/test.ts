// `npm test`: every suite, with the programs they need provided first. --full takes the counts that the claims name and prints them;
// --update-golden rewrites expected files from what the code gives now; further arguments keep only files whose path contains one of them.
// The last line is `N passed, N failed`; the exit code is 0 only where something passed and nothing failed.

import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesMatching } from './repository.ts';
import { addOutcome, totals } from './test-outcome.ts';
import { printOutcome, runApart, runShared, summaryLine } from './test-run.ts';
import { provideTools } from './test-tools.ts';

const options = new Set(process.argv.slice(2).filter((argument) => argument.startsWith('--')));
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
for (const option of options)
  if (!['--full', '--update-golden'].includes(option)) {
    console.error(`cannot run the tests: unknown option ${JSON.stringify(option)}; known are --full and --update-golden`);
    process.exit(2);
  }
const full = options.has('--full');
const wanted = (files: readonly string[]): readonly string[] =>
  files.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
const units = wanted(filesMatching('{src,scripts}/**/*.test.ts'));
const suites = wanted(filesMatching('test/**/*.test.ts'));

const started = performance.now();
const seed = process.env['CERTWRIGHT_TEST_SEED'] || String(randomInt(0x7fffffff));
const counts = join(mkdtempSync(join(tmpdir(), 'certwright-test-')), 'counts');
process.env['CERTWRIGHT_TEST_SEED'] = seed;
process.env['NODE_COMPILE_CACHE'] ??= join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'certwright', 'compile');
if (full) {
  process.env['CERTWRIGHT_TEST_FULL'] = '1';
  process.env['CERTWRIGHT_TEST_COUNTS'] = counts;
}
if (options.has('--update-golden')) process.env['CERTWRIGHT_UPDATE_GOLDEN'] = '1';

// Helpers and contracts ask for tools too, so all of them are read whatever was filtered.
provideTools(filesMatching('test/**/*.ts', 'src/testing/*.ts', 'src/**/*.test.ts', 'src/**/*.contract.ts'));
const outcome = full ? await runApart(units) : await runShared(units);
addOutcome(outcome, await runApart(suites));
printOutcome(outcome);

if (full) {
  const lines = (existsSync(counts) ? readFileSync(counts, 'utf8') : '').split('\n').filter((line) => line !== '');
  console.log(
    `\nproperty tests, cases:\n${[...new Set(lines)]
      .sort()
      .map((line) => `  ${line}`)
      .join('\n')}`,
  );
}
rmSync(join(counts, '..'), { recursive: true, force: true });
const sum = totals(outcome);
console.log(`\nseed ${seed} (CERTWRIGHT_TEST_SEED=${seed} repeats it), ${((performance.now() - started) / 1000).toFixed(1)} s`);
console.log(summaryLine(sum));
process.exit(sum.failed === 0 && sum.passed > 0 ? 0 : 1);
