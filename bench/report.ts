// How the bench shows its comparisons: a table for a terminal, the same in Markdown for the pages that quote it, and JSON.

import { type Comparison, isMet, type Topic } from './comparison.ts';

/** Everything one run found. */
export type Report = { readonly machine: readonly string[]; readonly takenAt: Date; readonly topics: readonly Topic[] };

const headings = ['what', 'measured', 'against', 'ratio', 'required', 'met'] as const;

const cells = (comparison: Comparison): readonly string[] => {
  const { name, measured, against, ratio, required } = comparison;
  const digits = ratio < 10 ? 2 : 1;
  return [
    name,
    measured,
    against,
    ratio.toFixed(digits),
    `${required.kind === 'at-least' ? '≥' : '≤'} ${required.figure}`,
    isMet(comparison) ? 'yes' : 'NO',
  ];
};

/** The report as text in columns. */
export const reportText = ({ machine, topics }: Report): string => {
  const rows = topics.flatMap(({ comparisons }) => comparisons.map(cells));
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  const notes = topics.flatMap(({ title, notes: lines }) => lines.map((text) => `${title}: ${text}`));
  return [...machine, '', line(headings), ...rows.map(line), '', ...notes, ''].join('\n');
};

/** The table in Markdown. */
export const markdownTable = ({ topics }: Report): string => {
  const line = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rows = topics.flatMap(({ comparisons }) => comparisons.map(cells));
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
};

/** The report in Markdown: the table, what was run, and on what. */
export const reportMarkdown = (report: Report): string =>
  [
    markdownTable(report),
    ...report.topics.map(({ title, notes }) => `\n${title}:\n${notes.map((note) => `- ${note}`).join('\n')}`),
    `\nTaken on ${report.takenAt.toISOString().slice(0, 10)} with:\n${report.machine.map((fact) => `- ${fact}`).join('\n')}`,
  ].join('\n');

/** The report as plain data. */
export const reportJson = ({ machine, takenAt, topics }: Report): unknown => ({
  takenAt: takenAt.toISOString(),
  machine,
  topics: topics.map((topic) => ({
    ...topic,
    comparisons: topic.comparisons.map((comparison) => ({ ...comparison, met: isMet(comparison) })),
  })),
});

const begin = '<!-- bench:begin (npm run bench -- --write) -->';
const end = '<!-- bench:end -->';

/** A page with what stands between the bench markers replaced; undefined where it has none. */
export const withReport = (page: string, markdown: string): string | undefined => {
  const start = page.indexOf(begin);
  const stop = page.indexOf(end, start);
  if (start < 0 || stop < 0) return undefined;
  return `${page.slice(0, start + begin.length)}\n${markdown}\n${page.slice(stop)}`;
};
