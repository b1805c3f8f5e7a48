// Bench 3: how long a command takes that does next to nothing, as the package ships it: the launcher, the bundle, and the compile cache that
// the launcher keeps. The floor is Node running an empty program.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { requireTool } from '../src/testing/tools.ts';
import { median, milliseconds, type Topic } from './comparison.ts';
import { installPackage, userEnvironment } from './installed-package.ts';

const makeCertificate = (workFolder: string): string => {
  const file = join(workFolder, 'certificate.pem');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(workFolder, 'key.pem')];
  const names = ['-subj', '/O=Example/CN=www.example.com', '-addext', 'subjectAltName=DNS:www.example.com,IP:192.0.2.1'];
  execFileSync(requireTool('openssl'), ['req', '-x509', ...newKey, ...names, '-days', '90', '-out', file], { stdio: 'ignore' });
  return file;
};

/** Runs each command so many times in turn. */
export const startUp = async (workFolder: string, runs = 60): Promise<Topic> => {
  const certwright = installPackage(workFolder);
  const certificate = makeCertificate(workFolder);
  const env = userEnvironment(workFolder);
  const commands = {
    node: [process.execPath, '-e', '0'],
    version: [certwright, '--version'],
    inspect: [certwright, 'pki', 'inspect', certificate],
  } as const;
  const time = ([command, ...args]: readonly [string, ...string[]]): number => {
    const started = performance.now();
    execFileSync(command, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    return performance.now() - started;
  };
  // The first runs fill the compile cache and the page cache.
  for (let i = 0; i < 3; i++) for (const command of Object.values(commands)) time(command);
  const times = { node: [] as number[], version: [] as number[], inspect: [] as number[] };
  for (let i = 0; i < runs; i++) {
    times.node.push(time(commands.node));
    times.version.push(time(commands.version));
    times.inspect.push(time(commands.inspect));
  }
  const floor = median(times.node);
  const against = `node -e 0, ${milliseconds(floor)}`;
  const compare = (name: string, taken: readonly number[], figure: number) => ({
    name,
    measured: milliseconds(median(taken)),
    against,
    ratio: median(taken) / floor,
    required: { kind: 'at-most', figure } as const,
  });
  return {
    title: 'start-up',
    notes: [`medians of ${runs} runs taken in turn, of the package as it is installed`],
    comparisons: [
      compare('certwright --version', times.version, 1.3),
      compare('certwright pki inspect of a certificate', times.inspect, 2),
    ],
  };
};
