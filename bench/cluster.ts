// Bench 2: the PKI of a whole cluster against the loops that people write with cfssl and openssl, and, with RSA, against the rate at which
// keys can be made at all. The loops run on a sample and are compared by the certificate, for a thousand each would take minutes and show
// the same. They fsync nothing, which is in their favour.

import { execFileSync } from 'node:child_process';
import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireTool } from '../src/testing/tools.ts';
import { type Comparison, median, perSecond, type Topic } from './comparison.ts';
import { installPackage, userEnvironment } from './installed-package.ts';
import { rateOf, startRepeating } from './repeating-process.ts';
import { settledDisk } from './settled-disk.ts';

const workers = 1000;
const rsaWorkers = 150;
const sample = 40;

type Certwright = (...args: readonly string[]) => void;

const writePlan = (certwright: Certwright, plan: string, count: number, algorithm: string): void => {
  certwright('cluster', 'init', '-f', plan, '--workers', String(count));
  execFileSync('sed', ['-i', `s/key_algorithm: .*/key_algorithm: ${algorithm}/`, plan]);
};

/**
 * Generates a plan into a new directory and returns how many certificates a second. The directory stays until the end of the bench: for half
 * a minute after a deletion, ext4 looks at every deleted inode again before it makes a file, which then takes twenty times as long.
 */
const generateRate = (certwright: Certwright, plan: string, out: string): number => {
  const started = performance.now();
  certwright('cluster', 'generate', '-f', plan, '--out', out);
  const seconds = (performance.now() - started) / 1000;
  const count = globSync(join(out, 'keys', '*-key.pem')).length;
  return count / seconds;
};

/** Runs a shell loop of so many certificates; $i counts. */
const loopRate = (folder: string, step: string, count: number): number => {
  const loop = `set -e; i=0; while [ "$i" -lt ${count} ]; do ${step}; i=$((i + 1)); done`;
  const started = performance.now();
  execFileSync('sh', ['-c', loop], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  return (count * 1000) / (performance.now() - started);
};

const request = {
  CN: 'system:node:worker',
  key: { algo: 'ecdsa', size: 256 },
  names: [{ O: 'system:nodes' }],
  hosts: ['worker', '192.0.2.10'],
};

const makeCa = (folder: string): void => {
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca-key.pem'];
  execFileSync(requireTool('openssl'), ['req', '-x509', ...newKey, '-subj', '/CN=bench CA', '-days', '3650', '-out', 'ca.pem'], {
    cwd: folder,
    stdio: 'ignore',
  });
  writeFileSync(join(folder, 'request.json'), JSON.stringify(request));
  writeFileSync(join(folder, 'leaf.cnf'), 'subjectAltName=DNS:worker,IP:192.0.2.10\nextendedKeyUsage=serverAuth,clientAuth\n');
};

const cfsslStep = (): string =>
  `${requireTool('cfssl')} gencert -ca ca.pem -ca-key ca-key.pem request.json 2>/dev/null | ${requireTool('cfssljson')} -bare "$i"`;

const opensslStep = (): string => {
  const openssl = requireTool('openssl');
  return [
    `${openssl} genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$i-key.pem" 2>/dev/null`,
    `${openssl} req -new -key "$i-key.pem" -subj "/O=system:nodes/CN=system:node:worker$i" -out "$i.csr"`,
    `${openssl} x509 -req -in "$i.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 365 -extfile leaf.cnf -out "$i.pem" 2>/dev/null`,
  ].join(' && ');
};

type Figures = {
  readonly p256: number;
  readonly cfssl: number;
  readonly openssl: number;
  readonly rsa: number;
  readonly rsaKeys: number;
};

const comparisonsOf = (rounds: readonly Figures[]): readonly Comparison[] => {
  const middle = (key: keyof Figures): number => median(rounds.map((figures) => figures[key]));
  const compare = (name: string, key: 'p256' | 'rsa', peer: string, peerKey: keyof Figures, figure: number): Comparison => ({
    name,
    measured: perSecond(middle(key)),
    against: `${peer}, ${perSecond(middle(peerKey))}`,
    ratio: median(rounds.map((figures) => figures[key] / figures[peerKey])),
    required: { kind: 'at-least', figure },
  });
  const p256 = `cluster generate, ${workers} workers, P-256`;
  return [
    compare(p256, 'p256', 'cfssl gencert | cfssljson -bare', 'cfssl', 10),
    compare(p256, 'p256', 'openssl genpkey, req, x509', 'openssl', 40),
    compare(`cluster generate, ${rsaWorkers} workers, RSA-2048`, 'rsa', 'RSA-2048 keys on all cores', 'rsaKeys', 0.85),
  ];
};

/** Runs the rounds in a folder of its own. */
export const cluster = async (workFolder: string, rounds = 5): Promise<Topic> => {
  const command = installPackage(workFolder);
  const env = userEnvironment(workFolder);
  const certwright: Certwright = (...args) => {
    execFileSync(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const [p256Plan, rsaPlan] = [join(workFolder, 'p256.yaml'), join(workFolder, 'rsa.yaml')];
  writePlan(certwright, p256Plan, workers, 'ecdsa-p256');
  writePlan(certwright, rsaPlan, rsaWorkers, 'rsa-2048');
  makeCa(workFolder);
  let generated = 0;
  const generate = (plan: string): number => generateRate(certwright, plan, join(workFolder, `out-${generated++}`));
  await using keys = startRepeating(process.execPath, [join(import.meta.dirname, 'key-generation-loop.ts')]);
  await settledDisk(workFolder);
  generate(p256Plan);
  await keys.run(1);

  const taken: Figures[] = [];
  for (let round = 0; round < rounds; round++)
    taken.push({
      p256: generate(p256Plan),
      cfssl: loopRate(workFolder, cfsslStep(), sample),
      openssl: loopRate(workFolder, opensslStep(), sample),
      rsa: generate(rsaPlan),
      rsaKeys: rateOf(await keys.run(4)),
    });
  return {
    title: 'cluster',
    notes: [
      `medians of ${rounds} rounds, of the ratios too, in certificates a second; generating includes starting the program, reading the plan and fsyncing every file`,
      `the loops of cfssl and openssl are run for ${sample} certificates a round, by the shell, and fsync nothing`,
      `for RSA the plan has ${rsaWorkers} workers, because the keys take all the time`,
    ],
    comparisons: comparisonsOf(taken),
  };
};
