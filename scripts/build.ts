// Builds dist/, what the published package runs: one bundle, split so that a command loads only its own code. The launcher keeps
// Node's compiled code between runs, so parsing is paid once. Packages are bundled too; they stay in the manifest so that an audit
// of an installation sees what is inside.

import { rmSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
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

/** What every command loads, what shows a file, and the core, each in one file: finding a file takes Node longer than reading it. */
const groups = [
  { name: 'version', test: /src\/cli\/version\.ts|package\.json/ },
  { name: 'core', test: /src\/(?:base|pki)\// },
  { name: 'start', test: /src\/(?:config\/|cli\/(?:start|run|process-io|command-path|command-table|interruption|failure|io)\.ts)/ },
  { name: 'inspect', test: /src\/cli\/(?:inspect-files|kubeconfig-look|output-format|passphrase|read-input)\.ts/ },
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
