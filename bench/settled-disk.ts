// Waits until files are made at their usual speed. For one to five minutes after many were deleted, ext4 passes over each deleted inode
// again before it makes a file, which then takes twenty times as long; a bench right after another one would measure that.
// What is made to find out is left for whoever removes the folder, because removing it would bring about what is waited for.

import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const files = 300;
const usualMicroseconds = 80;
const pauseMs = 10_000;
const maxPauses = 32;

/** Makes empty files in a new folder and returns how many microseconds one took. */
const timeOfOne = (folder: string): number => {
  mkdirSync(folder);
  const started = performance.now();
  for (let i = 0; i < files; i++) closeSync(openSync(join(folder, String(i)), 'wx'));
  return ((performance.now() - started) * 1000) / files;
};

/** Waits, telling so, for at most five minutes; a disk that is always slow is measured as it is. */
export const settledDisk = async (workFolder: string): Promise<void> => {
  const probes = join(workFolder, 'probes');
  mkdirSync(probes);
  for (let pause = 0; pause < maxPauses; pause++) {
    const microseconds = timeOfOne(join(probes, String(pause)));
    if (microseconds <= usualMicroseconds) return;
    console.error(`bench: a file takes ${microseconds.toFixed(0)} µs to make; waiting until the disk has settled …`);
    await setTimeout(pauseMs);
  }
};
