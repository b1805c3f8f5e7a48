// The rate at which this machine makes RSA-2048 keys on all cores, for bench/cluster.ts: the same OpenSSL as Certwright's, nothing else.
// Protocol: repeating-process.ts. Two keys are always under way for each core, so that no core waits.

import { generateKeyPair } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const makeKey = promisify(generateKeyPair);

for await (const line of createInterface(process.stdin)) {
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const end = started + Number(line) * 1000;
  let count = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      await makeKey('rsa', { modulusLength: 2048 });
      count++;
    }
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, worker));
  const cpu = process.cpuUsage(cpuBefore);
  console.log(JSON.stringify({ count, seconds: (performance.now() - started) / 1000, cpuSeconds: (cpu.user + cpu.system) / 1e6 }));
}
