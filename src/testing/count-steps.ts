// Work in steps: how often V8 entered each block of our source while a decoder ran, plus the lengths that it handed to built-in functions
// which go through all they are given. The same on every machine and in every run, unlike time. It takes a process of its own: V8 counts
// blocks only in what it compiled while counting, and whole only in what it has not optimized.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { DecoderName } from './decoders.ts';

export type Work = { readonly decoder: DecoderName; readonly bytes: Uint8Array };

/** Counts the steps of each decoder on its bytes, one after the other. */
export const countSteps = (work: readonly Work[]): Promise<readonly number[]> =>
  new Promise((resolve, reject) => {
    const program = join(import.meta.dirname, 'count-steps-process.ts');
    const child = execFile(process.execPath, ['--no-opt', '--no-maglev', program], { maxBuffer: 64 * 1024 * 1024 }, (error, printed) => {
      if (error === null) resolve(JSON.parse(printed));
      else reject(error);
    });
    child.stdin?.end(JSON.stringify(work.map(({ decoder, bytes }) => [decoder, Buffer.from(bytes).toString('base64')])));
  });
