// A small cluster's plan, and what tests of its directory ask again and again: requests to generate it, and what lies there to the byte.

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GenerateRequest } from '../cluster/generate.ts';
import type { ClusterManifest, PlannedCertificate } from '../cluster/manifest.ts';
import type { Layout, Plan } from '../cluster/plan.ts';
import { parsePlan } from '../cluster/plan-file.ts';
import { planManifest } from '../cluster/plan-manifest.ts';
import { planTemplate } from '../cluster/plan-template.ts';
import { randomOctets } from './authority-files.ts';

/** The time of tests. */
export const testTime = new Date('2026-11-23T05:43:21.500Z');

/** A plan of one etcd member, one master and one worker. */
export const smallPlan = (layout: Layout, changes: Partial<Plan> = {}): Plan => ({
  ...parsePlan(planTemplate({ name: 'kubernetes', etcd: 1, masters: 1, workers: 1 }), 'plan.yaml'),
  layout,
  ...changes,
});

/** The manifest of the small plan, each certificate put through `change`. */
export const smallManifest = (
  layout: Layout,
  change: (certificate: PlannedCertificate) => PlannedCertificate = (certificate) => certificate,
): ClusterManifest => {
  const manifest = planManifest(smallPlan(layout));
  return { ...manifest, certificates: manifest.certificates.map(change) };
};

/** A request for the small plan. */
export const smallRequest = (directory: string, layout: Layout, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  manifest: smallManifest(layout),
  directory,
  at: testTime,
  random: randomOctets,
  requestedBy: 'root@laptop',
  ...changes,
});

/** Every file below a directory: relative path to mode, time of change in nanoseconds, and a hash of what it holds. */
export const snapshot = (directory: string): ReadonlyMap<string, string> => {
  const files = new Map<string, string>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode, mtimeNs } = lstatSync(path, { bigint: true });
    const hash = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
    files.set(path.slice(directory.length + 1), `${(mode & 0o777n).toString(8)} ${mtimeNs} ${hash}`);
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** Paths whose file is new, gone or changed between two snapshots. */
export const changedPaths = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] =>
  [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path)).sort();
