// docs/reference/parity.md: a row for each line of the parity contract and for what is asked beyond it, derived from the cases themselves.

import { contractIds, type Proof, proofs, unasked } from './contract.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');
const joined = (texts: readonly string[]): string => [...new Set(texts)].join('; ');

/** What an old server was asked: everything, or less and why. */
const oldCell = (all: readonly Proof[]): string => {
  const asked = all.some(({ embeddedOnly }) => embeddedOnly === undefined);
  const reasons = all.flatMap(({ embeddedOnly }) => (embeddedOnly === undefined ? [] : [embeddedOnly]));
  const differences = all.flatMap((proof) => proof.differences.map((why) => `answers otherwise in a step (${why})`));
  return joined([...(asked ? ['✓'] : []), ...reasons, ...differences]);
};

const currentCell = (all: readonly Proof[]): string =>
  joined(all.flatMap(({ current }) => (current === undefined ? [] : [current === true ? '✓' : current])));

const row = (id: string, all: readonly Proof[]): string =>
  `| ${id} | ${cell(joined(all.map(({ title }) => title)))} | ✓ | ${cell(oldCell(all))} | ${cell(currentCell(all))} |`;

const head = ['| | | embedded | kube-apiserver 1.20 | 1.36, custom resources |', '| --- | --- | --- | --- | --- |'];

export const parityPage = (): string => {
  const all = proofs();
  const lines = contractIds.map((id) => {
    const found = all.get(id);
    const missing = unasked[id];
    return found === undefined ? `| ${id} | ${cell(missing?.title ?? '')} | ${cell(missing?.reason ?? 'not asked')} | | |` : row(id, found);
  });
  const beyond = [...all].filter(([id]) => !contractIds.includes(id)).map(([id, found]) => row(id, found));
  return [
    'What clients can observe of the embedded control plane, and that it is what they observe of Kubernetes. Each line is a test that puts the',
    'same requests, or the same session of `kubectl` 1.32, to the embedded server and to a real kube-apiserver 1.20; those of custom resources also to',
    'a server of 1.36 that serves them alone. ✓ means asked there in the same run; otherwise the reason stands in its place. Debian sid’s `kubectl`',
    'does the sessions too, judged by exit codes and by what is stored.\n',
    '## The contract\n',
    ...head,
    ...lines,
    '\n## Beyond it\n',
    ...head,
    ...beyond,
    '',
  ].join('\n');
};
