// Bench 1: full issuance against the limit of the machine, a Go program on its standard library, and cfssl run once for each certificate.
// Every round takes every figure once, one after another, so that what else the machine does in between meets all of them alike.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { requireTool } from '../src/testing/tools.ts';
import { type Comparison, median, perSecond, type Topic } from './comparison.ts';
import { issuanceLimit, opensslSpeed } from './openssl-speed.ts';
import { rateOf, ratePerCpuSecond, startRepeating } from './repeating-process.ts';

const folder = import.meta.dirname;
const requestSubject = '/O=Example/CN=www.example.com';
const requestNames = 'subjectAltName=DNS:www.example.com,DNS:example.com';

const run = (command: string, args: readonly string[], cwd: string): void => {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
};

/** A P-256 request and, for cfssl, a P-256 CA, both made by OpenSSL. */
const makeInputs = (workFolder: string): void => {
  const openssl = requireTool('openssl');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  run(
    openssl,
    ['req', '-new', ...newKey, '-keyout', 'key.pem', '-subj', requestSubject, '-addext', requestNames, '-out', 'csr.pem'],
    workFolder,
  );
  run(
    openssl,
    ['req', '-x509', ...newKey, '-keyout', 'ca-key.pem', '-subj', '/CN=bench CA', '-days', '3650', '-out', 'ca.pem'],
    workFolder,
  );
};

const buildGoProgram = (workFolder: string): string => {
  const program = join(workFolder, 'issue');
  execFileSync(requireTool('go'), ['build', '-o', program, '.'], {
    cwd: join(folder, 'go'),
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-buildvcs=false' },
  });
  return program;
};

/** Runs `cfssl sign` so many times from a shell loop, as a script would, and returns certificates a second. */
const cfsslRate = (workFolder: string, count: number): number => {
  const loop =
    'i=0; while [ "$i" -lt "$2" ]; do "$1" sign -ca ca.pem -ca-key ca-key.pem csr.pem >/dev/null 2>&1 || exit 1; i=$((i + 1)); done';
  const started = performance.now();
  run('sh', ['-c', loop, 'loop', requireTool('cfssl'), String(count)], workFolder);
  return (count * 1000) / (performance.now() - started);
};

/** Certificates a second, by the clock or, where it says so, of processor time. */
type Figures = {
  readonly limitPerCpu: number;
  readonly oursPerCpu: number;
  readonly goPerCpu: number;
  readonly ours: number;
  readonly cfssl: number;
  readonly limitRsaPerCpu: number;
  readonly oursRsaPerCpu: number;
  readonly limitOnOne: number;
  readonly limitOnTwo: number;
  readonly oursOnTwo: number;
};

const comparisonsOf = (rounds: readonly Figures[]): readonly Comparison[] => {
  const middle = (key: keyof Figures): number => median(rounds.map((figures) => figures[key]));
  const compare = (name: string, ours: keyof Figures, peer: string, theirs: keyof Figures, figure: number): Comparison => ({
    name,
    measured: perSecond(middle(ours)),
    against: `${peer}, ${perSecond(middle(theirs))}`,
    ratio: median(rounds.map((figures) => figures[ours] / figures[theirs])),
    required: { kind: 'at-least', figure },
  });
  const gains = rounds.map((figures) => ({
    ours: figures.oursOnTwo / figures.ours,
    limit: figures.limitOnTwo / figures.limitOnOne,
  }));
  return [
    compare('issuance, P-256 CA, per CPU-second', 'oursPerCpu', "OpenSSL's limit", 'limitPerCpu', 0.45),
    compare('issuance, P-256 CA, per CPU-second', 'oursPerCpu', "Go's standard library", 'goPerCpu', 1.1),
    compare('issuance, P-256 CA', 'ours', 'cfssl sign, once each', 'cfssl', 30),
    compare('issuance, RSA-2048 CA, per CPU-second', 'oursRsaPerCpu', "OpenSSL's limit", 'limitRsaPerCpu', 0.72),
    {
      name: 'issuance, P-256 CA, two processes',
      measured: `${perSecond(middle('oursOnTwo'))}, ${median(gains.map(({ ours }) => ours)).toFixed(2)} times one`,
      against: `openssl speed -multi 2, ${median(gains.map(({ limit }) => limit)).toFixed(2)} times one`,
      ratio: median(gains.map(({ ours, limit }) => ours / limit)),
      required: { kind: 'at-least', figure: 0.85 },
    },
  ];
};

/** Runs the rounds in a folder of its own. */
export const issuance = async (workFolder: string, rounds = 5): Promise<Topic> => {
  makeInputs(workFolder);
  const request = join(workFolder, 'csr.pem');
  const loop = (algorithm: string) => startRepeating(process.execPath, [join(folder, 'issuance-loop.ts'), algorithm, request]);
  await using p256 = loop('ecdsa-p256');
  await using second = loop('ecdsa-p256');
  await using rsa = loop('rsa-2048');
  await using go = startRepeating(buildGoProgram(workFolder), ['ecdsa-p256', request]);
  for (const warming of [p256, second, rsa, go]) await warming.run(4);

  const taken: Figures[] = [];
  for (let round = 0; round < rounds; round++) {
    const speed = opensslSpeed('ecdsap256');
    const ours = await p256.run(2);
    const goResult = await go.run(2);
    const cfssl = cfsslRate(workFolder, 60);
    const rsaSpeed = opensslSpeed('rsa2048');
    const oursRsa = await rsa.run(2);
    const onOne = opensslSpeed('ecdsap256', { processes: 1 });
    const onTwo = opensslSpeed('ecdsap256', { processes: 2 });
    const both = await Promise.all([p256.run(2), second.run(2)]);
    taken.push({
      limitPerCpu: issuanceLimit(speed, speed),
      oursPerCpu: ratePerCpuSecond(ours),
      goPerCpu: ratePerCpuSecond(goResult),
      ours: rateOf(ours),
      cfssl,
      limitRsaPerCpu: issuanceLimit(speed, rsaSpeed),
      oursRsaPerCpu: ratePerCpuSecond(oursRsa),
      limitOnOne: issuanceLimit(onOne, onOne),
      limitOnTwo: issuanceLimit(onTwo, onTwo),
      oursOnTwo: both.map(rateOf).reduce((sum, rate) => sum + rate, 0),
    });
  }
  return {
    title: 'issuance',
    notes: [
      `medians of ${rounds} rounds, of the ratios too; each certificate is a PEM request parsed and verified, linted, signed and written as PEM, sixteen at a time in one thread, by Go too`,
      'the limit is 1/(1/verify + 1/sign) by openssl speed, the key of the request being P-256 throughout',
      'processor time is that of all threads of a process, those that collect garbage and compile included',
    ],
    comparisons: comparisonsOf(taken),
  };
};
