// One of the processes that unit tests are spread over. All its files run in this one process, which saves a start per file;
// the outcome goes to the parent in one message.

import { relative } from 'node:path';
import { run } from 'node:test';
import { root } from './repository.ts';
import { gather } from './test-outcome.ts';

const outcome = await gather(run({ files: process.argv.slice(2), isolation: 'none', cwd: root }), (path) => relative(root, path));
process.send?.(outcome, () => process.exit(0));
