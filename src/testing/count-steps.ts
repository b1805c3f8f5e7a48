// Work in steps: how often V8 entered each block of our source while a decoder ran, plus the lengths that it handed to built-in functions
// which go through all they are given. The same on every machine and in every run, unlike time. It takes a process of its own: V8 counts
// blocks only in what it compiled while counting, and whole only in what it has not optimized.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { ApiDecoderName } from './api-decoders.ts';
import type { DecoderName } from './decoders.ts';

export type Work<Name extends string = DecoderName> = { readonly decoder: Name; readonly bytes: Uint8Array };

const count = (registry: 'pki' | 'api', work: readonly Work<string>[]): Promise<readonly number[]> =>
  new Promise((resolve, reject) => {
    const program = join(import.meta.dirname, 'count-steps-process.ts');
    const args = ['--no-opt', '--no-maglev', program, registry];
    const child = execFile(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }, (error, printed) => {
      if (error === null) resolve(JSON.parse(printed));
      else reject(error);
    });
    child.stdin?.end(JSON.stringify(work.map(({ decoder, bytes }) => [decoder, Buffer.from(bytes).toString('base64')])));
  });

/** Counts the steps of each decoder on its bytes, one after the other. */
export const countSteps = (work: readonly Work[]): Promise<readonly number[]> => count('pki', work);
/** The same of the API server's. */
export const countApiSteps = (work: readonly Work<ApiDecoderName>[]): Promise<readonly number[]> => count('api', work);
