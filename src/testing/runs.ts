// How many cases a property test tries, and from which seed.
// Short counts keep `npm test` quick; CERTWRIGHT_TEST_FULL=1 (npm run test:full) asks for the counts that a claim needs.
// CERTWRIGHT_TEST_SEED repeats a run. Importing this file makes that seed fast-check's default.

import { randomInt } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import fc from 'fast-check';

/** Whether the full counts were asked for. */
export const full: boolean = process.env['CERTWRIGHT_TEST_FULL'] === '1';

const seedFromEnvironment = (): number => {
  const text = process.env['CERTWRIGHT_TEST_SEED'];
  if (text === undefined || text === '') return randomInt(0x7fffffff);
  const value = Number(text);
  if (!Number.isInteger(value) || Math.abs(value) > 0x7fffffff)
    throw new Error(`CERTWRIGHT_TEST_SEED is ${JSON.stringify(text)}, and should be an integer of 32 bits`);
  return value;
};

/** The seed of this process; fast-check uses it where a test gives none, and names it where a property fails. */
export const seed: number = seedFromEnvironment();
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });

/** Where the test runner collects the counts that were used, one `file:line count` a line. */
const countsFile = process.env['CERTWRIGHT_TEST_COUNTS'];

const callerOf = (stack: string | undefined): string => /([^/\s(]+\.ts:\d+):\d+\)?$/.exec(stack?.split('\n')[2] ?? '')?.[1] ?? 'unknown';

/** The number of cases of a property test: `short` in `npm test`, `fullCount` in `npm run test:full`. */
export const runs = (short: number, fullCount: number): number => {
  const count = full ? fullCount : short;
  if (countsFile !== undefined) appendFileSync(countsFile, `${callerOf(new Error('stack').stack)} ${count}\n`);
  return count;
};
