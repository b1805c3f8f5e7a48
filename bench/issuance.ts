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

type Figures = {
  readonly limitP256: number;
  readonly ours: number;
  readonly oursPerCpu: number;
  readonly goPerCpu: number;
  readonly cfssl: number;
  readonly limitRsa: number;
  readonly oursRsa: number;
  readonly limitTwoCores: number;
  readonly oursTwoCores: number;
};

const comparisonsOf = (rounds: readonly Figures[]): readonly Comparison[] => {
  const middle = (key: keyof Figures): number => median(rounds.map((figures) => figures[key]));
  const ratio = (ours: keyof Figures, theirs: keyof Figures): number => median(rounds.map((figures) => figures[ours] / figures[theirs]));
  const atLeast = (figure: number) => ({ kind: 'at-least', figure }) as const;
  const gains = rounds.map((figures) => ({
    ours: figures.oursTwoCores / figures.ours,
    limit: figures.limitTwoCores / figures.limitP256,
  }));
  return [
    {
      name: 'issuance, P-256 CA',
      measured: perSecond(middle('ours')),
      against: `OpenSSL's limit, ${perSecond(middle('limitP256'))}`,
      ratio: ratio('ours', 'limitP256'),
      required: atLeast(0.45),
    },
    {
      name: 'issuance, P-256 CA, per CPU-second',
      measured: perSecond(middle('oursPerCpu')),
      against: `Go's standard library, ${perSecond(middle('goPerCpu'))}`,
      ratio: ratio('oursPerCpu', 'goPerCpu'),
      required: atLeast(1.1),
    },
    {
      name: 'issuance, P-256 CA',
      measured: perSecond(middle('ours')),
      against: `cfssl sign, once each, ${perSecond(middle('cfssl'))}`,
      ratio: ratio('ours', 'cfssl'),
      required: atLeast(30),
    },
    {
      name: 'issuance, RSA-2048 CA',
      measured: perSecond(middle('oursRsa')),
      against: `OpenSSL's limit, ${perSecond(middle('limitRsa'))}`,
      ratio: ratio('oursRsa', 'limitRsa'),
      required: atLeast(0.72),
    },
    {
      name: 'issuance, P-256 CA, two processes',
      measured: `${perSecond(middle('oursTwoCores'))}, ${median(gains.map(({ ours }) => ours)).toFixed(2)} times one`,
      against: `openssl speed -multi 2, ${median(gains.map(({ limit }) => limit)).toFixed(2)} times one`,
      ratio: median(gains.map(({ ours, limit }) => ours / limit)),
      required: atLeast(0.85),
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
  for (const warming of [p256, second, rsa, go]) await warming.run(3);

  const taken: Figures[] = [];
  for (let round = 0; round < rounds; round++) {
    const speed = opensslSpeed('ecdsap256', 1);
    const ours = await p256.run(2);
    const goResult = await go.run(2);
    const cfssl = cfsslRate(workFolder, 60);
    const rsaSpeed = opensslSpeed('rsa2048', 1);
    const oursRsa = await rsa.run(2);
    const twoSpeed = opensslSpeed('ecdsap256', 1, 2);
    const both = await Promise.all([p256.run(2), second.run(2)]);
    taken.push({
      limitP256: issuanceLimit(speed, speed),
      ours: rateOf(ours),
      oursPerCpu: ratePerCpuSecond(ours),
      goPerCpu: ratePerCpuSecond(goResult),
      cfssl,
      limitRsa: issuanceLimit(speed, rsaSpeed),
      oursRsa: rateOf(oursRsa),
      limitTwoCores: issuanceLimit(twoSpeed, twoSpeed),
      oursTwoCores: both.map(rateOf).reduce((sum, rate) => sum + rate, 0),
    });
  }
  return {
    title: 'issuance',
    notes: [
      `medians of ${rounds} rounds, of the ratios too; each certificate is a PEM request parsed and verified, linted, signed and written as PEM, sixteen at a time in one thread, by Go too`,
      'the limit is 1/(1/verify + 1/sign) by openssl speed, the key of the request being P-256 throughout',
    ],
    comparisons: comparisonsOf(taken),
  };
};
