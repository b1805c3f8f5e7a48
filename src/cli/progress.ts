// Progress of long work, on standard error: on a terminal one line that is rewritten, elsewhere (with --progress) whole lines now and then.
// Nothing shows in the first second, so that short work stays silent.

import type { Io } from './io.ts';

const silentMs = 1000;
const terminalEveryMs = 100;
const linesEveryMs = 2000;

/** Tells how far some work has come. */
export type Progress = {
  update(done: number, total: number): void;
  /** Clears the line; call it before anything else is printed. */
  end(): void;
};

/** Progress of work that starts now; `label` is a verb in its -ing form. */
export const startProgress = (io: Pick<Io, 'err' | 'now' | 'progress' | 'settings'>, label: string): Progress => {
  const rewrites = io.err.isTerminal && !io.settings.dumbTerminal;
  if (!io.err.isTerminal && !io.progress) return { update: () => undefined, end: () => undefined };
  const started = io.now().getTime();
  let lastShown = started + silentMs - (rewrites ? terminalEveryMs : linesEveryMs);
  let width = 0;
  return {
    update: (done, total) => {
      const at = io.now().getTime();
      if (at - lastShown < (rewrites ? terminalEveryMs : linesEveryMs)) return;
      lastShown = at;
      const line = `${label} ${done}/${total} (${total === 0 ? 100 : Math.floor((done / total) * 100)} %)`;
      io.err.write(rewrites ? `\r${line.padEnd(width)}` : `${line}\n`);
      width = line.length;
    },
    end: () => {
      if (rewrites && width > 0) io.err.write(`\r${' '.repeat(width)}\r`);
    },
  };
};
