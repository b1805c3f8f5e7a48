// A process that does one thing again and again for as long as it is told to: one line with a number of seconds in, one line of JSON out.
// It lives through all rounds, so that starting and warming up are paid before the first. Its processor time is what it says itself, by
// getrusage over its own loop.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What one run of the loop did. */
export type LoopResult = { readonly count: number; readonly seconds: number; readonly cpuSeconds: number };

export type RepeatingProcess = AsyncDisposable & { run(seconds: number): Promise<LoopResult> };

const numberOf = (value: unknown, key: string): number => {
  const found: unknown =
    typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined;
  if (typeof found !== 'number') throw new Error(`a bench process answered without ${key}`);
  return found;
};

/** Starts a process of that protocol. */
export const startRepeating = (command: string, args: readonly string[]): RepeatingProcess => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  return {
    run: async (seconds) => {
      child.stdin.write(`${seconds}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error(`${command} ended before it answered`);
      const answer: unknown = JSON.parse(value);
      return { count: numberOf(answer, 'count'), seconds: numberOf(answer, 'seconds'), cpuSeconds: numberOf(answer, 'cpuSeconds') };
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
};

/** Certificates a second of wall time, and of processor time. */
export const rateOf = ({ count, seconds }: LoopResult): number => count / seconds;
export const ratePerCpuSecond = ({ count, cpuSeconds }: LoopResult): number => count / cpuSeconds;
