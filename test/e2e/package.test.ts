// The package as people get it: packed, installed with npm into a prefix of its own, and run by its name on the PATH, on a machine whose own
// Node is too old. And the checkout, called through links and in folders with blanks in their names. What the bundle loads, and how fast, is
// measured elsewhere.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { repositoryRoot } from '../../src/testing/golden.ts';
import { openShell } from '../../src/testing/shell.ts';
import { needs } from '../../src/testing/tools.ts';

const { version }: { version: string } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));

// What the machine has, without what npm puts in front of it for its scripts.
const machinePath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !/\bnode_modules\b|node-gyp-bin/.test(folder))
  .join(delimiter);
const cache = process.env['npm_config_cache'] ?? join(process.env['HOME'] ?? homedir(), '.npm');

const { folder, out, run, write, close } = openShell(['openssl'], {
  PATH: machinePath,
  npm_config_cache: cache,
  npm_config_audit: 'false',
});
after(close);

/** A copy of what the package is made from, in a folder with blanks in its name; the installed dependencies are linked to. */
const copyCheckout = (): string => {
  const checkout = join(folder, 'a checkout of mine');
  mkdirSync(checkout);
  for (const name of ['src', 'scripts', 'certwright', 'package.json', 'tsconfig.json', 'README.md', 'LICENSE', '.npmrc'])
    cpSync(join(repositoryRoot, name), join(checkout, name), { recursive: true });
  symlinkSync(join(repositoryRoot, 'node_modules'), join(checkout, 'node_modules'));
  return checkout;
};

/** A `node` as old machines have it, which tells its version and fails at all else. */
const writeOldNode = (): void => {
  mkdirSync(join(folder, 'old node'));
  write('old node/node', '#!/bin/sh\nif [ "$1" = --version ]; then echo v20.20.2; else echo "ran the old node: $*" >&2; exit 99; fi\n');
  out('chmod +x "old node/node"');
};

/** What every way of calling must be able to do, `certwright` being whatever the script says before it. */
const useIt = (name: string, before: string): void => {
  const lines = out(`${before}
    mkdir "${name}" && cd "${name}"
    certwright --version
    certwright pki gencsr --key-out ca-key.pem --common-name ca --out ca.csr
    certwright pki sign --self-signed --ca-key ca-key.pem --csr ca.csr --is-ca --out ca.pem
    certwright pki genkey --out key.pem
    certwright pki gencsr --key key.pem --common-name web --san web.example --out web.csr
    certwright pki sign --ca ca.pem --ca-key ca-key.pem --csr web.csr --out web.pem
    certwright pki inspect web.pem | grep Subject:
    openssl verify -x509_strict -purpose sslserver -CAfile ca.pem web.pem
    certwright cluster init --etcd 1 --masters 1 --workers 1 >/dev/null
    certwright cluster generate | grep -c ^created
    certwright cluster check | tail -1
    openssl verify -x509_strict -purpose sslclient -CAfile generated/keys/ca.pem generated/keys/admin.pem`).split('\n');
  assert.deepEqual(
    lines.map((line) => line.trim()),
    [`certwright ${version}`, 'Subject:              CN=web', 'web.pem: OK', '14', '13 ok', 'generated/keys/admin.pem: OK'],
  );
};

describe('a checkout', needs('openssl'), () => {
  before(() => {
    copyCheckout();
    writeOldNode();
  });

  test('runs from another folder, by a path with blanks in it', () => {
    useIt('by path', `certwright() { "${folder}/a checkout of mine/certwright" "$@"; }`);
  });

  test('runs through links, relative and absolute, one behind the other', () => {
    out('mkdir links && ln -s "../a checkout of mine/certwright" links/inner && ln -s "$PWD/links/inner" "links/certwright"');
    useIt('by link', `export PATH="${folder}/links:$PATH"`);
  });

  test('runs on its own Node where the PATH has an old one', () => {
    useIt('with an old node', `export PATH="${folder}/links:${folder}/old node:$PATH"`);
  });

  test('is kubectl’s plugin by its other name, and says so of itself', () => {
    out('ln -s "../a checkout of mine/certwright" links/kubectl-certwright');
    assert.match(out('links/kubectl-certwright pki --help'), /^Usage: kubectl certwright pki /);
  });
});

describe('the package', needs('openssl'), () => {
  before(() => {
    out('cd "a checkout of mine" && npm pack --silent --pack-destination ..');
    out(`mkdir "a prefix" && npm install --silent --global --prefer-offline --prefix "$PWD/a prefix" ./certwright-${version}.tgz`);
  });
  const installed = 'a prefix/lib/node_modules/certwright';

  test('holds the launcher, the bundle and what is to be read, and nothing else', () => {
    const files = out(`tar -tzf certwright-${version}.tgz`).split('\n').sort();
    assert.deepEqual(
      files.filter((name) => !/^package\/dist\/[\w-]+\.js$/.test(name)),
      ['package/LICENSE', 'package/README.md', 'package/certwright', 'package/package.json'],
    );
    assert.ok(files.includes('package/dist/main.js'));
  });

  test('works by its name on the PATH', () => {
    assert.deepEqual(readdirSync(join(folder, 'a prefix/bin')), ['certwright']);
    useIt('installed', `export PATH="${folder}/a prefix/bin:$PATH"`);
  });

  test('works where the PATH has an old Node', () => {
    useIt('installed, with an old node', `export PATH="${folder}/a prefix/bin:${folder}/old node:$PATH"`);
  });

  test('says what to install where neither its own Node nor a new one is there', () => {
    for (const arch of ['x64', 'arm64'])
      rmSync(join(folder, installed, `node_modules/node-linux-${arch}`), { recursive: true, force: true });
    const { exitCode, output } = run(`PATH="${folder}/old node:$PATH"; "a prefix/bin/certwright" --version`);
    assert.equal(exitCode, 3);
    assert.match(output, /^certwright: cannot start: it needs Node 24\.15 or newer, and the PATH has v20\.20\.2\nhint: /);
  });
});
