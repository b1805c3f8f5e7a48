// The import rules of docs/architecture.md, checked on the text of every source file: layers point one way, nothing goes through an index,
// there are no cycles, the PKI core stays pure. Type-only imports count too: a type is a dependency.
// It reads import statements as Biome formats them (at the start of a line) and is no parser of TypeScript.

import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { root, sourceFiles } from './repository.ts';

const layers: readonly (readonly string[])[] = [
  ['base'],
  ['pki'],
  ['api'],
  ['kube', 'acme', 'policy'],
  ['issuers', 'lifecycle', 'cluster', 'reload'],
  ['controllers', 'apiserver', 'dashboard', 'relation'],
  ['config'],
  ['cli'],
];

/** One broken rule: the file, and what is wrong in words. */
export type Problem = { readonly file: string; readonly text: string };

type Import = { readonly specifier: string };

const importsOf = (source: string): readonly Import[] => {
  // A line with a quotation before `import(` speaks of one, as the tests of this file do.
  const statements = source.matchAll(/^(?:import|export)\b(?:[^'";]*?\bfrom)?\s*'([^']+)'/gm);
  const expressions = source.matchAll(/^(?!\s*(?:\/\/|\*|\/\*))[^"`\n]*?\bimport\(\s*'([^']+)'/gm);
  return [...statements, ...expressions].map((match) => ({ specifier: match[1] ?? '' }));
};

const folderOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1];
const layerOf = (folder: string): number => layers.findIndex((names) => names.includes(folder));
const isTest = (path: string): boolean =>
  /\.(?:test|contract)\.ts$/.test(path) || /^(?:test|bench)\//.test(path) || /^scripts\/test/.test(path);

const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

const layerProblem = (from: string, to: string): string | undefined => {
  const source = folderOf(from);
  const target = folderOf(to);
  if (target === 'testing') return source === 'testing' || isTest(from) ? undefined : 'only tests and bench may import src/testing';
  if (source === undefined || source === 'testing' || source === target) return undefined;
  if (to === 'package.json' && source === 'cli') return undefined;
  if (target === undefined) return `src may import only src, not ${to}`;
  if (layerOf(target) < 0) return `src/${target} is in no layer: add it to docs/architecture.md and to scripts/check-imports.ts`;
  if (layerOf(target) > layerOf(source)) return `src/${source} is below src/${target} and may not import ${to}`;
  if (layerOf(target) === layerOf(source)) return `src/${source} and src/${target} are of one layer and may not import each other (${to})`;
  const apart = (source === 'lifecycle' || source === 'issuers') && (target === 'kube' || target === 'acme');
  if (apart && !(target === 'acme' && /^src\/issuers\/acme(?:\.test|\.contract)?\.ts$/.test(from)))
    return `src/${source} may not import src/${target} (${to}); only issuers/acme.ts may import acme`;
  return undefined;
};

const outsideProblem = (from: string, specifier: string, dependencies: ReadonlySet<string>): string | undefined => {
  const folder = folderOf(from);
  if (folder === undefined || folder === 'testing' || isTest(from)) return undefined;
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `write node:${specifier}`;
    return folder === 'pki' && specifier !== 'node:crypto'
      ? `src/pki may import node:crypto and nothing else of Node, not ${specifier}`
      : undefined;
  }
  const name = packageOf(specifier);
  if (folder === 'pki' || folder === 'base') return `src/${folder} may import no package, not ${name}`;
  return dependencies.has(name) ? undefined : `${name} is not among the dependencies that ship`;
};

const cyclesOf = (graph: ReadonlyMap<string, readonly string[]>): readonly Problem[] => {
  const problems: Problem[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) {
      problems.push({ file, text: `imports go in a circle: ${[...trail.slice(start), file].join(' → ')}` });
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return problems;
};

/** Checks files (path from the root → text) against the rules; `dependencies` are the packages that ship. */
export const checkImports = (files: ReadonlyMap<string, string>, dependencies: ReadonlySet<string>): readonly Problem[] => {
  const problems: Problem[] = [];
  const graph = new Map<string, readonly string[]>();
  for (const [file, source] of files) {
    const report = (text: string | undefined): void => {
      if (text !== undefined) problems.push({ file, text });
    };
    const folder = folderOf(file);
    if (folder !== undefined && folder !== 'testing' && layerOf(folder) < 0)
      report(`src/${folder} is in no layer: add it to docs/architecture.md and to scripts/check-imports.ts`);
    if (/(?:^|\/)index\.ts$/.test(file)) report('an index hides where things live: name the file after what it holds');
    if (/^export \* /m.test(source)) report('export * hides where things live: import the concrete file');
    if (folder !== undefined && /^(?!\s*(?:\/\/|\*|\/\*))[^"`\n]*?\bimport\((?!\s*')/m.test(source))
      report('import() of a computed name cannot be checked or bundled');
    if (
      folder !== undefined &&
      !isTest(file) &&
      !['config', 'testing'].includes(folder) &&
      file !== 'src/cli/main.ts' &&
      /^(?!\s*(?:\/\/|\*|\/\*)).*\bprocess\.env\b/m.test(source)
    )
      report('only src/config reads the environment; src/cli/main.ts may hand it down');

    const targets: string[] = [];
    for (const { specifier } of importsOf(source)) {
      if (!specifier.startsWith('.')) {
        report(outsideProblem(file, specifier, dependencies));
        continue;
      }
      const target = normalize(join(dirname(file), specifier));
      if (!files.has(target) && target.endsWith('.ts')) report(`${target} does not exist`);
      targets.push(target);
      report(layerProblem(file, target));
    }
    graph.set(file, targets);
  }
  return [...problems, ...cyclesOf(graph)];
};

if (import.meta.main) {
  const manifest: { dependencies?: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const files = new Map(sourceFiles().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
  const problems = checkImports(files, new Set(Object.keys(manifest.dependencies ?? {})));
  for (const { file, text } of problems) console.error(`${file}: ${text}`);
  console.log(`imports: ${files.size} files, ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
