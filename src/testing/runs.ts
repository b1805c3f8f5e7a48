// How many cases a property test tries, and from which seed.
// Short counts keep `npm test` quick; CERTWRIGHT_TEST_FULL=1 (npm run test:full) asks for the counts that a claim needs.
// CERTWRIGHT_TEST_SEED repeats a run. Not here: reporting, which scripts/test.ts does from what is counted below.

import { randomInt } from 'node:crypto';

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

/** The seed of this process; give it to fast-check (`fc.assert(property, { seed, numRuns: runs(…) })`). */
export const seed: number = seedFromEnvironment();

/** The number of cases of a property test: `short` in `npm test`, `fullCount` in `npm run test:full`. */
export const runs = (short: number, fullCount: number): number => (full ? fullCount : short);
