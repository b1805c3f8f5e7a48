// How much deriving of keys one input may ask for. Iteration counts come from outside: without a bound a file of a hundred bytes
// keeps a core busy for an hour. One budget is spent by everything that opens one file.

import { CodedError } from '../base/coded-error.ts';

/** What is left to spend, in rounds of one hash or HMAC. */
export type KdfBudget = { remaining: number };

/**
 * Rounds that one file may cost: about five seconds of one core. Java's legacy keystores ask for some 600,000, and a pass phrase
 * stretched by the counts recommended in 2023 for stored log-ins for 600,000 a key.
 */
export const maxKdfRounds = 10_000_000;

/** Salts in use have 8 to 64 octets; a longer one only costs time, for some schemes hash it anew in every block. */
export const maxSaltBytes = 1024;

// Setting up a derivation costs this many rounds, so that a file of very many cheap derivations is bounded too.
const roundsPerDerivation = 50;

/** A fresh budget for one file. */
export const kdfBudget = (): KdfBudget => ({ remaining: maxKdfRounds });

/** Takes the rounds of one derivation from the budget; throws InputTooLarge where they are not left. */
export const spendRounds = (budget: KdfBudget, rounds: number, what: string): void => {
  const cost = rounds + roundsPerDerivation;
  if (cost > budget.remaining)
    throw new CodedError('InputTooLarge', `cannot open ${what}: it asks for more than ${maxKdfRounds} rounds of key derivation`, {
      hint: 'write it again with a lower iteration count',
      details: { rounds, remaining: budget.remaining },
    });
  budget.remaining -= cost;
};

/** Refuses a salt longer than maxSaltBytes. */
export const checkSalt = (salt: Uint8Array, what: string): void => {
  if (salt.length > maxSaltBytes)
    throw new CodedError('InputTooLarge', `cannot open ${what}: its salt of ${salt.length} bytes is longer than ${maxSaltBytes}`);
};
