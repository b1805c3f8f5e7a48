import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { assertCoded } from '../testing/coded-errors.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { type KeyAlgorithm, keyAlgorithm, parseKeyAlgorithm, requireOffered, rsaBits } from './key-algorithm.ts';

const systemNode = '/usr/bin/node';

const olderNode = (): string | false => {
  try {
    const version = execFileSync(systemNode, ['--version'], { encoding: 'utf8' });
    return Number(/^v(\d+)/.exec(version)?.[1]) < 24 ? false : 'the Node of this machine is no older one';
  } catch {
    return 'this machine has no Node of its own';
  }
};

describe('key algorithms', () => {
  test('every algorithm is meant by its own name and by those people write', () => {
    const table: Readonly<Record<string, KeyAlgorithm>> = {
      rsa: 'rsa-2048',
      'rsa-2048': 'rsa-2048',
      rsa4096: 'rsa-4096',
      'RSA-8192': 'rsa-8192',
      ecdsa: 'ecdsa-p256',
      'ECDSA-P256': 'ecdsa-p256',
      p256: 'ecdsa-p256',
      'P-384': 'ecdsa-p384',
      'ecdsa-384': 'ecdsa-p384',
      'ecdsa-p521': 'ecdsa-p521',
      Ed25519: 'ed25519',
      'ml-dsa-44': 'ml-dsa-44',
      'ML-DSA-65': 'ml-dsa-65',
      'ml-dsa-87': 'ml-dsa-87',
    };
    for (const [word, algorithm] of Object.entries(table)) assert.equal(parseKeyAlgorithm(word), algorithm, word);
  });

  test('sizes outside 2048 to 8192 bits, other curves and words that mean nothing are refused with the ones that are accepted', () => {
    for (const word of [
      '',
      'rsa-1024',
      'rsa-2047',
      'rsa-2049',
      'rsa-8200',
      'rsa-16384',
      'rsa-02048',
      'rsa--2048',
      'p224',
      'secp256k1',
      'ed448',
      'dsa',
      'ml-dsa',
      'ml-dsa-45',
      'constructor',
      '__proto__',
    ]) {
      assert.equal(parseKeyAlgorithm(word), undefined, word);
      assertCoded('KeyUnsupported', () => keyAlgorithm(word, 'key algorithm'), /^cannot use key algorithm "/);
    }
    assert.equal(keyAlgorithm('p384', 'key algorithm'), 'ecdsa-p384');
    assert.equal(rsaBits('rsa-3072'), 3072);
  });

  test('this runtime offers every algorithm', () => {
    for (const algorithm of ['rsa-2048', 'ecdsa-p256', 'ed25519', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const)
      requireOffered(algorithm);
  });

  test('a runtime without ML-DSA says so and names the one to run', { skip: olderNode() }, (context) => {
    const directory = temporaryDirectory(context);
    for (const file of ['base/error-codes', 'base/visible-text', 'base/coded-error', 'pki/key-algorithm']) {
      const source = stripTypeScriptTypes(readFileSync(join(import.meta.dirname, '..', `${file}.ts`), 'utf8'));
      const name = file.split('/')[1] ?? '';
      writeFileSync(join(directory, `${name}.mjs`), source.replaceAll(/'\.{1,2}\/(?:base\/)?([a-z-]+)\.ts'/g, "'./$1.mjs'"));
    }
    const module = pathToFileURL(join(directory, 'key-algorithm.mjs')).href;
    const program = `const { requireOffered } = await import(${JSON.stringify(module)});
      requireOffered('ed25519');
      try { requireOffered('ml-dsa-65') } catch ({ code, message, hint }) { console.log(JSON.stringify({ code, message, hint })) }`;
    const printed: unknown = JSON.parse(execFileSync(systemNode, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
    assert.deepEqual(printed, {
      code: 'KeyAlgorithmUnavailable',
      message: 'cannot use ml-dsa-65: this runtime does not offer it',
      hint: 'run with Node 24.15 or newer, built with OpenSSL 3.5',
    });
  });
});
