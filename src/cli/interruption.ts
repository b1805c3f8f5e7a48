// Ctrl-C and its like. While files are written, the next change to the disk is refused instead of the process being killed: what writes
// then cleans up after itself as it does after a full disk. At any other time, and the second time, the process ends at once.

import type { OnFileStep } from '../base/atomic-file.ts';

/** Thrown in place of the next change to the disk; carries the exit code that shells expect. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('interrupted');
    this.name = 'Interrupted';
    this.exitCode = exitCode;
  }
}

/** Turns a signal into the end of the process, or into the end of the writing that is under way. */
export type Interruption = {
  /** Runs work that writes files; it must call what it is given before each change. */
  writing<T>(work: (onStep: OnFileStep) => Promise<T>): Promise<T>;
  /** A signal came. */
  signal(exitCode: number): void;
};

/** `end` ends the process at once. */
export const interruption = (end: (exitCode: number) => void): Interruption => {
  let writers = 0;
  let pending: number | undefined;
  const onStep: OnFileStep = () => {
    if (pending !== undefined) throw new Interrupted(pending);
  };
  return {
    writing: async (work) => {
      writers++;
      try {
        return await work(onStep);
      } finally {
        writers--;
        // The last change was made before the signal came: nothing is half done, and nothing more is begun.
        if (writers === 0 && pending !== undefined) end(pending);
      }
    },
    signal: (exitCode) => {
      if (writers === 0 || pending !== undefined) end(exitCode);
      pending = exitCode;
    },
  };
};
