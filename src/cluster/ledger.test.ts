import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isCodedError } from '../base/coded-error.ts';
import { runs } from '../testing/runs.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { appendLedger, extendLedger, ledgerFileOf, readLedger } from './ledger.ts';
import type { CrlEvent, IssuedEvent, LedgerEvent } from './ledger-event.ts';

const at = '2026-11-23T05:00:00.000Z';
const issued = (serial: string, subject = 'CN=a'): IssuedEvent => ({
  event: 'issued',
  serial,
  subject,
  names: ['DNS:a.example', 'IP Address:10.0.0.1'],
  notBefore: at,
  notAfter: '2027-11-23T05:00:00.000Z',
  requestedBy: 'root@laptop',
  at,
  fingerprint: '0'.repeat(64),
});
const crl = (number: number): CrlEvent => ({ event: 'crl', number, at });
const damaged = (error: unknown): boolean => isCodedError(error) && error.code === 'LedgerInvalid';

describe('the ledger of a CA', () => {
  test('lies beside the certificate, whatever its ending', () => {
    assert.equal(ledgerFileOf('/out/keys/ca.pem'), '/out/keys/ca.ledger.jsonl');
    assert.equal(ledgerFileOf('pki/etcd/ca.crt'), 'pki/etcd/ca.ledger.jsonl');
    assert.equal(ledgerFileOf('company'), 'company.ledger.jsonl');
  });

  test('gives back what was appended, in order, mode 0600, one line each', async (t) => {
    const path = join(temporaryDirectory(t), 'ca.ledger.jsonl');
    assert.deepEqual(readLedger(path), []);
    await appendLedger(path, [issued('01'), issued('02', 'CN=\u2028 \\, "ä"')]);
    await appendLedger(path, [{ event: 'revoked', serial: '01', reason: 'superseded', at, by: 'a@b' }, crl(1)]);
    assert.deepEqual(
      readLedger(path).map((event) => ('serial' in event ? event.serial : event.number)),
      ['01', '02', '01', 1],
    );
    assert.deepEqual(readLedger(path)[1], issued('02', 'CN=\u2028 \\, "ä"'));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(path, 'utf8').split('\n').length, 5);
  });

  test('cut off at any byte gives back the whole lines, and the next append repairs it', async (t) => {
    const directory = temporaryDirectory(t);
    const events: LedgerEvent[] = [issued('0A', 'CN=ü'), crl(1), issued('0B')];
    const whole = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), async (length) => {
        const path = join(directory, 'ca.ledger.jsonl');
        writeFileSync(path, whole.subarray(0, length));
        // A line that lacks nothing but its line break is whole.
        const kept = events.slice(0, [...whole.subarray(0, length + 1)].filter((octet) => octet === 0x0a).length);
        assert.deepEqual(readLedger(path), kept);
        await appendLedger(path, [crl(9)]);
        assert.deepEqual(readLedger(path), [...kept, crl(9)]);
        assert.ok(readFileSync(path, 'utf8').endsWith('\n'));
      }),
      { numRuns: runs(60, 1000), examples: [[whole.length - 1], [0], [1]] },
    );
  });

  test('with damage anywhere but at its torn end is told, with the line, and left as it is', async (t) => {
    const path = join(temporaryDirectory(t), 'ca.ledger.jsonl');
    for (const line of ['', 'x', '{}', '{"event":"issued","at":"2026-11-23T05:00:00.000Z"}', JSON.stringify({ ...crl(1), number: 0 })]) {
      const text = `${JSON.stringify(crl(1))}\n${line}\n${JSON.stringify(crl(2))}\n`;
      writeFileSync(path, text);
      assert.throws(
        () => readLedger(path),
        (error) => damaged(error) && isCodedError(error) && error.message.includes('line 2'),
      );
      await assert.rejects(
        extendLedger(path, () => [crl(3)]),
        damaged,
      );
      assert.equal(readFileSync(path, 'utf8'), text);
    }
  });

  test('passes over keys that a later version may add', (t) => {
    const path = join(temporaryDirectory(t), 'ca.ledger.jsonl');
    writeFileSync(path, `${JSON.stringify({ ...crl(4), delta: false })}\n`);
    assert.deepEqual(readLedger(path), [crl(4)]);
  });

  test('loses nothing when many append at once, and leaves no lock', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'ca.ledger.jsonl');
    await Promise.all(Array.from({ length: 8 }, () => extendLedger(path, (events) => [crl(events.length + 1)])));
    assert.deepEqual(
      readLedger(path),
      Array.from({ length: 8 }, (_, i) => crl(i + 1)),
    );
    assert.deepEqual(readdirSync(directory), ['ca.ledger.jsonl']);
  });

  test('that no event was decided for is not touched', async (t) => {
    const directory = temporaryDirectory(t);
    await extendLedger(join(directory, 'ca.ledger.jsonl'), () => []);
    assert.deepEqual(readdirSync(directory), []);
  });

  test('is not appended to, nor cut, where the file is another one', async (t) => {
    const path = join(temporaryDirectory(t), 'ca.ledger.jsonl');
    const event = JSON.stringify(crl(1));
    for (const text of [
      'precious',
      'one\ntwo',
      'one\n',
      '\n',
      '\n{"half',
      `${event}\nprecious`,
      `precious\n{"half`,
      `precious\n${event}`,
    ]) {
      writeFileSync(path, text);
      await assert.rejects(appendLedger(path, [crl(2)]), damaged, JSON.stringify(text));
      assert.equal(readFileSync(path, 'utf8'), text);
    }
  });

  test('is never reached through a symbolic link', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'ca.ledger.jsonl');
    for (const target of ['there', 'absent']) {
      writeFileSync(join(directory, 'there'), '');
      symlinkSync(target, path);
      await assert.rejects(appendLedger(path, [crl(2)]), (error) => isCodedError(error) && error.code === 'PathRefused');
      rmSync(path);
    }
    assert.deepEqual(readdirSync(directory), ['there']);
    assert.equal(readFileSync(join(directory, 'there'), 'utf8'), '');
  });

  test('refuses to cut a torn end that is longer than a line can be', async (t) => {
    const path = join(temporaryDirectory(t), 'ca.ledger.jsonl');
    appendFileSync(path, 'x'.repeat(3 * 1024 * 1024));
    await assert.rejects(appendLedger(path, [crl(1)]), damaged);
    assert.equal(statSync(path).size, 3 * 1024 * 1024);
  });
});
