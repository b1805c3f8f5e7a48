// Command-line sessions as text: what a person types and what appears, which the docs quote and the tests repeat.
// `$ ` starts a command, `> ` continues it; the lines after it are its output, both streams as they come. A line `...` stands for any lines,
// `...` inside a line for any characters, `[exit N]` as last line for the exit code, 0 where there is none. `## ` starts a line of prose.
// This file reads, compares and rewrites sessions; running the commands is test/scripts.test.ts.

/** One command with what it should print. */
export type Step = {
  /** Counted from 1. */
  readonly line: number;
  readonly command: string;
  readonly expected: readonly string[];
  readonly exitCode: number;
};

/** A session: lines that are kept as they are, and steps, in order. */
export type Session = readonly (string | Step)[];

const exitLine = /^\[exit (\d{1,3})\]$/;

const trimEnd = (lines: readonly string[]): readonly string[] => {
  const last = lines.findLastIndex((line) => line !== '');
  return lines.slice(0, last + 1);
};

/** Reads a session; text before the first command and lines of prose are kept as strings. */
export const parseSession = (text: string): Session => {
  const lines = text.replace(/\n$/, '').split('\n');
  const session: (string | Step)[] = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index] ?? '';
    if (!line.startsWith('$ ')) {
      session.push(line);
      index++;
      continue;
    }
    const start = index;
    let command = line.slice(2);
    for (index++; lines[index]?.startsWith('> ') || lines[index] === '>'; index++) command += `\n${(lines[index] ?? '').slice(2)}`;
    const output: string[] = [];
    for (; index < lines.length && !/^(?:\$ |## )/.test(lines[index] ?? ''); index++) output.push(lines[index] ?? '');
    const expected = trimEnd(output);
    const code = exitLine.exec(expected.at(-1) ?? '')?.[1];
    session.push({
      line: start + 1,
      command,
      expected: code === undefined ? expected : expected.slice(0, -1),
      exitCode: Number(code ?? 0),
    });
  }
  return session;
};

const lineMatches = (expected: string, actual: string): boolean => {
  if (!expected.includes('...')) return expected === actual;
  const parts = expected.split('...');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!actual.startsWith(first) || !actual.endsWith(last) || actual.length < first.length + last.length) return false;
  let position = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = actual.indexOf(part, position);
    if (found < 0 || found + part.length > actual.length - last.length) return false;
    position = found + part.length;
  }
  return true;
};

/** Whether what a command printed is what its step expects, wildcards honoured. */
export const outputMatches = (expected: readonly string[], actual: readonly string[]): boolean => {
  // For every prefix of `actual`: can the expected lines read so far produce it?
  let reachable = new Array<boolean>(actual.length + 1).fill(false);
  reachable[0] = true;
  for (const line of expected) {
    const next = new Array<boolean>(actual.length + 1).fill(false);
    let any = false;
    for (let end = 0; end <= actual.length; end++) {
      if (line === '...') {
        any ||= reachable[end] === true;
        next[end] = any;
      } else if (end > 0 && reachable[end - 1] === true) next[end] = lineMatches(line, actual[end - 1] ?? '');
    }
    reachable = next;
  }
  return reachable[actual.length] === true;
};

/** The lines of what a command printed, the empty ones at its end left out. */
export const outputLines = (output: string): readonly string[] => trimEnd(output.split('\n').map((line) => line.replace(/\r$/, '')));

/** What a session's step came to when it was run. */
export type Result = { readonly output: readonly string[]; readonly exitCode: number };

/** The session's text with the results in it; a step that matched keeps its words, wildcards and all. */
export const rewriteSession = (session: Session, results: readonly Result[]): string => {
  const lines: string[] = [];
  let next = 0;
  for (const [index, part] of session.entries()) {
    if (typeof part === 'string') {
      lines.push(part);
      continue;
    }
    const result = results[next++];
    const matched = result === undefined || outputMatches(part.expected, result.output);
    const code = result?.exitCode ?? part.exitCode;
    lines.push(...part.command.split('\n').map((line, i) => `${i === 0 ? '$' : '>'} ${line}`.trimEnd()));
    lines.push(...(matched ? part.expected : result.output));
    if (code !== 0) lines.push(`[exit ${code}]`);
    if (index + 1 < session.length) lines.push('');
  }
  return `${lines.join('\n')}\n`;
};
