import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { outputLines, outputMatches, parseSession, rewriteSession, type Step } from './cli-session.ts';

const text = `Making a key.

$ certwright pki genkey
> --out key.pem
wrote key.pem

## The second time it refuses.
$ certwright pki genkey --out key.pem
certwright: cannot write "key.pem": ...
[exit 2]
`;

const stepsOf = (source: string): readonly Step[] => parseSession(source).filter((part) => typeof part !== 'string');

describe('a command-line session', () => {
  test('is read into commands with output and exit code', () => {
    assert.deepEqual(stepsOf(text), [
      { line: 3, command: 'certwright pki genkey\n--out key.pem', expected: ['wrote key.pem'], exitCode: 0 },
      {
        line: 8,
        command: 'certwright pki genkey --out key.pem',
        expected: ['certwright: cannot write "key.pem": ...'],
        exitCode: 2,
      },
    ]);
  });

  test('is rewritten to itself where everything matched', () => {
    const results = [
      { output: ['wrote key.pem'], exitCode: 0 },
      { output: ['certwright: cannot write "key.pem": it exists'], exitCode: 2 },
    ];
    assert.equal(rewriteSession(parseSession(text), results), text);
  });

  test('is rewritten with what appeared where that differs', () => {
    const results = [
      { output: ['made key.pem'], exitCode: 0 },
      { output: ['certwright: no'], exitCode: 70 },
    ];
    const expected = text
      .replace('wrote key.pem', 'made key.pem')
      .replace('certwright: cannot write "key.pem": ...', 'certwright: no')
      .replace('[exit 2]', '[exit 70]');
    assert.equal(rewriteSession(parseSession(text), results), expected);
  });

  test('compares exactly where there is no wildcard', () => {
    assert.ok(outputMatches(['a', 'b'], ['a', 'b']));
    assert.ok(!outputMatches(['a', 'b'], ['a']));
    assert.ok(!outputMatches(['a'], ['a', 'b']));
    assert.ok(!outputMatches(['a'], ['A']));
    assert.ok(outputMatches([], []));
    assert.ok(!outputMatches([], ['a']));
  });

  test('lets a line of dots stand for any lines, none included', () => {
    assert.ok(outputMatches(['...'], []));
    assert.ok(outputMatches(['a', '...', 'c'], ['a', 'c']));
    assert.ok(outputMatches(['a', '...', 'c'], ['a', 'b', 'c', 'b', 'c']));
    assert.ok(!outputMatches(['a', '...', 'c'], ['a', 'c', 'd']));
  });

  test('lets dots in a line stand for any characters of that line', () => {
    assert.ok(outputMatches(['serial ... of ...'], ['serial 4f of ca']));
    assert.ok(outputMatches(['...ends'], ['all that ends']));
    assert.ok(!outputMatches(['serial ... of ca'], ['serial 4f of cb']));
    assert.ok(!outputMatches(['ab...b'], ['ab']), 'the ends may not overlap');
  });

  test('leaves out carriage returns and empty lines at the end of output', () => {
    assert.deepEqual(outputLines('a\r\n\nb\n\n'), ['a', '', 'b']);
    assert.deepEqual(outputLines(''), []);
  });
});
