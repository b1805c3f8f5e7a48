// The parity contract: 120 lines of what clients can observe of a Kubernetes API server. A line's words are the titles of its cases and of
// its sections of kubectl's sessions; here stand the lines that have neither, with the reason.

import { type KubectlSession, kubectlSessions, type Section } from '../kubectl/kubectl-session.ts';
import { allCases, customCases } from './all-cases.ts';
import type { ParityCase } from './parity-case.ts';

/** C001 to C120. */
export const contractIds: readonly string[] = Array.from({ length: 120 }, (_, i) => `C${String(i + 1).padStart(3, '0')}`);

/** Lines that nothing asks yet. */
export const unasked: Readonly<Record<string, { readonly title: string; readonly reason: string }>> = {};

/** What proves a line: requests, on a current server too where they are of custom resources, and sessions of kubectl. */
export type Proof = {
  readonly title: string;
  readonly embeddedOnly?: string;
  /** Undefined where it is not of custom resources; a reason where it cannot be asked there. */
  readonly current?: true | string;
  /** What a server of 1.20 answers otherwise, each as a reason. */
  readonly differences: readonly string[];
};

const caseProof = (item: ParityCase): Proof => ({
  title: item.title,
  differences: [],
  ...(item.embeddedOnly === undefined ? {} : { embeddedOnly: item.embeddedOnly }),
  ...(customCases.includes(item) ? { current: item.notOnCurrent ?? true } : {}),
});

const sectionProof = ({ title, embeddedOnly, steps }: Section): Proof => ({
  title,
  differences: [...new Set(steps.flatMap(({ otherwise }) => (otherwise === undefined ? [] : [otherwise.why])))],
  ...(embeddedOnly === undefined ? {} : { embeddedOnly }),
});

/** What proves each line of the contract, and what is asked beyond it under names of its own. */
export const proofs = (
  cases: readonly ParityCase[] = allCases,
  sessions: readonly KubectlSession[] = kubectlSessions(),
): ReadonlyMap<string, readonly Proof[]> => {
  const found = new Map<string, Proof[]>();
  const add = (id: string, proof: Proof): void => {
    found.set(id, [...(found.get(id) ?? []), proof]);
  };
  for (const item of cases) add(item.id, caseProof(item));
  for (const { name, sections } of sessions)
    for (const section of sections)
      for (const id of section.ids.length === 0 ? [`kubectl-${name}`] : section.ids) add(id, sectionProof(section));
  return found;
};
