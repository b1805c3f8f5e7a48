// Rates of `openssl speed`, the physical limit that signing and verifying are held against.

import { execFileSync } from 'node:child_process';
import { requireTool } from '../src/testing/tools.ts';

/** Operations a second, of all processes together. */
export type SpeedRates = { readonly sign: number; readonly verify: number };

const summaryLine = { ecdsap256: /^\s*256 bits ecdsa \(nistp256\)(.*)$/m, rsa2048: /^rsa\s+2048 bits(.*)$/m } as const;

/** The last two columns of the summary of an algorithm; throws where the output has none. */
export const parseSpeed = (output: string, algorithm: keyof typeof summaryLine): SpeedRates => {
  const columns = summaryLine[algorithm].exec(output)?.[1]?.trim().split(/\s+/).map(Number) ?? [];
  const [sign, verify] = columns.slice(-2);
  if (sign === undefined || verify === undefined || !(sign > 0) || !(verify > 0))
    throw new Error(`openssl speed ${algorithm} printed no rates:\n${output}`);
  return { sign, verify };
};

/**
 * Runs `openssl speed` for a second each of signing and verifying. By itself it counts operations per second of processor time, which what
 * else runs on the machine does not slow down; `clock` counts by the clock instead, in so many processes at once.
 */
export const opensslSpeed = (algorithm: keyof typeof summaryLine, clock?: { readonly processes: number }): SpeedRates => {
  const several = clock === undefined || clock.processes === 1 ? [] : ['-multi', String(clock.processes)];
  const args = ['speed', '-seconds', '1', ...(clock === undefined ? [] : ['-elapsed']), ...several, algorithm];
  return parseSpeed(execFileSync(requireTool('openssl'), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }), algorithm);
};

/** Issuances a second where verifying a request and signing a certificate are all the work there is. */
export const issuanceLimit = (request: SpeedRates, ca: SpeedRates): number => 1 / (1 / request.verify + 1 / ca.sign);
