// `npm run check`: the gate to pass before every commit, in well under two minutes. Types, lint and format, dead code, import directions,
// generated pages, then the tests beside the sources. Suites with other programs are `npm test`.

import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { filesMatching, root } from './repository.ts';
import { totals } from './test-outcome.ts';
import { printOutcome, runShared, summaryLine } from './test-run.ts';

process.env['NODE_COMPILE_CACHE'] ??= join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'certwright', 'compile');

type Step = { readonly name: string; readonly command: string; readonly args: readonly string[] };

const bin = (name: string): string => join(root, 'node_modules/.bin', name);
const script = (name: string, ...args: readonly string[]): Step => ({
  name,
  command: process.execPath,
  args: [join(root, 'scripts', `${name}.ts`), ...args],
});
const steps: readonly Step[] = [
  { name: 'types', command: bin('tsc'), args: ['--noEmit', '-p', root] },
  { name: 'lint and format', command: bin('biome'), args: ['ci', '--error-on-warnings', root] },
  { name: 'dead code', command: bin('knip'), args: ['--no-progress'] },
  script('check-imports'),
  script('check-repository'),
  script('generate-docs', '--check'),
  script('generate-schemas', '--check'),
];

const runStep = ({ name, command, args }: Step): Promise<boolean> =>
  new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => {
      output += error.message;
    });
    child.on('close', (code) => {
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name}  ${((performance.now() - started) / 1000).toFixed(2)} s`);
      if (code !== 0) console.log(output.trimEnd());
      resolve(code === 0);
    });
  });

const started = performance.now();
let ok = true;
for (let next = 0; next < steps.length; next += 2) {
  const results = await Promise.all(steps.slice(next, next + 2).map(runStep));
  ok &&= results.every((passed) => passed);
}
const outcome = await runShared(filesMatching('{src,scripts}/**/*.test.ts'));
printOutcome(outcome);
const sum = totals(outcome);
console.log(`\n${((performance.now() - started) / 1000).toFixed(1)} s`);
console.log(summaryLine(sum));
process.exit(ok && sum.failed === 0 && sum.passed > 0 ? 0 : 1);
