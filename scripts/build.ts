// Builds dist/, what the published package runs: one bundle, split so that a command loads only its own code. The launcher keeps
// Node's compiled code between runs, so parsing is paid once. Packages are bundled too; they stay in the manifest so that an audit
// of an installation sees what is inside.

import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { root } from './repository.ts';

const out = join(root, 'dist');
rmSync(out, { recursive: true, force: true });
const bundle = await rolldown({
  cwd: root,
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  tsconfig: false,
  treeshake: true,
});
const { output } = await bundle.write({
  dir: out,
  format: 'esm',
  minify: false,
  chunkFileNames: '[name]-[hash].js',
  entryFileNames: '[name].js',
});
await bundle.close();

for (const chunk of output) console.log(`dist/${chunk.fileName}  ${(statSync(join(out, chunk.fileName)).size / 1024).toFixed(1)} kB`);
