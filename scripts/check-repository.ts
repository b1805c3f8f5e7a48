// Rules of the repository that no other tool knows: decisions are numbered without gaps, the lockfile names no registry,
// tests named in the security checklist exist, every package carries its hash and none runs a script at install time, and each package that ships has its line in ADR 0002.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesMatching, root } from './repository.ts';

/** What is wrong with the numbering of decision records; `paths` are those of docs/adr. */
export const numberingProblems = (paths: readonly string[]): readonly string[] =>
  [...paths].sort().flatMap((path, index) => {
    const expected = `${String(index + 1).padStart(4, '0')}-`;
    const name = path.split('/').at(-1) ?? '';
    return name.startsWith(expected) && /^\d{4}-[a-z0-9-]+\.md$/.test(name) ? [] : [`${path}: should be numbered ${expected}…`];
  });

type LockedPackage = {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly link?: boolean;
};

/** What is wrong with the lockfile's packages, by their paths. */
export const lockfileProblems = (packages: Readonly<Record<string, LockedPackage>>): readonly string[] =>
  Object.entries(packages).flatMap(([path, locked]) => {
    if (path === '') return [];
    const problems: string[] = [];
    if (locked.resolved !== undefined && !locked.resolved.startsWith('https://registry.npmjs.org/'))
      problems.push(`package-lock.json: ${path} names the registry of one machine (${locked.resolved})`);
    if (locked.integrity === undefined) problems.push(`package-lock.json: ${path} has no hash`);
    if (locked.hasInstallScript === true) problems.push(`package-lock.json: ${path} runs a script at install time`);
    return problems;
  });

/** Packages that ship and have no line in the record on dependencies. */
export const unexplainedDependencies = (dependencies: readonly string[], record: string): readonly string[] =>
  dependencies.filter((name) => !record.includes(`\`${name}\``)).map((name) => `docs/adr/0002-dependencies.md: no line for \`${name}\``);

/** Relative links of a page whose targets do not exist. */
export const brokenLinks = (page: string, text: string, exists: (path: string) => boolean): readonly string[] =>
  [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)].flatMap(([, target = '']) => {
    const path = join(page, '..', target);
    return exists(path) ? [] : [`${page}: links to ${target}, which does not exist`];
  });

/**
 * Tests that a page names and that do not exist: a page names them as `path/of.test.ts` and then, in quotation marks, the names of tests in
 * that file. `read` gives undefined for a file that does not exist.
 */
export const unknownTests = (page: string, text: string, read: (path: string) => string | undefined): readonly string[] => {
  let file = '';
  let tests: string | undefined;
  return [...text.matchAll(/`([\w./-]+\.test\.ts)`|"([^"\n]+)"/g)].flatMap(([, path, name]) => {
    if (path !== undefined) {
      [file, tests] = [path, read(path)];
      return tests === undefined ? [`${page}: names ${path}, which does not exist`] : [];
    }
    const isThere = name === undefined || tests === undefined || ["'", '`', '"'].some((mark) => tests?.includes(`${mark}${name}${mark}`));
    return isThere ? [] : [`${page}: names test "${name}", which ${file} does not have`];
  });
};

if (import.meta.main) {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const manifest: { dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> } = JSON.parse(
    read('package.json'),
  );
  const lock: { packages: Record<string, LockedPackage> } = JSON.parse(read('package-lock.json'));
  const shipped = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  const problems = [
    ...numberingProblems(filesMatching('docs/adr/*')),
    ...lockfileProblems(lock.packages),
    ...unexplainedDependencies(shipped, read('docs/adr/0002-dependencies.md')),
    ...unknownTests('docs/security-checklist.md', read('docs/security-checklist.md'), (path) =>
      existsSync(join(root, path)) ? read(path) : undefined,
    ),
    ...filesMatching('*.md', 'docs/**/*.md').flatMap((page) => brokenLinks(page, read(page), (path) => existsSync(join(root, path)))),
  ];
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
