import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import {
  changing,
  createDirectory,
  type FileStep,
  processNamespace,
  readFileBounded,
  readFileIfPresent,
  removeLeftovers,
  writeFileAtomic,
  writeFilesAtomic,
} from './atomic-file.ts';
import { isCodedError } from './coded-error.ts';

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const coded = (code: string) => (error: unknown) => isCodedError(error) && error.code === code;

describe('writing atomically', () => {
  test('a file is written with mode 0600 unless another is told', async (t) => {
    const directory = temporaryDirectory(t);
    await writeFileAtomic(join(directory, 'key'), 'secret');
    await writeFileAtomic(join(directory, 'certificate'), new Uint8Array([1, 2]), { mode: 0o644 });
    assert.equal(readFileSync(join(directory, 'key'), 'utf8'), 'secret');
    assert.deepEqual([...readFileSync(join(directory, 'certificate'))], [1, 2]);
    assert.equal(modeOf(join(directory, 'key')), 0o600);
    assert.equal(modeOf(join(directory, 'certificate')), 0o644 & ~process.umask());
    assert.deepEqual(readdirSync(directory).sort(), ['certificate', 'key']);
  });

  test('a step that fails anywhere leaves the old content or the new one, and no temporary file', async (t) => {
    const steps: FileStep[] = [];
    const count = async (directory: string, failAt: number): Promise<boolean> => {
      const path = join(directory, 'file');
      writeFileSync(path, 'old');
      let seen = 0;
      try {
        await writeFileAtomic(path, 'new', {
          onStep: (step) => {
            steps.push(step);
            if (seen++ === failAt) throw new Error('killed');
          },
        });
      } catch {
        assert.equal(readFileSync(path, 'utf8'), 'old');
        assert.deepEqual(readdirSync(directory), ['file']);
        return false;
      }
      assert.equal(readFileSync(path, 'utf8'), 'new');
      return true;
    };
    let failAt = 0;
    while (!(await count(temporaryDirectory(t), failAt))) failAt++;
    assert.equal(failAt, 2);
    assert.deepEqual(
      steps.slice(-2).map(({ kind }) => kind),
      ['write', 'rename'],
    );
  });

  test('in a batch nothing takes its place before everything is written, and then in the order given', async (t) => {
    const directory = temporaryDirectory(t);
    await createDirectory(join(directory, 'a/b'));
    const files = Array.from({ length: 300 }, (_, i) => ({ path: join(directory, i % 2 === 0 ? 'a' : 'a/b', `f${i}`), content: `${i}` }));
    const steps: FileStep[] = [];
    await writeFilesAtomic(files, { onStep: (step) => steps.push(step) });
    assert.deepEqual(
      steps.map(({ kind, path }) => `${kind} ${path}`),
      [...files.map(({ path }) => `write ${path}`), ...files.map(({ path }) => `rename ${path}`)],
    );
    for (const { path, content } of files) assert.equal(readFileSync(path, 'utf8'), content);
  });

  test('a symbolic link in the place of a file is replaced and its target left alone', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'target'), 'kept');
    symlinkSync(join(directory, 'target'), join(directory, 'link'));
    await writeFileAtomic(join(directory, 'link'), 'new');
    assert.equal(readFileSync(join(directory, 'target'), 'utf8'), 'kept');
    assert.equal(readFileSync(join(directory, 'link'), 'utf8'), 'new');
  });

  test('a directory that is missing, and one in the place of the file, are named', async (t) => {
    const directory = temporaryDirectory(t);
    await assert.rejects(writeFileAtomic(join(directory, 'none/file'), ''), coded('FileWriteFailed'));
    mkdirSync(join(directory, 'taken'));
    await assert.rejects(writeFileAtomic(join(directory, 'taken'), 'x'), coded('FileWriteFailed'));
    assert.deepEqual(readdirSync(directory), ['taken']);
  });

  test('leftovers of a killed process are removed and other files are not', async (t) => {
    const directory = temporaryDirectory(t);
    const script = `
      import { writeFileAtomic } from ${JSON.stringify(join(import.meta.dirname, 'atomic-file.ts'))};
      await writeFileAtomic(${JSON.stringify(join(directory, 'key'))}, 'x', {
        onStep: ({ kind }) => { if (kind === 'rename') process.kill(process.pid, 'SIGKILL'); },
      });`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    assert.equal(child.signal, 'SIGKILL', child.stderr.toString());
    assert.equal(readdirSync(directory).length, 1);
    assert.equal(modeOf(join(directory, readdirSync(directory)[0] ?? '')), 0o600);
    writeFileSync(join(directory, `.certwright-${process.pid}-7.tmp`), 'ours, in use');
    writeFileSync(join(directory, '.certwright-notes'), 'of a user');
    assert.equal(removeLeftovers(directory), 1);
    assert.deepEqual(readdirSync(directory).sort(), [`.certwright-${process.pid}-7.tmp`, '.certwright-notes'].sort());
    assert.equal(removeLeftovers(join(directory, 'none')), 0);
  });
});

describe('making directories', () => {
  test('every directory made is 0700, and an existing one keeps its mode', async (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, 'old'));
    chmodSync(join(directory, 'old'), 0o755);
    await createDirectory(join(directory, 'old/a/b'));
    assert.equal(modeOf(join(directory, 'old')), 0o755);
    assert.equal(modeOf(join(directory, 'old/a')), 0o700);
    assert.equal(modeOf(join(directory, 'old/a/b')), 0o700);
    await createDirectory(join(directory, 'old/a/b'));
  });

  test('a file in the place of a directory is named', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'file'), '');
    await assert.rejects(createDirectory(join(directory, 'file')), coded('FileWriteFailed'));
    await assert.rejects(createDirectory(join(directory, 'file/below')), coded('FileWriteFailed'));
  });
});

describe('reading within bounds', () => {
  test('a file is read whole up to the bound, and refused one byte past it', (t) => {
    const directory = temporaryDirectory(t);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (content, maxBytes) => {
        const path = join(directory, 'file');
        writeFileSync(path, content);
        if (content.length <= maxBytes) assert.deepEqual(new Uint8Array(readFileBounded(path, maxBytes)), content);
        else assert.throws(() => readFileBounded(path, maxBytes), coded('FileUnreadable'));
      }),
      { numRuns: runs(50, 2000) },
    );
  });

  test('what has no size is bounded too', () => {
    assert.throws(() => readFileBounded('/dev/zero', 100_000), coded('FileUnreadable'));
    assert.ok(readFileBounded('/proc/self/status', 100_000).length > 100);
    assert.throws(() => readFileBounded('/proc/self/status', 100), coded('FileUnreadable'));
  });

  test('a file that is not there, a directory and a path through a file are told apart', (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'file'), '');
    assert.throws(() => readFileBounded(join(directory, 'none'), 10), coded('FileNotFound'));
    assert.throws(() => readFileBounded(directory, 10), coded('FileUnreadable'));
    assert.throws(() => readFileBounded(join(directory, 'file/below'), 10), coded('FileUnreadable'));
    assert.equal(readFileIfPresent(join(directory, 'none'), 10), undefined);
    assert.throws(() => readFileIfPresent(directory, 10), coded('FileUnreadable'));
    assert.equal(existsSync(join(directory, 'none')), false);
  });
});

describe('odd places', () => {
  const module = JSON.stringify(join(import.meta.dirname, 'atomic-file.ts'));

  test('a directory that a file system does not make is refused, and not tried without end', async () => {
    await assert.rejects(createDirectory('/proc/nope/deeper/still'), coded('FileWriteFailed'));
  });

  test('with few descriptors, files are written in more rounds', (t) => {
    const directory = temporaryDirectory(t);
    const files = `Array.from({ length: 80 }, (_, i) => ({ path: ${JSON.stringify(directory)} + '/' + set + i, content: 'x' }))`;
    const code = `import { writeFilesAtomic } from ${module};
      await Promise.all(['a', 'b', 'c'].map((set) => writeFilesAtomic(${files})));`;
    const script = `ulimit -n 40; exec "${process.execPath}" --input-type=module -e "$CODE"`;
    const done = spawnSync('sh', ['-c', script], { encoding: 'utf8', env: { ...process.env, CODE: code } });
    assert.equal(done.status, 0, done.stderr);
    assert.equal(readdirSync(directory).length, 240);
  });

  test('a directory with the name of a leftover is none, and one in the place of a file is told', (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, `.certwright-4194304-${processNamespace()}-0.tmp`));
    assert.equal(removeLeftovers(directory), 0);
    assert.throws(() => changing(directory, () => rmSync(directory, { force: true })), coded('FileWriteFailed'));
  });

  test('a temporary file of another process namespace is left until it is too old to be written still', (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, `.certwright-4194304-${processNamespace()}1-0.tmp`);
    writeFileSync(path, 'key');
    assert.equal(removeLeftovers(directory), 0);
    const hoursAgo = Date.now() / 1000 - 2 * 3600;
    utimesSync(path, hoursAgo, hoursAgo);
    assert.equal(removeLeftovers(directory), 1);
    assert.deepEqual(readdirSync(directory), []);
  });
});
