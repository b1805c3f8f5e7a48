// kubectl's sessions, test/e2e/kubectl/*.txt: command-line sessions (src/testing/cli-session.ts) in sections, each of them lines of the parity
// contract. `## C080, C081: words` opens a section, `## embedded only: why` below it keeps it from the old real server, and
// `## kube-apiserver 1.20, why:` below a step is followed by what that server's step prints instead. What differs from run to run is
// printed as AGE, TIME, UID, PORT. This file reads sessions; running them is kubectl-run.ts.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSession, type Session, type Step } from '../../../src/testing/cli-session.ts';

/** What a step prints on the old real server where that is something else. */
export type Otherwise = { readonly why: string; readonly expected: readonly string[]; readonly exitCode: number };
export type SectionStep = Step & { readonly otherwise?: Otherwise };

export type Section = {
  /** Lines of the contract; none where it only prepares. */
  readonly ids: readonly string[];
  readonly title: string;
  readonly embeddedOnly?: string;
  readonly steps: readonly SectionStep[];
};

export type KubectlSession = {
  /** Also the name of the namespace it works in. */
  readonly name: string;
  readonly path: string;
  readonly text: Session;
  readonly sections: readonly Section[];
};

const heading = /^## ((?:C\d{3}(?:, )?)*)(?:: )?(.+)$/;
const exclusion = /^## embedded only: (.+)$/;
const difference = /^## kube-apiserver 1\.20, (.+):$/;
const exitLine = /^\[exit (\d{1,3})\]$/;

const otherwiseOf = (why: string, lines: readonly string[]): Otherwise => {
  const last = lines.findLastIndex((line) => line !== '');
  const printed = lines.slice(0, last + 1);
  const code = exitLine.exec(printed.at(-1) ?? '')?.[1];
  return { why, expected: code === undefined ? printed : printed.slice(0, -1), exitCode: Number(code ?? 0) };
};

/** The sections of a session. */
export const sectionsOf = (session: Session): readonly Section[] => {
  const sections: { ids: readonly string[]; title: string; embeddedOnly?: string; steps: SectionStep[] }[] = [];
  for (const [index, part] of session.entries()) {
    const section = sections.at(-1);
    if (typeof part !== 'string') {
      if (section === undefined) throw new Error(`line ${part.line}: a command before the first section`);
      section.steps.push(part);
      continue;
    }
    const why = difference.exec(part)?.[1];
    if (why !== undefined) {
      const rest = session.slice(index + 1);
      const end = rest.findIndex((line) => typeof line !== 'string' || line.startsWith('## '));
      const lines = rest.slice(0, end < 0 ? rest.length : end).filter((line) => typeof line === 'string');
      const step = section?.steps.pop();
      if (section === undefined || step === undefined) throw new Error(`no step before ${JSON.stringify(part)}`);
      section.steps.push({ ...step, otherwise: otherwiseOf(why, lines) });
      continue;
    }
    const excluded = exclusion.exec(part)?.[1];
    if (excluded !== undefined && section !== undefined) {
      section.embeddedOnly = excluded;
      continue;
    }
    const [, ids = '', title = ''] = heading.exec(part) ?? [];
    if (title !== '') sections.push({ ids: ids.split(', ').filter((id) => id !== ''), title, steps: [] });
  }
  return sections;
};

/** The sessions beside this file; those of an older kubectl stand apart. */
export const kubectlSessions = (folder: string = import.meta.dirname): readonly KubectlSession[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .map((file) => {
      const path = join(folder, file);
      const text = parseSession(readFileSync(path, 'utf8'));
      return { name: file.slice(0, -'.txt'.length), path, text, sections: sectionsOf(text) };
    });
