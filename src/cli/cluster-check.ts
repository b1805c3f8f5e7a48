// `certwright cluster check`: kubeadm's tables of what expires when, and what differs from the plan. It changes nothing.

import { shortDuration } from '../base/duration.ts';
import { type CheckRow, type ClusterCheck, checkCluster } from '../cluster/check.ts';
import type { ClusterManifest } from '../cluster/manifest.ts';
import { outDirectory, outOption, planFileOption, readPlan } from './cluster-plan.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import { durationOption, positiveDuration } from './option-values.ts';
import { printResult } from './output-format.ts';
import { textTable } from './text-table.ts';

/** Exit codes of the verdicts; other failures exit by their class. */
const exitCodeOf: Readonly<Record<ClusterCheck['verdict'], number>> = { ok: 0, attention: 6, broken: 7 };

/** Beyond so many rows those that are right are left out. */
const maxRows = 200;

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const two = (value: number): string => String(value).padStart(2, '0');

/** As kubeadm prints times: `Jan 02, 2006 15:04 UTC`. */
const kubeadmTime = (at: Date): string =>
  `${months[at.getUTCMonth()]} ${two(at.getUTCDate())}, ${at.getUTCFullYear()} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`;

const nameOf = ({ id, status }: CheckRow): string => (status === 'missing' ? `!MISSING! ${id}` : id);
const expires = ({ expires: end }: CheckRow): string => (end === undefined ? '' : kubeadmTime(end));
const residual = ({ residualMs }: CheckRow): string => (residualMs === undefined ? '' : shortDuration(residualMs));
const managed = ({ isExternallyManaged }: CheckRow): string => (isExternallyManaged ? 'yes' : 'no');

const withinBounds = (rows: readonly CheckRow[]): { readonly shown: readonly CheckRow[]; readonly left: readonly string[] } => {
  if (rows.length <= maxRows) return { shown: rows, left: [] };
  const notable = rows.filter(({ status }) => status !== 'ok');
  const shown = notable.slice(0, maxRows);
  return {
    shown,
    left: [
      `${rows.length - notable.length} more are right and not listed`,
      ...(notable.length > shown.length ? [`${notable.length - shown.length} more are not right; -o json lists all`] : []),
    ],
  };
};

const checkText = ({ certificates, authorities, files, notes }: ClusterCheck, manifest: ClusterManifest, out: string): string => {
  const descriptions = new Map(manifest.authorities.map(({ id, description }) => [id, description]));
  const { shown, left } = withinBounds(certificates);
  const authorityOf = ({ authority }: CheckRow): string => (authority === undefined ? '' : (descriptions.get(authority) ?? authority));
  const problems = [...authorities, ...certificates, ...files].flatMap(({ files: paths, differences, notes: remarks, status }) => [
    ...(status === 'expiring' ? [] : differences.map(({ message }) => `  ${paths.join(', ')}: ${message}`)),
    ...remarks.map((remark) => `  ${paths.join(', ')}: note: ${remark}`),
  ]);
  const counts = [...authorities, ...certificates, ...files].reduce(
    (sum, { status }) => sum.set(status, (sum.get(status) ?? 0) + 1),
    new Map<string, number>(),
  );
  const summary = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
  return [
    textTable(
      ['CERTIFICATE', 'EXPIRES', 'RESIDUAL TIME', 'CERTIFICATE AUTHORITY', 'EXTERNALLY MANAGED', 'STATE'],
      shown.map((row) => [nameOf(row), expires(row), residual(row), authorityOf(row), managed(row), row.status]),
    ),
    ...left.map((line) => `${line}\n`),
    '\n',
    textTable(
      ['CERTIFICATE AUTHORITY', 'EXPIRES', 'RESIDUAL TIME', 'EXTERNALLY MANAGED', 'STATE'],
      authorities.map((row) => [
        row.status === 'missing' ? `!MISSING! ${row.description}` : row.description,
        expires(row),
        residual(row),
        managed(row),
        row.status,
      ]),
    ),
    ...(problems.length === 0 ? [] : [`\nNot as planned, below ${out}:\n`, ...problems.slice(0, maxRows).map((line) => `${line}\n`)]),
    ...notes.map((note) => `\n${note}\n`),
    `\n${summary}\n`,
  ].join('');
};

export const defineClusterCheck: DefineCommand = (command, io) => {
  command
    .addOption(planFileOption())
    .addOption(outOption())
    .addOption(
      durationOption(
        '--warning-window <time>',
        'how long before its end a certificate deserves attention',
        '45d',
        positiveDuration('--warning-window'),
      ),
    )
    .addOption(outputOption())
    .action(async (options) => {
      const { manifest } = await readPlan(io, options.planFile);
      const check = checkCluster({
        manifest,
        directory: outDirectory(io, options.out),
        at: io.now(),
        warningWindowMs: options.warningWindow,
      });
      await printResult(io, options.output, { planFile: options.planFile, directory: options.out, ...check }, () =>
        checkText(check, manifest, options.out),
      );
      io.setExitCode(exitCodeOf[check.verdict]);
    });
  return {
    description:
      'Exits 0 when all is right, 6 when something expires within the warning window or differs from the plan, 7 when something is\n' +
      'expired, missing or broken.',
    examples: [
      { command: 'cluster check', about: 'when what expires, and what is not as planned' },
      { command: 'cluster check --warning-window 90d -o json', about: 'for a monitor' },
    ],
    values: { '--plan-file': 'files', '--out': 'files' },
  };
};
