// npm run bench [-- topic …] [-- -o json] [-- --write]: measures, prints one table, and fails where a ratio is not met.
// --write puts the table between the markers of README.md and docs/benchmarks.md.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { filesMatching, root } from '../scripts/repository.ts';
import { provideTools } from '../scripts/test-tools.ts';
import { cluster } from './cluster.ts';
import { isMet, type Topic } from './comparison.ts';
import { issuance } from './issuance.ts';
import { describeMachine } from './machine.ts';
import { markdownTable, type Report, reportJson, reportMarkdown, reportText, withReport } from './report.ts';
import { server } from './server.ts';
import { startUp } from './start-up.ts';

const topics: Readonly<Record<string, (workFolder: string) => Promise<Topic>>> = {
  issuance,
  cluster,
  'start-up': startUp,
  server,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { output: { type: 'string', short: 'o', default: 'text' }, write: { type: 'boolean', default: false } },
});
const unknown = positionals.find((name) => !Object.hasOwn(topics, name));
if (unknown !== undefined || !['text', 'json'].includes(values.output)) {
  console.error(`cannot run the bench: the topics are ${Object.keys(topics).join(', ')}, the outputs text and json`);
  process.exit(2);
}
if (values.write && positionals.length > 0) {
  console.error('cannot write a part of the table: --write goes with all topics');
  process.exit(2);
}

provideTools(filesMatching('bench/*.ts'));

// On the disk of the repository, because files are fsynced and the folder for temporary files may be memory.
const cache = join(root, 'node_modules', '.cache');
mkdirSync(cache, { recursive: true });
const workFolder = mkdtempSync(join(cache, 'bench-'));
const done: Topic[] = [];
try {
  for (const [name, topic] of Object.entries(topics)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    console.error(`bench: ${name} …`);
    const folder = join(workFolder, name);
    mkdirSync(folder);
    done.push(await topic(folder));
  }
} finally {
  rmSync(workFolder, { recursive: true, force: true });
}

const report: Report = { machine: describeMachine(), takenAt: new Date(), topics: done };
console.log(values.output === 'json' ? JSON.stringify(reportJson(report), null, 2) : reportText(report));

const missed = done.flatMap(({ comparisons }) => comparisons.filter((comparison) => !isMet(comparison)));
for (const { name, against, ratio, required } of missed)
  console.error(`not met: ${name} against ${against}: ${ratio.toFixed(2)}, required ${required.figure}`);
if (values.write && missed.length > 0) console.error('nothing was written: the pages show a run in which every ratio is met');
else if (values.write)
  for (const [page, markdown] of [
    ['README.md', markdownTable(report)],
    ['docs/benchmarks.md', reportMarkdown(report)],
  ] as const) {
    const path = join(root, page);
    const written = withReport(readFileSync(path, 'utf8'), markdown);
    if (written === undefined) throw new Error(`cannot write the table into ${page}: it has no bench markers`);
    writeFileSync(path, written);
  }

process.exit(missed.length === 0 ? 0 : 1);
