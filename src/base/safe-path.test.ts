import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { isCodedError } from './coded-error.ts';
import { openTree, plainFileName } from './safe-path.ts';

const refused = (error: unknown): boolean => isCodedError(error) && error.code === 'PathRefused';

describe('paths of names that are data', () => {
  test('whatever the name, its path lies below the directory or is refused', (t) => {
    const root = temporaryDirectory(t);
    const part = fc.oneof(fc.constantFrom('..', '.', '', '/', '\\', '...', 'a', 'keys', '../..', 'a/../..', '\0', 'a\nb'), fc.string());
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        let path: string;
        try {
          path = openTree(root).path(parts.join('/'));
        } catch (error) {
          assert.ok(refused(error), String(error));
          return;
        }
        const way = relative(root, path);
        assert.ok(way !== '' && !way.split('/').includes('..') && !way.startsWith('/'), path);
      }),
      { numRuns: runs(500, 20_000) },
    );
  });

  test('separators, dots, control characters, absolute and empty names are refused', (t) => {
    const tree = openTree(temporaryDirectory(t));
    for (const path of ['', '/etc/passwd', '../x', 'a/../x', 'a//b', 'a/', '.', '.hidden', 'a\\b', 'a\0b', 'a\nb', 'x'.repeat(201)])
      assert.throws(() => tree.path(path), refused, JSON.stringify(path));
    for (const name of ['a/b', '..', '', '.x', 'a\u007f']) assert.throws(() => plainFileName(name), refused, JSON.stringify(name));
    assert.equal(plainFileName('alice@example.com'), 'alice@example.com');
  });

  test('a symbolic link out of the directory is refused as a directory and as the file, and one that stays inside is not', (t) => {
    const root = temporaryDirectory(t);
    const outside = temporaryDirectory(t);
    writeFileSync(join(outside, 'file'), '');
    mkdirSync(join(root, 'keys'));
    writeFileSync(join(root, 'keys/real'), '');
    symlinkSync(outside, join(root, 'out'));
    symlinkSync(join(outside, 'file'), join(root, 'keys/out'));
    symlinkSync(join(root, 'nowhere'), join(root, 'keys/dangling'));
    symlinkSync('real', join(root, 'keys/inside'));
    const tree = openTree(root);
    for (const path of ['out/file', 'out', 'keys/out', 'keys/dangling']) assert.throws(() => tree.path(path), refused, path);
    assert.equal(tree.path('keys/inside'), join(root, 'keys/inside'));
    assert.equal(tree.path('keys/new'), join(root, 'keys/new'));
  });

  test('a file later swapped for a link is still seen', (t) => {
    const root = temporaryDirectory(t);
    const tree = openTree(root);
    assert.equal(tree.path('file'), join(root, 'file'));
    symlinkSync('/etc/passwd', join(root, 'file'));
    assert.throws(() => tree.path('file'), refused);
  });

  test('what may not be looked at is told by code', () => {
    const root = `/${'a'.repeat(200)}`.repeat(21);
    assert.throws(
      () => openTree(root).path('file'),
      (error) => isCodedError(error) && error.code === 'FileUnreadable',
    );
  });
});
