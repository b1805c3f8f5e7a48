// Writes the reference pages that are derived from the source, so that they cannot say something else: `npm run docs`.
// With --check it writes nothing and fails where a page on disk differs.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ErrorClass, errorCodes, exitCodes } from '../src/base/error-codes.ts';
import { commandReferencePage } from '../src/cli/command-reference.ts';
import { parityPage } from '../test/e2e/parity/parity-page.ts';
import { root } from './repository.ts';

const classMeaning: Readonly<Record<ErrorClass, string>> = {
  input: 'something given is wrong; it stays so until that changes',
  waiting: 'something needed is not there yet',
  transient: 'it may work if tried again',
  permanent: 'refused for good',
  bug: 'a fault of Certwright; please report it',
};

const generated = (source: string): string => `<!-- Generated from ${source} by \`npm run docs\`; change it there. -->\n`;

/** The page of error codes. */
export const errorsPage = (): string => {
  const classes = Object.entries(classMeaning).map(([name, meaning]) => `| ${name} | ${meaning} | ${exitCodes[name as ErrorClass]} |`);
  const codes = Object.entries(errorCodes).sort(([a], [b]) => (a < b ? -1 : 1));
  const entries = codes.map(
    ([code, row]) =>
      `### ${code}\n\n${row.about.charAt(0).toUpperCase()}${row.about.slice(1)}. Class ${row.class}, exit code ${exitCodes[row.class]}.\n`,
  );
  return [
    '# Errors\n',
    generated('src/base/error-codes.ts'),
    'Every failure that Certwright foresees carries a code. The same word stands in messages, in `-o json`, in conditions, events and metrics;',
    'a code is never renamed or given another meaning. Its class decides the exit code:\n',
    '| Class | Meaning | Exit code |',
    '| --- | --- | --- |',
    ...classes,
    '\n`cluster check` also exits 6 when something expires soon or differs from the plan, and 7 when something is expired, missing or broken.\n',
    '## Codes\n',
    ...entries,
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
};

/** Path → text of every generated page. */
export const generatedPages = async (): Promise<ReadonlyMap<string, string>> =>
  new Map([
    ['docs/reference/errors.md', errorsPage()],
    ['docs/reference/commands.md', `${generated('src/cli')}\n${await commandReferencePage()}`],
    ['docs/reference/parity.md', `# Parity with Kubernetes\n\n${generated('test/e2e/parity and test/e2e/kubectl')}\n${parityPage()}`],
  ]);

if (import.meta.main) {
  const check = process.argv.includes('--check');
  for (const [path, text] of await generatedPages()) {
    const file = join(root, path);
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
    if (check) {
      console.error(`${path} is not what the source says: npm run docs`);
      process.exitCode = 1;
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}
