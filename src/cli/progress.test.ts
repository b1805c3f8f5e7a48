import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../config/environment.ts';
import { startProgress } from './progress.ts';

/** Progress against a clock that is moved by hand. */
const watched = (isTerminal: boolean, progress: boolean, environment: Readonly<Record<string, string>> = {}) => {
  let now = 0;
  let printed = '';
  const io = {
    err: { write: (data: string | Uint8Array) => (printed += String(data)), isTerminal },
    now: () => new Date(now),
    progress,
    settings: readSettings(environment),
  };
  const shown = startProgress(io, 'generating');
  return {
    at: (ms: number, done: number): string => {
      now = ms;
      printed = '';
      shown.update(done, 200);
      return printed;
    },
    end: (): string => {
      printed = '';
      shown.end();
      return printed;
    },
  };
};

test('a terminal sees nothing in the first second, then one line that is rewritten and cleared', () => {
  const { at, end } = watched(true, false);
  assert.equal(at(999, 10), '');
  assert.equal(at(1000, 20), '\rgenerating 20/200 (10 %)');
  assert.equal(at(1050, 21), '', 'not more often than ten times a second');
  assert.equal(at(1100, 200), '\rgenerating 200/200 (100 %)');
  assert.equal(end(), `\r${' '.repeat('generating 200/200 (100 %)'.length)}\r`);
});

test('what was never shown is not cleared', () => {
  assert.equal(watched(true, false).end(), '');
});

test('a file sees nothing, unless asked, and then whole lines', () => {
  assert.equal(watched(false, false).at(5000, 10), '');
  const { at, end } = watched(false, true);
  assert.equal(at(999, 1), '');
  assert.equal(at(1000, 20), 'generating 20/200 (10 %)\n');
  assert.equal(at(2999, 21), '');
  assert.equal(at(3000, 22), 'generating 22/200 (11 %)\n');
  assert.equal(end(), '');
});

test('a terminal that cannot move its cursor sees whole lines', () => {
  assert.equal(watched(true, false, { TERM: 'dumb' }).at(1000, 20), 'generating 20/200 (10 %)\n');
});
