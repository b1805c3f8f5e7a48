// The embedded server as a process of its own, whose memory can be asked for after a forced collection: what only the server keeps, without
// what a test keeps. Run with --expose-gc by `startEmbeddedProcess`, whose messages it answers.

import { startServer } from '../apiserver/start-server.ts';
import { randomOctets } from './authority-files.ts';
import type { EmbeddedProcessOptions } from './start-embedded-process.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as EmbeddedProcessOptions;
const server = await startServer({
  ...options,
  host: '127.0.0.1',
  now: () => new Date(),
  random: randomOctets,
  requestedBy: 'test',
  onBug: (error) => {
    console.error(error);
    process.exit(1);
  },
});

/** Bytes that are held, on and off the heap. */
const heldBytes = async (): Promise<number> => {
  // What weak references keep for a turn is let go of in the next.
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

process.on('message', (asked) => {
  if (asked === 'memory') void heldBytes().then((bytes) => process.send?.(bytes));
  else void server.stop().then(() => process.exit(0));
});
process.send?.('ready');
