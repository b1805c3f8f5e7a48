// Builds dist/, what the published package runs: one bundle, split so that a command loads only its own code. The launcher keeps
// Node's compiled code between runs, so parsing is paid once. Packages are bundled too; they stay in the manifest so that an audit
// of an installation sees what is inside.

import { readFileSync, rmSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { root } from './repository.ts';

/**
 * Node's own modules are taken as they are, not through the module loader: for an import it reads every property of the module once, and
 * some load half of Node with that (reading `fs.ReadStream` loads all streams). It is a tenth of a short command's time.
 */
const builtinPrefix = '\0builtin:';
const plainBuiltins = {
  name: 'plain-builtins',
  resolveId: (id: string) => (isBuiltin(id) ? { id: `${builtinPrefix}${id}`, moduleSideEffects: false } : null),
  load: (id: string) =>
    id.startsWith(builtinPrefix)
      ? ({
          code: `module.exports = process.getBuiltinModule(${JSON.stringify(id.slice(builtinPrefix.length))});`,
          moduleType: 'js',
        } as const)
      : null,
};

/** Files that are loaded together with one of ours: what its imports lead to, those that are awaited left out. */
const loadedWith = (entry: string): ReadonlySet<string> => {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b(?! type)[^;]*? from '(\.[^']+\.ts)';/gm))
      visit(join(dirname(file), specifier));
  };
  visit(join(root, entry));
  return found;
};

/** What every command loads, and what shows a file, each in one file: finding a file takes Node longer than reading it. */
const start = loadedWith('src/cli/start.ts');
const inspect = loadedWith('src/cli/inspect-files.ts');
const groups = [
  { name: 'version', test: /src\/cli\/version\.ts|package\.json/ },
  { name: 'start', test: (id: string) => start.has(id) },
  { name: 'inspect', test: (id: string) => inspect.has(id) },
];

const out = join(root, 'dist');
rmSync(out, { recursive: true, force: true });
const bundle = await rolldown({
  cwd: root,
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  tsconfig: false,
  treeshake: true,
  plugins: [plainBuiltins],
});
const { output } = await bundle.write({
  dir: out,
  format: 'esm',
  minify: false,
  chunkFileNames: '[name]-[hash].js',
  entryFileNames: '[name].js',
  codeSplitting: { groups },
});
await bundle.close();

for (const chunk of output) console.log(`dist/${chunk.fileName}  ${(statSync(join(out, chunk.fileName)).size / 1024).toFixed(1)} kB`);
